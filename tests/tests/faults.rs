//! Does a run end well, and nothing happen twice, whatever goes wrong with any one of its requests?
//!
//! Each test has one thing go wrong, with every request for a change and every message of every shipped runbook in
//! turn. `tests/src/sweep.rs` says what must hold of all of them.

use leeward_acceptance::{
    stage::{exhaustive, rehearse},
    sweep::{
        Calm, Struck, ended_well, ended_with_a_doubtful_message, is_message, play, sweep,
        waits_with_the_one_shot,
    },
};
use leeward_cli::exit::Exit;
use leeward_simulator::{Entry, Told};
use serde_json::{Value, json};

const PLATFORM: &str = "interworks-platform";
const BOOKS: [&str; 3] = ["minimal", "sql-only", PLATFORM];

/// The platform has forty-seven requests, and each of its runs costs about a second. Where not everything is asked
/// for (`LEEWARD_EXHAUSTIVE=1`), four things that go wrong share them: every request meets one of the four.
const SHARED_BY: usize = 4;

/// Has one thing go wrong with everything that a run sends, in turn; on the platform with its share of it.
fn everywhere(share: usize, verdict: Value, check: impl Fn(&Struck)) {
    for book in BOOKS {
        let calm = Calm::of(book, 1);
        assert_eq!(calm.played.exit(), Exit::Holds.code(), "{book}");
        let messages = calm.sent.iter().filter(|sent| is_message(&sent.1)).count();
        let told = format!("{book}: {:#?}", calm.sent);
        assert!(calm.sent.len() - messages >= 2, "{told}");
        if book == PLATFORM {
            assert_eq!((calm.sent.len() - messages, messages), (43, 4), "{told}");
        }
        let recovered = calm.played.view.objectives.recovered_at;
        let every = if exhaustive() || book != PLATFORM {
            1
        } else {
            SHARED_BY
        };
        let chosen = calm.sent.iter().skip(share % every).step_by(every);
        let count = sweep(book, 1, &verdict, chosen, |struck| {
            check(struck);
            if is_message(&struck.sent.1) {
                // A message holds nobody up: recovery comes at the very same moment.
                let with = struck.played.view.objectives.recovered_at;
                assert_eq!(with, recovered, "{}", struck.told);
            }
        });
        assert!(count >= calm.sent.len() / every, "{book}: {count}");
    }
}

/// A change whose goal can be looked at is found to hold; a message whose fate is unknown, or that was turned away, is
/// not sent again, and the run says so.
fn well_or_with_a_warning(struck: &Struck) {
    let well = match is_message(&struck.sent.1) {
        true => ended_with_a_doubtful_message(&struck.played),
        false => ended_well(&struck.played),
    };
    assert!(well, "{}", struck.told);
}

fn well(struck: &Struck) {
    assert!(ended_well(&struck.played), "{}", struck.told);
}

/// As [`well_or_with_a_warning`], but for what must not be sent again and did not arrive: a person settles it.
fn well_or_with_a_person(struck: &Struck) {
    // The planned failover of the geo-redundant account: a second one would move it back.
    match struck.sent.1.ends_with("/starchiveplatform/failover") {
        true => assert!(waits_with_the_one_shot(&struck.played), "{}", struck.told),
        false => well_or_with_a_warning(struck),
    }
}

#[test]
fn a_change_whose_answer_never_comes_is_found_and_not_made_again() {
    everywhere(0, json!({ "answer-lost": {} }), well_or_with_a_warning);
}

#[test]
fn a_change_whose_answer_is_cut_off_is_found_and_not_made_again() {
    everywhere(
        1,
        json!({ "answer-lost": { "by": "reset" } }),
        well_or_with_a_warning,
    );
}

#[test]
fn a_change_that_reads_do_not_show_yet_is_waited_for_and_not_made_again() {
    everywhere(2, json!({ "stale-reads": { "for": "60s" } }), well);
}

#[test]
fn a_change_that_arrives_after_we_gave_up_is_waited_for_and_not_made_again() {
    everywhere(
        3,
        json!({ "late-delivery": { "after": "60s" } }),
        well_or_with_a_warning,
    );
}

#[test]
fn a_throttled_change_is_made_when_azure_lets_it() {
    everywhere(
        0,
        json!({ "throttle": { "retry-after": 17 } }),
        well_or_with_a_warning,
    );
}

#[test]
fn a_throttled_change_is_made_later_where_azure_does_not_say_when() {
    everywhere(1, json!({ "throttle": {} }), well_or_with_a_warning);
}

#[test]
fn a_change_that_azure_stumbles_over_is_made_again_only_where_that_is_harmless() {
    everywhere(2, json!({ "status": { "status": 503 } }), well_or_with_a_person);
}

#[test]
fn a_change_lost_on_its_way_is_made_again_only_where_that_is_harmless() {
    everywhere(3, json!("reset"), well_or_with_a_person);
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
