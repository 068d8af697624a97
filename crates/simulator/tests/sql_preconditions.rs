//! Does Azure SQL refuse what Azure refuses? One test for each fact, named after it.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::*;

const WEU: &str = "/resourceGroups/rg-platform-weu/providers/Microsoft.Sql";
const NEU: &str = "/resourceGroups/rg-platform-neu/providers/Microsoft.Sql";

fn id(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}{rest}")
}

/// The platform with more resources, each (id, region, body, state).
fn with(resources: &[(String, &str, Value, Value)]) -> leeward_simulator::Simulator {
    let mut list = Vec::new();
    for (id, region, body, state) in resources {
        let path: Vec<&str> = id.split("/providers/").nth(1).unwrap().split('/').collect();
        let kind = std::iter::once(path[0])
            .chain(path[1..].iter().step_by(2).copied())
            .collect::<Vec<_>>()
            .join("/");
        list.push(json!({"id": id, "type": kind, "region": region, "body": body, "state": state}));
    }
    platform_with(1, &json!({"resources": list}).to_string())
}

/// Two instances that no group has yet.
fn instances(own: (Value, Value), other: (Value, Value)) -> leeward_simulator::Simulator {
    let body = |more: Value| {
        let mut properties = json!({"state": "Ready", "dnsZone": "a1", "storageSizeInGB": 256, "databaseFormat": "SQLServer2022"});
        for (key, value) in more.as_object().cloned().unwrap_or_default() {
            properties[key] = value;
        }
        json!({"properties": properties})
    };
    with(&[
        (
            id(&format!("{WEU}/managedInstances/mi-new-weu")),
            "westeurope",
            body(own.0),
            own.1,
        ),
        (
            id(&format!("{NEU}/managedInstances/mi-new-neu")),
            "northeurope",
            body(other.0),
            other.1,
        ),
    ])
}

fn new_group() -> String {
    id(&format!(
        "{WEU}/locations/westeurope/instanceFailoverGroups/fog-new"
    ))
}

fn new_group_body() -> Value {
    json!({"properties": {
        "readWriteEndpoint": {"failoverPolicy": "Manual"},
        "partnerRegions": [{"location": "northeurope"}],
        "managedInstancePairs": [{
            "primaryManagedInstanceId": id(&format!("{WEU}/managedInstances/mi-new-weu")),
            "partnerManagedInstanceId": id(&format!("{NEU}/managedInstances/mi-new-neu")),
        }],
    }})
}

async fn refused_creation(own: (Value, Value), other: (Value, Value)) -> String {
    let told = put_to(&instances(own, other), &new_group(), new_group_body()).await;
    assert!(told.status >= 400, "{told:?}");
    told.code().to_owned()
}

fn plain() -> (Value, Value) {
    (Value::Null, Value::Null)
}

fn body(properties: Value) -> (Value, Value) {
    (properties, Value::Null)
}

#[tokio::test(start_paused = true)]
async fn dns_zone_mismatch_refuses_a_group_of_instances() {
    let code = refused_creation(body(json!({"dnsZone": "b2"})), plain()).await;
    assert_eq!(code, "DnsZoneMismatch");
}

#[tokio::test(start_paused = true)]
async fn instances_of_a_pool_or_of_other_size_or_format_make_no_group() {
    let pool = body(json!({"instancePoolId": "/x"}));
    assert_eq!(
        refused_creation(pool, plain()).await,
        "ManagedInstanceGeoDRNotAllowedForInstancePool"
    );
    let size = body(json!({"storageSizeInGB": 512}));
    assert_eq!(refused_creation(size, plain()).await, "GeoDrInstanceSizeMismatch");
    let format = body(json!({"databaseFormat": "AlwaysUpToDate"}));
    assert_eq!(
        refused_creation(format, plain()).await,
        "ManagedInstanceEstablishingFailoverGroupGeoPrimaryWithNewerVersionEditionThanSecondary"
    );
}

