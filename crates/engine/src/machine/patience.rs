//! Since when does a wait count, and when is it over? Time in which nobody could act is nobody's waiting: a wait
//! starts anew when a run is taken up or goes on after a pause. What Azure needs for itself (settling) never does.

use std::time::Duration;

use jiff::Timestamp;
use leeward_runbook::units;

use super::{Machine, approval::ADOPTED, choices::choices_once_stuck};
use crate::{
    event::{OperationEvent, StepEvent},
    policy,
    state::{
        AttemptState, ConsentAsk, Ending, IllegalTransition, OperationPhase, OperationState, StepPhase,
        StepState,
    },
    work::Phase,
};

type Moved = Result<(), IllegalTransition>;

impl Machine {
    /// Whether a person holds the run: then no wait comes to its end.
    pub(super) fn is_on_hold(&self) -> bool {
        self.state.paused && !matches!(self.state.ending, Some(Ending::Cancelled { .. }))
    }

    /// Returns since when a wait of a step counts that began then.
    fn counts_from(&self, step: usize, since: Timestamp) -> Timestamp {
        let restarted = self.state.steps[step].patience_from.unwrap_or(since);
        since.max(restarted).max(self.state.able_since)
    }

    /// Whether something was waited for that long, by those who could act.
    pub(super) fn has_waited(&self, now: Timestamp, step: usize, since: Timestamp, limit: Duration) -> bool {
        !self.is_on_hold() && policy::between(self.counts_from(step, since), now) >= limit
    }

    /// Returns when the wait for a step's change ends.
    pub(super) fn deadline_of(&self, step: usize) -> Option<Timestamp> {
        let state = &self.state.steps[step];
        if self.is_on_hold() {
            return None;
        }
        let waits = match state.phase {
            // While a person is asked, the wait is theirs; it starts anew with their answer.
            StepPhase::Changing => state.consent.is_none() && !self.is_held_back(state),
            // It went on without something that Azure works on. A send is never given up before its answer.
            StepPhase::Done | StepPhase::Failed { .. } => {
                let mut main = state.of_phase(Phase::Main);
                state.is_awaited() && main.all(|one| one.phase != OperationPhase::Sending)
            }
            _ => return None,
        };
        let from = self.counts_from(step, state.patience_from?);
        let end = waits.then(|| policy::later(from, self.state.planned[step].timeout));
        let rest = self.rest_until(step);
        end.into_iter().chain(rest).min()
    }

    /// Whether a step waits for nothing but a run that starts nothing any more: that is no fault of its own.
    fn is_held_back(&self, step: &StepState) -> bool {
        let halted = matches!(self.state.ending, Some(Ending::Halted { .. }));
        halted && !step.of_phase(Phase::Main).any(OperationState::is_unfinished)
    }

    /// Returns until when the rest is waited for once as many are there as must be: as long again as they took,
    /// whether or not a person is asked about the rest.
    fn rest_until(&self, step: usize) -> Option<Timestamp> {
        let state = &self.state.steps[step];
        let adopted = |ask: &ConsentAsk| ask.rung == ADOPTED;
        if state.phase != StepPhase::Changing || state.consent.as_ref().is_some_and(adopted) {
            return None;
        }
        let quorum = state.quorum?;
        let from = quorum.at.max(self.state.able_since);
        Some(policy::later(from, quorum.took.max(policy::STRAGGLERS)))
    }

    /// Whether as many are there as must be, and the rest was waited for.
    pub(super) fn quorum_waited(&self, now: Timestamp, step: usize) -> bool {
        !self.is_on_hold() && self.rest_until(step).is_some_and(|end| end <= now)
    }

    /// Returns when the wait for an operation's current rung ends.
    pub(super) fn patience_of(&self, step: usize, place: usize) -> Option<Timestamp> {
        let operation = &self.state.steps[step].operations[place];
        if operation.impatient || operation.is_rest() || self.is_on_hold() {
            return None;
        }
        match operation.plan.phase {
            Phase::Main => {
                let since = operation.rung_since?;
                operation.next_rung()?;
                let within = operation.rung()?.within?;
                let able = self.state.able_since;
                let taken_on = operation.last().is_some_and(|last| {
                    matches!(last.state, AttemptState::Accepted(_)) && last.intended_at < able
                });
                Some(match taken_on {
                    // Azure worked on it all the while; only its answer must be heard before it is given up.
                    true => policy::later(since, within).max(policy::later(able, policy::FIRST_NEWS)),
                    false => policy::later(since.max(able), within),
                })
            }
            Phase::AfterRecovery | Phase::CleanUp => {
                let since = match operation.rung_since {
                    Some(since) => since,
                    None if self.is_due(step, place) => self.due_since(step, operation)?,
                    None => return None,
                };
                let since = since.max(self.state.able_since);
                // To wait for its turn is no fault of its own.
                let turn = operation.queued.unwrap_or_default();
                let timeout = self.state.planned[step].timeout.saturating_add(turn);
                Some(policy::later(since, timeout))
            }
        }
    }

