//! Does a run end well, and nothing happen twice, whatever goes wrong on the wire or with the process?

use std::collections::{BTreeMap, BTreeSet};

use leeward_acceptance::stage::{
    Book, Played, Stage, differences, exhaustive, rehearse, resources, rules, seeds,
};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::{
    event::{Choice, Event, OperationEvent, StepEvent},
    view::StepWord,
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use leeward_simulator::{Entry, Told};
use serde_json::{Value, json};

const PLATFORM: &str = "interworks-platform";
const BOOKS: [&str; 3] = ["minimal", "sql-only", PLATFORM];

/// How many requests of the platform are tried at each verdict where not all are.
const SAMPLE: usize = 3;

/// One changing request of a calm run: verb, path, and which of those alike it is.
type Change = (String, String, u32);

struct Calm {
    changes: Vec<Change>,
    records: u64,
    exit: u8,
}

fn calm(book: &str, seed: u64) -> Calm {
    rehearse(async {
        let (stage, played) = play(book, seed, Value::Null).await;
        let mut alike: BTreeMap<(String, String), u32> = BTreeMap::new();
        let changes = stage.changes().into_iter().map(|entry| {
            let count = alike
                .entry((entry.method.clone(), entry.path.clone()))
                .or_default();
            *count += 1;
            (entry.method, entry.path, *count)
        });
        Calm {
            changes: changes.collect(),
            records: played.records.len() as u64,
            exit: played.exit(),
        }
    })
}

async fn play(book: &str, seed: u64, faults: Value) -> (Stage, Played) {
    let (mut stage, planned) = Book::open(book).stage(Journey::Failover, Outage::BothUp, seed);
    if !faults.is_null() {
        stage.simulator.add_faults(rules(faults));
    }
    let played = stage.play(&planned).await;
    (stage, played)
}

/// A message goes to the same address twice in one run: at its beginning and at its end.
fn is_message(path: &str) -> bool {
    path.starts_with("https://")
}

/// Nothing is taken on more often than in a calm run, and that is once, except for messages: two notes of one
/// run go to one address, one when the move begins and one when it is over.
fn nothing_is_accepted_twice(stage: &Stage, told: &str) {
    nothing_but_this_is_accepted_twice(stage, None, told);
}

/// An operation that Azure says has failed is begun anew; that is another attempt, not the same change twice.
fn nothing_but_this_is_accepted_twice(stage: &Stage, failed: Option<&Change>, told: &str) {
    let mut count: BTreeMap<(String, String), Vec<Entry>> = BTreeMap::new();
    for entry in stage.accepted() {
        let key = (entry.method.clone(), entry.path.to_lowercase());
        count.entry(key).or_default().push(entry);
    }
    for ((method, path), entries) in count {
        let again = failed.is_some_and(|(verb, of, _)| *verb == method && of.eq_ignore_ascii_case(&path));
        let most = if is_message(&path) || again { 2 } else { 1 };
        assert!(
            entries.len() <= most,
            "{method} {path} was accepted {} times\n{told}\n{entries:#?}",
            entries.len()
        );
    }
}

/// A one-shot leaves once, unless Azure cleanly refused it or not a byte of it left.
fn no_one_shot_is_sent_twice(played: &Played, told: &str) {
    let mut shots = BTreeSet::new();
    for record in &played.records {
        if let Event::Step {
            step,
            change: StepEvent::Assessed { assessment },
        } = &record.body.event
        {
            for operation in &assessment.operations {
                for rung in operation
                    .rungs
                    .iter()
                    .filter(|rung| rung.repeat == RepeatClass::OneShot)
                {
                    shots.insert((step.clone(), operation.id.clone(), rung.name.clone()));
                }
            }
        }
    }
    let mut sent: BTreeMap<_, i32> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for record in &played.records {
        let Event::Operation {
            step,
            operation,
            change,
        } = &record.body.event
        else {
            continue;
        };
        let place = (step.clone(), operation.clone());
        match change {
            OperationEvent::Intended { rung, .. } => {
                last.insert(place.clone(), rung.clone());
                *sent.entry((place.0, place.1, rung.clone())).or_default() += 1;
            }
            OperationEvent::Refused { .. } | OperationEvent::NotSent { .. } => {
                if let Some(rung) = last.get(&place) {
                    *sent.entry((place.0, place.1, rung.clone())).or_default() -= 1;
                }
            }
            _ => {}
        }
    }
    for (what, times) in sent {
        assert!(
            !shots.contains(&what) || times <= 1,
            "{what:?} was sent {times} times\n{told}"
        );
    }
}

fn ended_well(played: &Played) -> bool {
    let done = |word: StepWord| matches!(word, StepWord::Done | StepWord::DoneDegraded);
    played.view.steps.iter().all(|step| done(step.state))
        && [Exit::Holds, Exit::Degraded, Exit::ObjectiveMissed]
            .iter()
            .any(|exit| exit.code() == played.exit())
}

/// A 503 or a reset says nothing about arrival, so a one-shot that did not arrive is a person's to settle: the
/// only step that waits is the archive's, off the path to recovery, with every way out on offer.
fn waits_with_a_one_shot(played: &Played) -> bool {
    let [todo] = played.view.todo.as_slice() else {
        return false;
    };
    let ways = [Choice::SettleDone, Choice::SettleNotBegun, Choice::SettleFailed];
    played.exit() == Exit::Stuck.code()
        && played.view.objectives.recovered_at.is_some()
        && todo.step.as_str() == "archive-account"
        && ways.iter().all(|way| todo.choices.contains(way))
}

fn rule(change: &Change, verdict: &Value) -> Value {
    let (method, path, nth) = change;
    json!([{
        "match": { "method": method, "path": path, "changing": true, "nth": nth },
        "times": 1,
        "verdict": verdict,
    }])
}

/// Plays every verdict on every changing request, in turn.
fn sweep(name: &str, verdicts: &[Value], check: impl Fn(&Played, &str)) {
    for book in BOOKS {
        let calm = calm(book, 1);
        assert_eq!(calm.exit, Exit::Holds.code(), "{book}");
        let mut struck = 0;
        for (place, verdict) in verdicts.iter().enumerate() {
            let all = exhaustive() || book != PLATFORM;
            let step = if all {
                1
            } else {
                calm.changes.len().div_ceil(SAMPLE)
            };
            // Another part of the platform at each verdict and at each test.
            let from = if all {
                0
            } else {
                (place * 5 + name.len() * 3) % step
            };
            // The simulator's rules reach Azure's wire; messages go out beside it.
            let changes = calm.changes.iter().filter(|change| !is_message(&change.1));
            for change in changes.skip(from).step_by(step) {
                rehearse(async {
                    let (stage, played) = play(book, 1, rule(change, verdict)).await;
                    stage.settle().await;
                    let told = format!("{book}, seed 1, {verdict} on {change:?}\n{}", played.tale());
                    let fails = verdict.get("operation-fails").is_some();
                    nothing_but_this_is_accepted_twice(&stage, fails.then_some(change), &told);
                    no_one_shot_is_sent_twice(&played, &told);
                    check(&played, &told);
                });
                struck += 1;
            }
        }
        assert!(struck > 0, "{book}");
    }
}

#[test]
fn an_answer_that_is_lost_or_late_or_a_read_that_is_stale_makes_nothing_happen_twice_and_the_run_ends_well() {
    let verdicts = [
        json!({ "answer-lost": {} }),
        json!({ "answer-lost": { "by": "reset" } }),
        json!({ "stale-reads": { "for": "60s" } }),
        json!({ "late-delivery": { "after": "60s" } }),
    ];
    sweep("doubt", &verdicts, |played, told| {
        assert!(ended_well(played), "{told}")
    });
}

#[test]
fn a_refusal_that_passes_is_tried_again_and_the_run_ends_well() {
    let verdicts = [
        json!({ "throttle": { "retry-after": 17 } }),
        json!({ "throttle": {} }),
        json!({ "status": { "status": 503 } }),
        json!("reset"),
    ];
    sweep("refusal", &verdicts, |played, told| {
        assert!(ended_well(played) || waits_with_a_one_shot(played), "{told}")
    });
}

#[test]
fn an_operation_that_fails_is_told_and_never_hidden() {
    let verdicts = [json!({ "operation-fails": { "code": "InternalServerError", "message": "it broke" } })];
    sweep("failure", &verdicts, |played, told| {
        let honest = ended_well(played) || [Exit::Failed.code(), Exit::Stuck.code()].contains(&played.exit());
        assert!(honest, "{told}");
    });
}

#[test]
fn an_operation_that_never_ends_leaves_its_step_with_a_person_who_has_choices() {
    for (book, verb) in [
        ("minimal", "**/failover"),
        (PLATFORM, "**/vm-postgres-1/**"),
        (PLATFORM, "**/vm-storefront-2/unplannedFailover"),
    ] {
        rehearse(async {
            let faults =
                json!([{ "match": { "path": verb, "changing": true }, "verdict": "operation-never-ends" }]);
            let (stage, played) = play(book, 1, faults).await;
            let told = format!("{book}, {verb}: {}", played.tale());
            nothing_is_accepted_twice(&stage, &told);
            if verb.contains("storefront") {
                // Three of four are enough, and the run says so.
                assert_eq!(played.exit(), Exit::Degraded.code(), "{told}");
                return;
            }
            if verb.contains("postgres") {
                return;
            }
            assert_eq!(played.exit(), Exit::Stuck.code(), "{told}");
            let todo = played.view.todo.first().unwrap_or_else(|| panic!("{told}"));
            for choice in [Choice::SettleDone, Choice::SettleFailed] {
                assert!(todo.choices.contains(&choice), "{told}");
            }
        });
    }
}

fn crash_at(book: &str, cuts: &[u64]) {
    let (calm, world) = rehearse(async {
        let (stage, played) = play(book, 1, Value::Null).await;
        stage.settle().await;
        (played, stage.simulator.world())
    });
    let calm_accepted = rehearse(async { play(book, 1, Value::Null).await.0.accepted().len() });
    for cut in cuts {
        rehearse(async {
            let (mut stage, planned) = Book::open(book).stage(Journey::Failover, Outage::BothUp, 1);
            let played = stage.play_dying(&planned, &[*cut]).await;
            let told = format!("{book}, seed 1, cut {cut}: {}", played.tale());
            assert_eq!(played.deaths, 1, "{told}");
            if !agreed(&played) && played.exit() == Exit::AtGate.code() {
                // What the command line agreed to died with it: the next one asks again, and sends nothing.
                let sent = stage.accepted();
                assert!(
                    sent.iter().all(|entry| is_message(&entry.path)),
                    "{told}\n{sent:#?}"
                );
                return;
            }
            match played.exit() == Exit::Degraded.code() {
                // Killed while a message was on its way: it is not sent again, and the run says so.
                true => assert!(only_messages_are_degraded(&played), "{told}"),
                false => assert_eq!(played.exit(), calm.exit(), "{told}"),
            }
            nothing_is_accepted_twice(&stage, &told);
            no_one_shot_is_sent_twice(&played, &told);
            assert!(stage.accepted().len() <= calm_accepted, "{told}");
            stage.settle().await;
            let other: Vec<String> = differences(&resources(&world), &resources(&stage.simulator.world()))
                .into_iter()
                .filter(|difference| !tells_a_time(difference))
                .collect();
            assert!(other.is_empty(), "{told}\n{}", other.join("\n"));
        });
    }
}

fn only_messages_are_degraded(played: &Played) -> bool {
    let mut short = played
        .view
        .steps
        .iter()
        .filter(|step| step.state != StepWord::Done);
    !played.view.degradations.is_empty() && short.all(|step| step.kind.starts_with("notify."))
}

/// Whether the agreement that the command line gave is in the journal.
fn agreed(played: &Played) -> bool {
    let mut events = played.records.iter().map(|record| &record.body.event);
    events.any(|event| matches!(event, Event::Approved { .. }))
}

/// Two runs of different length leave different moments behind, other jobs and other recovery points, and nothing
/// else. A moment is known by its value, never by the name of its field.
fn tells_a_time(difference: &str) -> bool {
    let (field, values) = difference.split_once(": ").unwrap_or((difference, ""));
    let name = field.rsplit(' ').next().unwrap_or_default().to_lowercase();
    let is_moment = |text: &str| text.trim_matches('"').parse::<jiff::Timestamp>().is_ok();
    let is_point = |text: &str| text.to_lowercase().contains("/recoverypoints/");
    let told = values.split_once(" became ").is_some_and(|(before, after)| {
        (is_moment(before) && is_moment(after)) || (is_point(before) && is_point(after))
    });
    told || name.contains("job") || name == "rpoinseconds"
}

#[test]
fn a_crash_after_any_record_changes_nothing_about_the_end_and_nothing_is_accepted_twice() {
    for book in ["minimal", "sql-only"] {
        let records = calm(book, 1).records;
        let cuts: Vec<u64> = (1..records).collect();
        crash_at(book, &cuts);
    }
}

#[test]
fn a_crash_in_the_middle_of_the_platform_changes_nothing_about_its_end() {
    let records = calm(PLATFORM, 1).records;
    let cuts: Vec<u64> = match exhaustive() {
        true => (1..records).collect(),
        false => seeds(8)
            .map(|seed| 1 + seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(19) % (records - 1))
            .collect(),
    };
    crash_at(PLATFORM, &cuts);
}

#[test]
fn a_run_that_is_killed_again_and_again_still_ends_well() {
    let records = calm("minimal", 1).records;
    rehearse(async {
        let (mut stage, planned) = Book::open("minimal").stage(Journey::Failover, Outage::BothUp, 1);
        let cuts: Vec<u64> = (1..=10).map(|place| place * records / 11 + place).collect();
        let played = stage.play_dying(&planned, &cuts).await;
        let told = played.tale();
        assert!(ended_well(&played) && played.deaths >= 8, "{told}");
        nothing_is_accepted_twice(&stage, &told);
    });
}

#[test]
fn the_log_tells_lost_answers_from_refusals() {
    // What the tests above stand on.
    rehearse(async {
        let (stage, _) = play("minimal", 1, json!([{
            "match": { "path": "**/failover", "changing": true, "nth": 1 }, "verdict": { "answer-lost": {} }
        }])).await;
        let lost: Vec<Entry> = stage
            .changes()
            .into_iter()
            .filter(|entry| entry.status == Told::Lost)
            .collect();
        assert!(lost.len() == 1 && lost[0].accepted, "{lost:#?}");
    });
}
