//! Which ways does an account have to the other region here and now, and why not the others?

use std::time::Duration;

use leeward_engine::{
    port::{Context, DriverError, SourceRegion},
    work::Rung,
};
use leeward_runbook::{kind::RepeatClass, plan::LadderRung};

use super::{Account, SETTLING, Stats};
use crate::arm::folded_region;

/// Returns the rungs of the runbook, each with the reason why it cannot be used, where one is known.
pub(super) fn rungs(
    context: &Context,
    account: &Account,
    blockers: &[String],
) -> Result<Vec<Rung>, DriverError> {
    let rung = |name: &str, within| LadderRung {
        name: name.to_owned(),
        within,
    };
    let otherwise = [
        rung("planned", Some(Duration::from_secs(3600))),
        rung("unplanned", None),
    ];
    let ladder = context
        .step
        .data_loss
        .as_ref()
        .map_or(otherwise.as_slice(), |loss| &loss.ladder);
    let there = is_there(context, account);
    ladder
        .iter()
        .map(|rung| {
            let skip = match rung.name.as_str() {
                "planned" => planned_barred(context, account),
                "unplanned" => unplanned_barred(context, account),
                other => {
                    return Err(DriverError::Impossible {
                        reason: format!("an account has no rung `{other}`: planned or unplanned"),
                    });
                }
            };
            let because = |reason: String| match blockers {
                [] => reason,
                several => format!("{reason}: {}", several.join("; ")),
            };
            Ok(Rung {
                name: rung.name.clone(),
                // A second planned move swaps back; of an unplanned one nobody knows.
                repeat: RepeatClass::OneShot,
                settling: SETTLING,
                within: rung.within,
                lossy: rung.name == "unplanned",
                beside: false,
                // What is there already needs no way, and what moves is looked at.
                skip: skip.filter(|_| !there && !account.moving).map(because),
            })
        })
        .collect()
}

/// Says why every way is closed only for a while, where it is: the other copy is still being made, and all is well
/// otherwise. In a declared outage nobody waits for that.
pub(super) fn passes(context: &Context, account: &Account, rungs: &[Rung]) -> Option<String> {
    let stats = account.stats.as_ref()?;
    let well = account.primary_well && account.secondary_well && account.unmovable.is_empty();
    let made = stats.is_live() && account.caught_up();
    if !calm(context) || !well || made || rungs.iter().any(|rung| rung.skip.is_none()) {
        return None;
    }
    let synced = stats.synced.map_or("never".to_owned(), |at| at.to_string());
    Some(format!(
        "its other copy is {} (last sync: {synced}); a move before it is complete loses everything not copied yet",
        stats.status
    ))
}

fn is_there(context: &Context, account: &Account) -> bool {
    account.primary.as_deref() == Some(folded_region(&context.plan.target.region).as_str())
}

fn calm(context: &Context) -> bool {
    !context.plan.region_down && context.source_region == SourceRegion::Open
}

fn told(account: &Account, what: impl Fn(&Stats) -> Option<bool>) -> Option<bool> {
    account.stats.as_ref().and_then(what)
}

/// What Azure does not say bars nothing: it refuses cleanly what it will not do.
fn unplanned_barred(context: &Context, account: &Account) -> Option<String> {
    if told(account, |stats| stats.can_failover) == Some(false) {
        return Some("Azure says that the account cannot fail over (canFailover)".to_owned());
    }
    // In an outage the figure in the table of losses is for a person to judge; on a calm day there is time.
    (calm(context) && account.stats.is_some() && !account.caught_up()).then(|| {
        "its other copy is older than its last move, and everything written since would be lost".to_owned()
    })
}

fn planned_barred(context: &Context, account: &Account) -> Option<String> {
    if !calm(context) {
        return Some(format!(
            "the outage of {} is declared, and a planned move needs both regions",
            context.plan.source.region
        ));
    }
    if told(account, |stats| stats.can_planned) == Some(false) {
        return Some("Azure says that a planned move is not possible (canPlannedFailover)".to_owned());
    }
    (!account.primary_well || !account.secondary_well)
        .then(|| "one of its two regions is not available".to_owned())
}
