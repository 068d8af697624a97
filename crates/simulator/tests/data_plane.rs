//! Do public addresses answer exactly when the platform really stands behind them?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use leeward_simulator::{Settings, Simulator, World};
use serde_json::{Value, json};
use support::*;

const SHOP: &str = "https://shop.example.test/health";
const CUSTOMER: &str = "https://marketplace.contoso.example.test/health";
const GATEWAY: &str = "https://gateway-neu.example.test/health";

const SERVING_DOWN: &str = "regions: [{ name: westeurope, outages: [{ is: not-serving, from: 0s }] }]";
const REGION_GONE: &str = "regions: [{ name: westeurope, outages: [{ is: gone, from: 0s }] }]";

fn platform(world: &str) -> Simulator {
    let traffic = json!({"traffic-manager": profile("")});
    let needs = json!({
        "westeurope": ["mi-fog-platform-primary", "aks-weu"],
        "northeurope": [instance_group("neu"), "aks-neu"],
    });
    let blueprint = serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [
            {
                "kind": "sql-failover-group", "name": "fog-platform",
                "primary": { "resource-group": "rg-platform-weu" },
                "paired": { "resource-group": "rg-platform-neu" },
            },
            {
                "kind": "storage-replicated", "containers": ["media"],
                "primary": { "account": "stmediaweu", "resource-group": "rg-data-weu" },
                "paired": { "account": "stmedianeu", "resource-group": "rg-data-neu" },
            },
            {
                "kind": "aks-cluster",
                "primary": { "name": "aks-weu", "resource-group": "rg-aks-weu" },
                "paired": { "name": "aks-neu", "resource-group": "rg-aks-neu", "address": "198.51.100.7" },
            },
            {
                "kind": "traffic-manager", "profile": "tm-platform", "resource-group": "rg-global",
                "primary": { "endpoint": "weu" }, "paired": { "endpoint": "neu" },
            },
            { "kind": "endpoint", "url": "https://shop.example.test/", "serves": traffic, "needs": needs },
            { "kind": "endpoint", "url": "https://marketplace.contoso.example.test/", "serves": traffic },
            {
                "kind": "endpoint", "url": "https://gateway-neu.example.test/", "serves": { "region": "northeurope" },
                "needs": { "northeurope": ["aks-neu", "stmedianeu"] },
            },
            { "kind": "endpoint", "url": "https://hooks.example.test/", "serves": "always", "status": 202 },
            { "kind": "tcp", "host": "10.10.0.20", "port": 443, "side": "primary" },
            {
                "kind": "tcp", "host": "10.20.0.20", "port": 443, "side": "paired", "at-least": 1,
                "needs": ["aks-neu", "vm-nobody"],
            },
        ],
    }))
    .unwrap();
    let world = World::derive(&blueprint)
        .unwrap()
        .overlaid_with(World::from_yaml(world).unwrap());
    Simulator::new(world, Settings::seeded(1))
}

async fn asks(azure: &Simulator, url: &str) -> Option<u16> {
    send(azure, request("GET", url, None))
        .await
        .ok()
        .map(|told| told.status)
}

async fn connects(azure: &Simulator, address: &str) -> bool {
    let request = http::Request::builder()
        .method("CONNECT")
        .uri(address)
        .body(bytes::Bytes::new())
        .unwrap();
    azure.handle(request).await.answer().is_some()
}

/// Moves everything to the paired region.
async fn move_over(azure: &Simulator) {
    let begun = post(
        azure,
        &format!("{}/forceFailoverAllowDataLoss", instance_group("neu")),
        SQL,
    )
    .await;
    finish(azure, &begun).await;
    assert_eq!(
        asks(azure, GATEWAY).await,
        Some(503),
        "nothing runs behind it yet"
    );
    let cluster = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-aks-neu/providers/Microsoft.ContainerService/managedClusters/aks-neu?api-version=2025-08-01"
    );
    let body = json!({"location": "northeurope", "properties": {
        "dnsPrefix": "shop",
        "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5"}],
    }});
    let begun = send(azure, request("PUT", &cluster, Some(body))).await.unwrap();
    assert!(
        !connects(azure, "198.51.100.7:443").await,
        "its nodes are not there yet"
    );
    finish(azure, &begun).await;
    assert!(connects(azure, "198.51.100.7:443").await);
    assert_eq!(asks(azure, "http://198.51.100.7/").await, Some(200));
    assert_eq!(
        asks(azure, GATEWAY).await,
        Some(503),
        "its files take no writes yet"
    );
    let policies = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-data-neu/providers/Microsoft.Storage/storageAccounts/stmedianeu/objectReplicationPolicies"
    );
    let list = get(azure, &policies, "2023-05-01").await.body;
    let policy = format!(
        "{policies}/{}?api-version=2023-05-01",
        list["value"][0]["name"].as_str().unwrap()
    );
    send(azure, request("DELETE", &policy, None)).await.unwrap();
    assert_eq!(asks(azure, GATEWAY).await, Some(200));
    for (endpoint, status) in [("neu", "Enabled"), ("weu", "Disabled")] {
        let path = profile(&format!("/externalEndpoints/{endpoint}?api-version=2022-04-01"));
        let body = json!({"properties": {"endpointStatus": status}});
        assert_eq!(
            send(azure, request("PATCH", &path, Some(body)))
                .await
                .unwrap()
                .status,
            200
        );
    }
}

