//! Whether a written value is what a setting takes, and its JSON.

use serde_json::{Map, Value};

use crate::{
    decode::{missing_key, unknown_key, words},
    finding::{Finding, Findings, code_list as code, nearest},
    kind::{Setting, Shape},
    units,
    yaml::{Content, Node, Scalar},
};

/// Tells everything that is wrong with a value, as this shape.
pub(super) fn look(node: &Node, shape: &Shape, what: &str, findings: &mut Findings) {
    if is_expression(node) {
        return;
    }
    match (shape, &node.content) {
        (Shape::Any, _) => {}
        (Shape::List(inner), Content::List(items)) => {
            for item in items.iter() {
                look(item, inner, &format!("an entry of {what}"), findings);
            }
        }
        (Shape::Map(settings), Content::Map(entries)) => {
            let known: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
            for entry in entries.iter() {
                match settings.iter().find(|setting| setting.name == &*entry.key) {
                    Some(setting) if entry.value.is_null() => empty(entry.span, setting.name, findings),
                    Some(setting) => look(
                        &entry.value,
                        &setting.shape,
                        &format!("`{}`", setting.name),
                        findings,
                    ),
                    None => unknown_key(entry, what, &known, findings),
                }
            }
            for setting in settings.iter().filter(|setting| setting.required) {
                if node.get(setting.name).is_none() {
                    let span = entries.first().map_or(node.span, |entry| entry.span);
                    missing_key(span, setting.name, what, &example_of(setting), findings);
                }
            }
        }
        (Shape::Table(inner), Content::Map(entries)) => {
            for entry in entries.iter() {
                look(&entry.value, inner, &format!("`{}`", entry.key), findings);
            }
        }
        (Shape::Either(shapes), _) => {
            if shapes.iter().any(|shape| fits(node, shape)) {
                return;
            }
            // The shape of the same build explains itself best; else all are named.
            match shapes
                .iter()
                .find(|shape| same_build(node, shape) && is_deep(shape))
            {
                Some(shape) => look(node, shape, what, findings),
                None => mismatch(node, shape, what, findings),
            }
        }
        _ if fits(node, shape) => {}
        _ => mismatch(node, shape, what, findings),
    }
}

/// Says whether a value is of this shape, expressions included.
pub(super) fn fits(node: &Node, shape: &Shape) -> bool {
    if is_expression(node) {
        return true;
    }
    match (shape, &node.content) {
        (Shape::Any, _) => true,
        (Shape::Either(shapes), _) => shapes.iter().any(|shape| fits(node, shape)),
        (Shape::List(inner), Content::List(items)) => items.iter().all(|item| fits(item, inner)),
        (Shape::Table(inner), Content::Map(entries)) => entries.iter().all(|entry| fits(&entry.value, inner)),
        (Shape::Map(settings), Content::Map(entries)) => {
            let fit = |entry: &crate::yaml::Entry| {
                let setting = settings.iter().find(|setting| setting.name == &*entry.key);
                setting.is_some_and(|setting| fits(&entry.value, &setting.shape))
            };
            let missing = |setting: &&Setting| setting.required && node.get(setting.name).is_none();
            entries.iter().all(fit) && !settings.iter().any(|setting| missing(&setting))
        }
        (shape, Content::Scalar(scalar)) => scalar_fits(scalar, shape),
        _ => false,
    }
}

fn scalar_fits(scalar: &Scalar, shape: &Shape) -> bool {
    let text = &*scalar.text;
    match shape {
        Shape::Text => !scalar.is_null() && scalar.as_flag().is_none(),
        Shape::Name => is_azure_name(text),
        Shape::ResourceId => is_resource_id(text),
        Shape::Flag => scalar.as_flag().is_some(),
        Shape::Number(least, most) => scalar
            .as_whole()
            .is_some_and(|number| (*least..=*most).contains(&number)),
        Shape::Duration => units::parse_duration(text).is_ok(),
        Shape::Percent => is_percent(text),
        Shape::Url => is_url(text),
        Shape::Secret => is_secret(text),
        Shape::File => is_file(text),
        Shape::Word(known) => known.contains(&text),
        _ => false,
    }
}

/// Makes JSON of a value: numbers and flags where the shape says so, text elsewhere.
pub(crate) fn to_json(node: &Node, shape: &Shape) -> Value {
    match (shape, &node.content) {
        (Shape::Either(shapes), _) => match shapes.iter().find(|shape| fits(node, shape)) {
            Some(shape) => to_json(node, shape),
            None => node.to_json(),
        },
        (Shape::List(inner), Content::List(items)) => {
            Value::Array(items.iter().map(|item| to_json(item, inner)).collect())
        }
        (Shape::Table(inner), Content::Map(entries)) => {
            let entries = entries
                .iter()
                .map(|entry| (entry.key.to_string(), to_json(&entry.value, inner)));
            Value::Object(entries.collect())
        }
        (Shape::Map(settings), Content::Map(entries)) => {
            let mut map = Map::new();
            for entry in entries.iter() {
                let shape = settings.iter().find(|setting| setting.name == &*entry.key);
                let value = shape.map_or_else(
                    || entry.value.to_json(),
                    |setting| to_json(&entry.value, &setting.shape),
                );
                map.insert(entry.key.to_string(), value);
            }
            fill(&mut map, settings);
            Value::Object(map)
        }
        (Shape::Flag | Shape::Number(..) | Shape::Any, _) => node.to_json(),
        (_, Content::Scalar(scalar)) => Value::from(&*scalar.text),
        _ => node.to_json(),
    }
}

