//! Do zones, records and origins behave as their facts say?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use leeward_simulator::{Blueprint, Settings, Simulator, World};
use serde_json::{Value, json};
use support::*;

const DNS: &str = "2018-05-01";
const PRIVATE: &str = "2024-06-01";
const CDN: &str = "2024-02-01";
const PAGE: &str = "https://www.shop.test/health";

fn world(more: &str) -> Simulator {
    let blueprint: Blueprint = serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": {"primary": "westeurope", "paired": "northeurope"},
        "resources": [
            {"kind": "dns-record", "zone": "shop.test", "resource-group": "rg-global", "record": "www", "type": "A",
             "values": ["10.10.0.1"], "ttl": 600},
            {"kind": "dns-record", "zone": "queue.internal", "private": true, "resource-group": "rg-global",
             "record": "broker", "type": "CNAME", "values": ["broker.weu.test"]},
            {"kind": "front-door", "profile": "afd", "resource-group": "rg-global", "origin-group": "shop",
             "primary": "weu", "paired": "neu"},
        ],
    }))
    .unwrap();
    let world = World::derive(&blueprint).unwrap();
    Simulator::new(
        world.overlaid_with(World::from_yaml(more).unwrap()),
        Settings::seeded(1),
    )
}

fn group(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-global/providers/{rest}")
}

fn set() -> String {
    group("Microsoft.Network/dnsZones/shop.test/A/www")
}

fn origin(name: &str) -> String {
    group(&format!(
        "Microsoft.Cdn/profiles/afd/originGroups/shop/origins/{name}"
    ))
}

async fn write(azure: &Simulator, path: &str, headers: &[(&'static str, &str)], body: Value) -> Told {
    let mut put = request("PUT", &format!("{path}?api-version={DNS}"), Some(body));
    for (name, value) in headers {
        put.headers_mut().insert(*name, value.parse().unwrap());
    }
    send(azure, put).await.unwrap()
}

async fn patch(azure: &Simulator, path: &str, version: &str, properties: Value) -> Told {
    let body = json!({"properties": properties});
    send(
        azure,
        request("PATCH", &format!("{path}?api-version={version}"), Some(body)),
    )
    .await
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_record_set_is_written_at_once_and_shows_its_etag_twice() {
    let azure = world("{}");
    let old = get(&azure, &set(), DNS).await;
    let body = json!({"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.20.0.1"}]}});
    let told = write(&azure, &set(), &[], body.clone()).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.header("etag"), told.body["etag"].as_str());
    assert_ne!(told.body["etag"], old.body["etag"]);
    // However the caller spells it, the zone answers in its own way.
    assert_eq!(told.body["properties"]["TTL"], 60);
    assert_eq!(told.body["properties"]["fqdn"], "www.shop.test.");
    let fresh = group("Microsoft.Network/dnsZones/shop.test/A/new");
    assert_eq!(write(&azure, &fresh, &[], body).await.status, 201);
    let gone = send(
        &azure,
        request("DELETE", &format!("{fresh}?api-version={DNS}"), None),
    );
    assert_eq!(gone.await.unwrap().status, 200);
    let gone = send(
        &azure,
        request("DELETE", &format!("{fresh}?api-version={DNS}"), None),
    );
    assert_eq!(gone.await.unwrap().status, 204);
}

