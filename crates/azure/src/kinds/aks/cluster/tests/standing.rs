//! What stands already: switched off, of another size, claimed by a drill, or spelled in another way.

use super::*;

#[tokio::test]
async fn a_cluster_or_pool_that_is_stopped_is_never_called_done() {
    let context = without_fallback(Journey::Failover);
    let operation = assess(&calm(), &context).await.unwrap().operations.remove(0);
    let mut off = made(&context, "Succeeded");
    off["properties"]["powerState"] = json!({"code": "Stopped"});
    let mut pool_off = made(&context, "Succeeded");
    pool_off["properties"]["powerState"] = json!({"code": "Running"});
    pool_off["properties"]["agentPoolProfiles"][1]["powerState"] = json!({"code": "Stopped"});
    for (body, told) in [
        (
            off.clone(),
            "az aks start --name aks-storefront-neu --resource-group rg-aks-neu",
        ),
        (pool_off, "az aks nodepool start --name web"),
    ] {
        let azure = FakeAzure::new();
        azure.on("GET", CLUSTER, 200, body);
        let seen = Cluster::new(azure.arm()).observe(&context, &operation).await;
        assert!(
            matches!(&seen, Observation::Barred { evidence } if evidence.contains(told)),
            "{seen:?}"
        );
    }
    // Found when it is assessed, ours or the one that never left: told before anything is sent.
    let mut at_home = off.clone();
    at_home["tags"] = json!({});
    for (journey, body) in [(Journey::Failover, off), (Journey::Failback, at_home)] {
        let azure = calm();
        azure.on("GET", CLUSTER, 200, body);
        let refused = assess(&azure, &self::context(journey)).await;
        assert!(
            matches!(&refused, Err(DriverError::Refused { message, passing: false, .. }) if message.contains("az aks start")),
            "{refused:?}"
        );
    }
}

#[test]
fn the_recorded_pool_that_was_stopped_is_not_done_and_runs_again_when_it_was_started() {
    let place = super::super::super::plan::Place {
        name: "aks".to_owned(),
        group: "rg".to_owned(),
    };
    let mut seen = Vec::new();
    for exchange in testing::recording("aks-nodepool-stop-start") {
        let pool = &exchange["responseBody"];
        if exchange["method"] == "GET"
            && pool["properties"]["provisioningState"] == "Succeeded"
            && pool["properties"]["vmSize"].is_string()
        {
            let judged = view::observe_pool(pool, "c000003", &["standard_ds2_v2"], &place, false);
            seen.push(json!(judged)["seen"].as_str().unwrap().to_owned());
        }
    }
    assert!(
        seen.is_empty() || seen == ["holds", "holds", "barred", "barred", "holds"],
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_pool_with_other_machines_than_it_was_to_have_needs_a_person() {
    let context = without_fallback(Journey::Failover);
    let operation = assess(&calm(), &context).await.unwrap().operations.remove(0);
    let mut other = made(&context, "Succeeded");
    other["properties"]["agentPoolProfiles"][1]["vmSize"] = json!("Standard_B2s");
    let azure = FakeAzure::new();
    azure.on("GET", CLUSTER, 200, other);
    let seen = Cluster::new(azure.arm()).observe(&context, &operation).await;
    assert!(
        matches!(&seen, Observation::Barred { evidence } if evidence.contains("Standard_B2s")),
        "{seen:?}"
    );
}

#[test]
fn a_move_claims_the_drills_cluster_too_so_that_a_drill_that_still_runs_has_to_yield() {
    let driver = Cluster::new(FakeAzure::new().arm());
    let drill = driver.targets(&context(Journey::Drill));
    assert_eq!(drill.len(), 1);
    for journey in [Journey::Failover, Journey::Failback] {
        let claimed = driver.targets(&context(journey));
        assert_eq!(claimed.len(), 2, "{claimed:?}");
        assert!(claimed[0].ends_with("/aks-storefront-neu"));
        assert!(claimed.contains(&drill[0]), "{claimed:?}");
    }
}

/// A step that gives a subnet by its bare name, so that its network has to be found.
fn bare_subnet(journey: Journey) -> Context {
    let whole = context(journey);
    let without = |value: &Value| {
        let mut value = value.clone();
        value.as_object_mut().unwrap().remove("network");
        Arc::new(value)
    };
    Context {
        settings: without(&whole.settings),
        target: without(&whole.target),
        ..whole
    }
}

fn networks(subnet: &str) -> Value {
    json!({"value": [{"location": "northeurope", "properties": {"subnets": [
        {"name": "snet-aks-storefront-neu", "id": subnet}
    ]}}]})
}

const SUBNET: &str = "/subscriptions/sub-1/resourceGroups/rg-aks-neu/providers/Microsoft.Network/virtualNetworks/v/subnets/snet-aks-storefront-neu";

#[tokio::test]
async fn the_subnet_is_looked_up_once_and_its_list_that_fails_later_fails_no_recovery() {
    let azure = calm();
    azure.on("GET", "/virtualNetworks", 200, networks(SUBNET));
    let context = bare_subnet(Journey::Failover);
    let driver = Cluster::new(azure.arm());
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    let later = calm();
    later.on("GET", "/virtualNetworks", 503, Value::Null);
    later.on(
        "PUT",
        CLUSTER,
        201,
        json!({"properties": {"provisioningState": "Succeeded"}}),
    );
    let driver = Cluster::new(later.arm());
    let seen = driver.observe(&context, &operation).await;
    assert!(matches!(seen, Observation::NotBegun { .. }), "{seen:?}");
    driver.begin(&context, &operation, "only", &key("create")).await;
    let body = &later.changes()[0].body;
    assert_eq!(pools(body)[0]["vnetSubnetID"], SUBNET);
    assert!(
        !later
            .seen()
            .iter()
            .any(|seen| seen.path.ends_with("/virtualNetworks"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_of_an_older_journal_whose_subnet_cannot_be_looked_up_now_is_not_refused_for_good() {
    let azure = calm();
    azure.on("GET", "/virtualNetworks", 200, networks(SUBNET));
    let context = bare_subnet(Journey::Failover);
    let mut operation = Cluster::new(azure.arm())
        .assess(&context)
        .await
        .unwrap()
        .operations
        .remove(0);
    operation.payload.as_object_mut().unwrap().remove("subnet");
    for status in [429, 503] {
        let later = calm();
        later.on("GET", "/virtualNetworks", status, Value::Null);
        let sent = Cluster::new(later.arm())
            .begin(&context, &operation, "only", &key("create"))
            .await;
        assert!(matches!(sent, Sent::NotSent { .. }), "{status}: {sent:?}");
        assert!(later.changes().is_empty());
    }
}

#[tokio::test]
async fn our_own_cluster_is_known_again_when_azure_spells_the_subnets_id_another_way() {
    let digests: Vec<String> = {
        let mut digests = Vec::new();
        for spelled in [
            SUBNET.to_owned(),
            SUBNET.replace("/resourceGroups/rg-aks", "/resourcegroups/RG-AKS"),
        ] {
            let azure = calm();
            azure.on("GET", "/virtualNetworks", 200, networks(&spelled));
            let resolved = network::resolved(&azure.arm(), &bare_subnet(Journey::Failover))
                .await
                .unwrap();
            digests.push(Plan::read(&resolved).unwrap().mapped.digest);
        }
        digests
    };
    assert_eq!(digests[0], digests[1]);
}
