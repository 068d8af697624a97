//! What proves that the platform serves. Checks change nothing.

use super::common::{EVERY, HOLD, MOVES_AND_DRILL, TENANT, WITHIN, gives, may, need, otherwise, seconds};
use crate::kind::{ControlPlane, Kind, Output, Setting, Shape, Stands};

const STATUS: Shape = Shape::Number(100, 599);

const fn prove(
    name: &'static str,
    summary: &'static str,
    settings: &'static [Setting],
    outputs: &'static [Output],
) -> Kind {
    Kind {
        name,
        summary,
        settings,
        journeys: MOVES_AND_DRILL,
        default_journeys: MOVES_AND_DRILL,
        ladder: &[],
        has_goal: true,
        outputs,
        control_plane: ControlPlane::None,
        permissions: &[],
        operations: &[],
        forecast: seconds(30),
        foreign: false,
        free_at: true,
    }
}

/// `check.http`.
pub(super) static HTTP: Kind = prove(
    "check.http",
    "Asks a URL and compares status, body and latency",
    &[
        need("url", Shape::Url, Stands::Either, "What is asked"),
        otherwise(
            "expect",
            Shape::Either(&[STATUS, Shape::List(&STATUS)]),
            Stands::With,
            "200",
            "Status, or list of them, that passes",
        ),
        may("contains", Shape::Text, Stands::With, "What the body must hold"),
        may(
            "latency",
            Shape::Duration,
            Stands::With,
            "How long an answer may take",
        ),
        otherwise(
            "method",
            Shape::Word(&["GET", "HEAD"]),
            Stands::With,
            "\"GET\"",
            "The request's method",
        ),
        may(
            "headers",
            Shape::Table(&Shape::Either(&[Shape::Secret, Shape::Text])),
            Stands::With,
            "Headers to send; secrets as references",
        ),
        WITHIN,
        HOLD,
        EVERY,
    ],
    &[
        gives("status", "Last status"),
        gives("latency", "Time of the last answer"),
    ],
);

/// `check.tcp`.
pub(super) static TCP: Kind = prove(
    "check.tcp",
    "Opens a connection to a port",
    &[
        need("host", Shape::Text, Stands::Either, "Name or address"),
        need("port", Shape::Number(1, 65_535), Stands::Either, "Port"),
        WITHIN,
        HOLD,
        EVERY,
    ],
    &[],
);

/// `check.dns`.
pub(super) static DNS: Kind = prove(
    "check.dns",
    "Asks several resolvers for a name and compares their answers",
    &[
        need("name", Shape::Text, Stands::Either, "Name that is asked for"),
        otherwise(
            "type",
            Shape::Word(&["A", "AAAA", "CNAME", "TXT"]),
            Stands::With,
            "\"A\"",
            "Sort of record",
        ),
        may(
            "expect",
            Shape::Either(&[Shape::List(&Shape::Text), Shape::Text]),
            Stands::Either,
            "Answer, or list of them, that passes: it may say none but these",
        ),
        may(
            "resolves-to",
            Shape::Text,
            Stands::Either,
            "Another name, whose own answers at the same resolver pass",
        ),
        may(
            "resolvers",
            Shape::List(&Shape::Text),
            Stands::With,
            "Who is asked: addresses, with a port where it is not 53, or `system`; three public ones when left out",
        ),
        otherwise(
            "agree",
            Shape::Either(&[Shape::Word(&["all"]), Shape::Number(1, 100)]),
            Stands::With,
            "\"all\"",
            "How many of them must say so",
        ),
        otherwise(
            "answer-within",
            Shape::Duration,
            Stands::With,
            "\"5s\"",
            "How long each may take to answer",
        ),
        WITHIN,
        HOLD,
        EVERY,
    ],
    &[],
);

/// `check.sql`.
pub(super) static SQL: Kind = prove(
    "check.sql",
    "Opens a session to a database and runs one read-only statement",
    &[
        need("server", Shape::Text, Stands::Either, "Host name"),
        otherwise("port", Shape::Number(1, 65_535), Stands::With, "1433", "Port"),
        need("database", Shape::Text, Stands::With, "Database"),
        otherwise(
            "statement",
            Shape::Text,
            Stands::With,
            "\"SELECT 1\"",
            "What is asked: one SELECT",
        ),
        may(
            "expect",
            Shape::Either(&[Shape::Number(i64::MIN, i64::MAX), Shape::Text]),
            Stands::With,
            "First value that passes",
        ),
        may(
            "latency",
            Shape::Duration,
            Stands::With,
            "How long an answer may take, login included",
        ),
        may(
            "lag",
            Shape::Duration,
            Stands::With,
            "How far the copy may be behind, read from sys.dm_geo_replication_link_status on the primary",
        ),
        may(
            "user",
            Shape::Text,
            Stands::With,
            "User; the identity of the run when left out",
        ),
        may(
            "password",
            Shape::Secret,
            Stands::With,
            "Its password, as a reference",
        ),
        TENANT,
        WITHIN,
        HOLD,
        EVERY,
    ],
    &[],
);

/// `check.tls`.
pub(super) static TLS: Kind = prove(
    "check.tls",
    "Looks at a certificate: who it is for, how many days are left",
    &[
        may(
            "host",
            Shape::Text,
            Stands::Either,
            "Name or address to connect to; each of `hosts` by itself when left out",
        ),
        otherwise("port", Shape::Number(1, 65_535), Stands::Either, "443", "Port"),
        may(
            "name",
            Shape::Text,
            Stands::With,
            "Name that it must be for; `host` when left out",
        ),
        may(
            "hosts",
            Shape::List(&Shape::Text),
            Stands::Either,
            "Several names, each asked for and looked at by itself",
        ),
        may(
            "ca",
            Shape::Secret,
            Stands::With,
            "An authority in PEM that is trusted beside the machine's own: `file:PATH` or `env:NAME`",
        ),
        otherwise(
            "days-left",
            Shape::Number(0, 3650),
            Stands::With,
            "14",
            "Days that it must still be good for",
        ),
        WITHIN,
        HOLD,
        EVERY,
    ],
    &[],
);
