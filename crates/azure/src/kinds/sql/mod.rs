//! The family of Azure SQL: failover groups of servers and of managed instances, one driver for both.

mod assess;
mod copy;
mod drill;
mod group;
mod judge;
mod ladder;
pub(crate) mod lag;
mod links;
mod member;
mod side;
mod view;

use std::sync::Arc;

use self::{group::Group, side::Of};
use super::Entry;
use crate::registry::Seams;

/// The version that every request asks for.
const API: &str = "2023-08-01";

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    [Of::Instances, Of::Servers]
        .into_iter()
        .map(|of| {
            let driver: Entry = (of.kind(), Arc::new(Group::new(seams, of)));
            driver
        })
        .collect()
}

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    use view::{GroupView, Replication, Role};
    if operation == "ManagedInstances_Get" {
        // What is read of an instance are words; a name without a state is one that is told of.
        return Some(
            body["properties"]["state"].is_string()
                || body["properties"]["fullyQualifiedDomainName"].is_string(),
        );
    }
    let id = operation.strip_prefix("InstanceFailoverGroups_")?;
    let view = GroupView::read(body);
    // Its official examples have no replication state at all; the role is what a switch goes by.
    let known = matches!(view.role, Role::Primary | Role::Secondary);
    Some(known && (id == "Get" || !matches!(view.replication, Replication::Seeding(_))))
}

#[cfg(test)]
mod tests;
