//! Promises about who may write.

use leeward_engine::{
    port::{JournalError, LeasePolicy, OpenError},
    record::Chain,
};
use leeward_runbook::journey::Journey;

use super::kit::{Kit, alive, at, dead, elsewhere, end_of, next, run};

fn fencer(error: JournalError) -> Option<String> {
    match error {
        JournalError::Fenced { holder, .. } => holder.map(|lease| lease.holder.user),
        other => panic!("not fenced: {other}"),
    }
}

pub async fn a_live_lease_is_not_taken_without_being_told_to(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let error = kit
        .other
        .open(&run("a"), &alive("grace"), LeasePolicy::IfFree)
        .await
        .unwrap_err();
    let OpenError::Held { lease, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((lease.holder.user.as_str(), lease.epoch), ("ada", 1));
    assert!(error.to_string().contains("held by ada"), "{error}");
    journal.append(&next(&mut Chain::default(), 1, 1)).await.unwrap();
}

pub async fn a_process_on_another_host_is_never_thought_dead(kit: Kit) {
    drop(kit.create("a", Journey::Failover, &elsewhere("ada")).await);
    let error = kit
        .other
        .open(&run("a"), &alive("grace"), LeasePolicy::IfFree)
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Held { .. }), "{error}");
}

pub async fn a_lease_that_was_given_back_is_free(kit: Kit) {
    let mut journal = kit.failover("a").await;
    journal.append(&next(&mut Chain::default(), 1, 2)).await.unwrap();
    journal.close().await.unwrap();
    journal.close().await.unwrap();
    assert_eq!(fencer(journal.append(&[]).await.unwrap_err()), None);
    let mut opened = kit
        .other
        .open(&run("a"), &alive("grace"), LeasePolicy::IfFree)
        .await
        .unwrap();
    assert_eq!(opened.journal.epoch(), 2);
    assert_eq!(opened.previous, None);
    assert_eq!(opened.journal.read(1).await.unwrap().len(), 2);
    assert_eq!(
        fencer(journal.close().await.unwrap_err()).as_deref(),
        Some("grace")
    );
}

pub async fn a_run_whose_process_is_dead_is_opened_at_once_and_goes_on(kit: Kit) {
    let mut journal = kit.create("a", Journey::Failover, &dead("ada")).await;
    let mut chain = Chain::default();
    journal.append(&next(&mut chain, 1, 3)).await.unwrap();
    drop(journal);
    let mut opened = kit
        .other
        .open(&run("a"), &alive("grace"), LeasePolicy::IfFree)
        .await
        .unwrap();
    assert_eq!(opened.journal.epoch(), 2);
    assert_eq!(opened.previous.unwrap().holder.user, "ada");
    assert_eq!(end_of(&opened.journal.read(1).await.unwrap()), chain);
    opened.journal.append(&next(&mut chain, 2, 1)).await.unwrap();
    assert_eq!(kit.store.read(&run("a"), 1).await.unwrap().len(), 4);
}

pub async fn a_writer_that_was_taken_over_writes_nothing_more(kit: Kit) {
    let mut old = kit.failover("a").await;
    let mut chain = Chain::default();
    old.append(&next(&mut chain, 1, 2)).await.unwrap();
    let taken = kit.take_over("a", "grace").await;
    assert_eq!(taken.previous.unwrap().holder.user, "ada");
    let mut new = taken.journal;

    let stale = next(&mut chain.clone(), 1, 1);
    assert_eq!(
        fencer(old.append(&stale).await.unwrap_err()).as_deref(),
        Some("grace")
    );
    assert_eq!(
        fencer(old.append(&[]).await.unwrap_err()).as_deref(),
        Some("grace")
    );
    assert_eq!(
        fencer(old.heartbeat(at(99)).await.unwrap_err()).as_deref(),
        Some("grace")
    );
    assert_eq!(fencer(old.close().await.unwrap_err()).as_deref(), Some("grace"));

    new.append(&next(&mut chain, 2, 2)).await.unwrap();
    let records = old.read(1).await.unwrap();
    assert_eq!(
        records.iter().map(|record| record.body.epoch).collect::<Vec<_>>(),
        [1, 1, 2, 2]
    );
}

pub async fn of_two_who_open_a_free_run_at_once_one_wins(kit: Kit) {
    for round in 0..20 {
        let name = format!("run-{round}");
        kit.failover(&name).await.close().await.unwrap();
        let open = |store: std::sync::Arc<dyn leeward_engine::port::JournalStore>, user: &'static str| {
            let run = run(&name);
            tokio::spawn(async move { store.open(&run, &alive(user), LeasePolicy::IfFree).await })
        };
        let (one, two) = (open(kit.store.clone(), "ada"), open(kit.other.clone(), "grace"));
        let results = [one.await.unwrap(), two.await.unwrap()];
        let winners = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(winners, 1, "round {round}: {results:?}");
        let lost = |result: &Result<_, OpenError>| matches!(result, Err(OpenError::Held { .. }));
        assert!(results.iter().any(lost), "round {round}: {results:?}");
    }
}

pub async fn two_terminals_that_fight_over_a_lease_leave_one_history(kit: Kit) {
    kit.failover("a").await.close().await.unwrap();
    let fight = |store: std::sync::Arc<dyn leeward_engine::port::JournalStore>, user: &'static str| {
        tokio::spawn(async move {
            let mut written = Vec::new();
            for _ in 0..10 {
                let mut opened = store
                    .open(&run("a"), &alive(user), LeasePolicy::TakeOver)
                    .await
                    .unwrap();
                let mut chain = end_of(&opened.journal.read(1).await.unwrap());
                let epoch = opened.journal.epoch();
                for _ in 0..5 {
                    let records = next(&mut chain, epoch, 2);
                    match opened.journal.append(&records).await {
                        Ok(()) => written.extend(records),
                        Err(JournalError::Fenced { .. }) => break,
                        Err(other) => panic!("{user}: {other}"),
                    }
                    tokio::task::yield_now().await;
                }
            }
            written
        })
    };
    let (one, two) = (fight(kit.store.clone(), "ada"), fight(kit.other.clone(), "grace"));
    let mut written = [one.await.unwrap(), two.await.unwrap()].concat();
    written.sort_by_key(|record| record.body.seq);
    // Everything that was answered is there, nothing else is, and it is one chain.
    assert_eq!(kit.store.read(&run("a"), 1).await.unwrap(), written);
    end_of(&written);
}

pub async fn a_sign_of_life_is_seen_by_others_and_never_moves_back(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let far = at(1_000_000_000);
    journal.heartbeat(far).await.unwrap();
    journal.heartbeat(at(5)).await.unwrap();
    let lease = kit.other.runs().await.unwrap().remove(0).lease.unwrap();
    assert_eq!(lease.heartbeat, far);
    assert!(lease.since < far);
}
