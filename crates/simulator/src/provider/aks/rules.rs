//! What is refused before a cluster is made or changed?

use serde_json::{Value, json};

use super::unwrapped;
use crate::{
    arm::{Answer, ArmRequest},
    provider::compute,
    world::World,
};

/// Minor versions that are offered everywhere, with a patch of each; 1.33.5 was recorded, the others stand for the
/// neighbours that Azure offers beside it.
const OFFERED: [(&str, &str); 3] = [("1.32", "1.32.9"), ("1.33", "1.33.5"), ("1.34", "1.34.1")];

/// The version of a cluster that asks for none.
pub(super) const USUAL: &str = "1.33";

/// Returns the minor versions that are offered in a region.
fn offered(world: &World, region: &str) -> Vec<(String, String)> {
    let mut offered: Vec<(String, String)> = OFFERED
        .iter()
        .map(|(minor, patch)| ((*minor).to_owned(), (*patch).to_owned()))
        .collect();
    for minor in world.capacity(region).into_iter().flat_map(|own| &own.versions) {
        if !offered.iter().any(|(known, _)| known == minor) {
            offered.push((minor.clone(), format!("{minor}.0")));
        }
    }
    offered
}

/// Returns the full version that a request for one means.
pub(super) fn patch(world: &World, region: &str, asked: &str) -> Option<String> {
    offered(world, region)
        .into_iter()
        .find(|(minor, patch)| minor == asked || patch == asked || asked.starts_with(&format!("{minor}.")))
        .map(|(minor, patch)| match asked == minor {
            true => patch,
            false => asked.to_owned(),
        })
}

/// Lists the versions that are offered in a location.
pub(super) fn versions(world: &World, request: &ArmRequest) -> Answer {
    let region = request.path.named("locations").unwrap_or_default();
    let values: Vec<Value> = offered(world, region)
        .into_iter()
        .map(|(minor, patch)| {
            let mut value = json!({
                "version": minor,
                "capabilities": {"supportPlan": ["KubernetesOfficial"]},
                "patchVersions": {patch: {"upgrades": []}},
            });
            if minor == USUAL {
                value["isDefault"] = json!(true);
            }
            value
        })
        .collect();
    Answer::json(200, json!({"values": values}))
}

