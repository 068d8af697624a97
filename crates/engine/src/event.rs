//! What became true: the events of a run's journal.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use leeward_runbook::{
    plan::{Plan, StepId},
    units,
};
use serde::{Deserialize, Serialize};

use crate::{
    id::{OperationId, RunId},
    port::{Command, CommandId, Holder, Verdict},
    work::{Assessment, Figure, Loss, Outputs, Refusal, Ticket},
};

/// What became true. Names are past tense; a reader shows an unknown one as [`Event::Foreign`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The run exists. Always the first record; carries the whole plan.
    RunOpened {
        /// The journal's format.
        format: u32,
        /// The version of Leeward that wrote it.
        version: String,
        /// The run.
        run: RunId,
        /// What will be done.
        plan: Arc<Plan>,
        /// How.
        options: RunOptions,
        /// Who started it.
        by: Person,
    },
    /// A process got the right to write.
    LeaseTaken {
        /// The new epoch.
        epoch: u64,
        /// Who.
        holder: Holder,
        /// Who held it before and had not given it back.
        #[serde(default)]
        from: Option<Holder>,
    },
    /// The run holds its targets.
    TargetsClaimed {
        /// How many.
        targets: usize,
        /// Drills that had to yield.
        #[serde(default)]
        evicted: Vec<RunId>,
        /// Those of them whose own journals say that nothing of theirs is left.
        #[serde(default)]
        clean: Vec<RunId>,
    },
    /// A person gave the run's targets back: nobody was to go on with it. A resume claims them again.
    ClaimsReleased {
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
    /// The row or rows of one step in the table of losses, measured at the start.
    LossMeasured {
        /// The step.
        step: StepId,
        /// One a store.
        losses: Vec<Loss>,
    },
    /// A person agreed to gates and losses.
    Approved {
        /// Who.
        by: Person,
        /// To what.
        approval: Approval,
    },
    /// A command of another terminal was taken in. It counts from here.
    CommandTaken {
        /// Its name.
        id: CommandId,
        /// Who sent it.
        by: Person,
        /// What it asked.
        command: Command,
        /// Why it changed nothing, where it did not.
        #[serde(default)]
        refused: Option<String>,
    },
    /// Nothing new is started until further notice.
    Paused,
    /// The run goes on.
    Unpaused,
    /// The process was held up for so long, as by a closed lid: nobody could act, and no wait counted.
    HeldUp {
        /// About how long.
        #[serde(with = "units::duration")]
        about: Duration,
    },
    /// Nothing more is started: a person cancelled.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// Nothing more is started: a step with `on-failure: halt` failed.
    Halted {
        /// That step.
        because: StepId,
    },
    /// Something happened to a step.
    Step {
        /// Which.
        step: StepId,
        /// What.
        change: StepEvent,
    },
    /// Something happened to an operation of a step.
    Operation {
        /// The step.
        step: StepId,
        /// Which of its operations.
        operation: OperationId,
        /// What.
        change: OperationEvent,
    },
    /// Every step marked `ends: recovery` is done: the RTO clock stops.
    RecoveryReached,
    /// The run is over.
    RunEnded {
        /// How.
        outcome: Outcome,
    },
    /// An event that this version does not know; shown, never resumed over.
    #[serde(other)]
    Foreign,
}

/// How a run goes about its plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunOptions {
    /// When the outage was declared: the RTO clock starts here.
    pub declared_at: Timestamp,
    /// How many steps may be under way at once.
    #[serde(default)]
    pub parallel: Option<usize>,
    /// Whether this is a rehearsal against a simulator.
    #[serde(default)]
    pub rehearsal: bool,
}

/// Who did something, and how well that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    pub name: String,
    /// How the name is known.
    pub known: Known,
}

/// How a name is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// The local account or a flag said so.
    Stated,
    /// A token's claims said so.
    Proven,
    /// The rehearsal's own stand-in.
    Rehearsed,
}

