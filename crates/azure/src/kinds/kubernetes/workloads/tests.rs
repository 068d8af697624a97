use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use leeward_runbook::journey::Journey;
use serde_json::json;

use super::*;
use crate::{
    seams::{ClusterAccess, ClusterRequest, PublicError, PublicReply},
    testing::{self, FakeAzure, key, with_files},
};

/// Method, path, and the answers in their order.
type Route = (&'static str, String, VecDeque<(u16, Value)>);

/// A cluster in memory: answers by method and path; what nobody scripted is a 404.
#[derive(Default)]
struct FakeCluster {
    routes: Mutex<Vec<Route>>,
    seen: Mutex<Vec<(ClusterAccess, ClusterRequest)>>,
    lost: Mutex<bool>,
}

impl FakeCluster {
    fn on(&self, method: &'static str, path: &str, status: u16, body: Value) -> &FakeCluster {
        let mut routes = self.routes.lock().unwrap();
        match routes.iter_mut().find(|(m, p, _)| *m == method && p == path) {
            Some((_, _, answers)) => answers.push_back((status, body)),
            None => routes.push((method, path.to_owned(), VecDeque::from([(status, body)]))),
        }
        self
    }

    fn changes(&self) -> Vec<ClusterRequest> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|(_, request)| request.method != "GET")
            .map(|(_, request)| request.clone())
            .collect()
    }
}

#[async_trait]
impl ClusterWire for FakeCluster {
    async fn ask(
        &self,
        access: &ClusterAccess,
        request: &ClusterRequest,
    ) -> Result<PublicReply, PublicError> {
        self.seen.lock().unwrap().push((access.clone(), request.clone()));
        if request.method != "GET" && *self.lost.lock().unwrap() {
            return Err(PublicError::Lost {
                reason: "reset".to_owned(),
            });
        }
        let mut routes = self.routes.lock().unwrap();
        let path = request.path.split('?').next().unwrap_or_default();
        let route = routes
            .iter_mut()
            .find(|(method, known, _)| *method == request.method && known == path);
        let (status, body) = match route {
            Some((_, _, answers)) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some((_, _, answers)) => answers[0].clone(),
            None => (
                404,
                json!({"kind": "Status", "reason": "NotFound", "message": "not found"}),
            ),
        };
        Ok(PublicReply {
            status,
            headers: vec![(
                "warning".to_owned(),
                r#"299 - "unknown field "spec.replica"""#.to_owned(),
            )],
            body: body.to_string().into_bytes(),
        })
    }
}

const SHOP: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: {selector: {matchLabels: {app: shop}}}\n";
const PATH: &str = "/apis/apps/v1/namespaces/front/deployments/shop";

struct Desk {
    azure: Arc<FakeAzure>,
    cluster: Arc<FakeCluster>,
    workloads: Workloads,
    context: Context,
}

impl Desk {
    fn new(manifest: &str, kubeconfig: &Value) -> Desk {
        let azure = FakeAzure::new();
        let config = STANDARD.encode(kubeconfig.to_string());
        azure.on(
            "POST",
            "/managedClusters/aks-shop/listClusterUserCredential",
            200,
            json!({"kubeconfigs": [{"name": "clusterUser", "value": config}]}),
        );
        let cluster = Arc::new(FakeCluster::default());
        let seams = Seams {
            clusters: cluster.clone(),
            ..testing::seams(azure.arm())
        };
        let context = testing::context(
            "kubernetes.apply",
            Journey::Failover,
            json!({"manifests": "manifests", "namespace": "front", "ready-within": "2m"}),
            Value::Null,
            json!({"cluster": "aks-shop", "resource-group": "rg-shop"}),
        );
        Desk {
            azure,
            cluster,
            workloads: Workloads::new(&seams),
            context: with_files(context, &[("manifests/shop.yaml", manifest.as_bytes())]),
        }
    }

    fn operations(&self) -> Vec<Operation> {
        let set = Set::read(&self.context, &self.context.settings).unwrap();
        operations(&set, &super::super::which(&self.context).unwrap(), &[])
    }

    async fn begin(&self, operation: &Operation) -> Sent {
        let key = key("apply");
        let table = &self.context.settings;
        self.workloads.begin(&self.context, table, operation, &key).await
    }

    async fn observe(&self, operation: &Operation) -> Observation {
        let table = &self.context.settings;
        self.workloads.observe(&self.context, table, operation).await
    }

