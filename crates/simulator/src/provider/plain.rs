//! What of resources that no provider here knows more about?
//!
//! They are read, put, patched and deleted at once, as their bodies say. A POST action is counted in the
//! resource's state and answers 200: enough for steps that reach for any ARM resource.

use http::Method;
use serde_json::{Value, json};

use super::{Context, Provider, Served, read};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    shape::set,
    world::Resource,
};

/// Every version of the right form will do.
pub(crate) const ANY_VERSION: &[&str] = &[];

/// Types whose changes take Azure minutes, and which nobody here plays: success at once would be made up.
const TAKE_THEIR_TIME: [&str; 10] = [
    "microsoft.cdn/profiles",
    "microsoft.cdn/profiles/origingroups",
    "microsoft.cdn/profiles/origingroups/origins",
    "microsoft.containerservice/fleets",
    "microsoft.containerservice/fleets/members",
    "microsoft.kubernetesconfiguration/extensions",
    "microsoft.kubernetesconfiguration/fluxconfigurations",
    "microsoft.network/dnszones",
    "microsoft.network/privatednszones",
    "microsoft.network/privatednszones/virtualnetworklinks",
];

/// Returns whether changes of a type, folded, take Azure minutes and are not played here.
pub(crate) fn takes_its_time(kind: &str) -> bool {
    TAKE_THEIR_TIME.contains(&kind)
}

/// Refuses what Azure takes minutes for and nobody here plays. The status is one that a client may take for a clean
/// refusal: nothing was begun.
fn not_modelled(request: &ArmRequest) -> Option<Answer> {
    let kind = request.path.kind();
    let unplayed = match request.method {
        Method::PUT | Method::PATCH | Method::DELETE => takes_its_time(&kind),
        // Whatever is asked of a machine runs on it.
        Method::POST => takes_its_time(&kind) || kind == super::site_recovery::machine::MACHINES,
        _ => false,
    };
    unplayed.then(|| {
        let what = match &request.path.tail {
            Some(action) => format!("{}/{action}", request.path.kind()),
            None => request.path.kind(),
        };
        Answer::gateway(
            400,
            "NotModelledBySimulator",
            format!(
                "{} of '{what}' takes Azure minutes, and this simulator does not play it: it would have to make its \
                 success up.",
                request.method
            ),
        )
    })
}

/// Serves whatever the world holds and nobody else serves.
pub(crate) struct Plain;

impl Provider for Plain {
    fn serves(&self) -> &'static [Served] {
        &[]
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let id = request.path.id();
        if let Some(refused) = not_modelled(request) {
            return refused;
        }
        match request.method {
            Method::GET => read(self, context, request),
            Method::PUT => {
                let body = request.json();
                if !body.is_object() {
                    return Answer::gateway(
                        400,
                        "InvalidRequestContent",
                        "The request content was invalid and could not be deserialized.",
                    );
                }
                let fresh = context.world.resource(&id).is_none();
                let region = super::region_of(context.world, request).unwrap_or_else(|| "global".to_owned());
                let mut made = resource(&request.path, &region, body);
                if made.body["properties"].is_object() {
                    made.body["properties"]["provisioningState"] = json!("Succeeded");
                }
                let shown = made.body.clone();
                context.world.put(made);
                Answer::json(if fresh { 201 } else { 200 }, shown)
            }
            Method::PATCH => match context.world.change(&id) {
                Some(resource) => {
                    merge(&mut resource.body, &request.json());
                    keep_secrets(&mut resource.body);
                    Answer::json(200, resource.body.clone())
                }
                None => Answer::not_found(&request.path),
            },
            Method::DELETE => match context.world.remove(&id) {
                Some(_) => Answer::empty(200),
                None => Answer::empty(204).accepted(false),
            },
            Method::POST => {
                let action = request.path.action().unwrap_or_default();
                match context.world.change(&id) {
                    Some(resource) => {
                        let count = resource.state[&action]
                            .as_u64()
                            .unwrap_or_default()
                            .saturating_add(1);
                        set(&mut resource.state, &[&action], json!(count));
                        Answer::json(200, json!({}))
                    }
                    None => Answer::not_found(&request.path),
                }
            }
            _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
        }
    }
}

/// Makes a resource whose body shows its id, name and type first.
pub(crate) fn resource(path: &ArmPath, region: &str, body: Value) -> Resource {
    let kind = std::iter::once(path.namespace.as_deref().unwrap_or_default())
        .chain(path.types.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("/");
    let id = path.id();
    let mut shown = json!({"id": id, "name": path.name(), "type": kind});
    if region != "global" {
        shown["location"] = json!(region);
    }
    merge(&mut shown, &body);
    keep_secrets(&mut shown);
    shown["id"] = json!(id);
    Resource {
        id,
        kind,
        region: region.to_owned(),
        body: shown,
        state: Value::Null,
    }
}

/// Takes away what Azure takes and never shows again. Which fields these are is the specification's.
fn keep_secrets(body: &mut Value) {
    match body {
        Value::Object(map) => {
            map.retain(|name, _| !matches!(name.as_str(), "adminPassword" | "administratorLoginPassword"));
            map.values_mut().for_each(keep_secrets);
        }
        Value::Array(items) => items.iter_mut().for_each(keep_secrets),
        _ => {}
    }
}

/// Merges as ARM's PATCH does: objects key by key, `null` takes away, everything else is replaced.
pub fn merge(into: &mut Value, from: &Value) {
    let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) else {
        return;
    };
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (_, Value::Null) => {
                into.remove(key);
            }
            (Some(old), Value::Object(_)) if old.is_object() => merge(old, value),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}
