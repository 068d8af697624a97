//! How does a captured cluster become one of the other side? Pure: what is regional is rewritten
//! to this side's names, or dropped; what cannot be judged stays, and a warning says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::capture::{pools, remove, sorted, strip, text};

/// The tag that names the run which made a cluster.
pub(super) const RUN_TAG: &str = "leeward-run";
/// The tag that holds the digest of what the cluster was made from.
pub(super) const SPECIFICATION_TAG: &str = "leeward-specification";

/// Regional resources that are used where they lie: a pool without them is a pool all the same.
const DROPPED_FROM_POOLS: &[(&str, &str)] = &[
    ("podSubnetID", "pods take addresses of the nodes' subnet"),
    ("proximityPlacementGroupID", "placement groups are regional"),
    ("hostGroupID", "dedicated hosts are regional"),
    ("capacityReservationGroupID", "capacity reservations are regional"),
    ("nodePublicIPPrefixID", "address prefixes are regional"),
    ("creationData", "snapshots are regional"),
];
/// The same of the whole cluster.
const DROPPED: &[(&str, &str)] = &[
    (
        "properties.diskEncryptionSetID",
        "disk encryption sets are regional",
    ),
    (
        "properties.networkProfile.loadBalancerProfile.outboundIPs",
        "public addresses are regional",
    ),
    (
        "properties.networkProfile.loadBalancerProfile.outboundIPPrefixes",
        "address prefixes are regional",
    ),
    ("extendedLocation", "edge zones are regional"),
];

/// What this side gives the new cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    /// The region.
    pub region: String,
    /// The new cluster's name.
    pub name: String,
    /// The whole id of the nodes' subnet.
    pub subnet: Option<String>,
    /// The whole id of the user-assigned identity.
    pub identity: Option<String>,
    /// The prefix of the API server's name.
    pub dns_prefix: String,
    /// Another Kubernetes version than the captured one.
    pub version: Option<String>,
}

/// What was chosen for the pools, by their names, before anything was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Choice {
    /// Sizes that differ from the capture.
    #[serde(default)]
    pub sizes: BTreeMap<String, String>,
    /// Zones that the target offers, for pools that had any.
    #[serde(default)]
    pub zones: BTreeMap<String, Vec<String>>,
    /// Pools that are not made with the cluster but after it.
    #[serde(default)]
    pub later: Vec<String>,
    /// Pools that are made with the cluster and have an operation of their own, in case Azure finds no machines.
    #[serde(default)]
    pub own_way: Vec<String>,
    /// Zones of a pool at another size, where they differ from what is captured; by the size in small letters.
    #[serde(default)]
    pub zones_at: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Sizes that the target does not sell, and why; in small letters.
    #[serde(default)]
    pub not_sold: BTreeMap<String, String>,
}

/// A captured cluster as it is to be made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mapped {
    /// The body without our tags.
    pub body: Value,
    /// By which it is known.
    pub digest: String,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Maps a capture. An error is a thing that only a person can give.
pub(super) fn map(capture: &Value, side: &Side) -> Result<Mapped, String> {
    let mut warnings = Vec::new();
    let node_group = capture
        .pointer("/properties/nodeResourceGroup")
        .and_then(Value::as_str)
        .map(str::to_lowercase);
    let mut body = strip(capture.clone());
    body["location"] = json!(side.region);
    identity(&mut body, side, &mut warnings)?;
    // Its default is made of the new names, and the old one cannot be taken twice.
    remove(&mut body, "properties.nodeResourceGroup");
    body["properties"]["dnsPrefix"] = json!(side.dns_prefix);
    remove(&mut body, "properties.fqdnSubdomain");
    for (path, reason) in DROPPED {
        if capture
            .pointer(&format!("/{}", path.replace('.', "/")))
            .is_some_and(|old| !old.is_null())
        {
            warnings.push(format!("`{path}` is left out: {reason}"));
        }
        remove(&mut body, path);
    }
    principals(&mut body, &mut warnings);
    kubelet(&mut body, node_group.as_deref(), &mut warnings);
    if let Some(version) = &side.version {
        body["properties"]["kubernetesVersion"] = json!(version);
    }
    for pool in body["properties"]["agentPoolProfiles"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        map_pool(pool, side, &mut warnings)?;
    }
    remaining(&body, side, &mut String::new(), &mut warnings);
    let digest = blake3::hash(sorted(&with_folded_ids(&body)).to_string().as_bytes())
        .to_hex()
        .to_string();
    Ok(Mapped {
        body,
        digest: digest[..32].to_owned(),
        warnings,
    })
}

