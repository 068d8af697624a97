//! The family of machines that Site Recovery protects.

mod choice;
mod item;
mod job;
mod judge;
mod loss;
mod machines;
mod operations;
mod vault;
mod verb;

use std::sync::Arc;

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    vec![(
        "azure.site-recovery.virtual-machines",
        Arc::new(machines::Machines::new(seams.arm.clone())),
    )]
}
