//! How is a cluster made, changed and deleted?

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    CLUSTERS,
    compose::{self, Asked, node_group},
    etag,
    nodes::{self, Part},
    pools, rules, unwrapped,
};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{
        Begin, Context, Failure,
        durations::{
            CLUSTER_CREATED_LEAST, CLUSTER_CREATED_MOST, CLUSTER_DELETED, CLUSTER_UPDATED_LEAST,
            CLUSTER_UPDATED_MOST,
        },
    },
    shape::set,
    world::{Operation, Resource, World, fold_id, geography},
};

/// The api-version that operation URLs carry, whatever the request's was. Recorded.
const OPERATIONS: &str = "2016-03-30";

/// Makes a cluster, or changes it: the same body again is a change, too.
pub(super) fn put(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let body = request.json();
    let Some(region) = body["location"].as_str().map(geography::fold) else {
        // An inference.
        return Answer::gateway(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
        );
    };
    let old = context.world.resource(&id).cloned();
    if let Some(refusal) = etag::refuses(request, old.as_ref().map(etag::of_cluster).as_deref()) {
        return refusal;
    }
    if let Some(old) = &old {
        if old.region != region {
            // Well known of every provider; an inference for this one.
            return Answer::gateway(
                409,
                "InvalidResourceLocation",
                format!(
                    "The resource '{}' already exists in location '{}'. A resource with the same name cannot be \
                     created in location '{region}'.",
                    old.name(),
                    old.region
                ),
            );
        }
        if busy(old) {
            return mismatch(&id);
        }
        if super::power::is_stopped(old) {
            return super::power::only_started_or_deleted();
        }
    }
    if let Err(refusal) = rules::cluster(context.world, &region, &body, old.as_ref().map(|old| &old.body)) {
        return refusal;
    }
    let word = if old.is_some() { "Updating" } else { "Creating" };
    let key = context.guid("cluster");
    let mut made = compose::cluster(
        context.world,
        &Asked {
            id: &id,
            region: &region,
            body: &body,
            old: old.as_ref(),
            seed: context.seed,
            key: &key,
            word,
        },
    );
    let nodes = text(&made.body["properties"]["nodeResourceGroup"]);
    if old.is_none() {
        let subscription = request.path.subscription.clone().unwrap_or_default();
        if context.world.group_of(&subscription, &nodes).is_some() {
            // Documented; status, code and words as users reported them.
            return unwrapped(
                400,
                "NodeResourceGroupAlreadyExists",
                &format!(
                    "Node resource group '{nodes}' under subscription '{subscription}' already exists, please provide \
                     a new one."
                ),
                "",
                "",
            );
        }
        context.world.group(&subscription, &nodes, &region);
    }
    let count: u64 = pools(&made.body)
        .iter()
        .map(|pool| pool["count"].as_u64().unwrap_or(1))
        .fold(0, u64::saturating_add);
    let (verb, lasts, words) = match old.is_some() {
        true => (
            "update",
            between(context, CLUSTER_UPDATED_LEAST, CLUSTER_UPDATED_MOST),
            words(&["InProgress", "ProvisioningControlPlane", "ReconcilingDNS"]),
        ),
        false => (
            "create",
            between(context, CLUSTER_CREATED_LEAST, CLUSTER_CREATED_MOST),
            words(&[
                "InProgress",
                "ProvisioningNetworkResources",
                "ProvisioningControlPlane",
                "ReconcilingDNS",
                &format!("CreatingAgentPools: 0/{count} nodes completed"),
                &format!("CreatingAgentPools: {count}/{count} nodes completed"),
            ]),
        ),
    };
    made.state["busy"] = json!(verb);
    etag::note(&mut made, None);
    let shown = etag::shown(&made);
    context.world.put(made);
    let part = part(context);
    let operation = begin(context, &id, &region, verb, lasts, words, part);
    context.links(
        Answer::json(if old.is_some() { 200 } else { 201 }, shown),
        &operation,
    )
}