/// Returns a body whose ids are spelled in one way: Azure gives the same id in mixed case, and a cluster that is
/// being made must not become somebody else's by it.
fn with_folded_ids(value: &Value) -> Value {
    let folded = |text: &str| match text.to_lowercase() {
        id if id.starts_with("/subscriptions/") => id,
        _ => text.to_owned(),
    };
    match value {
        Value::String(text) => Value::String(folded(text)),
        Value::Array(list) => list.iter().map(with_folded_ids).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (folded(name), with_folded_ids(field)))
            .collect::<Map<String, Value>>()
            .into(),
        other => other.clone(),
    }
}

fn identity(body: &mut Value, side: &Side, warnings: &mut Vec<String>) -> Result<(), String> {
    let kind = body
        .pointer("/identity/type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match &side.identity {
        Some(id) => {
            let mut ids = Map::new();
            ids.insert(id.clone(), json!({}));
            body["identity"] = json!({"type": "UserAssigned", "userAssignedIdentities": ids});
        }
        None if kind.eq_ignore_ascii_case("UserAssigned") => {
            return Err(
                "the captured cluster has an identity of its own: name this side's under `identity`"
                    .to_owned(),
            );
        }
        None => {
            body["identity"] = json!({"type": "SystemAssigned"});
            warnings.push(
                "the cluster gets a new identity of its own: its roles have to be given anew and take up to an hour; prefer `identity`"
                    .to_owned(),
            );
        }
    }
    Ok(())
}

fn principals(body: &mut Value, warnings: &mut Vec<String>) {
    let client = body
        .pointer("/properties/servicePrincipalProfile/clientId")
        .and_then(Value::as_str);
    if let Some(client) = client {
        if !client.eq_ignore_ascii_case("msi") {
            warnings.push(
                "the captured cluster used a service principal, whose secret no capture holds".to_owned(),
            );
        }
        // `msi` is an echo, and an identity takes its place in any case.
        remove(body, "properties.servicePrincipalProfile");
    }
    let windows = pools(body)
        .iter()
        .any(|pool| text(pool, "osType").is_some_and(|system| system.eq_ignore_ascii_case("windows")));
    match windows {
        true => warnings.push(
            "the administrator's password of Windows nodes is in no capture: Azure makes a new one"
                .to_owned(),
        ),
        false => remove(body, "properties.windowsProfile"),
    }
}

/// Drops the nodes' own identity: the one that AKS made is made anew.
fn kubelet(body: &mut Value, node_group: Option<&str>, warnings: &mut Vec<String>) {
    let resource = body
        .pointer("/properties/identityProfile/kubeletidentity/resourceId")
        .and_then(Value::as_str)
        .map(str::to_lowercase);
    if let Some(resource) = resource {
        let made_by_azure =
            node_group.is_some_and(|group| resource.contains(&format!("/resourcegroups/{group}/")));
        if !made_by_azure {
            warnings.push("the nodes' identity of the capture is left out: Azure makes one, which needs its roles (AcrPull)".to_owned());
        }
    }
    remove(body, "properties.identityProfile");
}

