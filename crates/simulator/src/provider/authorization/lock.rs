//! What of locks?
//!
//! A lock is put, read, changed and taken away at once, with the recorded answers. A world may say that one stands
//! only for a time.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    refused,
    scope::{Place, around},
};
use crate::{
    arm::{Answer, ArmRequest},
    provider::Context,
    world::{Happening, Lock, Resource},
};

/// The type, folded.
pub(crate) const LOCKS: &str = "microsoft.authorization/locks";

/// What a lock forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing: `NotSpecified`, or a word that nobody knows.
    Nothing,
    /// To delete.
    CanNotDelete,
    /// To change anything, and every POST.
    ReadOnly,
}

/// Returns what a lock forbids.
pub(crate) fn standing(lock: &Resource) -> Level {
    match lock.body["properties"]["level"].as_str().map(str::to_lowercase) {
        Some(level) if level == "readonly" => Level::ReadOnly,
        Some(level) if level == "cannotdelete" => Level::CanNotDelete,
        _ => Level::Nothing,
    }
}

pub(super) fn answer(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    match (&request.method, &request.path.tail) {
        (&Method::GET, Some(_)) => list(context, request),
        (&Method::GET, None) => match context.seen(&id) {
            Some(lock) => Answer::json(200, lock.body.clone()),
            None => missing(request.path.name()),
        },
        (&Method::PUT, None) => put(context, request),
        (&Method::DELETE, None) => match context.world.remove(&id) {
            // Recorded: 200 without a body. Specified: 204 where there is none.
            Some(_) => Answer::empty(200),
            None => Answer::empty(204).accepted(false),
        },
        _ => refused(),
    }
}

/// Says that there is no such lock. The code is an inference.
fn missing(name: &str) -> Answer {
    Answer::gateway(
        404,
        "LockNotFound",
        format!("The lock '{name}' could not be found."),
    )
}

fn put(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    const LEVELS: [&str; 3] = ["NotSpecified", "CanNotDelete", "ReadOnly"];
    let asked = request.json();
    let wanted = asked["properties"]["level"].as_str().unwrap_or_default();
    let Some(level) = LEVELS.iter().find(|level| level.eq_ignore_ascii_case(wanted)) else {
        // That the level must be one of these is specified; the code is an inference.
        return Answer::gateway(
            400,
            "InvalidLockLevel",
            format!("The lock level '{wanted}' is not one of '{}'.", LEVELS.join(",")),
        );
    };
    let mut properties = json!({"level": level});
    for more in ["notes", "owners"] {
        if !asked["properties"][more].is_null() {
            properties[more] = asked["properties"][more].clone();
        }
    }
    let id = request.path.id();
    let fresh = context.world.resource(&id).is_none();
    let lock = made(&id, properties);
    let shown = lock.body.clone();
    context.world.put(lock);
    Answer::json(if fresh { 201 } else { 200 }, shown)
}

/// Lists the locks at a scope and below it; `atScope()` drops those below, which is an inference. Locks above are
/// not listed: whoever wants to know must ask at each scope.
fn list(context: &Context<'_>, request: &ArmRequest) -> Answer {
    let filter = request.query("$filter").unwrap_or_default();
    let only_here = match filter.trim() {
        "" => false,
        word if word.eq_ignore_ascii_case("atScope()") => true,
        other => {
            return Answer::gateway(
                400,
                "InvalidFilterInQueryString",
                format!("Invalid $filter '{other}' specified in the query string."),
            );
        }
    };
    let value: Vec<Value> = around(context, LOCKS, &request.path.scope)
        .into_iter()
        .filter(|(place, _)| *place == Place::At || (*place == Place::Below && !only_here))
        .map(|(_, lock)| lock.body.clone())
        .collect();
    Answer::json(200, json!({"value": value}))
}

/// Makes a lock, its fields in the recorded order.
fn made(id: &str, properties: Value) -> Resource {
    let name = id.rsplit('/').next().unwrap_or_default();
    Resource {
        id: id.to_owned(),
        kind: "Microsoft.Authorization/locks".to_owned(),
        region: "global".to_owned(),
        body: json!({
            "properties": properties,
            "id": id,
            "type": "Microsoft.Authorization/locks",
            "name": name,
        }),
        state: Value::Null,
    }
}

/// Puts in or takes away a lock for which the world names a time.
pub(super) fn happen(context: &mut Context<'_>, happening: &Happening) {
    let Ok(lock) = serde_json::from_value::<Lock>(happening.data.clone()) else {
        return;
    };
    match happening.what.as_str() {
        "lock" => context.world.put(of(&lock)),
        _ => {
            context.world.remove(&lock.id());
        }
    }
}

/// Returns what will happen to a lock at a moment.
pub(crate) fn at(at: Timestamp, what: &str, lock: &Lock) -> Happening {
    Happening {
        at,
        provider: LOCKS.to_owned(),
        what: what.to_owned(),
        data: json!(lock),
    }
}

/// Makes the lock that a world asks for.
pub(crate) fn of(lock: &Lock) -> Resource {
    let mut properties = json!({"level": lock.level});
    if let Some(notes) = &lock.notes {
        properties["notes"] = json!(notes);
    }
    made(&lock.id(), properties)
}
