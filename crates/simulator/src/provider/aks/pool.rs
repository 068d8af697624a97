//! How are the node pools of a cluster read, added, changed and deleted?

use serde_json::{Value, json};

use super::{
    cluster::{begin, busy, mark, text, words},
    cluster_id, compose, etag, pools,
    power::{is_stopped, only_started_or_deleted},
    rules, unwrapped,
};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{Context, durations::POOL_ADDED},
    world::Resource,
};

/// Shows a pool as a resource of its own.
fn shown(cluster: &Resource, pool: &Value) -> Value {
    let mut properties = pool.clone();
    if let Some(properties) = properties.as_object_mut() {
        properties.remove("name");
    }
    if let Some(properties) = properties.as_object_mut() {
        let tag = etag::of_pool(cluster, &text(&pool["name"]));
        properties.insert("eTag".to_owned(), json!(tag));
    }
    json!({
        "id": format!("{}/agentPools/{}", text(&cluster.body["id"]), text(&pool["name"])),
        "name": pool["name"],
        "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": properties,
    })
}

pub(super) fn list(context: &Context<'_>, request: &ArmRequest) -> Answer {
    match context.seen(&cluster_id(request)) {
        Some(cluster) => {
            let value: Vec<Value> = pools(&cluster.body)
                .iter()
                .map(|pool| shown(cluster, pool))
                .collect();
            Answer::json(200, json!({"value": value}))
        }
        None => absent(request),
    }
}

pub(super) fn get(context: &Context<'_>, request: &ArmRequest) -> Answer {
    let Some(cluster) = context.seen(&cluster_id(request)) else {
        return absent(request);
    };
    let name = request.path.name();
    match pools(&cluster.body).iter().find(|pool| pool["name"] == name) {
        Some(pool) => Answer::json(200, shown(cluster, pool)),
        None => Answer::json(
            404,
            json!({
                "code": "NotFound",
                "details": [{
                    "code": "Unspecified",
                    "message": "rpc error: code = NotFound desc = Agent Pool not found",
                }],
                "message": format!("Could not find the agent pool {name}."),
                "subcode": "GetAgentPool_NotFound",
            }),
        ),
    }
}

/// Adds a pool, or changes it.
pub(super) fn put(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = cluster_id(request);
    let Some(cluster) = context.world.resource(&id).cloned() else {
        return absent(request);
    };
    let name = request.path.name().to_lowercase();
    let old = pools(&cluster.body)
        .into_iter()
        .find(|pool| pool["name"] == name.as_str());
    let tag = old.as_ref().map(|_| etag::of_pool(&cluster, &name));
    if let Some(refusal) = etag::refuses(request, tag.as_deref()) {
        return refusal;
    }
    if busy(&cluster) {
        return occupied();
    }
    if is_stopped(&cluster) {
        return only_started_or_deleted();
    }
    let mut asked = request.json()["properties"].clone();
    if !asked.is_object() {
        return unwrapped(
            400,
            "InvalidParameter",
            "The body is not a pool.",
            "",
            "properties",
        );
    }
    asked["name"] = json!(name);
    let there: Vec<Value> = old.iter().cloned().collect();
    let checked = rules::pool(context.world, &cluster.region, &asked, old.as_ref()).and_then(|()| {
        if asked["mode"] != "System" && is_the_last_system_pool(&cluster, &name) {
            return Err(last_system_pool());
        }

        rules::quota(
            context.world,
            &cluster.region,
            std::slice::from_ref(&asked),
            &there,
        )
    });
    if let Err(refusal) = checked {
        return refusal;
    }
    let word = if old.is_some() { "Updating" } else { "Creating" };
    let version = text(&cluster.body["properties"]["kubernetesVersion"]);
    let made = compose::pool(context.world, &cluster.region, &asked, &version, word);
    mark(context.world, &id, "pool", "Updating");
    if let Some(changed) = context.world.change(&id)
        && let Some(list) = changed.body["properties"]["agentPoolProfiles"].as_array_mut()
    {
        list.retain(|pool| pool["name"] != name.as_str());
        list.push(made.clone());
        etag::note(changed, Some(&name));
    }
    let count = made["count"].as_u64().unwrap_or(1);
    let words = words(&[
        "CreatingAgentPool",
        &format!("CreatingAgentPool: 0/{count} nodes completed"),
        &format!("CreatingAgentPool: {count}/{count} nodes completed"),
    ]);
    let words = if old.is_some() { Vec::new() } else { words };
    let lasts = context.around("lasts", POOL_ADDED);
    let state = json!({"pool": name});
    let operation = begin(context, &cluster.id, &cluster.region, "pool", lasts, words, state);
    let status = if old.is_some() { 200 } else { 201 };
    let body = context.world.resource(&id).map(|changed| shown(changed, &made));
    let answer = Answer::json(status, body.unwrap_or_default());
    context.links(answer, &operation)
}

pub(super) fn delete(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = cluster_id(request);
    let Some(cluster) = context.world.resource(&id).cloned() else {
        return absent(request);
    };
    let name = request.path.name().to_lowercase();
    let all = pools(&cluster.body);
    if !all.iter().any(|pool| pool["name"] == name.as_str()) {
        return Answer::empty(204).accepted(false);
    }
    if let Some(refusal) = etag::refuses(request, Some(&etag::of_pool(&cluster, &name))) {
        return refusal;
    }
    if busy(&cluster) {
        return occupied();
    }
    if is_stopped(&cluster) {
        return only_started_or_deleted();
    }
    if is_the_last_system_pool(&cluster, &name) {
        return last_system_pool();
    }
    mark(context.world, &id, "pool", "Updating");
    if let Some(changed) = context.world.change(&id)
        && let Some(list) = changed.body["properties"]["agentPoolProfiles"].as_array_mut()
    {
        for pool in list.iter_mut().filter(|pool| pool["name"] == name.as_str()) {
            pool["provisioningState"] = json!("Deleting");
        }
    }
    let lasts = context.around("lasts", POOL_ADDED);
    let state = json!({"pool": name});
    let operation = begin(
        context,
        &cluster.id,
        &cluster.region,
        "delete-pool",
        lasts,
        Vec::new(),
        state,
    );
    context.links(Answer::empty(202), &operation)
}

fn is_the_last_system_pool(cluster: &Resource, name: &str) -> bool {
    let all = pools(&cluster.body);
    let is_system = |pool: &Value| pool["mode"] == "System";
    let own = all.iter().any(|pool| is_system(pool) && pool["name"] == name);
    own && all.iter().filter(|pool| is_system(pool)).count() < 2
}

/// That it is refused is documented; code and words are inferences.
fn last_system_pool() -> Answer {
    unwrapped(
        400,
        "InvalidParameter",
        "There has to be at least one system agent pool.",
        "",
        "agentPoolProfile.mode",
    )
}

/// Says that another operation runs. That pools say it so is documented; the body is an inference.
fn occupied() -> Answer {
    unwrapped(
        409,
        "OperationNotAllowed",
        "Operation is not allowed: Another operation is in progress on the managed cluster.",
        "",
        "",
    )
}

fn absent(request: &ArmRequest) -> Answer {
    Answer::gateway(
        404,
        "ParentResourceNotFound",
        format!(
            "Failed to perform the operation on resource(s) of type 'managedClusters/agentPools', because the parent \
             resource '{}' could not be found.",
            cluster_id(request)
        ),
    )
}
