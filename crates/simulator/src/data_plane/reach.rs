//! Where does an address outside the control plane lead, and does what it needs stand there?

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::kubernetes;
use crate::{
    provider::{
        aks, dns, front_door, key_vault, site_recovery::machine::stopped, sql, storage, traffic_manager,
    },
    world::{Endpoint, Health, Needs, Port, Resource, Serves, World, geography},
};

/// Returns the endpoint that a URL belongs to.
pub(super) fn endpoint<'a>(world: &'a World, url: &str) -> Option<&'a Endpoint> {
    let endpoints = world.endpoints.iter();
    endpoints
        .filter(|endpoint| url.starts_with(&endpoint.url))
        .max_by_key(|endpoint| endpoint.url.len())
}

/// Returns the port that a `CONNECT` is for.
pub(super) fn port<'a>(world: &'a World, request: &Request<Bytes>) -> Option<&'a Port> {
    let authority = request.uri().authority()?;
    world.ports.iter().find(|port| {
        port.host.eq_ignore_ascii_case(authority.host()) && Some(port.port) == authority.port_u16()
    })
}

/// Returns the region that a request goes to, whether or not anybody answers there; nothing where it is of none.
pub(super) fn region(world: &World, request: &Request<Bytes>, now: Timestamp) -> Option<String> {
    let host = request.uri().host()?;
    let connect = request.method() == http::Method::CONNECT;
    let known = match connect {
        true => port(world, request).map(|port| &port.serves),
        false => endpoint(world, &request.uri().to_string()).map(|endpoint| &endpoint.serves),
    };
    if let Some(serves) = known {
        return meant(world, serves, now);
    }
    storage::blob_region(world, host)
        .or_else(|| key_vault::region(world, host))
        .or_else(|| sql::region(world, host))
        .or_else(|| aks::behind(world, host).map(|cluster| cluster.region.clone()))
        .or_else(|| kubernetes::cluster(world, host).map(|cluster| cluster.region.clone()))
}

/// Returns the region that an address is meant to lead to, dead or alive.
fn meant(world: &World, serves: &Serves, now: Timestamp) -> Option<String> {
    match serves {
        Serves::Always | Serves::Never => None,
        Serves::Region(region) => Some(geography::fold(region)),
        Serves::Resource(id) => {
            let resource = world.resource(id)?;
            Some(storage::written_in(resource).unwrap_or_else(|| resource.region.clone()))
        }
        // Whoever stands before several sends a caller to one that answers, where there is one.
        Serves::AnyOf(several) => {
            reached(world, serves, now).or_else(|| several.iter().find_map(|one| meant(world, one, now)))
        }
        Serves::TrafficManager(id) => traffic_manager::region_served(world, id, now),
        Serves::FrontDoor(id) => front_door::region_served(world, id, now),
        Serves::Record {
            name,
            r#type,
            regions,
        } => {
            let values = dns::resolve(world, name, r#type, now)?;
            let region = values.iter().find_map(|value| regions.get(value))?;
            Some(geography::fold(region))
        }
    }
}

/// Returns the region that answers at an address now, `global` where it is of none; nothing where nobody answers.
pub(super) fn reached(world: &World, serves: &Serves, now: Timestamp) -> Option<String> {
    let region = match serves {
        Serves::Always => "global".to_owned(),
        Serves::AnyOf(several) => return several.iter().find_map(|one| reached(world, one, now)),
        Serves::Resource(id) if !world.resource(id).is_some_and(|one| stands(world, one, now)) => {
            return None;
        }
        meant_for_one => meant(world, meant_for_one, now)?,
    };
    (world.health(&region, now) == Health::Up).then_some(region)
}

/// Returns whether enough of what a region needs stands there.
pub(super) fn behind(
    world: &World,
    region: &str,
    needs: &Needs,
    at_least: Option<usize>,
    now: Timestamp,
) -> bool {
    let wanted = needs
        .iter()
        .filter(|(name, _)| geography::fold(name) == region)
        .flat_map(|(_, wanted)| wanted);
    let (mut all, mut standing) = (0, 0);
    for need in wanted {
        all += 1;
        let there = match need.starts_with('/') {
            true => world
                .resource(need)
                .is_some_and(|resource| stands(world, resource, now)),
            false => world.resources.values().any(|resource| {
                let own = storage::written_in(resource).unwrap_or_else(|| resource.region.clone());
                own == region && resource.name().eq_ignore_ascii_case(need) && stands(world, resource, now)
            }),
        };
        standing += usize::from(there);
    }
    standing >= at_least.map_or(all, |enough| enough.min(all))
}

/// Returns whether a resource really does its work: its region is up, it is made and switched on, and where it has
/// a role it is the one that serves.
pub(crate) fn stands(world: &World, resource: &Resource, now: Timestamp) -> bool {
    let region = storage::written_in(resource).unwrap_or_else(|| resource.region.clone());
    if world.health(&region, now) != Health::Up {
        return false;
    }
    if resource.kind.eq_ignore_ascii_case(aks::CLUSTERS) {
        // What serves is what runs on it.
        return aks::stands(resource) && kubernetes::is_ready(world, resource, now);
    }
    let made = match resource.body["properties"]["provisioningState"].as_str() {
        Some(word) => word.eq_ignore_ascii_case("Succeeded"),
        None => true,
    };
    made && !stopped(resource)
        && resource.state["role"] != "Secondary"
        && storage::takes_writes(world, resource)
}
