//! What can be asked of each family of kinds?

use std::time::Duration;

use leeward_acceptance::{judges::exchanges::Docket, stage::rehearse};
use serde_json::{Value, json};

use crate::scene::{Scene, id};

const SQL: &str = "2023-08-01-preview";
const VAULT: &str = "2024-04-01";
const STORAGE: &str = "2023-05-01";
const AKS: &str = "2024-05-01";
const NOTHING: Value = Value::Null;

pub(crate) fn play(docket: &mut Docket) {
    rehearse(async {
        servers(&mut Scene::new(docket, "servers")).await;
        instances(&mut Scene::new(docket, "instances")).await;
        machines(&mut Scene::new(docket, "machines")).await;
        plans(&mut Scene::new(docket, "plans")).await;
        accounts(&mut Scene::new(docket, "accounts")).await;
        replication(&mut Scene::new(docket, "replication")).await;
        clusters(&mut Scene::new(docket, "clusters")).await;
        traffic(&mut Scene::new(docket, "traffic")).await;
    });
}

async fn servers(scene: &mut Scene<'_>) {
    let server = |side: &str| {
        id(
            &format!("rg-{side}"),
            &format!("Microsoft.Sql/servers/sql-shop-{side}"),
        )
    };
    let group = |side: &str| format!("{}/failoverGroups/fog-shop", server(side));
    scene.get(&server("weu"), SQL).await;
    scene.get(&format!("{}/failoverGroups", server("weu")), SQL).await;
    scene.get(&format!("{}/databases", server("weu")), SQL).await;
    scene
        .get(&format!("{}/databases/orders", server("weu")), SQL)
        .await;
    let links = scene
        .get(
            &format!("{}/databases/orders/replicationLinks", server("neu")),
            SQL,
        )
        .await;
    let link = links["value"][0]["name"].as_str().unwrap_or_default().to_owned();
    scene
        .get(
            &format!("{}/databases/orders/replicationLinks/{link}", server("neu")),
            SQL,
        )
        .await;
    scene
        .get(&format!("{}/replicationLinks", server("weu")), SQL)
        .await;
    let code = "FailoverGroupFailoverRequestOnPrimary";
    scene
        .wrong("POST", &format!("{}/failover", group("weu")), SQL, NOTHING, code)
        .await;
    let on_link = format!(
        "{}/databases/orders/replicationLinks/{link}/failover",
        server("neu")
    );
    scene
        .wrong("POST", &on_link, SQL, NOTHING, "FailoverGroupAlreadySetup")
        .await;
    scene
        .right("POST", &format!("{}/failover", group("neu")), SQL, NOTHING)
        .await;
    scene
        .wrong(
            "POST",
            &format!("{}/failover", group("neu")),
            SQL,
            NOTHING,
            "FailoverGroupBusy",
        )
        .await;
    scene.advance(Duration::from_secs(300));
    scene.get(&group("neu"), SQL).await;
    scene
        .whole(
            "POST",
            &format!("{}/tryPlannedBeforeForcedFailover", group("weu")),
            SQL,
            NOTHING,
        )
        .await;
    scene.advance(Duration::from_secs(300));
    scene
        .whole(
            "POST",
            &format!("{}/forceFailoverAllowDataLoss", group("neu")),
            SQL,
            NOTHING,
        )
        .await;
    scene.get(&group("weu"), SQL).await;
    scene.advance(Duration::from_secs(300));
    let policy = json!({"properties": {"readWriteEndpoint": {
        "failoverPolicy": "Automatic", "failoverWithDataLossGracePeriodMinutes": 120}}});
    scene.whole("PATCH", &group("neu"), SQL, policy.clone()).await;
    let code = "FailoverGroupUpdateOrDeleteRequestOnSecondary";
    scene.wrong("PATCH", &group("weu"), SQL, policy, code).await;
    scene.whole("DELETE", &group("neu"), SQL, NOTHING).await;
    scene
        .wrong("GET", &group("neu"), SQL, NOTHING, "ResourceNotFound")
        .await;
    let whole = json!({"properties": {
        "readWriteEndpoint": {"failoverPolicy": "Manual"},
        "readOnlyEndpoint": {"failoverPolicy": "Disabled"},
        "partnerServers": [{"id": server("weu")}],
        "databases": [format!("{}/databases/orders", server("neu"))]}});
    scene.whole("PUT", &group("neu"), SQL, whole).await;
}

