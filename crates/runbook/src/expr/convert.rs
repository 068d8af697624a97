//! JSON to CEL's values and back, in one fixed order.

use std::{collections::HashMap, sync::Arc};

use cel::{
    Value as Cel,
    objects::{Key, Map},
};
use serde_json::{Number, Value};

use super::ExprError;

/// Makes a CEL value of JSON.
pub(super) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        // Whole numbers are signed, so that `status == 200` compares like with like.
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Cel::Int(whole),
            (None, Some(whole)) => Cel::UInt(whole),
            _ => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(map) => Cel::Map(to_map(map.iter())),
    }
}

/// Makes a CEL map of names and JSON values.
pub(super) fn to_map<'a>(entries: impl Iterator<Item = (&'a String, &'a Value)>) -> Map {
    Map::from(
        entries
            .map(|(key, value)| (Key::from(key.as_str()), to_cel(value)))
            .collect::<HashMap<_, _>>(),
    )
}

/// Makes JSON of a CEL value; keys of maps in alphabetical order.
pub(super) fn to_json(value: &Cel) -> Result<Value, ExprError> {
    Ok(match value {
        Cel::Null => Value::Null,
        Cel::Bool(flag) => Value::Bool(*flag),
        Cel::Int(whole) => Value::from(*whole),
        Cel::UInt(whole) => Value::from(*whole),
        Cel::Float(float) => Number::from_f64(*float).map_or(Value::Null, Value::Number),
        Cel::String(text) => Value::String(text.as_str().to_owned()),
        Cel::List(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Cel::Map(map) => {
            let mut entries: Vec<(String, &Cel)> = map
                .map
                .iter()
                .map(|(key, value)| (key_text(key), value))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let entries = entries
                .into_iter()
                .map(|(key, value)| Ok((key, to_json(value)?)))
                .collect::<Result<_, ExprError>>()?;
            Value::Object(entries)
        }
        Cel::Timestamp(moment) => Value::String(moment.to_rfc3339()),
        other => {
            return Err(ExprError::Failed {
                message: format!("a {} cannot stand in a runbook", other.type_of()),
            });
        }
    })
}

fn key_text(key: &Key) -> String {
    match key {
        Key::String(text) => text.as_str().to_owned(),
        Key::Int(whole) => whole.to_string(),
        Key::Uint(whole) => whole.to_string(),
        Key::Bool(flag) => flag.to_string(),
    }
}

/// Says what a JSON value is, for people.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let mut short: String = text.chars().take(40).collect();
            if short.len() < text.len() {
                short.push('…');
            }
            format!("the text `{short}`")
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}
