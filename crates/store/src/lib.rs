//! Where journals live: in memory for rehearsals and tests, in one SQLite file otherwise.
//!
//! Both stores keep the same promises, and one contract suite (`tests/contract.rs`) holds both to
//! them: appends are all or nothing, a stale writer is refused, two live runs never share a target.
//! What the file looks like is told in `docs/journal-format.md`.

pub mod holder;
mod memory;
mod place;
mod rules;
mod sqlite;
mod verify;

pub use memory::{AppendFault, MemoryStore};
pub use place::default_path;
pub use sqlite::{FILE_FORMAT, Settings, SqliteStore, StoreError};
