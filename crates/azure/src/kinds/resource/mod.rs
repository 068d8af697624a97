//! How is any ARM resource reached, for what no other kind does? One request as it is written; what
//! proves it is the step's goal, else the resource as written, or gone.

mod goal;
mod settled;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError, SourceRegion},
    work::{Assessment, Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::kind::RepeatClass;
use serde_json::{Value, json};

use super::{Entry, checks::Prover, settings};
use crate::{
    arm::{Arm, ArmPath, Method, Reply, Request, lro, path::folded, refusal},
    registry::Seams,
};
use goal::Proof;

/// Any provider: a request that arrives late, a read that is stale.
const SETTLING: Duration = Duration::from_secs(150);
/// The longest body, as JSON text, that becomes an output.
const LONGEST_OUTPUT: usize = 32 * 1024;

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let driver = AnyResource {
        arm: seams.arm.clone(),
        prover: Prover::new(seams),
    };
    vec![("azure.resource", Arc::new(driver) as Arc<dyn Driver>)]
}

/// Drives `azure.resource`.
struct AnyResource {
    arm: Arm,
    prover: Prover,
}

/// What the step asks for, read from its settings.
struct Asked {
    method: Method,
    /// What is sent, action included.
    path: String,
    /// What is read.
    resource: String,
    api_version: String,
    body: Option<Value>,
    if_match: Option<String>,
}

impl Asked {
    fn read(context: &Context) -> Result<Asked, DriverError> {
        let written = &context.settings;
        let method = match settings::text(written, "method")? {
            "GET" => Method::Get,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "POST" => Method::Post,
            "DELETE" => Method::Delete,
            other => {
                return Err(DriverError::Impossible {
                    reason: format!("`{other}` is no method of ARM"),
                });
            }
        };
        let path = checked(settings::text(written, "id")?)?;
        let resource = match settings::optional_text(written, "goal-id") {
            Some(id) => checked(id)?,
            None => without_action(&path),
        };
        Ok(Asked {
            method,
            path,
            resource,
            api_version: settings::name(written, "api-version")?.to_owned(),
            body: written.get("body").filter(|body| !body.is_null()).cloned(),
            if_match: settings::optional_text(written, "if-match").map(str::to_owned),
        })
    }

    fn request(&self) -> Request {
        let mut request = Request::new(self.method, &self.path, &self.api_version);
        request.body = self.body.clone();
        request.if_match = self.if_match.clone();
        request
    }

    fn look(&self) -> Request {
        Request::get(&self.resource, &self.api_version)
    }

    /// Returns what a second send would mean.
    fn repeat(&self, repeat_safe: bool) -> RepeatClass {
        match self.method {
            _ if repeat_safe => RepeatClass::Repeatable,
            // The first one changes the etag, so Azure refuses a second.
            _ if self.if_match.is_some() => RepeatClass::SelfGuarded,
            Method::Get | Method::Put | Method::Delete => RepeatClass::Repeatable,
            Method::Patch | Method::Post => RepeatClass::OneShot,
        }
    }
}

fn checked(id: &str) -> Result<String, DriverError> {
    ArmPath::resource(id).build().map_err(settings::impossible)
}

/// Returns a resource's id without the action behind it: what follows `providers/NAMESPACE` comes in pairs.
fn without_action(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').collect();
    let last = segments
        .iter()
        .rposition(|segment| segment.eq_ignore_ascii_case("providers"));
    let after = last.map_or(segments.len() - 1, |place| {
        segments.len().saturating_sub(place + 2)
    });
    match after % 2 == 1 && segments.len() > 2 {
        true => segments[..segments.len() - 1].join("/"),
        false => path.to_owned(),
    }
}

/// Returns what later steps may read of an answer.
fn outputs(written: &Value, status: u16, body: &Value) -> (Outputs, Vec<String>) {
    let mut outputs = Outputs::from([("status".to_owned(), json!(status))]);
    let mut warnings = Vec::new();
    if body.to_string().len() <= LONGEST_OUTPUT {
        outputs.insert("body".to_owned(), body.clone());
    } else {
        warnings.push("the answer is too long to be an output; name its parts under `outputs`".to_owned());
    }
    let own = written.get("outputs").and_then(Value::as_object);
    for (name, pointer) in own.into_iter().flatten() {
        match pointer.as_str().and_then(|pointer| body.pointer(pointer)) {
            Some(value) if value.to_string().len() <= LONGEST_OUTPUT => {
                outputs.insert(name.clone(), value.clone());
            }
            _ => warnings.push(format!("the answer has nothing for the output `{name}`")),
        }
    }
    (outputs, warnings)
}

