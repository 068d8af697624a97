//! Every statement that reads or writes a row; each is one fixed text.

use jiff::Timestamp;
use leeward_engine::{
    id::RunId,
    port::{Claim, Envelope, Holder, LeaseInfo, RunHeader, RunSummary},
    record::{Chain, Record},
};
use leeward_runbook::journey::Journey;
use rusqlite::{CachedStatement, Connection, Error, OptionalExtension, Params, Row, params};

use super::value::{Json, Moment, Number, Word};
use crate::verify::{Head, Stored};

/// A run as the file knows it.
pub(super) struct RunRow {
    /// Its number in this file.
    pub(super) key: i64,
    /// The end of its journal.
    pub(super) head: Chain,
    /// The last lease.
    pub(super) lease: LeaseInfo,
    /// Whether that was given back.
    pub(super) released: bool,
}

impl RunRow {
    /// Returns who holds the run, where somebody does.
    pub(super) fn holder(&self) -> Option<LeaseInfo> {
        (!self.released).then(|| self.lease.clone())
    }

    /// Returns the end of the journal, for whoever reads it.
    pub(super) fn end(&self) -> Head {
        Head {
            seq: self.head.seq,
            hash: self.head.hash.clone(),
        }
    }
}

fn lease_at(row: &Row<'_>, first: usize) -> Result<(LeaseInfo, bool), Error> {
    let lease = LeaseInfo {
        holder: row.get::<_, Json<Holder>>(first)?.0,
        epoch: row.get::<_, Number>(first + 1)?.0,
        since: row.get::<_, Moment>(first + 2)?.0,
        heartbeat: row.get::<_, Moment>(first + 3)?.0,
    };
    Ok((lease, row.get(first + 4)?))
}

/// Finds a run by name.
pub(super) fn find(db: &Connection, run: &RunId) -> Result<Option<RunRow>, Error> {
    let mut ask = db.prepare_cached(
        "SELECT r.key, r.last_seq, r.last_hash, r.last_at, r.last_epoch,
                l.holder, l.epoch, l.since, l.heartbeat, l.released
         FROM runs r JOIN lease l ON l.run = r.key WHERE r.run = ?1",
    )?;
    let found = ask.query_row([run.as_str()], |row| {
        let (lease, released) = lease_at(row, 5)?;
        Ok(RunRow {
            key: row.get(0)?,
            head: Chain {
                seq: row.get::<_, Number>(1)?.0,
                hash: row.get(2)?,
                at: row.get::<_, Moment>(3)?.0,
                epoch: row.get::<_, Number>(4)?.0,
            },
            lease,
            released,
        })
    });
    found.optional()
}

/// Makes a run and its first lease. Returns its number.
pub(super) fn add_run(db: &Connection, header: &RunHeader, lease: &LeaseInfo) -> Result<i64, Error> {
    let start = Chain::default();
    db.prepare_cached(
        "INSERT INTO runs (run, header, last_seq, last_hash, last_at, last_epoch) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        header.run.as_str(),
        Json(header),
        Number(start.seq),
        start.hash,
        Moment(start.at),
        Number(start.epoch)
    ])?;
    let key = db.last_insert_rowid();
    db.prepare_cached(
        "INSERT INTO lease (run, holder, epoch, since, heartbeat, released) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
    )?
    .execute(params![
        key,
        Json(&lease.holder),
        Number(lease.epoch),
        Moment(lease.since),
        Moment(lease.heartbeat)
    ])?;
    Ok(key)
}

/// Says whether another content is filed under this digest.
pub(super) fn file_differs(db: &Connection, digest: &str, content: &[u8]) -> Result<bool, Error> {
    let mut ask = db.prepare_cached("SELECT content <> ?2 FROM files WHERE digest = ?1")?;
    let found = ask
        .query_row(params![digest, content], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(false))
}

