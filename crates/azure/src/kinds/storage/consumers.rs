//! How are those who use an account switched to the one that takes over: by an app's setting, a secret of a key vault,
//! a DNS record?
//!
//! # What is written down
//! Operations name what is switched and to what. A value that is a secret is named by its reference, opened at the
//! moment of use, and in nothing that is told. An app's settings are secrets as a whole: they are read only to be
//! written back with the one that changes, and never leave this file.

use std::time::Duration;

use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, DriverError},
    work::{Observation, Operation, Outputs, Phase, Rung, Sent},
};
use leeward_runbook::kind::RepeatClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    arm::{Arm, ArmPath, Method, ReadError, Reply, Request, lro, path::folded},
    data_plane::{DataPlane, Service, Vaults},
    kinds::{
        secrets::{Opened, is_reference},
        settings,
        traffic::record::{self, RecordType, Zones},
    },
};

/// The version that an app's settings are asked for.
const WEB: &str = "2023-12-01";
/// Answers are synchronous; what is left is a request that arrives late and a read that is stale.
const SETTLING: Duration = Duration::from_secs(150);
/// How long all consumers are looked at beforehand; a move does not wait for more.
const LOOK: Duration = Duration::from_secs(5);
/// What a text with a secret in it holds.
const SIGNS: &[&str] = &["accountkey=", "sharedaccesssignature=", "sig="];

/// One who uses the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "consumer")]
pub(super) enum Consumer {
    /// A setting of an app.
    AppSetting {
        app: String,
        path: String,
        name: String,
        value: String,
    },
    /// A secret of a key vault.
    KeyVaultSecret {
        vault: String,
        name: String,
        value: String,
        tenant: Option<String>,
    },
    /// A record of a zone.
    DnsRecord {
        shown: String,
        path: String,
        private: bool,
        record: record::Payload,
    },
}

/// Reads the consumers of a step. `endpoint` is the blob address of the account that takes over.
pub(super) fn read(context: &Context, endpoint: Option<&str>) -> Result<Vec<Consumer>, DriverError> {
    let list = context.settings.get("consumers").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|one| Consumer::read(context, one, endpoint))
        .collect()
}

fn impossible(reason: impl Into<String>) -> DriverError {
    DriverError::Impossible {
        reason: reason.into(),
    }
}

impl Consumer {
    fn read(context: &Context, written: &Value, endpoint: Option<&str>) -> Result<Consumer, DriverError> {
        let said = |key: &str| written.get(key).filter(|inner| inner.is_object());
        if let Some(inner) = said("app-setting") {
            let app = settings::name(inner, "app")?;
            let path = group(context, inner)?
                .provider("Microsoft.Web")
                .pair("sites", app)
                .build()
                .map_err(settings::impossible)?;
            return Ok(Consumer::AppSetting {
                app: app.to_owned(),
                path,
                name: settings::text(inner, "name")?.to_owned(),
                value: value(inner, endpoint)?,
            });
        }
        if let Some(inner) = said("key-vault-secret") {
            let tenant = settings::optional_text(&context.target, "tenant");
            return Ok(Consumer::KeyVaultSecret {
                vault: settings::name(inner, "vault")?.to_owned(),
                name: settings::name(inner, "name")?.to_owned(),
                value: value(inner, endpoint)?,
                tenant: tenant
                    .or_else(|| settings::optional_text(&context.settings, "tenant"))
                    .map(str::to_owned),
            });
        }
        let inner = said("dns-record").ok_or_else(|| {
            impossible("a consumer is an `app-setting`, a `key-vault-secret` or a `dns-record`")
        })?;
        let kind = RecordType::read(settings::text(inner, "type")?)?;
        let private = settings::flag(inner, "private", false);
        let (zone, name) = (settings::name(inner, "zone")?, settings::name(inner, "name")?);
        let zones = zones(private);
        let path = group(context, inner)?
            .provider("Microsoft.Network")
            .pair(zones.segment(), zone)
            .pair(kind.word(), name)
            .build()
            .map_err(settings::impossible)?;
        let values = match (kind.values(inner)?, kind, endpoint) {
            (Some(values), ..) => values,
            (None, RecordType::Cname, Some(endpoint)) => {
                let host = endpoint.trim_start_matches("https://").trim_end_matches('/');
                vec![host.to_ascii_lowercase()]
            }
            (None, ..) => {
                return Err(impossible(format!(
                    "the record {name} of {zone} has no `value`, and none is known"
                )));
            }
        };
        Ok(Consumer::DnsRecord {
            shown: match name {
                "@" => format!("{} {zone}", kind.word()),
                name => format!("{} {name}.{zone}", kind.word()),
            },
            path,
            private,
            record: record::Payload {
                record: kind,
                values,
                ttl: settings::duration(inner, "ttl")?.map(|ttl| ttl.as_secs()),
            },
        })
    }

