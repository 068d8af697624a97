//! Does a driver do against a recording of the real service what was done then: the same changes, no more and no fewer?
//!
//! Each recording stands in one table with what becomes of it.

mod case;
mod site_recovery;
mod sql;
mod storage;
mod traffic;

use leeward_acceptance::{
    judges::{material, replay::is_change},
    stage::{Stage, rehearse},
};
use leeward_runbook::journey::Journey;
use leeward_simulator::World;
use serde_json::json;

use case::Case;

/// What becomes of a recording.
enum Fate {
    /// A driver is held to it here.
    Driven,
    /// The simulator and the readers are held to it elsewhere; why no driver can be.
    Read(&'static str),
    /// No kind of ours does what was recorded.
    NotOurs(&'static str),
}

use Fate::{Driven, NotOurs, Read};

const RECORDINGS: &[(&str, Fate)] = &[
    (
        "afd-origin",
        Read("origins were put whole; a switch patches one flag, which nobody recorded"),
    ),
    ("afd-origin-group", Read("groups are read, never made or changed")),
    (
        "aks-nodepool-stop-start",
        NotOurs("pools are made, never stopped or started"),
    ),
    (
        "aks-stop-start",
        Read("its cluster was made by a body of the recorder's; clusters are stopped by nobody here"),
    ),
    (
        "aso-afd",
        Read("origins were put whole; a switch patches one flag, which nobody recorded"),
    ),
    ("aso-aks-fleet-20250301", NotOurs("a fleet is joined by no kind")),
    (
        "aso-aks-managedcluster-20250801",
        Read("its cluster existed before and was updated; a driver only makes one where there is none"),
    ),
    ("aso-dns", Driven),
    (
        "aso-flux-20241101",
        NotOurs("workloads are applied by manifests, not by Flux"),
    ),
    (
        "aso-k8s-extension-20241101",
        NotOurs("no kind installs extensions"),
    ),
    ("aso-private-dns-20240601", Driven),
    (
        "aso-role-assignment-storage",
        NotOurs("no kind of its own assigns roles"),
    ),
    (
        "aso-storage-20250601",
        NotOurs("no kind makes accounts; the poller is held to its header Retry-After"),
    ),
    (
        "asr-a2a-crud-plan",
        Read("a plan was made, changed and deleted; nobody recorded one that fails over"),
    ),
    ("asr-a2a-failover-reprotect", Driven),
    (
        "asr-b2a-failover",
        NotOurs("machines outside Azure; read for its warnings beside Succeeded"),
    ),
    ("asr-misc", NotOurs("the setting up of a vault")),
    ("asr-vault-health-jobs", Read("jobs are read, none is begun")),
    ("compute-usages", Read("a list")),
    (
        "locks-cannotdelete-resource",
        Read("the simulator is held to it; locks are read, never made"),
    ),
    (
        "locks-readonly-group",
        Read("the simulator is held to it; locks are read, never made"),
    ),
    (
        "locks-readonly-resource",
        Read("the simulator is held to it; locks are read, never made"),
    ),
    ("role-assignments", NotOurs("no kind of its own assigns roles")),
    (
        "sql-db-replication-links",
        Read("links are read; a database of a group is never switched alone"),
    ),
    ("sql-failover-group", Driven),
    ("sql-mi-failover-group", Driven),
    (
        "sql-mi-link-forced-failover",
        NotOurs("links of instances are no failover groups"),
    ),
    (
        "sql-mi-link-planned-failover",
        NotOurs("links of instances are no failover groups"),
    ),
    (
        "sql-mi-local-failover",
        NotOurs("a failover between nodes of one region"),
    ),
    ("storage-failover", Driven),
    ("storage-object-replication", Driven),
    ("tags-resource", NotOurs("no kind of its own writes tags")),
    (
        "traffic-manager",
        Read("endpoints were put and deleted; a switch patches them, which nobody recorded"),
    ),
    (
        "vm-run-command",
        Read(
            "the older form, which tells no exit code; the kind sends the managed one, which nobody recorded",
        ),
    ),
];

#[test]
fn every_recording_has_a_case_or_a_reason() {
    let test = "every_recording_has_a_case_or_a_reason";
    assert!(
        driven_here("azure.traffic-manager.profile"),
        "the registry is asked"
    );
    for (name, fate) in RECORDINGS {
        match fate {
            Read(why) | NotOurs(why) => assert!(!why.is_empty(), "{name}"),
            Driven => {}
        }
    }
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let mut files: Vec<String> = std::fs::read_dir(folder.join("recordings"))
        .expect("recordings")
        .map(|file| {
            file.expect("a file")
                .path()
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    let listed: Vec<&str> = RECORDINGS.iter().map(|(name, _)| *name).collect();
    assert_eq!(files, listed);
}

fn driven_here(kind: &str) -> bool {
    let stage = rehearse(async { Stage::new(World::default(), 1) });
    stage.drives(kind)
}

#[test]
fn a_replayed_recording_refuses_a_change_that_nobody_recorded() {
    let test = "a_replayed_recording_refuses_a_change_that_nobody_recorded";
    // The same recording, with its one change taken out.
    let case = Case {
        recording: "sql-mi-failover-group",
        part: vec![14, 15],
        before: 2,
        supplements: sql::members(),
        // Refused, it would be tried again.
        runbook: &sql::instances("forced").replace(
            "    data-loss:",
            "    retry: { attempts: 1, backoff: 10s..2m }\n    data-loss:",
        ),
        journey: Journey::Failover,
        start: "2023-02-28T07:58:17Z",
    };
    let Some((replayer, played)) = case.play(test) else {
        return;
    };
    let surplus = replayer.surplus();
    let [change] = surplus.as_slice() else {
        panic!("{surplus:#?}\n{}", played.tale());
    };
    assert!(
        change.path.to_lowercase().contains("/forcefailoverallowdataloss"),
        "{change:?}"
    );
    assert!(replayer.recorded().is_empty());
    assert!(is_change(
        &json!({"method": "POST", "uri": "https://management.azure.com/x/failover?y=1"})
    ));
    assert!(!is_change(
        &json!({"method": "POST", "uri": "https://management.azure.com/x/listKeys?y=1"})
    ));
}
