//! The conductor on a paused clock: what it owes to the journal, to other terminals and to other runs.

mod bench;
mod drills;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use leeward_engine::{
    conductor::{ConductorError, Ended, Observer, Unobserved},
    event::{Event, Outcome},
    id::RunId,
    port::{Clock, JournalError, JournalStore, LeasePolicy},
    record::Record,
    state::{IllegalTransition, RunState},
};
use leeward_store::AppendFault;
use serde_json::json;

use bench::*;

#[tokio::test(start_paused = true)]
async fn a_run_ends_done_and_gives_its_targets_back() {
    let bench = Bench::new();
    let new = new_run("r-1", plan("failover", TWO), &bench.clock);
    assert_eq!(
        over(bench.conductor(1, false).start(new, &mut Unobserved).await),
        Ended::Over(Outcome::Done)
    );
    assert_eq!((bench.changes("sql/move"), bench.changes("app/move")), (1, 1));
    assert!(bench.store.claims().await.expect("claims").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_death_after_any_record_is_resumed_and_changes_nothing_twice() {
    let calm = Bench::new();
    let new = new_run("r-1", plan("failover", TWO), &calm.clock);
    let conducted = calm
        .conductor(1, false)
        .start(new, &mut Unobserved)
        .await
        .expect("a calm run");
    for cut in 1..conducted.state.chain.seq {
        let bench = Bench::new();
        let new = new_run("r-1", plan("failover", TWO), &bench.clock);
        bench.dies_after(cut, 1, new).await;
        let run = RunId("r-1".to_owned());
        let resumed = bench
            .conductor(2, false)
            .resume(&run, LeasePolicy::IfFree, Vec::new(), &mut Unobserved)
            .await;
        assert_eq!(over(resumed), Ended::Over(Outcome::Done), "cut {cut}");
        assert_eq!(
            (bench.changes("sql/move"), bench.changes("app/move")),
            (1, 1),
            "cut {cut}"
        );
    }
}

/// Keeps every record.
struct Told(Vec<Record>);

impl Observer for Told {
    fn recorded(&mut self, _: &RunState, records: &[Record]) {
        self.0.extend_from_slice(records);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lid_that_was_closed_for_an_hour_runs_no_wait_out() {
    let bench = Bench::new();
    let new = new_run("r-1", plan("failover", TWO), &bench.clock);
    let conductor = bench.conductor(1, false);
    let world = bench.world.clone();
    let sleeps = async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        // On waking the network takes its time, too.
        let slow = (1, Duration::from_secs(40));
        world
            .slow_to_look
            .lock()
            .expect("the world")
            .insert("sql".to_owned(), slow);
        tokio::time::advance(Duration::from_secs(3_600)).await;
    };
    let mut told = Told(Vec::new());
    let (ended, ()) = tokio::join!(conductor.start(new, &mut told), sleeps);
    assert_eq!(over(ended), Ended::Over(Outcome::Done));
    assert_eq!((bench.changes("sql/move"), bench.changes("app/move")), (1, 1));
    let held_up = told
        .0
        .iter()
        .any(|record| matches!(record.body.event, Event::HeldUp { about } if about.as_secs() > 3_500));
    assert!(held_up, "a reader must see where the hour went");
}

#[tokio::test(start_paused = true)]
async fn an_append_of_unknown_outcome_is_read_back_and_not_repeated() {
    for fault in [AppendFault::AmbiguousWritten, AppendFault::AmbiguousLost] {
        let bench = Bench::new();
        let new = new_run("r-1", plan("failover", TWO), &bench.clock);
        let conductor = bench.conductor(1, false);
        let store = bench.store.clone();
        let fail = async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            store.fail_next_append(fault);
        };
        let mut look_away = Unobserved;
        let (ended, ()) = tokio::join!(conductor.start(new, &mut look_away), fail);
        assert_eq!(over(ended), Ended::Over(Outcome::Done), "{fault:?}");
        assert_eq!(
            (bench.changes("sql/move"), bench.changes("app/move")),
            (1, 1),
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_takes_no_record_lets_no_change_out() {
    let bench = Bench::new();
    bench.store.fail_next_append(AppendFault::Unavailable);
    let new = new_run("r-1", plan("failover", TWO), &bench.clock);
    let ended = bench.conductor(1, false).start(new, &mut Unobserved).await;
    assert!(matches!(
        ended,
        Err(ConductorError::Journal(JournalError::Unavailable { .. }))
    ));
    assert_eq!(bench.changes("sql/move"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_approval_from_another_terminal_opens_the_gate() {
    let bench = Bench::new();
    let gated = plan(
        "failover",
        &[("decide", "gate.approval", &[]), ("sql", "toy", &["decide"])],
    );
    let new = new_run("r-1", gated.clone(), &bench.clock);
    let conductor = bench.conductor(1, true);
    let colleague = async {
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(
            bench.changes("sql/move"),
            0,
            "nothing moves before the gate opens"
        );
        bench.approve("r-1", &gated).await;
    };
    let mut look_away = Unobserved;
    let (ended, ()) = tokio::join!(conductor.start(new, &mut look_away), colleague);
    assert_eq!(over(ended), Ended::Over(Outcome::Done));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_may_not_wait_leaves_at_the_gate_and_is_resumed_later() {
    let bench = Bench::new();
    let gated = plan(
        "failover",
        &[("decide", "gate.approval", &[]), ("sql", "toy", &["decide"])],
    );
    let new = new_run("r-1", gated.clone(), &bench.clock);
    assert_eq!(
        over(bench.conductor(1, false).start(new, &mut Unobserved).await),
        Ended::AtGate
    );
    bench.approve("r-1", &gated).await;
    let run = RunId("r-1".to_owned());
    let resumed = bench
        .conductor(2, false)
        .resume(&run, LeasePolicy::IfFree, Vec::new(), &mut Unobserved)
        .await;
    assert_eq!(over(resumed), Ended::Over(Outcome::Done));
}

#[tokio::test(start_paused = true)]
async fn two_failovers_never_share_a_target() {
    let bench = Bench::new();
    let gated = plan(
        "failover",
        &[("decide", "gate.approval", &[]), ("sql", "toy", &["decide"])],
    );
    let first = bench
        .conductor(1, false)
        .start(new_run("r-1", gated, &bench.clock), &mut Unobserved)
        .await;
    assert_eq!(over(first), Ended::AtGate);
    let second = new_run("r-2", plan("failback", TWO), &bench.clock);
    let refused = bench.conductor(2, false).start(second, &mut Unobserved).await;
    let Err(ConductorError::Claimed { held }) = refused else {
        panic!("the second failover must be refused: {refused:?}");
    };
    assert_eq!(
        (held[0].run.as_str(), held[0].target.as_str()),
        ("r-1", "/toy/sql")
    );
    assert_eq!(bench.changes("app/move"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failover_evicts_a_drill_whose_conductor_then_changes_nothing_more() {
    let bench = Bench::new();
    let drill = new_run("r-drill", plan("drill", TWO), &bench.clock);
    let failover = new_run("r-real", plan("failover", TWO), &bench.clock);
    let (drilling, moving) = (bench.conductor(1, false), bench.conductor(2, false));
    let real = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        moving.start(failover, &mut Unobserved).await
    };
    let mut look_away = Unobserved;
    let (drilled, moved) = tokio::join!(drilling.start(drill, &mut look_away), real);
    assert!(
        matches!(drilled, Err(ConductorError::Journal(JournalError::Fenced { .. }))),
        "{drilled:?}"
    );
    assert_eq!(
        bench.changes("sql/clean-up"),
        0,
        "a fenced drill cleans nothing up"
    );
    let moved = moved.expect("the failover");
    assert_eq!(moved.ended, Ended::Over(Outcome::Done));
    assert_eq!(moved.state.evicted, vec![RunId("r-drill".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_conductor_sends_nothing_after_a_take_over() {
    let bench = Bench::new();
    let slow = plan(
        "failover",
        &[("wait", "gate.wait", &[]), ("sql", "toy", &["wait"])],
    );
    let mut slow = slow;
    Arc::make_mut(&mut slow.steps[0]).settings = json!({"for": "10m"});
    let run = RunId("r-1".to_owned());
    let old = bench.conductor(1, true);
    let new = new_run("r-1", slow, &bench.clock);
    let take_over = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let held = bench
            .conductor(2, false)
            .resume(&run, LeasePolicy::IfFree, Vec::new(), &mut Unobserved)
            .await;
        assert!(
            matches!(held, Err(ConductorError::Open(_))),
            "a live lease is not taken without asking"
        );
        bench
            .conductor(2, false)
            .resume(&run, LeasePolicy::TakeOver, Vec::new(), &mut Unobserved)
            .await
    };
    let mut look_away = Unobserved;
    let (stale, winner) = tokio::join!(old.start(new, &mut look_away), take_over);
    assert!(
        matches!(stale, Err(ConductorError::Journal(JournalError::Fenced { .. }))),
        "{stale:?}"
    );
    assert_eq!(over(winner), Ended::Over(Outcome::Done));
    assert_eq!(bench.changes("sql/move"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drill_cleans_up_whatever_happened() {
    let bench = Bench::new();
    let drill = new_run("r-drill", plan("drill", TWO), &bench.clock);
    assert_eq!(
        over(bench.conductor(1, false).start(drill, &mut Unobserved).await),
        Ended::Over(Outcome::Done)
    );
    for name in ["sql/move", "sql/clean-up", "app/move", "app/clean-up"] {
        assert_eq!(bench.changes(name), 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_in_the_moment_of_its_end_leaves_no_target_held() {
    let calm = Bench::new();
    let new = new_run("r-1", plan("failover", TWO), &calm.clock);
    let last = calm.conductor(1, false).start(new, &mut Unobserved).await;
    let last = last.expect("a calm run").state.chain.seq;
    let bench = Bench::new();
    let new = new_run("r-1", plan("failover", TWO), &bench.clock);
    bench.dies_after(last, 1, new).await;
    assert!(bench.store.claims().await.expect("claims").is_empty());
}

#[tokio::test(start_paused = true)]
async fn targets_that_a_run_which_is_over_still_holds_are_free_for_the_next_failover() {
    let bench = Bench::new();
    let first = new_run("r-1", plan("failover", TWO), &bench.clock);
    over(bench.conductor(1, false).start(first, &mut Unobserved).await);
    // As an earlier version could leave it, killed between the record of the end and the release.
    let (run, targets) = (RunId("r-1".to_owned()), ["/toy/sql".to_owned()]);
    let journey = leeward_runbook::journey::Journey::Failover;
    let now = bench.clock.now().wall;
    bench
        .store
        .claim(&run, journey, &targets, now)
        .await
        .expect("a claim");
    let second = new_run("r-2", plan("failback", TWO), &bench.clock);
    assert_eq!(
        over(bench.conductor(2, false).start(second, &mut Unobserved).await),
        Ended::Over(Outcome::Done)
    );
    assert!(bench.store.claims().await.expect("claims").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_look_that_took_a_minute_and_a_half_is_taken_again_before_anything_is_sent() {
    let bench = Bench::new();
    let slow = (1, Duration::from_secs(90));
    bench
        .world
        .slow_to_look
        .lock()
        .expect("the world")
        .insert("sql".to_owned(), slow);
    let new = new_run("r-1", plan("failover", TWO), &bench.clock);
    assert_eq!(
        over(bench.conductor(1, false).start(new, &mut Unobserved).await),
        Ended::Over(Outcome::Done)
    );
    // The toy itself insists that no change comes later than five seconds after its look began.
    assert_eq!((bench.changes("sql/move"), bench.changes("app/move")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn once_it_is_asked_to_stop_a_run_sends_nothing_new_and_hears_out_what_is_being_sent() {
    let bench = Bench::new();
    let apart = plan("failover", &[("slow", "toy", &[]), ("late", "toy", &[])]);
    let (slow, late) = (Duration::from_secs(20), Duration::from_secs(4));
    bench
        .world
        .slow_to_answer
        .lock()
        .expect("the world")
        .insert("slow".to_owned(), slow);
    bench
        .world
        .slow_to_look
        .lock()
        .expect("the world")
        .insert("late".to_owned(), (1, late));
    let new = new_run("r-1", apart, &bench.clock);
    let conductor = bench.conductor(1, false);
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(bench.changes("slow/move"), 1, "its answer is still to come");
        bench.stop.send_replace(true);
    };
    let mut look_away = Unobserved;
    let (conducted, ()) = tokio::join!(conductor.start(new, &mut look_away), interrupt);
    assert_eq!(over(conducted), Ended::Interrupted);
    assert_eq!((bench.changes("slow/move"), bench.changes("late/move")), (1, 0));
    bench.stop.send_replace(false);
    let run = RunId("r-1".to_owned());
    let resumed = bench
        .conductor(2, false)
        .resume(&run, LeasePolicy::IfFree, Vec::new(), &mut Unobserved)
        .await;
    assert_eq!(over(resumed), Ended::Over(Outcome::Done));
    assert_eq!((bench.changes("slow/move"), bench.changes("late/move")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_away_for_a_moment_ends_no_run_and_nothing_is_sent_twice() {
    let bench = Bench::new();
    let new = new_run("r-1", plan("failover", TWO), &bench.clock);
    let conductor = bench.conductor(1, false);
    let store = bench.store.clone();
    let fail = async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        for _ in 0..3 {
            store.fail_next_append(AppendFault::Unavailable);
        }
    };
    let mut look_away = Unobserved;
    let (ended, ()) = tokio::join!(conductor.start(new, &mut look_away), fail);
    assert_eq!(over(ended), Ended::Over(Outcome::Done));
    assert_eq!((bench.changes("sql/move"), bench.changes("app/move")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pinned_file_that_is_no_longer_the_one_of_the_plan_is_not_run_with() {
    let bench = Bench::new();
    let mut gated = plan("failover", &[("decide", "gate.approval", &[])]);
    let pinned = blake3::hash(b"kind: Deployment").to_hex().to_string();
    gated.files = BTreeMap::from([("manifests/shop.yaml".to_owned(), pinned.clone())]);
    let mut new = new_run("r-1", gated, &bench.clock);
    new.files = vec![(pinned, b"kind: Surprise".to_vec())];
    over(bench.conductor(1, false).start(new, &mut Unobserved).await);
    let run = RunId("r-1".to_owned());
    let resumed = bench
        .conductor(2, false)
        .resume(&run, LeasePolicy::IfFree, Vec::new(), &mut Unobserved)
        .await;
    assert!(
        matches!(&resumed, Err(ConductorError::FileChanged { path }) if path == "manifests/shop.yaml"),
        "{resumed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_of_a_newer_version_is_not_gone_on_with() {
    for newer in [
        r#"{"event":"teleported"}"#,
        r#"{"event":"step","step":"sql","change":{"step-event":"teleported"}}"#,
        r#"{"event":"operation","step":"sql","operation":"move","change":{"operation-event":"teleported"}}"#,
    ] {
        let bench = Bench::new();
        let gated = plan("failover", &[("decide", "gate.approval", &[])]);
        let new = new_run("r-1", gated, &bench.clock);
        let state = bench.conductor(1, false).start(new, &mut Unobserved).await;
        let mut chain = state.expect("at its gate").state.chain;
        let run = RunId("r-1".to_owned());
        let mut opened = bench
            .store
            .open(&run, &holder(2), LeasePolicy::IfFree)
            .await
            .expect("free");
        let now = bench.clock.now().wall;
        let line = chain
            .next(opened.journal.epoch(), now, Event::Paused)
            .expect("sealed")
            .line;
        let record = Record::read(line.replace(r#"{"event":"paused"}"#, newer)).expect("a record");
        opened.journal.append(&[record]).await.expect("appended");
        opened.journal.close().await.expect("closed");
        let resumed = bench
            .conductor(3, false)
            .resume(&run, LeasePolicy::IfFree, Vec::new(), &mut Unobserved)
            .await;
        assert!(
            matches!(
                &resumed,
                Err(ConductorError::Illegal(IllegalTransition::Newer { .. }))
            ),
            "{newer}: {resumed:?}"
        );
    }
}
