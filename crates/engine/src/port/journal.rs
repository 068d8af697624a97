//! Where a run's records live, who may write them, and how other terminals speak to it.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use leeward_runbook::{journey::Journey, plan::StepId};
use serde::{Deserialize, Serialize};

use super::records::{self, Records};
use crate::{
    event::{Approval, Person},
    id::RunId,
    record::Record,
};

/// The open journal of one run: the right to write it.
///
/// **The store guarantees** that `append` is one durable, all-or-nothing write, refused when the
/// lease has changed hands or when the first record does not follow the last one.
/// **The conductor guarantees** that it shows, notifies and sends nothing before `append` returned.
#[async_trait]
pub trait Journal: Send {
    /// Returns the epoch that this opening raised the lease to; every record carries it.
    fn epoch(&self) -> u64;

    /// Appends all records, or none. With the record that ends the run its claims are given back, in
    /// the same write: no death can come between, and leave targets with a run that is over.
    async fn append(&mut self, records: &[Record]) -> Result<(), JournalError>;

    /// Reads from the given sequence number on, in portions.
    fn records(&self, from: u64) -> Box<dyn Records>;

    /// Reads every record from the given sequence number on, at once: for a short stretch.
    async fn read(&mut self, from: u64) -> Result<Vec<Record>, JournalError> {
        records::all(self.records(from)).await
    }

    /// Returns the commands in the inbox, oldest first, recorded ones included.
    async fn inbox(&mut self) -> Result<Vec<Envelope>, JournalError>;

    /// Says that the holder lives, and learns whether it still holds.
    async fn heartbeat(&mut self, at: Timestamp) -> Result<(), JournalError>;

    /// Gives the lease back.
    async fn close(&mut self) -> Result<(), JournalError>;
}

/// A place where journals live.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Makes a run and opens it. `files` are the plan's files, by digest.
    async fn create(
        &self,
        header: &RunHeader,
        files: &[(String, Vec<u8>)],
        holder: &Holder,
    ) -> Result<Box<dyn Journal>, OpenError>;

    /// Opens a run for writing and raises its epoch. What it says so far is not looked at:
    /// whoever opens it reads it, and gives the lease back where it cannot be believed.
    async fn open(&self, run: &RunId, holder: &Holder, policy: LeasePolicy) -> Result<Opened, OpenError>;

    /// Reads a run from the given sequence number on without any lease, in portions.
    fn records(&self, run: &RunId, from: u64) -> Box<dyn Records>;

    /// Reads every record of a run from the given sequence number on, at once: for a short stretch.
    async fn read(&self, run: &RunId, from: u64) -> Result<Vec<Record>, JournalError> {
        records::all(self.records(run, from)).await
    }

    /// Lists the runs, newest first.
    async fn runs(&self) -> Result<Vec<RunSummary>, JournalError>;

    /// Returns a file of a run by its digest.
    async fn file(&self, run: &RunId, digest: &str) -> Result<Option<Vec<u8>>, JournalError>;

    /// Puts a command into a run's inbox. The same id twice is once.
    async fn send(&self, run: &RunId, envelope: &Envelope) -> Result<(), JournalError>;

    /// Claims all targets for a run, or none. A drill's claim yields to every other journey: the
    /// drill's claims are dropped whole and its epoch is raised, so that its conductor is fenced.
    async fn claim(
        &self,
        run: &RunId,
        journey: Journey,
        targets: &[String],
        at: Timestamp,
    ) -> Result<ClaimOutcome, JournalError>;

    /// Gives all claims of a run back.
    async fn release(&self, run: &RunId) -> Result<(), JournalError>;

    /// Lists every claim.
    async fn claims(&self) -> Result<Vec<Claim>, JournalError>;
}

/// What is known of a run before its first record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Its name.
    pub run: RunId,
    /// The runbook's name.
    pub runbook: String,
    /// What it is for.
    pub journey: Journey,
    /// The plan's digest.
    pub plan_digest: String,
    /// When it was made.
    pub created: Timestamp,
}

/// A line of `leeward runs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// What it was made with.
    pub header: RunHeader,
    /// How many records it has.
    pub records: u64,
    /// Who holds it, where somebody does.
    pub lease: Option<LeaseInfo>,
}

