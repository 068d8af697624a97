use std::sync::Arc;

use super::*;
use crate::testing::{self, FakeAzure, key, recording};

fn context(journey: Journey) -> Context {
    testing::context(
        "azure.traffic-manager.profile",
        journey,
        json!({"profile": "tm", "resource-group": "rg-global"}),
        json!({"endpoint": "weu"}),
        json!({"endpoint": "neu"}),
    )
}

fn endpoint(name: &str, family: &str, status: &str, priority: i64) -> Value {
    json!({
        "name": name,
        "type": format!("Microsoft.Network/trafficManagerProfiles/{family}"),
        "properties": {"endpointStatus": status, "endpointMonitorStatus": "Online", "priority": priority}
    })
}

fn profile(endpoints: &[Value]) -> Value {
    json!({"properties": {
        "profileStatus": "Enabled",
        "trafficRoutingMethod": "Priority",
        "dnsConfig": {"fqdn": "tm.trafficmanager.net", "ttl": 30},
        "endpoints": endpoints
    }})
}

fn calm() -> Arc<FakeAzure> {
    let azure = FakeAzure::new();
    let two = [
        endpoint("weu", "azureEndpoints", "Enabled", 1),
        endpoint("neu", "ExternalEndpoints", "Disabled", 2),
    ];
    azure.on("GET", "/trafficmanagerprofiles/tm", 200, profile(&two));
    azure
}

#[tokio::test]
async fn the_side_that_takes_over_is_enabled_before_the_other_is_disabled() {
    let azure = calm();
    let assessment = Profile::new(azure.arm())
        .assess(&context(Journey::Failover))
        .await
        .unwrap();
    let ids: Vec<&str> = assessment.operations.iter().map(|op| op.id.as_str()).collect();
    assert_eq!(ids, ["enable/neu", "disable/weu"]);
    assert_eq!(assessment.operations[1].after, [OperationId::new("enable/neu")]);
    assert_eq!(assessment.operations[0].goal, "endpoint neu of tm is enabled");
    assert!(
        assessment
            .operations
            .iter()
            .all(|op| op.rungs[0].repeat == RepeatClass::Repeatable)
    );
    assert_eq!(assessment.outputs["host"], "tm.trafficmanager.net");
    assert_eq!(assessment.outputs["ttl"], 30);
    assert!(assessment.warnings.is_empty(), "{:?}", assessment.warnings);
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn an_endpoint_is_switched_by_its_own_route_and_nothing_else_of_it_is_touched() {
    let azure = calm();
    let route = "/rg-global/providers/microsoft.network/trafficmanagerprofiles/tm/externalendpoints/neu";
    azure.on(
        "PATCH",
        route,
        200,
        endpoint("neu", "externalEndpoints", "Enabled", 2),
    );
    azure.on(
        "GET",
        route,
        200,
        endpoint("neu", "externalEndpoints", "Disabled", 2),
    );
    azure.on(
        "GET",
        route,
        200,
        endpoint("neu", "externalEndpoints", "Enabled", 2),
    );
    let context = context(Journey::Failover);
    let driver = Profile::new(azure.arm());
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    assert!(matches!(
        driver.observe(&context, &operation).await,
        Observation::NotBegun { .. }
    ));
    let sent = driver
        .begin(&context, &operation, "only", &key("enable/neu"))
        .await;
    assert!(matches!(sent, Sent::Finished { .. }), "{sent:?}");
    assert!(matches!(
        driver.observe(&context, &operation).await,
        Observation::Holds { .. }
    ));
    assert_eq!(azure.changes().len(), 1);
    assert_eq!(
        azure.changes()[0].body,
        json!({"properties": {"endpointStatus": "Enabled"}})
    );
}

#[tokio::test]
async fn an_endpoint_that_the_profile_does_not_have_is_named_with_those_it_has() {
    let azure = FakeAzure::new();
    azure.on(
        "GET",
        "/trafficmanagerprofiles/tm",
        200,
        profile(&[endpoint("weu", "azureEndpoints", "Enabled", 1)]),
    );
    let error = Profile::new(azure.arm())
        .assess(&context(Journey::Failover))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("`neu`") && error.to_string().contains("weu"),
        "{error}"
    );
}

#[tokio::test]
async fn a_drill_changes_nothing() {
    let azure = calm();
    let assessment = Profile::new(azure.arm())
        .assess(&context(Journey::Drill))
        .await
        .unwrap();
    assert!(assessment.operations.is_empty());
}

#[tokio::test]
async fn a_third_endpoint_that_keeps_traffic_is_mentioned() {
    let azure = FakeAzure::new();
    let three = [
        endpoint("weu", "azureEndpoints", "Enabled", 1),
        endpoint("neu", "azureEndpoints", "Enabled", 3),
        endpoint("old", "nestedEndpoints", "Enabled", 2),
        endpoint("last", "azureEndpoints", "Enabled", 9),
    ];
    azure.on("GET", "/trafficmanagerprofiles/tm", 200, profile(&three));
    let assessment = Profile::new(azure.arm())
        .assess(&context(Journey::Failback))
        .await
        .unwrap();
    assert_eq!(assessment.warnings.len(), 1, "{:?}", assessment.warnings);
    assert!(assessment.warnings[0].starts_with("old"));
}

#[test]
fn every_recorded_endpoint_reads() {
    for exchange in recording("traffic-manager") {
        let body = &exchange["responseBody"];
        let family = body["type"].as_str().unwrap_or_default();
        if family.to_lowercase().ends_with("endpoints") {
            assert!(Endpoint::read(body).is_some(), "{body}");
        }
        for endpoint in body
            .pointer("/properties/endpoints")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            assert!(Endpoint::read(endpoint).is_some(), "{endpoint}");
        }
    }
}
