//! What does Traffic Manager do? Everything at once, and everywhere: it is of no region.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Context, Provider, Served, durations::ENDPOINT_CHECKED, plain::merge, read};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    clock::later,
    shape::set,
    world::{
        Resource, World,
        blueprint::{self, Blueprint, Side},
        fold_id, geography,
    },
};

const VERSIONS: &[&str] = &["2018-08-01", "2022-04-01", "2022-04-01-preview", "2026-09-01"];

const PROFILE: &str = "microsoft.network/trafficmanagerprofiles";
const SHOWN: &str = "Microsoft.Network/trafficManagerProfiles";

/// The kinds of endpoint, folded and as answers show them.
const ENDPOINTS: [(&str, &str); 3] = [
    (
        "microsoft.network/trafficmanagerprofiles/azureendpoints",
        "azureEndpoints",
    ),
    (
        "microsoft.network/trafficmanagerprofiles/externalendpoints",
        "externalEndpoints",
    ),
    (
        "microsoft.network/trafficmanagerprofiles/nestedendpoints",
        "nestedEndpoints",
    ),
];

/// The provider.
pub(crate) struct TrafficManager;

impl Provider for TrafficManager {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            Served {
                kind: PROFILE,
                versions: VERSIONS,
            },
            Served {
                kind: ENDPOINTS[0].0,
                versions: VERSIONS,
            },
            Served {
                kind: ENDPOINTS[1].0,
                versions: VERSIONS,
            },
            Served {
                kind: ENDPOINTS[2].0,
                versions: VERSIONS,
            },
        ];
        SERVED
    }

    /// Of no region. A region named in an endpoint says where its target is, not who serves the profile.
    fn region(&self, _: &World, _: &ArmRequest) -> Option<String> {
        None
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let profile = request.path.kind() == PROFILE;
        match (&request.method, profile) {
            (&Method::GET, _) => read(self, context, request),
            (&Method::PUT, true) => put_profile(self, context, request),
            (&Method::PUT, false) => put_endpoint(self, context, request),
            (&Method::PATCH, _) => patch(self, context, request),
            (&Method::DELETE, _) => delete(context, &request.path),
            _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
        }
    }

    fn show(&self, context: &Context<'_>, seen: &Resource) -> Value {
        if !seen.kind.eq_ignore_ascii_case(SHOWN) {
            return show_endpoint(context, seen);
        }
        let mut shown = seen.body.clone();
        let endpoints: Vec<Value> = endpoints_of(context.world, &seen.id, context.now)
            .into_iter()
            .map(|endpoint| show_endpoint(context, endpoint))
            .collect();
        let status = |word: &str| {
            endpoints
                .iter()
                .any(|endpoint| endpoint["properties"]["endpointMonitorStatus"] == word)
        };
        let monitor = match &shown["properties"]["profileStatus"] {
            Value::String(word) if word == "Disabled" => "Disabled",
            _ if endpoints.is_empty() => "Inactive",
            _ if status("CheckingEndpoint") => "CheckingEndpoints",
            _ if status("Degraded") => "Degraded",
            _ if status("Online") => "Online",
            _ => "Inactive",
        };
        set(
            &mut shown,
            &["properties", "monitorConfig", "profileMonitorStatus"],
            json!(monitor),
        );
        set(&mut shown, &["properties", "endpoints"], json!(endpoints));
        shown
    }
}

/// Returns the endpoints of a profile as reads see them, by their priority.
fn endpoints_of<'a>(world: &'a World, profile: &str, at: Timestamp) -> Vec<&'a Resource> {
    let mut endpoints: Vec<&Resource> = ENDPOINTS
        .iter()
        .flat_map(|(kind, _)| world.seen_all(kind, profile, at))
        .collect();
    endpoints.sort_by_key(|endpoint| endpoint.body["properties"]["priority"].as_u64());
    endpoints
}

fn show_endpoint(context: &Context<'_>, seen: &Resource) -> Value {
    let mut shown = seen.body.clone();
    let word = monitored(context.world, seen, context.now);
    set(&mut shown, &["properties", "endpointMonitorStatus"], json!(word));
    shown
}

fn monitored(world: &World, endpoint: &Resource, at: Timestamp) -> &'static str {
    let checked: Option<Timestamp> = serde_json::from_value(endpoint.state["checkedAt"].clone()).ok();
    let region = endpoint.state["region"].as_str().unwrap_or("global");
    if endpoint.body["properties"]["endpointStatus"] == "Disabled" {
        "Disabled"
    } else if checked.is_some_and(|checked| at < checked) {
        "CheckingEndpoint"
    } else if !noticed(
        world,
        parts(&endpoint.id).map_or("", |(profile, ..)| profile),
        region,
        at,
    ) {
        "Online"
    } else {
        "Degraded"
    }
}

