//! How the operations of a changing step come to their ends, and the step with them.

use jiff::Timestamp;
use leeward_runbook::units;

use super::{Machine, approval::ADOPTED, choices::choices_once_stuck};
use crate::{
    event::{OperationEvent, Reached, StepEvent},
    state::{Ending, IllegalTransition, OperationPhase, OperationState, StepPhase},
    work::Phase,
};

type Moved = Result<(), IllegalTransition>;

impl Machine {
    pub(super) fn follow_changing(&mut self, now: Timestamp, step: usize) -> Moved {
        for place in 0..self.state.steps[step].operations.len() {
            if self.state.steps[step].operations[place].plan.phase == Phase::Main {
                self.follow_operation(now, step, place)?;
            }
        }
        if self.state.steps[step].phase != StepPhase::Changing {
            return Ok(());
        }
        self.ask_consent(now, step)?;
        let overdue = self.quorum_waited(now, step);
        self.settle_changes(now, step, overdue)?;
        Ok(())
    }

    /// Whether more follows from an operation's last answer than what the operation itself wants now:
    /// then it is followed up before the next answer is looked at, as if that had come alone.
    pub(super) fn leads_on(&self, now: Timestamp, step: usize, place: usize) -> bool {
        let state = &self.state.steps[step];
        let Some(operation) = state.operations.get(place) else {
            return true;
        };
        // Behind a step that is not changing any more, each answer has its own consequences.
        if operation.plan.phase == Phase::Main && state.phase != StepPhase::Changing {
            return true;
        }
        if self.quorum_waited(now, step) {
            return true;
        }
        let stays =
            operation.is_reached() || operation.phase == OperationPhase::Sending || has_its_way(operation);
        let cancelled = matches!(self.state.ending, Some(Ending::Cancelled { .. }));
        let goes_on = |one: &OperationState| {
            one.plan.phase == Phase::Main
                && match cancelled {
                    true => one.is_unfinished(),
                    false => !one.is_rest(),
                }
        };
        // Answers come about in the order of the operations: behind this one, one that goes on is soon found, while
        // those before it may all be over.
        let (before, behind) = state.operations.split_at(place);
        let others = behind.iter().chain(before);
        !stays || self.asks_or_may(step, operation) || !others.into_iter().any(goes_on)
    }

    /// Whether a person is asked about the step's losses, or is to be for this operation's sake.
    fn asks_or_may(&self, step: usize, operation: &OperationState) -> bool {
        let lossy = operation
            .rung()
            .filter(|rung| rung.lossy && is_between(operation));
        self.state.steps[step].consent.is_some()
            || lossy.is_some_and(|rung| !self.is_covered(step, &rung.name))
            || (self.adopted_a_loss(operation) && !self.is_covered(step, ADOPTED))
    }

    /// Brings an operation to a rung that can be used, or to its end.
    pub(super) fn follow_operation(&mut self, now: Timestamp, step: usize, place: usize) -> Moved {
        loop {
            let operation = &self.state.steps[step].operations[place];
            if operation.is_rest() || operation.phase == OperationPhase::Sending {
                return Ok(());
            }
            if let Some(reason) = self.out_of_time(operation) {
                return self.stick(now, step, place, reason);
            }
            let failed_before = operation.plan.after.iter().find(|id| {
                self.operation_of(step, id).is_some_and(|other| {
                    matches!(
                        other.phase,
                        OperationPhase::Failed { .. } | OperationPhase::Stuck { .. }
                    )
                })
            });
            if let (Some(before), OperationPhase::Waiting) = (failed_before, &operation.phase) {
                let reason = format!("`{before}` did not reach its goal");
                return self.operation_event(now, step, place, OperationEvent::Failed { reason });
            }
            if has_its_way(operation) {
                return Ok(());
            }
            let between = is_between(operation);
            let Some(rung) = operation.rung().cloned() else {
                let reason = operation
                    .last_reason
                    .clone()
                    .unwrap_or_else(|| "no way is left".to_owned());
                return match operation.is_unfinished() {
                    // Every way is spent, yet one of them may still come true, or just has.
                    true => Ok(()),
                    false => self.operation_event(now, step, place, OperationEvent::Failed { reason }),
                };
            };
            if let (true, Some(reason)) = (between, rung.skip.clone()) {
                self.give_up_rung(now, step, place, &rung.name, reason)?;
                continue;
            }
            if wants_the_next(operation) {
                let next = operation.next_rung().cloned();
                let usable = next.filter(|next| next.beside || !operation.is_open());
                let agreed = |next: &crate::work::Rung| !next.lossy || self.is_covered(step, &next.name);
                if usable.is_some_and(|next| agreed(&next)) {
                    let waited = rung.within.map(units::show_duration).unwrap_or_default();
                    let reason = format!("`{}` is still in motion after {waited}", rung.name);
                    self.give_up_rung(now, step, place, &rung.name, reason)?;
                    continue;
                }
            }
            return Ok(());
        }
    }

