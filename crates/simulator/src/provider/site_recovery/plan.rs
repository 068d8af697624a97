//! What are recovery plans, and how are they made?

use http::Method;
use serde_json::{Value, json};

use super::{
    item::{Item, vault_of},
    job::{self, Job},
    verb::{missing, refused},
};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    provider::{Begin, Context, durations::PLAN_MADE, same},
    world::{Operation, Resource, World, geography},
};

/// The type of a plan, folded.
pub(crate) const PLANS: &str = "microsoft.recoveryservices/vaults/replicationrecoveryplans";
const PLAN_TYPE: &str = "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans";
/// Documented.
const MOST_GROUPS: usize = 7;

fn groups(resource: &Resource) -> &[Value] {
    resource.body["groups"].as_array().map_or(&[], Vec::as_slice)
}

/// Returns the ids of the items in a plan, in the order of its groups.
pub(crate) fn items(resource: &Resource) -> Vec<String> {
    groups(resource)
        .iter()
        .flat_map(|group| {
            group["replicationProtectedItems"]
                .as_array()
                .into_iter()
                .flatten()
        })
        .filter_map(|item| item["id"].as_str().map(str::to_owned))
        .collect()
}

/// Returns how many groups of machines it boots.
pub(crate) fn boot_groups(resource: Option<&Resource>) -> usize {
    resource.map_or(0, |resource| {
        groups(resource)
            .iter()
            .filter(|group| group["groupType"] == "Boot")
            .count()
    })
}

/// Makes a plan of groups of items.
pub(crate) fn made(id: &str, region: &str, groups: &[Value], primary: &str, recovery: &str) -> Resource {
    let empty = |kind: &str| json!({"groupType": kind, "replicationProtectedItems": [], "startGroupActions": [], "endGroupActions": []});
    let mut all = Vec::new();
    for kind in ["Shutdown", "Failover"] {
        if !groups.iter().any(|group| group["groupType"] == kind) {
            all.push(empty(kind));
        }
    }
    for group in groups {
        let mut whole = empty("Boot");
        for key in [
            "groupType",
            "replicationProtectedItems",
            "startGroupActions",
            "endGroupActions",
        ] {
            if !group[key].is_null() {
                whole[key] = group[key].clone();
            }
        }
        all.push(whole);
    }
    Resource {
        id: id.to_owned(),
        kind: PLAN_TYPE.to_owned(),
        region: region.to_owned(),
        body: json!({"groups": all, "primary": primary, "recovery": recovery}),
        state: Value::Null,
    }
}

/// Returns what a GET shows of a plan.
pub(crate) fn shown(context: &Context<'_>, seen: &Resource) -> Value {
    let known: Vec<Item> = items(seen)
        .iter()
        .filter_map(|id| context.seen(id).and_then(Item::of))
        .collect();
    // What any of its machines allows; which of them the plan itself names was recorded.
    let allowed: Vec<&str> = [
        "UnplannedFailover",
        "TestFailover",
        "TestFailoverCleanup",
        "Commit",
    ]
    .into_iter()
    .filter(|word| known.iter().any(|item| item.allowed(context.now).contains(word)))
    .collect();
    let fabric = |key: &str| {
        let id = seen.body[key].as_str().unwrap_or_default().to_owned();
        let name = context.seen(&id).map_or_else(String::new, |fabric| {
            geography::display(fabric.body["location"].as_str().unwrap_or_default())
        });
        (id, name)
    };
    let ((primary, primary_name), (recovery, recovery_name)) = (fabric("primary"), fabric("recovery"));
    let drill = known.iter().any(|item| item.drill.is_some());
    let last = last_scenario(context, seen, drill);
    let mut shown = json!({
        "id": seen.id,
        "name": seen.name(),
        "type": PLAN_TYPE,
        "properties": {
            "friendlyName": seen.name(),
            "primaryFabricId": primary,
            "primaryFabricFriendlyName": primary_name,
            "recoveryFabricId": recovery,
            "recoveryFabricFriendlyName": recovery_name,
            "failoverDeploymentModel": "ResourceManager",
            "replicationProviders": ["A2A"],
            "allowedOperations": allowed,
            "currentScenario": last["scenario"],
            "currentScenarioStatus": last["status"],
            "currentScenarioStatusDescription": last["description"],
            "groups": seen.body["groups"],
            "providerSpecificDetails": [],
        },
    });
    // Recorded: before the first one the fields are not there.
    for scenario in ["UnplannedFailover", "TestFailover"] {
        let at = &seen.state["times"][scenario];
        if at.is_string() {
            shown["properties"][format!("last{scenario}Time")] = at.clone();
        }
    }
    shown
}

/// Returns what a plan does or did last, with the status of its job: it stays there when the job is over, as the
/// specification's examples have it.
fn last_scenario(context: &Context<'_>, seen: &Resource, drill: bool) -> Value {
    let last = &seen.state["last"];
    let name = last["jobId"].as_str().and_then(|id| id.rsplit('/').next());
    let Some(operation) = name.and_then(|name| context.world.operations.get(&name.to_lowercase())) else {
        return Value::Null;
    };
    let (status, description) = match (last["scenarioName"].as_str(), drill) {
        (Some("TestFailover"), true) if operation.progress.over() => {
            ("Suspended", "WaitingForStopTestFailover")
        }
        _ => job::words(context, operation),
    };
    json!({"scenario": last, "status": status, "description": description})
}

