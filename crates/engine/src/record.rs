//! One entry of a journal: sequence, epoch, time, event, and the hash of the entry before it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Event;

/// The version of the record format. Old readers tolerate unknown events; resume refuses them.
pub const JOURNAL_FORMAT: u32 = 1;

/// The `prev` of the first record.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One entry, with the very bytes that its hash speaks of.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What the line says.
    pub body: Body,
    /// The line as stored: one JSON object without a newline.
    pub line: String,
    /// BLAKE3 of the line, in hex.
    pub hash: String,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// From 1, without a gap.
    pub seq: u64,
    /// The lease's epoch when it was written.
    pub epoch: u64,
    /// When; never earlier than the record before.
    pub at: Timestamp,
    /// The hash of the record before.
    pub prev: String,
    /// What became true.
    pub event: Event,
}

impl Record {
    /// Writes a record down and seals it with its hash.
    pub fn seal(body: Body) -> Result<Record, RecordError> {
        let line =
            serde_json::to_string(&body).map_err(|error| RecordError::Unwritable(error.to_string()))?;
        let hash = blake3::hash(line.as_bytes()).to_hex().to_string();
        Ok(Record { body, line, hash })
    }

    /// Reads a line back. Does not look at the record before; see [`Chain`].
    pub fn read(line: String) -> Result<Record, RecordError> {
        let body = match serde_json::from_str(&line) {
            Ok(body) => body,
            Err(error) => foreign(&line).ok_or_else(|| RecordError::Unreadable(error.to_string()))?,
        };
        let hash = blake3::hash(line.as_bytes()).to_hex().to_string();
        Ok(Record { body, line, hash })
    }

    /// Returns whether the run is over with this record, so that it holds no target any more.
    pub fn ends_run(&self) -> bool {
        matches!(self.body.event, Event::RunEnded { .. })
    }
}

/// What every version writes: the rest of a record may say what this one does not know.
#[derive(Deserialize)]
struct Bare {
    seq: u64,
    epoch: u64,
    at: Timestamp,
    prev: String,
    event: Named,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "event")]
    _event: String,
}

/// Reads a record whose event holds something unknown, however deep inside. Its bytes are hashed and
/// followed like any other's, so an accident to them is told from a newer version.
fn foreign(line: &str) -> Option<Body> {
    let Bare {
        seq,
        epoch,
        at,
        prev,
        event: Named { .. },
    } = serde_json::from_str(line).ok()?;
    Some(Body {
        seq,
        epoch,
        at,
        prev,
        event: Event::Foreign,
    })
}

/// The end of a journal: what the next record must follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The last sequence number, 0 before the first.
    pub seq: u64,
    /// The last hash.
    pub hash: String,
    /// The last time.
    pub at: Timestamp,
    /// The last epoch.
    pub epoch: u64,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain {
            seq: 0,
            hash: GENESIS.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            epoch: 0,
        }
    }
}

impl Chain {
    /// Checks that a record follows, and moves on to it.
    pub fn follow(&mut self, record: &Record) -> Result<(), RecordError> {
        let body = &record.body;
        if body.seq != self.seq + 1 {
            return Err(RecordError::Gap {
                expected: self.seq + 1,
                found: body.seq,
            });
        }
        if body.prev != self.hash {
            return Err(RecordError::Broken { seq: body.seq });
        }
        if body.at < self.at || body.epoch < self.epoch {
            return Err(RecordError::Backwards { seq: body.seq });
        }
        *self = Chain {
            seq: body.seq,
            hash: record.hash.clone(),
            at: body.at,
            epoch: body.epoch,
        };
        Ok(())
    }

    /// Seals the next record. Time never runs backwards, whatever the clock says.
    pub fn next(&mut self, epoch: u64, at: Timestamp, event: Event) -> Result<Record, RecordError> {
        let at = at.max(self.at);
        let record = Record::seal(Body {
            seq: self.seq + 1,
            epoch,
            at,
            prev: self.hash.clone(),
            event,
        })?;
        self.follow(&record)?;
        Ok(record)
    }
}

/// Why a record cannot be part of a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It could not be written as JSON.
    #[error("the record cannot be written: {0}")]
    Unwritable(String),
    /// It is not a record.
    #[error("the line is not a record: {0}")]
    Unreadable(String),
    /// A sequence number is missing or doubled.
    #[error("record {expected} is missing, {found} stands in its place")]
    Gap {
        /// What should stand there.
        expected: u64,
        /// What does.
        found: u64,
    },
    /// The hash of the record before is another one.
    #[error("record {seq} does not follow the one before it: one of the two was changed")]
    Broken {
        /// The record.
        seq: u64,
    },
    /// Time or epoch ran backwards.
    #[error("record {seq} is older than the one before it")]
    Backwards {
        /// The record.
        seq: u64,
    },
}
