//! What does a resolver answer? What it was told last, until the time to live of that is over.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    provider::traffic_manager,
    world::{Resource, World, fold_id},
};

/// How long a chain of names is followed.
const LONGEST: usize = 8;

/// Returns what a resolver answers for a name, the way there included; nothing where nobody knows the name.
pub(crate) fn resolve(world: &World, name: &str, kind: &str, now: Timestamp) -> Option<Vec<String>> {
    let mut name = name.trim_end_matches('.').to_lowercase();
    let mut chain = Vec::new();
    for _ in 0..LONGEST {
        let found: Vec<Value> = sets(world, &name, kind)
            .map(|set| told(set, now))
            .flat_map(|properties| values(&properties, kind))
            .collect();
        if !found.is_empty() {
            chain.extend(found.iter().filter_map(Value::as_str).map(str::to_owned));
            return Some(chain);
        }
        let next = sets(world, &name, "CNAME")
            .flat_map(|set| values(&told(set, now), "CNAME"))
            .find_map(|value| value.as_str().map(str::to_owned))
            .or_else(|| traffic_manager::target_served(world, &name, now));
        match next {
            Some(next) if kind != "CNAME" => {
                name = next.trim_end_matches('.').to_lowercase();
                chain.push(name.clone());
            }
            Some(next) => return Some(vec![next]),
            None => break,
        }
    }
    (!chain.is_empty()).then_some(chain)
}

/// Returns the sets of a name, of any zone.
fn sets<'a>(world: &'a World, name: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
    let segment = format!("/{}/", kind.to_lowercase());
    world.resources.iter().filter_map(move |(key, set)| {
        let zoned = key.contains("/dnszones/") || key.contains("/privatednszones/");
        let whole = set.body["properties"]["fqdn"].as_str()?;
        let here = zoned
            && fold_id(key).contains(&segment)
            && whole.trim_end_matches('.').eq_ignore_ascii_case(name);
        here.then_some(set)
    })
}

/// Returns what a resolver has of a set: the old word as long as it was told to keep it.
fn told(set: &Resource, now: Timestamp) -> Value {
    let until: Option<Timestamp> = serde_json::from_value(set.state["until"].clone()).ok();
    match until {
        Some(until) if now < until => set.state["before"].clone(),
        _ => set.body["properties"].clone(),
    }
}

fn values(properties: &Value, kind: &str) -> Vec<Value> {
    let field = |name: &str| {
        let all = properties.as_object()?;
        let found = all.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let list = |name: &str, entry: &str| match field(name) {
        Some(Value::Array(all)) => all.iter().map(|one| one[entry].clone()).collect(),
        _ => Vec::new(),
    };
    match kind {
        "A" => list("ARecords", "ipv4Address"),
        "AAAA" => list("AAAARecords", "ipv6Address"),
        "TXT" => match field("TXTRecords") {
            Some(Value::Array(all)) => all
                .iter()
                .map(|one| {
                    let parts = one["value"].as_array().into_iter().flatten();
                    Value::String(parts.filter_map(Value::as_str).collect())
                })
                .collect(),
            _ => Vec::new(),
        },
        _ => field("CNAMERecord")
            .map(|one| one["cname"].clone())
            .into_iter()
            .collect(),
    }
}