fn map_pool(pool: &mut Value, side: &Side, warnings: &mut Vec<String>) -> Result<(), String> {
    let name = text(pool, "name").unwrap_or_default().to_owned();
    for (field, reason) in DROPPED_FROM_POOLS {
        if pool.get(field).is_some_and(|old| !old.is_null()) {
            warnings.push(format!("`{field}` of pool {name} is left out: {reason}"));
        }
        remove(pool, field);
    }
    match (&side.subnet, text(pool, "vnetSubnetID").is_some()) {
        (Some(subnet), _) => pool["vnetSubnetID"] = json!(subnet),
        (None, true) => {
            return Err("the captured nodes stand in a subnet: name this side's under `subnet`".to_owned());
        }
        (None, false) => {}
    }
    if let Some(version) = &side.version {
        pool["orchestratorVersion"] = json!(version);
    }
    Ok(())
}

/// Names every resource that is still pointed at, since nobody can tell its region from its name.
fn remaining(value: &Value, side: &Side, place: &mut String, warnings: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let length = place.len();
                place.push_str(if length == 0 { "" } else { "." });
                place.push_str(key);
                remaining(inner, side, place, warnings);
                place.truncate(length);
            }
        }
        Value::Array(list) => {
            for inner in list {
                remaining(inner, side, place, warnings);
            }
        }
        Value::String(text) if text.to_lowercase().starts_with("/subscriptions/") => {
            let known = [&side.subnet, &side.identity];
            if !known.contains(&&Some(text.clone())) {
                let name = text.rsplit('/').next().unwrap_or_default();
                warnings.push(format!("`{place}` still names {name}, wherever that lies"));
            }
        }
        _ => {}
    }
}

/// Returns the body of the one PUT: the cluster, the pools that go with it, and our marks.
pub(super) fn put(mapped: &Mapped, choice: &Choice, run: &str) -> Value {
    let mut body = mapped.body.clone();
    if let Some(list) = body["properties"]["agentPoolProfiles"].as_array_mut() {
        list.retain(|pool| !choice.later.iter().any(|later| text(pool, "name") == Some(later)));
        for pool in list {
            apply(pool, choice);
        }
    }
    if !body["tags"].is_object() {
        body["tags"] = json!({});
    }
    body["tags"][RUN_TAG] = json!(run);
    body["tags"][SPECIFICATION_TAG] = json!(mapped.digest);
    body
}

/// Returns the body of a pool's own PUT, at one size.
pub(super) fn put_pool(mapped: &Mapped, choice: &Choice, name: &str, size: &str) -> Option<Value> {
    let found = pools(&mapped.body)
        .iter()
        .find(|pool| text(pool, "name") == Some(name))?;
    let mut pool = found.clone();
    apply(&mut pool, choice);
    let own = |name: &str| {
        choice
            .sizes
            .get(name)
            .map(String::as_str)
            .or(text(found, "vmSize"))
    };
    if own(name) != Some(size) {
        if let Some(zones) = found.get("availabilityZones") {
            pool["availabilityZones"] = zones.clone();
        }
        let there = choice
            .zones_at
            .get(name)
            .and_then(|sizes| sizes.get(&size.to_lowercase()));
        put_zones(&mut pool, there);
    }
    remove(&mut pool, "name");
    pool["vmSize"] = json!(size);
    Some(json!({"properties": pool}))
}

fn apply(pool: &mut Value, choice: &Choice) {
    let Some(name) = text(pool, "name").map(str::to_owned) else {
        return;
    };
    if let Some(size) = choice.sizes.get(&name) {
        pool["vmSize"] = json!(size);
    }
    put_zones(pool, choice.zones.get(&name));
}

fn put_zones(pool: &mut Value, chosen: Option<&Vec<String>>) {
    match chosen {
        Some(zones) if zones.is_empty() => remove(pool, "availabilityZones"),
        Some(zones) => pool["availabilityZones"] = json!(zones),
        None => {}
    }
}
