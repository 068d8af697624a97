//! What becomes of a change where two things meet: a wait that ends and a success, a pause and a commit, a retry
//! and a clean-up?
#![allow(missing_docs, unreachable_pub)]

mod desk;
mod toy;

use std::collections::BTreeMap;

use desk::*;
use leeward_engine::{
    event::{Approval, Choice, Outcome},
    machine::Part,
    port::{Command, Verdict},
    state::{OperationPhase, StepPhase},
    view::Standing,
    work::{Assessment, Figure, Loss, Operation, Phase, Progress, Rung},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use serde_json::json;

fn say_retry(desk: &mut Desk, step: &str) -> Option<String> {
    desk.say(Command::Retry {
        step: toy::step(step),
    })
}

/// A gentle way that gets ten minutes, and a harsher one that waits for its end, or does not.
fn ladder(beside: bool) -> Operation {
    let mut planned = rung("planned", RepeatClass::OneShot);
    planned.within = Some(std::time::Duration::from_secs(600));
    let unplanned = Rung {
        beside,
        ..rung("unplanned", RepeatClass::OneShot)
    };
    Operation {
        rungs: vec![planned, unplanned],
        ..operation("account")
    }
}

fn commit(after: &str) -> Operation {
    Operation {
        phase: Phase::AfterRecovery,
        after: vec![leeward_engine::id::OperationId::new(after)],
        ..operation("commit")
    }
}

fn clean_up(id: &str) -> Operation {
    Operation {
        phase: Phase::CleanUp,
        ..operation(id)
    }
}

#[test]
fn a_harsher_way_is_not_taken_for_a_gentle_one_that_has_just_succeeded() {
    let mut desk = Desk::open(one(), &[(0, vec![ladder(false)])]);
    desk.send(0, 0, accepted());
    desk.pass(minutes(12));
    desk.poll(0, 0, 1, succeeded());
    // The first look sees an old picture.
    desk.look(0, 0, not_begun());
    desk.look(0, 0, holds());
    assert_eq!(desk.sends(0, 0), [(1, 1)], "{}", desk.tale());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_harsher_way_is_not_taken_for_a_gentle_one_whose_ticket_was_lost() {
    let mut desk = Desk::open(one(), &[(0, vec![ladder(false)])]);
    desk.send(0, 0, accepted());
    desk.pass(minutes(12));
    let reason = "OperationIdNotFound".to_owned();
    desk.poll(0, 0, 1, Progress::Gone { reason });
    desk.look_for(minutes(10), 0, 0, &not_begun());
    assert_eq!(desk.sends(0, 0), [(1, 1)], "{}", desk.tale());
    desk.expect_stuck(0);
}

#[test]
fn nobody_is_asked_about_a_harsher_way_once_the_gentle_one_has_succeeded() {
    let mut switch = ladder(false);
    switch.rungs[1].lossy = true;
    let mut desk = Desk::open(one(), &[(0, vec![switch])]);
    desk.send(0, 0, accepted());
    desk.pass(minutes(12));
    desk.poll(0, 0, 1, succeeded());
    assert_eq!(desk.standing(), Standing::Moving, "{}", desk.tale());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_change_whose_every_way_is_spent_has_not_failed_when_azure_says_that_it_succeeded() {
    let mut desk = Desk::open(one(), &[(0, vec![ladder(true)])]);
    desk.send(0, 0, accepted());
    desk.pass(minutes(11));
    desk.look(0, 0, moving());
    desk.answer(0, 0, refused());
    desk.look(0, 0, barred());
    desk.poll(0, 0, 1, succeeded());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_way_that_was_given_up_is_not_begun_a_second_time_when_it_fails_late() {
    let mut switch = ladder(true);
    for rung in &mut switch.rungs {
        rung.repeat = RepeatClass::SelfGuarded;
    }
    let mut desk = Desk::open(one(), &[(0, vec![switch])]);
    desk.send(0, 0, accepted());
    desk.pass(minutes(11));
    // The harsher way is looked at when the gentle one fails.
    desk.poll(0, 0, 1, failed(true));
    desk.look(0, 0, not_begun());
    desk.look(0, 0, not_begun());
    desk.answer(0, 0, accepted());
    let last = desk.machine.state().steps[0].operations[0].last().cloned();
    assert_eq!(
        last.map(|last| last.rung).as_deref(),
        Some("unplanned"),
        "{}",
        desk.tale()
    );
}

#[test]
fn a_ticket_that_cannot_be_read_does_not_hide_a_goal_that_holds() {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move")])]);
    desk.send(0, 0, accepted());
    let mute = || Progress::Unreadable {
        reason: "502".to_owned(),
        look_after: None,
    };
    desk.poll(0, 0, 1, mute());
    desk.look(0, 0, not_begun());
    assert_eq!(desk.sends(0, 0), [(1, 1)], "a look beside a ticket sends nothing");
    desk.poll(0, 0, 1, mute());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_pause_does_not_end_a_run_that_owes_commits() {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move"), commit("move")])]);
    desk.send(0, 0, accepted());
    desk.poll(0, 0, 1, succeeded());
    desk.say(Command::Pause);
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done);
    assert_eq!(desk.standing(), Standing::Paused, "{}", desk.tale());
    desk.say(Command::Unpause);
    desk.carry_out(0, 1);
    assert_eq!(desk.standing(), Standing::Ended(Outcome::Done), "{}", desk.tale());
}

#[test]
fn a_pause_does_not_end_a_drill_that_has_yet_to_switch_back() {
    let mut plan = one();
    plan.journey = Journey::Drill;
    let mut desk = Desk::open(plan, &[(0, vec![operation("switch"), clean_up("switch-back")])]);
    desk.carry_out(0, 0);
    desk.send(0, 1, accepted());
    desk.say(Command::Pause);
    assert_eq!(desk.standing(), Standing::Paused, "{}", desk.tale());
    desk.say(Command::Unpause);
    desk.poll(0, 1, 1, succeeded());
    desk.look(0, 1, holds());
    assert_eq!(desk.standing(), Standing::Ended(Outcome::Done), "{}", desk.tale());
}

#[test]
fn a_cancelled_run_watches_the_commit_that_it_has_begun_to_its_end() {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move"), commit("move")])]);
    desk.carry_out(0, 0);
    desk.send(0, 1, accepted());
    desk.say(cancel());
    assert_eq!(desk.standing(), Standing::Moving, "{}", desk.tale());
    desk.poll(0, 1, 1, succeeded());
    desk.look(0, 1, holds());
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Cancelled),
        "{}",
        desk.tale()
    );
    assert!(desk.view().steps[0].warnings.is_empty(), "{}", desk.tale());
}

#[test]
fn a_cancelled_run_ends_though_the_answer_to_its_commit_was_lost() {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move"), commit("move")])]);
    desk.carry_out(0, 0);
    desk.look(0, 1, not_begun());
    desk.answer(0, 1, unanswered());
    desk.say(cancel());
    assert_eq!(desk.standing(), Standing::Moving, "{}", desk.tale());
    desk.look_for(minutes(10), 0, 1, &not_begun());
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Cancelled),
        "{}",
        desk.tale()
    );
    assert_eq!(desk.sends(0, 1), [(1, 1)], "{}", desk.tale());
    let left = &desk.machine.state().steps[0].leftovers;
    assert!(left.iter().any(|left| left.contains("commit")), "{left:?}");
}

