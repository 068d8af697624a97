//! What is true of all of ARM: how changes are merged, what URLs and errors look like, where limits lie.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{collections::BTreeMap, time::Duration};

use leeward_simulator::Simulator;
use serde_json::{Value, json};
use support::{governed::*, *};

#[tokio::test(start_paused = true)]
async fn a_patch_merges_objects_and_replaces_arrays_and_a_put_or_delete_may_be_repeated() {
    let azure = governed("types: [Example.Things/things]");
    let send = |method: &'static str, body: Value| {
        let azure = azure.clone();
        async move { ask(&azure, method, &thing(), "2024-01-01", body).await }
    };
    let whole = json!({"properties": {"size": 1, "parts": ["a", "b"], "inner": {"x": 1, "y": 2}}});
    let first = send("PUT", whole.clone()).await;
    assert_eq!(send("PUT", whole).await.body, first.body);
    let told = send(
        "PATCH",
        json!({"properties": {"parts": ["c"], "inner": {"y": 3}}}),
    )
    .await;
    let told = &told.body["properties"];
    assert_eq!((&told["size"], &told["parts"]), (&json!(1), &json!(["c"])));
    assert_eq!(told["inner"], json!({"x": 1, "y": 3}));
    assert_eq!(send("DELETE", Value::Null).await.status, 200);
    assert_eq!(send("DELETE", Value::Null).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn the_urls_of_an_operation_are_absolute_long_and_signed_each_in_its_own_way() {
    let azure = governed("");
    let begun = post(&azure, &format!("{}/failover", server_group("neu")), SQL).await;
    let status = begun.header("azure-asyncoperation").unwrap();
    let result = begun.header("location").unwrap();
    for url in [status, result] {
        assert!(
            url.starts_with("https://management.azure.com/subscriptions/"),
            "{url}"
        );
        assert!((3_000..4_096).contains(&url.len()), "{} characters", url.len());
        for part in ["api-version=", "&t=", "&c=", "&s=", "&h="] {
            assert!(url.contains(part), "{part} in {url}");
        }
    }
    let signature = |url: &str| {
        url.split("&s=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_ne!(signature(status), signature(result));
    let kind = |url: &str| {
        url.split('?')
            .next()
            .unwrap()
            .rsplit('/')
            .nth(1)
            .unwrap()
            .to_owned()
    };
    assert_eq!(kind(status), "failoverGroupAzureAsyncOperation");
    assert_eq!(kind(result), "failoverGroupOperationResults");
}

#[tokio::test(start_paused = true)]
async fn an_error_says_whose_it_is_and_what_is_missing() {
    let azure = governed("");
    let server = server_group("neu")
        .split("/failoverGroups")
        .next()
        .unwrap()
        .to_owned();
    let cases = [
        (
            "POST",
            format!("{}/failover", server_group("weu")),
            "service",
            "FailoverGroupFailoverRequestOnPrimary",
        ),
        ("GET", format!("{server}x"), "gateway", "ResourceNotFound"),
        (
            "GET",
            thing().replace("rg-global", "rg-none"),
            "gateway",
            "ResourceGroupNotFound",
        ),
    ];
    for (method, path, cause, code) in &cases {
        let told = ask(&azure, method, path, SQL, Value::Null).await;
        assert_eq!(
            (told.header("x-ms-failure-cause"), told.code()),
            (Some(*cause), *code),
            "{path}"
        );
        assert!(told.header("x-ms-request-id").is_some());
        let error = told.body["error"].as_object().unwrap();
        assert!(error["message"].is_string());
    }
}

/// How many of many requests at once are taken, and the code of the first that is not.
async fn taken(azure: &Simulator, count: usize, method: &str, path: &str, version: &str) -> (usize, String) {
    let (mut taken, mut code) = (0, String::new());
    for _ in 0..count {
        let told = ask(azure, method, path, version, Value::Null).await;
        match told.status {
            429 if code.is_empty() => told.code().clone_into(&mut code),
            429 => {}
            _ => taken += 1,
        }
    }
    (taken, code)
}

#[tokio::test(start_paused = true)]
async fn reads_and_deletes_have_buckets_of_their_own() {
    let azure = governed("");
    let mut found = BTreeMap::new();
    for (method, count) in [("GET", 300), ("DELETE", 250)] {
        // Answers take a little time, in which a bucket fills again: all are sent at one moment.
        let at = match method {
            "GET" => thing(),
            _ => format!("{}-none", thing()),
        };
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..count {
            let (azure, at) = (azure.clone(), at.clone());
            all.spawn(async move { ask(&azure, method, &at, "2024-01-01", Value::Null).await });
        }
        let told = all.join_all().await;
        found.insert(method, told.iter().filter(|told| told.status != 429).count());
        let left = told[0].header(match method {
            "GET" => "x-ms-ratelimit-remaining-subscription-global-reads",
            _ => "x-ms-ratelimit-remaining-subscription-deletes",
        });
        assert!(left.is_some(), "{method}");
    }
    assert_eq!(found, BTreeMap::from([("DELETE", 200), ("GET", 250)]));
}

#[tokio::test(start_paused = true)]
async fn storage_and_network_count_by_windows_of_their_own() {
    let azure = governed("");
    let lists = format!(
        "{}/providers/Microsoft.Storage/storageAccounts",
        group("rg-platform-weu")
    );
    let (lists, code) = taken(&azure, 120, "GET", &lists, "2023-05-01").await;
    assert_eq!((lists, code.as_str()), (100, "TooManyRequests"));
    azure.advance(Duration::from_secs(600));
    let (reads, _) = taken(&azure, 820, "GET", &account(), "2023-05-01").await;
    assert_eq!(reads, 800);
    let zones = format!(
        "{}/providers/Microsoft.Network/privateDnsZones/none.test/A/x",
        group("rg-global")
    );
    let (private, _) = taken(&azure, 520, "GET", &zones, "2024-06-01").await;
    assert_eq!(private, 500);
}