async fn instances(scene: &mut Scene<'_>) {
    let group = |side: &str, region: &str| {
        id(
            &format!("rg-{side}"),
            &format!("Microsoft.Sql/locations/{region}/instanceFailoverGroups/fog-platform"),
        )
    };
    let (here, there) = (group("weu", "westeurope"), group("neu", "northeurope"));
    let shown = scene.get(&here, SQL).await;
    scene.get(here.trim_end_matches("/fog-platform"), SQL).await;
    let pair = &shown["properties"]["managedInstancePairs"][0];
    let instance = pair["primaryManagedInstanceId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    scene.get(&instance, SQL).await;
    let code = "InstanceFailoverGroupFailoverRequestOnPrimary";
    scene
        .wrong("POST", &format!("{here}/failover"), SQL, NOTHING, code)
        .await;
    scene
        .whole("POST", &format!("{there}/failover"), SQL, NOTHING)
        .await;
    scene.advance(Duration::from_secs(600));
    scene
        .whole(
            "POST",
            &format!("{here}/forceFailoverAllowDataLoss"),
            SQL,
            NOTHING,
        )
        .await;
    scene.get(&there, SQL).await;
    scene.advance(Duration::from_secs(600));
    let mut again = json!({"properties": {}});
    for kept in [
        "readWriteEndpoint",
        "readOnlyEndpoint",
        "partnerRegions",
        "managedInstancePairs",
    ] {
        again["properties"][kept] = shown["properties"][kept].clone();
    }
    again["properties"]["partnerRegions"] = json!([{"location": "northeurope"}]);
    scene.whole("PUT", &here, SQL, again).await;
    scene.whole("DELETE", &here, SQL, NOTHING).await;
}

fn vault(rest: &str) -> String {
    id(
        "rg-neu",
        &format!("Microsoft.RecoveryServices/vaults/rsv-neu{rest}"),
    )
}

async fn machines(scene: &mut Scene<'_>) {
    scene.get(&vault(""), VAULT).await;
    for list in [
        "/replicationFabrics",
        "/replicationPolicies",
        "/replicationProtectionContainers",
        "/replicationProtectionContainerMappings",
        "/replicationVaultHealth",
        "/replicationJobs",
        "/replicationRecoveryPlans",
    ] {
        scene.get(&vault(list), VAULT).await;
    }
    scene
        .whole(
            "POST",
            &vault("/replicationVaultHealth/default/refresh"),
            VAULT,
            NOTHING,
        )
        .await;
    let items = scene.get(&vault("/replicationProtectedItems"), VAULT).await;
    let item = items["value"][0]["id"].as_str().unwrap_or_default().to_owned();
    scene.get(&item, VAULT).await;
    let network = id("rg-neu", "Microsoft.Network/virtualNetworks/vnet-drill");
    let drill = json!({"properties": {
        "failoverDirection": "PrimaryToRecovery", "networkType": "VmNetworkAsInput", "networkId": network,
        "providerSpecificDetails": {"instanceType": "A2A"}}});
    scene
        .whole("POST", &format!("{item}/testFailover"), VAULT, drill)
        .await;
    let told = json!({"properties": {"comments": "done"}});
    scene
        .whole("POST", &format!("{item}/testFailoverCleanup"), VAULT, told)
        .await;
    let points = scene.get(&format!("{item}/recoveryPoints"), VAULT).await;
    let point = points["value"][0]["id"].as_str().unwrap_or_default().to_owned();
    let over = json!({"properties": {
        "failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": {"instanceType": "A2A", "recoveryPointId": point}}});
    scene
        .whole("POST", &format!("{item}/unplannedFailover"), VAULT, over.clone())
        .await;
    let change = json!({"properties": {
        "recoveryPointId": point, "providerSpecificDetails": {"instanceType": "A2A"}}});
    scene
        .whole("POST", &format!("{item}/applyRecoveryPoint"), VAULT, change)
        .await;
    scene
        .whole("POST", &format!("{item}/failoverCommit"), VAULT, NOTHING)
        .await;
    let jobs = scene.get(&vault("/replicationJobs"), VAULT).await;
    let job = jobs["value"][0]["name"].as_str().unwrap_or_default().to_owned();
    scene.get(&vault(&format!("/replicationJobs/{job}")), VAULT).await;
    let shown = scene.get(&item, VAULT).await;
    assert_eq!(shown["properties"]["activeLocation"], "Recovery");
}

async fn plans(scene: &mut Scene<'_>) {
    let plan = vault("/replicationRecoveryPlans/rp-all");
    scene.get(&plan, VAULT).await;
    let network = id("rg-neu", "Microsoft.Network/virtualNetworks/vnet-drill");
    let drill = json!({"properties": {
        "failoverDirection": "PrimaryToRecovery", "networkType": "VmNetworkAsInput", "networkId": network,
        "providerSpecificDetails": [{"instanceType": "A2A", "recoveryPointType": "Latest"}]}});
    scene
        .whole("POST", &format!("{plan}/testFailover"), VAULT, drill)
        .await;
    let told = json!({"properties": {"comments": "done"}});
    scene
        .whole("POST", &format!("{plan}/testFailoverCleanup"), VAULT, told)
        .await;
    let over = json!({"properties": {
        "failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": "NotRequired",
        "providerSpecificDetails": [{"instanceType": "A2A", "recoveryPointType": "Latest"}]}});
    scene
        .whole("POST", &format!("{plan}/unplannedFailover"), VAULT, over)
        .await;
    scene
        .whole("POST", &format!("{plan}/failoverCommit"), VAULT, NOTHING)
        .await;
    scene.get(&plan, VAULT).await;
    scene.whole("DELETE", &plan, VAULT, NOTHING).await;
}

async fn accounts(scene: &mut Scene<'_>) {
    let account = id("rg-weu", "Microsoft.Storage/storageAccounts/stgeo");
    scene.get(&account, STORAGE).await;
    scene
        .get(&format!("{account}?$expand=geoReplicationStats"), STORAGE)
        .await;
    scene.get(account.trim_end_matches("/stgeo"), STORAGE).await;
    scene
        .right("POST", &format!("{account}/listKeys"), STORAGE, NOTHING)
        .await;
    scene
        .whole(
            "POST",
            &format!("{account}/failover?failoverType=Planned"),
            STORAGE,
            NOTHING,
        )
        .await;
    scene.advance(Duration::from_secs(3_600));
    scene
        .whole("POST", &format!("{account}/failover"), STORAGE, NOTHING)
        .await;
    scene.get(&account, STORAGE).await;
    let sku = json!({"sku": {"name": "Standard_RAGRS"}});
    scene.right("PATCH", &account, STORAGE, sku).await;
    let made = id("rg-weu", "Microsoft.Storage/storageAccounts/stmade");
    let asked = json!({"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_GRS"}});
    scene.whole("PUT", &made, STORAGE, asked).await;
}

