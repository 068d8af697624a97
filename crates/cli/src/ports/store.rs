//! Where this command's journals live.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use leeward_engine::port::JournalStore;
use leeward_store::{SqliteStore, StoreError};

use crate::{code::Code, commands::Desk, exit::Exit, failure::Failure, settings::Origin};

/// Returns the journal's place, and whether somebody asked for it.
pub fn place(desk: &Desk) -> Result<(PathBuf, bool), Failure> {
    if let Some((path, origin)) = desk.settings.get("journal") {
        return Ok((PathBuf::from(path), *origin != Origin::Default));
    }
    let path = leeward_store::default_path(|name| env::var_os(name)).ok_or_else(|| {
        Failure::new(
            Code::JournalUnavailable,
            "there is no place for a journal: this user has no home",
        )
        .hint("name a file with `--journal FILE`")
    })?;
    Ok((path, false))
}

/// Opens the journal for writing; makes it where there is none.
pub fn open(desk: &Desk) -> Result<Arc<dyn JournalStore>, Failure> {
    let (path, _) = place(desk)?;
    let store = SqliteStore::open(&path).map_err(|error| failure(&path, &error))?;
    Ok(Arc::new(store))
}

/// Opens a journal that must be there already, for writing into inboxes.
pub async fn open_existing(desk: &Desk) -> Result<Arc<dyn JournalStore>, Failure> {
    let (path, asked) = place(desk)?;
    if !path.is_file() {
        return Err(missing(&path, asked));
    }
    open(desk)
}

/// Opens a journal that must be there already, for reading.
pub async fn open_reading(desk: &Desk) -> Result<Arc<dyn JournalStore>, Failure> {
    let (path, asked) = place(desk)?;
    if !path.is_file() {
        return Err(missing(&path, asked));
    }
    let store = SqliteStore::open_read_only(&path).map_err(|error| failure(&path, &error))?;
    Ok(Arc::new(store))
}

fn missing(path: &Path, asked: bool) -> Failure {
    let failure =
        Failure::new(Code::NothingToResume, "there is no journal yet").at(path.display().to_string());
    match asked {
        true => failure.hint("look at the path: a journal is made by the first run"),
        false => failure.hint("name the journal of the run with `--journal FILE` or LEEWARD_JOURNAL"),
    }
}

fn failure(path: &Path, error: &StoreError) -> Failure {
    let failure = Failure::new(Code::JournalUnavailable, error.to_string()).at(path.display().to_string());
    match error {
        StoreError::NewerFormat { .. } => {
            failure.hint("use the version of leeward that wrote it, or a newer one")
        }
        StoreError::NotAJournal { .. } => {
            let mut failure = failure.hint("name another file with `--journal FILE`");
            failure.exit = Exit::Usage;
            failure
        }
        StoreError::Missing { .. } | StoreError::Unusable { .. } => {
            failure.hint("look at the folder, its permissions and the free space of the disk")
        }
    }
}
