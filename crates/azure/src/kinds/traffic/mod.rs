//! The family of public traffic.

mod profile;

use std::sync::Arc;

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    vec![(
        "azure.traffic-manager.profile",
        Arc::new(profile::Profile::new(seams.arm.clone())),
    )]
}

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    Some(match operation {
        "Profiles_Get" => profile::all_read(body),
        "Endpoints_Get" | "Endpoints_Update" => profile::reads_endpoint(body),
        _ => return None,
    })
}
