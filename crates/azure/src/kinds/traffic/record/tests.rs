use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::testing::{self, FakeAzure, key, recording};

const SET: &str = "/providers/microsoft.network/dnszones/bare.test/a/shop";
const PRIVATE: &str = "/providers/microsoft.network/privatednszones/bare.test/cname/db";

fn context(journey: Journey) -> Context {
    testing::context(
        "azure.dns.record-set",
        journey,
        json!({"zone": "bare.test", "resource-group": "rg-dns", "record": "shop", "type": "A"}),
        json!({"value": "10.10.0.1"}),
        json!({"value": ["10.20.0.2", "10.20.0.1"]}),
    )
}

fn set(values: &[&str], ttl: u64, etag: &str) -> Value {
    let entries: Vec<Value> = values.iter().map(|value| json!({"ipv4Address": value})).collect();
    json!({"name": "shop", "type": "Microsoft.Network/dnszones/A", "etag": etag, "properties": {
        "TTL": ttl, "ARecords": entries, "metadata": {"owner": "shop"}, "targetResource": {},
        "fqdn": "shop.bare.test.", "provisioningState": "Succeeded",
    }})
}

fn driver(azure: &Arc<FakeAzure>) -> Records {
    Records::new(azure.arm(), Zones::Public)
}

#[tokio::test]
async fn a_record_is_written_only_over_what_was_read_and_keeps_all_else() {
    let azure = FakeAzure::new();
    azure.on("GET", SET, 200, set(&["10.10.0.1"], 3600, "etag-1"));
    azure.on("GET", SET, 200, set(&["10.10.0.1"], 3600, "etag-1"));
    azure.on("GET", SET, 200, set(&["10.10.0.1"], 3600, "etag-2"));
    azure.on("GET", SET, 200, set(&["10.20.0.1", "10.20.0.2"], 3600, "etag-3"));
    azure.on("PUT", SET, 200, set(&["10.20.0.2", "10.20.0.1"], 3600, "etag-3"));
    let (driver, context) = (driver(&azure), context(Journey::Failover));
    let found = driver.assess(&context).await.unwrap();
    assert_eq!(
        found.summary,
        "A shop.bare.test holds 10.10.0.1; a change takes effect within 1h, its old TTL"
    );
    assert!(
        found.warnings[0].contains("lower its TTL beforehand"),
        "{:?}",
        found.warnings
    );
    assert_eq!(found.outputs["name"], "shop.bare.test");
    assert_eq!(found.outputs["ttl"], 3600);
    let [operation] = found.operations.as_slice() else {
        panic!()
    };
    assert_eq!(operation.goal, "A shop.bare.test holds 10.20.0.1, 10.20.0.2");
    assert_eq!(operation.rungs[0].repeat, RepeatClass::SelfGuarded);
    assert!(matches!(
        driver.observe(&context, operation).await,
        Observation::NotBegun { .. }
    ));
    let sent = driver.begin(&context, operation, "only", &key("write")).await;
    assert!(matches!(sent, Sent::Finished { .. }), "{sent:?}");
    let changes = azure.changes();
    let [change] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(change.headers["if-match"], "etag-2");
    assert_eq!(
        change.body,
        json!({"properties": {
            "TTL": 3600, "metadata": {"owner": "shop"},
            "ARecords": [{"ipv4Address": "10.20.0.1"}, {"ipv4Address": "10.20.0.2"}],
        }})
    );
    assert!(matches!(
        driver.observe(&context, operation).await,
        Observation::Holds { .. }
    ));
}

#[tokio::test]
async fn whoever_was_quicker_makes_us_look_again_and_not_give_up() {
    let azure = FakeAzure::new();
    azure.on("GET", SET, 200, set(&["10.10.0.1"], 60, "etag-1"));
    azure.on(
        "PUT",
        SET,
        412,
        json!({"error": {"code": "PreconditionFailed", "message": "changed"}}),
    );
    let (driver, context) = (driver(&azure), context(Journey::Failover));
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    match driver.begin(&context, &operation, "only", &key("write")).await {
        Sent::Refused(refusal) => assert!(refusal.passing && refusal.status == 412, "{refusal:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_record_that_is_not_there_is_made_and_never_written_over_another() {
    let azure = FakeAzure::new();
    azure.on("PUT", PRIVATE, 201, json!({"properties": {"ttl": 60}}));
    let context = testing::context(
        "azure.private-dns.record-set",
        Journey::Failback,
        json!({"zone": "bare.test", "resource-group": "rg-dns", "record": "db", "type": "CNAME", "ttl": "30s"}),
        json!({"value": "db.neu.test"}),
        json!({"value": "DB.weu.test."}),
    );
    let driver = Records::new(azure.arm(), Zones::Private);
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    driver.begin(&context, &operation, "only", &key("write")).await;
    let changes = azure.changes();
    assert_eq!(changes[0].headers["if-none-match"], "*");
    assert!(!changes[0].headers.contains_key("if-match"));
    assert_eq!(
        changes[0].body,
        json!({"properties": {"ttl": 30, "cnameRecord": {"cname": "db.weu.test"}}})
    );
}

#[tokio::test]
async fn an_alias_and_a_wrong_value_are_refused_before_anything_is_sent() {
    let azure = FakeAzure::new();
    let mut alias = set(&[], 60, "etag-1");
    alias["properties"]["targetResource"] = json!({"id": "/subscriptions/x"});
    azure.on("GET", SET, 200, alias);
    let error = driver(&azure)
        .assess(&context(Journey::Failover))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DriverError::Impossible { .. }) && error.to_string().contains("alias"),
        "{error}"
    );
    for value in [
        json!("10.20.0"),
        json!([]),
        json!("shop.test"),
        json!(7),
        Value::Null,
    ] {
        let context = testing::context(
            "azure.dns.record-set",
            Journey::Failover,
            json!({"zone": "bare.test", "resource-group": "rg-dns", "record": "shop", "type": "A"}),
            json!({"value": "10.10.0.1"}),
            json!({"value": value}),
        );
        let error = driver(&azure).assess(&context).await.unwrap_err();
        assert!(matches!(error, DriverError::Impossible { .. }), "{error}");
    }
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn a_set_that_holds_the_value_of_neither_side_is_mentioned_and_a_drill_changes_nothing() {
    let azure = FakeAzure::new();
    azure.on("GET", SET, 200, set(&["10.30.0.1"], 60, "etag-1"));
    let found = driver(&azure).assess(&context(Journey::Drill)).await.unwrap();
    assert!(found.operations.is_empty());
    assert_eq!(
        found.warnings,
        ["A shop.bare.test holds 10.30.0.1, which is the value of neither side"]
    );
}

#[test]
fn every_recorded_set_reads() {
    let mut read = 0;
    for name in ["aso-dns", "aso-private-dns-20240601"] {
        for exchange in recording(name) {
            let body = &exchange["responseBody"];
            if body["type"].as_str().is_some_and(|kind| kind.ends_with("/CNAME")) {
                let found = RecordSet::read(RecordType::Cname, body).unwrap();
                assert_eq!((found.values, found.ttl), (vec!["asotest.com".to_owned()], 3600));
                read += 1;
            }
        }
    }
    assert!(read == 0 || read > 6, "{read}");
}
