//! What is one side of a failover group, how is it read, and how is it asked to take over?
//!
//! A group is two resources, one on either side, each with its own view of the whole. This is the only file
//! that knows where groups of servers and groups of instances differ on the wire.

use leeward_engine::{
    id::AttemptKey,
    port::{Context, DriverError},
    work::Sent,
};
use leeward_runbook::journey::Region;
use serde_json::Value;

use super::{
    API, judge,
    view::{GroupView, Replication},
};
use crate::{
    arm::{
        Arm, ArmPath, Method, ReadError, Request, lro,
        path::{check_segment, folded},
        refusal,
    },
    bridge,
    kinds::settings,
};

/// What a failover group is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Azure SQL Database servers.
    Servers,
    /// Managed instances.
    Instances,
}

impl Of {
    /// Returns the kind of step that moves such a group.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Of::Servers => "azure.sql.failover-group",
            Of::Instances => "azure.sql.managed-instance-failover-group",
        }
    }
}

/// A way to ask a side to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// `failover`: synchronises fully, needs both sides.
    Planned,
    /// `tryPlannedBeforeForcedFailover`: groups of servers only.
    TryPlanned,
    /// `forceFailoverAllowDataLoss`.
    Forced,
}

impl Verb {
    /// Returns the verb of a rung.
    pub(super) fn of(rung: &str) -> Option<Verb> {
        match rung {
            "planned" => Some(Verb::Planned),
            "try-planned" => Some(Verb::TryPlanned),
            "forced" => Some(Verb::Forced),
            _ => None,
        }
    }

    /// Returns whether it can lose data.
    pub(super) fn is_lossy(self) -> bool {
        self != Verb::Planned
    }
}

/// One of the two resources that the group is.
pub(super) struct GroupSide {
    pub(super) of: Of,
    pub(super) subscription: String,
    pub(super) group: String,
    pub(super) region: String,
    pub(super) name: String,
    /// The logical server; the region for groups of instances.
    pub(super) host: String,
}

impl GroupSide {
    /// Reads the side that takes over.
    pub(super) fn target(of: Of, context: &Context) -> Result<GroupSide, DriverError> {
        GroupSide::read(of, context, &context.target, &context.plan.target)
    }

    /// Reads the side that serves before the move.
    pub(super) fn source(of: Of, context: &Context) -> Result<GroupSide, DriverError> {
        GroupSide::read(of, context, &context.source, &context.plan.source)
    }

    fn read(of: Of, context: &Context, side: &Value, region: &Region) -> Result<GroupSide, DriverError> {
        check_segment(&region.region).map_err(settings::impossible)?;
        Ok(GroupSide {
            of,
            subscription: settings::subscription(context, side)?.to_owned(),
            group: settings::of_side(context, side, "resource-group")?.to_owned(),
            region: region.region.clone(),
            name: settings::name(&context.settings, "failover-group")?.to_owned(),
            host: match of {
                Of::Servers => settings::name(side, "server")?.to_owned(),
                Of::Instances => region.region.clone(),
            },
        })
    }

    /// Returns the id of this side's view of the group.
    pub(super) fn path(&self) -> String {
        let under = format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Sql",
            self.subscription, self.group
        );
        match self.of {
            Of::Servers => format!("{under}/servers/{}/failoverGroups/{}", self.host, self.name),
            Of::Instances => format!(
                "{under}/locations/{}/instanceFailoverGroups/{}",
                self.host, self.name
            ),
        }
    }

    /// Returns the id as it is claimed and compared.
    pub(super) fn folded(&self) -> String {
        folded(&self.path())
    }

    /// Returns the id of this side's logical server, for groups of servers.
    pub(super) fn server(&self) -> Result<ArmPath, DriverError> {
        match self.of {
            Of::Servers => Ok(ArmPath::subscription(&self.subscription)
                .group(&self.group)
                .provider("Microsoft.Sql")
                .pair("servers", &self.host)),
            Of::Instances => Err(DriverError::Impossible {
                reason: "a group of managed instances has no server".to_owned(),
            }),
        }
    }

    /// Returns what it is called in evidence.
    pub(super) fn what(&self) -> String {
        match self.of {
            Of::Servers => format!("failover group {} on {}", self.name, self.host),
            Of::Instances => format!("failover group {} in {}", self.name, self.host),
        }
    }

    /// Reads this side's view of the group.
    pub(super) async fn view(&self, arm: &Arm) -> Result<GroupView, ReadError> {
        let (group, host) = (self.group.clone(), self.host.clone());
        let (name, subscription) = (self.name.clone(), self.subscription.clone());
        let of = self.of;
        let reply = bridge::read(arm, API, |vendor| async move {
            let client = vendor.sql()?;
            match of {
                Of::Servers => {
                    let groups = client.failover_groups_client();
                    groups
                        .get(group, host, name, subscription)
                        .send()
                        .await
                        .map(|_| ())
                }
                Of::Instances => {
                    let groups = client.instance_failover_groups_client();
                    groups
                        .get(group, host, name, subscription)
                        .send()
                        .await
                        .map(|_| ())
                }
            }
        })
        .await?;
        Ok(GroupView::read(&reply.body))
    }

    /// Asks this side to take over, once.
    pub(super) async fn switch(&self, arm: &Arm, key: &AttemptKey, verb: Verb) -> Sent {
        let (group, host) = (self.group.clone(), self.host.clone());
        let (name, subscription) = (self.name.clone(), self.subscription.clone());
        let of = self.of;
        if (of, verb) == (Of::Instances, Verb::TryPlanned) {
            return refusal::refused_here(
                "UnknownRung",
                "groups of managed instances have no tryPlannedBeforeForcedFailover: the ladder does it",
            );
        }
        let reply = bridge::change(arm, key, API, |vendor| async move {
            let client = vendor.sql()?;
            let servers = client.failover_groups_client();
            let instances = client.instance_failover_groups_client();

            match (of, verb) {
                (Of::Servers, Verb::Planned) => {
                    let builder = servers.failover(group, host, name, subscription);
                    builder.send().await.map(|_| ())
                }
                (Of::Servers, Verb::TryPlanned) => {
                    let builder = servers.try_planned_before_forced_failover(group, host, name, subscription);
                    builder.send().await.map(|_| ())
                }
                (Of::Servers, Verb::Forced) => {
                    let builder = servers.force_failover_allow_data_loss(group, host, name, subscription);
                    builder.send().await.map(|_| ())
                }
                (Of::Instances, Verb::Forced) => {
                    let builder = instances.force_failover_allow_data_loss(group, host, name, subscription);
                    builder.send().await.map(|_| ())
                }
                (Of::Instances, Verb::Planned | Verb::TryPlanned) => {
                    let builder = instances.failover(group, host, name, subscription);
                    builder.send().await.map(|_| ())
                }
            }
        })
        .await;
        match reply {
            Ok(reply) => lro::read_start(&Request::new(Method::Post, self.path(), API), &reply),
            Err(sent) => refusal::with_passing(sent, judge::passing),
        }
    }
}

/// Returns why two views are no consistent pair, read one after the other.
pub(super) fn disagree(here: &GroupView, there: &GroupView) -> Option<String> {
    if here.role == there.role {
        return Some(format!(
            "both sides call themselves {}: the pair is not consistent",
            here.role.word()
        ));
    }
    if matches!(there.replication, Replication::Switching(_)) {
        return Some(format!("the other side is {there}: a switch is in motion"));
    }
    None
}
