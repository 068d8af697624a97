//! What of the world's public side follows from a plan alone: the pages, ports and hooks that its checks and
//! messages reach for. A runbook without a `world.yaml` can be rehearsed by it; whatever the file names comes first.

use std::collections::BTreeMap;

use leeward_runbook::plan::{Check, Plan, PlannedStep, StepId};
use leeward_simulator::{
    World,
    world::{Endpoint, Name, Port, Serves, SqlAnswer},
};
use serde_json::Value;

/// Adds what nobody has described yet.
pub(super) fn furnish(world: &mut World, plan: &Plan, subscription: &str) {
    for step in &plan.steps {
        if step.kind.starts_with("notify.")
            && let Some(url) = plain(&step.settings, "url")
        {
            add_page(world, url, Serves::Always, 202, "");
        }
        for check in &step.verify {
            let serves = served_by(plan, step, subscription);
            add_what_is_checked(world, check, serves);
        }
    }
}

fn add_what_is_checked(world: &mut World, check: &Check, serves: Serves) {
    match check.kind.as_str() {
        "check.http" => {
            let status = check.settings.get("expect").and_then(Value::as_u64);
            let status = status
                .and_then(|status| u16::try_from(status).ok())
                .unwrap_or(200);
            let body = plain(&check.settings, "contains").unwrap_or_default();
            if let Some(url) = plain(&check.settings, "url") {
                add_page(world, url, serves, status, body);
            }
        }
        "check.tcp" => {
            let port = check.settings.get("port").and_then(Value::as_u64);
            let port = port.and_then(|port| u16::try_from(port).ok());
            if let (Some(host), Some(port)) = (plain(&check.settings, "host"), port) {
                add_port(world, host, port, serves);
            }
        }
        "check.dns" => add_name(world, &check.settings),
        "check.tls" => {
            let port = check.settings.get("port").and_then(Value::as_u64).unwrap_or(443);
            let one = plain(&check.settings, "host");
            let several = check.settings.get("hosts").and_then(Value::as_array);
            let hosts = several.into_iter().flatten().filter_map(Value::as_str);
            let hosts: Vec<&str> = match one {
                Some(host) => vec![host],
                None => hosts.filter(|host| !host.contains("${{")).collect(),
            };
            for host in hosts {
                if let Ok(port) = u16::try_from(port) {
                    add_port(world, host, port, serves.clone());
                }
            }
        }
        "check.sql" => {
            let port = check.settings.get("port").and_then(Value::as_u64).unwrap_or(1433);
            if let (Some(host), Ok(port)) = (plain(&check.settings, "server"), u16::try_from(port)) {
                add_server(world, host, port, serves);
            }
            add_sql_answer(world, &check.settings);
        }
        _ => {}
    }
}

/// A host name of a server or a listener that the world holds is answered by it, as roles and regions are.
fn add_server(world: &mut World, host: &str, port: u16, serves: Serves) {
    let zone = |name: &str| name.split_once('.').map(|(_, zone)| zone.to_lowercase());
    let known = world.resources.values().any(|resource| {
        let name = resource.body["properties"]["fullyQualifiedDomainName"].as_str();
        name.and_then(zone)
            .is_some_and(|known| zone(host).is_some_and(|asked| asked.ends_with(&known)))
    });
    if !known {
        add_port(world, host, port, serves);
    }
}

/// A name of no zone and no profile of the world says what is expected of it; any other says what the world does.
fn add_name(world: &mut World, settings: &Value) {
    let Some(name) = plain(settings, "name") else {
        return;
    };
    let sort = plain(settings, "type").unwrap_or("A");
    if world.resolve(name, sort, world.start).is_some() {
        return;
    }
    let texts = match settings.get("expect") {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        one => one.and_then(Value::as_str).into_iter().collect::<Vec<_>>(),
    };
    let known = texts.into_iter().filter(|text| !text.contains("${{"));
    let mut values: Vec<String> = known.map(str::to_owned).collect();
    if let Some(other) = plain(settings, "resolves-to") {
        values.extend(world.resolve(other, sort, world.start).unwrap_or_default().values);
    }
    if !values.is_empty() {
        world.names.push(Name {
            name: name.to_owned(),
            r#type: sort.to_owned(),
            values,
            ttl: 60,
        });
    }
}

