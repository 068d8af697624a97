//! Who asks again, and when? A loop for programs that have no engine of their own.

use std::time::Duration;

use leeward_engine::work::{Progress, Ticket};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::result::{FinalState, Polled, poll_with_result};
use crate::arm::Arm;

/// How often is asked where Azure does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The pause where Azure names none: 30 s, as the official client does.
    pub usual: Duration,
    /// No pause is shorter than this, whatever Azure names.
    pub least: Duration,
    /// No pause is longer than this, whatever Azure names.
    pub most: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            usual: Duration::from_secs(30),
            least: Duration::from_millis(10),
            most: Duration::from_secs(600),
        }
    }
}

/// How the waiting ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// It succeeded, Azure says.
    Succeeded {
        /// An `error` beside the success, a result that could not be read.
        warnings: Vec<String>,
        /// The body behind [`FinalState`], where there is one.
        result: Option<Value>,
    },
    /// It failed or was cancelled, Azure says.
    Failed {
        /// Azure's code.
        code: String,
        /// Azure's message, cut.
        message: String,
    },
    /// Azure no longer knows the ticket. Look at the resource; never send the change again because of this.
    Gone {
        /// What the answer was.
        reason: String,
    },
    /// Our patience is over, not the operation: it goes on, and [`Poller::ticket`] finds it again.
    StillRunning {
        /// What the last poll said.
        last: Progress,
    },
}

/// Asks how an operation is going until it has ended, on tokio's clock.
///
/// Nothing here changes anything: every request is a read. Dropping it stops the asking, not the
/// operation.
pub struct Poller<'a> {
    arm: &'a Arm,
    ticket: Ticket,
    final_state: FinalState,
    pace: Pace,
    patience: Option<Duration>,
}

impl<'a> Poller<'a> {
    /// Takes a ticket up.
    pub fn new(arm: &'a Arm, ticket: Ticket) -> Poller<'a> {
        Poller {
            arm,
            ticket,
            final_state: FinalState::Status,
            pace: Pace::default(),
            patience: None,
        }
    }

    /// Says where the result stands; see [`FinalState::of`].
    pub fn final_state(mut self, final_state: FinalState) -> Poller<'a> {
        self.final_state = final_state;
        self
    }

    /// Sets how often is asked.
    pub fn pace(mut self, pace: Pace) -> Poller<'a> {
        self.pace = pace;
        self
    }

    /// Sets how long [`Poller::wait`] waits at most; for ever where nothing is said.
    pub fn patience(mut self, patience: Duration) -> Poller<'a> {
        self.patience = Some(patience);
        self
    }

    /// Returns the newest ticket: this is what a restart needs.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Asks once, and takes a renewed ticket up.
    pub async fn step(&mut self) -> Polled {
        let polled = poll_with_result(self.arm, &self.ticket, &self.final_state).await;
        if let Progress::Running {
            ticket: Some(newer), ..
        } = &polled.progress
        {
            self.ticket = newer.clone();
        }
        polled
    }

    /// Asks until there is an end, and tells of every poll, with the ticket to keep from then on.
    pub async fn wait(&mut self, mut told: impl FnMut(&Ticket, &Progress)) -> Ended {
        let end = self.patience.map(|patience| Instant::now() + patience);
        let mut next = self.pause(self.ticket.look_after);
        let mut last = Progress::Unreadable {
            reason: "it was not asked yet".to_owned(),
            look_after: None,
        };
        loop {
            let at = Instant::now() + next;
            if end.is_some_and(|end| at > end) {
                return Ended::StillRunning { last };
            }
            sleep_until(at).await;
            let polled = self.step().await;
            told(&self.ticket, &polled.progress);
            next = match &polled.progress {
                Progress::Succeeded { warnings, .. } => {
                    return Ended::Succeeded {
                        warnings: warnings.clone(),
                        result: polled.result,
                    };
                }
                Progress::Failed { code, message, .. } => {
                    return Ended::Failed {
                        code: code.clone(),
                        message: message.clone(),
                    };
                }
                Progress::Gone { reason } => {
                    return Ended::Gone {
                        reason: reason.clone(),
                    };
                }
                Progress::Running { look_after, .. } | Progress::Unreadable { look_after, .. } => {
                    self.pause(*look_after)
                }
            };
            last = polled.progress;
        }
    }

    fn pause(&self, asked: Option<Duration>) -> Duration {
        let Pace { usual, least, most } = self.pace;
        asked.unwrap_or(usual).min(most).max(least)
    }
}