    async fn poll(&self, operation: &Operation, ticket: &Ticket) -> Progress {
        let table = &self.context.settings;
        self.workloads.poll(&self.context, table, operation, ticket).await
    }
}

fn kubeconfig() -> Value {
    json!({
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://aks-shop.example.test:443"}}],
        "users": [{"name": "u", "user": {"token": "t0ken"}}],
    })
}

/// The object as its server shows it after our apply.
fn live(operation: &Operation, replicas: u64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "shop", "namespace": "front", "generation": 1,
            "annotations": {APPLIED: operation.payload["digest"], RUN: "r-1"},
            "managedFields": [{"manager": MANAGER, "operation": "Apply", "time": "1970-01-01T00:00:00Z"}],
        },
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "shop"}}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": replicas},
    })
}

#[tokio::test(start_paused = true)]
async fn an_object_is_applied_once_with_our_notes_and_waited_for_until_it_is_ready() {
    let desk = Desk::new(SHOP, &kubeconfig());
    let operation = desk.operations().remove(0);
    assert_eq!(operation.id.as_str(), "apply/deployment/front/shop");
    assert!(matches!(
        desk.observe(&operation).await,
        Observation::NotBegun { .. }
    ));
    desk.cluster.on("PATCH", PATH, 201, live(&operation, 0));
    let Sent::Accepted { ticket } = desk.begin(&operation).await else {
        panic!()
    };
    let sent = desk.cluster.changes();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].path,
        format!("{PATH}?fieldManager=leeward&force=false&fieldValidation=Warn")
    );
    let body: Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(body["metadata"]["namespace"], "front");
    assert_eq!(body["metadata"]["annotations"][RUN], "r-1");
    assert!(sent[0].send_before.is_some());

    desk.cluster.on("GET", PATH, 200, live(&operation, 0));
    assert!(matches!(
        desk.observe(&operation).await,
        Observation::InMotion { ticket: Some(_), .. }
    ));
    let Progress::Running { word, .. } = desk.poll(&operation, &ticket).await else {
        panic!()
    };
    assert_eq!(word, "0 of 1 replicas are available");
    desk.cluster.on("GET", PATH, 200, live(&operation, 1));
    // The first answer of the route was given; the second stays.
    let _ = desk.poll(&operation, &ticket).await;
    let Progress::Succeeded { warnings, .. } = desk.poll(&operation, &ticket).await else {
        panic!()
    };
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(matches!(
        desk.observe(&operation).await,
        Observation::Holds { ours: true, .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ready_in_time_fails_by_name_with_the_reason_of_its_pods_and_may_be_tried_again() {
    let desk = Desk::new(SHOP, &kubeconfig());
    let operation = desk.operations().remove(0);
    desk.cluster.on("PATCH", PATH, 201, live(&operation, 0));
    desk.cluster.on("GET", PATH, 200, live(&operation, 0));
    desk.cluster.on(
        "GET",
        "/api/v1/namespaces/front/pods",
        200,
        json!({"items": [{"metadata": {"name": "shop-1"}, "status": {"containerStatuses": [
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
        ]}}]}),
    );
    let Sent::Accepted { ticket } = desk.begin(&operation).await else {
        panic!()
    };
    tokio::time::advance(Duration::from_secs(60)).await;
    let Progress::Running { word, .. } = desk.poll(&operation, &ticket).await else {
        panic!()
    };
    assert!(word.ends_with("shop-1: ImagePullBackOff no such image"), "{word}");
    tokio::time::advance(Duration::from_secs(61)).await;
    let Progress::Failed {
        code,
        message,
        retryable: false,
    } = desk.poll(&operation, &ticket).await
    else {
        panic!()
    };
    assert_eq!(code, "NotReady");
    assert_eq!(
        message,
        "Deployment front/shop is not ready: 0 of 1 replicas are available; shop-1: ImagePullBackOff no such image"
    );
    // Whoever tries again sends the same apply, which means the same, and waits anew.
    assert!(matches!(
        desk.observe(&operation).await,
        Observation::NotBegun { .. }
    ));
}

#[tokio::test]
async fn a_lost_answer_is_answered_by_the_object_itself() {
    let desk = Desk::new(SHOP, &kubeconfig());
    let operation = desk.operations().remove(0);
    *desk.cluster.lost.lock().unwrap() = true;
    assert!(matches!(desk.begin(&operation).await, Sent::Unanswered { .. }));
    assert_eq!(desk.cluster.changes().len(), 1);
    let mut foreign = live(&operation, 1);
    foreign["metadata"]["annotations"][RUN] = json!("r-2");
    let mut other = live(&operation, 1);
    other["metadata"]["annotations"][APPLIED] = json!("0");
    let mut nobodys = live(&operation, 1);
    nobodys["metadata"]["annotations"] = Value::Null;
    for (body, expected) in [
        (live(&operation, 1), "holds"),
        (foreign, "holds"),
        (other, "not-begun"),
        (nobodys, "not-begun"),
    ] {
        let again = Desk::new(SHOP, &kubeconfig());
        again.cluster.on("GET", PATH, 200, body.clone());
        let seen = again.observe(&operation).await;
        assert_eq!(json!(seen)["seen"], expected, "{body}");
    }
    for status in [401, 403, 500, 503] {
        let silent = Desk::new(SHOP, &kubeconfig());
        silent.cluster.on("GET", PATH, status, json!({"message": "no"}));
        assert!(matches!(
            silent.observe(&operation).await,
            Observation::CannotTell { .. }
        ));
    }
}

#[tokio::test]
async fn a_server_that_refuses_says_why_and_whose_the_fields_are() {
    let sent = async |status: u16, body: Value| {
        let desk = Desk::new(SHOP, &kubeconfig());
        let operation = desk.operations().remove(0);
        desk.cluster.on("PATCH", PATH, status, body);
        desk.begin(&operation).await
    };
    let conflict = json!({"kind": "Status", "reason": "Conflict", "message": "Apply failed", "details": {"causes": [
        {"reason": "FieldManagerConflict", "field": ".spec.replicas", "message": "conflict with \"kubectl\" using apps/v1"},
    ]}});
    let Sent::Refused(refusal) = sent(409, conflict).await else {
        panic!()
    };
    assert!(!refusal.passing);
    assert!(
        refusal
            .message
            .contains(".spec.replicas conflict with \"kubectl\""),
        "{}",
        refusal.message
    );
    for (status, message, passing) in [
        (409, "the object has been modified", Some(true)),
        (422, "spec.replicas: Invalid value", Some(false)),
        (403, "forbidden", Some(false)),
        (403, "because it is being terminated", Some(true)),
        (
            404,
            "the server could not find the requested resource",
            Some(true),
        ),
        (404, "namespaces \"front\" not found", Some(false)),
        (401, "Unauthorized", Some(true)),
        (429, "too many", Some(true)),
        (408, "timeout", None),
        (500, "failed calling webhook", None),
        (
            500,
            "failed to create typed patch object: .cpu: expected string",
            Some(false),
        ),
        (504, "timeout", None),
        (302, "elsewhere", None),
    ] {
        let found = match sent(
            status,
            json!({"kind": "Status", "reason": "R", "message": message}),
        )
        .await
        {
            Sent::Refused(refusal) => Some(refusal.passing),
            Sent::Unanswered { .. } => None,
            other => panic!("{status}: {other:?}"),
        };
        assert_eq!(found, passing, "{status} {message}");
    }
}

#[tokio::test]
async fn a_secret_is_read_when_it_is_sent_and_stands_in_nothing_that_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "correct-horse-battery\n").unwrap();
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: shop}}\nstringData: {{key: \"file:{}\"}}\n",
        path.display()
    );
    let desk = Desk::new(&manifest, &kubeconfig());
    let operation = desk.operations().remove(0);
    let place = "/api/v1/namespaces/front/secrets/shop";
    desk.cluster.on(
        "PATCH",
        place,
        422,
        json!({"kind": "Status", "reason": "Invalid", "message": "data: correct-horse-battery is no good"}),
    );
    let sent = desk.begin(&operation).await;
    let request = desk.cluster.changes().remove(0);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["data"]["key"], STANDARD.encode("correct-horse-battery"));
    assert!(body["stringData"].is_null());
    let kept = format!("{operation:?} {sent:?} {request:?} {}", json!([operation, sent]));
    assert!(!kept.contains("correct-horse"), "{kept}");
    assert!(kept.contains("‹secret›"), "{kept}");
    std::fs::remove_file(&path).unwrap();
    let again = desk.begin(&operation).await;
    assert!(
        matches!(&again, Sent::Refused(refusal) if refusal.status == 0),
        "{again:?}"
    );
    assert_eq!(desk.cluster.changes().len(), 1);
}

