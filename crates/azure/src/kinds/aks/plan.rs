//! What does a step say of its cluster: where is it to stand, and made from what?

use leeward_engine::port::{Context, DriverError};
use leeward_runbook::journey::Journey;

use super::{
    capture::{self, pools, text},
    mapping::{self, Choice, Mapped, Side},
};
use crate::{arm::ArmPath, kinds::settings};

/// The longest name that AKS takes.
const LONGEST_NAME: usize = 63;
/// The longest prefix of an API server's name.
const LONGEST_PREFIX: usize = 54;

/// A pool as the cluster's PUT asked for it.
pub(super) struct Expected {
    pub(super) name: String,
    pub(super) size: Option<String>,
    /// Whether an operation of its own sees to it.
    pub(super) own_way: bool,
}

/// Where a cluster is, in the words of the command line.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) group: String,
}

/// One step's cluster: where it is to stand, and as what.
pub(super) struct Plan {
    pub(super) subscription: String,
    pub(super) group: String,
    pub(super) side: Side,
    pub(super) mapped: Mapped,
    /// What was captured, whole.
    pub(super) capture: serde_json::Value,
}

impl Plan {
    /// Reads the settings and maps the pinned capture. Asks nobody.
    pub(super) fn read(context: &Context) -> Result<Plan, DriverError> {
        let impossible = |reason: String| DriverError::Impossible { reason };
        let target = &context.target;
        let subscription = settings::subscription(context, target)?.to_owned();
        let group = settings::of_side(context, target, "resource-group")?.to_owned();
        let own = settings::of_side(context, target, "name")?;
        let name = name_of(context.plan.journey, own);
        let optional = |name: &str| {
            settings::optional_text(target, name).or_else(|| settings::optional_text(&context.settings, name))
        };
        let below = ArmPath::subscription(&subscription).group(&group);
        let subnet = match (optional("subnet"), optional("network")) {
            (None, _) => None,
            (Some(id), _) if id.starts_with('/') => Some(ArmPath::resource(id)),
            (Some(name), Some(network)) => Some(
                below
                    .clone()
                    .provider("Microsoft.Network")
                    .pair("virtualNetworks", network)
                    .pair("subnets", name),
            ),
            (Some(name), None) => {
                return Err(impossible(format!("nobody looked up the network of {name}")));
            }
        };
        let identity = optional("identity").map(|id| match id.starts_with('/') {
            true => ArmPath::resource(id),
            false => below
                .provider("Microsoft.ManagedIdentity")
                .pair("userAssignedIdentities", id),
        });
        let whole = |path: Option<ArmPath>| {
            path.map(|path| path.build().map_err(settings::impossible))
                .transpose()
        };
        let prefix = match optional("dns-prefix") {
            Some(prefix) if context.plan.journey != Journey::Drill => prefix.to_owned(),
            _ => name.clone(),
        };
        crate::arm::path::check_segment(&context.plan.target.region).map_err(settings::impossible)?;
        let side = Side {
            region: context.plan.target.region.clone(),
            name,
            subnet: whole(subnet)?,
            identity: whole(identity)?,
            dns_prefix: prefix.chars().take(LONGEST_PREFIX).collect(),
            version: optional("version").map(str::to_owned),
        };
        let path = file_of(context);
        let bytes = context
            .files
            .read(&path)
            .ok_or_else(|| impossible(format!("the plan pinned no capture at `{path}`")))?;
        let capture = capture::read(&bytes).map_err(|reason| impossible(format!("`{path}`: {reason}")))?;
        let mapped = mapping::map(&capture, &side).map_err(impossible)?;
        Ok(Plan {
            subscription,
            group,
            side,
            mapped,
            capture,
        })
    }

    /// Returns the cluster's id in a journey, as the settings alone tell it. Needs neither capture nor network.
    pub(super) fn claim(context: &Context, journey: Journey) -> Result<String, DriverError> {
        let own = settings::of_side(context, &context.target, "name")?;
        ArmPath::subscription(settings::subscription(context, &context.target)?)
            .group(settings::of_side(context, &context.target, "resource-group")?)
            .provider("Microsoft.ContainerService")
            .pair("managedClusters", &name_of(journey, own))
            .build()
            .map_err(settings::impossible)
    }

    fn path(&self) -> Result<ArmPath, DriverError> {
        Ok(ArmPath::subscription(&self.subscription)
            .group(&self.group)
            .provider("Microsoft.ContainerService")
            .pair("managedClusters", &self.side.name))
    }

    /// Returns the cluster's id.
    pub(super) fn id(&self) -> Result<String, DriverError> {
        self.path()?.build().map_err(settings::impossible)
    }

    /// Returns name and id of the cluster that a drill of this step makes.
    pub(super) fn of_drill(&self) -> Result<(String, String), DriverError> {
        let name = name_of(Journey::Drill, &self.side.name);
        let id = ArmPath::subscription(&self.subscription)
            .group(&self.group)
            .provider("Microsoft.ContainerService")
            .pair("managedClusters", &name)
            .build()
            .map_err(settings::impossible)?;
        Ok((name, id))
    }

    /// Returns the id of one of its pools.
    pub(super) fn pool_id(&self, name: &str) -> Result<String, DriverError> {
        self.path()?
            .pair("agentPools", name)
            .build()
            .map_err(settings::impossible)
    }

    /// Returns the pools that the cluster's own PUT carries.
    pub(super) fn expected(&self, choice: &Choice) -> Vec<Expected> {
        pools(&self.mapped.body)
            .iter()
            .filter_map(|pool| {
                let name = text(pool, "name")?.to_owned();
                let chosen = choice.sizes.get(&name).cloned();
                let size = chosen.or_else(|| text(pool, "vmSize").map(str::to_owned));
                let own_way = choice.own_way.contains(&name);
                Some(Expected { name, size, own_way })
            })
            .filter(|pool| !choice.later.contains(&pool.name))
            .collect()
    }

    /// Returns the cluster and its group, for what a person is to type.
    pub(super) fn place(&self) -> Place {
        Place {
            name: self.side.name.clone(),
            group: self.group.clone(),
        }
    }
}

/// A drill's cluster has a name of its own.
pub(super) fn name_of(journey: Journey, own: &str) -> String {
    match journey {
        Journey::Drill => {
            let name: String = format!("drill-{own}").chars().take(LONGEST_NAME).collect();
            name.trim_end_matches(['-', '_']).to_owned()
        }
        _ => own.to_owned(),
    }
}

/// Returns the path of the capture in the runbook's folder.
fn file_of(context: &Context) -> String {
    let written = settings::optional_text(&context.settings, "specification")
        .or_else(|| settings::optional_text(&context.settings, "from").filter(|from| *from != "capture"));
    written.map_or_else(
        || format!("captures/{}.json", context.step.id),
        |path| path.trim_start_matches("./").to_owned(),
    )
}
