//! How does a failover group of SQL managed instances change sides? The side that takes over is
//! asked, and only its view counts.

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError, SourceRegion},
    work::{
        Assessment, Figure, Loss, Observation, Operation, Outputs, Phase, Progress, Refusal, Rung, Sent,
        Ticket,
    },
};
use leeward_runbook::{
    journey::{Journey, Region},
    kind::RepeatClass,
    plan::LadderRung,
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

use super::view::{GroupView, Replication, Role};
use crate::{
    arm::{Arm, Method, ReadError, Request, lro, path::folded, refusal},
    bridge,
    kinds::settings,
};

/// The version that every request asks for.
const API: &str = "2023-08-01";
/// A written change may arrive 60 s late and stay invisible for another 60 s; a forced switch
/// reads `SUSPENDED` for about a minute on top.
const SETTLING: Duration = Duration::from_secs(180);
/// How long a planned switch is waited for where the runbook does not say.
const PLANNED_WITHIN: Duration = Duration::from_secs(10 * 60);
/// Azure's word for "the side you ask is the primary already".
const ALREADY: [&str; 2] = [
    "InstanceFailoverGroupFailoverRequestOnPrimary",
    "InstanceFailoverGroupNotSecondary",
];

/// Drives `azure.sql.managed-instance-failover-group`.
pub(super) struct InstanceGroup {
    arm: Arm,
}

/// One of the two resources that the group is.
struct SideOf {
    subscription: String,
    group: String,
    location: String,
    name: String,
}

impl SideOf {
    fn target(context: &Context) -> Result<SideOf, DriverError> {
        SideOf::read(context, &context.target, &context.plan.target)
    }

    fn source(context: &Context) -> Result<SideOf, DriverError> {
        SideOf::read(context, &context.source, &context.plan.source)
    }

    fn read(context: &Context, side: &Value, region: &Region) -> Result<SideOf, DriverError> {
        crate::arm::path::check_segment(&region.region).map_err(settings::impossible)?;
        Ok(SideOf {
            subscription: settings::subscription(context, side)?.to_owned(),
            group: settings::of_side(context, side, "resource-group")?.to_owned(),
            location: region.region.clone(),
            name: settings::name(&context.settings, "failover-group")?.to_owned(),
        })
    }

    fn path(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Sql/locations/{}/instanceFailoverGroups/{}",
            self.subscription, self.group, self.location, self.name
        )
    }

    fn what(&self) -> String {
        format!("failover group {} in {}", self.name, self.location)
    }

    async fn view(&self, arm: &Arm) -> Result<GroupView, ReadError> {
        let reply = bridge::read(arm, API, |vendor| {
            let (group, location) = (self.group.clone(), self.location.clone());
            let (name, subscription) = (self.name.clone(), self.subscription.clone());
            async move {
                let client = vendor.sql()?.instance_failover_groups_client();
                client.get(group, location, name, subscription).send().await
            }
        })
        .await?;
        Ok(GroupView::read(&reply.body))
    }

    async fn switch(&self, arm: &Arm, key: &AttemptKey, forced: bool) -> Sent {
        let reply = bridge::change(arm, key, API, |vendor| {
            let (group, location) = (self.group.clone(), self.location.clone());
            let (name, subscription) = (self.name.clone(), self.subscription.clone());
            async move {
                let client = vendor.sql()?.instance_failover_groups_client();
                if forced {
                    let builder = client.force_failover_allow_data_loss(group, location, name, subscription);
                    builder.send().await.map(|_| ())
                } else {
                    client
                        .failover(group, location, name, subscription)
                        .send()
                        .await
                        .map(|_| ())
                }
            }
        })
        .await;
        match reply {
            Ok(reply) => lro::read_start(&Request::new(Method::Post, self.path(), API), &reply),
            Err(sent) => refusal::with_passing(sent, passing),
        }
    }
}

/// `…RequestOnPrimary` may mean that it is done already: it is looked at again, not given up.
fn passing(refusal: &Refusal) -> Option<bool> {
    ALREADY.contains(&refusal.code.as_str()).then_some(true)
}

/// Failures after which another attempt is worth it. A planned switch that timed out is not one:
/// the next rung is.
fn retryable(code: &str) -> bool {
    matches!(
        code,
        "OperationTimedOut"
            | "OperationInterrupted"
            | "OperationCancelled"
            | "InstanceFailoverGroupBusy"
            | "ConflictingManagedInstanceOperation"
            | "ManagedInstanceOperationInProgress"
    )
}

impl InstanceGroup {
    pub(super) fn new(arm: Arm) -> InstanceGroup {
        InstanceGroup { arm }
    }

