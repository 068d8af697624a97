//! What of AKS does a described platform need?

use serde_json::{Value, json};

use super::{
    CLUSTERS, cluster,
    compose::{self, Asked},
    nodes, pools,
};
use crate::{
    draw::Seed,
    provider::plain,
    world::{
        Capacity, Endpoint, Port, Serves, World, WorldError,
        blueprint::{AksCluster, AksSide, Blueprint, Side},
        geography,
    },
};

/// The cores that a rehearsed platform may use. Whoever runs one has asked for more than the usual quota; how much
/// more is nobody's figure, so it is ample: a world lowers it under `capacities`.
const AMPLE: u64 = 10_000;

/// Puts the cluster that serves, and what the other side's needs, into a world.
pub(crate) fn furnish(world: &mut World, blueprint: &Blueprint, item: &AksCluster) -> Result<(), WorldError> {
    for (side, which) in [(&item.primary, Side::Primary), (&item.paired, Side::Paired)] {
        let region = geography::fold(blueprint.region(which));
        world.group(&blueprint.subscription, &side.resource_group, &region);
        ample(world, &region, &item.specification);
        if let Some(identity) = &side.identity {
            put_identity(world, &identity_id(blueprint, side, identity), &region);
        }
        // A subnet that the description itself points at is not made a second time elsewhere.
        let known = |name: &str| {
            which == Side::Primary
                && pools(&item.specification).iter().any(|pool| {
                    let id = pool["vnetSubnetID"].as_str().unwrap_or_default();
                    id.rsplit('/').next() == Some(name)
                })
        };
        if let Some(subnet) = side.subnet.as_ref().filter(|name| !known(name)) {
            put_subnet(world, &subnet_id(blueprint, side, &region, subnet), &region);
        }
        if let Some(address) = &side.address {
            expect(world, address, &cluster_id(blueprint, side));
        }
    }
    if item.both && world.resource(&cluster_id(blueprint, &item.paired)).is_none() {
        let region = geography::fold(&blueprint.regions.paired);
        stand(world, blueprint, &item.paired, &region, &item.specification)?;
    }
    let region = geography::fold(&blueprint.regions.primary);
    stand(world, blueprint, &item.primary, &region, &item.specification)
}

/// Puts a cluster into a world that runs already.
pub(crate) fn stand(
    world: &mut World,
    blueprint: &Blueprint,
    side: &AksSide,
    region: &str,
    specification: &Value,
) -> Result<(), WorldError> {
    let id = cluster_id(blueprint, side);
    let mut body = specification.clone();
    if !body.is_object() {
        body = json!({"properties": {}});
    }
    let captured_here = body["location"]
        .as_str()
        .is_none_or(|place| geography::fold(place) == region);
    if !captured_here && let Some(properties) = body["properties"].as_object_mut() {
        // The group of the nodes is named after the region of the capture; this cluster stands in another.
        properties.remove("nodeResourceGroup");
    }
    body["location"] = json!(region);
    if pools(&body).is_empty() {
        body["properties"]["agentPoolProfiles"] = json!([
            {"name": "system", "mode": "System", "count": 3, "vmSize": "Standard_D4s_v5"},
        ]);
    }
    if !body["properties"]["dnsPrefix"].is_string() {
        body["properties"]["dnsPrefix"] = json!(side.name);
    }
    // What the description of the cluster itself points at is there, too.
    let users = body["identity"]["userAssignedIdentities"].as_object();
    let users: Vec<String> = users
        .map(|users| users.keys().cloned().collect())
        .unwrap_or_default();
    for id in users {
        put_identity(world, &id, region);
    }
    for pool in pools(&body) {
        for name in ["vnetSubnetID", "podSubnetID"] {
            if let Some(id) = pool[name].as_str() {
                put_subnet(world, id, region);
            }
        }
    }
    if let Some(identity) = &side.identity
        && !body["identity"].is_object()
    {
        let mut users = serde_json::Map::new();
        users.insert(identity_id(blueprint, side, identity), json!({}));
        body["identity"] = json!({"type": "UserAssigned", "userAssignedIdentities": users});
    }
    if let Some(subnet) = &side.subnet
        && let Some(list) = body["properties"]["agentPoolProfiles"].as_array_mut()
    {
        let id = subnet_id(blueprint, side, region, subnet);
        for pool in list.iter_mut().filter(|pool| !pool["vnetSubnetID"].is_string()) {
            pool["vnetSubnetID"] = json!(id);
        }
    }
    let mut made = compose::cluster(
        world,
        &Asked {
            id: &id,
            region,
            body: &body,
            old: None,
            seed: Seed(0),
            key: &id,
            word: "Succeeded",
        },
    );
    made.state["stands"] = json!(true);
    for pool in pools(&made.body) {
        nodes::up(&mut made, &pool);
    }
    // A description that says what Azure made keeps that.
    for name in ["fqdn", "azurePortalFQDN", "resourceUID"] {
        if specification["properties"][name].is_string() {
            made.body["properties"][name] = specification["properties"][name].clone();
        }
    }
    let nodes = cluster::text(&made.body["properties"]["nodeResourceGroup"]);
    world.group(&blueprint.subscription, &nodes, region);
    cluster::expose(world, &made);
    debug_assert_eq!(made.kind, CLUSTERS);
    world.put(made);
    Ok(())
}

