//! Which kinds are served, and which object does a path mean?

use serde_json::{Value, json};

use super::apply::Refused;
use crate::world::{Kubernetes, Resource};

/// A served kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) namespaced: bool,
}

/// Kubernetes' own: group, version, kinds in namespaces, kinds above them.
const OWN: &[(&str, &str, &str, &str)] = &[
    (
        "",
        "v1",
        "ConfigMap Endpoints LimitRange PersistentVolumeClaim Pod ResourceQuota Secret Service ServiceAccount",
        "Namespace Node PersistentVolume",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    ),
    ("apiextensions.k8s.io", "v1", "", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "v1", "", "APIService"),
    ("apps", "v1", "DaemonSet Deployment ReplicaSet StatefulSet", ""),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", ""),
    ("batch", "v1", "CronJob Job", ""),
    ("networking.k8s.io", "v1", "Ingress NetworkPolicy", "IngressClass"),
    ("policy", "v1", "PodDisruptionBudget", ""),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "Role RoleBinding",
        "ClusterRole ClusterRoleBinding",
    ),
    ("scheduling.k8s.io", "v1", "", "PriorityClass"),
    ("storage.k8s.io", "v1", "", "StorageClass"),
];

/// Namespaces that every cluster has.
const FROM_THE_START: &[&str] = &["default", "kube-node-lease", "kube-public", "kube-system"];

fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match kind {
        "Endpoints" => lower,
        "NetworkPolicy" => "networkpolicies".to_owned(),
        _ if lower.ends_with('s') => format!("{lower}es"),
        _ => format!("{lower}s"),
    }
}

/// Returns every served kind: Kubernetes' own, and those of the definitions that were applied.
fn served(on: &Kubernetes) -> Vec<Served> {
    let mut all = Vec::new();
    for (group, version, within, above) in OWN {
        for (kinds, namespaced) in [(within, true), (above, false)] {
            all.extend(kinds.split_whitespace().map(|kind| Served {
                group: (*group).to_owned(),
                version: (*version).to_owned(),
                kind: kind.to_owned(),
                plural: plural(kind),
                namespaced,
            }));
        }
    }
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/";
    for (_, held) in on
        .objects
        .iter()
        .filter(|(path, _)| path.starts_with(definitions))
    {
        let spec = &held.object["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for version in spec["versions"].as_array().into_iter().flatten() {
            all.push(Served {
                group: text(&spec["group"]),
                version: text(&version["name"]),
                kind: text(&spec["names"]["kind"]),
                plural: text(&spec["names"]["plural"]),
                namespaced: spec["scope"] == "Namespaced",
            });
        }
    }
    all
}

/// What a path means.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) served: Served,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    /// The path of the object, or of the collection.
    pub(super) path: String,
}

impl Route {
    pub(super) fn api_version(&self) -> String {
        match self.served.group.as_str() {
            "" => self.served.version.clone(),
            group => format!("{group}/{}", self.served.version),
        }
    }

    /// Returns the route of one object of this collection.
    pub(super) fn of(&self, name: &str) -> Route {
        Route {
            name: Some(name.to_owned()),
            path: format!("{}/{name}", self.path),
            ..self.clone()
        }
    }

    /// Returns whether an object belongs to this collection.
    pub(super) fn holds(&self, path: &str) -> bool {
        let root = root(&self.served.group, &self.served.version);
        let Some(rest) = path.strip_prefix(&format!("{root}/")) else {
            return false;
        };
        let parts: Vec<&str> = rest.split('/').collect();
        match (parts.as_slice(), &self.namespace) {
            (["namespaces", within, plural, _], Some(namespace)) => {
                within == namespace && *plural == self.served.plural
            }
            (["namespaces", _, plural, _], None) => *plural == self.served.plural,
            ([plural, _], None) => *plural == self.served.plural,
            _ => false,
        }
    }

    pub(super) fn missing(&self) -> Refused {
        let kind = match self.served.group.as_str() {
            "" => self.served.plural.clone(),
            group => format!("{}.{group}", self.served.plural),
        };
        let name = self.name.as_deref().unwrap_or_default();
        Refused::new(404, "NotFound", &format!("{kind} \"{name}\" not found"))
    }
}

