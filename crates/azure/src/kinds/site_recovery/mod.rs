//! The family of machines that Site Recovery protects.

mod choice;
mod item;
mod job;
mod judge;
mod look;
mod loss;
mod machines;
mod operations;
mod plan;
mod point;
mod shared;
mod turn;
mod undo;
mod vault;
mod verb;
mod whose;

use std::sync::Arc;

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let machines = Arc::new(machines::Machines::new(seams.arm.clone()));
    vec![
        ("azure.site-recovery.virtual-machines", machines.clone()),
        ("azure.site-recovery.recovery-plan", machines),
    ]
}

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    let all = |read: &dyn Fn(&serde_json::Value) -> bool| {
        let list = body["value"].as_array();
        list.is_some_and(|list| !list.is_empty() && list.iter().all(read))
    };
    let item = |body: &serde_json::Value| item::Item::read(body).is_some();
    let plan = |body: &serde_json::Value| plan::Plan::read(body).is_some();
    let job = |body: &serde_json::Value| {
        let progress = job::read(Ok(body.clone()));
        !matches!(progress, leeward_engine::work::Progress::Unreadable { .. })
    };
    Some(match operation {
        "Vaults_Get" => body["location"].is_string(),
        "ReplicationProtectedItems_List" => all(&item),
        "ReplicationRecoveryPlans_List" => all(&plan),
        "ReplicationJobs_Get" => job(body),
        "ReplicationJobs_List" => all(&job),
        "RecoveryPoints_ListByReplicationProtectedItems" => {
            let points = body["value"].as_array().cloned().unwrap_or_default();
            verb::PointWish::LatestProcessed.pick(&points).is_some()
        }
        _ if operation.starts_with("ReplicationProtectedItems_") => item(body),
        _ if operation.starts_with("ReplicationRecoveryPlans_") => plan(body),
        _ => return None,
    })
}
