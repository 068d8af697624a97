//! What only a file can promise: who may read it, what is done about damage, what is refused.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
#![allow(dead_code, reason = "the kit serves the contract suite first")]

#[path = "promises/kit.rs"]
mod kit;

use std::{path::PathBuf, sync::Arc, time::Duration};

use kit::{alive, at, command, header, next, run};
use leeward_engine::{
    conductor::{Conductor, ConductorError, Manners, Unobserved},
    port::{Clock, Driver, Drivers, Journal, JournalError, JournalStore, LeasePolicy, Moment},
    record::{Chain, Record},
};
use leeward_runbook::journey::Journey;
use leeward_store::{FILE_FORMAT, Settings, SqliteStore, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

/// A run of five records in a file of its own.
async fn five() -> (TempDir, PathBuf, SqliteStore, Box<dyn Journal>, Chain) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let store = SqliteStore::open(&path).unwrap();
    let made = header("a", Journey::Failover);
    let mut journal = store.create(&made, &[], &alive("ada")).await.unwrap();
    let mut chain = Chain::default();
    journal.append(&next(&mut chain, 1, 5)).await.unwrap();
    (folder, path, store, journal, chain)
}

async fn damage_after(statement: &str) -> (SqliteStore, TempDir) {
    let (folder, path, store, _, _) = five().await;
    Connection::open(&path).unwrap().execute(statement, []).unwrap();
    (store, folder)
}

async fn damaged_record(statement: &str) -> u64 {
    let (store, _folder) = damage_after(statement).await;
    match store.read(&run("a"), 1).await {
        Err(JournalError::Damaged { seq, run: named, .. }) => {
            assert_eq!(named, run("a"));
            seq
        }
        other => panic!("{statement}: {other:?}"),
    }
}

#[tokio::test]
async fn a_damaged_record_is_named_by_its_number() {
    // Edited, torn, removed in the middle, removed at the end, moved, and sealed anew by a forger.
    let edit = "UPDATE records SET line = replace(line, 'record 3', 'record X') WHERE seq = 3";
    assert_eq!(damaged_record(edit).await, 3);
    let torn = "UPDATE records SET line = substr(line, 1, 40) WHERE seq = 2";
    assert_eq!(damaged_record(torn).await, 2);
    assert_eq!(damaged_record("DELETE FROM records WHERE seq = 4").await, 4);
    assert_eq!(damaged_record("DELETE FROM records WHERE seq = 1").await, 1);
    assert_eq!(damaged_record("DELETE FROM records WHERE seq >= 4").await, 4);
    assert_eq!(
        damaged_record("UPDATE records SET seq = 6 WHERE seq = 5").await,
        5
    );
    assert_eq!(
        damaged_record("UPDATE records SET hash = hash || '0' WHERE seq = 5").await,
        5
    );
    assert_eq!(
        damaged_record("INSERT INTO records SELECT run, 6, line, hash FROM records WHERE seq = 5").await,
        6
    );
}

