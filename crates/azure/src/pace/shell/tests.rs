use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{arm::Method, pace::rank::Purpose};

const PATH: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/a/failoverGroups/f/failover";

fn write() -> Call {
    Call::of(Method::Post, PATH).unwrap()
}

async fn many(pace: &Pace, count: usize) -> Duration {
    let start = Instant::now();
    let all = (0..count).map(|_| {
        let pace = pace.clone();
        tokio::spawn(async move { pace.admit(&write(), Rank::plain(Purpose::Change)).await })
    });
    for one in futures::future::join_all(all).await {
        one.unwrap();
    }
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_changes_go_as_fast_as_the_bucket_lets_them() {
    let took = many(&Pace::new(), 1_000).await;
    // Ten a second after the first hundred and ninety.
    assert!(took >= Duration::from_secs(81), "{took:?}");
    assert!(took < Duration::from_millis(81_100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_given_up_while_waiting_stops_nobody() {
    let pace = Pace::new();
    assert_eq!(many(&pace, 190).await, Duration::ZERO);
    let patient = {
        let pace = pace.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            pace.admit(&write(), Rank::plain(Purpose::Change)).await;
        })
    };
    // The first in line watches the clock for all, and leaves before its turn.
    let call = write();
    let impatient = pace.admit(&call, Rank::plain(Purpose::Change));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), impatient)
            .await
            .is_err()
    );
    tokio::time::timeout(Duration::from_secs(1), patient)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_told_about_once() {
    let pace = Pace::new();
    let told = AtomicU64::new(0);
    let calls = AtomicU64::new(0);
    let call = write();
    let waits = |about: Duration| {
        told.store(about.as_secs(), Ordering::SeqCst);
        calls.fetch_add(1, Ordering::SeqCst);
    };
    let all = (0..600).map(|n| {
        let (pace, call, waits) = (pace.clone(), &call, &waits);
        async move {
            let silent = |_: Duration| {};
            match n {
                599 => {
                    pace.reserve("last", call, Rank::plain(Purpose::Change), waits)
                        .await
                }
                _ => {
                    pace.reserve(&n.to_string(), call, Rank::plain(Purpose::Change), &silent)
                        .await
                }
            }
        }
    });
    futures::future::join_all(all).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let told = told.load(Ordering::SeqCst);
    assert!((39..=42).contains(&told), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_is_only_assumed_of_a_limit_costs_a_minute_and_not_an_hour_until_azure_refuses() {
    let pace = Pace::new();
    let jobs =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v/replicationJobs";
    let call = Call::of(Method::Get, jobs).unwrap();
    let poll = Rank::plain(Purpose::LatePoll);
    let start = Instant::now();
    for _ in 0..150 {
        pace.admit(&call, poll).await;
    }
    assert_eq!(
        start.elapsed(),
        Duration::ZERO,
        "as many as are assumed to be allowed"
    );
    for _ in 0..50 {
        pace.admit(&call, poll).await;
    }
    assert_eq!(
        start.elapsed(),
        KEPT_TO,
        "one waited, and found out for the others"
    );
    pace.close(&call.keys(), Duration::from_secs(324));
    pace.admit(&call, poll).await;
    assert!(
        start.elapsed() >= KEPT_TO + Duration::from_secs(324),
        "a refusal is believed"
    );
}
