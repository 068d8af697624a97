use std::{sync::Arc, time::Duration};

use leeward_engine::work::{Figure, OperationUrl, Phase};
use leeward_runbook::kind::RepeatClass;

use super::*;
use crate::testing::{self, FakeAzure, key};

const KIND: &str = "azure.site-recovery.virtual-machines";
const VAULT: &str =
    "/subscriptions/sub-1/resourceGroups/rg-recovery/providers/Microsoft.RecoveryServices/vaults/rsv";
const JOB: &str = "6ab9b1c9-ad14-4f4b-a8d8-7e0d4e8d1e63";

fn context(journey: Journey, with: Value) -> Context {
    let mut all = json!({
        "vault": {"name": "rsv", "resource-group": "rg-recovery"},
        "select": {"names": ["vm-1"]},
        "recovery-point": "latest",
    });
    all.as_object_mut()
        .unwrap()
        .extend(with.as_object().unwrap().clone());
    testing::context(
        KIND,
        journey,
        all,
        json!({"resource-group": "rg-weu", "drill-network": "vnet-drill-weu"}),
        json!({"resource-group": "rg-neu", "drill-network": "vnet-drill-neu"}),
    )
}

fn failover(with: Value) -> Context {
    context(Journey::Failover, with)
}

fn id(name: &str) -> String {
    format!(
        "{VAULT}/replicationFabrics/f-weu/replicationProtectionContainers/c-weu/replicationProtectedItems/{name}"
    )
}

/// A machine that replicates from westeurope to northeurope.
fn machine(name: &str) -> Value {
    json!({
        "id": id(name), "name": name,
        "properties": {
            "friendlyName": name, "activeLocation": "Primary", "protectionState": "Protected",
            "testFailoverState": "None", "replicationHealth": "Normal",
            "allowedOperations": ["UnplannedFailover", "DisableProtection", "TestFailover"],
            "policyId": format!("{VAULT}/replicationPolicies/p"),
            "currentScenario": {"scenarioName": "None", "jobId": format!("{VAULT}/replicationJobs/None")},
            "providerSpecificDetails": {
                "instanceType": "A2A", "primaryFabricLocation": "westeurope", "recoveryFabricLocation": "northeurope",
                "multiVmGroupId": "own", "multiVmGroupName": "", "multiVmGroupCreateOption": "AutoCreated",
                "fabricObjectId": format!("/subscriptions/sub-1/resourcegroups/rg-weu/providers/microsoft.compute/virtualmachines/{name}"),
                "rpoInSeconds": 95, "lastRpoCalculatedTime": "1970-01-01T00:00:00Z",
                "protectedManagedDisks": [{"diskId": "/d/old", "recoveryResourceGroupId": "/subscriptions/sub-1/resourceGroups/rg-neu", "failoverDiskName": "disk"}],
            },
        },
    })
}

fn moved(name: &str) -> Value {
    let mut machine = machine(name);
    machine["properties"]["activeLocation"] = json!("Recovery");
    machine["properties"]["protectionState"] = json!("UnplannedFailoverCommitPendingStatesBegin");
    machine["properties"]["allowedOperations"] =
        json!(["Commit", "ChangePit", "SwitchProtection", "DisableProtection"]);
    machine
}

fn with_leftover(name: &str) -> Value {
    let mut machine = machine(name);
    machine["properties"]["testFailoverState"] = json!("WaitingForCompletion");
    machine["properties"]["allowedOperations"] = json!(["TestFailoverCleanup"]);
    machine
}

fn in_group(name: &str) -> Value {
    let mut machine = machine(name);
    machine["properties"]["providerSpecificDetails"]["multiVmGroupId"] = json!("g-1");
    machine["properties"]["providerSpecificDetails"]["multiVmGroupName"] = json!("group");
    machine
}

