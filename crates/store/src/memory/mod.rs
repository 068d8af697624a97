//! How does a rehearsal remember? In memory, answering inline, with faults on demand.
//!
//! Nothing here waits for another thread or asks a clock, so a rehearsal on tokio's paused clock
//! gives the same journal for the same seed.

mod fault;
mod state;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use leeward_engine::{
    id::RunId,
    port::{
        Claim, ClaimOutcome, Envelope, Holder, Journal, JournalError, JournalStore, LeasePolicy, OpenError,
        Opened, Records, RunHeader, RunSummary,
    },
    record::Record,
};
use leeward_runbook::journey::Journey;
use tokio::sync::watch;

pub use fault::AppendFault;
use state::{Appended, State};
use stream::Stream;

/// A store that lives as long as its clones.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    died: watch::Sender<u64>,
    now: Option<Box<dyn Fn() -> Timestamp + Send + Sync>>,
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new()
    }
}

impl MemoryStore {
    /// Makes an empty store. Leases are dated by the latest moment that it has heard of.
    pub fn new() -> MemoryStore {
        MemoryStore::build(None)
    }

    /// Makes an empty store that dates its leases by the given clock.
    pub fn with_clock(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> MemoryStore {
        MemoryStore::build(Some(Box::new(now)))
    }

    fn build(now: Option<Box<dyn Fn() -> Timestamp + Send + Sync>>) -> MemoryStore {
        MemoryStore {
            shared: Arc::new(Shared {
                state: Mutex::new(State::default()),
                died: watch::Sender::new(0),
                now,
            }),
        }
    }

    /// Makes the next append fail. Several calls line up.
    pub fn fail_next_append(&self, fault: AppendFault) {
        self.state().faults.push_back(fault);
    }

    /// Lets the process die as soon as a record of this number is durable: that append is written
    /// whole and never answered, and nothing that this process still does arrives.
    ///
    /// Await [`MemoryStore::died`] beside the conductor, drop the conductor, then open the run again:
    /// its holder counts as dead.
    pub fn die_after(&self, seq: u64) {
        self.state().stop_after = Some(seq);
    }

    /// Lets the process die now: nothing that it still does arrives.
    pub fn die(&self) {
        self.state().kill();
        self.tell_of_deaths();
    }

    /// Returns a wait for the death of a process that is alive now, when this is called.
    pub fn died(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut deaths = self.shared.died.subscribe();
        async move {
            if deaths.changed().await.is_err() {
                // The store is gone, and everybody with it: nobody is left to die.
                std::future::pending().await
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is checked before it is made, so a panic elsewhere leaves nothing half done.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_of_deaths(&self) {
        self.shared.died.send_modify(|deaths| *deaths += 1);
    }

    fn journal(&self, run: RunId, epoch: u64, generation: u64) -> Box<dyn Journal> {
        Box::new(MemoryJournal {
            store: self.clone(),
            run,
            epoch,
            generation,
        })
    }

    fn now(&self, state: &State) -> Timestamp {
        match &self.shared.now {
            Some(now) => now(),
            None => state.latest_moment(),
        }
    }
}

#[async_trait]
impl JournalStore for MemoryStore {
    async fn create(
        &self,
        header: &RunHeader,
        files: &[(String, Vec<u8>)],
        holder: &Holder,
    ) -> Result<Box<dyn Journal>, OpenError> {
        let mut state = self.state();
        let now = self.now(&state).max(header.created);
        let epoch = state.create(header, files, holder, now)?;
        Ok(self.journal(header.run.clone(), epoch, state.generation))
    }

    async fn open(&self, run: &RunId, holder: &Holder, policy: LeasePolicy) -> Result<Opened, OpenError> {
        let mut state = self.state();
        let now = self.now(&state);
        let (epoch, previous) = state.open(run, holder, policy, now)?;
        Ok(Opened {
            journal: self.journal(run.clone(), epoch, state.generation),
            previous,
        })
    }

    fn records(&self, run: &RunId, from: u64) -> Box<dyn Records> {
        Box::new(Stream::new(self.clone(), run.clone(), from, None))
    }

    async fn runs(&self) -> Result<Vec<RunSummary>, JournalError> {
        Ok(self.state().summaries())
    }

    async fn file(&self, run: &RunId, digest: &str) -> Result<Option<Vec<u8>>, JournalError> {
        self.state().file(run, digest)
    }

    async fn send(&self, run: &RunId, envelope: &Envelope) -> Result<(), JournalError> {
        self.state().send(run, envelope)
    }

    async fn claim(
        &self,
        run: &RunId,
        journey: Journey,
        targets: &[String],
        at: Timestamp,
    ) -> Result<ClaimOutcome, JournalError> {
        self.state().claim(run, journey, targets, at)
    }

    async fn release(&self, run: &RunId) -> Result<(), JournalError> {
        self.state().release(run)
    }

    async fn claims(&self) -> Result<Vec<Claim>, JournalError> {
        Ok(self.state().claims())
    }
}

struct MemoryJournal {
    store: MemoryStore,
    run: RunId,
    epoch: u64,
    generation: u64,
}

impl MemoryJournal {
    /// Does one thing, unless our process is dead: then the answer never comes.
    async fn ask<T>(
        &self,
        what: impl FnOnce(&mut State) -> Result<Option<T>, JournalError>,
    ) -> Result<T, JournalError> {
        let answer = {
            let mut state = self.store.state();
            if state.generation == self.generation {
                what(&mut state)?
            } else {
                None
            }
        };
        match answer {
            Some(answer) => Ok(answer),
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    async fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let append = |state: &mut State| match state.append(&self.run, self.epoch, records)? {
            Appended::Written => Ok(Some(())),
            Appended::Died => {
                self.store.tell_of_deaths();
                Ok(None)
            }
        };
        self.ask(append).await
    }

    fn records(&self, from: u64) -> Box<dyn Records> {
        let reader = Some(self.generation);
        Box::new(Stream::new(self.store.clone(), self.run.clone(), from, reader))
    }

    async fn inbox(&mut self) -> Result<Vec<Envelope>, JournalError> {
        self.ask(|state| state.inbox(&self.run).map(Some)).await
    }

    async fn heartbeat(&mut self, at: Timestamp) -> Result<(), JournalError> {
        self.ask(|state| state.heartbeat(&self.run, self.epoch, at).map(Some))
            .await
    }

    async fn close(&mut self) -> Result<(), JournalError> {
        self.ask(|state| state.close(&self.run, self.epoch).map(Some))
            .await
    }
}