/// Lets an address answer once the cluster of that id stands.
fn expect(world: &mut World, address: &str, id: &str) {
    for (scheme, port) in [("http", 80), ("https", 443)] {
        world.ports.push(Port {
            host: address.to_owned(),
            port,
            serves: Serves::Resource(id.to_owned()),
            ..Port::default()
        });
        world.endpoints.push(Endpoint {
            url: format!("{scheme}://{address}/"),
            serves: Serves::Resource(id.to_owned()),
            ..Endpoint::default()
        });
    }
}

fn ample(world: &mut World, region: &str, specification: &Value) {
    let minor: Option<String> = specification["properties"]["kubernetesVersion"]
        .as_str()
        .map(|version| version.split('.').take(2).collect::<Vec<_>>().join("."));
    let place = world
        .capacities
        .iter()
        .position(|capacity| geography::fold(&capacity.region) == region);
    let place = place.unwrap_or_else(|| {
        world.capacities.push(Capacity {
            region: region.to_owned(),
            cores: Some(AMPLE),
            ..Capacity::default()
        });
        world.capacities.len() - 1
    });
    if let (Some(capacity), Some(minor)) = (world.capacities.get_mut(place), minor)
        && !capacity.versions.contains(&minor)
    {
        capacity.versions.push(minor);
    }
}

fn put_identity(world: &mut World, id: &str, region: &str) {
    if world.resource(id).is_some() {
        return;
    }
    let guid = |what: &str| Seed(0).guid(&format!("{id}/{what}")).to_string();
    put(
        world,
        id,
        region,
        json!({"properties": {
            "tenantId": "00000000-0000-0000-0000-000000000000",
            "principalId": guid("principal"),
            "clientId": guid("client"),
        }}),
    );
}

fn put_subnet(world: &mut World, id: &str, region: &str) {
    if world.resource(id).is_some() {
        return;
    }
    let name = id.rsplit('/').next().unwrap_or_default().to_owned();
    let subnet = json!({"id": id, "name": name, "properties": {"provisioningState": "Succeeded"}});
    if let Some((network, _)) = id.rsplit_once("/subnets/") {
        if world.resource(network).is_none() {
            put(
                world,
                network,
                region,
                json!({"properties": {"provisioningState": "Succeeded", "subnets": []}}),
            );
        }
        if let Some(network) = world.change(network)
            && let Some(list) = network.body["properties"]["subnets"].as_array_mut()
        {
            list.push(subnet.clone());
        }
    }
    put(world, id, region, subnet);
}

fn put(world: &mut World, id: &str, region: &str, body: Value) {
    let path = crate::arm::ArmPath::parse(id);
    if let (Some(subscription), Some(group)) = (&path.subscription, &path.group) {
        world.group(subscription, group, region);
    }
    world.put(plain::resource(&path, region, body));
}

fn cluster_id(blueprint: &Blueprint, side: &AksSide) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ContainerService/managedClusters/{}",
        blueprint.subscription, side.resource_group, side.name
    )
}

fn identity_id(blueprint: &Blueprint, side: &AksSide, given: &str) -> String {
    match given.starts_with('/') {
        true => given.to_owned(),
        false => format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{given}",
            blueprint.subscription, side.resource_group
        ),
    }
}

/// A subnet that is given by its name alone lies in a network of its side's group.
fn subnet_id(blueprint: &Blueprint, side: &AksSide, region: &str, given: &str) -> String {
    match given.starts_with('/') {
        true => given.to_owned(),
        false => format!(
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/virtualNetworks/vnet-{region}/subnets/{given}",
            blueprint.subscription, side.resource_group
        ),
    }
}
