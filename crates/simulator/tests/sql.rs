//! Do failover groups behave as Azure's do?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::*;

#[tokio::test(start_paused = true)]
async fn a_planned_switch_exchanges_both_views_and_the_pair() {
    let azure = platform(1);
    let begun = post(&azure, &format!("{}/failover", instance_group("neu")), SQL).await;
    assert_eq!(begun.status, 202);
    assert_eq!(begun.body["operation"], "FailoverManagedFailoverGroup");
    assert!(begun.header("location").unwrap().len() > 3_000);
    assert_eq!(finish(&azure, &begun).await, ["InProgress", "Succeeded"]);
    assert_eq!(role(&azure, &instance_group("neu")).await, "Primary");
    let other = get(&azure, &instance_group("weu"), SQL).await.body;
    assert_eq!(other["properties"]["replicationRole"], "Secondary");
    assert_eq!(other["properties"]["replicationState"], "CATCH_UP");
    let pair = &other["properties"]["managedInstancePairs"][0];
    assert!(
        pair["primaryManagedInstanceId"]
            .as_str()
            .unwrap()
            .ends_with("mi-fog-platform-paired")
    );
    let result = send(&azure, request("GET", begun.header("location").unwrap(), None))
        .await
        .unwrap();
    assert_eq!(result.body["properties"]["replicationRole"], "Primary");
}

#[tokio::test(start_paused = true)]
async fn a_switch_asked_of_the_side_that_serves_is_refused() {
    let azure = platform(1);
    let told = post(&azure, &format!("{}/failover", instance_group("weu")), SQL).await;
    assert_eq!(
        (told.status, told.code()),
        (400, "InstanceFailoverGroupFailoverRequestOnPrimary")
    );
    let told = post(
        &azure,
        &format!("{}/forceFailoverAllowDataLoss", server_group("weu")),
        SQL,
    )
    .await;
    assert_eq!(
        (told.status, told.code()),
        (400, "FailoverGroupFailoverRequestOnPrimary")
    );
    assert!(azure.requests().iter().all(|entry| !entry.accepted));
}

