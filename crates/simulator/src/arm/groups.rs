//! What does ARM answer for what is its own: subscriptions, locations, resource groups?

use http::Method;
use serde_json::{Value, json};

use super::{Answer, ArmRequest, lists, registration, version};
use crate::{
    provider::{Provider, tags},
    world::{Group, World, fold_id, geography},
};

/// Versions of ARM's own resources. Those of the newest SDK and of the vendor's command line, and those seen in
/// recordings.
const VERSIONS: &[&str] = &[
    "2018-05-01",
    "2019-10-01",
    "2020-01-01",
    "2020-06-01",
    "2021-04-01",
    "2022-09-01",
    "2022-12-01",
    "2023-07-01",
    "2024-03-01",
    "2024-11-01",
    "2025-04-01",
];

/// Answers for a path without a provider.
pub(crate) fn answer(providers: &[Box<dyn Provider>], world: &mut World, request: &ArmRequest) -> Answer {
    let version = request.api_version();
    if !version::taken(VERSIONS, &version) {
        return Answer::gateway(
            400,
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '{}'.",
                VERSIONS.join(",")
            ),
        );
    }
    let folded = fold_id(&request.path.raw);
    let segments: Vec<&str> = folded.split('/').filter(|part| !part.is_empty()).collect();
    match (request.method.clone(), segments.as_slice()) {
        (Method::GET, ["subscriptions"]) => list(
            world
                .subscriptions
                .values()
                .map(|item| subscription(world, &item.id, &item.name)),
        ),
        (Method::GET, ["subscriptions", id]) => world.subscriptions.get(*id).map_or_else(
            || missing_subscription(id),
            |item| Answer::json(200, subscription(world, &item.id, &item.name)),
        ),
        (Method::GET, ["subscriptions", id, "locations"]) => list(geography::PLACES.iter().map(|place| {
            json!({
                "id": format!("/subscriptions/{id}/locations/{}", place.name),
                "name": place.name,
                "type": "Region",
                "displayName": place.display,
                "regionalDisplayName": place.display,
                "metadata": {
                    "regionType": "Physical",
                    "pairedRegion": place.pair.map_or_else(Vec::new, |pair| vec![json!({
                        "name": pair,
                        "id": format!("/subscriptions/{id}/locations/{pair}"),
                    })]),
                },
            })
        })),
        (Method::GET, ["tenants"]) => list(tenants(world).into_iter()),
        (Method::GET, ["subscriptions", id, "providers"]) => registration::list(providers, world, id),
        (Method::GET, ["subscriptions", id, "resourcegroups"]) => some(
            request,
            world
                .groups
                .values()
                .filter(|group| group.subscription.eq_ignore_ascii_case(id))
                .map(shown),
        ),
        (
            Method::GET,
            ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"],
        ) => resources(world, request),
        (method, ["subscriptions", id, "resourcegroups", _]) => {
            let name = request.path.group.clone().unwrap_or_default();
            group(world, request, &method, id, &name)
        }
        (_, ["subscriptions", ..]) => Answer::gateway(
            404,
            "InvalidRequestUri",
            "The request did not have a subscription or a valid tenant level resource provider.",
        ),
        _ => Answer::gateway(404, "NotFound", "The requested resource was not found."),
    }
}

fn group(world: &mut World, request: &ArmRequest, method: &Method, subscription: &str, name: &str) -> Answer {
    let key = fold_id(&request.path.raw);
    match *method {
        Method::HEAD => match world.groups.contains_key(&key) {
            true => Answer::empty(204),
            false => Answer::empty(404),
        },
        Method::GET => world
            .groups
            .get(&key)
            .map_or_else(|| missing_group(name), |group| Answer::json(200, shown(group))),
        Method::PUT => {
            let body = request.json();
            let Some(location) = body["location"].as_str() else {
                return Answer::gateway(
                    400,
                    "LocationRequired",
                    "The location property is required for this definition.",
                );
            };
            let fresh = !world.groups.contains_key(&key);
            let group = Group {
                subscription: subscription.to_owned(),
                name: name.to_owned(),
                location: location.to_owned(),
                tags: body["tags"].clone(),
            };
            let shown = shown(&group);
            world.groups.insert(key, group);
            Answer::json(if fresh { 201 } else { 200 }, shown)
        }
        _ => Answer::gateway(
            405,
            "HttpMethodNotAllowed",
            "The pretend Azure reads and creates resource groups, no more.",
        ),
    }
}

fn list(items: impl Iterator<Item = Value>) -> Answer {
    Answer::json(200, json!({"value": items.collect::<Vec<_>>()}))
}

/// Lists those items that the `$filter` of a request means.
fn some(request: &ArmRequest, items: impl Iterator<Item = Value>) -> Answer {
    match lists::filtered(request, items.collect()) {
        Ok(items) => list(items.into_iter()),
        Err(refused) => refused,
    }
}

/// Lists what lies directly in a subscription or a group, as briefly as ARM's own list does.
fn resources(world: &World, request: &ArmRequest) -> Answer {
    let below = request.path.raw.rsplit_once('/').map_or("", |(below, _)| below);
    let below = format!("{}/", fold_id(below));
    let direct = world.resources.iter().filter(|(key, resource)| {
        // A type with one segment is a resource of its own; others are parts of one, or what is said of one.
        key.starts_with(&below)
            && resource.kind.matches('/').count() == 1
            && !resource
                .kind
                .to_lowercase()
                .starts_with("microsoft.authorization/")
            && !resource.kind.eq_ignore_ascii_case("Microsoft.Resources/tags")
    });
    let items = direct.map(|(_, resource)| {
        let mut shown = json!({
            "id": resource.id,
            "name": resource.name(),
            "type": resource.kind,
            "location": resource.region,
        });
        if !resource.body["tags"].is_null() {
            shown["tags"] = resource.body["tags"].clone();
        }
        shown
    });
    some(request, items)
}

/// Returns the tenants that a caller sees: the pretend authority's, where there is one.
fn tenants(world: &World) -> Vec<Value> {
    let directory = world.directory.iter();
    directory
        .map(|directory| {
            json!({
                "id": format!("/tenants/{}", directory.tenant),
                "tenantId": directory.tenant,
                "countryCode": "NL",
                "displayName": "Rehearsal",
                "tenantCategory": "Home",
            })
        })
        .collect()
}

fn subscription(world: &World, id: &str, name: &str) -> Value {
    let mut shown = json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
        "displayName": name,
        "state": "Enabled",
    });
    if let Some(tags) = tags::of_subscription(world, id) {
        shown["tags"] = tags.clone();
    }
    shown
}

fn shown(group: &Group) -> Value {
    let mut shown = json!({
        "id": group.id(),
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
    });
    if !group.tags.is_null() {
        shown["tags"] = group.tags.clone();
    }
    shown["properties"] = json!({"provisioningState": "Succeeded"});
    shown
}

/// Says that there is no such subscription.
pub(crate) fn missing_subscription(id: &str) -> Answer {
    Answer::gateway(
        404,
        "SubscriptionNotFound",
        format!("The subscription '{id}' could not be found."),
    )
}

/// Says that there is no such resource group.
pub(crate) fn missing_group(name: &str) -> Answer {
    Answer::gateway(
        404,
        "ResourceGroupNotFound",
        format!("Resource group '{name}' could not be found."),
    )
}
