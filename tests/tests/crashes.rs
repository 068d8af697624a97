//! Does a run that is killed end as if it had not been, with nothing done twice?

use leeward_acceptance::{
    stage::{Book, Played, differences, exhaustive, rehearse, resources, seeds, tells_a_time},
    sweep::{Calm, is_message, no_one_shot_is_sent_twice, nothing_is_accepted_twice, play},
};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::{event::Event, view::StepWord};
use leeward_runbook::journey::Journey;
use serde_json::Value;

const PLATFORM: &str = "interworks-platform";

fn records(book: &str) -> u64 {
    Calm::of(book, 1).played.records.len() as u64
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

#[test]
fn a_crash_after_any_record_changes_nothing_about_the_end_and_nothing_is_accepted_twice() {
    for book in ["minimal", "sql-only"] {
        let records = records(book);
        let cuts: Vec<u64> = (1..records).collect();
        crash_at(book, &cuts);
    }
}

#[test]
fn a_crash_in_the_middle_of_the_platform_changes_nothing_about_its_end() {
    let records = records(PLATFORM);
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
    let records = records("minimal");
    rehearse(async {
        let (mut stage, planned) = Book::open("minimal").stage(Journey::Failover, Outage::BothUp, 1);
        let cuts: Vec<u64> = (1..=10).map(|place| place * records / 11 + place).collect();
        let played = stage.play_dying(&planned, &cuts).await;
        let told = played.tale();
        assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
        assert!(played.deaths >= 8, "{told}");
        nothing_is_accepted_twice(&stage, &told);
    });
}