fn vault(machines: &[Value]) -> Arc<FakeAzure> {
    let azure = FakeAzure::new();
    azure.on("GET", "/vaults/rsv", 200, json!({"location": "northeurope"}));
    azure.on(
        "GET",
        "/rsv/replicationProtectedItems",
        200,
        json!({"value": machines, "nextLink": null}),
    );
    for machine in machines {
        azure.on("GET", machine["id"].as_str().unwrap(), 200, machine.clone());
    }
    let plan = json!({
        "id": format!("{VAULT}/replicationRecoveryPlans/rp"), "name": "rp",
        "properties": {"groups": [{"groupType": "Boot", "replicationProtectedItems":
            [{"id": id("vm-1")}, {"id": id("vm-2")}]}]},
    });
    azure.on("GET", "/replicationRecoveryPlans/rp", 200, plan.clone());
    azure.on("GET", "/replicationRecoveryPlans", 200, json!({"value": [plan]}));
    azure
}

async fn assess(azure: &Arc<FakeAzure>, context: &Context) -> Result<Assessment, DriverError> {
    Machines::new(azure.arm()).assess(context).await
}

async fn reason(azure: &Arc<FakeAzure>, context: &Context) -> String {
    assess(azure, context).await.unwrap_err().to_string()
}

fn names(assessment: &Assessment) -> Vec<&str> {
    assessment.operations.iter().map(|one| one.id.as_str()).collect()
}

fn find<'a>(assessment: &'a Assessment, id: &str) -> &'a Operation {
    assessment
        .operations
        .iter()
        .find(|one| one.id.as_str() == id)
        .unwrap()
}

async fn begin(azure: &Arc<FakeAzure>, context: &Context, operation: &Operation) -> Sent {
    let rung = operation.rungs[0].name.clone();
    let key = key(operation.id.as_str());
    Machines::new(azure.arm())
        .begin(context, operation, &rung, &key)
        .await
}

