//! What becomes of the same failover without pacing: every machine for itself, as a script would do it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use leeward_acceptance::fleet::SUBSCRIPTION;
use leeward_simulator::{Outcome, Simulator};
use serde_json::Value;
use tokio::time::Instant;

/// What a client does that is told nothing: half a minute, the default of the official one.
const UNSAID: Duration = Duration::from_secs(30);
const API: &str = "2024-04-01";

struct Told {
    status: u16,
    after: Option<Duration>,
    poll: Option<String>,
    body: Value,
}

async fn ask(azure: &Simulator, method: &str, url: &str) -> Told {
    let request = http::Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", "Bearer pretend")
        .header("content-type", "application/json")
        .body(match method {
            "POST" => Bytes::from_static(
                br#"{"properties":{"failoverDirection":"PrimaryToRecovery","sourceSiteOperations":"Required","providerSpecificDetails":{"instanceType":"A2A"}}}"#,
            ),
            _ => Bytes::new(),
        })
        .unwrap();
    let Outcome::Answered(answer) = azure.handle(request).await else {
        panic!("no answer");
    };
    let header = |name: &str| {
        let value = answer.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    Told {
        status: answer.status().as_u16(),
        after: header("retry-after")
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs),
        poll: header("azure-asyncoperation"),
        body: serde_json::from_slice(answer.body()).unwrap_or(Value::Null),
    }
}

/// Asks until it is not refused for asking too often.
async fn insist(azure: &Simulator, method: &str, url: &str) -> Told {
    loop {
        let told = ask(azure, method, url).await;
        if told.status != 429 {
            return told;
        }
        tokio::time::sleep(told.after.unwrap_or(UNSAID)).await;
    }
}

/// Fails every machine over and returns how long it took.
pub(crate) async fn fail_over(azure: &Simulator) -> Duration {
    let start = Instant::now();
    let list = format!(
        "https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-recovery-neu/providers/\
         Microsoft.RecoveryServices/vaults/rsv-fleet/replicationProtectedItems?api-version={API}"
    );
    let items = insist(azure, "GET", &list).await.body;
    let ids: Vec<String> = items["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect();
    let azure = Arc::new(azure.clone());
    let all = ids.into_iter().map(|id| {
        let azure = azure.clone();
        tokio::spawn(async move {
            let url = format!("https://management.azure.com{id}/unplannedFailover?api-version={API}");
            let begun = insist(&azure, "POST", &url).await;
            let poll = begun
                .poll
                .unwrap_or_else(|| panic!("{} {}", begun.status, begun.body));
            loop {
                tokio::time::sleep(UNSAID).await;
                let told = insist(&azure, "GET", &poll).await;
                match told.body["status"].as_str() {
                    Some("Succeeded") => return,
                    Some("Failed") => panic!("{}", told.body),
                    _ => {}
                }
            }
        })
    });
    for one in futures::future::join_all(all).await {
        one.unwrap();
    }
    start.elapsed()
}
