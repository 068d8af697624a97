//! The family of Azure SQL.

mod instance_group;
mod view;

use std::sync::Arc;

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    vec![(
        "azure.sql.managed-instance-failover-group",
        Arc::new(instance_group::InstanceGroup::new(seams.arm.clone())),
    )]
}
