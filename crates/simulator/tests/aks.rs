//! Do AKS clusters behave as Azure's do?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use leeward_simulator::{Settings, Simulator, World, rules};
use serde_json::{Value, json};
use support::*;

const VERSION: &str = "2025-08-01";
const COMPUTE: &str = "2024-07-01";

fn platform(world: &str) -> Simulator {
    let blueprint = serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [{
            "kind": "aks-cluster",
            "primary": { "name": "aks-weu", "resource-group": "rg-aks-weu", "subnet": "snet-weu", "identity": "id-weu" },
            "paired": { "name": "aks-neu", "resource-group": "rg-aks-neu", "subnet": "snet-neu", "identity": "id-neu" },
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

fn body() -> Value {
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-aks-neu/providers");
    let identity = format!("{group}/Microsoft.ManagedIdentity/userAssignedIdentities/id-neu");
    let subnet = format!("{group}/Microsoft.Network/virtualNetworks/vnet-northeurope/subnets/snet-neu");
    let mut users = serde_json::Map::new();
    users.insert(identity, json!({}));
    json!({
        "location": "northeurope",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": users},
        "properties": {
            "kubernetesVersion": "1.33",
            "dnsPrefix": "shop",
            "agentPoolProfiles": [
                {"name": "system", "mode": "System", "count": 3, "vmSize": "Standard_D4s_v5", "vnetSubnetID": subnet},
            ],
        },
    })
}

async fn call(azure: &Simulator, method: &str, path: &str, body: Option<Value>) -> Told {
    let path = format!("{path}?api-version={VERSION}");
    send(azure, request(method, &path, body)).await.unwrap()
}

async fn state(azure: &Simulator, path: &str) -> Value {
    get(azure, path, VERSION).await.body["properties"]["provisioningState"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_made_changed_and_deleted_with_the_group_of_its_nodes() {
    let azure = platform("");
    let begun = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    assert_eq!(
        (begun.status, &begun.body["properties"]["provisioningState"]),
        (201, &json!("Creating"))
    );
    assert!(
        begun
            .header("azure-asyncoperation")
            .unwrap()
            .contains("api-version=2016-03-30")
    );
    assert_eq!(
        (begun.header("location"), begun.header("retry-after")),
        (None, None)
    );
    let nodes = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_rg-aks-neu_aks-neu_northeurope");
    assert_eq!(get(&azure, &nodes, "2024-03-01").await.status, 200);
    let words = finish(&azure, &begun).await;
    assert!(
        words.contains(&"ProvisioningControlPlane".to_owned()),
        "{words:?}"
    );
    let shown = get(&azure, &cluster("neu"), VERSION).await.body;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded");
    assert_eq!(
        shown["properties"]["agentPoolProfiles"][0]["provisioningState"],
        "Succeeded"
    );
    let again = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    assert_eq!(
        (again.status, &again.body["properties"]["provisioningState"]),
        (200, &json!("Updating"))
    );
    assert_eq!(again.body["properties"]["fqdn"], shown["properties"]["fqdn"]);
    finish(&azure, &again).await;
    let gone = call(&azure, "DELETE", &cluster("neu"), None).await;
    assert_eq!(gone.status, 202);
    assert!(gone.header("location").is_some());
    finish(&azure, &gone).await;
    assert_eq!(get(&azure, &nodes, "2024-03-01").await.status, 404);
    assert_eq!(call(&azure, "DELETE", &cluster("neu"), None).await.status, 204);
    let again = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    assert_ne!(
        again.body["properties"]["fqdn"], shown["properties"]["fqdn"],
        "a new cluster, a new name"
    );
}

#[tokio::test(start_paused = true)]
async fn one_operation_at_a_time_and_the_refusal_has_no_wrapper() {
    let azure = platform("");
    let begun = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    for (method, body) in [("PUT", Some(body())), ("DELETE", None)] {
        let told = call(&azure, method, &cluster("neu"), body).await;
        assert_eq!((told.status, &told.body["code"]), (409, &json!("EtagMismatch")));
    }
    let pool = format!("{}/agentPools/web", cluster("neu"));
    let asked = json!({"properties": {"count": 2, "vmSize": "Standard_D8s_v5", "mode": "User"}});
    let told = call(&azure, "PUT", &pool, Some(asked.clone())).await;
    assert_eq!(
        (told.status, &told.body["code"]),
        (409, &json!("OperationNotAllowed"))
    );
    finish(&azure, &begun).await;
    let begun = call(&azure, "PUT", &pool, Some(asked.clone())).await;
    assert_eq!(begun.status, 201);
    assert_eq!(state(&azure, &cluster("neu")).await, "Updating");
    finish(&azure, &begun).await;
    assert_eq!(state(&azure, &pool).await, "Succeeded");
    assert_eq!(state(&azure, &cluster("neu")).await, "Succeeded");
    let begun = call(&azure, "PUT", &pool, Some(asked)).await;
    assert_eq!(begun.status, 200);
    finish(&azure, &begun).await;
    let system = format!("{}/agentPools/system", cluster("neu"));
    assert_eq!(call(&azure, "DELETE", &system, None).await.status, 400);
    let begun = call(&azure, "DELETE", &pool, None).await;
    finish(&azure, &begun).await;
    let told = get(&azure, &pool, VERSION).await;
    assert_eq!((told.status, &told.body["code"]), (404, &json!("NotFound")));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_is_refused_before_anything_begins() {
    let azure = platform(
        "capacities: [{ region: northeurope, cores: 20, restricted: [Standard_E8s_v5], zones: ['1'] }]",
    );
    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut asked = body();
        change(&mut asked);
        let told = call(&azure, "PUT", &cluster("neu"), Some(asked)).await;
        let code = told.body["code"].as_str().unwrap_or(told.code()).to_owned();
        (told.status, code)
    };
    fn pool(body: &mut Value) -> &mut Value {
        &mut body["properties"]["agentPoolProfiles"][0]
    }
    let invalid = (400, "InvalidParameter".to_owned());
    assert_eq!(refused(&|body| pool(body)["mode"] = json!("User")).await, invalid);
    assert_eq!(
        refused(&|body| body["properties"]["dnsPrefix"] = json!("")).await,
        invalid
    );
    assert_eq!(
        refused(&|body| body["properties"]["kubernetesVersion"] = json!("1.12")).await,
        (400, "K8sVersionNotSupported".to_owned())
    );
    assert_eq!(
        refused(&|body| pool(body)["orchestratorVersion"] = json!("1.12")).await,
        (400, "AgentPoolK8sVersionNotSupported".to_owned())
    );
    assert_eq!(
        refused(&|body| pool(body)["vmSize"] = json!("Standard_Z1")).await,
        invalid
    );
    assert_eq!(
        refused(&|body| pool(body)["availabilityZones"] = json!(["1", "2"])).await,
        invalid
    );
    assert_eq!(
        refused(&|body| pool(body)["vnetSubnetID"] = json!("/subscriptions/x")).await,
        invalid
    );
    let size = refused(&|body| pool(body)["vmSize"] = json!("Standard_E8s_v5")).await;
    assert_eq!(size, (400, "BadRequest".to_owned()));
    assert_eq!(
        refused(&|body| pool(body)["count"] = json!(6)).await,
        (400, "QuotaExceeded".to_owned())
    );
    let identity = refused(&|body| body["identity"]["userAssignedIdentities"] = json!({"/nobody": {}})).await;
    assert_eq!(identity, (400, "FailedIdentityOperation".to_owned()));
    assert!(azure.requests().iter().all(|entry| !entry.accepted));
    assert_eq!(
        call(&azure, "PUT", &cluster("neu"), Some(body())).await.status,
        201
    );
    let usages =
        format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/northeurope/usages");
    let line = get(&azure, &usages, COMPUTE).await.body["value"][0].clone();
    assert_eq!((&line["currentValue"], &line["limit"]), (&json!(12), &json!(20)));
    let skus = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter=location%20eq%20'northeurope'"
    );
    let list = send(&azure, request("GET", &skus, None)).await.unwrap().body;
    let size = |name: &str| {
        let mut all = list["value"].as_array().unwrap().iter();
        all.find(|sku| sku["name"] == name).unwrap().clone()
    };
    assert_eq!(
        size("Standard_E8s_v5")["restrictions"][0]["reasonCode"],
        "NotAvailableForSubscription"
    );
    assert_eq!(size("Standard_D8s_v5")["restrictions"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_region_without_machines_fails_at_the_end_and_the_same_put_repairs_what_passes() {
    let azure = platform("capacities: [{ region: northeurope, exhausted: [Standard_D4s_v5] }]");
    let begun = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Failed");
    let url = begun.header("azure-asyncoperation").unwrap();
    let told = send(&azure, request("GET", url, None)).await.unwrap();
    assert_eq!(told.code(), "AllocationFailed");
    assert_eq!(state(&azure, &cluster("neu")).await, "Failed");
    // The same PUT again finds no machines either, and another size is no change of a pool that is there.
    let begun = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    assert_eq!(begun.status, 200);
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Failed");
    let mut other = body();
    other["properties"]["agentPoolProfiles"][0]["vmSize"] = json!("Standard_D4as_v5");
    let refused = call(&azure, "PUT", &cluster("neu"), Some(other)).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (400, &json!("PropertyChangeNotAllowed"))
    );

    let azure = platform("");
    azure.add_faults(
        rules("- { match: { method: PUT, nth: 1 }, verdict: { operation-fails: { code: InternalServerError, message: '' } } }")
            .unwrap(),
    );
    let begun = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Failed");
    assert_eq!(state(&azure, &cluster("neu")).await, "Failed");
    let begun = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    assert_eq!(begun.status, 200);
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    assert_eq!(state(&azure, &cluster("neu")).await, "Succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_can_be_made_while_the_other_region_is_gone() {
    let azure = platform("regions: [{ name: westeurope, outages: [{ is: gone, from: 0s }] }]");
    assert_eq!(get(&azure, &cluster("weu"), VERSION).await.status, 504);
    let networks = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/virtualNetworks");
    assert_eq!(
        get(&azure, &networks, "2024-05-01").await.body["value"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let begun = call(&azure, "PUT", &cluster("neu"), Some(body())).await;
    finish(&azure, &begun).await;
    let told = call(
        &azure,
        "POST",
        &format!("{}/listClusterUserCredential", cluster("neu")),
        None,
    )
    .await;
    assert_eq!(
        (told.status, &told.body["kubeconfigs"][0]["name"]),
        (200, &json!("clusterUser"))
    );
    let address = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_rg-aks-neu_aks-neu_northeurope/providers/Microsoft.Network/publicIPAddresses/kubernetes-ingress"
    );
    let address = get(&azure, &address, "2024-05-01").await.body["properties"]["ipAddress"].clone();
    let url = format!("http://{}/health", address.as_str().unwrap());
    assert_eq!(
        send(&azure, request("GET", &url, None)).await.unwrap().status,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_captured_cluster_stands_in_a_derived_world_as_it_was_captured() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../runbooks/interworks-platform/captures/storefront-cluster.json"
    );
    let captured: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let blueprint = serde_json::from_value(json!({
        "subscription": "00000000-0000-0000-0000-0000000000f1",
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [{
            "kind": "aks-cluster", "specification": captured,
            "primary": {
                "name": "aks-storefront-weu", "resource-group": "rg-aks-weu",
                "subnet": "snet-aks-storefront-weu", "identity": "id-aks-storefront-weu",
            },
            "paired": { "name": "aks-storefront-neu", "resource-group": "rg-aks-neu", "subnet": "snet-aks-storefront-neu" },
        }],
    }))
    .unwrap();
    let world = World::derive(&blueprint).unwrap();
    let subnets = world
        .resources
        .keys()
        .filter(|key| key.contains("/subnets/"))
        .count();
    assert_eq!(subnets, 2, "one on either side");
    let azure = Simulator::new(world, Settings::seeded(1));
    let shown = get(&azure, captured["id"].as_str().unwrap(), VERSION).await.body;
    let (was, is) = (&captured["properties"], &shown["properties"]);
    for key in [
        "fqdn",
        "nodeResourceGroup",
        "kubernetesVersion",
        "networkProfile",
        "provisioningState",
    ] {
        assert_eq!(was[key], is[key], "{key}");
    }
    assert_eq!(
        was["agentPoolProfiles"].as_array().unwrap().len(),
        is["agentPoolProfiles"].as_array().unwrap().len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_location_says_which_versions_it_offers() {
    let azure = platform("");
    let path = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/northeurope/kubernetesVersions"
    );
    let told = get(&azure, &path, VERSION).await;
    let default = told.body["values"]
        .as_array()
        .unwrap()
        .iter()
        .find(|value| value["isDefault"] == true);
    assert_eq!(default.unwrap()["version"], "1.33");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_looks_as_it_was_recorded() {
    let test = "a_cluster_looks_as_it_was_recorded";
    let Some(recorded) = recording(test, "aso-aks-managedcluster-20250801.json") else {
        return;
    };
    let azure = platform("");
    let shown = get(&azure, &cluster("weu"), VERSION).await.body;
    // What was made otherwise there: another identity, an add-on, no subnet of its own.
    let odd = [
        "identity.",
        "properties.addonProfiles",
        "properties.agentPoolProfiles.securityProfile",
        "properties.agentPoolProfiles.vnetSubnetID",
    ];
    let plain = |body: &Value| {
        let mut keys = keys(body);
        keys.retain(|key| !odd.iter().any(|odd| key.starts_with(odd)));
        keys
    };
    assert_eq!(plain(&recorded[2]["responseBody"]), plain(&shown));
    let mut again = shown.clone();
    again["location"] = json!("westeurope");
    let begun = call(&azure, "PUT", &cluster("weu"), Some(again)).await;
    assert_eq!(recorded[3]["status"], begun.status);
    for header in ["azure-asyncoperation", "location", "retry-after"] {
        assert_eq!(
            recorded[3]["responseHeaders"][header].is_string(),
            begun.header(header).is_some(),
            "{header}"
        );
    }
    let url = begun.header("azure-asyncoperation").unwrap().to_owned();
    let running = send(&azure, request("GET", &url, None)).await.unwrap();
    assert_eq!(keys(&recorded[4]["responseBody"]), keys(&running.body));
    let words = finish(&azure, &begun).await;
    for word in &words {
        let known = recorded
            .iter()
            .any(|item| item["responseBody"]["status"] == word.as_str());
        assert!(known, "{word} was never recorded");
    }
    let over = send(&azure, request("GET", &url, None)).await.unwrap();
    assert_eq!(keys(&recorded[8]["responseBody"]), keys(&over.body));
    let missing = get(&azure, &format!("{}/agentPools/ap2", cluster("weu")), VERSION).await;
    assert_eq!(recorded[27]["status"], missing.status);
    assert_eq!(keys(&recorded[27]["responseBody"]), keys(&missing.body));
}

#[tokio::test(start_paused = true)]
async fn pools_look_as_they_were_recorded() {
    let test = "pools_look_as_they_were_recorded";
    let Some(recorded) = recording(test, "aks-nodepool-stop-start.json") else {
        return;
    };
    let azure = platform("");
    let pool = format!("{}/agentPools/c000003", cluster("weu"));
    let asked =
        json!({"properties": {"count": 2, "vmSize": "Standard_DS2_v2", "mode": "User", "osDiskSizeGB": 0}});
    let begun = call(&azure, "PUT", &pool, Some(asked)).await;
    assert_eq!(recorded[6]["status"], begun.status);
    let wanted = &recorded[6]["responseBody"];
    assert_eq!(
        wanted["properties"]["provisioningState"],
        begun.body["properties"]["provisioningState"]
    );
    let shown = keys(&begun.body);
    let odd = ["properties.enableEncryptionAtHost", "properties.enableUltraSSD"];
    for key in keys(wanted).iter().filter(|key| !odd.contains(&key.as_str())) {
        assert!(shown.contains(key), "{key} is missing");
    }
    finish(&azure, &begun).await;
    let gone = call(&azure, "DELETE", &cluster("weu"), None).await;
    assert_eq!(recorded[22]["status"], gone.status);
    for header in ["azure-asyncoperation", "location"] {
        let recorded = recorded[22]["responseHeaders"][header].as_str().unwrap();
        let segment = |url: &str| {
            url.split('?')
                .next()
                .unwrap()
                .rsplit('/')
                .nth(1)
                .unwrap()
                .to_owned()
        };
        assert_eq!(segment(recorded), segment(gone.header(header).unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn usages_look_as_they_were_recorded() {
    let test = "usages_look_as_they_were_recorded";
    let Some(recorded) = recording(test, "compute-usages.json") else {
        return;
    };
    let azure = platform("");
    let path =
        format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/westeurope/usages");
    let told = get(&azure, &path, COMPUTE).await;
    assert_eq!(recorded[0]["status"], told.status);
    let lines = recorded[0]["responseBody"]["value"].as_array().unwrap();
    let cores = lines
        .iter()
        .find(|line| line["name"]["value"] == "cores")
        .unwrap();
    assert_eq!(keys(cores), keys(&told.body["value"][0]));
    assert_eq!(cores["name"], told.body["value"][0]["name"]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_stopped_and_started_and_takes_no_change_between() {
    let azure = platform("");
    let path = cluster("weu");
    let state = async || {
        let shown = call(&azure, "GET", &path, None).await.body;
        let word = |at: &str| shown.pointer(at).unwrap().as_str().unwrap().to_owned();
        (
            word("/properties/powerState/code"),
            word("/properties/provisioningState"),
        )
    };
    let told = |power: &str, word: &str| (power.to_owned(), word.to_owned());
    let begun = call(&azure, "POST", &format!("{path}/stop"), None).await;
    assert_eq!(begun.status, 202);
    assert_eq!(state().await, told("Running", "Stopping"));
    let again = call(&azure, "POST", &format!("{path}/start"), None).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("EtagMismatch")));
    assert_eq!(finish(&azure, &begun).await, ["InProgress", "Succeeded"]);
    assert_eq!(state().await, told("Stopped", "Succeeded"));
    let result = request("GET", begun.header("location").unwrap(), None);
    assert_eq!(send(&azure, result).await.unwrap().status, 204);
    let whole = call(&azure, "GET", &path, None).await.body;
    let refused = call(&azure, "PUT", &path, Some(whole)).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (409, &json!("OperationNotAllowed"))
    );
    let begun = call(&azure, "POST", &format!("{path}/start"), None).await;
    let url = begun.header("azure-asyncoperation").unwrap().to_owned();
    // Recorded: an error that is none, while it runs and when it has succeeded.
    for word in ["InProgress", "Succeeded"] {
        let poll = send(&azure, request("GET", &url, None)).await.unwrap().body;
        assert_eq!(
            (&poll["status"], &poll["error"]["code"]),
            (&json!(word), &json!("NotLatestOperation"))
        );
        tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    }
    assert_eq!(state().await, told("Running", "Succeeded"));
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_with_a_cluster_can_be_aborted_and_what_has_ended_cannot() {
    let azure = platform("");
    let path = cluster("weu");
    let abort = async || call(&azure, "POST", &format!("{path}/abort"), None).await;
    assert_eq!(abort().await.status, 409);
    let stopping = call(&azure, "POST", &format!("{path}/stop"), None).await;
    let begun = abort().await;
    assert_eq!(begun.status, 202);
    assert_eq!(finish(&azure, &stopping).await, ["Canceled"]);
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    let shown = call(&azure, "GET", &path, None).await.body;
    assert_eq!(shown["properties"]["provisioningState"], "Canceled");
    assert_eq!(shown["properties"]["powerState"]["code"], "Running");
}
