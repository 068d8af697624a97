//! Are there machines for the nodes that are asked for?
//!
//! A cluster remembers which pools have had their nodes, and how many: a pool that was never allocated is as new at
//! the next request, and nodes that are there already need nobody's leave.

use serde_json::{Value, json};

use super::{
    cluster::{settle, text},
    pools,
};
use crate::{
    provider::{Failure, compute},
    shape::set,
    world::{Resource, World},
};

/// A part of an operation that a fault lets fail.
pub(super) struct Part {
    /// The pool.
    pub(super) pool: String,
    /// Why.
    pub(super) failure: Failure,
}

/// What keeps the nodes of a cluster's pools from being there; `own` is the only pool that is meant.
pub(super) fn missing(
    world: &World,
    cluster: &Resource,
    own: Option<&str>,
    part: Option<&Part>,
) -> Vec<Part> {
    let meant = |pool: &Value| own.is_none_or(|own| pool["name"] == own);
    pools(&cluster.body)
        .iter()
        .filter(|pool| meant(pool))
        .filter_map(|pool| {
            let name = text(&pool["name"]);
            if let Some(part) = part.filter(|part| part.pool == name) {
                return Some(Part {
                    pool: name,
                    failure: part.failure.clone(),
                });
            }
            let there = cluster.state["nodes"][&name].as_u64().unwrap_or(0);
            let grows =
                pool["count"].as_u64().unwrap_or(1) > there || cluster.state["nodes"][&name].is_null();
            let code = grows.then(|| no_room(world, &cluster.region, pool)).flatten()?;
            Some(Part {
                failure: full(code, &text(&pool["vmSize"])),
                pool: name,
            })
        })
        .collect()
}

/// What keeps the nodes of a stopped cluster from coming back: none of them has kept its machine.
pub(super) fn missing_at_start(world: &World, cluster: &Resource) -> Option<Failure> {
    pools(&cluster.body).iter().find_map(|pool| {
        let code = no_room(world, &cluster.region, pool)?;
        Some(full(code, &text(&pool["vmSize"])))
    })
}

fn no_room(world: &World, region: &str, pool: &Value) -> Option<&'static str> {
    let zones: Vec<String> = pool["availabilityZones"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|zone| zone.as_str().map(str::to_owned))
        .collect();
    compute::exhausted(world, region, pool["vmSize"].as_str().unwrap_or_default(), &zones)
}

/// The codes are well known, the words an inference.
fn full(code: &str, size: &str) -> Failure {
    let what = match code.starts_with("Zonal") {
        true => format!("VM size {size} in this zone"),
        false => format!("VM size {size} in this region"),
    };
    Failure {
        code: code.to_owned(),
        message: format!("Allocation failed. We do not have sufficient capacity for the requested {what}."),
    }
}

/// Leaves a cluster behind some of whose pools have no nodes, the others being up. That the others are, and that the
/// cluster is called failed while they are, is an inference.
pub(super) fn settle_in_part(cluster: &mut Resource, own: Option<&str>, missing: &[Part]) {
    let fails = |name: &str| missing.iter().any(|part| part.pool == name);
    for pool in pools(&cluster.body) {
        let name = text(&pool["name"]);
        if own.is_none_or(|own| own == name) && !fails(&name) {
            up(cluster, &pool);
        }
    }
    settle(
        cluster,
        if missing.is_empty() { "Succeeded" } else { "Failed" },
        own,
    );
    if let Some(list) = cluster.body["properties"]["agentPoolProfiles"].as_array_mut() {
        for pool in list {
            let name = text(&pool["name"]);
            if own.is_none() && !fails(&name) {
                set(pool, &["provisioningState"], json!("Succeeded"));
            }
        }
    }
}

/// Remembers that a pool has its nodes.
pub(super) fn up(cluster: &mut Resource, pool: &Value) {
    let count = pool["count"].as_u64().unwrap_or(1);
    if !cluster.state["nodes"].is_object() {
        cluster.state["nodes"] = json!({});
    }
    cluster.state["nodes"][text(&pool["name"])] = json!(count);
}

/// Forgets a pool's nodes.
pub(super) fn gone(cluster: &mut Resource, pool: &str) {
    if let Some(nodes) = cluster.state["nodes"].as_object_mut() {
        nodes.remove(pool);
    }
}
