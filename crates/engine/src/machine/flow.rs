//! What follows from what: which steps start, which gates open, which operations are due, when a
//! step is done, when recovery is reached, when a run is over.

use jiff::Timestamp;

use super::{Action, Address, Effect, Machine, Pacing, Part, approval::Opening, choices::choices_once_stuck};
use crate::{
    context::{self, Unresolved},
    event::StepEvent,
    state::{Ending, IllegalTransition, StepPhase},
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

    pub(super) fn has_open_work(&self, step: usize) -> bool {
        self.state.steps[step]
            .operations
            .iter()
            .any(|operation| !operation.is_rest() || operation.is_at_work())
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
            Ok(false) => self.leave_out(now, step)?,
            Err(Unresolved(reason)) => {
                self.step_event(now, step, StepEvent::BecameReady)?;
                self.stuck_before(now, step, reason)?;
            }
        }
        Ok(true)
    }

    fn leave_out(&mut self, now: Timestamp, step: usize) -> Moved {
        let condition = self.state.planned[step].when.clone().unwrap_or_default();
        let reason = format!("its condition does not hold: {condition}");
        self.step_event(now, step, StepEvent::Skipped { reason, by: None })
    }

    fn stuck_before(&mut self, now: Timestamp, step: usize, reason: String) -> Moved {
        let choices = choices_once_stuck(&self.state, step);
        self.step_event(now, step, StepEvent::Stuck { reason, choices })
    }

    fn follow_step(&mut self, now: Timestamp, step: usize) -> Moved {
        if matches!(self.state.ending, Some(Ending::Cancelled { .. })) {
            self.wind_down(now, step)?;
        }
        let phase = self.state.steps[step].phase.clone();
        let left_out = matches!(phase, StepPhase::Skipped { .. });
        if (phase.is_rest() && !left_out) || matches!(phase, StepPhase::Verifying { .. }) {
            self.follow_watched(now, step)?;
        }
        match phase {
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

    pub(super) fn is_gate(&self, step: usize) -> bool {
        self.state.planned[step].kind.starts_with("gate.")
    }

    fn follow_ready(&mut self, now: Timestamp, step: usize) -> Moved {
        let planned = self.state.planned[step].clone();
        let of_step = &self.state.steps[step];
        if of_step.patience_from.is_some() && of_step.assessment.is_none() {
            // It was tried again, perhaps because its condition could not be told.
            match context::condition(&self.state, step) {
                Ok(true) => {}
                Ok(false) => return self.leave_out(now, step),
                Err(Unresolved(reason)) => return self.stuck_before(now, step, reason),
            }
        }
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
            Some(Opening { by, used }) => self.step_event(now, step, StepEvent::GateOpened { by, used }),
            None => Ok(()),
        }
    }

    fn pass_gate(&mut self, now: Timestamp, step: usize) -> Moved {
        match self.state.planned[step].verify.is_empty() {
            true => self.finish(now, step),
            false => self.step_event(now, step, StepEvent::VerificationStarted),
        }
    }
}