#[tokio::test(start_paused = true)]
async fn instances_that_cannot_hear_each_other_make_no_group() {
    let code = refused_creation(plain(), (Value::Null, json!({"network": "unreachable"}))).await;
    assert_eq!(code, "InstanceFailoverGroupIncorrectNetworkingConfiguration");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_starting_or_busy_instance_makes_no_group() {
    for (state, code) in [
        ("Stopped", "ManagedInstanceStoppingOrStopped"),
        ("Stopping", "ManagedInstanceStoppingOrStopped"),
        ("Starting", "ManagedInstanceStarting"),
        ("Updating", "ManagedInstanceOperationInProgress"),
    ] {
        assert_eq!(
            refused_creation(body(json!({"state": state})), plain()).await,
            code
        );
    }
    let code = refused_creation(plain(), (Value::Null, json!({"update-slo": true}))).await;
    assert_eq!(code, "ManagedInstanceUpdateSloInProgress");
}

#[tokio::test(start_paused = true)]
async fn a_secondary_instance_must_be_empty_when_a_group_is_made() {
    let azure = instances(plain(), plain());
    let mut resources = vec![(
        id(&format!("{NEU}/managedInstances/mi-new-neu/databases/stock")),
        "northeurope",
        json!({}),
        Value::Null,
    )];
    for (name, region, group) in [
        ("mi-new-weu", "westeurope", WEU),
        ("mi-new-neu", "northeurope", NEU),
    ] {
        let path = id(&format!("{group}/managedInstances/{name}"));
        resources.push((
            path,
            region,
            json!({"properties": {"state": "Ready"}}),
            Value::Null,
        ));
    }
    drop(azure);
    let told = put_to(&with(&resources), &new_group(), new_group_body()).await;
    assert_eq!(told.code(), "GeoDrSecondaryInstanceNotEmpty");
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_in_one_group_with_exactly_one_pair_and_one_partner_region() {
    let azure = instances(plain(), plain());
    let mut two_pairs = new_group_body();
    let pair = two_pairs["properties"]["managedInstancePairs"][0].clone();
    two_pairs["properties"]["managedInstancePairs"] = json!([pair.clone(), pair]);
    let told = put_to(&azure, &new_group(), two_pairs).await;
    assert_eq!(
        told.code(),
        "InstanceFailoverGroupCreateOrUpdateRequestUnsupportedPairCount"
    );
    let mut two_regions = new_group_body();
    two_regions["properties"]["partnerRegions"] =
        json!([{"location": "northeurope"}, {"location": "uksouth"}]);
    let told = put_to(&azure, &new_group(), two_regions).await;
    assert_eq!(
        told.code(),
        "InstanceFailoverGroupCreateOrUpdateRequestUnsupportedPartnerCount"
    );
    let mut wrong_region = new_group_body();
    wrong_region["properties"]["partnerRegions"] = json!([{"location": "uksouth"}]);
    let told = put_to(&azure, &new_group(), wrong_region).await;
    assert_eq!(told.code(), "FailoverGroupRegionMismatch");
    let begun = put_to(&azure, &new_group(), new_group_body()).await;
    assert_eq!(begun.body["operation"], "CreateManagedFailoverGroup");
    finish(&azure, &begun).await;
    let other = new_group().replace("fog-new", "fog-newer");
    let told = put_to(&azure, &other, new_group_body()).await;
    assert_eq!(
        (told.status, told.code()),
        (409, "InstanceFailoverGroupAlreadyExists")
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_of_instances_seeds_at_most_360_gb_an_hour_and_cannot_switch_meanwhile() {
    let azure = instances((Value::Null, json!({"used-gb": 180})), plain());
    let begun = put_to(&azure, &new_group(), new_group_body()).await;
    finish(&azure, &begun).await;
    let secondary = id(&format!(
        "{NEU}/locations/northeurope/instanceFailoverGroups/fog-new"
    ));
    let state = |told: Told| {
        told.body["properties"]["replicationState"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(state(get(&azure, &secondary, SQL).await), "SEEDING");
    for verb in ["failover", "forceFailoverAllowDataLoss"] {
        let told = post(&azure, &format!("{secondary}/{verb}"), SQL).await;
        assert_eq!(
            (told.status, told.code()),
            (400, "IncorrectReplicationLinkState"),
            "{verb}"
        );
    }
    tokio::time::sleep(Duration::from_secs(31 * 60)).await;
    assert_eq!(state(get(&azure, &secondary, SQL).await), "CATCH_UP");
    assert_eq!(
        post(&azure, &format!("{secondary}/failover"), SQL).await.status,
        202
    );
}

#[tokio::test(start_paused = true)]
async fn update_policies_that_differ_refuse_a_switch() {
    let member = |side: &str, format: &str| {
        (
            id(&format!(
                "/resourceGroups/rg-platform-{side}/providers/Microsoft.Sql/managedInstances/mi-fog-platform-{}",
                if side == "weu" { "primary" } else { "paired" }
            )),
            if side == "weu" {
                "westeurope"
            } else {
                "northeurope"
            },
            json!({"properties": {"state": "Ready", "databaseFormat": format}}),
            Value::Null,
        )
    };
    let azure = with(&[member("weu", "SQLServer2022"), member("neu", "AlwaysUpToDate")]);
    let told = post(&azure, &format!("{}/failover", instance_group("neu")), SQL).await;
    assert_eq!(
        told.code(),
        "ManagedInstanceFailoverInFailoverGroupInstancesWithDifferentVersionEditions"
    );
}

#[tokio::test(start_paused = true)]
async fn a_recent_local_failover_of_an_instance_throttles_a_switch() {
    let azure = platform(1);
    let own = id(&format!("{NEU}/managedInstances/mi-fog-platform-paired"));
    let begun = post(&azure, &format!("{own}/failover"), SQL).await;
    assert_eq!(begun.status, 202);
    assert!(
        begun
            .header("azure-asyncoperation")
            .unwrap()
            .contains("/managedInstanceAzureAsyncOperation/")
    );
    finish(&azure, &begun).await;
    let told = post(&azure, &format!("{}/failover", instance_group("neu")), SQL).await;
    assert_eq!(
        (told.status, told.code()),
        (400, "ManagedInstanceFailoverThrottled")
    );
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    let told = post(&azure, &format!("{}/failover", instance_group("neu")), SQL).await;
    assert_eq!(told.status, 202);
}

#[tokio::test(start_paused = true)]
async fn a_secondary_that_undoes_cannot_become_primary_yet() {
    let azure = platform(1);
    let mut world = azure.world();
    let until = (azure.now() + jiff::SignedDuration::from_mins(5)).to_string();
    let key = server_group("neu").to_lowercase();
    world.resources.get_mut(&key).unwrap().state["undo-until"] = json!(until);
    let azure = leeward_simulator::Simulator::new(world, leeward_simulator::Settings::seeded(1));
    for verb in [
        "failover",
        "forceFailoverAllowDataLoss",
        "tryPlannedBeforeForcedFailover",
    ] {
        let told = post(&azure, &format!("{}/{verb}", server_group("neu")), SQL).await;
        assert_eq!(
            (told.status, told.code()),
            (409, "GeoReplicationCannotBecomePrimaryDuringUndo")
        );
    }
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(
        post(&azure, &format!("{}/failover", server_group("neu")), SQL)
            .await
            .status,
        202
    );
}

#[tokio::test(start_paused = true)]
async fn the_policy_of_a_group_is_manual_without_a_grace_period_or_automatic_with_an_hour_at_least() {
    let azure = platform(1);
    for (policy, code) in [
        (
            json!({"failoverPolicy": "Automatic"}),
            "InvalidReadWriteEndpointFields",
        ),
        (
            json!({"failoverPolicy": "Automatic", "failoverWithDataLossGracePeriodMinutes": 30}),
            "LessThanMinimumGracePeriodValues",
        ),
        (
            json!({"failoverPolicy": "Automatic", "failoverWithDataLossGracePeriodMinutes": -1}),
            "NegativeGracePeriodValues",
        ),
        (
            json!({"failoverPolicy": "Manual", "failoverWithDataLossGracePeriodMinutes": 60}),
            "InvalidReadWriteEndpointFieldsForManualPolicy",
        ),
        (json!({}), "InvalidReadWriteFailoverPolicy"),
    ] {
        let told = put_to(
            &azure,
            &server_group("weu"),
            json!({"properties": {"readWriteEndpoint": policy}}),
        )
        .await;
        assert_eq!(
            (told.status, told.code()),
            (400, format!("FailoverGroupCreateOrUpdateRequest{code}").as_str())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_of_servers_takes_one_partner_and_databases_of_its_primary_that_no_other_group_has() {
    let azure = platform(1);
    let group = server_group("weu").replace("fog-shop", "fog-new");
    let partner = id(&format!("{NEU}/servers/sql-shop-neu"));
    let own = id(&format!("{WEU}/servers/sql-shop-weu"));
    let with = |partners: Value, databases: Value| {
        json!({"properties": {
            "readWriteEndpoint": {"failoverPolicy": "Manual"}, "partnerServers": partners, "databases": databases,
        }})
    };
    let one = json!([{"id": partner}]);
    for (partners, databases, code) in [
        (
            json!([{"id": partner}, {"id": partner}]),
            json!([]),
            "FailoverGroupCreateOrUpdateRequestUnsupportedPartnerCount",
        ),
        (
            json!([{"id": own}]),
            json!([]),
            "FailoverGroupCreateOrUpdateRequestDuplicatePartner",
        ),
        (
            json!([]),
            json!([]),
            "FailoverGroupCreateOrUpdateRequestInvalidPartner",
        ),
        (
            one.clone(),
            json!(["orders"]),
            "FailoverGroupCreateOrUpdateRequestInvalidDatabases",
        ),
        (
            one.clone(),
            json!([format!("{own}/databases/nothing")]),
            "FailoverGroupCreateOrUpdateRequestInvalidDatabaseServer",
        ),
        (
            one.clone(),
            json!([format!("{own}/databases/orders")]),
            "DatabaseBelongsToOtherFailoverGroup",
        ),
    ] {
        let told = put_to(&azure, &group, with(partners, databases)).await;
        assert_eq!(told.code(), code, "{told:?}");
    }
    let taken = put_to(
        &azure,
        &server_group("weu").replace("sql-shop-weu", "sql-shop-neu"),
        with(one, json!([])),
    )
    .await;
    assert!(taken.status >= 400, "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_customers_key_must_be_on_both_servers() {
    for (rotates, code) in [
        (false, "KeyMaterialNotFoundOnRemoteServer"),
        (true, "SameKeyUriNotFoundOnRemoteServer"),
    ] {
        let key = json!({"properties": {"keyId": "https://kv.vault.azure.net/keys/tde/1"}});
        let own = id(&format!("{WEU}/servers/sql-new-weu"));
        let other = id(&format!("{NEU}/servers/sql-new-neu"));
        let azure = with(&[
            (
                own.clone(),
                "westeurope",
                key,
                json!({"key-auto-rotation": rotates}),
            ),
            (
                other.clone(),
                "northeurope",
                json!({"properties": {}}),
                Value::Null,
            ),
        ]);
        let body = json!({"properties": {
            "readWriteEndpoint": {"failoverPolicy": "Manual"}, "partnerServers": [{"id": other}],
        }});
        let told = put_to(&azure, &format!("{own}/failoverGroups/fog-new"), body).await;
        assert_eq!((told.status, told.code()), (400, code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_timed_out_is_rolled_back_and_may_be_asked_again() {
    let azure = platform(1);
    let rules = "[{ match: { changing: true, nth: 1 }, verdict: { operation-fails: { code: OperationTimedOut, message: rolled back } } }]";
    azure.add_faults(leeward_simulator::rules(rules).unwrap());
    let path = format!("{}/failover", server_group("neu"));
    let begun = post(&azure, &path, SQL).await;
    assert_eq!(finish(&azure, &begun).await, ["InProgress", "Failed"]);
    let told = send(&azure, request("GET", begun.header("location").unwrap(), None))
        .await
        .unwrap();
    assert_eq!((told.status, told.code()), (500, "OperationTimedOut"));
    assert_eq!(role(&azure, &server_group("neu")).await, "Secondary");
    assert_eq!(post(&azure, &path, SQL).await.status, 202);
}
