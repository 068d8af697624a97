//! What is due behind the change: commits, clean-up, recovery, and the end of the run.

use jiff::Timestamp;
use leeward_runbook::journey::Journey;

use super::{Machine, standing};
use crate::{
    event::{Event, OperationEvent, Outcome, StepEvent},
    state::{Ending, IllegalTransition, OperationPhase, OperationState, StepPhase, StepState},
    work::Phase,
};

type Moved = Result<(), IllegalTransition>;

impl Machine {
    /// Follows what is due after a step has come to rest: commits and clean-up.
    pub(super) fn follow_trailing(&mut self, now: Timestamp, step: usize) -> Moved {
        for place in 0..self.state.steps[step].operations.len() {
            let operation = &self.state.steps[step].operations[place];
            // What is under way comes to its end, whether or not it would be begun now.
            let begun = !operation.attempts.is_empty();
            if operation.plan.phase == Phase::Main || !(begun || self.is_due(step, place)) {
                continue;
            }
            let rested = operation.is_rest();
            self.follow_operation(now, step, place)?;
            let operation = &self.state.steps[step].operations[place];
            let left = match &operation.phase {
                OperationPhase::Failed { reason } | OperationPhase::Stuck { reason } => Some(format!(
                    "{}: {}: {reason}",
                    operation.plan.target, operation.plan.goal
                )),
                _ => None,
            };
            let told = &self.state.steps[step].leftovers;
            if let Some(left) = left.filter(|left| !told.contains(left)) {
                self.step_event(now, step, StepEvent::Trailed { left })?;
            } else if !rested && self.state.steps[step].operations[place].is_rest() {
                self.touched.insert(step);
            }
        }
        Ok(())
    }

    /// A cancelled run starts nothing; what Azure works on is watched to its end.
    pub(super) fn wind_down(&mut self, now: Timestamp, step: usize) -> Moved {
        let state = &self.state.steps[step];
        let open = state.of_phase(Phase::Main).any(|one| one.is_unfinished());
        let main = state.of_phase(Phase::Main).count();
        let reached = main > 0 && state.of_phase(Phase::Main).all(|one| one.is_reached());
        match &state.phase {
            StepPhase::Changing if open => Ok(()),
            StepPhase::Changing if reached => self.finish(now, step),
            phase if phase.is_under_way() => self.step_event(now, step, StepEvent::Cancelled),
            _ => Ok(()),
        }
    }

    /// Follows what concerns the run as a whole.
    pub(super) fn follow_run(&mut self, now: Timestamp) -> Moved {
        if self.state.outcome.is_some() {
            return Ok(());
        }
        let ended = self.state.has_recovery() && !self.state.recovery_pending();
        if ended && self.state.recovered_at.is_none() && self.state.recovery_holds() {
            return self.emit(now, Event::RecoveryReached);
        }
        if self.state.under_way() == 0 {
            for step in (0..self.state.steps.len())
                .filter(|&step| self.has_open_work(step))
                .collect::<Vec<_>>()
            {
                self.follow_trailing(now, step)?;
                self.want_for(step);
            }
        }
        let Some(outcome) = self.over() else {
            return Ok(());
        };
        if let Some((step, left)) = self.never_begun() {
            return self.step_event(now, step, StepEvent::Trailed { left });
        }
        if outcome == Outcome::Cancelled || outcome == Outcome::Failed {
            for step in 0..self.state.steps.len() {
                if self.state.steps[step].phase == StepPhase::Waiting {
                    self.step_event(now, step, StepEvent::Cancelled)?;
                }
            }
            self.touched.clear();
        }
        self.emit(now, Event::RunEnded { outcome })
    }

    /// Returns a commit that is owed and will not be made, with what nobody was told of yet.
    fn never_begun(&self) -> Option<(usize, String)> {
        let steps = self.state.steps.iter().enumerate();
        steps
            .flat_map(|(place, step)| step.owed_commits().map(move |one| (place, step, one)))
            .map(|(place, step, one)| {
                let left = format!("{}: {}: it was not begun", one.plan.target, one.plan.goal);
                (place, step, left)
            })
            .find(|(_, step, left)| !step.leftovers.contains(left))
            .map(|(place, _, left)| (place, left))
    }

