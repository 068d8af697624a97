//! How are containers opened for writing where they were copies? Replication is cut at the side
//! that takes over; the other side is not needed for it. Then those who use the account are switched.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError},
    work::{Assessment, Figure, Loss, Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{API, canary, consumers::Consumer};
use crate::{
    arm::{Arm, Request, lro, path::folded, refusal},
    data_plane::{DataPlane, Service},
};

mod drill;
mod look;
mod moves;
mod reprotect;
mod side;

use side::{Account, At};

/// Answers are synchronous; what is left is a request that arrives late and a read that is stale.
const SETTLING: Duration = Duration::from_secs(150);
const RUNG: &str = "cut";

/// Drives `azure.storage.object-replication`.
pub(super) struct Objects {
    arm: Arm,
    plane: DataPlane,
}

/// What an operation needs to be done again after a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
enum Payload {
    /// Removes a policy from an account; without an id there is none, and only the goal is looked at.
    Remove { at: At, policy: Option<String> },
    /// Makes a policy at its destination, the side that comes back.
    Receive { containers: Vec<(String, String)> },
    /// Makes the same policy at its source, the side that serves.
    Give,
    /// Switches one who uses the account.
    Switch(Consumer),
    /// Writes or removes a drill's canary.
    Canary(canary::Work),
}

impl Objects {
    pub(super) fn new(arm: Arm, plane: DataPlane) -> Objects {
        Objects { arm, plane }
    }

    /// Returns the address of an account's blobs, as the cloud gives it.
    fn usual_endpoint(&self, account: &Account) -> Option<String> {
        let host = self.plane.host(Service::Blobs, &account.name).ok()?;
        Some(format!("https://{host}/"))
    }

    async fn outputs(&self, arm: &Arm, account: &Account, warnings: &mut Vec<String>) -> Outputs {
        let mut outputs = Outputs::from([("account".to_owned(), json!(account.name))]);
        match arm.read(&Request::get(&account.path, API)).await {
            Ok(reply) => {
                if let Some(blob) = reply.text("/properties/primaryEndpoints/blob") {
                    outputs.insert("blob-endpoint".to_owned(), json!(blob));
                }
            }
            Err(error) => warnings.push(format!(
                "the address of {} was not readable: {error}",
                account.name
            )),
        }
        outputs
    }
}

fn containers(context: &Context) -> Vec<String> {
    context
        .settings
        .get("containers")
        .and_then(Value::as_array)
        .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default()
}

fn loss(context: &Context, target: &Account) -> Loss {
    Loss {
        store: format!("{}/{}", context.step.id, target.name),
        by_rung: BTreeMap::from([(RUNG.to_owned(), Figure::Unknown)]),
        source: "object replication promises no lag and shows none".to_owned(),
        as_of: None,
    }
}

/// A second DELETE finds nothing. That a second PUT of `default` changes the same policy, for there
/// is one for each pair of accounts, is an inference.
fn rung(name: &str, lossy: bool) -> Rung {
    Rung {
        name: name.to_owned(),
        repeat: RepeatClass::Repeatable,
        settling: SETTLING,
        within: None,
        lossy,
        beside: false,
        skip: None,
    }
}

fn operation(
    id: String,
    target: String,
    goal: String,
    phase: Phase,
    rung: Rung,
    payload: &Payload,
) -> Operation {
    Operation {
        id: OperationId::new(id),
        target: folded(&target),
        goal,
        after: Vec::new(),
        phase,
        rungs: vec![rung],
        observable: true,
        payload: json!(payload),
    }
}

#[async_trait]
impl Driver for Objects {
    fn targets(&self, context: &Context) -> Vec<String> {
        [At::Target, At::Source]
            .into_iter()
            .filter_map(|at| Account::of(context, at).ok())
            .map(|account| folded(&account.path))
            .collect()
    }

    async fn measure(&self, context: &Context) -> Result<Vec<Loss>, DriverError> {
        match context.plan.journey {
            Journey::Failover | Journey::Failback => {
                Ok(vec![loss(context, &Account::of(context, At::Target)?)])
            }
            Journey::Drill | Journey::Reprotect => Ok(Vec::new()),
        }
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        match context.plan.journey {
            Journey::Failover | Journey::Failback => self.assess_move(context).await,
            Journey::Drill => self.assess_drill(context).await,
            Journey::Reprotect => self.assess_reprotect(context).await,
        }
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        let payload: Payload = match serde_json::from_value(operation.payload.clone()) {
            Ok(payload) => payload,
            Err(error) => {
                return Observation::Barred {
                    evidence: error.to_string(),
                };
            }
        };
        match self.look(context, &payload).await {
            Ok(seen) => seen,
            Err(DriverError::Impossible { reason }) => Observation::Barred { evidence: reason },
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
        let arm = self.arm.for_step(context);
        match &payload {
            Payload::Switch(consumer) => return consumer.begin(&arm, &self.plane, key).await,
            Payload::Canary(work) => return canary::begin(work, &context.run.0, &self.plane, key).await,
            _ => {}
        }
        let request = match self.request(context, &payload).await {
            Ok(request) => request,
            Err(sent) => return sent,
        };
        match self.arm.for_step(context).change(&request, key).await {
            Ok(reply) => lro::read_start(&request, &reply),
            Err(sent) => sent,
        }
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        if let Ok(Payload::Canary(canary::Work::Send(_))) = serde_json::from_value(operation.payload.clone())
        {
            return canary::progress(self.observe(context, operation).await);
        }
        lro::poll_once(&self.arm.for_step(context), ticket, &lro::FinalState::Status).await
    }
}

#[cfg(test)]
mod tests;