#[test]
fn a_commit_that_is_never_begun_is_told_as_left_to_do() {
    let mut desk = Desk::open(
        toy::plan(&[
            ("sql", &[], json!({})),
            (
                "serving",
                &["sql"],
                json!({"ends_recovery": true, "on_failure": "continue"}),
            ),
        ]),
        &[
            (0, vec![operation("move"), commit("move")]),
            (1, vec![operation("check")]),
        ],
    );
    desk.carry_out(0, 0);
    desk.send(1, 0, refused());
    desk.look(1, 0, not_begun());
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Degraded),
        "{}",
        desk.tale()
    );
    let left = &desk.machine.state().steps[0].leftovers;
    assert_eq!(left.len(), 1, "{}", desk.tale());
}

#[test]
fn commits_wait_for_the_move_to_be_proven_where_no_step_ends_recovery() {
    let mut desk = Desk::open(
        toy::plan(&[("sql", &[], json!({})), ("web", &[], json!({}))]),
        &[
            (0, vec![operation("move"), commit("move")]),
            (1, vec![operation("deploy")]),
        ],
    );
    desk.carry_out(0, 0);
    desk.send(1, 0, refused());
    desk.look(1, 0, not_begun());
    assert!(matches!(desk.step_phase(1), StepPhase::Failed { .. }));
    assert!(!desk.wants(0, Part::Operation(1)), "{}", desk.tale());
    assert_eq!(desk.standing(), Standing::Failed, "{}", desk.tale());
}

