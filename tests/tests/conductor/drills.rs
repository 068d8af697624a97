//! A drill yields to a failover, and what it left is known.

use leeward_engine::{
    conductor::{Ended, Unobserved},
    event::Outcome,
    id::RunId,
    port::{Clock, JournalStore, LeasePolicy},
    view::RunView,
};

use crate::bench::*;

/// A drill that died at some record, and the failover that came over it. Returns what the failover says is left.
async fn left_by_a_drill_that_died(cut: u64) -> (Vec<String>, bool) {
    let bench = Bench::new();
    let drill = new_run("r-drill", plan("drill", TWO), &bench.clock);
    bench.dies_after(cut, 1, drill).await;
    let began = bench.changes("sql/move") + bench.changes("app/move") > 0;
    let real = new_run("r-real", plan("failover", &[("sql", "toy", &[])]), &bench.clock);
    let conducted = bench.conductor(2, false).start(real, &mut Unobserved).await;
    let state = conducted.expect("a failover").state;
    assert_eq!(state.evicted, [RunId("r-drill".to_owned())]);
    (RunView::from(&state).leftovers, began)
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_had_to_yield_is_said_to_have_left_something_only_where_it_began_something() {
    // Three records open a drill and claim its targets; some twenty later it has begun to move things.
    let (left, began) = left_by_a_drill_that_died(3).await;
    assert!(!began && left.is_empty(), "{left:?}");
    let (left, began) = left_by_a_drill_that_died(9).await;
    assert!(
        began && left.len() == 1 && left[0].contains("r-drill"),
        "{left:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failover_killed_between_the_claim_and_its_record_still_knows_which_drill_yielded() {
    let bench = Bench::new();
    let (drill, real) = (RunId("r-drill".to_owned()), RunId("r-real".to_owned()));
    let gated = plan(
        "drill",
        &[("decide", "gate.approval", &[]), ("sql", "toy", &["decide"])],
    );
    let drilled = new_run("r-drill", gated, &bench.clock);
    over(bench.conductor(1, false).start(drilled, &mut Unobserved).await);
    // The failover comes as far as its claim, and dies before it says so.
    let moving = new_run("r-real", plan("failover", TWO), &bench.clock);
    bench.dies_after(2, 2, moving).await;
    let targets = ["/toy/sql".to_owned(), "/toy/app".to_owned()];
    let (now, journey) = (
        bench.clock.now().wall,
        leeward_runbook::journey::Journey::Failover,
    );
    bench
        .store
        .claim(&real, journey, &targets, now)
        .await
        .expect("a claim");
    let resumed = bench
        .conductor(3, false)
        .resume(&real, LeasePolicy::IfFree, Vec::new(), &mut Unobserved)
        .await
        .expect("the failover");
    assert_eq!(resumed.ended, Ended::Over(Outcome::Done));
    assert_eq!(resumed.state.evicted, [drill]);
}