/// Looks at a cluster that is asked for. `old` is the one that is there.
pub(super) fn cluster(world: &World, region: &str, body: &Value, old: Option<&Value>) -> Result<(), Answer> {
    let properties = &body["properties"];
    let pools = properties["agentPoolProfiles"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if !pools.iter().any(|pool| pool["mode"] == "System") {
        // That there must be one is documented, the words are as users reported them; the code is an inference.
        return Err(invalid(
            "Must define at least one system pool.",
            "agentPoolProfile.mode",
        ));
    }
    if old.is_none() {
        room_for_one_more(world, region)?;
    }
    let prefix = properties["dnsPrefix"].as_str().unwrap_or_default();
    if prefix.is_empty() && properties["fqdnSubdomain"].as_str().is_none() && old.is_none() {
        // Code and words are inferences.
        return Err(invalid(
            "The value of parameter dnsPrefix is missing.",
            "dnsPrefix",
        ));
    }
    version(
        world,
        region,
        &properties["kubernetesVersion"],
        "K8sVersionNotSupported",
    )?;
    identities(world, body)?;
    let old = old.map(super::pools).unwrap_or_default();
    for pool in &pools {
        let there = old.iter().find(|old| old["name"] == pool["name"]);
        self::pool(world, region, pool, there)?;
    }
    quota(world, region, &pools, &old)
}

/// The code is recorded; its status and words are inferences.
fn room_for_one_more(world: &World, region: &str) -> Result<(), Answer> {
    let Some(most) = world.capacity(region).and_then(|capacity| capacity.clusters) else {
        return Ok(());
    };
    let there = world
        .resources
        .values()
        .filter(|one| one.kind.eq_ignore_ascii_case(super::CLUSTERS) && one.region == region);
    match there.count() < most {
        true => Ok(()),
        false => Err(unwrapped(
            400,
            "ManagedClusterCountExceedsQuotaLimit",
            &format!("The number of managed clusters exceeds the quota limit of {most} in {region}."),
            "",
            "",
        )),
    }
}

/// Looks at a pool that is asked for. `old` is the one of its name that is there.
pub(super) fn pool(world: &World, region: &str, pool: &Value, old: Option<&Value>) -> Result<(), Answer> {
    let size = pool["vmSize"].as_str().unwrap_or_default();
    if let Some(old) = old.and_then(|old| old["vmSize"].as_str())
        && !old.eq_ignore_ascii_case(size)
    {
        // That a size cannot be changed, of a pool that was never allocated either, is documented; the code is an
        // inference.
        return Err(unwrapped(
            400,
            "PropertyChangeNotAllowed",
            "Changing property 'properties.vmSize' is not allowed.",
            "",
            "properties.vmSize",
        ));
    }
    if compute::find(size).is_none() {
        // Code and words are inferences.
        return Err(invalid(
            &format!(
                "The value of parameter agentPoolProfile.vmSize is invalid: {size} is not known in {region}."
            ),
            "agentPoolProfile.vmSize",
        ));
    }
    if compute::restricted(world, region, size).is_some() {
        // As users reported it. `SkuNotAvailable` is what machines are refused with.
        return Err(unwrapped(
            400,
            "BadRequest",
            &format!(
                "The VM size of {size} is not allowed in your subscription in location '{region}'. For more details, \
                 please visit https://aka.ms/aks/quotas-skus-regions"
            ),
            "",
            "agentPoolProfile.vmSize",
        ));
    }
    version(
        world,
        region,
        &pool["orchestratorVersion"],
        "AgentPoolK8sVersionNotSupported",
    )?;
    system_pool(pool)?;
    zones(world, region, size, pool)?;
    for name in ["vnetSubnetID", "podSubnetID"] {
        if let Some(id) = pool[name].as_str().filter(|id| !id.is_empty()) {
            subnet(world, region, id, name)?;
        }
    }
    Ok(())
}

/// A system pool runs the cluster's own parts: Linux, a node at least, and no taint that keeps them away. All of it is
/// documented; the answer to a taint is recorded, the others are inferences.
fn system_pool(pool: &Value) -> Result<(), Answer> {
    if pool["mode"] != "System" {
        return Ok(());
    }
    let harmless =
        |taint: &str| taint.starts_with("CriticalAddonsOnly") || taint.ends_with(":PreferNoSchedule");
    let mut taints = pool["nodeTaints"].as_array().into_iter().flatten();
    if taints.any(|taint| taint.as_str().is_some_and(|taint| !harmless(taint))) {
        return Err(unwrapped(
            400,
            "SystemPoolHasRestrictedTaint",
            "Placing custom taints on system pool is not supported(except 'CriticalAddonsOnly' taint or taint effect \
             is 'PreferNoSchedule'). Please refer to https://aka.ms/aks/system-taints for detail",
            "",
            "agentPoolProfile.nodeTaints",
        ));
    }
    let windows = pool["osType"]
        .as_str()
        .is_some_and(|os| os.eq_ignore_ascii_case("windows"));
    if windows {
        return Err(invalid(
            "A system pool has to be of OS type Linux.",
            "agentPoolProfile.osType",
        ));
    }
    if pool["count"] == 0 {
        return Err(invalid(
            "A system pool has to have at least one node.",
            "agentPoolProfile.count",
        ));
    }
    Ok(())
}

/// Zones that the region has not, or in which the size is not sold to the subscription. Code and words are inferences.
fn zones(world: &World, region: &str, size: &str, pool: &Value) -> Result<(), Answer> {
    let gone = compute::restricted_zones(world, region, size);
    let mut zones = compute::zones(world, region);
    zones.retain(|zone| !gone.contains(zone));
    for zone in pool["availabilityZones"].as_array().into_iter().flatten() {
        if !zones.iter().any(|known| Some(known.as_str()) == zone.as_str()) {
            return Err(invalid(
                &format!("The zone {zone} is not available for {size} in {region}."),
                "agentPoolProfile.availabilityZones",
            ));
        }
    }
    Ok(())
}

/// A subnet must be there and lie in the cluster's region. Recorded: a network that is not there ends in a 500. How
/// Azure words the rest is an inference.
fn subnet(world: &World, region: &str, id: &str, name: &str) -> Result<(), Answer> {
    let target = format!("agentPoolProfile.{name}");
    if let Some((network, _)) = id.split_once("/subnets/")
        && world.resource(network).is_none()
    {
        let part = |place: usize| network.split('/').nth(place).unwrap_or_default();
        let words = format!(
            "Get virtual network failed. Subscription: {}; resource group: {}; virtual network name: {}",
            part(2),
            part(4),
            network.rsplit('/').next().unwrap_or_default()
        );
        let body = json!({"code": "GetVnetError", "message": words});
        return Err(Answer::json(500, body).header("x-ms-failure-cause", "service"));
    }
    match world.resource(id) {
        None => Err(invalid(&format!("The subnet {id} was not found."), &target)),
        Some(subnet) if subnet.region != region => Err(invalid(
            &format!("The subnet {id} is not in the location of the cluster, {region}."),
            &target,
        )),
        Some(_) => Ok(()),
    }
}

/// As users reported it: status, codes and words.
fn version(world: &World, region: &str, asked: &Value, code: &str) -> Result<(), Answer> {
    match asked.as_str().filter(|asked| !asked.is_empty()) {
        Some(asked) if patch(world, region, asked).is_none() => Err(unwrapped(
            400,
            code,
            &format!(
                "Version {asked} is not supported in this region. Please use [az aks get-versions] command to get the \
                 supported version list in this region. For more information, please check \
                 https://aka.ms/supported-version-list"
            ),
            "",
            "",
        )),
        _ => Ok(()),
    }
}

/// Recorded for an identity that is not there: the code and the shape of the message.
fn identities(world: &World, body: &Value) -> Result<(), Answer> {
    let asked = body["identity"]["userAssignedIdentities"].as_object();
    for id in asked.into_iter().flat_map(serde_json::Map::keys) {
        if world.resource(id).is_none() {
            return Err(Answer::gateway(
                400,
                "FailedIdentityOperation",
                format!(
                    "Identity operation failed with error 'Failed to perform resource identity operation. Status: \
                     'BadRequest'. Response: 'Resource '{id}' was not found.'"
                ),
            ));
        }
    }
    Ok(())
}

/// Counts the cores of what is asked for beside what is in use already.
pub(super) fn quota(world: &World, region: &str, asked: &[Value], old: &[Value]) -> Result<(), Answer> {
    let mut families: Vec<Option<&str>> = vec![None];
    families.extend(
        asked
            .iter()
            .filter_map(|pool| compute::find(pool["vmSize"].as_str()?))
            .map(|size| Some(size.family)),
    );
    let count = |pools: &[Value], family: Option<&str>| -> u64 {
        pools
            .iter()
            .filter_map(|pool| compute::wanted(pool, family))
            .fold(0, u64::saturating_add)
    };
    for family in families {
        let (limit, wanted) = (compute::limit(world, region, family), count(asked, family));
        let used = compute::used(world, region, family).saturating_sub(count(old, family));
        if used.saturating_add(wanted) > limit {
            let what = family.unwrap_or("cores");
            // That a quota is told with such a code is documented, and users reported it; the words are an inference.
            return Err(unwrapped(
                400,
                "QuotaExceeded",
                &format!(
                    "Insufficient {what} quota in {region}: left quota {}, requested {wanted}, limit {limit}.",
                    limit.saturating_sub(used)
                ),
                "",
                "agentPoolProfile.vmSize",
            ));
        }
    }
    Ok(())
}

fn invalid(message: &str, target: &str) -> Answer {
    unwrapped(400, "InvalidParameter", message, "", target)
}
