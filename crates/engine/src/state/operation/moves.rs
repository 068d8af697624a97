//! How one operation moves, and the only place where it does.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Attempt, AttemptState, OperationPhase, OperationState};
use crate::{
    event::{AttemptEnd, OperationEvent, Reached},
    port::Verdict,
    state::fold::IllegalTransition,
};

impl OperationState {
    /// Looks again after a person said so. What is open stays open: nothing is sent on a hunch.
    pub(in crate::state) fn reopen(&mut self) {
        use OperationPhase as P;
        if self.is_spent() {
            // What may still come true is not begun a second time; every other way may be tried again.
            let open: Vec<String> = self
                .attempts
                .iter()
                .filter(|attempt| attempt.may_come_true())
                .map(|attempt| attempt.rung.clone())
                .collect();
            self.skipped.retain(|(rung, _)| open.contains(rung));
            self.look_anew(P::Looking { until: None });
            return;
        }
        let refused = self
            .last()
            .is_some_and(|last| last.state == AttemptState::Refused && !last.doubted);
        if refused && matches!(self.phase, P::Aftermath { .. }) {
            // A gentler way is in motion yet; the one that was cleanly refused beside it may be asked again.
            self.look_anew(P::Looking { until: None });
            return;
        }
        if !matches!(self.phase, P::Failed { .. } | P::Stuck { .. }) {
            return;
        }
        let doubtful = self.last().is_some_and(|attempt| {
            matches!(
                attempt.state,
                AttemptState::Unanswered
                    | AttemptState::Intended
                    | AttemptState::Sighted
                    | AttemptState::Lost
            )
        });
        match (&self.phase, self.attempts.last()) {
            (P::Failed { .. }, _) => self.skipped.clear(),
            // The way that nobody knows the end of may be gone once more, if its class and a look allow it.
            (_, Some(last)) => self.skipped.retain(|(rung, _)| *rung != last.rung),
            _ => {}
        }
        self.look_anew(match doubtful {
            true => P::Doubt,
            false => P::Looking { until: None },
        });
    }

    fn look_anew(&mut self, phase: OperationPhase) {
        self.phase = phase;
        self.impatient = false;
        self.refusals = 0;
        self.rung_since = None;
        self.turn += 1;
    }

    /// A new conductor cannot know whether a send that was under way left the old process.
    pub(in crate::state) fn orphan(&mut self) {
        if self.phase == OperationPhase::Sending {
            if let Some(last) = self.attempts.last_mut() {
                last.doubted = true;
            }
            self.phase = OperationPhase::Doubt;
            self.turn += 1;
        }
    }

    /// The only place where an operation moves. Anything unlisted is a corrupt journal.
    pub(in crate::state) fn apply(
        &mut self,
        at: Timestamp,
        event: &OperationEvent,
    ) -> Result<(), IllegalTransition> {
        use {OperationEvent as E, OperationPhase as P};
        let illegal = || IllegalTransition::operation(&self.plan.id, &self.phase, event);
        match (&self.phase, event) {
            (P::Reached(_), E::TicketRenewed { .. } | E::Progressed { .. } | E::Ended { .. }) => {}
            (P::Reached(_), _) => return Err(illegal()),
            (P::Waiting | P::Looking { .. }, E::Queued { about }) => self.queued = Some(*about),
            (_, E::RungSkipped { rung, reason }) => {
                self.skipped.push((rung.clone(), reason.clone()));
                self.last_reason = Some(reason.clone());
                self.rung_since = None;
                self.impatient = false;
                self.refusals = 0;
                if self.phase != P::Waiting {
                    self.phase = P::Looking { until: None };
                }
            }
            (P::Waiting | P::Looking { .. } | P::Doubt | P::Aftermath { .. }, E::Intended { .. }) => {
                self.intend(at, event)?;
                self.seen = None;
                self.phase = P::Sending;
            }
            (P::Sending, E::Accepted { ticket }) => {
                self.set_last(AttemptState::Accepted(Arc::new(ticket.clone())));
                self.phase = P::Polling;
            }
            (P::Sending, E::Finished { warnings, outputs }) => {
                self.warnings.extend(warnings.clone());
                self.outputs.extend(outputs.clone());
                self.set_last(AttemptState::Succeeded);
                self.phase = P::Confirming { since: at };
            }
            (P::Sending, E::Refused { refusal, again }) => {
                self.last_reason = Some(format!("{}: {}", refusal.code, refusal.message));
                self.refusals += u32::from(refusal.status != 429);
                self.set_last(AttemptState::Refused);
                self.phase = match again {
                    Some(again) => P::Looking { until: Some(*again) },
                    None => P::Aftermath { since: at },
                };
            }
            (P::Sending, E::Unanswered { reason }) => {
                self.last_reason = Some(reason.clone());
                if let Some(last) = self.attempts.last_mut() {
                    last.doubted = true;
                }
                self.set_last(AttemptState::Unanswered);
                self.phase = P::Doubt;
            }
            (P::Sending, E::NotSent { reason, again }) => {
                self.last_reason = Some(reason.clone());
                self.not_sent();
                self.phase = if self.last_is_doubted() {
                    P::Doubt
                } else {
                    P::Looking { until: Some(*again) }
                };
            }
            (P::Doubt | P::Aftermath { .. } | P::Looking { .. }, E::Sighted { ticket, .. }) => match ticket {
                Some(ticket) => {
                    self.set_last(AttemptState::Accepted(Arc::new(ticket.clone())));
                    self.phase = P::Polling;
                }
                None => {
                    if let Some(last) = self.attempts.last_mut() {
                        last.sighted = true;
                    }
                    self.set_last(AttemptState::Sighted);
                    // It was believed to be over, and is not.
                    if matches!(self.phase, P::Aftermath { .. }) {
                        self.phase = P::Doubt;
                    }
                }
            },
            (P::Waiting | P::Looking { .. } | P::Doubt | P::Confirming { .. }, E::Looked { evidence }) => {
                self.seen = Some(evidence.clone());
            }
            (_, E::TicketRenewed { ticket }) => {
                let open = self
                    .attempts
                    .iter_mut()
                    .rev()
                    .find_map(|attempt| match &mut attempt.state {
                        AttemptState::Accepted(old) => Some(old),
                        _ => None,
                    });
                if let Some(old) = open {
                    *old = Arc::new(ticket.clone());
                }
            }
            (_, E::Progressed { word, percent }) => self.word = Some((word.clone(), *percent)),
            (_, E::Ended { attempt, end }) => self.end(at, *attempt, end)?,
            (_, E::PatienceEnded { .. }) => self.impatient = true,
            (P::Sending, E::Reached { .. }) => return Err(illegal()),
            (_, E::Reached { how, outputs, .. }) => {
                self.outputs.extend(outputs.clone());
                self.phase = P::Reached(*how);
                self.reached_at = Some(at);
            }
            (_, E::Failed { reason }) => {
                // It was looked for until it could not but show.
                for attempt in &mut self.attempts {
                    attempt.doubted = false;
                }
                self.phase = P::Failed {
                    reason: reason.clone(),
                }
            }
            (_, E::Stuck { reason }) => {
                self.phase = P::Stuck {
                    reason: reason.clone(),
                }
            }
            (_, E::Settled { verdict, .. }) => {
                // Whoever says so may be too early: what is still on its way is let arrive before another look.
                let open = self.last().is_some_and(Attempt::may_come_true);
                let until = self.arrives_by().filter(|arrival| open && at < *arrival);
                // The word is about the operation: what was still open beside the last attempt is meant, too.
                for attempt in self.attempts.iter_mut().filter(|one| one.may_come_true()) {
                    attempt.state = AttemptState::Settled(*verdict);
                    attempt.doubted = false;
                }
                self.set_last(AttemptState::Settled(*verdict));
                if *verdict == Verdict::Done {
                    self.reached_at = Some(at);
                }
                self.phase = match verdict {
                    Verdict::Done => P::Reached(Reached::Settled),
                    Verdict::NotBegun => P::Looking { until },
                    Verdict::Failed => P::Aftermath { since: at },
                };
            }
            _ => return Err(illegal()),
        }
        // News of a ticket changes nothing that a look or a timer in flight was asked for.
        if !matches!(
            event,
            E::TicketRenewed { .. } | E::Progressed { .. } | E::PatienceEnded { .. } | E::Queued { .. }
        ) {
            self.turn += 1;
            self.queued = None;
        }
        Ok(())
    }

