//! Do storage accounts behave as Azure's do?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use leeward_simulator::{Settings, Simulator, World};
use serde_json::{Value, json};
use support::*;

const VERSION: &str = "2023-05-01";

fn account(name: &str, group: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{name}"
    )
}

fn archive() -> String {
    account("starchive", "rg-data-weu")
}

fn media(side: &str) -> String {
    account(&format!("stmedia{side}"), &format!("rg-data-{side}"))
}

fn platform(world: &str) -> Simulator {
    let blueprint = serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [
            { "kind": "storage-geo", "account": "starchive", "resource-group": "rg-data-weu" },
            {
                "kind": "storage-replicated", "containers": ["media"],
                "primary": { "account": "stmediaweu", "resource-group": "rg-data-weu" },
                "paired": { "account": "stmedianeu", "resource-group": "rg-data-neu" },
            },
        ],
    }))
    .unwrap();
    let world = World::derive(&blueprint)
        .unwrap()
        .overlaid_with(World::from_yaml(world).unwrap());
    Simulator::new(world, Settings::seeded(1))
}

async fn stats(azure: &Simulator) -> Told {
    let path = format!("{}?api-version={VERSION}&$expand=geoReplicationStats", archive());
    send(azure, request("GET", &path, None)).await.unwrap()
}

async fn fail_over(azure: &Simulator, kind: &str) -> Told {
    let path = format!("{}/failover?api-version={VERSION}{kind}", archive());
    send(azure, request("POST", &path, None)).await.unwrap()
}

/// Polls `Location` until it is not 202 any more.
async fn wait(azure: &Simulator, begun: &Told) -> Told {
    let mut url = begun.header("location").unwrap().to_owned();
    for _ in 0..1_000 {
        let told = send(azure, request("GET", &url, None)).await.unwrap();
        if told.status != 202 {
            return told;
        }
        let fresh = told.header("location").unwrap().to_owned();
        assert_ne!(fresh, url, "every poll gives a fresh URL");
        url = fresh;
        tokio::time::sleep(Duration::from_secs(17)).await;
    }
    panic!("the failover never ended");
}

async fn blob(azure: &Simulator, method: &str, url: &str, text: &str) -> Option<u16> {
    blob_in(azure, method, url, text, "Hot").await
}

async fn blob_in(azure: &Simulator, method: &str, url: &str, text: &str, tier: &str) -> Option<u16> {
    let request = http::Request::builder()
        .method(method)
        .uri(url)
        .header("x-ms-access-tier", tier)
        .body(bytes::Bytes::from(text.to_owned()))
        .unwrap();
    azure
        .handle(request)
        .await
        .answer()
        .map(|answer| answer.status().as_u16())
}

