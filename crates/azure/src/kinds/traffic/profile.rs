//! How does a Traffic Manager profile send people to the other side? The endpoint that takes
//! over is enabled first, then the other one is disabled, so that there is always an answer.

use std::time::Duration;

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    arm::{Arm, ArmPath, Method, Request, lro, path::folded, refusal},
    kinds::settings,
};

/// The version that every request asks for.
const API: &str = "2022-04-01";
/// Records are synchronous; what is left is a request that arrives late and a read that is stale.
const SETTLING: Duration = Duration::from_secs(150);

/// Drives `azure.traffic-manager.profile`.
pub(super) struct Profile {
    arm: Arm,
}

/// One endpoint of a profile, as the profile shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Endpoint {
    name: String,
    family: String,
    enabled: bool,
    monitor: String,
    priority: Option<i64>,
}

/// What an operation needs to be done again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    family: String,
    endpoint: String,
    enabled: bool,
}

impl Endpoint {
    fn read(value: &Value) -> Option<Endpoint> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        // `Microsoft.Network/trafficManagerProfiles/azureEndpoints`, in any case.
        let family = text("/type")?.rsplit('/').next()?;
        let family = ["AzureEndpoints", "ExternalEndpoints", "NestedEndpoints"]
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(family))?;
        Some(Endpoint {
            name: text("/name")?.to_owned(),
            family: family.to_owned(),
            enabled: is_enabled(value),
            monitor: text("/properties/endpointMonitorStatus")
                .unwrap_or("unknown")
                .to_owned(),
            priority: value.pointer("/properties/priority").and_then(Value::as_i64),
        })
    }
}

fn is_enabled(endpoint: &Value) -> bool {
    endpoint
        .pointer("/properties/endpointStatus")
        .and_then(Value::as_str)
        .is_some_and(|word| word.eq_ignore_ascii_case("enabled"))
}

fn endpoints(profile: &Value) -> Vec<Endpoint> {
    profile
        .pointer("/properties/endpoints")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Endpoint::read).collect())
        .unwrap_or_default()
}

/// Returns whether every endpoint of a profile is read.
#[cfg(test)]
pub(super) fn all_read(profile: &Value) -> bool {
    let listed = profile.pointer("/properties/endpoints").and_then(Value::as_array);
    listed.is_some_and(|listed| listed.len() == endpoints(profile).len())
}

/// Returns whether an endpoint is read.
#[cfg(test)]
pub(super) fn reads_endpoint(endpoint: &Value) -> bool {
    Endpoint::read(endpoint).is_some()
}

fn find<'a>(all: &'a [Endpoint], name: &str) -> Result<&'a Endpoint, DriverError> {
    all.iter()
        .find(|endpoint| endpoint.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|endpoint| endpoint.name.as_str()).collect();
            DriverError::Impossible {
                reason: format!(
                    "the profile has no endpoint `{name}`; it has: {}",
                    names.join(", ")
                ),
            }
        })
}

impl Profile {
    pub(super) fn new(arm: Arm) -> Profile {
        Profile { arm }
    }

    fn path(context: &Context) -> Result<ArmPath, DriverError> {
        // The profile belongs to no side; what it has stands among the step's settings.
        Ok(settings::group_path(context, &context.target)?
            .provider("Microsoft.Network")
            .pair(
                "trafficmanagerprofiles",
                settings::name(&context.settings, "profile")?,
            ))
    }

    fn endpoint_path(context: &Context, payload: &Payload) -> Result<String, DriverError> {
        Profile::path(context)?
            .pair(&payload.family, &payload.endpoint)
            .build()
            .map_err(settings::impossible)
    }

    async fn read(&self, context: &Context) -> Result<Value, DriverError> {
        let path = Profile::path(context)?.build().map_err(settings::impossible)?;
        let what = format!(
            "traffic manager profile {}",
            settings::name(&context.settings, "profile")?
        );
        let reply = self.arm.for_step(context).read(&Request::get(path, API)).await;
        reply
            .map(|reply| reply.body)
            .map_err(|error| error.into_driver_error(what))
    }

    fn operation(context: &Context, endpoint: &Endpoint, enabled: bool) -> Result<Operation, DriverError> {
        let payload = Payload {
            family: endpoint.family.clone(),
            endpoint: endpoint.name.clone(),
            enabled,
        };
        let path = Profile::endpoint_path(context, &payload)?;
        let (verb, state) = if enabled {
            ("enable", "enabled")
        } else {
            ("disable", "disabled")
        };
        let profile = settings::name(&context.settings, "profile")?;
        Ok(Operation {
            id: OperationId::new(format!("{verb}/{}", endpoint.name)),
            target: folded(&path),
            goal: format!("endpoint {} of {profile} is {state}", endpoint.name),
            after: Vec::new(),
            phase: Phase::Main,
            rungs: vec![Rung::new("only", RepeatClass::Repeatable, SETTLING)],
            observable: true,
            payload: json!(payload),
        })
    }
}

