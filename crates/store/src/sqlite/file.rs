//! How the journal's file is made and opened, so that nobody but its owner ever reads it.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use super::{
    schema::{self, FILE_FORMAT, Kind},
    trouble::{StoreError, words},
};

/// Makes the file where there is none, and opens it for writing.
pub(super) fn open_writing(path: &Path, patience: Duration) -> Result<Connection, StoreError> {
    make_private(path).map_err(|error| unusable(path, error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = connect(path, flags, patience)?;
    let sql = |error: Error| unusable(path, words(&error));
    // Looked at before anything is changed: a file of somebody else stays as it is.
    accept(path, schema::look(&db).map_err(|error| not_ours(path, &error))?)?;
    keep_a_write_ahead_log(&db, patience).map_err(sql)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
    db.pragma_update(None, "foreign_keys", true).map_err(sql)?;
    accept(path, schema::make(&db).map_err(sql)?)?;
    Ok(db)
}

/// Opens an existing file for reading.
pub(super) fn open_reading(path: &Path, patience: Duration) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing {
            path: path.to_owned(),
        });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = connect(path, flags, patience)?;
    match schema::look(&db).map_err(|error| not_ours(path, &error))? {
        Kind::Empty => Err(StoreError::NotAJournal {
            path: path.to_owned(),
        }),
        kind => accept(path, kind).map(|()| db),
    }
}

/// Returns the path in a form that SQLite takes for nothing but a path.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(path).map_err(|error| unusable(path, error.to_string()))
}

fn connect(path: &Path, flags: OpenFlags, patience: Duration) -> Result<Connection, StoreError> {
    let db = Connection::open_with_flags(path, flags).map_err(|error| unusable(path, words(&error)))?;
    db.busy_timeout(patience)
        .map_err(|error| unusable(path, words(&error)))?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

fn accept(path: &Path, kind: Kind) -> Result<(), StoreError> {
    let path = path.to_owned();
    match kind {
        Kind::Empty | Kind::Ours => Ok(()),
        Kind::Foreign => Err(StoreError::NotAJournal { path }),
        Kind::Newer(found) => Err(StoreError::NewerFormat {
            path,
            found,
            known: FILE_FORMAT,
        }),
    }
}

fn not_ours(path: &Path, error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotAJournal {
            path: path.to_owned(),
        },
        _ => unusable(path, words(error)),
    }
}

/// Returns the error for a file that the system keeps from us.
pub(super) fn unusable(path: &Path, reason: String) -> StoreError {
    StoreError::Unusable {
        path: path.to_owned(),
        reason,
    }
}

/// Makes the folder and an empty file, both for their owner only.
///
/// SQLite gives its `-wal` and `-shm` files the mode of the file that they belong to. A file that is
/// there already keeps its mode: whoever widened it meant to.
fn make_private(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.exists()) {
        private_folder().recursive(true).create(folder)?;
    }
    match private_file().write(true).create_new(true).open(path) {
        Ok(file) => file.sync_all()?,
        // Another process was faster; it is its file as much as ours.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    sync_folder(folder)
}

#[cfg(unix)]
fn private_folder() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes the file's name durable, too: a record is worth nothing in a file that cannot be found.
#[cfg(unix)]
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    folder.map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
}

// On Windows the user's state directory is private by the access list that it inherits.
#[cfg(not(unix))]
fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(not(unix))]
fn sync_folder(_folder: Option<&Path>) -> io::Result<()> {
    Ok(())
}

/// Turns the write-ahead log on. SQLite does not wait for others here, so we do.
fn keep_a_write_ahead_log(db: &Connection, patience: Duration) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let turned = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match turned {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Ok(mode) => {
                let reason = format!("it keeps its journal mode `{mode}`, which is not durable enough");
                return Err(Error::ToSqlConversionFailure(reason.into()));
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                if begun.elapsed() >= patience {
                    return Err(error);
                }
                std::thread::park_timeout(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
}
