//! The escape hatch: any ARM resource.

use super::common::{
    AWAY, LATE, MOVES_AND_DRILL, SOON, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds,
};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Shape, Stands};

/// `azure.resource`.
pub(super) static ANY: Kind = Kind {
    name: "azure.resource",
    summary: "Sends one request to any ARM resource, for what no other kind does",
    settings: &[
        need(
            "method",
            Shape::Word(&["GET", "PUT", "PATCH", "DELETE", "POST"]),
            Stands::With,
            "The request's method",
        ),
        need(
            "id",
            Shape::ResourceId,
            Stands::Either,
            "The resource, or the action behind it for a POST",
        ),
        need(
            "api-version",
            Shape::Name,
            Stands::With,
            "Version of the resource's interface",
        ),
        may("body", Shape::Any, Stands::Either, "The request's body"),
        may(
            "if-match",
            Shape::Text,
            Stands::With,
            "Sent only if the resource is still at this etag; guards against a second one for DNS, AKS and fleets",
        ),
        otherwise(
            "control-plane",
            Shape::Word(&["target", "source", "global"]),
            Stands::With,
            "\"target\"",
            "Whose region must be alive for it",
        ),
        may(
            "outputs",
            Shape::Table(&Shape::Text),
            Stands::With,
            "Outputs of one's own: a name and a JSON pointer into the answer; none of what looks like a secret",
        ),
        may(
            "goal-id",
            Shape::ResourceId,
            Stands::Either,
            "What the goal's GET reads; `id` when left out",
        ),
        may(
            "goal-api-version",
            Shape::Text,
            Stands::Either,
            "The api-version of `goal-id`, where that is of another type; `api-version` when left out",
        ),
        SUBSCRIPTION,
        TENANT,
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: AWAY,
    ladder: &[],
    has_goal: false,
    outputs: &[
        gives("status", "Status of the answer"),
        gives(
            "body",
            "Body of the answer, where a step reads it; without what looks like a secret, and never of a POST …/list*",
        ),
    ],
    control_plane: ControlPlane::BySettings,
    permissions: &[],
    operations: &[
        OperationDeclaration {
            name: "read",
            rung: None,
            sends: "GET {id}",
            goal: "the resource was read",
            repeat: RepeatClass::Repeatable,
            settling: SOON,
            witnesses: "the answer",
            source: "FACTS §1.5",
        },
        OperationDeclaration {
            name: "write",
            rung: None,
            sends: "PUT or DELETE {id}",
            goal: "the step's `goal`, else the resource as written, or gone",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the resource itself",
            source: "FACTS §1.5",
        },
        OperationDeclaration {
            name: "change",
            rung: None,
            sends: "PATCH or POST {id}",
            goal: "none of its own: the step's `goal`, or `repeat: safe`",
            repeat: RepeatClass::OneShot,
            settling: LATE,
            witnesses: "the step's `goal`",
            source: "FACTS §1.5",
        },
    ],
    forecast: seconds(60),
    foreign: true,
    free_at: true,
};
