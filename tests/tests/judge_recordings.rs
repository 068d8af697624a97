//! Does a driver do against a recording of the real service what was done then: the same changes, no more and no fewer?
//!
//! Each recording stands in one table with what becomes of it. A kind that is still to come stands there by name; once
//! it is there, the test fails until its recording has a case.

use std::{path::Path, sync::Arc};

use leeward_acceptance::{
    judges::{
        material,
        replay::{Change, Replayer, Supplement, is_change},
    },
    stage::{Book, Played, Stage, rehearse},
};
use leeward_cli::rehearsal::Outage;
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use leeward_simulator::World;
use serde_json::{Value, json};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// What becomes of a recording.
enum Fate {
    /// A driver is held to it here.
    Driven,
    /// The simulator and the readers are held to it elsewhere; why no driver can be.
    Read(&'static str),
    /// The kind that will be held to it, and is not there yet.
    Pending(&'static str),
    /// No kind of ours does what was recorded.
    NotOurs(&'static str),
}

use Fate::{Driven, NotOurs, Pending, Read};

const RECORDINGS: &[(&str, Fate)] = &[
    ("afd-origin", Pending("azure.front-door.origin-group")),
    ("afd-origin-group", Pending("azure.front-door.origin-group")),
    (
        "aks-nodepool-stop-start",
        NotOurs("pools are made, never stopped or started"),
    ),
    (
        "aks-stop-start",
        Read("its cluster was made by a body of the recorder's; clusters are stopped by nobody here"),
    ),
    ("aso-afd", Pending("azure.front-door.origin-group")),
    ("aso-aks-fleet-20250301", NotOurs("a fleet is joined by no kind")),
    (
        "aso-aks-managedcluster-20250801",
        Read("its cluster existed before and was updated; a driver only makes one where there is none"),
    ),
    ("aso-dns", Pending("azure.dns.record-set")),
    (
        "aso-flux-20241101",
        NotOurs("workloads are applied by manifests, not by Flux"),
    ),
    (
        "aso-k8s-extension-20241101",
        NotOurs("no kind installs extensions"),
    ),
    (
        "aso-private-dns-20240601",
        Pending("azure.private-dns.record-set"),
    ),
    (
        "aso-role-assignment-storage",
        NotOurs("no kind of its own assigns roles"),
    ),
    (
        "aso-storage-20250601",
        NotOurs("no kind makes accounts; the poller is held to its header Retry-After"),
    ),
    ("asr-a2a-crud-plan", Pending("azure.site-recovery.recovery-plan")),
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
        NotOurs("locks are read, never made"),
    ),
    ("locks-readonly-group", NotOurs("locks are read, never made")),
    ("locks-readonly-resource", NotOurs("locks are read, never made")),
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
    ("vm-run-command", Pending("azure.vm.run-command")),
];

#[test]
fn every_recording_has_a_case_or_a_reason_and_no_kind_arrives_without_one() {
    let test = "every_recording_has_a_case_or_a_reason_and_no_kind_arrives_without_one";
    assert!(
        driven_here("azure.traffic-manager.profile"),
        "the registry is asked"
    );
    for (name, fate) in RECORDINGS {
        match fate {
            Pending(kind) => assert!(
                !driven_here(kind),
                "`{kind}` is driven now: {name} needs a case in tests/tests/judge_recordings.rs"
            ),
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

/// One run of a driver against a part of a recording.
struct Case<'a> {
    recording: &'a str,
    /// Which exchanges play, in their order.
    part: Vec<usize>,
    /// Which of them are before the run begins: what a read finds already.
    before: usize,
    supplements: Vec<Supplement>,
    runbook: &'a str,
    journey: Journey,
    start: &'a str,
}

impl Case<'_> {
    /// Plays it; nothing where there are no recordings.
    fn play(self, test: &str) -> Option<(Arc<Replayer>, Played)> {
        let folder = material::folder_for(test)?;
        let all = material::recording(&folder, self.recording);
        let part: Vec<Value> = self.part.iter().map(|place| all[*place].clone()).collect();
        let end = part.len();
        let replayer = Arc::new(Replayer::new(part, self.before, end, self.supplements));
        let files = tempfile::tempdir().expect("a folder");
        let file = files.path().join("runbook.yaml");
        std::fs::write(&file, self.runbook).expect("written");
        let played = play(&file, self.journey, self.start, replayer.clone());
        Some((replayer, played))
    }
}

fn play(file: &Path, journey: Journey, start: &str, replayer: Arc<Replayer>) -> Played {
    rehearse(async {
        let book = Book::at("recorded", file);
        let planned = book.plan(journey, Outage::BothUp);
        let mut world = World::default();
        world.start = start.parse().expect("a moment");
        let mut stage = Stage::answered_by(world, 1, Some(replayer));
        stage.play(&planned).await
    })
}

/// Insists that the recorded changes were sent, in their order, and no others.
fn sent_as_recorded(replayer: &Replayer, played: &Played, bodies: bool) {
    let told = format!(
        "{}\nread and not recorded: {:#?}",
        played.tale(),
        replayer.unknown()
    );
    assert_eq!(replayer.surplus(), [], "changes that nobody recorded: {told}");
    let without_body = |changes: Vec<Change>| -> Vec<Change> {
        let strip = |change: Change| Change {
            body: if bodies { change.body } else { Value::Null },
            ..change
        };
        changes.into_iter().map(strip).collect()
    };
    assert_eq!(
        without_body(replayer.sent()),
        without_body(replayer.recorded()),
        "{told}"
    );
    assert!(
        !replayer.recorded().is_empty(),
        "a recording without a change shows nothing"
    );
}

fn every_step_is_done(played: &Played) {
    for step in &played.view.steps {
        assert_eq!(step.state, StepWord::Done, "{}: {}", step.id, played.tale());
    }
}

fn instances(ladder: &str) -> String {
    format!(
        "leeward: 1
name: recorded
regions: {{ primary: westcentralus, paired: centralus }}
objectives: {{ rto: 1h, rpo: 10m }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  sql:
    use: azure.sql.managed-instance-failover-group
    with: {{ failover-group: fgtest2022a }}
    at:
      primary: {{ resource-group: cet-rg }}
      paired: {{ resource-group: mdcs-cx-secondary-vnet }}
    data-loss:
      budget: 5m
      ladder: [{ladder}]
    ends: recovery
"
    )
}

/// What the driver reads beside the group, which nobody recorded: the members themselves, and their links.
fn beside(path: &str, body: Value) -> Supplement {
    Supplement {
        from: 0,
        to: usize::MAX,
        path: path.to_owned(),
        status: 200,
        body,
    }
}

fn members() -> Vec<Supplement> {
    ["mi-primary-wcus", "mi-mdcs-cx-secondary"]
        .map(|name| {
            let host = format!("{name}.zone.database.windows.net");
            let body = json!({"properties": {"state": "Ready", "dnsZone": "zone", "fullyQualifiedDomainName": host}});
            beside(&format!("/managedinstances/{name}"), body)
        })
        .into()
}

/// One switch of the recorded group of servers, to the second server.
fn servers(test: &str, part: std::ops::Range<usize>, ladder: &str) {
    let server = "/servers/clitestserver000004";
    let link = json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/clitest.rg000002/providers/Microsoft.Sql{server}/databases/db1/replicationLinks/1"),
        "properties": {"partnerServer": "clitestserver000003", "role": "Secondary", "replicationState": "CATCH_UP"},
    });
    let host =
        json!({"properties": {"fullyQualifiedDomainName": "clitestserver000004.database.windows.net"}});
    let case = Case {
        recording: "sql-failover-group",
        part: part.collect(),
        before: 2,
        supplements: vec![
            beside(server, host),
            beside(&format!("{server}/replicationlinks"), json!({"value": [link]})),
        ],
        runbook: &format!(
            "leeward: 1
name: recorded
regions: {{ primary: northeurope, paired: eastus }}
objectives: {{ rto: 1h, rpo: 10m }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  sql:
    use: azure.sql.failover-group
    with: {{ failover-group: fgclitest16578-lulu }}
    at:
      primary: {{ resource-group: clitest.rg000001, server: clitestserver000003 }}
      paired: {{ resource-group: clitest.rg000002, server: clitestserver000004 }}
    data-loss:
      budget: 5m
      ladder: [{ladder}]
    ends: recovery
"
        ),
        journey: Journey::Failover,
        start: "2024-10-24T06:51:11Z",
    };
    let Some((replayer, played)) = case.play(test) else {
        return;
    };
    sent_as_recorded(&replayer, &played, true);
    every_step_is_done(&played);
    assert_eq!(replayer.unknown(), [""; 0]);
}

#[test]
fn a_planned_switch_of_servers_goes_as_it_was_recorded() {
    servers(
        "a_planned_switch_of_servers_goes_as_it_was_recorded",
        53..61,
        "planned, forced",
    );
}

#[test]
fn a_forced_switch_of_servers_goes_as_it_was_recorded() {
    servers(
        "a_forced_switch_of_servers_goes_as_it_was_recorded",
        66..74,
        "forced",
    );
}

#[test]
fn a_switch_of_servers_that_is_planned_if_it_can_be_goes_as_it_was_recorded() {
    let test = "a_switch_of_servers_that_is_planned_if_it_can_be_goes_as_it_was_recorded";
    servers(test, 79..87, "try-planned");
}

#[test]
fn a_planned_switch_of_instances_goes_as_it_was_recorded() {
    let test = "a_planned_switch_of_instances_goes_as_it_was_recorded";
    let case = Case {
        recording: "sql-mi-failover-group",
        part: (14..22).collect(),
        before: 2,
        supplements: members(),
        runbook: &instances("{ planned: { within: 10m } }, forced"),
        journey: Journey::Failover,
        start: "2023-02-28T07:58:17Z",
    };
    let Some((replayer, played)) = case.play(test) else {
        return;
    };
    sent_as_recorded(&replayer, &played, true);
    every_step_is_done(&played);
    assert_eq!(replayer.unknown(), [""; 0]);
}

#[test]
fn a_forced_switch_home_goes_as_it_was_recorded() {
    let test = "a_forced_switch_home_goes_as_it_was_recorded";
    let case = Case {
        recording: "sql-mi-failover-group",
        part: (19..30).collect(),
        before: 3,
        supplements: members(),
        runbook: &instances("forced"),
        journey: Journey::Failback,
        start: "2023-02-28T07:59:17Z",
    };
    let Some((replayer, played)) = case.play(test) else {
        return;
    };
    sent_as_recorded(&replayer, &played, true);
    every_step_is_done(&played);
    assert_eq!(replayer.unknown(), [""; 0]);
}

fn objects() -> String {
    format!(
        "leeward: 1
name: recorded
regions: {{ primary: westeurope, paired: northeurope }}
objectives: {{ rto: 1h, rpo: 10m }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  objects:
    use: azure.storage.object-replication
    with: {{ resource-group: cli_test_storage_account_ors000001 }}
    at:
      primary: {{ account: clitest000002 }}
      paired: {{ account: clitest000003 }}
    data-loss: {{ budget: 10m }}
    ends: recovery
"
    )
}

#[test]
fn the_cut_of_object_replication_on_the_side_that_takes_over_goes_as_it_was_recorded() {
    let test = "the_cut_of_object_replication_on_the_side_that_takes_over_goes_as_it_was_recorded";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, "storage-object-replication");
    // The recorder listed the policies only after the cut; before it they are the one that it read by name.
    let list = Supplement {
        from: 0,
        to: 3,
        path: "/clitest000003/objectreplicationpolicies".to_owned(),
        status: 200,
        body: json!({"value": [all[9]["responseBody"]]}),
    };
    let account = Supplement {
        from: 0,
        to: usize::MAX,
        path: "/storageaccounts/clitest000003".to_owned(),
        status: 200,
        body: json!({"name": "clitest000003", "properties": {
            "primaryEndpoints": {"blob": "https://clitest000003.blob.core.windows.net/"},
        }}),
    };
    let case = Case {
        recording: "storage-object-replication",
        part: vec![9, 14, 15, 16],
        before: 2,
        supplements: vec![list, account],
        runbook: &objects(),
        journey: Journey::Failover,
        start: "2024-06-20T04:25:00Z",
    };
    let Some((replayer, played)) = case.play(test) else {
        return;
    };
    sent_as_recorded(&replayer, &played, true);
    every_step_is_done(&played);
}

#[test]
fn a_planned_failover_of_an_account_begins_as_it_was_recorded() {
    let test = "a_planned_failover_of_an_account_begins_as_it_was_recorded";
    // Nobody recorded its end: the run is still waiting for it when its patience is over.
    let runbook = format!(
        "leeward: 1
name: recorded
regions: {{ primary: eastus2euap, paired: centraluseuap }}
objectives: {{ rto: 1h, rpo: 1h }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  account:
    use: azure.storage.geo-failover
    with: {{ account: storagegrzs000002, resource-group: clistorage000001 }}
    at: {{ primary: {{}}, paired: {{}} }}
    timeout: 30m
    data-loss:
      budget: 1h
      ladder: [{{ planned: {{ within: 20m }} }}]
    on-failure: continue
"
    );
    let case = Case {
        recording: "storage-failover",
        part: (4..7).collect(),
        before: 1,
        supplements: Vec::new(),
        runbook: &runbook,
        journey: Journey::Failover,
        start: "2024-06-01T00:00:00Z",
    };
    let Some((replayer, played)) = case.play(test) else {
        return;
    };
    sent_as_recorded(&replayer, &played, true);
    assert_ne!(played.view.steps[0].state, StepWord::Done, "{}", played.tale());
}

#[test]
fn a_machine_fails_over_and_is_committed_as_it_was_recorded() {
    let test = "a_machine_fails_over_and_is_committed_as_it_was_recorded";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, "asr-a2a-failover-reprotect");
    let protected = all[91]["responseBody"].clone();
    // The recorder did not look at the item between the verbs. What it shows then is known from another machine's
    // recording and the official examples: the words are theirs, all else is this item's.
    let standing = |state: &str, active: &str, allowed: Value| {
        let mut body = protected.clone();
        body["properties"]["protectionState"] = json!(state);
        body["properties"]["activeLocation"] = json!(active);
        body["properties"]["allowedOperations"] = allowed;
        body
    };
    let failed_over = standing(
        "UnplannedFailoverCommitPendingStatesBegin",
        "Recovery",
        json!(["Commit", "DisableProtection", "ChangePit", "SwitchProtection"]),
    );
    let committed = standing(
        "UnplannedFailoverCommitted",
        "Recovery",
        json!(["DisableProtection", "SwitchProtection"]),
    );
    let mut supplements = Vec::new();
    // In this part 0 is the item, 1 the failover, 2 and 3 its polls, 4 the commit, 5 and 6 its polls.
    for (from, to, body) in [(0, 4, protected.clone()), (4, 7, failed_over), (7, 8, committed)] {
        let supplement = |path: &str, body: Value| Supplement {
            from,
            to,
            path: path.to_owned(),
            status: 200,
            body,
        };
        supplements.push(supplement(
            "/vaults/srclivault/replicationprotecteditems",
            json!({"value": [body.clone()], "nextLink": null}),
        ));
        supplements.push(supplement(
            "/replicationprotecteditems/cli-test-protected-item-a2a-1",
            body,
        ));
    }
    supplements.push(Supplement {
        from: 0,
        to: usize::MAX,
        path: "/vaults/srclivault".to_owned(),
        status: 200,
        body: json!({"name": "SRCliVault", "location": "eastus"}),
    });
    let runbook = format!(
        "leeward: 1
name: recorded
regions: {{ primary: eastus2, paired: eastus }}
objectives: {{ rto: 1h, rpo: 1h }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  machine:
    use: azure.site-recovery.virtual-machines
    with:
      vault: {{ name: SRCliVault, resource-group: cli.test.rg.SRVault }}
      select: {{ names: [SRsourcevm] }}
      source: leave
      recovery-point: latest
    at:
      primary: {{ resource-group: cli.test.rg.SRVM }}
      paired: {{ resource-group: cli.test.rg.SRVault }}
    data-loss: {{ budget: 1h }}
    ends: recovery
"
    );
    let case = Case {
        recording: "asr-a2a-failover-reprotect",
        part: [91].into_iter().chain(103..109).collect(),
        before: 1,
        supplements,
        runbook: &runbook,
        journey: Journey::Failover,
        start: "2023-08-29T01:51:48Z",
    };
    let Some((replayer, played)) = case.play(test) else {
        return;
    };
    sent_as_recorded(&replayer, &played, true);
    every_step_is_done(&played);
}

#[test]
fn a_replayed_recording_refuses_a_change_that_nobody_recorded() {
    let test = "a_replayed_recording_refuses_a_change_that_nobody_recorded";
    // The same recording, with its one change taken out.
    let case = Case {
        recording: "sql-mi-failover-group",
        part: vec![14, 15, 20, 21],
        before: 2,
        supplements: Vec::new(),
        runbook: &instances("forced"),
        journey: Journey::Failover,
        start: "2023-02-28T07:58:17Z",
    };
    let Some((replayer, _)) = case.play(test) else {
        return;
    };
    let surplus = replayer.surplus();
    assert!(!surplus.is_empty() || replayer.sent().is_empty(), "{surplus:?}");
    assert!(replayer.recorded().is_empty());
    assert!(is_change(
        &json!({"method": "POST", "uri": "https://management.azure.com/x/failover?y=1"})
    ));
    assert!(!is_change(
        &json!({"method": "POST", "uri": "https://management.azure.com/x/listKeys?y=1"})
    ));
}
