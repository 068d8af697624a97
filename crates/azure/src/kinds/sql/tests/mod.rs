//! What the tests of both sorts of group share, and what holds for both.

use std::sync::Arc;

use leeward_runbook::kinds;
use serde_json::{Value, json};

use super::{
    group::Group,
    side::{Of, Verb},
};
use crate::testing::FakeAzure;

mod instances;
mod servers;

fn driver(azure: &Arc<FakeAzure>, of: Of) -> Group {
    let seams = crate::testing::seams(azure.arm());
    Group::new(&seams, of)
}

fn group(role: &str, state: &str) -> Value {
    json!({"properties": {"replicationRole": role, "replicationState": state}})
}

fn error(code: &str) -> Value {
    json!({"error": {"code": code, "message": "m"}})
}

#[test]
fn every_declared_rung_has_a_verb_and_every_verb_is_declared() {
    for of in [Of::Servers, Of::Instances] {
        let kind = kinds::find(of.kind()).unwrap();
        for rung in kind.ladder {
            let verb = Verb::of(rung).unwrap();
            let declared = super::ladder::declared(of, "switch", Some(rung)).unwrap();
            assert_eq!(verb.is_lossy(), *rung != "planned");
            assert_eq!(declared.repeat, leeward_runbook::kind::RepeatClass::SelfGuarded);
        }
    }
    assert!(super::ladder::declared(Of::Instances, "switch", Some("try-planned")).is_err());
}
