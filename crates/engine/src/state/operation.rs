//! Where one operation stands, and the only place where it moves.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::fold::IllegalTransition;
use crate::{
    event::{AttemptEnd, OperationEvent, Reached},
    policy,
    port::Verdict,
    work::{Operation, Outputs, Rung, Ticket},
};

/// One operation of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationState {
    /// What is to be reached, and how; shared with whoever works on it.
    pub plan: Arc<Operation>,
    /// Whether it only prepares for another change of its step, as a clean-up before a move does: the quorum is of moves.
    pub prepares: bool,
    /// Where it stands.
    pub phase: OperationPhase,
    /// Grows with every event; an answer that carries an older one is dropped.
    pub turn: u32,
    /// The rungs that will not be used (any more), and why.
    pub skipped: Vec<(String, String)>,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// When the current rung's first send was intended.
    pub rung_since: Option<Timestamp>,
    /// Whether the wait for the current rung is over.
    pub impatient: bool,
    /// Clean refusals of the current rung.
    pub refusals: u32,
    /// About how long it waits for its turn to be sent.
    pub queued: Option<Duration>,
    /// Azure's last word, with the percentage where told.
    pub word: Option<(String, Option<u8>)>,
    /// What it warned of.
    pub warnings: Vec<String>,
    /// What it showed.
    pub outputs: Outputs,
    /// Why the last rung was given up, or what was refused last.
    pub last_reason: Option<String>,
    /// What the last look said that kept it waiting.
    pub seen: Option<String>,
    /// When its goal was first known to hold.
    pub reached_at: Option<Timestamp>,
}

/// One attempt: one intention, sent once or more.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// The way.
    pub rung: String,
    /// How many sends were intended.
    pub sends: u32,
    /// When the last of them was intended.
    pub intended_at: Timestamp,
    /// Nobody sends it after this.
    pub send_by: Timestamp,
    /// Whether some earlier send of it went unanswered.
    pub doubted: bool,
    /// Whether it was seen in motion without a ticket: it did arrive, whatever a later look says.
    pub sighted: bool,
    /// What is known of it.
    pub state: AttemptState,
}

impl Attempt {
    /// Returns whether it may still have an effect.
    pub fn may_come_true(&self) -> bool {
        use AttemptState as A;
        self.doubted
            || matches!(
                self.state,
                A::Intended | A::Unanswered | A::Sighted | A::Accepted(_)
            )
    }
}

/// What is known of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptState {
    /// About to be sent, or sent and not answered yet.
    Intended,
    /// Sent, and nobody knows whether it arrived.
    Unanswered,
    /// Seen in motion though its answer was lost.
    Sighted,
    /// Azure works on it.
    Accepted(Arc<Ticket>),
    /// Azure says that it succeeded.
    Succeeded,
    /// Azure says that it failed or was cancelled.
    Failed {
        /// Whether a new attempt is worth it.
        retryable: bool,
    },
    /// Its ticket is no longer known.
    Lost,
    /// Azure said no; nothing was begun.
    Refused,
    /// It never left.
    NotSent,
    /// A person said what became of it.
    Settled(Verdict),
}

/// Where an operation stands.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationPhase {
    /// Its turn has not come.
    Waiting,
    /// Its goal is looked at before a send.
    Looking {
        /// Not before this.
        until: Option<Timestamp>,
    },
    /// A send is durable and under way.
    Sending,
    /// Nobody knows whether the last send arrived; the goal is watched.
    Doubt,
    /// Azure works on it; its ticket is polled.
    Polling,
    /// Azure says that it succeeded; the goal is watched until it holds.
    Confirming {
        /// Since when.
        since: Timestamp,
    },
    /// An attempt ended badly; the goal is looked at before anything else.
    Aftermath {
        /// Since when.
        since: Timestamp,
    },
    /// The goal holds.
    Reached(Reached),
    /// No rung can bring it about.
    Failed {
        /// Why.
        reason: String,
    },
    /// Only a person can help.
    Stuck {
        /// Why.
        reason: String,
    },
}

impl OperationState {
    pub(super) fn new(plan: Operation) -> OperationState {
        OperationState {
            plan: Arc::new(plan),
            prepares: false,
            phase: OperationPhase::Waiting,
            turn: 0,
            skipped: Vec::new(),
            attempts: Vec::new(),
            rung_since: None,
            impatient: false,
            refusals: 0,
            queued: None,
            word: None,
            warnings: Vec::new(),
            outputs: Outputs::new(),
            last_reason: None,
            seen: None,
            reached_at: None,
        }
    }

    /// Returns whether the goal holds.
    pub fn is_reached(&self) -> bool {
        matches!(self.phase, OperationPhase::Reached(_))
    }

