//! Will the region that takes over have what the cluster needs? Reads only, each of them may fail:
//! what could not be read is a warning, and no figure promises that there is room.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    capture::{is_system, pools, text},
    mapping::{Choice, Mapped, Side},
    view::folded_region,
};
use crate::arm::{Arm, ReadError, Request};

/// The versions that the reads ask for.
const AKS: &str = super::cluster::API;
const COMPUTE: &str = "2024-07-01";
const SKUS: &str = "2021-07-01";
const NETWORK: &str = "2024-05-01";
const IDENTITY: &str = "2023-01-31";

/// One size of machine, as the region offers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    cores: u64,
    family: String,
    restricted: Option<String>,
    zones: Vec<String>,
}

/// Reads the sizes of a region out of the list of everything that can be bought there.
pub(super) fn sizes(list: &[Value], region: &str) -> BTreeMap<String, Size> {
    let mut found = BTreeMap::new();
    for sku in list {
        if text(sku, "resourceType") != Some("virtualMachines") {
            continue;
        }
        let Some(name) = text(sku, "name") else { continue };
        let cores = entries(sku, "capabilities")
            .find(|one| text(one, "name") == Some("vCPUs"))
            .and_then(|one| text(one, "value")?.parse().ok());
        let mut zones: Vec<String> = entries(sku, "locationInfo")
            .filter(|info| text(info, "location").is_some_and(|place| folded_region(place) == region))
            .flat_map(|info| words(info.get("zones")))
            .collect();
        let mut restricted = None;
        for restriction in entries(sku, "restrictions") {
            let reason = text(restriction, "reasonCode").unwrap_or("restricted").to_owned();
            match text(restriction, "type") {
                Some("Location") => restricted = Some(reason),
                Some("Zone") => {
                    let gone = words(restriction.pointer("/restrictionInfo/zones"));
                    zones.retain(|zone| !gone.contains(zone));
                }
                _ => {}
            }
        }
        zones.sort();
        found.insert(
            name.to_lowercase(),
            Size {
                cores: cores.unwrap_or_default(),
                family: text(sku, "family").unwrap_or_default().to_lowercase(),
                restricted,
                zones,
            },
        );
    }
    found
}

