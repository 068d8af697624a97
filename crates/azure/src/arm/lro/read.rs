//! What does one poll say? Pure: an answer in, progress out.

use leeward_engine::work::{OperationUrl, Outputs, Progress, Ticket};
use serde_json::Value;

use crate::arm::{ArmError, ReadError, Reply, reply, reply::read_error};

/// Reads the answer of an `Azure-AsyncOperation` URL. The body decides, whatever the 2xx: some
/// providers answer 202 all along.
pub fn read_status(answer: Result<Reply, ReadError>) -> Progress {
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) => return read_failure(error),
    };
    let Some(word) = reply.text("/status").or_else(|| state_of(&reply)) else {
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
    let word = reply.text("/status").or_else(|| state_of(&reply));
    Progress::Running {
        word: reply::cut(word.unwrap_or("InProgress")),
        percent: percent_of(&reply.body),
        look_after: reply.retry_after(),
        ticket: renewed,
    }
}

/// Reads a resource whose provisioning state tells.
pub fn read_resource(answer: Result<Reply, ReadError>) -> Progress {
    match answer {
        Ok(reply) => match state_of(&reply) {
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

#[derive(PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
}

/// Returns the end that a word means; every word that is not known means running.
pub(super) fn end_of(word: &str) -> Option<End> {
    match word.trim().to_ascii_lowercase().as_str() {
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
            let error = ["/error", "/properties/error"];
            let error = error.iter().find_map(|place| reply.body.pointer(place));
            let (code, message) = error.and_then(read_error).unwrap_or_default();
            Progress::Failed {
                code: code.unwrap_or_else(|| reply::cut(word)),
                message: message.unwrap_or_else(|| format!("the operation ended as {}", reply::cut(word))),
                retryable: false,
            }
        }
        None => Progress::Running {
            word: reply::cut(word),
            percent: percent_of(&reply.body),
            look_after: reply.retry_after(),
            ticket: None,
        },
    }
}

pub(super) fn succeeded(body: &Value) -> Progress {
    Progress::Succeeded {
        warnings: warnings_of(body),
        outputs: Outputs::new(),
    }
}

/// Returns an `error` beside a success as a warning: it is none, however it looks.
pub(super) fn warnings_of(body: &Value) -> Vec<String> {
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

/// Returns a resource's own word for how it is.
pub(super) fn state_of(reply: &Reply) -> Option<&str> {
    reply.text("/properties/provisioningState")
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