    /// Returns whether it moves by itself no more.
    pub fn is_rest(&self) -> bool {
        use OperationPhase as P;
        matches!(self.phase, P::Reached(_) | P::Failed { .. } | P::Stuck { .. })
    }

    /// Returns the gentlest rung that is still to be used.
    pub fn rung(&self) -> Option<&Rung> {
        self.plan.rungs.iter().find(|rung| !self.is_skipped(rung))
    }

    /// Returns the rung after the current one, passing over those known to be of no use.
    pub fn next_rung(&self) -> Option<&Rung> {
        self.plan
            .rungs
            .iter()
            .filter(|rung| !self.is_skipped(rung) && rung.skip.is_none())
            .nth(1)
    }

    fn is_skipped(&self, rung: &Rung) -> bool {
        self.skipped.iter().any(|(name, _)| name == &rung.name)
    }

    /// Returns the attempt that was made last.
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Returns how many sends were intended in all.
    pub fn sends(&self) -> u32 {
        self.attempts.iter().map(|attempt| attempt.sends).sum()
    }

    /// Returns until when the last send may still arrive and not show.
    pub fn arrives_by(&self) -> Option<Timestamp> {
        let last = self.last()?;
        let settling = self.rung_named(&last.rung).map(|rung| rung.settling);
        Some(policy::later(
            last.send_by,
            policy::settling(settling.unwrap_or_default()),
        ))
    }

    /// Returns the rung of that name.
    pub fn rung_named(&self, name: &str) -> Option<&Rung> {
        self.plan.rungs.iter().find(|rung| rung.name == name)
    }

    /// Returns whether Azure still works on some attempt, or may.
    pub fn is_open(&self) -> bool {
        self.is_doubted()
            || self
                .attempts
                .iter()
                .any(|one| matches!(one.state, AttemptState::Accepted(_)))
    }

    /// Returns whether Azure itself showed that it took something on that has not ended, or the last attempt,
    /// however that ended.
    pub fn was_taken_on(&self) -> bool {
        use AttemptState as A;
        let ended = |one: &Attempt| matches!(one.state, A::Succeeded | A::Failed { .. });
        let open = |one: &Attempt| matches!(one.state, A::Accepted(_) | A::Sighted);
        let sighted = self
            .last()
            .is_some_and(|last| last.sighted && last.state == A::Lost);
        sighted || self.last().is_some_and(ended) || self.attempts.iter().any(open)
    }

    /// Returns whether something was sent whose end has not been seen.
    pub fn is_unfinished(&self) -> bool {
        use OperationPhase as P;
        let between = matches!(
            self.phase,
            P::Sending | P::Confirming { .. } | P::Aftermath { .. } | P::Doubt | P::Polling
        );
        between || (self.is_open() && !self.is_rest())
    }

    /// Returns whether some send may have reached Azure, be it to be refused there.
    pub fn was_sent(&self) -> bool {
        self.attempts
            .iter()
            .any(|attempt| attempt.state != AttemptState::NotSent)
    }

    /// Returns whether every way is spent while one of them may still come true.
    pub fn is_spent(&self) -> bool {
        !self.is_rest() && self.rung().is_none() && self.is_open()
    }

    /// Returns whether Azure may still be at work on it, whatever was made of it here. A person's word ends that.
    pub fn is_at_work(&self) -> bool {
        use {AttemptState as A, OperationPhase as P};
        match self.phase {
            P::Reached(_) => false,
            P::Failed { .. } | P::Stuck { .. } => self
                .attempts
                .iter()
                .any(|one| matches!(one.state, A::Accepted(_) | A::Sighted)),
            _ => self.is_unfinished(),
        }
    }

    /// Returns whether Azure said of some attempt that it succeeded.
    pub fn has_succeeded(&self) -> bool {
        self.attempts
            .iter()
            .any(|attempt| attempt.state == AttemptState::Succeeded)
    }

    /// Returns whether some attempt may still come true though nobody watches it by a ticket.
    pub fn is_doubted(&self) -> bool {
        self.attempts.iter().any(|attempt| {
            attempt.doubted
                || matches!(
                    attempt.state,
                    AttemptState::Unanswered | AttemptState::Sighted | AttemptState::Intended
                )
        })
    }

    /// Looks again after a person said so. What is open stays open: nothing is sent on a hunch.
    pub(super) fn reopen(&mut self) {
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
    pub(super) fn orphan(&mut self) {
        if self.phase == OperationPhase::Sending {
            if let Some(last) = self.attempts.last_mut() {
                last.doubted = true;
            }
            self.phase = OperationPhase::Doubt;
            self.turn += 1;
        }
    }

    /// The only place where an operation moves. Anything unlisted is a corrupt journal.
    pub(super) fn apply(&mut self, at: Timestamp, event: &OperationEvent) -> Result<(), IllegalTransition> {
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
