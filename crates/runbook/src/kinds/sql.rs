//! Failover groups of Azure SQL.

use super::common::{ALL, LATE_SQL, RESOURCE_GROUP, SUBSCRIPTION, TENANT, gives, need, otherwise, seconds};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, Output, RepeatClass, Setting, Shape, Stands};

const REAL: Setting = otherwise(
    "real",
    Shape::Word(&["no", "planned"]),
    Stands::With,
    "\"no\"",
    "In a drill: `planned` switches there and back; the full backup after each may delay a real failover for hours",
);

const OUTPUTS: &[Output] = &[
    gives("listener", "Host name that follows the primary"),
    gives("primary", "Region that is primary now"),
];

/// `azure.sql.managed-instance-failover-group`.
pub(super) static INSTANCE_GROUP: Kind = Kind {
    name: "azure.sql.managed-instance-failover-group",
    summary: "Switches a failover group of SQL managed instances, asked of the side that takes over",
    settings: &[
        need("failover-group", Shape::Name, Stands::With, "Name of the group"),
        RESOURCE_GROUP,
        SUBSCRIPTION,
        TENANT,
        REAL,
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &["planned", "forced"],
    has_goal: true,
    outputs: OUTPUTS,
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.Sql/locations/instanceFailoverGroups/read",
        "Microsoft.Sql/locations/instanceFailoverGroups/failover/action",
        "Microsoft.Sql/locations/instanceFailoverGroups/forceFailoverAllowDataLoss/action",
    ],
    operations: &[
        OperationDeclaration {
            name: "switch",
            rung: Some("planned"),
            sends: "POST …/locations/{target}/instanceFailoverGroups/{group}/failover",
            goal: "the group's view at the target region has the role Primary",
            repeat: RepeatClass::SelfGuarded,
            settling: LATE_SQL,
            witnesses: "the group as the target side sees it; a second request is refused with …RequestOnPrimary or 409 busy",
            source: "FACTS §3",
        },
        OperationDeclaration {
            name: "switch",
            rung: Some("forced"),
            sends: "POST …/locations/{target}/instanceFailoverGroups/{group}/forceFailoverAllowDataLoss",
            goal: "the group's view at the target region has the role Primary",
            repeat: RepeatClass::SelfGuarded,
            settling: LATE_SQL,
            witnesses: "the group as the target side sees it; a second request is refused with …RequestOnPrimary or 409 busy",
            source: "FACTS §3",
        },
    ],
    // 20 to 30 s seen for empty instances; up to five minutes documented.
    forecast: seconds(120),
    driven: true,
    foreign: false,
    free_at: false,
};

/// `azure.sql.failover-group`.
pub(super) static DATABASE_GROUP: Kind = Kind {
    name: "azure.sql.failover-group",
    summary: "Switches a failover group of Azure SQL Database servers, asked of the server that takes over",
    settings: &[
        need("failover-group", Shape::Name, Stands::With, "Name of the group"),
        need("server", Shape::Name, Stands::At, "Logical server of this side"),
        RESOURCE_GROUP,
        SUBSCRIPTION,
        TENANT,
        REAL,
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &["planned", "try-planned", "forced"],
    has_goal: true,
    outputs: OUTPUTS,
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.Sql/servers/failoverGroups/read",
        "Microsoft.Sql/servers/failoverGroups/failover/action",
        "Microsoft.Sql/servers/failoverGroups/tryPlannedBeforeForcedFailover/action",
        "Microsoft.Sql/servers/failoverGroups/forceFailoverAllowDataLoss/action",
    ],
    operations: &[
        OperationDeclaration {
            name: "switch",
            rung: Some("planned"),
            sends: "POST …/servers/{target}/failoverGroups/{group}/failover",
            goal: "the group's view at the target server has the role Primary",
            repeat: RepeatClass::SelfGuarded,
            settling: LATE_SQL,
            witnesses: "the group as the target server sees it",
            source: "FACTS §2",
        },
        OperationDeclaration {
            name: "switch",
            rung: Some("try-planned"),
            sends: "POST …/servers/{target}/failoverGroups/{group}/tryPlannedBeforeForcedFailover",
            goal: "the group's view at the target server has the role Primary",
            repeat: RepeatClass::SelfGuarded,
            settling: LATE_SQL,
            witnesses: "the group as the target server sees it",
            source: "FACTS §2",
        },
        OperationDeclaration {
            name: "switch",
            rung: Some("forced"),
            sends: "POST …/servers/{target}/failoverGroups/{group}/forceFailoverAllowDataLoss",
            goal: "the group's view at the target server has the role Primary",
            repeat: RepeatClass::SelfGuarded,
            settling: LATE_SQL,
            witnesses: "the group as the target server sees it",
            source: "FACTS §2",
        },
    ],
    // 10 to 35 s seen on tiny databases, all three verbs.
    forecast: seconds(60),
    driven: false,
    foreign: false,
    free_at: false,
};