#[test]
fn a_drill_that_cleans_up_begins_nothing_again() {
    let mut plan = toy::plan(&[("a", &[], json!({})), ("b", &[], json!({}))]);
    plan.journey = Journey::Drill;
    let mut desk = Desk::open(
        plan,
        &[
            (0, vec![operation("test-a"), clean_up("clean-a")]),
            (1, vec![operation("test-b"), clean_up("clean-b")]),
        ],
    );
    desk.send(0, 0, refused());
    desk.look(0, 0, not_begun());
    desk.carry_out(1, 0);
    desk.look(0, 1, holds());
    assert!(matches!(desk.step_phase(0), StepPhase::Failed { .. }));
    let todo = desk.view().todo;
    assert!(!todo[0].choices.contains(&Choice::Retry), "{todo:?}");
    let refused = say_retry(&mut desk, "a").expect("a refusal");
    assert!(refused.contains("takes back what it did"), "{refused}");
    desk.carry_out(1, 1);
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Failed),
        "{}",
        desk.tale()
    );
}

#[test]
fn a_step_whose_condition_could_not_be_told_is_asked_for_it_again_by_a_retry() {
    let plan = toy::plan(&[
        ("sql", &[], json!({})),
        (
            "web",
            &["sql"],
            json!({"when": "steps.sql.outputs.state == 'ready'"}),
        ),
    ]);
    let mut desk = Desk::open(
        plan,
        &[(0, vec![operation("move")]), (1, vec![operation("deploy")])],
    );
    desk.carry_out(0, 0);
    desk.expect_stuck(1);
    assert_eq!(say_retry(&mut desk, "web"), None);
    desk.expect_stuck(1);
    assert!(
        desk.machine.state().steps[1].assessment.is_none(),
        "{}",
        desk.tale()
    );
}

#[test]
fn glass_that_is_broken_for_a_gate_agrees_to_no_loss_of_a_step() {
    let lossy = json!({"data_loss": {"budget": "1m", "ladder": [{"name": "unplanned"}]}});
    let plan = toy::plan(&[
        ("decide", &[], json!({"kind": "gate.approval"})),
        ("sql", &["decide"], lossy),
    ]);
    let mut forced = operation("switch");
    forced.rungs[0].lossy = true;
    let found = Assessment {
        operations: vec![forced],
        losses: vec![Loss {
            store: "orders".to_owned(),
            by_rung: BTreeMap::from([("only".to_owned(), Figure::Unknown)]),
            source: "nobody knows".to_owned(),
            as_of: None,
        }],
        ..Assessment::default()
    };
    let losses = found.losses.clone();
    let mut desk = Desk::assessed(plan, BTreeMap::from([(1, found)]));
    desk.measure(1, losses);
    let digest = desk.machine.state().plan_digest.clone();
    let broken = Approval {
        step: Some(toy::step("decide")),
        both_eyes: true,
        break_glass: Some("nobody else is awake".to_owned()),
        ..Approval::of_plan(&digest)
    };
    assert_eq!(desk.say(Command::Approve(broken)), None);
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
    assert_eq!(desk.standing(), Standing::AtGate, "{}", desk.tale());
    assert!(desk.sends(1, 0).is_empty(), "{}", desk.tale());
}

#[test]
fn a_skip_of_the_step_that_halted_a_run_lets_it_go_on() {
    let halt = || json!({"on_failure": "halt"});
    let plan = toy::plan(&[("a", &[], halt()), ("b", &["a"], json!({}))]);
    let mut desk = Desk::open(plan, &[(0, vec![operation("one")]), (1, vec![operation("two")])]);
    desk.send(0, 0, refused());
    desk.look(0, 0, not_begun());
    assert_eq!(desk.standing(), Standing::Failed, "{}", desk.tale());
    let skip = Command::Skip {
        step: toy::step("a"),
        reason: "done by hand".to_owned(),
    };
    assert_eq!(desk.say(skip), None);
    desk.carry_out(1, 0);
    desk.expect_ended();
}

#[test]
fn what_one_halted_step_held_up_is_held_up_by_another_that_failed_meanwhile() {
    let halt = || json!({"on_failure": "halt"});
    let plan = toy::plan(&[("a", &[], halt()), ("b", &[], halt()), ("c", &["a"], json!({}))]);
    let operations: Vec<_> = ["one", "two", "three"]
        .iter()
        .enumerate()
        .map(|(place, name)| (place, vec![operation(name)]))
        .collect();
    let mut desk = Desk::open(plan, &operations);
    desk.look(1, 0, not_begun());
    desk.send(0, 0, refused());
    desk.look(0, 0, not_begun());
    desk.answer(1, 0, refused());
    desk.look(1, 0, not_begun());
    assert!(
        matches!(desk.step_phase(1), StepPhase::Failed { .. }),
        "{}",
        desk.tale()
    );
    let skip = Command::Skip {
        step: toy::step("a"),
        reason: "done by hand".to_owned(),
    };
    assert_eq!(desk.say(skip), None);
    assert_eq!(desk.step_phase(2), StepPhase::Waiting, "{}", desk.tale());
    assert_eq!(desk.standing(), Standing::Failed, "{}", desk.tale());
}

