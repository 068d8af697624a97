//! Storage accounts: moved by Azure as a whole, or cut loose from their replication.

use super::common::{
    ALL, LATE, RESOURCE_GROUP, SUBSCRIPTION, TENANT, gives, may, need, not_yet, otherwise, seconds,
};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Shape, Stands};

/// `azure.storage.geo-failover`.
pub(super) static GEO: Kind = Kind {
    name: "azure.storage.geo-failover",
    summary: "Fails over a geo-redundant account; Azure does it through the account's original region",
    settings: &[
        need(
            "account",
            Shape::Name,
            Stands::With,
            "Name of the account; the same on both sides",
        ),
        RESOURCE_GROUP,
        SUBSCRIPTION,
        TENANT,
        may(
            "redundancy",
            Shape::Word(&[
                "Standard_GRS",
                "Standard_RAGRS",
                "Standard_GZRS",
                "Standard_RAGZRS",
            ]),
            Stands::With,
            "Redundancy that reprotect gives an account back that an unplanned move left alone; the readable one when left out",
        ),
        may(
            "canary",
            Shape::Name,
            Stands::With,
            "Container that a drill's canary blob is written to and read back from the secondary",
        ),
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &["planned", "unplanned"],
    has_goal: true,
    outputs: &[
        gives("primary-location", "Region that takes writes now"),
        gives("sku", "Redundancy after the move; an unplanned one leaves LRS"),
        gives("blob-endpoint", "Address of the blob service"),
    ],
    // The storage provider does not fail over: calls still go to the original primary region.
    control_plane: ControlPlane::Source,
    permissions: &[
        "Microsoft.Storage/storageAccounts/read",
        "Microsoft.Storage/storageAccounts/failover/action",
        "Microsoft.Storage/storageAccounts/write",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/read",
    ],
    operations: &[
        OperationDeclaration {
            name: "failover",
            rung: Some("planned"),
            sends: "POST …/storageAccounts/{account}/failover?failoverType=Planned",
            goal: "primaryLocation is the target region and no failover is in progress",
            repeat: RepeatClass::OneShot,
            settling: seconds(180),
            witnesses: "primaryLocation, lastGeoFailoverTime, failoverInProgress",
            source: "FACTS §5",
        },
        OperationDeclaration {
            name: "failover",
            rung: Some("unplanned"),
            sends: "POST …/storageAccounts/{account}/failover",
            goal: "primaryLocation is the target region and no failover is in progress",
            repeat: RepeatClass::OneShot,
            settling: seconds(180),
            witnesses: "primaryLocation, lastGeoFailoverTime, failoverInProgress",
            source: "FACTS §5",
        },
        OperationDeclaration {
            name: "restore-redundancy",
            rung: None,
            sends: "PATCH …/storageAccounts/{account}, sku",
            goal: "the account's sku is geo-redundant again",
            repeat: RepeatClass::Repeatable,
            settling: seconds(180),
            witnesses: "sku.name",
            source: "FACTS §5",
        },
    ],
    // No recording of a completion; about an hour documented.
    forecast: seconds(3600),
    driven: true,
    foreign: false,
    free_at: false,
};

/// `azure.storage.object-replication`.
pub(super) static OBJECTS: Kind = Kind {
    name: "azure.storage.object-replication",
    summary: "Cuts object replication at the side that takes over, so that its containers take writes",
    settings: &[
        need("account", Shape::Name, Stands::At, "Account of this side"),
        RESOURCE_GROUP,
        SUBSCRIPTION,
        TENANT,
        may(
            "containers",
            Shape::List(&Shape::Name),
            Stands::With,
            "Containers that must take writes; every container of the policy when left out",
        ),
        may(
            "policy",
            Shape::Text,
            Stands::With,
            "Id of the policy; the one whose source is the other account when left out",
        ),
        not_yet(may(
            "consumers",
            Shape::List(&Shape::Map(&[
                need(
                    "resource",
                    Shape::ResourceId,
                    Stands::With,
                    "Resource whose setting names the account",
                ),
                need("path", Shape::Text, Stands::With, "JSON pointer to the setting"),
                may(
                    "value",
                    Shape::Text,
                    Stands::With,
                    "What it is set to; the account's blob address when left out",
                ),
            ])),
            Stands::With,
            "What is switched to the account that takes over",
        )),
        otherwise(
            "canary",
            Shape::Flag,
            Stands::With,
            "true",
            "In a drill: write a blob, measure its arrival, remove it",
        ),
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &["cut"],
    has_goal: true,
    outputs: &[
        gives("account", "Account that takes writes now"),
        gives("blob-endpoint", "Address of its blob service"),
    ],
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.Storage/storageAccounts/read",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/read",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/write",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/delete",
    ],
    operations: &[
        OperationDeclaration {
            name: "cut",
            rung: Some("cut"),
            sends: "DELETE …/storageAccounts/{target}/objectReplicationPolicies/{policy}",
            goal: "the target account has no policy whose destination it is",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the policies of the target account",
            source: "FACTS §5",
        },
        OperationDeclaration {
            name: "replicate-back",
            rung: None,
            sends: "PUT …/objectReplicationPolicies/default at the destination, then the same id at the source",
            goal: "a policy replicates from the account that serves to the other",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the policies of both accounts",
            source: "FACTS §5",
        },
    ],
    // A synchronous DELETE.
    forecast: seconds(10),
    driven: true,
    foreign: false,
    free_at: false,
};
