//! What every toy cloud has in common: operations with one way to their goal, which Azure would guard.

use std::time::Duration;

use leeward_engine::{
    id::OperationId,
    work::{Operation, Phase, Rung},
};
use leeward_runbook::kind::RepeatClass;
use serde_json::Value;

/// Makes an operation that can be looked at and has one way, of which a second send is refused.
pub fn operation(id: &str, target: &str, goal: &str, phase: Phase, payload: Value) -> Operation {
    Operation {
        id: OperationId::new(id),
        target: target.to_owned(),
        goal: goal.to_owned(),
        after: Vec::new(),
        phase,
        rungs: vec![Rung::new(
            "only",
            RepeatClass::SelfGuarded,
            Duration::from_secs(150),
        )],
        observable: true,
        payload,
    }
}
