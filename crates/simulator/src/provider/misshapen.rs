//! Does any body that a caller may send bring the pretend Azure down?

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::all;
use crate::{Blueprint, Outcome, Settings, Simulator, World};

const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";

/// What may be asked of resources by POST; each of them is asked of each type.
const ACTIONS: [&str; 17] = [
    "failover",
    "forceFailoverAllowDataLoss",
    "tryPlannedBeforeForcedFailover",
    "unplannedFailover",
    "testFailover",
    "testFailoverCleanup",
    "failoverCommit",
    "applyRecoveryPoint",
    "switchprotection",
    "remove",
    "reProtect",
    "cancel",
    "start",
    "runCommand",
    "listKeys",
    "listClusterAdminCredential",
    "rename",
];

fn simulator() -> Simulator {
    let blueprint: Blueprint = serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [
            {
                "kind": "sql-failover-group", "name": "fog-platform",
                "primary": { "resource-group": "rg-weu" }, "paired": { "resource-group": "rg-neu" },
            },
            {
                "kind": "sql-failover-group", "name": "fog-shop", "of": "servers", "databases": ["orders"],
                "primary": { "resource-group": "rg-weu" }, "paired": { "resource-group": "rg-neu" },
            },
            {
                "kind": "vault-machines", "vault": "rsv", "resource-group": "rg-neu", "machines": ["vm-1", "vm-2"],
                "recovery-plan": "plan-1",
            },
            { "kind": "storage-geo", "account": "stgeo", "resource-group": "rg-weu" },
            {
                "kind": "storage-replicated", "containers": ["media"],
                "primary": { "account": "stweu", "resource-group": "rg-weu" },
                "paired": { "account": "stneu", "resource-group": "rg-neu" },
            },
            {
                "kind": "aks-cluster",
                "primary": { "name": "aks-weu", "resource-group": "rg-weu" },
                "paired": { "name": "aks-neu", "resource-group": "rg-neu" },
            },
            {
                "kind": "traffic-manager", "profile": "tm", "resource-group": "rg-neu",
                "primary": { "endpoint": "weu" }, "paired": { "endpoint": "neu" },
            },
            {
                "kind": "dns-record", "zone": "shop.test", "resource-group": "rg-neu", "record": "www", "type": "A",
                "values": ["10.10.0.1"],
            },
            {
                "kind": "dns-record", "zone": "shop.internal", "private": true, "resource-group": "rg-neu",
                "record": "www", "type": "CNAME", "values": ["weu.shop.test"],
            },
            {
                "kind": "front-door", "profile": "afd", "resource-group": "rg-neu", "origin-group": "shop",
                "primary": "weu", "paired": "neu",
            },
            {
                "kind": "resource", "body": {"properties": {"size": 1}},
                "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-neu/providers/Example.Things/things/one"),
            },
        ],
    }))
    .unwrap();
    Simulator::new(World::derive(&blueprint).unwrap(), Settings::seeded(1))
}

/// Returns one path of every type, folded: of a resource that is there, where there is one.
fn paths(simulator: &Simulator) -> BTreeMap<String, String> {
    let mut paths: BTreeMap<String, String> = simulator
        .world()
        .resources
        .values()
        .map(|resource| (resource.kind.to_lowercase(), resource.id.clone()))
        .collect();
    for served in all().iter().flat_map(|provider| provider.serves()) {
        paths.entry(served.kind.to_owned()).or_insert_with(|| {
            let (namespace, types) = served.kind.split_once('/').unwrap();
            let pairs: String = types.split('/').map(|kind| format!("/{kind}/one")).collect();
            format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-neu/providers/{namespace}{pairs}")
        });
    }
    paths
}

fn version(kind: &str) -> String {
    let all = all();
    let mut served = all.iter().flat_map(|provider| provider.serves());
    let versions = served
        .find(|served| served.kind == kind)
        .map(|served| served.versions);
    versions
        .and_then(<[_]>::last)
        .unwrap_or(&"2024-01-01")
        .to_string()
}

/// Sends a request; nothing where it brought the simulator down.
async fn send(
    simulator: &Simulator,
    method: &str,
    path: &str,
    version: &str,
    body: &str,
) -> Option<(u16, Value)> {
    let request = Request::builder()
        .method(method)
        .uri(format!(
            "https://management.azure.com{}?api-version={version}",
            path.replace(' ', "%20")
        ))
        .header("authorization", "Bearer pretend")
        .body(Bytes::from(body.to_owned()))
        .unwrap();
    let simulator = simulator.clone();
    let handled = tokio::spawn(async move { simulator.handle(request).await }).await;
    match handled.ok()? {
        Outcome::Answered(answer) => {
            let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
            Some((answer.status().as_u16(), body))
        }
        Outcome::Broken(_) => Some((504, Value::Null)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_resource_is_refused_by_every_type_and_brings_nothing_down() {
    let simulator = simulator();
    let mut wrong = Vec::new();
    for (kind, path) in paths(&simulator) {
        let version = version(&kind);
        let mut requests = vec![("PUT", path.clone()), ("PATCH", path.clone())];
        requests.extend(ACTIONS.iter().map(|action| ("POST", format!("{path}/{action}"))));
        for (method, path) in requests {
            for body in ["\"x\"", "[]", "5", "{\"properties\":\"x\"}", "no JSON at all"] {
                let told = send(&simulator, method, &path, &version, body).await;
                let status = told.map_or(0, |(status, _)| status);
                if !(400..500).contains(&status) {
                    wrong.push(format!("{method} {path} {body}: {status}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(simulator.requests().iter().all(|entry| !entry.accepted));
}

/// Returns a body with each of its places replaced in turn, three deep.
fn spoilt(body: &Value, by: &Value, depth: usize) -> Vec<Value> {
    let mut found = Vec::new();
    match body {
        Value::Object(map) if depth > 0 => {
            for (key, inner) in map {
                let mut replaced = vec![by.clone()];
                replaced.extend(spoilt(inner, by, depth - 1));
                found.extend(replaced.into_iter().map(|inner| {
                    let mut whole = map.clone();
                    whole.insert(key.clone(), inner);
                    Value::Object(whole)
                }));
            }
        }
        Value::Array(list) if depth > 0 => {
            if let Some(first) = list.first() {
                let mut replaced = vec![by.clone()];
                replaced.extend(spoilt(first, by, depth));
                found.extend(replaced.into_iter().map(|inner| json!([inner])));
            }
        }
        _ => {}
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_field_of_the_wrong_shape_brings_nothing_down_now_or_when_the_operation_ends() {
    let mut wrong = Vec::new();
    for (kind, path) in paths(&simulator()) {
        let simulator = simulator();
        let version = version(&kind);
        let shown = send(&simulator, "GET", &path, &version, "").await;
        let Some((200, shown)) = shown else { continue };
        let fresh = format!("{}-fresh", path.trim_end_matches('/'));
        for by in [json!("x"), json!([]), json!(u64::MAX)] {
            for body in spoilt(&shown, &by, 3) {
                for (method, path) in [("PATCH", &path), ("PUT", &path), ("PUT", &fresh)] {
                    let told = send(&simulator, method, path, &version, &body.to_string()).await;
                    simulator.advance(std::time::Duration::from_secs(4 * 3_600));
                    let read = send(&simulator, "GET", path, &version, "").await;
                    for (what, told) in [("is told", told), ("then reads", read)] {
                        let status = told.map_or(0, |(status, _)| status);
                        if !(200..500).contains(&status) {
                            wrong.push(format!("{method} {path} {body} {what} {status}"));
                        }
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of them\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}
