//! What becomes of a change that Azure may still be working on when nothing more is done about it here?
#![allow(missing_docs, unreachable_pub)]

mod desk;
mod toy;

use desk::*;
use leeward_engine::{
    event::{Choice, Outcome, Reached},
    machine::Part,
    port::{Command, Verdict},
    state::{OperationPhase, StepPhase},
    view::Standing,
    work::{Operation, Phase},
};
use leeward_runbook::{kind::RepeatClass, plan::Plan};

fn drill() -> Plan {
    let mut plan = one();
    plan.journey = leeward_runbook::journey::Journey::Drill;
    plan
}

/// Its first send went unanswered, its second was refused for good.
fn doubted_and_refused() -> Desk {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move")])]);
    desk.send(0, 0, unanswered());
    desk.pass(240);
    desk.look(0, 0, not_begun());
    desk.answer(0, 0, refused());
    desk
}

#[test]
fn a_doubted_change_that_was_then_refused_is_watched_and_adopted_where_it_came_true_after_all() {
    let mut desk = doubted_and_refused();
    desk.look_for(60, 0, 0, &moving());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_doubted_change_that_was_then_refused_fails_once_it_could_not_but_show() {
    let mut desk = doubted_and_refused();
    desk.look_for(minutes(10), 0, 0, &not_begun());
    assert!(
        matches!(desk.step_phase(0), StepPhase::Failed { .. }),
        "{}",
        desk.tale()
    );
    assert!(desk.why(0).contains("Forbidden"), "{}", desk.why(0));
    // And it can be tried again.
    desk.say(Command::Retry {
        step: toy::step("sql"),
    });
    desk.look(0, 0, not_begun());
    desk.answer(0, 0, accepted());
    desk.poll(0, 0, 2, succeeded());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_doubted_change_whose_way_is_barred_is_for_a_person_once_it_could_not_but_show() {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move")])]);
    desk.send(0, 0, unanswered());
    desk.look_for(minutes(10), 0, 0, &barred());
    desk.expect_stuck(0);
    assert!(
        desk.why(0).contains("nobody knows whether `only` arrived"),
        "{}",
        desk.why(0)
    );
}

/// A gentle way that never ends, and a harsh one that was refused for good beside it.
fn spent_with_a_ticket() -> Desk {
    let mut planned = rung("planned", RepeatClass::SelfGuarded);
    planned.within = Some(std::time::Duration::from_secs(600));
    let mut forced = rung("forced", RepeatClass::SelfGuarded);
    forced.beside = true;
    let switch = Operation {
        rungs: vec![planned, forced],
        ..operation("switch")
    };
    let mut desk = Desk::open(one(), &[(0, vec![switch])]);
    desk.send(0, 0, accepted());
    desk.pass(minutes(11));
    desk.look(0, 0, moving());
    desk.answer(0, 0, refused());
    desk.look(0, 0, moving());
    desk
}

#[test]
fn a_harsh_way_that_was_barred_beside_a_moving_gentle_one_is_tried_again_by_a_retry() {
    let mut desk = spent_with_a_ticket();
    desk.look(0, 0, barred());
    desk.look_for(minutes(45), 0, 0, &moving());
    desk.expect_stuck(0);
    desk.say(Command::Retry {
        step: toy::step("sql"),
    });
    desk.look(0, 0, moving());
    desk.answer(0, 0, accepted());
    let last = desk.machine.state().steps[0].operations[0]
        .last()
        .cloned()
        .expect("an attempt");
    assert_eq!(last.rung, "forced", "{}", desk.tale());
}

#[test]
fn a_retry_of_a_step_whose_ways_are_spent_tries_again_what_is_not_open_and_nothing_else() {
    let mut desk = spent_with_a_ticket();
    desk.look_for(minutes(45), 0, 0, &moving());
    desk.expect_stuck(0);
    assert_eq!(desk.sends(0, 0), [(1, 1), (2, 1)]);
    desk.say(Command::Retry {
        step: toy::step("sql"),
    });
    desk.look(0, 0, moving());
    desk.answer(0, 0, accepted());
    let last = desk.machine.state().steps[0].operations[0]
        .last()
        .cloned()
        .expect("an attempt");
    assert_eq!(last.rung, "forced", "{}", desk.tale());
}

#[test]
fn a_cancelled_run_does_not_end_while_azure_works_on_its_change() {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move")])]);
    desk.send(0, 0, accepted());
    desk.pass(minutes(50));
    desk.say(cancel());
    assert_eq!(desk.standing(), Standing::Moving, "{}", desk.tale());
    let todo = desk.view().todo;
    assert!(
        todo[0].why.contains("the run ends once Azure has ended it"),
        "{todo:?}"
    );
    assert!(todo[0].choices.contains(&Choice::SettleFailed), "{todo:?}");
    desk.poll(0, 0, 1, succeeded());
    desk.look(0, 0, holds());
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Cancelled),
        "{}",
        desk.tale()
    );
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn a_person_gets_out_of_a_cancelled_run_whose_change_never_ends() {
    for verdict in [Verdict::Done, Verdict::Failed] {
        let mut desk = Desk::open(one(), &[(0, vec![operation("move")])]);
        desk.send(0, 0, accepted());
        desk.pass(minutes(50));
        desk.say(cancel());
        assert_eq!(desk.say(settle("sql", verdict)), None);
        if verdict == Verdict::Failed {
            desk.look(0, 0, not_begun());
        }
        assert_eq!(
            desk.standing(),
            Standing::Ended(Outcome::Cancelled),
            "{verdict:?}: {}",
            desk.tale()
        );
    }
    let mut desk = Desk::open(one(), &[(0, vec![operation("move")])]);
    desk.send(0, 0, accepted());
    desk.pass(minutes(50));
    desk.say(cancel());
    let skip = Command::Skip {
        step: toy::step("sql"),
        reason: "it is known".to_owned(),
    };
    assert_eq!(desk.say(skip), None);
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Cancelled),
        "{}",
        desk.tale()
    );
}

