//! The family of storage accounts.

mod account;
mod geo;
mod objects;
mod policy;

use std::sync::Arc;

use super::Entry;
use crate::registry::Seams;

/// The version that every request asks for.
const API: &str = "2023-05-01";

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    vec![
        (
            "azure.storage.geo-failover",
            Arc::new(geo::Geo::new(seams.arm.clone())),
        ),
        (
            "azure.storage.object-replication",
            Arc::new(objects::Objects::new(seams.arm.clone())),
        ),
    ]
}
