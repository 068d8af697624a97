//! Is an object ready? Pure: read from what its server says of it now.

use leeward_engine::work::Outputs;
use serde_json::{Value, json};

use super::place;
use crate::arm::reply::cut;

/// How far an object is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ready {
    /// It is ready.
    Yes {
        /// What it shows.
        outputs: Outputs,
    },
    /// It is not yet.
    Not {
        /// What is missing.
        word: String,
    },
    /// It never will be by itself.
    Never {
        /// Why.
        reason: String,
    },
}

fn yes() -> Ready {
    Ready::Yes {
        outputs: Outputs::new(),
    }
}

fn not(word: impl Into<String>) -> Ready {
    Ready::Not { word: word.into() }
}

/// Judges an object as its server shows it.
pub(super) fn judge(object: &Value) -> Ready {
    let group = object["apiVersion"]
        .as_str()
        .and_then(|version| version.split_once('/'))
        .map_or("", |(group, _)| group);
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return not("it is being deleted");
    }
    match (group, object["kind"].as_str().unwrap_or_default()) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful(object),
        ("apps", "DaemonSet") => daemon(object),
        ("batch", "Job") => job(object),
        ("", "Pod") => pod(object),
        ("", "Namespace") => match object["status"]["phase"].as_str() {
            Some("Terminating") => not("it is being deleted"),
            _ => yes(),
        },
        ("", "Service") if object["spec"]["type"] == "LoadBalancer" => addressed(object),
        ("networking.k8s.io", "Ingress") => addressed(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => match condition(object, "NamesAccepted") {
            Some((false, reason)) => Ready::Never {
                reason: format!("its names are not accepted: {reason}"),
            },
            _ => conditional(object, "Established"),
        },
        ("apiregistration.k8s.io", "APIService") => conditional(object, "Available"),
        _ if place::is_own(group) => yes(),
        _ => of_others(object),
    }
}