/// What a check expects is what the pretend server answers, except where it knows better by itself.
fn add_sql_answer(world: &mut World, settings: &Value) {
    let (Some(statement), Some(expect)) = (plain(settings, "statement"), settings.get("expect")) else {
        return;
    };
    let folded = statement.to_lowercase();
    let own = ["updateability", "dm_geo_replication_link_status", "@@servername"];
    if own.iter().any(|word| folded.contains(word))
        || world.sql_answers.iter().any(|known| known.statement == statement)
    {
        return;
    }
    world.sql_answers.push(SqlAnswer {
        statement: statement.to_owned(),
        value: expect.clone(),
    });
}

/// Behind a traffic switch an address answers as the switch points; elsewhere it belongs to the side that takes over.
fn served_by(plan: &Plan, step: &PlannedStep, subscription: &str) -> Serves {
    let by_id: BTreeMap<&StepId, &PlannedStep> = plan.steps.iter().map(|step| (&step.id, &**step)).collect();
    let mut before: Vec<&StepId> = step.after.iter().collect();
    let mut seen = 0;
    while let Some(id) = before.get(seen) {
        let Some(earlier) = by_id.get(*id) else {
            seen += 1;
            continue;
        };
        if let Some(serves) = switched_by(plan, earlier, subscription) {
            return serves;
        }
        let further: Vec<&StepId> = earlier.after.iter().filter(|id| !before.contains(id)).collect();
        before.extend(further);
        seen += 1;
    }
    Serves::Region(plan.target.region.clone())
}

/// How an address answers that stands behind a step which moves traffic; nothing where it is no such step.
fn switched_by(plan: &Plan, step: &PlannedStep, subscription: &str) -> Option<Serves> {
    let name = |key: &str| plain(&step.settings, key);
    let group = name("resource-group")?;
    let group = format!("/subscriptions/{subscription}/resourceGroups/{group}/providers");
    Some(match step.kind.as_str() {
        "azure.traffic-manager.profile" => Serves::TrafficManager(format!(
            "{group}/Microsoft.Network/trafficManagerProfiles/{}",
            name("profile")?
        )),
        "azure.front-door.origin-group" => Serves::FrontDoor(format!(
            "{group}/Microsoft.Cdn/profiles/{}/originGroups/{}",
            name("profile")?,
            name("origin-group")?
        )),
        "azure.dns.record-set" | "azure.private-dns.record-set" => {
            let (zone, record) = (name("zone")?, name("record")?);
            let mut regions = BTreeMap::new();
            for (side, region) in [
                (&step.source, &plan.source.region),
                (&step.target, &plan.target.region),
            ] {
                let values = match side.get("value") {
                    Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
                    one => one.and_then(Value::as_str).into_iter().collect::<Vec<_>>(),
                };
                regions.extend(values.into_iter().map(|value| (value.to_owned(), region.clone())));
            }
            Serves::Record {
                name: if record == "@" {
                    zone.to_owned()
                } else {
                    format!("{record}.{zone}")
                },
                r#type: name("type")?.to_owned(),
                regions,
            }
        }
        _ => return None,
    })
}

fn add_page(world: &mut World, url: &str, serves: Serves, status: u16, body: &str) {
    if world
        .endpoints
        .iter()
        .any(|endpoint| url.starts_with(&endpoint.url))
    {
        return;
    }
    world.endpoints.push(Endpoint {
        url: url.to_owned(),
        serves,
        status,
        body: body.to_owned(),
        ..Endpoint::default()
    });
}

fn add_port(world: &mut World, host: &str, port: u16, serves: Serves) {
    if world
        .ports
        .iter()
        .any(|known| known.host == host && known.port == port)
    {
        return;
    }
    world.ports.push(Port {
        host: host.to_owned(),
        port,
        serves,
        ..Port::default()
    });
}

/// A text that needs nothing of other steps.
fn plain<'a>(settings: &'a Value, name: &str) -> Option<&'a str> {
    let text = settings.get(name)?.as_str()?;
    (!text.contains("${{")).then_some(text)
}
