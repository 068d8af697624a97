//! Reading one value: text, duration, word, name, list.

use std::{sync::Arc, time::Duration};

use super::fields::{Fields, words};
use crate::{
    finding::{Finding, Findings, code_list as code, nearest},
    model::Spanned,
    plan::Retry,
    units,
    yaml::{Content, Node},
};

/// Tells of a value of the wrong sort.
pub(crate) fn wrong(node: &Node, what: &str, wanted: &str, example: &str, findings: &mut Findings) {
    let finding = Finding::error(
        code::WRONG_VALUE,
        format!("{what} is {}, not {wanted}", node.describe()),
    )
    .because(format!("{what} takes {wanted}"))
    .fix(format!("write {example}"));
    findings.add(node.span, finding);
}

/// Reads any text; a plain number or flag counts as its text.
pub(super) fn text(node: &Node, what: &str, findings: &mut Findings) -> Option<Spanned<Arc<str>>> {
    match &node.content {
        Content::Scalar(scalar) if !scalar.is_null() => {
            Some(Spanned::new(Arc::clone(&scalar.text), node.span))
        }
        _ => {
            wrong(node, what, "a text", "a text", findings);
            None
        }
    }
}

/// Reads a name of the language: small letters, digits and dashes.
pub(super) fn name(node: &Node, what: &str, findings: &mut Findings) -> Option<Spanned<Arc<str>>> {
    let found = text(node, what, findings)?;
    check_name(&found.value, what, found.span, findings);
    Some(found)
}

/// Says whether a text is a name of the language.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(plain)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
}

/// Tells of a name that is not one.
pub(super) fn check_name(text: &str, what: &str, span: crate::yaml::Span, findings: &mut Findings) {
    if is_name(text) {
        return;
    }
    let mut mended: String = text
        .chars()
        .map(|sign| {
            if sign.is_ascii_alphanumeric() {
                sign.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(63)
        .collect();
    while mended.contains("--") {
        mended = mended.replace("--", "-");
    }
    let mended = mended.trim_matches(|sign: char| sign == '-').to_owned();
    let shown: String = text.chars().take(80).collect();
    let mut finding = Finding::error(
        code::WRONG_NAME,
        format!("`{}` cannot be {what}", shown.escape_debug()),
    )
    .because(
        "a name has small letters, digits and single dashes, starts with a letter and has at most 63 signs",
    );
    if is_name(&mended) {
        finding = finding.fix(format!("write `{mended}`"));
    } else {
        finding = finding.fix("write a name such as `platform-sql`");
    }
    findings.add(span, finding);
}

/// Reads a duration with its unit.
pub(crate) fn duration(node: &Node, what: &str, findings: &mut Findings) -> Option<Duration> {
    let Some(scalar) = node.as_scalar().filter(|scalar| !scalar.is_null()) else {
        wrong(node, what, "a duration", "one such as `30m`", findings);
        return None;
    };
    duration_text(&scalar.text, node, what, findings)
}

pub(super) fn duration_text(
    text: &str,
    node: &Node,
    what: &str,
    findings: &mut Findings,
) -> Option<Duration> {
    match units::parse_duration(text) {
        Ok(found) => Some(found),
        Err(error) => {
            let message = format!("{what} is `{}`, which is not a duration", text.escape_debug());
            let mut finding = Finding::error(code::WRONG_UNIT, message)
                .because("durations carry their units, largest first: `d`, `h`, `m`, `s`, `ms`");
            finding = match error {
                units::UnitError::NoUnit { text } => finding
                    .fix(format!("write `{text}m` if minutes are meant"))
                    .fix(format!("write `{text}s` if seconds are meant")),
                _ => finding.fix("write one such as `30m` or `2h30m`"),
            };
            findings.add(node.span, finding);
            None
        }
    }
}

/// Reads one of a few words.
pub(super) fn word<T: Copy>(
    node: &Node,
    what: &str,
    known: &[(T, &str)],
    findings: &mut Findings,
) -> Option<T> {
    let written = node.as_scalar().map_or("", |scalar| &*scalar.text);
    if let Some((found, _)) = known.iter().find(|(_, word)| *word == written) {
        return Some(*found);
    }
    let all: Vec<&str> = known.iter().map(|(_, word)| *word).collect();
    let finding = Finding::error(code::WRONG_VALUE, format!("{what} is {}", node.describe()))
        .because(format!("{what} is one of {}", words(&all)));
    let finding = match elsewhere(written, &all).or_else(|| nearest(written, all.iter().copied())) {
        Some(meant) => finding.did_you_mean(Some(meant)),
        None => finding.fix(format!("write `{}`", all.first().unwrap_or(&""))),
    };
    findings.add(node.span, finding);
    None
}

/// Returns our word for what other languages call otherwise.
fn elsewhere<'a>(written: &str, all: &[&'a str]) -> Option<&'a str> {
    let ours = match written {
        "integer" | "int" => "number",
        "boolean" | "bool" => "flag",
        "enum" => "choice",
        "text" | "str" => "string",
        "uri" => "url",
        "ignore" => "continue",
        "stop" | "abort" => "halt",
        _ => return None,
    };
    all.iter().copied().find(|word| *word == ours)
}

/// Reads a flag.
pub(super) fn flag(node: &Node, what: &str, findings: &mut Findings) -> Option<bool> {
    let found = node.as_scalar().and_then(|scalar| scalar.as_flag());
    if found.is_none() {
        wrong(node, what, "`true` or `false`", "`true`", findings);
    }
    found
}

/// Reads a list; anything else is told, with the list it was probably meant to be.
pub(super) fn list<'a>(node: &'a Node, what: &str, findings: &mut Findings) -> &'a [Node] {
    match &node.content {
        Content::List(items) => items,
        Content::Scalar(scalar) => {
            wrong(node, what, "a list", &format!("`[{}]`", scalar.text), findings);
            &[]
        }
        Content::Map(_) => {
            wrong(node, what, "a list", "`- ` before each entry", findings);
            &[]
        }
    }
}

/// Reads `{ attempts: 4, backoff: 10s..2m }`.
pub(super) fn retry(node: &Node, findings: &mut Findings) -> Option<Retry> {
    let mut retry = Retry {
        attempts: 4,
        backoff_from: Duration::from_secs(10),
        backoff_to: Duration::from_secs(120),
    };
    let fields = Fields::of(node, "`retry`", &["attempts", "backoff"], findings)?;
    if let Some(node) = fields.get("attempts", findings) {
        let found = node.as_scalar().and_then(|scalar| scalar.as_whole());
        match found
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..=100).contains(number))
        {
            Some(number) => retry.attempts = number,
            None => wrong(node, "`attempts`", "a number from 1 to 100", "`4`", findings),
        }
    }
    if let Some(node) = fields.get("backoff", findings) {
        let written = node.as_scalar().map_or("", |scalar| &*scalar.text);
        let (from, to) = written.split_once("..").unwrap_or((written, written));
        let from = duration_text(from, node, "`backoff`", findings);
        let to = from.and_then(|_| duration_text(to, node, "`backoff`", findings));
        if let (Some(from), Some(to)) = (from, to) {
            if from > to {
                wrong(
                    node,
                    "`backoff`",
                    "a shorter pause `..` a longer one",
                    "`10s..2m`",
                    findings,
                );
            }
            retry.backoff_from = from;
            retry.backoff_to = to.max(from);
        }
    }
    Some(retry)
}
