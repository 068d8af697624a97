//! Reading one map of the language: which keys it has, which are unknown, which are missing.

use crate::{
    finding::{Finding, Findings, code_list as code, nearest},
    yaml::{Content, Entry, Node, Span},
};

/// Words that people write for a key of ours.
const MISTAKEN: &[(&str, &str)] = &[
    ("depends-on", "after"),
    ("depends_on", "after"),
    ("dependsOn", "after"),
    ("needs", "after"),
    ("requires", "after"),
    ("type", "use"),
    ("kind", "use"),
    ("uses", "use"),
    ("if", "when"),
    ("condition", "when"),
    ("description", "summary"),
    ("desc", "summary"),
    ("title", "summary"),
    ("settings", "with"),
    ("parameters", "with"),
    ("params", "parameters"),
    ("inputs", "parameters"),
    ("variables", "parameters"),
    ("version", "leeward"),
    ("secondary", "paired"),
    ("target", "paired"),
    ("source", "primary"),
    ("enum", "choices"),
    ("on-error", "on-failure"),
    ("on_failure", "on-failure"),
    ("checks", "verify"),
    ("retries", "retry"),
    ("rollback", "clean-up"),
    ("cleanup", "clean-up"),
    ("max-loss", "budget"),
];

/// The entries of one map whose keys have been looked at.
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    span: Span,
}

impl<'a> Fields<'a> {
    /// Takes a node as a map with these keys; whatever else it holds is a finding.
    pub(super) fn of(
        node: &'a Node,
        what: &str,
        known: &[&str],
        findings: &mut Findings,
    ) -> Option<Fields<'a>> {
        let Content::Map(entries) = &node.content else {
            let finding = Finding::error(
                code::WRONG_VALUE,
                format!("{what} is {}, not a map", node.describe()),
            )
            .because(format!("{what} has keys: {}", words(known)))
            .fix(format!(
                "write `{}: …` beneath it, indented",
                known.first().unwrap_or(&"key")
            ));
            findings.add(node.span, finding);
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&&*entry.key)) {
            unknown_key(entry, what, known, findings);
        }
        Some(Fields {
            entries,
            span: node.span,
        })
    }

    /// Returns the entry of a key.
    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| &*entry.key == key)
    }

    /// Returns the value of a key. Nothing written behind the key counts as not written, and is told.
    pub(super) fn get(&self, key: &str, findings: &mut Findings) -> Option<&'a Node> {
        let entry = self.entry(key)?;
        if entry.value.is_null() {
            let finding = Finding::error(code::WRONG_VALUE, format!("`{key}` has no value"))
                .because("an empty value is taken for a slip, not for nothing")
                .fix(format!("write a value behind `{key}:`"))
                .fix("remove the line");
            findings.add(entry.span, finding);
            return None;
        }
        Some(&entry.value)
    }

    /// Returns the value of a key that must be there.
    pub(super) fn need(
        &self,
        key: &str,
        what: &str,
        example: &str,
        findings: &mut Findings,
    ) -> Option<&'a Node> {
        if self.entry(key).is_none() {
            let span = self.entries.first().map_or(self.span, |entry| entry.span);
            missing_key(span, key, what, example, findings);
        }
        self.get(key, findings)
    }
}

/// Tells of a key that must be there and is not.
pub(crate) fn missing_key(span: Span, key: &str, what: &str, example: &str, findings: &mut Findings) {
    let finding = Finding::error(code::MISSING_KEY, format!("{what} has no `{key}`"))
        .because(format!("{what} cannot do without `{key}`"))
        .fix(format!("add `{example}`"));
    findings.add(span, finding);
}

/// Tells of a key that is not known, with the nearest one.
pub(crate) fn unknown_key(entry: &Entry, what: &str, known: &[&str], findings: &mut Findings) {
    let key = &*entry.key;
    let mut finding = Finding::error(code::UNKNOWN_KEY, format!("{what} has no key `{key}`"));
    if key == "location" || key == "region" {
        finding = finding
            .because(
                "a location is never written: it follows from `regions` and the direction of the journey",
            )
            .fix("remove it");
    } else {
        let mistaken = MISTAKEN
            .iter()
            .find(|(wrong, right)| *wrong == key && known.contains(right))
            .map(|(_, right)| *right);
        let near = mistaken.or_else(|| nearest(key, known.iter().copied()));
        let reason = if known.is_empty() {
            format!("{what} takes no keys")
        } else {
            format!("{what} takes {}", words(known))
        };
        finding = finding
            .because(reason)
            .did_you_mean(near)
            .fix(format!("remove `{key}`"));
    }
    findings.add(entry.span, finding);
}

/// Lists words for people: `a`, `b` and `c`.
pub(crate) fn words(known: &[&str]) -> String {
    let quoted: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
