//! The client: reads are retried by a small policy of ours, a change is sent exactly once.

use leeward_engine::{
    id::AttemptKey,
    work::{OperationUrl, Sent},
};

use super::{ArmError, Reply, Request};

/// One ARM endpoint with one credential. Cheap to clone.
#[derive(Clone)]
pub struct Arm {}

impl Arm {
    /// Reads. Retries 408, 429, 5xx and broken connections a few times, with pauses on tokio's clock.
    pub async fn read(&self, request: &Request) -> Result<Reply, ReadError> {
        let _ = request;
        Err(ReadError::Unreachable {
            reason: "not built yet".to_owned(),
        })
    }

    /// Reads every page of a list and returns the entries of `value`.
    pub async fn list(&self, request: &Request) -> Result<Vec<serde_json::Value>, ReadError> {
        let _ = request;
        Err(ReadError::Unreachable {
            reason: "not built yet".to_owned(),
        })
    }

    /// Sends a change exactly once and reads what came of it. `Err` is every outcome that is not a 2xx.
    pub async fn change(&self, request: &Request, key: &AttemptKey) -> Result<Reply, Sent> {
        let _ = (request, key);
        Err(Sent::NotSent {
            reason: "not built yet".to_owned(),
        })
    }

    /// Reads an operation URL as Azure gave it. Refuses a host other than the endpoint's.
    pub async fn follow(&self, url: &OperationUrl) -> Result<Reply, ReadError> {
        let _ = url;
        Err(ReadError::Unreachable {
            reason: "not built yet".to_owned(),
        })
    }
}

/// Why a read told nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Azure answered, with an error.
    #[error("{}: {}", .0.code, .0.message)]
    Answered(ArmError),
    /// No answer, or none that could be read.
    #[error("{reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
}