#[tokio::test]
async fn a_cluster_that_signs_in_at_azure_gets_a_token_of_ours_and_credentials_are_asked_for_once() {
    let mut config = kubeconfig();
    config["users"][0]["user"] = json!({"exec": {"command": "kubelogin", "args": [
        "get-token", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630",
    ]}});
    let desk = Desk::new(SHOP, &config);
    let operation = desk.operations().remove(0);
    desk.observe(&operation).await;
    desk.observe(&operation).await;
    let asked = desk.azure.changes();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].query.contains("format=exec"), "{}", asked[0].query);
    let seen = desk.cluster.seen.lock().unwrap();
    let token = seen[0].0.token.as_ref().unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(token), "leeward-simulator");
    assert_eq!(seen[0].0.server.host_str(), Some("aks-shop.example.test"));
}

#[tokio::test]
async fn credentials_that_do_not_open_the_cluster_any_more_are_asked_for_again() {
    let desk = Desk::new(SHOP, &kubeconfig());
    let operation = desk.operations().remove(0);
    desk.cluster
        .on("GET", PATH, 401, json!({"message": "Unauthorized"}))
        .on("GET", PATH, 200, live(&operation, 1));
    assert!(matches!(
        desk.observe(&operation).await,
        Observation::CannotTell { .. }
    ));
    assert!(matches!(
        desk.observe(&operation).await,
        Observation::Holds { .. }
    ));
    assert_eq!(desk.azure.changes().len(), 2);
}

