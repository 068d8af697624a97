//! What an operation does with what it sees: look, send, doubt, confirm. What may be sent again,
//! and when, is told by the table beside this.

use std::time::Duration;

use jiff::Timestamp;
use leeward_runbook::{kind::RepeatClass, plan::OnFailure, units};

use super::{
    Action, Address, Effect, Machine, Pacing, Part,
    table::{Aftermath, Doubt, Next},
};
use crate::{
    event::{AttemptEnd, OperationEvent, Reached},
    policy,
    state::{Attempt, AttemptState, IllegalTransition, OperationPhase},
    work::{Observation, Phase},
};

type Moved = Result<(), IllegalTransition>;

impl Machine {
    /// Takes in a look at an operation's goal.
    pub(super) fn observed(
        &mut self,
        now: Timestamp,
        step: usize,
        place: usize,
        pacing: Pacing,
        seen: Observation,
    ) -> Moved {
        use OperationPhase as P;
        let operation = &self.state.steps[step].operations[place];
        if let Observation::Holds {
            evidence,
            ours,
            outputs,
        } = seen
        {
            let by_us = ours || operation.has_succeeded();
            let how = if by_us { Reached::ByUs } else { Reached::Adopted };
            let reached = OperationEvent::Reached {
                how,
                evidence,
                outputs,
            };
            self.operation_event(now, step, place, reached)?;
            return self.wake(now, step, place);
        }
        match operation.phase.clone() {
            P::Waiting | P::Looking { .. } => self.before_a_send(now, step, place, pacing, seen),
            P::Doubt => self.in_doubt(now, step, place, pacing, seen),
            P::Confirming { since } => self.confirm(now, (step, place), pacing, seen, since),
            P::Aftermath { since } => self.after_an_end(now, step, place, pacing, seen, since),
            P::Sending | P::Polling | P::Reached(_) | P::Failed { .. } | P::Stuck { .. } => Ok(()),
        }
    }

    /// Azure says that it succeeded, and its goal does not hold yet. What still moves, or does not answer, says
    /// nothing against that; what stands still for too long does.
    fn confirm(
        &mut self,
        now: Timestamp,
        (step, place): (usize, usize),
        pacing: Pacing,
        seen: Observation,
        since: Timestamp,
    ) -> Moved {
        use Observation as O;
        let timeout = self.state.planned[step].timeout;
        let limit = policy::CONFIRMATION.max(self.settling_of(step, place));
        let contradicted = matches!(seen, O::NotBegun { .. } | O::Barred { .. });
        let silent = matches!(seen, O::CannotTell { .. }) && self.has_waited(now, step, since, timeout);
        let operation = &self.state.steps[step].operations[place];
        let given_up = contradicted || silent || operation.impatient && operation.plan.phase != Phase::Main;
        let late = self.has_waited(now, step, since, limit);
        if !given_up || !late {
            if late {
                self.note_what_was_seen(now, step, place, &seen)?;
            }
            return self.look_again(now, step, place, pacing);
        }
        let reason = format!(
            "Azure says that it succeeded, but its goal does not hold: {}",
            said(&seen)
        );
        self.stick(now, step, place, reason)
    }

