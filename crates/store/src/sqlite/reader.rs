//! Who reads the file? Connections of their own, so that no reader waits for a writer.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use leeward_engine::port::JournalError;
use rusqlite::{Connection, Error};

use super::{file, trouble};

/// The most connections that are kept for the next reader.
const KEPT: usize = 4;

/// Connections for reading.
pub(super) struct Readers {
    path: PathBuf,
    patience: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Makes the pool; connections are opened when they are needed.
    pub(super) fn new(path: PathBuf, patience: Duration) -> Readers {
        Readers {
            path,
            patience,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Keeps a connection for the next reader.
    pub(super) fn keep(&self, db: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(db);
        }
    }

    /// Closes what is idle.
    pub(super) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads one state of the file: what is written meanwhile is not seen.
    pub(super) fn read<T>(
        &self,
        look: impl FnOnce(&Connection) -> Result<Result<T, JournalError>, Error>,
    ) -> Result<T, JournalError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let db = match idle {
            Some(db) => db,
            None => self.open()?,
        };
        let seen = db.unchecked_transaction().and_then(|view| {
            let seen = look(&view)?;
            view.finish()?;
            Ok(seen)
        });
        match seen {
            Ok(seen) => {
                self.keep(db);
                seen
            }
            // The connection may be what is broken; the next reader gets a fresh one.
            Err(error) => Err(trouble::unavailable(&error)),
        }
    }

    fn open(&self) -> Result<Connection, JournalError> {
        file::open_reading(&self.path, self.patience).map_err(|error| JournalError::Unavailable {
            reason: error.to_string(),
        })
    }
}
