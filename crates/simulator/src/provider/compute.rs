//! Which machine sizes are there, and how many cores may be used?
//!
//! A small, realistic set: enough for a preflight that counts cores and looks for a fallback.

use http::Method;
use serde_json::{Value, json};

use super::{Context, Provider, Served};
use crate::{
    arm::{Answer, ArmRequest},
    world::{World, geography},
};

const USAGES: &str = "microsoft.compute/locations/usages";
const SKUS: &str = "microsoft.compute/skus";

/// The quota of a subscription that never asked for more. Recorded.
const USUAL_LIMIT: u64 = 100;

/// A machine size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// As requests name it.
    pub(crate) name: &'static str,
    /// The family that its quota is counted in.
    pub(crate) family: &'static str,
    /// Its cores.
    pub(crate) cores: u64,
}

const fn size(name: &'static str, family: &'static str, cores: u64) -> Size {
    Size { name, family, cores }
}

/// The sizes that are known here.
const SIZES: &[Size] = &[
    size("Standard_DS2_v2", "standardDSv2Family", 2),
    size("Standard_DS3_v2", "standardDSv2Family", 4),
    size("Standard_D2s_v3", "standardDSv3Family", 2),
    size("Standard_D4s_v3", "standardDSv3Family", 4),
    size("Standard_D8s_v3", "standardDSv3Family", 8),
    size("Standard_D2s_v5", "standardDSv5Family", 2),
    size("Standard_D4s_v5", "standardDSv5Family", 4),
    size("Standard_D8s_v5", "standardDSv5Family", 8),
    size("Standard_D16s_v5", "standardDSv5Family", 16),
    size("Standard_D2as_v5", "standardDASv5Family", 2),
    size("Standard_D4as_v5", "standardDASv5Family", 4),
    size("Standard_D8as_v5", "standardDASv5Family", 8),
    size("Standard_D16as_v5", "standardDASv5Family", 16),
    size("Standard_E4s_v5", "standardESv5Family", 4),
    size("Standard_E8s_v5", "standardESv5Family", 8),
    size("Standard_E16s_v5", "standardESv5Family", 16),
    size("Standard_E4as_v5", "standardEASv5Family", 4),
    size("Standard_E8as_v5", "standardEASv5Family", 8),
    size("Standard_E16as_v5", "standardEASv5Family", 16),
];

/// The provider.
pub(crate) struct Compute;

impl Provider for Compute {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            Served {
                kind: USAGES,
                versions: &[
                    "2023-09-01",
                    "2024-03-01",
                    "2024-07-01",
                    "2025-04-01",
                    "2026-04-01",
                ],
            },
            Served {
                kind: SKUS,
                versions: &["2019-04-01", "2021-07-01"],
            },
        ];
        SERVED
    }

    fn region(&self, _: &World, request: &ArmRequest) -> Option<String> {
        request.path.named("locations").map(geography::fold)
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        match (&request.method, request.path.collection().as_deref()) {
            (&Method::GET, Some(USAGES)) => {
                usages(context.world, request.path.named("locations").unwrap_or_default())
            }
            (&Method::GET, Some(SKUS)) => skus(context.world, request),
            _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
        }
    }
}

/// Finds a size by its name.
pub(crate) fn find(name: &str) -> Option<&'static Size> {
    SIZES.iter().find(|size| size.name.eq_ignore_ascii_case(name))
}

/// Returns the cores that are in use in a region, in all or of one family.
pub(crate) fn used(world: &World, region: &str, family: Option<&str>) -> u64 {
    let region = geography::fold(region);
    world
        .resources
        .values()
        .filter(|resource| {
            resource.kind.eq_ignore_ascii_case(super::aks::CLUSTERS) && resource.region == region
        })
        .flat_map(|cluster| cluster.body["properties"]["agentPoolProfiles"].as_array())
        .flatten()
        .filter_map(|pool| wanted(pool, family))
        .fold(0, u64::saturating_add)
}

/// Returns the cores that a pool of nodes needs of a family.
pub(crate) fn wanted(pool: &Value, family: Option<&str>) -> Option<u64> {
    let size = find(pool["vmSize"].as_str()?)?;
    let counted = family.is_none_or(|family| family == size.family);
    counted.then(|| pool["count"].as_u64().unwrap_or(1).saturating_mul(size.cores))
}

/// Returns the quota of a region, in all or of one family.
pub(crate) fn limit(world: &World, region: &str, family: Option<&str>) -> u64 {
    let capacity = world.capacity(region);
    let all = capacity
        .and_then(|capacity| capacity.cores)
        .unwrap_or(USUAL_LIMIT);
    family
        .and_then(|family| capacity?.families.get(family).copied())
        .unwrap_or(all)
}

