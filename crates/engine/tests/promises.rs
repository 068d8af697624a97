//! What the machine promises, on a toy cloud with time by hand.

mod toy;

use std::collections::{BTreeMap, BTreeSet};

use leeward_engine::{
    event::{Approval, Outcome},
    port::{Command, Verdict},
    view::{Standing, StepWord},
    work::{Figure, Phase},
};
use leeward_runbook::kind::RepeatClass;
use serde_json::json;
use toy::{Rules, Toy, plan, step};

fn done() -> Standing {
    Standing::Ended(Outcome::Done)
}

fn state_of(toy: &Toy, name: &str) -> StepWord {
    toy.view()
        .steps
        .iter()
        .find(|one| one.id == step(name))
        .expect("the step")
        .state
}

#[test]
fn a_calm_run_does_every_step_once_and_in_order() {
    let steps = plan(&[
        ("sql", &[], json!({})),
        ("app", &["sql"], json!({})),
        ("site", &["app"], json!({})),
    ]);
    let mut toy = Toy::new(steps, &[]).open();
    assert_eq!(toy.finish(), done());
    for name in ["sql", "app", "site"] {
        assert_eq!(toy.accepted(name), 1, "{name}");
    }
    assert!(toy.fates["sql"].accepted[0] < toy.fates["app"].accepted[0]);
}

#[test]
fn what_keeps_a_change_waiting_is_recorded_once_and_shown() {
    let rules = Rules {
        silent: true,
        ..Rules::default()
    };
    let mut toy = Toy::new(plan(&[("farm", &[], json!({}))]), &[("farm", rules)]).open();
    for _ in 0..12 {
        toy.tick();
    }
    let shown = toy.view().steps[0].detail.clone();
    assert!(shown.contains("waits: the vault is silent"), "{shown}");
    let told = toy
        .records
        .iter()
        .filter(|record| {
            serde_json::to_string(&record.body.event).is_ok_and(|text| text.contains("\"looked\""))
        })
        .count();
    assert_eq!(told, 1, "the same words are recorded once");
    toy.finish();
    let end = toy.view().steps[0].detail.clone();
    assert!(
        end.starts_with("not begun after ") && end.ends_with("the vault is silent"),
        "{end}"
    );
    assert_eq!(toy.accepted("farm"), 0);
}

#[test]
fn a_crash_after_any_record_never_changes_anything_twice() {
    for class in [RepeatClass::SelfGuarded, RepeatClass::Repeatable] {
        let rules = Rules {
            class,
            ..Rules::default()
        };
        let steps = || plan(&[("sql", &[], json!({})), ("app", &["sql"], json!({}))]);
        let mut calm = Toy::new(steps(), &[("sql", rules.clone()), ("app", rules.clone())]).open();
        assert_eq!(calm.finish(), done());
        for cut in 1..calm.records.len() {
            let mut toy = Toy::new(steps(), &[("sql", rules.clone()), ("app", rules.clone())]).open();
            while toy.records.len() < cut && toy.tick() {}
            toy.crash();
            assert_eq!(toy.finish(), done(), "{class:?}, cut {cut}");
            assert_eq!(
                (toy.accepted("sql"), toy.accepted("app")),
                (1, 1),
                "{class:?}, cut {cut}"
            );
        }
    }
}

#[test]
fn a_lost_answer_is_observed_and_never_sent_again_blindly() {
    for (late, stale) in [(0, 0), (0, 60), (60, 0), (60, 60)] {
        for class in [
            RepeatClass::SelfGuarded,
            RepeatClass::Repeatable,
            RepeatClass::OneShot,
        ] {
            let rules = Rules {
                class,
                lost: BTreeSet::from([1]),
                late,
                stale,
                ..Rules::default()
            };
            let mut toy = Toy::new(plan(&[("sql", &[], json!({}))]), &[("sql", rules)]).open();
            assert_eq!(toy.finish(), done(), "{class:?} late {late} stale {stale}");
            assert_eq!(toy.accepted("sql"), 1, "{class:?} late {late} stale {stale}");
            assert_eq!(toy.fates["sql"].sends, 1, "{class:?} late {late} stale {stale}");
        }
    }
}

#[test]
fn a_change_that_never_arrived_is_sent_again_only_where_that_is_safe() {
    for class in [
        RepeatClass::SelfGuarded,
        RepeatClass::Repeatable,
        RepeatClass::OneShot,
    ] {
        let rules = Rules {
            class,
            vanished: BTreeSet::from([1]),
            ..Rules::default()
        };
        let mut toy = Toy::new(plan(&[("sql", &[], json!({}))]), &[("sql", rules)]).open();
        let began = toy.now;
        let ended = toy.finish();
        if class == RepeatClass::OneShot {
            assert_eq!((ended, toy.fates["sql"].sends), (Standing::Stuck, 1));
        } else {
            assert_eq!((ended, toy.fates["sql"].sends), (done(), 2), "{class:?}");
            let waited = toy.fates["sql"].accepted[0].duration_since(began);
            assert!(waited.as_secs() >= 210, "{class:?} was sent again after {waited}");
        }
    }
}

