//! The schema of one value.

use serde_json::{Map, Value, json};

use crate::kind::{Kind, Setting, Shape, Stands};

/// What every scalar may be instead: a text with an expression.
fn or_expression(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "$ref": "#/$defs/expression" }] })
}

/// Makes the schema of a shape.
pub(super) fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": ["string", "number"] }),
        Shape::Name => or_expression(
            json!({ "type": "string", "pattern": "^[A-Za-z0-9_()@*-]([A-Za-z0-9_().@*-]*[A-Za-z0-9_()@*-])?$" }),
        ),
        Shape::ResourceId => or_expression(json!({ "type": "string", "pattern": "^/[sS]ubscriptions/.+$" })),
        Shape::Flag => or_expression(json!({ "type": "boolean" })),
        Shape::Number(least, most) => {
            or_expression(json!({ "type": "integer", "minimum": least, "maximum": most }))
        }
        Shape::Duration => or_expression(json!({ "$ref": "#/$defs/duration" })),
        Shape::Percent => or_expression(json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$" })),
        Shape::Url => or_expression(json!({ "type": "string", "pattern": "^https?://[^/:?#\\s][^\\s]*$" })),
        Shape::Secret => or_expression(json!({ "$ref": "#/$defs/secret" })),
        Shape::File => {
            or_expression(json!({ "type": "string", "description": "A path in the runbook's folder." }))
        }
        Shape::Word(known) => or_expression(json!({ "enum": known })),
        Shape::List(inner) => json!({ "type": "array", "items": of(inner) }),
        Shape::Map(settings) => map(settings.iter(), false),
        Shape::Table(inner) => json!({ "type": "object", "additionalProperties": of(inner) }),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(of).collect::<Vec<_>>() }),
        Shape::Any => json!(true),
    }
}

/// Makes the schema of a map with exactly these keys, or with any others too.
fn map<'a>(settings: impl Iterator<Item = &'a Setting>, open: bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for setting in settings {
        properties.insert(setting.name.to_owned(), setting_schema(setting));
        if setting.required {
            required.push(setting.name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": open });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn setting_schema(setting: &Setting) -> Value {
    let mut schema = of(&setting.shape);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(format!("{}.", setting.summary)));
        if let Some(default) = setting
            .default
            .and_then(|default| serde_json::from_str(default).ok())
        {
            schema.insert("default".to_owned(), default);
        }
    }
    schema
}

/// Makes the schema of a kind's `with`.
pub(super) fn with(kind: &Kind) -> Value {
    let mut schema = map(
        kind.settings
            .iter()
            .filter(|setting| setting.stands != Stands::At),
        false,
    );
    // A setting of either place may be missing here, and one of a kind with a free `at` anywhere.
    let needed: Vec<&str> = kind
        .settings
        .iter()
        .filter(|setting| setting.required && setting.stands == Stands::With && !kind.free_at)
        .map(|setting| setting.name)
        .collect();
    set_required(&mut schema, &needed);
    schema
}

/// Makes the schema of one side of a kind's `at`.
pub(super) fn side(kind: &Kind) -> Value {
    let here = |setting: &&Setting| kind.free_at || setting.stands != Stands::With;
    let mut schema = map(kind.settings.iter().filter(here), kind.free_at);
    let needed: Vec<&str> = kind
        .settings
        .iter()
        .filter(|setting| setting.required && setting.stands == Stands::At)
        .map(|setting| setting.name)
        .collect();
    set_required(&mut schema, &needed);
    schema
}

/// Makes the schema of a check under `verify`.
pub(super) fn check(kind: &Kind) -> Value {
    map(kind.settings.iter(), false)
}

fn set_required(schema: &mut Value, needed: &[&str]) {
    if let Value::Object(schema) = schema {
        schema.remove("required");
        if !needed.is_empty() {
            schema.insert("required".to_owned(), json!(needed));
        }
    }
}