    fn intend(&mut self, at: Timestamp, event: &OperationEvent) -> Result<(), IllegalTransition> {
        let OperationEvent::Intended {
            attempt,
            send,
            rung,
            send_by,
            ..
        } = event
        else {
            return Err(IllegalTransition::operation(&self.plan.id, &self.phase, event));
        };
        match self.attempts.last_mut() {
            Some(last) if last.number == *attempt && last.sends + 1 == *send => {
                last.sends = *send;
                last.intended_at = at;
                last.send_by = *send_by;
                last.state = AttemptState::Intended;
            }
            last if *send == 1 && *attempt == last.as_ref().map_or(0, |last| last.number) + 1 => {
                // Most are made once, and ten thousand operations may be in flight.
                self.attempts.reserve_exact(1);
                self.attempts.push(Attempt {
                    number: *attempt,
                    rung: rung.clone(),
                    sends: 1,
                    intended_at: at,
                    send_by: *send_by,
                    doubted: false,
                    sighted: false,
                    state: AttemptState::Intended,
                });
            }
            _ => return Err(IllegalTransition::operation(&self.plan.id, &self.phase, event)),
        }
        self.rung_since.get_or_insert(at);
        Ok(())
    }

    fn end(&mut self, at: Timestamp, number: u32, end: &AttemptEnd) -> Result<(), IllegalTransition> {
        let is_last = self.attempts.last().is_some_and(|last| last.number == number);
        let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.number == number) else {
            return Err(IllegalTransition::attempt(&self.plan.id, number));
        };
        attempt.doubted = false;
        match end {
            AttemptEnd::Succeeded { warnings, outputs } => {
                attempt.state = AttemptState::Succeeded;
                self.warnings.extend(warnings.clone());
                self.outputs.extend(outputs.clone());
                if !self.is_rest() && self.phase != OperationPhase::Sending {
                    self.phase = OperationPhase::Confirming { since: at };
                }
            }
            AttemptEnd::Failed {
                code,
                message,
                retryable,
            } => {
                attempt.state = AttemptState::Failed {
                    retryable: *retryable,
                };
                self.last_reason = Some(format!("{code}: {message}"));
                if is_last && !self.is_rest() {
                    self.phase = OperationPhase::Aftermath { since: at };
                }
            }
            AttemptEnd::Lost { reason } => {
                attempt.state = AttemptState::Lost;
                self.last_reason = Some(reason.clone());
                if is_last && !self.is_rest() {
                    self.phase = OperationPhase::Aftermath { since: at };
                }
            }
        }
        Ok(())
    }

    fn set_last(&mut self, state: AttemptState) {
        if let Some(last) = self.attempts.last_mut() {
            last.state = state;
        }
    }

    fn last_is_doubted(&self) -> bool {
        self.attempts.last().is_some_and(|last| last.doubted)
    }

    fn not_sent(&mut self) {
        let state = if self.last_is_doubted() {
            AttemptState::Unanswered
        } else {
            AttemptState::NotSent
        };
        self.set_last(state);
    }
}
