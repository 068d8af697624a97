//! When is a platform recovered? When what proves it succeeded, not when a person left the proof out.
#![allow(missing_docs, unreachable_pub)]

mod desk;
mod toy;

use desk::*;
use leeward_engine::port::Command;
use serde_json::json;

/// Traffic, and the proof that ends recovery and is left out before it began.
fn left_out() -> Desk {
    let plan = toy::plan(&[
        ("traffic", &[], json!({})),
        ("serving", &["traffic"], json!({"ends_recovery": true})),
    ]);
    let mut desk = Desk::open(plan, &[(0, vec![operation("move")])]);
    assert_eq!(desk.say(skip("serving")), None);
    assert_eq!(desk.view().objectives.recovered_at, None, "{}", desk.tale());
    desk
}

fn skip(step: &str) -> Command {
    Command::Skip {
        step: toy::step(step),
        reason: "seen by eye".to_owned(),
    }
}

#[test]
fn a_skipped_proof_ends_recovery_only_once_what_it_waits_for_holds_and_is_told_as_a_skip() {
    let mut desk = left_out();
    desk.send(0, 0, accepted());
    assert_eq!(desk.view().objectives.recovered_at, None, "{}", desk.tale());
    desk.poll(0, 0, 1, succeeded());
    desk.look(0, 0, holds());
    let objectives = desk.view().objectives;
    assert!(objectives.recovered_at.is_some(), "{}", desk.tale());
    assert_eq!(objectives.recovered_by_skip, Some(toy::step("serving")));
    assert_ne!(objectives.rto_missed, Some(false), "a skip keeps no promise");
}

#[test]
fn a_skipped_proof_of_what_was_cancelled_claims_no_recovery() {
    let mut desk = left_out();
    let cancel = Command::Cancel {
        reason: "false alarm".to_owned(),
    };
    assert_eq!(desk.say(cancel), None);
    assert_eq!(desk.view().objectives.recovered_at, None, "{}", desk.tale());
    assert_eq!(desk.view().objectives.recovered_by_skip, None);
}