/// Returns why a size is refused to the subscription in a whole region; nothing where it is sold.
pub(crate) fn restricted(world: &World, region: &str, size: &str) -> Option<&'static str> {
    let capacity = world.capacity(region)?;
    match (
        named(&capacity.restricted, size),
        named(&capacity.not_in_offer, size),
    ) {
        (true, _) => Some("NotAvailableForSubscription"),
        (false, true) => Some("QuotaId"),
        (false, false) => None,
    }
}

/// Returns the zones of a region in which a size is refused to the subscription.
pub(crate) fn restricted_zones(world: &World, region: &str, size: &str) -> Vec<String> {
    world
        .capacity(region)
        .map(|capacity| of_size(&capacity.restricted_zones, size))
        .unwrap_or_default()
}

/// Returns the code with which nodes of a size, in these zones or in none, cannot be allocated; nothing where there
/// is room. A pool is spread over all of its zones, so that one that is full is enough. The codes are well known;
/// which of them stands for what is an inference.
pub(crate) fn exhausted(world: &World, region: &str, size: &str, zones: &[String]) -> Option<&'static str> {
    let capacity = world.capacity(region)?;
    let full = of_size(&capacity.exhausted_in, size);
    let zonal = |zone: &String| capacity.exhausted_zones.contains(zone) || full.contains(zone);
    match (named(&capacity.exhausted, size), zones.is_empty()) {
        (true, true) => Some("AllocationFailed"),
        (true, false) => Some("ZonalAllocationFailed"),
        (false, _) => zones.iter().any(zonal).then_some("ZonalAllocationFailed"),
    }
}

/// Returns the availability zones of a region.
pub(crate) fn zones(world: &World, region: &str) -> Vec<String> {
    world
        .capacity(region)
        .and_then(|capacity| capacity.zones.clone())
        .unwrap_or_else(|| ["1", "2", "3"].map(str::to_owned).to_vec())
}

fn of_size(map: &std::collections::BTreeMap<String, Vec<String>>, size: &str) -> Vec<String> {
    let found = map.iter().find(|(name, _)| name.eq_ignore_ascii_case(size));
    found.map(|(_, zones)| zones.clone()).unwrap_or_default()
}

fn named(list: &[String], size: &str) -> bool {
    list.iter().any(|other| other.eq_ignore_ascii_case(size))
}

fn usages(world: &World, region: &str) -> Answer {
    let line = |name: &str, words: String, current: u64, limit: u64| {
        json!({
            "limit": limit,
            "unit": "Count",
            "currentValue": current,
            "name": {"value": name, "localizedValue": words},
        })
    };
    let mut value = vec![line(
        "cores",
        "Total Regional vCPUs".to_owned(),
        used(world, region, None),
        limit(world, region, None),
    )];
    let mut families: Vec<&str> = SIZES.iter().map(|size| size.family).collect();
    families.dedup();
    for family in families {
        let words = family.trim_start_matches("standard").trim_end_matches("Family");
        value.push(line(
            family,
            format!("Standard {words} Family vCPUs"),
            used(world, region, Some(family)),
            limit(world, region, Some(family)),
        ));
    }
    Answer::json(200, json!({"value": value}))
}

fn skus(world: &World, request: &ArmRequest) -> Answer {
    let asked = request
        .query("$filter")
        .and_then(|filter| filter.split('\'').nth(1).map(geography::fold));
    let regions: Vec<String> = match asked {
        Some(region) => vec![region],
        None => world.regions.keys().cloned().collect(),
    };
    let value: Vec<Value> = regions
        .iter()
        .flat_map(|region| SIZES.iter().map(move |size| sku(world, region, size)))
        .collect();
    Answer::json(200, json!({"value": value}))
}

fn sku(world: &World, region: &str, size: &Size) -> Value {
    let mut restrictions = Vec::new();
    if let Some(reason) = restricted(world, region, size.name) {
        restrictions.push(json!({
            "type": "Location",
            "values": [region],
            "restrictionInfo": {"locations": [region]},
            "reasonCode": reason,
        }));
    }
    let gone = restricted_zones(world, region, size.name);
    if !gone.is_empty() {
        restrictions.push(json!({
            "type": "Zone",
            "values": [region],
            "restrictionInfo": {"locations": [region], "zones": gone},
            "reasonCode": "NotAvailableForSubscription",
        }));
    }
    json!({
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.trim_start_matches("Standard_"),
        "family": size.family,
        "locations": [region],
        "locationInfo": [{"location": region, "zones": zones(world, region), "zoneDetails": []}],
        "capabilities": [
            {"name": "vCPUs", "value": size.cores.to_string()},
            {"name": "vCPUsAvailable", "value": size.cores.to_string()},
            {"name": "PremiumIO", "value": "True"},
        ],
        "restrictions": restrictions,
    })
}
