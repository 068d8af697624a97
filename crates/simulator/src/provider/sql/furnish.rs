//! What of SQL does a described platform need?

use serde_json::{Value, json};

use super::{
    flavour::{INSTANCES, SERVERS},
    group::{sides, view_id},
    link,
};
use crate::world::{
    Resource, World, WorldError,
    blueprint::{Blueprint, Side, SqlGroup, SqlGroupOf, SqlSide},
    geography,
};

/// Puts a failover group and its members into a world; the primary region serves.
pub(crate) fn furnish(world: &mut World, blueprint: &Blueprint, item: &SqlGroup) -> Result<(), WorldError> {
    if geography::fold(&blueprint.regions.primary) == geography::fold(&blueprint.regions.paired) {
        return Err(WorldError::Underivable {
            item: item.name.clone(),
            reason: "both sides are in one region".to_owned(),
        });
    }
    let flavour = match item.of {
        SqlGroupOf::Instances => &INSTANCES,
        SqlGroupOf::Servers => &SERVERS,
    };
    let primary = member(world, blueprint, item, &item.primary, Side::Primary);
    let paired = member(world, blueprint, item, &item.paired, Side::Paired);
    let mut properties = json!({
        "readWriteEndpoint": {"failoverPolicy": "Manual"},
        "readOnlyEndpoint": {"failoverPolicy": "Disabled"},
    });
    if item.of == SqlGroupOf::Instances {
        properties = json!({
            "secondaryType": "Geo",
            "readWriteEndpoint": {"failoverPolicy": "Manual"},
            "readOnlyEndpoint": {"failoverPolicy": "Disabled"},
        });
    } else {
        let databases = item.databases.iter();
        let databases: Vec<String> = databases
            .map(|name| format!("{primary}/databases/{name}"))
            .collect();
        properties["databases"] = json!(databases);
        for name in &item.databases {
            let guid = uuid::Uuid::new_v5(
                &uuid::Uuid::NAMESPACE_OID,
                format!("{primary}/{name}").to_lowercase().as_bytes(),
            );
            for (server, side) in [(&primary, Side::Primary), (&paired, Side::Paired)] {
                let id = format!("{server}/databases/{name}");
                let body = json!({"properties": {"status": "Online"}});
                world.put(made(
                    &id,
                    "Microsoft.Sql/servers/databases",
                    blueprint.region(side),
                    body,
                ));
            }
            let of = |server: &str| format!("{server}/databases/{name}");
            let start = world.start;
            link::join(world, &guid.to_string(), &of(&primary), &of(&paired), start, None);
        }
    }
    let (here, there) = (&blueprint.regions.primary, &blueprint.regions.paired);
    let group = sides(
        (&view_id(&primary, here, &item.name, flavour), here, &primary),
        (&view_id(&paired, there, &item.name, flavour), there, &paired),
        &properties,
        flavour,
    );
    for view in group {
        world.put(view);
    }
    Ok(())
}

/// Puts an instance or a server into a world and returns its id.
fn member(world: &mut World, blueprint: &Blueprint, item: &SqlGroup, side: &SqlSide, which: Side) -> String {
    let region = blueprint.region(which);
    world.group(&blueprint.subscription, &side.resource_group, region);
    let word = match which {
        Side::Primary => "primary",
        Side::Paired => "paired",
    };
    let (prefix, kind, segment) = match item.of {
        SqlGroupOf::Instances => ("mi", "Microsoft.Sql/managedInstances", "managedInstances"),
        SqlGroupOf::Servers => ("sql", "Microsoft.Sql/servers", "servers"),
    };
    let name = side
        .name
        .clone()
        .unwrap_or_else(|| format!("{prefix}-{}-{word}", item.name));
    let id = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Sql/{segment}/{name}",
        blueprint.subscription, side.resource_group
    );
    let zone = blueprint.subscription.get(..8).unwrap_or("zone");
    let properties = match item.of {
        SqlGroupOf::Instances => json!({
            "provisioningState": "Succeeded",
            "state": "Ready",
            "dnsZone": zone,
            "fullyQualifiedDomainName": format!("{name}.{zone}.database.windows.net"),
        }),
        SqlGroupOf::Servers => json!({
            "state": "Ready",
            "fullyQualifiedDomainName": format!("{name}.database.windows.net"),
        }),
    };
    world.put(made(&id, kind, region, json!({"properties": properties})));
    id
}

fn made(id: &str, kind: &str, region: &str, mut body: Value) -> Resource {
    let region = geography::fold(region);
    body["location"] = json!(region);
    body["id"] = json!(id);
    body["name"] = json!(id.rsplit('/').next());
    body["type"] = json!(kind);
    Resource {
        id: id.to_owned(),
        kind: kind.to_owned(),
        region,
        body,
        state: Value::Null,
    }
}
