//! Promises about targets that no two runs may share.

use leeward_engine::{
    event::{Event, Outcome},
    port::{Claim, ClaimOutcome, JournalError, LeasePolicy},
    record::Chain,
};
use leeward_runbook::journey::Journey;

use super::kit::{Kit, alive, at, dead, next, run};

fn targets(names: &[&str]) -> Vec<String> {
    names
        .iter()
        .map(|name| format!("/subscriptions/s/{name}"))
        .collect()
}

impl Kit {
    async fn claim(&self, name: &str, journey: Journey, names: &[&str]) -> ClaimOutcome {
        let outcome = self
            .other
            .claim(&run(name), journey, &targets(names), at(40))
            .await;
        outcome.unwrap()
    }

    async fn held(&self) -> Vec<(String, String)> {
        let short = |claim: Claim| {
            let target = claim.target.rsplit('/').next().unwrap().to_owned();
            (target, claim.run.to_string())
        };
        self.store
            .claims()
            .await
            .unwrap()
            .into_iter()
            .map(short)
            .collect()
    }
}

fn granted() -> ClaimOutcome {
    ClaimOutcome::Granted { evicted: vec![] }
}

fn refused(outcome: ClaimOutcome) -> Vec<Claim> {
    match outcome {
        ClaimOutcome::Refused { held } => held,
        ClaimOutcome::Granted { evicted } => panic!("granted, evicting {evicted:?}"),
    }
}

pub async fn two_failovers_never_share_a_target(kit: Kit) {
    let _one = kit.failover("one").await;
    let _two = kit.create("two", Journey::Failover, &alive("grace")).await;
    assert_eq!(
        kit.claim("one", Journey::Failover, &["SQL", "vm"]).await,
        granted()
    );
    // Azure's ids ignore case, and so does a claim.
    let held = refused(kit.claim("two", Journey::Failover, &["aks", "sql", "VM"]).await);
    assert_eq!(held.len(), 2);
    for claim in &held {
        assert_eq!(claim.run, run("one"));
        assert_eq!(claim.journey, Journey::Failover);
        assert_eq!(claim.since, at(40));
        assert_eq!(claim.holder.as_ref().unwrap().holder.user, "ada");
    }
    // All or nothing: the free one was not taken either.
    assert_eq!(
        kit.held().await,
        [("sql".into(), "r-one".into()), ("vm".into(), "r-one".into())]
    );
    assert_eq!(kit.claim("two", Journey::Failover, &["aks"]).await, granted());
}

pub async fn a_run_may_claim_again_what_it_holds(kit: Kit) {
    let _one = kit.failover("one").await;
    assert_eq!(kit.claim("one", Journey::Failover, &["sql"]).await, granted());
    let later = kit
        .store
        .claim(
            &run("one"),
            Journey::Failover,
            &targets(&["sql", "vm", "vm"]),
            at(90),
        )
        .await;
    assert_eq!(later.unwrap(), granted());
    let claims = kit.store.claims().await.unwrap();
    let since: Vec<_> = claims.iter().map(|claim| claim.since).collect();
    assert_eq!(since, [at(40), at(90)]);
}

pub async fn a_failover_evicts_a_live_drill_whole_and_fences_it(kit: Kit) {
    let mut drill = kit.create("drill", Journey::Drill, &alive("ada")).await;
    let mut chain = Chain::default();
    drill.append(&next(&mut chain, 1, 1)).await.unwrap();
    let _other_drill = kit.create("bystander", Journey::Drill, &alive("ada")).await;
    let _failover = kit.failover("real").await;
    assert_eq!(
        kit.claim("drill", Journey::Drill, &["sql", "vm"]).await,
        granted()
    );
    assert_eq!(kit.claim("bystander", Journey::Drill, &["lab"]).await, granted());

    let outcome = kit.claim("real", Journey::Failover, &["sql", "aks"]).await;
    assert_eq!(
        outcome,
        ClaimOutcome::Granted {
            evicted: vec![run("drill")]
        }
    );
    assert_eq!(
        kit.held().await,
        [
            ("aks".into(), "r-real".into()),
            ("lab".into(), "r-bystander".into()),
            ("sql".into(), "r-real".into())
        ]
    );
    let error = drill.append(&next(&mut chain, 1, 1)).await.unwrap_err();
    assert!(matches!(error, JournalError::Fenced { .. }), "{error}");
    let error = drill.heartbeat(at(50)).await.unwrap_err();
    assert!(matches!(error, JournalError::Fenced { .. }), "{error}");
    let error = drill.close().await.unwrap_err();
    assert!(matches!(error, JournalError::Fenced { .. }), "{error}");

    // The drill may be picked up again to be cleaned up, but not to what the failover holds.
    let again = kit
        .store
        .open(&run("drill"), &alive("ada"), LeasePolicy::IfFree)
        .await
        .unwrap();
    assert_eq!(again.journal.epoch(), 3);
    assert_eq!(
        refused(kit.claim("drill", Journey::Drill, &["sql"]).await).len(),
        1
    );
}

