//! What sends customers to one region or the other.

use super::common::{
    LATE, MOVES_AND_DRILL, RESOURCE_GROUP, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds,
};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Setting, Shape, Stands};

const FALLBACK: Setting = may(
    "fallback",
    Shape::Text,
    Stands::With,
    "Step of another traffic kind that is the way out when this control plane is frozen",
);

const FALLBACK_AFTER: Setting = may(
    "fallback-after",
    Shape::Duration,
    Stands::With,
    "How long this control plane may refuse or stay silent before the fallback is used; 2m when left out",
);

/// `azure.traffic-manager.profile`.
pub(super) static TRAFFIC_MANAGER: Kind = Kind {
    name: "azure.traffic-manager.profile",
    summary: "Enables the endpoint of the region that takes over and disables the other one",
    settings: &[
        need("profile", Shape::Name, Stands::With, "Name of the profile"),
        RESOURCE_GROUP,
        SUBSCRIPTION,
        TENANT,
        need("endpoint", Shape::Name, Stands::At, "Endpoint of this side"),
        otherwise(
            "endpoint-type",
            Shape::Word(&["any", "azure", "external", "nested"]),
            Stands::Either,
            "\"any\"",
            "Sort of the endpoint; looked up when left out",
        ),
        FALLBACK,
        FALLBACK_AFTER,
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: MOVES_AND_DRILL,
    ladder: &[],
    has_goal: true,
    outputs: &[
        gives("host", "Host name of the profile"),
        gives("ttl", "Seconds that resolvers keep an answer"),
    ],
    control_plane: ControlPlane::Global,
    permissions: &[
        "Microsoft.Network/trafficManagerProfiles/read",
        "Microsoft.Network/trafficManagerProfiles/azureEndpoints/write",
        "Microsoft.Network/trafficManagerProfiles/externalEndpoints/write",
        "Microsoft.Network/trafficManagerProfiles/nestedEndpoints/write",
    ],
    operations: &[
        OperationDeclaration {
            name: "enable",
            rung: None,
            sends: "PATCH …/trafficmanagerprofiles/{profile}/{type}/{target endpoint}, Enabled",
            goal: "the target endpoint is Enabled",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the profile",
            source: "FACTS §7",
        },
        OperationDeclaration {
            name: "disable",
            rung: None,
            sends: "PATCH …/trafficmanagerprofiles/{profile}/{type}/{source endpoint}, Disabled",
            goal: "the source endpoint is Disabled",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the profile",
            source: "FACTS §7",
        },
    ],
    // Synchronous; clients follow after the TTL, which the checks measure.
    forecast: seconds(60),
    foreign: false,
    free_at: false,
};

/// `azure.front-door.origin-group`.
pub(super) static FRONT_DOOR: Kind = Kind {
    name: "azure.front-door.origin-group",
    summary: "Enables the origin of the region that takes over and disables the other one",
    settings: &[
        need(
            "profile",
            Shape::Name,
            Stands::With,
            "Name of the Front Door profile",
        ),
        RESOURCE_GROUP,
        SUBSCRIPTION,
        TENANT,
        need("origin-group", Shape::Name, Stands::With, "Origin group"),
        need("origin", Shape::Name, Stands::At, "Origin of this side"),
        otherwise(
            "by",
            Shape::Word(&["state", "priority", "weight"]),
            Stands::With,
            "\"state\"",
            "What is changed: enabled or not, priority 1 and 5, or weight 1000 and 1",
        ),
        FALLBACK,
        FALLBACK_AFTER,
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: MOVES_AND_DRILL,
    ladder: &[],
    has_goal: true,
    outputs: &[gives("origin-host", "Host name of the origin that takes over")],
    control_plane: ControlPlane::Global,
    permissions: &[
        "Microsoft.Cdn/profiles/originGroups/origins/read",
        "Microsoft.Cdn/profiles/originGroups/origins/write",
    ],
    operations: &[
        OperationDeclaration {
            name: "enable",
            rung: None,
            sends: "PATCH …/originGroups/{group}/origins/{target origin}, enabledState (or priority, weight)",
            goal: "the target origin is Enabled (and first)",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the origin; deploymentStatus tells nothing",
            source: "FACTS §7",
        },
        OperationDeclaration {
            name: "disable",
            rung: None,
            sends: "PATCH …/originGroups/{group}/origins/{source origin}, enabledState (or priority, weight)",
            goal: "the source origin is Disabled (or last), after the target's is Enabled",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the origin; deploymentStatus tells nothing",
            source: "FACTS §7",
        },
    ],
    // 17 to 155 s seen; the edge follows in 3 to 20 minutes.
    forecast: seconds(300),
    foreign: false,
    free_at: false,
};

const RECORD: &[Setting] = &[
    need("zone", Shape::Name, Stands::With, "Name of the zone"),
    RESOURCE_GROUP,
    SUBSCRIPTION,
    TENANT,
    need(
        "record",
        Shape::Text,
        Stands::With,
        "Name of the record set, `@` for the zone itself",
    ),
    need(
        "type",
        Shape::Word(&["A", "AAAA", "CNAME"]),
        Stands::With,
        "Sort of record",
    ),
    need(
        "value",
        Shape::Either(&[Shape::List(&Shape::Text), Shape::Text]),
        Stands::At,
        "What it answers when this side serves",
    ),
    may("ttl", Shape::Duration, Stands::With, "How long resolvers keep it"),
    FALLBACK,
    FALLBACK_AFTER,
];

const RECORD_OPERATIONS: &[OperationDeclaration] = &[OperationDeclaration {
    name: "write",
    rung: None,
    sends: "PUT …/{zone}/{type}/{record}, If-Match",
    goal: "the record set holds the target's value",
    repeat: RepeatClass::SelfGuarded,
    settling: LATE,
    witnesses: "the record set and its etag",
    source: "FACTS §7",
}];

/// `azure.dns.record-set`.
pub(super) static DNS: Kind = Kind {
    name: "azure.dns.record-set",
    summary: "Points a public DNS record at the region that takes over",
    settings: RECORD,
    journeys: MOVES_AND_DRILL,
    default_journeys: MOVES_AND_DRILL,
    ladder: &[],
    has_goal: true,
    outputs: &[
        gives("name", "Whole name of the record"),
        gives("ttl", "Seconds for which resolvers keep the old answer"),
    ],
    control_plane: ControlPlane::Global,
    permissions: &[
        "Microsoft.Network/dnsZones/read",
        "Microsoft.Network/dnsZones/*/write",
    ],
    operations: RECORD_OPERATIONS,
    forecast: seconds(60),
    foreign: false,
    free_at: false,
};

/// `azure.private-dns.record-set`.
pub(super) static PRIVATE_DNS: Kind = Kind {
    name: "azure.private-dns.record-set",
    summary: "Points a private DNS record at the region that takes over",
    settings: RECORD,
    journeys: MOVES_AND_DRILL,
    default_journeys: MOVES_AND_DRILL,
    ladder: &[],
    has_goal: true,
    outputs: &[
        gives("name", "Whole name of the record"),
        gives("ttl", "Seconds for which resolvers keep the old answer"),
    ],
    control_plane: ControlPlane::Global,
    permissions: &[
        "Microsoft.Network/privateDnsZones/read",
        "Microsoft.Network/privateDnsZones/*/write",
    ],
    operations: RECORD_OPERATIONS,
    forecast: seconds(60),
    foreign: false,
    free_at: false,
};