/// Notes that a verb has begun on a plan.
pub(crate) fn note(context: &mut Context<'_>, id: &str, scenario: &str, job: &str) {
    let now = json!(context.time(context.now));
    let Some(plan) = context.world.change(id) else {
        return;
    };
    if !plan.kind.eq_ignore_ascii_case(PLANS) {
        return;
    }
    if plan.state.is_null() {
        plan.state = json!({});
    }
    plan.state["last"] = json!({"scenarioName": scenario, "jobId": job, "startTime": now});
    plan.state["times"][scenario] = now;
}

/// Returns the name of the first thing in a plan that a person must do by hand, if there is one.
pub(crate) fn manual_action(resource: Option<&Resource>) -> Option<String> {
    let actions = |group: &Value| {
        ["startGroupActions", "endGroupActions"]
            .into_iter()
            .filter_map(|key| group[key].as_array().cloned())
            .flatten()
            .collect::<Vec<Value>>()
    };
    groups(resource?)
        .iter()
        .flat_map(actions)
        .find(|action| action["customDetails"]["instanceType"] == "ManualActionDetails")
        .map(|action| action["actionName"].as_str().unwrap_or_default().to_owned())
}

/// Begins to make, change or drop a plan.
pub(crate) fn begin(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = format!(
        "{}/replicationRecoveryPlans/{}",
        vault_of(&request.path.raw),
        request.path.name()
    );
    let there = context.world.resource(&id).is_some();
    let mut state = json!({"does": "drop"});
    let (scenario, words) = match request.method {
        Method::DELETE if !there => return missing(request.path.name()),
        Method::DELETE => ("DeleteRecoveryPlan", "Delete a recovery plan"),
        _ => {
            let properties = request.json()["properties"].clone();
            let groups = properties["groups"].as_array().cloned().unwrap_or_default();
            if groups.is_empty() || groups.len() > MOST_GROUPS + 2 {
                return refused(
                    "RecoveryPlanGroupsInvalid",
                    "A recovery plan has one to seven groups.",
                );
            }
            let wanted = made(&id, "", &groups, "", "");
            for item in items(&wanted) {
                if Item::true_one(context.world, &item).is_none() {
                    return missing(item.rsplit('/').next().unwrap_or_default());
                }
            }
            state = json!({"does": "make", "properties": properties});
            ("CreateRecoveryPlan", "Create a recovery plan")
        }
    };
    let region = context
        .world
        .resource(&vault_of(&id))
        .map(|vault| vault.region.clone())
        .unwrap_or_default();
    let lasts = context.around("lasts", PLAN_MADE);
    let mut begin = Begin::new(
        super::PROVIDER,
        &region,
        &id,
        scenario,
        &request.api_version(),
        lasts,
    );
    begin.status_under = Some(format!("{}/replicationOperationStatus", vault_of(&id)));
    begin.result_under = Some(format!("{id}/operationresults"));
    begin.retry_after = Some(30);
    begin.state = state;
    let operation = context.begin(begin);
    let job = Job {
        scenario: scenario.to_owned(),
        words: words.to_owned(),
        of: "RecoveryPlan".to_owned(),
        target: request.path.name().to_owned(),
        errors: Vec::new(),
        details: json!({"instanceType": "AsrJobDetails", "affectedObjectDetails": {}}),
    };
    job::put(context, &operation, &job);
    context.links(Answer::empty(202), &operation)
}

/// Brings about what that was for.
pub(crate) fn finish(context: &mut Context<'_>, operation: &Operation) {
    if operation.state["does"] == "drop" {
        context.world.remove(&operation.subject);
        return;
    }
    let properties = &operation.state["properties"];
    let groups = properties["groups"].as_array().cloned().unwrap_or_default();
    let text = |key: &str| properties[key].as_str().unwrap_or_default().to_owned();
    let plan = made(
        &operation.subject,
        &operation.region,
        &groups,
        &text("primaryFabricId"),
        &text("recoveryFabricId"),
    );
    context.world.put(plan);
}

/// Lets plans name an item by its new path. That a plan follows its machines when their protection is switched
/// round, and turns round itself when the last of them was, is an inference.
pub(crate) fn follow(world: &mut World, old: &str, new: &str) {
    let plans: Vec<String> = world
        .resources
        .values()
        .filter(|resource| resource.kind.eq_ignore_ascii_case(PLANS))
        .filter(|resource| items(resource).iter().any(|id| same(id, old)))
        .map(|resource| resource.id.clone())
        .collect();
    for id in plans {
        let Some(plan) = world.change(&id) else { continue };
        for group in plan.body["groups"].as_array_mut().into_iter().flatten() {
            for item in group["replicationProtectedItems"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                if item["id"].as_str().is_some_and(|id| same(id, old)) {
                    item["id"] = json!(new);
                }
            }
        }
        let recovery = plan.body["recovery"].as_str().unwrap_or_default().to_owned();
        let fabric = |id: &str| {
            ArmPath::parse(id)
                .named("replicationFabrics")
                .map(str::to_lowercase)
        };
        let all = items(plan).iter().all(|id| fabric(id) == fabric(&recovery));
        if all {
            plan.body["recovery"] = plan.body["primary"].clone();
            plan.body["primary"] = json!(recovery);
        }
    }
}
