use leeward_runbook::{journey::Journey, plan::Goal};

use super::*;
use crate::testing::{self, FakeAzure, FakePublic, key, region_down};

const ID: &str = "/subscriptions/sub-1/resourceGroups/rg-neu/providers/Microsoft.Test/things/one";

fn context(with: Value, goal: Option<&str>) -> Context {
    let context = testing::context("azure.resource", Journey::Failover, with, json!({}), json!({}));
    let mut step = (*context.step).clone();
    step.goal = goal.map(|text| Goal::Condition(text.to_owned()));
    Context {
        step: Arc::new(step),
        ..context
    }
}

fn asks(method: &str, id: &str, body: Value) -> Value {
    json!({"method": method, "id": id, "api-version": "2024-01-01", "body": body})
}

fn driver(azure: &Arc<FakeAzure>) -> AnyResource {
    let seams = Seams {
        arm: azure.arm(),
        public: FakePublic::silent(),
        commands: Arc::new(crate::testing::NoCommands),
    };
    AnyResource {
        arm: seams.arm.clone(),
        prover: Prover::new(&seams),
    }
}

async fn only(driver: &AnyResource, context: &Context) -> Operation {
    driver.assess(context).await.unwrap().operations.remove(0)
}

#[tokio::test]
async fn what_a_second_send_means_follows_from_the_method() {
    let azure = FakeAzure::new();
    let driver = driver(&azure);
    for (method, goal, repeat, observable) in [
        ("PUT", None, RepeatClass::Repeatable, true),
        ("DELETE", None, RepeatClass::Repeatable, true),
        ("PATCH", None, RepeatClass::OneShot, false),
        ("POST", Some("status == 200"), RepeatClass::OneShot, true),
        ("POST", None, RepeatClass::OneShot, false),
    ] {
        let context = context(asks(method, ID, json!({"properties": {}})), goal);
        let operation = only(&driver, &context).await;
        assert_eq!(operation.rungs[0].repeat, repeat, "{method}");
        assert_eq!(operation.observable, observable, "{method}");
    }
    let mut guarded = asks("PATCH", ID, json!({}));
    guarded["if-match"] = json!("etag-1");
    let operation = only(&driver, &context(guarded, None)).await;
    assert_eq!(operation.rungs[0].repeat, RepeatClass::SelfGuarded);
    assert!(azure.seen().is_empty());
}

#[tokio::test]
async fn a_put_is_proved_by_the_resource_as_it_was_written() {
    let azure = FakeAzure::new();
    let found = |state: &str, count: i64| {
        json!({"location": "North Europe", "etag": "x",
            "properties": {"provisioningState": state, "count": count, "mode": "FAST"}})
    };
    let end = "/things/one";
    azure.on(
        "GET",
        end,
        404,
        json!({"error": {"code": "ResourceNotFound", "message": "m"}}),
    );
    azure.on("GET", end, 200, found("Updating", 2));
    azure.on("GET", end, 200, found("Succeeded", 1));
    azure.on("GET", end, 200, found("Succeeded", 2));
    let body = json!({"location": "northeurope", "properties": {"count": 2, "mode": "Fast"}});
    let context = context(asks("PUT", ID, body), None);
    let driver = driver(&azure);
    let operation = only(&driver, &context).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(driver.observe(&context, &operation).await);
    }
    assert!(matches!(seen[0], Observation::NotBegun { .. }), "{seen:?}");
    assert!(matches!(seen[1], Observation::Busy { .. }), "{seen:?}");
    assert!(matches!(&seen[2], Observation::NotBegun { evidence } if evidence.contains("/properties/count")));
    assert!(matches!(seen[3], Observation::Holds { .. }), "{seen:?}");
}

#[tokio::test]
async fn a_condition_reads_body_and_status() {
    let azure = FakeAzure::new();
    azure.on("GET", "/things/one", 200, json!({"properties": {}}));
    azure.on("GET", "/things/one", 200, json!({"properties": {"power": "off"}}));
    azure.on("GET", "/things/one", 200, json!({"properties": {"power": "on"}}));
    azure.on("GET", "/things/one", 503, json!({}));
    let goal = "status == 200 && body.properties.power == 'on'";
    let context = context(asks("POST", &format!("{ID}/start"), Value::Null), Some(goal));
    let driver = driver(&azure);
    let operation = only(&driver, &context).await;
    assert!(
        operation.target.ends_with("/things/one"),
        "the action is no part of the resource"
    );
    assert!(matches!(
        driver.observe(&context, &operation).await,
        Observation::NotBegun { .. }
    ));
    assert!(matches!(
        driver.observe(&context, &operation).await,
        Observation::NotBegun { .. }
    ));
    assert!(matches!(
        driver.observe(&context, &operation).await,
        Observation::Holds { .. }
    ));
}

#[tokio::test]
async fn one_request_is_sent_as_it_is_written_and_its_answer_read() {
    let azure = FakeAzure::new();
    azure.on(
        "POST",
        "/things/one/start",
        200,
        json!({"properties": {"port": 7}}),
    );
    let mut with = asks("POST", &format!("{ID}/start"), json!({"soft": true}));
    with["outputs"] = json!({"port": "/properties/port", "none": "/nowhere"});
    let context = context(with, None);
    let driver = driver(&azure);
    let operation = only(&driver, &context).await;
    let sent = driver.begin(&context, &operation, "only", &key("post")).await;
    let Sent::Finished { outputs, warnings } = sent else {
        panic!("{sent:?}")
    };
    assert_eq!(outputs["port"], 7);
    assert_eq!(outputs["status"], 200);
    assert_eq!(warnings.len(), 1);
    assert_eq!(azure.changes().len(), 1);
    assert_eq!(azure.changes()[0].body, json!({"soft": true}));
    assert!(azure.changes()[0].query.contains("api-version=2024-01-01"));
}

#[tokio::test]
async fn a_get_changes_nothing_and_leaves_what_it_read() {
    let azure = FakeAzure::new();
    azure.on("GET", "/things/one", 200, json!({"name": "one"}));
    let context = context(asks("GET", ID, Value::Null), None);
    let driver = driver(&azure);
    let assessment = driver.assess(&context).await.unwrap();
    assert!(assessment.operations.is_empty() && driver.targets(&context).is_empty());
    assert_eq!(assessment.outputs["body"], json!({"name": "one"}));
}

#[tokio::test]
async fn a_request_that_needs_the_lost_region_is_not_even_tried() {
    let azure = FakeAzure::new();
    let mut with = asks("PUT", ID, json!({"a": 1}));
    with["control-plane"] = json!("source");
    let context = region_down(context(with, None));
    assert!(matches!(
        driver(&azure).assess(&context).await,
        Err(DriverError::Impossible { .. })
    ));
    assert!(azure.seen().is_empty());
}

#[test]
fn an_action_is_told_from_a_resource() {
    for (path, resource) in [
        (ID, ID),
        (
            "/subscriptions/s/resourceGroups/g/providers/N/a/b/c/d/act",
            "/subscriptions/s/resourceGroups/g/providers/N/a/b/c/d",
        ),
        (
            "/subscriptions/s/resourceGroups/g",
            "/subscriptions/s/resourceGroups/g",
        ),
        (
            "/subscriptions/s/providers/A/a/b/providers/B/c/d/act",
            "/subscriptions/s/providers/A/a/b/providers/B/c/d",
        ),
    ] {
        assert_eq!(without_action(path), resource);
    }
}