/// A person's agreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// One gate or step. When not said, the next gate that opens by it, and no other; its ceilings speak of every step.
    #[serde(default)]
    pub step: Option<StepId>,
    /// The plan that it speaks of.
    pub plan_digest: String,
    /// The most that may be lost, store by store. `Unknown` agrees to the unknown.
    #[serde(default)]
    pub ceilings: BTreeMap<String, Figure>,
    /// Whether it agrees to any loss and any gate whatever (`--approve-all`).
    #[serde(default)]
    pub everything: bool,
    /// Whether it serves for both pairs of eyes (a loopback simulator, a rehearsal, break-glass).
    #[serde(default)]
    pub both_eyes: bool,
    /// The reason of `--break-glass`, the first line of the report.
    #[serde(default)]
    pub break_glass: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Approval {
    /// Makes the least that a person can agree to: the next gate of a plan, and no loss.
    pub fn of_plan(digest: &str) -> Approval {
        Approval {
            step: None,
            plan_digest: digest.to_owned(),
            ceilings: BTreeMap::new(),
            everything: false,
            both_eyes: false,
            break_glass: None,
            reason: None,
        }
    }

    /// Returns whether it names no gate and is used up by the first one that opens by it.
    pub fn serves_one_gate(&self) -> bool {
        self.step.is_none() && !self.everything && self.break_glass.is_none()
    }
}

/// What can happen to a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step-event")]
pub enum StepEvent {
    /// All it waits for is satisfied.
    BecameReady,
    /// A gate is in front of a person, or of the clock.
    GateReached {
        /// What is asked of the person.
        asks: String,
        /// When it opens by itself (`gate.wait`).
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// The gate opened.
    GateOpened {
        /// Who opened it, in words.
        by: String,
        /// The approvals that it used, by the numbers of their records.
        #[serde(default)]
        used: Vec<u64>,
    },
    /// The driver found out what is to be done.
    Assessed {
        /// What it found.
        assessment: Assessment,
    },
    /// Finding out failed and is tried again.
    AssessmentDeferred {
        /// Why.
        reason: String,
        /// When.
        until: Timestamp,
    },
    /// What can be lost is above what was agreed.
    ConsentNeeded {
        /// The rung that needs it.
        rung: String,
        /// What could be lost, store by store.
        losses: BTreeMap<String, Figure>,
        /// In words.
        asks: String,
    },
    /// A person, or an earlier approval, covers it.
    ConsentGiven {
        /// Who, in words.
        by: String,
    },
    /// What was asked is no longer a question.
    ConsentWithdrawn,
    /// The change is made; its checks run.
    VerificationStarted,
    /// A check passed.
    CheckPassed {
        /// Its place under `verify`.
        check: usize,
        /// What was seen.
        evidence: String,
    },
    /// It is done.
    Done {
        /// What it leaves for others.
        #[serde(default)]
        outputs: Outputs,
        /// What is less than asked for, where something is.
        #[serde(default)]
        degraded: Option<String>,
    },
    /// What follows a done step (a commit) did not come about; the step stays done.
    Trailed {
        /// What is left to do by hand.
        left: String,
    },
    /// It takes no part after all.
    Skipped {
        /// Why.
        reason: String,
        /// Who, where a person did.
        #[serde(default)]
        by: Option<Person>,
    },
    /// It failed.
    Failed {
        /// Why.
        reason: String,
    },
    /// Only a person can help.
    Stuck {
        /// Why.
        reason: String,
        /// What the person can do.
        choices: Vec<Choice>,
    },
    /// It will not run: the run was cancelled or halted.
    Cancelled,
    /// A person let it try again.
    Reopened,
}

/// What a person can do about a stuck step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// `leeward approve`.
    Approve,
    /// `leeward retry`.
    Retry,
    /// `leeward skip`.
    Skip,
    /// `leeward settle --as done`.
    SettleDone,
    /// `leeward settle --as not-begun`.
    SettleNotBegun,
    /// `leeward settle --as failed`.
    SettleFailed,
    /// `leeward cancel`.
    Cancel,
}