async fn replication(scene: &mut Scene<'_>) {
    let account = |side: &str| {
        id(
            &format!("rg-{side}"),
            &format!("Microsoft.Storage/storageAccounts/str{side}"),
        )
    };
    let policies = |side: &str| format!("{}/objectReplicationPolicies", account(side));
    let all = scene.get(&policies("neu"), STORAGE).await;
    let name = all["value"][0]["name"].as_str().unwrap_or_default().to_owned();
    scene.get(&format!("{}/{name}", policies("neu")), STORAGE).await;
    for side in ["weu", "neu"] {
        let at = format!("{}/{name}", policies(side));
        scene.right("DELETE", &at, STORAGE, NOTHING).await;
        scene.right("DELETE", &at, STORAGE, NOTHING).await;
    }
    let asked = json!({"properties": {
        "sourceAccount": account("neu"), "destinationAccount": account("weu"),
        "rules": [{"sourceContainer": "invoices", "destinationContainer": "invoices"}]}});
    let made = scene
        .right("PUT", &format!("{}/default", policies("weu")), STORAGE, asked)
        .await
        .body;
    let name = made["properties"]["policyId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let same = json!({"properties": {
        "sourceAccount": account("neu"), "destinationAccount": account("weu"),
        "rules": made["properties"]["rules"]}});
    scene
        .right("PUT", &format!("{}/{name}", policies("neu")), STORAGE, same)
        .await;
}

