//! How much of a machine's writes can a failover lose? The vault reckons its figure every few minutes: what was
//! written since then is added, for the figure may stand still, and a row says what is lost at most.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use leeward_engine::work::{Figure, Loss};

use super::item::Item;

/// The one rung.
pub(super) const RUNG: &str = "unplanned";

/// Returns the row of one machine. `point` is the moment of the recovery point, where the step
/// takes one that may lie far behind.
pub(super) fn of(
    step: &str,
    item: &Item,
    now: Timestamp,
    outage: Option<Timestamp>,
    point: Option<Timestamp>,
) -> Loss {
    let (figure, source, as_of) = match point {
        Some(at) => (
            Figure::UpTo(between(at, outage.unwrap_or(now))),
            format!("the recovery point of {at} that the step takes"),
            Some(at),
        ),
        None => by_vault(item, now, outage),
    };
    Loss {
        store: format!("{step}/{}", item.machine),
        by_rung: BTreeMap::from([(RUNG.to_owned(), figure)]),
        source,
        as_of,
    }
}

/// Returns the row of a machine whose points could not be read.
pub(super) fn unknown(step: &str, item: &Item, reason: String) -> Loss {
    Loss {
        store: format!("{step}/{}", item.machine),
        by_rung: BTreeMap::from([(RUNG.to_owned(), Figure::Unknown)]),
        source: reason,
        as_of: None,
    }
}

/// Returns the row of a machine whose failover is cancelled: what was written since it is lost.
pub(super) fn of_cancelling(step: &str, item: &Item, now: Timestamp) -> Loss {
    let Some(at) = item.failed_over_at else {
        return unknown(
            step,
            item,
            format!("the vault does not say when {} failed over", item.machine),
        );
    };
    Loss {
        store: format!("{step}/{}", item.machine),
        by_rung: BTreeMap::from([(RUNG.to_owned(), Figure::UpTo(between(at, now)))]),
        source: format!(
            "everything that {} wrote since its failover of {at}",
            item.machine
        ),
        as_of: Some(at),
    }
}

fn by_vault(item: &Item, now: Timestamp, outage: Option<Timestamp>) -> (Figure, String, Option<Timestamp>) {
    let (Some(seconds), Some(at)) = (item.rpo_seconds, item.rpo_as_of) else {
        let reason = format!("the vault has no lag of {} ({})", item.machine, item.state);
        return (Figure::Unknown, reason, item.rpo_as_of);
    };
    let lag = Duration::from_secs(seconds);
    if let Some(outage) = outage {
        // What was written after the outage began was written nowhere: it ends what can be lost.
        let source =
            format!("the vault's own lag (rpoInSeconds), reckoned on to the declared outage of {outage}");
        return (
            Figure::UpTo(lag.saturating_add(between(at, outage))),
            source,
            Some(at),
        );
    }
    (
        Figure::UpTo(lag.saturating_add(between(at, now))),
        "the vault's own lag (rpoInSeconds) and the time since it was reckoned".to_owned(),
        Some(at),
    )
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    // Azure's clock may be a little ahead of ours.
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AT: &str = "2026-11-24T08:00:00Z";

    fn item(seconds: Option<u64>) -> Item {
        Item::read(
            &json!({"id": "/v/replicationProtectedItems/vm", "name": "vm", "properties": {
                "providerSpecificDetails": {"rpoInSeconds": seconds, "lastRpoCalculatedTime": AT},
            }}),
        )
        .unwrap()
    }

    fn after(minutes: u64) -> Timestamp {
        AT.parse::<Timestamp>().unwrap() + Duration::from_secs(60 * minutes)
    }

    fn figure(item: &Item, now: Timestamp, outage: Option<Timestamp>) -> Figure {
        of("step", item, now, outage, None).by_rung[RUNG]
    }

    #[test]
    fn what_was_written_since_the_vault_reckoned_its_lag_counts_as_well_however_fresh_it_is() {
        let up_to = |seconds| Figure::UpTo(Duration::from_secs(seconds));
        assert_eq!(figure(&item(Some(95)), after(0), None), up_to(95));
        assert_eq!(figure(&item(Some(95)), after(4), None), up_to(95 + 240));
        assert_eq!(figure(&item(Some(95)), after(20), None), up_to(95 + 1200));
        assert_eq!(figure(&item(None), after(4), None), Figure::Unknown);
        let row = of("step", &item(Some(95)), after(20), None, None);
        assert!(row.source.contains("since it was reckoned"), "{}", row.source);
        assert_eq!((row.store.as_str(), row.as_of), ("step/vm", Some(after(0))));
    }

    #[test]
    fn what_is_written_after_a_declared_outage_is_not_counted_as_lost() {
        let up_to = |seconds| Figure::UpTo(Duration::from_secs(seconds));
        assert_eq!(
            figure(&item(Some(95)), after(30), Some(after(2))),
            up_to(95 + 120)
        );
        let reckoned_since = figure(&item(Some(95)), after(30), Some(after(0)));
        assert_eq!(reckoned_since, up_to(95));
    }

    #[test]
    fn an_old_point_that_was_asked_for_is_what_counts() {
        let row = of("step", &item(Some(95)), after(60), None, Some(after(0)));
        assert_eq!(row.by_rung[RUNG], Figure::UpTo(Duration::from_secs(3600)));
    }
}
