//! How long does a step wait for the rest once as many are there as must be?
#![allow(missing_docs, unreachable_pub)]

mod desk;
mod toy;

use std::collections::BTreeMap;

use desk::*;
use leeward_engine::{
    event::Outcome,
    port::Command,
    state::{OperationPhase, StepPhase},
    view::Standing,
    work::{Assessment, Operation, Phase, Rung},
};
use leeward_runbook::kind::RepeatClass;
use serde_json::json;

/// Three brokers, of which two must be there; each has a commit behind it.
fn brokers_with(rungs: Vec<Rung>, leftovers: usize) -> Desk {
    let names = ["vm-1", "vm-2", "vm-3"];
    let mut operations: Vec<Operation> = names
        .iter()
        .map(|name| Operation {
            rungs: rungs.clone(),
            ..operation(name)
        })
        .collect();
    for place in 0..3 {
        let mut commit = operation(&format!("commit/{}", names[place]));
        commit.phase = Phase::AfterRecovery;
        commit.after = vec![operations[place].id.clone()];
        operations.push(commit);
    }
    for (place, name) in names.iter().enumerate().take(leftovers) {
        let clean = operation(&format!("clean/{name}"));
        operations[place].after.push(clean.id.clone());
        operations.push(clean);
    }
    let found = Assessment {
        operations,
        at_least: Some(2),
        ..Assessment::default()
    };
    let plan = toy::plan(&[("brokers", &[], json!({})), ("app", &["brokers"], json!({}))]);
    let app = Assessment {
        operations: vec![operation("deploy")],
        ..Assessment::default()
    };
    Desk::assessed(plan, BTreeMap::from([(0, found), (1, app)]))
}

fn brokers() -> Desk {
    brokers_with(vec![rung("only", RepeatClass::SelfGuarded)], 0)
}

fn is_changing(desk: &Desk) -> bool {
    desk.step_phase(0) == StepPhase::Changing
}

fn arrives(desk: &mut Desk, place: usize) {
    desk.poll(0, place, 1, succeeded());
    desk.look(0, place, holds());
}

fn all_sent() -> Desk {
    let mut desk = brokers();
    for place in 0..3 {
        desk.send(0, place, accepted());
    }
    desk
}

#[test]
fn one_broker_that_never_ends_holds_its_dependents_no_longer_than_the_quorum_took_again() {
    let mut desk = all_sent();
    desk.pass(minutes(8));
    arrives(&mut desk, 0);
    arrives(&mut desk, 1);
    let took = desk
        .now
        .duration_since("2026-11-24T03:00:00Z".parse().expect("a time"))
        .as_secs();
    desk.pass(took - 30);
    assert!(is_changing(&desk), "the rest is given its time: {}", desk.tale());
    desk.pass(60);
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
    assert_eq!(desk.step_phase(1), StepPhase::Changing, "its dependents go on");
    let short = desk.view().degradations.join("");
    assert!(
        short.contains("2 of 3 reached") && short.contains("vm-3: not there in time"),
        "{short}"
    );
}

#[test]
fn a_quick_quorum_gives_the_rest_two_minutes_at_least() {
    let mut desk = all_sent();
    arrives(&mut desk, 0);
    arrives(&mut desk, 1);
    desk.pass(110);
    assert!(is_changing(&desk), "{}", desk.tale());
    arrives(&mut desk, 2);
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
    assert!(
        desk.view().degradations.is_empty(),
        "{:?}",
        desk.view().degradations
    );
}