impl AnyResource {
    async fn look(&self, context: &Context, asked: &Asked) -> Result<Reply, DriverError> {
        let reply = self.arm.for_step(context).read(&asked.look()).await;
        reply.map_err(|error| error.into_driver_error(asked.resource.clone()))
    }
}

#[async_trait]
impl Driver for AnyResource {
    fn targets(&self, context: &Context) -> Vec<String> {
        match Asked::read(context) {
            Ok(asked) if asked.method != Method::Get => vec![folded(&without_action(&asked.path))],
            _ => Vec::new(),
        }
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let asked = Asked::read(context)?;
        let by_source = settings::optional_text(&context.settings, "control-plane") == Some("source");
        if by_source && context.source_region == SourceRegion::Closed {
            return Err(DriverError::Impossible {
                reason: format!(
                    "the outage of {} is declared, and this request needs it",
                    context.plan.source.region
                ),
            });
        }
        if asked.method == Method::Get {
            let reply = self.look(context, &asked).await?;
            let (outputs, warnings) = outputs(&context.settings, reply.status, &reply.body);
            return Ok(Assessment {
                summary: format!("{} answers HTTP {}", asked.path, reply.status),
                outputs,
                warnings,
                ..Assessment::default()
            });
        }
        let proof = Proof::of(context, &asked)?;
        Ok(Assessment {
            summary: format!("{} {}", asked.method, asked.path),
            operations: vec![Operation {
                id: OperationId::new(asked.method.word().to_ascii_lowercase()),
                target: folded(&without_action(&asked.path)),
                goal: proof.words(&asked),
                after: Vec::new(),
                phase: Phase::Main,
                rungs: vec![Rung {
                    name: "only".to_owned(),
                    repeat: asked.repeat(context.step.repeat_safe),
                    settling: SETTLING,
                    within: None,
                    lossy: false,
                    beside: false,
                    skip: None,
                }],
                observable: proof != Proof::None,
                payload: Value::Null,
            }],
            ..Assessment::default()
        })
    }

    async fn observe(&self, context: &Context, _operation: &Operation) -> Observation {
        let found = Asked::read(context).and_then(|asked| Ok((Proof::of(context, &asked)?, asked)));
        match found {
            Ok((proof, asked)) => {
                proof
                    .look(&self.arm.for_step(context), &self.prover, context, &asked)
                    .await
            }
            Err(error) => Observation::CannotTell {
                reason: error.to_string(),
            },
        }
    }

    async fn begin(&self, context: &Context, _: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        let asked = match Asked::read(context) {
            Ok(asked) => asked,
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        let request = asked.request();
        let reply = match self.arm.for_step(context).change(&request, key).await {
            Ok(reply) => reply,
            Err(sent) => return sent,
        };
        match lro::read_start(&request, &reply) {
            Sent::Finished { mut warnings, .. } => {
                let (outputs, more) = outputs(&context.settings, reply.status, &reply.body);
                warnings.extend(more);
                Sent::Finished { outputs, warnings }
            }
            sent => sent,
        }
    }

    async fn poll(&self, context: &Context, _: &Operation, ticket: &Ticket) -> Progress {
        let arm = self.arm.for_step(context);
        let final_state = match Asked::read(context) {
            Ok(asked) => match asked.method {
                Method::Put | Method::Patch => {
                    lro::FinalState::Resource(Request::get(&asked.path, &asked.api_version))
                }
                Method::Post => lro::FinalState::Location,
                Method::Get | Method::Delete => lro::FinalState::Status,
            },
            Err(_) => lro::FinalState::Status,
        };
        let polled = lro::poll_with_result(&arm, ticket, &final_state).await;
        match (polled.progress, polled.result) {
            (Progress::Succeeded { mut warnings, .. }, Some(body)) => {
                let (outputs, more) = outputs(&context.settings, 200, &body);
                warnings.extend(more);
                Progress::Succeeded { warnings, outputs }
            }
            (Progress::Failed { code, message, .. }, _) => Progress::Failed {
                code,
                message,
                retryable: context.step.repeat_safe,
            },
            (progress, _) => progress,
        }
    }
}

#[cfg(test)]
mod tests;
