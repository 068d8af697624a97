//! How does an object look when it is read? What its controllers make of it comes with time.
//!
//! How long each kind takes is nobody's figure but this world's. An image whose name holds `missing` is never had.

use std::time::Duration;

use jiff::{Timestamp, TimestampRound, Unit};
use serde_json::{Value, json};

use super::{apply::managed_fields, kinds::Route};
use crate::world::{Held, Kubernetes, Resource};

/// A controller sees a change after this.
const SEEN: Duration = Duration::from_secs(2);

/// Returns how long a kind takes; none where it is ready at once.
fn lasts(object: &Value) -> Duration {
    Duration::from_secs(match object["kind"].as_str().unwrap_or_default() {
        "Deployment" => 40,
        "StatefulSet" => 60,
        "DaemonSet" => 30,
        "Job" => 20,
        "Pod" => 15,
        "Ingress" => 60,
        "Service" if object["spec"]["type"] == "LoadBalancer" => 45,
        "CustomResourceDefinition" | "APIService" => 2,
        _ => 0,
    })
}

fn runs(object: &Value) -> bool {
    matches!(
        object["kind"].as_str(),
        Some("Deployment" | "StatefulSet" | "DaemonSet" | "Job")
    )
}

/// Returns whether an object's image can be had.
fn is_startable(object: &Value) -> bool {
    let containers = match object["kind"] == "Pod" {
        true => &object["spec"]["containers"],
        false => &object["spec"]["template"]["spec"]["containers"],
    };
    containers.as_array().into_iter().flatten().all(|container| {
        !container["image"]
            .as_str()
            .is_some_and(|image| image.contains("missing"))
    })
}

/// Returns whether an object is ready at a moment.
pub(super) fn is_ready(held: &Held, now: Timestamp) -> bool {
    is_startable(&held.object) && now >= held.wanted + lasts(&held.object)
}

/// Shows a moment as Kubernetes does.
pub(super) fn time(moment: Timestamp) -> String {
    let whole = moment.round(
        TimestampRound::new()
            .smallest(Unit::Second)
            .mode(jiff::RoundMode::Trunc),
    );
    whole.unwrap_or(moment).to_string()
}

/// Returns a version for people who compare: it grows with every change, and while time passes.
pub(super) fn version(changes: u64, now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    (seconds * 1000 + changes % 1000).to_string()
}

/// Shows an object whole.
pub(super) fn whole(held: &Held, cluster: &Resource, on: &Kubernetes, now: Timestamp) -> Value {
    let mut object = held.object.clone();
    let ready = is_ready(held, now);
    let moment = if ready {
        held.wanted + lasts(&held.object)
    } else {
        held.wanted
    };
    let name = format!("{}{}", object["kind"], object["metadata"]);
    let metadata = &mut object["metadata"];
    if metadata["namespace"].is_null()
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.shift_remove("namespace");
    }
    let seed = format!("{name}{}", held.made);
    metadata["uid"] = json!(uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, seed.as_bytes()).to_string());
    metadata["creationTimestamp"] = json!(time(held.made));
    metadata["generation"] = json!(held.generation.max(1));
    metadata["resourceVersion"] = json!(version(held.version, moment));
    metadata["managedFields"] = managed_fields(held);
    if let Some(status) = status(held, cluster, on, ready, now) {
        object["status"] = status;
    }
    object
}

