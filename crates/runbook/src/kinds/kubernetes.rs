//! What runs on a cluster.

use super::common::{
    AWAY, LATE, MOVES_AND_DRILL, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds,
};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Setting, Shape, Stands};

/// The files of manifests.
pub(super) const MANIFESTS: Setting = need(
    "manifests",
    Shape::File,
    Stands::With,
    "Folder or file of manifests, pinned by the plan",
);
/// The namespace of what names none.
pub(super) const NAMESPACE: Setting = may(
    "namespace",
    Shape::Name,
    Stands::With,
    "Namespace of those that name none",
);
/// How long each object may take.
pub(super) const READY_WITHIN: Setting = otherwise(
    "ready-within",
    Shape::Duration,
    Stands::With,
    "\"10m\"",
    "How long each may take to be ready, from its apply on",
);
/// What to do about fields that are somebody else's.
pub(super) const CONFLICTS: Setting = otherwise(
    "conflicts",
    Shape::Word(&["refuse", "take"]),
    Stands::With,
    "\"refuse\"",
    "What to do where another field manager owns a field and says otherwise: fail and name it, or take it over",
);
/// The apply of one object.
pub(super) const APPLY: OperationDeclaration = OperationDeclaration {
    name: "apply",
    rung: None,
    sends: "PATCH of one object, server-side apply as field manager `leeward`",
    goal: "the object is as the manifest says, by the digest that it carries, and ready",
    repeat: RepeatClass::Repeatable,
    settling: LATE,
    witnesses: "the object itself: the annotations `leeward-applied` and `leeward-run`",
    source: "inference",
};

/// `kubernetes.apply`.
pub(super) static APPLYING: Kind = Kind {
    name: "kubernetes.apply",
    summary: "Applies manifests to a cluster on the server's side and waits until they are ready",
    settings: &[
        may(
            "cluster",
            Shape::Text,
            Stands::Either,
            "Name of a cluster of Azure, or an output that holds it",
        ),
        may(
            "resource-group",
            Shape::Name,
            Stands::Either,
            "Its resource group",
        ),
        SUBSCRIPTION,
        TENANT,
        otherwise(
            "credential",
            Shape::Word(&["user", "admin"]),
            Stands::With,
            "\"user\"",
            "Which of the cluster's credentials is asked of Azure; none as admin where local accounts are disabled",
        ),
        may(
            "kubeconfig",
            Shape::Secret,
            Stands::Either,
            "Any other cluster: where its kubeconfig is; it names no program and no further file",
        ),
        may(
            "context",
            Shape::Text,
            Stands::Either,
            "Context of that kubeconfig; its current one when left out",
        ),
        MANIFESTS,
        NAMESPACE,
        READY_WITHIN,
        CONFLICTS,
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: AWAY,
    ladder: &[],
    has_goal: true,
    outputs: &[gives("ingress-address", "Address at which they are served")],
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        "in the cluster: get, patch and create what the manifests hold; list pods",
    ],
    operations: &[APPLY],
    forecast: seconds(180),
    foreign: true,
    free_at: true,
};