#[tokio::test(start_paused = true)]
async fn an_etag_that_is_not_the_sets_own_is_refused_and_changes_nothing() {
    let azure = world("{}");
    let body = || json!({"properties": {"TTL": 60, "ARecords": [{"ipv4Address": "10.20.0.1"}]}});
    let old = get(&azure, &set(), DNS).await.body["etag"]
        .as_str()
        .unwrap()
        .to_owned();
    let missing = group("Microsoft.Network/dnsZones/shop.test/A/new");
    for (path, header, value) in [
        (set(), "if-match", "another"),
        (set(), "if-none-match", "*"),
        (missing, "if-match", old.as_str()),
    ] {
        let told = write(&azure, &path, &[(header, value)], body()).await;
        assert_eq!(
            (told.status, told.code()),
            (412, "PreconditionFailed"),
            "{path} {header}"
        );
    }
    let same = get(&azure, &set(), DNS).await;
    assert_eq!(same.body["properties"]["ARecords"][0]["ipv4Address"], "10.10.0.1");
    assert_eq!(
        write(&azure, &set(), &[("if-match", &old)], body()).await.status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_changed_record_takes_effect_after_its_old_time_to_live() {
    let azure = world(
        "endpoints: [{ url: \"https://www.shop.test/\", serves: { record: { name: www.shop.test, type: A, regions: \
         { 10.10.0.1: westeurope, 10.20.0.1: northeurope } } } }]\nregions: [{ name: westeurope, outages: \
         [{ is: not-serving }] }]",
    );
    let asks = || request("GET", PAGE, None);
    assert!(send(&azure, asks()).await.is_err());
    let body = json!({"properties": {"TTL": 10, "ARecords": [{"ipv4Address": "10.20.0.1"}]}});
    write(&azure, &set(), &[], body).await;
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert!(send(&azure, asks()).await.is_err(), "the old answer is kept");
    tokio::time::sleep(Duration::from_secs(150)).await;
    assert_eq!(send(&azure, asks()).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_private_zone_takes_its_time_and_says_so_with_202() {
    let azure = world("{}");
    let zone = group("Microsoft.Network/privateDnsZones/new.internal");
    let url = format!("{zone}?api-version={PRIVATE}");
    let begun = send(&azure, request("PUT", &url, Some(json!({"location": "global"}))))
        .await
        .unwrap();
    assert_eq!((begun.status, begun.header("retry-after")), (202, Some("30")));
    let poll = begun.header("azure-asyncoperation").unwrap().to_owned();
    let told = send(&azure, request("GET", &poll, None)).await.unwrap();
    assert_eq!((told.status, &told.body["status"]), (202, &json!("InProgress")));
    assert_eq!(finish(&azure, &begun).await, ["InProgress", "Succeeded"]);
    assert_eq!(get(&azure, &zone, PRIVATE).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_origin_is_switched_in_a_minute_or_two_with_an_error_that_is_none() {
    let azure = world("{}");
    let begun = patch(&azure, &origin("neu"), CDN, json!({"enabledState": "Enabled"})).await;
    assert_eq!((begun.status, begun.header("retry-after")), (202, Some("10")));
    assert_eq!(begun.body["properties"]["provisioningState"], "Updating");
    let poll = begun.header("azure-asyncoperation").unwrap().to_owned();
    let told = send(&azure, request("GET", &poll, None)).await.unwrap();
    assert_eq!(
        (told.status, told.body),
        (
            200,
            json!({"status": "InProgress", "error": {"code": "None", "message": null}})
        )
    );
    let result = begun.header("location").unwrap().to_owned();
    let place = poll.split('?').next().unwrap();
    let below = format!("{place}/profileresults/afd/origingroupresults/shop/originresults/neu?");
    assert!(result.starts_with(&below), "{result}");
    let told = send(&azure, request("GET", &result, None)).await.unwrap();
    assert_eq!(told.status, 202, "no result yet");
    finish(&azure, &begun).await;
    let told = send(&azure, request("GET", &result, None)).await.unwrap();
    assert_eq!((told.status, &told.body["name"]), (200, &json!("neu")));
    let told = get(&azure, &origin("neu"), CDN).await.body;
    assert_eq!(told["properties"]["provisioningState"], "Succeeded");
    assert_eq!(told["properties"]["deploymentStatus"], "NotStarted");
    assert_eq!(
        told["properties"]["hostName"], "neu.northeurope.example.test",
        "a patch keeps the rest"
    );
}

#[tokio::test(start_paused = true)]
async fn the_edge_follows_minutes_after_the_control_plane_is_done() {
    let group = group("Microsoft.Cdn/profiles/afd/originGroups/shop");
    let azure = world(&format!(
        "endpoints: [{{ url: \"https://www.shop.test/\", serves: {{ front-door: \"{group}\" }} }}]\nregions: \
         [{{ name: westeurope, outages: [{{ is: not-serving }}] }}]"
    ));
    let begun = patch(&azure, &origin("neu"), CDN, json!({"enabledState": "Enabled"})).await;
    finish(&azure, &begun).await;
    assert!(
        send(&azure, request("GET", PAGE, None)).await.is_err(),
        "the edge has not heard"
    );
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(
        send(&azure, request("GET", PAGE, None)).await.unwrap().status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn an_origin_takes_no_rank_and_no_weight_that_is_none() {
    let azure = world("{}");
    for wrong in [
        json!({"priority": 0}),
        json!({"priority": 6}),
        json!({"weight": 1_001}),
        json!({"weight": "much"}),
    ] {
        let told = patch(&azure, &origin("neu"), CDN, wrong.clone()).await;
        assert_eq!((told.status, told.code()), (400, "BadRequest"), "{wrong}");
    }
}