/// Files a content for a run.
pub(super) fn add_file(db: &Connection, run: i64, digest: &str, content: &[u8]) -> Result<(), Error> {
    db.prepare_cached("INSERT INTO files (digest, content) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING")?
        .execute(params![digest, content])?;
    db.prepare_cached("INSERT INTO run_files (run, digest) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![run, digest])?;
    Ok(())
}

/// Returns a run's file.
pub(super) fn file(db: &Connection, run: i64, digest: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut ask = db.prepare_cached(
        "SELECT f.content FROM run_files u JOIN files f ON f.digest = u.digest WHERE u.run = ?1 AND u.digest = ?2",
    )?;
    ask.query_row(params![run, digest], |row| row.get(0)).optional()
}

/// Writes a lease down, taken and not given back.
pub(super) fn take(db: &Connection, run: i64, lease: &LeaseInfo) -> Result<(), Error> {
    db.prepare_cached(
        "UPDATE lease SET holder = ?2, epoch = ?3, since = ?4, heartbeat = ?5, released = 0 WHERE run = ?1",
    )?
    .execute(params![
        run,
        Json(&lease.holder),
        Number(lease.epoch),
        Moment(lease.since),
        Moment(lease.heartbeat)
    ])?;
    Ok(())
}

/// Notes a sign of life.
pub(super) fn set_heartbeat(db: &Connection, run: i64, at: Timestamp) -> Result<(), Error> {
    db.prepare_cached("UPDATE lease SET heartbeat = ?2 WHERE run = ?1")?
        .execute(params![run, Moment(at)])?;
    Ok(())
}

/// Gives a lease back at the given epoch.
pub(super) fn give_back(db: &Connection, run: i64, epoch: u64) -> Result<(), Error> {
    db.prepare_cached("UPDATE lease SET epoch = ?2, released = 1 WHERE run = ?1")?
        .execute(params![run, Number(epoch)])?;
    Ok(())
}

/// Writes records behind the last one and moves the journal's end.
pub(super) fn add_records(db: &Connection, run: i64, records: &[Record], end: &Chain) -> Result<(), Error> {
    let mut add = db.prepare_cached("INSERT INTO records (run, seq, line, hash) VALUES (?1, ?2, ?3, ?4)")?;
    for record in records {
        add.execute(params![run, Number(record.body.seq), record.line, record.hash])?;
    }
    db.prepare_cached(
        "UPDATE runs SET last_seq = ?2, last_hash = ?3, last_at = ?4, last_epoch = ?5 WHERE key = ?1",
    )?
    .execute(params![
        run,
        Number(end.seq),
        end.hash,
        Moment(end.at),
        Number(end.epoch)
    ])?;
    Ok(())
}

/// Asks for what is filed as records from a given number on; see [`records_from`] and [`stored`].
pub(super) fn records(db: &Connection) -> Result<CachedStatement<'_>, Error> {
    db.prepare_cached("SELECT seq, line, hash FROM records WHERE run = ?1 AND seq >= ?2 ORDER BY seq")
}

/// Says which records are asked for.
pub(super) fn records_from(run: i64, from: u64) -> impl Params {
    (run, Number(from))
}

/// Returns what is filed as a record.
pub(super) fn stored(row: &Row<'_>) -> Result<Stored, Error> {
    Ok(Stored {
        seq: row.get::<_, Number>(0)?.0,
        line: row.get(1)?,
        hash: row.get(2)?,
    })
}

/// Lists the runs, in no order.
pub(super) fn summaries(db: &Connection) -> Result<Vec<RunSummary>, Error> {
    let mut ask = db.prepare_cached(
        "SELECT r.header, r.last_seq, l.holder, l.epoch, l.since, l.heartbeat, l.released
         FROM runs r JOIN lease l ON l.run = r.key",
    )?;
    let rows = ask.query_map([], |row| {
        let (lease, released) = lease_at(row, 2)?;
        Ok(RunSummary {
            header: row.get::<_, Json<RunHeader>>(0)?.0,
            records: row.get::<_, Number>(1)?.0,
            lease: (!released).then_some(lease),
        })
    })?;
    rows.collect()
}

