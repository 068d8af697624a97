use std::{sync::Arc, time::Duration};

use leeward_engine::id::OperationId;
use leeward_runbook::kind::RepeatClass;

use super::{
    super::{capture, plan::name_of},
    *,
};
use crate::testing::{self, FakeAzure, context as context_of, key, region_down, with_files};

mod ladder;
mod roles;
mod standing;

const CAPTURE: &[u8] =
    include_bytes!("../../../../../../runbooks/interworks-platform/captures/storefront-cluster.json");
const CLUSTER: &str = "/managedclusters/aks-storefront-neu";
const DRILL: &str = "/managedclusters/drill-aks-storefront-neu";

fn side(region: &str) -> Value {
    json!({
        "name": format!("aks-storefront-{region}"),
        "resource-group": format!("rg-aks-{region}"),
        "network": format!("vnet-platform-{region}"),
        "subnet": format!("snet-aks-storefront-{region}"),
        "identity": format!("id-aks-storefront-{region}"),
    })
}

fn context(journey: Journey) -> Context {
    let with = json!({
        "from": "captures/storefront-cluster.json",
        "node-sizes": {"fallback": ["Standard_D8as_v5", "Standard_E8as_v5"]},
    });
    let context = context_of("azure.aks.cluster", journey, with, side("weu"), side("neu"));
    with_files(context, &[("captures/storefront-cluster.json", CAPTURE)])
}

/// A step that names no sizes to fall back to: its pools are the cluster's alone.
fn without_fallback(journey: Journey) -> Context {
    let context = context(journey);
    let mut alone = (*context.settings).clone();
    alone["node-sizes"] = Value::Null;
    Context {
        settings: Arc::new(alone),
        ..context
    }
}

fn sku(name: &str, cores: u64, zones: &[&str], restricted: bool) -> Value {
    let restrictions = match restricted {
        true => json!([{"type": "Location", "reasonCode": "NotAvailableForSubscription"}]),
        false => json!([]),
    };
    json!({
        "resourceType": "virtualMachines", "name": name, "family": "aFamily",
        "capabilities": [{"name": "vCPUs", "value": cores.to_string()}],
        "locationInfo": [{"location": "northeurope", "zones": zones}],
        "restrictions": restrictions,
    })
}

/// A region that has everything.
fn calm() -> Arc<FakeAzure> {
    let azure = FakeAzure::new();
    let zones = ["1", "2", "3"];
    let sizes: Vec<Value> = [
        "Standard_D4s_v5",
        "Standard_D8s_v5",
        "Standard_E8s_v5",
        "Standard_D8as_v5",
    ]
    .iter()
    .map(|name| sku(name, 8, &zones, false))
    .collect();
    azure.on("GET", "/Microsoft.Compute/skus", 200, json!({"value": sizes}));
    beside(&azure);
    azure
}

fn beside(azure: &FakeAzure) {
    azure.on(
        "GET",
        "/resourceGroups/rg-aks-neu",
        200,
        json!({"location": "northeurope"}),
    );
    azure.on("GET", "/subnets/snet-aks-storefront-neu", 200, json!({}));
    azure.on(
        "GET",
        "/userAssignedIdentities/id-aks-storefront-neu",
        200,
        json!({}),
    );
    azure.on(
        "GET",
        "/kubernetesVersions",
        200,
        json!({"values": [{"version": "1.33", "patchVersions": {"1.33.5": {}}}]}),
    );
    azure.on(
        "GET",
        "/locations/northeurope/usages",
        200,
        json!({"value": [{"limit": 1000, "currentValue": 0, "name": {"value": "cores"}}]}),
    );
}

fn made(context: &Context, state: &str) -> Value {
    let plan = Plan::read(context).unwrap();
    let mut body = mapping::put(&plan.mapped, &Choice::default(), &context.run.0);
    body["name"] = json!(plan.side.name);
    body["properties"]["provisioningState"] = json!(state);
    body["properties"]["fqdn"] = json!("new.hcp.northeurope.azmk8s.io");
    body["properties"]["nodeResourceGroup"] = json!("MC_new");
    for pool in body["properties"]["agentPoolProfiles"].as_array_mut().unwrap() {
        pool["provisioningState"] = json!(state);
    }
    body
}

async fn assess(azure: &Arc<FakeAzure>, context: &Context) -> Result<Assessment, DriverError> {
    Cluster::new(azure.arm()).assess(context).await
}

