//! How long do Azure's operations take?
//!
//! One table, each figure with where it is from. Recorded figures are of tiny resources in healthy regions:
//! lower bounds, not promises.

use std::time::Duration;

const fn seconds(figure: u64) -> Duration {
    Duration::from_secs(figure)
}

/// Instance group, planned. Recorded: 30 s.
pub(crate) const INSTANCE_GROUP_PLANNED: Duration = seconds(30);
/// Instance group, forced. Recorded: 20 s.
pub(crate) const INSTANCE_GROUP_FORCED: Duration = seconds(20);
/// Instance group, created. Recorded: 259 s.
pub(crate) const INSTANCE_GROUP_CREATED: Duration = seconds(259);
/// Instance group, updated. Recorded: 10 and 20 s.
pub(crate) const INSTANCE_GROUP_UPDATED: Duration = seconds(15);
/// Instance group, dropped. Recorded: 20 s.
pub(crate) const INSTANCE_GROUP_DROPPED: Duration = seconds(20);
/// Server group, planned. Recorded: 32 and 33 s.
pub(crate) const SERVER_GROUP_PLANNED: Duration = seconds(32);
/// Server group, forced. Recorded: 11 s.
pub(crate) const SERVER_GROUP_FORCED: Duration = seconds(11);
/// Server group, planned or else forced. Recorded: 21 and 33 s.
pub(crate) const SERVER_GROUP_TRIED: Duration = seconds(27);
/// Server group, created. Recorded: 22 and 196 s.
pub(crate) const SERVER_GROUP_CREATED: Duration = seconds(110);
/// Server group, updated. Recorded: 11 to 160 s.
pub(crate) const SERVER_GROUP_UPDATED: Duration = seconds(60);
/// Server group, dropped. Recorded: 11 and 12 s.
pub(crate) const SERVER_GROUP_DROPPED: Duration = seconds(12);
/// A replication link switched, planned. Recorded: 42 s.
pub(crate) const LINK_PLANNED: Duration = seconds(42);
/// A replication link switched, forced. Recorded: 10 s.
pub(crate) const LINK_FORCED: Duration = seconds(10);
/// A replication link dropped. Recorded: 1 s.
pub(crate) const LINK_DROPPED: Duration = seconds(1);
/// A database made. Recorded: 64 and 76 s.
pub(crate) const DATABASE_MADE: Duration = seconds(70);
/// A database copied to another server. Recorded of copies that replicate: 107 to 168 s for tiny ones.
pub(crate) const DATABASE_COPIED: Duration = seconds(120);
/// A replicating copy made. Recorded: 107 to 168 s for tiny databases.
pub(crate) const DATABASE_SEEDED: Duration = seconds(130);
/// A database dropped. Recorded: 16 s.
pub(crate) const DATABASE_DROPPED: Duration = seconds(16);
/// How much of an instance is copied in an hour when a group is made. Documented: at most 360 GB.
pub(crate) const INSTANCE_SEEDED_GB_AN_HOUR: u64 = 360;
/// An instance failed over to another of its own nodes. Inference: like a switch of its group.
pub(crate) const INSTANCE_FAILED_OVER: Duration = seconds(30);
/// How long a group reads `SUSPENDED` after a forced switch. Recorded: up to about a minute.
pub(crate) const GROUP_SUSPENDED: Duration = seconds(50);
/// After how long SQL says that the partner's management service cannot be reached. Inference.
pub(crate) const GROUP_PARTNER_SILENT: Duration = seconds(20);
/// After how long a planned switch gives up on a primary whose databases are dead. Inference.
pub(crate) const GROUP_PLANNED_GIVES_UP: Duration = seconds(300);
/// How long a Traffic Manager endpoint reads `CheckingEndpoint`: one probe of the default interval. Documented.
pub(crate) const ENDPOINT_CHECKED: Duration = seconds(30);
/// Account failover, either kind. Documented: typically at most an hour; no recording of a completion.
pub(crate) const ACCOUNT_FAILOVER: Duration = seconds(3_000);
/// An account made. Recorded: asked for twice, 17 s apart.
pub(crate) const ACCOUNT_MADE: Duration = seconds(25);
/// How long a new secondary copy reads as not yet live. Recorded after a creation: about two minutes. The first
/// copy of a full account takes as long as it takes; Azure gives no figure.
pub(crate) const ACCOUNT_BOOTSTRAP: Duration = seconds(120);
/// How far `lastSyncTime` is behind. Recorded: a little over four minutes. Documented: usually below 15 minutes.
pub(crate) const ACCOUNT_BEHIND: Duration = seconds(250);
/// A machine failed over. Recorded: 153 to 184 s.
pub(crate) const MACHINE_FAILED_OVER: Duration = seconds(165);
/// A test failover. Inference: like a failover.
pub(crate) const MACHINE_TESTED: Duration = seconds(165);
/// A test failover cleaned up. Inference.
pub(crate) const MACHINE_CLEANED_UP: Duration = seconds(90);
/// A failover committed. Recorded: 31 and 61 s.
pub(crate) const MACHINE_COMMITTED: Duration = seconds(46);
/// Protection switched round. Recorded: 429 and 526 s.
pub(crate) const MACHINE_SWITCHED: Duration = seconds(478);
/// The first copy after that. Recorded: between 20 and 30 min.
pub(crate) const MACHINE_COPIED: Duration = seconds(25 * 60);
/// From there to the first recovery point. Recorded: together 40 to 50 min.
pub(crate) const MACHINE_COMPLETED: Duration = seconds(18 * 60);
/// Protection disabled. Recorded: 123 to 214 s.
pub(crate) const MACHINE_DISABLED: Duration = seconds(168);
/// How long a failover tries to stop machines that do not answer. Inference.
pub(crate) const MACHINE_SHUTDOWN_GIVES_UP: Duration = seconds(120);
/// A machine started or stopped. Inference.
pub(crate) const MACHINE_STARTED: Duration = seconds(40);
/// A script on a machine, a short one. Recorded: 17 s, asked for twice, 30 s apart.
pub(crate) const SCRIPT_RAN: Duration = seconds(20);
/// A run command taken away, or begun where nobody waits for its end. Inference.
pub(crate) const SCRIPT_REMOVED: Duration = seconds(10);
/// Each further boot group of a recovery plan. Inference.
pub(crate) const PLAN_GROUP_BOOTED: Duration = seconds(60);
/// A recovery plan made or dropped. Recorded: 31 s.
pub(crate) const PLAN_MADE: Duration = seconds(31);
/// Vault health looked at anew. Recorded: below 30 s.
pub(crate) const VAULT_HEALTH: Duration = seconds(2);
/// Cluster, created. Recorded: from 250 s …
pub(crate) const CLUSTER_CREATED_LEAST: Duration = seconds(250);
/// … to 310 s.
pub(crate) const CLUSTER_CREATED_MOST: Duration = seconds(310);
/// Cluster, updated. Recorded: from 135 s …
pub(crate) const CLUSTER_UPDATED_LEAST: Duration = seconds(135);
/// … to 180 s.
pub(crate) const CLUSTER_UPDATED_MOST: Duration = seconds(180);
/// Cluster, deleted. Recorded: 250 s.
pub(crate) const CLUSTER_DELETED: Duration = seconds(250);
/// Cluster, stopped. Recorded: 122 s.
pub(crate) const CLUSTER_STOPPED: Duration = seconds(122);
/// Cluster, started. Recorded: 211 s.
pub(crate) const CLUSTER_STARTED: Duration = seconds(211);
/// An operation on a cluster, aborted. Inference.
pub(crate) const CLUSTER_ABORTED: Duration = seconds(30);
/// Node pool, added; changed and deleted ones take the same here, for want of a figure. Recorded: 200 s.
pub(crate) const POOL_ADDED: Duration = seconds(200);