/// A drill that switches, and switches back in its clean-up.
fn switching() -> Desk {
    let back = Operation {
        phase: Phase::CleanUp,
        ..operation("switch-back")
    };
    Desk::open(drill(), &[(0, vec![operation("switch"), back])])
}

#[test]
fn a_drill_does_not_clean_up_beside_a_switch_that_is_still_moving() {
    let mut desk = switching();
    desk.send(0, 0, accepted());
    desk.pass(minutes(50));
    desk.expect_stuck(0);
    assert!(
        !desk.wants(0, Part::Operation(1)),
        "the source still serves: {}",
        desk.tale()
    );
    assert_eq!(desk.standing(), Standing::Moving, "{}", desk.tale());
    assert!(
        desk.view().todo[0]
            .why
            .contains("the run ends once Azure has ended it")
    );
    // Azure ends it after all: now there is something to switch back.
    desk.poll(0, 0, 1, succeeded());
    desk.look(0, 0, holds());
    desk.carry_out(0, 1);
    desk.expect_ended();
}

#[test]
fn a_drill_looks_on_at_a_switch_whose_answer_was_lost_and_cleans_up_behind_it() {
    let mut desk = switching();
    desk.send(0, 0, unanswered());
    desk.look(0, 0, moving());
    desk.look_for(minutes(50), 0, 0, &moving());
    desk.expect_stuck(0);
    assert!(!desk.wants(0, Part::Operation(1)), "{}", desk.tale());
    desk.look(0, 0, holds());
    assert_eq!(desk.phase(0, 0), OperationPhase::Reached(Reached::Adopted));
    desk.carry_out(0, 1);
    desk.expect_ended();
}

#[test]
fn a_drill_whose_switch_left_no_trace_cleans_up_and_ends() {
    let mut desk = switching();
    desk.send(0, 0, unanswered());
    desk.look_for(minutes(50), 0, 0, &busy());
    desk.expect_stuck(0);
    desk.look(0, 0, not_begun());
    desk.expect_failed(0, 0);
    assert_eq!(
        desk.sends(0, 0),
        [(1, 1)],
        "nothing is sent for a step that is given up"
    );
    desk.look(0, 1, holds());
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Failed),
        "{}",
        desk.tale()
    );
}

#[test]
fn a_person_lets_a_drill_clean_up_by_saying_what_became_of_its_switch() {
    let mut desk = switching();
    desk.send(0, 0, accepted());
    desk.pass(minutes(50));
    assert_eq!(desk.say(settle("sql", Verdict::Failed)), None);
    desk.look(0, 0, not_begun());
    desk.look(0, 1, holds());
    assert_eq!(
        desk.standing(),
        Standing::Ended(Outcome::Failed),
        "{}",
        desk.tale()
    );
}

#[test]
fn a_stuck_step_hears_of_its_change_even_where_only_a_look_can_tell() {
    let mut desk = Desk::open(one(), &[(0, vec![operation("move")])]);
    desk.send(0, 0, unanswered());
    desk.look(0, 0, moving());
    desk.look_for(minutes(50), 0, 0, &moving());
    assert_eq!(desk.standing(), Standing::Stuck, "{}", desk.tale());
    desk.look(0, 0, holds());
    assert_eq!(desk.step_phase(0), StepPhase::Done, "{}", desk.tale());
}

#[test]
fn news_of_one_change_does_not_try_another_again_that_waits_for_a_person() {
    let both = vec![operation("one"), operation("two")];
    let mut desk = Desk::open(one(), &[(0, both)]);
    desk.send(0, 0, accepted());
    desk.send(0, 1, refused());
    desk.look(0, 1, not_begun());
    desk.expect_failed(0, 1);
    desk.pass(minutes(50));
    desk.expect_stuck(0);
    desk.poll(0, 0, 1, succeeded());
    desk.look(0, 0, holds());
    assert!(
        matches!(desk.phase(0, 0), OperationPhase::Reached(_)),
        "{}",
        desk.tale()
    );
    desk.expect_stuck(0);
    assert_eq!(desk.sends(0, 1), [(1, 1)]);
}

#[test]
fn a_gentle_way_whose_answer_was_lost_closes_the_question_about_a_harsher_one_when_it_comes_true() {
    let mut planned = rung("planned", RepeatClass::SelfGuarded);
    planned.within = Some(std::time::Duration::from_secs(600));
    let forced = leeward_engine::work::Rung {
        beside: true,
        lossy: true,
        ..rung("forced", RepeatClass::SelfGuarded)
    };
    let switch = Operation {
        rungs: vec![planned, forced],
        ..operation("switch")
    };
    let mut desk = Desk::open(one(), &[(0, vec![switch])]);
    desk.send(0, 0, unanswered());
    desk.look(0, 0, moving());
    desk.look_for(minutes(15), 0, 0, &moving());
    assert_eq!(desk.standing(), Standing::AtGate, "{}", desk.tale());
    desk.look(0, 0, holds());
    assert_ne!(desk.standing(), Standing::Stuck);
    assert_eq!(desk.sends(0, 0), [(1, 1)], "{}", desk.tale());
}