/// Returns whether a profile's probes have noticed by now that a region is down. Documented: one probe in each
/// interval, so many failures more than are tolerated, and the last probe runs into its timeout.
fn noticed(world: &World, profile: &str, region: &str, at: Timestamp) -> bool {
    world
        .down_since(region, at)
        .is_some_and(|since| later(since, notices_within(world, profile)) <= at)
}

fn notices_within(world: &World, profile: &str) -> Duration {
    let probes = world
        .resource(profile)
        .map(|profile| &profile.body["properties"]["monitorConfig"]);
    let figure = |name: &str, usual: u64| {
        probes
            .and_then(|probes| probes[name].as_u64())
            .unwrap_or(usual)
            .min(86_400)
    };
    let failures = figure("toleratedNumberOfFailures", 3) + 1;
    Duration::from_secs(figure("intervalInSeconds", 30) * failures + figure("timeoutInSeconds", 10))
}

/// Returns whether callers still go to a region that is down: until the probes notice, and until the answer that they
/// keep is as old as its time to live.
fn still_sent(world: &World, profile: &str, region: &str, at: Timestamp) -> bool {
    let kept = world
        .resource(profile)
        .and_then(|profile| profile.body["properties"]["dnsConfig"]["ttl"].as_u64());
    let within = notices_within(world, profile) + Duration::from_secs(kept.unwrap_or(60).min(86_400));
    world
        .down_since(region, at)
        .is_none_or(|since| at < later(since, within))
}

/// Returns the region to which a profile sends its callers: that of the first endpoint that is well, by priority,
/// and of the first one that is enabled where none is well.
pub(crate) fn region_served(world: &World, profile: &str, at: Timestamp) -> Option<String> {
    endpoint_served(world, profile, at).map(region_of_endpoint)
}

fn region_of_endpoint(endpoint: &Resource) -> String {
    endpoint.state["region"].as_str().unwrap_or("global").to_owned()
}

fn endpoint_served<'a>(world: &'a World, profile: &str, at: Timestamp) -> Option<&'a Resource> {
    let profile_resource = world.resource(profile)?;
    if profile_resource.body["properties"]["profileStatus"] == "Disabled" {
        return None;
    }
    let prefix = format!("{}/", fold_id(profile));
    // DNS answers by the truth, not by what the control plane's reads still show.
    let mut enabled: Vec<&Resource> = world
        .resources
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix))
        .map(|(_, resource)| resource)
        .filter(|resource| resource.body["properties"]["endpointStatus"] != "Disabled")
        .collect();
    enabled.sort_by_key(|endpoint| endpoint.body["properties"]["priority"].as_u64());
    enabled
        .iter()
        .find(|endpoint| still_sent(world, profile, &region_of_endpoint(endpoint), at))
        .or_else(|| enabled.first())
        .copied()
}

/// Returns the target of the endpoint to which a profile's name leads callers; nothing where no profile has it.
pub(crate) fn target_served(world: &World, name: &str, at: Timestamp) -> Option<String> {
    let profile = world.resources.values().find(|resource| {
        let fqdn = resource.body["properties"]["dnsConfig"]["fqdn"].as_str();
        resource.kind.eq_ignore_ascii_case(SHOWN) && fqdn.is_some_and(|fqdn| fqdn.eq_ignore_ascii_case(name))
    })?;
    endpoint_served(world, &profile.id, at)?.body["properties"]["target"]
        .as_str()
        .map(str::to_owned)
}

/// Returns for how many seconds a resolver remembers what a profile says, by the profile's own name.
pub(crate) fn time_to_live(world: &World, name: &str) -> Option<u64> {
    let mut all = world.resources.values();
    let own = all.find(|resource| {
        let fqdn = resource.body["properties"]["dnsConfig"]["fqdn"].as_str();
        resource.kind.eq_ignore_ascii_case(SHOWN) && fqdn.is_some_and(|fqdn| fqdn.eq_ignore_ascii_case(name))
    })?;
    own.body["properties"]["dnsConfig"]["ttl"].as_u64()
}

fn put_profile(provider: &TrafficManager, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let body = request.json();
    if !body["properties"].is_object() {
        return Answer::error(400, "BadRequest", "The request body is not a profile.");
    }
    let id = profile_id(&request.path);
    let fresh = context.world.resource(&id).is_none();
    // A PUT of the whole profile replaces its endpoints.
    let old: Vec<String> = endpoints_of(context.world, &id, context.now)
        .iter()
        .map(|endpoint| endpoint.id.clone())
        .collect();
    for endpoint in old {
        context.world.remove(&endpoint);
    }
    let profile = profile(&id, &body);
    for endpoint in body["properties"]["endpoints"].as_array().into_iter().flatten() {
        let kind = endpoint["type"].as_str().unwrap_or_default();
        let kind = kind.rsplit('/').next().unwrap_or_default();
        let name = endpoint["name"].as_str().unwrap_or_default();
        let made = made_endpoint(&format!("{id}/{kind}/{name}"), kind, endpoint, checked(context));
        context.world.put(made);
    }
    context.world.put(profile.clone());
    Answer::json(if fresh { 201 } else { 200 }, provider.show(context, &profile))
}