/// Returns what is worth knowing before people are sent to an endpoint.
fn warnings(profile: &Value, all: &[Endpoint], target: &Endpoint, source: Option<&Endpoint>) -> Vec<String> {
    let mut warnings = Vec::new();
    if matches!(target.monitor.as_str(), "Degraded" | "Stopped" | "Inactive") && target.enabled {
        warnings.push(format!(
            "the probes say that {} is {}",
            target.name, target.monitor
        ));
    }
    let by_priority = profile
        .pointer("/properties/trafficRoutingMethod")
        .and_then(Value::as_str)
        .is_some_and(|method| method.eq_ignore_ascii_case("priority"));
    for other in all
        .iter()
        .filter(|other| other.enabled && *other != target && Some(*other) != source)
    {
        if !by_priority || other.priority < target.priority {
            warnings.push(format!(
                "{} is enabled too and takes a part of the traffic",
                other.name
            ));
        }
    }
    warnings
}

#[async_trait]
impl Driver for Profile {
    fn targets(&self, context: &Context) -> Vec<String> {
        let path = Profile::path(context).ok().and_then(|path| path.build().ok());
        path.map(|path| folded(&path)).into_iter().collect()
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let profile = self.read(context).await?;
        let text = |pointer: &str| {
            profile
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let name = settings::name(&context.settings, "profile")?;
        if text("/properties/profileStatus").eq_ignore_ascii_case("disabled") {
            return Err(DriverError::Impossible {
                reason: format!("the profile {name} is disabled: it answers nobody"),
            });
        }
        let all = endpoints(&profile);
        let target = find(&all, settings::name(&context.target, "endpoint")?)?;
        let source = match settings::optional_text(&context.source, "endpoint") {
            Some(written) => Some(find(&all, written)?),
            None => None,
        };
        if source == Some(target) {
            return Err(DriverError::Impossible {
                reason: format!("both sides name the endpoint {}", target.name),
            });
        }
        let mut outputs = Outputs::new();
        outputs.insert("host".to_owned(), json!(text("/properties/dnsConfig/fqdn")));
        if let Some(ttl) = profile.pointer("/properties/dnsConfig/ttl") {
            outputs.insert("ttl".to_owned(), ttl.clone());
        }
        let mut operations = Vec::new();
        if matches!(context.plan.journey, Journey::Failover | Journey::Failback) {
            let enable = Profile::operation(context, target, true)?;
            if let Some(source) = source {
                let mut disable = Profile::operation(context, source, false)?;
                disable.after.push(enable.id.clone());
                operations.push(disable);
            }
            operations.insert(0, enable);
        }
        Ok(Assessment {
            summary: format!(
                "{name}: {}",
                all.iter()
                    .map(|endpoint| {
                        let state = if endpoint.enabled { "enabled" } else { "disabled" };
                        format!("{} {state}, {}", endpoint.name, endpoint.monitor)
                    })
                    .collect::<Vec<_>>()
                    .join("; ")
            ),
            operations,
            warnings: warnings(&profile, &all, target, source),
            outputs,
            ..Assessment::default()
        })
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        let barred = |evidence: String| Observation::Barred { evidence };
        let payload: Payload = match serde_json::from_value(operation.payload.clone()) {
            Ok(payload) => payload,
            Err(error) => return barred(error.to_string()),
        };
        let path = match Profile::endpoint_path(context, &payload) {
            Ok(path) => path,
            Err(error) => return barred(error.to_string()),
        };
        match self.arm.for_step(context).read(&Request::get(path, API)).await {
            Ok(reply) => {
                let word = reply
                    .text("/properties/endpointStatus")
                    .unwrap_or("without a status");
                let evidence = format!("endpoint {} is {word}", payload.endpoint);
                if !matches!(word.to_ascii_lowercase().as_str(), "enabled" | "disabled") {
                    return Observation::CannotTell { reason: evidence };
                }
                if is_enabled(&reply.body) != payload.enabled {
                    return Observation::NotBegun { evidence };
                }
                Observation::Holds {
                    evidence,
                    ours: false,
                    outputs: Outputs::new(),
                }
            }
            Err(error) if error.is_missing() => barred(error.to_string()),
            Err(error) => Observation::CannotTell {
                reason: error.to_string(),
            },
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        let payload: Payload = match serde_json::from_value(operation.payload.clone()) {
            Ok(payload) => payload,
            Err(error) => return refusal::refused_here("InvalidPayload", error.to_string()),
        };
        let path = match Profile::endpoint_path(context, &payload) {
            Ok(path) => path,
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        let word = if payload.enabled { "Enabled" } else { "Disabled" };
        let request =
            Request::new(Method::Patch, path, API).body(json!({"properties": {"endpointStatus": word}}));
        match self.arm.for_step(context).change(&request, key).await {
            Ok(reply) => lro::read_start(&request, &reply),
            Err(sent) => sent,
        }
    }

    async fn poll(&self, context: &Context, _operation: &Operation, ticket: &Ticket) -> Progress {
        lro::poll_once(&self.arm.for_step(context), ticket, &lro::FinalState::Status).await
    }
}

#[cfg(test)]
mod tests;
