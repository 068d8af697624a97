//! What each question to a journal does inside its transaction.
//!
//! Everything here looks first and writes afterwards: an inner error means that nothing was written.

use std::collections::BTreeSet;

use jiff::Timestamp;
use leeward_engine::{
    id::RunId,
    port::{ClaimOutcome, Envelope, Holder, JournalError, LeaseInfo, LeasePolicy, OpenError, RunHeader},
    record::Record,
};
use leeward_runbook::journey::Journey;
use rusqlite::{Connection, Error};

use super::rows::{self, RunRow};
use crate::{
    holder,
    rules::{self, Weighed, fenced, no_such_run},
    verify::Verifier,
};

/// An answer, inside what the database had to say.
pub(super) type Answer<T, E = JournalError> = Result<Result<T, E>, Error>;

macro_rules! known {
    ($db:expr, $run:expr) => {
        match rows::find($db, $run)? {
            Some(row) => row,
            None => return Ok(Err(no_such_run($run).into())),
        }
    };
}

fn lost(run: &RunId, row: &RunRow, epoch: u64) -> Option<JournalError> {
    let ours = !row.released && row.lease.epoch == epoch;
    (!ours).then(|| fenced(run, row.holder()))
}

/// Makes a run; the answer is its epoch.
pub(super) fn create(
    db: &Connection,
    header: &RunHeader,
    files: &[(String, Vec<u8>)],
    holder: &Holder,
    now: Timestamp,
) -> Answer<u64, OpenError> {
    if rows::find(db, &header.run)?.is_some() {
        return Ok(Err(OpenError::Exists {
            run: header.run.clone(),
        }));
    }
    for (digest, content) in files {
        if rows::file_differs(db, digest, content)? {
            let reason = format!("two different files are called `{digest}`");
            return Ok(Err(JournalError::Unavailable { reason }.into()));
        }
    }
    let lease = LeaseInfo {
        holder: holder.clone(),
        epoch: 1,
        since: now,
        heartbeat: now,
    };
    let key = rows::add_run(db, header, &lease)?;
    for (digest, content) in files {
        rows::add_file(db, key, digest, content)?;
    }
    Ok(Ok(lease.epoch))
}

/// Takes a run's lease; the answer is its epoch and who had not given it back.
pub(super) fn take(
    db: &Connection,
    run: &RunId,
    by: &Holder,
    policy: LeasePolicy,
    now: Timestamp,
) -> Answer<(u64, Option<LeaseInfo>), OpenError> {
    let row = known!(db, run);
    let previous = row.holder();
    if !rules::may_take(previous.as_ref(), policy, holder::is_dead) {
        return Ok(Err(OpenError::Held {
            run: run.clone(),
            lease: Box::new(row.lease),
        }));
    }
    let lease = LeaseInfo {
        holder: by.clone(),
        epoch: row.lease.epoch + 1,
        since: now,
        heartbeat: now,
    };
    rows::take(db, row.key, &lease)?;
    Ok(Ok((lease.epoch, previous)))
}

/// Appends all records, or none.
pub(super) fn append(db: &Connection, run: &RunId, epoch: u64, records: &[Record]) -> Answer<()> {
    let row = known!(db, run);
    if let Some(error) = lost(run, &row, epoch) {
        return Ok(Err(error));
    }
    let end = match rules::extend(&row.head, epoch, records) {
        Ok(end) => end,
        Err(error) => return Ok(Err(error)),
    };
    if !records.is_empty() {
        rows::add_records(db, row.key, records, &end)?;
    }
    if records.iter().any(Record::ends_run) {
        rows::drop_claims(db, row.key)?;
    }
    Ok(Ok(()))
}

/// The most records of a portion, and about the most bytes: bounds what a reader must hold.
const MOST: usize = 1024;
const LARGEST: usize = 1 << 20;

/// Where a reader stands.
pub(super) enum Place {
    /// At a number; nothing was read yet.
    From(u64),
    /// Behind what was believed.
    Behind(Verifier),
}

/// Records that are believed, and what comes after them.
pub(super) struct Portion {
    pub(super) records: Vec<Record>,
    pub(super) then: Then,
}

/// What comes after a portion.
pub(super) enum Then {
    /// More records.
    More(Verifier),
    /// A record that cannot be believed.
    Damaged(JournalError),
    /// The journal's end, as far as it was written when this was read.
    End,
}

