//! Texts with expressions in them: `https://${{ target.address }}/health`.

use serde_json::{Map, Value};

use super::{ExprError, Scope, convert, evaluate::evaluate, reference, scan};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text as it stands; `$${{` is written for `${{` itself.
    Text(&'a str),
    /// What stands between `${{` and `}}`, trimmed, and where it starts in the text.
    Expression {
        /// The bare expression.
        source: &'a str,
        /// Its first byte in the text.
        at: usize,
    },
}

/// Takes a text apart. Finds the `}}` that is not inside quotes or a map of the expression.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ExprError> {
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(next) = text[at..].find("${{") {
        let open = at + next;
        if open > 0 && text.as_bytes()[open - 1] == b'$' {
            at = open + 3;
            continue;
        }
        if open > from {
            found.push(Piece::Text(&text[from..open]));
        }
        let start = open + 3;
        let length = closing(&text[start..]).ok_or(ExprError::Unclosed { at: open })?;
        let inside = &text[start..start + length];
        found.push(Piece::Expression {
            source: inside.trim(),
            at: start + (inside.len() - inside.trim_start().len()),
        });
        at = start + length + 2;
        from = at;
    }
    if from < text.len() || found.is_empty() {
        found.push(Piece::Text(&text[from..]));
    }
    Ok(found)
}

fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut open) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => {
                // A text that never closes is the expression's own trouble: look for `}}` beyond it.
                at += scan::string_length(&text[at..], false).unwrap_or(1);
                continue;
            }
            b'{' => open += 1,
            b'}' if open > 0 => open -= 1,
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    text.find("}}")
}

/// Replaces every `${{ … }}` inside a JSON value. An expression that is the whole of a text keeps
/// its type; in mixed text it becomes text.
pub fn resolve(value: &Value, scope: &Scope<'_>) -> Result<Value, ExprError> {
    walk(value, &mut |text| {
        let parts = pieces(text)?;
        if let [Piece::Expression { source, .. }] = parts.as_slice() {
            return evaluate(source, scope);
        }
        let mut out = String::with_capacity(text.len());
        for part in parts {
            match part {
                Piece::Text(text) => out.push_str(&text.replace("$${{", "${{")),
                Piece::Expression { source, .. } => out.push_str(&plain(&evaluate(source, scope)?)?),
            }
        }
        Ok(Value::String(out))
    })
}

/// Replaces what can be known now and leaves expressions that read `steps` for [`resolve`].
/// The result is still a template: a `${{` that a value brings along is written `$${{`.
pub fn resolve_partly(value: &Value, scope: &Scope<'_>) -> Result<Value, ExprError> {
    walk(value, &mut |text| {
        let parts = pieces(text)?;
        if let [Piece::Expression { source, .. }] = parts.as_slice() {
            return match known(source, scope)? {
                Some((value, true)) => Ok(value),
                Some((value, false)) => Ok(escape(&value)),
                None => Ok(Value::String(text.to_owned())),
            };
        }
        let mut out = String::with_capacity(text.len());
        for part in parts {
            match part {
                Piece::Text(text) => out.push_str(text),
                Piece::Expression { source, .. } => match known(source, scope)? {
                    Some((value, true)) => out.push_str(&plain(&value)?),
                    Some((value, false)) => out.push_str(&plain(&escape(&value))?),
                    None => {
                        out.push_str("${{ ");
                        out.push_str(source);
                        out.push_str(" }}");
                    }
                },
            }
        }
        Ok(Value::String(out))
    })
}

/// Returns the value, and whether it is itself a template (an `at` key that reads an output).
fn known(source: &str, scope: &Scope<'_>) -> Result<Option<(Value, bool)>, ExprError> {
    let read = reference::references(source)?;
    let root = |name: &str| read.iter().any(|found| found.path[0] == name);
    if root("steps") {
        return Ok(None);
    }
    let value = evaluate(source, scope)?;
    let of_side = root("source") || root("target");
    if of_side && value.as_str().is_some_and(|text| text.contains("${{")) {
        // `target.address` may be waiting for an output: alone it is taken over as it is.
        return Ok((read.len() == 1).then_some((value, true)));
    }
    Ok(Some((value, false)))
}

fn escape(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("${{", "$${{")),
        Value::Array(items) => Value::Array(items.iter().map(escape).collect()),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), escape(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn plain(value: &Value) -> Result<String, ExprError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(ExprError::NotText {
            found: convert::describe(other),
        }),
    }
}

fn walk(value: &Value, text: &mut dyn FnMut(&str) -> Result<Value, ExprError>) -> Result<Value, ExprError> {
    Ok(match value {
        Value::String(content) if content.contains("${{") => text(content)?,
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| walk(item, text))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => {
            let mut out = Map::with_capacity(map.len());
            for (key, item) in map {
                out.insert(key.clone(), walk(item, text)?);
            }
            Value::Object(out)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_value_keeps_its_type_and_mixed_text_becomes_text() {
        let parameters = BTreeMap::from([("port".to_owned(), json!(5672))]);
        let scope = Scope::new().with_parameters(&parameters);
        let value = json!({"port": "${{ params.port }}", "url": "tcp://x:${{ params.port }}/", "n": 1});
        assert_eq!(
            resolve(&value, &scope),
            Ok(json!({"port": 5672, "url": "tcp://x:5672/", "n": 1}))
        );
        assert_eq!(
            resolve(&json!("${{ {'a': {'b': 1}} }}"), &scope),
            Ok(json!({"a": {"b": 1}}))
        );
        assert_eq!(resolve(&json!("$${{ x }}"), &scope), Ok(json!("${{ x }}")));
        assert!(matches!(
            resolve(&json!("${{ params.port"), &scope),
            Err(ExprError::Unclosed { at: 0 })
        ));
        assert!(matches!(
            resolve(&json!("a ${{ [1] }}"), &scope),
            Err(ExprError::NotText { .. })
        ));
    }

    #[test]
    fn what_the_plan_cannot_know_is_left_for_the_run() {
        let parameters = BTreeMap::from([("name".to_owned(), json!("shop ${{ sly }}"))]);
        let outputs = BTreeMap::from([(
            "a-b".to_owned(),
            BTreeMap::from([("x".to_owned(), json!("10.0.0.1"))]),
        )]);
        let scope = Scope::new().with_parameters(&parameters);
        let value = json!("${{ params.name }} at ${{ steps.a-b.outputs.x }}");
        let planned = resolve_partly(&value, &scope).expect("resolves");
        assert_eq!(planned, json!("shop $${{ sly }} at ${{ steps.a-b.outputs.x }}"));
        let scope = scope.with_outputs(&outputs);
        assert_eq!(
            resolve(&planned, &scope),
            Ok(json!("shop ${{ sly }} at 10.0.0.1"))
        );
    }
}