#[test]
fn a_one_shot_nobody_can_see_is_stuck_until_a_person_settles_it() {
    let rules = Rules {
        class: RepeatClass::OneShot,
        observable: false,
        lost: BTreeSet::from([1]),
        ..Rules::default()
    };
    let fresh = || Toy::new(plan(&[("hook", &[], json!({}))]), &[("hook", rules.clone())]).open();
    let mut toy = fresh();
    assert_eq!(toy.finish(), Standing::Stuck);
    toy.command(Command::Retry { step: step("hook") });
    assert_eq!(
        toy.finish(),
        Standing::Stuck,
        "a retry alone must not send it again"
    );
    assert_eq!(toy.fates["hook"].sends, 1);
    let settle = |verdict| Command::Settle {
        step: step("hook"),
        operation: None,
        verdict,
        reason: "seen".to_owned(),
    };
    toy.command(settle(Verdict::Done));
    assert_eq!((toy.finish(), toy.fates["hook"].sends), (done(), 1));

    let mut toy = fresh();
    toy.finish();
    toy.command(settle(Verdict::NotBegun));
    assert_eq!((toy.finish(), toy.fates["hook"].sends), (done(), 2));

    let mut toy = fresh();
    toy.finish();
    toy.command(settle(Verdict::Failed));
    assert_eq!((toy.finish(), toy.fates["hook"].sends), (Standing::Failed, 1));
}

#[test]
fn a_message_that_nobody_can_see_is_sent_once_and_holds_nobody_up() {
    let rules = Rules {
        class: RepeatClass::OneShot,
        observable: false,
        lost: BTreeSet::from([1]),
        ..Rules::default()
    };
    let steps = plan(&[
        ("tell", &[], json!({"on_failure": "continue"})),
        ("sql", &["tell"], json!({})),
    ]);
    let mut toy = Toy::new(steps, &[("tell", rules)]).open();
    assert_eq!(toy.finish(), Standing::Ended(Outcome::Degraded));
    assert_eq!((toy.fates["tell"].sends, toy.accepted("sql")), (1, 1));
}

#[test]
fn nothing_lossy_is_sent_before_a_person_agrees() {
    let lossy = Rules {
        lossy: true,
        never_ends: true,
        ..Rules::default()
    };
    let loss = json!({"data_loss": {"budget": "5m", "ladder": [{"name": "planned"}, {"name": "forced"}]}});
    let mut toy = Toy::new(plan(&[("sql", &[], loss)]), &[("sql", lossy)]).open();
    assert_eq!(toy.finish(), Standing::AtGate);
    assert_eq!(state_of(&toy, "sql"), StepWord::Consent);
    assert_eq!(toy.fates["sql"].sends, 1, "only the planned rung may be out");
    toy.approve("bob", BTreeMap::from([("sql".to_owned(), Figure::Unknown)]));
    for _ in 0..10 {
        toy.tick();
    }
    assert_eq!(toy.fates["sql"].sends, 2, "the forced rung follows the agreement");
}

#[test]
fn a_goal_found_to_hold_where_data_can_be_lost_waits_for_a_person() {
    let loss = json!({"data_loss": {"budget": "5m", "ladder": [{"name": "planned"}, {"name": "forced"}]}});
    let rules = Rules {
        lossy: true,
        takes: 0,
        ..Rules::default()
    };
    let mut toy = Toy::new(
        plan(&[("sql", &[], loss), ("app", &["sql"], json!({}))]),
        &[("sql", rules)],
    );
    let now = toy.now;
    toy.fates.entry("sql".to_owned()).or_default().accepted.push(now);
    let mut toy = toy.open();
    assert_eq!(toy.finish(), Standing::AtGate);
    assert_eq!(
        (state_of(&toy, "sql"), state_of(&toy, "app")),
        (StepWord::Consent, StepWord::Waiting)
    );
    toy.approve("bob", BTreeMap::from([("sql".to_owned(), Figure::Unknown)]));
    assert_eq!(toy.finish(), done());
    assert_eq!(toy.fates["sql"].sends, 0);
}

