//! How does a DNS record come to answer with the other side's values? By compare-and-set: the set is read, and
//! written with the etag that was read. Whoever was quicker makes Azure refuse, and the set is looked at again.

mod set;

use std::time::Duration;

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass, units};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(in crate::kinds) use self::set::{RecordSet, RecordType, Zones};
use crate::{
    arm::{Arm, ArmPath, Method, ReadError, Reply, Request, lro, path::folded, refusal},
    kinds::settings,
};

/// Answers are synchronous; what is left is a request that arrives late and a read that is stale.
const SETTLING: Duration = Duration::from_secs(150);
/// A TTL above which a move is worth a word beforehand.
const LONG: u64 = 300;
/// The TTL of a set that is not there and for which none is written.
const USUAL: u64 = 60;

/// Drives `azure.dns.record-set` and `azure.private-dns.record-set`.
pub(super) struct Records {
    arm: Arm,
    zones: Zones,
}

/// What an operation needs to be done again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kinds) struct Payload {
    pub(in crate::kinds) record: RecordType,
    pub(in crate::kinds) values: Vec<String>,
    pub(in crate::kinds) ttl: Option<u64>,
}

/// What the runbook asks for.
struct Asked {
    path: String,
    shown: String,
    record: RecordType,
    target: Vec<String>,
    source: Vec<String>,
    ttl: Option<u64>,
}

impl Records {
    pub(super) fn new(arm: Arm, zones: Zones) -> Records {
        Records { arm, zones }
    }

    fn path(&self, context: &Context) -> Result<String, DriverError> {
        let record = RecordType::read(settings::text(&context.settings, "type")?)?;
        let path: ArmPath = settings::group_path(context, &context.target)?
            .provider("Microsoft.Network")
            .pair(self.zones.segment(), settings::name(&context.settings, "zone")?)
            .pair(record.word(), settings::name(&context.settings, "record")?);
        path.build().map_err(settings::impossible)
    }

    fn asked(&self, context: &Context) -> Result<Asked, DriverError> {
        let record = RecordType::read(settings::text(&context.settings, "type")?)?;
        let zone = settings::name(&context.settings, "zone")?;
        let name = settings::name(&context.settings, "record")?;
        let shown = match name {
            "@" => zone.to_owned(),
            name => format!("{name}.{zone}"),
        };
        let target = record
            .values(&context.target)?
            .ok_or_else(|| impossible("the setting `value` is missing"))?;
        let source = record.values(&context.source)?.unwrap_or_default();
        if target == source {
            return Err(impossible(format!("both sides name {}", target.join(", "))));
        }
        Ok(Asked {
            path: self.path(context)?,
            shown: format!("{} {shown}", record.word()),
            record,
            target,
            source,
            ttl: settings::duration(&context.settings, "ttl")?.map(|ttl| ttl.as_secs()),
        })
    }
}

