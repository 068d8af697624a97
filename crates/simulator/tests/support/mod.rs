//! What the tests of the simulator share.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "each test file uses its own part"
)]

pub mod governed;
pub mod vault;

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request};
use leeward_simulator::{Blueprint, Broken, Outcome, Settings, Simulator, World};
use serde_json::{Value, json};

pub const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
pub const SQL: &str = "2025-01-01";

/// An answer, read.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Told {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

pub fn blueprint() -> Blueprint {
    serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [
            {
                "kind": "sql-failover-group", "name": "fog-platform",
                "primary": { "resource-group": "rg-platform-weu" },
                "paired": { "resource-group": "rg-platform-neu" },
            },
            {
                "kind": "sql-failover-group", "name": "fog-shop", "of": "servers", "databases": ["orders"],
                "primary": { "resource-group": "rg-platform-weu", "name": "sql-shop-weu" },
                "paired": { "resource-group": "rg-platform-neu", "name": "sql-shop-neu" },
            },
            {
                "kind": "traffic-manager", "profile": "tm-platform", "resource-group": "rg-global",
                "primary": { "endpoint": "weu" }, "paired": { "endpoint": "neu" },
            },
            { "kind": "resource", "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-global/providers/Example.Things/things/one"), "body": {"properties": {"size": 1}} },
        ],
    }))
    .unwrap()
}

pub fn platform(seed: u64) -> Simulator {
    Simulator::new(World::derive(&blueprint()).unwrap(), Settings::seeded(seed))
}

/// The platform, with more written over it.
pub fn platform_with(seed: u64, world: &str) -> Simulator {
    let world = World::derive(&blueprint())
        .unwrap()
        .overlaid_with(World::from_yaml(world).unwrap());
    Simulator::new(world, Settings::seeded(seed))
}

/// The view of the instance group that a side has.
pub fn instance_group(side: &str) -> String {
    let (group, location) = match side {
        "weu" => ("rg-platform-weu", "westeurope"),
        _ => ("rg-platform-neu", "northeurope"),
    };
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Sql/locations/{location}/instanceFailoverGroups/fog-platform"
    )
}

/// The view of the server group that a side has.
pub fn server_group(side: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-platform-{side}/providers/Microsoft.Sql/servers/sql-shop-{side}/failoverGroups/fog-shop"
    )
}

pub fn profile(rest: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-global/providers/Microsoft.Network/trafficmanagerprofiles/tm-platform{rest}"
    )
}

pub fn request(method: &str, url: &str, body: Option<Value>) -> Request<Bytes> {
    let url = match url.starts_with("http") {
        true => url.to_owned(),
        false => format!("https://management.azure.com{url}"),
    };
    Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", "Bearer pretend")
        .body(body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())))
        .unwrap()
}

pub async fn send(simulator: &Simulator, request: Request<Bytes>) -> Result<Told, Broken> {
    match simulator.handle(request).await {
        Outcome::Broken(broken) => Err(broken),
        Outcome::Answered(answer) => Ok(Told {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: serde_json::from_slice(answer.body()).unwrap_or(Value::Null),
        }),
    }
}

pub async fn get(simulator: &Simulator, path: &str, version: &str) -> Told {
    send(
        simulator,
        request("GET", &format!("{path}?api-version={version}"), None),
    )
    .await
    .unwrap()
}

pub async fn post(simulator: &Simulator, path: &str, version: &str) -> Told {
    send(
        simulator,
        request("POST", &format!("{path}?api-version={version}"), None),
    )
    .await
    .unwrap()
}

pub async fn put_to(azure: &Simulator, path: &str, body: Value) -> Told {
    let url = format!("{path}?api-version={SQL}");
    send(azure, request("PUT", &url, Some(body))).await.unwrap()
}

pub async fn delete_at(azure: &Simulator, path: &str) -> Told {
    send(
        azure,
        request("DELETE", &format!("{path}?api-version={SQL}"), None),
    )
    .await
    .unwrap()
}

/// Polls an operation to its end and returns the words it used.
pub async fn finish(simulator: &Simulator, begun: &Told) -> Vec<String> {
    let url = begun.header("azure-asyncoperation").unwrap().to_owned();
    let mut words = Vec::new();
    for _ in 0..2_000 {
        let told = send(simulator, request("GET", &url, None)).await.unwrap();
        let word = told.body["status"].as_str().unwrap_or_default().to_owned();
        if words.last() != Some(&word) {
            words.push(word.clone());
        }
        if ["Succeeded", "Failed", "Canceled"].contains(&word.as_str()) {
            return words;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    panic!("the operation never ended: {words:?}");
}

pub async fn role(simulator: &Simulator, view: &str) -> String {
    get(simulator, view, SQL).await.body["properties"]["replicationRole"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Returns a recording, or says by name which test is passed over.
#[allow(clippy::print_stderr, reason = "a test that is passed over must say so")]
pub fn recording(test: &str, name: &str) -> Option<Vec<Value>> {
    let folder = std::env::var_os("LEEWARD_AZURE_API").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/azure-api"),
        PathBuf::from,
    );
    let path = folder.join("recordings").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let recording: Value = serde_json::from_str(&text).unwrap();
            Some(recording["interactions"].as_array().unwrap().clone())
        }
        Err(_) => {
            eprintln!("PASSED OVER: {test}: there is no {}", path.display());
            None
        }
    }
}

/// Returns the keys of a body, as deep as objects go, in order.
pub fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                std::iter::once(key.clone())
                    .chain(keys(value).into_iter().map(move |inner| format!("{key}.{inner}")))
            })
            .collect(),
        Value::Array(list) => list.first().map(keys).unwrap_or_default(),
        _ => Vec::new(),
    }
}
