//! What did the answer to a change begin: nothing more, or an operation that goes on?

use std::time::Duration;

use leeward_engine::{
    id::{AttemptKey, OperationId, RunId, StepId},
    work::{OperationUrl, Outputs, Sent, Ticket},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::read::{End, end_of, state_of, warnings_of};
use crate::arm::{Arm, Method, Reply, Request};

/// Sends a change exactly once and reads what came of it.
///
/// Never call it again because of what it returned: read the resource first. [`Sent::Unanswered`]
/// means that the change may have arrived.
pub async fn begin(arm: &Arm, request: &Request, key: &AttemptKey) -> Sent {
    match arm.change(request, key).await {
        Ok(reply) => read_start(request, &reply),
        Err(sent) => sent,
    }
}

/// Makes the key of a change outside of any run: a request id of its own, to be written within this time.
pub fn one_off(arm: &Arm, within: Duration) -> AttemptKey {
    AttemptKey {
        run: RunId(Uuid::new_v4().to_string()),
        step: StepId::new("one-off"),
        operation: OperationId::new("one-off"),
        attempt: 1,
        send: 1,
        send_before: arm.clock().now().uptime + within,
    }
}

/// Reads the 2xx answer to a change: finished, or a ticket. In the order of the official client:
/// `Azure-AsyncOperation` with whatever 2xx, `Location` likewise, the body's provisioning state.
pub fn read_start(request: &Request, reply: &Reply) -> Sent {
    let url = |name: &str| {
        let text = reply.header(name).map(str::trim);
        text.filter(|text| !text.is_empty()).map(OperationUrl::new)
    };
    let status_url = url("azure-asyncoperation");
    let location = url("location");
    // A `Location` beside 200 may name the finished resource itself; to ask it once costs one read and says so.
    let by_state = status_url.is_none() && location.is_none();
    let unfinished = matches!(request.method, Method::Put | Method::Patch)
        && matches!(state_of(reply), Some(word) if end_of(word) != Some(End::Succeeded));
    if by_state && !unfinished {
        return Sent::Finished {
            outputs: Outputs::new(),
            warnings: warnings_of(&reply.body),
        };
    }
    let detail = match by_state {
        true => json!({"resource": request.path, "api-version": request.api_version}),
        false => Value::Null,
    };
    Sent::Accepted {
        ticket: Ticket {
            job: status_url.as_ref().and_then(job_of),
            status_url,
            location,
            detail,
            look_after: reply.retry_after(),
        },
    }
}

/// Returns the GUID at the end of a status URL: for Site Recovery it is the job's durable name.
pub fn job_of(url: &OperationUrl) -> Option<String> {
    let path = url.expose().split('?').next()?;
    let (before, last) = path.trim_end_matches('/').rsplit_once('/')?;
    let known = before.to_lowercase().ends_with("/replicationoperationstatus");
    (known && Uuid::parse_str(last).is_ok()).then(|| last.to_owned())
}
