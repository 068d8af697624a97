//! What a memory store remembers, and the changes to it; no locks, no waiting.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use leeward_engine::{
    id::RunId,
    port::{
        Claim, ClaimOutcome, Envelope, Holder, JournalError, LeaseInfo, LeasePolicy, OpenError, RunHeader,
        RunSummary,
    },
    record::{Chain, Record},
};
use leeward_runbook::journey::Journey;

use super::fault::AppendFault;
use crate::rules::{self, Weighed, fenced, no_such_run};

/// Everything in a memory store.
#[derive(Default)]
pub(super) struct State {
    runs: BTreeMap<RunId, Run>,
    claims: BTreeMap<String, Held>,
    /// Which drills ever had to yield to a run.
    evictions: BTreeMap<RunId, BTreeSet<RunId>>,
    /// What goes wrong with the next appends, in order.
    pub(super) faults: VecDeque<AppendFault>,
    /// The process of that run dies once a record of this number is durable.
    pub(super) stop_after: Option<u64>,
    /// Grows when a process dies: what an earlier one does no longer arrives.
    pub(super) generation: u64,
}

struct Run {
    header: RunHeader,
    files: BTreeMap<String, Vec<u8>>,
    records: Vec<Record>,
    chain: Chain,
    lease: LeaseInfo,
    released: bool,
    died: bool,
    inbox: Vec<Envelope>,
}

impl Run {
    fn lease(&self) -> Option<LeaseInfo> {
        (!self.released).then(|| self.lease.clone())
    }
}

struct Held {
    run: RunId,
    journey: Journey,
    since: Timestamp,
}

/// What an append came to.
pub(super) enum Appended {
    /// It is durable and answered.
    Written,
    /// It is durable, and the process died before it learned so.
    Died,
}

impl State {
    fn run(&self, run: &RunId) -> Result<&Run, JournalError> {
        let found = self.runs.get(run);
        found.ok_or_else(|| no_such_run(run))
    }

    fn run_mut(&mut self, run: &RunId) -> Result<&mut Run, JournalError> {
        let found = self.runs.get_mut(run);
        found.ok_or_else(|| no_such_run(run))
    }

    fn held_mut(&mut self, run: &RunId, epoch: u64) -> Result<&mut Run, JournalError> {
        let found = self.run_mut(run)?;
        if found.released || found.lease.epoch != epoch {
            return Err(fenced(run, found.lease()));
        }
        Ok(found)
    }