/// What can happen to an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "operation-event")]
pub enum OperationEvent {
    /// A rung will not be used.
    RungSkipped {
        /// Which.
        rung: String,
        /// Why.
        reason: String,
    },
    /// A change waits for its turn: Azure's limits take it about this much later.
    Queued {
        /// About how long.
        #[serde(with = "units::duration")]
        about: Duration,
    },
    /// A send is about to be made. Durable before a byte leaves.
    Intended {
        /// Which attempt, from 1.
        attempt: u32,
        /// Which send of it, from 1.
        send: u32,
        /// The way.
        rung: String,
        /// Nobody sends it after this.
        send_by: Timestamp,
        /// What was read just before, and why a second send is right where it is one.
        evidence: String,
    },
    /// Azure took it and works on it.
    Accepted {
        /// How to find it again.
        ticket: Ticket,
    },
    /// Azure took it and was finished at once.
    Finished {
        /// What it warned of.
        #[serde(default)]
        warnings: Vec<String>,
        /// What it showed.
        #[serde(default)]
        outputs: Outputs,
    },
    /// Azure said no; nothing was begun.
    Refused {
        /// What it said.
        refusal: Refusal,
        /// When it is looked at again, where it may pass.
        #[serde(default)]
        again: Option<Timestamp>,
    },
    /// Nobody knows whether it arrived.
    Unanswered {
        /// Why.
        reason: String,
    },
    /// It was never written to the socket.
    NotSent {
        /// Why.
        reason: String,
        /// When it is looked at again.
        again: Timestamp,
    },
    /// An open attempt was found to be in motion.
    Sighted {
        /// What was read.
        evidence: String,
        /// Its ticket, where the driver could tell.
        #[serde(default)]
        ticket: Option<Ticket>,
    },
    /// A look found what keeps it waiting. Recorded when it says something new.
    Looked {
        /// What was read, or why nothing could be.
        evidence: String,
    },
    /// Azure gave a newer ticket.
    TicketRenewed {
        /// It.
        ticket: Ticket,
    },
    /// Azure told how far it is. Recorded when it says something new.
    Progressed {
        /// Azure's word.
        word: String,
        /// 0 to 100, where told.
        #[serde(default)]
        percent: Option<u8>,
    },
    /// Azure says that an attempt is over. The goal is looked at before anything else.
    Ended {
        /// Which attempt.
        attempt: u32,
        /// How.
        end: AttemptEnd,
    },
    /// The wait for a rung is over; the attempt stays open and watched.
    PatienceEnded {
        /// The rung that is still in motion.
        rung: String,
        /// The next one, where there is one to offer.
        #[serde(default)]
        offered: Option<String>,
    },
    /// The goal holds.
    Reached {
        /// Whether one of our attempts brought it about, or it was found to hold.
        how: Reached,
        /// What was read.
        evidence: String,
        /// What the resource shows.
        #[serde(default)]
        outputs: Outputs,
    },
    /// No rung can bring it about.
    Failed {
        /// Why.
        reason: String,
    },
    /// Only a person can help.
    Stuck {
        /// Why.
        reason: String,
    },
    /// A person said what became of it.
    Settled {
        /// What.
        verdict: Verdict,
        /// Who.
        by: Person,
        /// Why.
        reason: String,
    },
}

/// How Azure says that an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end")]
pub enum AttemptEnd {
    /// It succeeded.
    Succeeded {
        /// What it warned of.
        #[serde(default)]
        warnings: Vec<String>,
        /// What it showed.
        #[serde(default)]
        outputs: Outputs,
    },
    /// It failed or was cancelled.
    Failed {
        /// Azure's code.
        code: String,
        /// Azure's message.
        message: String,
        /// Whether a new attempt is worth it.
        retryable: bool,
    },
    /// Its ticket is no longer known.
    Lost {
        /// What the answer was.
        reason: String,
    },
}

/// How a goal came to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reached {
    /// By one of our attempts.
    ByUs,
    /// Found to hold: somebody else did it, or nobody can tell that we did.
    Adopted,
    /// A person said so.
    Settled,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The goal holds.
    Done,
    /// The goal holds, with accepted degradations.
    Degraded,
    /// Something failed.
    Failed,
    /// A person cancelled it.
    Cancelled,
}
