//! Is a resource at rest, and is it as it was written? Pure.

use serde_json::Value;

/// Whether Azure still works at a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It is done, or says nothing about it, which means the same.
    Done,
    /// It ended badly.
    Failed(String),
    /// Any other word.
    Moving(String),
}

/// Reads `provisioningState`; every word that is not an end means that it moves.
pub(super) fn rest(body: &Value) -> Rest {
    let word = body
        .pointer("/properties/provisioningState")
        .and_then(Value::as_str);
    match word {
        None => Rest::Done,
        Some(word) => match word.to_ascii_lowercase().as_str() {
            "succeeded" => Rest::Done,
            "failed" | "canceled" | "cancelled" => Rest::Failed(word.to_owned()),
            _ => Rest::Moving(crate::arm::reply::cut(word)),
        },
    }
}

/// Returns the first place, as a JSON pointer, where a resource is not as it was written. What was
/// not written may be anything; texts compare without case, and regions without spaces.
pub(super) fn difference(written: &Value, found: &Value) -> Option<String> {
    differs(written, found, String::new())
}

fn differs(written: &Value, found: &Value, place: String) -> Option<String> {
    match (written, found) {
        (Value::Null, _) => None,
        (Value::Object(written), Value::Object(found)) => written.iter().find_map(|(key, value)| {
            let place = format!("{place}/{key}");
            match found.get(key) {
                Some(other) => differs(value, other, place),
                None if value.is_null() => None,
                None => Some(place),
            }
        }),
        (Value::Array(written), Value::Array(found)) if written.len() == found.len() => written
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(index, (one, other))| differs(one, other, format!("{place}/{index}"))),
        (Value::String(one), Value::String(other)) => {
            let same =
                one.eq_ignore_ascii_case(other) || (place == "/location" && region(one) == region(other));
            (!same).then_some(place)
        }
        (one, other) if one == other => None,
        _ => Some(place),
    }
}

fn region(text: &str) -> String {
    text.replace(' ', "").to_lowercase()
}
