//! Does the API server of a pretend cluster behave as Kubernetes does, as far as it is played?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use leeward_simulator::{Broken, Outcome, Settings, Simulator, World};
use serde_json::{Value, json};
use support::*;

const CLUSTER: &str = "/subscriptions/00000000-0000-0000-0000-0000000000aa/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/aks-shop";

fn platform(properties: Value) -> Simulator {
    let blueprint = serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [{
            "kind": "aks-cluster",
            "primary": { "name": "aks-shop", "resource-group": "rg-aks" },
            "paired": { "name": "aks-neu", "resource-group": "rg-neu" },
            "specification": {"properties": properties},
        }],
    }))
    .unwrap();
    Simulator::new(World::derive(&blueprint).unwrap(), Settings::seeded(1))
}

fn id() -> String {
    let end = CLUSTER.split_once("/resourceGroups").unwrap().1;
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups{end}")
}

async fn credential(azure: &Simulator, verb: &str) -> Result<Value, u16> {
    let path = format!("{}/{verb}?api-version=2024-05-01&format=exec", id());
    let told = send(azure, request("POST", &path, None)).await.unwrap();
    if told.status != 200 {
        return Err(told.status);
    }
    let value = told.body["kubeconfigs"][0]["value"].as_str().unwrap();
    Ok(serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap())
}

/// A cluster's server with a token for it.
struct Server {
    azure: Simulator,
    url: String,
    token: String,
}

async fn server(azure: &Simulator) -> Server {
    let config = credential(azure, "listClusterAdminCredential").await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Server {
        azure: azure.clone(),
        url: text(&config["clusters"][0]["cluster"]["server"]),
        token: text(&config["users"][0]["user"]["token"]),
    }
}

impl Server {
    async fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Outcome {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", kind)
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        self.azure.handle(request).await
    }

    async fn told(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, Value) {
        let answer = self.send(method, path, kind, body).await.answer().unwrap();
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), body)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.told("GET", path, "", "").await
    }

    async fn apply(&self, path: &str, query: &str, body: &str) -> (u16, Value) {
        let path = format!("{path}?{query}");
        self.told("PATCH", &path, "application/apply-patch+yaml", body)
            .await
    }
}

const SHOP: &str = "/apis/apps/v1/namespaces/default/deployments/shop";

