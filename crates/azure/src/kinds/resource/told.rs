//! What of an answer may later steps read? Outputs are written to the journal, so only what is asked for, and never
//! what looks like a secret.

use leeward_engine::{port::Context, work::Outputs};
use leeward_runbook::{
    expr::{self, Piece},
    plan::PlannedStep,
};
use serde_json::{Value, json};

use super::Asked;
use crate::arm::{Method, reply::cut};

/// The longest value, as JSON text, that becomes an output.
const LONGEST_OUTPUT: usize = 32 * 1024;

/// How the names of fields end whose texts are secret; folded, without anything but letters and digits.
const SECRET_ENDS: &[&str] = &[
    "accesskey",
    "accountkey",
    "apikey",
    "connectionstring",
    "functionkey",
    "hostkey",
    "kubeconfig",
    "masterkey",
    "passphrase",
    "password",
    "primarykey",
    "privatekey",
    "sastoken",
    "sasurl",
    "sasuri",
    "secondarykey",
    "secret",
    "secrettext",
    "secretvalue",
    "sharedkey",
    "storagekey",
    "token",
];

/// Lists whose entries have their secret under `value`.
const SECRET_LISTS: &[&str] = &["accesskeys", "credentials", "keys", "kubeconfigs", "secrets"];

/// Returns what later steps may read of an answer, and what is worth a warning.
pub(super) fn outputs(context: &Context, asked: &Asked, status: u16, body: &Value) -> (Outputs, Vec<String>) {
    let mut outputs = Outputs::from([("status".to_owned(), json!(status))]);
    let own = context.settings.get("outputs").and_then(Value::as_object);
    let wants_body = is_read(context, "body");
    if hands_out_keys(asked) {
        let warnings = keys_asked_for(context, asked).into_iter().collect();
        return (outputs, warnings);
    }
    let mut warnings = Vec::new();
    let mut told = body.clone();
    let mut taken_out = Vec::new();
    take_out(&mut told, String::new(), "", &mut taken_out);
    if wants_body {
        match told.to_string().len() <= LONGEST_OUTPUT {
            true => {
                outputs.insert("body".to_owned(), told.clone());
            }
            false => warnings
                .push("the answer is too long to be an output; name its parts under `outputs`".to_owned()),
        }
    }
    for (name, pointer) in own.into_iter().flatten() {
        let pointer = pointer.as_str().unwrap_or_default();
        match (told.pointer(pointer), body.pointer(pointer)) {
            (Some(value), _) if value.to_string().len() <= LONGEST_OUTPUT => {
                outputs.insert(name.clone(), value.clone());
            }
            (Some(_), _) => warnings.push(format!("the output `{name}` is too long to be recorded")),
            (None, Some(_)) => warnings.push(format!(
                "the output `{name}` looks like a secret: outputs are recorded, so it is none"
            )),
            (None, None) => warnings.push(format!("the answer has nothing for the output `{name}`")),
        }
    }
    if wants_body && !taken_out.is_empty() {
        taken_out.truncate(8);
        warnings.push(format!(
            "not in the output `body`, since it looks like a secret: {}",
            taken_out.join(", ")
        ));
    }
    (outputs, warnings)
}

/// Returns whether a request is one whose answer is made of keys: `POST …/listKeys` and its like.
fn hands_out_keys(asked: &Asked) -> bool {
    let action = asked.path.rsplit('/').next().unwrap_or_default();
    asked.method == Method::Post && action.to_ascii_lowercase().starts_with("list")
}

/// Returns what to say where somebody wants what a request for keys answers.
pub(super) fn keys_asked_for(context: &Context, asked: &Asked) -> Option<String> {
    let own = context.settings.get("outputs").and_then(Value::as_object);
    let wanted = own.is_some_and(|own| !own.is_empty()) || is_read(context, "body");
    (wanted && hands_out_keys(asked)).then(|| {
        format!(
            "what {} answers are keys, and outputs are recorded: it has no output but `status`",
            cut(&asked.path)
        )
    })
}

/// Returns whether this step or one that follows it reads an output of this one.
fn is_read(context: &Context, output: &str) -> bool {
    let own = &context.step.id;
    let mut near = context
        .plan
        .steps
        .iter()
        .filter(|step| step.after.contains(own) || step.id == *own);
    near.any(|step| reads(step, own.as_str(), output))
}

fn reads(step: &PlannedStep, of: &str, output: &str) -> bool {
    let wanted = |source: &str| {
        // What cannot be taken apart here could not be checked either, and is never evaluated.
        expr::references(source).unwrap_or_default().iter().any(|found| {
            let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
            match path.as_slice() {
                ["steps"] => true,
                ["steps", step] | ["steps", step, "outputs"] => *step == of,
                ["steps", step, "outputs", name, ..] => *step == of && *name == output,
                _ => false,
            }
        })
    };
    if step.when.as_deref().is_some_and(wanted) {
        return true;
    }
    let mut texts = Vec::new();
    for value in [&step.settings, &step.source, &step.target] {
        gather(value, &mut texts);
    }
    for check in &step.verify {
        gather(&check.settings, &mut texts);
    }
    texts.into_iter().any(|text| {
        let pieces = expr::pieces(text).unwrap_or_default();
        pieces.iter().any(|piece| match piece {
            Piece::Expression { source, .. } => wanted(source),
            Piece::Text(_) => false,
        })
    })
}

fn gather<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.contains("${{") => texts.push(text),
        Value::Array(list) => list.iter().for_each(|entry| gather(entry, texts)),
        Value::Object(fields) => fields.values().for_each(|field| gather(field, texts)),
        _ => {}
    }
}

/// Takes out what looks like a secret, and says where it was. What reads it later finds no value, and stops there.
fn take_out(value: &mut Value, place: String, under: &str, taken_out: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            for (index, entry) in list.iter_mut().enumerate() {
                take_out(entry, format!("{place}/{index}"), under, taken_out);
            }
        }
        Value::Object(fields) => {
            let in_list = SECRET_LISTS.contains(&under);
            fields.retain(|name, field| {
                let known = fold(name);
                let secret =
                    SECRET_ENDS.iter().any(|end| known.ends_with(end)) || in_list && known == "value";
                let keep = !(secret && holds_text(field));
                if !keep {
                    taken_out.push(format!("{place}/{name}"));
                }
                keep
            });
            for (name, field) in fields.iter_mut() {
                take_out(field, format!("{place}/{name}"), &fold(name), taken_out);
            }
        }
        _ => {}
    }
}

fn holds_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(Value::is_string),
        _ => false,
    }
}

fn fold(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.collect::<String>().to_ascii_lowercase()
}
