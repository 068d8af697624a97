//! What may be written, taken and claimed: the decisions that every store shares.

use jiff::Timestamp;
use leeward_engine::{
    id::RunId,
    port::{Claim, Holder, JournalError, LeaseInfo, LeasePolicy, RunSummary},
    record::{Chain, Record},
};
use leeward_runbook::journey::Journey;

/// Says whether a lease may change hands. `lease` is `None` where it was given back.
pub(crate) fn may_take(
    lease: Option<&LeaseInfo>,
    policy: LeasePolicy,
    is_dead: impl Fn(&Holder) -> bool,
) -> bool {
    match (lease, policy) {
        (None, _) | (_, LeasePolicy::TakeOver) => true,
        (Some(lease), LeasePolicy::IfFree) => is_dead(&lease.holder),
    }
}

/// What becomes of a claim.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Weighed {
    /// It is granted; these drills lose theirs.
    Granted {
        /// Whole runs, in order.
        evict: Vec<RunId>,
    },
    /// It is not; nobody loses anything.
    Refused {
        /// What stands in the way.
        held: Vec<Claim>,
    },
}

/// Decides on a claim, given every standing claim on one of its targets.
///
/// A dead holder's claim stands: only that run's own end, or a person (`leeward unlock`), gives it
/// back, since nobody else knows what its open changes still do.
pub(crate) fn weigh(run: &RunId, journey: Journey, standing: Vec<Claim>) -> Weighed {
    let others = standing.into_iter().filter(|claim| claim.run != *run);
    let (yielding, held): (Vec<Claim>, Vec<Claim>) =
        others.partition(|claim| claim.journey == Journey::Drill && journey != Journey::Drill);
    if !held.is_empty() {
        return Weighed::Refused { held };
    }
    let mut evict: Vec<RunId> = yielding.into_iter().map(|claim| claim.run).collect();
    evict.sort();
    evict.dedup();
    Weighed::Granted { evict }
}

/// Returns the form in which targets are compared: Azure's resource ids ignore case.
pub(crate) fn fold(target: &str) -> String {
    target.trim_end_matches('/').to_lowercase()
}

/// Checks that records may follow what is there, and returns the new end.
///
/// A refusal means that nothing was written: whoever reads again learns what to follow.
pub(crate) fn extend(head: &Chain, epoch: u64, records: &[Record]) -> Result<Chain, JournalError> {
    let refuse = |reason: String| JournalError::Unavailable {
        reason: format!("the append was refused: {reason}"),
    };
    let mut chain = head.clone();
    for record in records {
        let seq = record.body.seq;
        if record.body.epoch != epoch {
            return Err(refuse(format!(
                "record {seq} carries epoch {}, the lease has {epoch}",
                record.body.epoch
            )));
        }
        if digest(&record.line) != record.hash {
            return Err(refuse(format!(
                "the hash of record {seq} is not that of its line"
            )));
        }
        chain.follow(record).map_err(|error| refuse(error.to_string()))?;
    }
    Ok(chain)
}

/// Returns the hash of a line or a file, in hex.
pub(crate) fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// Returns what a writer is told whose lease has changed hands.
pub(crate) fn fenced(run: &RunId, holder: Option<LeaseInfo>) -> JournalError {
    JournalError::Fenced {
        run: run.clone(),
        holder: holder.map(Box::new),
    }
}

/// Returns what is said of a run that nobody made.
pub(crate) fn no_such_run(run: &RunId) -> JournalError {
    JournalError::NoSuchRun { run: run.clone() }
}

/// Puts runs in the order in which they are listed.
pub(crate) fn newest_first(runs: &mut [RunSummary]) {
    runs.sort_by(|a, b| {
        let by_time = b.header.created.cmp(&a.header.created);
        by_time.then_with(|| b.header.run.cmp(&a.header.run))
    });
}

/// Returns the later of two moments.
pub(crate) fn later(a: Timestamp, b: Timestamp) -> Timestamp {
    a.max(b)
}
