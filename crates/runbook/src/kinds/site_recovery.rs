//! Machines under Azure Site Recovery.

use super::common::{ALL, LATE, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, Output, RepeatClass, Setting, Shape, Stands};

const VAULT: Setting = need(
    "vault",
    Shape::Map(&[
        need(
            "name",
            Shape::Name,
            Stands::With,
            "Recovery Services vault; never in the source region",
        ),
        need(
            "resource-group",
            Shape::Name,
            Stands::With,
            "Its resource group; not in the source region either",
        ),
        may(
            "subscription",
            Shape::Name,
            Stands::With,
            "Its subscription; that of the step when left out",
        ),
    ]),
    Stands::With,
    "The vault that protects the machines",
);
const SOURCE: Setting = otherwise(
    "source",
    Shape::Word(&["try-shutdown", "leave"]),
    Stands::With,
    "\"try-shutdown\"",
    "Whether Azure tries to shut the source machines down; with `leave` a split brain is yours to prevent",
);
const POINT: Setting = otherwise(
    "recovery-point",
    Shape::Word(&[
        "latest",
        "latest-processed",
        "latest-application-consistent",
        "latest-crash-consistent",
    ]),
    Stands::With,
    "\"latest-processed\"",
    "`latest` loses least, `latest-processed` is fastest",
);
const COMMIT: Setting = otherwise(
    "commit",
    Shape::Word(&["after-recovery", "by-hand"]),
    Stands::With,
    "\"after-recovery\"",
    "A commit deletes the recovery points and is needed before replication can be turned round",
);
const NETWORK: Setting = may(
    "drill-network",
    Shape::Either(&[Shape::Name, Shape::ResourceId]),
    Stands::At,
    "Isolated virtual network for test failovers, reachable from nowhere; a name means one in `resource-group` or the vault's",
);
const CACHE: Setting = may(
    "cache-account",
    Shape::Either(&[Shape::Name, Shape::ResourceId]),
    Stands::At,
    "Storage account of this side that caches writes while replication is turned round; a name means one in `resource-group` or the vault's",
);
const ADDRESS: Setting = may(
    "address",
    Shape::Text,
    Stands::At,
    "Address of this side, for expressions to read",
);
const GROUP: Setting = may(
    "resource-group",
    Shape::Name,
    Stands::At,
    "Resource group of this side's machines and drill network; that of the vault when left out",
);

const OUTPUTS: &[Output] = &[
    gives("moved", "Number of machines that run at the target side"),
    gives("machines", "Names of those machines"),
];

const PERMISSIONS: &[&str] = &[
    "Microsoft.RecoveryServices/vaults/replicationProtectedItems/read",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems/unplannedFailover/action",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems/failoverCommit/action",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems/testFailover/action",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems/testFailoverCleanup/action",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/switchprotection/action",
    "Microsoft.RecoveryServices/vaults/replicationJobs/read",
    "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans/unplannedFailover/action",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
];

const OPERATIONS: &[OperationDeclaration] = &[
    OperationDeclaration {
        name: "failover",
        rung: Some("unplanned"),
        sends: "POST …/{item or plan}/unplannedFailover, PrimaryToRecovery",
        goal: "the machine has failed over to the target region: commit is pending or done",
        repeat: RepeatClass::SelfGuarded,
        settling: LATE,
        witnesses: "allowedOperations no longer holds UnplannedFailover; the vault's jobs since the intent",
        source: "FACTS §4",
    },
    OperationDeclaration {
        name: "commit",
        rung: None,
        sends: "POST …/{item or plan}/failoverCommit",
        goal: "the failover is committed: Commit is not among allowedOperations",
        repeat: RepeatClass::SelfGuarded,
        settling: LATE,
        witnesses: "protectionState and allowedOperations; the vault's jobs since the intent",
        source: "FACTS §4",
    },
    OperationDeclaration {
        name: "test",
        rung: None,
        sends: "POST …/{item or plan}/testFailover, VmNetworkAsInput",
        goal: "a test machine runs in the drill network: testFailoverState waits for clean-up",
        repeat: RepeatClass::SelfGuarded,
        settling: LATE,
        witnesses: "testFailoverState; allowedOperations holds TestFailoverCleanup only",
        source: "FACTS §4",
    },
    OperationDeclaration {
        name: "clean-up",
        rung: None,
        sends: "POST …/{item or plan}/testFailoverCleanup",
        goal: "no test machine is left: testFailoverState is None",
        repeat: RepeatClass::SelfGuarded,
        settling: LATE,
        witnesses: "testFailoverState; the vault's jobs since the intent",
        source: "FACTS §4",
    },
    OperationDeclaration {
        name: "reprotect",
        rung: None,
        sends: "POST …/{original container}/switchprotection",
        goal: "the item lies under the other container and is Protected",
        repeat: RepeatClass::SelfGuarded,
        settling: LATE,
        witnesses: "the item's path; the vault's jobs since the intent",
        source: "FACTS §4",
    },
];

/// `azure.site-recovery.virtual-machines`.
pub(super) static MACHINES: Kind = Kind {
    name: "azure.site-recovery.virtual-machines",
    summary: "Fails over the chosen machines of a Site Recovery vault, checks that they boot, commits later",
    settings: &[
        VAULT,
        need(
            "select",
            Shape::Map(&[
                may(
                    "names",
                    Shape::List(&Shape::Name),
                    Stands::With,
                    "Names of protected machines",
                ),
                may(
                    "tag",
                    Shape::Map(&[
                        need(
                            "name",
                            Shape::Text,
                            Stands::With,
                            "Name of a tag of the source machines",
                        ),
                        need("value", Shape::Text, Stands::With, "Its value"),
                    ]),
                    Stands::With,
                    "A tag, resolved while the source answers and pinned in the plan",
                ),
            ]),
            Stands::With,
            "Which machines; machines of one multi-VM group are chosen together",
        ),
        SOURCE,
        may(
            "at-least",
            Shape::Number(1, 100_000),
            Stands::With,
            "Go on, degraded and recorded, when so many have moved; all when left out",
        ),
        POINT,
        may(
            "recovery-plan",
            Shape::Name,
            Stands::With,
            "Recovery plan that moves the machines of a multi-VM group together; found by its members when left out",
        ),
        COMMIT,
        ADDRESS,
        NETWORK,
        CACHE,
        GROUP,
        SUBSCRIPTION,
        TENANT,
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &["unplanned"],
    has_goal: true,
    outputs: OUTPUTS,
    control_plane: ControlPlane::Target,
    permissions: PERMISSIONS,
    operations: OPERATIONS,
    // 153 to 184 s seen for one machine.
    forecast: seconds(180),
    driven: true,
    foreign: false,
    free_at: false,
};

/// `azure.site-recovery.recovery-plan`.
pub(super) static PLAN: Kind = Kind {
    name: "azure.site-recovery.recovery-plan",
    summary: "Fails over the machines of an existing Site Recovery plan, group by group",
    settings: &[
        VAULT,
        need("plan", Shape::Name, Stands::With, "Name of the recovery plan"),
        SOURCE,
        POINT,
        COMMIT,
        ADDRESS,
        NETWORK,
        CACHE,
        GROUP,
        SUBSCRIPTION,
        TENANT,
    ],
    journeys: ALL,
    default_journeys: ALL,
    ladder: &["unplanned"],
    has_goal: true,
    outputs: OUTPUTS,
    control_plane: ControlPlane::Target,
    permissions: PERMISSIONS,
    operations: OPERATIONS,
    forecast: seconds(600),
    driven: false,
    foreign: false,
    free_at: false,
};
