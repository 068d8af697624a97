//! What follows from what: which steps start, which gates open, which operations are due, when a
//! step is done, when recovery is reached, when a run is over.

use jiff::Timestamp;
use leeward_runbook::{journey::Journey, plan::OnFailure, units};

use super::{Action, Address, Effect, Machine, Pacing, Part, approval::ADOPTED, standing};
use crate::{
    context::{self, Unresolved},
    event::{Choice, Event, OperationEvent, Outcome, Reached, StepEvent},
    state::{Ending, IllegalTransition, OperationPhase, StepPhase},
    work::Phase,
};

type Moved = Result<(), IllegalTransition>;

impl Machine {
    /// Follows everything that the last input touched, until nothing more follows.
    pub(super) fn flow(&mut self, now: Timestamp) -> Moved {
        loop {
            if std::mem::take(&mut self.look_at_all) {
                self.measure_all();
                let open: Vec<usize> = self.state.unrested().collect();
                self.touched.extend(open);
                // Rest, too, can have work behind it: a commit, a drill's clean-up, an open ticket.
                let resting = (0..self.state.steps.len()).filter(|&step| self.has_open_work(step));
                let resting: Vec<usize> = resting.collect();
                self.touched.extend(resting);
            }
            if let Some(step) = self.touched.pop_first() {
                self.follow_step(now, step)?;
                self.want_for(step);
                continue;
            }
            if self.start_next(now)? {
                continue;
            }
            let before = self.state.chain.seq;
            self.follow_run(now)?;
            if self.state.chain.seq == before && !self.look_at_all && self.touched.is_empty() {
                return Ok(());
            }
        }
    }

    fn has_open_work(&self, step: usize) -> bool {
        self.state.steps[step]
            .operations
            .iter()
            .any(|operation| !operation.is_rest())
    }

    fn measure_all(&mut self) {
        if self.state.is_measured() || self.state.outcome.is_some() {
            return;
        }
        for step in 0..self.state.planned.len() {
            let measures = crate::state::measures(&self.state.planned[step]);
            if measures && !self.state.measured.contains_key(&step) {
                self.want(Effect {
                    address: Address {
                        step,
                        part: Part::Measure,
                        turn: 0,
                    },
                    not_before: None,
                    pacing: Pacing::default(),
                    action: Action::Measure,
                });
            }
        }
    }

    /// Starts one step that may start. Says whether it did anything.
    fn start_next(&mut self, now: Timestamp) -> Result<bool, IllegalTransition> {
        let room = self
            .state
            .options
            .parallel
            .is_none_or(|most| self.state.under_way() < most.max(1));
        if !self.state.may_start() || !room {
            return Ok(false);
        }
        let Some(step) = self.state.startable().next() else {
            return Ok(false);
        };
        match context::condition(&self.state, step) {
            Ok(true) => self.step_event(now, step, StepEvent::BecameReady)?,
            Ok(false) => {
                let condition = self.state.planned[step].when.clone().unwrap_or_default();
                let reason = format!("its condition does not hold: {condition}");
                self.step_event(now, step, StepEvent::Skipped { reason, by: None })?;
            }
            Err(Unresolved(reason)) => {
                self.step_event(now, step, StepEvent::BecameReady)?;
                let choices = vec![Choice::Retry, Choice::Skip, Choice::Cancel];
                self.step_event(now, step, StepEvent::Stuck { reason, choices })?;
            }
        }
        Ok(true)
    }

    fn follow_step(&mut self, now: Timestamp, step: usize) -> Moved {
        if matches!(self.state.ending, Some(Ending::Cancelled { .. })) {
            self.wind_down(now, step)?;
        }
        match self.state.steps[step].phase.clone() {
            StepPhase::Ready => self.follow_ready(now, step),
            StepPhase::AtGate { .. } => self.follow_gate(now, step),
            StepPhase::Assessing { .. } if self.is_gate(step) => self.pass_gate(now, step),
            StepPhase::Changing => self.follow_changing(now, step),
            StepPhase::Verifying { check, .. } if check >= self.state.planned[step].verify.len() => {
                self.finish(now, step)
            }
            phase if phase.is_rest() => self.follow_trailing(now, step),
            _ => Ok(()),
        }
    }

    fn is_gate(&self, step: usize) -> bool {
        self.state.planned[step].kind.starts_with("gate.")
    }

