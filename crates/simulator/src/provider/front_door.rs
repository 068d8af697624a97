//! What does Front Door do? Its control plane takes a minute or two, its edge follows some minutes later; it is of
//! no region. Only profiles, origin groups and origins are there.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Begin, Context, Failure, Provider, Served, plain::merge, read, status_body};
use crate::{
    arm::{Answer, ArmRequest},
    clock::later,
    world::{
        Health, Operation, Progress, Resource, World,
        blueprint::{self, Blueprint, Side},
        fold_id, geography,
    },
};

const VERSIONS: &[&str] = &[
    "2023-05-01",
    "2024-02-01",
    "2024-09-01",
    "2025-04-15",
    "2026-10-01",
];
const PROFILES: &str = "microsoft.cdn/profiles";
const GROUPS: &str = "microsoft.cdn/profiles/origingroups";
const ORIGINS: &str = "microsoft.cdn/profiles/origingroups/origins";
/// An origin made or changed. Recorded: 17 to 155 s.
const ORIGIN: Duration = Duration::from_secs(90);
/// Until the edge has heard of it. Documented: 3 to 20 minutes; this is the lower end.
const EDGE: Duration = Duration::from_secs(240);

/// The provider.
pub(crate) struct FrontDoor;

impl Provider for FrontDoor {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            Served {
                kind: PROFILES,
                versions: VERSIONS,
            },
            Served {
                kind: GROUPS,
                versions: VERSIONS,
            },
            Served {
                kind: ORIGINS,
                versions: VERSIONS,
            },
        ];
        SERVED
    }

    /// Of no region.
    fn region(&self, _: &World, _: &ArmRequest) -> Option<String> {
        None
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let kind = request.path.kind();
        let id = request.path.id();
        if request.method == Method::GET {
            let missing = request.path.tail.is_none() && context.seen(&id).is_none();
            return match missing && kind != PROFILES {
                true => not_found(),
                false => read(self, context, request),
            };
        }
        let parent = parent(&id).to_owned();
        if kind != PROFILES && context.world.resource(&parent).is_none() {
            return Answer::gateway(
                404,
                "ParentResourceNotFound",
                format!(
                    "Failed to perform 'write' on resource(s), because the parent resource '{parent}' could not be found."
                ),
            );
        }
        let old = context.world.resource(&id).cloned();
        match (&request.method, old) {
            (&Method::DELETE, None) => Answer::empty(204).accepted(false),
            (&Method::DELETE, Some(_)) => {
                let operation = begin(context, request, "delete", true, Value::Null);
                context.links(Answer::empty(202), &operation)
            }
            (&Method::PATCH, None) => not_found(),
            (&Method::PUT | &Method::PATCH, old) => write(context, request, old),
            _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
        }
    }

    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        if operation.verb == "delete" {
            let prefix = format!("{}/", fold_id(&operation.subject));
            let below = context
                .world
                .resources
                .keys()
                .filter(|key| key.starts_with(&prefix));
            for key in below.cloned().collect::<Vec<_>>() {
                context.world.remove(&key);
            }
            context.world.remove(&operation.subject);
            return Ok(());
        }
        let heard = later(context.now, context.around("edge", EDGE));
        if let Some(resource) = context.world.change(&operation.subject) {
            resource.body["properties"]["provisioningState"] = json!("Succeeded");
            if !operation.state.is_null() {
                resource.state["before"] = operation.state.clone();
                resource.state["heard"] = json!(heard);
            }
        }
        Ok(())
    }

    fn abandon(&self, context: &mut Context<'_>, operation: &Operation) {
        if let Some(resource) = context.world.change(&operation.subject) {
            if !operation.state.is_null() {
                resource.body["properties"] = operation.state.clone();
            }
            resource.body["properties"]["provisioningState"] = json!("Failed");
        }
    }

    /// Recorded: an error of the code `None` stands beside every status.
    fn status(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        let told = status_body(context, operation);
        let error = match &operation.progress {
            Progress::Failed { code, message } => json!({"code": code, "message": message}),
            _ => json!({"code": "None", "message": null}),
        };
        Answer::json(200, json!({"status": told["status"], "error": error}))
    }
}

fn not_found() -> Answer {
    Answer::error(404, "NotFound", "The requested resource was not found.")
}