#[test]
fn a_halted_run_does_not_wait_for_a_step_that_it_will_not_begin() {
    let plan = toy::plan(&[("a", &[], json!({"on_failure": "halt"})), ("b", &[], json!({}))]);
    let mut desk = Desk::open(plan, &[(0, vec![operation("one")]), (1, vec![operation("two")])]);
    desk.look(1, 0, busy());
    desk.send(0, 0, refused());
    desk.look(0, 0, not_begun());
    assert_eq!(desk.standing(), Standing::Failed, "{}", desk.tale());
    desk.pass(minutes(60));
    assert_eq!(
        desk.step_phase(1),
        StepPhase::Changing,
        "it is nobody's fault: {}",
        desk.tale()
    );
    say_retry(&mut desk, "a");
    desk.send(0, 0, accepted());
    desk.look(1, 0, not_begun());
    desk.answer(1, 0, accepted());
    assert_eq!(desk.standing(), Standing::Moving, "{}", desk.tale());
}

#[test]
fn a_change_whose_way_was_barred_while_its_answer_was_lost_can_be_tried_again() {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move")])]);
    desk.send(0, 0, unanswered());
    desk.look_for(minutes(10), 0, 0, &barred());
    desk.expect_stuck(0);
    say_retry(&mut desk, "sql");
    desk.look_for(minutes(5), 0, 0, &not_begun());
    desk.answer(0, 0, accepted());
    desk.poll(0, 0, 1, succeeded());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_change_that_is_said_never_to_have_begun_is_sent_again_only_once_it_could_not_arrive_any_more() {
    let plan = toy::plan(&[("sql", &[], json!({"timeout": "1m"}))]);
    let mut desk = Desk::open(plan, &[(0, vec![ladder(false)])]);
    desk.send(0, 0, unanswered());
    let began = desk.now;
    desk.pass(minutes(1));
    desk.expect_stuck(0);
    assert_eq!(desk.say(settle("sql", Verdict::NotBegun)), None);
    desk.look(0, 0, not_begun());
    assert!(desk.now.duration_since(began).as_secs() >= 210, "{}", desk.now);
    assert_eq!(desk.sends(0, 0), [(1, 1), (2, 1)], "{}", desk.tale());
}

#[test]
fn a_word_about_a_step_is_not_about_what_azure_still_tells_the_end_of() {
    let both = vec![operation("one"), operation("two")];
    let mut desk = Desk::open(one(), &[(0, both)]);
    desk.send(0, 0, accepted());
    desk.send(0, 1, unanswered());
    desk.look_for(minutes(50), 0, 1, &silent());
    desk.expect_stuck(0);
    assert_eq!(desk.say(settle("sql", Verdict::Done)), None);
    assert_eq!(desk.phase(0, 0), OperationPhase::Polling, "{}", desk.tale());
    assert!(
        matches!(desk.phase(0, 1), OperationPhase::Reached(_)),
        "{}",
        desk.tale()
    );
}

#[test]
fn a_cancelled_run_asks_nobody_about_what_it_will_not_send() {
    let mut planned = ladder(false);
    planned.rungs[1].lossy = true;
    let both = vec![operation("one"), planned];
    let mut desk = Desk::open(one(), &[(0, both)]);
    desk.send(0, 0, accepted());
    desk.look(0, 1, barred());
    assert!(desk.machine.state().steps[0].consent.is_some(), "{}", desk.tale());
    desk.say(cancel());
    assert_ne!(desk.standing(), Standing::AtGate, "{}", desk.tale());
    assert!(desk.machine.state().steps[0].consent.is_none(), "{}", desk.tale());
}

#[test]
fn a_step_whose_change_is_being_sent_is_not_left_out_though_its_checks_run() {
    let mut desk = Desk::open(
        toy::plan(&[("sql", &[], json!({}))]),
        &[(0, vec![operation("one"), operation("two")])],
    );
    desk.send(0, 0, refused());
    desk.look(0, 0, not_begun());
    desk.look(0, 1, not_begun());
    let skip = Command::Skip {
        step: toy::step("sql"),
        reason: "later".to_owned(),
    };
    let refused = desk.say(skip).expect("a refusal");
    assert!(refused.contains("being sent this very moment"), "{refused}");
}
