//! What zones and records does a rehearsal need? Those that the plan names, with the values of the side that serves.

use serde_json::{Value, json};

use super::{Dns, record};
use crate::world::{
    Resource, World,
    blueprint::{Blueprint, DnsRecord},
};

/// Makes a zone.
pub(super) fn zone(dns: Dns, id: &str, etag: &str) -> Resource {
    let name = id.rsplit('/').next().unwrap_or_default();
    let properties = match dns.private {
        true => json!({
            "maxNumberOfRecordSets": 25_000, "maxNumberOfVirtualNetworkLinks": 1_000,
            "maxNumberOfVirtualNetworkLinksWithRegistration": 100, "numberOfRecordSets": 1,
            "numberOfVirtualNetworkLinks": 0, "numberOfVirtualNetworkLinksWithRegistration": 0,
            "provisioningState": "Succeeded",
        }),
        false => json!({
            "maxNumberOfRecordSets": 10_000, "maxNumberOfRecordsPerRecordSet": null,
            "nameServers": ["ns1-08.azure-dns.com.", "ns2-08.azure-dns.net."],
            "numberOfRecordSets": 2, "zoneType": "Public",
        }),
    };
    Resource {
        id: id.to_owned(),
        kind: dns.shown().to_owned(),
        region: "global".to_owned(),
        body: json!({
            "id": id, "name": name, "type": dns.shown(), "etag": etag, "location": "global", "tags": {},
            "properties": properties,
        }),
        state: Value::Null,
    }
}

/// Makes a link of a private zone to a network.
pub(super) fn link(id: &str, etag: &str, asked: &Value) -> Resource {
    let kind = "Microsoft.Network/privateDnsZones/virtualNetworkLinks";
    let mut properties = asked["properties"].clone();
    properties["provisioningState"] = json!("Succeeded");
    properties["virtualNetworkLinkState"] = json!("Completed");
    Resource {
        id: id.to_owned(),
        kind: kind.to_owned(),
        region: "global".to_owned(),
        body: json!({
            "id": id, "name": id.rsplit('/').next(), "type": kind, "etag": etag, "location": "global",
            "properties": properties,
        }),
        state: Value::Null,
    }
}

/// Puts a zone and one of its records into a world.
pub(crate) fn furnish(world: &mut World, blueprint: &Blueprint, item: &DnsRecord) {
    let dns = Dns {
        private: item.private,
    };
    // A group that holds global things lives where the platform's home does not burn.
    world.group(
        &blueprint.subscription,
        &item.resource_group,
        &blueprint.regions.paired,
    );
    let id = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/{}/{}",
        blueprint.subscription,
        item.resource_group,
        dns.shown(),
        item.zone
    );
    if world.resource(&id).is_none() {
        world.put(zone(dns, &id, "00000000-0000-4000-8000-000000000001"));
    }
    let entry = |key: &str| {
        item.values
            .iter()
            .map(|value| json!({key: value}))
            .collect::<Vec<_>>()
    };
    let kind = item.r#type.to_uppercase();
    let mut properties = json!({record::lifetime(dns): item.ttl.unwrap_or(60)});
    let field = |name: &str| {
        if dns.private {
            name.to_lowercase()
        } else {
            name.to_owned()
        }
    };
    match kind.as_str() {
        "A" => properties[field("A") + "Records"] = json!(entry("ipv4Address")),
        "AAAA" => properties[field("AAAA") + "Records"] = json!(entry("ipv6Address")),
        _ => properties[field("CNAME") + "Record"] = json!({"cname": item.values.first()}),
    }
    let id = format!("{id}/{kind}/{}", item.record);
    if world.resource(&id).is_none() {
        world.put(record::set(
            dns,
            &id,
            "00000000-0000-4000-8000-000000000002",
            &properties,
        ));
    }
}
