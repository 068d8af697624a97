//! How a test makes a memory journal fail, or a process die, at a chosen record.

use leeward_engine::port::JournalError;

/// What goes wrong with the next append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFault {
    /// The store did not take it, and says so.
    Unavailable,
    /// Nobody knows; it was written.
    AmbiguousWritten,
    /// Nobody knows; it was not written.
    AmbiguousLost,
}

impl AppendFault {
    /// Says whether the records are kept all the same.
    pub(super) fn writes(self) -> bool {
        self == AppendFault::AmbiguousWritten
    }

    /// Returns what the writer is told.
    pub(super) fn error(self) -> JournalError {
        let reason = "a test asked for it".to_owned();
        match self {
            AppendFault::Unavailable => JournalError::Unavailable { reason },
            AppendFault::AmbiguousWritten | AppendFault::AmbiguousLost => JournalError::Ambiguous { reason },
        }
    }
}
