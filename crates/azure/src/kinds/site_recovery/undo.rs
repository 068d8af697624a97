//! What may still be done to a machine that has failed over and is not committed? Another recovery point may be taken,
//! or the failover may be cancelled, each only where Azure offers it.

use std::time::Duration;

use leeward_engine::work::{Operation, Phase};
use leeward_runbook::kind::RepeatClass;

use super::{
    choice::Unit,
    item::Item,
    loss,
    operations::{Payload, Settings, barred, members, operation, run_in, rung, subject},
    verb::{self, Verb},
};

/// Returns whether a machine stands where the step wants it, by a failover that still knows its recovery points.
pub(super) fn may_change(item: &Item, settings: &Settings) -> bool {
    item.has_failed_over() && item.to == settings.to && item.allows("ChangePit")
}

/// Makes the change of one machine to another recovery point.
pub(super) fn change_point(
    unit: &Unit,
    item: &Item,
    settings: &Settings,
    point: &str,
    within: Option<Duration>,
) -> Operation {
    let payload = Payload {
        verb: Verb::ChangePoint,
        subject: item.id.clone(),
        members: members(unit),
        from: settings.from.clone(),
        to: settings.to.clone(),
        body: Some(verb::change_point(point)),
        point: None,
        point_id: Some(point.to_owned()),
        at_least: None,
        mark: None,
        pinned: None,
    };
    let mut rung = rung(loss::RUNG, true, within, None);
    // The machine is made anew of its disks at that moment: a second one drops what the first wrote since.
    rung.repeat = RepeatClass::OneShot;
    let name = point.rsplit('/').next().unwrap_or_default();
    let mut operation = operation(
        format!("{}/{}", Verb::ChangePoint.word(), unit.name),
        format!("{} runs from the recovery point {name}", item.machine),
        Phase::Main,
        rung,
        &payload,
    );
    operation.observable = item.point.is_some();
    operation
}

/// Returns whether a failback finds a unit that was never committed, and shall take its failover back.
pub(super) fn shall_cancel(unit: &Unit, settings: &Settings) -> bool {
    settings.cancel
        && !unit.members.is_empty()
        && unit
            .members
            .iter()
            .all(|item| item.has_failed_over() && item.from == settings.to)
}

/// Makes the cancelling of a unit's failover.
pub(super) fn cancel(unit: &Unit, settings: &Settings, within: Option<Duration>) -> Operation {
    let payload = Payload {
        verb: Verb::Cancel,
        subject: subject(unit),
        members: members(unit),
        from: settings.from.clone(),
        to: settings.to.clone(),
        body: None,
        point: None,
        point_id: None,
        at_least: None,
        mark: None,
        pinned: None,
    };
    let skip = barred(Verb::Cancel, unit, settings);
    operation(
        format!("{}/{}", Verb::Cancel.word(), unit.name),
        format!("{} again", run_in(unit, &settings.to)),
        Phase::Main,
        rung(loss::RUNG, true, within, skip),
        &payload,
    )
}
