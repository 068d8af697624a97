use leeward_runbook::{
    journey::Journey,
    plan::{Goal, StepId},
};
use serde_json::json;

use super::*;
use crate::testing::{self, FakeAzure, key, region_down};

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
    let seams = crate::testing::seams(azure.arm());
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
    assert!(azure.seen().is_empty());
}

#[tokio::test]
async fn a_change_is_sent_twice_for_an_etag_only_where_azure_is_known_to_refuse_the_second() {
    const RECORD: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateDnsZones/z/A/www";
    const CLUSTER: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/aks";
    let driver = driver(&FakeAzure::new());
    for (method, id, etag, repeat) in [
        ("PATCH", RECORD, "\"1f-2\"", RepeatClass::SelfGuarded),
        ("PUT", RECORD, "W/\"1f-2\"", RepeatClass::SelfGuarded),
        ("PATCH", CLUSTER, "1f-2", RepeatClass::SelfGuarded),
        // Nobody says that this provider looks at it.
        ("PATCH", ID, "1f-2", RepeatClass::OneShot),
        ("PUT", ID, "1f-2", RepeatClass::Repeatable),
        // Whatever state it is in.
        ("PATCH", RECORD, "*", RepeatClass::OneShot),
        ("PATCH", RECORD, " \"*\" ", RepeatClass::OneShot),
        // An action changes no etag that it asks for.
        ("POST", CLUSTER, "1f-2", RepeatClass::OneShot),
    ] {
        let mut guarded = asks(method, id, json!({"properties": {}}));
        guarded["if-match"] = json!(etag);
        let operation = only(&driver, &context(guarded, None)).await;
        assert_eq!(operation.rungs[0].repeat, repeat, "{method} {id} {etag}");
    }
}

/// Lets a step that follows read something.
fn read_by(context: Context, text: &str) -> Context {
    let mut follower = (*context.step).clone();
    follower.id = StepId::new("follower");
    follower.after = vec![context.step.id.clone()];
    follower.settings = json!({"deep": [{"text": text}]});
    let mut plan = (*context.plan).clone();
    plan.steps.push(Arc::new(follower));
    Context {
        plan: Arc::new(plan),
        ..context
    }
}

#[tokio::test]
async fn keys_that_azure_hands_out_are_never_written_to_the_journal() {
    for action in ["listKeys", "listClusterAdminCredential", "ListAccountSas"] {
        let azure = FakeAzure::new();
        let answer = json!({"keys": [{"keyName": "key1", "value": "hunter2=="}], "plain": "hunter2=="});
        azure.on("POST", &format!("/things/one/{action}"), 200, answer);
        let mut with = asks("POST", &format!("{ID}/{action}"), Value::Null);
        with["outputs"] = json!({"key": "/keys/0/value"});
        let context = read_by(context(with, None), "${{ steps.step.outputs.body.plain }}");
        let driver = driver(&azure);
        let assessment = driver.assess(&context).await.unwrap();
        assert!(
            assessment.warnings[0].contains("are keys"),
            "{:?}",
            assessment.warnings
        );
        let sent = driver
            .begin(&context, &assessment.operations[0], "only", &key("post"))
            .await;
        assert!(!format!("{sent:?}").contains("hunter2"), "{sent:?}");
        let Sent::Finished { outputs, warnings } = sent else {
            panic!("{action}")
        };
        assert_eq!(outputs.keys().collect::<Vec<_>>(), ["status"]);
        assert_eq!(warnings.len(), 1);
    }
}

#[tokio::test]
async fn an_answer_is_recorded_only_where_a_step_reads_it_and_without_what_looks_like_a_secret() {
    let azure = FakeAzure::new();
    let answer = json!({"name": "one", "properties": {
        "host": "h", "adminPassword": "hunter2", "primaryConnectionString": "hunter2", "clientSecret": "hunter2",
        "accessKeys": [{"name": "key1", "value": "hunter2"}], "secretUri": "https://kv.example.test/s",
    }});
    azure.on("GET", "/things/one", 200, answer);
    let driver = driver(&azure);
    let mut with = asks("GET", ID, Value::Null);
    with["outputs"] = json!({"host": "/properties/host", "word": "/properties/adminPassword"});
    let unread = read_by(context(with.clone(), None), "${{ steps.step.outputs.host }}");
    let assessment = driver.assess(&unread).await.unwrap();
    assert_eq!(assessment.outputs.keys().collect::<Vec<_>>(), ["host", "status"]);
    assert!(
        assessment.warnings[0].contains("`word` looks like a secret"),
        "{:?}",
        assessment.warnings
    );
    for text in [
        "x-${{ steps.step.outputs.body.name }}",
        "${{ steps['step'].outputs['body'].name + 'x' }}",
    ] {
        let assessment = driver
            .assess(&read_by(context(with.clone(), None), text))
            .await
            .unwrap();
        let body = &assessment.outputs["body"];
        assert_eq!(
            *body,
            json!({"name": "one", "properties": {
                "host": "h", "accessKeys": [{"name": "key1"}], "secretUri": "https://kv.example.test/s",
            }}),
            "{text}"
        );
        assert!(
            assessment
                .warnings
                .iter()
                .any(|told| told.contains("/properties/accessKeys/0/value")),
            "{:?}",
            assessment.warnings
        );
    }
}

#[tokio::test]
async fn an_accepted_request_that_nobody_can_ask_after_is_told_as_that() {
    for (goal, warned) in [(None, 1), (Some("status == 200"), 0)] {
        let azure = FakeAzure::new();
        azure.on("POST", "/things/one/start", 202, Value::Null);
        let context = context(asks("POST", &format!("{ID}/start"), Value::Null), goal);
        let driver = driver(&azure);
        let operation = only(&driver, &context).await;
        let sent = driver.begin(&context, &operation, "only", &key("post")).await;
        let Sent::Finished { warnings, .. } = sent else {
            panic!("{sent:?}")
        };
        assert_eq!(warnings.len(), warned, "{warnings:?}");
    }
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
async fn a_goal_of_another_type_is_read_by_its_own_version() {
    let azure = FakeAzure::new();
    azure.on(
        "GET",
        "/things/two",
        200,
        json!({"properties": {"state": "Ready"}}),
    );
    let mut with = asks("POST", &format!("{ID}/poke"), Value::Null);
    with["goal-id"] = json!(ID.replace("one", "two"));
    with["goal-api-version"] = json!("2021-07-01");
    let context = context(with, Some("body.properties.state == 'Ready'"));
    let driver = driver(&azure);
    let operation = only(&driver, &context).await;
    driver.observe(&context, &operation).await;
    let seen = azure.seen();
    assert!(
        seen.iter()
            .all(|one| one.query.contains("api-version=2021-07-01")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_get_changes_nothing_and_leaves_what_it_read() {
    let azure = FakeAzure::new();
    azure.on("GET", "/things/one", 200, json!({"name": "one"}));
    let context = context(asks("GET", ID, Value::Null), None);
    let context = read_by(context, "${{ steps.step.outputs.body.name }}");
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
