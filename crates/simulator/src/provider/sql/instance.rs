//! What may be asked of one managed instance?

use serde_json::json;

use crate::{
    arm::{Answer, ArmRequest},
    clock::later,
    provider::{Begin, Context, durations::INSTANCE_FAILED_OVER},
};

/// The type, folded.
pub(super) const KIND: &str = "microsoft.sql/managedinstances";

/// Answers an action. `failover` moves the instance to another of its own nodes: it is no disaster recovery.
pub(super) fn act(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    if request.path.action().as_deref() != Some("failover") {
        return Answer::gateway(404, "NotFound", "The requested resource was not found.");
    }
    let id = request.path.id();
    let Some(instance) = context.world.resource(&id) else {
        return Answer::not_found(&request.path);
    };
    let (region, recent) = (instance.region.clone(), instance.state["failed-over"].as_str());
    let recent = recent.and_then(|at| at.parse::<jiff::Timestamp>().ok());
    if recent.is_some_and(|at| context.now < later(at, super::precondition::LOCAL_FAILOVER_RECENT)) {
        return Answer::error(
            400,
            "ManagedInstanceFailoverThrottled",
            "There was a recent failover on the managed instance.",
        );
    }
    let now = context.now.to_string();
    if let Some(instance) = context.world.resources.get_mut(&crate::world::fold_id(&id)) {
        if !instance.state.is_object() {
            instance.state = json!({});
        }
        instance.state["failed-over"] = json!(now);
    }
    let under = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Sql/locations/{region}",
        request.path.subscription.as_deref().unwrap_or_default(),
        request.path.group.as_deref().unwrap_or_default(),
    );
    let lasts = context.around("lasts", INSTANCE_FAILED_OVER);
    let mut begin = Begin::new(
        KIND,
        &region,
        &id,
        "FailoverManagedServerAsync",
        &request.api_version(),
        lasts,
    );
    begin.status_under = Some(format!("{under}/managedInstanceAzureAsyncOperation"));
    begin.result_under = Some(format!("{under}/managedInstanceOperationResults"));
    begin.state = json!({"does": "fail-over-instance"});
    let operation = context.begin(begin);
    let body =
        json!({"operation": "FailoverManagedServerAsync", "startTime": context.time(operation.started)});
    context.links(Answer::json(202, body), &operation)
}
