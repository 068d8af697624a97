//! How do the databases of Azure SQL replicate, and how are they copied? One test for each fact, named after it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::*;

const NEU: &str = "/resourceGroups/rg-platform-neu/providers/Microsoft.Sql";

fn id(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}{rest}")
}

fn database(side: &str, name: &str) -> String {
    id(&format!(
        "/resourceGroups/rg-platform-{side}/providers/Microsoft.Sql/servers/sql-shop-{side}/databases/{name}"
    ))
}

async fn link_of(azure: &leeward_simulator::Simulator, side: &str, name: &str) -> Value {
    let list = get(azure, &format!("{}/replicationLinks", database(side, name)), SQL)
        .await
        .body;
    list["value"][0].clone()
}

/// Makes a second database at the first server.
async fn stock(azure: &leeward_simulator::Simulator) -> Told {
    put_to(
        azure,
        &database("weu", "stock"),
        json!({"location": "westeurope"}),
    )
    .await
}

/// What makes a copy of it at the second.
fn copy_of_stock() -> Value {
    let source = database("weu", "stock");
    json!({"location": "northeurope", "properties": {"createMode": "Secondary", "sourceDatabaseId": source}})
}

#[tokio::test(start_paused = true)]
async fn a_link_is_the_same_on_both_sides_and_turns_round_with_the_group() {
    let azure = platform(1);
    let (here, there) = (
        link_of(&azure, "neu", "orders").await,
        link_of(&azure, "weu", "orders").await,
    );
    assert_eq!(here["name"], there["name"]);
    assert_eq!(
        (&here["properties"]["role"], &there["properties"]["role"]),
        (&json!("Secondary"), &json!("Primary"))
    );
    assert_eq!(here["properties"]["replicationState"], "CATCH_UP");
    assert_eq!(here["properties"]["percentComplete"], 100);
    let begun = post(&azure, &format!("{}/failover", server_group("neu")), SQL).await;
    finish(&azure, &begun).await;
    assert_eq!(
        link_of(&azure, "neu", "orders").await["properties"]["role"],
        "Primary"
    );
    let server = id(&format!("{NEU}/servers/sql-shop-neu/replicationLinks"));
    let list = get(&azure, &server, SQL).await.body;
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
    let one = list["value"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&azure, &one, SQL).await.body, list["value"][0]);
}

