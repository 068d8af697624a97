//! How do a vault and its machines come into a world?

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    item::{End, Item, Phase},
    machine, plan, view,
};
use crate::{
    provider::plain,
    world::{
        Resource, Serves, World, WorldError,
        blueprint::{Blueprint, Side, VaultMachines},
        geography,
    },
};

/// A multi-VM group has at most so many machines. Documented.
const MOST_IN_GROUP: usize = 16;
fn end(blueprint: &Blueprint, item: &VaultMachines, vault: &str, side: Side) -> End {
    let region = geography::fold(blueprint.region(side));
    let given = match side {
        Side::Primary => &item.source_group,
        Side::Paired => &item.target_group,
    };
    let group = given.clone().unwrap_or_else(|| format!("rg-machines-{region}"));
    End {
        group: format!("/subscriptions/{}/resourceGroups/{group}", blueprint.subscription),
        // What the portal makes them be called.
        container: format!(
            "{vault}/replicationFabrics/asr-a2a-default-{region}/replicationProtectionContainers/asr-a2a-default-{region}-container"
        ),
        region,
    }
}

fn put(world: &mut World, id: &str, kind: &str, region: &str, body: Value) {
    world.put(Resource {
        id: id.to_owned(),
        kind: format!("Microsoft.RecoveryServices/vaults{kind}"),
        region: region.to_owned(),
        body,
        state: Value::Null,
    });
}

/// Puts a vault, its machines and what they need into a world. Several items may share one vault.
pub(crate) fn furnish(
    world: &mut World,
    blueprint: &Blueprint,
    item: &VaultMachines,
) -> Result<(), WorldError> {
    let underivable = |reason: &str| WorldError::Underivable {
        item: item.vault.clone(),
        reason: reason.to_owned(),
    };
    if item.multi_vm_group.is_some() && item.machines.len() > MOST_IN_GROUP {
        return Err(underivable("a multi-VM group has at most 16 machines"));
    }
    let subscription = &blueprint.subscription;
    // The vault lies outside the region whose machines it protects.
    world.group(subscription, &item.resource_group, &blueprint.regions.paired);
    let home = geography::fold(&blueprint.regions.paired);
    let vault = format!(
        "/Subscriptions/{subscription}/resourceGroups/{}/providers/Microsoft.RecoveryServices/vaults/{}",
        item.resource_group, item.vault
    );
    let source = end(blueprint, item, &vault, Side::Primary);
    let target = end(blueprint, item, &vault, Side::Paired);
    if source.group.eq_ignore_ascii_case(&target.group) {
        return Err(underivable("its machines need a resource group on each side"));
    }
    let policy = format!("{vault}/replicationPolicies/24-hour-retention-policy");
    if world.resource(&vault).is_none() {
        put(world, &vault, "", &home, Value::Null);
        put(world, &policy, "/replicationPolicies", &home, Value::Null);
    }
    if let Some(size) = item.page_size
        && let Some(vault) = world.change(&vault)
    {
        vault.body = json!({"page-size": size});
    }
    for (here, there) in [(&source, &target), (&target, &source)] {
        let group = here.group.rsplit('/').next().unwrap_or_default();
        world.group(subscription, group, &here.region);
        let location = json!({"location": here.region});
        put(world, here.fabric(), "/replicationFabrics", &home, location);
        let container = "/replicationFabrics/replicationProtectionContainers";
        put(world, &here.container, container, &home, Value::Null);
        let mapping = format!(
            "{}/replicationProtectionContainerMappings/{}-{}-24-hour-retention-policy",
            here.container, here.region, there.region
        );
        put(
            world,
            &mapping,
            &format!("{container}/replicationProtectionContainerMappings"),
            &home,
            json!({"from": here.region, "to": there.region, "target": there.container, "policy": policy}),
        );
        if let Some(network) = &item.drill_network {
            let id = match network.starts_with('/') {
                true => network.clone(),
                false => format!(
                    "{}/providers/Microsoft.Network/virtualNetworks/{network}",
                    there.group
                ),
            };
            if here.region == source.region && world.resource(&id).is_none() {
                let body =
                    json!({"location": there.region, "properties": {"provisioningState": "Succeeded"}});
                let path = crate::arm::ArmPath::parse(&id);
                world.put(plain::resource(&path, &there.region, body));
            }
        }
    }
    // Protected for as long as anybody can remember, whenever a world laid over this one starts.
    let since = Timestamp::UNIX_EPOCH;
    let mut planned = Vec::new();
    for name in &item.machines {
        let kept = Item {
            machine: name.clone(),
            source: source.clone(),
            target: target.clone(),
            initially: (source.region.clone(), target.region.clone()),
            policy: policy.clone(),
            group: item.multi_vm_group.clone().unwrap_or_default(),
            phase: Phase::Replicating {
                copied: since,
                protected: since,
            },
            busy: None,
            drill: None,
            point: None,
        };
        let id = format!("{}/replicationProtectedItems/{name}", source.container);
        world.put(machine::made(&source, name, None));
        planned.push(json!({"id": id, "virtualMachineId": source.machine(name)}));
        world.put(Resource {
            id,
            kind: view::ITEM_TYPE.to_owned(),
            region: home.clone(),
            body: Value::Null,
            state: json!(kept),
        });
    }
    for name in &item.foreign {
        let id = format!("{}/replicationProtectedItems/{name}", source.container);
        world.put(Resource {
            id: id.clone(),
            kind: view::ITEM_TYPE.to_owned(),
            region: home.clone(),
            body: view::foreign(&id, name),
            state: Value::Null,
        });
    }
    if let Some(name) = &item.recovery_plan {
        let id = format!("{vault}/replicationRecoveryPlans/{name}");
        let by_hand = item.manual_action.iter().map(|action| {
            json!({
                "actionName": action, "failoverTypes": ["UnplannedFailover"],
                "failoverDirections": ["PrimaryToRecovery"],
                "customDetails": {"instanceType": "ManualActionDetails", "description": action},
            })
        });
        let groups = [json!({
            "groupType": "Boot", "replicationProtectedItems": planned,
            "startGroupActions": by_hand.collect::<Vec<Value>>(),
        })];
        world.put(plan::made(&id, &home, &groups, source.fabric(), target.fabric()));
    }
    Ok(())
}

/// Lets ports at the machines' addresses follow the machines.
pub(crate) fn follow(world: &mut World, blueprint: &Blueprint) {
    for item in &blueprint.resources {
        let crate::world::blueprint::Item::VaultMachines(item) = item else {
            continue;
        };
        let sides = [
            (Side::Primary, &item.primary_addresses),
            (Side::Paired, &item.paired_addresses),
        ];
        for (side, addresses) in sides {
            let end = end(blueprint, item, "", side);
            let served = |name: &String| Serves::Resource(end.machine(name));
            for (place, address) in addresses.iter().enumerate() {
                let serves = match addresses.len() == item.machines.len() {
                    true => item.machines.get(place).map(served),
                    false => None,
                };
                let serves =
                    serves.unwrap_or_else(|| Serves::AnyOf(item.machines.iter().map(served).collect()));
                let ports = world.ports.iter_mut();
                for port in ports.filter(|port| port.host.eq_ignore_ascii_case(address)) {
                    port.serves = serves.clone();
                }
            }
        }
    }
}
