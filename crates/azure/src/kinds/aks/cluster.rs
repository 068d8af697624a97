//! How is a cluster made in the region that takes over? By one PUT that may be sent again: it
//! makes, repairs and confirms.

use async_trait::async_trait;
use leeward_engine::{
    id::AttemptKey,
    port::{Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Outputs, Phase, Progress, Sent, Ticket},
};
use leeward_runbook::journey::Journey;
use serde_json::{Value, json};

use super::{
    advice,
    capture::pools,
    mapping::{self, Choice, RUN_TAG, SPECIFICATION_TAG},
    network,
    plan::Plan,
    preflight, roles, view,
    work::{Carried, Payload, operation, operations, rung},
    workloads,
};
use crate::{
    arm::{Arm, ArmPath, Method, Request, lro, path::folded, refusal},
    kinds::{
        kubernetes::{self, Workloads},
        settings,
    },
    registry::Seams,
};

/// The version that every request asks for.
pub(super) const API: &str = "2024-05-01";
/// The reads of the resources beside a cluster.
const GROUPS: &str = "2024-03-01";
const ADDRESSES: &str = "2024-05-01";

/// Drives `azure.aks.cluster`.
pub(super) struct Cluster {
    arm: Arm,
    workloads: Workloads,
}

fn fallback(context: &Context) -> Vec<String> {
    let list = context
        .settings
        .pointer("/node-sizes/fallback")
        .and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|size| size.as_str().map(str::to_owned))
        .collect()
}

/// Returns the run that a cluster must be of: in a drill nothing else is touched.
fn run_of(context: &Context) -> Option<&str> {
    (context.plan.journey == Journey::Drill).then_some(context.run.0.as_str())
}

impl Cluster {
    /// Makes a driver whose clusters nobody reaches.
    #[cfg(test)]
    pub(super) fn new(arm: Arm) -> Cluster {
        Cluster::over(&crate::testing::seams(arm))
    }

    pub(super) fn over(seams: &Seams) -> Cluster {
        Cluster {
            arm: seams.arm.clone(),
            workloads: Workloads::new(seams),
        }
    }

