//! Sends and what comes of them: intents, answers, polls, the end of patience.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{Action, Address, Effect, Machine, Pacing, Part, Send};
use crate::{
    event::{AttemptEnd, OperationEvent, Reached, StepEvent},
    policy,
    state::{AttemptState, IllegalTransition, OperationPhase, OperationState, StepPhase},
    work::{Phase, Progress, Sent, Ticket},
};

type Moved = Result<(), IllegalTransition>;

impl Machine {
    /// Takes in that a change waits for its turn. It is recorded, since what is shown is what is recorded.
    pub(super) fn queued(&mut self, now: Timestamp, step: usize, place: usize, about: Duration) -> Moved {
        let operation = &self.state.steps[step].operations[place];
        if !matches!(
            operation.phase,
            OperationPhase::Waiting | OperationPhase::Looking { .. }
        ) {
            return Ok(());
        }
        // Nobody reads milliseconds in an estimate.
        let about = Duration::from_secs(about.as_secs());
        self.operation_event(now, step, place, OperationEvent::Queued { about })
    }

    /// Takes in what came of a send. Every answer becomes an event: nothing is sent on its absence.
    pub(super) fn sent(&mut self, now: Timestamp, step: usize, place: usize, sent: Sent) -> Moved {
        let planned = self.state.planned[step].clone();
        let operation = &self.state.steps[step].operations[place];
        let change =
            match sent {
                Sent::Accepted { ticket } => OperationEvent::Accepted { ticket },
                Sent::Finished { outputs, warnings } => OperationEvent::Finished { warnings, outputs },
                Sent::Unanswered { reason } => OperationEvent::Unanswered { reason },
                Sent::NotSent { reason } => {
                    let again = policy::later(now, policy::backoff(&planned.retry, 1));
                    OperationEvent::NotSent { reason, again }
                }
                Sent::Refused(refusal) => {
                    let throttled = refusal.status == 429;
                    let beside =
                        operation.attempts.iter().rev().skip(1).any(|one| {
                            matches!(one.state, AttemptState::Accepted(_) | AttemptState::Sighted)
                        });
                    let again = refusal.passing
                        && (throttled || beside || operation.refusals + 1 < planned.retry.attempts);
                    let pause = policy::backoff(&planned.retry, operation.refusals + 1);
                    let pause = refusal.retry_after.unwrap_or(pause);
                    let again = again.then(|| policy::later(now, pause));
                    OperationEvent::Refused { refusal, again }
                }
            };
        let finished = matches!(change, OperationEvent::Finished { .. });
        let observable = operation.plan.observable;
        self.operation_event(now, step, place, change)?;
        if finished && !observable {
            return self.reached_unseen(now, step, place);
        }
        Ok(())
    }

    /// Takes in what a poll said.
    pub(super) fn polled(
        &mut self,
        now: Timestamp,
        step: usize,
        place: usize,
        number: u32,
        pacing: Pacing,
        progress: Progress,
    ) -> Moved {
        let operation = &self.state.steps[step].operations[place];
        let attempt = operation.attempts.iter().find(|attempt| attempt.number == number);
        let Some(AttemptState::Accepted(ticket)) = attempt.map(|attempt| attempt.state.clone()) else {
            return Ok(());
        };
        let end = match progress {
            Progress::Running {
                word,
                percent,
                look_after,
                ticket: renewed,
            } => {
                let known = operation.word.clone();
                if known.as_ref() != Some(&(word.clone(), percent)) {
                    self.operation_event(now, step, place, OperationEvent::Progressed { word, percent })?;
                }
                let renewed = renewed.filter(|renewed| *renewed != *ticket);
                if let Some(ticket) = renewed.clone() {
                    self.operation_event(now, step, place, OperationEvent::TicketRenewed { ticket })?;
                }
                let ticket = renewed.map_or(ticket, Arc::new);
                return self.poll_again(now, (step, place, number), pacing, look_after, ticket);
            }
            Progress::Unreadable { look_after, .. } => {
                self.look_past(now, (step, place), pacing);
                return self.poll_again(now, (step, place, number), pacing, look_after, ticket);
            }
            Progress::Succeeded { warnings, outputs } => AttemptEnd::Succeeded { warnings, outputs },
            Progress::Failed {
                code,
                message,
                retryable,
            } => AttemptEnd::Failed {
                code,
                message,
                retryable,
            },
            Progress::Gone { reason } => AttemptEnd::Lost { reason },
        };
        let succeeded = matches!(end, AttemptEnd::Succeeded { .. });
        let observable = operation.plan.observable;
        self.operation_event(now, step, place, OperationEvent::Ended { attempt: number, end })?;
        self.wake(now, step, place)?;
        // A poll may come home after a look has said that the goal holds.
        let reached = self.state.steps[step].operations[place].is_reached();
        if succeeded && !observable && !reached {
            return self.reached_unseen(now, step, place);
        }
        Ok(())
    }

