//! What does a write make of an object, and whose are its fields? Merged by owner, as server-side apply does it.
//!
//! Lists whose entries all have a name are merged by it; every other list is one field. The real server knows from
//! its schema how each list is merged.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::world::{Held, Owned};

/// A clean no.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) causes: Vec<Value>,
}

impl Refused {
    pub(super) fn new(status: u16, reason: &str, message: &str) -> Refused {
        Refused {
            status,
            reason: reason.to_owned(),
            message: message.to_owned(),
            causes: Vec::new(),
        }
    }
}

/// One step into an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Named(String),
}

fn written(path: &[Step]) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Key(key) => format!("f:{key}"),
        Step::Named(name) => format!("k:{{\"name\":{}}}", json!(name)),
    });
    steps.collect::<Vec<_>>().join("\n")
}

fn read(text: &str) -> Vec<Step> {
    text.split('\n')
        .map(|step| match step.strip_prefix("f:") {
            Some(key) => Step::Key(key.to_owned()),
            None => {
                let inner: Value = serde_json::from_str(step.trim_start_matches("k:")).unwrap_or_default();
                Step::Named(inner["name"].as_str().unwrap_or_default().to_owned())
            }
        })
        .collect()
}

fn shown(path: &[Step]) -> String {
    path.iter()
        .map(|step| match step {
            Step::Key(key) => format!(".{key}"),
            Step::Named(name) => format!("[name=\"{name}\"]"),
        })
        .collect()
}

fn is_named(list: &[Value]) -> bool {
    !list.is_empty() && list.iter().all(|item| item["name"].is_string())
}

/// Calls back for every field that is set, but for those that say which object it is.
fn leaves(value: &Value, path: &mut Vec<Step>, found: &mut Vec<(Vec<Step>, Value)>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let identity = match path.as_slice() {
                    [] => matches!(key.as_str(), "apiVersion" | "kind" | "status"),
                    [Step::Key(first)] if first == "metadata" => matches!(
                        key.as_str(),
                        "name"
                            | "namespace"
                            | "uid"
                            | "resourceVersion"
                            | "generation"
                            | "creationTimestamp"
                            | "managedFields"
                    ),
                    _ => false,
                };
                if !identity {
                    path.push(Step::Key(key.clone()));
                    leaves(inner, path, found);
                    path.pop();
                }
            }
        }
        Value::Array(list) if is_named(list) => {
            for item in list {
                path.push(Step::Named(item["name"].as_str().unwrap_or_default().to_owned()));
                leaves(item, path, found);
                path.pop();
            }
        }
        value => found.push((path.clone(), value.clone())),
    }
}

fn at<'a>(value: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Named(name) => value
            .as_array()?
            .iter()
            .find(|item| item["name"] == name.as_str()),
    })
}

fn set(value: &mut Value, path: &[Step], new: Value) {
    let Some((first, rest)) = path.split_first() else {
        *value = new;
        return;
    };
    match first {
        Step::Key(key) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            set(&mut value[key.as_str()], rest, new);
        }
        Step::Named(name) => {
            if !value.is_array() {
                *value = json!([]);
            }
            let Some(list) = value.as_array_mut() else { return };
            let place = list.iter().position(|item| item["name"] == name.as_str());
            let place = place.unwrap_or_else(|| {
                list.push(json!({"name": name}));
                list.len() - 1
            });
            set(&mut list[place], rest, new);
        }
    }
}

fn unset(value: &mut Value, path: &[Step]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    match first {
        Step::Key(key) => {
            let Some(map) = value.as_object_mut() else { return };
            if let Some(inner) = map.get_mut(key).filter(|_| !rest.is_empty()) {
                unset(inner, rest);
                let empty = inner.as_object().is_some_and(Map::is_empty)
                    || inner.as_array().is_some_and(Vec::is_empty);
                if !empty {
                    return;
                }
            }
            map.shift_remove(key);
        }
        Step::Named(name) => {
            let Some(list) = value.as_array_mut() else { return };
            let Some(place) = list.iter().position(|item| item["name"] == name.as_str()) else {
                return;
            };
            unset(&mut list[place], rest);
            // With its name gone, or with nothing but its name left, the entry is nobody's.
            if !list[place]["name"].is_string() || list[place].as_object().is_some_and(|map| map.len() < 2) {
                list.remove(place);
            }
        }
    }
}

fn fresh(body: &Value, now: Timestamp) -> Held {
    let metadata = &body["metadata"];
    Held {
        object: json!({
            "apiVersion": body["apiVersion"],
            "kind": body["kind"],
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        }),
        owners: Default::default(),
        made: now,
        wanted: now,
        generation: 0,
        version: 0,
    }
}

/// Returns what is wanted of an object: everything but what its server and its labels say of it.
fn wanted(object: &Value) -> Value {
    let mut rest = object.clone();
    if let Some(map) = rest.as_object_mut() {
        map.shift_remove("metadata");
        map.shift_remove("status");
    }
    rest
}

