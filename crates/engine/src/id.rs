//! The names of runs, operations and attempts, and the ids that derive from them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use leeward_runbook::plan::StepId;

/// The name of a run: `r-` and a sortable id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl RunId {
    /// Makes a name that sorts by time; `salt` keeps two runs of one moment apart.
    pub fn new(at: Timestamp, salt: u32) -> RunId {
        let stamp = at.strftime("%Y%m%d-%H%M%S");
        RunId(format!("r-{stamp}-{:04x}", salt & 0xffff))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the correlation id that every request of this run carries.
    pub fn correlation(&self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("leeward/{}", self.0).as_bytes())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The name of an operation within its step, such as `failover/vm-web-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub String);

impl OperationId {
    /// Makes a name of text.
    pub fn new(text: impl Into<String>) -> OperationId {
        OperationId(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Everything that one send of one attempt needs to know about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptKey {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepId,
    /// The operation.
    pub operation: OperationId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Which send of it, from 1.
    pub send: u32,
    /// Nothing may be written to a socket after this moment of [`crate::port::Moment::uptime`].
    pub send_before: std::time::Duration,
}

impl AttemptKey {
    /// Returns the client request id: the same run, attempt and send give the same id.
    pub fn client_request_id(&self) -> Uuid {
        let name = format!("{}/{}/{}/{}", self.step, self.operation, self.attempt, self.send);
        Uuid::new_v5(&self.run.correlation(), name.as_bytes())
    }
}