    fn follow_ready(&mut self, now: Timestamp, step: usize) -> Moved {
        let planned = self.state.planned[step].clone();
        if planned.kind == "gate.wait" {
            let until = context::wait_until(&planned.settings, now);
            let asks = format!("time passes until {until}");
            return self.step_event(
                now,
                step,
                StepEvent::GateReached {
                    asks,
                    until: Some(until),
                },
            );
        }
        if self.is_gate(step) {
            // A person can judge the table of losses only once it is there.
            if !self.state.is_measured() {
                return Ok(());
            }
            let asks = match planned
                .settings
                .get("instructions")
                .and_then(|text| text.as_str())
            {
                Some(instructions) => instructions.to_owned(),
                None => planned
                    .summary
                    .clone()
                    .unwrap_or_else(|| format!("approve `{}`", planned.id)),
            };
            return self.step_event(now, step, StepEvent::GateReached { asks, until: None });
        }
        let again = self.state.steps[step].assessment.is_some();
        if planned.kind.starts_with("check.") || again {
            return self.step_event(now, step, StepEvent::VerificationStarted);
        }
        Ok(())
    }

    fn follow_gate(&mut self, now: Timestamp, step: usize) -> Moved {
        if self.state.planned[step].kind == "gate.wait" {
            return Ok(());
        }
        match self.gate_opened_by(step, now) {
            Some(by) => self.step_event(now, step, StepEvent::GateOpened { by }),
            None => Ok(()),
        }
    }

    fn pass_gate(&mut self, now: Timestamp, step: usize) -> Moved {
        match self.state.planned[step].verify.is_empty() {
            true => self.finish(now, step),
            false => self.step_event(now, step, StepEvent::VerificationStarted),
        }
    }

    fn follow_changing(&mut self, now: Timestamp, step: usize) -> Moved {
        for place in 0..self.state.steps[step].operations.len() {
            if self.state.steps[step].operations[place].plan.phase == Phase::Main {
                self.follow_operation(now, step, place)?;
            }
        }
        if self.state.steps[step].phase != StepPhase::Changing {
            return Ok(());
        }
        self.ask_consent(now, step)?;
        self.settle_changes(now, step, false)?;
        Ok(())
    }