    /// Asks a person about losses, or takes an earlier agreement.
    fn ask_consent(&mut self, now: Timestamp, step: usize) -> Moved {
        // Nothing more is sent for a cancelled run, so there is nothing to agree to.
        let wanted = match self.state.ending {
            Some(Ending::Cancelled { .. }) => None,
            _ => self.rung_wanting_consent(step),
        };
        let asked = self.state.steps[step]
            .consent
            .as_ref()
            .map(|ask| ask.rung.clone());
        if asked.is_some() && asked != wanted {
            self.step_event(now, step, StepEvent::ConsentWithdrawn)?;
            return self.ask_consent(now, step);
        }
        match (wanted, asked) {
            (Some(rung), asked) => {
                let missing = self.consent_missing(step, &rung);
                match (missing, asked) {
                    (Some(ask), None) => {
                        let change = StepEvent::ConsentNeeded {
                            rung: ask.rung,
                            losses: ask.losses,
                            asks: ask.asks,
                        };
                        self.step_event(now, step, change)
                    }
                    (None, Some(rung)) => {
                        // What was unknown when it was asked may have been measured since.
                        let by = self.covered_by(step, &self.losses_of(step, &rung));
                        let by = by.unwrap_or_else(|| format!("an agreement to `{rung}`"));
                        self.step_event(now, step, StepEvent::ConsentGiven { by })
                    }
                    _ => Ok(()),
                }
            }
            (None, _) => Ok(()),
        }
    }

    /// Returns the first rung of the step that may go on only when a person agrees.
    fn rung_wanting_consent(&self, step: usize) -> Option<String> {
        let state = &self.state.steps[step];
        if state
            .operations
            .iter()
            .any(|operation| self.adopted_a_loss(operation))
        {
            return Some(ADOPTED.to_owned());
        }
        state.of_phase(Phase::Main).find_map(|operation| {
            use OperationPhase as P;
            let resting = matches!(operation.phase, P::Waiting | P::Looking { .. });
            let rung = match (resting, wants_the_next(operation)) {
                (true, _) => operation.rung(),
                (false, true) if !operation.is_rest() => operation
                    .next_rung()
                    .filter(|next| next.beside || !operation.is_open()),
                _ => None,
            }?;
            let first_due = operation.plan.after.iter().all(|id| self.has_reached(step, id));
            (first_due && rung.lossy && !self.is_agreed(step, &rung.name)).then(|| rung.name.clone())
        })
    }

    /// A rung within budget, or covered by an approval, needs no question.
    pub(super) fn is_agreed(&self, step: usize, rung: &str) -> bool {
        let asked = self.state.steps[step]
            .consent
            .as_ref()
            .is_some_and(|ask| ask.rung == rung);
        !asked && self.is_covered(step, rung)
    }

    fn adopted_a_loss(&self, operation: &crate::state::OperationState) -> bool {
        operation.phase == OperationPhase::Reached(Reached::Adopted)
            && operation.plan.phase == Phase::Main
            && operation.plan.rungs.iter().any(|rung| rung.lossy)
    }

