//! In which order are objects applied? What others need comes first, what could refuse others last.

use leeward_runbook::manifest::Object;

/// When an object's turn is. The first three go one after the other, each ready before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Namespaces.
    Namespace,
    /// Definitions of resources.
    Definition,
    /// What others refer to.
    Ground,
    /// Everything else, side by side.
    Main,
    /// What has a say in every other apply.
    Gatekeeper,
}

/// Returns an object's turn.
pub(super) fn turn(object: &Object) -> Turn {
    match (object.group(), object.kind.as_str()) {
        ("", "Namespace") => Turn::Namespace,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Turn::Definition,
        ("admissionregistration.k8s.io", _) | ("apiregistration.k8s.io", "APIService") => Turn::Gatekeeper,
        (
            "",
            "ConfigMap"
            | "LimitRange"
            | "PersistentVolume"
            | "PersistentVolumeClaim"
            | "ResourceQuota"
            | "Secret"
            | "ServiceAccount",
        )
        | ("networking.k8s.io", "IngressClass" | "NetworkPolicy")
        | ("node.k8s.io" | "scheduling.k8s.io" | "storage.k8s.io" | "rbac.authorization.k8s.io", _) => {
            Turn::Ground
        }
        _ => Turn::Main,
    }
}

/// Returns the objects in their order, those of the same turn as they were written.
pub(super) fn sorted(objects: &[Object]) -> Vec<(Turn, &Object)> {
    let mut all: Vec<(Turn, &Object)> = objects.iter().map(|object| (turn(object), object)).collect();
    all.sort_by_key(|(turn, _)| *turn);
    all
}