    /// Reads the side that serves, where it may be asked at all. It is never needed.
    async fn other_view(&self, arm: &Arm, context: &Context) -> Result<Option<GroupView>, String> {
        if context.source_region == SourceRegion::Closed {
            return Ok(None);
        }
        let side = SideOf::source(context).map_err(|error| error.to_string())?;
        match side.view(arm).await {
            Ok(view) => Ok(Some(view)),
            Err(error) => Err(format!("{} was not readable: {error}", side.what())),
        }
    }

    async fn assess_switch(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let side = SideOf::target(context)?;
        let view = side
            .view(&arm)
            .await
            .map_err(|error| error.into_driver_error(side.what()))?;
        if let (Replication::Seeding(word), Role::Secondary) = (&view.replication, &view.role) {
            return Err(DriverError::Refused {
                what: side.what(),
                code: word.clone(),
                message: "the secondary is still being filled: no switch is possible".to_owned(),
                passing: true,
            });
        }
        let mut warnings = Vec::new();
        match self.other_view(&arm, context).await {
            Ok(Some(other)) if other.role == view.role => warnings.push(format!(
                "both sides call themselves {}: the pair is not consistent",
                if view.role == Role::Primary {
                    "primary"
                } else {
                    "secondary"
                }
            )),
            Ok(_) => {}
            Err(warning) => warnings.push(warning),
        }
        Ok(Assessment {
            summary: format!("{} is {view}", side.what()),
            operations: vec![Operation {
                id: OperationId::new("failover"),
                target: folded(&side.path()),
                goal: format!("{} is primary of {}", side.location, side.name),
                after: Vec::new(),
                phase: Phase::Main,
                rungs: rungs(context, &view)?,
                observable: true,
                payload: Value::Null,
            }],
            losses: vec![loss(context, &side.name)],
            warnings,
            ..Assessment::default()
        })
    }

    /// A drill only looks: each real switch takes a full backup that can stand in the way of the next for hours.
    async fn assess_drill(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let side = SideOf::target(context)?;
        let view = side
            .view(&arm)
            .await
            .map_err(|error| error.into_driver_error(side.what()))?;
        let mut warnings = Vec::new();
        if !matches!(view.replication, Replication::Healthy(_)) {
            warnings.push(format!(
                "a switch now would not be a planned one: {} is {view}",
                side.what()
            ));
        }
        if settings::optional_text(&context.settings, "real").is_some_and(|real| real != "no") {
            warnings
                .push("`real: planned` is not done by this version: the group was only assessed".to_owned());
        }
        Ok(Assessment {
            summary: format!("{} is {view}; nothing is changed in a drill", side.what()),
            warnings,
            ..Assessment::default()
        })
    }

    /// Replication turns round by itself once the old primary is back; this waits for it.
    async fn assess_reprotect(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let side = SideOf::target(context)?;
        let view = side
            .view(&arm)
            .await
            .map_err(|error| error.into_driver_error(side.what()))?;
        let waits = |message: String| {
            Err(DriverError::Refused {
                what: side.what(),
                code: "NotReplicating".to_owned(),
                message,
                passing: true,
            })
        };
        if !matches!(view.replication, Replication::Healthy(_)) {
            return waits(format!("replication is not healthy yet: {view}"));
        }
        match self.other_view(&arm, context).await {
            Ok(Some(other))
                if other.role == view.role || !matches!(other.replication, Replication::Healthy(_)) =>
            {
                return waits(format!(
                    "the two sides do not agree yet: {view} here, {other} there"
                ));
            }
            Err(reason) => return waits(reason),
            Ok(_) => {}
        }
        Ok(Assessment {
            summary: format!("{} is {view}: it is protected", side.what()),
            ..Assessment::default()
        })
    }
}

fn loss(context: &Context, name: &str) -> Loss {
    Loss {
        store: format!("{}/{name}", context.step.id),
        // A planned switch is not listed: it synchronises fully and loses nothing.
        by_rung: BTreeMap::from([("forced".to_owned(), Figure::Unknown)]),
        source: "no lag in REST; the lag is T-SQL on the primary".to_owned(),
        as_of: None,
    }
}

