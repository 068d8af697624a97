//! Where a person decides or does, or time passes.

use super::common::{MOVES, MOVES_AND_DRILL, gives, may, need, otherwise, seconds};
use crate::kind::{ControlPlane, Kind, Output, Setting, Shape, Stands};

const fn gate(
    name: &'static str,
    summary: &'static str,
    settings: &'static [Setting],
    outputs: &'static [Output],
    forecast: u64,
) -> Kind {
    Kind {
        name,
        summary,
        settings,
        journeys: MOVES_AND_DRILL,
        default_journeys: MOVES,
        ladder: &[],
        has_goal: true,
        outputs,
        control_plane: ControlPlane::None,
        permissions: &[],
        operations: &[],
        forecast: seconds(forecast),
        foreign: false,
        free_at: true,
    }
}

/// `gate.approval`.
pub(super) static APPROVAL: Kind = gate(
    "gate.approval",
    "Waits until a person confirms the move and the table of losses",
    &[
        otherwise(
            "four-eyes",
            Shape::Flag,
            Stands::With,
            "false",
            "Whether two persons are needed",
        ),
        otherwise(
            "expires",
            Shape::Duration,
            Stands::With,
            "\"1h\"",
            "How long a grant may wait unused",
        ),
        may(
            "instructions",
            Shape::Text,
            Stands::With,
            "What the person is shown",
        ),
    ],
    &[gives("by", "Who approved")],
    120,
);

/// `gate.manual`.
pub(super) static MANUAL: Kind = gate(
    "gate.manual",
    "Waits until a person has done something by hand, and proves it where a check is given",
    &[
        need(
            "instructions",
            Shape::Text,
            Stands::With,
            "What the person is to do",
        ),
        otherwise(
            "four-eyes",
            Shape::Flag,
            Stands::With,
            "false",
            "Whether a second person confirms it",
        ),
        otherwise(
            "expires",
            Shape::Duration,
            Stands::With,
            "\"4h\"",
            "How long a confirmation may wait unused",
        ),
        may(
            "check",
            Shape::Map(&[
                may(
                    "http",
                    Shape::Table(&Shape::Any),
                    Stands::With,
                    "Settings of a check.http",
                ),
                may(
                    "tcp",
                    Shape::Table(&Shape::Any),
                    Stands::With,
                    "Settings of a check.tcp",
                ),
            ]),
            Stands::With,
            "What proves that it is done",
        ),
    ],
    &[gives("by", "Who did it")],
    600,
);

/// `gate.wait`.
pub(super) static WAIT: Kind = gate(
    "gate.wait",
    "Lets time pass",
    &[
        may("for", Shape::Duration, Stands::With, "How long"),
        may(
            "until",
            Shape::Text,
            Stands::With,
            "Until when, such as `2026-11-24T18:00:00Z`",
        ),
        may("reason", Shape::Text, Stands::With, "Why, for people"),
    ],
    &[],
    60,
);
