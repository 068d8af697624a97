//! What tells people. At most once, and nothing waits for it to succeed.

use super::common::{LATE, MOVES_AND_DRILL, may, need, otherwise, seconds};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Setting, Shape, Stands};

const HEADERS: Setting = may(
    "headers",
    Shape::Table(&Shape::Either(&[Shape::Secret, Shape::Text])),
    Stands::With,
    "Headers to send; secrets as references",
);

const OPERATIONS: &[OperationDeclaration] = &[OperationDeclaration {
    name: "send",
    rung: None,
    sends: "POST {url}",
    goal: "the message was sent, or the try is over",
    repeat: RepeatClass::OneShot,
    settling: LATE,
    witnesses: "nobody",
    source: "inference",
}];

/// `notify.webhook`.
pub(super) static WEBHOOK: Kind = Kind {
    name: "notify.webhook",
    summary: "Sends one message to a webhook, at most once; its failure, 429 and 503 included, is a warning and blocks nobody",
    settings: &[
        need(
            "url",
            Shape::Either(&[Shape::Secret, Shape::Url]),
            Stands::Either,
            "Where to; a secret where the address is one",
        ),
        may(
            "message",
            Shape::Text,
            Stands::With,
            "What is said; sent as `text` with the journey and the run",
        ),
        may(
            "body",
            Shape::Any,
            Stands::With,
            "The whole body, where the receiver wants another form",
        ),
        HEADERS,
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: MOVES_AND_DRILL,
    ladder: &[],
    has_goal: true,
    outputs: &[],
    control_plane: ControlPlane::None,
    permissions: &[],
    operations: OPERATIONS,
    forecast: seconds(2),
    foreign: false,
    free_at: true,
};

/// `notify.status-page`.
pub(super) static STATUS_PAGE: Kind = Kind {
    name: "notify.status-page",
    summary: "Tells customers on a status page, at most once; its failure, 429 and 503 included, is a warning and blocks nobody",
    settings: &[
        need(
            "url",
            Shape::Either(&[Shape::Secret, Shape::Url]),
            Stands::Either,
            "Where incidents are posted",
        ),
        otherwise(
            "state",
            Shape::Word(&["investigating", "identified", "monitoring", "resolved"]),
            Stands::With,
            "\"investigating\"",
            "State of the incident",
        ),
        need("message", Shape::Text, Stands::With, "What customers read"),
        may("title", Shape::Text, Stands::With, "Headline of the incident"),
        may(
            "component",
            Shape::Text,
            Stands::With,
            "Which part of the platform",
        ),
        HEADERS,
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: MOVES_AND_DRILL,
    ladder: &[],
    has_goal: true,
    outputs: &[],
    control_plane: ControlPlane::None,
    permissions: &[],
    operations: OPERATIONS,
    forecast: seconds(2),
    foreign: false,
    free_at: true,
};
