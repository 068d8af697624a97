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

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    use view::{GroupView, Replication, Role};
    let id = operation.strip_prefix("InstanceFailoverGroups_")?;
    let view = GroupView::read(body);
    // Its official examples have no replication state at all; the role is what a switch goes by.
    let known = matches!(view.role, Role::Primary | Role::Secondary);
    Some(known && (id == "Get" || !matches!(view.replication, Replication::Seeding(_))))
}