/// Fills in what was left out and has a value of its own.
pub(crate) fn fill(map: &mut Map<String, Value>, settings: &[Setting]) {
    for setting in settings {
        if let Some(default) = setting.default
            && !map.contains_key(setting.name)
            && let Ok(value) = serde_json::from_str(default)
        {
            map.insert(setting.name.to_owned(), value);
        }
    }
}

/// Says whether a resolved value is of this shape; one that still waits for an output is.
pub(crate) fn fits_json(value: &Value, shape: &Shape) -> bool {
    match (shape, value) {
        (_, Value::String(text)) if text.contains("${{") && !text.contains("$${{") => true,
        (Shape::Any, _) => true,
        (Shape::Either(shapes), _) => shapes.iter().any(|shape| fits_json(value, shape)),
        (Shape::List(inner), Value::Array(items)) => items.iter().all(|item| fits_json(item, inner)),
        (Shape::Table(inner), Value::Object(map)) => map.values().all(|item| fits_json(item, inner)),
        (Shape::Map(settings), Value::Object(map)) => {
            settings.iter().all(|setting| match map.get(setting.name) {
                Some(value) => fits_json(value, &setting.shape),
                None => !setting.required,
            })
        }
        (Shape::Number(least, most), Value::Number(number)) => number
            .as_i64()
            .is_some_and(|number| (*least..=*most).contains(&number)),
        (Shape::Flag, Value::Bool(_)) => true,
        (Shape::Secret, Value::String(text)) => is_resolved(text),
        (Shape::Text, Value::String(_) | Value::Number(_)) => true,
        (Shape::Flag | Shape::Number(..) | Shape::List(_) | Shape::Map(_) | Shape::Table(_), _) => false,
        (shape, Value::String(text)) => {
            let scalar = Scalar {
                text: text.as_str().into(),
                plain: false,
            };
            scalar_fits(&scalar, shape)
        }
        _ => false,
    }
}

fn is_expression(node: &Node) -> bool {
    node.as_scalar().is_some_and(|scalar| scalar.text.contains("${{"))
}

fn same_build(node: &Node, shape: &Shape) -> bool {
    match node.content {
        Content::List(_) => matches!(shape, Shape::List(_)),
        Content::Map(_) => matches!(shape, Shape::Map(_) | Shape::Table(_)),
        Content::Scalar(_) => false,
    }
}

fn is_deep(shape: &Shape) -> bool {
    matches!(shape, Shape::List(_) | Shape::Map(_) | Shape::Table(_))
}

pub(super) fn empty(span: crate::yaml::Span, name: &str, findings: &mut Findings) {
    let finding = Finding::error(code::WRONG_VALUE, format!("`{name}` has no value"))
        .because("an empty value is taken for a slip, not for nothing")
        .fix(format!("write a value behind `{name}:`"))
        .fix("remove the line");
    findings.add(span, finding);
}

fn mismatch(node: &Node, shape: &Shape, what: &str, findings: &mut Findings) {
    let message = format!("{what} is {}, not {}", node.describe(), describe(shape));
    let text = node.as_scalar().map_or("", |scalar| &*scalar.text);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let finding = match shape {
        Shape::Duration => {
            let finding = Finding::error(code::WRONG_UNIT, message).because("durations carry their units: `d`, `h`, `m`, `s`, `ms`");
            if digits {
                finding.fix(format!("write `{text}m` if minutes are meant")).fix(format!("write `{text}s` if seconds are meant"))
            } else {
                finding.fix("write one such as `30m` or `2h30m`")
            }
        }
        Shape::Percent => Finding::error(code::WRONG_UNIT, message)
            .because("percentages carry their sign")
            .fix(if digits { format!("write `{text}%`") } else { "write one such as `90%`".to_owned() }),
        Shape::Word(known) => Finding::error(code::WRONG_VALUE, message)
            .because(format!("{what} is one of {}", words(known)))
            .did_you_mean(nearest(text, known.iter().copied()))
            .fix(format!("write `{}`", known.first().unwrap_or(&""))),
        Shape::Name => Finding::error(code::WRONG_NAME, message)
            .because("it becomes a part of a request's path: letters, digits, `-`, `_`, `.`, `(`, `)`, not ending in a dot")
            .fix("write the bare name, without its path"),
        Shape::File => Finding::error(code::WRONG_VALUE, message)
            .because("files lie in the runbook's folder, so that the plan can pin them")
            .fix("write a path relative to the runbook, without `..`"),
        Shape::Text if node.as_scalar().is_some() => Finding::error(code::WRONG_VALUE, message)
            .because("without quotes YAML reads it as something else")
            .fix(format!("write `\"{text}\"`")),
        _ => Finding::error(code::WRONG_VALUE, message)
            .because(format!("{what} takes {}", describe(shape)))
            .fix(format!("write {}", example(shape))),
    };
    findings.add(node.span, finding);
}

