//! What of storage does a described platform need?

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{account, made, policies::policy};
use crate::{
    draw::Seed,
    world::{
        World, WorldError,
        blueprint::{Blueprint, Side, StorageGeo, StorageReplicated, StorageSide},
        geography,
    },
};

/// How old the accounts of a world are when it starts.
const AGE: Duration = Duration::from_secs(90 * 24 * 3600);

/// Puts a geo-redundant account into a world. It was made in the primary region, so its provider stays there.
pub(crate) fn furnish_geo(
    world: &mut World,
    blueprint: &Blueprint,
    item: &StorageGeo,
) -> Result<(), WorldError> {
    let (here, there) = regions(blueprint);
    let home = geography::fold(blueprint.region(item.made_in.unwrap_or(Side::Primary)));
    world.group(&blueprint.subscription, &item.resource_group, &home);
    let id = id(blueprint, &item.resource_group, &item.account);
    let sku = item.sku.as_deref().unwrap_or("Standard_RAGRS");
    if !account::geo(sku) {
        return Err(WorldError::Underivable {
            item: item.account.clone(),
            reason: format!("`{sku}` keeps no copy in another region"),
        });
    }
    let made = made_before(world);
    let mut account = account::make(&id, sku, &here, Some(&there), made, made);
    account.body["location"] = json!(home);
    account.region.clone_from(&home);
    world.put(account);
    service(world, &id, &home, &[]);
    Ok(())
}

/// Puts a pair of accounts with object replication from the primary to the paired one into a world.
pub(crate) fn furnish_replicated(
    world: &mut World,
    blueprint: &Blueprint,
    item: &StorageReplicated,
) -> Result<(), WorldError> {
    let source = side(world, blueprint, item, &item.primary, Side::Primary);
    let destination = side(world, blueprint, item, &item.paired, Side::Paired);
    let seed = Seed(0);
    let guid = |what: &str| seed.guid(&format!("{source}/{destination}/{what}")).to_string();
    let rules: Vec<_> = item
        .containers
        .iter()
        .map(|name| {
            json!({
                "ruleId": guid(name),
                "sourceContainer": name,
                "destinationContainer": name,
                "filters": {"minCreationTime": "1601-01-01T00:00:00Z"},
            })
        })
        .collect();
    let name = guid("policy");
    for (owner, region) in [
        (&source, &blueprint.regions.primary),
        (&destination, &blueprint.regions.paired),
    ] {
        let id = format!("{owner}/objectReplicationPolicies/{name}");
        world.put(policy(
            &id,
            &geography::fold(region),
            (&source, &destination),
            &rules,
        ));
    }
    Ok(())
}

fn side(
    world: &mut World,
    blueprint: &Blueprint,
    item: &StorageReplicated,
    side: &StorageSide,
    which: Side,
) -> String {
    let region = geography::fold(blueprint.region(which));
    world.group(&blueprint.subscription, &side.resource_group, &region);
    let id = id(blueprint, &side.resource_group, &side.account);
    let made = made_before(world);
    world.put(account::make(&id, "Standard_LRS", &region, None, made, made));
    service(world, &id, &region, &item.containers);
    id
}

fn service(world: &mut World, account: &str, region: &str, containers: &[String]) {
    let id = format!("{account}/blobServices/default");
    world.put(made(
        &id,
        "Microsoft.Storage/storageAccounts/blobServices",
        region,
        json!({"properties": {"isVersioningEnabled": true, "changeFeed": {"enabled": true}}}),
    ));
    for name in containers {
        world.put(made(
            &format!("{id}/containers/{name}"),
            "Microsoft.Storage/storageAccounts/blobServices/containers",
            region,
            json!({"properties": {"publicAccess": "None"}}),
        ));
    }
}

fn regions(blueprint: &Blueprint) -> (String, String) {
    (
        geography::fold(&blueprint.regions.primary),
        geography::fold(&blueprint.regions.paired),
    )
}

fn id(blueprint: &Blueprint, group: &str, account: &str) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}",
        blueprint.subscription
    )
}

fn made_before(world: &World) -> Timestamp {
    SignedDuration::try_from(AGE)
        .ok()
        .and_then(|age| world.start.checked_sub(age).ok())
        .unwrap_or(world.start)
}