    /// Returns the latest moment that the store has heard of.
    pub(super) fn latest_moment(&self) -> Timestamp {
        let of_run = |run: &Run| {
            let spoken = rules::later(run.header.created, run.chain.at);
            rules::later(spoken, run.lease.heartbeat)
        };
        self.runs
            .values()
            .map(of_run)
            .max()
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    pub(super) fn create(
        &mut self,
        header: &RunHeader,
        files: &[(String, Vec<u8>)],
        holder: &Holder,
        now: Timestamp,
    ) -> Result<u64, OpenError> {
        if self.runs.contains_key(&header.run) {
            return Err(OpenError::Exists {
                run: header.run.clone(),
            });
        }
        let lease = LeaseInfo {
            holder: holder.clone(),
            epoch: 1,
            since: now,
            heartbeat: now,
        };
        let run = Run {
            header: header.clone(),
            files: files.iter().cloned().collect(),
            records: Vec::new(),
            chain: Chain::default(),
            lease,
            released: false,
            died: false,
            inbox: Vec::new(),
        };
        self.runs.insert(header.run.clone(), run);
        Ok(1)
    }

    pub(super) fn open(
        &mut self,
        run: &RunId,
        holder: &Holder,
        policy: LeasePolicy,
        now: Timestamp,
    ) -> Result<(u64, Option<LeaseInfo>), OpenError> {
        let found = self.run_mut(run)?;
        let previous = found.lease();
        let died = found.died;
        if !rules::may_take(previous.as_ref(), policy, |holder| {
            died || crate::holder::is_dead(holder)
        }) {
            return Err(OpenError::Held {
                run: run.clone(),
                lease: Box::new(found.lease.clone()),
            });
        }
        found.lease = LeaseInfo {
            holder: holder.clone(),
            epoch: found.lease.epoch + 1,
            since: now,
            heartbeat: now,
        };
        found.released = false;
        found.died = false;
        Ok((found.lease.epoch, previous))
    }

    pub(super) fn append(
        &mut self,
        run: &RunId,
        epoch: u64,
        records: &[Record],
    ) -> Result<Appended, JournalError> {
        let found = self.held_mut(run, epoch)?;
        let chain = rules::extend(&found.chain, epoch, records)?;
        let fault = self.faults.pop_front();
        let found = self.held_mut(run, epoch)?;
        if fault.is_none_or(AppendFault::writes) {
            found.records.extend_from_slice(records);
            found.chain = chain;
            if records.iter().any(Record::ends_run) {
                self.claims.retain(|_, held| held.run != *run);
            }
        }
        if let Some(fault) = fault {
            return Err(fault.error());
        }
        let reached = self.run(run)?.chain.seq;
        if self.stop_after.is_some_and(|after| reached >= after) {
            self.stop_after = None;
            self.kill();
            return Ok(Appended::Died);
        }
        Ok(Appended::Written)
    }

    /// Lets the process die that holds leases here.
    pub(super) fn kill(&mut self) {
        self.generation += 1;
        for run in self.runs.values_mut() {
            run.died = !run.released;
        }
    }

    /// Returns the next records from a number on, and whether that is all.
    pub(super) fn portion(
        &self,
        run: &RunId,
        from: u64,
        most: usize,
    ) -> Result<(Vec<Record>, bool), JournalError> {
        let records = &self.run(run)?.records;
        let skip = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        let rest = records.get(skip..).unwrap_or_default();
        let portion = rest.iter().take(most).cloned().collect();
        Ok((portion, rest.len() <= most))
    }

    /// Returns the number of a run's last record.
    pub(super) fn end(&self, run: &RunId) -> Result<u64, JournalError> {
        Ok(self.run(run)?.chain.seq)
    }

    pub(super) fn summaries(&self) -> Vec<RunSummary> {
        let mut all: Vec<RunSummary> = self
            .runs
            .values()
            .map(|run| RunSummary {
                header: run.header.clone(),
                records: run.chain.seq,
                lease: run.lease(),
            })
            .collect();
        rules::newest_first(&mut all);
        all
    }

    pub(super) fn file(&self, run: &RunId, digest: &str) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.run(run)?.files.get(digest).cloned())
    }

    pub(super) fn inbox(&self, run: &RunId) -> Result<Vec<Envelope>, JournalError> {
        Ok(self.run(run)?.inbox.clone())
    }

    pub(super) fn send(&mut self, run: &RunId, envelope: &Envelope) -> Result<(), JournalError> {
        let inbox = &mut self.run_mut(run)?.inbox;
        if inbox.iter().all(|known| known.id != envelope.id) {
            inbox.push(envelope.clone());
        }
        Ok(())
    }

    pub(super) fn heartbeat(&mut self, run: &RunId, epoch: u64, at: Timestamp) -> Result<(), JournalError> {
        let found = self.held_mut(run, epoch)?;
        found.lease.heartbeat = rules::later(found.lease.heartbeat, at);
        Ok(())
    }

    pub(super) fn close(&mut self, run: &RunId, epoch: u64) -> Result<(), JournalError> {
        let found = self.run_mut(run)?;
        if found.lease.epoch != epoch {
            return Err(fenced(run, found.lease()));
        }
        found.released = true;
        Ok(())
    }

    pub(super) fn claim(
        &mut self,
        run: &RunId,
        journey: Journey,
        targets: &[String],
        at: Timestamp,
    ) -> Result<ClaimOutcome, JournalError> {
        self.run(run)?;
        let wanted: BTreeSet<String> = targets.iter().map(|target| rules::fold(target)).collect();
        let standing = wanted.iter().filter_map(|target| {
            let held = self.claims.get(target)?;
            Some(self.describe(target, held))
        });
        let evict = match rules::weigh(run, journey, standing.collect()) {
            Weighed::Refused { held } => return Ok(ClaimOutcome::Refused { held }),
            Weighed::Granted { evict } => evict,
        };
        for drill in &evict {
            self.claims.retain(|_, held| held.run != *drill);
            if let Some(drill) = self.runs.get_mut(drill) {
                drill.lease.epoch += 1;
                drill.released = true;
            }
        }
        for target in wanted {
            self.claims.entry(target).or_insert_with(|| Held {
                run: run.clone(),
                journey,
                since: at,
            });
        }
        let all = self.evictions.entry(run.clone()).or_default();
        all.extend(evict);
        let evicted = all.iter().cloned().collect();
        Ok(ClaimOutcome::Granted { evicted })
    }

    fn describe(&self, target: &str, held: &Held) -> Claim {
        Claim {
            target: target.to_owned(),
            run: held.run.clone(),
            journey: held.journey,
            since: held.since,
            holder: self.runs.get(&held.run).and_then(Run::lease),
        }
    }

    pub(super) fn release(&mut self, run: &RunId) -> Result<(), JournalError> {
        self.run(run)?;
        self.claims.retain(|_, held| held.run != *run);
        Ok(())
    }

    pub(super) fn claims(&self) -> Vec<Claim> {
        let all = self.claims.iter();
        all.map(|(target, held)| self.describe(target, held)).collect()
    }
}