fn root(group: &str, version: &str) -> String {
    match group {
        "" => format!("/api/{version}"),
        group => format!("/apis/{group}/{version}"),
    }
}

/// Finds out what a path means; nothing where nothing is served there.
pub(super) fn route(path: &str, on: &Kubernetes) -> Option<Route> {
    served(on).into_iter().find_map(|served| {
        let rest = path.strip_prefix(&format!("{}/", root(&served.group, &served.version)))?;
        let parts: Vec<&str> = rest.split('/').collect();
        let (namespace, name) = match parts.as_slice() {
            ["namespaces", namespace, plural] if served.namespaced && *plural == served.plural => {
                (Some(*namespace), None)
            }
            ["namespaces", namespace, plural, name] if served.namespaced && *plural == served.plural => {
                (Some(*namespace), Some(*name))
            }
            // Every namespace at once.
            [plural] if *plural == served.plural => (None, None),
            [plural, name] if !served.namespaced && *plural == served.plural => (None, Some(*name)),
            _ => return None,
        };
        Some(Route {
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            path: path.to_owned(),
            served,
        })
    })
}

/// Returns whether a namespace is there.
pub(super) fn has_namespace(on: &Kubernetes, name: &str) -> bool {
    FROM_THE_START.contains(&name) || on.objects.contains_key(&format!("/api/v1/namespaces/{name}"))
}

/// Returns whether a path means something that every cluster has from its start.
pub(super) fn is_of_the_start(route: &Route) -> bool {
    let name = route.name.as_deref().unwrap_or_default();
    match route.served.kind.as_str() {
        "Namespace" => FROM_THE_START.contains(&name),
        "ServiceAccount" => name == "default",
        _ => false,
    }
}

/// Shows it.
pub(super) fn of_the_start(route: &Route) -> Value {
    json!({
        "apiVersion": route.api_version(),
        "kind": route.served.kind,
        "metadata": {"name": route.name, "namespace": route.namespace, "uid": "from-the-start", "resourceVersion": "1"},
        "status": {"phase": "Active"},
    })
}

/// Answers what tells a client which version and which kinds there are.
pub(super) fn discovery(path: &str, cluster: &Resource, on: &Kubernetes) -> Option<Value> {
    let all = || served(on);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    Some(match parts.as_slice() {
        ["version"] => {
            let version = cluster.body["properties"]["currentKubernetesVersion"]
                .as_str()
                .or_else(|| cluster.body["properties"]["kubernetesVersion"].as_str())
                .unwrap_or("1.30.0");
            let mut numbers = version.split('.');
            let mut next = || numbers.next().unwrap_or("0");
            json!({"major": next(), "minor": next(), "gitVersion": format!("v{version}"), "platform": "linux/amd64"})
        }
        ["livez" | "readyz" | "healthz"] => Value::String("ok".to_owned()),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"]}),
        ["apis"] => {
            let mut groups: Vec<Value> = Vec::new();
            for served in all().iter().filter(|served| !served.group.is_empty()) {
                let name = format!("{}/{}", served.group, served.version);
                let version = json!({"groupVersion": name, "version": served.version});
                if groups.iter().all(|group| group["name"] != served.group.as_str()) {
                    groups.push(json!({
                        "name": served.group, "versions": [version], "preferredVersion": version,
                    }));
                }
            }
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["api", version] | ["apis", _, version] => {
            let group = if parts.len() == 2 { "" } else { parts[1] };
            let resources: Vec<Value> = all()
                .iter()
                .filter(|served| served.group == group && served.version == *version)
                .map(|served| {
                    json!({
                        "name": served.plural,
                        "singularName": served.kind.to_lowercase(),
                        "namespaced": served.namespaced,
                        "kind": served.kind,
                        "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
                    })
                })
                .collect();
            if resources.is_empty() {
                return None;
            }
            let name = root(group, version);
            let name = name.trim_start_matches("/apis/").trim_start_matches("/api/");
            json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources,
            })
        }
        _ => return None,
    })
}
