//! Whose time is a wait? That of those who could act: a dead laptop and a pause wait for nobody.
#![allow(missing_docs, unreachable_pub)]

mod desk;
mod toy;

use desk::*;
use leeward_engine::{
    event::{Approval, Event, OperationEvent},
    port::Command,
    state::{OperationPhase, StepPhase},
    view::Standing,
    work::Phase,
};
use leeward_runbook::kind::RepeatClass;
use serde_json::json;

fn one(overrides: serde_json::Value) -> leeward_runbook::plan::Plan {
    toy::plan(&[("sql", &[], overrides)])
}

fn moves() -> Desk {
    Desk::open(one(json!({})), &[(0, vec![operation("move")])])
}

fn is_changing(desk: &Desk) -> bool {
    desk.step_phase(0) == StepPhase::Changing
}

#[test]
fn a_run_taken_up_after_its_deadline_has_news_of_what_was_sent_before_it_gives_up() {
    let mut desk = moves();
    desk.send(0, 0, accepted());
    desk.dies_for(minutes(50));
    desk.pass(60);
    assert!(is_changing(&desk), "{}", desk.tale());
    desk.poll(0, 0, 1, succeeded());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done);
}

#[test]
fn what_was_not_sent_before_the_laptop_died_is_sent_by_whoever_takes_the_run_up() {
    let mut desk = moves();
    desk.look(0, 0, busy());
    desk.dies_for(minutes(50));
    desk.pass(60);
    assert!(is_changing(&desk), "{}", desk.tale());
    desk.carry_out(0, 0);
    assert_eq!(desk.step_phase(0), StepPhase::Done);
}

#[test]
fn a_change_is_waited_for_as_long_again_by_whoever_takes_it_up_and_the_time_in_all_is_told() {
    let mut desk = moves();
    desk.send(0, 0, accepted());
    desk.dies_for(minutes(50));
    desk.pass(minutes(44));
    assert!(is_changing(&desk), "{}", desk.tale());
    desk.pass(minutes(2));
    let why = desk.why(0);
    assert_eq!(why, "still in motion after 45m (1h35m in all): move");
}

#[test]
fn a_pause_longer_than_the_timeout_costs_a_step_nothing() {
    let mut desk = moves();
    desk.send(0, 0, accepted());
    desk.say(Command::Pause);
    desk.pass(minutes(50));
    assert!(is_changing(&desk), "no wait ends in a pause: {}", desk.tale());
    desk.say(Command::Unpause);
    desk.pass(minutes(44));
    assert!(is_changing(&desk), "{}", desk.tale());
    desk.pass(minutes(2));
    assert!(
        desk.why(0).starts_with("still in motion after 45m ("),
        "{}",
        desk.why(0)
    );
}

#[test]
fn a_paused_run_that_is_cancelled_still_comes_to_its_end() {
    let mut desk = moves();
    desk.look(0, 0, busy());
    desk.say(Command::Pause);
    desk.say(Command::Cancel {
        reason: "enough".to_owned(),
    });
    desk.expect_ended();
}

#[test]
fn a_check_gets_its_whole_time_from_whoever_takes_the_run_up() {
    let check = json!({"kind": "check.toy", "settings": {}, "within": "5m", "hold": "0s", "every": "5s"});
    let mut desk = Desk::open(one(json!({"verify": [check]})), &[(0, vec![operation("move")])]);
    desk.look(0, 0, holds());
    desk.dies_for(minutes(50));
    desk.probe(0, false);
    assert!(
        matches!(desk.step_phase(0), StepPhase::Verifying { .. }),
        "its first probe must not be its last: {}",
        desk.tale()
    );
    desk.say(Command::Pause);
    desk.pass(minutes(20));
    desk.probe(0, false);
    desk.say(Command::Unpause);
    desk.probe(0, false);
    assert!(
        matches!(desk.step_phase(0), StepPhase::Verifying { .. }),
        "{}",
        desk.tale()
    );
    desk.pass(minutes(5));
    desk.probe(0, false);
    assert!(desk.why(0).contains("did not pass"), "{}", desk.tale());
}

#[test]
fn a_success_that_does_not_show_yet_is_watched_afresh_by_whoever_takes_the_run_up() {
    let mut desk = moves();
    desk.send(0, 0, accepted());
    desk.poll(0, 0, 1, succeeded());
    desk.look(0, 0, not_begun());
    desk.dies_for(minutes(50));
    desk.look(0, 0, not_begun());
    assert!(
        matches!(desk.phase(0, 0), OperationPhase::Confirming { .. }),
        "{}",
        desk.tale()
    );
    desk.look_for(minutes(6), 0, 0, &not_begun());
    assert!(desk.why(0).contains("its goal does not hold"), "{}", desk.tale());
}

