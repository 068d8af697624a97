//! What people and machines see of a run: a fold of its journal and nothing else.

mod fold;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use leeward_runbook::{
    journey::{Journey, Region},
    plan::{OnFailure, StepId},
    units,
};
use serde::{Deserialize, Serialize};

use crate::{
    event::{Choice, Outcome, Person},
    id::RunId,
    work::{Figure, Outputs},
};

/// One run as it stands after some record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// The run.
    pub run: RunId,
    /// The runbook's name.
    pub runbook: String,
    /// What it is for.
    pub journey: Journey,
    /// The region that served before.
    pub source: Region,
    /// The region that takes over.
    pub target: Region,
    /// The plan's digest.
    pub plan_digest: String,
    /// Whether the outage was declared.
    pub region_down: bool,
    /// Whether this is a rehearsal against a simulator.
    pub rehearsal: bool,
    /// Who started it.
    pub by: Person,
    /// The version of Leeward that wrote it.
    pub version: String,
    /// The last record that was folded in.
    pub seq: u64,
    /// The last epoch.
    pub epoch: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The time of the last record.
    pub at: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// What a person has to do now, most urgent first. Empty while nobody has to.
    pub todo: Vec<Todo>,
    /// The clocks and objectives.
    pub objectives: ObjectivesView,
    /// The table of losses.
    pub losses: Vec<LossView>,
    /// Every step in the plan's order.
    pub steps: Vec<StepView>,
    /// Who agreed to what.
    pub approvals: Vec<ApprovalView>,
    /// The reason of `--break-glass`, where it was used.
    pub break_glass: Option<String>,
    /// Why a person cancelled it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<String>,
    /// Degradations that were accepted, in words.
    pub degradations: Vec<String>,
    /// What is left to do by hand, in words.
    pub leftovers: Vec<String>,
}

/// How a run stands as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Something moves.
    Moving,
    /// Paused by a person.
    Paused,
    /// Nothing moves: a person is asked at a gate.
    AtGate,
    /// Nothing moves: only a person can help.
    Stuck,
    /// Nothing moves: something failed, and what depends on it waits. A person may retry or skip it.
    Failed,
    /// It is over.
    Ended(Outcome),
}

/// Something a person has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Todo {
    /// The step.
    pub step: StepId,
    /// Why.
    pub why: String,
    /// What the person can do.
    pub choices: Vec<Choice>,
}

/// RTO and RPO.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectivesView {
    /// When the RTO clock started.
    pub declared_at: Option<Timestamp>,
    /// When recovery was reached.
    pub recovered_at: Option<Timestamp>,
    /// The promise.
    #[serde(with = "units::optional_duration", default)]
    pub rto: Option<Duration>,
    /// How long recovery took, or has taken so far (at the last record).
    #[serde(with = "units::optional_duration", default)]
    pub rto_taken: Option<Duration>,
    /// Whether the promise was missed; nothing where there is no promise, and where a skip alone says
    /// that it was kept.
    pub rto_missed: Option<bool>,
    /// The step that would have proven recovery and that a person left out instead.
    #[serde(default)]
    pub recovered_by_skip: Option<StepId>,
    /// The promise.
    #[serde(with = "units::optional_duration", default)]
    pub rpo: Option<Duration>,
    /// Whether some store is known to have lost more; nothing where nobody can tell.
    pub rpo_missed: Option<bool>,
    /// The forecast of the critical path.
    #[serde(with = "units::optional_duration", default)]
    pub forecast: Option<Duration>,
}

/// One row of the table of losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossView {
    /// The step.
    pub step: StepId,
    /// The store.
    pub store: String,
    /// The rung that was used, or is expected to be.
    pub rung: String,
    /// Whether that rung has been used.
    pub used: bool,
    /// What it loses.
    pub figure: Figure,
    /// Where the figure comes from, or why there is none.
    pub source: String,
    /// The moment that the figure speaks of.
    pub as_of: Option<Timestamp>,
    /// What may be lost without asking.
    #[serde(with = "units::duration")]
    pub budget: Duration,
    /// The most that a person agreed to.
    pub ceiling: Option<Figure>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// Its name.
    pub id: StepId,
    /// Its kind.
    pub kind: String,
    /// One line for people.
    pub summary: Option<String>,
    /// `waiting`, `ready`, `at-gate`, `assessing`, `consent`, `changing`, `verifying`, `done`,
    /// `done-degraded`, `skipped`, `failed`, `stuck`, `blocked`, `cancelled`.
    pub state: StepWord,
    /// The steps that it still waits for.
    pub waits_for: Vec<StepId>,
    /// One line: what happens now, or why it ended so.
    pub detail: String,
    /// When it became ready.
    pub started_at: Option<Timestamp>,
    /// When it came to an end.
    pub ended_at: Option<Timestamp>,
    /// Whether it lies on the critical path.
    pub critical: bool,
    /// Whether its success ends the RTO clock.
    pub ends_recovery: bool,
    /// The kind's usual time.
    #[serde(with = "units::duration")]
    pub forecast: Duration,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// Its operations.
    pub operations: Vec<OperationView>,
    /// What it left for others.
    pub outputs: Outputs,
    /// What it warned of.
    pub warnings: Vec<String>,
}

/// A step's state in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepWord {
    /// Something it waits for is not satisfied.
    Waiting,
    /// It may start.
    Ready,
    /// A person or the clock decides.
    AtGate,
    /// The driver finds out what is to be done.
    Assessing,
    /// What can be lost is above what was agreed.
    Consent,
    /// Operations are under way.
    Changing,
    /// Its checks run.
    Verifying,
    /// Done.
    Done,
    /// Done, with less than asked for.
    DoneDegraded,
    /// Took no part.
    Skipped,
    /// Failed.
    Failed,
    /// Only a person can help.
    Stuck,
    /// Something it waits for failed.
    Blocked,
    /// The run was cancelled or halted before it.
    Cancelled,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationView {
    /// Its name within the step.
    pub id: String,
    /// The resource that it changes.
    pub target: String,
    /// One line: what happens now, or how it ended.
    pub detail: String,
    /// Whether its goal holds.
    pub reached: bool,
    /// Whether it was found to hold without us.
    pub adopted: bool,
    /// The rung in use.
    pub rung: Option<String>,
    /// How many sends were made, attempts and repeats together.
    pub sends: u32,
    /// Azure's last word, with the percentage where told.
    pub word: Option<String>,
}

/// One approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// To what, in words.
    pub to: String,
    /// The most that may be lost, store by store.
    pub ceilings: BTreeMap<String, Figure>,
    /// Why.
    pub reason: Option<String>,
}
