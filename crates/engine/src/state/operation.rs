//! Where one operation stands.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

mod moves;

use crate::{
    event::Reached,
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
}