fn number(object: &Value, pointer: &str) -> u64 {
    object
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

/// Returns a condition: whether it is true, and what it says.
fn condition(object: &Value, kind: &str) -> Option<(bool, String)> {
    let list = object["status"]["conditions"].as_array()?;
    let found = list.iter().find(|one| one["type"] == kind)?;
    let word = |name: &str| found[name].as_str().unwrap_or_default();
    let said = [word("reason"), word("message")].join(" ");
    Some((found["status"] == "True", cut(&said)))
}

fn conditional(object: &Value, kind: &str) -> Ready {
    match condition(object, kind) {
        Some((true, _)) => yes(),
        Some((false, said)) => not(format!("not {kind}: {said}")),
        None => not(format!("not {kind} yet")),
    }
}

/// The controller must have looked at what was applied, else its figures are those of before.
fn unseen(object: &Value) -> bool {
    number(object, "/status/observedGeneration") < number(object, "/metadata/generation")
}

fn wanted(object: &Value) -> u64 {
    object["spec"]["replicas"].as_u64().unwrap_or(1)
}

fn deployment(object: &Value) -> Ready {
    if unseen(object) {
        return not("its controller has not seen it yet");
    }
    let (wanted, all) = (wanted(object), number(object, "/status/replicas"));
    let updated = number(object, "/status/updatedReplicas");
    let available = number(object, "/status/availableReplicas");
    let stalled = match condition(object, "Progressing") {
        Some((false, said)) => format!("; {said}"),
        _ => String::new(),
    };
    if updated < wanted || all > updated {
        return not(format!(
            "{updated} of {wanted} replicas are new, {all} in all{stalled}"
        ));
    }
    match available < wanted {
        true => not(format!("{available} of {wanted} replicas are available{stalled}")),
        false => yes(),
    }
}

fn stateful(object: &Value) -> Ready {
    if unseen(object) {
        return not("its controller has not seen it yet");
    }
    let wanted = wanted(object);
    let ready = number(object, "/status/readyReplicas");
    if ready < wanted {
        return not(format!("{ready} of {wanted} replicas are ready"));
    }
    let by_hand = object["spec"]["updateStrategy"]["type"] == "OnDelete";
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition");
    let updated = number(object, "/status/updatedReplicas");
    let revision = |name: &str| object["status"][name].as_str().unwrap_or_default().to_owned();
    let settled = revision("currentRevision") == revision("updateRevision");
    let rolled = by_hand || settled || updated >= wanted.saturating_sub(partition);
    match rolled {
        true => yes(),
        false => not(format!("{updated} of {wanted} replicas are new")),
    }
}

fn daemon(object: &Value) -> Ready {
    if unseen(object) {
        return not("its controller has not seen it yet");
    }
    let wanted = number(object, "/status/desiredNumberScheduled");
    let updated = number(object, "/status/updatedNumberScheduled");
    let available = number(object, "/status/numberAvailable");
    let by_hand = object["spec"]["updateStrategy"]["type"] == "OnDelete";
    if !by_hand && updated < wanted {
        return not(format!("{updated} of {wanted} nodes have the new one"));
    }
    match available < wanted {
        true => not(format!("it is available on {available} of {wanted} nodes")),
        false => yes(),
    }
}

fn job(object: &Value) -> Ready {
    if let Some((true, said)) = condition(object, "Failed") {
        return Ready::Never {
            reason: format!("the job failed: {said}; delete it, then retry"),
        };
    }
    if object["spec"]["suspend"] == true {
        return yes();
    }
    match condition(object, "Complete") {
        Some((true, _)) => yes(),
        _ => not(format!(
            "{} active, {} succeeded, {} failed",
            number(object, "/status/active"),
            number(object, "/status/succeeded"),
            number(object, "/status/failed")
        )),
    }
}

fn pod(object: &Value) -> Ready {
    match object["status"]["phase"].as_str() {
        Some("Succeeded") => yes(),
        Some("Failed") => Ready::Never {
            reason: "the pod failed; delete it, then retry".to_owned(),
        },
        _ => match trouble_of_pod(object) {
            Some(trouble) => not(trouble),
            None => conditional(object, "Ready"),
        },
    }
}

fn addressed(object: &Value) -> Ready {
    let first = object.pointer("/status/loadBalancer/ingress/0");
    let address = first.and_then(|first| first["ip"].as_str().or_else(|| first["hostname"].as_str()));
    match address {
        Some(address) => Ready::Yes {
            outputs: Outputs::from([("ingress-address".to_owned(), json!(address))]),
        },
        None => not("it has no address yet"),
    }
}

/// Kinds that nobody here knows: the usual conditions, where there are any.
fn of_others(object: &Value) -> Ready {
    let status = &object["status"];
    if status["observedGeneration"].is_u64() && unseen(object) {
        return not("its controller has not seen it yet");
    }
    for kind in ["Ready", "Available"] {
        if condition(object, kind).is_some() {
            return conditional(object, kind);
        }
    }
    yes()
}

/// Returns what keeps a pod from being ready, in the words of its cluster.
pub(super) fn trouble_of_pod(pod: &Value) -> Option<String> {
    let name = cut(pod["metadata"]["name"].as_str().unwrap_or("a pod"));
    for list in ["initContainerStatuses", "containerStatuses"] {
        for container in pod["status"][list].as_array().into_iter().flatten() {
            let waiting = &container["state"]["waiting"];
            let reason = waiting["reason"].as_str().unwrap_or_default();
            // What every container says while it comes up is no trouble.
            if !reason.is_empty() && !matches!(reason, "ContainerCreating" | "PodInitializing") {
                let message = waiting["message"].as_str().unwrap_or_default();
                return Some(cut(&format!("{name}: {reason} {message}")));
            }
        }
    }
    match condition(pod, "PodScheduled") {
        Some((false, said)) => Some(cut(&format!("{name}: {said}"))),
        _ => None,
    }
}

/// Returns the label selector of what an object runs, as a query takes it; nothing where it is not plain.
pub(super) fn selector(object: &Value) -> Option<String> {
    let selector = &object["spec"]["selector"];
    if selector["matchExpressions"]
        .as_array()
        .is_some_and(|list| !list.is_empty())
    {
        return None;
    }
    let labels = selector["matchLabels"].as_object()?;
    let pairs: Option<Vec<String>> = labels
        .iter()
        .map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    pairs
        .filter(|pairs| !pairs.is_empty())
        .map(|pairs| pairs.join(","))
}

#[cfg(test)]
mod tests;
