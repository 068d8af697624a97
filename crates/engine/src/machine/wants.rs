//! Which effects a step's state wants in flight.

use jiff::Timestamp;

use super::{Action, Address, Effect, Machine, Pacing, Part, patience::stamp};
use crate::{
    policy,
    state::{AttemptState, OperationPhase, StepPhase},
};

impl Machine {
    /// Returns the counter that an answer must carry to count.
    pub(super) fn turn_of(&self, step: usize, part: Part) -> Option<u32> {
        let state = self.state.steps.get(step)?;
        Some(match part {
            Part::Measure => 0,
            Part::Step => state.turn,
            Part::Deadline => stamp(self.deadline_of(step)),
            Part::Operation(operation) => state.operations.get(operation)?.turn,
            Part::Patience(operation) => {
                state.operations.get(operation)?;
                stamp(self.patience_of(step, operation))
            }
            Part::Send(..) | Part::Ticket(..) => 0,
        })
    }

    /// Asks for everything that the step's state wants.
    pub(super) fn want_for(&mut self, step: usize) {
        let state = &self.state.steps[step];
        let planned = &self.state.planned[step];
        let mut wanted = Vec::new();
        let of_step = Address {
            step,
            part: Part::Step,
            turn: state.turn,
        };
        let plain = |address: Address, not_before: Option<Timestamp>, action: Action| Effect {
            address,
            not_before,
            pacing: Pacing::default(),
            action,
        };
        match &state.phase {
            StepPhase::AtGate {
                until: Some(until), ..
            } if planned.kind == "gate.wait" => {
                wanted.push(plain(of_step, Some(*until), Action::Wake));
            }
            StepPhase::Ready if !planned.kind.starts_with("gate.") && !planned.kind.starts_with("check.") => {
                wanted.push(plain(of_step, None, Action::Assess))
            }
            StepPhase::Assessing { until, .. } if !self.is_gate(step) => {
                wanted.push(plain(of_step, *until, Action::Assess))
            }
            // What flies already is not built again: a check and an operation are large.
            StepPhase::Verifying { .. } if self.flies(&of_step) => {}
            StepPhase::Verifying { check, .. } => {
                if let Some(check) = planned.verify.get(*check) {
                    wanted.push(plain(of_step, None, Action::Probe(check.clone())));
                }
            }
            _ => {}
        }
        let deadline = self.deadline_of(step);
        if let Some(moment) = deadline {
            let address = Address {
                step,
                part: Part::Deadline,
                turn: stamp(Some(moment)),
            };
            wanted.push(plain(address, Some(moment), Action::Wake));
        }
        for place in 0..state.operations.len() {
            self.want_for_operation(step, place, &mut wanted);
        }
        if deadline.is_none() {
            // A timer that still runs is nobody's business any more.
            self.in_flight.remove(&(step, Part::Deadline));
        }
        for effect in wanted {
            self.want(effect);
        }
    }

    fn want_for_operation(&self, step: usize, place: usize, wanted: &mut Vec<Effect>) {
        let operation = &self.state.steps[step].operations[place];
        let effect = |part: Part, turn: u32, not_before: Option<Timestamp>, action: Action| Effect {
            address: Address { step, part, turn },
            not_before,
            pacing: Pacing::default(),
            action,
        };
        if !matches!(operation.phase, OperationPhase::Reached(_)) {
            for attempt in &operation.attempts {
                if let AttemptState::Accepted(ticket) = &attempt.state {
                    let part = Part::Ticket(place, attempt.number);
                    if self.flies(&Address { step, part, turn: 0 }) {
                        continue;
                    }
                    let first = ticket.look_after.unwrap_or_else(|| policy::poll_again(0));
                    let not_before = policy::later(attempt.intended_at, first);
                    let action = Action::Poll(operation.plan.clone(), ticket.clone());
                    wanted.push(effect(part, 0, Some(not_before), action));
                }
            }
        }
        let observe = || Action::Observe(operation.plan.clone());
        let of_operation = Part::Operation(place);
        let looked_at = Address {
            step,
            part: of_operation,
            turn: operation.turn,
        };
        match &operation.phase {
            _ if self.flies(&looked_at) => {}
            OperationPhase::Waiting if self.is_watched(step, place) => {
                wanted.push(effect(of_operation, operation.turn, None, observe()));
            }
            OperationPhase::Looking { until } if self.is_watched(step, place) => {
                wanted.push(effect(of_operation, operation.turn, *until, observe()));
            }
            OperationPhase::Doubt | OperationPhase::Confirming { .. } | OperationPhase::Aftermath { .. }
                if self.is_watched(step, place) =>
            {
                wanted.push(effect(of_operation, operation.turn, None, observe()));
            }
            _ => {}
        }
        if let Some(moment) = self.patience_of(step, place) {
            let turn = stamp(Some(moment));
            wanted.push(effect(Part::Patience(place), turn, Some(moment), Action::Wake));
        }
    }
}
