//! Failover groups of Azure SQL.

use super::common::{
    ALL, LATE_SQL, RESOURCE_GROUP, SOON, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds,
};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, Output, RepeatClass, Setting, Shape, Stands};

const REAL: Setting = otherwise(
    "real",
    Shape::Word(&["no", "planned"]),
    Stands::With,
    "\"no\"",
    "In a drill: `planned` switches there and back; the full backup after each may delay a real failover for hours",
);

const DATABASE_REAL: Setting = otherwise(
    "real",
    Shape::Word(&["no", "copy", "planned"]),
    Stands::With,
    "\"no\"",
    "In a drill: `copy` makes copies in the paired region and drops them again; `planned` switches there and back",
);

const LAG: Setting = may(
    "lag",
    Shape::Map(&[
        need(
            "database",
            Shape::Text,
            Stands::With,
            "Database to begin with; every other one of the group, or of the instance, is asked as well",
        ),
        may(
            "server",
            Shape::Text,
            Stands::With,
            "Host name of the primary; the server's own when left out, needed for instances",
        ),
        may(
            "user",
            Shape::Text,
            Stands::With,
            "Login; the identity of the run when left out",
        ),
        may(
            "password",
            Shape::Secret,
            Stands::With,
            "Its password, as a reference",
        ),
    ]),
    Stands::Either,
    "How the lag is read by T-SQL on the primary; without it a forced switch's loss is `unknown`",
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
        LAG,
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &["planned", "forced"],
    has_goal: true,
    outputs: OUTPUTS,
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.Sql/managedInstances/read",
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
        may(
            "databases",
            Shape::List(&Shape::Text),
            Stands::With,
            "Databases that `real: copy` copies; all of the group when left out",
        ),
        DATABASE_REAL,
        LAG,
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &["planned", "try-planned", "forced"],
    has_goal: true,
    outputs: OUTPUTS,
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.Sql/servers/read",
        "Microsoft.Sql/servers/replicationLinks/read",
        "Microsoft.Sql/servers/databases/read",
        "Microsoft.Sql/servers/databases/write",
        "Microsoft.Sql/servers/databases/delete",
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
            witnesses: "the group as the target server sees it; a second request is refused with …RequestOnPrimary or 409 busy",
            source: "FACTS §2",
        },
        OperationDeclaration {
            name: "switch",
            rung: Some("try-planned"),
            sends: "POST …/servers/{target}/failoverGroups/{group}/tryPlannedBeforeForcedFailover",
            goal: "the group's view at the target server has the role Primary",
            repeat: RepeatClass::SelfGuarded,
            settling: LATE_SQL,
            witnesses: "the group as the target server sees it; a second request is refused with …RequestOnPrimary or 409 busy",
            source: "FACTS §2",
        },
        OperationDeclaration {
            name: "switch",
            rung: Some("forced"),
            sends: "POST …/servers/{target}/failoverGroups/{group}/forceFailoverAllowDataLoss",
            goal: "the group's view at the target server has the role Primary",
            repeat: RepeatClass::SelfGuarded,
            settling: LATE_SQL,
            witnesses: "the group as the target server sees it; a second request is refused with …RequestOnPrimary or 409 busy",
            source: "FACTS §2",
        },
        OperationDeclaration {
            name: "copy",
            rung: None,
            sends: "PUT …/servers/{target}/databases/{database}-drill-{run}, createMode Copy",
            goal: "the copy is Online on the target server and bears the run's tag",
            repeat: RepeatClass::Repeatable,
            settling: SOON,
            witnesses: "the copy itself, whose tag names the run",
            source: "inference: a PUT of the same copy means the same (FACTS §1.5)",
        },
        OperationDeclaration {
            name: "drop",
            rung: None,
            sends: "DELETE …/servers/{target}/databases/{database}-drill-{run}",
            goal: "no database of that name is on the target server",
            repeat: RepeatClass::Repeatable,
            settling: SOON,
            witnesses: "the database's absence",
            source: "FACTS §1.5",
        },
    ],
    // 10 to 35 s seen on tiny databases, all three verbs.
    forecast: seconds(60),
    foreign: false,
    free_at: false,
};