fn put_endpoint(provider: &TrafficManager, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let Some((profile, kind, name)) = parts(&id) else {
        return Answer::not_found(&request.path);
    };
    if context.world.resource(profile).is_none() {
        return Answer::gateway(
            404,
            "ParentResourceNotFound",
            format!(
                "Failed to perform 'write' on resource(s) of type 'trafficManagerProfiles/{kind}', because the \
                 parent resource '{profile}' could not be found."
            ),
        );
    }
    let own = format!("{}/{kind}/{name}", profile_id(&ArmPath::parse(profile)));
    let mut body = request.json();
    if let Some(answer) = misplaced(context, &own, &body) {
        return answer;
    }
    if body["properties"].is_object() && !body["properties"]["priority"].is_u64() {
        body["properties"]["priority"] = json!(free_priority(context, &own));
    }
    let mut made = made_endpoint(&own, kind, &body, checked(context));
    if let Some(old) = context.world.resource(&own)
        && request.json()["properties"]["endpointLocation"].is_null()
    {
        made.state["region"] = old.state["region"].clone();
    }
    context.world.put(made.clone());
    // Recorded: 201 for an endpoint that was there already, too.
    Answer::json(201, provider.show(context, &made))
}

fn patch(provider: &TrafficManager, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let until = checked(context);
    let body = request.json();
    if request.path.kind() != PROFILE
        && let Some(answer) = misplaced(context, &request.path.id(), &body)
    {
        return answer;
    }
    let Some(resource) = context.world.change(&request.path.id()) else {
        return Answer::not_found(&request.path);
    };
    merge(&mut resource.body, &body);
    if body["properties"]["endpointStatus"] == "Enabled" {
        set(&mut resource.state, &["checkedAt"], json!(until));
    }
    let resource = resource.clone();
    Answer::json(200, provider.show(context, &resource))
}

/// Refuses a weight or a priority that is none, and a priority that another endpoint of the profile has. That these
/// are refused is documented; status, code and words are inferences.
fn misplaced(context: &Context<'_>, id: &str, body: &Value) -> Option<Answer> {
    let asked = |name: &str| Some(&body["properties"][name]).filter(|value| !value.is_null());
    for name in ["weight", "priority"] {
        if asked(name)
            .is_some_and(|value| !value.as_u64().is_some_and(|figure| (1..=1_000).contains(&figure)))
        {
            return Some(Answer::error(
                400,
                "BadRequest",
                format!("The value of the property '{name}' of an endpoint must be between 1 and 1000."),
            ));
        }
    }
    let wanted = asked("priority")?;
    let taken = siblings(context, id).any(|other| other.body["properties"]["priority"] == *wanted);
    taken.then(|| {
        Answer::error(
            400,
            "BadRequest",
            format!("There is already an endpoint with the priority {wanted} in the profile."),
        )
    })
}

/// Returns the other endpoints of an endpoint's profile.
fn siblings<'a>(context: &'a Context<'_>, id: &'a str) -> impl Iterator<Item = &'a Resource> {
    let profile = parts(id)
        .map(|(profile, ..)| profile.to_owned())
        .unwrap_or_default();
    ENDPOINTS
        .iter()
        .flat_map(move |(kind, _)| context.world.seen_all(kind, &profile, context.now))
        .filter(move |other| fold_id(&other.id) != fold_id(id))
}

/// Returns the priority of an endpoint that asks for none: its own where it is there, else the next that is free.
fn free_priority(context: &Context<'_>, id: &str) -> u64 {
    let own = context
        .world
        .resource(id)
        .and_then(|endpoint| endpoint.body["properties"]["priority"].as_u64());
    let taken = |priority: &u64| {
        siblings(context, id).any(|other| other.body["properties"]["priority"].as_u64() == Some(*priority))
    };
    own.or_else(|| (1..=1_000).find(|priority| !taken(priority)))
        .unwrap_or(1_000)
}

fn delete(context: &mut Context<'_>, path: &ArmPath) -> Answer {
    let id = path.id();
    for endpoint in endpoints_of(context.world, &id, context.now)
        .iter()
        .map(|endpoint| endpoint.id.clone())
        .collect::<Vec<_>>()
    {
        context.world.remove(&endpoint);
    }
    match context.world.remove(&id) {
        Some(_) => Answer::empty(200),
        None => Answer::empty(204).accepted(false),
    }
}

fn checked(context: &Context<'_>) -> Timestamp {
    let stretch: Duration = context.around("checked", ENDPOINT_CHECKED);
    later(context.now, stretch)
}