#[tokio::test]
async fn one_put_carries_the_cluster_with_all_its_pools_and_our_marks() {
    let azure = calm();
    let (url, id) = ("http://127.0.0.1:1/op/1?s=x".to_owned(), "azure-asyncoperation");
    azure.on_with(
        "PUT",
        CLUSTER,
        (
            201,
            vec![(id, url)],
            json!({"properties": {"provisioningState": "Creating"}}),
        ),
    );
    let context = context(Journey::Failover);
    let driver = Cluster::new(azure.arm());
    let assessment = driver.assess(&context).await.unwrap();
    let ids: Vec<&str> = assessment.operations.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(
        ids,
        ["create", "pool/web", "pool/search"],
        "the pools have their own ways behind it"
    );
    assert_eq!(assessment.warnings.len(), 1, "{:?}", assessment.warnings);
    assert!(assessment.warnings[0].contains("log-platform-weu"));
    let operation = &assessment.operations[0];
    assert_eq!(operation.rungs[0].repeat, RepeatClass::Repeatable);
    assert!(operation.rungs[0].settling >= Duration::from_secs(180));
    assert!(matches!(
        driver.observe(&context, operation).await,
        Observation::NotBegun { .. }
    ));
    let sent = driver.begin(&context, operation, "only", &key("create")).await;
    assert!(
        matches!(&sent, Sent::Accepted { ticket } if ticket.status_url.is_some()),
        "{sent:?}"
    );
    let changes = azure.changes();
    assert_eq!(changes.len(), 1);
    let body = &changes[0].body;
    assert_eq!(pools(body).len(), 3);
    assert_eq!(body["location"], "northeurope");
    assert_eq!(body["tags"][RUN_TAG], "r-1");
    assert!(
        body["tags"][SPECIFICATION_TAG]
            .as_str()
            .is_some_and(|digest| digest.len() == 32)
    );
    let text = body.to_string();
    let leftovers: Vec<&str> = text.matches("weu").collect();
    // The workspace of the logs: `omsagent` still names it, and the warning says so.
    assert_eq!(leftovers.len(), 2, "{text}");
    assert!(!text.contains("westeurope"), "{text}");
}

#[tokio::test]
async fn a_cluster_holds_only_with_all_its_pools_and_unknown_words_move() {
    let context = without_fallback(Journey::Failover);
    let azure = calm();
    let driver = Cluster::new(azure.arm());
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    azure.on(
        "GET",
        "/MC_new/providers/Microsoft.Network/publicIPAddresses",
        200,
        json!({"value": [
            {"properties": {"ipAddress": "192.0.2.1"}},
            {"tags": {"k8s-azure-service": "ingress/ingress"}, "properties": {"ipAddress": "192.0.2.7"}}
        ]}),
    );
    let mut one_pool_failed = made(&context, "Succeeded");
    one_pool_failed["properties"]["agentPoolProfiles"][2]["provisioningState"] = json!("Failed");
    let mut foreign = made(&context, "Succeeded");
    foreign["tags"] = json!({});
    for (body, expected) in [
        (made(&context, "Succeeded"), "holds"),
        (one_pool_failed, "not-begun"),
        (made(&context, "Failed"), "not-begun"),
        (made(&context, "ReconcilingDNS"), "in-motion"),
        (made(&context, "Deleting"), "busy"),
        (foreign, "barred"),
    ] {
        let again = FakeAzure::new();
        again.on("GET", CLUSTER, 200, body);
        let seen = Cluster::new(again.arm()).observe(&context, &operation).await;
        assert_eq!(json!(seen)["seen"], expected, "{seen:?}");
    }
    azure.on("GET", CLUSTER, 200, made(&context, "Succeeded"));
    // The first answer of that route was scripted by nobody; the next look sees the cluster.
    let Observation::Holds { ours, outputs, .. } = driver.observe(&context, &operation).await else {
        panic!()
    };
    assert!(ours);
    assert_eq!(outputs["ingress-address"], "192.0.2.7");
    assert_eq!(outputs["fqdn"], "new.hcp.northeurope.azmk8s.io");
}