#[test]
fn settling_is_about_azure_and_does_not_start_anew_with_whoever_takes_the_run_up() {
    let mut desk = moves();
    desk.send(0, 0, unanswered());
    desk.dies_for(minutes(4));
    desk.look(0, 0, not_begun());
    assert_eq!(desk.sends(0, 0), [(1, 1), (1, 2)], "{}", desk.tale());
}

#[test]
fn a_success_that_cannot_be_looked_at_or_still_moves_is_not_called_a_contradiction() {
    for seen in [silent(), busy(), moving()] {
        let mut desk = moves();
        desk.send(0, 0, accepted());
        desk.poll(0, 0, 1, succeeded());
        desk.look_for(minutes(30), 0, 0, &seen);
        assert!(is_changing(&desk), "{seen:?}: {}", desk.tale());
        desk.look(0, 0, holds());
        assert_eq!(desk.step_phase(0), StepPhase::Done, "{seen:?}");
    }
    for seen in [not_begun(), barred()] {
        let mut desk = moves();
        desk.send(0, 0, accepted());
        desk.poll(0, 0, 1, succeeded());
        desk.look_for(minutes(6), 0, 0, &seen);
        assert!(
            desk.why(0).contains("its goal does not hold"),
            "{seen:?}: {}",
            desk.tale()
        );
    }
}

#[test]
fn a_success_whose_goal_was_never_seen_in_all_its_time_is_for_a_person_and_never_called_not_begun() {
    let mut desk = moves();
    desk.send(0, 0, accepted());
    desk.poll(0, 0, 1, succeeded());
    desk.look_for(minutes(50), 0, 0, &silent());
    desk.expect_stuck(0);
    assert!(
        desk.why(0)
            .starts_with("it ended, but its goal was not seen to hold after 45m"),
        "{}",
        desk.why(0)
    );
}

#[test]
fn what_was_refused_until_its_time_was_over_is_not_called_not_begun() {
    let mut desk = moves();
    desk.send(0, 0, passing());
    desk.look_for(minutes(50), 0, 0, &busy());
    let why = desk.why(0);
    assert!(why.starts_with("not there after 45m"), "{why}");
}

fn passing() -> leeward_engine::work::Sent {
    match refused() {
        leeward_engine::work::Sent::Refused(refusal) => {
            leeward_engine::work::Sent::Refused(leeward_engine::work::Refusal {
                passing: true,
                ..refusal
            })
        }
        other => other,
    }
}

/// A step that is done, and a commit behind it.
fn commits() -> Desk {
    let commit = leeward_engine::work::Operation {
        phase: Phase::AfterRecovery,
        after: vec![operation("move").id],
        ..operation("commit")
    };
    let mut desk = Desk::open(one(json!({})), &[(0, vec![operation("move"), commit])]);
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done);
    desk
}

#[test]
fn a_commit_that_can_never_be_begun_is_left_to_a_person_and_the_run_ends() {
    let mut desk = commits();
    desk.look_for(minutes(50), 0, 1, &busy());
    desk.expect_ended();
    let left = desk.view().leftovers.join("\n");
    assert!(
        left.contains("could not be begun in time: something else moves"),
        "{left}"
    );
}

#[test]
fn a_commit_that_is_being_sent_when_its_time_ends_keeps_its_ticket() {
    let mut desk = commits();
    desk.look_for(minutes(44), 0, 1, &busy());
    desk.look(0, 1, not_begun());
    // The wait that counts from the send ends in the middle of another send.
    desk.answer(0, 1, passing());
    desk.look_for(minutes(44), 0, 1, &busy());
    desk.look(0, 1, not_begun());
    assert_eq!(desk.phase(0, 1), OperationPhase::Sending);
    desk.pass(minutes(2));
    assert_eq!(desk.phase(0, 1), OperationPhase::Sending, "{}", desk.tale());
    let ended = desk.records.iter().any(|record| {
        matches!(
            &record.body.event,
            Event::Operation {
                change: OperationEvent::PatienceEnded { .. },
                ..
            }
        )
    });
    assert!(ended, "{}", desk.tale());
    desk.answer(0, 1, accepted());
    assert!(
        matches!(desk.phase(0, 1), OperationPhase::Stuck { .. }),
        "{}",
        desk.tale()
    );
    let attempt = desk.machine.state().steps[0].operations[1]
        .last()
        .cloned()
        .expect("an attempt");
    assert!(
        matches!(attempt.state, leeward_engine::state::AttemptState::Accepted(_)),
        "the ticket is recorded: {}",
        desk.tale()
    );
}

