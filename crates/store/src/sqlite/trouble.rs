//! What SQLite's errors mean for a journal, in words for the person on call.

use std::path::PathBuf;

use leeward_engine::port::JournalError;
use rusqlite::{Error, ErrorCode};

/// Why a journal file cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A newer Leeward wrote it.
    #[error("the journal {} has format {found}, this version of leeward knows {known}", .path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i32,
        /// The newest one that this version knows.
        known: i32,
    },
    /// It is a file of something else.
    #[error("{} is not a journal of leeward", .path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// There is none, and reading does not make one.
    #[error("there is no journal at {}", .path.display())]
    Missing {
        /// The place.
        path: PathBuf,
    },
    /// The system does not let us.
    #[error("the journal {} cannot be used: {reason}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Returns the error for a read, or a write of which nothing can have been kept.
pub(super) fn unavailable(error: &Error) -> JournalError {
    JournalError::Unavailable { reason: words(error) }
}

/// Returns the error for a commit that failed.
///
/// A busy commit is still open and is taken back. Any other may have reached the disk: the next
/// process to open the file can find the last write whole, although its sync failed.
pub(super) fn of_commit(error: &Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => unavailable(error),
        _ => JournalError::Ambiguous { reason: words(error) },
    }
}

/// Says in words what went wrong.
pub(super) fn words(error: &Error) -> String {
    let plain = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "the file may not be written",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process keeps it locked",
        Some(ErrorCode::CannotOpen) => "the file, or one that belongs to it, cannot be opened",
        Some(ErrorCode::SystemIoFailure) => "reading or writing the disk failed",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "the file is damaged",
        _ => return error.to_string(),
    };
    format!("{plain} ({error})")
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn failure(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn a_commit_that_failed_on_the_disk_is_ambiguous_and_a_locked_one_is_not() {
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_FULL] {
            let error = of_commit(&failure(code));
            assert!(matches!(error, JournalError::Ambiguous { .. }), "{error}");
        }
        let error = of_commit(&failure(ffi::SQLITE_BUSY));
        assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
    }

    #[test]
    fn a_full_disk_is_called_by_its_name() {
        assert!(words(&failure(ffi::SQLITE_FULL)).starts_with("the disk is full"));
    }
}
