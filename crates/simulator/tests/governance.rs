//! Are tags, health and the order of refusals as Azure's?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use leeward_simulator::Simulator;
use serde_json::{Value, json};
use support::{governed::*, *};

#[tokio::test(start_paused = true)]
async fn tags_are_merged_replaced_and_deleted_by_themselves_and_shown_on_the_resource() {
    let azure = governed("");
    let change = |operation: &'static str, given: Value| {
        let azure = azure.clone();
        async move {
            let body = json!({"operation": operation, "properties": {"tags": given}});
            ask(&azure, "PATCH", &tags(&account()), TAGS, body).await
        }
    };
    let put = json!({"properties": {"tags": {"one": "1", "two": "2"}}});
    let told = ask(&azure, "PUT", &tags(&account()), TAGS, put).await;
    assert_eq!(
        (told.status, &told.body["properties"]["tags"]),
        (200, &json!({"one": "1", "two": "2"}))
    );
    let merged = change("Merge", json!({"ONE": "one", "three": "3"})).await;
    assert_eq!(
        merged.body["properties"]["tags"],
        json!({"one": "one", "three": "3", "two": "2"})
    );
    let deleted = change("Delete", json!({"three": "4", "two": ""})).await;
    assert_eq!(
        deleted.body["properties"]["tags"],
        json!({"one": "one", "three": "3"}),
        "another value stays"
    );
    let replaced = change("Replace", json!({"leeward-run": "r-1"})).await;
    assert_eq!(replaced.body["properties"]["tags"], json!({"leeward-run": "r-1"}));
    assert_eq!(change("Invent", json!({})).await.status, 400);
    assert_eq!(change("Merge", json!({"x": "y".repeat(257)})).await.status, 400);
    let shown = ask(&azure, "GET", &account(), "2023-05-01", Value::Null).await;
    assert_eq!(shown.body["tags"], json!({"leeward-run": "r-1"}));
    assert_eq!(
        ask(&azure, "DELETE", &tags(&account()), TAGS, Value::Null)
            .await
            .status,
        200
    );
    let none = ask(&azure, "GET", &tags(&account()), TAGS, Value::Null).await;
    assert_eq!(none.body["properties"]["tags"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn whatever_bears_tags_shows_them_and_parts_of_others_bear_none() {
    let azure = governed("");
    let put = json!({"properties": {"tags": {"leeward-run": "r-1"}}});
    let vault = format!(
        "{}/providers/Microsoft.RecoveryServices/vaults/rsv-neu",
        group("rg-platform-neu")
    );
    let server = server_group("neu")
        .split("/failoverGroups")
        .next()
        .unwrap()
        .to_owned();
    let zone = format!(
        "{}/providers/Microsoft.Network/dnszones/example.test",
        group("rg-global")
    );
    let machine = format!(
        "{}/providers/Microsoft.Compute/virtualMachines/vm-1",
        group("rg-machines-westeurope")
    );
    let borne = [
        (subscription(), "2022-12-01"),
        (group("rg-global"), "2024-03-01"),
        (account(), "2023-05-01"),
        (cluster(), "2024-05-01"),
        (thing(), "2024-01-01"),
        (profile(""), "2022-04-01"),
        (server_group("neu"), SQL),
        (server, SQL),
        (vault.clone(), "2024-04-01"),
        (zone, "2018-05-01"),
        (machine, "2024-07-01"),
    ];
    for (at, version) in &borne {
        let told = ask(&azure, "PUT", &tags(at), TAGS, put.clone()).await;
        assert_eq!(told.status, 200, "{at}: {told:?}");
        let shown = ask(&azure, "GET", at, version, Value::Null).await;
        assert_eq!(shown.body["tags"]["leeward-run"], "r-1", "{at}: {}", shown.body);
    }
    let items = ask(
        &azure,
        "GET",
        &format!("{vault}/replicationProtectedItems"),
        "2024-04-01",
        Value::Null,
    )
    .await;
    let item = items.body["value"][0]["id"].as_str().unwrap();
    for part in [item, &profile("/externalEndpoints/weu")] {
        assert_eq!(
            ask(&azure, "PUT", &tags(part), TAGS, put.clone()).await.status,
            400,
            "{part}"
        );
    }
    let missing = ask(&azure, "PUT", &tags(&format!("{}x", thing())), TAGS, put).await;
    assert_eq!((missing.status, missing.code()), (404, "ResourceNotFound"));
}

fn health(of: &str) -> String {
    format!("{of}/providers/Microsoft.ResourceHealth/availabilityStatuses/current")
}

async fn state(azure: &Simulator, of: &str) -> String {
    let told = ask(azure, "GET", &health(of), HEALTH, Value::Null).await;
    told.body["properties"]["availabilityState"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The words that are told minute by minute, each once, with the minute in which it was first told.
async fn told_over(azure: &Simulator, of: &str, minutes: u64) -> Vec<(String, u64)> {
    let mut told: Vec<(String, u64)> = Vec::new();
    for minute in 0..minutes {
        let word = state(azure, of).await;
        if told.last().is_none_or(|(last, _)| *last != word) {
            told.push((word, minute));
        }
        azure.advance(Duration::from_secs(60));
    }
    told
}

#[tokio::test(start_paused = true)]
async fn the_health_of_a_resource_follows_its_region_late_and_at_times_knows_nothing() {
    let gone = governed("regions: [{ name: westeurope, outages: [{ is: gone, from: 10m, until: 1h }] }]");
    let told = told_over(&gone, &account(), 90).await;
    let words: Vec<&str> = told.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["Available", "Unknown", "Unavailable", "Available"]);
    assert!((14..=23).contains(&told[1].1), "told late: {told:?}");
    assert!((64..=73).contains(&told[3].1), "and over late: {told:?}");
    let ill = governed("regions: [{ name: westeurope, outages: [{ is: not-serving, from: 10m }] }]");
    let told = told_over(&ill, &account(), 40).await;
    assert_eq!(
        told.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>(),
        ["Available", "Degraded"]
    );
    assert_eq!(
        state(&ill, &profile("")).await,
        "Available",
        "what is of no region"
    );
    let missing = ask(
        &ill,
        "GET",
        &health(&format!("{}x", thing())),
        HEALTH,
        Value::Null,
    )
    .await;
    assert_eq!(missing.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_service_issue_is_told_late_of_a_region_that_is_down_and_resolved_when_it_is_over() {
    let azure = governed("regions: [{ name: westeurope, outages: [{ is: gone, from: 5m, until: 1h }] }]");
    let events = format!("{}/providers/Microsoft.ResourceHealth/events", subscription());
    let list = |query: &'static str| {
        let (azure, events) = (azure.clone(), events.clone());
        async move { ask(&azure, "GET", &format!("{events}{query}"), HEALTH, Value::Null).await }
    };
    azure.advance(Duration::from_secs(6 * 60));
    assert_eq!(list("").await.body["value"], json!([]), "not at once");
    azure.advance(Duration::from_secs(20 * 60));
    let told = list("?$filter=eventType%20eq%20'ServiceIssue'%20and%20status%20eq%20'Active'").await;
    let event = &told.body["value"][0];
    assert_eq!(event["properties"]["status"], "Active");
    assert_eq!(
        event["properties"]["impact"][0]["impactedRegions"][0]["impactedRegion"],
        "West Europe"
    );
    assert_eq!(
        list("?$filter=region%20eq%20'northeurope'").await.body["value"],
        json!([])
    );
    assert_eq!(list("?queryStartTime=7/24/2030").await.body["value"], json!([]));
    assert_eq!(list("?queryStartTime=lately").await.status, 400);
    let name = event["name"].as_str().unwrap();
    let one = ask(&azure, "GET", &format!("{events}/{name}"), HEALTH, Value::Null).await;
    assert_eq!(one.body, *event);
    azure.advance(Duration::from_secs(3_600));
    assert_eq!(
        list("").await.body["value"][0]["properties"]["status"],
        "Resolved"
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_in_a_dead_region_refuses_every_change_of_what_is_in_it_and_its_reads_are_answered() {
    // The account and the group of instances live in both regions; the paired side's group is in the dead one.
    let azure = governed(
        "regions: [{ name: uksouth, outages: [{ is: gone }] }]\n\
         groups: [{ subscription: 11111111-2222-3333-4444-555555555555, name: rg-global, location: uksouth }]",
    );
    let changes = [
        ("PUT", thing(), "2024-01-01"),
        ("PATCH", profile("/externalEndpoints/weu"), "2022-04-01"),
        ("DELETE", thing(), "2024-01-01"),
        ("POST", format!("{}/restart", thing()), "2024-01-01"),
        ("PUT", tags(&thing()), TAGS),
        ("PUT", assignment(&thing(), 1), ROLES),
        ("PUT", lock(&thing(), "one"), LOCKS),
    ];
    for (method, path, version) in &changes {
        let told = ask(
            &azure,
            method,
            path,
            version,
            json!({"properties": {"level": "ReadOnly"}}),
        )
        .await;
        assert_eq!(
            (told.status, told.code()),
            (504, "GatewayTimeout"),
            "{method} {path}"
        );
    }
    for (path, version) in [
        (thing(), "2024-01-01"),
        (profile(""), "2022-04-01"),
        (health(&thing()), HEALTH),
    ] {
        assert_eq!(
            ask(&azure, "GET", &path, version, Value::Null).await.status,
            200,
            "{path}"
        );
    }
    let elsewhere = json!({"properties": {"tags": {"a": "b"}}});
    assert_eq!(
        ask(&azure, "PUT", &tags(&account()), TAGS, elsewhere)
            .await
            .status,
        200
    );
    assert_eq!(
        azure
            .requests()
            .into_iter()
            .filter(|entry| entry.accepted)
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_come_in_azures_order_route_version_token_role_lock_group_provider() {
    let of = |more: &str| {
        governed(&format!(
            "regions: [{{ name: uksouth, outages: [{{ is: gone, until: 1h }}] }}]\n\
             groups: [{{ subscription: 11111111-2222-3333-4444-555555555555, name: rg-dead, location: uksouth }}]\n{more}"
        ))
    };
    let dead = group("rg-dead");
    let missing = format!("{dead}/providers/Microsoft.Sql/servers/none/failoverGroups/none/failover");
    let roles = format!("roles: [{{ principal: {CALLER}, actions: [] }}]\n");
    let locks = format!("locks: [{{ scope: {dead}, level: ReadOnly }}]\n");
    let bare = |path: &str| {
        http::Request::post(format!("https://management.azure.com{path}"))
            .body(bytes::Bytes::new())
            .unwrap()
    };
    let all = of(&format!("{roles}{locks}"));
    let unknown = bare(&format!(
        "{dead}/providers/Microsoft.Sql/unknown/none/failover?api-version={SQL}"
    ));
    assert_eq!(send(&all, unknown).await.unwrap().code(), "InvalidResourceType");
    assert_eq!(
        send(&all, bare(&missing)).await.unwrap().code(),
        "MissingApiVersionParameter"
    );
    let no_token = bare(&format!("{missing}?api-version={SQL}"));
    assert_eq!(send(&all, no_token).await.unwrap().code(), "AuthenticationFailed");
    assert_eq!(post(&all, &missing, SQL).await.code(), "AuthorizationFailed");
    let locked = of(&locks);
    assert_eq!(post(&locked, &missing, SQL).await.code(), "ScopeLocked");
    let gone = of("");
    assert_eq!(post(&gone, &missing, SQL).await.status, 504);
    gone.advance(Duration::from_secs(3_600));
    assert_eq!(post(&gone, &missing, SQL).await.status, 404);
}
