//! What a step does with what it is told: losses, assessments, checks, and the ends of its waits.

use jiff::Timestamp;
use leeward_runbook::plan::OnFailure;

use super::{Action, Address, Effect, Machine, Pacing, Part};
use crate::{
    event::{Event, StepEvent},
    policy,
    port::DriverError,
    state::{IllegalTransition, StepPhase},
    work::{Assessment, Figure, Loss, Probe},
};

type Moved = Result<(), IllegalTransition>;

impl Machine {
    pub(super) fn measured(
        &mut self,
        now: Timestamp,
        step: usize,
        result: Result<Vec<Loss>, DriverError>,
    ) -> Moved {
        if self.state.measured.contains_key(&step) {
            return Ok(());
        }
        let planned = self.state.planned[step].clone();
        let unknown = |reason: String| {
            let ladder = planned.data_loss.iter().flat_map(|loss| &loss.ladder);
            let by_rung = ladder.map(|rung| (rung.name.clone(), Figure::Unknown)).collect();
            vec![Loss {
                store: planned.id.to_string(),
                by_rung,
                source: reason,
                as_of: None,
            }]
        };
        let losses = match result {
            Ok(losses) if !losses.is_empty() => losses,
            Ok(_) => unknown("its kind has no figure".to_owned()),
            Err(error) => unknown(error.to_string()),
        };
        self.emit(
            now,
            Event::LossMeasured {
                step: planned.id.clone(),
                losses,
            },
        )
    }

    pub(super) fn assessed(
        &mut self,
        now: Timestamp,
        step: usize,
        result: Result<Assessment, DriverError>,
    ) -> Moved {
        let error = match result {
            Ok(assessment) => return self.step_event(now, step, StepEvent::Assessed { assessment }),
            Err(error) => error,
        };
        let planned = self.state.planned[step].clone();
        let failures = match &self.state.steps[step].phase {
            StepPhase::Assessing { failures, .. } => failures + 1,
            _ => 1,
        };
        let since = self.state.steps[step].started_at.unwrap_or(now);
        let over = self.has_waited(now, step, since, planned.timeout);
        let behind_recovery = self.state.plan.region_down && !planned.before_recovery;
        let give_up = match &error {
            DriverError::Impossible { .. } | DriverError::Refused { passing: false, .. } => true,
            DriverError::Refused { passing: true, .. } => over,
            DriverError::Unreachable { .. } => {
                over || (behind_recovery && failures >= policy::TRIES_OF_A_DEAD_REGION)
            }
        };
        if give_up {
            return self.fail_step(now, step, error.to_string());
        }
        let until = policy::later(now, policy::backoff(&planned.retry, failures));
        self.step_event(
            now,
            step,
            StepEvent::AssessmentDeferred {
                reason: error.to_string(),
                until,
            },
        )
    }

    pub(super) fn probed(&mut self, now: Timestamp, step: usize, pacing: Pacing, probe: Probe) -> Moved {
        let StepPhase::Verifying { check, since } = self.state.steps[step].phase else {
            return Ok(());
        };
        let planned = self.state.planned[step].clone();
        let Some(wanted) = planned.verify.get(check) else {
            return Ok(());
        };
        let passing_since = probe.passed.then(|| pacing.passing_since.unwrap_or(now));
        if passing_since.is_some_and(|since| policy::between(since, now) >= wanted.hold) {
            return self.step_event(
                now,
                step,
                StepEvent::CheckPassed {
                    check,
                    evidence: probe.evidence,
                },
            );
        }
        let patience = wanted.within.saturating_add(wanted.hold);
        if !probe.passed && self.has_waited(now, step, since, patience) {
            let reason = format!("check {} did not pass: {}", check + 1, probe.evidence);
            return self.fail_step(now, step, reason);
        }
        self.want(Effect {
            address: Address {
                step,
                part: Part::Step,
                turn: self.state.steps[step].turn,
            },
            not_before: Some(policy::later(now, wanted.every)),
            pacing: Pacing {
                round: pacing.round + 1,
                passing_since,
            },
            action: Action::Probe(wanted.clone()),
        });
        Ok(())
    }

    pub(super) fn woke(&mut self, now: Timestamp, address: Address) -> Moved {
        match address.part {
            Part::Step => {
                let waits = matches!(self.state.steps[address.step].phase, StepPhase::AtGate { .. });
                match waits {
                    true => {
                        let by = "the clock".to_owned();
                        let used = Vec::new();
                        self.step_event(now, address.step, StepEvent::GateOpened { by, used })
                    }
                    false => Ok(()),
                }
            }
            Part::Deadline => self.deadline(now, address.step),
            Part::Patience(operation) => self.patience_ended(now, address.step, operation),
            Part::Measure | Part::Operation(_) | Part::Send(..) | Part::Ticket(..) => Ok(()),
        }
    }

    /// Fails a step, and the run with it where the runbook says so.
    pub(super) fn fail_step(&mut self, now: Timestamp, step: usize, reason: String) -> Moved {
        self.step_event(now, step, StepEvent::Failed { reason })?;
        let planned = &self.state.planned[step];
        if planned.on_failure == OnFailure::Halt && self.state.ending.is_none() {
            let because = planned.id.clone();
            self.emit(now, Event::Halted { because })?;
        }
        Ok(())
    }
}
