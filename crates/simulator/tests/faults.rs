//! Does what goes wrong go wrong as it was asked to?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use leeward_simulator::{Broken, Simulator, rules};
use support::*;

fn with(seed: u64, faults: &str) -> Simulator {
    let azure = platform(seed);
    azure.add_faults(rules(faults).unwrap());
    azure
}

fn failover() -> String {
    format!("{}/failover?api-version={SQL}", instance_group("neu"))
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_the_change_made() {
    let azure = with(
        1,
        "[{ match: { changing: true }, times: 1, verdict: { answer-lost: { by: reset } } }]",
    );
    assert_eq!(
        send(&azure, request("POST", &failover(), None))
            .await
            .unwrap_err(),
        Broken::Reset
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(role(&azure, &instance_group("neu")).await, "Primary");
    let log = serde_json::to_value(azure.requests()).unwrap();
    assert_eq!(
        (&log[0]["status"], &log[0]["accepted"]),
        (&"lost".into(), &true.into())
    );
    // Which rule befell which request can be told, and that none befell the others.
    assert_eq!(log[0]["faults"], serde_json::json!([1]));
    assert!(log[1].get("faults").is_none());
}

#[tokio::test(start_paused = true)]
async fn stale_reads_show_the_old_side_after_the_operation_succeeded() {
    let azure = with(
        1,
        "[{ match: { path: '**/failover' }, verdict: { stale-reads: { for: 45s } } }]",
    );
    let begun = send(&azure, request("POST", &failover(), None)).await.unwrap();
    finish(&azure, &begun).await;
    assert_eq!(role(&azure, &instance_group("neu")).await, "Secondary");
    tokio::time::sleep(Duration::from_secs(46)).await;
    assert_eq!(role(&azure, &instance_group("neu")).await, "Primary");
}

#[tokio::test(start_paused = true)]
async fn a_late_request_arrives_after_its_caller_gave_up() {
    let azure = with(1, "- match: { method: post }\n  verdict: late-delivery\n");
    let told = tokio::time::timeout(
        Duration::from_secs(30),
        send(&azure, request("POST", &failover(), None)),
    )
    .await;
    assert!(told.is_err());
    assert!(!azure.requests()[0].accepted);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let entry = &azure.requests()[0];
    assert!(entry.accepted && entry.delivered.is_some());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(role(&azure, &instance_group("neu")).await, "Primary");
}

#[tokio::test(start_paused = true)]
async fn throttling_errors_and_resets_change_nothing() {
    let azure = with(
        1,
        "- { match: { nth: 1 }, verdict: { throttle: { retry-after: 17 } } }\n- { match: { nth: 1 }, verdict: throttle }\n- { times: 1, verdict: { status: { status: 503 } } }\n- { times: 1, verdict: reset }",
    );
    let told = send(&azure, request("POST", &failover(), None)).await.unwrap();
    assert_eq!((told.status, told.header("retry-after")), (429, Some("17")));
    let told = send(&azure, request("POST", &failover(), None)).await.unwrap();
    assert_eq!((told.status, told.header("retry-after")), (429, None));
    assert_eq!(
        send(&azure, request("POST", &failover(), None))
            .await
            .unwrap()
            .status,
        503
    );
    assert_eq!(
        send(&azure, request("POST", &failover(), None))
            .await
            .unwrap_err(),
        Broken::Reset
    );
    assert!(azure.requests().iter().all(|entry| !entry.accepted));
    assert_eq!(
        send(&azure, request("POST", &failover(), None))
            .await
            .unwrap()
            .status,
        202
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_can_fail_or_never_end() {
    let azure = with(
        1,
        "[{ match: { changing: true, nth: 1 }, verdict: { operation-fails: { code: Broken, message: no } } }, { match: { changing: true }, verdict: operation-never-ends }]",
    );
    let begun = send(&azure, request("POST", &failover(), None)).await.unwrap();
    assert_eq!(finish(&azure, &begun).await, ["InProgress", "Failed"]);
    assert_eq!(role(&azure, &instance_group("neu")).await, "Secondary");
    let begun = send(&azure, request("POST", &failover(), None)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(100_000)).await;
    let url = begun.header("azure-asyncoperation").unwrap();
    assert_eq!(
        send(&azure, request("GET", url, None)).await.unwrap().body["status"],
        "InProgress"
    );
}

#[tokio::test(start_paused = true)]
async fn a_region_goes_down_and_comes_back_at_its_times() {
    let azure = with(
        1,
        "{ match: { from: 1m, to: 2m }, verdict: { region-down: { region: West Europe, is: gone } } }",
    );
    assert_eq!(get(&azure, &instance_group("weu"), SQL).await.status, 200);
    azure.advance(Duration::from_secs(60));
    assert_eq!(get(&azure, &instance_group("weu"), SQL).await.status, 504);
    assert_eq!(get(&azure, &instance_group("weu"), SQL).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_nobody_knows_is_refused() {
    assert!(rules("[{ verdict: explode }]").is_err());
    assert!(rules("[{ match: { pth: x }, verdict: reset }]").is_err());
}

async fn life(seed: u64) -> String {
    let azure = with(
        seed,
        "[{ match: { changing: true }, verdict: stale-reads }, { match: { nth: 3 }, verdict: { delay: { for: 2s } } }]",
    );
    let begun = send(&azure, request("POST", &failover(), None)).await.unwrap();
    let mut told = format!("{begun:?}");
    finish(&azure, &begun).await;
    let (here, there) = (instance_group("weu"), server_group("neu"));
    let (one, two) = tokio::join!(get(&azure, &here, SQL), get(&azure, &there, SQL));
    told.push_str(&format!("{one:?}{two:?}"));
    told + &serde_json::to_string(&(azure.requests(), azure.world())).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(life(5).await, life(5).await);
    assert_ne!(life(5).await, life(6).await);
}