    pub(super) fn has_reached(&self, step: usize, id: &crate::id::OperationId) -> bool {
        self.operation_of(step, id)
            .is_some_and(|operation| operation.is_reached())
    }

    fn operation_of(&self, step: usize, id: &crate::id::OperationId) -> Option<&OperationState> {
        let state = &self.state.steps[step];
        state.operations.get(state.operation_place(id)?)
    }

    /// Moves a step on once its operations allow it. `overdue` says that its time is over.
    pub(super) fn settle_changes(
        &mut self,
        now: Timestamp,
        step: usize,
        overdue: bool,
    ) -> Result<bool, IllegalTransition> {
        let state = &self.state.steps[step];
        let main: Vec<_> = state.of_phase(Phase::Main).collect();
        let reached = main.iter().filter(|operation| operation.is_reached()).count();
        let open = main.iter().filter(|operation| !operation.is_rest()).count();
        let stuck = main.iter().find_map(|operation| match &operation.phase {
            OperationPhase::Stuck { reason } => Some(format!("{}: {reason}", operation.plan.id)),
            _ => None,
        });
        let failed = main.iter().find_map(|operation| match &operation.phase {
            OperationPhase::Failed { reason } => Some(format!("{}: {reason}", operation.plan.id)),
            _ => None,
        });
        let enough = reached == main.len() || (state.has_quorum() && (open == 0 || overdue));
        let unasked = !state
            .operations
            .iter()
            .any(|operation| self.adopted_a_loss(operation))
            || self.is_agreed(step, ADOPTED);
        if enough {
            if !unasked {
                return Ok(false);
            }
            match self.state.planned[step].verify.is_empty() {
                true => self.finish(now, step)?,
                false => self.step_event(now, step, StepEvent::VerificationStarted)?,
            }
            return Ok(true);
        }
        if open > 0 {
            return Ok(false);
        }
        match (stuck, failed) {
            (Some(reason), _) => {
                let choices = choices_once_stuck(&self.state, step);
                self.step_event(now, step, StepEvent::Stuck { reason, choices })?;
            }
            (None, Some(reason)) => self.fail_step(now, step, reason)?,
            (None, None) => return Ok(false),
        }
        Ok(true)
    }

    /// Records that a step is done, with what it leaves and what it lacks.
    pub(super) fn finish(&mut self, now: Timestamp, step: usize) -> Moved {
        let state = &self.state.steps[step];
        let mut outputs = state.outputs.clone();
        let mut short = Vec::new();
        outputs.extend(state.of_phase(Phase::Main).flat_map(|one| one.outputs.clone()));
        for operation in state.counted() {
            if let OperationPhase::Failed { reason } | OperationPhase::Stuck { reason } = &operation.phase {
                short.push(format!("{}: {reason}", operation.plan.target));
            } else if !operation.is_reached() {
                short.push(format!("{}: not there in time", operation.plan.target));
            }
        }
        let total = state.counted().count();
        let degraded = (!short.is_empty())
            .then(|| format!("{} of {total} reached: {}", total - short.len(), short.join("; ")));
        self.step_event(now, step, StepEvent::Done { outputs, degraded })
    }
}

/// Whether nothing of an operation is under way, so that its rung may be left without a word to Azure.
fn is_between(operation: &OperationState) -> bool {
    matches!(
        operation.phase,
        OperationPhase::Waiting | OperationPhase::Looking { .. }
    )
}

/// Whether an operation has a rung to go on with, and the patience for it.
fn has_its_way(operation: &OperationState) -> bool {
    let usable = operation
        .rung()
        .is_some_and(|rung| rung.skip.is_none() || !is_between(operation));
    usable && !wants_the_next(operation)
}

/// Whether an operation's time on its rung is over while that has not come to an end. What Azure has just ended is
/// judged by the goal first: a harsher way is no answer to a success that does not show yet.
fn wants_the_next(operation: &OperationState) -> bool {
    use OperationPhase as P;
    let ended = matches!(operation.phase, P::Confirming { .. } | P::Aftermath { .. });
    operation.impatient && !ended
}
