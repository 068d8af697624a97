//! Who goes first? Every call has a moment by which it should go; the earliest goes first.
//!
//! # Why moments and not classes
//! A strict order of classes lets a poll wait for ever while changes keep coming. A moment that is later by as much
//! as the class can spare gives the same order among calls that come together, and nobody is overtaken for longer
//! than that.

use std::time::Duration;

use leeward_runbook::plan::{Plan, PlannedStep};

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A change, and the look that it needs directly before.
    Change,
    /// A look at a goal.
    Look,
    /// Finding out what is to be done, and checks.
    Assess,
    /// A poll of what should be over by now.
    LatePoll,
    /// A poll of what has only begun.
    EarlyPoll,
}

impl Purpose {
    fn spare(self) -> Duration {
        Duration::from_secs(match self {
            Purpose::Change => 0,
            Purpose::Look => 5,
            Purpose::Assess => 10,
            Purpose::LatePoll => 20,
            Purpose::EarlyPoll => 120,
        })
    }

    /// Returns whether it may wait for a limit that is only assumed.
    pub(crate) fn heeds_assumptions(self) -> bool {
        matches!(self, Purpose::LatePoll | Purpose::EarlyPoll)
    }
}

/// What is behind the end of recovery can spare this much more than the critical path.
const BEHIND_RECOVERY: Duration = Duration::from_secs(600);

/// How urgent a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rank {
    /// What it is for.
    pub purpose: Purpose,
    /// How much longer than the critical path its step can spare.
    pub slack: Duration,
}

impl Rank {
    /// Ranks a call of no step.
    pub fn plain(purpose: Purpose) -> Rank {
        Rank {
            purpose,
            slack: Duration::ZERO,
        }
    }

    /// Ranks a call of a step: the critical path first, then what has the longest way to go.
    pub fn of(purpose: Purpose, plan: &Plan, step: &PlannedStep) -> Rank {
        let slack = match (step.critical, step.before_recovery) {
            (true, _) => Duration::ZERO,
            (false, true) => plan.forecast.saturating_sub(step.remaining).min(BEHIND_RECOVERY),
            (false, false) => BEHIND_RECOVERY,
        };
        Rank { purpose, slack }
    }

    /// Ranks it behind recovery, whatever its step: a commit delays nobody.
    pub fn behind_recovery(self) -> Rank {
        Rank {
            slack: BEHIND_RECOVERY,
            ..self
        }
    }

    /// Returns the moment by which a call that came then should go.
    pub(crate) fn due(self, came: Duration) -> Duration {
        came + self.purpose.spare() + self.slack
    }

    /// Returns the longest that anything can spare.
    #[cfg(test)]
    pub(crate) fn longest() -> Duration {
        Purpose::EarlyPoll.spare() + BEHIND_RECOVERY
    }
}
