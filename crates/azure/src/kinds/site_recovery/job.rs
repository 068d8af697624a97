//! How is a job going? Its name is what a restart finds again when the signed URL is gone.

use leeward_engine::work::{Outputs, Progress};
use serde_json::Value;

use crate::arm::{ReadError, reply::cut};

/// Reads the answer to a GET of a job.
pub(super) fn read(answer: Result<Value, ReadError>) -> Progress {
    let body = match answer {
        Ok(body) => body,
        Err(ReadError::Answered(error)) if matches!(error.status, 403 | 404 | 410) => {
            return Progress::Gone {
                reason: format!("HTTP {} {}: {}", error.status, error.code, error.message),
            };
        }
        Err(error) => {
            return Progress::Unreadable {
                reason: error.to_string(),
                look_after: None,
            };
        }
    };
    let Some(state) = text(&body, "/properties/state") else {
        return Progress::Unreadable {
            reason: "the job has no state".to_owned(),
            look_after: None,
        };
    };
    let said = text(&body, "/properties/stateDescription").unwrap_or_default();
    match state.to_ascii_lowercase().as_str() {
        // In the official example a test failover whose machine stands stays so until it is cleaned up.
        "suspended" if said.eq_ignore_ascii_case("WaitingForStopTestFailover") => Progress::Succeeded {
            warnings: Vec::new(),
            outputs: Outputs::new(),
        },
        "succeeded" => Progress::Succeeded {
            warnings: warnings(&body),
            outputs: Outputs::new(),
        },
        "failed" | "cancelled" | "canceled" => {
            let (code, message) = errors(&body).into_iter().next().unwrap_or_default();
            Progress::Failed {
                code: if code.is_empty() { cut(state) } else { code },
                message: if message.is_empty() {
                    format!("the job ended as {}", cut(state))
                } else {
                    message
                },
                retryable: false,
            }
        }
        "suspended" => Progress::Running {
            // A recovery plan waits for a manual action; nobody resumes it for them.
            word: "Suspended: the job waits for a person in the portal".to_owned(),
            percent: None,
            look_after: None,
            ticket: None,
        },
        _ => Progress::Running {
            word: cut(state),
            percent: None,
            look_after: None,
            ticket: None,
        },
    }
}

/// Returns what stands beside a success: that it is partial, and every error of the job.
pub(super) fn warnings(body: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    let said = text(body, "/properties/stateDescription").unwrap_or_default();
    if !matches!(said.to_ascii_lowercase().as_str(), "" | "completed") {
        warnings.push(format!("the job ended as {}", cut(said)));
    }
    for (code, message) in errors(body) {
        warnings.push(format!("{code}: {message}"));
    }
    warnings
}

/// Returns code and message of every error, the service's before the provider's.
fn errors(body: &Value) -> Vec<(String, String)> {
    let of_job = body.pointer("/properties/errors").and_then(Value::as_array);
    let of_tasks = body
        .pointer("/properties/tasks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|task| task.get("errors")?.as_array());
    let mut found: Vec<(String, String)> = Vec::new();
    for error in of_job.into_iter().chain(of_tasks).flatten() {
        let either = |pointers: [&str; 2]| {
            pointers
                .iter()
                .find_map(|pointer| match error.pointer(pointer)? {
                    Value::String(text) if !text.is_empty() => Some(cut(text)),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
                .unwrap_or_default()
        };
        let mut message = either([
            "/serviceErrorDetails/message",
            "/providerErrorDetails/errorMessage",
        ]);
        for (words, name) in [("causes", "possibleCauses"), ("do", "recommendedAction")] {
            let said = either([
                &format!("/serviceErrorDetails/{name}"),
                &format!("/providerErrorDetails/{name}"),
            ]);
            if !said.is_empty() {
                message.push_str(&format!(" ({words}: {said})"));
            }
        }
        let one = (
            either(["/serviceErrorDetails/code", "/providerErrorDetails/errorCode"]),
            message,
        );
        if one != (String::new(), String::new()) && !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{examples, recording};

    #[test]
    fn a_test_failover_that_waits_for_its_clean_up_has_succeeded_and_a_plan_that_waits_for_a_person_has_not()
    {
        let job = |said: &str| json!({"properties": {"state": "Suspended", "stateDescription": said}});
        let read = |said: &str| super::read(Ok(job(said)));
        let waits = read("WaitingForStopTestFailover");
        assert!(
            matches!(&waits, Progress::Succeeded { warnings, .. } if warnings.is_empty()),
            "{waits:?}"
        );
        assert!(matches!(read("WaitingForManualAction"), Progress::Running { .. }));
    }

    fn job(state: &str, description: &str, errors: Value) -> Progress {
        read(Ok(
            json!({"properties": {"state": state, "stateDescription": description, "errors": errors}}),
        ))
    }

    #[test]
    fn a_partial_success_is_a_success_with_a_warning() {
        let Progress::Succeeded { warnings, .. } = job("Succeeded", "PartiallySucceeded", json!([])) else {
            panic!();
        };
        assert_eq!(warnings, ["the job ended as PartiallySucceeded"]);
        assert!(
            matches!(job("Succeeded", "Completed", json!([])), Progress::Succeeded { warnings, .. } if warnings.is_empty())
        );
    }

    #[test]
    fn a_failed_job_says_why_and_is_not_tried_again_by_itself() {
        let errors = json!([{"serviceErrorDetails": {"code": "150097", "message": "no quota"}}]);
        match job("Failed", "Failed", errors) {
            Progress::Failed {
                code,
                message,
                retryable,
            } => {
                assert_eq!(
                    (code.as_str(), message.as_str(), retryable),
                    ("150097", "no quota", false)
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            job("Cancelled", "", Value::Null),
            Progress::Failed { .. }
        ));
        for word in ["NotStarted", "InProgress", "Suspended", "Other", "NewWord"] {
            assert!(
                matches!(job(word, "", Value::Null), Progress::Running { .. }),
                "{word}"
            );
        }
    }

    #[test]
    fn every_error_of_a_job_and_of_its_tasks_is_shown_with_its_causes_and_what_to_do() {
        let body = json!({"properties": {
            "state": "Succeeded", "stateDescription": "PartiallySucceeded",
            "errors": [{"serviceErrorDetails": {"code": "150097", "message": "no quota", "possibleCauses": "too few cores", "recommendedAction": "ask for more"}}],
            "tasks": [{"errors": [{"serviceErrorDetails": null, "providerErrorDetails": {"errorCode": 28175, "errorMessage": "renamed"}}]}],
        }});
        assert_eq!(
            warnings(&body),
            [
                "the job ended as PartiallySucceeded",
                "150097: no quota (causes: too few cores) (do: ask for more)",
                "28175: renamed",
            ]
        );
    }

    #[test]
    fn recorded_and_official_jobs_read() {
        for one in recording("asr-vault-health-jobs") {
            if one["responseBody"]["type"] == "Microsoft.RecoveryServices/vaults/replicationJobs" {
                assert!(matches!(
                    read(Ok(one["responseBody"].clone())),
                    Progress::Succeeded { .. }
                ));
            }
        }
        let folder = "recoveryservicessiterecovery/resource-manager/Microsoft.RecoveryServices/stable/2024-04-01/examples";
        if let Some(example) = examples(folder, "ReplicationJobs_Get.json") {
            let body = example["responses"]["200"]["body"].clone();
            assert!(matches!(read(Ok(body)), Progress::Succeeded { .. }));
        }
    }
}
