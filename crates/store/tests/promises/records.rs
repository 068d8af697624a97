//! Promises about what is written and read.

use jiff::Timestamp;
use leeward_engine::{
    event::Event,
    port::{JournalError, LeasePolicy, OpenError},
    record::{Chain, GENESIS},
};
use leeward_runbook::journey::Journey;

use super::kit::{Kit, alive, at, end_of, header, next, run};

pub async fn what_was_appended_is_read_back_to_the_byte(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let mut chain = Chain::default();
    let first = next(&mut chain, 1, 2);
    let second = next(&mut chain, 1, 3);
    journal.append(&first).await.unwrap();
    journal.append(&second).await.unwrap();
    let all = [first, second].concat();
    assert_eq!(kit.other.read(&run("a"), 1).await.unwrap(), all);
    assert_eq!(kit.other.read(&run("a"), 0).await.unwrap(), all);
    assert_eq!(journal.read(4).await.unwrap(), all[3..]);
    assert_eq!(journal.read(6).await.unwrap(), []);
    assert_eq!(journal.read(u64::MAX).await.unwrap(), []);
    assert_eq!(all[0].body.prev, GENESIS);
}

pub async fn a_long_history_comes_whole_in_portions_from_wherever_it_is_asked(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let mut chain = Chain::default();
    let written = next(&mut chain, 1, 5000);
    for append in written.chunks(700) {
        journal.append(append).await.unwrap();
    }
    for from in [1, 2, 3, 1023, 1024, 1025, 1026, 2048, 4999, 5000, 5001, 9000] {
        for mut records in [journal.records(from), kit.other.records(&run("a"), from)] {
            let (mut read, mut portions) = (Vec::new(), 0);
            while let Some(portion) = records.next().await.unwrap() {
                assert!(!portion.is_empty() && portion.len() <= 1024, "{}", portion.len());
                portions += 1;
                read.extend(portion);
            }
            assert!(from > 1 || portions >= 5, "{portions} portions");
            let first = (from as usize - 1).min(written.len());
            assert!(read == written[first..], "from {from}: {} records", read.len());
            assert_eq!(records.next().await, Ok(None), "nothing comes after the end");
        }
    }
}

pub async fn a_record_larger_than_a_portion_holds_nothing_up(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let mut chain = Chain::default();
    let reason = "x".repeat(3 << 20);
    let mut written = vec![chain.next(1, at(10), Event::Cancelled { reason }).unwrap()];
    written.extend(next(&mut chain, 1, 3));
    journal.append(&written).await.unwrap();
    for from in 1..=4_u64 {
        let read = kit.other.read(&run("a"), from).await.unwrap();
        assert!(read == written[from as usize - 1..], "from {from}");
    }
}

pub async fn a_run_that_is_just_made_has_no_records(kit: Kit) {
    let mut journal = kit.failover("a").await;
    assert_eq!(journal.epoch(), 1);
    assert_eq!(journal.read(1).await.unwrap(), []);
    journal.append(&[]).await.unwrap();
    assert_eq!(kit.other.read(&run("a"), 1).await.unwrap(), []);
}

pub async fn an_append_that_does_not_follow_the_last_record_writes_nothing(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let mut chain = Chain::default();
    let good = next(&mut chain, 1, 2);
    journal.append(&good).await.unwrap();

    let again = journal.append(&good).await.unwrap_err();
    assert!(matches!(again, JournalError::Unavailable { .. }), "{again}");
    let gap = next(&mut chain.clone(), 1, 2);
    let error = journal.append(&gap[1..]).await.unwrap_err();
    assert!(error.to_string().contains("record 3 is missing"), "{error}");
    let mut forged = next(&mut chain.clone(), 1, 2);
    forged[1].line = forged[1].line.replace("epoch 1", "epoch one");
    let error = journal.append(&forged).await.unwrap_err();
    assert!(error.to_string().contains("hash of record 4"), "{error}");
    let mut other_past = Chain {
        seq: 2,
        ..Chain::default()
    };
    let error = journal.append(&next(&mut other_past, 1, 1)).await.unwrap_err();
    assert!(matches!(error, JournalError::Unavailable { .. }), "{error}");
    let error = journal.append(&next(&mut chain.clone(), 2, 1)).await.unwrap_err();
    assert!(error.to_string().contains("carries epoch 2"), "{error}");

    assert_eq!(journal.read(1).await.unwrap(), good);
    journal.append(&next(&mut chain, 1, 1)).await.unwrap();
}

pub async fn records_of_many_runs_at_once_keep_their_order(kit: Kit) {
    let mut tasks = Vec::new();
    for number in 0..16 {
        let name = format!("run-{number}");
        let store = if number % 2 == 0 { &kit.store } else { &kit.other };
        let made = header(&name, Journey::Failover);
        let mut journal = store.create(&made, &[], &alive("ada")).await.unwrap();
        tasks.push(tokio::spawn(async move {
            let mut chain = Chain::default();
            for size in [1, 3, 2, 5, 1, 4, 1, 1, 2] {
                journal.append(&next(&mut chain, 1, size)).await.unwrap();
            }
            chain
        }));
    }
    for (number, task) in tasks.into_iter().enumerate() {
        let chain = task.await.unwrap();
        let records = kit.store.read(&run(&format!("run-{number}")), 1).await.unwrap();
        assert_eq!(end_of(&records), chain, "run {number}");
        assert_eq!(records.len(), 20, "run {number}");
    }
}

