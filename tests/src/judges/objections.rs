//! What did a judge of the specification object to, and what of that does the real service do too?

use std::collections::BTreeMap;

use super::{
    exchanges::{Docket, route},
    material,
    node::Verdict,
};

/// What the judge objects to and the real service was recorded to do.
struct ServiceDoesSo {
    operation: &'static str,
    /// Words of the objection.
    words: &'static str,
    recording: &'static str,
    /// Whether the journeys of the shipped runbooks show it.
    journeys: bool,
}

/// A row that excuses nothing any more fails the test, and so does one whose recording has no such word.
const SERVICE_DOES_SO: &[ServiceDoesSo] = &[
    ServiceDoesSo {
        operation: "ReplicationJobs_",
        words: "TaskDetails",
        recording: "asr-vault-health-jobs",
        journeys: true,
    },
    ServiceDoesSo {
        operation: "ReplicationProtectedItems_",
        words: "rtoInSeconds",
        recording: "asr-a2a-failover-reprotect",
        journeys: true,
    },
    ServiceDoesSo {
        operation: "StorageAccounts_",
        words: "ipv6Rules",
        recording: "storage-failover",
        journeys: true,
    },
    ServiceDoesSo {
        operation: "Microsoft.Storage/locations/asyncoperations",
        words: "ipv6Rules",
        recording: "storage-failover",
        journeys: false,
    },
    ServiceDoesSo {
        operation: "ManagedClusters_",
        words: "nodeIPConfiguration",
        recording: "aso-aks-managedcluster-20250801",
        journeys: false,
    },
];

/// Insists that a judge has no objection but to what the service does; where all was judged, that every excuse is needed.
///
/// # Panics
/// Where there is one.
pub fn no_objections(docket: &Docket, verdicts: &[Verdict], all: bool) {
    let mut objections: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut excuses = vec![false; SERVICE_DOES_SO.len()];
    for verdict in verdicts {
        let line = &docket.lines()[verdict.id];
        let what = verdict.operation_id.clone().unwrap_or_else(|| route(line));
        let broken = (verdict.kind == "broken").then(|| verdict.why.clone().unwrap_or_default());
        let request = verdict.request.iter().map(|said| format!("our request: {said}"));
        let response = verdict.response.iter().map(|said| format!("our answer: {said}"));
        for said in request.chain(response).chain(broken) {
            let excused = SERVICE_DOES_SO
                .iter()
                .position(|row| what.contains(row.operation) && said.contains(row.words));
            match excused {
                Some(row) => excuses[row] = true,
                None => {
                    let status = &line["liveResponse"]["statusCode"];
                    let key = format!("{what} ({}, {status}): {said}", verdict.kind);
                    let entry = objections.entry(key).or_insert((0, line.to_string()));
                    entry.0 += 1;
                }
            }
        }
    }
    let told: Vec<String> = objections
        .iter()
        .map(|(said, (count, line))| {
            format!(
                "{count} × {said}\n      {}",
                line.chars().take(240).collect::<String>()
            )
        })
        .collect();
    assert!(told.is_empty(), "{} objections:\n{}", told.len(), told.join("\n"));
    let folder = material::folder().expect("it was judged");
    for (row, used) in SERVICE_DOES_SO.iter().zip(excuses) {
        let recorded = material::recording(&folder, row.recording);
        let seen = recorded
            .iter()
            .any(|one| one["responseBody"].to_string().contains(row.words));
        assert!(seen, "{} was not recorded in {}", row.words, row.recording);
        assert!(
            used || !all || !row.journeys,
            "excuses nothing any more: {} {}",
            row.operation,
            row.words
        );
    }
}