    /// Makes the operation that switches it, after those that open the account.
    pub(super) fn operation(&self, place: usize, after: &[OperationId], payload: Value) -> Operation {
        let (word, target, goal) = match self {
            Consumer::AppSetting {
                app,
                path,
                name,
                value,
            } => (
                "app-setting",
                folded(path),
                format!("the setting {name} of the app {app} is {}", shown(value)),
            ),
            Consumer::KeyVaultSecret {
                vault, name, value, ..
            } => (
                "key-vault-secret",
                format!("vault/{}/secrets/{}", vault.to_lowercase(), name.to_lowercase()),
                format!("the secret {name} of the vault {vault} is {}", shown(value)),
            ),
            Consumer::DnsRecord {
                shown, path, record, ..
            } => (
                "dns-record",
                folded(path),
                format!("{shown} holds {}", record.values.join(", ")),
            ),
        };
        Operation {
            id: OperationId::new(format!("switch/{word}/{}", place + 1)),
            target,
            goal,
            after: after.to_vec(),
            phase: Phase::Main,
            rungs: vec![Rung::new("only", self.repeat(), SETTLING)],
            observable: true,
            payload,
        }
    }

    fn repeat(&self) -> RepeatClass {
        match self {
            Consumer::DnsRecord { .. } => RepeatClass::SelfGuarded,
            // The whole is read anew before it is written, and a second version of a secret says the same.
            Consumer::AppSetting { .. } | Consumer::KeyVaultSecret { .. } => RepeatClass::Repeatable,
        }
    }

    /// Reads whether it is switched. What it holds is never told.
    pub(super) async fn observe(&self, arm: &Arm, plane: &DataPlane) -> Observation {
        match self {
            Consumer::AppSetting {
                app,
                path,
                name,
                value,
            } => {
                let wanted = match open(value) {
                    Ok(wanted) => wanted,
                    Err(reason) => return Observation::CannotTell { reason },
                };
                match app_settings(arm, path).await {
                    Ok(reply) => match reply.body.pointer("/properties").and_then(|all| all.get(name)) {
                        Some(found) if *found == json!(wanted) => {
                            holds(format!("the setting {name} of {app} is as wanted"))
                        }
                        Some(_) => not_begun(format!("the setting {name} of {app} is another one")),
                        None => not_begun(format!("{app} has no setting {name}")),
                    },
                    Err(error) if error.is_missing() => Observation::Barred {
                        evidence: format!("there is no app {app}"),
                    },
                    Err(error) => Observation::CannotTell {
                        reason: format!("the settings of {app}: {error}"),
                    },
                }
            }
            Consumer::KeyVaultSecret {
                vault,
                name,
                value,
                tenant,
            } => {
                let wanted = match open(value) {
                    Ok(wanted) => wanted,
                    Err(reason) => return Observation::CannotTell { reason },
                };
                let vaults = Vaults {
                    plane,
                    vault,
                    tenant: tenant.as_deref(),
                };
                match vaults.get(name).await {
                    Ok(Some(secret)) if secret.is(&wanted) => {
                        holds(format!("the secret {name} of {vault} is as wanted"))
                    }
                    Ok(Some(_)) => not_begun(format!("the secret {name} of {vault} is another one")),
                    Ok(None) => not_begun(format!("{vault} has no secret {name}")),
                    Err(error) => Observation::CannotTell {
                        reason: format!("the secret {name} of {vault}: {error}"),
                    },
                }
            }
            Consumer::DnsRecord {
                path,
                private,
                record,
                ..
            } => record::look(arm, zones(*private), path, record.record, &record.values).await,
        }
    }

    /// Switches it, by exactly one change.
    pub(super) async fn begin(&self, arm: &Arm, plane: &DataPlane, key: &AttemptKey) -> Sent {
        match self {
            Consumer::AppSetting {
                path, name, value, ..
            } => {
                let wanted = match open(value) {
                    Ok(wanted) => wanted,
                    Err(reason) => return Sent::NotSent { reason },
                };
                // A PUT replaces all of them and knows no etag: they are read as late as can be.
                let all = match app_settings(arm, path).await {
                    Ok(reply) => reply.body,
                    Err(error) => {
                        return Sent::NotSent {
                            reason: format!("the settings could not be read: {error}"),
                        };
                    }
                };
                let Some(mut all) = all.get("properties").and_then(Value::as_object).cloned() else {
                    return Sent::NotSent {
                        reason: "the answer holds no settings, and what is there must not be lost".to_owned(),
                    };
                };
                all.insert(name.clone(), json!(wanted));
                let request = Request::new(Method::Put, format!("{path}/config/appsettings"), WEB)
                    .body(json!({"properties": all}));
                match arm.change(&request, key).await {
                    Ok(reply) => finished(lro::read_start(&request, &reply)),
                    Err(sent) => sent,
                }
            }
            Consumer::KeyVaultSecret {
                vault,
                name,
                value,
                tenant,
            } => {
                let wanted = match open(value) {
                    Ok(wanted) => wanted,
                    Err(reason) => return Sent::NotSent { reason },
                };
                let vaults = Vaults {
                    plane,
                    vault,
                    tenant: tenant.as_deref(),
                };
                let before = match vaults.get(name).await {
                    Ok(before) => before,
                    Err(error) => {
                        return Sent::NotSent {
                            reason: format!("the secret could not be read: {error}"),
                        };
                    }
                };
                match vaults.set(name, &wanted, before.as_ref(), key).await {
                    Ok(()) => Sent::Finished {
                        outputs: Outputs::new(),
                        warnings: Vec::new(),
                    },
                    Err(sent) => sent,
                }
            }
            Consumer::DnsRecord {
                path,
                private,
                record,
                ..
            } => record::write(arm, zones(*private), path, record, key).await,
        }
    }
}