/// Deletes a cluster and the group of its nodes.
pub(super) fn delete(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let Some(old) = context.world.resource(&id).cloned() else {
        return Answer::empty(204).accepted(false);
    };
    if let Some(refusal) = etag::refuses(request, Some(&etag::of_cluster(&old))) {
        return refusal;
    }
    if busy(&old) {
        return mismatch(&id);
    }
    mark(context.world, &id, "delete", "Deleting");
    let lasts = context.around("lasts", CLUSTER_DELETED);
    let operation = begin(
        context,
        &id,
        &old.region,
        "delete",
        lasts,
        Vec::new(),
        Value::Null,
    );
    context.links(Answer::empty(202), &operation)
}

/// Begins an operation on a cluster. Recorded: no `Retry-After`, and `Location` for POST and DELETE only.
pub(super) fn begin(
    context: &mut Context<'_>,
    id: &str,
    region: &str,
    verb: &str,
    lasts: Duration,
    words: Vec<String>,
    state: Value,
) -> Operation {
    let mut begin = Begin::new(CLUSTERS, region, id, verb, OPERATIONS, lasts);
    let root = format!(
        "/subscriptions/{}/providers/Microsoft.ContainerService/locations/{region}",
        id.split('/').nth(2).unwrap_or_default()
    );
    begin.status_under = Some(format!("{root}/operations"));
    if verb.starts_with("delete") || super::power::is_one(verb) {
        begin.result_under = Some(format!("{root}/operationresults"));
    }
    begin.words = words;
    begin.state = state;
    context.begin(begin)
}

/// Brings about what was begun.
pub(super) fn finish(context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
    let id = &operation.subject;
    let Some(cluster) = context.world.resource(id).cloned() else {
        return Ok(());
    };
    if operation.verb == "delete" {
        remove(context.world, &cluster);
        return Ok(());
    }
    if super::power::is_one(&operation.verb) {
        return super::power::finish(context, operation);
    }
    let own = operation.state["pool"].as_str();
    let missing = match operation.verb.as_str() {
        "delete-pool" => Vec::new(),
        _ => nodes::missing(context.world, &cluster, own, failing(operation).as_ref()),
    };
    let region_has_room = missing.is_empty();
    if let Some(changed) = context.world.change(id) {
        nodes::settle_in_part(changed, own, &missing);
        if operation.verb == "delete-pool" {
            let own = own.unwrap_or_default();
            nodes::gone(changed, own);
            if let Some(list) = changed.body["properties"]["agentPoolProfiles"].as_array_mut() {
                list.retain(|pool| pool["name"] != own);
            }
        }
        changed.state["stands"] = json!(has_a_system_pool(changed));
    }
    if region_has_room {
        expose(context.world, &cluster);
        return Ok(());
    }
    Err(missing[0].failure.clone())
}

/// Whether a cluster has nodes for its own parts, without which nothing of it runs.
fn has_a_system_pool(cluster: &Resource) -> bool {
    pools(&cluster.body)
        .iter()
        .any(|pool| pool["mode"] == "System" && cluster.state["nodes"][text(&pool["name"])].is_u64())
}

/// What a fault has in mind for one pool of the operation that is begun next, for the operation to remember.
fn part(context: &mut Context<'_>) -> Value {
    match context.part_that_fails() {
        Some((failure, pool)) => json!({"fails": pool, "code": failure.code, "message": failure.message}),
        None => Value::Null,
    }
}

fn failing(operation: &Operation) -> Option<Part> {
    Some(Part {
        pool: operation.state["fails"].as_str()?.to_owned(),
        failure: Failure {
            code: text(&operation.state["code"]),
            message: text(&operation.state["message"]),
        },
    })
}

/// Leaves a cluster behind whose operation ended badly. The same PUT again repairs it.
pub(super) fn abandon(context: &mut Context<'_>, operation: &Operation) {
    let own = operation.state["pool"].as_str().map(str::to_owned);
    // What ended badly by itself has left everything as it is to be.
    if operation.doom.is_none() {
        return;
    }
    if let Some(cluster) = context.world.change(&operation.subject) {
        settle(cluster, "Failed", own.as_deref());
    }
}

