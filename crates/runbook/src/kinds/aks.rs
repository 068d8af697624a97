//! Kubernetes clusters, made anew in the region that takes over.

use super::common::{
    ALL, LATE, RESOURCE_GROUP, SOON, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds,
};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Shape, Stands};

/// `azure.aks.cluster`.
pub(super) static CLUSTER: Kind = Kind {
    name: "azure.aks.cluster",
    summary: "Recreates a cluster from its capture in the region that takes over, with its node pools",
    settings: &[
        otherwise(
            "from",
            Shape::Either(&[Shape::Word(&["capture"]), Shape::File]),
            Stands::With,
            "\"capture\"",
            "`capture`, the last capture of the cluster that serves, or a file that holds one",
        ),
        may(
            "specification",
            Shape::File,
            Stands::With,
            "The captured specification; `captures/STEP.json`, or the file that `from` names, when left out",
        ),
        need(
            "name",
            Shape::Name,
            Stands::At,
            "Name of the cluster at this side",
        ),
        RESOURCE_GROUP,
        may(
            "subnet",
            Shape::Either(&[Shape::Name, Shape::ResourceId]),
            Stands::At,
            "Subnet of the nodes at this side",
        ),
        may(
            "network",
            Shape::Name,
            Stands::At,
            "Virtual network of the subnet, where the subnet is a bare name",
        ),
        may(
            "identity",
            Shape::Either(&[Shape::Name, Shape::ResourceId]),
            Stands::At,
            "User-assigned identity made beforehand; roles of a new one take up to an hour",
        ),
        may(
            "dns-prefix",
            Shape::Name,
            Stands::At,
            "Prefix of the API server's name; the cluster's name when left out",
        ),
        may(
            "version",
            Shape::Text,
            Stands::Either,
            "Kubernetes version; that of the capture when left out",
        ),
        may(
            "node-sizes",
            Shape::Map(&[may(
                "fallback",
                Shape::List(&Shape::Name),
                Stands::With,
                "Sizes to try in this order where a pool cannot be allocated",
            )]),
            Stands::With,
            "What to do where a node size is not to be had",
        ),
        may(
            "workloads",
            Shape::Map(&[
                need(
                    "manifests",
                    Shape::File,
                    Stands::With,
                    "Folder or file of manifests, applied in order of their names",
                ),
                otherwise(
                    "ready-within",
                    Shape::Duration,
                    Stands::With,
                    "\"10m\"",
                    "How long they may take to be ready",
                ),
            ]),
            Stands::With,
            "What runs on it",
        ),
        SUBSCRIPTION,
        TENANT,
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &[],
    has_goal: true,
    outputs: &[
        gives("name", "Name of the cluster that serves"),
        gives("fqdn", "New name of the API server"),
        gives("issuer", "New OIDC issuer, for federated credentials"),
        gives("ingress-address", "Address at which its workloads are served"),
        gives("node-resource-group", "Resource group of its nodes"),
    ],
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.ContainerService/managedClusters/read",
        "Microsoft.ContainerService/managedClusters/write",
        "Microsoft.ContainerService/managedClusters/delete",
        "Microsoft.ContainerService/managedClusters/agentPools/write",
        "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    ],
    operations: &[
        OperationDeclaration {
            name: "create",
            rung: None,
            sends: "PUT …/managedClusters/{name}, the cluster with its pools",
            goal: "a cluster of that name with our tag and specification digest is Succeeded in the target region",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the cluster itself: tag, digest, provisioningState",
            source: "FACTS §6",
        },
        OperationDeclaration {
            name: "pool",
            rung: None,
            sends: "PUT …/managedClusters/{name}/agentPools/{pool}",
            goal: "the pool exists in its specified form and is Succeeded",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the pool itself",
            source: "FACTS §6",
        },
        OperationDeclaration {
            name: "delete",
            rung: None,
            sends: "DELETE …/managedClusters/{drill name}",
            goal: "no cluster of that drill name exists",
            repeat: RepeatClass::Repeatable,
            settling: SOON,
            witnesses: "the cluster itself",
            source: "FACTS §6",
        },
    ],
    // 250 to 310 s seen for a cluster, 200 s for a pool.
    forecast: seconds(480),
    driven: true,
    foreign: false,
    free_at: false,
};
