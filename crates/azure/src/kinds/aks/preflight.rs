//! Will the region that takes over have what the cluster needs? Reads only, each of them may fail:
//! what could not be read is a warning, and no figure promises that there is room.

use serde_json::Value;

use super::{
    capture::text,
    mapping::{Choice, Mapped, Side},
    plan::Plan,
    sizes::{Room, choose, quota, sizes},
    view::folded_region,
};
use crate::arm::{Arm, ArmPath, ReadError, Request};

/// The versions that the reads ask for.
const AKS: &str = super::cluster::API;
const COMPUTE: &str = "2024-07-01";
const SKUS: &str = "2021-07-01";
const NETWORK: &str = "2024-05-01";
const IDENTITY: &str = "2023-01-31";
const GROUPS: &str = "2024-03-01";
/// The longest name that Azure gives the nodes' group.
const LONGEST_GROUP: usize = 80;

pub(super) fn entries<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn words(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
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
                "Kubernetes {asked} is not offered in {}: name another under `version`{}",
                side.region,
                neighbours(&reply.body, asked)
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
    let usages = Request::get(
        format!("{region}/Microsoft.Compute/locations/{}/usages", side.region),
        COMPUTE,
    );
    let room = match arm.list(&usages).await {
        Ok(list) => Room::of(&list),
        Err(error) => {
            warnings.push(unread("quota", &error));
            Room::default()
        }
    };
    let (choice, chosen) = choose(mapped, &offered, &room, fallback);
    warnings.extend(chosen);
    warnings.extend(quota(mapped, &choice, &offered, &room, &side.region));
    (choice, warnings)
}

/// Looks whether the group that a new cluster's nodes are to lie in is free. Its name is Azure's, made of the cluster's;
/// one that is there is never taken over.
pub(super) async fn nodes_group(arm: &Arm, plan: &Plan) -> Option<String> {
    // Longer names are cut off, nobody says how.
    let name = format!("MC_{}_{}_{}", plan.group, plan.side.name, plan.side.region);
    if name.len() > LONGEST_GROUP {
        return None;
    }
    let path = ArmPath::subscription(&plan.subscription)
        .group(&name)
        .build()
        .ok()?;
    match arm.read(&Request::get(path, GROUPS)).await {
        Ok(_) => Some(format!(
            "the resource group {name} is there already, where the nodes are to lie, and Azure takes none that is: delete \
             it if it is a leftover, or give the cluster another `name`"
        )),
        // Whoever cannot be asked says nothing.
        Err(_) => None,
    }
}

/// Says which patches of the same minor version are offered, if any.
fn neighbours(body: &Value, asked: &str) -> String {
    let minor = asked.split('.').take(2).collect::<Vec<_>>().join(".");
    let found = entries(body, "values").find(|one| text(one, "version") == Some(&minor));
    let patches = found.and_then(|one| one.get("patchVersions")?.as_object());
    let list: Vec<&str> = patches
        .into_iter()
        .flat_map(|all| all.keys().map(String::as_str))
        .collect();
    match list.is_empty() {
        true => String::new(),
        false => format!(" ({minor} as {})", list.join(", ")),
    }
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