#[test]
fn four_eyes_means_two_people() {
    let gate = json!({"kind": "gate.approval", "settings": {"four-eyes": true}});
    let mut toy = Toy::new(
        plan(&[("decide", &[], gate), ("sql", &["decide"], json!({}))]),
        &[],
    )
    .open();
    assert_eq!(toy.finish(), Standing::AtGate);
    toy.approve("ann", BTreeMap::new());
    toy.approve("ann", BTreeMap::new());
    assert_eq!(toy.finish(), Standing::AtGate);
    toy.crash();
    toy.approve("bob", BTreeMap::new());
    assert_eq!(toy.finish(), done());
}

#[test]
fn one_approval_without_a_step_opens_one_gate_and_no_later_one() {
    let gate = || json!({"kind": "gate.approval"});
    let steps = plan(&[
        ("decide", &[], gate()),
        ("sql", &["decide"], json!({})),
        ("commit", &["sql"], gate()),
    ]);
    let mut toy = Toy::new(steps, &[]).open();
    assert_eq!(toy.finish(), Standing::AtGate);
    toy.approve("bob", BTreeMap::new());
    assert_eq!(toy.finish(), Standing::AtGate, "the second gate asks again");
    assert_eq!(
        (state_of(&toy, "decide"), state_of(&toy, "commit")),
        (StepWord::Done, StepWord::AtGate)
    );
    assert_eq!(toy.view().approvals[0].to, "`decide`");
    // What is used up stays so, whoever goes on with the run.
    toy.crash();
    assert_eq!(toy.finish(), Standing::AtGate);
    toy.approve("bob", BTreeMap::new());
    assert_eq!(toy.finish(), done());
}

#[test]
fn two_approvals_without_a_step_are_two_pairs_of_eyes_for_one_gate() {
    let gate = || json!({"kind": "gate.approval", "settings": {"four-eyes": true}});
    let steps = plan(&[("decide", &[], gate()), ("commit", &["decide"], gate())]);
    let mut toy = Toy::new(steps, &[]).open();
    for person in ["ann", "bob"] {
        assert_eq!(toy.finish(), Standing::AtGate);
        toy.approve(person, BTreeMap::new());
    }
    assert_eq!(toy.finish(), Standing::AtGate);
    assert_eq!(
        (state_of(&toy, "decide"), state_of(&toy, "commit")),
        (StepWord::Done, StepWord::AtGate)
    );
    toy.approve("ann", BTreeMap::new());
    assert_eq!(toy.finish(), Standing::AtGate, "ann's first word is used up");
    toy.approve("bob", BTreeMap::new());
    assert_eq!(toy.finish(), done());
}

#[test]
fn a_gate_takes_the_approval_that_names_it_and_leaves_the_other_for_the_next() {
    let gate = || json!({"kind": "gate.approval"});
    let steps = plan(&[
        ("sql", &[], json!({})),
        ("decide", &["sql"], gate()),
        ("commit", &["decide"], gate()),
    ]);
    let mut toy = Toy::new(steps, &[]).open();
    let digest = toy.machine.state().plan_digest.clone();
    for named in [None, Some(step("decide"))] {
        let mut approval = Approval::of_plan(&digest);
        approval.step = named;
        toy.command(Command::Approve(approval));
    }
    assert_eq!(toy.finish(), done());
}

#[test]
fn breaking_the_glass_opens_every_gate_that_is_reached_and_every_later_one() {
    let gate = || json!({"kind": "gate.approval", "settings": {"four-eyes": true}});
    let steps = plan(&[("decide", &[], gate()), ("commit", &["decide"], gate())]);
    let mut toy = Toy::new(steps, &[]).open();
    assert_eq!(toy.finish(), Standing::AtGate);
    let mut approval = Approval::of_plan(&toy.machine.state().plan_digest);
    approval.everything = true;
    approval.both_eyes = true;
    approval.break_glass = Some("nobody else is awake".to_owned());
    toy.command(Command::Approve(approval));
    assert_eq!(toy.finish(), done());
    assert_eq!(toy.view().break_glass.as_deref(), Some("nobody else is awake"));
}

#[test]
fn a_failed_step_holds_up_only_what_depends_on_it() {
    let steps = plan(&[
        ("broken", &[], json!({})),
        ("after", &["broken"], json!({})),
        ("beside", &[], json!({})),
    ]);
    let mut toy = Toy::new(
        steps,
        &[(
            "broken",
            Rules {
                fails: true,
                ..Rules::default()
            },
        )],
    )
    .open();
    assert_eq!(toy.finish(), Standing::Failed);
    assert_eq!(state_of(&toy, "broken"), StepWord::Failed);
    assert_eq!(state_of(&toy, "after"), StepWord::Blocked);
    assert_eq!(state_of(&toy, "beside"), StepWord::Done);
    toy.command(Command::Skip {
        step: step("broken"),
        reason: "not needed".to_owned(),
    });
    assert_eq!(toy.finish(), Standing::Ended(Outcome::Degraded));
}