    /// Returns since when a commit or clean-up is due.
    fn due_since(&self, step: usize, operation: &OperationState) -> Option<Timestamp> {
        let state = &self.state;
        let since = match operation.plan.phase {
            Phase::AfterRecovery if state.has_recovery() => {
                state.steps[step].ended_at.max(state.recovered_at)
            }
            _ => Some(state.stepped_at),
        };
        let of_step = &state.steps[step];
        let before = operation.plan.after.iter();
        before
            .filter_map(|id| of_step.operations.get(of_step.operation_place(id)?)?.reached_at)
            .fold(since, |since, reached| since.max(Some(reached)))
    }

    /// Says how long a step was waited for, in all where the wait began anew.
    pub(super) fn waited(&self, now: Timestamp, step: usize) -> String {
        let waited = units::show_duration(self.state.planned[step].timeout);
        match self.state.steps[step].patience_from {
            Some(from) if self.state.able_since > from => {
                let all = Duration::from_secs(policy::between(from, now).as_secs());
                format!("{waited} ({} in all)", units::show_duration(all))
            }
            _ => waited,
        }
    }

    /// The step's time is over. That ends our waiting, never Azure's operation.
    pub(super) fn deadline(&mut self, now: Timestamp, step: usize) -> Moved {
        let state = &self.state.steps[step];
        if state.phase != StepPhase::Changing || self.settle_changes(now, step, true)? {
            return Ok(());
        }
        let state = &self.state.steps[step];
        if state.consent.is_some() {
            return Ok(());
        }
        let waited = self.waited(now, step);
        let state = &self.state.steps[step];
        let unreached = || state.of_phase(Phase::Main).filter(|one| !one.is_reached());
        let names = |which: &dyn Fn(&OperationState) -> bool| -> Vec<String> {
            let found = unreached().filter(|one| which(one));
            found.map(|one| one.plan.id.to_string()).collect()
        };
        let failed = |one: &OperationState| matches!(one.phase, OperationPhase::Failed { .. });
        let open = names(&|one| one.is_open() && !failed(one));
        let unseen = names(&|one| {
            matches!(
                one.phase,
                OperationPhase::Confirming { .. } | OperationPhase::Aftermath { .. }
            )
        });
        let last = unreached()
            .filter_map(|one| one.seen.clone().or_else(|| one.last_reason.clone()))
            .last();
        let last = last.map(|reason| format!(": {reason}")).unwrap_or_default();
        let reason = match (open.is_empty(), unseen.is_empty()) {
            (false, _) => format!("still in motion after {waited}: {}", open.join(", ")),
            (true, false) => {
                let unseen = unseen.join(", ");
                format!("it ended, but its goal was not seen to hold after {waited}: {unseen}{last}")
            }
            (true, true) => {
                let word = match unreached().any(OperationState::was_sent) {
                    true => "not there",
                    false => "not begun",
                };
                return self.fail_step(now, step, format!("{word} after {waited}{last}"));
            }
        };
        let choices = choices_once_stuck(&self.state, step);
        self.step_event(now, step, StepEvent::Stuck { reason, choices })
    }

    /// The wait for a rung is over: the attempt stays open, the next rung is offered.
    pub(super) fn patience_ended(&mut self, now: Timestamp, step: usize, place: usize) -> Moved {
        let operation = &self.state.steps[step].operations[place];
        if operation.impatient || operation.is_rest() {
            return Ok(());
        }
        let current = operation.rung().map(|rung| rung.name.clone());
        let rung = current.or_else(|| operation.last().map(|last| last.rung.clone()));
        let main = operation.plan.phase == Phase::Main;
        let offered = operation
            .next_rung()
            .filter(|next| next.beside || !operation.is_open());
        let offered = offered.map(|next| next.name.clone());
        let rung = rung.unwrap_or_default();
        self.operation_event(now, step, place, OperationEvent::PatienceEnded { rung, offered })?;
        match main {
            true => Ok(()),
            false => self.follow_operation(now, step, place),
        }
    }

    /// Says why a commit or clean-up is given up, once its time is over and nothing of it is being sent.
    pub(super) fn out_of_time(&self, operation: &OperationState) -> Option<String> {
        use OperationPhase as P;
        let kept = matches!(operation.phase, P::Sending | P::Confirming { .. });
        if operation.plan.phase == Phase::Main || !operation.impatient || operation.is_rest() || kept {
            return None;
        }
        Some(match operation.was_sent() {
            true => "it did not come to an end in time".to_owned(),
            false => {
                let why = operation.seen.as_ref().or(operation.last_reason.as_ref());
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                format!("it could not be begun in time{why}")
            }
        })
    }
}

/// Makes a counter of a moment, so that a timer of an older wait is told apart.
pub(super) fn stamp(moment: Option<Timestamp>) -> u32 {
    moment.map_or(0, |moment| (moment.as_millisecond() & 0xffff_ffff) as u32)
}
