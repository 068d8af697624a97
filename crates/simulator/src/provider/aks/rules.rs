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
        // That there must be one is documented, the wording is an inference.
        return Err(invalid(
            "Must define at least one system pool.",
            "agentPoolProfile.mode",
        ));
    }
    let prefix = properties["dnsPrefix"].as_str().unwrap_or_default();
    if prefix.is_empty() && properties["fqdnSubdomain"].as_str().is_none() && old.is_none() {
        return Err(invalid(
            "The value of parameter dnsPrefix is missing.",
            "dnsPrefix",
        ));
    }
    version(
        world,
        region,
        &properties["kubernetesVersion"],
        "kubernetesVersion",
    )?;
    identities(world, body)?;
    for pool in &pools {
        self::pool(world, region, pool)?;
    }
    let old = old.map(super::pools).unwrap_or_default();
    quota(world, region, &pools, &old)
}

/// Looks at a pool that is asked for.
pub(super) fn pool(world: &World, region: &str, pool: &Value) -> Result<(), Answer> {
    let size = pool["vmSize"].as_str().unwrap_or_default();
    if compute::find(size).is_none() {
        return Err(invalid(
            &format!(
                "The value of parameter agentPoolProfile.vmSize is invalid: {size} is not known in {region}."
            ),
            "agentPoolProfile.vmSize",
        ));
    }
    if compute::restricted(world, region, size) {
        // The code is well known; that it comes as the answer to the PUT is an inference.
        return Err(unwrapped(
            400,
            "SkuNotAvailable",
            &format!("The VM size of {size} is not allowed in your subscription in location '{region}'."),
            "",
            "agentPoolProfile.vmSize",
        ));
    }
    version(
        world,
        region,
        &pool["orchestratorVersion"],
        "agentPoolProfile.orchestratorVersion",
    )?;
    let zones = compute::zones(world, region);
    for zone in pool["availabilityZones"].as_array().into_iter().flatten() {
        if !zones.iter().any(|known| Some(known.as_str()) == zone.as_str()) {
            return Err(invalid(
                &format!("The zone {zone} is not available for {size} in {region}."),
                "agentPoolProfile.availabilityZones",
            ));
        }
    }
    for name in ["vnetSubnetID", "podSubnetID"] {
        if let Some(id) = pool[name].as_str().filter(|id| !id.is_empty()) {
            subnet(world, region, id, name)?;
        }
    }
    Ok(())
}

/// A subnet must be there and lie in the cluster's region. How Azure words the refusal is not sourced.
fn subnet(world: &World, region: &str, id: &str, name: &str) -> Result<(), Answer> {
    let target = format!("agentPoolProfile.{name}");
    match world.resource(id) {
        None => Err(invalid(&format!("The subnet {id} was not found."), &target)),
        Some(subnet) if subnet.region != region => Err(invalid(
            &format!("The subnet {id} is not in the location of the cluster, {region}."),
            &target,
        )),
        Some(_) => Ok(()),
    }
}

fn version(world: &World, region: &str, asked: &Value, target: &str) -> Result<(), Answer> {
    match asked.as_str().filter(|asked| !asked.is_empty()) {
        Some(asked) if patch(world, region, asked).is_none() => Err(invalid(
            &format!("Version {asked} is not supported in {region}."),
            target,
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