    /// Returns how the run ended, once nothing more can follow.
    fn over(&self) -> Option<Outcome> {
        let state = &self.state;
        let cancelled = matches!(state.ending, Some(Ending::Cancelled { .. }));
        if state.under_way() > 0 || (self.is_on_hold() && self.owes()) {
            return None;
        }
        let drill = state.plan.journey == Journey::Drill;
        if !cancelled && state.may_start() && state.startable().next().is_some() {
            return None;
        }
        let satisfied = state.all_satisfied();
        if !satisfied && !cancelled && (!drill || state.paused) {
            return None;
        }
        let unfinished = (0..state.steps.len()).any(|step| {
            let operations = &state.steps[step].operations;
            (0..operations.len()).any(|place| {
                let operation = &operations[place];
                let begun = operation.is_unfinished();
                operation.plan.phase != Phase::Main
                    && !operation.is_rest()
                    && (begun || self.is_due(step, place))
            })
        });
        // Its claims would be given back while Azure still works on what they guard.
        if unfinished || state.steps.iter().any(StepState::is_awaited) {
            return None;
        }
        Some(match (cancelled, satisfied) {
            (true, _) => Outcome::Cancelled,
            (false, false) => Outcome::Failed,
            (false, true) if standing::degradations(state).is_empty() => Outcome::Done,
            (false, true) => Outcome::Degraded,
        })
    }

    /// Whether a commit or a clean-up is still to be made, though perhaps not now.
    fn owes(&self) -> bool {
        let drill = self.state.plan.journey == Journey::Drill;
        self.state.steps.iter().any(|step| {
            let begun = |one: &OperationState| one.plan.phase != Phase::Main && one.is_unfinished();
            let to_clean = || step.of_phase(Phase::CleanUp).any(|one| !one.is_rest());
            step.operations.iter().any(begun) || step.owed_commits().next().is_some() || (drill && to_clean())
        })
    }

    /// Whether the run is at the point where drills and cancelled runs clean up.
    fn winds_down(&self) -> bool {
        standing::winds_down(&self.state)
    }

    /// Whether an operation's turn has come.
    pub(super) fn is_due(&self, step: usize, place: usize) -> bool {
        let state = &self.state.steps[step];
        let operation = &state.operations[place];
        if self.state.outcome.is_some() || !operation.plan.after.iter().all(|id| self.has_reached(step, id)) {
            return false;
        }
        match operation.plan.phase {
            Phase::Main => {
                let agreed = operation.rung().is_some_and(|rung| {
                    rung.skip.is_none() && (!rung.lossy || self.is_agreed(step, &rung.name))
                });
                state.phase == StepPhase::Changing && agreed && self.state.may_start()
            }
            Phase::AfterRecovery => {
                state.phase == StepPhase::Done && self.state.is_proven() && self.state.may_start()
            }
            // What Azure still works on would be finished behind the clean-up's back.
            Phase::CleanUp => self.winds_down() && !state.is_awaited(),
        }
    }

    /// Whether nothing more is sent for an operation, though its step is at rest: the run is on its way out.
    pub(super) fn is_closing(&self, step: usize, place: usize) -> bool {
        let state = &self.state.steps[step];
        let over = state.phase.is_rest() && self.state.plan.journey == Journey::Drill;
        match state.operations[place].plan.phase {
            Phase::Main => over || self.state.ending.is_some(),
            Phase::AfterRecovery => self.state.ending.is_some(),
            Phase::CleanUp => false,
        }
    }

    /// Follows what Azure still works on behind a step that went on without it.
    pub(super) fn follow_watched(&mut self, now: Timestamp, step: usize) -> Moved {
        let rests = self.state.steps[step].phase.is_rest();
        let late = rests && self.deadline_of(step).is_some_and(|moment| moment <= now);
        for place in 0..self.state.steps[step].operations.len() {
            let operation = &self.state.steps[step].operations[place];
            if operation.plan.phase != Phase::Main || operation.is_rest() || operation.attempts.is_empty() {
                continue;
            }
            if operation.rung().is_none() && !operation.is_unfinished() {
                let reason = operation.last_reason.clone();
                let reason = reason.unwrap_or_else(|| "no way is left".to_owned());
                self.operation_event(now, step, place, OperationEvent::Failed { reason })?;
            } else if late && operation.is_unfinished() {
                let reason = format!("still in motion after {}", self.waited(now, step));
                self.stick(now, step, place, reason)?;
            }
        }
        Ok(())
    }

    /// Whether a new send may be made for an operation.
    pub(super) fn may_send(&self, step: usize, place: usize) -> bool {
        self.is_due(step, place)
    }

    /// Whether an operation's goal is still looked at.
    pub(super) fn is_watched(&self, step: usize, place: usize) -> bool {
        use OperationPhase as P;
        let state = &self.state.steps[step];
        let operation = &state.operations[place];
        let of_the_change = operation.plan.phase == Phase::Main;
        let left_out = of_the_change && matches!(state.phase, StepPhase::Skipped { .. });
        if left_out || self.state.outcome.is_some() {
            return false;
        }
        match &operation.phase {
            // What may still come true is looked at whether or not anything more may be sent.
            P::Waiting | P::Looking { .. } => self.is_due(step, place) || operation.is_open(),
            P::Doubt | P::Confirming { .. } | P::Aftermath { .. } => true,
            _ => false,
        }
    }
}