#[tokio::test(start_paused = true)]
async fn a_second_switch_beside_the_first_is_refused_as_busy() {
    let azure = platform(1);
    let path = format!("{}/failover", instance_group("neu"));
    assert_eq!(post(&azure, &path, SQL).await.status, 202);
    let told = post(&azure, &path, SQL).await;
    assert_eq!((told.status, told.code()), (409, "InstanceFailoverGroupBusy"));
    assert_eq!(azure.requests().iter().filter(|entry| entry.accepted).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_forced_switch_reads_suspended_for_about_a_minute() {
    let azure = platform(3);
    let begun = post(
        &azure,
        &format!("{}/forceFailoverAllowDataLoss", server_group("neu")),
        SQL,
    )
    .await;
    finish(&azure, &begun).await;
    let state = |body: Value| {
        body["properties"]["replicationState"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        state(get(&azure, &server_group("neu"), SQL).await.body),
        "SUSPENDED"
    );
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert_eq!(
        state(get(&azure, &server_group("neu"), SQL).await.body),
        "CATCH_UP"
    );
    assert_eq!(role(&azure, &server_group("weu")).await, "Secondary");
}

#[tokio::test(start_paused = true)]
async fn a_planned_switch_from_a_region_that_is_gone_times_out_and_a_forced_one_succeeds() {
    let azure = platform_with(1, "regions: [{ name: westeurope, outages: [{ is: gone }] }]");
    let before = tokio::time::Instant::now();
    let told = post(&azure, &format!("{}/failover", instance_group("neu")), SQL).await;
    assert_eq!((told.status, told.code()), (400, "PlannedFailoverTimedOut"));
    assert!(before.elapsed() >= Duration::from_secs(20) && before.elapsed() < Duration::from_secs(30));
    let begun = post(
        &azure,
        &format!("{}/forceFailoverAllowDataLoss", instance_group("neu")),
        SQL,
    )
    .await;
    finish(&azure, &begun).await;
    let shown = get(&azure, &instance_group("neu"), SQL).await.body;
    assert_eq!(shown["properties"]["replicationRole"], "Primary");
    assert_eq!(shown["properties"]["replicationState"], "SUSPENDED");
}

#[tokio::test(start_paused = true)]
async fn a_planned_switch_from_a_region_that_does_not_serve_ends_badly_and_lets_the_group_go() {
    let azure = platform_with(
        1,
        "regions: [{ name: westeurope, outages: [{ is: not-serving }] }]",
    );
    let begun = post(&azure, &format!("{}/failover", instance_group("neu")), SQL).await;
    assert_eq!(finish(&azure, &begun).await, ["InProgress", "Failed"]);
    assert_eq!(role(&azure, &instance_group("neu")).await, "Secondary");
    let forced = post(
        &azure,
        &format!("{}/forceFailoverAllowDataLoss", instance_group("neu")),
        SQL,
    )
    .await;
    assert_eq!(forced.status, 202);
}

#[tokio::test(start_paused = true)]
async fn groups_of_servers_know_a_third_verb_and_groups_of_instances_do_not() {
    let azure = platform(1);
    let path = format!("{}/tryPlannedBeforeForcedFailover", server_group("neu"));
    let begun = post(&azure, &path, SQL).await;
    finish(&azure, &begun).await;
    assert_eq!(role(&azure, &server_group("neu")).await, "Primary");
    let path = format!("{}/tryPlannedBeforeForcedFailover", instance_group("neu"));
    assert_eq!(post(&azure, &path, SQL).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_try_planned_switch_leaves_the_group_suspended_now_and_then_as_a_forced_one_does() {
    let mut words = std::collections::BTreeSet::new();
    for seed in 1..=16 {
        let azure = platform(seed);
        let path = format!("{}/tryPlannedBeforeForcedFailover", server_group("neu"));
        let begun = post(&azure, &path, SQL).await;
        assert_eq!(finish(&azure, &begun).await, ["InProgress", "Succeeded"]);
        let read = async || {
            get(&azure, &server_group("neu"), SQL).await.body["properties"]["replicationState"].clone()
        };
        words.insert(read().await.to_string());
        tokio::time::sleep(Duration::from_secs(70)).await;
        assert_eq!(read().await, "CATCH_UP", "seed {seed}");
    }
    assert_eq!(words.len(), 2, "{words:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_is_made_changed_and_dropped_from_its_primary_only() {
    let azure = platform(1);
    let own = get(&azure, &server_group("weu"), SQL).await.body;
    let put = |path: String, body: Value| {
        let azure = azure.clone();
        async move {
            send(
                &azure,
                request("PUT", &format!("{path}?api-version={SQL}"), Some(body)),
            )
            .await
            .unwrap()
        }
    };
    let told = put(server_group("neu"), own.clone()).await;
    assert_eq!(told.code(), "FailoverGroupUpdateOrDeleteRequestOnSecondary");
    let told = put(
        server_group("weu"),
        json!({"properties": {"readWriteEndpoint": {"failoverPolicy": "Automatic"}}}),
    )
    .await;
    assert_eq!(
        told.code(),
        "FailoverGroupCreateOrUpdateRequestInvalidReadWriteEndpointFields"
    );
    let begun = send(
        &azure,
        request(
            "DELETE",
            &format!("{}?api-version={SQL}", server_group("weu")),
            None,
        ),
    )
    .await
    .unwrap();
    assert_eq!(begun.body["operation"], "DropFailoverGroup");
    finish(&azure, &begun).await;
    assert_eq!(get(&azure, &server_group("neu"), SQL).await.status, 404);
    let begun = put(server_group("weu"), own.clone()).await;
    assert_eq!(begun.body["operation"], "CreateFailoverGroup");
    finish(&azure, &begun).await;
    assert_eq!(get(&azure, &server_group("weu"), SQL).await.body, own);
    assert_eq!(role(&azure, &server_group("neu")).await, "Secondary");
}

#[tokio::test(start_paused = true)]
async fn tags_alone_may_be_changed_and_nothing_else_of_the_group_is() {
    let azure = platform(1);
    let (here, there) = (server_group("weu"), server_group("neu"));
    let before = [
        get(&azure, &here, SQL).await.body,
        get(&azure, &there, SQL).await.body,
    ];
    let url = format!("{here}?api-version={SQL}");
    let begun = send(
        &azure,
        request("PATCH", &url, Some(json!({"tags": {"owner": "shop"}}))),
    )
    .await
    .unwrap();
    assert_eq!(begun.status, 202, "{begun:?}");
    finish(&azure, &begun).await;
    let mut after = [
        get(&azure, &here, SQL).await.body,
        get(&azure, &there, SQL).await.body,
    ];
    assert_eq!(after[0]["tags"], json!({"owner": "shop"}));
    after[0].as_object_mut().unwrap().remove("tags");
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_gives_a_grace_period_to_the_manual_policy_or_is_no_object_is_refused() {
    let azure = platform(1);
    let url = format!("{}?api-version={SQL}", server_group("weu"));
    let patch = async |body: Value| send(&azure, request("PATCH", &url, Some(body))).await.unwrap();
    let grace = "failoverWithDataLossGracePeriodMinutes";
    let told =
        patch(json!({"properties": {"readWriteEndpoint": {"failoverPolicy": "Manual", grace: 60}}})).await;
    assert_eq!(
        (told.status, told.code()),
        (
            400,
            "FailoverGroupCreateOrUpdateRequestInvalidReadWriteEndpointFieldsForManualPolicy"
        )
    );
    for body in [json!("tags"), json!([]), json!({"properties": 5})] {
        assert_eq!(patch(body).await.status, 400);
    }
    let told = send(&azure, request("PATCH", &url, None)).await.unwrap();
    assert_eq!(
        (told.status, told.code()),
        (400, "FailoverGroupCreateOrUpdateRequestInvalid")
    );
    // From automatic back to manual: the grace period does not outlive its policy.
    for policy in [
        json!({"failoverPolicy": "Automatic", grace: 120}),
        json!({"failoverPolicy": "Manual"}),
    ] {
        let begun = patch(json!({"properties": {"readWriteEndpoint": policy}})).await;
        finish(&azure, &begun).await;
        let shown = get(&azure, &server_group("neu"), SQL).await.body;
        assert_eq!(shown["properties"]["readWriteEndpoint"], policy);
    }
}
