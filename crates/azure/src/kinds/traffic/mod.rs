//! The family of public traffic.

mod profile;

use std::sync::Arc;

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    vec![(
        "azure.traffic-manager.profile",
        Arc::new(profile::Profile::new(seams.arm.clone())),
    )]
}
