//! The family of Kubernetes clusters that are recreated from a capture.
//!
//! One PUT carries the cluster and its pools. Left to the issue that goes deeper: workloads (their
//! manifests need the cluster's own API), a pool that Azure failed to allocate and that has to be
//! deleted before another size fits, quota as a hard stop, and the address of what is served.

mod capture;
mod cluster;
mod mapping;
mod network;
mod plan;
mod preflight;
mod view;

use std::sync::Arc;

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let driver = cluster::Cluster::new(seams.arm.clone());
    vec![("azure.aks.cluster", Arc::new(driver))]
}
