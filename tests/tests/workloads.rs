//! What becomes of manifests on their way to a cluster, in a whole run?

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use bytes::Bytes;
use leeward_acceptance::stage::{Book, Planned, Played, Stage};
use leeward_cli::rehearsal::Outage;
use leeward_engine::port::Command;
use leeward_runbook::{journey::Journey, plan::StepId};
use leeward_simulator::rules;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000000c1";

const RUNBOOK: &str = r#"leeward: 1
name: shop
summary: A shop on a cluster that stands on both sides.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-0000000000c1 }
steps:
  shop:
    use: kubernetes.apply
    with: { manifests: manifests/, namespace: front, ready-within: 5m MORE}
    at:
      primary: { cluster: aks-weu, resource-group: rg-aks-weu }
      paired: { cluster: aks-neu, resource-group: rg-aks-neu }
  answers:
    use: check.http
    with: { url: "http://${{ steps.shop.outputs['ingress-address'] }}/", expect: 200, within: 5m }
    ends: recovery
"#;

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  replicas: 3
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      containers:
        - { name: shop, image: "example.test/shop:1" }
"#;

const AROUND: &str = r#"apiVersion: v1
kind: Service
metadata: { name: shop }
spec: { type: LoadBalancer, selector: { app: shop }, ports: [{ name: http, port: 80 }] }
---
apiVersion: example.test/v1
kind: Offer
metadata: { name: first }
spec: { price: 7 }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: offers.example.test }
spec:
  group: example.test
  scope: Namespaced
  names: { kind: Offer, plural: offers, singular: offer, listKind: OfferList }
  versions:
    - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }
---
apiVersion: v1
kind: Namespace
metadata: { name: front }
"#;

fn book(more: &str, files: &[(&str, &str)]) -> Book {
    let world = format!("parameters: {{ subscription: {SUBSCRIPTION} }}\n");
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(path, text)| (*path, text.as_bytes()))
        .collect();
    Book::written_with(&RUNBOOK.replace(" MORE", more), &world, &files)
}

fn whole() -> Book {
    book(
        "",
        &[
            ("manifests/shop.yaml", DEPLOYMENT),
            ("manifests/around.yaml", AROUND),
        ],
    )
}

fn staged(book: &Book, seed: u64) -> (Stage, Planned) {
    book.stage(Journey::Failover, Outage::BothUp, seed)
}

/// Returns the paths of the applies that a cluster took.
fn taken(stage: &Stage) -> Vec<String> {
    let applies = stage
        .accepted()
        .into_iter()
        .filter(|entry| entry.method == "PATCH");
    applies
        .map(|entry| entry.path.split_once(".azmk8s.io").unwrap().1.to_owned())
        .collect()
}

fn told(played: &Played) -> String {
    played.tale()
}

#[tokio::test(start_paused = true)]
async fn manifests_are_applied_once_each_in_their_order_and_what_they_serve_is_an_output() {
    let book = whole();
    let (mut stage, planned) = staged(&book, 1);
    let played = stage.play(&planned).await;
    assert_eq!(played.exit(), 0, "{}", told(&played));
    let paths = taken(&stage);
    assert_eq!(
        paths[..2],
        [
            "/api/v1/namespaces/front",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/offers.example.test",
        ]
    );
    let mut rest = paths[2..].to_vec();
    rest.sort();
    assert_eq!(
        rest,
        [
            "/api/v1/namespaces/front/services/shop",
            "/apis/apps/v1/namespaces/front/deployments/shop",
            "/apis/example.test/v1/namespaces/front/offers/first",
        ]
    );
    let view = format!("{:?}", played.view);
    assert!(view.contains("ingress-address"), "{view}");
}