#[tokio::test]
async fn a_cluster_of_that_name_that_is_not_ours_is_never_touched() {
    let azure = calm();
    let context = context(Journey::Failover);
    let mut foreign = made(&context, "Succeeded");
    foreign["tags"] = json!({"owner": "somebody"});
    azure.on("GET", CLUSTER, 200, foreign);
    let error = assess(&azure, &context).await.unwrap_err();
    assert!(error.to_string().contains("is not ours"), "{error}");
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn at_home_the_cluster_that_never_left_is_used_as_it_is() {
    let azure = calm();
    let context = context(Journey::Failback);
    let mut standing = made(&context, "Succeeded");
    standing["tags"] = json!({});
    azure.on("GET", CLUSTER, 200, standing);
    let assessment = assess(&azure, &context).await.unwrap();
    assert!(assessment.operations.is_empty());
    assert_eq!(assessment.outputs["name"], "aks-storefront-neu");
    assert!(assessment.warnings[0].contains("not made by Leeward"));
}

#[tokio::test]
async fn a_size_that_is_not_sold_there_is_replaced_and_a_pool_without_any_comes_later() {
    let azure = FakeAzure::new();
    let sizes = [
        sku("Standard_D4s_v5", 4, &["1", "2", "3"], false),
        sku("Standard_D8s_v5", 8, &["1"], true),
        sku("Standard_D8as_v5", 8, &["1", "2"], false),
        sku("Standard_E8s_v5", 8, &["1"], true),
    ];
    azure.on("GET", "/Microsoft.Compute/skus", 200, json!({"value": sizes}));
    beside(&azure);
    let context = context(Journey::Failover);
    let assessment = assess(&azure, &context).await.unwrap();
    let Payload::Create { choice } = Carried::of(&assessment.operations[0]).unwrap().payload else {
        panic!()
    };
    assert_eq!(choice.sizes["web"], "Standard_D8as_v5");
    assert_eq!(choice.zones["web"], ["1", "2"]);
    assert!(!choice.zones.contains_key("system"));

    let mut alone = (*context.settings).clone();
    alone["node-sizes"] = json!({"fallback": ["Standard_E8s_v5"]});
    let context = Context {
        settings: Arc::new(alone),
        ..context
    };
    let assessment = assess(&azure, &context).await.unwrap();
    let ids: Vec<&str> = assessment.operations.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["create", "pool/web", "pool/search"]);
    let rungs: Vec<&str> = assessment.operations[1]
        .rungs
        .iter()
        .map(|rung| rung.name.as_str())
        .collect();
    assert_eq!(rungs, ["Standard_D8s_v5", "Standard_E8s_v5"]);
    assert_eq!(assessment.operations[2].after, [OperationId::new("pool/web")]);
    azure.on(
        "PUT",
        "/agentpools/web",
        201,
        json!({"properties": {"provisioningState": "Succeeded"}}),
    );
    azure.on("GET", CLUSTER, 200, made(&context, "Succeeded"));
    // There was none when it was assessed.
    let driver = Cluster::new(azure.arm());
    driver
        .begin(
            &context,
            &assessment.operations[1],
            "Standard_E8s_v5",
            &key("pool/web"),
        )
        .await;
    assert_eq!(azure.changes()[0].body["properties"]["vmSize"], "Standard_E8s_v5");
}

#[tokio::test]
async fn too_little_quota_is_said_before_anything_is_sent() {
    let azure = FakeAzure::new();
    azure.on(
        "GET",
        "/locations/northeurope/usages",
        200,
        json!({"value": [{"limit": 50, "currentValue": 10, "name": {"value": "cores"}}]}),
    );
    azure.on(
        "GET",
        "/Microsoft.Compute/skus",
        200,
        json!({"value": [sku("Standard_D8s_v5", 8, &["1", "2", "3"], false)]}),
    );
    beside(&azure);
    let assessment = assess(&azure, &context(Journey::Failover)).await.unwrap();
    assert!(
        assessment
            .warnings
            .iter()
            .any(|warning| warning.contains("48 cores are needed, 40 are left")),
        "{:?}",
        assessment.warnings
    );
}

#[tokio::test]
async fn a_drill_has_a_cluster_of_its_own_and_deletes_only_that() {
    let azure = calm();
    azure.on("DELETE", DRILL, 202, Value::Null);
    let context = context(Journey::Drill);
    let driver = Cluster::new(azure.arm());
    let assessment = driver.assess(&context).await.unwrap();
    let delete = assessment.operations.last().unwrap().clone();
    assert_eq!((delete.id.as_str(), delete.phase), ("delete", Phase::CleanUp));
    assert!(matches!(
        driver.observe(&context, &delete).await,
        Observation::Holds { .. }
    ));

    let mut other_run = made(&context, "Succeeded");
    other_run["tags"][RUN_TAG] = json!("r-2");
    azure.on("GET", DRILL, 200, other_run);
    assert!(matches!(
        driver.observe(&context, &delete).await,
        Observation::Barred { .. }
    ));
    let sent = driver.begin(&context, &delete, "only", &key("delete")).await;
    assert!(matches!(sent, Sent::Refused(_)), "{sent:?}");
    assert!(azure.changes().is_empty());
    assert!(
        assess(&azure, &context).await.is_err(),
        "another drill's cluster is not taken over"
    );

    let ours = calm();
    ours.on("GET", DRILL, 200, made(&context, "Succeeded"));
    ours.on("DELETE", DRILL, 204, Value::Null);
    let driver = Cluster::new(ours.arm());
    assert!(matches!(
        driver.observe(&context, &delete).await,
        Observation::NotBegun { .. }
    ));
    driver.begin(&context, &delete, "only", &key("delete")).await;
    assert_eq!(ours.changes().len(), 1);
}