async fn read(arm: &Arm, zones: Zones, path: &str) -> Result<Option<Reply>, ReadError> {
    match arm.read(&Request::get(path, zones.version())).await {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads whether a record set holds these very values.
pub(in crate::kinds) async fn look(
    arm: &Arm,
    zones: Zones,
    path: &str,
    record: RecordType,
    values: &[String],
) -> Observation {
    let evidence = match read(arm, zones, path).await {
        Err(error) => {
            return Observation::CannotTell {
                reason: error.to_string(),
            };
        }
        Ok(None) => "the record set is not there".to_owned(),
        Ok(Some(reply)) => match RecordSet::read(record, &reply.body) {
            None => {
                return Observation::Barred {
                    evidence: "the record set has no values of its own".to_owned(),
                };
            }
            Some(found) => {
                let evidence = format!("the record set holds {}", found.values.join(", "));
                if found.values == values {
                    return Observation::Holds {
                        evidence,
                        ours: false,
                        outputs: Outputs::new(),
                    };
                }
                evidence
            }
        },
    };
    Observation::NotBegun { evidence }
}

/// Writes a record set, once, if it still is what was read.
pub(in crate::kinds) async fn write(
    arm: &Arm,
    zones: Zones,
    path: &str,
    payload: &Payload,
    key: &AttemptKey,
) -> Sent {
    // What is compared is what is there now: an etag of an earlier look would be refused for ever once anybody
    // has touched the set.
    let found = match read(arm, zones, path).await {
        Ok(found) => found,
        Err(error) => {
            return Sent::NotSent {
                reason: error.to_string(),
            };
        }
    };
    let request = Request::new(Method::Put, path, zones.version());
    let request = match found {
        None => request
            .body(zones.body(
                payload.record,
                &payload.values,
                payload.ttl.unwrap_or(USUAL),
                None,
            ))
            .if_none_match(),
        Some(reply) => {
            let old = RecordSet::read(payload.record, &reply.body);
            let etag = reply
                .text("/etag")
                .or_else(|| reply.header("etag"))
                .map(str::to_owned);
            let (Some(old), Some(etag)) = (old, etag) else {
                return refusal::refused_here(
                    "NothingToCompare",
                    "the record set shows no values or no etag",
                );
            };
            let ttl = payload.ttl.unwrap_or(old.ttl);
            let body = zones.body(payload.record, &payload.values, ttl, old.metadata.as_ref());
            request.body(body).if_match(etag)
        }
    };
    match arm.change(&request, key).await {
        Ok(reply) => lro::read_start(&request, &reply),
        // Somebody was quicker: look again.
        Err(sent) => refusal::with_passing(sent, |refusal| (refusal.status == 412).then_some(true)),
    }
}

fn impossible(reason: impl Into<String>) -> DriverError {
    DriverError::Impossible {
        reason: reason.into(),
    }
}

fn seconds(ttl: u64) -> String {
    units::show_duration(Duration::from_secs(ttl))
}

fn warnings(asked: &Asked, found: Option<&RecordSet>) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(found) = found else {
        return warnings;
    };
    if found.values != asked.target && found.values != asked.source && !asked.source.is_empty() {
        let holds = found.values.join(", ");
        warnings.push(format!(
            "{} holds {holds}, which is the value of neither side",
            asked.shown
        ));
    }
    if found.ttl > LONG && found.values != asked.target {
        warnings.push(format!(
            "resolvers may keep the old answer of {} for {} after the change: lower its TTL beforehand",
            asked.shown,
            seconds(found.ttl)
        ));
    }
    warnings
}

#[async_trait]
impl Driver for Records {
    fn targets(&self, context: &Context) -> Vec<String> {
        self.path(context)
            .ok()
            .map(|path| folded(&path))
            .into_iter()
            .collect()
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let asked = self.asked(context)?;
        let read = read(&self.arm.for_step(context), self.zones, &asked.path).await;
        let reply = read.map_err(|error| error.into_driver_error(format!("record set {}", asked.shown)))?;
        let found = match &reply {
            None => None,
            Some(reply) => Some(RecordSet::read(asked.record, &reply.body).ok_or_else(|| {
                impossible(format!(
                    "{} is an alias or of another sort: it has no values of its own",
                    asked.shown
                ))
            })?),
        };
        let mut outputs = Outputs::new();
        let name = asked.shown.split_once(' ').map_or("", |(_, name)| name);
        outputs.insert("name".to_owned(), json!(name));
        let old = found.as_ref().map(|found| found.ttl);
        outputs.insert("ttl".to_owned(), json!(old.or(asked.ttl).unwrap_or(USUAL)));
        let mut operations = Vec::new();
        if matches!(context.plan.journey, Journey::Failover | Journey::Failback) {
            operations.push(Operation {
                id: OperationId::new("write"),
                target: folded(&asked.path),
                goal: format!("{} holds {}", asked.shown, asked.target.join(", ")),
                after: Vec::new(),
                phase: Phase::Main,
                rungs: vec![Rung::new("only", RepeatClass::SelfGuarded, SETTLING)],
                observable: true,
                payload: json!(Payload {
                    record: asked.record,
                    values: asked.target.clone(),
                    ttl: asked.ttl,
                }),
            });
        }
        let summary = match &found {
            None => format!("{} is not there; it is made", asked.shown),
            Some(found) => format!(
                "{} holds {}; a change takes effect within {}, its old TTL",
                asked.shown,
                found.values.join(", "),
                seconds(found.ttl)
            ),
        };
        Ok(Assessment {
            summary,
            operations,
            warnings: warnings(&asked, found.as_ref()),
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
        let path = match self.path(context) {
            Ok(path) => path,
            Err(error) => return barred(error.to_string()),
        };
        let arm = self.arm.for_step(context);
        look(&arm, self.zones, &path, payload.record, &payload.values).await
    }

    async fn begin(&self, context: &Context, operation: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        let payload: Payload = match serde_json::from_value(operation.payload.clone()) {
            Ok(payload) => payload,
            Err(error) => return refusal::refused_here("InvalidPayload", error.to_string()),
        };
        let path = match self.path(context) {
            Ok(path) => path,
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        let arm = self.arm.for_step(context);
        write(&arm, self.zones, &path, &payload, key).await
    }

    async fn poll(&self, context: &Context, _operation: &Operation, ticket: &Ticket) -> Progress {
        lro::poll_once(&self.arm.for_step(context), ticket, &lro::FinalState::Status).await
    }
}

#[cfg(test)]
mod tests;
