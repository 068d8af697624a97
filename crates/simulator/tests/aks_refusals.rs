//! What does Azure refuse of a cluster, and what has no room at the end?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use leeward_simulator::{Settings, Simulator, World, rules};
use serde_json::{Value, json};
use support::*;

/// The newest version, which knows tags of states.
const NEWEST: &str = "2026-08-01";
const OLDER: &str = "2025-08-01";

fn platform(world: &str) -> Simulator {
    let blueprint = serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [{
            "kind": "aks-cluster",
            "primary": { "name": "aks-weu", "resource-group": "rg-aks-weu" },
            "paired": { "name": "aks-neu", "resource-group": "rg-aks-neu", "subnet": "snet-neu" },
        }],
    }))
    .unwrap();
    let world = World::derive(&blueprint)
        .unwrap()
        .overlaid_with(World::from_yaml(world).unwrap());
    Simulator::new(world, Settings::seeded(1))
}

fn cluster(side: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-aks-{side}/providers/Microsoft.ContainerService/managedClusters/aks-{side}"
    )
}

fn pool(side: &str, name: &str) -> String {
    format!("{}/agentPools/{name}", cluster(side))
}

fn body(pools: Value) -> Value {
    json!({
        "location": "northeurope",
        "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "shop", "agentPoolProfiles": pools},
    })
}

fn system() -> Value {
    json!({"name": "system", "mode": "System", "count": 3, "vmSize": "Standard_D4s_v5"})
}

fn web(zones: &[&str]) -> Value {
    json!({"name": "web", "mode": "User", "count": 2, "vmSize": "Standard_D8s_v5", "availabilityZones": zones})
}

async fn call(azure: &Simulator, method: &str, path: &str, body: Option<Value>) -> Told {
    on(azure, OLDER, method, path, body, None).await
}