#[tokio::test(start_paused = true)]
async fn whatever_befalls_an_apply_it_takes_effect_and_the_run_ends_well() {
    for verdict in [
        "answer-lost: { by: silence }",
        "answer-lost: { by: reset }",
        "status: { status: 503 }",
        "status: { status: 500 }",
        "throttle: { retry-after: 5 }",
        "RESET",
        "late-delivery: {}",
    ] {
        let book = whole();
        let (mut stage, planned) = staged(&book, 2);
        let text = format!("- match: {{ method: PATCH }}\n  times: 2\n  verdict: {{ {verdict} }}\n");
        let text = text.replace("{ RESET }", "reset");
        let read = rules(&text).unwrap_or_else(|error| panic!("{text}{error}"));
        stage.simulator.add_faults(read);
        let played = stage.play(&planned).await;
        assert_eq!(taken(&stage).len(), 5, "{verdict}\n{}", told(&played));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_record_applies_nothing_that_is_there_already() {
    let book = whole();
    let (mut stage, planned) = staged(&book, 3);
    let calm = stage.play(&planned).await;
    let all = calm.records.len() as u64;
    for cut in 1..all {
        let (mut stage, planned) = staged(&book, 3);
        let played = stage.play_dying(&planned, &[cut]).await;
        let mut paths = taken(&stage);
        let count = paths.len();
        paths.sort();
        paths.dedup();
        assert_eq!(
            (paths.len(), count),
            (5, 5),
            "cut {cut}: {paths:?}\n{}",
            told(&played)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_up_in_its_time_fails_the_step_by_name_with_the_reason_of_its_pods() {
    let missing = DEPLOYMENT.replace("shop:1", "missing:1");
    let book = book(
        "",
        &[
            ("manifests/shop.yaml", &missing),
            ("manifests/around.yaml", AROUND),
        ],
    );
    let (mut stage, planned) = staged(&book, 4);
    let played = stage.play(&planned).await;
    let tale = told(&played);
    assert!(tale.contains("Deployment front/shop is not ready"), "{tale}");
    assert!(tale.contains("ImagePullBackOff Back-off pulling image"), "{tale}");
    // A person who tries again waits anew; the same apply means the same.
    let step = StepId::new("shop");
    let (refused, again) = stage.say(&played.run, Command::Retry { step }).await;
    assert_eq!(refused, None, "{}", told(&again));
    let deployments = taken(&stage);
    let sent = deployments
        .iter()
        .filter(|path| path.ends_with("deployments/shop"));
    assert_eq!(sent.count(), 2, "{}", told(&again));
}

/// Puts a deployment on the cluster as somebody else would.
async fn somebody_elses(stage: &Stage) {
    let world = stage.simulator.world();
    let cluster = world
        .resources
        .values()
        .find(|one| one.id.ends_with("managedClusters/aks-neu"));
    let host = cluster.unwrap().body["properties"]["fqdn"].as_str().unwrap();
    let uid = cluster.unwrap().body["properties"]["resourceUID"]
        .as_str()
        .unwrap();
    for (path, body) in [
        (
            "/api/v1/namespaces",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: front}\n".to_owned(),
        ),
        (
            "/apis/apps/v1/namespaces/front/deployments",
            DEPLOYMENT.replace("replicas: 3", "replicas: 9"),
        ),
    ] {
        let request = http::Request::post(format!("https://{host}:443{path}?fieldManager=kubectl"))
            .header("authorization", format!("Bearer pretend-clusterAdmin-{uid}"))
            .body(Bytes::from(body))
            .unwrap();
        let answer = stage.simulator.handle(request).await.answer().unwrap();
        assert_eq!(answer.status(), 201, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_set_is_named_and_left_and_taken_over_only_where_the_runbook_says_so() {
    let files = [
        ("manifests/shop.yaml", DEPLOYMENT),
        ("manifests/around.yaml", AROUND),
    ];
    let (mut stage, planned) = staged(&book("", &files), 5);
    somebody_elses(&stage).await;
    let played = stage.play(&planned).await;
    let tale = told(&played);
    assert!(
        tale.contains(".spec.replicas conflict with \\\"kubectl\\\"")
            || tale.contains(".spec.replicas conflict with \"kubectl\""),
        "{tale}"
    );
    let (mut stage, planned) = staged(&book(", conflicts: take ", &files), 5);
    somebody_elses(&stage).await;
    let played = stage.play(&planned).await;
    let tale = told(&played);
    assert!(!tale.contains("conflict with"), "{tale}");
    let world = stage.simulator.world();
    let held = world
        .kubernetes
        .values()
        .find_map(|on| on.objects.get("/apis/apps/v1/namespaces/front/deployments/shop"));
    assert_eq!(held.unwrap().object["spec"]["replicas"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_the_manifests_stands_on_the_cluster_and_nowhere_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "correct-horse-battery-staple\n").unwrap();
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{ name: shop }}\nstringData: {{ key: \"file:{}\" }}\n",
        key.display()
    );
    let files = [
        ("manifests/shop.yaml", DEPLOYMENT),
        ("manifests/around.yaml", AROUND),
        ("manifests/secret.yaml", secret.as_str()),
    ];
    let (mut stage, planned) = staged(&book("", &files), 6);
    let played = stage.play(&planned).await;
    let world = stage.simulator.world();
    let held = world
        .kubernetes
        .values()
        .find_map(|on| on.objects.get("/api/v1/namespaces/front/secrets/shop"));
    let data = held.unwrap().object["data"]["key"].as_str().unwrap().to_owned();
    let kept = format!(
        "{} {:?} {:?}",
        played
            .records
            .iter()
            .map(|record| record.line.as_str())
            .collect::<String>(),
        planned.plan,
        planned.files
    );
    for secret in ["correct-horse", data.as_str(), "pretend-cluster"] {
        assert!(!kept.contains(secret), "{secret} stands in the journal");
    }
    assert!(!told(&played).contains("correct-horse"));
}
