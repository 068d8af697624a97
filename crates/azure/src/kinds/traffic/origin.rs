//! How does Front Door send people to the other side? The origin that takes over is enabled first, then the other one
//! is disabled, so that the group never is without one. Or the two change their ranks: by priority or by weight.

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
const API: &str = "2024-02-01";
/// A request that arrives late, and a read that is stale.
const SETTLING: Duration = Duration::from_secs(150);
/// The first and the last rank of an origin, and the most and the least that it can weigh.
const FIRST: i64 = 1;
const LAST: i64 = 5;
const HEAVY: i64 = 1_000;
const LIGHT: i64 = 1;

/// Drives `azure.front-door.origin-group`.
pub(super) struct Origins {
    arm: Arm,
}

/// One origin of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    name: String,
    host: String,
    enabled: bool,
    priority: Option<i64>,
    weight: Option<i64>,
    provisioning: String,
}

/// By what an origin is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    State,
    Priority,
    Weight,
}

/// What an operation needs to be done again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    origin: String,
    by: By,
    /// Whether it is the one that takes over.
    serves: bool,
}

impl Origin {
    fn read(value: &Value) -> Option<Origin> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_i64);
        let state = text("/properties/enabledState")?;
        Some(Origin {
            name: text("/name")?.to_owned(),
            host: text("/properties/hostName").unwrap_or_default().to_owned(),
            enabled: state.eq_ignore_ascii_case("enabled"),
            priority: number("/properties/priority"),
            weight: number("/properties/weight"),
            // `deploymentStatus` stays NotStarted whatever happens: it is not read.
            provisioning: text("/properties/provisioningState")
                .unwrap_or("Succeeded")
                .to_owned(),
        })
    }

    fn shown(&self) -> String {
        let state = if self.enabled { "enabled" } else { "disabled" };
        let rank = |figure: Option<i64>, word: &str| {
            figure
                .map(|figure| format!(", {word} {figure}"))
                .unwrap_or_default()
        };
        format!(
            "{} {state}{}{}",
            self.name,
            rank(self.priority, "priority"),
            rank(self.weight, "weight")
        )
    }

    fn settled(&self) -> bool {
        ["Succeeded", "Failed", "Canceled"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(&self.provisioning))
    }
}

impl By {
    fn read(settings: &Value) -> By {
        match settings::optional_text(settings, "by") {
            Some("priority") => By::Priority,
            Some("weight") => By::Weight,
            _ => By::State,
        }
    }
}

impl Payload {
    /// What the origin must show.
    fn wanted(&self) -> Value {
        match (self.by, self.serves) {
            (By::State, true) => json!({"enabledState": "Enabled"}),
            (By::State, false) => json!({"enabledState": "Disabled"}),
            (By::Priority, true) => json!({"enabledState": "Enabled", "priority": FIRST}),
            (By::Priority, false) => json!({"priority": LAST}),
            (By::Weight, true) => json!({"enabledState": "Enabled", "weight": HEAVY}),
            (By::Weight, false) => json!({"weight": LIGHT}),
        }
    }

    fn holds(&self, origin: &Origin) -> bool {
        let wanted = self.wanted();
        let state = match wanted["enabledState"].as_str() {
            Some(word) => origin.enabled == (word == "Enabled"),
            None => true,
        };
        let rank =
            |name: &str, figure: Option<i64>| wanted[name].is_null() || wanted[name].as_i64() == figure;
        state && rank("priority", origin.priority) && rank("weight", origin.weight)
    }

    fn goal(&self, group: &str) -> String {
        let end = match (self.by, self.serves) {
            (By::State, true) => "is enabled".to_owned(),
            (By::State, false) => "is disabled".to_owned(),
            (By::Priority, true) => format!("is enabled with priority {FIRST}"),
            (By::Priority, false) => format!("has priority {LAST}"),
            (By::Weight, true) => format!("is enabled with weight {HEAVY}"),
            (By::Weight, false) => format!("has weight {LIGHT}"),
        };
        format!("origin {} of {group} {end}", self.origin)
    }
}

fn impossible(reason: impl Into<String>) -> DriverError {
    DriverError::Impossible {
        reason: reason.into(),
    }
}

fn find<'a>(all: &'a [Origin], name: &str) -> Result<&'a Origin, DriverError> {
    all.iter()
        .find(|origin| origin.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|origin| origin.name.as_str()).collect();
            impossible(format!(
                "the group has no origin `{name}`; it has: {}",
                names.join(", ")
            ))
        })
}

impl Origins {
    pub(super) fn new(arm: Arm) -> Origins {
        Origins { arm }
    }

    fn group(context: &Context) -> Result<ArmPath, DriverError> {
        // The group belongs to no side; what it has stands among the step's settings.
        Ok(settings::group_path(context, &context.target)?
            .provider("Microsoft.Cdn")
            .pair("profiles", settings::name(&context.settings, "profile")?)
            .pair("originGroups", settings::name(&context.settings, "origin-group")?))
    }

    fn path(context: &Context, origin: &str) -> Result<String, DriverError> {
        Origins::group(context)?
            .pair("origins", origin)
            .build()
            .map_err(settings::impossible)
    }

