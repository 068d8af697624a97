//! How the engine reaches one kind of step, and what both sides promise.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use leeward_runbook::plan::{Check, Plan, PlannedStep};
use serde_json::Value;

use crate::{
    id::{AttemptKey, RunId},
    work::{Assessment, Loss, Observation, Operation, Probe, Progress, Sent, Ticket},
};

/// What a driver is told about the step it works for.
#[derive(Clone)]
pub struct Context {
    /// The run, for correlation.
    pub run: RunId,
    /// The whole plan: regions, journey, parameters.
    pub plan: Arc<Plan>,
    /// The step, as planned, with the settings of its goal resolved.
    pub step: Arc<PlannedStep>,
    /// The step's `settings` with every expression resolved; likewise `source` and `target`.
    pub settings: Arc<Value>,
    /// The resolved `at` of the side that serves before the move.
    pub source: Arc<Value>,
    /// The resolved `at` of the side that takes over.
    pub target: Arc<Value>,
    /// Whether requests may go to the region that served.
    pub source_region: SourceRegion,
    /// When the outage began, as declared; nothing where none was. Writes after it are nobody's loss.
    pub outage_since: Option<Timestamp>,
    /// The files that the plan pinned.
    pub files: Arc<dyn Files>,
}

/// Whether requests may go to the region that served before the move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceRegion {
    /// It is believed to answer.
    Open,
    /// The outage was declared and recovery is not reached: no request goes there.
    Closed,
    /// The outage was declared but recovery is reached: it may be tried, briefly.
    Tried,
}

/// The files of a plan, by their path in the runbook's folder.
pub trait Files: Send + Sync {
    /// Returns the bytes that the plan pinned, or nothing where the plan pinned no such path.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
}

/// One kind of step against one kind of resource.
///
/// **The engine guarantees** that the intent is durable before `begin` runs, that an `observe`
/// not older than five seconds came first, and that `begin` runs once for each key.
/// **The engine assumes** that `begin` sends exactly one changing request (Azure has no
/// idempotency key), that nothing else ever sends one, and that every read ends by itself.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Returns the targets of the step: case-folded resource ids and whatever shares their fate. Asks nobody.
    fn targets(&self, context: &Context) -> Vec<String>;

    /// Measures what could be lost. Reads only; runs at the start of a run, before any gate.
    async fn measure(&self, context: &Context) -> Result<Vec<Loss>, DriverError> {
        let _ = context;
        Ok(Vec::new())
    }

    /// Finds out what must be changed and what stands in the way. Reads only.
    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError>;

    /// Waits until a change of this operation may go out. It comes before the look that the send
    /// needs, so that nobody looks again and again while waiting. Asks nobody and changes nothing;
    /// a turn that is not used is given back by whoever gave it. `waits` hears once about how long
    /// it takes, where that is worth a word. At once, where nothing limits how often one may ask.
    async fn turn(&self, context: &Context, operation: &Operation, waits: &(dyn Fn(Duration) + Send + Sync)) {
        let _ = (context, operation, waits);
    }

    /// Reads whether an operation's goal holds. Never changes anything.
    async fn observe(&self, context: &Context, operation: &Operation) -> Observation;

    /// Sends exactly one changing request.
    async fn begin(&self, context: &Context, operation: &Operation, rung: &str, key: &AttemptKey) -> Sent;

    /// Asks how a started change is going.
    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress;

    /// Probes once, for the `check.*` kinds. `context.settings` are those of the step that asks.
    async fn probe(&self, context: &Context, check: &Check) -> Probe {
        let _ = context;
        Probe {
            passed: false,
            evidence: format!("`{}` is not a check", check.kind),
        }
    }
}

/// Finds the driver of a kind.
pub trait Drivers: Send + Sync {
    /// Returns the driver, or nothing where the kind has none.
    fn of(&self, kind: &str) -> Option<Arc<dyn Driver>>;
}

/// Why a read told nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// The cloud said no: a missing resource, a denied permission.
    #[error("{what}: {code}: {message}")]
    Refused {
        /// What was asked, for people.
        what: String,
        /// Azure's code.
        code: String,
        /// Azure's message, cut.
        message: String,
        /// Whether it may pass by itself (429, a role that spreads).
        passing: bool,
    },
    /// The cloud did not answer in time, or not readably.
    #[error("{what}: {reason}")]
    Unreachable {
        /// What was asked, for people.
        what: String,
        /// Why there is no answer.
        reason: String,
    },
    /// The world is such that the step cannot be done; waiting does not help.
    #[error("{reason}")]
    Impossible {
        /// Why.
        reason: String,
    },
}
