//! What does Azure say of its own health: of a resource, and of its regions?
//!
//! It is late, and at times it does not know: that is what makes it evidence and not a gate. How late is an inference
//! throughout; that it can lag and can be `Unknown` is documented. It is of no region and answers while others are
//! gone.

mod event;
mod state;

use http::Method;
use serde_json::{Value, json};

use super::{Context, Provider, Served, authorization::refused};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    world::{Resource, World, fold_id},
};

const STATUSES: &str = "microsoft.resourcehealth/availabilitystatuses";
const EVENTS: &str = "microsoft.resourcehealth/events";
const VERSIONS: &[&str] = &["2018-07-01", "2022-10-01", "2024-02-01", "2025-05-01"];

/// The provider.
pub(crate) struct ResourceHealth;

impl Provider for ResourceHealth {
    fn serves(&self) -> &'static [Served] {
        &[
            Served {
                kind: STATUSES,
                versions: VERSIONS,
            },
            Served {
                kind: EVENTS,
                versions: VERSIONS,
            },
        ]
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        if request.method != Method::GET {
            return refused();
        }
        let scope = &request.path.scope;
        let of_resource = ArmPath::parse(scope).namespace.is_some();
        if of_resource && context.seen(scope).is_none() {
            return Answer::not_found(&ArmPath::parse(scope));
        }
        let collection = request.path.collection();
        match (collection.as_deref(), request.path.kind().as_str()) {
            (Some(STATUSES), _) => statuses(context, scope, of_resource),
            (Some(EVENTS), _) => event::list(context, request),
            (None, EVENTS) => event::one(context, request),
            // Of the past only the present is told: `current`.
            (None, STATUSES) if request.path.name().eq_ignore_ascii_case("current") && of_resource => {
                match context.seen(scope) {
                    Some(resource) => Answer::json(200, status(context, resource)),
                    None => Answer::not_found(&ArmPath::parse(scope)),
                }
            }
            _ => Answer::not_found(&request.path),
        }
    }

    fn region(&self, _: &World, _: &ArmRequest) -> Option<String> {
        None
    }
}

/// Lists the state of a resource, or of everything that lies directly in a subscription or a group.
fn statuses(context: &Context<'_>, scope: &str, of_resource: bool) -> Answer {
    let below = format!("{}/", fold_id(scope));
    let own = fold_id(scope);
    let seen = context.world.resources.iter().filter(|(key, resource)| {
        if of_resource {
            return **key == own;
        }
        // A type with one segment is a resource of its own, and what extends another one is none.
        key.starts_with(&below)
            && resource.kind.matches('/').count() == 1
            && key.matches("/providers/").count() == 1
    });
    let value: Vec<Value> = seen.map(|(_, resource)| status(context, resource)).collect();
    Answer::json(200, json!({"value": value}))
}

/// Returns what is told of a resource.
fn status(context: &Context<'_>, resource: &Resource) -> Value {
    let told = state::of(context, &resource.region);
    let mut properties = json!({
        "availabilityState": told.word,
        "title": told.word,
        "summary": told.summary(),
        "reasonType": told.reason(),
        "reasonChronicity": if told.word == state::AVAILABLE { "Transient" } else { "Persistent" },
        "occuredTime": context.time(told.since),
        "reportedTime": context.time(context.now),
    });
    if told.word != state::AVAILABLE && told.word != state::UNKNOWN {
        properties["context"] = json!("Platform Initiated");
        properties["category"] = json!("Unplanned");
        properties["rootCauseAttributionTime"] = json!(context.time(told.since));
    }
    json!({
        "id": format!("{}/providers/Microsoft.ResourceHealth/availabilityStatuses/current", resource.id),
        "name": "current",
        "type": "Microsoft.ResourceHealth/AvailabilityStatuses",
        "location": resource.region,
        "properties": properties,
    })
}
