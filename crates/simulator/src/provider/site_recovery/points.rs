//! Up to when is there a copy of a machine, and which recovery points are there?
//!
//! Nothing is kept: points lie on a grid of five minutes, from the moment of protection to the moment at which
//! replication stands still, because a region is out or because the machine has moved.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::item::{Item, Phase, Stage};
use crate::{clock::later, provider::Context};

/// Crash-consistent points are made every five minutes. Documented.
const GRID: i64 = 300;
/// How often the lag is reckoned. By inference: recorded figures were 2 to 16 minutes old.
const RECKONED: i64 = 180;
/// Application-consistent points every hour. Documented as the shortest stretch.
const HOUR: i64 = 3_600;
/// For how long every point is kept; older ones only by the hour, for a day. Thinned out by inference.
const ALL_FOR: i64 = 2 * HOUR;
const SOME_FOR: i64 = 24 * HOUR;

/// Returns the last moment of which there is a copy.
pub(crate) fn edge(context: &Context<'_>, item: &Item) -> Timestamp {
    let moved = match item.phase {
        Phase::FailedOver { at } | Phase::Committed { at } => at,
        Phase::Replicating { .. } => context.now,
    };
    [&item.source, &item.target]
        .into_iter()
        .filter_map(|end| context.world.down_since(&end.region, moved))
        .fold(moved, Timestamp::min)
}

/// Returns when the lag was last reckoned, and the lag in seconds; nothing before the machine is protected.
pub(crate) fn lag(context: &Context<'_>, id: &str, item: &Item) -> Option<(Timestamp, u64)> {
    if matches!(item.stage(context.now), Stage::Copying | Stage::Completing) {
        return None;
    }
    let edge = edge(context, item).as_second();
    let at = Timestamp::new(edge - edge.rem_euclid(RECKONED), 0).ok()?;
    // Recorded: 95 to 393 s.
    let drawn = context.seed.between(&format!("{id}/rpo/{at}"), 95, 393);
    Some((at, drawn))
}

/// Returns the moments and names of the recovery points, in no order.
fn points(context: &Context<'_>, id: &str, item: &Item) -> Vec<(String, Timestamp)> {
    let since = match item.phase {
        Phase::Replicating { protected, .. } => protected.as_second(),
        Phase::FailedOver { .. } => Timestamp::MIN.as_second(),
        Phase::Committed { .. } => return Vec::new(),
    };
    let edge = edge(context, item).as_second();
    let mut found = Vec::new();
    let mut at = edge - edge.rem_euclid(GRID);
    while at >= since && at > edge - SOME_FOR {
        if (at > edge - ALL_FOR || at.rem_euclid(HOUR) == 0)
            && let Ok(moment) = Timestamp::new(at, 0)
        {
            let name = context
                .seed
                .guid(&format!("{}/point/{at}", id.to_lowercase()))
                .to_string();
            found.push((name, moment));
        }
        at -= GRID;
    }
    // Names are drawn: their order is none, as Azure's answer has none.
    found.sort();
    found
}

/// Returns the recovery points of an item as a GET lists them.
pub(crate) fn shown(context: &Context<'_>, id: &str, item: &Item) -> Vec<Value> {
    points(context, id, item)
        .into_iter()
        .map(|(name, moment)| {
            let kind = match moment.as_second().rem_euclid(HOUR) {
                0 => "ApplicationConsistent",
                _ => "CrashConsistent",
            };
            json!({
                "id": format!("{id}/recoveryPoints/{name}"),
                "name": name,
                "type": format!("{}/recoveryPoints", super::view::ITEM_TYPE),
                "properties": {
                    "recoveryPointTime": context.time(moment),
                    "recoveryPointType": kind,
                    "providerSpecificDetails": {
                        "instanceType": "A2A",
                        "recoveryPointSyncType": match item.group.is_empty() {
                            true => "PerVmRecoveryPoint",
                            false => "MultiVmSyncRecoveryPoint",
                        },
                        "disks": [],
                    },
                },
            })
        })
        .collect()
}

/// Returns the id of the newest recovery point.
pub(crate) fn newest(context: &Context<'_>, id: &str, item: &Item) -> Option<String> {
    points(context, id, item)
        .into_iter()
        .max_by_key(|(_, moment)| *moment)
        .map(|(name, _)| format!("{id}/recoveryPoints/{name}"))
}

/// Returns whether there is a recovery point of this id.
pub(crate) fn is_there(context: &Context<'_>, id: &str, item: &Item, point: &str) -> bool {
    let name = point.rsplit('/').next().unwrap_or_default();
    points(context, id, item)
        .iter()
        .any(|(other, _)| other.eq_ignore_ascii_case(name))
}

/// Returns how healthy its replication is. That a lag turns it `Warning` and then `Critical` is documented; after
/// how long is an inference.
pub(crate) fn health(context: &Context<'_>, item: &Item) -> &'static str {
    if item.moved() {
        return "Normal";
    }
    let edge = edge(context, item);
    if context.now < later(edge, Duration::from_secs(300)) {
        "Normal"
    } else if context.now < later(edge, Duration::from_secs(1_800)) {
        "Warning"
    } else {
        "Critical"
    }
}
