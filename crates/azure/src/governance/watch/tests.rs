use std::sync::Arc;

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Driver, DriverError},
    work::{Assessment, Observation, Operation, Phase, Progress, Sent, Ticket},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    governance::driver::{Governed, Marks},
    testing::{FakeAzure, context, region_down},
};

const ACCOUNT: &str =
    "/subscriptions/sub-1/resourcegroups/rg-neu/providers/microsoft.storage/storageaccounts/a";
const OF_ALL: &str = "/subscriptions/sub-1/providers/Microsoft.Authorization/locks";
const OF_GROUP: &str = "/resourcegroups/rg-neu/providers/Microsoft.Authorization/locks";
const GROUP: &str = "/resourcegroups/rg-neu";

struct Mover;

#[async_trait]
impl Driver for Mover {
    fn targets(&self, _: &Context) -> Vec<String> {
        vec![ACCOUNT.to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions")]
    }

    async fn assess(&self, _: &Context) -> Result<Assessment, DriverError> {
        Ok(Assessment {
            operations: vec![Operation {
                id: OperationId::new("failover"),
                target: ACCOUNT.to_owned(),
                goal: String::new(),
                after: Vec::new(),
                phase: Phase::Main,
                rungs: Vec::new(),
                observable: true,
                payload: Value::Null,
            }],
            ..Assessment::default()
        })
    }

    async fn observe(&self, _: &Context, _: &Operation) -> Observation {
        unreachable!()
    }

    async fn begin(&self, _: &Context, _: &Operation, _: &str, _: &AttemptKey) -> Sent {
        unreachable!()
    }

    async fn poll(&self, _: &Context, _: &Operation, _: &Ticket) -> Progress {
        unreachable!()
    }
}

fn governed(azure: &Arc<FakeAzure>) -> Governed {
    Governed::new(
        Arc::new(Mover),
        Arc::new(Watch::new(azure.arm())),
        azure.arm(),
        Marks::Off,
    )
}

fn of(journey: Journey) -> Context {
    let with = json!({"account": "a", "resource-group": "rg-neu"});
    let source = json!({"resource-group": "rg-weu"});
    context("azure.storage.geo-failover", journey, with, source, json!({}))
}

fn lock(scope: &str) -> Value {
    json!({"id": format!("{scope}/providers/Microsoft.Authorization/locks/keep"), "properties": {"level": "ReadOnly"}})
}

async fn warnings(driver: &Governed, context: &Context) -> Vec<String> {
    driver.assess(context).await.unwrap().warnings
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_told_beside_the_assessment_and_read_once_a_run() {
    let azure = FakeAzure::new();
    azure.on("GET", OF_ALL, 200, json!({"value": [lock("/subscriptions/sub-1/resourceGroups/rg-NEU"), lock("/subscriptions/sub-1/resourceGroups/rg-x"), {"odd": 1}]}));
    azure.on("GET", GROUP, 200, json!({"location": "northeurope"}));
    let driver = governed(&azure);
    for _ in 0..3 {
        let told = warnings(&driver, &of(Journey::Failover)).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("ReadOnly lock `keep` over /subscriptions/sub-1/resourceGroups/rg-NEU"),
            "{told:?}"
        );
        assert!(told[0].contains("az lock delete --ids"), "{told:?}");
    }
    assert_eq!(azure.seen().len(), 2, "{:?}", azure.seen());
    assert!(azure.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_the_subscription_may_not_be_listed_its_groups_are() {
    let azure = FakeAzure::new();
    azure.on(
        "GET",
        OF_ALL,
        403,
        json!({"error": {"code": "AuthorizationFailed", "message": "no"}}),
    );
    azure.on(
        "GET",
        OF_GROUP,
        200,
        json!({"value": [lock("/subscriptions/sub-1/resourceGroups/rg-neu")]}),
    );
    azure.on("GET", GROUP, 200, json!({"location": "northeurope"}));
    let driver = governed(&azure);
    let told = warnings(&driver, &of(Journey::Failover)).await;
    assert!(
        told[0].contains("could not be read: AuthorizationFailed"),
        "{told:?}"
    );
    assert!(told[1].contains("lock `keep`"), "{told:?}");
    let again = warnings(&driver, &of(Journey::Failover)).await;
    assert_eq!(again, told[1..], "what could not be read is told once");
}

#[tokio::test(start_paused = true)]
async fn azure_that_does_not_answer_costs_a_step_seconds_and_the_next_one_nothing() {
    let azure = FakeAzure::new();
    // Asked to come back later than anybody waits.
    let slow = || (503, vec![("retry-after", "60".to_owned())], Value::Null);
    azure
        .on_with("GET", OF_ALL, slow())
        .on_with("GET", OF_GROUP, slow())
        .on_with("GET", GROUP, slow());
    let driver = governed(&azure);
    let begun = tokio::time::Instant::now();
    let told = warnings(&driver, &of(Journey::Failover)).await;
    assert!(begun.elapsed() <= WITHIN, "{:?}", begun.elapsed());
    assert!(
        told.iter().all(|line| line.contains("could not be read")),
        "{told:?}"
    );
    let begun = tokio::time::Instant::now();
    warnings(&driver, &of(Journey::Failover)).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_resource_group_in_the_region_that_fails_is_told() {
    let azure = FakeAzure::new();
    azure.on("GET", OF_ALL, 200, json!({"value": []}));
    azure.on("GET", GROUP, 200, json!({"location": "West Europe"}));
    let told = warnings(&governed(&azure), &of(Journey::Failover)).await;
    assert_eq!(
        told,
        ["the resource group rg-neu lies in West Europe: without that region nothing in it can be changed"]
    );
    assert!(
        warnings(&governed(&azure), &of(Journey::Reprotect))
            .await
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn once_an_outage_is_declared_no_group_is_asked_for() {
    let azure = FakeAzure::new();
    azure.on(
        "GET",
        OF_ALL,
        200,
        json!({"value": [lock("/subscriptions/sub-1")]}),
    );
    let told = warnings(&governed(&azure), &region_down(of(Journey::Failover))).await;
    assert!(
        told.len() == 1 && told[0].contains("lock `keep` over /subscriptions/sub-1"),
        "{told:?}"
    );
    let paths: Vec<String> = azure.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, [OF_ALL]);
}