pub async fn a_reader_beside_a_writer_only_ever_sees_whole_appends(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let writer = tokio::spawn(async move {
        let mut chain = Chain::default();
        for _ in 0..40 {
            journal.append(&next(&mut chain, 1, 5)).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut seen = 0;
    while seen < 200 {
        let new = kit.other.read(&run("a"), seen + 1).await.unwrap();
        assert_eq!(new.len() % 5, 0, "half an append after {seen}");
        seen += new.len() as u64;
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

pub async fn an_event_of_a_newer_version_is_kept_as_it_was_written(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let mut chain = Chain::default();
    let mut newer = Vec::new();
    // An event, what happened to a step, what happened to an operation: each may be of a kind to come.
    for unknown in [
        r#"{"event":"teleported","to":"mars"}"#,
        r#"{"event":"step","step":"sql","change":{"step-event":"teleported","to":"mars"}}"#,
        r#"{"event":"operation","step":"sql","operation":"move","change":{"operation-event":"teleported","to":"mars"}}"#,
        r#"{"event":"step","step":"sql","change":{"step-event":"stuck","reason":"r","choices":["mars"]}}"#,
    ] {
        let known = chain.clone().next(1, at(10), Event::Paused).unwrap();
        let line = known.line.replace(r#"{"event":"paused"}"#, unknown);
        let record = leeward_engine::record::Record::read(line).unwrap();
        assert_eq!(record.body.event, Event::Foreign, "{unknown}");
        chain.follow(&record).unwrap();
        newer.push(record);
    }
    journal.append(&newer).await.unwrap();
    let read = kit.other.read(&run("a"), 1).await.unwrap();
    assert!(read.iter().all(|record| record.line.contains("mars")));
    assert_eq!(read, newer);
}

pub async fn an_unknown_run_is_said_to_be_unknown(kit: Kit) {
    let nobody = run("nobody");
    let unknown = JournalError::NoSuchRun { run: nobody.clone() };
    let is = |result: Result<(), JournalError>| assert_eq!(result, Err(unknown.clone()));
    is(kit.store.read(&nobody, 1).await.map(drop));
    is(kit.store.file(&nobody, "d").await.map(drop));
    is(kit.store.send(&nobody, &super::kit::command("c")).await);
    is(kit.store.release(&nobody).await);
    is(kit
        .store
        .claim(&nobody, Journey::Drill, &["t".into()], at(1))
        .await
        .map(drop));
    for policy in [LeasePolicy::IfFree, LeasePolicy::TakeOver] {
        let error = kit.store.open(&nobody, &alive("ada"), policy).await.unwrap_err();
        assert_eq!(error, OpenError::Journal(unknown.clone()));
    }
    assert_eq!(kit.store.runs().await.unwrap(), []);
}

pub async fn a_run_is_made_once_and_keeps_its_files(kit: Kit) {
    let made = header("a", Journey::Failover);
    let files = [
        ("d1".to_owned(), b"one".to_vec()),
        ("d2".to_owned(), vec![0, 159, 255]),
    ];
    kit.store.create(&made, &files, &alive("ada")).await.unwrap();
    let error = kit.other.create(&made, &[], &alive("grace")).await.err().unwrap();
    assert_eq!(error, OpenError::Exists { run: run("a") });
    assert_eq!(
        kit.other.file(&run("a"), "d2").await.unwrap(),
        Some(vec![0, 159, 255])
    );
    assert_eq!(kit.other.file(&run("a"), "d3").await.unwrap(), None);

    // Another run with the same file has it, too; a run that did not bring it does not.
    let second = header("b", Journey::Failover);
    kit.store
        .create(&second, &files[..1], &alive("ada"))
        .await
        .unwrap();
    assert_eq!(
        kit.store.file(&run("b"), "d1").await.unwrap(),
        Some(b"one".to_vec())
    );
    assert_eq!(kit.store.file(&run("b"), "d2").await.unwrap(), None);
}

pub async fn runs_are_listed_newest_first_with_their_records_and_holders(kit: Kit) {
    for (name, created) in [("old", 0), ("new", 60), ("middle", 30)] {
        let mut made = header(name, Journey::Failover);
        // With and without a fraction: the order must be that of time, not of text.
        made.created = at(created)
            .saturating_add(jiff::Span::new().milliseconds(created))
            .unwrap();
        kit.store.create(&made, &[], &alive(name)).await.unwrap();
    }
    let mut middle = kit.take_over("middle", "grace").await.journal;
    middle.append(&next(&mut Chain::default(), 2, 4)).await.unwrap();
    middle.close().await.unwrap();
    let list = kit.other.runs().await.unwrap();
    let shown: Vec<_> = list
        .iter()
        .map(|line| {
            let user = line.lease.as_ref().map(|lease| lease.holder.user.as_str());
            (line.header.run.as_str(), line.records, user)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("r-new", 0, Some("new")),
            ("r-middle", 4, None),
            ("r-old", 0, Some("old"))
        ]
    );
}

pub async fn a_new_lease_shows_when_it_was_taken(kit: Kit) {
    kit.failover("a").await;
    let lease = kit.store.runs().await.unwrap().remove(0).lease.unwrap();
    assert!(lease.since > Timestamp::UNIX_EPOCH);
    assert_eq!(lease.since, lease.heartbeat);
}
