//! One poll over the wire, and the result of an operation that has succeeded.

use leeward_engine::work::{OperationUrl, Progress, Ticket};
use serde_json::Value;

use super::read::{read_location, read_resource, read_status};
use crate::arm::{Arm, Method, ReadError, Reply, Request};

/// Where the final result of a finished operation stands.
#[derive(Clone, Debug, PartialEq)]
pub enum FinalState {
    /// Nowhere; the status is all there is.
    Status,
    /// Behind the `Location` URL of the first answer.
    Location,
    /// The resource itself.
    Resource(Request),
}

impl FinalState {
    /// Returns where the official client looks: by the specification's `final-state-via`, where it
    /// says one, else by the verb. For PUT and PATCH, whatever it says of a status URL, it is the resource.
    pub fn of(request: &Request, via: Option<&str>) -> FinalState {
        let resource = || {
            let mut read = Request::get(request.path.clone(), request.api_version.clone());
            read.query.clone_from(&request.query);
            FinalState::Resource(read)
        };
        match (request.method, via) {
            (_, Some("location")) => FinalState::Location,
            (Method::Put | Method::Patch, _) => resource(),
            (_, Some("original-uri")) => resource(),
            (_, Some("azure-async-operation" | "operation-location")) => FinalState::Status,
            (Method::Post, _) => FinalState::Location,
            _ => FinalState::Status,
        }
    }
}

/// What a poll found, with the final result where one was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// How it goes.
    pub progress: Progress,
    /// The body behind [`FinalState`], once it succeeded and could be read.
    pub result: Option<Value>,
}

/// Polls once.
pub async fn poll_once(arm: &Arm, ticket: &Ticket, final_state: &FinalState) -> Progress {
    poll_with_result(arm, ticket, final_state).await.progress
}

/// Polls once and reads the final result where the operation has succeeded.
pub async fn poll_with_result(arm: &Arm, ticket: &Ticket, final_state: &FinalState) -> Polled {
    let only = |progress| Polled {
        progress,
        result: None,
    };
    let (progress, body) = if let Some(url) = &ticket.status_url {
        match follow(arm, url).await {
            Ok(answer) => (read_status(answer), None),
            Err(gone) => return only(gone),
        }
    } else if let Some(url) = &ticket.location {
        match follow(arm, url).await {
            Ok(answer) => {
                let body = body_of(&answer);
                (read_location(ticket, answer), body)
            }
            Err(gone) => return only(gone),
        }
    } else if let Some(request) = resource_of(ticket) {
        let answer = arm.read(&request).await;
        let body = body_of(&answer);
        (read_resource(answer), body)
    } else {
        let reason = "the ticket names nothing that could be asked".to_owned();
        (Progress::Gone { reason }, None)
    };
    let Progress::Succeeded {
        mut warnings,
        outputs,
    } = progress
    else {
        return only(progress);
    };
    let last = match final_state {
        FinalState::Location => match (&ticket.status_url, &ticket.location) {
            (Some(_), Some(url)) => Some(arm.follow(url).await),
            _ => None,
        },
        FinalState::Resource(request) => Some(arm.read(request).await),
        FinalState::Status => None,
    };
    let result = match last {
        Some(Ok(reply)) => Some(reply.body),
        Some(Err(error)) => {
            warnings.push(format!("it succeeded, but its result could not be read: {error}"));
            None
        }
        None => body,
    };
    Polled {
        progress: Progress::Succeeded { warnings, outputs },
        result: result.filter(|body| !body.is_null()),
    }
}

/// Follows a URL of a ticket. One that leads to another host will never answer us: the ticket is gone.
async fn follow(arm: &Arm, url: &OperationUrl) -> Result<Result<Reply, ReadError>, Progress> {
    if let Err(reason) = arm.endpoint().pin(url.expose()) {
        return Err(Progress::Gone { reason });
    }
    Ok(arm.follow(url).await)
}

fn body_of(answer: &Result<Reply, ReadError>) -> Option<Value> {
    answer.as_ref().ok().map(|reply| reply.body.clone())
}

/// Returns the ticket's resource, where it is polled by that.
pub(super) fn resource_of(ticket: &Ticket) -> Option<Request> {
    let path = ticket.detail.get("resource")?.as_str()?;
    let version = ticket.detail.get("api-version")?.as_str()?;
    Some(Request::get(path, version))
}
