//! What is an event in a journal, as text?
#![allow(missing_docs)]

use leeward_engine::event::{AttemptEnd, Event, OperationEvent, StepEvent};
use serde_json::json;

fn read(text: &str) -> Event {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_event_is_written_with_its_name_first_and_read_wherever_that_stands() {
    let change = StepEvent::CheckPassed {
        check: 1,
        evidence: "200".to_owned(),
    };
    let event = Event::Step {
        step: leeward_engine::id::StepId::new("web"),
        change,
    };
    let text =
        r#"{"event":"step","step":"web","change":{"step-event":"check-passed","check":1,"evidence":"200"}}"#;
    assert_eq!(serde_json::to_string(&event).ok().as_deref(), Some(text));
    assert_eq!(read(text), event);
    let shuffled =
        r#"{"step":"web","change":{"check":1,"step-event":"check-passed","evidence":"200"},"event":"step"}"#;
    assert_eq!(read(shuffled), event);
    assert_eq!(serde_json::from_value::<Event>(json!({"change": {"evidence": "200", "check": 1, "step-event": "check-passed"}, "step": "web", "event": "step"})).ok(), Some(event));
}

#[test]
fn an_event_without_fields_an_unknown_one_and_unknown_fields_are_read() {
    assert_eq!(read(r#"{"event":"paused"}"#), Event::Paused);
    assert_eq!(read(r#"{"event":"paused","mood":[1,{"a":2}]}"#), Event::Paused);
    assert_eq!(
        read(r#"{"event":"teleported","to":{"planet":"mars"}}"#),
        Event::Foreign
    );
    assert_eq!(read(r#"{"to":"mars","event":"teleported"}"#), Event::Foreign);
    let cancelled = Event::Cancelled {
        reason: "no".to_owned(),
    };
    assert_eq!(
        read(r#"{"event":"cancelled","mood":"low","reason":"no"}"#),
        cancelled
    );
}

#[test]
fn what_may_be_left_out_is_filled_in() {
    let finished: OperationEvent =
        serde_json::from_str(r#"{"operation-event":"finished"}"#).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        finished,
        OperationEvent::Finished {
            warnings: Vec::new(),
            outputs: Default::default()
        }
    );
    let end: AttemptEnd =
        serde_json::from_str(r#"{"end":"lost","reason":"404"}"#).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        end,
        AttemptEnd::Lost {
            reason: "404".to_owned()
        }
    );
}

#[test]
fn what_is_no_event_is_refused_with_a_reason() {
    let bad = |text: &str| serde_json::from_str::<Event>(text).map_err(|error| error.to_string());
    let told = [
        bad("{}"),
        bad(r#"{"step":"web"}"#),
        bad(r#"{"event":7}"#),
        bad(r#"{"event":"cancelled"}"#),
        bad(r#""paused""#),
        bad("null"),
    ];
    insta::assert_debug_snapshot!(told);
}
