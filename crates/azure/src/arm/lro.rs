//! Is it done yet? Read purely from values; a ticket is all that a restart needs.

use leeward_engine::work::{OperationUrl, Outputs, Progress, Sent, Ticket};
use serde_json::{Value, json};

use super::{Arm, ArmError, Method, ReadError, Reply, Request, reply::read_error};

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

/// What a poll found, with the final result where one was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// How it goes.
    pub progress: Progress,
    /// The body behind [`FinalState`], once it succeeded and could be read.
    pub result: Option<Value>,
}

/// Reads the 2xx answer to a change: finished, or a ticket. In the order of the official client:
/// `Azure-AsyncOperation` with whatever 2xx, `Location`, the body's provisioning state.
pub fn read_start(request: &Request, reply: &Reply) -> Sent {
    let url = |name: &str| reply.header(name).map(OperationUrl::new);
    let status_url = url("azure-asyncoperation");
    let location = url("location");
    let unfinished = matches!(request.method, Method::Put | Method::Patch)
        && matches!(word_of(reply), Some(word) if end_of(word) != Some(End::Succeeded));
    // A finished PUT may name the resource in `Location`; only 202 makes it an operation.
    let by_location = location.is_some() && (reply.status == 202 || reply.status == 201);
    if status_url.is_none() && !by_location && !unfinished {
        return Sent::Finished {
            outputs: Outputs::new(),
            warnings: warnings_of(&reply.body),
        };
    }
    let detail = match (&status_url, by_location) {
        (None, false) => json!({"resource": request.path, "api-version": request.api_version}),
        _ => Value::Null,
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
    (known && uuid::Uuid::parse_str(last).is_ok()).then(|| last.to_owned())
}

/// Polls once.
pub async fn poll_once(arm: &Arm, ticket: &Ticket, final_state: &FinalState) -> Progress {
    poll_with_result(arm, ticket, final_state).await.progress
}

/// Polls once and reads the final result where the operation has succeeded.
pub async fn poll_with_result(arm: &Arm, ticket: &Ticket, final_state: &FinalState) -> Polled {
    let (progress, body) = if let Some(url) = &ticket.status_url {
        (read_status(arm.follow(url).await), None)
    } else if let Some(url) = &ticket.location {
        let answer = arm.follow(url).await;
        let body = answer.as_ref().ok().map(|reply| reply.body.clone());
        (read_location(ticket, answer), body)
    } else if let Some(request) = resource_of(ticket) {
        let answer = arm.read(&request).await;
        let body = answer.as_ref().ok().map(|reply| reply.body.clone());
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
        return Polled {
            progress,
            result: None,
        };
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

/// Reads the answer of an `Azure-AsyncOperation` URL. The body decides, whatever the 2xx: some
/// providers answer 202 all along.
pub fn read_status(answer: Result<Reply, ReadError>) -> Progress {
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) => return read_failure(error),
    };
    let Some(word) = reply
        .text("/status")
        .or_else(|| reply.text("/properties/provisioningState"))
    else {
        // 204 and an empty body: the official client calls it done.
        if reply.status == 204 {
            return succeeded(&reply.body);
        }
        return Progress::Unreadable {
            reason: format!("HTTP {} without a status", reply.status),
            look_after: reply.retry_after(),
        };
    };
    by_word(word, &reply)
}

/// Reads the answer of a `Location` URL: 202 is running, another 2xx is done.
pub fn read_location(ticket: &Ticket, answer: Result<Reply, ReadError>) -> Progress {
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) => return read_failure(error),
    };
    if reply.status != 202 {
        return succeeded(&reply.body);
    }
    // Its signature may be renewed with each answer; the latest counts.
    let renewed = reply
        .header("location")
        .map(OperationUrl::new)
        .filter(|url| Some(url) != ticket.location.as_ref())
        .map(|url| Ticket {
            location: Some(url),
            ..ticket.clone()
        });
    Progress::Running {
        word: word_of(&reply).unwrap_or("InProgress").to_owned(),
        percent: percent_of(&reply.body),
        look_after: reply.retry_after(),
        ticket: renewed,
    }
}

/// Reads a resource whose provisioning state tells.
pub fn read_resource(answer: Result<Reply, ReadError>) -> Progress {
    match answer {
        Ok(reply) => match word_of(&reply) {
            Some(word) => by_word(word, &reply),
            None => succeeded(&reply.body),
        },
        // A resource that is being made may not be visible before it is done.
        Err(error) if error.is_missing() => Progress::Unreadable {
            reason: error.to_string(),
            look_after: None,
        },
        Err(error) => read_failure(error),
    }
}

/// Returns the ticket's resource, where it is polled by that.
fn resource_of(ticket: &Ticket) -> Option<Request> {
    let path = ticket.detail.get("resource")?.as_str()?;
    let version = ticket.detail.get("api-version")?.as_str()?;
    Some(Request::get(path, version))
}

#[derive(PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
}

/// Returns the end that a word means; every word that is not known means running.
fn end_of(word: &str) -> Option<End> {
    match word.to_ascii_lowercase().as_str() {
        "succeeded" => Some(End::Succeeded),
        // SQL writes it with two l.
        "failed" | "canceled" | "cancelled" => Some(End::Failed),
        _ => None,
    }
}

fn by_word(word: &str, reply: &Reply) -> Progress {
    match end_of(word) {
        Some(End::Succeeded) => succeeded(&reply.body),
        Some(End::Failed) => {
            let (code, message) = reply.body.get("error").and_then(read_error).unwrap_or_default();
            Progress::Failed {
                code: code.unwrap_or_else(|| word.to_owned()),
                message: message.unwrap_or_else(|| format!("the operation ended as {word}")),
                retryable: false,
            }
        }
        None => Progress::Running {
            word: super::reply::cut(word),
            percent: percent_of(&reply.body),
            look_after: reply.retry_after(),
            ticket: None,
        },
    }
}

fn succeeded(body: &Value) -> Progress {
    Progress::Succeeded {
        warnings: warnings_of(body),
        outputs: Outputs::new(),
    }
}

/// Returns an `error` beside a success as a warning: it is none, however it looks.
fn warnings_of(body: &Value) -> Vec<String> {
    let Some((code, message)) = body.get("error").and_then(read_error) else {
        return Vec::new();
    };
    match (code, message) {
        // Front Door says so each time.
        (Some(code), None) if code == "None" => Vec::new(),
        (Some(code), Some(message)) => vec![format!("{code}: {message}")],
        (Some(text), None) | (None, Some(text)) => vec![text],
        (None, None) => Vec::new(),
    }
}

fn percent_of(body: &Value) -> Option<u8> {
    let percent = body.get("percentComplete")?.as_f64()?;
    (0.0..=100.0).contains(&percent).then_some(percent as u8)
}

fn word_of(reply: &Reply) -> Option<&str> {
    reply
        .text("/properties/provisioningState")
        .or_else(|| reply.text("/status"))
}

/// Reads a poll that failed: that is a failure to read the status, not of the operation.
fn read_failure(error: ReadError) -> Progress {
    match error {
        ReadError::Answered(ArmError {
            status: status @ (403 | 404 | 410),
            code,
            message,
            ..
        }) => Progress::Gone {
            reason: format!("HTTP {status} {code}: {message}"),
        },
        ReadError::Answered(error) => Progress::Unreadable {
            reason: format!("HTTP {} {}: {}", error.status, error.code, error.message),
            look_after: error.retry_after,
        },
        ReadError::Unreachable { reason } => Progress::Unreadable {
            reason,
            look_after: None,
        },
    }
}

#[cfg(test)]
mod tests;
