//! Findings as text for people, and as JSON for machines.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Finding;

/// Writes a finding the way a person reads it, several lines without a newline at the end.
pub fn to_text(finding: &Finding) -> String {
    let mut out = format!(
        "{}[{}]: {}",
        finding.severity.word(),
        finding.code,
        finding.message
    );
    if let Some(place) = &finding.place {
        let _ = write!(out, "\n  --> {}:{}:{}", place.file, place.line, place.column);
        if let Some(text) = &finding.text {
            let _ = write!(out, "   `{text}`");
        }
    }
    for related in &finding.related {
        let place = &related.place;
        let _ = write!(
            out,
            "\n  ::: {}:{}:{}   {}",
            place.file, place.line, place.column, related.label
        );
    }
    if !finding.reason.is_empty() {
        let _ = write!(out, "\nwhy: {}", finding.reason);
    }
    for remedy in &finding.remedies {
        let _ = write!(out, "\nhint: {remedy}");
    }
    let _ = write!(
        out,
        "\nhint: run `leeward explain {}` for the whole story",
        finding.code
    );
    out
}

/// Writes findings as one JSON document that names its format and version.
pub fn to_json(findings: &[Finding]) -> Value {
    json!({
        "format": "leeward-findings",
        "version": 1,
        "findings": findings.iter().map(|finding| serde_json::to_value(finding).unwrap_or_default()).collect::<Vec<_>>(),
    })
}