    /// The step had waited long enough, but Azure has news after all: it goes on, unless another operation of it
    /// waits for a person, whom a step that goes on by itself would pass over.
    pub(super) fn wake(&mut self, now: Timestamp, step: usize, place: usize) -> Moved {
        use OperationPhase as P;
        let state = &self.state.steps[step];
        let needs_a_person = |(other, operation): (usize, &OperationState)| {
            other != place
                && operation.plan.phase == Phase::Main
                && matches!(operation.phase, P::Failed { .. } | P::Stuck { .. })
        };
        let stuck = matches!(state.phase, StepPhase::Stuck { .. });
        if !stuck || state.operations.iter().enumerate().any(needs_a_person) {
            return Ok(());
        }
        self.step_event(now, step, StepEvent::Reopened)
    }

    fn reached_unseen(&mut self, now: Timestamp, step: usize, place: usize) -> Moved {
        // Its own answer is all there is; where that was no answer, this says so.
        let evidence = match self.state.steps[step].operations[place].warnings.as_slice() {
            [] => "it was answered, and there is no goal to look at".to_owned(),
            warnings => format!(
                "the try is over, and there is no goal to look at; {}",
                warnings.join("; ")
            ),
        };
        let outputs = Default::default();
        let change = OperationEvent::Reached {
            how: Reached::ByUs,
            evidence,
            outputs,
        };
        self.operation_event(now, step, place, change)
    }

    /// A ticket does not answer: the goal itself may tell what the ticket does not.
    fn look_past(&mut self, now: Timestamp, (step, place): (usize, usize), pacing: Pacing) {
        let operation = &self.state.steps[step].operations[place];
        if operation.phase != OperationPhase::Polling || !operation.plan.observable {
            return;
        }
        let effect = Effect {
            address: Address {
                step,
                part: Part::Operation(place),
                turn: operation.turn,
            },
            not_before: Some(policy::later(now, policy::look_again(pacing.round))),
            pacing,
            action: Action::Observe(operation.plan.clone()),
        };
        self.want(effect);
    }

    fn poll_again(
        &mut self,
        now: Timestamp,
        (step, place, number): (usize, usize, u32),
        pacing: Pacing,
        look_after: Option<Duration>,
        ticket: Arc<Ticket>,
    ) -> Moved {
        let operation = self.state.steps[step].operations[place].plan.clone();
        let pause = look_after.unwrap_or_else(|| policy::poll_again(pacing.round));
        self.want(Effect {
            address: Address {
                step,
                part: Part::Ticket(place, number),
                turn: 0,
            },
            not_before: Some(policy::later(now, pause)),
            pacing: Pacing {
                round: pacing.round + 1,
                passing_since: None,
            },
            action: Action::Poll(operation, ticket),
        });
        Ok(())
    }

    /// Records an intent and asks, in the same decision and only here, for its send.
    pub(super) fn intend(
        &mut self,
        now: Timestamp,
        (step, place): (usize, usize),
        (attempt, send): (u32, u32),
        rung: &str,
        evidence: String,
    ) -> Moved {
        let send_by = policy::later(now, policy::SEND_WINDOW);
        let rung = rung.to_owned();
        let intended = OperationEvent::Intended {
            attempt,
            send,
            rung: rung.clone(),
            send_by,
            evidence,
        };
        self.operation_event(now, step, place, intended)?;
        let operation = self.state.steps[step].operations[place].plan.clone();
        self.want(Effect {
            address: Address {
                step,
                part: Part::Send(place, attempt, send),
                turn: 0,
            },
            not_before: None,
            pacing: Pacing::default(),
            action: Action::Begin(Box::new(Send {
                operation,
                rung,
                attempt,
                send,
                send_by,
                looked_at: self.looked_at,
            })),
        });
        Ok(())
    }
}