pub(super) fn settle(cluster: &mut Resource, word: &str, own: Option<&str>) {
    if let Some(state) = cluster.state.as_object_mut() {
        state.remove("busy");
    }
    // A pool that failed does not make its cluster a failed one.
    let whole = if own.is_some() { "Succeeded" } else { word };
    set(
        &mut cluster.body,
        &["properties", "provisioningState"],
        json!(whole),
    );
    if let Some(list) = cluster.body["properties"]["agentPoolProfiles"].as_array_mut() {
        for pool in list
            .iter_mut()
            .filter(|pool| own.is_none_or(|own| pool["name"] == own))
        {
            set(pool, &["provisioningState"], json!(word));
        }
    }
}

/// Puts the public address of a cluster's ingress where AKS puts it: into the group of its nodes.
pub(super) fn expose(world: &mut World, cluster: &Resource) {
    let address = text(&cluster.state["ingress"]);
    let group = node_group(
        &cluster.id,
        &text(&cluster.body["properties"]["nodeResourceGroup"]),
    );
    let id = format!("{group}/providers/Microsoft.Network/publicIPAddresses/kubernetes-ingress");
    if world.resource(&id).is_some() {
        return;
    }
    world.put(Resource {
        body: json!({
            "id": id,
            "name": "kubernetes-ingress",
            "type": "Microsoft.Network/publicIPAddresses",
            "location": cluster.region,
            "tags": {"k8s-azure-cluster-name": "kubernetes", "k8s-azure-service": "ingress/ingress"},
            "sku": {"name": "Standard", "tier": "Regional"},
            "properties": {
                "provisioningState": "Succeeded",
                "publicIPAddressVersion": "IPv4",
                "publicIPAllocationMethod": "Static",
                "ipAddress": address,
            },
        }),
        id,
        kind: "Microsoft.Network/publicIPAddresses".to_owned(),
        region: cluster.region.clone(),
        state: Value::Null,
    });
}

fn remove(world: &mut World, cluster: &Resource) {
    let group = fold_id(&node_group(
        &cluster.id,
        &text(&cluster.body["properties"]["nodeResourceGroup"]),
    ));
    let inside: Vec<String> = world
        .resources
        .keys()
        .filter(|key| key.starts_with(&format!("{group}/")))
        .cloned()
        .collect();
    for key in inside {
        world.remove(&key);
    }
    world.groups.remove(&group);
    world.kubernetes.remove(&super::server(cluster));
    world.remove(&cluster.id);
}

/// Marks a cluster as being worked on.
pub(super) fn mark(world: &mut World, id: &str, busy: &str, word: &str) {
    if let Some(cluster) = world.change(id) {
        cluster.state["busy"] = json!(busy);
        set(
            &mut cluster.body,
            &["properties", "provisioningState"],
            json!(word),
        );
    }
}

pub(super) fn busy(cluster: &Resource) -> bool {
    cluster.state["busy"].is_string()
}

pub(super) fn between(context: &Context<'_>, low: Duration, high: Duration) -> Duration {
    let name = context.guid("lasts");
    context.seed.stretch(&name, low, high)
}

pub(super) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Says that another operation runs. Recorded, without a wrapper.
pub(super) fn mismatch(id: &str) -> Answer {
    let (group, name) = compose::names(id);
    let subscription = id.split('/').nth(2).unwrap_or_default();
    Answer::json(
        409,
        json!({
            "code": "EtagMismatch",
            "details": [{
                "code": "Unspecified",
                "message": "rpc error: code = FailedPrecondition desc = Etag mismatched",
            }],
            "message": format!(
                "Failed to save managed cluster {name} in subscription {subscription}, resource group {group}. \
                 Operation is not allowed: Another operation is in progress"
            ),
            "subcode": "PutManagedClusterAndAgentPools_FailedPrecondition",
        }),
    )
}
