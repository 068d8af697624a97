//! What drivers tell the engine: operations, rungs, losses, observations, tickets. All of it
//! can stand in the journal.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::Timestamp;
use leeward_runbook::{kind::RepeatClass, units};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::OperationId;

/// The values that a step leaves for others.
pub type Outputs = BTreeMap<String, Value>;

/// What a driver found out before a change: the small graph of operations, and what stands in the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// One line for people: roles, health, lag.
    pub summary: String,
    /// What must be changed, dependencies first. Empty where nothing is to be changed.
    pub operations: Vec<Operation>,
    /// How many operations of [`Phase::Main`] must reach their goal; all of them when not said. Those that another one
    /// comes after only prepare for it and are not counted.
    #[serde(default)]
    pub at_least: Option<usize>,
    /// What can be lost, measured now. One row a store.
    #[serde(default)]
    pub losses: Vec<Loss>,
    /// Things worth knowing that stop nothing.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Outputs known already, also where nothing is to be changed.
    #[serde(default)]
    pub outputs: Outputs,
}

/// One change with an absolute goal and the ways to reach it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name within the step.
    pub id: OperationId,
    /// The resource it changes, for people and for the list of claims.
    pub target: String,
    /// Its goal in words, absolute: `northeurope is primary of fog-platform`.
    pub goal: String,
    /// Operations of the same step that must have reached their goal first.
    #[serde(default)]
    pub after: Vec<OperationId>,
    /// When in the step's life it is due.
    pub phase: Phase,
    /// The ways, gentlest first; never empty.
    pub rungs: Vec<Rung>,
    /// Whether `observe` can ever tell. Where not, the first send goes out unseen and a lost answer is for a person.
    #[serde(default = "yes")]
    pub observable: bool,
    /// Whatever the driver needs to do it again after a restart. Never a secret.
    #[serde(default)]
    pub payload: Value,
}

fn yes() -> bool {
    true
}

/// When in a step's life an operation is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before `verify`; the step is not done without it.
    Main,
    /// Once the step is done and the run has reached recovery; delays nobody.
    AfterRecovery,
    /// At the end of a drill, whatever happened; also when the run is cancelled.
    CleanUp,
}

/// One way to reach an operation's goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// `planned`, `forced`, …; `only` where there is one way.
    pub name: String,
    /// What a second send would mean.
    pub repeat: RepeatClass,
    /// How long an accepted change may stay invisible to reads.
    #[serde(with = "units::duration")]
    pub settling: Duration,
    /// How long we wait before the next rung is offered.
    #[serde(with = "units::optional_duration", default)]
    pub within: Option<Duration>,
    /// Whether it can lose data: its figure stands in the table of losses under this rung's name.
    pub lossy: bool,
    /// Whether Azure refuses it cleanly while an earlier rung is in motion, so that it may be sent beside one.
    pub beside: bool,
    /// Why it cannot be used here and now, known beforehand.
    #[serde(default)]
    pub skip: Option<String>,
}

impl Rung {
    /// Makes one that loses nothing, is waited for as long as its step, and stands in nobody's way.
    pub fn new(name: impl Into<String>, repeat: RepeatClass, settling: Duration) -> Rung {
        Rung {
            name: name.into(),
            repeat,
            settling,
            within: None,
            lossy: false,
            beside: false,
            skip: None,
        }
    }
}

/// One row of the table of losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// The store: `platform-sql/fog-platform`, `message-broker/vm-rabbit-1`.
    pub store: String,
    /// What each rung would lose; a rung that is not listed loses nothing.
    pub by_rung: BTreeMap<String, Figure>,
    /// Where the figure comes from, or why there is none.
    pub source: String,
    /// The moment that the figure speaks of.
    #[serde(default)]
    pub as_of: Option<Timestamp>,
}

/// How much can be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Nothing.
    Nothing,
    /// Writes of this long before the cut, at most.
    UpTo(#[serde(with = "units::duration")] Duration),
    /// Nobody can tell.
    Unknown,
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Figure::Nothing => out.write_str("nothing"),
            Figure::UpTo(time) => write!(out, "up to {}", units::show_duration(*time)),
            Figure::Unknown => out.write_str("unknown"),
        }
    }
}

