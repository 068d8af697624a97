//! The schema of a whole runbook.

use serde_json::{Map, Value, json};

use super::{ID, shape};
use crate::{journey::Journey, kind::Kind, kinds, model::ParameterType};

const NAME: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

/// Returns the JSON Schema (draft 2020-12) of language version 1.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    definitions.insert(
        "duration".to_owned(),
        json!({
            "type": "string",
            "description": "A duration with its units, largest first: 30m, 2h30m, 5s.",
            "pattern": "^(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$",
            "minLength": 2
        }),
    );
    definitions.insert(
        "expression".to_owned(),
        json!({
            "type": "string",
            "description": "A text with expressions, ${{ … }}.",
            "pattern": "\\$\\{\\{"
        }),
    );
    definitions.insert(
        "secret".to_owned(),
        json!({
            "type": "string",
            "description": "A secret's reference: env:NAME or file:PATH. Never the secret itself.",
            "pattern": "^(env:[A-Za-z0-9_]+|file:.+)$"
        }),
    );
    definitions.insert("retry".to_owned(), retry());
    definitions.insert("check".to_owned(), one_check());
    definitions.insert("step".to_owned(), step());
    for kind in kinds::catalogue() {
        definitions.insert(format!("with-{}", kind.name), shape::with(kind));
        definitions.insert(format!("at-{}", kind.name), shape::side(kind));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Leeward runbook",
        "description": "What protects one platform: its two regions, its objectives, and the steps of a move as a dependency graph.",
        "type": "object",
        "required": ["leeward", "name", "regions", "steps"],
        "additionalProperties": false,
        "properties": {
            "leeward": { "const": 1, "description": "The version of the language." },
            "name": { "type": "string", "pattern": NAME, "maxLength": 63, "description": "The runbook's name: small letters, digits and dashes." },
            "summary": { "type": "string", "description": "One line for people." },
            "regions": {
                "type": "object",
                "description": "The two regions, by Azure's names.",
                "required": ["primary", "paired"],
                "additionalProperties": false,
                "properties": {
                    "primary": { "type": "string", "pattern": "^[a-z0-9]+$", "description": "Where the platform lives on a good day." },
                    "paired": { "type": "string", "pattern": "^[a-z0-9]+$", "description": "Where it takes shelter." }
                }
            },
            "objectives": {
                "type": "object",
                "description": "What the platform promises.",
                "additionalProperties": false,
                "properties": {
                    "rto": { "$ref": "#/$defs/duration", "description": "How long customers may be without it." },
                    "rpo": { "$ref": "#/$defs/duration", "description": "How much may be lost." }
                }
            },
            "parameters": { "type": "object", "description": "Values that are given when it runs.", "propertyNames": { "pattern": NAME }, "additionalProperties": parameter() },
            "defaults": {
                "type": "object",
                "description": "What holds for every step that does not say otherwise.",
                "additionalProperties": false,
                "properties": {
                    "timeout": { "$ref": "#/$defs/duration", "description": "How long a step is waited for." },
                    "retry": { "$ref": "#/$defs/retry" }
                }
            },
            "steps": { "type": "object", "description": "The steps by name.", "minProperties": 1, "propertyNames": { "pattern": NAME, "maxLength": 63 }, "additionalProperties": { "$ref": "#/$defs/step" } }
        },
        "$defs": definitions
    })
}

fn parameter() -> Value {
    let types: Vec<&str> = ParameterType::ALL.iter().map(|(_, word)| *word).collect();
    json!({
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {
            "type": { "enum": types, "description": "What it may hold." },
            "default": { "type": ["string", "number", "boolean"], "description": "The value when none is given; may read ${{ env.NAME }}." },
            "summary": { "type": "string", "description": "One line for people." },
            "required": { "type": "boolean", "description": "Whether a plan without a value is refused." },
            "choices": { "type": "array", "items": { "type": ["string", "number"] }, "description": "The words of a choice." }
        },
        "if": { "properties": { "type": { "const": "choice" } }, "required": ["type"] },
        "then": { "required": ["choices"] }
    })
}

fn retry() -> Value {
    json!({
        "type": "object",
        "description": "How often, and how far apart, a clean refusal is tried again.",
        "additionalProperties": false,
        "properties": {
            "attempts": { "type": "integer", "minimum": 1, "maximum": 100, "description": "The first try included." },
            "backoff": { "type": "string", "description": "The first pause and the longest: 10s..2m.", "pattern": "^[0-9dhms]+(\\.\\.[0-9dhms]+)?$" }
        }
    })
}

