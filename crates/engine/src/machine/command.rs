//! What a person's command does. Each is taken in once, recorded, and counts from there.

use jiff::Timestamp;

use super::{
    Machine,
    choices::{is_cleaning_up, may_retry, settleable},
};
use crate::{
    event::{Event, OperationEvent, StepEvent},
    port::{Command, Envelope, Verdict},
    state::{Ending, IllegalTransition, OperationPhase, StepPhase},
};

type Moved = Result<(), IllegalTransition>;

impl Machine {
    /// Takes a command in: records it, with why it changes nothing where it does not, then obeys.
    pub(super) fn command(&mut self, now: Timestamp, envelope: Envelope) -> Moved {
        if self.state.commands.contains(&envelope.id) {
            return Ok(());
        }
        let refused = self.refusal(&envelope.command);
        let obeyed = refused.is_none();
        let Envelope { id, by, command, .. } = envelope;
        let taken = Event::CommandTaken {
            id,
            by: by.clone(),
            command: command.clone(),
            refused,
        };
        self.emit(now, taken)?;
        if !obeyed {
            return Ok(());
        }
        match command {
            Command::Approve(approval) => self.emit(now, Event::Approved { by, approval }),
            Command::Pause => self.emit(now, Event::Paused),
            Command::Unpause => self.emit(now, Event::Unpaused),
            Command::Cancel { reason } => self.emit(now, Event::Cancelled { reason }),
            Command::Skip { step, reason } => match self.state.place(&step) {
                Some(place) => {
                    let by = Some(by);
                    self.step_event(now, place, StepEvent::Skipped { reason, by })
                }
                None => Ok(()),
            },
            Command::Retry { step } => match self.state.place(&step) {
                Some(place) => self.step_event(now, place, StepEvent::Reopened),
                None => Ok(()),
            },
            Command::Settle {
                step,
                operation,
                verdict,
                reason,
            } => {
                let Some(place) = self.state.place(&step) else {
                    return Ok(());
                };
                for found in settleable(&self.state, place, operation.as_deref(), verdict) {
                    let (by, reason) = (by.clone(), reason.clone());
                    let change = OperationEvent::Settled { verdict, by, reason };
                    self.operation_event(now, place, found, change)?;
                }
                let rests = matches!(
                    self.state.steps[place].phase,
                    StepPhase::Stuck { .. } | StepPhase::Failed { .. }
                );
                // Behind a drill's clean-up nothing is begun again.
                if rests && !is_cleaning_up(&self.state) {
                    self.step_event(now, place, StepEvent::Reopened)?;
                }
                Ok(())
            }
        }
    }

    /// Returns why a command changes nothing, where that is so.
    fn refusal(&self, command: &Command) -> Option<String> {
        if self.state.outcome.is_some() {
            return Some("the run is over".to_owned());
        }
        let find = |step: &leeward_runbook::plan::StepId| match self.state.place(step) {
            Some(place) => Ok(place),
            None => Err(format!("there is no step `{step}` in this plan")),
        };
        match command {
            Command::Approve(approval) => {
                let other_plan = approval.plan_digest != self.state.plan_digest;
                let unknown = approval.step.as_ref().and_then(|step| find(step).err());
                match other_plan {
                    true => Some(format!(
                        "it speaks of plan {}, which this run does not follow",
                        approval.plan_digest
                    )),
                    false => unknown,
                }
            }
            Command::Pause if self.state.paused => Some("the run is paused already".to_owned()),
            Command::Unpause if !self.state.paused => Some("the run is not paused".to_owned()),
            Command::Cancel { .. } if matches!(self.state.ending, Some(Ending::Cancelled { .. })) => {
                Some("the run is cancelled already".to_owned())
            }
            Command::Pause | Command::Unpause | Command::Cancel { .. } => None,
            Command::Skip { step, .. } => match find(step).map(|place| &self.state.steps[place]) {
                Err(reason) => Some(reason),
                Ok(state) => match &state.phase {
                    StepPhase::Done => Some(format!("`{step}` is done")),
                    StepPhase::Skipped { .. } | StepPhase::Cancelled => {
                        Some(format!("`{step}` takes no part already"))
                    }
                    _ if state
                        .operations
                        .iter()
                        .any(|one| one.phase == OperationPhase::Sending) =>
                    {
                        Some(format!("`{step}` is being sent this very moment; try again"))
                    }
                    _ => None,
                },
            },
            Command::Retry { step } => {
                match find(step).map(|place| (place, &self.state.steps[place].phase)) {
                    Err(reason) => Some(reason),
                    Ok((place, StepPhase::Failed { .. } | StepPhase::Stuck { .. })) => {
                        let why = match is_cleaning_up(&self.state) {
                            true => "the drill takes back what it did; start another one".to_owned(),
                            false => format!(
                                "what `{step}` did can be seen by nobody and must not be done twice; settle it"
                            ),
                        };
                        (!may_retry(&self.state, place)).then_some(why)
                    }
                    Ok(_) => Some(format!("`{step}` has neither failed nor is it stuck")),
                }
            }
            Command::Settle {
                step,
                operation,
                verdict,
                ..
            } => match find(step) {
                Err(reason) => Some(reason),
                Ok(place) => {
                    let may =
                        |verdict| !settleable(&self.state, place, operation.as_deref(), verdict).is_empty();
                    match (may(*verdict), may(Verdict::Done)) {
                        (true, _) => None,
                        (false, true) => Some(format!("Azure took `{step}` on, so it did begin")),
                        (false, false) => Some(format!("no operation of `{step}` waits to be settled")),
                    }
                }
            },
        }
    }
}
