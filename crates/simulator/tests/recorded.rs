//! Does a switch of a failover group look on the wire as it was recorded?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::path::PathBuf;

use serde_json::Value;
use support::*;

/// Returns a recording, or says by name which test is passed over.
#[allow(clippy::print_stderr, reason = "a test that is passed over must say so")]
fn recording(test: &str, name: &str) -> Option<Vec<Value>> {
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
fn keys(value: &Value) -> Vec<String> {
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

async fn looks_alike(test: &str, name: &str, verb: &str, view: String) {
    let Some(recorded) = recording(test, name) else {
        return;
    };
    let start = recorded
        .iter()
        .position(|item| {
            item["method"] == "POST" && item["uri"].as_str().unwrap().contains(&format!("/{verb}?"))
        })
        .unwrap();
    let azure = platform(1);
    let begun = post(&azure, &format!("{view}/{verb}"), "2023-05-01-preview").await;
    let first = &recorded[start];
    assert_eq!(first["status"], begun.status);
    assert_eq!(first["responseBody"]["operation"], begun.body["operation"]);
    assert_eq!(keys(&first["responseBody"]), keys(&begun.body));
    for header in ["azure-asyncoperation", "location", "content-type"] {
        let segment = |url: &str| {
            url.split('?')
                .next()
                .unwrap()
                .rsplit('/')
                .nth(1)
                .map(str::to_owned)
        };
        let recorded = first["responseHeaders"][header].as_str().unwrap();
        let told = begun.header(header).unwrap();
        assert_eq!(segment(recorded), segment(told), "{header}");
    }
    let polled = send(
        &azure,
        request("GET", begun.header("azure-asyncoperation").unwrap(), None),
    )
    .await
    .unwrap();
    assert_eq!(keys(&recorded[start + 1]["responseBody"]), keys(&polled.body));
    assert_eq!(
        recorded[start + 1]["responseBody"]["status"],
        polled.body["status"]
    );
    finish(&azure, &begun).await;
    let result = recorded[start..]
        .iter()
        .find(|item| item["uri"].as_str().unwrap().contains("OperationResults/"))
        .unwrap();
    let told = send(&azure, request("GET", begun.header("location").unwrap(), None))
        .await
        .unwrap();
    assert_eq!(result["status"], told.status);
    assert_eq!(keys(&result["responseBody"]), keys(&told.body));
    assert_eq!(
        result["responseBody"]["properties"]["replicationRole"],
        told.body["properties"]["replicationRole"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_switch_of_instances_looks_as_it_was_recorded() {
    let test = "a_switch_of_instances_looks_as_it_was_recorded";
    looks_alike(
        test,
        "sql-mi-failover-group.json",
        "failover",
        instance_group("neu"),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_switch_of_servers_looks_as_it_was_recorded() {
    let test = "a_switch_of_servers_looks_as_it_was_recorded";
    looks_alike(test, "sql-failover-group.json", "failover", server_group("neu")).await;
}

#[tokio::test(start_paused = true)]
async fn a_profile_and_its_endpoints_look_as_they_were_recorded() {
    let test = "a_profile_and_its_endpoints_look_as_they_were_recorded";
    let Some(recorded) = recording(test, "traffic-manager.json") else {
        return;
    };
    let azure = platform(1);
    for (place, path) in [(9, profile("")), (6, profile("/externalEndpoints/weu"))] {
        let told = get(&azure, &path, "2022-04-01").await;
        let mut wanted = keys(&recorded[place]["responseBody"]);
        wanted.retain(|key| !key.starts_with("tags"));
        assert_eq!(wanted, keys(&told.body), "{path}");
    }
}
