//! One driver for each kind, one folder a family. Each family hands its drivers to the registry
//! by a function `drivers`, so that a new kind touches no file but its family's.

mod aks;
mod checks;
mod command;
mod compute;
mod foreign;
mod kubernetes;
mod notify;
#[cfg(test)]
mod official;
mod resource;
mod secrets;
mod settings;
mod site_recovery;
mod sql;
mod storage;
mod traffic;

use std::sync::Arc;

use leeward_engine::port::Driver;

use crate::registry::Seams;

/// A kind's name and what drives it.
pub(crate) type Entry = (&'static str, Arc<dyn Driver>);

/// Makes the drivers of all families.
pub(crate) fn all(seams: &Seams) -> Vec<Entry> {
    [
        aks::drivers,
        checks::drivers,
        command::drivers,
        compute::drivers,
        kubernetes::drivers,
        notify::drivers,
        resource::drivers,
        site_recovery::drivers,
        sql::drivers,
        storage::drivers,
        traffic::drivers,
    ]
    .into_iter()
    .flat_map(|family| family(seams))
    .collect()
}
