//! The one loop that every run goes through, real, rehearsed or tested: take inputs, decide, record, act.

mod claim;
mod patient;
mod pinned;
mod read;
mod run;
mod task;
mod unlock;

use std::{sync::Arc, time::Duration};

use leeward_runbook::plan::Plan;
use tokio::sync::watch;

use crate::{
    event::{Approval, Outcome, Person, RunOptions},
    id::RunId,
    port::{Claim, Clock, Drivers, Holder, JournalError, JournalStore, LeasePolicy, OpenError},
    record::Record,
    state::{IllegalTransition, RunState},
};

pub use read::{Unfolded, folded};
pub use unlock::{Word, unlock};

/// Conducts runs: joins a store, drivers and a clock.
pub struct Conductor {
    /// Where journals live.
    pub store: Arc<dyn JournalStore>,
    /// How steps reach the world.
    pub drivers: Arc<dyn Drivers>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// This process.
    pub holder: Holder,
    /// How it behaves.
    pub manners: Manners,
    /// Becomes true when the process is asked to stop.
    pub stop: watch::Receiver<bool>,
}

/// How a conductor behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manners {
    /// Whether to wait for people at gates, or to leave when nothing else moves.
    pub wait_for_people: bool,
    /// How often the inbox is looked at; never where nobody can write to it.
    pub inbox_every: Option<Duration>,
    /// How often the lease gets a sign of life.
    pub heartbeat_every: Duration,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners {
            wait_for_people: true,
            inbox_every: Some(Duration::from_secs(1)),
            heartbeat_every: Duration::from_secs(10),
        }
    }
}

/// A run that is to begin.
pub struct NewRun {
    /// Its name.
    pub run: RunId,
    /// What will be done.
    pub plan: Plan,
    /// How.
    pub options: RunOptions,
    /// Who starts it.
    pub by: Person,
    /// The version of Leeward.
    pub version: String,
    /// What was agreed to in advance, and by whom.
    pub approvals: Vec<(Person, Approval)>,
    /// The plan's files, by digest.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Sees what has become durable, and nothing before.
pub trait Observer: Send {
    /// Is told of records, after they are durable, with the state they lead to. A run that is taken
    /// up tells its whole history first, in portions.
    fn recorded(&mut self, state: &RunState, records: &[Record]);
}

/// An observer that looks away.
pub struct Unobserved;

impl Observer for Unobserved {
    fn recorded(&mut self, _state: &RunState, _records: &[Record]) {}
}

/// Why a conductor returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The run is over.
    Over(Outcome),
    /// Nothing moves until a person decides at a gate.
    AtGate,
    /// Nothing moves until a person lets it go on.
    Paused,
    /// Nothing moves until a person helps.
    Stuck,
    /// Something failed, and nothing else moves.
    Failed,
    /// The process was asked to stop.
    Interrupted,
}

/// What a conductor leaves behind.
#[derive(Debug)]
pub struct Conducted {
    /// Why it returned.
    pub ended: Ended,
    /// Where the run stands.
    pub state: RunState,
}

/// Why a run could not be conducted.
#[derive(Debug, thiserror::Error)]
pub enum ConductorError {
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its journal was lost or taken over in mid-run.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its journal cannot be right, or the machine has a defect.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// Its targets are held by another run.
    #[error("{} of its targets are held by run `{}`", .held.len(), .held.first().map_or("", |claim| claim.run.as_str()))]
    Claimed {
        /// The claims that stand in the way.
        held: Vec<Claim>,
    },
    /// A file that the plan pinned is not in the journal.
    #[error("the journal does not hold `{path}`, which the plan pinned")]
    FileMissing {
        /// Its path.
        path: String,
    },
    /// A file that the plan pinned is no longer what it was.
    #[error("`{path}` in the journal is not the file that the plan pinned")]
    FileChanged {
        /// Its path.
        path: String,
    },
}

impl Conductor {
    /// Opens a new run and conducts it until nothing moves.
    pub async fn start(&self, new: NewRun, observer: &mut dyn Observer) -> Result<Conducted, ConductorError> {
        run::start(self, new, observer).await
    }

    /// Takes up a run where its journal ends and conducts it until nothing moves.
    pub async fn resume(
        &self,
        run: &RunId,
        policy: LeasePolicy,
        approvals: Vec<(Person, Approval)>,
        observer: &mut dyn Observer,
    ) -> Result<Conducted, ConductorError> {
        run::resume(self, run, policy, approvals, observer).await
    }
}
