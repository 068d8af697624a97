//! Of which machines are the pools made, as far as can be known beforehand? Pure: what the region sells us, in which
//! zones, and what is left of the quota. No figure promises that there is room.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    capture::{is_system, pools, text},
    mapping::{Choice, Mapped},
    preflight::{entries, words},
    view::folded_region,
};

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

/// What is left of the quota: by the name of a family in small letters, and `cores` for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Room(BTreeMap<String, u64>);

impl Room {
    /// Reads it out of the list of usages.
    pub(super) fn of(usages: &[Value]) -> Room {
        let figure = |usage: &Value, name: &str| usage.get(name).and_then(Value::as_u64);
        let lines = usages.iter().filter_map(|usage| {
            let name = usage.pointer("/name/value")?.as_str()?.to_lowercase();
            let left = figure(usage, "limit")?.saturating_sub(figure(usage, "currentValue")?);
            Some((name, left))
        });
        Room(lines.collect())
    }

    /// Whether so many cores of a size are left; where no line says, they are.
    fn has(&self, size: &Size, cores: u64) -> bool {
        let left = |name: &str| self.0.get(name).is_none_or(|left| *left >= cores);
        left("cores") && left(&size.family)
    }

    fn take(&mut self, size: &Size, cores: u64) {
        for name in ["cores", size.family.as_str()] {
            if let Some(left) = self.0.get_mut(name) {
                *left = left.saturating_sub(cores);
            }
        }
    }
}

/// Chooses a size for each pool: its own, else the first fallback that the region sells us and for which there is
/// quota. A user pool without any goes after the cluster, so that it does not keep the cluster from being made; one
/// with another size to go to has an operation of its own, in case Azure finds no machines.
pub(super) fn choose(
    mapped: &Mapped,
    offered: &BTreeMap<String, Size>,
    room: &Room,
    fallback: &[String],
) -> (Choice, Vec<String>) {
    let (mut choice, mut warnings) = (Choice::default(), Vec::new());
    let mut room = room.clone();
    let not_sold = |size: &str| match offered.get(&size.to_lowercase()) {
        None => Some("not offered".to_owned()),
        Some(found) => found.restricted.clone(),
    };
    for size in fallback {
        if let Some(why) = not_sold(size) {
            choice
                .not_sold
                .insert(size.to_lowercase(), format!("{size} is {why} there"));
        }
    }
    for pool in pools(&mapped.body) {
        let (Some(name), Some(own)) = (text(pool, "name"), text(pool, "vmSize")) else {
            continue;
        };
        let count = pool.get("count").and_then(Value::as_u64).unwrap_or(1);
        let cores_of = |size: &str| {
            let found = offered.get(&size.to_lowercase())?;
            Some((found, found.cores.saturating_mul(count)))
        };
        let sold = |size: &&String| not_sold(size).is_none();
        let fits =
            |size: &str, room: &Room| cores_of(size).is_some_and(|(found, cores)| room.has(found, cores));
        let why = not_sold(own);
        let fitting = fallback.iter().filter(sold).find(|other| fits(other, &room));
        let other = match &why {
            Some(_) => fitting.or_else(|| fallback.iter().find(sold)),
            None if fits(own, &room) => None,
            // Without quota it is refused, all pools with it.
            None => fitting,
        };
        let mut size = own;
        match (other, &why) {
            (Some(other), _) => {
                let why = why.as_deref().unwrap_or("short of quota");
                warnings.push(format!("pool {name} is made of {other}: {own} is {why} there"));
                choice.sizes.insert(name.to_owned(), other.clone());
                size = other;
            }
            (None, Some(why)) if is_system(pool) => {
                warnings.push(format!(
                    "pool {name} needs {own}, which is {why} there, and no fallback is to be had"
                ));
            }
            (None, Some(why)) => {
                warnings.push(format!(
                    "pool {name} is tried after the cluster: {own} is {why} there"
                ));
                choice.later.push(name.to_owned());
            }
            (None, None) => {}
        }
        if let Some((found, cores)) = cores_of(size) {
            room.take(found, cores);
        }
        let more = fallback
            .iter()
            .filter(sold)
            .any(|other| !other.eq_ignore_ascii_case(size));
        if more && !is_system(pool) && !choice.later.iter().any(|later| later == name) {
            choice.own_way.push(name.to_owned());
        }
        zones(pool, name, size, offered, fallback, &mut choice, &mut warnings);
    }
    (choice, warnings)
}