#[tokio::test]
async fn a_move_takes_along_the_cluster_that_a_drill_left_and_no_other() {
    let left = |run: Option<&str>| {
        let mut cluster = made(&context(Journey::Drill), "Succeeded");
        match run {
            Some(run) => cluster["tags"][RUN_TAG] = json!(run),
            None => cluster["tags"] = json!({}),
        }
        cluster
    };
    let azure = calm();
    azure.on("GET", DRILL, 200, left(Some("r-drill")));
    azure.on("DELETE", DRILL, 202, Value::Null);
    let context = context(Journey::Failover);
    let driver = Cluster::new(azure.arm());
    let assessment = driver.assess(&context).await.unwrap();
    let delete = assessment.operations.last().unwrap().clone();
    // Behind recovery: nobody waits for it, and no move fails over it.
    assert_eq!(
        (delete.id.as_str(), delete.phase),
        ("delete-left-by-drill", Phase::AfterRecovery)
    );
    assert!(matches!(
        driver.observe(&context, &delete).await,
        Observation::NotBegun { .. }
    ));
    driver.begin(&context, &delete, "only", &key("delete")).await;
    let changes = azure.changes();
    assert_eq!(changes.len(), 1);
    assert!(
        changes[0].path.ends_with("/drill-aks-storefront-neu"),
        "{changes:?}"
    );

    // Another drill's of the meantime, or a person's: left alone.
    for other in [left(Some("r-other")), left(None)] {
        let azure = calm();
        azure.on("GET", DRILL, 200, other);
        let driver = Cluster::new(azure.arm());
        assert!(matches!(
            driver.observe(&context, &delete).await,
            Observation::Barred { .. }
        ));
        let sent = driver.begin(&context, &delete, "only", &key("delete")).await;
        assert!(
            matches!(sent, Sent::Refused(_)) && azure.changes().is_empty(),
            "{sent:?}"
        );
    }
    let nobodys = calm();
    nobodys.on("GET", DRILL, 200, left(None));
    let found = assess(&nobodys, &context).await.unwrap();
    assert!(found.operations.iter().all(|one| one.phase == Phase::Main));
}

#[tokio::test]
async fn nothing_is_asked_of_the_region_that_is_gone() {
    let azure = calm();
    let context = region_down(context(Journey::Failover));
    let driver = Cluster::new(azure.arm());
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    driver.observe(&context, &operation).await;
    for seen in azure.seen() {
        let asked = format!("{} {}", seen.path, seen.query).to_lowercase();
        assert!(!asked.contains("weu") && !asked.contains("westeurope"), "{asked}");
    }
}

