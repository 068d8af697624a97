//! What the checker has to say, painted.

use leeward_runbook::finding::{Finding, Severity, to_text};

use super::{Label, Paint, count};

/// Returns all findings, a blank line between two.
pub fn findings(list: &[Finding], paint: Paint) -> String {
    let shown: Vec<String> = list.iter().map(|finding| one(finding, paint)).collect();
    match shown.is_empty() {
        true => String::new(),
        false => format!("{}\n", shown.join("\n\n")),
    }
}

fn one(finding: &Finding, paint: Paint) -> String {
    let text = to_text(finding);
    let label = match finding.severity {
        Severity::Error => Label::Error,
        Severity::Warning => Label::Warning,
        Severity::Note => Label::Hint,
    };
    let head = format!("{}[{}]", finding.severity.word(), finding.code);
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = match line.strip_prefix(&head) {
            Some(rest) => format!("{}{rest}", paint.label(label, &head)),
            None => match line.strip_prefix("hint:") {
                Some(rest) => format!("{}:{rest}", paint.label(Label::Hint, "hint")),
                None => line.to_owned(),
            },
        };
        lines.push(line);
    }
    lines.join("\n")
}

/// Returns how many there are, in words.
pub fn finding_count(list: &[Finding]) -> String {
    let of = |severity: Severity| list.iter().filter(|finding| finding.severity == severity).count();
    let mut parts = Vec::new();
    for (severity, word) in [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Note, "note"),
    ] {
        match of(severity) {
            0 => {}
            number => parts.push(count(number, word)),
        }
    }
    match parts.is_empty() {
        true => "no findings".to_owned(),
        false => parts.join(", "),
    }
}