#[tokio::test]
async fn a_record_that_was_sealed_anew_does_not_follow() {
    let (_folder, path, store, _, _) = five().await;
    let old = store.read(&run("a"), 3).await.unwrap().remove(0);
    let new = Record::read(old.line.replace("record 3", "record X")).unwrap();
    let statement = "UPDATE records SET line = ?1, hash = ?2 WHERE seq = 3";
    Connection::open(&path)
        .unwrap()
        .execute(statement, [&new.line, &new.hash])
        .unwrap();
    let error = store.read(&run("a"), 1).await.unwrap_err();
    assert!(matches!(error, JournalError::Damaged { seq: 4, .. }), "{error}");
    assert!(
        error.to_string().contains("one of the two was changed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_live_view_behind_the_damage_goes_on_and_one_before_it_stops() {
    let (store, _folder) =
        damage_after("UPDATE records SET line = replace(line, 'record 2', 'record X') WHERE seq = 2").await;
    assert_eq!(store.read(&run("a"), 4).await.unwrap().len(), 2);
    let error = store.read(&run("a"), 3).await.unwrap_err();
    assert!(matches!(error, JournalError::Damaged { seq: 2, .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_run_is_not_resumed_and_its_lease_stays_free() {
    let (folder, path, store, mut journal, _) = five().await;
    journal.close().await.unwrap();
    Connection::open(&path)
        .unwrap()
        .execute("DELETE FROM records WHERE seq = 1", [])
        .unwrap();
    let conductor = Conductor {
        store: Arc::new(store.clone()),
        drivers: Arc::new(Nobody),
        clock: Arc::new(Nobody),
        holder: alive("grace"),
        manners: Manners::default(),
        stop: tokio::sync::watch::Sender::new(false).subscribe(),
    };
    for _ in 0..2 {
        let error = conductor
            .resume(&run("a"), LeasePolicy::IfFree, Vec::new(), &mut Unobserved)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                ConductorError::Journal(JournalError::Damaged { seq: 1, .. })
            ),
            "{error}"
        );
    }
    assert_eq!(store.runs().await.unwrap()[0].lease, None);
    drop(folder);
}

#[tokio::test]
async fn what_stands_before_the_damage_is_handed_out_and_nothing_behind_it() {
    let (_folder, path, store, mut journal, mut chain) = five().await;
    journal.append(&next(&mut chain, 1, 3000)).await.unwrap();
    let whole = store.read(&run("a"), 1).await.unwrap();
    for damaged in [3_usize, 1024, 1025, 2050, 3005] {
        let raw = Connection::open(&path).unwrap();
        let change = |from: &str, to: &str| {
            let statement = "UPDATE records SET line = replace(line, ?1, ?2) WHERE seq = ?3";
            raw.execute(statement, rusqlite::params![from, to, damaged as i64])
                .unwrap();
        };
        change("record", "recor!");
        let mut records = store.records(&run("a"), 1);
        let mut sound = Vec::new();
        let error = loop {
            match records.next().await {
                Ok(Some(portion)) => sound.extend(portion),
                Ok(None) => panic!("record {damaged} was believed"),
                Err(error) => break error,
            }
        };
        assert!(sound == whole[..damaged - 1], "{} before {damaged}", sound.len());
        assert!(
            matches!(error, JournalError::Damaged { seq, .. } if seq == damaged as u64),
            "{error}"
        );
        assert_eq!(records.next().await, Ok(None));
        change("recor!", "record");
    }
    assert!(store.read(&run("a"), 1).await.unwrap() == whole);
}

/// Knows no kind and no time.
struct Nobody;

impl Drivers for Nobody {
    fn of(&self, _kind: &str) -> Option<Arc<dyn Driver>> {
        None
    }
}

#[async_trait::async_trait]
impl Clock for Nobody {
    fn now(&self) -> Moment {
        Moment {
            wall: at(30),
            uptime: Duration::ZERO,
        }
    }

    async fn sleep_until(&self, _uptime: Duration) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_as_it_is() {
    let (_folder, path, store, mut journal, mut chain) = five().await;
    let raw = Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", FILE_FORMAT + 1).unwrap();

    let refused = StoreError::NewerFormat {
        path: path.clone(),
        found: FILE_FORMAT + 1,
        known: FILE_FORMAT,
    };
    assert_eq!(SqliteStore::open(&path).err(), Some(refused.clone()));
    assert_eq!(SqliteStore::open_read_only(&path).err(), Some(refused));
    // An old process that is still at work when a newer one changes the file stops, too.
    let error = journal.append(&next(&mut chain.clone(), 1, 1)).await.unwrap_err();
    assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("format 2"), "{error}");

    raw.pragma_update(None, "user_version", FILE_FORMAT).unwrap();
    journal.append(&next(&mut chain, 1, 1)).await.unwrap();
    assert_eq!(store.read(&run("a"), 1).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database at all, but long enough to be taken for one".repeat(20),
    )
    .unwrap();
    let foreign = folder.path().join("photos.db");
    Connection::open(&foreign)
        .unwrap()
        .execute("CREATE TABLE photos (name TEXT)", [])
        .unwrap();
    for path in [text, foreign] {
        let before = std::fs::read(&path).unwrap();
        let refused = Some(StoreError::NotAJournal { path: path.clone() });
        assert_eq!(SqliteStore::open(&path).err(), refused);
        assert_eq!(SqliteStore::open_read_only(&path).err(), refused);
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn reading_only_makes_nothing_and_writes_nothing() {
    let (folder, path, _store, _journal, _) = five().await;
    let nowhere = folder.path().join("nowhere.db");
    assert_eq!(
        SqliteStore::open_read_only(&nowhere).err(),
        Some(StoreError::Missing {
            path: nowhere.clone()
        })
    );
    assert!(!nowhere.exists());
    let reading = SqliteStore::open_read_only(&path).unwrap();
    assert_eq!(reading.read(&run("a"), 1).await.unwrap().len(), 5);
    let error = reading.send(&run("a"), &command("c")).await.unwrap_err();
    assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
    let error = reading
        .open(&run("a"), &alive("ada"), LeasePolicy::TakeOver)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("reading only"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_its_owner_can_read_the_journal() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").join("leeward");
    let path = state.join("journal.db");
    let store = SqliteStore::open(&path).unwrap();
    store
        .create(&header("a", Journey::Failover), &[], &alive("ada"))
        .await
        .unwrap();
    assert_eq!(mode(&state), 0o700);
    assert_eq!(mode(state.parent().unwrap()), 0o700);
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        assert_eq!(mode(&state.join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_another_process_keeps_locked_is_unavailable_until_it_lets_go() {
    let (_folder, path, first, mut journal, mut chain) = five().await;
    journal.close().await.unwrap();
    drop((journal, first));
    let settings = Settings {
        patience: Duration::from_millis(20),
        ..Settings::default()
    };
    let store = SqliteStore::open_with(&path, settings).unwrap();
    let mut journal = store
        .open(&run("a"), &alive("ada"), LeasePolicy::IfFree)
        .await
        .unwrap()
        .journal;
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = journal.append(&next(&mut chain.clone(), 2, 1)).await.unwrap_err();
    assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("keeps it locked"), "{error}");
    // Readers do not wait for writers.
    assert_eq!(store.read(&run("a"), 1).await.unwrap().len(), 5);
    raw.execute_batch("ROLLBACK").unwrap();
    journal.append(&next(&mut chain, 2, 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_make_one_file_at_once_all_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = Arc::new(folder.path().join("deep").join("journal.db"));
    let mut tasks = Vec::new();
    for number in 0..8 {
        let path = Arc::clone(&path);
        tasks.push(tokio::task::spawn_blocking(move || {
            SqliteStore::open(&*path).map(|store| (number, store))
        }));
    }
    for task in tasks {
        let (number, store) = task.await.unwrap().unwrap();
        let made = header(&format!("run-{number}"), Journey::Failover);
        store.create(&made, &[], &alive("ada")).await.unwrap();
    }
    assert_eq!(SqliteStore::open(&*path).unwrap().runs().await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_closed_journal_is_one_file_that_can_be_carried_away() {
    let (folder, path, store, journal, chain) = five().await;
    drop((journal, store));
    assert!(!folder.path().join("journal.db-wal").exists());
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    let records = SqliteStore::open_read_only(&copy)
        .unwrap()
        .read(&run("a"), 1)
        .await
        .unwrap();
    assert_eq!(kit::end_of(&records), chain);
}

#[tokio::test]
async fn leases_are_dated_by_the_clock_that_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        now: Arc::new(|| at(77)),
        ..Settings::default()
    };
    let store = SqliteStore::open_with(folder.path().join("journal.db"), settings).unwrap();
    store
        .create(&header("a", Journey::Failover), &[], &alive("ada"))
        .await
        .unwrap();
    assert_eq!(
        store.runs().await.unwrap()[0].lease.as_ref().unwrap().since,
        at(77)
    );
}

#[tokio::test]
async fn a_command_of_a_newer_terminal_does_not_stop_the_run() {
    let (_folder, path, store, mut journal, _) = five().await;
    store.send(&run("a"), &command("one")).await.unwrap();
    store.send(&run("a"), &command("two")).await.unwrap();
    let newer =
        "UPDATE inbox SET envelope = replace(envelope, '\"cancel\"', '\"levitate\"') WHERE id = 'one'";
    assert_eq!(Connection::open(&path).unwrap().execute(newer, []).unwrap(), 1);
    assert_eq!(journal.inbox().await.unwrap(), [command("two")]);
}