fn entries<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn words(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Chooses a size for each pool: its own, else the first fallback that the region sells us. A user
/// pool without any goes after the cluster, so that it does not keep the cluster from being made.
pub(super) fn choose(
    mapped: &Mapped,
    offered: &BTreeMap<String, Size>,
    fallback: &[String],
) -> (Choice, Vec<String>) {
    let (mut choice, mut warnings) = (Choice::default(), Vec::new());
    for pool in pools(&mapped.body) {
        let (Some(name), Some(own)) = (text(pool, "name"), text(pool, "vmSize")) else {
            continue;
        };
        let reason = |size: &str| match offered.get(&size.to_lowercase()) {
            None => Some("not offered".to_owned()),
            Some(found) => found.restricted.clone(),
        };
        let mut size = own;
        if let Some(why) = reason(own) {
            match fallback.iter().find(|other| reason(other).is_none()) {
                Some(other) => {
                    warnings.push(format!("pool {name} is made of {other}: {own} is {why} there"));
                    choice.sizes.insert(name.to_owned(), other.clone());
                    size = other;
                }
                None if is_system(pool) => {
                    warnings.push(format!(
                        "pool {name} needs {own}, which is {why} there, and no fallback is to be had"
                    ));
                }
                None => {
                    warnings.push(format!(
                        "pool {name} is tried after the cluster: {own} is {why} there"
                    ));
                    choice.later.push(name.to_owned());
                }
            }
        }
        let wanted = words(pool.get("availabilityZones"));
        if let (Some(found), false) = (offered.get(&size.to_lowercase()), wanted.is_empty()) {
            let kept: Vec<String> = wanted
                .iter()
                .filter(|zone| found.zones.contains(zone))
                .cloned()
                .collect();
            if kept != wanted {
                let shown = if kept.is_empty() {
                    "none".to_owned()
                } else {
                    kept.join(", ")
                };
                warnings.push(format!("zones of pool {name}: {shown} of {}", wanted.join(", ")));
                choice.zones.insert(name.to_owned(), kept);
            }
        }
    }
    (choice, warnings)
}

/// Compares what the pools need with what is left of the quota.
pub(super) fn quota(
    mapped: &Mapped,
    choice: &Choice,
    offered: &BTreeMap<String, Size>,
    usages: &[Value],
) -> Vec<String> {
    let mut needed: BTreeMap<String, u64> = BTreeMap::new();
    for pool in pools(&mapped.body) {
        let name = text(pool, "name").unwrap_or_default();
        let own = text(pool, "vmSize").unwrap_or_default();
        let size = choice.sizes.get(name).map_or(own, String::as_str).to_lowercase();
        let Some(found) = offered.get(&size) else { continue };
        let count = pool.get("count").and_then(Value::as_u64).unwrap_or(1);
        *needed.entry("cores".to_owned()).or_default() += found.cores * count;
        *needed.entry(found.family.clone()).or_default() += found.cores * count;
    }
    let mut warnings = Vec::new();
    for usage in usages {
        let Some(name) = usage.pointer("/name/value").and_then(Value::as_str) else {
            continue;
        };
        let figure = |name: &str| usage.get(name).and_then(Value::as_u64);
        let (Some(needed), Some(limit), Some(used)) = (
            needed.get(&name.to_lowercase()),
            figure("limit"),
            figure("currentValue"),
        ) else {
            continue;
        };
        let left = limit.saturating_sub(used);
        if *needed > left {
            warnings.push(format!(
                "quota `{name}`: {needed} cores are needed, {left} are left"
            ));
        }
    }
    warnings
}

/// Reads everything that can be known beforehand.
pub(super) async fn look(
    arm: &Arm,
    subscription: &str,
    side: &Side,
    mapped: &Mapped,
    fallback: &[String],
) -> (Choice, Vec<String>) {
    let mut warnings = Vec::new();
    for (id, version, what) in [
        (&side.subnet, NETWORK, "subnet"),
        (&side.identity, IDENTITY, "identity"),
    ] {
        let Some(id) = id else { continue };
        match arm.read(&Request::get(id, version)).await {
            Ok(_) => {}
            Err(error) if error.is_missing() => warnings.push(format!("the {what} {id} does not exist")),
            Err(error) => warnings.push(unread(what, &error)),
        }
    }
    let region = format!("/subscriptions/{subscription}/providers");
    let versions = Request::get(
        format!(
            "{region}/Microsoft.ContainerService/locations/{}/kubernetesVersions",
            side.region
        ),
        AKS,
    );
    let asked = text(&mapped.body["properties"], "kubernetesVersion");
    match (arm.read(&versions).await, asked) {
        (Ok(reply), Some(asked)) if !is_offered(&reply.body, asked) => {
            warnings.push(format!(
                "Kubernetes {asked} is not offered in {}: name another under `version`",
                side.region
            ));
        }
        (Ok(_), _) => {}
        (Err(error), _) => warnings.push(unread("list of Kubernetes versions", &error)),
    }
    let skus = Request::get(format!("{region}/Microsoft.Compute/skus"), SKUS)
        .query("$filter", format!("location eq '{}'", side.region));
    let offered = match arm.list(&skus).await {
        Ok(list) => sizes(&list, &folded_region(&side.region)),
        Err(error) => {
            warnings.push(unread("list of sizes", &error));
            return (Choice::default(), warnings);
        }
    };
    if offered.is_empty() {
        warnings.push(format!(
            "the list of sizes of {} is empty: none was looked at",
            side.region
        ));
        return (Choice::default(), warnings);
    }
    let (choice, chosen) = choose(mapped, &offered, fallback);
    warnings.extend(chosen);
    let usages = Request::get(
        format!("{region}/Microsoft.Compute/locations/{}/usages", side.region),
        COMPUTE,
    );
    match arm.list(&usages).await {
        Ok(list) => warnings.extend(quota(mapped, &choice, &offered, &list)),
        Err(error) => warnings.push(unread("quota", &error)),
    }
    (choice, warnings)
}

fn unread(what: &str, error: &ReadError) -> String {
    format!("the {what} could not be read: {error}")
}

/// Returns whether a version, or its minor, is in the region's list; an empty list tells nothing.
pub(super) fn is_offered(body: &Value, asked: &str) -> bool {
    let list: Vec<&Value> = entries(body, "values").collect();
    list.is_empty()
        || list.iter().any(|one| {
            let minor = text(one, "version");
            let patches = one.get("patchVersions").and_then(Value::as_object);
            minor == Some(asked) || patches.is_some_and(|patches| patches.contains_key(asked))
        })
}