/// Returns a profile's id in the case in which Azure shows it.
fn profile_id(path: &ArmPath) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/{SHOWN}/{}",
        path.subscription.as_deref().unwrap_or_default(),
        path.group.as_deref().unwrap_or_default(),
        path.names.first().map(String::as_str).unwrap_or_default(),
    )
}

fn parts(id: &str) -> Option<(&str, &str, &str)> {
    let mut parts = id.rsplitn(3, '/');
    let name = parts.next()?;
    let kind = parts.next()?;
    Some((parts.next()?, kind, name))
}

fn profile(id: &str, body: &Value) -> Resource {
    let name = id.rsplit('/').next().unwrap_or_default();
    let mut shown = json!({"id": id, "name": name, "type": SHOWN, "location": "global"});
    if !body["tags"].is_null() {
        shown["tags"] = body["tags"].clone();
    }
    let mut properties = json!({
        "profileStatus": "Enabled",
        "trafficRoutingMethod": "Priority",
        "dnsConfig": {"relativeName": name, "fqdn": "", "ttl": 60},
        "monitorConfig": {
            "profileMonitorStatus": "Inactive", "protocol": "HTTP", "port": 80, "path": "/",
            "intervalInSeconds": 30, "toleratedNumberOfFailures": 3, "timeoutInSeconds": 10,
        },
        "endpoints": [],
        "trafficViewEnrollmentStatus": "Disabled",
        "maxReturn": null,
    });
    let mut asked = body["properties"].clone();
    if let Some(asked) = asked.as_object_mut() {
        asked.remove("endpoints");
        asked.retain(|_, value| !value.is_null());
    }
    merge(&mut properties, &asked);
    let relative = properties["dnsConfig"]["relativeName"].as_str().unwrap_or(name);
    let host = format!("{relative}.trafficmanager.net");
    set(&mut properties, &["dnsConfig", "fqdn"], json!(host));
    shown["properties"] = properties;
    Resource {
        id: id.to_owned(),
        kind: SHOWN.to_owned(),
        region: "global".to_owned(),
        body: shown,
        state: Value::Null,
    }
}

fn made_endpoint(id: &str, kind: &str, body: &Value, checked: Timestamp) -> Resource {
    let shown_kind = ENDPOINTS
        .iter()
        .map(|(_, shown)| *shown)
        .find(|shown| shown.eq_ignore_ascii_case(kind))
        .unwrap_or("externalEndpoints");
    let mut properties = json!({
        "endpointStatus": "Enabled",
        "endpointMonitorStatus": "CheckingEndpoint",
        "targetResourceId": null,
        "target": null,
        "weight": 1,
        "priority": 1,
        "endpointLocation": null,
        "minChildEndpoints": null,
        "alwaysServe": "Disabled",
    });
    if let (Some(properties), Some(asked)) = (properties.as_object_mut(), body["properties"].as_object()) {
        properties.extend(asked.clone());
    }
    let region = properties["endpointLocation"]
        .as_str()
        .map_or_else(|| "global".to_owned(), geography::fold);
    let kind = format!("{SHOWN}/{shown_kind}");
    Resource {
        id: id.to_owned(),
        body: json!({
            "id": id,
            "name": id.rsplit('/').next(),
            "type": kind,
            "properties": properties,
        }),
        kind,
        region: "global".to_owned(),
        state: json!({"region": region, "checkedAt": checked}),
    }
}

/// Puts a profile into a world; its primary endpoint is enabled, the other one is not.
pub(crate) fn furnish(world: &mut World, blueprint: &Blueprint, item: &blueprint::TrafficManager) {
    // A group that holds global things lives where the platform's home does not burn.
    world.group(
        &blueprint.subscription,
        &item.resource_group,
        &blueprint.regions.paired,
    );
    let id = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/{SHOWN}/{}",
        blueprint.subscription, item.resource_group, item.profile
    );
    world.put(profile(&id, &json!({"properties": {"dnsConfig": {"ttl": 30}}})));
    for (priority, side, endpoint, status) in [
        (1, Side::Primary, &item.primary, "Enabled"),
        (2, Side::Paired, &item.paired, "Disabled"),
    ] {
        let region = geography::fold(blueprint.region(side));
        let target = endpoint
            .target
            .clone()
            .unwrap_or_else(|| format!("{}.{}.{region}.example.test", endpoint.endpoint, item.profile));
        let kind = endpoint.r#type.as_deref().unwrap_or("externalEndpoints");
        let body = json!({"properties": {
            "endpointStatus": status, "target": target, "weight": 1, "priority": priority,
            "endpointLocation": geography::display(&region),
        }});
        let id = format!("{id}/{kind}/{}", endpoint.endpoint);
        world.put(made_endpoint(&id, kind, &body, world.start));
    }
}