#[tokio::test(start_paused = true)]
async fn customers_are_served_from_the_target_exactly_when_the_platform_stands_there() {
    for (world, before) in [("", Some(200)), (SERVING_DOWN, None), (REGION_GONE, None)] {
        let azure = platform(world);
        assert_eq!(asks(&azure, SHOP).await, before, "{world}");
        assert_eq!(asks(&azure, CUSTOMER).await, before, "{world}");
        assert_eq!(
            connects(&azure, "10.10.0.20:443").await,
            before.is_some(),
            "{world}"
        );
        assert_eq!(asks(&azure, GATEWAY).await, Some(503), "{world}");
        assert!(!connects(&azure, "10.20.0.20:443").await, "{world}");
        move_over(&azure).await;
        assert_eq!(asks(&azure, SHOP).await, Some(200), "{world}");
        assert_eq!(asks(&azure, CUSTOMER).await, Some(200), "{world}");
        assert!(
            connects(&azure, "10.20.0.20:443").await,
            "{world}: one of two is enough"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn traffic_that_moves_before_its_platform_finds_nobody() {
    let azure = platform("");
    for (endpoint, status) in [("neu", "Enabled"), ("weu", "Disabled")] {
        let path = profile(&format!("/externalEndpoints/{endpoint}?api-version=2022-04-01"));
        let body = json!({"properties": {"endpointStatus": status}});
        send(&azure, request("PATCH", &path, Some(body))).await.unwrap();
    }
    assert_eq!(asks(&azure, SHOP).await, Some(503));
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_to_a_webhook_is_kept() {
    let azure = platform("");
    let hook = request(
        "POST",
        "https://hooks.example.test/platform",
        Some(json!({"text": "moving"})),
    );
    assert_eq!(send(&azure, hook).await.unwrap().status, 202);
    let kept = send(&azure, request("GET", "http://127.0.0.1/_simulator/hooks", None))
        .await
        .unwrap();
    assert_eq!(kept.body[0]["url"], "https://hooks.example.test/platform");
    assert_eq!(kept.body[0]["body"], "{\"text\":\"moving\"}");
    assert_eq!(azure.hooks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fault_befalls_a_message_as_it_befalls_a_change() {
    let azure = platform("");
    let befalls = |verdict: &str| {
        azure.clear_faults();
        let rule = format!("- {{ match: {{ changing: true }}, times: 1, verdict: {verdict} }}\n");
        azure.add_faults(leeward_simulator::rules(&rule).unwrap());
    };
    let hook = || {
        request(
            "POST",
            "https://hooks.example.test/platform",
            Some(json!({"text": "moving"})),
        )
    };
    befalls("reset");
    assert!(send(&azure, hook()).await.is_err(), "the first is reset");
    assert_eq!(azure.hooks().len(), 0, "and never arrives");
    befalls("answer-lost");
    assert!(
        send(&azure, hook()).await.is_err(),
        "of the second nothing is heard"
    );
    assert_eq!(azure.hooks().len(), 1, "though it arrived");
    assert_eq!(send(&azure, hook()).await.unwrap().status, 202);
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_the_region_that_a_request_went_to_whether_or_not_anybody_answers_there() {
    let azure = platform(REGION_GONE);
    assert_eq!(
        asks(&azure, "https://stmediaweu.blob.core.windows.net/media/one").await,
        None
    );
    assert_eq!(asks(&azure, SHOP).await, None);
    assert_eq!(
        asks(&azure, "https://stmedianeu.blob.core.windows.net/media/one").await,
        Some(404)
    );
    assert!(!connects(&azure, "10.10.0.20:443").await);
    assert!(
        !connects(
            &azure,
            "mi-fog-platform-primary.11111111.database.windows.net:1433"
        )
        .await
    );
    assert!(
        connects(
            &azure,
            "mi-fog-platform-paired.11111111.database.windows.net:1433"
        )
        .await
    );
    assert_eq!(asks(&azure, "https://hooks.example.test/").await, Some(202));
    let regions: Vec<Option<String>> = azure.requests().into_iter().map(|entry| entry.region).collect();
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(
        regions,
        [
            named("westeurope"),
            named("westeurope"),
            named("northeurope"),
            named("westeurope"),
            named("westeurope"),
            named("northeurope"),
            None,
        ]
    );
}

fn fault(verdict: &str) -> Vec<leeward_simulator::Rule> {
    leeward_simulator::rules(&format!(
        "[{{ match: {{ changing: true }}, verdict: {verdict} }}]"
    ))
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_and_a_blob_that_come_late_come_late() {
    let azure = platform("");
    azure.add_faults(fault("{ late-delivery: { after: 60s } }"));
    let blob = "https://stmediaweu.blob.core.windows.net/media/one";
    let sent = [
        request("POST", "https://hooks.example.test/x", Some(json!("moved"))),
        request("PUT", blob, Some(json!("text"))),
    ];
    for one in sent {
        let asked = tokio::time::timeout(std::time::Duration::from_secs(30), send(&azure, one)).await;
        assert!(asked.is_err(), "its sender gives up");
        azure.clear_faults();
        assert!(azure.hooks().is_empty(), "{:?}", azure.hooks());
        assert_eq!(asks(&azure, blob).await, Some(404));
        azure.add_faults(fault("{ late-delivery: { after: 60s } }"));
        azure.advance(std::time::Duration::ZERO);
    }
    azure.clear_faults();
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(asks(&azure, blob).await, Some(200));
    let late: Vec<bool> = azure
        .requests()
        .iter()
        .filter(|entry| entry.changing)
        .map(|entry| entry.accepted && entry.delivered.is_some_and(|at| at > entry.time))
        .collect();
    assert_eq!(late, [true, true]);
    assert_eq!(azure.hooks().len(), 1, "a blob is no message");
}

#[tokio::test(start_paused = true)]
async fn a_blob_that_is_written_may_stay_unseen_for_a_while() {
    let azure = platform("");
    azure.add_faults(fault("{ stale-reads: { for: 45s } }"));
    let blob = "https://stmediaweu.blob.core.windows.net/media/one";
    assert_eq!(
        send(&azure, request("PUT", blob, Some(json!("text"))))
            .await
            .unwrap()
            .status,
        201
    );
    assert_eq!(asks(&azure, blob).await, Some(404));
    tokio::time::sleep(std::time::Duration::from_secs(46)).await;
    assert_eq!(asks(&azure, blob).await, Some(200));
}

async fn secret(azure: &Simulator, method: &str, token: Option<&str>) -> Option<(u16, Value)> {
    let mut asked = http::Request::builder()
        .method(method)
        .uri("https://kv-shop.vault.azure.net/secrets/media?api-version=7.4");
    if let Some(token) = token {
        asked = asked.header("authorization", format!("Bearer {token}"));
    }
    let body = bytes::Bytes::from(json!({"value": "new"}).to_string());
    let told = azure.handle(asked.body(body).unwrap()).await.answer()?;
    Some((
        told.status().as_u16(),
        serde_json::from_slice(told.body()).unwrap(),
    ))
}

#[tokio::test(start_paused = true)]
async fn a_vault_whose_region_is_gone_is_read_from_the_paired_one_and_takes_no_secret() {
    for (world, written, shown) in [
        ("", 200, "new"),
        (
            "regions: [{ name: northeurope, outages: [{ is: gone, from: 0s }] }]",
            403,
            "old",
        ),
    ] {
        let blueprint = serde_json::from_value(json!({
            "subscription": SUBSCRIPTION,
            "regions": { "primary": "westeurope", "paired": "northeurope" },
            "resources": [
                { "kind": "resource", "location": "northeurope",
                  "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-shop"),
                  "body": {"properties": {}} },
                { "kind": "resource", "location": "northeurope",
                  "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-shop/secrets/media"),
                  "body": {"properties": {"value": "old", "contentType": "text"}} },
            ],
        }))
        .unwrap();
        let world = World::derive(&blueprint)
            .unwrap()
            .overlaid_with(World::from_yaml(world).unwrap());
        let azure = Simulator::new(world, Settings::seeded(1));
        assert_eq!(secret(&azure, "GET", None).await.unwrap().0, 401);
        let told = secret(&azure, "GET", Some("t")).await.unwrap();
        assert_eq!(
            (told.0, &told.1["value"], &told.1["contentType"]),
            (200, &json!("old"), &json!("text"))
        );
        assert_eq!(secret(&azure, "PUT", Some("t")).await.unwrap().0, written);
        let told = secret(&azure, "GET", Some("t")).await.unwrap();
        assert_eq!(told.1["value"], shown);
        assert!(azure.hooks().is_empty(), "a secret is no message to anybody");
    }
}
