use serde_json::json;

use super::*;

fn word(object: Value) -> String {
    match judge(&object) {
        Ready::Yes { outputs } if outputs.is_empty() => "ready".to_owned(),
        Ready::Yes { outputs } => outputs["ingress-address"].as_str().unwrap().to_owned(),
        Ready::Not { word } => word,
        Ready::Never { reason } => format!("never: {reason}"),
    }
}

fn deployment_of(generation: u64, status: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "shop", "generation": generation},
        "spec": {"replicas": 3},
        "status": status,
    })
}

#[test]
fn a_deployment_is_ready_only_when_its_controller_has_seen_it_and_every_replica_is_new_and_available() {
    let old = json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3});
    assert_eq!(
        word(deployment_of(2, old.clone())),
        "its controller has not seen it yet"
    );
    assert_eq!(word(deployment_of(1, old)), "ready");
    let rolling =
        json!({"observedGeneration": 1, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 4});
    assert_eq!(
        word(deployment_of(1, rolling)),
        "3 of 3 replicas are new, 4 in all"
    );
    let stalled = json!({
        "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 1,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}],
    });
    assert_eq!(
        word(deployment_of(1, stalled)),
        "1 of 3 replicas are available; ProgressDeadlineExceeded late"
    );
    assert_eq!(
        word(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1}})),
        "its controller has not seen it yet"
    );
}

#[test]
fn sets_and_jobs_are_ready_as_their_kinds_have_it() {
    let set = |status: Value| {
        word(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"generation": 1},
            "spec": {"replicas": 2}, "status": status,
        }))
    };
    assert_eq!(
        set(json!({"observedGeneration": 1, "readyReplicas": 1})),
        "1 of 2 replicas are ready"
    );
    assert_eq!(
        set(
            json!({"observedGeneration": 1, "readyReplicas": 2, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"})
        ),
        "1 of 2 replicas are new"
    );
    assert_eq!(
        set(
            json!({"observedGeneration": 1, "readyReplicas": 2, "currentRevision": "b", "updateRevision": "b"})
        ),
        "ready"
    );
    let daemon = |status: Value| {
        word(
            json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"generation": 1}, "status": status}),
        )
    };
    assert_eq!(
        daemon(
            json!({"observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2})
        ),
        "it is available on 2 of 3 nodes"
    );
    let job = |status: Value| word(json!({"apiVersion": "batch/v1", "kind": "Job", "status": status}));
    assert_eq!(job(json!({"active": 1})), "1 active, 0 succeeded, 0 failed");
    assert_eq!(
        job(json!({"conditions": [{"type": "Complete", "status": "True"}]})),
        "ready"
    );
    assert!(
        job(json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}))
            .starts_with("never: the job failed: BackoffLimitExceeded")
    );
}

#[test]
fn what_is_served_is_ready_with_its_address_and_a_definition_once_it_is_established() {
    let service = |kind: &str, status: Value| {
        word(json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": kind}, "status": status}))
    };
    assert_eq!(service("ClusterIP", json!({})), "ready");
    assert_eq!(
        service("LoadBalancer", json!({"loadBalancer": {}})),
        "it has no address yet"
    );
    let given = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
    assert_eq!(service("LoadBalancer", given), "192.0.2.7");
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "status": {"loadBalancer": {"ingress": [{"hostname": "shop.example.test"}]}},
    });
    assert_eq!(word(ingress), "shop.example.test");
    let definition = |conditions: Value| {
        word(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "status": {"conditions": conditions},
        }))
    };
    assert_eq!(definition(json!([])), "not Established yet");
    assert_eq!(
        definition(json!([{"type": "Established", "status": "True"}])),
        "ready"
    );
}

#[test]
fn a_kind_that_nobody_knows_is_believed_by_its_conditions_and_what_has_none_is_there() {
    let shop = |status: Value| {
        word(
            json!({"apiVersion": "example.test/v1", "kind": "Shop", "metadata": {"generation": 2}, "status": status}),
        )
    };
    assert_eq!(shop(Value::Null), "ready");
    assert_eq!(
        shop(json!({"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Waiting"}]})),
        "not Ready: Waiting"
    );
    assert_eq!(
        shop(json!({"conditions": [{"type": "Available", "status": "True"}]})),
        "ready"
    );
    let stale = json!({"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]});
    assert_eq!(shop(stale), "its controller has not seen it yet");
    let leaving = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"deletionTimestamp": "2026-11-24T00:00:00Z"}});
    assert_eq!(word(leaving), "it is being deleted");
}

#[test]
fn a_pod_says_what_keeps_it() {
    let pod = |status: Value| trouble_of_pod(&json!({"metadata": {"name": "shop-1"}, "status": status}));
    let waiting = |reason: &str| json!({"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": "no such image"}}}]});
    assert_eq!(
        pod(waiting("ImagePullBackOff")).unwrap(),
        "shop-1: ImagePullBackOff no such image"
    );
    assert_eq!(pod(waiting("ContainerCreating")), None);
    let unplaced = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]});
    assert_eq!(pod(unplaced).unwrap(), "shop-1: Unschedulable 0/3 nodes");
    let labels = json!({"spec": {"selector": {"matchLabels": {"app": "shop", "tier": "web"}}}});
    assert_eq!(selector(&labels).unwrap(), "app=shop,tier=web");
    assert_eq!(selector(&json!({"spec": {"selector": {"app": "shop"}}})), None);
}
