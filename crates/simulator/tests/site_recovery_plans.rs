//! What do recovery plans, their jobs and the lists of a vault do: manual actions, parts, pages, unknown providers?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use leeward_simulator::{Settings, Simulator, World, rules};
use serde_json::{Value, json};
use support::{Told, finish, request, send, vault::*};

fn world_with(more: Value) -> Simulator {
    let mut blueprint = serde_json::to_value(blueprint()).unwrap();
    let item = blueprint["resources"][3].as_object_mut().unwrap();
    item.extend(more.as_object().unwrap().clone());
    let world = World::derive(&serde_json::from_value(blueprint).unwrap()).unwrap();
    Simulator::new(world, Settings::seeded(3))
}

fn plan() -> String {
    format!("{}/replicationRecoveryPlans/rp-postgres", base())
}

fn of_plan(details: Value) -> Value {
    let mut body = failover("NotRequired");
    body["providerSpecificDetails"] = json!([details]);
    body
}

async fn job_path(begun: &Told) -> String {
    let url = begun.header("azure-asyncoperation").unwrap();
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    format!("{}/replicationJobs/{name}", base())
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_its_last_scenario_and_how_that_ended() {
    let azure = world_with(json!({}));
    assert_eq!(properties(&azure, &plan()).await["currentScenario"], Value::Null);
    let latest = json!({"instanceType": "A2A", "recoveryPointType": "Latest", "multiVmSyncPointOption": "UseMultiVmSyncRecoveryPoint"});
    let begun = act(&azure, &format!("{}/unplannedFailover", plan()), of_plan(latest)).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let going = properties(&azure, &plan()).await;
    assert_eq!(going["currentScenario"]["scenarioName"], "UnplannedFailover");
    assert_eq!(going["currentScenarioStatus"], "InProgress");
    finish(&azure, &begun).await;
    let over = properties(&azure, &plan()).await;
    assert_eq!(over["currentScenario"]["scenarioName"], "UnplannedFailover");
    assert_eq!(
        (
            &over["currentScenarioStatus"],
            &over["currentScenarioStatusDescription"]
        ),
        (&json!("Succeeded"), &json!("Completed"))
    );
    assert!(over["lastUnplannedFailoverTime"].is_string());
    assert!(
        over["currentScenario"]["jobId"]
            .as_str()
            .unwrap()
            .ends_with(job_path(&begun).await.rsplit('/').next().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn the_drill_of_a_plan_waits_suspended_until_it_is_cleaned_up() {
    let azure = world_with(json!({}));
    let body = json!({
        "failoverDirection": "PrimaryToRecovery", "networkType": "VmNetworkAsInput", "networkId": "/x/vnet",
        "providerSpecificDetails": [{"instanceType": "A2A", "recoveryPointType": "Latest"}],
    });
    let begun = act(&azure, &format!("{}/testFailover", plan()), body).await;
    finish(&azure, &begun).await;
    let waits = properties(&azure, &plan()).await;
    assert_eq!(waits["allowedOperations"], json!(["TestFailoverCleanup"]));
    assert_eq!(waits["currentScenarioStatus"], "Suspended");
    assert_eq!(
        waits["currentScenarioStatusDescription"],
        "WaitingForStopTestFailover"
    );
    let refused = act(
        &azure,
        &format!("{}/unplannedFailover", plan()),
        failover("NotRequired"),
    )
    .await;
    assert_eq!((refused.status, refused.code()), (400, "OperationNotAllowed"));
    let begun = act(
        &azure,
        &format!("{}/testFailoverCleanup", plan()),
        json!({"comments": "x"}),
    )
    .await;
    finish(&azure, &begun).await;
    let clear = properties(&azure, &plan()).await;
    assert_eq!(clear["currentScenarioStatus"], "Succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_told_which_kind_of_point_to_take() {
    let azure = world_with(json!({}));
    for details in [
        json!({"instanceType": "A2A"}),
        json!({"instanceType": "A2A", "recoveryPointType": "Oldest"}),
        json!({"instanceType": "A2A", "recoveryPointType": "Latest", "multiVmSyncPointOption": "Sometimes"}),
    ] {
        let told = act(
            &azure,
            &format!("{}/unplannedFailover", plan()),
            of_plan(details.clone()),
        )
        .await;
        assert_eq!(
            (told.status, told.code()),
            (400, "RecoveryPointTypeInvalid"),
            "{details}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_something_to_do_by_hand_waits_for_its_resume() {
    let azure = world_with(json!({"manual-action": "mount the disks"}));
    let begun = act(
        &azure,
        &format!("{}/unplannedFailover", plan()),
        failover("NotRequired"),
    )
    .await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let waits = job(&azure, &begun).await;
    assert_eq!(
        (&waits["state"], &waits["allowedActions"]),
        (&json!("Suspended"), &json!(["Resume"]))
    );
    assert_eq!(waits["tasks"][0]["friendlyName"], "mount the disks");
    assert_eq!(waits["tasks"][0]["allowedActions"], json!(["Resume"]));
    let moved = properties(&azure, &item("westeurope", "vm-pg-1")).await;
    assert_eq!(moved["activeLocation"], "Primary", "nothing has moved yet");
    let path = job_path(&begun).await;
    let refused = act(&azure, &format!("{path}/cancel"), json!({})).await;
    assert_eq!(refused.code(), "JobActionNotAllowed", "only what is listed");
    let resumed = act(&azure, &format!("{path}/resume"), json!({"comments": "done"})).await;
    assert_eq!(resumed.status, 202);
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    let done = job(&azure, &begun).await;
    assert_eq!(done["stateDescription"], "Completed");
    let again = act(&azure, &format!("{path}/resume"), json!({"comments": "done"})).await;
    assert_eq!(again.code(), "JobActionNotAllowed");
}

#[tokio::test(start_paused = true)]
async fn the_job_of_a_plan_has_a_task_for_each_machine_with_its_own_errors() {
    let azure = world_with(json!({}));
    azure.add_faults(
        rules("{ match: { path: '**/rp-postgres/unplannedFailover' }, verdict: { operation-fails: { code: '150097', message: no quota, of: vm-pg-2 } } }").unwrap(),
    );
    let begun = act(
        &azure,
        &format!("{}/unplannedFailover", plan()),
        failover("NotRequired"),
    )
    .await;
    finish(&azure, &begun).await;
    let told = job(&azure, &begun).await;
    let tasks = told["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2);
    let of = |machine: &str| {
        let task = tasks
            .iter()
            .find(|task| task["friendlyName"].as_str().unwrap().ends_with(machine));
        task.unwrap().clone()
    };
    assert_eq!(of("vm-pg-1")["state"], "Succeeded");
    let failed = of("vm-pg-2");
    assert_eq!(failed["state"], "Failed");
    assert_eq!(failed["errors"][0]["serviceErrorDetails"]["code"], "150097");
    assert_eq!(
        properties(&azure, &plan()).await["currentScenarioStatusDescription"],
        "PartiallySucceeded"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_may_come_in_pages_and_name_items_of_providers_that_nobody_knows() {
    let azure = world_with(json!({"page-size": 2, "foreign": ["odd-one"]}));
    let list = format!("{}/replicationProtectedItems?api-version={VERSION}", base());
    let mut path = list.clone();
    let mut names = Vec::new();
    let mut pages = 0;
    loop {
        let told = send(&azure, request("GET", &path, None)).await.unwrap();
        pages += 1;
        for item in told.body["value"].as_array().unwrap() {
            names.push((
                item["name"].as_str().unwrap().to_owned(),
                item["properties"]["providerSpecificDetails"]["instanceType"].clone(),
            ));
        }
        let Some(next) = told.body["nextLink"].as_str() else {
            break;
        };
        let token = next.split("skipToken=").nth(1).unwrap();
        path = format!("{list}&skipToken={token}");
    }
    assert_eq!((pages, names.len()), (3, 5), "{names:?}");
    let odd = names.iter().find(|(name, _)| name == "odd-one").unwrap();
    assert_eq!(odd.1, "NotYetHeardOf");
}

#[tokio::test(start_paused = true)]
async fn protection_is_not_turned_round_without_a_mapping_that_way() {
    let mut world = World::derive(&blueprint()).unwrap();
    world
        .resources
        .retain(|id, _| !id.ends_with("/northeurope-westeurope-24-hour-retention-policy"));
    let azure = Simulator::new(world, Settings::seeded(3));
    let path = item("westeurope", "vm-rabbit-1");
    for verb in ["unplannedFailover", "failoverCommit"] {
        let begun = act(&azure, &format!("{path}/{verb}"), failover("NotRequired")).await;
        finish(&azure, &begun).await;
    }
    let told = act(
        &azure,
        &format!("{}/switchprotection", container("westeurope")),
        switch("vm-rabbit-1", "westeurope"),
    )
    .await;
    assert_eq!((told.status, told.code()), (400, "ContainerMappingMissing"));
}

#[tokio::test(start_paused = true)]
async fn the_way_home_is_never_asked_for_as_recovery_to_primary() {
    let azure = world_with(json!({}));
    let mut body = failover("NotRequired");
    body["failoverDirection"] = json!("RecoveryToPrimary");
    let path = item("westeurope", "vm-rabbit-1");
    let told = act(&azure, &format!("{path}/unplannedFailover"), body).await;
    assert_eq!((told.status, told.code()), (400, "FailoverDirectionNotAllowed"));
}