/// Keeps of a pool's zones those that its size has there, and the same for each size that it may fall back to.
fn zones(
    pool: &Value,
    name: &str,
    size: &str,
    offered: &BTreeMap<String, Size>,
    fallback: &[String],
    choice: &mut Choice,
    warnings: &mut Vec<String>,
) {
    let wanted = words(pool.get("availabilityZones"));
    if wanted.is_empty() {
        return;
    }
    let kept = |size: &str| {
        let found = offered.get(&size.to_lowercase())?;
        let kept: Vec<String> = wanted
            .iter()
            .filter(|zone| found.zones.contains(zone))
            .cloned()
            .collect();
        (kept != wanted).then_some(kept)
    };
    if let Some(kept) = kept(size) {
        let shown = match kept.is_empty() {
            true => "none".to_owned(),
            false => kept.join(", "),
        };
        warnings.push(format!("zones of pool {name}: {shown} of {}", wanted.join(", ")));
        choice.zones.insert(name.to_owned(), kept);
    }
    for other in fallback.iter().filter(|other| !other.eq_ignore_ascii_case(size)) {
        if let Some(kept) = kept(other) {
            let at = choice.zones_at.entry(name.to_owned()).or_default();
            at.insert(other.to_lowercase(), kept);
        }
    }
}

/// The nodes by which a pool grows while it is upgraded; a tenth where nobody says.
fn surge(pool: &Value, count: u64) -> u64 {
    let said = pool
        .pointer("/upgradeSettings/maxSurge")
        .and_then(Value::as_str)
        .unwrap_or("10%");
    match said.strip_suffix('%') {
        Some(share) => share
            .parse::<u64>()
            .map_or(1, |share| count.saturating_mul(share).div_ceil(100)),
        None => said.parse().unwrap_or(1),
    }
}

