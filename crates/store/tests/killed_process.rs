//! A real process is killed while it holds a run; the next one goes on at once.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
#![allow(dead_code, reason = "the kit serves the contract suite first")]

#[path = "promises/kit.rs"]
mod kit;

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use kit::{header, next, run};
use leeward_engine::{
    port::{JournalStore, LeasePolicy, OpenError},
    record::Chain,
};
use leeward_runbook::journey::Journey;
use leeward_store::{SqliteStore, holder};

const JOURNAL: &str = "LEEWARD_TEST_HOLD";

#[tokio::test]
async fn a_killed_process_loses_its_lease_at_once_and_none_of_its_records() {
    if let Some(path) = env::var_os(JOURNAL) {
        return hold_until_killed(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let this = "a_killed_process_loses_its_lease_at_once_and_none_of_its_records";
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", this, "--nocapture"])
        .env(JOURNAL, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains("holding")),
        "the child never held the run"
    );

    let store = SqliteStore::open(&path).unwrap();
    let me = holder::this_process();
    let error = store.open(&run("a"), &me, LeasePolicy::IfFree).await.unwrap_err();
    let OpenError::Held { lease, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(lease.holder.process, child.id());
    assert!(!holder::is_dead(&lease.holder));

    child.kill().unwrap();
    child.wait().unwrap();
    assert!(holder::is_dead(&lease.holder));
    let mut opened = store.open(&run("a"), &me, LeasePolicy::IfFree).await.unwrap();
    assert_eq!(opened.previous.unwrap().holder, lease.holder);
    assert_eq!(opened.journal.epoch(), 2);
    assert_eq!(opened.journal.read(1).await.unwrap().len(), 3);
}

/// The child's part: says that it holds the run, and waits for the end.
async fn hold_until_killed(path: &std::ffi::OsStr) {
    let store = SqliteStore::open(path).unwrap();
    let made = header("a", Journey::Failover);
    let mut journal = store.create(&made, &[], &holder::this_process()).await.unwrap();
    journal.append(&next(&mut Chain::default(), 1, 3)).await.unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "holding").and_then(|()| out.flush()).unwrap();
    std::future::pending::<()>().await;
}
