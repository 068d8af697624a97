//! How is a script run on a machine, and how is its end found again? By a run command with a name of its own for each
//! send: whoever comes after a lost answer looks for that name, and nothing is sent because nobody answered.

use std::time::Duration;

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use serde_json::{Value, json};

use super::{
    asked::{self, Asked},
    view::{self, Ended, Machine, Standing},
};
use crate::{
    arm::{Arm, ReadError, lro, path::folded, refusal, reply::cut},
    kinds::{
        checks::{self, Prover},
        foreign::foreign,
        secrets::Opened,
    },
    registry::Seams,
};

/// A request that arrives late, a read that is stale.
const SETTLING: Duration = Duration::from_secs(150);
const RUN: &str = "run";
const REMOVE: &str = "remove";

/// Drives `azure.vm.run-command`.
pub(super) struct RunCommand {
    arm: Arm,
    prover: Prover,
}

/// One run command of this step of this run, and how it stands.
struct Own {
    name: String,
    standing: Standing,
}

/// Those that are on the machine, the newest first.
type Owns = Vec<Own>;

impl RunCommand {
    pub(super) fn new(seams: &Seams) -> RunCommand {
        RunCommand {
            arm: seams.arm.clone(),
            prover: Prover::new(seams),
        }
    }

    /// Looks at one run command; nothing where it is not there.
    async fn look(&self, arm: &Arm, asked: &Asked, name: &str) -> Result<Option<Standing>, ReadError> {
        let request = asked.one(name).map_err(ReadError::unreachable)?;
        match arm.read(&request).await {
            Ok(reply) => Ok(Some(view::standing(&reply.body, &asked.expect))),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the run commands of this step of this run.
    async fn own(&self, arm: &Arm, context: &Context, asked: &Asked) -> Result<Owns, ReadError> {
        let prefix = asked::prefix(&context.run, &context.step.id);
        let mut names: Vec<((u32, u32), String)> = arm
            .list(&asked.all())
            .await?
            .iter()
            .filter_map(|one| {
                let name = view::name(one)?;
                Some((asked::number(name, &prefix)?, name.to_owned()))
            })
            .collect();
        names.sort_by(|one, other| other.cmp(one));
        let mut own = Owns::new();
        for (_, name) in names {
            if let Some(standing) = self.look(arm, asked, &name).await? {
                own.push(Own { name, standing });
            }
        }
        Ok(own)
    }

    async fn observe_run(&self, context: &Context, asked: &Asked, own: Owns) -> Observation {
        let machine = &asked.machine;
        if let Some(going) = own.iter().find(|one| matches!(one.standing, Standing::Going(_))) {
            return Observation::InMotion {
                evidence: format!("run command {} is on {machine} and has not ended", going.name),
                ticket: Some(ticket_of(&going.name)),
            };
        }
        let well = own.iter().find_map(|one| match &one.standing {
            Standing::Well(ended) => Some((&one.name, ended)),
            _ => None,
        });
        if let Some(check) = checks::goal(context, "a script").ok().flatten() {
            let probe = self.prover.probe(&check.kind, &check.settings).await;
            return match probe.passed {
                true => Observation::Holds {
                    evidence: probe.evidence,
                    ours: well.is_some(),
                    outputs: well.map_or_else(Outputs::new, |(_, ended)| outputs(context, ended)),
                },
                false => Observation::NotBegun {
                    evidence: probe.evidence,
                },
            };
        }
        if let Some((name, ended)) = well {
            return Observation::Holds {
                evidence: format!("run command {name} on {machine}: {}", cut(&ended.how)),
                ours: true,
                outputs: outputs(context, ended),
            };
        }
        match own.first().map(|one| (&one.name, &one.standing)) {
            None => Observation::NotBegun {
                evidence: format!("no run command of this run is on {machine}"),
            },
            Some((name, Standing::Badly(ended))) => Observation::NotBegun {
                evidence: format!("run command {name} on {machine}: {}", told(context, ended)),
            },
            Some((name, _)) => Observation::CannotTell {
                reason: format!(
                    "run command {name} on {machine} ended, and nobody says with which exit code"
                ),
            },
        }
    }

    fn observe_removal(asked: &Asked, own: &Owns) -> Observation {
        let machine = &asked.machine;
        if let Some(going) = own.iter().find(|one| matches!(one.standing, Standing::Going(_))) {
            // To take it away would end it.
            return Observation::Busy {
                evidence: format!("run command {} on {machine} has not ended", going.name),
            };
        }
        match own.iter().find(|one| matches!(one.standing, Standing::Well(_))) {
            Some(left) => Observation::NotBegun {
                evidence: format!("run command {} did its work and is still on {machine}", left.name),
            },
            None => Observation::Holds {
                evidence: format!("no run command of this run that did its work is on {machine}"),
                ours: false,
                outputs: Outputs::new(),
            },
        }
    }

    async fn begin_run(
        &self,
        context: &Context,
        asked: &Asked,
        operation: &Operation,
        key: &AttemptKey,
    ) -> Sent {
        let Some(location) = operation.payload["location"].as_str() else {
            return refusal::refused_here(
                "InvalidPayload",
                "the operation does not say where the machine is",
            );
        };
        let mut opened = Opened::default();
        let request = match asked.request(context, location, key, &mut opened) {
            Ok(request) => request,
            Err(reason) => return refusal::refused_here("SecretNotReadable", reason),
        };
        match self.arm.for_step(context).change(&request, key).await {
            // The script's end shows in its own view, whatever the request was answered with.
            Ok(reply) => match lro::read_start(&request, &reply) {
                Sent::Accepted { mut ticket } => {
                    ticket.detail = ticket_of(&asked::name(key)).detail;
                    Sent::Accepted { ticket }
                }
                Sent::Finished { .. } => Sent::Accepted {
                    ticket: ticket_of(&asked::name(key)),
                },
                other => other,
            },
            // Azure's own words may repeat what it was sent.
            Err(Sent::Refused(mut refused)) => {
                refused.message = opened.hide(&refused.message);
                Sent::Refused(refused)
            }
            Err(Sent::Unanswered { reason }) => Sent::Unanswered {
                reason: opened.hide(&reason),
            },
            Err(sent) => sent,
        }
    }

    async fn begin_removal(&self, context: &Context, asked: &Asked, key: &AttemptKey) -> Sent {
        let arm = self.arm.for_step(context);
        let own = match self.own(&arm, context, asked).await {
            Ok(own) => own,
            Err(error) => {
                return Sent::NotSent {
                    reason: format!("the run commands of {}: {error}", asked.machine),
                };
            }
        };
        let left = own.iter().find(|one| matches!(one.standing, Standing::Well(_)));
        let Some(left) = left else {
            return Sent::Finished {
                outputs: Outputs::new(),
                warnings: Vec::new(),
            };
        };
        let request = match asked.removal(&left.name) {
            Ok(request) => request,
            Err(reason) => return refusal::refused_here("InvalidPath", reason),
        };
        match arm.change(&request, key).await {
            Ok(reply) => lro::read_start(&request, &reply),
            Err(sent) => sent,
        }
    }

    async fn poll_run(&self, context: &Context, asked: &Asked, ticket: &Ticket) -> Progress {
        let arm = self.arm.for_step(context);
        let Some(name) = ticket.detail["run-command"].as_str() else {
            return Progress::Gone {
                reason: "the ticket does not name its run command".to_owned(),
            };
        };
        let operation = match ticket.status_url.is_some() || ticket.location.is_some() {
            true => lro::poll_once(&arm, ticket, &lro::FinalState::Status).await,
            // Nothing but the run command itself can be asked.
            false => Progress::Gone {
                reason: format!("run command {name} has no operation to ask"),
            },
        };
        let (failed, warnings) = match operation {
            Progress::Running { .. } | Progress::Unreadable { .. } => return operation,
            Progress::Succeeded { warnings, .. } => (None, warnings),
            Progress::Failed { code, message, .. } => (Some((code, message)), Vec::new()),
            Progress::Gone { .. } => (None, Vec::new()),
        };
        let standing = match self.look(&arm, asked, name).await {
            Ok(Some(standing)) => standing,
            Ok(None) => {
                return match failed {
                    Some((code, message)) => ended_badly(context, code, message),
                    None => Progress::Gone {
                        reason: format!("run command {name} is not on {}", asked.machine),
                    },
                };
            }
            Err(error) => {
                return Progress::Unreadable {
                    reason: format!("run command {name} on {}: {error}", asked.machine),
                    look_after: None,
                };
            }
        };
        match (standing, failed) {
            (Standing::Well(ended), failed) => {
                let mut warnings = warnings;
                warnings.extend(failed.map(|(code, message)| format!("{code}: {message}")));
                Progress::Succeeded {
                    warnings,
                    outputs: outputs(context, &ended),
                }
            }
            (Standing::Badly(ended), _) => {
                ended_badly(context, "ExitStatus".to_owned(), told(context, &ended))
            }
            // The operation is over and the script is not: its own view decides.
            (Standing::Going(word), Some(_)) if word.eq_ignore_ascii_case("Running") => going(word),
            // Azure could not even bring it to its end: the agent does not answer, the machine is gone.
            (_, Some((code, message))) => ended_badly(context, code, message),
            (Standing::Going(word), None) => going(word),
            (Standing::Silent, None) => Progress::Unreadable {
                reason: format!("run command {name} ended, and nobody says with which exit code"),
                look_after: None,
            },
        }
    }
}

#[async_trait]
impl Driver for RunCommand {
    fn targets(&self, context: &Context) -> Vec<String> {
        Asked::read(context).map_or_else(|_| Vec::new(), |asked| vec![folded(&asked.path)])
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let asked = Asked::read(context)?;
        let goal = checks::goal(context, "a script")?;
        let what = || format!("machine {}", asked.machine);
        let read = self.arm.for_step(context).read(&asked.machine()).await;
        let reply = read.map_err(|error| error.into_driver_error(what()))?;
        let machine = Machine::read(&reply.body).ok_or_else(|| DriverError::Unreachable {
            what: what(),
            reason: "it does not say in which region it is".to_owned(),
        })?;
        if machine.is_off() {
            return Err(DriverError::Refused {
                what: what(),
                code: "MachineNotRunning".to_owned(),
                message: format!(
                    "it is {}, and a script runs only on a machine that is on",
                    machine.power.unwrap_or_default()
                ),
                // It may be about to boot.
                passing: true,
            });
        }
        let repeat = match context.step.repeat_safe {
            true => RepeatClass::Repeatable,
            false => RepeatClass::OneShot,
        };
        let run = Operation {
            id: OperationId::new(RUN),
            target: format!("{}/runcommands", folded(&asked.path)),
            goal: match goal {
                Some(check) => format!("{} passes", check.kind),
                None => format!("a run command of this run ended on {} as expected", asked.machine),
            },
            after: Vec::new(),
            phase: Phase::Main,
            rungs: vec![Rung::new("only", repeat, SETTLING)],
            observable: true,
            payload: json!({"location": machine.location}),
        };
        let remove = Operation {
            id: OperationId::new(REMOVE),
            goal: format!(
                "no run command of this run that did its work is left on {}",
                asked.machine
            ),
            after: vec![run.id.clone()],
            phase: match context.plan.journey {
                Journey::Drill => Phase::CleanUp,
                _ => Phase::AfterRecovery,
            },
            rungs: vec![Rung::new("only", RepeatClass::Repeatable, SETTLING)],
            ..run.clone()
        };
        Ok(Assessment {
            summary: format!("a script runs on {} in {}", asked.machine, cut(&machine.location)),
            operations: vec![run, remove],
            ..Assessment::default()
        })
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        let cannot = |reason: String| Observation::CannotTell { reason };
        let asked = match Asked::read(context) {
            Ok(asked) => asked,
            Err(error) => return cannot(error.to_string()),
        };
        let arm = self.arm.for_step(context);
        match self.own(&arm, context, &asked).await {
            Ok(own) if operation.id.as_str() == REMOVE => RunCommand::observe_removal(&asked, &own),
            Ok(own) => self.observe_run(context, &asked, own).await,
            Err(error) => cannot(format!("the run commands of {}: {error}", asked.machine)),
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        let asked = match Asked::read(context) {
            Ok(asked) => asked,
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        match operation.id.as_str() == REMOVE {
            true => self.begin_removal(context, &asked, key).await,
            false => self.begin_run(context, &asked, operation, key).await,
        }
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        match (operation.id.as_str() == REMOVE, Asked::read(context)) {
            (true, _) => {
                let arm = self.arm.for_step(context);
                lro::poll_once(&arm, ticket, &lro::FinalState::Status).await
            }
            (false, Ok(asked)) => self.poll_run(context, &asked, ticket).await,
            (false, Err(error)) => Progress::Gone {
                reason: error.to_string(),
            },
        }
    }
}

/// Returns a ticket that asks the run command itself.
fn ticket_of(name: &str) -> Ticket {
    Ticket {
        status_url: None,
        location: None,
        job: None,
        detail: json!({"run-command": name}),
        look_after: None,
    }
}

fn going(word: String) -> Progress {
    Progress::Running {
        word,
        percent: None,
        look_after: None,
        ticket: None,
    }
}

fn ended_badly(context: &Context, code: String, message: String) -> Progress {
    let message = match asked::secrets(context) {
        Ok(opened) => opened.hide(&message),
        Err(_) => message,
    };
    Progress::Failed {
        code,
        message,
        retryable: context.step.repeat_safe,
    }
}

/// Returns how a script ended, with the end of what it wrote.
fn told(context: &Context, ended: &Ended) -> String {
    let how = match asked::secrets(context) {
        Ok(opened) => opened.hide(&cut(&ended.how)),
        Err(_) => cut(&ended.how),
    };
    match shown(context, &ended.output).as_str() {
        "" => how,
        output => format!("{how}\n{output}"),
    }
}

/// Returns the end of what a script wrote. Where its secrets cannot be read here, nobody can tell whether it says one:
/// then nothing of it is shown.
fn shown(context: &Context, output: &str) -> String {
    if output.is_empty() {
        return String::new();
    }
    match asked::secrets(context) {
        Ok(opened) => foreign(output, &opened),
        Err(reason) => format!(
            "| … its output is not shown, since it may hold a secret that cannot be read here: {reason}"
        ),
    }
}

fn outputs(context: &Context, ended: &Ended) -> Outputs {
    let output: Value = json!(shown(context, &ended.output));
    let mut outputs = Outputs::from([("output".to_owned(), output)]);
    if let Some(code) = ended.code {
        outputs.insert("exit-code".to_owned(), json!(code));
    }
    outputs
}

#[cfg(test)]
mod tests;
