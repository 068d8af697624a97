//! The family of programs that run on this machine. A process dies with us, so what nobody saw
//! the end of is for a person, and what failed did run: neither is ever run again by itself.

mod folder;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::kind::RepeatClass;
use serde_json::{Value, json};

use super::{
    Entry,
    checks::{self, Prover},
    foreign::foreign,
    secrets::{Opened, note_variables_of},
    settings,
};
use crate::{
    arm::refusal,
    registry::Seams,
    seams::{CommandLine, CommandOutcome, CommandRunner},
};

/// What a one-shot is given before a doubt is over; a process has no late delivery, its effects may.
const SETTLING: Duration = Duration::from_secs(150);

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let driver = RunCommand {
        commands: seams.commands.clone(),
        prover: Prover::new(seams),
    };
    vec![("run.command", Arc::new(driver) as Arc<dyn Driver>)]
}

/// Drives `run.command`.
struct RunCommand {
    commands: Arc<dyn CommandRunner>,
    prover: Prover,
}

fn arguments(settings: &Value) -> Result<Vec<String>, DriverError> {
    let list = settings.get("command").and_then(Value::as_array);
    let words: Option<Vec<String>> = list.and_then(|list| {
        list.iter()
            .map(|word| match word {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(flag) => Some(flag.to_string()),
                _ => None,
            })
            .collect()
    });
    words
        .filter(|words| words.first().is_some_and(|program| !program.is_empty()))
        .ok_or_else(|| DriverError::Impossible {
            reason: "`command` is not a list of a program and its arguments".to_owned(),
        })
}

#[async_trait]
impl Driver for RunCommand {
    fn targets(&self, _context: &Context) -> Vec<String> {
        Vec::new()
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let words = arguments(&context.settings)?;
        let goal = checks::goal(context, "a command")?;
        folder::check(context)?;
        let program = words.first().map(String::as_str).unwrap_or_default();
        Ok(Assessment {
            summary: format!("`{program}` runs here, with {} arguments", words.len() - 1),
            operations: vec![Operation {
                id: OperationId::new("run"),
                target: format!("`{program}` on this machine"),
                goal: match goal {
                    Some(check) => format!("{} passes", check.kind),
                    None => format!("`{program}` ended with exit code 0"),
                },
                after: Vec::new(),
                phase: Phase::Main,
                rungs: vec![Rung {
                    name: "only".to_owned(),
                    repeat: match context.step.repeat_safe {
                        true => RepeatClass::Repeatable,
                        false => RepeatClass::OneShot,
                    },
                    settling: SETTLING,
                    within: None,
                    lossy: false,
                    beside: false,
                    skip: None,
                }],
                observable: goal.is_some(),
                payload: Value::Null,
            }],
            ..Assessment::default()
        })
    }

    async fn observe(&self, context: &Context, _operation: &Operation) -> Observation {
        let check = match checks::goal(context, "a command") {
            Ok(Some(check)) => check,
            Ok(None) => {
                return Observation::CannotTell {
                    reason: "the step has no goal to look at".to_owned(),
                };
            }
            Err(error) => {
                return Observation::CannotTell {
                    reason: error.to_string(),
                };
            }
        };
        let probe = self.prover.probe(&check.kind, &check.settings).await;
        match probe.passed {
            true => Observation::Holds {
                evidence: probe.evidence,
                ours: false,
                outputs: Outputs::new(),
            },
            false => Observation::NotBegun {
                evidence: probe.evidence,
            },
        }
    }

    async fn begin(&self, context: &Context, _: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        let words = match arguments(&context.settings) {
            Ok(words) => words,
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        // Of what the runbook calls a secret the program sees what its own `env` gives it, and nothing else.
        note_variables_of(&context.plan);
        let mut opened = Opened::default();
        let environment: BTreeMap<String, String> = match opened.table(context.settings.get("env")) {
            Ok(pairs) => pairs.into_iter().collect(),
            Err(error) => return refusal::refused_here("SecretNotReadable", error.to_string()),
        };
        // It lives as long as the program does.
        let folder = match folder::lay_out(context) {
            Ok(folder) => folder,
            Err(error) => return refusal::refused_here("FilesNotReadable", error),
        };
        let command = CommandLine {
            arguments: words,
            environment,
            folder: Some(folder.path().to_owned()),
            input: settings::optional_text(&context.settings, "input").map(str::to_owned),
            within: context.step.timeout,
            start_before: key.send_before,
        };
        match self.commands.run(&command).await {
            CommandOutcome::Ended {
                code: Some(0),
                output,
            } => Sent::Finished {
                outputs: outputs(0, foreign(&output, &opened)),
                warnings: Vec::new(),
            },
            // It did run. A refusal would say that it did not; the ticket holds how it ended.
            CommandOutcome::Ended { code, output } => Sent::Accepted {
                ticket: Ticket {
                    status_url: None,
                    location: None,
                    job: None,
                    detail: json!({"exit-code": code, "output": foreign(&output, &opened)}),
                    look_after: Some(Duration::ZERO),
                },
            },
            CommandOutcome::NotStarted { reason } => Sent::NotSent {
                reason: opened.hide(&reason),
            },
            CommandOutcome::Lost { reason } => Sent::Unanswered {
                reason: opened.hide(&reason),
            },
        }
    }

    /// Reads how it ended from the ticket: there is nobody left to ask.
    async fn poll(&self, context: &Context, _: &Operation, ticket: &Ticket) -> Progress {
        let Some(code) = ticket.detail.get("exit-code") else {
            return Progress::Gone {
                reason: "the ticket does not say how the program ended".to_owned(),
            };
        };
        let output = ticket.detail["output"].as_str().unwrap_or_default();
        let how = match code.as_i64() {
            Some(code) => format!("it ended with exit code {code}"),
            None => "a signal ended it".to_owned(),
        };
        Progress::Failed {
            code: "ExitStatus".to_owned(),
            message: match output.is_empty() {
                true => how,
                false => format!("{how}\n{output}"),
            },
            retryable: context.step.repeat_safe,
        }
    }
}

fn outputs(code: i32, output: String) -> Outputs {
    Outputs::from([
        ("exit-code".to_owned(), json!(code)),
        ("output".to_owned(), json!(output)),
    ])
}

#[cfg(test)]
mod tests;