    /// Nothing of the current rung is open: a look that says "not begun" leads to a send.
    fn before_a_send(
        &mut self,
        now: Timestamp,
        step: usize,
        place: usize,
        pacing: Pacing,
        seen: Observation,
    ) -> Moved {
        let operation = &self.state.steps[step].operations[place];
        let last_way = operation.rung().is_none() || self.is_closing(step, place);
        if last_way && operation.is_open() {
            return self.after_the_last_way(now, step, place, pacing, seen);
        }
        let Some(rung) = operation.rung().cloned() else {
            return Ok(());
        };
        let unseen = !operation.plan.observable;
        // An earlier rung is still in motion, and Azure refuses this one cleanly while it is.
        let beside = rung.beside && operation.is_open();
        let may_send = match &seen {
            Observation::NotBegun { .. } => true,
            Observation::InMotion { .. } | Observation::Busy { .. } => beside,
            Observation::CannotTell { .. } => unseen,
            Observation::Barred { evidence } => {
                let reason = evidence.clone();
                return self.operation_event(
                    now,
                    step,
                    place,
                    OperationEvent::RungSkipped {
                        rung: rung.name,
                        reason,
                    },
                );
            }
            Observation::Holds { .. } => return Ok(()),
        };
        if !may_send {
            self.note_what_was_seen(now, step, place, &seen)?;
            return self.look_again(now, step, place, pacing);
        }
        if !self.may_send(step, place) {
            return self.look_again(now, step, place, pacing);
        }
        if rung.repeat == RepeatClass::OneShot && self.was_sent(step, place, &rung.name) {
            let reason = format!("`{}` was sent before and must not be sent twice", rung.name);
            return self.stick(now, step, place, reason);
        }
        // A refused or unsent attempt is over; what follows is an attempt of its own.
        let attempt = operation.attempts.last().map_or(1, |last| last.number + 1);
        self.intend(now, (step, place), (attempt, 1), &rung.name, said(&seen))
    }

    /// No way is left to be tried, and what was sent may still come true: it is looked for until it could not but
    /// show. What Azure works on by a ticket is heard of there.
    fn after_the_last_way(
        &mut self,
        now: Timestamp,
        step: usize,
        place: usize,
        pacing: Pacing,
        seen: Observation,
    ) -> Moved {
        use Observation as O;
        let operation = &self.state.steps[step].operations[place];
        let open = || operation.attempts.iter().filter(|one| one.may_come_true());
        let way = |name: &str| operation.rung_named(name);
        let settled = open().all(|one| {
            let settling = way(&one.rung).map_or(policy::ARRIVAL, |rung| policy::settling(rung.settling));
            now >= policy::later(one.send_by, settling)
        });
        let polled = open().any(|one| matches!(one.state, AttemptState::Accepted(_)));
        let stands = match &seen {
            O::NotBegun { .. } | O::Barred { .. } => true,
            O::CannotTell { .. } => !operation.plan.observable,
            O::Holds { .. } | O::InMotion { .. } | O::Busy { .. } => false,
        };
        if polled || !settled || !stands {
            self.note_what_was_seen(now, step, place, &seen)?;
            return self.look_again(now, step, place, pacing);
        }
        if let Some(sighted) = open().find(|one| one.state == AttemptState::Sighted) {
            let attempt = sighted.number;
            let reason = format!(
                "`{}` was in motion and is no longer: {}",
                sighted.rung,
                said(&seen)
            );
            let end = AttemptEnd::Lost { reason };
            return self.operation_event(now, step, place, OperationEvent::Ended { attempt, end });
        }
        let refused = operation
            .last()
            .is_some_and(|last| last.state == AttemptState::Refused);
        let once = open().any(|one| way(&one.rung).is_none_or(|rung| rung.repeat == RepeatClass::OneShot));
        let reason = operation.last_reason.clone().unwrap_or_else(|| said(&seen));
        if refused || (self.state.ending.is_some() && !once) {
            return self.operation_event(now, step, place, OperationEvent::Failed { reason });
        }
        let doubted: Vec<String> = open().map(|one| format!("`{}`", one.rung)).collect();
        let reason = format!(
            "nobody knows whether {} arrived: {}",
            doubted.join(", "),
            said(&seen)
        );
        self.stick(now, step, place, reason)
    }

    /// Whether a send of this rung may have done something: refused and unsent ones have not.
    fn was_sent(&self, step: usize, place: usize, rung: &str) -> bool {
        self.state.steps[step].operations[place]
            .attempts
            .iter()
            .any(|attempt| {
                let harmless = matches!(
                    attempt.state,
                    AttemptState::Refused
                        | AttemptState::NotSent
                        | AttemptState::Settled(crate::port::Verdict::NotBegun)
                );
                attempt.rung == rung && !harmless
            })
    }

