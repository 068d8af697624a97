//! How is a field of a JSON value set, whatever stands in its place?

use serde_json::{Map, Value};

/// Sets the field at the end of a path of names. What stands in the way and is no object gives way to one: what
/// callers sent may have any shape.
pub(crate) fn set(into: &mut Value, path: &[&str], value: Value) {
    let Some((name, rest)) = path.split_first() else {
        *into = value;
        return;
    };
    set(object(into).entry(*name).or_insert(Value::Null), rest, value);
}

/// Returns a value as an object, made one where it was none.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it has just been made one"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_set_whatever_stands_in_its_place() {
        for before in [
            json!(null),
            json!("x"),
            json!([]),
            json!({"a": 5}),
            json!({"a": {"c": 1}}),
        ] {
            let mut value = before.clone();
            set(&mut value, &["a", "b"], json!(true));
            assert_eq!(value["a"]["b"], true, "{before}");
        }
    }

    #[test]
    fn what_stands_beside_a_field_stays() {
        let mut value = json!({"a": {"c": 1}, "d": 2});
        set(&mut value, &["a", "b"], json!(true));
        assert_eq!(value, json!({"a": {"b": true, "c": 1}, "d": 2}));
    }
}