/// Puts a command into the inbox, once.
pub(super) fn add_command(db: &Connection, run: i64, envelope: &Envelope) -> Result<(), Error> {
    db.prepare_cached(
        "INSERT INTO inbox (run, ordinal, id, envelope)
         VALUES (?1, (SELECT coalesce(max(ordinal), 0) + 1 FROM inbox WHERE run = ?1), ?2, ?3)
         ON CONFLICT (run, id) DO NOTHING",
    )?
    .execute(params![run, envelope.id.0, Json(envelope)])?;
    Ok(())
}

/// Returns the commands in the inbox as text, with their names, oldest first.
pub(super) fn commands(db: &Connection, run: i64) -> Result<Vec<(String, String)>, Error> {
    let mut ask = db.prepare_cached("SELECT id, envelope FROM inbox WHERE run = ?1 ORDER BY ordinal")?;
    let rows = ask.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn claim_of(row: &Row<'_>) -> Result<Claim, Error> {
    let (lease, released) = lease_at(row, 4)?;
    Ok(Claim {
        target: row.get(0)?,
        run: RunId(row.get(1)?),
        journey: row.get::<_, Word<Journey>>(2)?.0,
        since: row.get::<_, Moment>(3)?.0,
        holder: (!released).then_some(lease),
    })
}

/// Returns who holds a target.
pub(super) fn claim_on(db: &Connection, target: &str) -> Result<Option<Claim>, Error> {
    let mut ask = db.prepare_cached(
        "SELECT c.target, r.run, c.journey, c.since, l.holder, l.epoch, l.since, l.heartbeat, l.released
         FROM claims c JOIN runs r ON r.key = c.run JOIN lease l ON l.run = c.run WHERE c.target = ?1",
    )?;
    ask.query_row([target], claim_of).optional()
}

/// Lists every claim.
pub(super) fn claims(db: &Connection) -> Result<Vec<Claim>, Error> {
    let mut ask = db.prepare_cached(
        "SELECT c.target, r.run, c.journey, c.since, l.holder, l.epoch, l.since, l.heartbeat, l.released
         FROM claims c JOIN runs r ON r.key = c.run JOIN lease l ON l.run = c.run ORDER BY c.target",
    )?;
    let rows = ask.query_map([], claim_of)?;
    rows.collect()
}

/// Claims a target that is free, or ours already.
pub(super) fn add_claim(
    db: &Connection,
    run: i64,
    journey: Journey,
    target: &str,
    at: Timestamp,
) -> Result<(), Error> {
    db.prepare_cached(
        "INSERT INTO claims (target, run, journey, since) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (target) DO NOTHING",
    )?
    .execute(params![target, run, Word(journey), Moment(at)])?;
    Ok(())
}

/// Drops every claim of a run.
pub(super) fn drop_claims(db: &Connection, run: i64) -> Result<(), Error> {
    db.prepare_cached("DELETE FROM claims WHERE run = ?1")?
        .execute([run])?;
    Ok(())
}

/// Keeps which drills had to yield to a run, and returns all that ever had to, by name.
///
/// The table is made here: files of this format that were made earlier lack it, and nobody else looks into it.
pub(super) fn evictions(db: &Connection, run: i64, now: &[RunId]) -> Result<Vec<RunId>, Error> {
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS evictions (
             run   INTEGER NOT NULL REFERENCES runs (key),
             drill TEXT NOT NULL,
             PRIMARY KEY (run, drill)
         ) STRICT, WITHOUT ROWID",
    )?;
    let mut add =
        db.prepare_cached("INSERT INTO evictions (run, drill) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    for drill in now {
        add.execute(params![run, drill.as_str()])?;
    }
    let mut ask = db.prepare_cached("SELECT drill FROM evictions WHERE run = ?1 ORDER BY drill")?;
    let rows = ask.query_map([run], |row| Ok(RunId(row.get(0)?)))?;
    rows.collect()
}