/// A run opened for writing.
pub struct Opened {
    /// The right to write.
    pub journal: Box<dyn Journal>,
    /// Who held it before, where the lease was not given back.
    pub previous: Option<LeaseInfo>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Opened")
            .field("epoch", &self.journal.epoch())
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

/// The process that wants to hold a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user, as stated.
    pub user: String,
    /// The host's name.
    pub host: String,
    /// The process.
    pub process: u32,
    /// When that process started, as its system tells; tells a reused number apart.
    pub process_start: String,
    /// The boot that the process lives in; tells a restarted machine apart.
    pub boot: String,
}

/// How far a process may go to get a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeasePolicy {
    /// Takes a free lease, and one whose holder is proven dead on this very host.
    IfFree,
    /// Takes it in any case; the person has seen who holds it.
    TakeOver,
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseInfo {
    /// The process.
    pub holder: Holder,
    /// The number that grew when it took the lease.
    pub epoch: u64,
    /// When it took it.
    pub since: Timestamp,
    /// Its last sign of life.
    pub heartbeat: Timestamp,
}

/// A command to a run's conductor, from another terminal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Its own name, so that it counts once.
    pub id: CommandId,
    /// Who sent it.
    pub by: Person,
    /// When it was sent.
    pub at: Timestamp,
    /// The last record that its sender had seen.
    pub seen: u64,
    /// What is asked.
    pub command: Command,
}

/// The name of a command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(pub String);

/// What a person can ask of a running or stuck run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Command {
    /// Opens gates and agrees to losses.
    Approve(Approval),
    /// Starts nothing new.
    Pause,
    /// Goes on after a pause.
    Unpause,
    /// Starts nothing more, watches what is open to its end, cleans up, ends.
    Cancel {
        /// Why.
        reason: String,
    },
    /// Tries a failed or stuck step again, through observe.
    Retry {
        /// Which.
        step: StepId,
    },
    /// Leaves a step out; its dependents go on.
    Skip {
        /// Which.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// Says what became of an attempt whose outcome is unknown.
    Settle {
        /// Which.
        step: StepId,
        /// One operation of it; every stuck one when not said.
        operation: Option<String>,
        /// What became of it.
        verdict: Verdict,
        /// Why the person knows.
        reason: String,
    },
}

/// What a person says became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It happened.
    Done,
    /// It never arrived; it may be begun again.
    NotBegun,
    /// It happened and failed.
    Failed,
}

/// A run's hold on a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The case-folded resource id.
    pub target: String,
    /// The run.
    pub run: RunId,
    /// What the run is for.
    pub journey: Journey,
    /// Since when.
    pub since: Timestamp,
    /// Who holds that run's lease, where somebody does.
    pub holder: Option<LeaseInfo>,
}

/// What came of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// All targets are held.
    Granted {
        /// Drills that had to yield to this run, now or when it claimed before: whoever died between the
        /// claim and its record learns of them again.
        evicted: Vec<RunId>,
    },
    /// Another run holds some of them; none was taken.
    Refused {
        /// Every claim that stands in the way.
        held: Vec<Claim>,
    },
}

/// Why a journal could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The lease has changed hands: this writer must stop before its next effect.
    #[error("the lease of run `{run}` is now held by someone else")]
    Fenced {
        /// The run.
        run: RunId,
        /// Who has it.
        holder: Option<Box<LeaseInfo>>,
    },
    /// The store did not take the write; nothing was written.
    #[error("the journal is not available: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
    /// Nobody knows whether the write was taken; read again.
    #[error("nobody knows whether the journal took the last write: {reason}")]
    Ambiguous {
        /// Why.
        reason: String,
    },
    /// What is there cannot be right.
    #[error("the journal of run `{run}` is damaged at record {seq}: {reason}")]
    Damaged {
        /// The run.
        run: RunId,
        /// The record.
        seq: u64,
        /// What is wrong.
        reason: String,
    },
    /// No such run.
    #[error("there is no run `{run}` in this journal")]
    NoSuchRun {
        /// The run.
        run: RunId,
    },
}

/// Why a run could not be opened for writing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Somebody holds it and looks alive.
    #[error("run `{run}` is held by {} on {}", .lease.holder.user, .lease.holder.host)]
    Held {
        /// The run.
        run: RunId,
        /// Who.
        lease: Box<LeaseInfo>,
    },
    /// A run of that name exists.
    #[error("there is a run `{run}` already")]
    Exists {
        /// The run.
        run: RunId,
    },
    /// The journal itself.
    #[error(transparent)]
    Journal(#[from] JournalError),
}
