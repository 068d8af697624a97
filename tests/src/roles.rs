//! Where does each store, machine and cluster of a world serve, and where are customers sent?

use std::collections::{BTreeMap, BTreeSet};

use leeward_simulator::{Simulator, World, world::Health};
use serde_json::Value;

/// The regions from which each thing serves, by what it is and its name.
pub type Roles = BTreeMap<String, BTreeSet<String>>;

/// Reads from a world, as it is now, what serves from where: failover groups, accounts that take writes, machines
/// that run, clusters that stand, and endpoints to which customers are sent. What is in a region that is down serves
/// nobody.
pub fn roles(simulator: &Simulator) -> Roles {
    let (world, now) = (simulator.world(), simulator.now());
    let mut roles = Roles::new();
    for resource in world.resources.values() {
        let kind = resource.kind.to_lowercase();
        let state = |name: &str| resource.state.get(name).and_then(Value::as_str);
        let name = resource.name();
        let (what, serves, region) = match kind.rsplit('/').next().unwrap_or_default() {
            "instancefailovergroups" => (
                format!("group {name}"),
                state("role") == Some("Primary"),
                resource.region.as_str(),
            ),
            "storageaccounts" => (
                // The two accounts of a pair are one store, told apart by the region at the end of their names.
                format!("store {}", without_side(name)),
                takes_writes(&world, &resource.id),
                state("primary").unwrap_or(&resource.region),
            ),
            "virtualmachines" => (
                format!("machine {name}"),
                state("power") != Some("deallocated"),
                resource.region.as_str(),
            ),
            "managedclusters" => (
                format!("cluster {}", without_side(name)),
                resource.state["stands"] == true,
                resource.region.as_str(),
            ),
            kind if kind.ends_with("endpoints") => (
                "customers".to_owned(),
                resource.body.pointer("/properties/endpointStatus") == Some(&Value::from("Enabled")),
                state("region").unwrap_or(name),
            ),
            _ => continue,
        };
        let up = what == "customers" || world.health(region, now) == Health::Up;
        let regions = roles.entry(what).or_default();
        if serves && up {
            regions.insert(region.to_owned());
        }
    }
    roles
}

/// An account that others copy to takes no writes: it has a policy that names it as the destination.
fn takes_writes(world: &World, id: &str) -> bool {
    let below = format!("{}/objectreplicationpolicies/", id.to_lowercase());
    !world.resources.iter().any(|(key, resource)| {
        let destination = resource.body["properties"]["destinationAccount"].as_str();
        key.to_lowercase().starts_with(&below)
            && destination.is_some_and(|to| {
                let (to, id) = (to.to_lowercase(), id.to_lowercase());
                to == id || id.ends_with(&format!("/{to}"))
            })
    })
}

fn without_side(name: &str) -> &str {
    let bare = name.strip_suffix("weu").or_else(|| name.strip_suffix("neu"));
    bare.unwrap_or(name).trim_end_matches('-')
}
