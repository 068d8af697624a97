//! What follows from a look at an operation once something was sent? The design's table, row by row.

use leeward_runbook::kind::RepeatClass;

use crate::{state::AttemptState, work::Observation};

/// What is done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Look again.
    Look,
    /// Record what keeps it waiting, and look again.
    NoteAndLook,
    /// Record that it is in motion, and look again.
    SightAndLook,
    /// The same attempt, the next send.
    SendAgain,
    /// The same rung, the next attempt.
    NewAttempt,
    /// The attempt is over, though nobody saw its end; its goal is looked at.
    End(String),
    /// The rung is given up.
    LeaveRung(String),
    /// The operation has failed.
    Fail(String),
    /// A person decides.
    Stick(String),
}

/// A send whose answer is not known.
pub(super) struct Doubt<'a> {
    /// The way it went.
    pub(super) rung: &'a str,
    /// What a second send would mean.
    pub(super) repeat: RepeatClass,
    /// What is known of its last send.
    pub(super) last: &'a AttemptState,
    /// Whether `send-by` and the settling time have passed: what arrived would show.
    pub(super) settled: bool,
    /// Whether the step's timeout has passed.
    pub(super) overdue: bool,
    /// Whether nobody can ever see its goal.
    pub(super) blind: bool,
    /// Whether the run sends nothing any more.
    pub(super) ending: bool,
    /// Whether the runbook says that nobody waits for the step.
    pub(super) unawaited: bool,
}

impl Doubt<'_> {
    /// The rows of *intended, no ticket*. That the goal holds was dealt with before.
    pub(super) fn next(&self, seen: &Observation) -> Next {
        use {AttemptState as A, Next as N, Observation as O, RepeatClass as R};
        let arrived = matches!(self.last, A::Sighted | A::Lost);
        let rung = self.rung;
        match (seen, self.repeat) {
            (O::Holds { .. }, _) => N::Look,
            (O::InMotion { .. }, _) => N::SightAndLook,
            // Something else is in motion: never take its ticket.
            (O::Busy { .. }, _) => N::NoteAndLook,

            // It did arrive: what does not show now has ended, and is not sent again as if it never had.
            (O::NotBegun { evidence } | O::Barred { evidence }, _) if *self.last == A::Sighted => {
                N::End(format!("`{rung}` was in motion and is no longer: {evidence}"))
            }

            (O::NotBegun { .. } | O::Barred { .. }, _) if !self.settled => N::Look,
            (O::NotBegun { evidence }, R::OneShot) => {
                N::Stick(format!("nobody knows whether `{rung}` arrived: {evidence}"))
            }
            (O::NotBegun { evidence }, _) if self.ending => N::Fail(format!(
                "it left no trace, and nothing is sent any more: {evidence}"
            )),
            // Its ticket was lost, and a person had it tried again.
            (O::NotBegun { .. }, R::Repeatable | R::SelfGuarded) if arrived => N::NewAttempt,
            (O::NotBegun { .. }, R::Repeatable | R::SelfGuarded) => N::SendAgain,
            (O::Barred { evidence }, _) => N::LeaveRung(evidence.clone()),

            (O::CannotTell { .. }, R::Repeatable) if self.settled && !arrived => N::SendAgain,
            (O::CannotTell { reason }, R::OneShot) if self.settled && self.blind => {
                let reason = format!("nobody can tell whether `{rung}` arrived: {reason}");
                // It is not sent again, and where nobody waits for it, nobody is asked.
                match self.unawaited {
                    true => N::Fail(reason),
                    false => N::Stick(reason),
                }
            }
            (O::CannotTell { reason }, _) if self.overdue => {
                N::Stick(format!("nobody can tell whether `{rung}` arrived: {reason}"))
            }
            (O::CannotTell { .. }, _) => N::NoteAndLook,
        }
    }
}

/// An attempt that ended badly, or was refused for good.
pub(super) struct Aftermath<'a> {
    /// What is known of it.
    pub(super) last: &'a AttemptState,
    /// Why it ended, in words.
    pub(super) reason: String,
    /// Whether nobody can ever see its goal.
    pub(super) blind: bool,
    /// Whether the step's timeout has passed since.
    pub(super) overdue: bool,
    /// Whether it was seen in motion without a ticket, so that nobody could hear its end.
    pub(super) sighted: bool,
    /// Whether an earlier send may have arrived and not show yet.
    pub(super) unsettled: bool,
    /// Whether its rung may be tried once more.
    pub(super) more: bool,
}

impl Aftermath<'_> {
    /// The rows of *accepted* whose ticket failed or is gone. That the goal holds was dealt with before.
    pub(super) fn next(self, seen: &Observation) -> Next {
        use {AttemptState as A, Next as N, Observation as O};
        let reason = self.reason;
        match (seen, self.last) {
            // It was believed to be over, and is not.
            (O::InMotion { .. }, A::Lost) if self.sighted => N::SightAndLook,
            (O::InMotion { .. } | O::Busy { .. }, _) => N::Look,
            (O::CannotTell { .. }, _) if !self.blind && !self.overdue => N::Look,
            (O::CannotTell { .. }, _) if !self.blind => {
                N::Stick(format!("{reason}; the world does not answer"))
            }
            _ if self.unsettled => N::Look,
            (_, A::Lost) if self.sighted => N::Stick(format!(
                "nobody saw how it ended, and its goal does not hold: {reason}"
            )),
            (_, A::Lost) => N::Stick(format!("its ticket is gone and its goal does not hold: {reason}")),
            (O::Barred { evidence }, _) => N::LeaveRung(format!("{reason}; {evidence}")),
            (_, A::Failed { retryable: true }) if self.more => N::NewAttempt,
            _ => N::LeaveRung(reason),
        }
    }
}
