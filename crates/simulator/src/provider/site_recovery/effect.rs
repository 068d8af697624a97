//! What does a finished verb bring about?

use jiff::Timestamp;
use serde_json::json;

use super::{
    item::{Item, Phase},
    job::{self, Trouble},
    machine, plan, points,
};
use crate::{
    clock::later,
    provider::{
        Context, Failure,
        durations::{MACHINE_COMPLETED, MACHINE_COPIED},
    },
    world::{Health, Operation, Resource},
};

fn ids(operation: &Operation, key: &str) -> Vec<String> {
    operation.state[key]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

fn failure(code: &str, message: impl Into<String>) -> Failure {
    Failure {
        code: code.to_owned(),
        message: message.into(),
    }
}

/// Lets the items of an operation go without any effect.
pub(crate) fn release(context: &mut Context<'_>, operation: &Operation) {
    for id in ids(operation, "items") {
        if let Some(mut item) = Item::true_one(context.world, &id) {
            item.busy = None;
            item.keep(context.world, &id);
        }
    }
}

/// Brings the effect about on every item. Some may fail by themselves; where all do, the operation fails.
pub(crate) fn finish(context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
    let now = context.now;
    let part = &operation.state["part"];
    let mut troubles = Vec::new();
    let mut done = 0;
    for id in ids(operation, "skipped") {
        let name = Item::true_one(context.world, &id).map_or(id, |item| item.machine);
        let why = failure(
            "OperationNotAllowed",
            "The operation is not allowed in its current state.",
        );
        troubles.push(Trouble::new(&name, why, now));
    }
    for id in ids(operation, "items") {
        let Some(item) = Item::true_one(context.world, &id) else {
            continue;
        };
        let name = item.machine.clone();
        let meant = part["machine"]
            .as_str()
            .is_some_and(|machine| machine.eq_ignore_ascii_case(&name));
        let outcome = match meant {
            true => Err(failure(
                part["code"].as_str().unwrap_or_default(),
                part["message"].as_str().unwrap_or_default(),
            )),
            false => one(context, operation, &id, item),
        };
        match outcome {
            Ok(()) => done += 1,
            Err(why) => troubles.push(Trouble::new(&name, why, now)),
        }
    }
    match troubles.first() {
        Some(first) if done == 0 => Err(failure(&first.code, first.message.as_str())),
        _ => {
            release(context, operation);
            if !troubles.is_empty() {
                job::note(context, operation, troubles);
            }
            Ok(())
        }
    }
}

fn one(context: &mut Context<'_>, operation: &Operation, id: &str, mut item: Item) -> Result<(), Failure> {
    let now = context.now;
    let target_up = context.health(&item.target.region) == Health::Up;
    let nowhere = || {
        // The code is an inference.
        failure("TargetRegionNotAvailable", "The target region does not answer.")
    };
    match operation.verb.as_str() {
        "unplannedfailover" => {
            if !target_up {
                return Err(nowhere());
            }
            let wanted = operation.state["point"].as_str().map(str::to_owned);
            item.point = wanted.or_else(|| points::newest(context, id, &item));
            let source = item.source.machine(&item.machine);
            if operation.state["required"] == true && context.health(&item.source.region) != Health::Gone {
                machine::set_power(context.world, &source, false);
            }
            machine::put(context.world, &item, &item.machine, None);
            item.phase = Phase::FailedOver { at: now };
        }
        "testfailover" => {
            if !target_up {
                return Err(nowhere());
            }
            let network = operation.state["network"].as_str();
            machine::put(context.world, &item, &item.test_machine(), network);
            item.drill = item.busy.clone();
        }
        "testfailovercleanup" => {
            let test = item.target.machine(&item.test_machine());
            context.world.remove(&test);
            item.drill = None;
        }
        "failovercommit" => {
            if let Phase::FailedOver { at } = item.phase {
                item.phase = Phase::Committed { at };
            }
        }
        "applyrecoverypoint" => item.point = operation.state["point"].as_str().map(str::to_owned),
        "switchprotection" => {
            if context.health(&item.source.region) != Health::Up {
                return Err(failure(
                    "TargetRegionNotAvailable",
                    "The region to replicate to does not answer.",
                ));
            }
            let copied = later(now, context.around(&format!("{id}/copied"), MACHINE_COPIED));
            let protected = later(
                copied,
                context.around(&format!("{id}/completed"), MACHINE_COMPLETED),
            );
            if let Some(group) = operation.state["group"].as_str() {
                item.source.group = group.to_owned();
            }
            turn(context, id, item, copied, protected);
            return Ok(());
        }
        "remove" => {
            context.world.remove(id);
            return Ok(());
        }
        _ => {}
    }
    item.busy = None;
    item.keep(context.world, id);
    Ok(())
}

/// Turns one item round: it moves to the other container, both its ends change places, and what is left of the
/// old machine is deleted.
pub(crate) fn turn(
    context: &mut Context<'_>,
    id: &str,
    mut item: Item,
    copied: Timestamp,
    protected: Timestamp,
) {
    let old = item.source.machine(&item.machine);
    context.world.remove(&old);
    std::mem::swap(&mut item.source, &mut item.target);
    item.phase = Phase::Replicating { copied, protected };
    item.busy = None;
    item.drill = None;
    item.point = None;
    let name = id.rsplit('/').next().unwrap_or_default();
    let new = format!("{}/replicationProtectedItems/{name}", item.source.container);
    let Some(was) = context.world.remove(id) else {
        return;
    };
    context.world.put(Resource {
        id: new.clone(),
        state: json!(item),
        ..was
    });
    plan::follow(context.world, id, &new);
}
