use std::sync::Arc;

use super::*;
use crate::testing::{self, FakeAzure, key, recording};

const GROUP: &str = "/profiles/afd/origingroups/shop/origins";
const NEU: &str = "/profiles/afd/origingroups/shop/origins/neu";

fn context(by: &str) -> Context {
    testing::context(
        "azure.front-door.origin-group",
        Journey::Failover,
        json!({"profile": "afd", "resource-group": "rg-global", "origin-group": "shop", "by": by}),
        json!({"origin": "weu"}),
        json!({"origin": "neu"}),
    )
}

fn origin(name: &str, state: &str, priority: i64, provisioning: &str) -> Value {
    json!({"name": name, "properties": {
        "enabledState": state, "priority": priority, "weight": 1_000, "hostName": format!("{name}.shop.test"),
        "provisioningState": provisioning, "deploymentStatus": "NotStarted",
    }})
}

fn calm() -> Arc<FakeAzure> {
    let azure = FakeAzure::new();
    let both = [
        origin("weu", "Enabled", 1, "Succeeded"),
        origin("neu", "Disabled", 2, "Succeeded"),
    ];
    azure.on("GET", GROUP, 200, json!({"value": both}));
    azure
}

#[tokio::test]
async fn the_origin_that_takes_over_is_enabled_before_the_other_is_disabled() {
    let azure = calm();
    let found = Origins::new(azure.arm()).assess(&context("state")).await.unwrap();
    let ids: Vec<&str> = found.operations.iter().map(|op| op.id.as_str()).collect();
    assert_eq!(ids, ["enable/neu", "disable/weu"]);
    assert_eq!(found.operations[1].after, [OperationId::new("enable/neu")]);
    assert_eq!(found.operations[0].goal, "origin neu of shop is enabled");
    assert_eq!(found.outputs["origin-host"], "neu.shop.test");
    assert!(azure.changes().is_empty() && found.warnings.is_empty());
}

#[tokio::test]
async fn one_flag_is_patched_and_its_status_is_followed_without_an_error_of_none() {
    let azure = calm();
    let url = "http://127.0.0.1:1/subscriptions/s/resourcegroups/rg/providers/Microsoft.Cdn/operationresults/op?api-version=2024-02-01";
    azure.on_with(
        "PATCH",
        NEU,
        (
            202,
            vec![("Azure-AsyncOperation", url.to_owned())],
            origin("neu", "Enabled", 2, "Updating"),
        ),
    );
    azure.on(
        "GET",
        "/operationresults/op",
        200,
        json!({"status": "Succeeded", "error": {"code": "None", "message": null}}),
    );
    let driver = Origins::new(azure.arm());
    let context = context("state");
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    let sent = driver
        .begin(&context, &operation, "only", &key("enable/neu"))
        .await;
    let Sent::Accepted { ticket } = sent else {
        panic!("{sent:?}")
    };
    assert_eq!(
        azure.changes()[0].body,
        json!({"properties": {"enabledState": "Enabled"}})
    );
    let ended = driver.poll(&context, &operation, &ticket).await;
    match ended {
        Progress::Succeeded { warnings, .. } => assert_eq!(warnings, [""; 0]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_shown_before_the_operation_has_ended_is_not_yet_so() {
    for (state, provisioning, wanted) in [
        ("Disabled", "Succeeded", "not-begun"),
        ("Disabled", "Updating", "busy"),
        ("Enabled", "Updating", "in-motion"),
        ("Enabled", "SomethingNew", "in-motion"),
        ("Enabled", "Failed", "not-begun"),
        ("Enabled", "Succeeded", "holds"),
    ] {
        let azure = calm();
        azure.on("GET", NEU, 200, origin("neu", state, 2, provisioning));
        let driver = Origins::new(azure.arm());
        let context = context("state");
        let operation = driver.assess(&context).await.unwrap().operations.remove(0);
        let seen = serde_json::to_value(driver.observe(&context, &operation).await).unwrap();
        assert_eq!(seen["seen"], wanted, "{state} {provisioning}: {seen}");
    }
}

#[tokio::test]
async fn ranks_are_changed_where_the_runbook_says_so() {
    for (by, first, second) in [
        (
            "priority",
            json!({"enabledState": "Enabled", "priority": 1}),
            json!({"priority": 5}),
        ),
        (
            "weight",
            json!({"enabledState": "Enabled", "weight": 1_000}),
            json!({"weight": 1}),
        ),
    ] {
        let azure = calm();
        let driver = Origins::new(azure.arm());
        let context = context(by);
        for operation in driver.assess(&context).await.unwrap().operations {
            driver.begin(&context, &operation, "only", &key("x")).await;
        }
        let bodies: Vec<Value> = azure
            .changes()
            .iter()
            .map(|seen| seen.body["properties"].clone())
            .collect();
        assert_eq!(bodies, [first, second], "{by}");
    }
}

#[test]
fn every_recorded_origin_reads() {
    for name in ["afd-origin", "aso-afd"] {
        for exchange in recording(name) {
            let body = &exchange["responseBody"];
            if body["type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("/origins"))
            {
                assert!(reads(body), "{body}");
            }
        }
    }
}