async fn on(
    azure: &Simulator,
    version: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
    header: Option<(&'static str, &str)>,
) -> Told {
    let mut asked = request(method, &format!("{path}?api-version={version}"), body);
    if let Some((name, value)) = header {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    send(azure, asked).await.unwrap()
}

async fn state(azure: &Simulator, path: &str) -> Value {
    get(azure, path, OLDER).await.body["properties"]["provisioningState"].clone()
}

fn code(told: &Told) -> (u16, String) {
    let bare = told.body["code"].as_str().unwrap_or_default().to_owned();
    (told.status, bare)
}

#[tokio::test(start_paused = true)]
async fn the_newest_versions_show_a_tag_and_refuse_a_change_of_another_state() {
    let azure = platform("");
    let read = async |version: &str| get(&azure, &cluster("weu"), version).await.body;
    assert_eq!(
        read(OLDER).await.get("eTag"),
        None,
        "no recording up to it shows one"
    );
    let old = read(NEWEST).await;
    let (tag, of_pool) = (
        old["eTag"].as_str().unwrap().to_owned(),
        old["properties"]["agentPoolProfiles"][0]["eTag"].clone(),
    );
    let name = old["properties"]["agentPoolProfiles"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let own = get(&azure, &pool("weu", &name), NEWEST).await.body["properties"]["eTag"].clone();
    assert_eq!(own, of_pool);

    let put = async |header: Option<(&'static str, &str)>| {
        on(&azure, NEWEST, "PUT", &cluster("weu"), Some(old.clone()), header).await
    };
    let refused = put(Some(("if-match", "another"))).await;
    assert_eq!(
        code(&refused),
        (412, "PreconditionFailed".to_owned()),
        "without a wrapper"
    );
    assert_eq!(put(Some(("if-none-match", "*"))).await.status, 412);
    let taken = put(Some(("if-match", &tag))).await;
    assert_eq!(taken.status, 200);
    finish(&azure, &taken).await;
    let new = read(NEWEST).await;
    assert_ne!(new["eTag"], tag, "an operation on the cluster changes its tag");
    assert_ne!(
        new["properties"]["agentPoolProfiles"][0]["eTag"], of_pool,
        "and those of its pools"
    );

    let asked = json!({"properties": {"count": 1, "vmSize": "Standard_D2s_v5", "mode": "User"}});
    let taken = on(&azure, NEWEST, "PUT", &pool("weu", "web"), Some(asked), None).await;
    finish(&azure, &taken).await;
    assert_eq!(
        read(NEWEST).await["eTag"],
        new["eTag"],
        "one on a pool does not change the cluster's"
    );

    let nobody = on(
        &azure,
        NEWEST,
        "PUT",
        &cluster("neu"),
        Some(body(json!([system()]))),
        Some(("if-match", "*")),
    )
    .await;
    assert_eq!(code(&nobody), (412, "PreconditionFailed".to_owned()));
    let unheard = on(
        &azure,
        OLDER,
        "DELETE",
        &pool("weu", "web"),
        None,
        Some(("if-match", "another")),
    )
    .await;
    assert_eq!(unheard.status, 202, "an older version knows no condition");
}

#[tokio::test(start_paused = true)]
async fn two_pools_at_once_are_one_too_many() {
    let azure = platform("");
    let asked = json!({"properties": {"count": 1, "vmSize": "Standard_D2s_v5", "mode": "User"}});
    let first = call(&azure, "PUT", &pool("weu", "a"), Some(asked.clone())).await;
    assert_eq!(first.status, 201);
    for (method, path, body) in [
        ("PUT", pool("weu", "b"), Some(asked.clone())),
        ("DELETE", pool("weu", "a"), None),
    ] {
        let second = call(&azure, method, &path, body).await;
        assert_eq!(code(&second), (409, "OperationNotAllowed".to_owned()), "{method}");
    }
    let whole = get(&azure, &cluster("weu"), OLDER).await.body;
    let second = call(&azure, "PUT", &cluster("weu"), Some(whole)).await;
    assert_eq!(code(&second), (409, "EtagMismatch".to_owned()));
    finish(&azure, &first).await;
    assert_eq!(
        call(&azure, "PUT", &pool("weu", "b"), Some(asked)).await.status,
        201
    );
}

#[tokio::test(start_paused = true)]
async fn a_system_pool_is_linux_has_a_node_and_no_taint_that_keeps_its_parts_away() {
    let azure = platform("");
    let with = async |change: &dyn Fn(&mut Value)| {
        let mut pool = system();
        change(&mut pool);
        let told = call(&azure, "PUT", &cluster("neu"), Some(body(json!([pool])))).await;
        code(&told)
    };
    let restricted = (400, "SystemPoolHasRestrictedTaint".to_owned());
    assert_eq!(
        with(&|pool| pool["nodeTaints"] = json!(["gpu=true:NoSchedule"])).await,
        restricted
    );
    let invalid = (400, "InvalidParameter".to_owned());
    assert_eq!(with(&|pool| pool["osType"] = json!("Windows")).await, invalid);
    assert_eq!(with(&|pool| pool["count"] = json!(0)).await, invalid);
    let harmless = json!(["CriticalAddonsOnly=true:NoSchedule", "soft=true:PreferNoSchedule"]);
    assert_eq!(with(&|pool| pool["nodeTaints"] = harmless.clone()).await.0, 201);

    let name = get(&azure, &cluster("weu"), OLDER).await.body["properties"]["agentPoolProfiles"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let user = json!({"properties": {"count": 3, "vmSize": "Standard_D4s_v5", "mode": "User"}});
    let last = call(&azure, "PUT", &pool("weu", &name), Some(user)).await;
    assert_eq!(code(&last), invalid, "the last system pool stays one");
    let last = call(&azure, "DELETE", &pool("weu", &name), None).await;
    assert_eq!(code(&last), invalid, "and is not taken away");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused_wherever_it_is_taken() {
    let azure = platform("groups: [{ subscription: SUBSCRIPTION, name: MC_rg-aks-neu_aks-neu_northeurope, location: northeurope }]"
        .replace("SUBSCRIPTION", SUBSCRIPTION).as_str());
    let told = call(&azure, "PUT", &cluster("neu"), Some(body(json!([system()])))).await;
    assert_eq!(code(&told), (400, "NodeResourceGroupAlreadyExists".to_owned()));
    let mut own = body(json!([system()]));
    own["properties"]["nodeResourceGroup"] = json!("rg-nodes");
    assert_eq!(call(&azure, "PUT", &cluster("neu"), Some(own)).await.status, 201);
    let elsewhere = call(&azure, "PUT", &cluster("weu"), Some(body(json!([system()])))).await;
    assert_eq!(
        (elsewhere.status, elsewhere.code()),
        (409, "InvalidResourceLocation")
    );
}

#[tokio::test(start_paused = true)]
async fn a_subscription_has_only_so_many_clusters() {
    let azure = platform("capacities: [{ region: northeurope, clusters: 1 }]");
    let first = call(&azure, "PUT", &cluster("neu"), Some(body(json!([system()])))).await;
    assert_eq!(first.status, 201);
    let other = cluster("neu")
        .replace("aks-neu", "aks-other")
        .replace("rg-aks-other", "rg-aks-neu");
    let second = call(&azure, "PUT", &other, Some(body(json!([system()])))).await;
    assert_eq!(
        code(&second),
        (400, "ManagedClusterCountExceedsQuotaLimit".to_owned())
    );
    finish(&azure, &first).await;
    let again = call(&azure, "PUT", &cluster("neu"), Some(body(json!([system()])))).await;
    assert_eq!(again.status, 200, "the one that is there is none more");
}

#[tokio::test(start_paused = true)]
async fn a_size_is_not_sold_in_some_zones_or_by_the_offer_and_the_list_says_so() {
    let azure = platform(
        "capacities: [{ region: northeurope, not-in-offer: [Standard_E8s_v5], restricted-zones: { Standard_D8s_v5: ['2'] } }]",
    );
    let told = call(
        &azure,
        "PUT",
        &cluster("neu"),
        Some(body(json!([system(), web(&["1", "2"])]))),
    )
    .await;
    assert_eq!(code(&told), (400, "InvalidParameter".to_owned()));
    let offer = json!({"name": "big", "mode": "User", "vmSize": "Standard_E8s_v5"});
    let told = call(
        &azure,
        "PUT",
        &cluster("neu"),
        Some(body(json!([system(), offer]))),
    )
    .await;
    assert_eq!(code(&told), (400, "BadRequest".to_owned()));
    let path = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter=location%20eq%20'northeurope'"
    );
    let list = send(&azure, request("GET", &path, None)).await.unwrap().body;
    let size = |name: &str| {
        let mut all = list["value"].as_array().unwrap().iter();
        all.find(|sku| sku["name"] == name).unwrap()["restrictions"].clone()
    };
    assert_eq!(size("Standard_E8s_v5")[0]["reasonCode"], "QuotaId");
    let zonal = size("Standard_D8s_v5")[0].clone();
    assert_eq!(
        (&zonal["type"], &zonal["restrictionInfo"]["zones"]),
        (&json!("Zone"), &json!(["2"]))
    );
    let told = call(
        &azure,
        "PUT",
        &cluster("neu"),
        Some(body(json!([system(), web(&["1", "3"])]))),
    )
    .await;
    assert_eq!(told.status, 201);
}

#[tokio::test(start_paused = true)]
async fn a_pool_without_machines_leaves_the_others_up_and_goes_away_for_another_size() {
    for (world, failed) in [
        (
            "capacities: [{ region: northeurope, exhausted: [Standard_D8s_v5] }]",
            "ZonalAllocationFailed",
        ),
        (
            "capacities: [{ region: northeurope, exhausted-zones: ['2'] }]",
            "ZonalAllocationFailed",
        ),
        (
            "capacities: [{ region: northeurope, exhausted-in: { Standard_D8s_v5: ['1'] } }]",
            "ZonalAllocationFailed",
        ),
    ] {
        let azure = platform(world);
        let asked = body(json!([system(), web(&["1", "2"])]));
        let begun = call(&azure, "PUT", &cluster("neu"), Some(asked)).await;
        assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Failed", "{world}");
        let url = begun.header("azure-asyncoperation").unwrap();
        let told = send(&azure, request("GET", url, None)).await.unwrap();
        assert_eq!(told.code(), failed, "{world}");
        assert_eq!(state(&azure, &cluster("neu")).await, "Failed");
        assert_eq!(state(&azure, &pool("neu", "system")).await, "Succeeded");
        assert_eq!(state(&azure, &pool("neu", "web")).await, "Failed");
        // The same again finds no machines either.
        let same = json!({"properties": {"mode": "User", "count": 2, "vmSize": "Standard_D8s_v5", "availabilityZones": ["1", "2"]}});
        let begun = call(&azure, "PUT", &pool("neu", "web"), Some(same)).await;
        assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Failed", "{world}");
        let other = json!({"properties": {"mode": "User", "count": 2, "vmSize": "Standard_D8as_v5", "availabilityZones": ["3"]}});
        let refused = call(&azure, "PUT", &pool("neu", "web"), Some(other.clone())).await;
        assert_eq!(code(&refused), (400, "PropertyChangeNotAllowed".to_owned()));
        let gone = call(&azure, "DELETE", &pool("neu", "web"), None).await;
        finish(&azure, &gone).await;
        let begun = call(&azure, "PUT", &pool("neu", "web"), Some(other)).await;
        assert_eq!(begun.status, 201);
        assert_eq!(
            finish(&azure, &begun).await.last().unwrap(),
            "Succeeded",
            "{world}"
        );
        assert_eq!(state(&azure, &cluster("neu")).await, "Succeeded");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_lets_one_pool_fail_once_and_the_same_put_repairs_the_cluster() {
    let azure = platform("");
    azure.add_faults(
        rules(
            "- { match: { method: PUT, nth: 1 }, verdict: { operation-fails: { code: AllocationFailed, message: '', of: web } } }",
        )
        .unwrap(),
    );
    let asked = body(json!([system(), web(&[])]));
    let begun = call(&azure, "PUT", &cluster("neu"), Some(asked.clone())).await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Failed");
    assert_eq!(state(&azure, &pool("neu", "web")).await, "Failed");
    assert_eq!(state(&azure, &pool("neu", "system")).await, "Succeeded");
    let begun = call(&azure, "PUT", &cluster("neu"), Some(asked)).await;
    assert_eq!(begun.status, 200);
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    assert_eq!(state(&azure, &pool("neu", "web")).await, "Succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_cluster_takes_no_change_and_may_find_no_machines_when_it_is_started() {
    let azure = platform("capacities: [{ region: westeurope, exhausted: [Standard_D4s_v5] }]");
    let stopped = call(&azure, "POST", &format!("{}/stop", cluster("weu")), None).await;
    finish(&azure, &stopped).await;
    let asked = json!({"properties": {"count": 1, "vmSize": "Standard_D2s_v5", "mode": "User"}});
    for (method, path, body) in [
        ("PUT", pool("weu", "web"), Some(asked)),
        ("DELETE", pool("weu", "system"), None),
        ("POST", format!("{}/stop", cluster("weu")), None),
    ] {
        let told = call(&azure, method, &path, body).await;
        assert_eq!(
            code(&told),
            (409, "OperationNotAllowed".to_owned()),
            "{method} {path}"
        );
    }
    let started = call(&azure, "POST", &format!("{}/start", cluster("weu")), None).await;
    assert_eq!(finish(&azure, &started).await.last().unwrap(), "Failed");
    let url = started.header("azure-asyncoperation").unwrap();
    let told = send(&azure, request("GET", url, None)).await.unwrap();
    assert_eq!(told.code(), "AllocationFailed");
    let shown = get(&azure, &cluster("weu"), OLDER).await.body;
    assert_eq!(shown["properties"]["powerState"]["code"], "Stopped");
    let gone = call(&azure, "DELETE", &cluster("weu"), None).await;
    assert_eq!(gone.status, 202, "deleted it can be");
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_not_there_ends_in_a_500_as_recorded() {
    let azure = platform("");
    let mut pool = system();
    pool["vnetSubnetID"] = json!(format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-x/providers/Microsoft.Network/virtualNetworks/vnet-x/subnets/s"
    ));
    let told = call(&azure, "PUT", &cluster("neu"), Some(body(json!([pool])))).await;
    assert_eq!(code(&told), (500, "GetVnetError".to_owned()));
    assert_eq!(told.header("x-ms-failure-cause"), Some("service"));
}