/// Compares what the pools need with what is left of the quota.
pub(super) fn quota(
    mapped: &Mapped,
    choice: &Choice,
    offered: &BTreeMap<String, Size>,
    room: &Room,
    region: &str,
) -> Vec<String> {
    let mut needed: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for pool in pools(&mapped.body) {
        let name = text(pool, "name").unwrap_or_default();
        let own = text(pool, "vmSize").unwrap_or_default();
        let size = choice.sizes.get(name).map_or(own, String::as_str).to_lowercase();
        let Some(found) = offered.get(&size) else { continue };
        let count = pool.get("count").and_then(Value::as_u64).unwrap_or(1);
        let nodes = found.cores.saturating_mul(count);
        let more = found.cores.saturating_mul(surge(pool, count));
        for family in ["cores", found.family.as_str()] {
            let line = needed.entry(family.to_owned()).or_default();
            *line = (line.0.saturating_add(nodes), line.1.saturating_add(more));
        }
    }
    needed
        .iter()
        .filter_map(|(name, (nodes, more))| {
            let left = room.0.get(name)?;
            if nodes > left {
                return Some(format!(
                    "quota `{name}`: {nodes} cores are needed, {left} are left: ask for more in {region}, or name \
                     sizes of another family under `node-sizes: {{ fallback }}`"
                ));
            }
            (nodes.saturating_add(*more) > *left).then(|| {
                format!(
                    "quota `{name}`: {nodes} cores are needed and {left} are left, which is too little for the {more} \
                     more of an upgrade's surge"
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapped(pools: Value) -> Mapped {
        Mapped {
            body: json!({"properties": {"agentPoolProfiles": pools}}),
            digest: String::new(),
            warnings: Vec::new(),
        }
    }

    fn offered(list: Value) -> BTreeMap<String, Size> {
        sizes(list.as_array().unwrap(), "northeurope")
    }

    fn sku(name: &str, family: &str, restrictions: Value) -> Value {
        json!({
            "resourceType": "virtualMachines", "name": name, "family": family,
            "capabilities": [{"name": "vCPUs", "value": "8"}],
            "locationInfo": [{"location": "North Europe", "zones": ["1", "2", "3"]}],
            "restrictions": restrictions,
        })
    }

    fn left(lines: &[(&str, u64)]) -> Room {
        let line =
            |(name, left): &(&str, u64)| json!({"name": {"value": name}, "limit": left, "currentValue": 0});
        Room::of(&lines.iter().map(line).collect::<Vec<_>>())
    }

    #[test]
    fn a_pool_without_quota_for_its_size_is_made_of_one_for_which_there_is() {
        let pools = mapped(json!([
            {"name": "system", "mode": "System", "count": 1, "vmSize": "S_A"},
            {"name": "web", "mode": "User", "count": 2, "vmSize": "S_A"},
        ]));
        let sold = offered(json!([
            sku("S_A", "familyA", json!([])),
            sku("S_B", "familyB", json!([]))
        ]));
        let room = left(&[("cores", 100), ("familyA", 20), ("familyB", 100)]);
        let (choice, warnings) = choose(&pools, &sold, &room, &["S_B".to_owned()]);
        assert_eq!(choice.sizes.get("web").map(String::as_str), Some("S_B"));
        assert_eq!(choice.sizes.get("system"), None, "for the first there was enough");
        assert!(warnings[0].contains("short of quota"), "{warnings:?}");
        assert_eq!(quota(&pools, &choice, &sold, &room, "northeurope"), [""; 0]);
        // Nobody has room: it stays as captured, and the shortage is told.
        let none = left(&[("cores", 10)]);
        let (choice, _) = choose(&pools, &sold, &none, &["S_B".to_owned()]);
        assert!(choice.sizes.is_empty());
        let told = quota(&pools, &choice, &sold, &none, "northeurope");
        assert!(
            told[0].contains("24 cores are needed, 10 are left: ask for more in northeurope"),
            "{told:?}"
        );
    }

    #[test]
    fn the_surge_of_an_upgrade_is_counted_apart_from_what_the_nodes_need() {
        let pools = mapped(json!([
            {"name": "system", "mode": "System", "count": 2, "vmSize": "S_A", "upgradeSettings": {"maxSurge": "50%"}},
        ]));
        let sold = offered(json!([sku("S_A", "familyA", json!([]))]));
        let told = |room: u64| {
            quota(
                &pools,
                &Choice::default(),
                &sold,
                &left(&[("familyA", room)]),
                "northeurope",
            )
        };
        assert!(
            told(16)[0].contains("too little for the 8 more of an upgrade's surge"),
            "{:?}",
            told(16)
        );
        assert_eq!(told(24), [""; 0]);
        assert_eq!(
            (
                surge(&json!({}), 3),
                surge(&json!({"upgradeSettings": {"maxSurge": "2"}}), 3)
            ),
            (1, 2)
        );
    }

    #[test]
    fn a_restriction_by_location_or_by_zone_is_read_with_its_reason() {
        let sold = offered(json!([
            sku("S_A", "f", json!([{"type": "Location", "reasonCode": "QuotaId"}])),
            sku(
                "S_B",
                "f",
                json!([{"type": "Zone", "restrictionInfo": {"zones": ["2"]}, "reasonCode": "NotAvailableForSubscription"}])
            ),
        ]));
        assert_eq!(sold["s_a"].restricted.as_deref(), Some("QuotaId"));
        assert_eq!((&sold["s_b"].restricted, sold["s_b"].zones.len()), (&None, 2));
        let pools = mapped(json!([
            {"name": "web", "count": 1, "vmSize": "S_C", "availabilityZones": ["1", "2"]},
        ]));
        let (choice, warnings) = choose(
            &pools,
            &sold,
            &Room::default(),
            &["S_A".to_owned(), "S_B".to_owned()],
        );
        assert_eq!(choice.sizes["web"], "S_B");
        assert_eq!(choice.zones["web"], ["1"]);
        assert_eq!(choice.not_sold["s_a"], "S_A is QuotaId there");
        assert!(
            warnings
                .iter()
                .any(|warning| warning.contains("zones of pool web: 1 of 1, 2")),
            "{warnings:?}"
        );
    }
}
