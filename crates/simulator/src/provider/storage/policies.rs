//! How is object replication set up and taken away?

use serde_json::{Value, json};

use super::{POLICIES, SERVICES, account, made};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{Context, same},
    world::{World, fold_id},
};

/// Puts a policy: first on the destination under the name `default`, then on the source under the id that came
/// of it.
pub(super) fn put(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let Some(owner) = account::of(context.world, &request.path.id()) else {
        return account::missing(request);
    };
    let body = request.json();
    let asked = &body["properties"];
    let (Some(source), Some(destination)) = (
        resolve(context.world, &asked["sourceAccount"]),
        resolve(context.world, &asked["destinationAccount"]),
    ) else {
        return invalid("The value for property sourceAccount or destinationAccount is not valid.");
    };
    let at_source = same(&source, &owner.id);
    if at_source == same(&destination, &owner.id) {
        return invalid("The account must be the source or the destination of the policy.");
    }
    let name = request.path.name().to_owned();
    let default = name.eq_ignore_ascii_case("default");
    if at_source && default {
        return invalid("The value 'default' is not allowed for property policyId.");
    }
    if !features(context.world, &source, true) || !features(context.world, &destination, false) {
        // That both are needed is documented; how it is refused is an inference.
        return Answer::error(
            409,
            "Conflict",
            "Object replication needs versioning on both accounts and the change feed on the source.",
        );
    }
    // One policy for a pair of accounts: the same one is updated.
    let there = existing(context.world, &destination, &source);
    let id = match (default, &there) {
        (true, Some(id)) => id.clone(),
        (true, None) => context.guid("policy"),
        (false, Some(id)) if id.eq_ignore_ascii_case(&name) => name,
        // The destination knows no such policy. The code of the refusal is an inference.
        (false, _) => {
            return invalid(&format!(
                "The value '{name}' is not allowed for property policyId."
            ));
        }
    };
    let mut rules = asked["rules"].as_array().cloned().unwrap_or_default();
    for (place, rule) in rules.iter_mut().enumerate() {
        if rule["ruleId"].as_str().is_none_or(str::is_empty) {
            if at_source {
                return invalid("The value '' is not allowed for property ruleId.");
            }
            let mut named = json!({"ruleId": context.guid(&format!("rule/{place}"))});
            crate::provider::plain::merge(&mut named, rule);
            *rule = named;
        }
    }
    let policy = policy(
        &format!("{}/objectReplicationPolicies/{id}", owner.id),
        &owner.region,
        (&source, &destination),
        &rules,
    );
    let shown = policy.body.clone();
    context.world.put(policy);
    Answer::json(200, shown)
}

pub(super) fn delete(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    match context.world.remove(&request.path.id()) {
        Some(policy) => {
            cut(context.world, &policy.body["properties"]);
            Answer::empty(200)
        }
        None => Answer::empty(204).accepted(false),
    }
}

/// Remembers on the destination whose copy it was, so that replication can be turned round for a rehearsal.
fn cut(world: &mut World, policy: &Value) {
    let destination = policy["destinationAccount"].as_str().unwrap_or_default();
    if let Some(resource) = world.change(destination)
        && resource.state.is_object()
    {
        resource.state["cut"] = policy.clone();
    }
}

/// Sets replication up the other way for every pair whose destination was cut off.
pub(super) fn turn_round(context: &mut Context<'_>) {
    let pairs: Vec<(Value, String)> = context
        .world
        .resources
        .values()
        .filter(|resource| resource.state["cut"].is_object())
        .map(|resource| (resource.state["cut"].clone(), resource.id.clone()))
        .collect();
    for (old, source) in pairs {
        let Some(destination) = resolve(context.world, &old["sourceAccount"]) else {
            continue;
        };
        if let Some(resource) = context.world.change(&source)
            && let Some(state) = resource.state.as_object_mut()
        {
            state.remove("cut");
        }
        let name = old["policyId"].as_str().unwrap_or_default();
        for account in [&source, &destination] {
            context
                .world
                .remove(&format!("{account}/objectReplicationPolicies/{name}"));
        }
        let id = context.guid(&format!("turned/{name}"));
        let rules: Vec<Value> = old["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(place, rule)| {
                json!({
                    "ruleId": context.guid(&format!("turned/{name}/{place}")),
                    "sourceContainer": rule["destinationContainer"],
                    "destinationContainer": rule["sourceContainer"],
                })
            })
            .collect();
        for account in [&source, &destination] {
            let region = account::of(context.world, account).map(|account| account.region);
            let id = format!("{account}/objectReplicationPolicies/{id}");
            let region = region.unwrap_or_default();
            context
                .world
                .put(policy(&id, &region, (&source, &destination), &rules));
        }
    }
}

/// Makes a policy's resource on one side.
pub(super) fn policy(
    id: &str,
    region: &str,
    (source, destination): (&str, &str),
    rules: &[Value],
) -> crate::world::Resource {
    made(
        id,
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies",
        region,
        json!({"properties": {
            "policyId": id.rsplit('/').next(),
            "sourceAccount": source,
            "destinationAccount": destination,
            "rules": rules,
        }}),
    )
}

/// Returns the policies of an account.
pub(super) fn policies<'a>(world: &'a World, account: &str) -> impl Iterator<Item = &'a Value> {
    let prefix = format!("{}/", fold_id(account));
    world
        .resources
        .iter()
        .filter(move |(key, resource)| {
            key.starts_with(&prefix) && resource.kind.eq_ignore_ascii_case(POLICIES)
        })
        .map(|(_, resource)| &resource.body["properties"])
}

fn existing(world: &World, destination: &str, source: &str) -> Option<String> {
    policies(world, destination)
        .find(|policy| same(policy["sourceAccount"].as_str().unwrap_or_default(), source))
        .and_then(|policy| policy["policyId"].as_str())
        .map(str::to_owned)
}

/// Returns the id of an account that is given by its id or by its name.
fn resolve(world: &World, given: &Value) -> Option<String> {
    let given = given.as_str().filter(|given| !given.is_empty())?;
    if given.starts_with('/') {
        return Some(account::of(world, given).map_or_else(|| given.to_owned(), |account| account.id));
    }
    world
        .resources
        .values()
        .find(|resource| {
            resource.kind.eq_ignore_ascii_case(super::ACCOUNTS) && resource.name().eq_ignore_ascii_case(given)
        })
        .map(|resource| resource.id.clone())
}

fn features(world: &World, account: &str, source: bool) -> bool {
    let Some(service) = world.resource(&format!("{account}/blobServices/default")) else {
        // An account that the world does not hold is not judged.
        return world.resource(account).is_none();
    };
    debug_assert!(service.kind.eq_ignore_ascii_case(SERVICES));
    let properties = &service.body["properties"];
    properties["isVersioningEnabled"] == true && (!source || properties["changeFeed"]["enabled"] == true)
}

/// Says that a value is not allowed. Recorded for `default` on the source.
fn invalid(message: &str) -> Answer {
    Answer::error(400, "InvalidRequestPropertyValue", message)
}