/// Returns the ladder of the step, with what bars its first rung.
fn rungs(context: &Context, view: &GroupView) -> Result<Vec<Rung>, DriverError> {
    let otherwise = [
        LadderRung {
            name: "planned".to_owned(),
            within: Some(PLANNED_WITHIN),
        },
        LadderRung {
            name: "forced".to_owned(),
            within: None,
        },
    ];
    let ladder = context
        .step
        .data_loss
        .as_ref()
        .map_or(otherwise.as_slice(), |loss| &loss.ladder);
    ladder
        .iter()
        .map(|rung| match rung.name.as_str() {
            "planned" | "forced" => Ok(Rung {
                name: rung.name.clone(),
                // Azure refuses a second by 400 …RequestOnPrimary, or 409 while one is in motion.
                repeat: RepeatClass::SelfGuarded,
                settling: SETTLING,
                within: rung.within,
                lossy: rung.name == "forced",
                beside: rung.name == "forced",
                skip: if rung.name == "planned" {
                    barred(context, view)
                } else {
                    None
                },
            }),
            other => Err(DriverError::Impossible {
                reason: format!("a failover group has no rung `{other}`: planned or forced"),
            }),
        })
        .collect()
}

/// Returns why a planned switch is known to fail.
fn barred(context: &Context, view: &GroupView) -> Option<String> {
    if context.plan.region_down || context.source_region == SourceRegion::Closed {
        return Some(format!(
            "the outage of {} is declared, and a planned switch needs both sides",
            context.plan.source.region
        ));
    }
    match (&view.role, &view.replication) {
        (Role::Secondary, Replication::Suspended(word)) => Some(format!(
            "the side that takes over reads {word}: it does not hear from the primary"
        )),
        _ => None,
    }
}

/// Reads the goal from the side that takes over.
fn observe(what: &str, answer: Result<GroupView, ReadError>) -> Observation {
    let view = match answer {
        Ok(view) => view,
        Err(error) if error.is_missing() => {
            return Observation::Barred {
                evidence: format!("{what}: {error}"),
            };
        }
        Err(error) => {
            return Observation::CannotTell {
                reason: format!("{what}: {error}"),
            };
        }
    };
    let evidence = format!("{what} is {view}");
    match (view.role, view.replication) {
        // The way back, or the tail of our own: either way it is not over.
        (Role::Primary, Replication::Switching(_)) => Observation::Busy { evidence },
        // Whatever the replication says: after a forced switch it is `SUSPENDED` for a while.
        (Role::Primary, _) => Observation::Holds {
            evidence,
            // Nothing in the group tells who asked for it.
            ours: false,
            outputs: Outputs::new(),
        },
        (Role::Secondary, Replication::Switching(_)) => Observation::InMotion {
            evidence,
            ticket: None,
        },
        (Role::Secondary, Replication::Seeding(_)) => Observation::Busy { evidence },
        (Role::Secondary, _) => Observation::NotBegun { evidence },
        (Role::Other(_), _) => Observation::CannotTell { reason: evidence },
    }
}

#[async_trait]
impl Driver for InstanceGroup {
    fn targets(&self, context: &Context) -> Vec<String> {
        [SideOf::target(context), SideOf::source(context)]
            .into_iter()
            .flatten()
            .map(|side| folded(&side.path()))
            .collect()
    }

    async fn measure(&self, context: &Context) -> Result<Vec<Loss>, DriverError> {
        match context.plan.journey {
            Journey::Failover | Journey::Failback => Ok(vec![loss(
                context,
                settings::name(&context.settings, "failover-group")?,
            )]),
            Journey::Drill | Journey::Reprotect => Ok(Vec::new()),
        }
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        match context.plan.journey {
            Journey::Failover | Journey::Failback => self.assess_switch(context).await,
            Journey::Drill => self.assess_drill(context).await,
            Journey::Reprotect => self.assess_reprotect(context).await,
        }
    }

    async fn observe(&self, context: &Context, _operation: &Operation) -> Observation {
        match SideOf::target(context) {
            Ok(side) => observe(&side.what(), side.view(&self.arm.for_step(context)).await),
            Err(error) => Observation::Barred {
                evidence: error.to_string(),
            },
        }
    }

    async fn begin(&self, context: &Context, _operation: &Operation, rung: &str, key: &AttemptKey) -> Sent {
        let side = match SideOf::target(context) {
            Ok(side) => side,
            Err(error) => return refusal::refused_here("InvalidSettings", error.to_string()),
        };
        match rung {
            "planned" => side.switch(&self.arm.for_step(context), key, false).await,
            "forced" => side.switch(&self.arm.for_step(context), key, true).await,
            other => refusal::refused_here("UnknownRung", format!("a failover group has no rung `{other}`")),
        }
    }

    async fn poll(&self, context: &Context, _operation: &Operation, ticket: &Ticket) -> Progress {
        // The status is enough: the goal is read from the group itself.
        match lro::poll_once(&self.arm.for_step(context), ticket, &lro::FinalState::Status).await {
            Progress::Failed { code, message, .. } => Progress::Failed {
                retryable: retryable(&code),
                code,
                message,
            },
            progress => progress,
        }
    }
}

#[cfg(test)]
mod tests;