/// Applies an object on the server's side. Returns it, and whether what is wanted of it changed.
pub(super) fn apply(
    old: Option<&Held>,
    body: &Value,
    manager: &str,
    force: bool,
    now: Timestamp,
) -> Result<(Held, bool), Refused> {
    let mut held = old.cloned().unwrap_or_else(|| fresh(body, now));
    let before = held.object.clone();
    let mut fields = Vec::new();
    leaves(body, &mut Vec::new(), &mut fields);
    let mut causes = Vec::new();
    for (path, value) in &fields {
        let text = written(path);
        if at(&held.object, path).is_none_or(|live| live == value) {
            continue;
        }
        let others = held
            .owners
            .iter()
            .filter(|(name, owned)| name.as_str() != manager && owned.fields.contains(&text));
        for (name, _) in others {
            causes.push(json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with \"{name}\" using {}", body["apiVersion"].as_str().unwrap_or_default()),
                "field": shown(path),
            }));
        }
    }
    if !causes.is_empty() && !force {
        let plural = if causes.len() == 1 {
            "conflict"
        } else {
            "conflicts"
        };
        let first = causes[0]["message"].as_str().unwrap_or_default();
        return Err(Refused {
            status: 409,
            reason: "Conflict".to_owned(),
            message: format!("Apply failed with {} {plural}: {first}", causes.len()),
            causes,
        });
    }
    let mine: BTreeSet<String> = fields.iter().map(|(path, _)| written(path)).collect();
    let dropped: Vec<String> = held
        .owners
        .get(manager)
        .filter(|owned| owned.applied)
        .map(|owned| owned.fields.difference(&mine).cloned().collect())
        .unwrap_or_default();
    for (path, value) in &fields {
        if at(&held.object, path) != Some(value) {
            let text = written(path);
            held.owners.iter_mut().for_each(|(name, owned)| {
                if name != manager {
                    owned.fields.remove(&text);
                }
            });
        }
        set(&mut held.object, path, value.clone());
    }
    for text in dropped {
        let elsewhere = held
            .owners
            .iter()
            .any(|(name, owned)| name != manager && owned.fields.contains(&text));
        if !elsewhere {
            unset(&mut held.object, &read(&text));
        }
    }
    let same = before == held.object && held.owners.get(manager).is_some_and(|owned| owned.fields == mine);
    let time = match held.owners.get(manager) {
        Some(owned) if same => owned.time,
        _ => now,
    };
    held.owners.insert(
        manager.to_owned(),
        Owned {
            applied: true,
            time,
            fields: mine,
        },
    );
    held.owners.retain(|_, owned| !owned.fields.is_empty());
    let changed = old.is_none() || wanted(&before) != wanted(&held.object);
    Ok((held, changed))
}

/// Replaces an object, or makes it, by another write than an apply.
pub(super) fn replace(old: Option<&Held>, body: &Value, manager: &str, now: Timestamp) -> (Held, bool) {
    let mut held = old.cloned().unwrap_or_else(|| fresh(body, now));
    let before = held.object.clone();
    let identity = held.object["metadata"].clone();
    held.object = body.clone();
    if let Some(map) = held.object.as_object_mut() {
        map.shift_remove("status");
    }
    for name in [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
    ] {
        if let Some(metadata) = held.object["metadata"].as_object_mut() {
            metadata.shift_remove(name);
        }
    }
    held.object["metadata"]["namespace"] = identity["namespace"].clone();
    own(&mut held, &before, manager, now);
    let changed = old.is_none() || wanted(&before) != wanted(&held.object);
    (held, changed)
}

/// Merges a patch into an object: `null` takes a field away.
pub(super) fn merge(old: &Held, patch: &Value, manager: &str, now: Timestamp) -> (Held, bool) {
    fn into(target: &mut Value, patch: &Value) {
        let Value::Object(fields) = patch else {
            *target = patch.clone();
            return;
        };
        if !target.is_object() {
            *target = json!({});
        }
        for (key, value) in fields {
            match value {
                Value::Null => {
                    if let Some(map) = target.as_object_mut() {
                        map.shift_remove(key);
                    }
                }
                value => into(&mut target[key.as_str()], value),
            }
        }
    }
    let mut held = old.clone();
    let before = held.object.clone();
    into(&mut held.object, patch);
    own(&mut held, &before, manager, now);
    let changed = wanted(&before) != wanted(&held.object);
    (held, changed)
}

/// Gives the fields that a write changed to its writer.
fn own(held: &mut Held, before: &Value, manager: &str, now: Timestamp) {
    let mut fields = Vec::new();
    leaves(&held.object, &mut Vec::new(), &mut fields);
    let new: BTreeSet<String> = fields
        .iter()
        .filter(|(path, value)| at(before, path) != Some(value))
        .map(|(path, _)| written(path))
        .collect();
    let all: BTreeSet<String> = fields.iter().map(|(path, _)| written(path)).collect();
    for (name, owned) in &mut held.owners {
        owned
            .fields
            .retain(|field| all.contains(field) && (name == manager || !new.contains(field)));
    }
    let owned = held.owners.entry(manager.to_owned()).or_insert_with(|| Owned {
        applied: false,
        time: now,
        fields: BTreeSet::new(),
    });
    owned.time = now;
    owned.fields.extend(new);
    held.owners.retain(|_, owned| !owned.fields.is_empty());
}

/// Shows who owns what, as `metadata.managedFields`.
pub(super) fn managed_fields(held: &Held) -> Value {
    let entries = held.owners.iter().map(|(manager, owned)| {
        let mut fields = json!({});
        for field in &owned.fields {
            let mut place = &mut fields;
            for step in field.split('\n') {
                place = &mut place[step];
                if place.is_null() {
                    *place = json!({});
                }
            }
        }
        json!({
            "manager": manager,
            "operation": if owned.applied { "Apply" } else { "Update" },
            "apiVersion": held.object["apiVersion"],
            "time": super::show::time(owned.time),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        })
    });
    Value::Array(entries.collect())
}
