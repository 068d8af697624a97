//! What proves that a request of `azure.resource` did its work?

use std::collections::BTreeMap;

use leeward_engine::{
    port::{Context, DriverError},
    work::{Observation, Outputs},
};
use leeward_runbook::{
    expr::{self, ExprError, Scope, StepOutputs},
    plan::{Check, Goal, StepId},
};
use serde_json::{Value, json};

use super::{
    Asked,
    settled::{Rest, difference, rest},
    told,
};
use crate::{
    arm::{Arm, Method},
    kinds::checks::Prover,
};

/// The ways to prove it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Proof {
    /// A check passes.
    Check(Check),
    /// A condition holds on a GET of the resource.
    Condition(String),
    /// The resource is as it was written.
    Written,
    /// The resource is gone.
    Gone,
    /// Nothing.
    None,
}

impl Proof {
    /// Returns the step's own goal, else what the method says by itself.
    pub(super) fn of(context: &Context, asked: &Asked) -> Result<Proof, DriverError> {
        Ok(match (&context.step.goal, asked.method) {
            (Some(Goal::Check(check)), _) if Prover::knows(&check.kind) => Proof::Check(check.clone()),
            (Some(Goal::Check(check)), _) => {
                return Err(DriverError::Impossible {
                    reason: format!("its goal is `{}`, which this version cannot probe", check.kind),
                });
            }
            (Some(Goal::Condition(text)), _) => Proof::Condition(text.clone()),
            (None, Method::Put) if asked.body.is_some() => Proof::Written,
            (None, Method::Delete) => Proof::Gone,
            (None, _) => Proof::None,
        })
    }

    /// Returns it for people.
    pub(super) fn words(&self, asked: &Asked) -> String {
        match self {
            Proof::Check(check) => format!("{} passes", check.kind),
            Proof::Condition(text) => format!("{text} holds of {}", asked.resource),
            Proof::Written => format!("{} is as it was written", asked.resource),
            Proof::Gone => format!("{} does not exist", asked.resource),
            Proof::None => format!("{} of {} was accepted", asked.method, asked.path),
        }
    }

    /// Looks once.
    pub(super) async fn look(
        &self,
        arm: &Arm,
        prover: &Prover,
        context: &Context,
        asked: &Asked,
    ) -> Observation {
        if let Proof::Check(check) = self {
            let probe = prover.probe(&check.kind, &check.settings).await;
            return match probe.passed {
                true => holds(probe.evidence, Outputs::new()),
                false => not_begun(probe.evidence),
            };
        }
        if *self == Proof::None {
            return cannot_tell("the step has no goal to look at".to_owned());
        }
        let (status, body) = match arm.read(&asked.look()).await {
            Ok(reply) => (reply.status, reply.body),
            Err(error) if error.is_missing() => (404, Value::Null),
            Err(error) => return cannot_tell(format!("{}: {error}", asked.resource)),
        };
        self.judge(context, asked, status, &body)
    }

    /// Judges what was read.
    pub(super) fn judge(&self, context: &Context, asked: &Asked, status: u16, body: &Value) -> Observation {
        let what = &asked.resource;
        let shown = || told::outputs(context, asked, status, body).0;
        let moving = match rest(body) {
            Rest::Moving(word) => Some(Observation::Busy {
                evidence: format!("{what} is {word}"),
            }),
            _ => None,
        };
        match self {
            Proof::Condition(text) => match condition(text, context, status, body) {
                Ok(true) => holds(format!("{text} holds of {what}"), shown()),
                Ok(false) => moving
                    .unwrap_or_else(|| not_begun(format!("{text} does not hold of {what}, HTTP {status}"))),
                // A key that is not there yet: the condition does not hold.
                Err(ExprError::Missing { path }) => moving
                    .unwrap_or_else(|| not_begun(format!("`{path}` has no value in {what}, HTTP {status}"))),
                // Of what is not there nothing can be true.
                Err(error) if status == 404 => not_begun(format!("{what} does not exist: {text}: {error}")),
                Err(error) => cannot_tell(format!("{text}: {error}")),
            },
            Proof::Gone if status == 404 => holds(format!("{what} does not exist"), Outputs::new()),
            Proof::Gone => moving.unwrap_or_else(|| not_begun(format!("{what} exists"))),
            Proof::Written if status == 404 => not_begun(format!("{what} does not exist")),
            Proof::Written => match (
                moving,
                rest(body),
                difference(asked.body.as_ref().unwrap_or(&Value::Null), body),
            ) {
                (Some(moving), ..) => moving,
                (None, Rest::Failed(word), _) => not_begun(format!("{what} is {word}")),
                (None, _, Some(place)) => not_begun(format!("{what} is not as written at {place}")),
                (None, _, None) => holds(format!("{what} is as it was written"), shown()),
            },
            Proof::Check(_) | Proof::None => cannot_tell("there is nothing to read".to_owned()),
        }
    }
}

/// Decides a condition over `body` and `status`; outputs of other steps it cannot read.
fn condition(text: &str, context: &Context, status: u16, body: &Value) -> Result<bool, ExprError> {
    let outputs = BTreeMap::<StepId, StepOutputs>::new();
    let scope = Scope::of_step(&context.plan, &context.step, &outputs)?
        .with_variable("body", body.clone())
        .with_variable("status", json!(status));
    expr::holds(text, &scope)
}

fn holds(evidence: String, outputs: Outputs) -> Observation {
    Observation::Holds {
        evidence,
        ours: false,
        outputs,
    }
}

fn not_begun(evidence: String) -> Observation {
    Observation::NotBegun { evidence }
}

fn cannot_tell(reason: String) -> Observation {
    Observation::CannotTell { reason }
}