#[tokio::test(start_paused = true)]
async fn a_database_of_a_group_cannot_fail_over_alone() {
    let azure = platform(1);
    let link = link_of(&azure, "neu", "orders").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for verb in ["failover", "forceFailoverAllowDataLoss"] {
        let told = post(&azure, &format!("{link}/{verb}"), SQL).await;
        assert_eq!(
            (told.status, told.code()),
            (409, "FailoverGroupAlreadySetup"),
            "{verb}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_outside_a_group_is_switched_from_its_secondary_in_the_recorded_time() {
    let azure = platform(1);
    let made = stock(&azure).await;
    assert_eq!(made.body["operation"], "CreateLogicalDatabase");
    finish(&azure, &made).await;
    let copy = copy_of_stock();
    let made = put_to(&azure, &database("neu", "stock"), copy.clone()).await;
    assert_eq!(made.body["operation"], "CreateDatabaseAsCopy");
    finish(&azure, &made).await;
    let again = put_to(&azure, &database("neu", "stock"), copy).await;
    assert_eq!((again.status, again.code()), (409, "DuplicateGeoDrRelation"));
    let there = link_of(&azure, "weu", "stock").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let told = post(&azure, &format!("{there}/failover"), SQL).await;
    assert_eq!(
        (told.status, told.code()),
        (400, "GeoReplicationDatabaseNotSecondary")
    );
    let here = link_of(&azure, "neu", "stock").await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let before = tokio::time::Instant::now();
    let begun = post(&azure, &format!("{here}/failover"), SQL).await;
    assert_eq!(begun.body["operation"], "FailoverContinuousCopy");
    assert!(
        begun
            .header("azure-asyncoperation")
            .unwrap()
            .contains("/replicationLinksAzureAsyncOperation/")
    );
    let busy = post(&azure, &format!("{here}/failover"), SQL).await;
    assert_eq!((busy.status, busy.code()), (409, "ManagementServiceDatabaseBusy"));
    finish(&azure, &begun).await;
    assert!(before.elapsed() < Duration::from_secs(80));
    let result = send(&azure, request("GET", begun.header("location").unwrap(), None))
        .await
        .unwrap();
    assert_eq!(result.body["properties"]["role"], "Primary");
}

#[tokio::test(start_paused = true)]
async fn a_database_that_joins_a_group_is_seeded_and_holds_up_a_planned_switch() {
    let azure = platform(1);
    let made = stock(&azure).await;
    finish(&azure, &made).await;
    let body = json!({"properties": {
        "readWriteEndpoint": {"failoverPolicy": "Manual"},
        "databases": [database("weu", "orders"), database("weu", "stock")],
    }});
    let begun = put_to(&azure, &server_group("weu"), body).await;
    assert_eq!(begun.body["operation"], "UpdateFailoverGroup");
    let told = delete_at(&azure, &database("weu", "stock")).await;
    assert_eq!(
        (told.status, told.code()),
        (409, "DatabaseBeingAddedToFailoverGroup")
    );
    finish(&azure, &begun).await;
    let link = link_of(&azure, "neu", "stock").await;
    assert_eq!(link["properties"]["replicationState"], "SEEDING");
    assert!(link["properties"]["percentComplete"].as_u64().unwrap() < 100);
    let told = post(&azure, &format!("{}/failover", server_group("neu")), SQL).await;
    assert_eq!((told.status, told.code()), (400, "IncorrectReplicationLinkState"));
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(
        link_of(&azure, "neu", "stock").await["properties"]["replicationState"],
        "CATCH_UP"
    );
    assert_eq!(
        post(&azure, &format!("{}/failover", server_group("neu")), SQL)
            .await
            .status,
        202
    );
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_an_independent_database_and_is_dropped_again() {
    let azure = platform(1);
    let copy = database("neu", "orders-drill");
    let body = json!({"location": "northeurope", "tags": {"leeward-run": "r-1"}, "properties": {
        "createMode": "Copy", "sourceDatabaseId": database("weu", "orders"),
    }});
    let begun = put_to(&azure, &copy, body.clone()).await;
    assert_eq!(
        get(&azure, &copy, SQL).await.body["properties"]["status"],
        "Copying"
    );
    finish(&azure, &begun).await;
    let made = get(&azure, &copy, SQL).await.body;
    assert_eq!(made["properties"]["status"], "Online");
    assert_eq!(made["tags"]["leeward-run"], "r-1");
    assert_eq!(link_of(&azure, "neu", "orders-drill").await, Value::Null);
    assert_eq!(put_to(&azure, &copy, body).await.status, 202);
    let absent = json!({"location": "northeurope", "properties": {"createMode": "Copy", "sourceDatabaseId": database("weu", "nothing")}});
    let told = put_to(&azure, &database("neu", "other"), absent).await;
    assert_eq!((told.status, told.code()), (404, "SourceDatabaseNotFound"));
    tokio::time::sleep(Duration::from_secs(300)).await;
    let begun = delete_at(&azure, &copy).await;
    assert_eq!(begun.body["operation"], "DropLogicalDatabase");
    finish(&azure, &begun).await;
    assert_eq!(get(&azure, &copy, SQL).await.status, 404);
    assert_eq!(delete_at(&azure, &copy).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn a_planned_switch_of_a_link_from_a_region_that_does_not_serve_ends_badly_and_a_forced_one_succeeds() {
    let azure = platform(1);
    let made = stock(&azure).await;
    finish(&azure, &made).await;
    let copy = copy_of_stock();
    let made = put_to(&azure, &database("neu", "stock"), copy).await;
    finish(&azure, &made).await;
    azure.add_faults(
        leeward_simulator::rules(
            "[{ match: {}, verdict: { region-down: { region: westeurope, is: not-serving } } }]",
        )
        .unwrap(),
    );
    let link = link_of(&azure, "neu", "stock").await;
    assert_eq!(link["properties"]["replicationState"], "SUSPENDED");
    let link = link["id"].as_str().unwrap().to_owned();
    let begun = post(&azure, &format!("{link}/failover"), SQL).await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Failed");
    assert_eq!(
        link_of(&azure, "neu", "stock").await["properties"]["role"],
        "Secondary"
    );
    let begun = post(&azure, &format!("{link}/forceFailoverAllowDataLoss"), SQL).await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    assert_eq!(
        link_of(&azure, "neu", "stock").await["properties"]["role"],
        "Primary"
    );
}