#[tokio::test]
async fn what_runs_on_a_cluster_is_applied_once_it_and_its_pools_stand() {
    let azure = calm();
    let context = context(Journey::Failover);
    let mut with = (*context.settings).clone();
    with["workloads"] = json!({"manifests": "manifests/", "ready-within": "5m"});
    let manifests = b"{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}}\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n";
    let context = Context {
        settings: Arc::new(with),
        ..with_files(
            context,
            &[
                ("captures/storefront-cluster.json", CAPTURE),
                ("manifests/shop.yaml", manifests),
            ],
        )
    };
    let assessment = assess(&azure, &context).await.unwrap();
    let told: Vec<(&str, Vec<&str>)> = assessment
        .operations
        .iter()
        .map(|one| {
            (
                one.id.as_str(),
                one.after.iter().map(OperationId::as_str).collect(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("create", vec![]),
            ("pool/web", vec!["create"]),
            ("pool/search", vec!["pool/web"]),
            ("apply/namespace/shop", vec!["pool/search"]),
            ("apply/deployment/shop", vec!["apply/namespace/shop"]),
        ]
    );
    assert_eq!(assessment.warnings.len(), 1, "{:?}", assessment.warnings);
    // This capture has local accounts disabled: there is no administrator to ask for.
    assert_eq!(assessment.operations[3].payload["cluster"]["admin"], false);
    assert!(assessment.operations[3].goal.starts_with("Namespace shop on "));
}

#[test]
fn what_only_a_person_can_give_is_asked_for_by_name() {
    for missing in ["subnet", "identity", "network"] {
        let whole = context(Journey::Failover);
        let without = |value: &Value| {
            let mut value = value.clone();
            value.as_object_mut().unwrap().remove(missing);
            Arc::new(value)
        };
        let lacking = Context {
            settings: without(&whole.settings),
            target: without(&whole.target),
            ..whole.clone()
        };
        let error = Plan::read(&lacking).err().unwrap().to_string();
        assert!(error.contains(missing), "{error}");
    }
}

#[test]
fn a_capture_of_either_cluster_maps_and_everything_else_of_it_stays() {
    for capture in ["storefront", "services"] {
        let path = format!(
            "{}/../../runbooks/interworks-platform/captures/{capture}-cluster.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let whole = capture::read(&std::fs::read(path).unwrap()).unwrap();
        let side = Plan::read(&context(Journey::Failover)).unwrap().side;
        let body = mapping::map(&whole, &side).unwrap().body;
        let again = mapping::map(&whole, &side).unwrap();
        assert_eq!(again.digest, mapping::map(&whole, &side).unwrap().digest);
        for kept in [
            "/sku",
            "/properties/aadProfile",
            "/properties/apiServerAccessProfile",
            "/properties/autoScalerProfile",
            "/properties/autoUpgradeProfile",
            "/properties/linuxProfile",
            "/properties/securityProfile",
            "/properties/networkProfile/podCidr",
            "/properties/workloadAutoScalerProfile",
            "/properties/addonProfiles/azureKeyvaultSecretsProvider/config",
            "/properties/agentPoolProfiles/1/nodeLabels",
            "/properties/agentPoolProfiles/1/maxCount",
        ] {
            assert!(whole.pointer(kept).is_some(), "{kept}");
            assert_eq!(whole.pointer(kept), body.pointer(kept), "{capture} {kept}");
        }
        for gone in [
            "/id",
            "/systemData",
            "/properties/fqdn",
            "/properties/provisioningState",
            "/properties/nodeResourceGroup",
            "/properties/resourceUID",
            "/properties/identityProfile",
            "/properties/servicePrincipalProfile",
            "/properties/oidcIssuerProfile/issuerURL",
            "/properties/networkProfile/loadBalancerProfile/effectiveOutboundIPs",
            "/properties/addonProfiles/azureKeyvaultSecretsProvider/identity",
            "/properties/agentPoolProfiles/0/nodeImageVersion",
            "/properties/agentPoolProfiles/0/provisioningState",
        ] {
            assert!(whole.pointer(gone).is_some(), "{gone}");
            assert!(body.pointer(gone).is_none(), "{capture} {gone}");
        }
    }
}

#[test]
fn every_field_that_the_official_description_calls_read_only_is_taken_out() {
    let Some(table) = testing::read_json("derived/readonly-fields.json") else {
        return;
    };
    let listed = &table["AKS 2024-05-01"]["ManagedCluster"]["readOnly"];
    for path in listed.as_array().unwrap() {
        let path = path.as_str().unwrap();
        // A list that is dropped whole.
        let known = capture::READ_ONLY.contains(&path) || path.starts_with("properties.privateLinkResources");
        assert!(known, "{path}");
    }
}

#[test]
fn an_official_cluster_loses_nothing_but_what_is_read_only() {
    let folder =
        "containerservice/resource-manager/Microsoft.ContainerService/aks/stable/2024-05-01/examples";
    let Some(example) = testing::examples(folder, "ManagedClustersGet.json") else {
        return;
    };
    let whole = &example["responses"]["200"]["body"];
    let stripped = capture::strip(whole.clone());
    for (key, value) in whole["properties"].as_object().unwrap() {
        let listed = capture::READ_ONLY
            .iter()
            .any(|path| path.split(['.', '[', '{']).nth(1) == Some(key.as_str()));
        assert!(listed || stripped["properties"].get(key) == Some(value), "{key}");
    }
    assert!(mapping::map(whole, &Plan::read(&context(Journey::Failover)).unwrap().side).is_ok());
}

#[test]
fn a_drill_s_name_is_never_too_long() {
    let long = "a".repeat(80);
    assert_eq!(name_of(Journey::Drill, &long).len(), 63);
    assert_eq!(name_of(Journey::Drill, "x"), "drill-x");
    assert_eq!(name_of(Journey::Failover, "x"), "x");
}
