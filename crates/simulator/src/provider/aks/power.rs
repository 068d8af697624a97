//! How is a cluster stopped and started, and what goes on with it aborted?

use serde_json::{Value, json};

use super::{
    cluster::{begin, busy, mark, mismatch, settle},
    nodes, unwrapped,
};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{
        Context, Failure,
        durations::{CLUSTER_ABORTED, CLUSTER_STARTED, CLUSTER_STOPPED},
        same,
    },
    shape::set,
    world::{Operation, Progress, Resource},
};

/// Returns whether an operation is one of these.
pub(super) fn is_one(verb: &str) -> bool {
    matches!(verb, "start" | "stop" | "abort")
}

/// Returns whether a cluster is stopped.
pub(super) fn is_stopped(cluster: &Resource) -> bool {
    cluster.body["properties"]["powerState"]["code"] == "Stopped"
}

/// Refuses a change of a stopped cluster. That it can only be started or deleted is documented; status and code are
/// inferences.
pub(super) fn only_started_or_deleted() -> Answer {
    unwrapped(
        409,
        "OperationNotAllowed",
        "Operation is not allowed: the managed cluster is stopped. It can only be started or deleted.",
        "",
        "",
    )
}

/// Starts a cluster, or stops it.
pub(super) fn turn(context: &mut Context<'_>, request: &ArmRequest, action: &str) -> Answer {
    let id = request.path.id();
    let Some(cluster) = context.world.resource(&id).cloned() else {
        return Answer::not_found(&request.path);
    };
    if busy(&cluster) {
        return mismatch(&id);
    }
    if action == "stop" && is_stopped(&cluster) {
        return only_started_or_deleted();
    }
    let (word, mean) = match action {
        "start" => ("Starting", CLUSTER_STARTED),
        _ => ("Stopping", CLUSTER_STOPPED),
    };
    mark(context.world, &id, action, word);
    let lasts = context.around("lasts", mean);
    let operation = begin(
        context,
        &id,
        &cluster.region,
        action,
        lasts,
        Vec::new(),
        Value::Null,
    );
    context.links(Answer::empty(202), &operation)
}

/// Aborts what goes on with a cluster. That it is 409 where that has ended already is documented, the code is not.
pub(super) fn abort(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let Some(cluster) = context.world.resource(&id).cloned() else {
        return Answer::not_found(&request.path);
    };
    let now = context.now;
    let running = context.world.operations.values_mut().find(|operation| {
        !operation.progress.over() && same(&operation.subject, &id) && operation.verb != "abort"
    });
    let Some(running) = running else {
        return unwrapped(
            409,
            "OperationNotAllowed",
            "There is no operation in progress on the managed cluster that could be aborted.",
            "",
            "",
        );
    };
    running.progress = Progress::Canceled;
    running.ends = Some(now);
    let own = running.state["pool"].as_str().map(str::to_owned);
    if let Some(cluster) = context.world.change(&id) {
        settle(cluster, "Canceled", own.as_deref());
    }
    mark(context.world, &id, "abort", "Canceling");
    let lasts = context.around("lasts", CLUSTER_ABORTED);
    let operation = begin(
        context,
        &id,
        &cluster.region,
        "abort",
        lasts,
        Vec::new(),
        Value::Null,
    );
    context.links(Answer::empty(202), &operation)
}

/// Brings about what was begun. Nothing runs on a stopped cluster, and a start needs machines anew: documented, as is
/// that it may fail for want of them; what the cluster looks like then is an inference.
pub(super) fn finish(context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
    let runs = operation.verb == "start";
    let missing = context
        .world
        .resource(&operation.subject)
        .filter(|_| runs)
        .and_then(|cluster| nodes::missing_at_start(context.world, cluster));
    let Some(cluster) = context.world.change(&operation.subject) else {
        return Ok(());
    };
    if operation.verb == "abort" {
        if let Some(state) = cluster.state.as_object_mut() {
            state.remove("busy");
        }
        set(
            &mut cluster.body,
            &["properties", "provisioningState"],
            json!("Canceled"),
        );
        return Ok(());
    }
    if let Some(failure) = missing {
        settle(cluster, "Failed", None);
        return Err(failure);
    }
    settle(cluster, "Succeeded", None);
    let code = if runs { "Running" } else { "Stopped" };
    set(
        &mut cluster.body,
        &["properties", "powerState", "code"],
        json!(code),
    );
    set(&mut cluster.state, &["stands"], json!(runs));
    Ok(())
}

/// Adds the error that stood beside a start in every answer, running and succeeded alike. Recorded.
pub(super) fn warns(body: &mut Value, operation: &Operation) {
    if operation.verb == "start" && !matches!(operation.progress, Progress::Failed { .. }) {
        body["error"] = json!({
            "code": "NotLatestOperation",
            "message": "Cannot proceed with the operation. Either the operation has been preempted by another one, or \
                        the information needed by the operation failed to be saved (or hasn't been saved yet).",
        });
    }
}
