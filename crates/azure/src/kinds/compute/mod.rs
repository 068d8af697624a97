//! The family of machines: scripts that run on them through Azure.

mod asked;
mod run;
mod view;

use std::sync::Arc;

use leeward_engine::port::Driver;

use super::Entry;
use crate::registry::Seams;

/// The version that every request asks for.
const API: &str = "2024-07-01";

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    vec![(
        "azure.vm.run-command",
        Arc::new(run::RunCommand::new(seams)) as Arc<dyn Driver>,
    )]
}

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    Some(match operation {
        "VirtualMachines_Get" => view::Machine::read(body).is_some(),
        "VirtualMachineRunCommands_ListByVirtualMachine" => {
            let list = body["value"].as_array();
            list.is_some_and(|list| list.iter().all(|one| view::name(one).is_some()))
        }
        // Without `$expand` there is no view of how it went.
        "VirtualMachineRunCommands_GetByVirtualMachine" | "VirtualMachineRunCommands_CreateOrUpdate" => {
            view::name(body).is_some()
        }
        _ => return None,
    })
}
