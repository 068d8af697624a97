//! What can only be shown from the inside: a disk that fills up.

use jiff::Timestamp;
use leeward_engine::{
    event::Event,
    id::RunId,
    port::{Journal, JournalError, JournalStore, RunHeader},
    record::{Chain, Record},
};
use leeward_runbook::journey::Journey;

use super::SqliteStore;
use crate::holder;

/// Stands in for the size of a disk: SQLite answers a file at its limit as it answers a full disk.
async fn limit(store: &SqliteStore, pages: i64) {
    let limit = move |db: &rusqlite::Connection| {
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        Ok(Ok::<(), JournalError>(()))
    };
    store.write(limit).await.unwrap();
}

async fn create(store: &SqliteStore, name: &str) -> Box<dyn Journal> {
    let header = RunHeader {
        run: RunId(name.into()),
        runbook: "minimal".into(),
        journey: Journey::Failover,
        plan_digest: "d".into(),
        created: Timestamp::UNIX_EPOCH,
    };
    store.create(&header, &[], &holder::this_process()).await.unwrap()
}

fn next(chain: &mut Chain, count: usize) -> Vec<Record> {
    let mut record = || {
        let reason = "x".repeat(500);
        chain
            .next(1, Timestamp::UNIX_EPOCH, Event::Cancelled { reason })
            .unwrap()
    };
    (0..count).map(|_| record()).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_the_append_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("journal.db")).unwrap();
    let mut journal = create(&store, "a").await;
    let mut chain = Chain::default();
    journal.append(&next(&mut chain, 5)).await.unwrap();
    limit(&store, 40).await;
    let error = journal.append(&next(&mut chain.clone(), 2000)).await.unwrap_err();
    assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(journal.read(1).await.unwrap().len(), 5);
    limit(&store, 100_000).await;
    journal.append(&next(&mut chain, 2000)).await.unwrap();
    assert_eq!(journal.read(1).await.unwrap().len(), 2005);
}

#[tokio::test]
async fn an_append_that_does_not_fit_takes_no_other_run_down_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("journal.db")).unwrap();
    let (mut large, mut small) = (create(&store, "large").await, create(&store, "small").await);
    limit(&store, 40).await;
    // While the writer is kept busy, both queue up for one commit.
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let busy = store.write(move |_| {
        let _ = wait.recv();
        Ok(Ok::<(), JournalError>(()))
    });
    let (too_much, little) = (next(&mut Chain::default(), 2000), next(&mut Chain::default(), 1));
    let queued = async {
        tokio::task::yield_now().await;
        release.send(()).unwrap();
    };
    let (kept, refused, written, ()) =
        tokio::join!(busy, large.append(&too_much), small.append(&little), queued);
    kept.unwrap();
    let error = refused.unwrap_err();
    assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
    written.unwrap();
    assert_eq!(store.read(&RunId("small".into()), 1).await.unwrap(), little);
}
