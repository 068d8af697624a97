//! What a later Azure might answer: one answer, changed in one place.

use serde_json::{Map, Value, json};

/// One change to a body.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    /// A field is not there.
    Missing(String),
    /// A field is null.
    Null(String),
    /// A text says a word that nobody has seen before.
    Unknown(String),
}

impl Mutation {
    /// Returns every change of one place of a body.
    pub(crate) fn all(body: &Value) -> Vec<Mutation> {
        let mut places = Vec::new();
        walk(body, String::new(), &mut places);
        let mut all = Vec::new();
        for (place, text) in places {
            all.push(Mutation::Missing(place.clone()));
            all.push(Mutation::Null(place.clone()));
            if text {
                all.push(Mutation::Unknown(place));
            }
        }
        all
    }

    /// Makes the change.
    pub(crate) fn apply(&self, body: &mut Value) {
        match self {
            Mutation::Missing(place) => {
                let (parent, name) = place.rsplit_once('/').unwrap_or_default();
                if let Some(Value::Object(map)) = body.pointer_mut(parent) {
                    map.remove(&name.replace("~1", "/").replace("~0", "~"));
                }
            }
            Mutation::Null(place) => set(body, place, Value::Null),
            Mutation::Unknown(place) => set(body, place, json!("AWordOfNextYear")),
        }
    }
}

fn set(body: &mut Value, place: &str, value: Value) {
    if let Some(found) = body.pointer_mut(place) {
        *found = value;
    }
}

/// Lists the fields of a body, and whether each is a text.
fn walk(value: &Value, at: String, places: &mut Vec<(String, bool)>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                // Another identity is another thing, not another word for this one.
                let folded = name.to_lowercase();
                let identity = folded.ends_with("id") || folded.ends_with("name");
                places.push((place.clone(), inner.is_string() && !identity));
                walk(inner, place, places);
            }
        }
        Value::Array(items) => {
            // The first stands for all: they are read alike.
            if let Some(first) = items.first() {
                walk(first, format!("{at}/0"), places);
            }
        }
        _ => {}
    }
}

/// Adds to a body what changes nothing: fields that nobody knows, ids in another case, and to every list of resources
/// one of a type that nobody knows.
pub(crate) fn harmless(body: &mut Value) {
    if let Value::Object(map) = body
        && let Some(Value::Array(items)) = map.get_mut("value")
    {
        items.push(json!({
            "id": "/subscriptions/s/providers/Microsoft.NextYear/things/strange",
            "name": "strange",
            "type": "Microsoft.NextYear/things",
            "properties": {"providerSpecificDetails": {"instanceType": "NextYear"}, "state": {"deep": []}},
        }));
        items.push(json!({"name": null, "properties": null}));
    }
    strange(body);
}

fn strange(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                if let Value::String(text) = inner
                    && name == "id"
                    && text.starts_with("/subscriptions/")
                {
                    *text = recased(text);
                }
                strange(inner);
            }
            // Where names are data, such as tags, a further one would be data too.
            if map.contains_key("properties") || map.contains_key("provisioningState") {
                map.insert("aFieldOfNextYear".to_owned(), Value::Object(Map::new()));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strange),
        _ => {}
    }
}

/// As Azure does: `/Subscriptions/…/resourcegroups/…`.
fn recased(id: &str) -> String {
    id.replace("/subscriptions/", "/Subscriptions/")
        .replace("/resourceGroups/", "/resourcegroups/")
        .replace("/providers/Microsoft.", "/providers/microsoft.")
}