/// Says what is worth knowing before a move: a consumer that is not there, or cannot be read. It stops nothing.
pub(super) async fn warnings(consumers: &[Consumer], arm: &Arm, plane: &DataPlane) -> Vec<String> {
    let looks = consumers.iter().map(|one| one.observe(arm, plane));
    let seen = tokio::time::timeout(LOOK, futures::future::join_all(looks)).await;
    let Ok(seen) = seen else {
        return vec!["the consumers could not be looked at in time".to_owned()];
    };
    seen.into_iter()
        .filter_map(|seen| match seen {
            Observation::CannotTell { reason } => Some(format!("a consumer cannot be read: {reason}")),
            Observation::Barred { evidence } => Some(format!("a consumer cannot be switched: {evidence}")),
            Observation::NotBegun { evidence } if evidence.contains(" has no ") => {
                Some(format!("{evidence}: it will be made"))
            }
            _ => None,
        })
        .collect()
}

/// Returns the host of every vault, so that one that cannot be reached is found out beforehand.
pub(super) fn unreachable(consumers: &[Consumer], plane: &DataPlane) -> Option<String> {
    consumers.iter().find_map(|one| match one {
        Consumer::KeyVaultSecret { vault, .. } => plane.host(Service::Vaults, vault).err(),
        _ => None,
    })
}

fn zones(private: bool) -> Zones {
    match private {
        true => Zones::Private,
        false => Zones::Public,
    }
}

/// Returns the group of a consumer: its own, else that of the account that takes over.
fn group(context: &Context, inner: &Value) -> Result<ArmPath, DriverError> {
    let subscription = match settings::optional_text(inner, "subscription") {
        Some(_) => settings::name(inner, "subscription")?,
        None => settings::subscription(context, &context.target)?,
    };
    let group = match settings::optional_text(inner, "resource-group") {
        Some(_) => settings::name(inner, "resource-group")?,
        None => settings::of_side(context, &context.target, "resource-group")?,
    };
    Ok(ArmPath::subscription(subscription).group(group))
}

/// Returns what is wanted, as it is written down: a text, or the reference of a secret.
fn value(inner: &Value, endpoint: Option<&str>) -> Result<String, DriverError> {
    let written = settings::optional_text(inner, "value")
        .or(endpoint)
        .ok_or_else(|| {
            impossible("a consumer has no `value`, and the account's blob address is not known")
        })?;
    let folded = written.to_ascii_lowercase();
    if !is_reference(written) && SIGNS.iter().any(|sign| folded.contains(sign)) {
        return Err(impossible(
            "a consumer's `value` holds a key or a signature: write where it is, `env:NAME` or `file:PATH`, and not what it is",
        ));
    }
    Ok(written.to_owned())
}

fn shown(value: &str) -> String {
    match is_reference(value) {
        true => format!("what {value} says"),
        false => value.to_owned(),
    }
}

fn open(value: &str) -> Result<String, String> {
    Opened::default().value(value).map_err(|error| error.to_string())
}

/// Reads all settings of an app. They are secrets, and asked for by a POST that only lists.
async fn app_settings(arm: &Arm, path: &str) -> Result<Reply, ReadError> {
    let request = Request::new(Method::Post, format!("{path}/config/appsettings/list"), WEB);
    arm.read(&request).await
}

/// The answer shows every setting: none of it goes further.
fn finished(sent: Sent) -> Sent {
    match sent {
        Sent::Finished { .. } => Sent::Finished {
            outputs: Outputs::new(),
            warnings: Vec::new(),
        },
        sent => sent,
    }
}

fn holds(evidence: String) -> Observation {
    Observation::Holds {
        evidence,
        ours: false,
        outputs: Outputs::new(),
    }
}

fn not_begun(evidence: String) -> Observation {
    Observation::NotBegun { evidence }
}

#[cfg(test)]
mod tests;