    /// Reads the cluster; nothing where there is none.
    async fn read(&self, arm: &Arm, id: &str) -> Result<Option<Value>, crate::arm::ReadError> {
        match arm.read(&Request::get(id, API)).await {
            Ok(reply) => Ok(Some(reply.body)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Judges a cluster that stands there already: an error where it must not be touched.
    fn standing(context: &Context, plan: &Plan, cluster: &Value) -> Result<Option<Assessment>, DriverError> {
        let name = &plan.side.name;
        let at_rest = view::State::at(cluster, "/properties/provisioningState") == view::State::Succeeded;
        let stopped = at_rest && view::is_stopped(cluster, "/properties/powerState/code");
        let start_it = || DriverError::Refused {
            what: format!("cluster {name}"),
            code: "ClusterStopped".to_owned(),
            message: view::start_cluster(&plan.place()),
            passing: false,
        };
        if view::is_ours(cluster, &plan.mapped.digest, run_of(context)) {
            return if stopped { Err(start_it()) } else { Ok(None) };
        }
        let never_left = context.plan.journey == Journey::Failback
            && view::tag(cluster, SPECIFICATION_TAG).is_none()
            && at_rest;
        if never_left && stopped {
            return Err(start_it());
        }
        if never_left {
            let used =
                format!("{name} was not made by Leeward and is used as it is, whatever the capture says");
            let served = workloads::table(context)
                .map(|_| "its workloads are left as they are: the cluster was there all the time".to_owned());
            let idle = view::stopped_pools(cluster).map(|pool| view::start_pool(&pool, &plan.place()));
            return Ok(Some(Assessment {
                summary: format!("{name} stands where it stood before the failover: nothing is made"),
                warnings: std::iter::once(used).chain(served).chain(idle).collect(),
                outputs: view::outputs(cluster),
                ..Assessment::default()
            }));
        }
        let reason = match (view::tag(cluster, SPECIFICATION_TAG), view::tag(cluster, RUN_TAG)) {
            (None, _) => format!("a cluster called {name} stands there already and is not ours"),
            (Some(_), Some(run)) => {
                format!("{name} stands there already, made by run {run} from another specification")
            }
            (Some(_), None) => format!("{name} stands there already, made from another specification"),
        };
        Err(DriverError::Impossible { reason })
    }

    /// Reads the step's plan again for an operation, with the subnet that it carries. Operations of older journals
    /// carry none: for them it is looked up.
    async fn plan(
        &self,
        arm: &Arm,
        context: &Context,
        subnet: Option<&str>,
    ) -> Result<(String, Plan), DriverError> {
        let plan = Plan::read(&match subnet {
            Some(subnet) => network::with_subnet(context, subnet),
            None => network::resolved(arm, context).await?,
        })?;
        Ok((plan.id()?, plan))
    }

    /// Reads the step's plan without asking anybody; nothing where that cannot be done.
    fn plan_of(&self, context: &Context, operation: &Operation) -> Option<Plan> {
        let carried = Carried::of(operation).ok()?;
        let context = match &carried.subnet {
            Some(subnet) => network::with_subnet(context, subnet),
            None => context.clone(),
        };
        Plan::read(&context).ok()
    }

    async fn watch_removal(
        &self,
        arm: &Arm,
        context: &Context,
        operation: &Operation,
        pool: &str,
    ) -> Progress {
        let unreadable = |reason: String| Progress::Unreadable {
            reason,
            look_after: None,
        };
        let Some(Ok(id)) = self.plan_of(context, operation).map(|plan| plan.id()) else {
            return unreadable("the step's settings could not be read".to_owned());
        };
        match self.read(arm, &id).await {
            Ok(cluster) => super::pools::removal(cluster.as_ref(), pool),
            Err(error) => unreadable(error.to_string()),
        }
    }

    async fn assess_move(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (id, plan) = self.plan(&arm, context, None).await?;
        let group = Request::get(
            ArmPath::subscription(&plan.subscription)
                .group(&plan.group)
                .build()
                .map_err(settings::impossible)?,
            GROUPS,
        );
        let what = format!("resource group {}", plan.group);
        let found = arm
            .read(&group)
            .await
            .map_err(|error| error.into_driver_error(what))?;
        let mut warnings = plan.mapped.warnings.clone();
        if let Some(place) = found
            .text("/location")
            .filter(|place| view::folded_region(place) == view::folded_region(&context.plan.source.region))
        {
            warnings.push(format!(
                "the resource group {} lies in {place}: without that region nothing in it can be changed",
                plan.group
            ));
        }
        let cluster = self
            .read(&arm, &id)
            .await
            .map_err(|error| error.into_driver_error(format!("cluster {}", plan.side.name)))?;
        let left = self.left_by_a_drill(&arm, context, &plan).await;
        if let Some(cluster) = &cluster
            && let Some(mut assessment) = Cluster::standing(context, &plan, cluster)?
        {
            assessment.operations.extend(left);
            return Ok(assessment);
        }
        let sizes = fallback(context);
        let (choice, found) =
            preflight::look(&arm, &plan.subscription, &plan.side, &plan.mapped, &sizes).await;
        warnings.extend(found);
        if cluster.is_none() {
            warnings.extend(preflight::nodes_group(&arm, &plan).await);
        }
        if context.plan.journey == Journey::Failback {
            warnings.push(format!(
                "the cluster of {} is left as it is",
                context.plan.source.region
            ));
        }
        let mut made = operations(context, &plan, &id, &choice, &sizes)?;
        let (given, found) = roles::wanted(&arm, context, &plan).await;
        warnings.extend(found);
        let given = roles::operations(&plan, &given, &made[0].id);
        made.extend(given);
        let workloads = workloads::operations(context, &plan, &id, &made)?;
        Ok(Assessment {
            summary: match cluster {
                Some(_) => format!("{} stands already, made from this very capture", plan.side.name),
                None => format!(
                    "{} is made of {} pools in {}",
                    plan.side.name,
                    pools(&plan.mapped.body).len(),
                    plan.side.region
                ),
            },
            operations: made.into_iter().chain(workloads).chain(left).collect(),
            warnings,
            ..Assessment::default()
        })
    }

    /// Returns how the cluster of a drill that ended nowhere goes away once recovery is reached; nothing where there is
    /// none, and in a drill. Whoever cannot be asked now delays no move.
    async fn left_by_a_drill(&self, arm: &Arm, context: &Context, plan: &Plan) -> Option<Operation> {
        if context.plan.journey == Journey::Drill {
            return None;
        }
        let (name, id) = plan.of_drill().ok()?;
        let cluster = self.read(arm, &id).await.ok()??;
        view::tag(&cluster, SPECIFICATION_TAG)?;
        let run = view::tag(&cluster, RUN_TAG)?.to_owned();
        let of = "delete-left-by-drill".to_owned();
        let goal = format!("no cluster {name} of drill {run} exists");
        let payload = Payload::DeleteLeft { run };
        Some(operation(
            of,
            plan,
            &id,
            goal,
            Phase::AfterRecovery,
            vec![rung("only")],
            payload,
        ))
    }

    /// Adds the address at which the cluster's workloads are served: AKS puts it, tagged, into the nodes' group.
    async fn ingress(&self, arm: &Arm, plan: &Plan, outputs: &mut Outputs) {
        let Some(group) = outputs.get("node-resource-group").and_then(Value::as_str) else {
            return;
        };
        let path = ArmPath::subscription(&plan.subscription)
            .group(group)
            .provider("Microsoft.Network")
            .then("publicIPAddresses")
            .build();
        let Ok(path) = path else { return };
        // Without workloads there is none; whoever needs it finds out by its absence.
        let list = arm.list(&Request::get(path, ADDRESSES)).await.unwrap_or_default();
        let address = list
            .iter()
            .filter(|address| address.pointer("/tags/k8s-azure-service").is_some())
            .find_map(|address| address.pointer("/properties/ipAddress")?.as_str());
        if let Some(address) = address {
            outputs.insert("ingress-address".to_owned(), json!(address));
        }
    }

    async fn observe_cluster(
        &self,
        arm: &Arm,
        context: &Context,
        plan: &Plan,
        id: &str,
        choice: &Choice,
    ) -> Observation {
        match self.read(arm, id).await {
            Ok(None) => Observation::NotBegun {
                evidence: format!("there is no cluster {}", plan.side.name),
            },
            Ok(Some(cluster)) if !view::is_ours(&cluster, &plan.mapped.digest, run_of(context)) => {
                Observation::Barred {
                    evidence: format!("the cluster {} is not ours", plan.side.name),
                }
            }
            Ok(Some(cluster)) => {
                let mut seen = view::observe(&cluster, &plan.expected(choice), &context.run.0, &plan.place());
                if let Observation::Holds { outputs, .. } = &mut seen {
                    self.ingress(arm, plan, outputs).await;
                }
                seen
            }
            Err(error) => Observation::CannotTell {
                reason: error.to_string(),
            },
        }
    }

    async fn observe_deleted(&self, arm: &Arm, name: &str, id: &str, run: &str) -> Observation {
        let (evidence, word) = match self.read(arm, id).await {
            Ok(None) => {
                return Observation::Holds {
                    evidence: format!("there is no cluster {name}"),
                    ours: false,
                    outputs: Outputs::new(),
                };
            }
            Ok(Some(cluster)) if view::tag(&cluster, RUN_TAG) != Some(run) => {
                return Observation::Barred {
                    evidence: format!("the cluster {name} was not made by run {run} and is left alone"),
                };
            }
            Ok(Some(cluster)) => {
                let state = view::State::at(&cluster, "/properties/provisioningState");
                (format!("the cluster {name} is {state:?}"), state)
            }
            Err(error) => {
                return Observation::CannotTell {
                    reason: error.to_string(),
                };
            }
        };
        match word {
            view::State::Deleting => Observation::InMotion {
                evidence,
                ticket: None,
            },
            view::State::Moving(_) => Observation::Busy { evidence },
            view::State::Succeeded | view::State::Failed(_) => Observation::NotBegun { evidence },
        }
    }

    /// Deletes the cluster of one run. Looked at again at the last moment: what is another's is never deleted.
    async fn deletion(&self, arm: &Arm, id: String, run: &str) -> Result<Request, Sent> {
        match self.read(arm, &id).await {
            Ok(Some(cluster)) if view::tag(&cluster, RUN_TAG) == Some(run) => {
                Ok(Request::new(Method::Delete, id, API))
            }
            Ok(Some(_)) => Err(refusal::refused_here(
                "NotOurs",
                format!("the cluster was not made by run {run}"),
            )),
            Ok(None) => Err(Sent::Finished {
                outputs: Outputs::new(),
                warnings: Vec::new(),
            }),
            Err(error) => Err(Sent::NotSent {
                reason: error.to_string(),
            }),
        }
    }
}

#[async_trait]
impl Driver for Cluster {
    fn targets(&self, context: &Context) -> Vec<String> {
        // A move takes the drill's cluster along, so it claims it, too: a drill that still runs has to yield.
        let journeys = match context.plan.journey {
            Journey::Failover | Journey::Failback => vec![context.plan.journey, Journey::Drill],
            journey => vec![journey],
        };
        journeys
            .into_iter()
            .filter_map(|journey| Plan::claim(context, journey).ok())
            .map(|id| folded(&id))
            .collect()
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        match context.plan.journey {
            Journey::Failover | Journey::Failback | Journey::Drill => self.assess_move(context).await,
            Journey::Reprotect => Ok(Assessment {
                summary: "a cluster is not replicated: the one that serves now is what is captured next"
                    .to_owned(),
                ..Assessment::default()
            }),
        }
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        if kubernetes::is_one(operation) {
            let table = workloads::table_of(context);
            return self.workloads.observe(context, table, operation).await;
        }
        let arm = self.arm.for_step(context);
        let Carried { payload, subnet } = match Carried::of(operation) {
            Ok(carried) => carried,
            Err(reason) => return Observation::CannotTell { reason },
        };
        let (id, plan) = match self.plan(&arm, context, subnet.as_deref()).await {
            Ok(found) => found,
            Err(error) => {
                return Observation::CannotTell {
                    reason: error.to_string(),
                };
            }
        };
        match payload {
            Payload::Create { choice } => self.observe_cluster(&arm, context, &plan, &id, &choice).await,
            Payload::Role { who, scope, role } => match self.read(&arm, &id).await {
                Ok(cluster) => {
                    let role = (who.as_str(), scope.as_str(), role.as_str());
                    roles::observe(&arm, cluster.as_ref(), &plan, role, run_of(context)).await
                }
                Err(error) => Observation::CannotTell {
                    reason: error.to_string(),
                },
            },
            Payload::Delete => {
                let run = context.run.0.as_str();
                self.observe_deleted(&arm, &plan.side.name, &id, run).await
            }
            Payload::DeleteLeft { run } => match plan.of_drill() {
                Ok((name, id)) => self.observe_deleted(&arm, &name, &id, &run).await,
                Err(error) => Observation::Barred {
                    evidence: error.to_string(),
                },
            },
            Payload::Pool { name, .. } => match self.read(&arm, &id).await {
                Ok(cluster) => {
                    let run = (context.run.0.as_str(), run_of(context));
                    super::pools::observe(cluster.as_ref(), &plan, &name, &operation.rungs, run)
                }
                Err(error) => Observation::CannotTell {
                    reason: error.to_string(),
                },
            },
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, rung: &str, key: &AttemptKey) -> Sent {
        if kubernetes::is_one(operation) {
            let table = workloads::table_of(context);
            return self.workloads.begin(context, table, operation, key).await;
        }
        let arm = self.arm.for_step(context);
        let Carried { payload, subnet } = match Carried::of(operation) {
            Ok(carried) => carried,
            Err(reason) => return refusal::refused_here("InvalidPayload", reason),
        };
        let (id, plan) = match self.plan(&arm, context, subnet.as_deref()).await {
            Ok(found) => found,
            // Nothing left: whoever did not answer now may do so in a moment.
            Err(error @ (DriverError::Unreachable { .. } | DriverError::Refused { passing: true, .. })) => {
                return Sent::NotSent {
                    reason: error.to_string(),
                };
            }
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        let told = |sent: Sent| told(sent, &plan);
        let request = match payload {
            Payload::Create { choice } => {
                let standing = match choice.own_way.is_empty() {
                    true => Ok(None),
                    false => self.read(&arm, &id).await,
                };
                let choice = match standing {
                    Ok(cluster) => super::pools::as_they_stand(&choice, cluster.as_ref()),
                    Err(error) => return not_sent(&error),
                };
                Request::new(Method::Put, id, API).body(mapping::put(&plan.mapped, &choice, &context.run.0))
            }
            Payload::Pool { name, choice } => {
                let cluster = match self.read(&arm, &id).await {
                    Ok(cluster) => cluster,
                    Err(error) => return not_sent(&error),
                };
                let run = run_of(context);
                let request = super::pools::request(cluster.as_ref(), &plan, &choice, &name, rung, run);
                let request = match request {
                    Ok(request) => request,
                    Err(sent) => return sent,
                };
                let sent = send(&arm, &request, key).await;
                return told(super::pools::begun(sent, &name, rung));
            }
            Payload::Role { who, scope, role } => {
                let role = (who.as_str(), scope.as_str(), role.as_str());
                return match self.read(&arm, &id).await {
                    Ok(cluster) => {
                        let run = run_of(context);
                        told(roles::begin(&arm, cluster.as_ref(), &plan, role, run, key).await)
                    }
                    Err(error) => not_sent(&error),
                };
            }
            Payload::Delete => match self.deletion(&arm, id, &context.run.0).await {
                Ok(request) => request,
                Err(sent) => return sent,
            },
            Payload::DeleteLeft { run } => {
                let id = match plan.of_drill() {
                    Ok((_, id)) => id,
                    Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
                };
                match self.deletion(&arm, id, &run).await {
                    Ok(request) => request,
                    Err(sent) => return sent,
                }
            }
        };
        told(send(&arm, &request, key).await)
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        if kubernetes::is_one(operation) {
            let table = workloads::table_of(context);
            return self.workloads.poll(context, table, operation, ticket).await;
        }
        let arm = self.arm.for_step(context);
        // The status is enough: goal and outputs are read from the cluster itself.
        let progress = match super::pools::watched(ticket) {
            Some(pool) => self.watch_removal(&arm, context, operation, pool).await,
            None => lro::poll_once(&arm, ticket, &lro::FinalState::Status).await,
        };
        match super::pools::ended(progress, ticket) {
            Progress::Failed { code, message, .. } => {
                let plan = self.plan_of(context, operation);
                Progress::Failed {
                    // With another size behind it, one without machines is not asked for again.
                    retryable: advice::is_retryable(&code)
                        && !(advice::is_allocation(&code) && operation.rungs.len() > 1),
                    message: plan.map_or(message.clone(), |plan| {
                        advice::with_advice(&code, &message, &plan)
                    }),
                    code,
                }
            }
            progress => progress,
        }
    }
}

/// Sends the one changing request of a rung.
async fn send(arm: &Arm, request: &Request, key: &AttemptKey) -> Sent {
    match arm.change(request, key).await {
        Ok(reply) => lro::read_start(request, &reply),
        Err(sent) => refusal::with_passing(sent, |refusal| {
            advice::passes(refusal.status, &refusal.code, &refusal.message)
        }),
    }
}

/// Nothing left: whoever did not answer now may do so in a moment.
fn not_sent(error: &crate::arm::ReadError) -> Sent {
    Sent::NotSent {
        reason: error.to_string(),
    }
}

/// Returns what was sent, a refusal with what to do about it.
fn told(sent: Sent, plan: &Plan) -> Sent {
    match sent {
        Sent::Refused(mut refusal) => {
            refusal.message = advice::with_advice(&refusal.code, &refusal.message, plan);
            Sent::Refused(refusal)
        }
        sent => sent,
    }
}

#[cfg(test)]
mod tests;