#[test]
fn a_quorum_shortly_before_the_timeout_waits_for_the_rest_no_longer_than_the_timeout() {
    let mut desk = all_sent();
    desk.pass(minutes(40));
    arrives(&mut desk, 0);
    arrives(&mut desk, 1);
    desk.pass(minutes(4));
    assert!(is_changing(&desk), "{}", desk.tale());
    desk.pass(minutes(1));
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_straggler_that_comes_late_is_recorded_committed_and_told() {
    let mut desk = all_sent();
    arrives(&mut desk, 0);
    arrives(&mut desk, 1);
    desk.pass(minutes(5));
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
    desk.carry_out(1, 0);
    assert_eq!(desk.step_phase(1), StepPhase::Done, "{}", desk.tale());
    for commit in [3, 4] {
        desk.look(0, commit, holds());
    }
    assert_eq!(
        desk.standing(),
        Standing::Moving,
        "Azure works on the third: {}",
        desk.tale()
    );
    assert!(desk.view().degradations.join("").contains("2 of 3 reached"));
    arrives(&mut desk, 2);
    desk.carry_out(0, 5);
    assert_eq!(desk.standing(), Standing::Ended(Outcome::Done), "{}", desk.tale());
    assert!(desk.view().degradations.is_empty(), "nothing is lacking any more");
}

#[test]
fn a_straggler_that_never_comes_keeps_the_run_no_longer_than_the_timeout() {
    let mut desk = all_sent();
    arrives(&mut desk, 0);
    arrives(&mut desk, 1);
    desk.pass(minutes(5));
    desk.look(1, 0, holds());
    for commit in [3, 4] {
        desk.look(0, commit, holds());
    }
    assert_eq!(desk.standing(), Standing::Moving, "{}", desk.tale());
    desk.pass(minutes(41));
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Degraded),
        "{}",
        desk.tale()
    );
    assert!(
        matches!(desk.phase(0, 2), OperationPhase::Stuck { .. }),
        "{}",
        desk.tale()
    );
}

#[test]
fn a_machine_that_waits_for_a_persons_consent_does_not_hold_a_quorum() {
    let planned = rung("planned", RepeatClass::SelfGuarded);
    let forced = Rung {
        lossy: true,
        ..rung("forced", RepeatClass::SelfGuarded)
    };
    let mut desk = brokers_with(vec![planned, forced], 0);
    for place in 0..2 {
        desk.send(0, place, accepted());
    }
    desk.look(0, 2, barred());
    assert!(desk.machine.state().steps[0].consent.is_some(), "{}", desk.tale());
    for place in 0..2 {
        arrives(&mut desk, place);
    }
    assert!(is_changing(&desk), "{}", desk.tale());
    desk.pass(minutes(3));
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
    assert_eq!(desk.step_phase(1), StepPhase::Changing);
    assert!(
        desk.view().todo.is_empty(),
        "nobody is asked any more: {:?}",
        desk.view().todo
    );
}

#[test]
fn clean_ups_before_the_moves_are_no_part_of_the_quorum() {
    let mut desk = brokers_with(vec![rung("only", RepeatClass::SelfGuarded)], 3);
    for clean in 6..9 {
        desk.look(0, clean, holds());
    }
    desk.pass(minutes(10));
    assert!(is_changing(&desk), "nothing has moved: {}", desk.tale());
    for place in 0..3 {
        desk.send(0, place, accepted());
    }
    arrives(&mut desk, 0);
    desk.pass(minutes(20));
    assert!(is_changing(&desk), "one of three has moved: {}", desk.tale());
    arrives(&mut desk, 1);
    arrives(&mut desk, 2);
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_run_taken_up_after_its_quorum_hears_of_the_rest_before_it_goes_on_without_it() {
    let mut desk = all_sent();
    arrives(&mut desk, 0);
    arrives(&mut desk, 1);
    desk.dies_for(minutes(30));
    desk.pass(60);
    assert!(is_changing(&desk), "{}", desk.tale());
    arrives(&mut desk, 2);
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
    assert!(desk.view().degradations.is_empty());
}

#[test]
fn a_pause_holds_back_what_would_go_on_with_less() {
    let mut desk = all_sent();
    arrives(&mut desk, 0);
    arrives(&mut desk, 1);
    desk.say(Command::Pause);
    desk.pass(minutes(30));
    assert!(is_changing(&desk), "{}", desk.tale());
    desk.say(Command::Unpause);
    desk.pass(minutes(3));
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_send_that_is_under_way_when_its_step_is_given_up_keeps_its_ticket() {
    let mut desk = brokers();
    for place in 0..2 {
        desk.send(0, place, accepted());
    }
    arrives(&mut desk, 0);
    arrives(&mut desk, 1);
    desk.look(0, 2, not_begun());
    assert_eq!(desk.phase(0, 2), OperationPhase::Sending);
    desk.pass(minutes(60));
    assert_eq!(desk.phase(0, 2), OperationPhase::Sending, "{}", desk.tale());
    desk.answer(0, 2, accepted());
    assert!(
        matches!(desk.phase(0, 2), OperationPhase::Stuck { .. }),
        "{}",
        desk.tale()
    );
}