async fn seen(azure: &Arc<FakeAzure>, context: &Context, operation: &Operation) -> String {
    let seen = Machines::new(azure.arm()).observe(context, operation).await;
    serde_json::to_value(&seen).unwrap()["seen"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn accept(azure: &FakeAzure, end: &str) {
    let url =
        format!("http://127.0.0.1:1{VAULT}/replicationOperationStatus/{JOB}?api-version={API}&t=1&s=sig");
    azure.on_with(
        "POST",
        end,
        (202, vec![("Azure-AsyncOperation", url)], Value::Null),
    );
}

#[tokio::test]
async fn each_machine_fails_over_by_itself_and_commits_after_recovery() {
    let context = failover(json!({"select": {"names": ["vm-1", "VM-2"]}, "at-least": 1}));
    let found = assess(
        &vault(&[machine("vm-1"), machine("vm-2"), machine("vm-3")]),
        &context,
    )
    .await
    .unwrap();
    assert_eq!(
        names(&found),
        ["failover/vm-1", "commit/vm-1", "failover/vm-2", "commit/vm-2"]
    );
    assert_eq!(found.at_least, Some(1));
    let failover = find(&found, "failover/vm-1");
    assert_eq!(
        (failover.phase, failover.goal.as_str()),
        (Phase::Main, "vm-1 runs in northeurope")
    );
    let rung = &failover.rungs[0];
    assert_eq!(
        (rung.name.as_str(), rung.repeat, rung.lossy),
        ("unplanned", RepeatClass::SelfGuarded, true)
    );
    assert!(rung.settling >= Duration::from_secs(180) && rung.skip.is_none() && !rung.beside);
    let commit = find(&found, "commit/vm-1");
    assert_eq!(
        (commit.phase, commit.after[0].as_str()),
        (Phase::AfterRecovery, "failover/vm-1")
    );
    // The fake clock stands where the vault reckoned, but for the moment that the test takes.
    let Figure::UpTo(lag) = found.losses[0].by_rung["unplanned"] else {
        panic!("{:?}", found.losses);
    };
    assert_eq!(lag.as_secs(), 95);
    assert_eq!(found.outputs["machines"], json!(["vm-1", "vm-2"]));
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
}

#[tokio::test]
async fn the_same_rows_of_loss_are_measured_at_the_start() {
    let (azure, context) = (vault(&[machine("vm-1")]), failover(json!({})));
    let driver = Machines::new(azure.arm());
    let rows = |losses: Vec<Loss>| -> Vec<(String, String)> {
        losses.into_iter().map(|loss| (loss.store, loss.source)).collect()
    };
    let measured = rows(driver.measure(&context).await.unwrap());
    assert_eq!(measured.len(), 1);
    assert_eq!(measured, rows(driver.assess(&context).await.unwrap().losses));
    assert!(
        driver
            .measure(&self::context(Journey::Drill, json!({})))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn after_a_declared_outage_only_the_vault_is_asked() {
    let azure = vault(&[machine("vm-1")]);
    let context = testing::region_down(failover(json!({})));
    let found = assess(&azure, &context).await.unwrap();
    assert!(
        found.losses[0].source.contains("declared outage"),
        "{}",
        found.losses[0].source
    );
    assert_eq!(seen(&azure, &context, &found.operations[0]).await, "not-begun");
    for one in azure.seen() {
        assert!(
            one.path.to_lowercase().starts_with(&VAULT.to_lowercase()),
            "{one:?}"
        );
    }
}

#[tokio::test]
async fn a_forgotten_drill_is_cleaned_up_before_the_real_failover() {
    let azure = vault(&[with_leftover("vm-1")]);
    accept(&azure, "/testFailoverCleanup");
    let context = failover(json!({"at-least": 1}));
    let found = assess(&azure, &context).await.unwrap();
    assert_eq!(found.at_least, Some(1), "a clean-up is no machine");
    assert_eq!(names(&found), ["cleanup/vm-1", "failover/vm-1", "commit/vm-1"]);
    assert_eq!(find(&found, "failover/vm-1").after[0].as_str(), "cleanup/vm-1");
    let clean = find(&found, "cleanup/vm-1");
    assert_eq!(seen(&azure, &context, clean).await, "not-begun");
    assert_eq!(
        seen(&azure, &context, find(&found, "failover/vm-1")).await,
        "busy"
    );
    assert!(matches!(
        begin(&azure, &context, clean).await,
        Sent::Accepted { .. }
    ));
    assert_eq!(
        azure.changes()[0].path,
        format!("{}/testFailoverCleanup", id("vm-1"))
    );
    assert_eq!(seen(&vault(&[machine("vm-1")]), &context, clean).await, "holds");
}

#[tokio::test]
async fn a_multi_vm_group_moves_through_its_recovery_plan_or_not_at_all() {
    let machines = [in_group("vm-1"), in_group("vm-2"), machine("vm-3")];
    let azure = vault(&machines);
    assert!(
        reason(&azure, &failover(json!({})))
            .await
            .contains("together with vm-2")
    );
    let both = json!({"select": {"names": ["vm-1", "vm-2"]}});
    let mut named = both.clone();
    named["recovery-plan"] = json!("rp");
    named["source"] = json!("leave");
    named["recovery-point"] = json!("latest-application-consistent");
    let found = assess(&azure, &failover(both)).await.unwrap();
    assert_eq!(names(&found), ["failover/rp", "commit/rp"]);

    azure.on("GET", "/recoveryPoints", 200, json!({"value": []}));
    accept(&azure, "/replicationRecoveryPlans/rp/unplannedFailover");
    let context = failover(named);
    let found = assess(&azure, &context).await.unwrap();
    assert_eq!(found.losses[0].by_rung["unplanned"], Figure::Unknown);
    assert!(matches!(
        begin(&azure, &context, &found.operations[0]).await,
        Sent::Accepted { .. }
    ));
    let sent = &azure.changes()[0].body["properties"];
    assert_eq!(sent["sourceSiteOperations"], "NotRequired");
    assert_eq!(
        sent["providerSpecificDetails"][0]["recoveryPointType"],
        "LatestApplicationConsistent"
    );

    let operation = &found.operations[0];
    assert_eq!(seen(&azure, &context, operation).await, "not-begun");
    assert_eq!(
        seen(&vault(&[moved("vm-1"), moved("vm-2")]), &context, operation).await,
        "holds"
    );
    let partly = vault(&[moved("vm-1"), in_group("vm-2")]);
    assert_eq!(seen(&partly, &context, operation).await, "cannot-tell");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_before_anything_is_changed() {
    let azure = vault(&[machine("vm-1")]);
    for (with, word) in [
        (json!({"select": {"names": ["vm-9"]}}), "it protects: vm-1"),
        (json!({"select": {"tag": {"name": "a", "value": "b"}}}), "tags"),
        (json!({"at-least": 2}), "at-least"),
        (json!({"source": "kill"}), "`source`"),
        (json!({"recovery-point": "oldest"}), "recovery-point"),
    ] {
        let reason = reason(&azure, &failover(with)).await;
        assert!(reason.contains(word), "{reason}");
    }
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn a_machine_that_is_still_being_filled_does_not_hold_the_others_up() {
    let mut filling = machine("vm-2");
    filling["properties"]["protectionState"] = json!("InitialReplicationInProgress");
    filling["properties"]["allowedOperations"] = json!(["DisableProtection"]);
    let context = failover(json!({"select": {"names": ["vm-1", "vm-2"]}, "at-least": 1}));
    let found = assess(&vault(&[machine("vm-1"), filling]), &context)
        .await
        .unwrap();
    assert!(find(&found, "failover/vm-1").rungs[0].skip.is_none());
    assert!(find(&found, "failover/vm-2").rungs[0].skip.is_some());
}

#[tokio::test]
async fn a_failover_is_sent_once_with_the_newest_point_and_found_again_by_its_job() {
    let azure = vault(&[machine("vm-1")]);
    let point = |name: &str, at: &str| json!({"id": format!("{}/recoveryPoints/{name}", id("vm-1")), "properties": {"recoveryPointTime": at, "recoveryPointType": "CrashConsistent"}});
    azure.on(
        "GET",
        "/recoveryPoints",
        200,
        json!({"value": [
            point("new", "2026-11-24T08:05:00Z"), point("old", "2026-11-24T08:00:00Z"),
        ]}),
    );
    accept(&azure, "/unplannedFailover");
    let context = failover(json!({"recovery-point": "latest-processed"}));
    let found = assess(&azure, &context).await.unwrap();
    let Sent::Accepted { ticket } = begin(&azure, &context, &found.operations[0]).await else {
        panic!("not accepted");
    };
    assert_eq!(ticket.job.as_deref(), Some(JOB));
    assert_eq!(azure.changes().len(), 1);
    let body = &azure.changes()[0].body["properties"];
    assert_eq!(body["sourceSiteOperations"], "Required");
    assert_eq!(body["failoverDirection"], "PrimaryToRecovery");
    let sent = body["providerSpecificDetails"]["recoveryPointId"]
        .as_str()
        .unwrap();
    assert!(sent.ends_with("/recoveryPoints/new"), "{sent}");
}

#[tokio::test]
async fn without_the_point_that_was_asked_for_nothing_is_sent() {
    let azure = vault(&[machine("vm-1")]);
    azure.on("GET", "/recoveryPoints", 200, json!({"value": []}));
    let context = failover(json!({"recovery-point": "latest-crash-consistent"}));
    let found = assess(&azure, &context).await.unwrap();
    assert!(matches!(
        begin(&azure, &context, &found.operations[0]).await,
        Sent::NotSent { .. }
    ));
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn the_job_tells_what_the_signed_url_cannot() {
    let context = failover(json!({}));
    let operation = assess(&vault(&[machine("vm-1")]), &context)
        .await
        .unwrap()
        .operations
        .remove(0);
    let job = |state: &str, description: &str| json!({"properties": {"state": state, "stateDescription": description, "errors": []}});
    let ticket = |url: bool| Ticket {
        status_url: url.then(|| {
            OperationUrl::new(format!(
                "http://127.0.0.1:1{VAULT}/replicationOperationStatus/{JOB}?s=1"
            ))
        }),
        ..super::look::ticket(JOB)
    };
    let status = format!("/replicationOperationStatus/{JOB}");
    let jobs = format!("/replicationJobs/{JOB}");

    let azure = FakeAzure::new();
    azure.on("GET", &status, 200, json!({"status": "Succeeded", "error": null}));
    azure.on("GET", &jobs, 200, job("Succeeded", "PartiallySucceeded"));
    let done = Machines::new(azure.arm())
        .poll(&context, &operation, &ticket(true))
        .await;
    assert!(
        matches!(&done, Progress::Succeeded { warnings, .. } if warnings.len() == 1),
        "{done:?}"
    );

    // The URL has expired, and a restart may have had none at all.
    for with_url in [true, false] {
        let azure = FakeAzure::new();
        azure.on("GET", &jobs, 200, job("InProgress", "InProgress"));
        let going = Machines::new(azure.arm())
            .poll(&context, &operation, &ticket(with_url))
            .await;
        assert!(matches!(going, Progress::Running { .. }), "{going:?}");
    }
    let gone = Machines::new(FakeAzure::new().arm())
        .poll(&context, &operation, &ticket(true))
        .await;
    assert!(matches!(gone, Progress::Gone { .. }), "{gone:?}");
}

#[tokio::test]
async fn a_failover_in_motion_is_watched_by_its_own_job() {
    let mut moving = machine("vm-1");
    moving["properties"]["allowedOperations"] = json!([]);
    moving["properties"]["currentScenario"] =
        json!({"scenarioName": "UnplannedFailover", "jobId": format!("{VAULT}/replicationJobs/{JOB}")});
    let context = failover(json!({}));
    let operation = assess(&vault(&[machine("vm-1")]), &context)
        .await
        .unwrap()
        .operations
        .remove(0);
    match Machines::new(vault(&[moving]).arm())
        .observe(&context, &operation)
        .await
    {
        Observation::InMotion { ticket, .. } => assert_eq!(ticket.unwrap().job.as_deref(), Some(JOB)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_drill_goes_into_its_own_network_and_always_has_a_clean_up() {
    let azure = vault(&[machine("vm-1")]);
    accept(&azure, "/testFailover");
    let context = context(Journey::Drill, json!({}));
    let found = assess(&azure, &context).await.unwrap();
    assert_eq!(names(&found), ["test-failover/vm-1", "cleanup/vm-1"]);
    let (test, clean) = (&found.operations[0], &found.operations[1]);
    assert_eq!((test.phase, clean.phase), (Phase::Main, Phase::CleanUp));
    assert!(!test.rungs[0].lossy && clean.after.is_empty() && found.losses.is_empty());
    assert_eq!(
        seen(&azure, &context, clean).await,
        "holds",
        "nothing is left where nothing was made"
    );
    assert!(matches!(
        begin(&azure, &context, test).await,
        Sent::Accepted { .. }
    ));
    assert_eq!(
        azure.changes()[0].body["properties"]["networkId"],
        "/subscriptions/sub-1/resourceGroups/rg-neu/providers/Microsoft.Network/virtualNetworks/vnet-drill-neu"
    );
    let tested = vault(&[with_leftover("vm-1")]);
    assert_eq!(seen(&tested, &context, test).await, "holds");
    assert_eq!(seen(&tested, &context, clean).await, "not-begun");
}

#[tokio::test]
async fn a_drill_without_a_network_of_its_own_does_not_begin() {
    let with =
        json!({"vault": {"name": "rsv", "resource-group": "rg-recovery"}, "select": {"names": ["vm-1"]}});
    let bare = testing::context(KIND, Journey::Drill, with, json!({}), json!({}));
    assert!(
        reason(&vault(&[machine("vm-1")]), &bare)
            .await
            .contains("drill-network")
    );
    let mut same = machine("vm-1");
    same["properties"]["providerSpecificDetails"]["selectedRecoveryAzureNetworkId"] = json!(
        "/subscriptions/sub-1/resourceGroups/RG-neu/providers/Microsoft.Network/virtualNetworks/vnet-drill-neu"
    );
    let reason = reason(&vault(&[same]), &context(Journey::Drill, json!({}))).await;
    assert!(reason.contains("bad day"), "{reason}");
}

/// The way back: source and target are exchanged.
fn homeward(journey: Journey) -> Context {
    let mut context = context(journey, json!({}));
    let mut plan = (*context.plan).clone();
    std::mem::swap(&mut plan.source, &mut plan.target);
    context.plan = Arc::new(plan);
    std::mem::swap(&mut context.source, &mut context.target);
    context
}

#[tokio::test]
async fn protection_is_turned_round_at_the_container_where_the_machine_came_from() {
    let azure = vault(&[moved("vm-1")]);
    accept(&azure, "/failoverCommit");
    accept(&azure, "/switchprotection");
    let mut context = homeward(Journey::Reprotect);
    context.source = Arc::new(json!({"resource-group": "rg-neu", "cache-account": "stcacheneu"}));
    let found = assess(&azure, &context).await.unwrap();
    assert_eq!(names(&found), ["commit/vm-1", "switch-protection/vm-1"]);
    let (commit, switch) = (&found.operations[0], &found.operations[1]);
    assert_eq!(switch.after[0].as_str(), "commit/vm-1");
    assert_eq!(switch.goal, "vm-1 replicates from northeurope to westeurope");
    assert_eq!(seen(&azure, &context, commit).await, "not-begun");
    assert_eq!(
        seen(&azure, &context, switch).await,
        "busy",
        "the commit comes first"
    );
    begin(&azure, &context, commit).await;
    begin(&azure, &context, switch).await;
    let changes = azure.changes();
    assert_eq!((changes.len(), &changes[0].body), (2, &Value::Null));
    let container = format!("{VAULT}/replicationFabrics/f-weu/replicationProtectionContainers/c-weu");
    assert_eq!(changes[1].path, format!("{container}/switchprotection"));
    let sent = &changes[1].body["properties"];
    assert_eq!(sent["replicationProtectedItemName"], "vm-1");
    let details = &sent["providerSpecificDetails"];
    assert_eq!(details["recoveryContainerId"], container);
    assert_eq!(
        details["recoveryResourceGroupId"],
        "/subscriptions/sub-1/resourceGroups/rg-weu"
    );
    assert_eq!(
        details["vmManagedDisks"][0]["diskId"],
        "/subscriptions/sub-1/resourceGroups/rg-neu/providers/Microsoft.Compute/disks/disk"
    );
}

#[tokio::test]
async fn a_machine_is_found_again_under_the_path_it_has_after_the_switch() {
    let context = homeward(Journey::Reprotect);
    let found = assess(&vault(&[moved("vm-1")]), &context).await.unwrap();
    let mut turned = machine("vm-1");
    turned["id"] = json!(format!(
        "{VAULT}/replicationFabrics/f-neu/replicationProtectionContainers/c-neu/replicationProtectedItems/vm-1"
    ));
    turned["properties"]["providerSpecificDetails"]["primaryFabricLocation"] = json!("northeurope");
    turned["properties"]["providerSpecificDetails"]["recoveryFabricLocation"] = json!("westeurope");
    let azure = vault(&[turned]);
    assert_eq!(seen(&azure, &context, &found.operations[1]).await, "holds");
    let back = assess(&azure, &homeward(Journey::Failback)).await.unwrap();
    assert_eq!(names(&back), ["failover/vm-1", "commit/vm-1"]);
    assert_eq!(
        seen(&azure, &homeward(Journey::Failback), &back.operations[0]).await,
        "not-begun"
    );
}

#[tokio::test]
async fn a_failback_before_replication_was_turned_round_says_so() {
    let found = assess(&vault(&[moved("vm-1")]), &homeward(Journey::Failback))
        .await
        .unwrap();
    let skip = found.operations[0].rungs[0].skip.clone().unwrap();
    assert!(skip.contains("reprotect comes first"), "{skip}");
}

#[tokio::test]
async fn the_claims_of_a_step_are_its_machines() {
    let targets = Machines::new(FakeAzure::new().arm()).targets(&failover(json!({})));
    assert_eq!(
        targets,
        [format!("{}/replicationprotecteditems/vm-1", VAULT.to_lowercase())]
    );
}

mod of_drills;
mod of_plans;
mod of_points;