fn status(held: &Held, cluster: &Resource, on: &Kubernetes, ready: bool, now: Timestamp) -> Option<Value> {
    let object = &held.object;
    let seen = now >= held.wanted + SEEN;
    let generation = match seen {
        true => held.generation,
        false => held.generation.saturating_sub(1),
    };
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1);
    let condition = |kind: &str, holds: bool, reason: &str| {
        json!({
            "type": kind,
            "status": if holds { "True" } else { "False" },
            "reason": reason,
            "message": "",
            "lastTransitionTime": time(held.wanted),
        })
    };
    Some(match object["kind"].as_str().unwrap_or_default() {
        "Namespace" => json!({"phase": "Active"}),
        "Deployment" if !seen => json!({"observedGeneration": generation}),
        "Deployment" => {
            let available = if ready { wanted } else { 0 };
            json!({
                "observedGeneration": generation,
                "replicas": wanted,
                "updatedReplicas": wanted,
                "readyReplicas": available,
                "availableReplicas": available,
                "unavailableReplicas": wanted - available,
                "conditions": [
                    condition("Available", ready, if ready { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" }),
                    condition("Progressing", true, if ready { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" }),
                ],
            })
        }
        "StatefulSet" => json!({
            "observedGeneration": generation,
            "replicas": wanted,
            "readyReplicas": if ready { wanted } else { 0 },
            "updatedReplicas": if ready { wanted } else { 0 },
            "currentRevision": "one",
            "updateRevision": if ready { "one" } else { "two" },
        }),
        "DaemonSet" => json!({
            "observedGeneration": generation,
            "desiredNumberScheduled": 3,
            "updatedNumberScheduled": if seen { 3 } else { 0 },
            "numberAvailable": if ready { 3 } else { 0 },
        }),
        "Job" if ready => json!({"succeeded": 1, "conditions": [condition("Complete", true, "")]}),
        "Job" => json!({"active": 1}),
        "Pod" => json!({
            "phase": if ready { "Running" } else { "Pending" },
            "conditions": [condition("Ready", ready, if ready { "" } else { "ContainersNotReady" })],
        }),
        "CustomResourceDefinition" => json!({"conditions": [
            condition("NamesAccepted", true, "NoConflicts"),
            condition("Established", ready, if ready { "InitialNamesAccepted" } else { "Installing" }),
        ]}),
        "APIService" => json!({"conditions": [condition("Available", ready, "Passed")]}),
        "Service" if object["spec"]["type"] != "LoadBalancer" => json!({"loadBalancer": {}}),
        "Service" | "Ingress" => match ready {
            true => json!({"loadBalancer": {"ingress": [{"ip": address(held, cluster, on)}]}}),
            false => json!({"loadBalancer": {}}),
        },
        _ => return None,
    })
}

/// Returns the address of something that is served: the cluster's own for the first, others for the rest.
fn address(held: &Held, cluster: &Resource, on: &Kubernetes) -> String {
    let mut outward = on
        .objects
        .values()
        .filter(|one| one.object["kind"] == "Ingress" || one.object["spec"]["type"] == "LoadBalancer")
        .filter(|one| one.object["kind"] == held.object["kind"]);
    let place = outward.position(|one| one.object["metadata"] == held.object["metadata"]);
    match (place.unwrap_or_default(), cluster.state["ingress"].as_str()) {
        (0, Some(own)) => own.to_owned(),
        (place, _) => format!("198.51.100.{}", 10 + place % 200),
    }
}

/// Returns whether labels are those of a selector: `a=b,c=d`.
pub(super) fn matches(labels: &Value, selector: Option<&str>) -> bool {
    let pairs = selector
        .unwrap_or_default()
        .split(',')
        .filter(|pair| !pair.is_empty());
    pairs
        .filter_map(|pair| pair.split_once('='))
        .all(|(key, value)| labels[key.trim_end_matches('=')] == value.trim_start_matches('='))
}

/// Makes the pods of what runs in a namespace.
pub(super) fn pods(on: &Kubernetes, route: &Route, selector: Option<&str>, now: Timestamp) -> Vec<Value> {
    if route.served.kind != "Pod" {
        return Vec::new();
    }
    let within = |held: &&Held| {
        let namespace = held.object["metadata"]["namespace"].as_str();
        runs(&held.object) && (route.namespace.is_none() || namespace == route.namespace.as_deref())
    };
    on.objects
        .values()
        .filter(within)
        .flat_map(|held| {
            let object = &held.object;
            let owner = object["metadata"]["name"].as_str().unwrap_or_default();
            let count = match object["kind"].as_str() {
                Some("DaemonSet") => 3,
                Some("Job") => 1,
                _ => object["spec"]["replicas"].as_u64().unwrap_or(1),
            };
            let ready = is_ready(held, now);
            let waiting = match is_startable(object) {
                true => json!({"reason": "ContainerCreating"}),
                false => json!({"reason": "ImagePullBackOff", "message": "Back-off pulling image"}),
            };
            let state = match ready {
                true => json!({"running": {}}),
                false => json!({"waiting": waiting}),
            };
            (0..count).map(move |number| {
                json!({
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {
                        "name": format!("{owner}-{number}"),
                        "namespace": object["metadata"]["namespace"],
                        "labels": object["spec"]["template"]["metadata"]["labels"],
                    },
                    "spec": object["spec"]["template"]["spec"],
                    "status": {
                        "phase": if ready { "Running" } else { "Pending" },
                        "conditions": [
                            {"type": "PodScheduled", "status": "True"},
                            {"type": "Ready", "status": if ready { "True" } else { "False" }},
                        ],
                        "containerStatuses": [{"name": "main", "ready": ready, "state": state}],
                    },
                })
            })
        })
        .filter(|pod| matches(&pod["metadata"]["labels"], selector))
        .filter(|pod| {
            route
                .name
                .as_deref()
                .is_none_or(|name| pod["metadata"]["name"] == name)
        })
        .collect()
}
