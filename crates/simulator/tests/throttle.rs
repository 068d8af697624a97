//! Whoever asks too often is refused, with Azure's numbers and in Azure's words.

#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{
    SQL, SUBSCRIPTION, Told, get, instance_group, platform, platform_with, profile, request, send, vault,
};

async fn write(azure: &leeward_simulator::Simulator, weight: u32) -> Told {
    let body = json!({"properties": {"weight": weight}});
    let path = profile("/externalEndpoints/weu?api-version=2022-04-01");
    send(azure, request("PATCH", &path, Some(body))).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn after_two_hundred_writes_at_once_ten_a_second_are_taken() {
    let azure = platform(1);
    let many = futures_of(260, |n| write(&azure, n)).await;
    let taken = many.iter().filter(|told| told.status == 200).count();
    assert_eq!(taken, 200);
    let refused = many.iter().find(|told| told.status == 429).unwrap();
    assert_eq!(refused.code(), "SubscriptionRequestsThrottled");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("x-ms-failure-cause"), Some("gateway"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let many = futures_of(60, |n| write(&azure, n)).await;
    let taken = many.iter().filter(|told| told.status == 200).count();
    assert!((29..=34).contains(&taken), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_tells_what_is_left_under_the_recorded_names() {
    let azure = platform(1);
    for left in ["199", "198"] {
        let told = write(&azure, 1).await;
        assert_eq!(
            told.header("x-ms-ratelimit-remaining-subscription-writes"),
            Some(left)
        );
        assert!(
            told.header("x-ms-ratelimit-remaining-subscription-global-writes")
                .is_some()
        );
    }
    let told = get(&azure, &instance_group("weu"), SQL).await;
    // Reads were recorded with the global figure alone.
    assert_eq!(
        told.header("x-ms-ratelimit-remaining-subscription-global-reads"),
        Some("16499")
    );
    assert_eq!(told.header("x-ms-ratelimit-remaining-subscription-reads"), None);
}

#[tokio::test(start_paused = true)]
async fn a_vault_refuses_the_151st_read_of_an_action_and_says_when_in_its_message_alone() {
    let azure = vault::counting_vault();
    let jobs = format!("{}/replicationJobs", vault::base());
    for _ in 0..150 {
        assert_eq!(get(&azure, &jobs, vault::VERSION).await.status, 200);
    }
    let refused = get(&azure, &jobs, vault::VERSION).await;
    assert_eq!(
        (refused.status, refused.code()),
        (429, "ResourceRequestsThrottled")
    );
    assert_eq!(refused.header("retry-after"), None);
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("exceeded the limit of '150' for time interval '01:00:00'"),
        "{message}"
    );
    // Another action of the same vault has a limit of its own.
    let items = format!("{}/replicationProtectedItems", vault::base());
    assert_eq!(get(&azure, &items, vault::VERSION).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_takes_twenty_puts_and_then_one_a_minute() {
    let azure = platform(1);
    let path = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-global/providers/Microsoft.ContainerService/managedClusters/c?api-version=2024-05-01"
    );
    let mut last = None;
    for _ in 0..21 {
        last = Some(
            send(&azure, request("PUT", &path, Some(json!({}))))
                .await
                .unwrap(),
        );
    }
    let refused = last.unwrap();
    assert_eq!((refused.status, refused.code()), (429, "Throttled"));
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((50..=60).contains(&wait), "{wait}");
}

#[tokio::test(start_paused = true)]
async fn a_world_can_be_told_not_to_count() {
    let azure = platform_with(1, "throttles: off");
    let many = futures_of(300, |n| write(&azure, n)).await;
    assert!(many.iter().all(|told| told.status == 200));
}

/// Asks many things at once and returns what came of all of them.
async fn futures_of<F: Future<Output = Told>>(many: u32, ask: impl Fn(u32) -> F) -> Vec<Told> {
    let mut asked: Vec<_> = (1..=many).map(|n| Box::pin(ask(n))).collect();
    let mut told = Vec::new();
    std::future::poll_fn(|context| {
        asked.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                told.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        match asked.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    told
}