async fn clusters(scene: &mut Scene<'_>) {
    let cluster = id("rg-weu", "Microsoft.ContainerService/managedClusters/aks-weu");
    scene.get(&cluster, AKS).await;
    scene.get(cluster.trim_end_matches("/aks-weu"), AKS).await;
    scene
        .right(
            "POST",
            &format!("{cluster}/listClusterUserCredential"),
            AKS,
            NOTHING,
        )
        .await;
    scene
        .right(
            "POST",
            &format!("{cluster}/listClusterAdminCredential"),
            AKS,
            NOTHING,
        )
        .await;
    let pools = scene.get(&format!("{cluster}/agentPools"), AKS).await;
    let first = pools["value"][0]["name"].as_str().unwrap_or_default().to_owned();
    scene.get(&format!("{cluster}/agentPools/{first}"), AKS).await;
    let more = format!("{cluster}/agentPools/more");
    let pool = json!({"properties": {"mode": "User", "count": 1, "vmSize": "Standard_D4s_v5"}});
    scene.whole("PUT", &more, AKS, pool).await;
    scene.whole("DELETE", &more, AKS, NOTHING).await;
    scene
        .right("POST", &format!("{cluster}/stop"), AKS, NOTHING)
        .await;
    scene
        .right("POST", &format!("{cluster}/abort"), AKS, NOTHING)
        .await;
    scene.advance(Duration::from_secs(900));
    let made = id("rg-neu", "Microsoft.ContainerService/managedClusters/aks-neu");
    let asked = json!({"location": "northeurope", "identity": {"type": "SystemAssigned"}, "properties": {
        "dnsPrefix": "aks-neu",
        "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 2, "vmSize": "Standard_D4s_v5"}]}});
    scene.whole("PUT", &made, AKS, asked.clone()).await;
    scene.whole("PUT", &made, AKS, asked).await;
    scene.whole("POST", &format!("{made}/stop"), AKS, NOTHING).await;
    scene.whole("POST", &format!("{made}/start"), AKS, NOTHING).await;
    scene.get(&made, AKS).await;
    scene.whole("DELETE", &made, AKS, NOTHING).await;
    scene.right("DELETE", &made, AKS, NOTHING).await;
    let places = format!("/subscriptions/{}/providers", crate::scene::SUBSCRIPTION);
    let versions = format!("{places}/Microsoft.ContainerService/locations/northeurope/kubernetesVersions");
    scene.get(&versions, AKS).await;
    scene
        .get(
            &format!("{places}/Microsoft.Compute/locations/northeurope/usages"),
            "2024-07-01",
        )
        .await;
    let sizes = format!("{places}/Microsoft.Compute/skus?$filter=location%20eq%20'northeurope'");
    scene.get(&sizes, "2021-07-01").await;
}

async fn traffic(scene: &mut Scene<'_>) {
    let profile = id(
        "rg-global",
        "Microsoft.Network/trafficmanagerprofiles/tm-platform",
    );
    let endpoint = format!("{profile}/ExternalEndpoints/weu");
    scene.get(&profile, "2022-04-01").await;
    scene.get(&endpoint, "2022-04-01").await;
    let off = json!({"properties": {"endpointStatus": "Disabled"}});
    scene.right("PATCH", &endpoint, "2022-04-01", off).await;

    let record = id("rg-global", "Microsoft.Network/dnsZones/example.test/A/shop");
    let shown = scene.get(&record, "2018-05-01").await;
    scene.get(record.trim_end_matches("/shop"), "2018-05-01").await;
    let set = json!({"properties": {"TTL": 60, "ARecords": [{"ipv4Address": "20.0.0.2"}]}});
    scene.right("PUT", &record, "2018-05-01", set.clone()).await;
    assert!(shown["etag"].is_string());
    scene.right("DELETE", &record, "2018-05-01", NOTHING).await;
    scene.right("DELETE", &record, "2018-05-01", NOTHING).await;
    let zone = id("rg-global", "Microsoft.Network/dnsZones/example.test");
    scene.get(&zone, "2018-05-01").await;

    let inner = id("rg-global", "Microsoft.Network/privateDnsZones/inner.test");
    scene.get(&inner, "2024-06-01").await;
    let set = json!({"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.0.0.2"}]}});
    scene
        .right("PUT", &format!("{inner}/A/shop"), "2024-06-01", set)
        .await;
    scene.get(&format!("{inner}/A/shop"), "2024-06-01").await;
    scene
        .right("DELETE", &format!("{inner}/A/shop"), "2024-06-01", NOTHING)
        .await;

    let group = id("rg-global", "Microsoft.Cdn/profiles/afd/originGroups/shop");
    scene.get(&group, "2024-02-01").await;
    scene.get(&format!("{group}/origins"), "2024-02-01").await;
    let off = json!({"properties": {"enabledState": "Disabled"}});
    scene
        .whole("PATCH", &format!("{group}/origins/weu"), "2024-02-01", off)
        .await;
    scene.get(&format!("{group}/origins/weu"), "2024-02-01").await;
}
