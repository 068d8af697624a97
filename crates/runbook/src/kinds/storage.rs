//! Storage accounts: moved by Azure as a whole, or cut loose from their replication.

use super::common::{ALL, LATE, RESOURCE_GROUP, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Setting, Shape, Stands};

/// What a consumer is set to: a text, or where a secret is.
const VALUE: Setting = may(
    "value",
    Shape::Either(&[Shape::Secret, Shape::Text]),
    Stands::With,
    "What it is set to, a secret by its reference; the account's blob address when left out",
);
const GROUP: Setting = may(
    "resource-group",
    Shape::Name,
    Stands::With,
    "Its resource group; that of the account that takes over when left out",
);
const ELSEWHERE: Setting = may(
    "subscription",
    Shape::Name,
    Stands::With,
    "Its subscription; that of the step when left out",
);

/// One who uses an account: one of the three.
const CONSUMER: &[Setting] = &[
    may(
        "app-setting",
        Shape::Map(&[
            need("app", Shape::Name, Stands::With, "Name of the app"),
            GROUP,
            ELSEWHERE,
            need("name", Shape::Text, Stands::With, "Name of the setting"),
            VALUE,
        ]),
        Stands::With,
        "A setting of an app of App Service; the others stay as they are, and the app restarts",
    ),
    may(
        "key-vault-secret",
        Shape::Map(&[
            need("vault", Shape::Name, Stands::With, "Name of the vault"),
            need("name", Shape::Name, Stands::With, "Name of the secret"),
            VALUE,
        ]),
        Stands::With,
        "A secret of a key vault: it gets a new version",
    ),
    may(
        "dns-record",
        Shape::Map(&[
            need("zone", Shape::Name, Stands::With, "The zone"),
            GROUP,
            ELSEWHERE,
            need(
                "name",
                Shape::Text,
                Stands::With,
                "Name within the zone; `@` for the zone itself",
            ),
            need(
                "type",
                Shape::Word(&["A", "AAAA", "CNAME"]),
                Stands::With,
                "Sort of record",
            ),
            may(
                "value",
                Shape::Either(&[Shape::Text, Shape::List(&Shape::Text)]),
                Stands::With,
                "What it holds; for a CNAME the host of the account's blobs when left out",
            ),
            may("ttl", Shape::Duration, Stands::With, "How long resolvers keep it"),
            otherwise(
                "private",
                Shape::Flag,
                Stands::With,
                "false",
                "Whether the zone is a private one",
            ),
        ]),
        Stands::With,
        "A record set of a DNS zone, as `azure.dns.record-set` writes it",
    ),
];

/// A drill's blob, and where it is to be read.
const fn canary_sent(goal: &'static str) -> OperationDeclaration {
    OperationDeclaration {
        name: "canary/send",
        rung: None,
        sends: "PUT https://{account}.blob…/{container}/leeward-canary-{run}.txt, If-None-Match",
        goal,
        repeat: RepeatClass::SelfGuarded,
        settling: LATE,
        witnesses: "the blob itself, which holds the run's name",
        source: "FACTS §5",
    }
}

/// The same blob, taken away.
const CANARY_REMOVED: OperationDeclaration = OperationDeclaration {
    name: "canary/remove",
    rung: None,
    sends: "DELETE https://{account}.blob…/{container}/leeward-canary-{run}.txt",
    goal: "the account that it was written to has no such blob",
    repeat: RepeatClass::Repeatable,
    settling: LATE,
    witnesses: "the blob's absence",
    source: "FACTS §1.5",
};

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
        gives(
            "canary-arrival",
            "How long a drill's canary took to be readable at the other copy, at most",
        ),
    ],
    // The storage provider does not fail over: calls still go to the original primary region.
    control_plane: ControlPlane::Source,
    permissions: &[
        "Microsoft.Storage/storageAccounts/read",
        "Microsoft.Storage/storageAccounts/failover/action",
        "Microsoft.Storage/storageAccounts/write",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/read",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
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
        canary_sent("the blob can be read from the account's secondary endpoint"),
        CANARY_REMOVED,
    ],
    // No recording of a completion; about an hour documented.
    forecast: seconds(3600),
    foreign: false,
    free_at: false,
};

/// `azure.storage.object-replication`.
pub(super) static OBJECTS: Kind = Kind {
    name: "azure.storage.object-replication",
    summary: "Cuts object replication at the side that takes over, so that its containers take writes, and switches who uses them",
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
        may(
            "consumers",
            Shape::List(&Shape::Map(CONSUMER)),
            Stands::Either,
            "Who is switched to the account that takes over, once it takes writes; each is an operation of its own",
        ),
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
        gives(
            "canary-arrival",
            "How long a drill's canary took to arrive, at most",
        ),
    ],
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.Storage/storageAccounts/read",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/read",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/write",
        "Microsoft.Storage/storageAccounts/objectReplicationPolicies/delete",
        "Microsoft.Storage/storageAccounts/blobServices/read",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
        "Microsoft.Web/sites/config/list/action",
        "Microsoft.Web/sites/config/write",
        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        "Microsoft.KeyVault/vaults/secrets/setSecret/action",
        "Microsoft.Network/dnsZones/read",
        "Microsoft.Network/dnsZones/write",
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
        OperationDeclaration {
            name: "switch/app-setting",
            rung: None,
            sends: "PUT …/Microsoft.Web/sites/{app}/config/appsettings, all of them as just listed and the one changed",
            goal: "the app's setting has the value",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the app's settings",
            source: "inference: a PUT of the same settings means the same (FACTS §1.5)",
        },
        OperationDeclaration {
            name: "switch/key-vault-secret",
            rung: None,
            sends: "PUT https://{vault}.vault…/secrets/{name}",
            goal: "the secret's current version has the value",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the secret's current version",
            source: "inference: a second version of the same value means the same",
        },
        OperationDeclaration {
            name: "switch/dns-record",
            rung: None,
            sends: "PUT …/{zone}/{type}/{name}, If-Match",
            goal: "the record set holds the values",
            repeat: RepeatClass::SelfGuarded,
            settling: LATE,
            witnesses: "the record set and its etag",
            source: "FACTS §7",
        },
        canary_sent("the blob can be read from the account that receives"),
        CANARY_REMOVED,
    ],
    // A synchronous DELETE.
    forecast: seconds(10),
    foreign: false,
    free_at: false,
};
