//! What the declarations share: short ways to write a setting, and the sets of journeys.

use std::time::Duration;

use crate::{
    journey::Journey::{self, Drill, Failback, Failover, Reprotect},
    kind::{Output, Setting, Shape, Stands},
};

/// Every journey.
pub(super) const ALL: &[Journey] = &[Failover, Failback, Drill, Reprotect];
/// Both moves and the drill.
pub(super) const MOVES_AND_DRILL: &[Journey] = &[Failover, Failback, Drill];
/// Both moves.
pub(super) const MOVES: &[Journey] = &[Failover, Failback];
/// The move away alone.
pub(super) const AWAY: &[Journey] = &[Failover];

/// How long an accepted change may stay unseen: 30 s to send, 60 s on the way, 60 s invisible.
pub(super) const LATE: Duration = Duration::from_secs(150);
/// For SQL: 60 s on the way, 60 s invisible, and groups read `SUSPENDED` for about a minute after success.
pub(super) const LATE_SQL: Duration = Duration::from_secs(180);
/// For requests that mean the same however often they arrive.
pub(super) const SOON: Duration = Duration::from_secs(60);

/// Makes a duration of seconds.
pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A setting that must be there.
pub(super) const fn need(name: &'static str, shape: Shape, stands: Stands, summary: &'static str) -> Setting {
    Setting {
        name,
        shape,
        stands,
        required: true,
        default: None,
        summary,
    }
}

/// A setting that may be left out.
pub(super) const fn may(name: &'static str, shape: Shape, stands: Stands, summary: &'static str) -> Setting {
    Setting {
        name,
        shape,
        stands,
        required: false,
        default: None,
        summary,
    }
}

/// A setting with a value when it is left out.
pub(super) const fn otherwise(
    name: &'static str,
    shape: Shape,
    stands: Stands,
    default: &'static str,
    summary: &'static str,
) -> Setting {
    Setting {
        name,
        shape,
        stands,
        required: false,
        default: Some(default),
        summary,
    }
}

/// An output.
pub(super) const fn gives(name: &'static str, summary: &'static str) -> Output {
    Output { name, summary }
}

/// The subscription; left out, it is the parameter of type `subscription-id`.
pub(super) const SUBSCRIPTION: Setting = may(
    "subscription",
    Shape::Name,
    Stands::Either,
    "Subscription; the parameter of type subscription-id when left out",
);

/// The tenant; left out, it is the credential's own.
pub(super) const TENANT: Setting = may(
    "tenant",
    Shape::Name,
    Stands::Either,
    "Tenant of the subscription; that of the credential when left out",
);

/// The resource group.
pub(super) const RESOURCE_GROUP: Setting = need(
    "resource-group",
    Shape::Name,
    Stands::Either,
    "Resource group; one that lies in the region it serves",
);

/// How long a check may take to come true.
pub(super) const WITHIN: Setting = otherwise(
    "within",
    Shape::Duration,
    Stands::With,
    "\"5m\"",
    "How long it may take to come true",
);
/// How long it must then stay true.
pub(super) const HOLD: Setting = otherwise(
    "for",
    Shape::Duration,
    Stands::With,
    "\"0s\"",
    "How long it must then stay true without a break",
);
/// The pause between probes.
pub(super) const EVERY: Setting = otherwise(
    "every",
    Shape::Duration,
    Stands::With,
    "\"5s\"",
    "The pause between two probes",
);