    /// Brings an operation to a rung that can be used, or to its end.
    fn follow_operation(&mut self, now: Timestamp, step: usize, place: usize) -> Moved {
        loop {
            let operation = &self.state.steps[step].operations[place];
            if operation.is_rest() || operation.phase == OperationPhase::Sending {
                return Ok(());
            }
            let failed_before = operation.plan.after.iter().find(|id| {
                let others = &self.state.steps[step].operations;
                others.iter().any(|other| {
                    &other.plan.id == *id
                        && matches!(
                            other.phase,
                            OperationPhase::Failed { .. } | OperationPhase::Stuck { .. }
                        )
                })
            });
            if let (Some(before), OperationPhase::Waiting) = (failed_before, &operation.phase) {
                let reason = format!("`{before}` did not reach its goal");
                return self.operation_event(now, step, place, OperationEvent::Failed { reason });
            }
            let between = matches!(
                operation.phase,
                OperationPhase::Waiting | OperationPhase::Looking { .. }
            );
            let Some(rung) = operation.rung().cloned() else {
                let reason = operation
                    .last_reason
                    .clone()
                    .unwrap_or_else(|| "no way is left".to_owned());
                return match operation.is_open() {
                    // Every way is spent, yet one of them may still come true.
                    true => Ok(()),
                    false => self.operation_event(now, step, place, OperationEvent::Failed { reason }),
                };
            };
            if let (true, Some(reason)) = (between, rung.skip.clone()) {
                self.give_up_rung(now, step, place, &rung.name, reason)?;
                continue;
            }
            if operation.impatient {
                let next = operation.next_rung().cloned();
                let usable = next.filter(|next| next.beside || !operation.is_open());
                let agreed = |next: &crate::work::Rung| {
                    !next.lossy || self.consent_missing(step, &next.name).is_none()
                };
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
        let wanted = self.rung_wanting_consent(step);
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
                        let losses = self.state.steps[step]
                            .consent
                            .as_ref()
                            .map(|ask| ask.losses.clone());
                        let by = self.covered_by(step, &losses.unwrap_or_default());
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
            let rung = match (resting, operation.impatient) {
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
        !asked && self.consent_missing(step, rung).is_none()
    }

    fn adopted_a_loss(&self, operation: &crate::state::OperationState) -> bool {
        operation.phase == OperationPhase::Reached(Reached::Adopted)
            && operation.plan.phase == Phase::Main
            && operation.plan.rungs.iter().any(|rung| rung.lossy)
    }

    pub(super) fn has_reached(&self, step: usize, id: &crate::id::OperationId) -> bool {
        let operations = &self.state.steps[step].operations;
        operations
            .iter()
            .any(|operation| &operation.plan.id == id && operation.is_reached())
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
        let needed = state
            .assessment
            .as_ref()
            .and_then(|found| found.at_least)
            .unwrap_or(main.len());
        let enough = reached == main.len() || (reached >= needed && (open == 0 || overdue));
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
                let choices = vec![
                    Choice::SettleDone,
                    Choice::SettleNotBegun,
                    Choice::SettleFailed,
                    Choice::Retry,
                    Choice::Skip,
                    Choice::Cancel,
                ];
                self.step_event(now, step, StepEvent::Stuck { reason, choices })?;
            }
            (None, Some(reason)) => self.fail_step(now, step, reason)?,
            (None, None) => return Ok(false),
        }
        Ok(true)
    }

    /// Records that a step is done, with what it leaves and what it lacks.
    fn finish(&mut self, now: Timestamp, step: usize) -> Moved {
        let state = &self.state.steps[step];
        let mut outputs = state.outputs.clone();
        let mut short = Vec::new();
        for operation in state.of_phase(Phase::Main) {
            outputs.extend(operation.outputs.clone());
            if let OperationPhase::Failed { reason } | OperationPhase::Stuck { reason } = &operation.phase {
                short.push(format!("{}: {reason}", operation.plan.target));
            } else if !operation.is_reached() {
                short.push(format!("{}: not there in time", operation.plan.target));
            }
        }
        let total = state.of_phase(Phase::Main).count();
        let degraded = (!short.is_empty())
            .then(|| format!("{} of {total} reached: {}", total - short.len(), short.join("; ")));
        self.step_event(now, step, StepEvent::Done { outputs, degraded })
    }

    /// Follows what is due after a step has come to rest: commits and clean-up.
    fn follow_trailing(&mut self, now: Timestamp, step: usize) -> Moved {
        for place in 0..self.state.steps[step].operations.len() {
            let operation = &self.state.steps[step].operations[place];
            if operation.plan.phase == Phase::Main || !self.is_due(step, place) {
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
    fn wind_down(&mut self, now: Timestamp, step: usize) -> Moved {
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
    fn follow_run(&mut self, now: Timestamp) -> Moved {
        if self.state.outcome.is_some() {
            return Ok(());
        }
        if self.state.has_recovery() && !self.state.recovery_pending() && self.state.recovered_at.is_none() {
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

    /// Returns how the run ended, once nothing more can follow.
    fn over(&self) -> Option<Outcome> {
        let state = &self.state;
        if state.under_way() > 0 {
            return None;
        }
        let cancelled = matches!(state.ending, Some(Ending::Cancelled { .. }));
        let drill = state.plan.journey == Journey::Drill;
        if !cancelled && state.may_start() && state.startable().next().is_some() {
            return None;
        }
        let satisfied = (0..state.steps.len()).all(|step| match &state.steps[step].phase {
            StepPhase::Done | StepPhase::Skipped { .. } => true,
            StepPhase::Failed { .. } => state.planned[step].on_failure == OnFailure::Continue,
            _ => false,
        });
        if !satisfied && !cancelled && (!drill || state.paused) {
            return None;
        }
        let unfinished = (0..state.steps.len()).any(|step| {
            let operations = &state.steps[step].operations;
            (0..operations.len()).any(|place| {
                operations[place].plan.phase != Phase::Main
                    && !operations[place].is_rest()
                    && self.is_due(step, place)
            })
        });
        if unfinished {
            return None;
        }
        Some(match (cancelled, satisfied) {
            (true, _) => Outcome::Cancelled,
            (false, false) => Outcome::Failed,
            (false, true) if standing::degradations(state).is_empty() => Outcome::Done,
            (false, true) => Outcome::Degraded,
        })
    }

    /// Whether the run is at the point where drills and cancelled runs clean up.
    fn winds_down(&self) -> bool {
        let state = &self.state;
        let stopped = matches!(state.ending, Some(Ending::Cancelled { .. }));
        let nothing_starts = !state.may_start() || state.startable().next().is_none();
        let drill_over = state.plan.journey == Journey::Drill && nothing_starts && !state.paused;
        (stopped || drill_over) && state.under_way() == 0
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
                let recovered = match self.state.has_recovery() {
                    true => self.state.recovered_at.is_some(),
                    false => self.state.under_way() == 0 && self.state.startable().next().is_none(),
                };
                state.phase == StepPhase::Done && recovered && self.state.may_start()
            }
            Phase::CleanUp => self.winds_down(),
        }
    }

    /// Whether a new send may be made for an operation.
    pub(super) fn may_send(&self, step: usize, place: usize) -> bool {
        self.is_due(step, place)
    }

    /// Whether an operation's goal is still looked at.
    pub(super) fn is_watched(&self, step: usize, place: usize) -> bool {
        use OperationPhase as P;
        let operation = &self.state.steps[step].operations[place];
        match &operation.phase {
            P::Waiting | P::Looking { .. } => self.is_due(step, place),
            P::Doubt | P::Confirming { .. } | P::Aftermath { .. } => {
                let main = operation.plan.phase == Phase::Main;
                !main || self.state.steps[step].phase == StepPhase::Changing
            }
            _ => false,
        }
    }
}
