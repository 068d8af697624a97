//! Where does an object stand on its server? Kubernetes' own kinds are known; for others the server is asked.

use leeward_runbook::manifest::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kind's own collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Collection {
    /// Its name in paths: `deployments`.
    pub(super) plural: String,
    /// Whether its objects stand in namespaces.
    pub(super) namespaced: bool,
}

/// Kinds of Kubernetes' own whose objects stand in no namespace.
const ABOVE: &[&str] = &[
    "APIService",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CSIDriver",
    "CSINode",
    "CustomResourceDefinition",
    "FlowSchema",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];

/// Groups of Kubernetes' own: their kinds are what their names say, and need no condition to be ready.
const OWN: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Returns whether a group is one of Kubernetes' own.
pub(super) fn is_own(group: &str) -> bool {
    OWN.contains(&group)
}

/// Returns the collection of a kind of Kubernetes' own.
pub(super) fn known(group: &str, kind: &str) -> Option<Collection> {
    is_own(group).then(|| Collection {
        plural: plural(kind),
        namespaced: !ABOVE.contains(&kind),
    })
}

fn plural(kind: &str) -> String {
    let lower = kind.to_ascii_lowercase();
    if lower == "endpoints" {
        return lower;
    }
    if let Some(stem) = lower.strip_suffix('y') {
        return format!("{stem}ies");
    }
    match lower.ends_with('s') {
        true => format!("{lower}es"),
        false => format!("{lower}s"),
    }
}

/// Returns the path of everything of a version: `/apis/apps/v1`.
pub(super) fn version_path(api_version: &str) -> String {
    match api_version.contains('/') {
        true => format!("/apis/{api_version}"),
        false => format!("/api/{api_version}"),
    }
}

/// Finds a kind's collection in what a server says of a version.
pub(super) fn discovered(list: &Value, kind: &str) -> Option<Collection> {
    list["resources"].as_array()?.iter().find_map(|one| {
        let name = one["name"].as_str().filter(|name| is_segment(name))?;
        (one["kind"] == kind && !name.contains('/')).then(|| Collection {
            plural: name.to_owned(),
            namespaced: one["namespaced"] == true,
        })
    })
}

fn is_segment(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-./".contains(c))
}

/// Returns the namespace that an object stands in, where its kind has namespaces.
pub(super) fn namespace_of<'a>(object: &'a Object, collection: &Collection) -> Option<&'a str> {
    collection
        .namespaced
        .then(|| object.namespace.as_deref().unwrap_or("default"))
}

/// Returns an object's path.
pub(super) fn path_of(object: &Object, collection: &Collection) -> String {
    let version = version_path(&object.api_version);
    let plural = &collection.plural;
    // Names were read strictly: none holds what has a meaning in a path.
    match namespace_of(object, collection) {
        Some(namespace) => format!("{version}/namespaces/{namespace}/{plural}/{}", object.name),
        None => format!("{version}/{plural}/{}", object.name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_kubernetes_own_stands_where_its_server_has_it() {
        for (group, kind, plural, namespaced) in [
            ("", "ConfigMap", "configmaps", true),
            ("", "Endpoints", "endpoints", true),
            ("", "Namespace", "namespaces", false),
            ("networking.k8s.io", "Ingress", "ingresses", true),
            ("networking.k8s.io", "NetworkPolicy", "networkpolicies", true),
            ("networking.k8s.io", "IngressClass", "ingressclasses", false),
            ("storage.k8s.io", "StorageClass", "storageclasses", false),
            (
                "apiextensions.k8s.io",
                "CustomResourceDefinition",
                "customresourcedefinitions",
                false,
            ),
        ] {
            let found = known(group, kind).unwrap();
            assert_eq!(
                (found.plural.as_str(), found.namespaced),
                (plural, namespaced),
                "{kind}"
            );
        }
        assert_eq!(known("example.test", "Shop"), None);
    }

    #[test]
    fn a_kind_that_nobody_knows_is_found_in_what_the_server_says() {
        let list = json!({"resources": [
            {"name": "shops/status", "kind": "Shop", "namespaced": true},
            {"name": "shops", "kind": "Shop", "namespaced": true},
            {"name": "../secrets", "kind": "Evil", "namespaced": false},
            {"name": "evil/../x", "kind": "Evil", "namespaced": false},
        ]});
        assert_eq!(discovered(&list, "Shop").unwrap().plural, "shops");
        assert_eq!(discovered(&list, "Evil"), None);
        assert_eq!(discovered(&json!({}), "Shop"), None);
    }
}
