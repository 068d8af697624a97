//! The family of Kubernetes clusters that are recreated from a capture.
//!
//! One PUT carries the cluster and its pools. Where the runbook names sizes to fall back to, each user pool has an
//! operation of its own behind it: it holds as soon as the pool stands, and goes down the sizes where Azure found no
//! machines. A system pool does not: Azure removes the last one only with its cluster, and that is for a person.
//! What runs on a cluster follows, by its own API.

mod advice;
mod capture;
mod cluster;
mod mapping;
mod network;
mod plan;
mod pools;
mod preflight;
mod roles;
mod sizes;
mod view;
mod work;
mod workloads;

use std::sync::Arc;

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let driver = cluster::Cluster::over(seams);
    vec![("azure.aks.cluster", Arc::new(driver))]
}

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    Some(match operation {
        "ManagedClusters_Get" | "ManagedClusters_CreateOrUpdate" => {
            view::outputs(body).contains_key("name") && !capture::pools(body).is_empty()
        }
        "ManagedClusters_ListKubernetesVersions" => {
            // An empty list tells nothing; a version that nobody offers must be told.
            !preflight::is_offered(body, "0.1")
        }
        "ResourceSkus_List" => {
            let machines = |sku: &serde_json::Value| sku["resourceType"] == "virtualMachines";
            let listed = list("value");
            let offered = sizes::sizes(&listed, "westus");
            let known = listed.iter().all(|sku| sku["resourceType"].is_string());
            known && offered.len() <= listed.iter().filter(|sku| machines(sku)).count()
        }
        "Usage_List" => list("value").iter().all(|one| {
            // The smallest example leaves the name out; then the figures belong to nobody.
            one["name"].is_object() && one["limit"].is_number() && one["currentValue"].is_number()
        }),
        "RoleAssignments_Get" => roles::assignment(body).is_some(),
        "RoleAssignments_ListForScope"
        | "RoleAssignments_ListForResourceGroup"
        | "RoleAssignments_ListForSubscription" => {
            !list("value").is_empty() && list("value").iter().all(|one| roles::assignment(one).is_some())
        }
        "ResourceGroups_Get" => body["location"].is_string(),
        _ => return None,
    })
}
