//! What does Azure's governance have to say about a move? Roles, locks, tags and health: around the resources, not in them.

pub(crate) mod denied;
pub(crate) mod driver;
pub mod health;
pub mod locks;
pub mod marks;
pub mod outlook;
pub mod roles;
pub(crate) mod watch;

pub use driver::Marks;

/// Says whether an answer is read; nothing for an operation that is not about governance.
#[cfg(test)]
pub(crate) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    let every = |read: &dyn Fn(&serde_json::Value) -> bool| {
        body["value"].as_array().is_some_and(|all| all.iter().all(read))
    };
    match operation {
        "ManagementLocks_ListAtSubscriptionLevel" | "ManagementLocks_ListAtResourceGroupLevel" => {
            Some(every(&|one| locks::Lock::read(one).is_some()))
        }
        "AvailabilityStatuses_GetByResource" => Some(health::Health::read(body).is_some()),
        "Events_ListBySubscriptionId" => Some(every(&|one| one["properties"]["eventType"].is_string())),
        "RoleAssignments_Get" => Some(body["properties"]["principalId"].is_string()),
        "RoleAssignments_ListForScope" => Some(every(&|one| one["properties"]["principalId"].is_string())),
        _ => None,
    }
}