/// Reads the next records and believes none unchecked.
pub(super) fn portion(db: &Connection, run: &RunId, place: Place) -> Answer<Portion> {
    let row = known!(db, run);
    let end = row.end();
    let mut verifier = match place {
        // A live view asks from the end on, over and over, and costs one record.
        Place::From(from) => Verifier::from(run, from.min(end.seq + 1)),
        Place::Behind(verifier) => verifier,
    };
    let mut records = Vec::new();
    let mut bytes = 0;
    let mut ask = rows::records(db)?;
    let mut rows = ask.query(rows::records_from(row.key, verifier.next()))?;
    while let Some(stored) = rows.next()? {
        if records.len() >= MOST || bytes >= LARGEST {
            let then = Then::More(verifier);
            return Ok(Ok(Portion { records, then }));
        }
        let stored = rows::stored(stored)?;
        bytes += stored.line.len();
        match verifier.believe(stored) {
            Ok(believed) => records.extend(believed),
            Err(error) => {
                let then = Then::Damaged(error);
                return Ok(Ok(Portion { records, then }));
            }
        }
        if verifier.next() > end.seq + 1 {
            // What stands behind the end was not written by any append.
            break;
        }
    }
    let then = match verifier.ends_at(&end) {
        Ok(()) => Then::End,
        Err(error) => Then::Damaged(error),
    };
    Ok(Ok(Portion { records, then }))
}

/// Returns a run's file.
pub(super) fn file(db: &Connection, run: &RunId, digest: &str) -> Answer<Option<Vec<u8>>> {
    let row = known!(db, run);
    Ok(Ok(rows::file(db, row.key, digest)?))
}

/// Returns a run's commands.
pub(super) fn inbox(db: &Connection, run: &RunId) -> Answer<Vec<Envelope>> {
    let row = known!(db, run);
    let mut commands = Vec::new();
    for (id, text) in rows::commands(db, row.key)? {
        match serde_json::from_str(&text) {
            Ok(envelope) => commands.push(envelope),
            // A newer terminal asked for something that we do not know. It counts only once it is
            // recorded, so passing over it changes nothing, while failing would stop the run.
            Err(error) => tracing::warn!(%run, id, %error, "a command in the inbox is not understood"),
        }
    }
    Ok(Ok(commands))
}

/// Puts a command into a run's inbox.
pub(super) fn send(db: &Connection, run: &RunId, envelope: &Envelope) -> Answer<()> {
    let row = known!(db, run);
    rows::add_command(db, row.key, envelope)?;
    Ok(Ok(()))
}

/// Notes a sign of life.
pub(super) fn heartbeat(db: &Connection, run: &RunId, epoch: u64, at: Timestamp) -> Answer<()> {
    let row = known!(db, run);
    if let Some(error) = lost(run, &row, epoch) {
        return Ok(Err(error));
    }
    rows::set_heartbeat(db, row.key, rules::later(row.lease.heartbeat, at))?;
    Ok(Ok(()))
}

/// Gives a lease back.
pub(super) fn close(db: &Connection, run: &RunId, epoch: u64) -> Answer<()> {
    let row = known!(db, run);
    if row.lease.epoch != epoch {
        return Ok(Err(fenced(run, row.holder())));
    }
    rows::give_back(db, row.key, epoch)?;
    Ok(Ok(()))
}

/// Claims all targets, or none.
pub(super) fn claim(
    db: &Connection,
    run: &RunId,
    journey: Journey,
    targets: &[String],
    at: Timestamp,
) -> Answer<ClaimOutcome> {
    let row = known!(db, run);
    let wanted: BTreeSet<String> = targets.iter().map(|target| rules::fold(target)).collect();
    let mut standing = Vec::new();
    for target in &wanted {
        standing.extend(rows::claim_on(db, target)?);
    }
    let evicted = match rules::weigh(run, journey, standing) {
        Weighed::Refused { held } => return Ok(Ok(ClaimOutcome::Refused { held })),
        Weighed::Granted { evict } => evict,
    };
    for drill in &evicted {
        let drill = known!(db, drill);
        rows::drop_claims(db, drill.key)?;
        rows::give_back(db, drill.key, drill.lease.epoch + 1)?;
    }
    for target in &wanted {
        rows::add_claim(db, row.key, journey, target, at)?;
    }
    let evicted = rows::evictions(db, row.key, &evicted)?;
    Ok(Ok(ClaimOutcome::Granted { evicted }))
}

/// Gives all claims of a run back.
pub(super) fn release(db: &Connection, run: &RunId) -> Answer<()> {
    let row = known!(db, run);
    rows::drop_claims(db, row.key)?;
    Ok(Ok(()))
}
