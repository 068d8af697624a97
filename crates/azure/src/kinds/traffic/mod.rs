//! The family of public traffic.

mod fallback;
mod origin;
mod profile;
pub(super) mod record;

use std::sync::Arc;

use leeward_engine::port::Driver;

use super::Entry;
use crate::registry::Seams;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let arm = || seams.arm.clone();
    let ways: Arc<fallback::Ways> = Arc::new(fallback::Ways::from([
        (
            "azure.traffic-manager.profile",
            Arc::new(profile::Profile::new(arm())) as Arc<dyn Driver>,
        ),
        (
            "azure.front-door.origin-group",
            Arc::new(origin::Origins::new(arm())),
        ),
        (
            "azure.dns.record-set",
            Arc::new(record::Records::new(arm(), record::Zones::Public)),
        ),
        (
            "azure.private-dns.record-set",
            Arc::new(record::Records::new(arm(), record::Zones::Private)),
        ),
    ]));
    let with_fallback = |(kind, own): (&&'static str, &Arc<dyn Driver>)| -> Entry {
        let driver = fallback::WithFallback {
            own: own.clone(),
            ways: ways.clone(),
            arm: arm(),
        };
        (*kind, Arc::new(driver))
    };
    ways.iter().map(with_fallback).collect()
}

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &serde_json::Value) -> Option<bool> {
    Some(match operation {
        "Profiles_Get" => profile::all_read(body),
        "Endpoints_Get" | "Endpoints_Update" => profile::reads_endpoint(body),
        "RecordSets_Get" | "RecordSets_CreateOrUpdate" => record::RecordSet::reads(body),
        "AFDOrigins_Get" | "AFDOrigins_ListByOriginGroup" | "AFDOrigins_Update" => origin::reads(body),
        _ => return None,
    })
}
