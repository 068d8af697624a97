//! The family of storage accounts.

mod account;
mod canary;
mod consumers;
mod geo;
mod objects;
mod policy;

use std::sync::Arc;

use super::Entry;
use crate::{data_plane::DataPlane, registry::Seams};

/// The version that every request asks for.
const API: &str = "2023-05-01";

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let plane = DataPlane::new(seams.arm.clone(), seams.public.clone());
    vec![
        (
            "azure.storage.geo-failover",
            Arc::new(geo::Geo::new(seams.arm.clone(), plane.clone())),
        ),
        (
            "azure.storage.object-replication",
            Arc::new(objects::Objects::new(seams.arm.clone(), plane)),
        ),
    ]
}

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    let policy = |body: &serde_json::Value| policy::Policy::read(body).is_some();
    Some(match operation {
        "ObjectReplicationPolicies_List" => {
            let list = body["value"].as_array();
            list.is_some_and(|list| list.iter().all(policy))
        }
        "ObjectReplicationPolicies_Get" | "ObjectReplicationPolicies_CreateOrUpdate" => policy(body),
        // What is off is left out.
        "BlobServices_GetServiceProperties" => body["properties"].is_object(),
        "StorageAccounts_GetProperties" | "StorageAccounts_Update" => {
            let account = account::Account::read(body);
            let told = body["properties"]["primaryLocation"].is_string();
            account.primary.is_some() == told && !account.sku.is_empty()
        }
        _ => return None,
    })
}