fn checks() -> impl Iterator<Item = (&'static Kind, &'static str)> {
    let all = kinds::catalogue().iter().copied();
    all.filter_map(|kind| Some((kind, kind.name.strip_prefix("check.")?)))
}

fn one_check() -> Value {
    let properties: Map<String, Value> = checks()
        .map(|(kind, word)| {
            let mut schema = shape::check(kind);
            schema["description"] = json!(format!("{}.", kind.summary));
            (word.to_owned(), schema)
        })
        .collect();
    json!({
        "type": "object",
        "description": "One check.",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
        "properties": properties
    })
}

fn step() -> Value {
    let journeys: Vec<&str> = Journey::ALL.iter().map(|journey| journey.word()).collect();
    let uses: Vec<Value> = kinds::catalogue()
        .iter()
        .map(|kind| json!({ "const": kind.name, "description": format!("{}.", kind.summary) }))
        .collect();
    let by_kind: Vec<Value> = kinds::catalogue().iter().map(|kind| of_kind(kind)).collect();
    json!({
        "type": "object",
        "description": "One step: a resource and what sort of thing it is.",
        "required": ["use"],
        "additionalProperties": false,
        "properties": {
            "use": { "anyOf": uses, "description": "The kind. `leeward kinds` lists them." },
            "summary": { "type": "string", "description": "One line for people." },
            "with": { "type": "object", "description": "The kind's settings for both sides." },
            "at": {
                "type": "object",
                "description": "The kind's settings of each side; the direction of the journey picks the side.",
                "additionalProperties": false,
                "properties": {
                    "primary": { "type": "object", "description": "At the primary side." },
                    "paired": { "type": "object", "description": "At the paired side." }
                }
            },
            "after": { "type": "array", "items": { "type": "string" }, "description": "Steps that must be satisfied first. References order steps too." },
            "in": { "type": "array", "minItems": 1, "items": { "enum": journeys }, "description": "The journeys it takes part in; those of its kind when left out." },
            "when": { "type": ["string", "boolean"], "description": "A bare condition over parameters, journey, region state and outputs." },
            "data-loss": {
                "type": "object",
                "description": "What may be lost and how to go about it; required where the kind can lose data.",
                "additionalProperties": false,
                "properties": {
                    "budget": { "$ref": "#/$defs/duration", "description": "What may be lost without asking; nothing when left out." },
                    "ladder": {
                        "type": "array",
                        "minItems": 1,
                        "description": "The ways, from gentlest to harshest.",
                        "items": {
                            "anyOf": [
                                { "type": "string" },
                                {
                                    "type": "object",
                                    "minProperties": 1,
                                    "maxProperties": 1,
                                    "additionalProperties": {
                                        "type": "object",
                                        "additionalProperties": false,
                                        "properties": { "within": { "$ref": "#/$defs/duration", "description": "How long before the next rung is offered." } }
                                    }
                                }
                            ]
                        }
                    }
                }
            },
            "timeout": { "$ref": "#/$defs/duration", "description": "How long we wait; Azure's operation goes on and is watched." },
            "retry": { "$ref": "#/$defs/retry" },
            "goal": {
                "description": "What tells that it is done, for kinds without a goal of their own.",
                "anyOf": [
                    { "$ref": "#/$defs/check" },
                    { "type": "string", "description": "A condition over `body` and `status` of a GET of the step's own resource." },
                    { "type": "object", "required": ["condition"], "additionalProperties": false, "properties": { "condition": { "type": "string" } } }
                ]
            },
            "repeat": { "const": "safe", "description": "Doing it twice is harmless." },
            "on-failure": { "enum": ["block", "continue", "halt"], "default": "block", "description": "block: its dependents wait; continue: an accepted degradation; halt: nothing more is started." },
            "verify": { "type": "array", "items": { "$ref": "#/$defs/check" }, "description": "Checks after the change; the step is done only when they pass." },
            "ends": { "const": "recovery", "description": "Its success ends the RTO clock." },
            "clean-up": { "type": "string", "description": "For drills: the step that undoes it, or not-needed." }
        },
        "allOf": by_kind
    })
}

fn of_kind(kind: &Kind) -> Value {
    let side = json!({ "$ref": format!("#/$defs/at-{}", kind.name) });
    json!({
        "if": { "properties": { "use": { "const": kind.name } }, "required": ["use"] },
        "then": {
            "properties": {
                "with": { "$ref": format!("#/$defs/with-{}", kind.name) },
                "at": { "properties": { "primary": side, "paired": side } }
            }
        }
    })
}
