//! The ways in which a test can make a memory journal fail.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
#![allow(dead_code, reason = "the kit serves the contract suite first")]

#[path = "promises/kit.rs"]
mod kit;

use kit::{alive, at, header, next, run};
use leeward_engine::{
    port::{Journal, JournalError, JournalStore, LeasePolicy},
    record::Chain,
};
use leeward_runbook::journey::Journey;
use leeward_store::{AppendFault, MemoryStore};

async fn fresh() -> (MemoryStore, Box<dyn Journal>, Chain) {
    let store = MemoryStore::new();
    let made = header("a", Journey::Failover);
    let journal = store.create(&made, &[], &alive("ada")).await.unwrap();
    (store, journal, Chain::default())
}

#[tokio::test]
async fn a_fault_strikes_one_append_and_tells_the_truth_about_what_is_kept() {
    let (store, mut journal, mut chain) = fresh().await;
    store.fail_next_append(AppendFault::Unavailable);
    store.fail_next_append(AppendFault::AmbiguousLost);
    store.fail_next_append(AppendFault::AmbiguousWritten);
    let records = next(&mut chain, 1, 2);
    let error = journal.append(&records).await.unwrap_err();
    assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
    let error = journal.append(&records).await.unwrap_err();
    assert!(matches!(error, JournalError::Ambiguous { .. }), "{error}");
    assert_eq!(journal.read(1).await.unwrap(), []);
    let error = journal.append(&records).await.unwrap_err();
    assert!(matches!(error, JournalError::Ambiguous { .. }), "{error}");
    assert_eq!(journal.read(1).await.unwrap(), records);
    journal.append(&next(&mut chain, 1, 1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_after_a_record_leaves_it_durable_and_learns_nothing() {
    let (store, mut journal, mut chain) = fresh().await;
    store.die_after(4);
    journal.append(&next(&mut chain, 1, 2)).await.unwrap();
    let records = next(&mut chain, 1, 3);
    tokio::select! {
        biased;
        answer = journal.append(&records) => panic!("the dead were answered: {answer:?}"),
        () = store.died() => {}
    }
    // What the dead process still tries does not arrive.
    let late = tokio::time::timeout(std::time::Duration::from_secs(9), journal.heartbeat(at(9))).await;
    assert!(late.is_err());

    let opened = store
        .open(&run("a"), &alive("grace"), LeasePolicy::IfFree)
        .await
        .unwrap();
    let mut journal = opened.journal;
    assert_eq!(journal.read(1).await.unwrap().len(), 5);
    journal.append(&next(&mut chain, 2, 5)).await.unwrap();
}

#[tokio::test]
async fn a_process_can_be_killed_between_two_appends() {
    let (store, mut journal, mut chain) = fresh().await;
    journal.append(&next(&mut chain, 1, 2)).await.unwrap();
    let death = store.died();
    store.die();
    death.await;
    let mut opened = store
        .open(&run("a"), &alive("ada"), LeasePolicy::IfFree)
        .await
        .unwrap();
    assert_eq!(opened.journal.read(1).await.unwrap().len(), 2);
}

#[tokio::test]
async fn leases_are_dated_by_what_the_store_has_heard_of() {
    let (store, mut journal, _) = fresh().await;
    journal.heartbeat(at(33)).await.unwrap();
    store
        .create(&header("b", Journey::Drill), &[], &alive("ada"))
        .await
        .unwrap();
    let list = store.runs().await.unwrap();
    let since = |name: &str| {
        let line = list.iter().find(|line| line.header.run == run(name)).unwrap();
        line.lease.as_ref().unwrap().since
    };
    assert_eq!((since("a"), since("b")), (at(0), at(33)));
}