fn parent(id: &str) -> &str {
    id.rsplitn(3, '/').nth(2).unwrap_or_default()
}

fn write(context: &mut Context<'_>, request: &ArmRequest, old: Option<Resource>) -> Answer {
    let kind = request.path.kind();
    let asked = request.json();
    if let Some(answer) = misplaced(&asked) {
        return answer;
    }
    let fresh = old.is_none();
    let before = old.as_ref().map(|old| old.body["properties"].clone());
    let mut made = match (&request.method, old) {
        (&Method::PATCH, Some(old)) => old,
        (_, old) => {
            let mut made = resource(request, &kind);
            made.state = old.map_or(Value::Null, |old| old.state);
            made
        }
    };
    if made.state.is_null() {
        made.state = json!({});
    }
    merge(
        &mut made.body,
        &json!({"properties": asked["properties"], "tags": asked["tags"]}),
    );
    // Recorded: the only origin of a group may be disabled, though nobody is served by it then.
    // Recorded: a new group is there at once, without any header.
    let at_once = fresh && kind == GROUPS;
    let word = match (at_once, fresh) {
        (true, _) => "Succeeded",
        (_, true) => "Creating",
        _ => "Updating",
    };
    made.body["properties"]["provisioningState"] = json!(word);
    // Recorded: it never says anything else.
    if kind != PROFILES {
        made.body["properties"]["deploymentStatus"] = json!("NotStarted");
    }
    let shown = made.body.clone();
    if kind == ORIGINS {
        // Until the operation has ended and the edge has heard of it, the edge does as before.
        made.state["before"] = before
            .clone()
            .unwrap_or_else(|| json!({"enabledState": "Disabled"}));
        made.state["heard"] = json!(later(context.now, Duration::from_secs(365 * 24 * 3600)));
    }
    let edge = if kind == ORIGINS {
        made.state["before"].clone()
    } else {
        Value::Null
    };
    context.world.put(made);
    if at_once {
        return Answer::json(201, shown);
    }
    let operation = begin(context, request, "write", !fresh, edge);
    context.links(Answer::json(if fresh { 201 } else { 202 }, shown), &operation)
}

/// Begins what takes its time. Recorded: what is new has no `Location`.
fn begin(
    context: &mut Context<'_>,
    request: &ArmRequest,
    verb: &str,
    located: bool,
    state: Value,
) -> Operation {
    let under = format!(
        "/subscriptions/{}/resourcegroups/{}/providers/Microsoft.Cdn/operationresults",
        request.path.subscription.as_deref().unwrap_or_default(),
        request.path.group.as_deref().unwrap_or_default(),
    );
    let lasts = context.around("lasts", ORIGIN);
    let mut begin = Begin::new(
        PROFILES,
        "global",
        &request.path.id(),
        verb,
        &request.api_version(),
        lasts,
    );
    begin.status_under = Some(under.clone());
    // Recorded: the result stands below the status, under the resource's own names.
    begin.result_under = located.then_some(under);
    let names = request.path.types.iter().zip(&request.path.names);
    begin.result_behind = names
        .map(|(kind, name)| format!("/{}results/{name}", kind.to_lowercase().trim_end_matches('s')))
        .collect();
    begin.retry_after = Some(10);
    begin.state = state;
    context.begin(begin)
}

/// Refuses a rank or a weight that is none. The bounds are documented, status and words are inferences.
fn misplaced(asked: &Value) -> Option<Answer> {
    [("priority", 5), ("weight", 1_000)]
        .into_iter()
        .find_map(|(name, most)| {
            let value = &asked["properties"][name];
            let fits = value.is_null() || value.as_u64().is_some_and(|figure| (1..=most).contains(&figure));
            (!fits).then(|| {
                Answer::error(
                    400,
                    "BadRequest",
                    format!("Property 'AfdOrigin.{name}' must be from 1 to {most}."),
                )
            })
        })
}

/// Makes a resource as answers show it: its ids in lower case, as recorded.
fn resource(request: &ArmRequest, kind: &str) -> Resource {
    let path = &request.path;
    made(
        path.subscription.as_deref().unwrap_or_default(),
        path.group.as_deref().unwrap_or_default(),
        kind,
        &path.names,
    )
}