#[test]
fn what_was_seen_in_motion_is_never_sent_again_as_if_it_had_left_no_trace() {
    for class in [
        RepeatClass::SelfGuarded,
        RepeatClass::Repeatable,
        RepeatClass::OneShot,
    ] {
        for after in [not_begun(), barred(), silent()] {
            let mut move_it = operation("move");
            move_it.rungs = vec![rung("only", class)];
            let mut desk = Desk::open(one(json!({})), &[(0, vec![move_it])]);
            desk.send(0, 0, unanswered());
            desk.look(0, 0, moving());
            desk.pass(minutes(10));
            desk.look_for(minutes(10), 0, 0, &after);
            assert_eq!(desk.sends(0, 0), [(1, 1)], "{class:?} {after:?}: {}", desk.tale());
        }
    }
}

#[test]
fn one_stale_look_after_it_was_seen_in_motion_decides_nothing() {
    let mut desk = moves();
    desk.send(0, 0, unanswered());
    desk.look(0, 0, moving());
    desk.pass(minutes(10));
    desk.look(0, 0, not_begun());
    desk.look(0, 0, not_begun());
    desk.look(0, 0, moving());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn what_was_in_motion_and_stands_still_without_its_goal_is_for_a_person() {
    let mut desk = moves();
    desk.send(0, 0, unanswered());
    desk.look(0, 0, moving());
    desk.look_for(minutes(10), 0, 0, &not_begun());
    assert!(
        desk.why(0).contains("was in motion and is no longer"),
        "{}",
        desk.why(0)
    );
    // A person lets it be tried again: it is another attempt, not another send of the first.
    desk.say(Command::Retry {
        step: toy::step("sql"),
    });
    desk.look_for(60, 0, 0, &not_begun());
    assert_eq!(desk.sends(0, 0), [(1, 1), (2, 1)], "{}", desk.tale());
}

#[test]
fn a_failure_worth_another_attempt_is_not_tried_again_through_a_wall() {
    let mut desk = moves();
    desk.send(0, 0, accepted());
    desk.poll(0, 0, 1, failed(true));
    desk.look(0, 0, barred());
    assert_eq!(desk.sends(0, 0), [(1, 1)], "{}", desk.tale());
    assert!(desk.why(0).contains("the wall"), "{}", desk.why(0));
}

#[test]
fn a_retry_that_could_do_nothing_is_neither_offered_nor_taken() {
    let hook = leeward_engine::work::Operation {
        observable: false,
        rungs: vec![rung("only", RepeatClass::OneShot)],
        ..operation("hook")
    };
    let mut desk = Desk::open(one(json!({})), &[(0, vec![hook])]);
    desk.look(0, 0, silent());
    desk.answer(0, 0, unanswered());
    desk.look_for(minutes(5), 0, 0, &silent());
    assert_eq!(desk.standing(), Standing::Stuck, "{}", desk.tale());
    let offered = desk.view().todo[0].choices.clone();
    assert!(
        !offered.contains(&leeward_engine::event::Choice::Retry),
        "{offered:?}"
    );
    let refused = desk.say(Command::Retry {
        step: toy::step("sql"),
    });
    assert!(
        refused.is_some_and(|why| why.contains("settle")),
        "{}",
        desk.tale()
    );
}

#[test]
fn a_retry_of_what_could_not_be_looked_at_looks_for_the_whole_time_again() {
    let mut move_it = operation("move");
    move_it.rungs = vec![rung("only", RepeatClass::OneShot)];
    let mut desk = Desk::open(one(json!({})), &[(0, vec![move_it])]);
    desk.send(0, 0, unanswered());
    desk.look_for(minutes(50), 0, 0, &silent());
    desk.expect_stuck(0);
    desk.say(Command::Retry {
        step: toy::step("sql"),
    });
    desk.look_for(minutes(20), 0, 0, &silent());
    assert!(is_changing(&desk), "{}", desk.tale());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_grant_waits_unused_for_as_long_as_the_kinds_page_says_where_the_gate_says_nothing() {
    let plan = toy::plan(&[
        ("sql", &[], json!({"timeout": "3h"})),
        ("decide", &["sql"], json!({"kind": "gate.approval"})),
    ]);
    for (waits, opens) in [(59, true), (61, false)] {
        let mut desk = Desk::open(plan.clone(), &[(0, vec![operation("move")])]);
        let mut approval = Approval::of_plan(&plan.digest());
        approval.step = Some(toy::step("decide"));
        desk.send(0, 0, accepted());
        desk.say(Command::Approve(approval.clone()));
        desk.pass(minutes(waits));
        desk.poll(0, 0, 1, succeeded());
        desk.look(0, 0, holds());
        assert_eq!(
            desk.step_phase(1) == StepPhase::Done,
            opens,
            "{waits}: {}",
            desk.tale()
        );
        if !opens {
            assert_eq!(desk.standing(), Standing::AtGate, "{}", desk.tale());
            desk.say(Command::Approve(approval));
        }
        desk.expect_ended();
    }
}