fn deployment(replicas: u32, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: shop}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: shop}}}}\n  template:\n    metadata: {{labels: {{app: shop}}}}\n    spec: {{containers: [{{name: shop, image: \"{image}\"}}]}}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_kubeconfig_opens_its_own_cluster_and_a_closed_one_has_none_for_its_administrator() {
    let azure = platform(json!({}));
    let own = server(&azure).await;
    assert_eq!(own.get("/version").await.0, 200);
    let stranger = Server {
        token: "something".to_owned(),
        ..server(&azure).await
    };
    assert_eq!(stranger.get("/version").await.0, 401);

    let closed =
        platform(json!({"disableLocalAccounts": true, "aadProfile": {"managed": true, "tenantID": "t"}}));
    assert_eq!(credential(&closed, "listClusterAdminCredential").await, Err(400));
    let config = credential(&closed, "listClusterUserCredential").await.unwrap();
    let user = &config["users"][0]["user"];
    assert_eq!(user["exec"]["command"], "kubelogin");
    let signed_in = Server {
        azure: closed.clone(),
        url: config["clusters"][0]["cluster"]["server"]
            .as_str()
            .unwrap()
            .to_owned(),
        token: "of-azure".to_owned(),
    };
    assert_eq!(signed_in.get("/version").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn an_apply_merges_by_owner_names_conflicts_and_the_same_again_changes_nothing() {
    let azure = platform(json!({}));
    let server = server(&azure).await;
    let (status, made) = server
        .apply(SHOP, "fieldManager=leeward", &deployment(2, "shop:1"))
        .await;
    assert_eq!((status, &made["metadata"]["generation"]), (201, &json!(1)));
    let (status, again) = server
        .apply(SHOP, "fieldManager=leeward", &deployment(2, "shop:1"))
        .await;
    assert_eq!((status, &again["metadata"]["generation"]), (200, &json!(1)));
    assert_eq!(
        again["metadata"]["managedFields"],
        made["metadata"]["managedFields"]
    );

    let (status, refused) = server
        .apply(SHOP, "fieldManager=kubectl", &deployment(5, "shop:1"))
        .await;
    assert_eq!((status, &refused["reason"]), (409, &json!("Conflict")));
    let cause = &refused["details"]["causes"][0];
    assert_eq!(cause["reason"], "FieldManagerConflict");
    assert_eq!(cause["field"], ".spec.replicas");
    assert_eq!(cause["message"], "conflict with \"leeward\" using apps/v1");
    let (status, taken) = server
        .apply(SHOP, "fieldManager=kubectl&force=true", &deployment(5, "shop:1"))
        .await;
    assert_eq!((status, &taken["spec"]["replicas"]), (200, &json!(5)));
    assert_eq!(taken["metadata"]["generation"], 2);

    // What nobody asks for any more goes away.
    let labelled = deployment(5, "shop:1").replace("{name: shop}", "{name: shop, labels: {tier: web}}");
    server
        .apply(SHOP, "fieldManager=labels&force=true", &labelled)
        .await;
    let (_, with) = server.get(SHOP).await;
    assert_eq!(with["metadata"]["labels"]["tier"], "web");
    server
        .apply(SHOP, "fieldManager=labels", &deployment(5, "shop:1"))
        .await;
    let (_, without) = server.get(SHOP).await;
    assert!(without["metadata"]["labels"].is_null(), "{without}");
    assert_eq!(
        server.apply(SHOP, "force=true", &deployment(5, "shop:1")).await.0,
        422
    );
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_ready_after_a_while_and_an_image_that_is_missing_never() {
    let azure = platform(json!({}));
    let server = server(&azure).await;
    server
        .apply(SHOP, "fieldManager=leeward", &deployment(2, "shop:1"))
        .await;
    let (_, fresh) = server.get(SHOP).await;
    assert!(fresh["status"]["availableReplicas"].is_null());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (_, later) = server.get(SHOP).await;
    assert_eq!(later["status"]["availableReplicas"], 2);
    assert_eq!(later["status"]["observedGeneration"], 1);
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {type: LoadBalancer}\n";
    let path = "/api/v1/namespaces/default/services/shop";
    server.apply(path, "fieldManager=leeward", service).await;
    assert!(server.get(path).await.1["status"]["loadBalancer"]["ingress"].is_null());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(server.get(path).await.1["status"]["loadBalancer"]["ingress"][0]["ip"].is_string());

    server
        .apply(SHOP, "fieldManager=leeward", &deployment(2, "missing:1"))
        .await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(server.get(SHOP).await.1["status"]["availableReplicas"], 0);
    let (_, pods) = server
        .get("/api/v1/namespaces/default/pods?labelSelector=app%3Dshop")
        .await;
    let waiting = &pods["items"][0]["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "ImagePullBackOff");
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_served_once_its_definition_is_there_and_a_namespace_must_be() {
    let azure = platform(json!({}));
    let server = server(&azure).await;
    let offer = "apiVersion: example.test/v1\nkind: Offer\nmetadata: {name: one}\n";
    let path = "/apis/example.test/v1/namespaces/default/offers/one";
    let (status, body) = server.apply(path, "fieldManager=leeward", offer).await;
    assert_eq!(
        (status, &body["message"]),
        (404, &json!("the server could not find the requested resource"))
    );
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: offers.example.test}\nspec: {group: example.test, scope: Namespaced, names: {kind: Offer, plural: offers}, versions: [{name: v1, served: true}]}\n";
    server
        .apply(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/offers.example.test",
            "fieldManager=leeward",
            definition,
        )
        .await;
    assert_eq!(server.apply(path, "fieldManager=leeward", offer).await.0, 201);
    assert_eq!(
        server.get("/apis/example.test/v1").await.1["resources"][0]["kind"],
        "Offer"
    );
    let elsewhere = path.replace("/default/", "/nowhere/");
    let (status, body) = server.apply(&elsewhere, "fieldManager=leeward", offer).await;
    assert_eq!(
        (status, &body["message"]),
        (404, &json!("namespaces \"nowhere\" not found"))
    );
    assert_eq!(server.told("DELETE", path, "", "").await.0, 200);
    assert_eq!(server.get(path).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_in_a_region_that_is_down_and_nothing_survives_its_cluster() {
    let azure = platform(json!({}));
    let server = server(&azure).await;
    server
        .apply(SHOP, "fieldManager=leeward", &deployment(2, "shop:1"))
        .await;
    assert_eq!(azure.world().kubernetes.len(), 1);
    let hooks = azure.hooks();
    assert!(
        hooks.is_empty(),
        "what is put on a cluster is no message: {hooks:?}"
    );
    let down = leeward_simulator::rules(
        "- match: { from: 1h, to: 2h }\n  verdict: { region-down: { region: westeurope } }\n",
    );
    azure.add_faults(down.unwrap());
    tokio::time::sleep(Duration::from_secs(5400)).await;
    let outcome = server.send("GET", "/version", "", "").await;
    assert!(
        matches!(outcome, Outcome::Broken(Broken::Refused | Broken::Silent)),
        "{outcome:?}"
    );
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let path = format!("{}?api-version=2024-05-01", id());
    assert_eq!(
        send(&azure, request("DELETE", &path, None)).await.unwrap().status,
        202
    );
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(azure.world().kubernetes.is_empty());
}
