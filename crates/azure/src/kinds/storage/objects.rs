//! How are containers opened for writing where they were copies? Replication is cut at the side
//! that takes over; the other side is not needed for it. Then those who use the account are switched.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError, SourceRegion},
    work::{Assessment, Figure, Loss, Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    API,
    canary::{self, Arrival, Canary},
    consumers::{self, Consumer},
    policy::{self, Policy},
};
use crate::{
    arm::{Arm, Method, ReadError, Request, lro, path::folded, refusal},
    data_plane::{DataPlane, Service},
    kinds::settings,
};

mod side;

use side::{Account, At, serves_not};

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

    async fn assess_move(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (source, target) = (
            Account::of(context, At::Source)?,
            Account::of(context, At::Target)?,
        );
        let wanted = settings::optional_text(&context.settings, "policy");
        let all = target
            .policies(&arm)
            .await
            .map_err(|error| error.into_driver_error(target.what()))?;
        let policies: Vec<&Policy> = all
            .iter()
            .filter(|policy| policy.replicates(&source.name, &target.name))
            .filter(|policy| wanted.is_none_or(|wanted| policy.id.eq_ignore_ascii_case(wanted)))
            .collect();
        let goal = |account: &Account| format!("{} receives nothing from {}", account.name, source.name);
        let mut warnings = Vec::new();
        let mut operations = Vec::new();
        for policy in &policies {
            let payload = Payload::Remove {
                at: At::Target,
                policy: Some(policy.id.clone()),
            };
            let cut = operation(
                format!("cut/{}", policy.id),
                target.policy_path(&policy.id)?,
                goal(&target),
                Phase::Main,
                rung(RUNG, true),
                &payload,
            );
            // The other half copies nothing without this one; it only stands in the way of a new policy.
            if context.source_region == SourceRegion::Open && !context.plan.region_down {
                let payload = Payload::Remove {
                    at: At::Source,
                    policy: Some(policy.id.clone()),
                };
                let mut other = operation(
                    format!("cut-source/{}", policy.id),
                    source.policy_path(&policy.id)?,
                    format!("{} gives nothing to {} by that policy", source.name, target.name),
                    Phase::AfterRecovery,
                    rung("only", false),
                    &payload,
                );
                other.after.push(cut.id.clone());
                operations.push(cut);
                operations.push(other);
            } else {
                operations.push(cut);
            }
        }
        if policies.is_empty() {
            warnings.push(format!(
                "nothing replicates from {} to {}: it was cut before, or what {} holds is old",
                source.name, target.name, target.name
            ));
            // It is looked at all the same, so that a person hears of a goal that we did not bring about.
            operations.push(operation(
                format!("cut/{}", source.name),
                target.path.clone(),
                goal(&target),
                Phase::Main,
                rung(RUNG, true),
                &Payload::Remove {
                    at: At::Target,
                    policy: None,
                },
            ));
        }
        let opened: Vec<&str> = policies.iter().flat_map(|policy| policy.destinations()).collect();
        for container in containers(context)
            .iter()
            .filter(|name| !opened.contains(&name.as_str()))
        {
            if !policies.is_empty() {
                warnings.push(format!(
                    "no policy copies into the container {container} of {}",
                    target.name
                ));
            }
        }
        let outputs = self.outputs(&arm, &target, &mut warnings).await;
        let cuts: Vec<OperationId> = operations
            .iter()
            .filter(|one| one.phase == Phase::Main)
            .map(|one| one.id.clone())
            .collect();
        let endpoint = outputs.get("blob-endpoint").and_then(Value::as_str);
        let usual = self.usual_endpoint(&target);
        let consumers = consumers::read(context, endpoint.or(usual.as_deref()))?;
        if let Some(reason) = consumers::unreachable(&consumers, &self.plane) {
            return Err(DriverError::Impossible { reason });
        }
        warnings.extend(consumers::warnings(&consumers, &arm, &self.plane).await);
        operations.extend(consumers.into_iter().enumerate().map(|(place, consumer)| {
            let payload = json!(Payload::Switch(consumer.clone()));
            consumer.operation(place, &cuts, payload)
        }));
        Ok(Assessment {
            summary: format!(
                "{} {} into {} from {}",
                policies.len(),
                if policies.len() == 1 {
                    "policy copies"
                } else {
                    "policies copy"
                },
                target.name,
                source.name
            ),
            operations,
            losses: vec![loss(context, &target)],
            warnings,
            outputs,
            ..Assessment::default()
        })
    }

    async fn assess_drill(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (source, target) = (
            Account::of(context, At::Source)?,
            Account::of(context, At::Target)?,
        );
        let all = target
            .policies(&arm)
            .await
            .map_err(|error| error.into_driver_error(target.what()))?;
        let policies: Vec<&Policy> = all
            .iter()
            .filter(|policy| policy.replicates(&source.name, &target.name))
            .collect();
        let count = policies.len();
        let mut warnings = Vec::new();
        if count == 0 {
            warnings.push(format!(
                "nothing replicates from {} to {}",
                source.name, target.name
            ));
        }
        match consumers::read(context, self.usual_endpoint(&target).as_deref()) {
            Ok(consumers) => warnings.extend(consumers::warnings(&consumers, &arm, &self.plane).await),
            Err(error) => warnings.push(format!("a move could not switch its consumers: {error}")),
        }
        let mut operations = Vec::new();
        let first = policies.iter().find_map(|policy| policy.first());
        if let (true, Some(first)) = (settings::flag(&context.settings, "canary", true), first) {
            match self.canary(context, &source, &target, first).await {
                Ok(canary) => operations = canary,
                Err(reason) => warnings.push(format!("no canary was sent: {reason}")),
            }
        }
        Ok(Assessment {
            summary: format!(
                "{count} of the policies of {} copy from {}; {}",
                target.name,
                source.name,
                match operations.is_empty() {
                    true => "nothing is changed in a drill",
                    false => "a canary blob shows whether it does",
                }
            ),
            operations,
            warnings,
            ..Assessment::default()
        })
    }

    /// Returns the operations of a canary; the reason why there is none.
    async fn canary(
        &self,
        context: &Context,
        source: &Account,
        target: &Account,
        (container, to, prefix): (String, String, String),
    ) -> Result<Vec<Operation>, String> {
        if context.source_region != SourceRegion::Open || context.plan.region_down {
            return Err(format!(
                "the outage of {} is declared",
                context.plan.source.region
            ));
        }
        let canary = Canary {
            account: source.name.clone(),
            container,
            arrives: Arrival::Account {
                account: target.name.clone(),
                container: to,
            },
            blob: canary::name(context, &prefix),
            tenant: settings::optional_text(&context.settings, "tenant").map(str::to_owned),
        };
        match canary.barred(&self.plane).await {
            Some(reason) => Err(reason),
            None => Ok(canary.operations(&source.path, |work| json!(Payload::Canary(work)))),
        }
    }

    /// Sets replication up from the side that serves, the source, to the one that comes back.
    async fn assess_reprotect(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (serving, coming) = (
            Account::of(context, At::Source)?,
            Account::of(context, At::Target)?,
        );
        let read = |error: ReadError, account: &Account| error.into_driver_error(account.what());
        let there = coming
            .policies(&arm)
            .await
            .map_err(|error| read(error, &coming))?;
        let here = serving
            .policies(&arm)
            .await
            .map_err(|error| read(error, &serving))?;
        if let Some(reason) = serves_not(&serving, &coming, &here, &there) {
            return Err(DriverError::Impossible { reason });
        }
        let mut operations = Vec::new();
        let mut turned: Vec<(String, String)> = Vec::new();
        for old in there
            .iter()
            .filter(|old| old.replicates(&coming.name, &serving.name))
        {
            for pair in old.turned() {
                if !turned.contains(&pair) {
                    turned.push(pair);
                }
            }
            operations.push(operation(
                format!("remove/{}/{}", coming.name, old.id),
                coming.policy_path(&old.id)?,
                format!("{} has no part in the policy {}", coming.name, old.id),
                Phase::Main,
                rung("only", false),
                &Payload::Remove {
                    at: At::Target,
                    policy: Some(old.id.clone()),
                },
            ));
        }
        let named = containers(context);
        let pairs = if named.is_empty() {
            turned
        } else {
            named.into_iter().map(|name| (name.clone(), name)).collect()
        };
        let exists = there
            .iter()
            .any(|policy| policy.replicates(&serving.name, &coming.name));
        if pairs.is_empty() && !exists {
            return Err(DriverError::Impossible {
                reason: format!(
                    "no old policy between {} and {} is left to turn round: name `containers`",
                    serving.name, coming.name
                ),
            });
        }
        let removed: Vec<OperationId> = operations.iter().map(|one| one.id.clone()).collect();
        let mut receive = operation(
            "replicate-back/destination".to_owned(),
            coming.path.clone(),
            format!("{} has a policy that receives from {}", coming.name, serving.name),
            Phase::Main,
            rung("only", false),
            &Payload::Receive { containers: pairs },
        );
        receive.after = removed;
        let mut give = operation(
            "replicate-back/source".to_owned(),
            serving.path.clone(),
            format!(
                "{} has the same policy and gives to {}",
                serving.name, coming.name
            ),
            Phase::Main,
            rung("only", false),
            &Payload::Give,
        );
        give.after.push(receive.id.clone());
        operations.extend([receive, give]);
        let lacking = [
            serving.lacks(&arm, At::Source).await,
            coming.lacks(&arm, At::Target).await,
        ];
        Ok(Assessment {
            summary: format!("{} serves; {} is to receive from it", serving.name, coming.name),
            operations,
            warnings: lacking.into_iter().flatten().collect(),
            ..Assessment::default()
        })
    }

    /// Reads whether the goal of one operation holds.
    async fn look(&self, context: &Context, payload: &Payload) -> Result<Observation, DriverError> {
        let arm = self.arm.for_step(context);
        let (source, target) = (
            Account::of(context, At::Source)?,
            Account::of(context, At::Target)?,
        );
        let holds = |evidence| Observation::Holds {
            evidence,
            ours: false,
            outputs: Outputs::new(),
        };
        let account = match payload {
            Payload::Switch(consumer) => return Ok(consumer.observe(&arm, &self.plane).await),
            Payload::Canary(work) => {
                let now = arm.clock().now().wall;
                return Ok(canary::observe(work, &context.run.0, &self.plane, now).await);
            }
            Payload::Remove { at: At::Source, .. } | Payload::Give => &source,
            Payload::Remove { at: At::Target, .. } | Payload::Receive { .. } => &target,
        };
        let list = account
            .policies(&arm)
            .await
            .map_err(|error| error.into_driver_error(account.what()))?;
        let back = |list: &[Policy]| {
            list.iter()
                .find(|policy| policy.replicates(&source.name, &target.name))
                .cloned()
        };
        Ok(match payload {
            Payload::Remove { policy: Some(id), .. } => {
                match list.iter().any(|policy| policy.id.eq_ignore_ascii_case(id)) {
                    true => Observation::NotBegun {
                        evidence: format!("{} has the policy {id}", account.name),
                    },
                    false => holds(format!("{} has no policy {id}", account.name)),
                }
            }
            Payload::Remove { policy: None, .. } => match back(&list) {
                Some(policy) => Observation::Barred {
                    evidence: format!("a policy has appeared on {} since: {}", account.name, policy.id),
                },
                None if list.iter().any(Policy::is_unclear) => Observation::CannotTell {
                    reason: format!(
                        "a policy on {} does not say which accounts it joins",
                        account.name
                    ),
                },
                None => holds(format!("{} receives nothing from {}", target.name, source.name)),
            },
            Payload::Receive { .. } => match back(&list) {
                Some(policy) => holds(format!(
                    "{} receives from {} by {}",
                    target.name, source.name, policy.id
                )),
                None => {
                    // What the other becomes takes no writes any more: it must not be the one that serves.
                    let here = source
                        .policies(&arm)
                        .await
                        .map_err(|error| error.into_driver_error(source.what()))?;
                    match serves_not(&source, &target, &here, &list) {
                        Some(evidence) => Observation::Barred { evidence },
                        None => Observation::NotBegun {
                            evidence: format!("{} receives nothing from {}", target.name, source.name),
                        },
                    }
                }
            },
            Payload::Switch(_) | Payload::Canary(_) => Observation::CannotTell {
                reason: "it was looked at already".to_owned(),
            },
            Payload::Give => {
                let other = target
                    .policies(&arm)
                    .await
                    .map_err(|error| error.into_driver_error(target.what()))?;
                match (back(&list), back(&other)) {
                    (Some(here), Some(there)) if here.id.eq_ignore_ascii_case(&there.id) => {
                        holds(format!("both accounts have the policy {}", here.id))
                    }
                    (_, Some(there)) => Observation::NotBegun {
                        evidence: format!("{} has no policy {}", source.name, there.id),
                    },
                    (_, None) => Observation::CannotTell {
                        reason: format!("{} has no policy yet", target.name),
                    },
                }
            }
        })
    }

    /// Makes the one request of an operation.
    async fn request(&self, context: &Context, payload: &Payload) -> Result<Request, Sent> {
        let bad = |error: DriverError| refusal::refused_here("InvalidSettings", error.to_string());
        let source = Account::of(context, At::Source).map_err(bad)?;
        let target = Account::of(context, At::Target).map_err(bad)?;
        match payload {
            Payload::Remove { at, policy: Some(id) } => {
                let account = if *at == At::Source { &source } else { &target };
                let path = account.policy_path(id).map_err(bad)?;
                Ok(Request::new(Method::Delete, path, API))
            }
            Payload::Remove { policy: None, .. } => Err(refusal::refused_here(
                "NothingToCut",
                "there was no policy to remove when the step was assessed",
            )),
            Payload::Switch(_) | Payload::Canary(_) => Err(refusal::refused_here(
                "InvalidPayload",
                "it is no request about a policy",
            )),
            Payload::Receive { containers } => {
                let path = target.policy_path("default").map_err(bad)?;
                let body = policy::new_body(&source.path, &target.path, containers);
                Ok(Request::new(Method::Put, path, API).body(body))
            }
            Payload::Give => {
                let not_sent = |reason: String| Sent::NotSent { reason };
                let list = target
                    .policies(&self.arm.for_step(context))
                    .await
                    .map_err(|error| {
                        not_sent(format!("the policy of {} was not readable: {error}", target.name))
                    })?;
                let there = list
                    .iter()
                    .find(|policy| policy.replicates(&source.name, &target.name))
                    .ok_or_else(|| not_sent(format!("{} has no policy yet", target.name)))?;
                let path = source.policy_path(&there.id).map_err(bad)?;
                Ok(Request::new(Method::Put, path, API).body(policy::matching_body(
                    &source.path,
                    &target.path,
                    there,
                )))
            }
        }
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
