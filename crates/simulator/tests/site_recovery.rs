//! Do the machines of a vault move, come back, and refuse what they must refuse?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use leeward_simulator::rules;
use serde_json::{Value, json};
use support::{SUBSCRIPTION, finish, get, request, send, vault::*};

#[tokio::test(start_paused = true)]
async fn a_machine_fails_over_commits_turns_round_and_comes_home() {
    let azure = vault_with("");
    let path = item("westeurope", "vm-rabbit-1");
    let before = properties(&azure, &path).await;
    assert_eq!(before["protectionState"], "Protected");
    assert_eq!(
        before["allowedOperations"],
        json!(["UnplannedFailover", "DisableProtection", "TestFailover"])
    );
    assert_eq!(before["currentScenario"]["scenarioName"], "None");
    assert_eq!(before["currentScenario"]["startTime"], "1753-01-01T01:01:01Z");

    let started = tokio::time::Instant::now();
    let begun = act(&azure, &format!("{path}/unplannedFailover"), failover("Required")).await;
    assert_eq!(begun.status, 202);
    assert_eq!(begun.body, Value::Null);
    let running = properties(&azure, &path).await;
    assert_eq!(running["allowedOperations"], json!([]));
    assert_eq!(running["currentScenario"]["scenarioName"], "UnplannedFailover");
    let again = act(&azure, &format!("{path}/unplannedFailover"), failover("Required")).await;
    assert_eq!((again.status, again.code()), (400, "OperationNotAllowed"));
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    let took = started.elapsed().as_secs();
    assert!((130..=205).contains(&took), "{took} s");
    let told = job(&azure, &begun).await;
    assert_eq!(
        (&told["state"], &told["stateDescription"]),
        (&json!("Succeeded"), &json!("Completed"))
    );

    let after = properties(&azure, &path).await;
    assert_eq!(after["activeLocation"], "Recovery");
    assert_eq!(
        after["protectionState"],
        "UnplannedFailoverCommitPendingStatesBegin"
    );
    assert_eq!(
        after["allowedOperations"],
        json!([
            "CompleteMigration",
            "Commit",
            "DisableProtection",
            "ChangePit",
            "SwitchProtection"
        ])
    );
    let view = get(
        &azure,
        &format!("{}/instanceView", machine("northeurope", "vm-rabbit-1")),
        COMPUTE,
    )
    .await;
    assert_eq!(view.body["statuses"][1]["code"], "PowerState/running");
    let view = get(
        &azure,
        &format!("{}/instanceView", machine("westeurope", "vm-rabbit-1")),
        COMPUTE,
    )
    .await;
    assert_eq!(view.body["statuses"][1]["code"], "PowerState/deallocated");

    let early = act(
        &azure,
        &format!("{}/switchprotection", container("westeurope")),
        switch("vm-rabbit-1", "westeurope"),
    )
    .await;
    assert_eq!((early.status, early.code()), (400, "FailoverNotCommitted"));
    let points = get(&azure, &format!("{path}/recoveryPoints"), VERSION).await;
    assert!(!points.body["value"].as_array().unwrap().is_empty());
    let begun = act(&azure, &format!("{path}/failoverCommit"), Value::Null).await;
    finish(&azure, &begun).await;
    assert_eq!(
        properties(&azure, &path).await["protectionState"],
        "UnplannedFailoverCommitted"
    );
    let points = get(&azure, &format!("{path}/recoveryPoints"), VERSION).await;
    assert_eq!(points.body["value"], json!([]));

    let begun = act(
        &azure,
        &format!("{}/switchprotection", container("westeurope")),
        switch("vm-rabbit-1", "westeurope"),
    )
    .await;
    assert!(
        begun
            .header("location")
            .unwrap()
            .contains("-container/operationresults/")
    );
    finish(&azure, &begun).await;
    assert_eq!(get(&azure, &path, VERSION).await.status, 404);
    let other = item("northeurope", "vm-rabbit-1");
    let turned = properties(&azure, &other).await;
    assert_eq!(turned["activeLocation"], "Primary");
    assert_eq!(turned["protectionState"], "InitialReplicationInProgress");
    assert_eq!(turned["allowedOperations"], json!(["DisableProtection"]));
    assert_eq!(
        turned["providerSpecificDetails"]["primaryFabricLocation"],
        "northeurope"
    );
    assert_eq!(turned["providerSpecificDetails"]["rpoInSeconds"], Value::Null);
    let old = get(&azure, &machine("westeurope", "vm-rabbit-1"), COMPUTE).await;
    assert_eq!(old.status, 404, "switching protection deletes the old machine");

    tokio::time::sleep(Duration::from_secs(35 * 60)).await;
    assert_ne!(properties(&azure, &other).await["protectionState"], "Protected");
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    assert_eq!(properties(&azure, &other).await["protectionState"], "Protected");
    let begun = act(
        &azure,
        &format!("{other}/unplannedFailover"),
        failover("Required"),
    )
    .await;
    finish(&azure, &begun).await;
    assert_eq!(properties(&azure, &other).await["activeLocation"], "Recovery");
    assert_eq!(
        get(&azure, &machine("westeurope", "vm-rabbit-1"), COMPUTE)
            .await
            .status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_failover_needs_nothing_of_a_region_that_is_gone() {
    let azure = vault_with("regions: [{ name: westeurope, outages: [{ is: gone, from: 13m }] }]");
    tokio::time::sleep(Duration::from_secs(1)).await;
    azure.advance(Duration::from_secs(60 * 60));
    let path = item("westeurope", "vm-rabbit-1");
    let before = properties(&azure, &path).await;
    assert_eq!(before["replicationHealth"], "Critical");
    let reckoned = before["providerSpecificDetails"]["lastRpoCalculatedTime"].clone();
    assert_eq!(reckoned, "2026-01-05T09:12:00Z", "it stands still");
    assert!(!takes(&azure, "10.10.4.10:5672").await);
    assert!(!takes(&azure, "10.20.4.10:5672").await);
    let begun = act(&azure, &format!("{path}/unplannedFailover"), failover("Required")).await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    assert_eq!(
        properties(&azure, &path).await["providerSpecificDetails"]["lastRpoCalculatedTime"],
        reckoned
    );
    assert!(
        takes(&azure, "10.20.4.10:5672").await,
        "the port follows the machine"
    );
}

#[tokio::test(start_paused = true)]
async fn the_port_of_machines_that_have_moved_is_dead_where_they_were() {
    let azure = vault_with("");
    for name in ["vm-rabbit-1", "vm-rabbit-2"] {
        assert!(takes(&azure, "10.10.4.10:5672").await);
        let path = format!("{}/unplannedFailover", item("westeurope", name));
        let begun = act(&azure, &path, failover("Required")).await;
        finish(&azure, &begun).await;
    }
    assert!(!takes(&azure, "10.10.4.10:5672").await);
    assert!(takes(&azure, "10.20.4.10:5672").await);
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_cleans_up_leaves_the_world_as_it_found_it_and_blocks_until_it_does() {
    let azure = vault_with("");
    let path = item("westeurope", "vm-rabbit-1");
    let before = azure.world();
    let network = json!({
        "failoverDirection": "PrimaryToRecovery", "networkType": "VmNetworkAsInput",
        "networkId": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-machines-northeurope/providers/Microsoft.Network/virtualNetworks/vnet-drill-neu"),
        "providerSpecificDetails": {"instanceType": "A2A"},
    });
    let begun = act(&azure, &format!("{path}/testFailover"), network).await;
    finish(&azure, &begun).await;
    let pending = properties(&azure, &path).await;
    assert_eq!(pending["testFailoverState"], "WaitingForCompletion");
    assert_eq!(pending["allowedOperations"], json!(["TestFailoverCleanup"]));
    assert_eq!(pending["activeLocation"], "Primary");
    let test = machine("northeurope", "vm-rabbit-1-test");
    assert_eq!(get(&azure, &test, COMPUTE).await.status, 200);
    let refused = act(
        &azure,
        &format!("{path}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    assert_eq!(refused.status, 400, "a forgotten drill blocks the real failover");
    let begun = act(
        &azure,
        &format!("{path}/testFailoverCleanup"),
        json!({"comments": "done"}),
    )
    .await;
    finish(&azure, &begun).await;
    assert_eq!(get(&azure, &test, COMPUTE).await.status, 404);
    let mut after = azure.world();
    // What was done is remembered, in jobs; what is there is the same.
    after
        .resources
        .retain(|key, _| !key.contains("/replicationjobs/"));
    assert_eq!(before.resources, after.resources);
}

#[tokio::test(start_paused = true)]
async fn machines_of_a_multi_vm_group_move_through_a_recovery_plan_and_come_home_with_it() {
    let azure = vault_with("");
    let alone = format!("{}/unplannedFailover", item("westeurope", "vm-pg-1"));
    assert_eq!(
        act(&azure, &alone, failover("NotRequired")).await.code(),
        "MultiVmGroupMember"
    );
    let plan = format!("{}/replicationRecoveryPlans/rp-postgres", base());
    assert_eq!(
        properties(&azure, &plan).await["allowedOperations"],
        json!(["UnplannedFailover", "TestFailover"])
    );
    let body = json!({
        "failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "Required",
        "providerSpecificDetails": [{"instanceType": "A2A", "recoveryPointType": "LatestProcessed"}],
    });
    let begun = act(&azure, &format!("{plan}/unplannedFailover"), body.clone()).await;
    finish(&azure, &begun).await;
    for name in ["vm-pg-1", "vm-pg-2"] {
        assert_eq!(
            properties(&azure, &item("westeurope", name)).await["activeLocation"],
            "Recovery"
        );
    }
    let begun = act(&azure, &format!("{plan}/failoverCommit"), Value::Null).await;
    finish(&azure, &begun).await;
    let control = request("POST", "http://127.0.0.1/_simulator/reprotect", None);
    assert_eq!(send(&azure, control).await.unwrap().status, 200);
    let turned = properties(&azure, &item("northeurope", "vm-pg-1")).await;
    assert_eq!(turned["protectionState"], "Protected");
    let shown = properties(&azure, &plan).await;
    assert!(
        shown["primaryFabricId"]
            .as_str()
            .unwrap()
            .ends_with("northeurope")
    );
    let begun = act(&azure, &format!("{plan}/unplannedFailover"), body).await;
    finish(&azure, &begun).await;
    assert_eq!(
        properties(&azure, &item("northeurope", "vm-pg-2")).await["activeLocation"],
        "Recovery"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_may_succeed_in_part_and_its_job_says_so() {
    let azure = vault_with("");
    azure.add_faults(
        rules("{ match: { path: '**/rp-postgres/unplannedFailover' }, verdict: { operation-fails: { code: '150097', message: no quota, of: vm-pg-2 } } }").unwrap(),
    );
    let plan = format!("{}/replicationRecoveryPlans/rp-postgres", base());
    let begun = act(
        &azure,
        &format!("{plan}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    let told = job(&azure, &begun).await;
    assert_eq!(told["stateDescription"], "PartiallySucceeded");
    assert_eq!(told["errors"][0]["serviceErrorDetails"]["code"], "150097");
    assert_eq!(
        properties(&azure, &item("westeurope", "vm-pg-1")).await["activeLocation"],
        "Recovery"
    );
    let left = properties(&azure, &item("westeurope", "vm-pg-2")).await;
    assert_eq!(left["activeLocation"], "Primary");
    assert_eq!(left["allowedOperations"][0], "UnplannedFailover");
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_fails_lets_the_machine_go_and_its_job_says_why() {
    let azure = vault_with("");
    azure.add_faults(
        rules("{ match: { changing: true, nth: 1 }, verdict: { operation-fails: { code: '151066', message: certificates } } }").unwrap(),
    );
    let path = item("westeurope", "vm-rabbit-1");
    let begun = act(
        &azure,
        &format!("{path}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Failed");
    assert_eq!(
        job(&azure, &begun).await["errors"][0]["serviceErrorDetails"]["code"],
        "151066"
    );
    let left = properties(&azure, &path).await;
    assert_eq!(left["allowedOperations"][0], "UnplannedFailover");
    let begun = act(
        &azure,
        &format!("{path}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_failover_whose_effects_are_seen_late_is_refused_when_it_is_sent_again() {
    let azure = vault_with("");
    azure.add_faults(
        rules("{ match: { changing: true }, times: 1, verdict: { stale-reads: { for: 60s } } }").unwrap(),
    );
    let path = item("westeurope", "vm-rabbit-1");
    act(
        &azure,
        &format!("{path}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    let seen = properties(&azure, &path).await;
    assert_eq!(
        seen["allowedOperations"][0], "UnplannedFailover",
        "reads see it late"
    );
    let jobs = get(&azure, &format!("{}/replicationJobs", base()), VERSION).await;
    assert_eq!(jobs.body["value"], json!([]));
    let again = act(
        &azure,
        &format!("{path}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    assert_eq!(again.code(), "OperationNotAllowed");
    tokio::time::sleep(Duration::from_secs(61)).await;
    let jobs = get(&azure, &format!("{}/replicationJobs", base()), VERSION).await;
    assert_eq!(
        jobs.body["value"][0]["properties"]["scenarioName"],
        "UnplannedFailover"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_nowhere_is_refused_and_a_point_that_is_there_can_be_chosen() {
    let azure = vault_with("");
    let path = item("westeurope", "vm-rabbit-2");
    for verb in [
        "plannedFailover",
        "failoverCancel",
        "applyRecoveryPoint",
        "failoverCommit",
    ] {
        let told = act(&azure, &format!("{path}/{verb}"), json!({})).await;
        assert_eq!((told.status, told.code()), (400, "OperationNotAllowed"), "{verb}");
    }
    let points = get(&azure, &format!("{path}/recoveryPoints"), VERSION).await;
    let list = points.body["value"].as_array().unwrap().clone();
    let times: Vec<&str> = list
        .iter()
        .map(|point| point["properties"]["recoveryPointTime"].as_str().unwrap())
        .collect();
    assert!(
        !times.is_sorted() && !times.iter().rev().is_sorted(),
        "they come in no order"
    );
    let point = list[0]["id"].as_str().unwrap();
    let mut body = failover("NotRequired");
    body["providerSpecificDetails"]["recoveryPointId"] = json!(point);
    let begun = act(&azure, &format!("{path}/unplannedFailover"), body).await;
    finish(&azure, &begun).await;
    assert_eq!(properties(&azure, &path).await["failoverRecoveryPointId"], point);
    let source = get(
        &azure,
        &format!("{}/instanceView", machine("westeurope", "vm-rabbit-2")),
        COMPUTE,
    )
    .await;
    assert_eq!(
        source.body["statuses"][1]["code"], "PowerState/running",
        "nobody asked to stop it"
    );
    let items = get(&azure, &format!("{}/replicationProtectedItems", base()), VERSION).await;
    assert_eq!(items.body["value"].as_array().unwrap().len(), 4);
    assert_eq!(items.body["nextLink"], Value::Null);
    assert!(items.body.as_object().unwrap().contains_key("nextLink"));
}
