//! What is in the file, and is it one that this version may touch?

use rusqlite::{Connection, Error};

/// The format of the file that this version writes.
pub const FILE_FORMAT: i32 = 1;

/// Marks a SQLite file as ours: `Leew`.
const APPLICATION: i32 = 0x4c65_6577;

const TABLES: &str = "
CREATE TABLE runs (
    key        INTEGER PRIMARY KEY,
    run        TEXT NOT NULL UNIQUE,
    header     TEXT NOT NULL,
    last_seq   INTEGER NOT NULL,
    last_hash  TEXT NOT NULL,
    last_at    TEXT NOT NULL,
    last_epoch INTEGER NOT NULL
) STRICT;
CREATE TABLE records (
    run  INTEGER NOT NULL REFERENCES runs (key),
    seq  INTEGER NOT NULL,
    line TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE files (
    digest  TEXT NOT NULL PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;
CREATE TABLE run_files (
    run    INTEGER NOT NULL REFERENCES runs (key),
    digest TEXT NOT NULL REFERENCES files (digest),
    PRIMARY KEY (run, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE lease (
    run       INTEGER PRIMARY KEY REFERENCES runs (key),
    holder    TEXT NOT NULL,
    epoch     INTEGER NOT NULL,
    since     TEXT NOT NULL,
    heartbeat TEXT NOT NULL,
    released  INTEGER NOT NULL
) STRICT;
CREATE TABLE inbox (
    run      INTEGER NOT NULL REFERENCES runs (key),
    ordinal  INTEGER NOT NULL,
    id       TEXT NOT NULL,
    envelope TEXT NOT NULL,
    PRIMARY KEY (run, ordinal),
    UNIQUE (run, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE claims (
    target  TEXT NOT NULL PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES runs (key),
    journey TEXT NOT NULL,
    since   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_of_run ON claims (run);
";

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing is in it yet.
    Empty,
    /// A journal of this version's format.
    Ours,
    /// A journal of a newer format.
    Newer(i32),
    /// A SQLite file of somebody else.
    Foreign,
}

/// Looks at a file without changing it.
pub(super) fn look(db: &Connection) -> Result<Kind, Error> {
    // One statement, so that a file that is just being made is seen before or after, never between.
    let ask = "SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
               FROM pragma_application_id a, pragma_user_version v";
    let (application, format, tables): (i32, i32, i64) =
        db.query_row(ask, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(match (application, format, tables) {
        (0, 0, 0) => Kind::Empty,
        (APPLICATION, FILE_FORMAT, _) => Kind::Ours,
        (APPLICATION, newer, _) if newer > FILE_FORMAT => Kind::Newer(newer),
        _ => Kind::Foreign,
    })
}

/// Returns the file's format number.
pub(super) fn format(db: &Connection) -> Result<i32, Error> {
    let mut ask = db.prepare_cached("SELECT user_version FROM pragma_user_version")?;
    ask.query_row([], |row| row.get(0))
}

/// Makes the tables, unless another process has just done so.
pub(super) fn make(db: &Connection) -> Result<Kind, Error> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let made = look(db).and_then(|kind| {
        if kind != Kind::Empty {
            return Ok(kind);
        }
        db.execute_batch(TABLES)?;
        db.pragma_update(None, "application_id", APPLICATION)?;
        db.pragma_update(None, "user_version", FILE_FORMAT)?;
        Ok(Kind::Ours)
    });
    db.execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    made
}