#[tokio::test(start_paused = true)]
async fn an_unplanned_failover_leaves_one_copy_in_the_other_region() {
    let azure = platform("");
    let begun = fail_over(&azure, "").await;
    assert_eq!((begun.status, &begun.body), (202, &Value::Null));
    assert_eq!(begun.header("azure-asyncoperation"), None);
    assert!(begun.header("location").unwrap().contains("/asyncoperations/"));
    let during = get(&azure, &archive(), VERSION).await;
    assert_eq!(during.body["properties"]["failoverInProgress"], true);
    assert_eq!(fail_over(&azure, "").await.status, 409);
    assert_eq!(wait(&azure, &begun).await.status, 200);
    let after = get(&azure, &archive(), VERSION).await.body;
    assert_eq!(after["sku"]["name"], "Standard_LRS");
    assert_eq!(after["location"], "westeurope");
    assert_eq!(after["properties"]["primaryLocation"], "northeurope");
    assert_eq!(after["properties"]["secondaryLocation"], Value::Null);
    assert_eq!(after["properties"]["failoverInProgress"], Value::Null);
    let told = stats(&azure).await;
    assert_eq!(told.status, 400, "statistics of an account with one copy");
    assert_eq!(fail_over(&azure, "").await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_second_planned_failover_swaps_back() {
    let azure = platform("");
    for home in ["northeurope", "westeurope"] {
        let begun = fail_over(&azure, "&failoverType=Planned").await;
        wait(&azure, &begun).await;
        let told = stats(&azure).await.body;
        assert_eq!(told["sku"]["name"], "Standard_RAGRS");
        assert_eq!(told["properties"]["primaryLocation"], home);
        assert_eq!(told["properties"]["geoReplicationStats"]["canFailover"], true);
    }
    assert_eq!(azure.requests().iter().filter(|entry| entry.accepted).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn redundancy_that_is_asked_back_is_copied_before_it_is_live() {
    let azure = platform("");
    let begun = fail_over(&azure, "").await;
    wait(&azure, &begun).await;
    let told = send(
        &azure,
        request(
            "PATCH",
            &format!("{}?api-version={VERSION}", archive()),
            Some(json!({"sku": {"name": "Standard_RAGRS"}})),
        ),
    )
    .await
    .unwrap();
    assert_eq!(told.status, 200);
    assert_eq!(told.body["properties"]["secondaryLocation"], "westeurope");
    let young = stats(&azure).await.body["properties"]["geoReplicationStats"].clone();
    assert_eq!(
        (&young["status"], &young["canFailover"]),
        (&json!("Bootstrap"), &json!(false))
    );
    let refused = fail_over(&azure, "").await;
    assert_eq!((refused.status, refused.code()), (409, "LastSyncTimeUnavailable"));
    tokio::time::sleep(Duration::from_secs(200)).await;
    let live = stats(&azure).await.body["properties"]["geoReplicationStats"].clone();
    assert_eq!(
        (&live["status"], &live["canFailover"]),
        (&json!("Live"), &json!(true))
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_follows_its_first_region_into_silence_and_its_last_sync_stands_still() {
    let azure = platform(
        "regions: [{ name: westeurope, outages: [{ is: not-serving, from: 10m, until: 1h }, { is: gone, from: 1h }] }]",
    );
    let sync = |told: &Told| told.body["properties"]["geoReplicationStats"]["lastSyncTime"].clone();
    let well = stats(&azure).await;
    azure.advance(Duration::from_secs(15 * 60));
    let (first, planned) = (
        stats(&azure).await,
        fail_over(&azure, "&failoverType=Planned").await,
    );
    azure.advance(Duration::from_secs(20 * 60));
    let later = stats(&azure).await;
    assert_eq!(sync(&first), sync(&later));
    assert_ne!(sync(&first), sync(&well));
    assert_eq!(
        first.body["properties"]["geoReplicationStats"]["canPlannedFailover"],
        false
    );
    assert_eq!(planned.status, 409, "a planned failover needs both regions");
    azure.advance(Duration::from_secs(40 * 60));
    assert_eq!(
        fail_over(&azure, "").await.status,
        504,
        "the provider does not move"
    );
}

#[tokio::test(start_paused = true)]
async fn object_replication_is_made_on_the_destination_first_and_turned_round_by_deleting() {
    let azure = platform("");
    let list = async |account: String| {
        get(&azure, &format!("{account}/objectReplicationPolicies"), VERSION)
            .await
            .body["value"]
            .clone()
    };
    let there = list(media("neu")).await;
    let old = there[0]["name"].as_str().unwrap().to_owned();
    assert_eq!(list(media("weu")).await[0]["name"], json!(old));
    let url = "https://stmedianeu.blob.core.windows.net/media/canary";
    assert_eq!(blob(&azure, "PUT", url, "x").await, Some(409));
    for side in ["neu", "weu"] {
        let path = format!(
            "{}/objectReplicationPolicies/{old}?api-version={VERSION}",
            media(side)
        );
        assert_eq!(
            send(&azure, request("DELETE", &path, None)).await.unwrap().status,
            200
        );
        assert_eq!(
            send(&azure, request("DELETE", &path, None)).await.unwrap().status,
            204
        );
    }
    assert_eq!(blob(&azure, "PUT", url, "x").await, Some(201));
    let put = async |side: &str, name: &str, rules: Value| {
        let body = json!({"properties": {
            "sourceAccount": media("neu"), "destinationAccount": media("weu"), "rules": rules,
        }});
        let path = format!(
            "{}/objectReplicationPolicies/{name}?api-version={VERSION}",
            media(side)
        );
        send(&azure, request("PUT", &path, Some(body))).await.unwrap()
    };
    let rules = json!([{"sourceContainer": "media", "destinationContainer": "media"}]);
    let early = put("neu", "default", rules.clone()).await;
    assert_eq!((early.status, early.code()), (400, "InvalidRequestPropertyValue"));
    let made = put("weu", "default", rules).await.body["properties"].clone();
    let id = made["policyId"].as_str().unwrap();
    assert_ne!(id, old);
    assert_eq!(put("neu", id, made["rules"].clone()).await.status, 200);
    assert_eq!(blob(&azure, "PUT", url, "canary").await, Some(201));
    let arrived = "https://stmediaweu.blob.core.windows.net/media/canary";
    assert_eq!(blob(&azure, "GET", arrived, "").await, Some(200));
    assert_eq!(blob(&azure, "PUT", arrived, "x").await, Some(409));
    let refused = post(&azure, &format!("{}/failover", media("weu")), VERSION).await;
    assert!(refused.status >= 400);
}

#[tokio::test(start_paused = true)]
async fn the_secondary_endpoint_says_how_far_it_is_when_the_first_region_is_gone() {
    let azure = platform("regions: [{ name: westeurope, outages: [{ is: gone, from: 0s }] }]");
    let url = "https://starchive-secondary.blob.core.windows.net/?restype=service&comp=stats";
    let told = azure.handle(request("GET", url, None)).await.answer().unwrap();
    let text = String::from_utf8(told.body().to_vec()).unwrap();
    assert!(text.contains("<Status>live</Status><LastSyncTime>"), "{text}");
    assert_eq!(
        blob(&azure, "GET", "https://starchive.blob.core.windows.net/a/b", "").await,
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_can_turn_replication_round_for_the_way_home() {
    let azure = platform("");
    let begun = fail_over(&azure, "").await;
    wait(&azure, &begun).await;
    let list = format!("{}/objectReplicationPolicies", media("neu"));
    let name = get(&azure, &list, VERSION).await.body["value"][0]["name"].clone();
    let path = format!("{list}/{}?api-version={VERSION}", name.as_str().unwrap());
    send(&azure, request("DELETE", &path, None)).await.unwrap();
    azure.turn_round();
    let told = stats(&azure).await.body["properties"].clone();
    assert_eq!(told["primaryLocation"], "northeurope");
    assert_eq!(told["geoReplicationStats"]["canPlannedFailover"], true);
    for side in ["weu", "neu"] {
        let list = format!("{}/objectReplicationPolicies", media(side));
        let all = get(&azure, &list, VERSION).await.body["value"].clone();
        assert_eq!(all.as_array().unwrap().len(), 1);
        assert_eq!(all[0]["properties"]["sourceAccount"], media("neu"));
        assert_ne!(all[0]["name"], name);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_listed_and_stay_the_same_after_a_failover() {
    let azure = platform("");
    let keys = format!("{}/listKeys", archive());
    let before = post(&azure, &keys, VERSION).await.body;
    let begun = fail_over(&azure, "&failoverType=Planned").await;
    wait(&azure, &begun).await;
    assert_eq!(post(&azure, &keys, VERSION).await.body, before);
    assert_eq!(before["keys"][0]["keyName"], "key1");
}

#[tokio::test(start_paused = true)]
async fn an_account_and_its_failover_look_as_they_were_recorded() {
    let test = "an_account_and_its_failover_look_as_they_were_recorded";
    let Some(recorded) = recording(test, "storage-failover.json") else {
        return;
    };
    let azure = platform("");
    let still = stats(&azure).await;
    assert_eq!(keys(&recorded[4]["responseBody"]), keys(&still.body));
    let begun = fail_over(&azure, "&failoverType=Planned").await;
    let first = &recorded[5];
    assert_eq!(first["status"], begun.status);
    assert_eq!(
        first["responseHeaders"]["content-type"].as_str(),
        begun.header("content-type")
    );
    let shape = |url: &str| {
        let (path, query) = url.split_once('?').unwrap();
        let names = query.split('&').map(|pair| pair.split('=').next().unwrap());
        (
            path.split('/').nth_back(1).unwrap().to_owned(),
            names.map(str::to_owned).collect::<Vec<_>>(),
        )
    };
    let location = first["responseHeaders"]["location"].as_str().unwrap();
    assert_eq!(shape(location), shape(begun.header("location").unwrap()));
    let moving = stats(&azure).await;
    assert_eq!(keys(&recorded[6]["responseBody"]), keys(&moving.body));
}

#[tokio::test(start_paused = true)]
async fn a_replication_policy_looks_as_it_was_recorded() {
    let test = "a_replication_policy_looks_as_it_was_recorded";
    let Some(recorded) = recording(test, "storage-object-replication.json") else {
        return;
    };
    let azure = platform("");
    let told = get(
        &azure,
        &format!("{}/objectReplicationPolicies", media("neu")),
        VERSION,
    )
    .await;
    assert_eq!(keys(&recorded[0]["responseBody"]), keys(&told.body["value"][0]));
    let path = format!(
        "{}/objectReplicationPolicies/default?api-version={VERSION}",
        media("weu")
    );
    let body = told.body["value"][0].clone();
    let refused = send(&azure, request("PUT", &path, Some(body))).await.unwrap();
    assert_eq!(recorded[8]["status"], refused.status);
    assert_eq!(recorded[8]["responseBody"], refused.body);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_made_has_what_was_asked_for_and_takes_its_time() {
    let azure = platform("");
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-data-neu/providers/Microsoft.Storage/storageAccounts/stnew"
    );
    let url = format!("{id}?api-version=2023-05-01");
    let body = json!({
        "kind": "BlobStorage", "location": "westeurope", "sku": {"name": "Standard_RAGRS"}, "tags": {"owner": "shop"},
        "properties": {"accessTier": "Cool", "primaryLocation": "nowhere"},
    });
    let put = async || {
        send(&azure, request("PUT", &url, Some(body.clone())))
            .await
            .unwrap()
    };
    let begun = put().await;
    assert_eq!((begun.status, begun.header("retry-after")), (202, Some("17")));
    assert!(begun.header("azure-asyncoperation").is_none());
    assert_eq!(get(&azure, &id, "2023-05-01").await.status, 404);
    let again = put().await;
    assert_eq!((again.status, again.code()), (409, "StorageAccountBeingCreated"));
    let location = begun.header("location").unwrap().to_owned();
    let made = loop {
        let told = send(&azure, request("GET", &location, None)).await.unwrap();
        if told.status != 202 {
            break told;
        }
        tokio::time::sleep(std::time::Duration::from_secs(17)).await;
    };
    assert_eq!(made.status, 200);
    let shown = &made.body;
    assert_eq!(
        (&shown["kind"], &shown["tags"]["owner"]),
        (&json!("BlobStorage"), &json!("shop"))
    );
    assert_eq!(shown["properties"]["accessTier"], "Cool");
    assert_eq!(shown["properties"]["primaryLocation"], "westeurope");
    let status = async || {
        let url = format!("{url}&$expand=geoReplicationStats");
        let told = send(&azure, request("GET", &url, None)).await.unwrap();
        let stats = &told.body["properties"]["geoReplicationStats"];
        (
            stats["status"].as_str().unwrap_or_default().to_owned(),
            stats["canFailover"].clone(),
        )
    };
    assert_eq!(status().await, ("Unavailable".to_owned(), json!(false)));
    tokio::time::sleep(std::time::Duration::from_secs(150)).await;
    assert_eq!(status().await, ("Live".to_owned(), json!(true)));
}

/// The archive with a container, and with other properties.
async fn archive_with(body: Value) -> Simulator {
    let azure = platform("");
    let container = format!("{}/blobServices/default/containers/orders", archive());
    for (method, path, body) in [
        ("PUT", container, json!({"properties": {}})),
        ("PATCH", archive(), body),
    ] {
        let path = format!("{path}?api-version={VERSION}");
        let told = send(&azure, request(method, &path, Some(body))).await.unwrap();
        assert!(told.status < 300, "{method} {path}: {}", told.body);
    }
    azure
}

#[tokio::test(start_paused = true)]
async fn what_was_written_after_the_last_sync_is_lost_by_an_unplanned_failover_and_nothing_by_a_planned_one()
{
    for (kind, late) in [("", 404), ("&failoverType=Planned", 200)] {
        let azure = archive_with(json!({})).await;
        let url = |name: &str| format!("https://starchive.blob.core.windows.net/orders/{name}");
        assert_eq!(blob(&azure, "PUT", &url("early"), "x").await, Some(201));
        azure.advance(Duration::from_secs(30 * 60));
        assert_eq!(blob(&azure, "PUT", &url("late"), "x").await, Some(201));
        let begun = fail_over(&azure, kind).await;
        // Neither endpoint reads or writes meanwhile.
        assert_eq!(blob(&azure, "GET", &url("early"), "").await, Some(503));
        assert_eq!(blob(&azure, "PUT", &url("more"), "x").await, Some(503));
        let there = "https://starchive-secondary.blob.core.windows.net/orders/early";
        assert_eq!(blob(&azure, "GET", there, "").await, Some(503));
        wait(&azure, &begun).await;
        assert_eq!(blob(&azure, "GET", &url("early"), "").await, Some(200));
        assert_eq!(blob(&azure, "GET", &url("late"), "").await, Some(late), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn accounts_of_premium_block_blobs_or_with_immutable_blobs_do_not_fail_over() {
    for body in [
        json!({"kind": "BlockBlobStorage"}),
        json!({"properties": {"immutableStorageWithVersioning": {"enabled": true}}}),
    ] {
        let azure = archive_with(body.clone()).await;
        let told = stats(&azure).await.body["properties"]["geoReplicationStats"].clone();
        assert_eq!(
            (&told["canFailover"], &told["canPlannedFailover"]),
            (&json!(false), &json!(false)),
            "{body}"
        );
        assert_eq!(fail_over(&azure, "").await.status, 409, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn redundancy_is_not_given_back_while_archived_blobs_exist_nor_with_other_zones() {
    let azure = archive_with(json!({})).await;
    let cold = "https://starchive.blob.core.windows.net/orders/cold";
    assert_eq!(blob_in(&azure, "PUT", cold, "x", "Archive").await, Some(201));
    azure.advance(Duration::from_secs(30 * 60));
    let begun = fail_over(&azure, "").await;
    wait(&azure, &begun).await;
    let ask = async |sku: &str| {
        let path = format!("{}?api-version={VERSION}", archive());
        let body = json!({"sku": {"name": sku}});
        send(&azure, request("PATCH", &path, Some(body)))
            .await
            .unwrap()
            .status
    };
    assert_eq!(ask("Standard_GRS").await, 409);
    assert_eq!(blob(&azure, "PUT", cold, "x").await, Some(201));
    for never in ["Standard_ZRS", "Premium_LRS", "Standard_GZRS"] {
        assert_eq!(ask(never).await, 400, "{never}");
    }
    assert_eq!(ask("Standard_GRS").await, 200);
}

#[tokio::test(start_paused = true)]
async fn an_archived_blob_is_not_replicated() {
    let azure = platform("");
    for (tier, name, there) in [("Hot", "warm", 200), ("Archive", "cold", 404)] {
        let url = |account: &str| format!("https://{account}.blob.core.windows.net/media/{name}");
        assert_eq!(
            blob_in(&azure, "PUT", &url("stmediaweu"), "x", tier).await,
            Some(201)
        );
        assert_eq!(
            blob(&azure, "GET", &url("stmedianeu"), "").await,
            Some(there),
            "{tier}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn replication_needs_versions_on_both_accounts_and_the_change_feed_on_its_source() {
    for (side, off) in [
        (
            "weu",
            json!({"isVersioningEnabled": false, "changeFeed": {"enabled": true}}),
        ),
        (
            "weu",
            json!({"isVersioningEnabled": true, "changeFeed": {"enabled": false}}),
        ),
        ("neu", json!({"isVersioningEnabled": false})),
    ] {
        let azure = platform("");
        let service = format!("{}/blobServices/default?api-version={VERSION}", media(side));
        let body = json!({"properties": off});
        assert_eq!(
            send(&azure, request("PUT", &service, Some(body)))
                .await
                .unwrap()
                .status,
            200
        );
        let path = format!(
            "{}/objectReplicationPolicies/default?api-version={VERSION}",
            media("neu")
        );
        let body = json!({"properties": {
            "sourceAccount": media("weu"), "destinationAccount": media("neu"),
            "rules": [{"sourceContainer": "media", "destinationContainer": "media"}],
        }});
        let told = send(&azure, request("PUT", &path, Some(body))).await.unwrap();
        assert_eq!(told.status, 409, "{side} {off}");
    }
}