/// Says what a shape takes, for people.
pub(crate) fn describe(shape: &Shape) -> String {
    match shape {
        Shape::Text => "a text".to_owned(),
        Shape::Name => "a name that Azure accepts".to_owned(),
        Shape::ResourceId => "a resource id".to_owned(),
        Shape::Flag => "`true` or `false`".to_owned(),
        Shape::Number(least, most) => format!("a whole number from {least} to {most}"),
        Shape::Duration => "a duration".to_owned(),
        Shape::Percent => "a percentage".to_owned(),
        Shape::Url => "an http or https URL".to_owned(),
        Shape::Secret => "a secret's reference (`env:` or `file:`)".to_owned(),
        Shape::File => "a file of the runbook's folder".to_owned(),
        Shape::Word([one]) => format!("`{one}`"),
        Shape::Word(known) => format!("one of {}", words(known)),
        Shape::List(_) => "a list".to_owned(),
        Shape::Map(settings) => {
            let known: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
            format!("a map of {}", words(&known))
        }
        Shape::Table(_) => "a map of names and values".to_owned(),
        Shape::Either(shapes) => shapes.iter().map(describe).collect::<Vec<_>>().join(" or "),
        Shape::Any => "anything".to_owned(),
    }
}

/// Shows one value of a shape.
fn example(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::Any => "`\"…\"`".to_owned(),
        Shape::Name => "`my-name`".to_owned(),
        Shape::ResourceId => "`/subscriptions/…/resourceGroups/…/providers/…`".to_owned(),
        Shape::Flag => "`true`".to_owned(),
        Shape::Number(least, _) => format!("`{least}`"),
        Shape::Duration => "`10m`".to_owned(),
        Shape::Percent => "`90%`".to_owned(),
        Shape::Url => "`https://…`".to_owned(),
        Shape::Secret => "`env:MY_SECRET`".to_owned(),
        Shape::File => "`files/…`".to_owned(),
        Shape::Word(known) => format!("`{}`", known.first().unwrap_or(&"")),
        Shape::List(inner) => format!("`[{}]`", example(inner).trim_matches('`')),
        Shape::Map(settings) => {
            let required = settings.iter().filter(|setting| setting.required).take(3);
            let inner: Vec<String> = required.map(example_of).collect();
            format!(
                "`{{ {} }}`",
                if inner.is_empty() {
                    "…".to_owned()
                } else {
                    inner.join(", ")
                }
            )
        }
        Shape::Table(inner) => format!("`{{ name: {} }}`", example(inner).trim_matches('`')),
        Shape::Either(shapes) => shapes.first().map_or_else(String::new, example),
    }
}

/// Shows one setting with a value.
pub(super) fn example_of(setting: &Setting) -> String {
    format!("{}: {}", setting.name, example(&setting.shape).trim_matches('`'))
}

fn is_azure_name(text: &str) -> bool {
    let fine =
        |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.' | '(' | ')' | '@' | '*');
    !text.is_empty()
        && text.len() <= 260
        && text.chars().all(fine)
        && !text.ends_with('.')
        && !text.starts_with('.')
}

pub(super) fn is_resource_id(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> = text.split('/').skip(1).collect();
    lower.starts_with("/subscriptions/")
        && parts.len() >= 2
        && parts
            .iter()
            .all(|part| !part.is_empty() && *part != "." && *part != "..")
        && !text.contains(['?', '#', '%', '\\'])
        && !text.chars().any(char::is_whitespace)
}

fn is_percent(text: &str) -> bool {
    text.strip_suffix('%').is_some_and(|number| {
        number
            .parse::<f64>()
            .is_ok_and(|number| (0.0..=100.0).contains(&number))
    })
}

pub(super) fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with(['/', ':', '?', '#'])
            && !rest.chars().any(|sign| sign.is_whitespace() || sign.is_control())
    })
}

pub(super) fn is_secret(text: &str) -> bool {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", ""));
    match scheme {
        "env" => {
            !rest.is_empty()
                && rest
                    .chars()
                    .all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
        }
        "file" => !rest.is_empty(),
        "key-vault" => rest
            .split_once('/')
            .is_some_and(|(vault, name)| is_azure_name(vault) && is_azure_name(name)),
        _ => false,
    }
}

/// Whether this version can read a secret, whose reference is one.
pub(super) fn is_resolved(text: &str) -> bool {
    is_secret(text) && !text.starts_with("key-vault:")
}

fn is_file(text: &str) -> bool {
    let text = text.strip_suffix('/').unwrap_or(text);
    !text.is_empty()
        && !text.starts_with(['/', '~'])
        && !text.contains(['\\', ':', '\0'])
        && text.split('/').all(|part| !part.is_empty() && part != "..")
}
