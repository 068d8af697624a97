//! What came of one send? Every answer to a change is accepted, refused or unknown.

use leeward_engine::work::{Refusal, Sent};

use super::{ArmError, Reply};
use crate::governance::denied;

/// Codes that say "not now" with a status that does not.
const PASSING_CODES: &[&str] = &[
    "AnotherOperationInProgress",
    "ConflictingManagedInstanceOperation",
    "ConflictingServerOperation",
    "ConflictingSubscriptionOperation",
    "FailoverGroupBusy",
    "InstanceFailoverGroupBusy",
    "ManagedInstanceFailoverThrottled",
    "ManagedInstanceOperationInProgress",
    "ManagedInstanceUpdateSloInProgress",
    "ManagementServiceDatabaseBusy",
    "OperationInterrupted",
    "ResourceGroupBeingDeleted",
    "RetryableError",
    "RetryableErrorDueToAnotherOperation",
    "StorageAccountIsNotProvisioned",
    "StorageAccountOperationInProgress",
    "UpdateSloInProgress",
    // A fresh identity or role spreads for some minutes.
    "PrincipalNotFound",
];

/// 409 codes that say "never", whatever the status suggests.
const LASTING_CODES: &[&str] = &["FailoverGroupAlreadySetup", "ScopeLocked", "RoleAssignmentExists"];

/// Returns whether a refusal may pass by itself. A kind that knows better changes
/// [`Refusal::passing`] of what it got.
pub fn may_pass(status: u16, code: &str) -> bool {
    let is = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(code));
    if is(LASTING_CODES) {
        return false;
    }
    matches!(status, 401 | 409 | 429) || is(PASSING_CODES)
}

/// Sorts the answer to a change. `Ok` is 2xx.
#[allow(
    clippy::result_large_err,
    reason = "a send is rare, and its answer is the engine's own type"
)]
pub(crate) fn sort(reply: Reply) -> Result<Reply, Sent> {
    if reply.succeeded() {
        return Ok(reply);
    }
    let error = ArmError::of(&reply);
    match reply.status {
        400 | 401 | 403 | 404 | 409 | 412 | 429 => Err(Sent::Refused(Refusal {
            status: error.status,
            passing: may_pass(error.status, &error.code),
            message: denied::explained(&error.code, &error.message),
            code: error.code,
            retry_after: error.retry_after,
        })),
        // A redirect is not followed, and a 5xx may come after the change was made.
        status => Err(Sent::Unanswered {
            reason: format!("HTTP {status} {}: {}", error.code, error.message),
        }),
    }
}

/// Returns what was sent, changed by a kind's own view of whether a refusal may pass.
pub fn with_passing(sent: Sent, judge: impl Fn(&Refusal) -> Option<bool>) -> Sent {
    match sent {
        Sent::Refused(mut refusal) => {
            if let Some(passing) = judge(&refusal) {
                refusal.passing = passing;
            }
            Sent::Refused(refusal)
        }
        sent => sent,
    }
}

/// Returns a refusal of our own: what was asked for cannot even be written down.
pub fn refused_here(code: &str, message: impl Into<String>) -> Sent {
    Sent::Refused(Refusal {
        status: 0,
        code: code.to_owned(),
        message: message.into(),
        passing: false,
        retry_after: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::result_large_err)]
    fn sorted(status: u16, code: &str) -> Result<Reply, Sent> {
        sort(Reply {
            status,
            headers: Vec::new(),
            body: json!({"error": {"code": code, "message": "m"}}),
        })
    }

    #[test]
    fn only_a_clean_no_is_called_a_refusal() {
        for status in [400, 401, 403, 404, 409, 412, 429] {
            assert!(matches!(sorted(status, "X"), Err(Sent::Refused(_))), "{status}");
        }
        for status in [100, 301, 307, 408, 405, 422, 500, 502, 503, 504] {
            assert!(
                matches!(sorted(status, "X"), Err(Sent::Unanswered { .. })),
                "{status}"
            );
        }
        for status in [200, 201, 202, 204] {
            assert!(sorted(status, "X").is_ok(), "{status}");
        }
    }

    #[test]
    fn busy_passes_and_a_lock_does_not() {
        let passing = |status, code| match sorted(status, code) {
            Err(Sent::Refused(refusal)) => refusal.passing,
            other => panic!("{other:?}"),
        };
        assert!(passing(409, "InstanceFailoverGroupBusy"));
        assert!(passing(400, "ManagedInstanceOperationInProgress"));
        assert!(passing(429, "TooManyRequests"));
        assert!(passing(401, "ExpiredAuthenticationToken"));
        assert!(!passing(409, "ScopeLocked"));
        assert!(!passing(403, "AuthorizationFailed"));
        assert!(!passing(400, "PlannedFailoverTimedOut"));
        assert!(!passing(404, "ResourceNotFound"));
    }
}