pub async fn a_failover_evicts_a_drill_whose_process_is_dead_or_gone(kit: Kit) {
    drop(kit.create("crashed", Journey::Drill, &dead("ada")).await);
    kit.create("left", Journey::Drill, &alive("ada"))
        .await
        .close()
        .await
        .unwrap();
    let _failover = kit.failover("real").await;
    assert_eq!(kit.claim("crashed", Journey::Drill, &["sql"]).await, granted());
    assert_eq!(kit.claim("left", Journey::Drill, &["vm"]).await, granted());
    let outcome = kit.claim("real", Journey::Failback, &["sql", "vm"]).await;
    let evicted = vec![run("crashed"), run("left")];
    assert_eq!(outcome, ClaimOutcome::Granted { evicted });
}

pub async fn a_drill_yields_to_a_drill_and_to_a_failover(kit: Kit) {
    let _drill = kit.create("drill", Journey::Drill, &alive("ada")).await;
    let _failover = kit.failover("real").await;
    let _late = kit.create("late", Journey::Drill, &alive("grace")).await;
    assert_eq!(kit.claim("drill", Journey::Drill, &["sql"]).await, granted());
    assert_eq!(kit.claim("real", Journey::Failover, &["vm"]).await, granted());
    let held = refused(kit.claim("late", Journey::Drill, &["vm", "sql", "aks"]).await);
    let names: Vec<_> = held.iter().map(|claim| claim.run.as_str()).collect();
    assert_eq!(names, ["r-drill", "r-real"]);
}

pub async fn a_refused_failover_evicts_no_drill(kit: Kit) {
    let mut drill = kit.create("drill", Journey::Drill, &alive("ada")).await;
    let _one = kit.failover("one").await;
    let _two = kit.failover("two").await;
    assert_eq!(kit.claim("drill", Journey::Drill, &["sql"]).await, granted());
    assert_eq!(kit.claim("one", Journey::Failover, &["vm"]).await, granted());
    let held = refused(kit.claim("two", Journey::Failover, &["sql", "vm"]).await);
    assert_eq!(held.len(), 1, "only what does not yield stands in the way");
    drill.append(&next(&mut Chain::default(), 1, 1)).await.unwrap();
    assert_eq!(kit.held().await.len(), 2);
}

pub async fn a_dead_failover_keeps_its_claims_until_they_are_given_back(kit: Kit) {
    drop(kit.create("dead", Journey::Failover, &dead("ada")).await);
    let _next = kit.failover("next").await;
    assert_eq!(kit.claim("dead", Journey::Failover, &["sql"]).await, granted());
    let held = refused(kit.claim("next", Journey::Failover, &["sql"]).await);
    let lease = held[0].holder.as_ref().unwrap();
    assert_eq!((lease.holder.user.as_str(), held[0].since), ("ada", at(40)));

    // Neither does a run that closed without giving them back lose them.
    kit.take_over("dead", "grace")
        .await
        .journal
        .close()
        .await
        .unwrap();
    let held = refused(kit.claim("next", Journey::Failover, &["sql"]).await);
    assert_eq!(held[0].holder, None);

    kit.store.release(&run("dead")).await.unwrap();
    kit.store.release(&run("dead")).await.unwrap();
    assert_eq!(kit.claim("next", Journey::Failover, &["sql"]).await, granted());
}

pub async fn of_many_failovers_that_want_one_target_at_once_one_gets_it(kit: Kit) {
    let mut tasks = Vec::new();
    for number in 0..10 {
        let name = format!("run-{number}");
        kit.failover(&name).await;
        let store = if number % 2 == 0 {
            kit.store.clone()
        } else {
            kit.other.clone()
        };
        tasks.push(tokio::spawn(async move {
            let wanted = targets(&["sql", &name]);
            store
                .claim(&run(&name), Journey::Failover, &wanted, at(40))
                .await
                .unwrap()
        }));
    }
    let mut winners = 0;
    for task in tasks {
        winners += usize::from(task.await.unwrap() == granted());
    }
    assert_eq!(winners, 1);
    assert_eq!(kit.held().await.len(), 2);
}

pub async fn a_run_gives_its_targets_back_with_the_very_record_that_ends_it(kit: Kit) {
    let mut one = kit.failover("one").await;
    let _two = kit.failover("two").await;
    assert_eq!(kit.claim("one", Journey::Failover, &["sql"]).await, granted());
    assert_eq!(kit.claim("two", Journey::Failover, &["vm"]).await, granted());
    let mut chain = Chain::default();
    one.append(&next(&mut chain, 1, 1)).await.unwrap();
    assert_eq!(kit.held().await.len(), 2, "a run that goes on keeps them");
    let outcome = Outcome::Cancelled;
    let end = chain.next(1, at(10), Event::RunEnded { outcome }).unwrap();
    one.append(&[end]).await.unwrap();
    // Nobody called for it, and the lease is still held: there is no moment for a death in between.
    assert_eq!(kit.held().await, [("vm".into(), "r-two".into())]);
}

pub async fn a_failover_that_died_before_it_wrote_down_who_yielded_is_told_again(kit: Kit) {
    let _drill = kit.create("drill", Journey::Drill, &alive("ada")).await;
    let _failover = kit.failover("real").await;
    let _next = kit.failover("next").await;
    assert_eq!(kit.claim("drill", Journey::Drill, &["sql"]).await, granted());
    let yields = ClaimOutcome::Granted {
        evicted: vec![run("drill")],
    };
    assert_eq!(kit.claim("real", Journey::Failover, &["sql"]).await, yields);
    assert_eq!(kit.claim("real", Journey::Failover, &["sql"]).await, yields);
    // It is nobody else's word.
    assert_eq!(kit.claim("next", Journey::Failover, &["vm"]).await, granted());
}