    /// The last send went unanswered: watch, and send again only what may be sent again.
    fn in_doubt(
        &mut self,
        now: Timestamp,
        step: usize,
        place: usize,
        pacing: Pacing,
        seen: Observation,
    ) -> Moved {
        let operation = &self.state.steps[step].operations[place];
        let Some(last) = operation.last().cloned() else {
            return self.look_again(now, step, place, pacing);
        };
        let Some(rung) = operation.rung_named(&last.rung).cloned() else {
            return self.stick(
                now,
                step,
                place,
                format!("`{}` is no rung of this operation", last.rung),
            );
        };
        let planned = &self.state.planned[step];
        let doubt = Doubt {
            rung: &rung.name,
            repeat: rung.repeat,
            settled: now >= policy::later(last.send_by, policy::settling(rung.settling)),
            last: &last.state,
            overdue: self.has_waited(now, step, last.intended_at, planned.timeout),
            blind: !operation.plan.observable,
            ending: self.state.ending.is_some() || self.is_closing(step, place),
            unawaited: planned.on_failure == OnFailure::Continue,
        };
        let next = doubt.next(&seen);
        self.go_on(now, (step, place), pacing, next, &last, &seen)
    }

    /// Does what the table says.
    fn go_on(
        &mut self,
        now: Timestamp,
        (step, place): (usize, usize),
        pacing: Pacing,
        next: Next,
        last: &Attempt,
        seen: &Observation,
    ) -> Moved {
        match next {
            Next::SightAndLook => {
                if let Observation::InMotion { evidence, ticket } = seen
                    && (ticket.is_some() || last.state != AttemptState::Sighted)
                {
                    let (evidence, ticket) = (evidence.clone(), ticket.clone());
                    self.operation_event(now, step, place, OperationEvent::Sighted { evidence, ticket })?;
                }
            }
            Next::NoteAndLook => self.note_what_was_seen(now, step, place, seen)?,
            Next::SendAgain | Next::NewAttempt if self.may_send(step, place) => {
                let (numbers, evidence) = match next {
                    Next::SendAgain => {
                        let waited = Duration::from_secs(policy::between(last.intended_at, now).as_secs());
                        let (waited, said) = (units::show_duration(waited), said(seen));
                        let sends = last.sends;
                        let evidence = format!("send {sends} left no trace after {waited}: {said}");
                        ((last.number, sends + 1), evidence)
                    }
                    _ => {
                        let operation = &self.state.steps[step].operations[place];
                        let reason = operation.last_reason.clone().unwrap_or_else(|| said(seen));
                        let evidence = format!("attempt {} failed: {reason}", last.number);
                        ((last.number + 1, 1), evidence)
                    }
                };
                return self.intend(now, (step, place), numbers, &last.rung, evidence);
            }
            Next::Look | Next::SendAgain | Next::NewAttempt => {}
            Next::LeaveRung(reason) => return self.give_up_rung(now, step, place, &last.rung, reason),
            Next::End(reason) => {
                let (attempt, end) = (last.number, AttemptEnd::Lost { reason });
                return self.operation_event(now, step, place, OperationEvent::Ended { attempt, end });
            }
            Next::Fail(reason) => {
                return self.operation_event(now, step, place, OperationEvent::Failed { reason });
            }
            Next::Stick(reason) => return self.stick(now, step, place, reason),
        }
        self.look_again(now, step, place, pacing)
    }

    /// Records what keeps an operation waiting, so that whoever looks on knows; the same words once.
    fn note_what_was_seen(&mut self, now: Timestamp, step: usize, place: usize, seen: &Observation) -> Moved {
        let evidence = said(seen);
        match self.state.steps[step].operations[place].seen.as_ref() == Some(&evidence) {
            true => Ok(()),
            false => self.operation_event(now, step, place, OperationEvent::Looked { evidence }),
        }
    }