#[tokio::test]
async fn a_refusal_of_the_credentials_is_the_steps_own_and_nothing_is_sent() {
    let desk = Desk::new(SHOP, &kubeconfig());
    let operation = desk.operations().remove(0);
    let azure = FakeAzure::new();
    azure.on(
        "POST",
        "/listClusterUserCredential",
        409,
        json!({"error": {"code": "ScopeLocked", "message": "a lock"}}),
    );
    let seams = Seams {
        clusters: desk.cluster.clone(),
        ..testing::seams(azure.arm())
    };
    let workloads = Workloads::new(&seams);
    let table = &desk.context.settings;
    let sent = workloads
        .begin(&desk.context, table, &operation, &key("apply"))
        .await;
    assert!(
        matches!(&sent, Sent::Refused(refusal) if refusal.code == "ScopeLocked" && !refusal.passing),
        "{sent:?}"
    );
    assert!(desk.cluster.changes().is_empty());
}

#[test]
fn what_others_need_comes_first_and_what_could_refuse_them_last() {
    let of = |version: &str, kind: &str, name: &str| {
        format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n---\n")
    };
    let manifest = [
        of(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "guard",
        ),
        of("apps/v1", "Deployment", "shop"),
        of("example.test/v1", "Shop", "own"),
        of("v1", "Service", "shop"),
        of("v1", "ConfigMap", "shop"),
        of(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "shops.example.test",
        ),
        of("v1", "Namespace", "front"),
    ]
    .concat();
    let desk = Desk::new(&manifest, &kubeconfig());
    let told: Vec<(String, String)> = desk
        .operations()
        .iter()
        .map(|one| {
            let after: Vec<&str> = one.after.iter().map(OperationId::as_str).collect();
            (one.id.to_string(), after.join(" "))
        })
        .collect();
    let all = [
        ("apply/namespace/front", ""),
        (
            "apply/customresourcedefinition/shops.example.test",
            "apply/namespace/front",
        ),
        (
            "apply/configmap/front/shop",
            "apply/customresourcedefinition/shops.example.test",
        ),
        ("apply/deployment/front/shop", "apply/configmap/front/shop"),
        ("apply/shop.example.test/front/own", "apply/configmap/front/shop"),
        ("apply/service/front/shop", "apply/configmap/front/shop"),
        (
            "apply/validatingwebhookconfiguration/guard",
            "apply/deployment/front/shop apply/shop.example.test/front/own apply/service/front/shop",
        ),
    ];
    let expected: Vec<(String, String)> = all
        .iter()
        .map(|(id, after)| ((*id).to_owned(), (*after).to_owned()))
        .collect();
    assert_eq!(told, expected);
}