fn made(subscription: &str, group: &str, kind: &str, names: &[String]) -> Resource {
    let words = ["profiles", "origingroups", "origins"];
    let below: String = words
        .iter()
        .zip(names)
        .map(|(word, name)| format!("/{word}/{name}"))
        .collect();
    let id = format!("/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.Cdn{below}");
    let shown = format!(
        "Microsoft.Cdn{}",
        kind.strip_prefix("microsoft.cdn").unwrap_or_default()
    );
    let name = names.last().map(String::as_str).unwrap_or_default();
    let properties = match kind {
        PROFILES => json!({"originResponseTimeoutSeconds": 30, "resourceState": "Active"}),
        GROUPS => json!({
            "loadBalancingSettings": {"sampleSize": 4, "successfulSamplesRequired": 3, "additionalLatencyInMilliseconds": 50},
            "healthProbeSettings": null, "trafficRestorationTimeToHealedOrNewEndpointsInMinutes": null,
            "sessionAffinityState": "Disabled",
        }),
        _ => json!({
            "originGroupName": names.get(1), "hostName": "", "httpPort": 80, "httpsPort": 443,
            "originHostHeader": null, "priority": null, "weight": null, "enabledState": "Enabled",
            "sharedPrivateLinkResource": null, "enforceCertificateNameCheck": true,
        }),
    };
    let mut body = json!({"id": id, "type": shown, "name": name, "properties": properties});
    if kind == PROFILES {
        body["location"] = json!("Global");
        body["sku"] = json!({"name": "Standard_AzureFrontDoor"});
    }
    Resource {
        id,
        kind: shown,
        region: "global".to_owned(),
        body,
        state: Value::Null,
    }
}

/// Returns the region of the origin to which the edge sends callers now.
pub(crate) fn region_served(world: &World, group: &str, at: Timestamp) -> Option<String> {
    let prefix = format!("{}/origins/", fold_id(group));
    let region = |origin: &Resource| origin.state["region"].as_str().unwrap_or("global").to_owned();
    let mut enabled: Vec<(i64, i64, &Resource)> = Vec::new();
    for (_, origin) in world.resources.iter().filter(|(key, _)| key.starts_with(&prefix)) {
        let heard: Option<Timestamp> = serde_json::from_value(origin.state["heard"].clone()).ok();
        let told = match heard {
            Some(heard) if at < heard => &origin.state["before"],
            _ => &origin.body["properties"],
        };
        if told["enabledState"] == "Enabled" {
            let rank = told["priority"].as_i64().unwrap_or(1);
            enabled.push((rank, -told["weight"].as_i64().unwrap_or(1_000), origin));
        }
    }
    enabled.sort_by_key(|(rank, weight, _)| (*rank, *weight));
    let well = enabled
        .iter()
        .find(|(.., origin)| world.health(&region(origin), at) == Health::Up);
    well.or(enabled.first()).map(|(.., origin)| region(origin))
}

/// Puts a profile with one group into a world; its primary origin is enabled, the other one is not.
pub(crate) fn furnish(world: &mut World, blueprint: &Blueprint, item: &blueprint::FrontDoor) {
    world.group(
        &blueprint.subscription,
        &item.resource_group,
        &blueprint.regions.paired,
    );
    let make = |kind: &str, names: &[&String]| {
        let names: Vec<String> = names.iter().map(|name| (*name).clone()).collect();
        let mut made = made(&blueprint.subscription, &item.resource_group, kind, &names);
        made.body["properties"]["provisioningState"] = json!("Succeeded");
        made
    };
    world.put(make(PROFILES, &[&item.profile]));
    let mut group = make(GROUPS, &[&item.profile, &item.origin_group]);
    group.body["properties"]["deploymentStatus"] = json!("NotStarted");
    world.put(group);
    for (side, name, state, rank) in [
        (Side::Primary, &item.primary, "Enabled", 1),
        (Side::Paired, &item.paired, "Disabled", 2),
    ] {
        let region = geography::fold(blueprint.region(side));
        let mut origin = make(ORIGINS, &[&item.profile, &item.origin_group, name]);
        let properties = json!({"properties": {
            "hostName": format!("{name}.{region}.example.test"), "enabledState": state, "priority": rank,
            "weight": 1_000, "deploymentStatus": "NotStarted",
        }});
        merge(&mut origin.body, &properties);
        origin.state = json!({"region": region});
        world.put(origin);
    }
}
