//! How is any ARM resource reached, for what no other kind does? One request as it is written; what
//! proves it is the step's goal, else the resource as written, or gone.

mod goal;
mod settled;
mod told;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError, SourceRegion},
    work::{Assessment, Observation, Operation, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::kind::RepeatClass;
use serde_json::Value;

use super::{Entry, checks::Prover, settings};
use crate::{
    arm::{Arm, ArmPath, Method, Reply, Request, lro, path::folded, refusal},
    registry::Seams,
};
use goal::Proof;

/// Any provider: a request that arrives late, a read that is stale.
const SETTLING: Duration = Duration::from_secs(150);
/// The types of resources that heed `If-Match`; others may pass it over.
const HEEDS_ETAGS: &[&str] = &[
    "microsoft.network/dnszones",
    "microsoft.network/privatednszones",
    "microsoft.containerservice/managedclusters",
    "microsoft.containerservice/fleets",
];

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
    /// The version by which `resource` is read.
    look_version: String,
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
            look_version: match settings::optional_text(written, "goal-api-version") {
                Some(_) => settings::name(written, "goal-api-version")?.to_owned(),
                None => settings::name(written, "api-version")?.to_owned(),
            },
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
        Request::get(&self.resource, &self.look_version)
    }

    /// Returns what a second send would mean.
    fn repeat(&self, repeat_safe: bool) -> RepeatClass {
        match self.method {
            _ if repeat_safe => RepeatClass::Repeatable,
            // An action has no etag of its own, whatever header goes with it.
            Method::Post => RepeatClass::OneShot,
            Method::Get => RepeatClass::Repeatable,
            // The first one changes the etag, so Azure refuses a second.
            _ if self.is_guarded() => RepeatClass::SelfGuarded,
            Method::Put | Method::Delete => RepeatClass::Repeatable,
            Method::Patch => RepeatClass::OneShot,
        }
    }

    /// Returns whether Azure refuses the request once the resource has changed: by one very etag, where the
    /// provider is known to look at it. `*` is any state at all.
    fn is_guarded(&self) -> bool {
        let etag = self.if_match.as_deref().unwrap_or_default().trim();
        let etag = etag.trim_start_matches("W/").trim_matches('"').trim();
        let folded = self.path.to_ascii_lowercase();
        let kind = folded.rsplit("/providers/").next().unwrap_or_default();
        !etag.is_empty()
            && !etag.split(',').any(|one| one.trim().trim_matches('"') == "*")
            && HEEDS_ETAGS
                .iter()
                .any(|known| kind.strip_prefix(known).is_some_and(|rest| rest.starts_with('/')))
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
            let (outputs, warnings) = told::outputs(context, &asked, reply.status, &reply.body);
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
                rungs: vec![Rung::new(
                    "only",
                    asked.repeat(context.step.repeat_safe),
                    SETTLING,
                )],
                observable: proof != Proof::None,
                payload: Value::Null,
            }],
            warnings: told::keys_asked_for(context, &asked).into_iter().collect(),
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
                let (outputs, more) = told::outputs(context, &asked, reply.status, &reply.body);
                warnings.extend(more);
                let silent = matches!(Proof::of(context, &asked), Ok(Proof::None));
                if reply.status == 202 && silent {
                    warnings.push(
                        "accepted; Azure gave nothing to ask after, and the step has no goal: whether it was done, nobody has seen"
                            .to_owned(),
                    );
                }
                Sent::Finished { outputs, warnings }
            }
            sent => sent,
        }
    }

    async fn poll(&self, context: &Context, _: &Operation, ticket: &Ticket) -> Progress {
        let arm = self.arm.for_step(context);
        let asked = Asked::read(context);
        let final_state = match &asked {
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
        match (polled.progress, polled.result, asked) {
            (Progress::Succeeded { mut warnings, .. }, Some(body), Ok(asked)) => {
                let (outputs, more) = told::outputs(context, &asked, 200, &body);
                warnings.extend(more);
                Progress::Succeeded { warnings, outputs }
            }
            (Progress::Failed { code, message, .. }, ..) => Progress::Failed {
                code,
                message,
                retryable: context.step.repeat_safe,
            },
            (progress, ..) => progress,
        }
    }
}

#[cfg(test)]
mod tests;