#[test]
fn a_failure_that_may_be_continued_over_ends_as_an_accepted_degradation() {
    let steps = plan(&[
        ("broken", &[], json!({"on_failure": "continue"})),
        ("after", &["broken"], json!({})),
    ]);
    let mut toy = Toy::new(
        steps,
        &[(
            "broken",
            Rules {
                fails: true,
                ..Rules::default()
            },
        )],
    )
    .open();
    assert_eq!(toy.finish(), Standing::Ended(Outcome::Degraded));
    assert_eq!(state_of(&toy, "after"), StepWord::Done);
}

#[test]
fn a_halt_starts_nothing_more() {
    let steps = plan(&[
        ("broken", &[], json!({"on_failure": "halt"})),
        ("slow", &[], json!({})),
        ("later", &["slow"], json!({})),
    ]);
    let slow = Rules {
        takes: 600,
        ..Rules::default()
    };
    let mut toy = Toy::new(
        steps,
        &[
            (
                "broken",
                Rules {
                    fails: true,
                    ..Rules::default()
                },
            ),
            ("slow", slow),
        ],
    )
    .open();
    assert_eq!(toy.finish(), Standing::Failed);
    assert_eq!(state_of(&toy, "slow"), StepWord::Done);
    assert_eq!(toy.accepted("later"), 0);
}

#[test]
fn an_operation_that_never_ends_is_stuck_and_heard_when_it_ends_after_all() {
    let rules = Rules {
        never_ends: true,
        ..Rules::default()
    };
    let mut toy = Toy::new(plan(&[("sql", &[], json!({}))]), &[("sql", rules)]).open();
    assert_eq!(toy.finish(), Standing::Stuck);
    assert_eq!(toy.fates["sql"].sends, 1);
    toy.rules.get_mut("sql").expect("rules").never_ends = false;
    while toy.view().standing == Standing::Stuck && toy.tick() {}
    assert_eq!(toy.finish(), done());
    assert_eq!(toy.fates["sql"].sends, 1);
}

#[test]
fn a_cancelled_run_watches_what_is_open_and_starts_nothing() {
    let steps = plan(&[("sql", &[], json!({})), ("app", &["sql"], json!({}))]);
    let mut toy = Toy::new(steps, &[]).open();
    while toy.accepted("sql") == 0 && toy.tick() {}
    toy.command(Command::Cancel {
        reason: "false alarm".to_owned(),
    });
    assert_eq!(toy.finish(), Standing::Ended(Outcome::Cancelled));
    assert_eq!(toy.view().cancelled.as_deref(), Some("false alarm"));
    assert_eq!((toy.accepted("sql"), toy.accepted("app")), (1, 0));
    assert_eq!(
        state_of(&toy, "sql"),
        StepWord::Done,
        "what Azure finished is recorded as done"
    );
}

#[test]
fn a_paused_run_sends_nothing_until_it_goes_on() {
    let steps = plan(&[("sql", &[], json!({})), ("app", &["sql"], json!({}))]);
    let mut toy = Toy::new(steps, &[]).open();
    toy.command(Command::Pause);
    assert_eq!(toy.finish(), Standing::Paused);
    assert_eq!(toy.accepted("sql"), 0);
    toy.command(Command::Unpause);
    assert_eq!(toy.finish(), done());
}

#[test]
fn a_commit_waits_for_recovery_and_delays_nobody() {
    let steps = plan(&[
        ("vm", &[], json!({})),
        (
            "serving",
            &["vm"],
            json!({"ends_recovery": true, "kind": "check.toy", "verify": [
            {"kind": "check.toy", "settings": {}, "within": "1m", "hold": "0s", "every": "5s"}]}),
        ),
    ]);
    let commit = Rules {
        phase: Phase::AfterRecovery,
        ..Rules::default()
    };
    let mut toy = Toy::new(steps, &[("vm", commit)]).open();
    assert_eq!(toy.finish(), done());
    let recovered = toy.view().objectives.recovered_at.expect("recovery");
    assert!(toy.fates["vm"].accepted[0] >= recovered);
}

#[test]
fn no_more_steps_than_asked_for_are_under_way() {
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let steps: Vec<(&str, &[&str], serde_json::Value)> = names
        .iter()
        .map(|name| (name.as_str(), &[] as &[&str], json!({})))
        .collect();
    let toy = Toy::new(plan(&steps), &[]);
    let mut options = toy.machine.state().options.clone();
    options.parallel = Some(3);
    let mut toy = toy.with_options(options).open();
    let mut most = 0;
    while toy.tick() {
        most = most.max(toy.machine.state().under_way());
    }
    assert_eq!((toy.finish(), most), (done(), 3));
}
