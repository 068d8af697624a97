//! What is kept of a protected machine, and what may be done with it?
//!
//! `allowedOperations` is the authority: a verb that is not in it is refused. The list comes from the state
//! here and from nowhere else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    provider::Context,
    world::{Resource, World},
};

/// The type of a protected item, folded.
pub(crate) const ITEM: &str = "microsoft.recoveryservices/vaults/replicationfabrics/replicationprotectioncontainers/replicationprotecteditems";

/// One end of a replication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct End {
    /// Its region.
    pub(crate) region: String,
    /// The id of the resource group of its machines.
    pub(crate) group: String,
    /// The id of its container.
    pub(crate) container: String,
}

impl End {
    /// Returns the id of its fabric.
    pub(crate) fn fabric(&self) -> &str {
        let cut = self
            .container
            .to_lowercase()
            .find("/replicationprotectioncontainers/");
        cut.map_or("", |cut| &self.container[..cut])
    }

    /// Returns the id of a machine of this end.
    pub(crate) fn machine(&self, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Compute/virtualMachines/{name}",
            self.group
        )
    }
}

/// How far a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// It is or becomes protected; [`Stage`] says how far.
    Replicating {
        /// When its first copy is over.
        copied: Timestamp,
        /// From when on it is protected.
        protected: Timestamp,
    },
    /// It runs on the other end; its recovery points are still there.
    FailedOver {
        /// Since when.
        at: Timestamp,
    },
    /// The same, and its recovery points are gone.
    Committed {
        /// Since when it runs there.
        at: Timestamp,
    },
}

/// The phase as it is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Copying,
    Completing,
    Protected,
    FailedOver,
    Committed,
}

/// What is going on with a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Scenario {
    /// Its name.
    pub(crate) name: String,
    /// The id of its job.
    pub(crate) job: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// What is kept of a protected machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Item {
    /// The machine's name.
    pub(crate) machine: String,
    /// Where it replicates from.
    pub(crate) source: End,
    /// Where it replicates to.
    pub(crate) target: End,
    /// Where it came from in the beginning: source and target region.
    pub(crate) initially: (String, String),
    /// The id of the policy.
    pub(crate) policy: String,
    /// The name of its multi-VM group; empty where it is in none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) group: String,
    /// How far it is.
    pub(crate) phase: Phase,
    /// The job that works on it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) busy: Option<Scenario>,
    /// The test failover that waits to be cleaned up, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) drill: Option<Scenario>,
    /// The recovery point it was failed over to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) point: Option<String>,
}

impl Item {
    /// Reads what is kept of a resource.
    pub(crate) fn of(resource: &Resource) -> Option<Item> {
        resource
            .kind
            .eq_ignore_ascii_case(ITEM)
            .then(|| serde_json::from_value(resource.state.clone()).ok())
            .flatten()
    }

    /// Reads an item as it truly is.
    pub(crate) fn true_one(world: &World, id: &str) -> Option<Item> {
        world.resource(id).and_then(Item::of)
    }

    /// Keeps it.
    pub(crate) fn keep(&self, world: &mut World, id: &str) {
        if let Some(resource) = world.change(id) {
            resource.state = json!(self);
        }
    }

    /// Returns how far it is at a moment.
    pub(crate) fn stage(&self, now: Timestamp) -> Stage {
        match self.phase {
            Phase::Replicating { copied, .. } if now < copied => Stage::Copying,
            Phase::Replicating { protected, .. } if now < protected => Stage::Completing,
            Phase::Replicating { .. } => Stage::Protected,
            Phase::FailedOver { .. } => Stage::FailedOver,
            Phase::Committed { .. } => Stage::Committed,
        }
    }

    /// Returns what may be done with it now.
    pub(crate) fn allowed(&self, now: Timestamp) -> &'static [&'static str] {
        if self.busy.is_some() {
            // That nothing is allowed while a job works on it is an inference.
            return &[];
        }
        if self.drill.is_some() {
            return &["TestFailoverCleanup"];
        }
        match self.stage(now) {
            Stage::Copying | Stage::Completing => &["DisableProtection"],
            Stage::Protected => &["UnplannedFailover", "DisableProtection", "TestFailover"],
            Stage::FailedOver => &[
                "CompleteMigration",
                "Commit",
                "DisableProtection",
                "ChangePit",
                "SwitchProtection",
            ],
            // No recording shows the list after a commit; an inference.
            Stage::Committed => &["DisableProtection", "SwitchProtection"],
        }
    }

    /// Returns `protectionState` and its description.
    pub(crate) fn words(&self, now: Timestamp) -> (&'static str, &'static str) {
        match self.stage(now) {
            Stage::Copying => (
                "InitialReplicationInProgress",
                "Initial replication is in progress",
            ),
            Stage::Completing => (
                "InitialReplicationRecoveryCompletionPending",
                "Waiting for first recovery point",
            ),
            Stage::Protected if self.drill.is_some() => ("Protected", "Cleanup test failover pending"),
            Stage::Protected => ("Protected", "Protected"),
            Stage::FailedOver => ("UnplannedFailoverCommitPendingStatesBegin", "Failover completed"),
            Stage::Committed => ("UnplannedFailoverCommitted", "Failover committed"),
        }
    }

    /// Returns whether the machine runs on the other end.
    pub(crate) fn moved(&self) -> bool {
        !matches!(self.phase, Phase::Replicating { .. })
    }

    /// Returns the name of the machine that a test failover makes.
    pub(crate) fn test_machine(&self) -> String {
        format!("{}-test", self.machine)
    }
}

/// Returns the id of the vault that an id is in.
pub(crate) fn vault_of(id: &str) -> String {
    let folded = id.to_lowercase();
    let start = folded.find("/vaults/").map_or(0, |at| at + "/vaults/".len());
    let end = id[start..].find('/').map_or(id.len(), |cut| start + cut);
    id[..end].to_owned()
}

/// Returns the items below an id, as they truly are.
pub(crate) fn items_below(context: &Context<'_>, id: &str) -> Vec<(String, Item)> {
    let prefix = format!("{}/", crate::world::fold_id(id));
    context
        .world
        .resources
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix))
        .filter_map(|(_, resource)| Some((resource.id.clone(), Item::of(resource)?)))
        .collect()
}