    fn operation(context: &Context, payload: Payload, group: &str) -> Result<Operation, DriverError> {
        let verb = match (payload.by, payload.serves) {
            (By::State, true) => "enable",
            (By::State, false) => "disable",
            (_, true) => "prefer",
            (_, false) => "defer",
        };
        Ok(Operation {
            id: OperationId::new(format!("{verb}/{}", payload.origin)),
            target: folded(&Origins::path(context, &payload.origin)?),
            goal: payload.goal(group),
            after: Vec::new(),
            phase: Phase::Main,
            rungs: vec![Rung::new("only", RepeatClass::Repeatable, SETTLING)],
            observable: true,
            payload: json!(payload),
        })
    }
}

/// Returns what is worth knowing before people are sent to an origin.
fn warnings(all: &[Origin], target: &Origin, source: Option<&Origin>) -> Vec<String> {
    let others = all
        .iter()
        .filter(|other| other.enabled && *other != target && Some(*other) != source);
    others
        .map(|other| format!("{} is enabled too and may take a part of the traffic", other.name))
        .collect()
}

#[async_trait]
impl Driver for Origins {
    fn targets(&self, context: &Context) -> Vec<String> {
        let path = Origins::group(context).ok().and_then(|path| path.build().ok());
        path.map(|path| folded(&path)).into_iter().collect()
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let group = settings::name(&context.settings, "origin-group")?;
        let path = Origins::group(context)?
            .then("origins")
            .build()
            .map_err(settings::impossible)?;
        let listed = self.arm.for_step(context).list(&Request::get(path, API)).await;
        let listed = listed.map_err(|error| error.into_driver_error(format!("origin group {group}")))?;
        let all: Vec<Origin> = listed.iter().filter_map(Origin::read).collect();
        let target = find(&all, settings::name(&context.target, "origin")?)?;
        let source = match settings::optional_text(&context.source, "origin") {
            Some(written) => Some(find(&all, written)?),
            None => None,
        };
        if source == Some(target) {
            return Err(impossible(format!("both sides name the origin {}", target.name)));
        }
        let by = By::read(&context.settings);
        let mut outputs = Outputs::new();
        outputs.insert("origin-host".to_owned(), json!(target.host));
        let mut operations = Vec::new();
        if matches!(context.plan.journey, Journey::Failover | Journey::Failback) {
            let payload = |origin: &Origin, serves| Payload {
                origin: origin.name.clone(),
                by,
                serves,
            };
            let enable = Origins::operation(context, payload(target, true), group)?;
            if let Some(source) = source {
                let mut disable = Origins::operation(context, payload(source, false), group)?;
                disable.after.push(enable.id.clone());
                operations.push(disable);
            }
            operations.insert(0, enable);
        }
        let shown: Vec<String> = all.iter().map(Origin::shown).collect();
        Ok(Assessment {
            summary: format!(
                "{group}: {}; the edge follows a change in 3 to 20 minutes",
                shown.join("; ")
            ),
            operations,
            warnings: warnings(&all, target, source),
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
        let path = match Origins::path(context, &payload.origin) {
            Ok(path) => path,
            Err(error) => return barred(error.to_string()),
        };
        let reply = match self.arm.for_step(context).read(&Request::get(path, API)).await {
            Ok(reply) => reply,
            Err(error) if error.is_missing() => return barred(error.to_string()),
            Err(error) => {
                return Observation::CannotTell {
                    reason: error.to_string(),
                };
            }
        };
        let Some(origin) = Origin::read(&reply.body) else {
            return Observation::CannotTell {
                reason: format!("origin {} shows no state", payload.origin),
            };
        };
        let word = origin.provisioning.clone();
        let evidence = format!("origin {}, {word}", origin.shown());
        match (payload.holds(&origin), origin.settled()) {
            // An answer shows what was asked for at once; it is so only when the operation has ended.
            (true, true) if word.eq_ignore_ascii_case("succeeded") => Observation::Holds {
                evidence,
                ours: false,
                outputs: Outputs::new(),
            },
            (true, false) => Observation::InMotion {
                evidence,
                ticket: None,
            },
            (false, false) => Observation::Busy { evidence },
            (_, true) => Observation::NotBegun { evidence },
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        let payload: Payload = match serde_json::from_value(operation.payload.clone()) {
            Ok(payload) => payload,
            Err(error) => return refusal::refused_here("InvalidPayload", error.to_string()),
        };
        let path = match Origins::path(context, &payload.origin) {
            Ok(path) => path,
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        // A PUT would replace the whole origin.
        let request = Request::new(Method::Patch, path, API).body(json!({"properties": payload.wanted()}));
        match self.arm.for_step(context).change(&request, key).await {
            Ok(reply) => lro::read_start(&request, &reply),
            Err(sent) => sent,
        }
    }

    async fn poll(&self, context: &Context, _operation: &Operation, ticket: &Ticket) -> Progress {
        // Its status always carries an error of the code "None": that is no error.
        match lro::poll_once(&self.arm.for_step(context), ticket, &lro::FinalState::Status).await {
            Progress::Succeeded {
                mut warnings,
                outputs,
            } => {
                warnings.retain(|warning| !warning.starts_with("None"));
                Progress::Succeeded { warnings, outputs }
            }
            other => other,
        }
    }
}

/// Returns whether every origin of a list, or the one that is shown, is read.
#[cfg(test)]
pub(super) fn reads(body: &Value) -> bool {
    match body["value"].as_array() {
        Some(all) => all.iter().all(|one| Origin::read(one).is_some()),
        None => Origin::read(body).is_some(),
    }
}

#[cfg(test)]
mod tests;
