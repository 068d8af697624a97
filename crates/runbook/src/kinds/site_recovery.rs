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
    Shape::Either(&[
        POINT_WORDS,
        Shape::Map(&[need(
            "before",
            Shape::Text,
            Stands::With,
            "A moment such as 2026-11-24T08:00:00Z: the newest point that is not younger",
        )]),
    ]),
    Stands::With,
    "\"latest-processed\"",
    "`latest` loses least, `latest-processed` is fastest, `before` goes back behind a harm; a machine that has failed over and is not committed is changed to the point of `before`",
);
const POINT_WORDS: Shape = Shape::Word(&[
    "latest",
    "latest-processed",
    "latest-application-consistent",
    "latest-crash-consistent",
]);
const POINT_OF_PLAN: Setting = otherwise(
    "recovery-point",
    POINT_WORDS,
    Stands::With,
    "\"latest-processed\"",
    "`latest` loses least, `latest-processed` is fastest; a plan takes no point of a certain time",
);
const TOGETHER: Setting = may(
    "multi-vm-points",
    Shape::Word(&["together", "each"]),
    Stands::With,
    "Whether the machines of a multi-VM group take points of one moment or each its own; Azure's choice when left out",
);
const UNCOMMITTED: Setting = may(
    "uncommitted",
    Shape::Word(&["refuse", "cancel"]),
    Stands::With,
    "What a failback does with a failover that was not committed: `cancel` takes it back where Azure offers that, and what was written since is lost; refused when left out",
);
const AT_LEAST: Setting = may(
    "at-least",
    Shape::Number(1, 100_000),
    Stands::With,
    "Go on, degraded and recorded, when so many have moved; all when left out",
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
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems/applyRecoveryPoint/action",
    "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems/failoverCancel/action",
    "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans/read",
    "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans/unplannedFailover/action",
    "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans/failoverCommit/action",
    "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans/failoverCancel/action",
    "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans/testFailover/action",
    "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans/testFailoverCleanup/action",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
];

const CHANGE_POINT: OperationDeclaration = OperationDeclaration {
    name: "change-point",
    rung: Some("unplanned"),
    sends: "POST …/{item}/applyRecoveryPoint",
    goal: "the machine runs from that recovery point: failoverRecoveryPointId",
    // The machine is made anew: a second one drops what the first wrote since.
    repeat: RepeatClass::OneShot,
    settling: LATE,
    witnesses: "failoverRecoveryPointId where it is told; else the job alone",
    source: "FACTS §4; class by inference",
};
const CANCEL: OperationDeclaration = OperationDeclaration {
    name: "cancel-failover",
    rung: Some("unplanned"),
    sends: "POST …/{item or plan}/failoverCancel",
    goal: "the machine runs in its old region again, protected towards the other",
    repeat: RepeatClass::SelfGuarded,
    settling: LATE,
    witnesses: "allowedOperations no longer holds CancelFailover; activeLocation",
    source: "FACTS §4; no recording for machines of Azure",
};

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
    CHANGE_POINT,
    CANCEL,
];

/// What both kinds have in common.
const BASE: Kind = Kind {
    name: "azure.site-recovery.virtual-machines",
    summary: "Fails over the chosen machines of a Site Recovery vault, checks that they boot, commits later",
    settings: &[],
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
    foreign: false,
    free_at: false,
};

/// `azure.site-recovery.virtual-machines`.
pub(super) static MACHINES: Kind = Kind {
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
        AT_LEAST,
        POINT,
        TOGETHER,
        may(
            "recovery-plan",
            Shape::Name,
            Stands::With,
            "Recovery plan that moves the machines of a multi-VM group together; found by its members when left out",
        ),
        COMMIT,
        UNCOMMITTED,
        ADDRESS,
        NETWORK,
        CACHE,
        GROUP,
        SUBSCRIPTION,
        TENANT,
    ],
    ..BASE
};

/// `azure.site-recovery.recovery-plan`.
pub(super) static PLAN: Kind = Kind {
    name: "azure.site-recovery.recovery-plan",
    summary: "Fails over the machines of an existing Site Recovery plan, group by group",
    settings: &[
        VAULT,
        need("plan", Shape::Name, Stands::With, "Name of the recovery plan"),
        may(
            "machines",
            Shape::List(&Shape::Name),
            Stands::With,
            "The machines that it must move: named, they are held against other runs, and a plan that moves others is refused",
        ),
        SOURCE,
        AT_LEAST,
        POINT_OF_PLAN,
        TOGETHER,
        COMMIT,
        UNCOMMITTED,
        ADDRESS,
        NETWORK,
        CACHE,
        GROUP,
        SUBSCRIPTION,
        TENANT,
    ],
    // The plan's job boots its groups one after the other; no recording tells how long one of A2A takes.
    forecast: seconds(600),
    ..BASE
};