    /// An attempt ended badly, or was refused for good.
    fn after_an_end(
        &mut self,
        now: Timestamp,
        step: usize,
        place: usize,
        pacing: Pacing,
        seen: Observation,
        since: Timestamp,
    ) -> Moved {
        let operation = &self.state.steps[step].operations[place];
        let Some(last) = operation.last().cloned() else {
            return self.look_again(now, step, place, pacing);
        };
        let planned = &self.state.planned[step];
        let doubted = operation.attempts.iter().any(|attempt| attempt.doubted);
        let aftermath = Aftermath {
            last: &last.state,
            reason: operation.last_reason.clone().unwrap_or_else(|| said(&seen)),
            blind: !operation.plan.observable,
            sighted: last.sighted,
            overdue: self.has_waited(now, step, since, planned.timeout),
            // What was seen in motion and is no longer may have been a look at an old picture.
            unsettled: (doubted || last.sighted)
                && policy::between(since, now) < self.settling_of(step, place),
            more: !self.is_closing(step, place)
                && operation.rung().is_some_and(|rung| rung.name == last.rung)
                && self.tries(step, place, &last.rung) < planned.retry.attempts
                && !self.is_one_shot(step, place, &last.rung),
        };
        let next = aftermath.next(&seen);
        self.go_on(now, (step, place), pacing, next, &last, &seen)
    }

    fn tries(&self, step: usize, place: usize, rung: &str) -> u32 {
        let attempts = &self.state.steps[step].operations[place].attempts;
        attempts.iter().filter(|attempt| attempt.rung == rung).count() as u32
    }

    fn is_one_shot(&self, step: usize, place: usize, rung: &str) -> bool {
        let operation = &self.state.steps[step].operations[place];
        operation
            .rung_named(rung)
            .is_none_or(|rung| rung.repeat == RepeatClass::OneShot)
    }

    /// Goes to the next rung; the flow fails the operation where there is none.
    pub(super) fn give_up_rung(
        &mut self,
        now: Timestamp,
        step: usize,
        place: usize,
        rung: &str,
        reason: String,
    ) -> Moved {
        let rung = rung.to_owned();
        self.operation_event(now, step, place, OperationEvent::RungSkipped { rung, reason })
    }

    pub(super) fn stick(&mut self, now: Timestamp, step: usize, place: usize, reason: String) -> Moved {
        self.operation_event(now, step, place, OperationEvent::Stuck { reason })
    }

    fn look_again(&mut self, now: Timestamp, step: usize, place: usize, pacing: Pacing) -> Moved {
        let operation = &self.state.steps[step].operations[place];
        let effect = Effect {
            address: Address {
                step,
                part: Part::Operation(place),
                turn: operation.turn,
            },
            not_before: Some(policy::later(now, policy::look_again(pacing.round))),
            pacing: Pacing {
                round: pacing.round + 1,
                passing_since: None,
            },
            action: Action::Observe(operation.plan.clone()),
        };
        if self.is_watched(step, place) {
            self.want(effect);
        }
        Ok(())
    }

    fn settling_of(&self, step: usize, place: usize) -> std::time::Duration {
        let operation = &self.state.steps[step].operations[place];
        let rung = operation.last().and_then(|last| operation.rung_named(&last.rung));
        rung.map_or(policy::ARRIVAL, |rung| policy::settling(rung.settling))
    }
}

fn said(seen: &Observation) -> String {
    match seen {
        Observation::Holds { evidence, .. }
        | Observation::InMotion { evidence, .. }
        | Observation::Busy { evidence }
        | Observation::NotBegun { evidence }
        | Observation::Barred { evidence } => evidence.clone(),
        Observation::CannotTell { reason } => reason.clone(),
    }
}
