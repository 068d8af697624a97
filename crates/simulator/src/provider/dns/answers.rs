//! What does a resolver answer? What it was told last, until the time to live of that is over.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    provider::traffic_manager,
    world::{Resource, World, fold_id},
};

/// How long a chain of names is followed.
const LONGEST: usize = 8;

/// What a resolver says of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The names that it led through, in order.
    pub through: Vec<String>,
    /// What it has of the sort that was asked for.
    pub values: Vec<String>,
    /// How many seconds it may be remembered: the least on the way.
    pub ttl: Option<u32>,
}

/// Returns what a resolver answers for a name, the way there included; nothing where nobody knows the name.
pub(crate) fn resolve(world: &World, name: &str, kind: &str, now: Timestamp) -> Option<Vec<String>> {
    let found = resolved(world, name, kind, now)?;
    Some([found.through, found.values].concat())
}

/// Returns what a resolver says of a name; nothing where nobody knows it.
pub(crate) fn resolved(world: &World, name: &str, kind: &str, now: Timestamp) -> Option<Resolved> {
    let mut name = name.trim_end_matches('.').to_lowercase();
    let mut found = Resolved::default();
    let mut known = false;
    for _ in 0..LONGEST {
        let here: Vec<Value> = sets(world, &name, kind).map(|set| told(set, now)).collect();
        known |= sets(world, &name, "").next().is_some();
        for properties in &here {
            let values = values(properties, kind);
            found
                .values
                .extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
            least(&mut found.ttl, field(properties, "ttl").as_u64());
        }
        let fixed = world.names.iter().filter(|one| one.is(&name, kind));
        for one in fixed {
            known = true;
            found.values.extend(one.values.iter().cloned());
            least(&mut found.ttl, Some(u64::from(one.ttl)));
        }
        if !found.values.is_empty() {
            return Some(found);
        }
        let alias = sets(world, &name, "CNAME").map(|set| told(set, now)).next();
        let next = match &alias {
            Some(properties) => {
                least(&mut found.ttl, field(properties, "ttl").as_u64());
                let next = values(properties, "CNAME");
                next.first().and_then(Value::as_str).map(str::to_owned)
            }
            None => traffic_manager::target_served(world, &name, now).inspect(|_| {
                least(&mut found.ttl, traffic_manager::time_to_live(world, &name));
            }),
        };
        let Some(next) = next else { break };
        known = true;
        let next = next.trim_end_matches('.').to_lowercase();
        // An endpoint may be an address itself.
        let own = match next.parse::<std::net::IpAddr>() {
            Ok(address) => kind == if address.is_ipv4() { "A" } else { "AAAA" },
            Err(_) => kind == "CNAME",
        };
        if own {
            found.values.push(next);
            return Some(found);
        }
        found.through.push(next.clone());
        name = next;
    }
    known.then_some(found)
}

fn least(into: &mut Option<u32>, seconds: Option<u64>) {
    if let Some(seconds) = seconds.and_then(|seconds| u32::try_from(seconds).ok()) {
        *into = Some(into.map_or(seconds, |least| least.min(seconds)));
    }
}

/// Returns a field of a set; public zones write names with capitals, private ones without.
fn field(properties: &Value, name: &str) -> Value {
    let mut all = properties.as_object().into_iter().flatten();
    let found = all.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or(Value::Null, |(_, value)| value.clone())
}

/// Returns the sets of a name, of any zone; of every sort where none is named.
fn sets<'a>(world: &'a World, name: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
    let segment = match kind {
        "" => "/".to_owned(),
        kind => format!("/{}/", kind.to_lowercase()),
    };
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
    let field = |name: &str| Some(field(properties, name)).filter(|value| !value.is_null());
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