/// What a read of the world says about an operation's goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "seen")]
pub enum Observation {
    /// The goal holds.
    Holds {
        /// What was read, for people.
        evidence: String,
        /// Whether a witness says that one of our own requests did it.
        ours: bool,
        /// Outputs that the resource shows now.
        #[serde(default)]
        outputs: Outputs,
    },
    /// The same verb in the same direction is in motion.
    InMotion {
        /// What was read, for people.
        evidence: String,
        /// Its ticket, where one can be had without guessing.
        #[serde(default)]
        ticket: Option<Ticket>,
    },
    /// Something else is in motion or in the way for a while; wait and look again.
    Busy {
        /// What was read, for people.
        evidence: String,
    },
    /// The goal does not hold and nothing moves.
    NotBegun {
        /// What was read, for people.
        evidence: String,
    },
    /// The goal does not hold and this rung cannot reach it from here; only a person or another rung can help.
    Barred {
        /// What stands in the way.
        evidence: String,
    },
    /// The world did not answer, or answered something that tells nothing.
    CannotTell {
        /// Why.
        reason: String,
    },
}

/// How a started change is found again after a restart.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The operation's status URL (`Azure-AsyncOperation`), whole.
    #[serde(default)]
    pub status_url: Option<OperationUrl>,
    /// The `Location` URL, whole.
    #[serde(default)]
    pub location: Option<OperationUrl>,
    /// A durable name, such as a Site Recovery job's GUID.
    #[serde(default)]
    pub job: Option<String>,
    /// Anything else that the driver needs to poll.
    #[serde(default)]
    pub detail: Value,
    /// When Azure said to look first.
    #[serde(with = "units::optional_duration", default)]
    pub look_after: Option<Duration>,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ticket")
            .field("status_url", &self.status_url)
            .field("location", &self.location)
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

/// A signed URL: stored whole, shown as host and path only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationUrl(String);

impl OperationUrl {
    /// Wraps a URL as Azure gave it, untouched.
    pub fn new(url: impl Into<String>) -> OperationUrl {
        OperationUrl(url.into())
    }

    /// Returns the whole URL. Only for the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.split('?').next().unwrap_or_default();
        write!(
            out,
            "{shown}{}",
            if shown.len() < self.0.len() { "?…" } else { "" }
        )
    }
}

impl fmt::Debug for OperationUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// What came of one send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Sent {
    /// 2xx, and the work goes on behind a ticket.
    Accepted {
        /// How to find it again.
        ticket: Ticket,
    },
    /// 2xx, and the work is finished.
    Finished {
        /// What the answer showed.
        #[serde(default)]
        outputs: Outputs,
        /// An `error` beside a success, a partial success.
        #[serde(default)]
        warnings: Vec<String>,
    },
    /// Azure said no, and nothing was begun.
    Refused(Refusal),
    /// Nobody knows whether it arrived.
    Unanswered {
        /// Timeout, reset, 5xx, …
        reason: String,
    },
    /// It was never written to the socket, and never will be: `send_before` had passed, or no connection.
    NotSent {
        /// Why.
        reason: String,
    },
}

/// A clean no.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status, or 0 where there was none.
    pub status: u16,
    /// Azure's code, such as `FailoverGroupBusy`.
    pub code: String,
    /// Azure's message, cut and marked as foreign text.
    pub message: String,
    /// Whether the same request may be welcome later (429, busy, a role that spreads).
    pub passing: bool,
    /// How long Azure asked us to wait.
    #[serde(with = "units::optional_duration", default)]
    pub retry_after: Option<Duration>,
}

/// What a poll of a ticket says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "progress")]
pub enum Progress {
    /// Still going.
    Running {
        /// Azure's own word.
        word: String,
        /// 0 to 100, where told.
        #[serde(default)]
        percent: Option<u8>,
        /// When to look again.
        #[serde(with = "units::optional_duration", default)]
        look_after: Option<Duration>,
        /// A newer ticket, where Azure gave one.
        #[serde(default)]
        ticket: Option<Ticket>,
    },
    /// It succeeded, Azure says. The goal is looked at all the same.
    Succeeded {
        /// An `error` beside a success, a partial success.
        #[serde(default)]
        warnings: Vec<String>,
        /// What the answer showed.
        #[serde(default)]
        outputs: Outputs,
    },
    /// It failed or was cancelled, Azure says.
    Failed {
        /// Azure's code.
        code: String,
        /// Azure's message, cut and marked as foreign text.
        message: String,
        /// Whether the kind calls this failure worth a new attempt.
        retryable: bool,
    },
    /// The ticket is no longer known (404, 410, 403, expired).
    Gone {
        /// What the answer was.
        reason: String,
    },
    /// The status could not be read; that says nothing about the operation.
    Unreadable {
        /// Why.
        reason: String,
        /// When to look again.
        #[serde(with = "units::optional_duration", default)]
        look_after: Option<Duration>,
    },
}

/// What a check saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Whether what was expected is true now.
    pub passed: bool,
    /// What was seen, for people.
    pub evidence: String,
}
