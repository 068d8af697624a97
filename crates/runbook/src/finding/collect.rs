//! How findings are gathered: with the line of the file, in order, and not without end.

use std::sync::Arc;

use super::{Finding, Place, Related, Severity, code::list as code};
use crate::yaml::Span;

/// The most findings of one file that are kept.
pub const MOST_FINDINGS: usize = 200;

/// The most bytes of one sentence of a finding.
const LONGEST_WORDS: usize = 2000;

/// A file, as it was named and read.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name, as given.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
}

impl Source {
    /// Makes one of a name and a text.
    pub fn new(name: &str, text: &str) -> Source {
        Source {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Makes a place of a span.
    pub fn place(&self, span: Span) -> Place {
        Place {
            file: self.name.to_string(),
            line: span.line,
            column: span.column,
            start: span.start,
            end: span.end,
        }
    }

    /// Returns the line that a span starts on, trimmed and cut.
    pub fn line(&self, span: Span) -> Option<String> {
        let start = usize::try_from(span.start)
            .ok()
            .filter(|at| *at <= self.text.len())?;
        let bytes = self.text.as_bytes();
        let from = bytes[..start]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let length = bytes[start..].iter().position(|byte| *byte == b'\n');
        let to = length.map_or(bytes.len(), |length| start + length);
        let line = self.text.get(from..to)?.trim();
        if line.is_empty() {
            return None;
        }
        // A line of a thousand characters is shown around the place that matters.
        let count = line.chars().count();
        if count <= 100 {
            return Some(line.to_owned());
        }
        let indent = self.text[from..to]
            .chars()
            .take_while(|sign| sign.is_whitespace())
            .count();
        let column = usize::try_from(span.column)
            .unwrap_or_default()
            .saturating_sub(1 + indent);
        let skip = column.saturating_sub(40).min(count.saturating_sub(80));
        let middle: String = line.chars().skip(skip).take(80).collect();
        let before = if skip > 0 { "…" } else { "" };
        let after = if skip + 80 < count { "…" } else { "" };
        Some(format!("{before}{middle}{after}"))
    }

    /// Returns the place of a byte range within a span: an expression within its text.
    pub fn within(&self, span: Span, needle: &str) -> Span {
        let range = span.start as usize..span.end as usize;
        let found = self.text.get(range).and_then(|slice| slice.find(needle));
        let Some(offset) = found else { return span };
        let start = span.start as usize + offset;
        let before = &self.text[span.start as usize..start];
        let newlines = before.bytes().filter(|byte| *byte == b'\n').count();
        let tail = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let column = if newlines == 0 {
            span.column as usize + tail
        } else {
            tail + 1
        };
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Span {
            line: span.line + narrow(newlines),
            column: narrow(column),
            start: narrow(start),
            end: narrow(start + needle.len()),
        }
    }
}

/// Gathers the findings of one file.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The file.
    pub source: Source,
    list: Vec<Finding>,
    left_off: usize,
    /// The worst of those that were left off.
    worst: Option<Severity>,
}

impl Findings {
    /// Starts with none.
    pub fn new(source: Source) -> Findings {
        Findings {
            source,
            list: Vec::new(),
            left_off: 0,
            worst: None,
        }
    }

    /// Adds one that stands somewhere.
    pub fn add(&mut self, span: Span, mut finding: Finding) {
        if !self.has_room(finding.severity) {
            return;
        }
        finding.place = Some(self.source.place(span));
        finding.text = self.source.line(span);
        self.keep(finding);
    }

    /// Adds one that stands somewhere and has to do with a second place.
    pub fn add_with(&mut self, span: Span, finding: Finding, other: Span, label: &str) {
        let mut finding = finding;
        finding.related.push(Related {
            place: self.source.place(other),
            label: label.to_owned(),
        });
        self.add(span, finding);
    }

    /// Adds one that stands nowhere.
    pub fn add_bare(&mut self, finding: Finding) {
        if self.has_room(finding.severity) {
            self.keep(finding);
        }
    }

    /// Says whether the list is full of errors; then one more is only counted, so that nobody need
    /// think up what it would say.
    pub(crate) fn is_full(&mut self) -> bool {
        !self.has_room(Severity::Error)
    }

    /// Makes room for one of that severity, by leaving off one that matters less; else counts it as left off.
    fn has_room(&mut self, severity: Severity) -> bool {
        if self.list.len() < MOST_FINDINGS {
            return true;
        }
        let least = self
            .list
            .iter()
            .enumerate()
            .filter(|(_, kept)| kept.severity > severity)
            .max_by_key(|(place, kept)| (kept.severity, *place));
        let left_off = match least.map(|(place, _)| place) {
            Some(place) => self.list.remove(place).severity,
            None => severity,
        };
        self.left_off += 1;
        self.worst = Some(self.worst.map_or(left_off, |worst| worst.min(left_off)));
        self.list.len() < MOST_FINDINGS
    }

    fn keep(&mut self, mut finding: Finding) {
        cut(&mut finding.message);
        cut(&mut finding.reason);
        finding.remedies.iter_mut().for_each(cut);
        self.list.push(finding);
    }

    /// Says whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns them, sorted by place, each once.
    pub fn finish(mut self) -> Vec<Finding> {
        self.list
            .sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
        self.list.dedup();
        if let Some(worst) = self.worst {
            let message = format!("{} more findings are not shown", self.left_off);
            self.list.push(
                Finding::new(code::TOO_MANY_FINDINGS, worst, message)
                    .because(format!("after {MOST_FINDINGS} the rest is mostly the same again"))
                    .fix("mend the first ones and check again"),
            );
        }
        self.list
    }
}

/// Nobody reads a word of a megabyte, and two hundred of them would fill the memory.
fn cut(text: &mut String) {
    if text.len() > LONGEST_WORDS {
        let end = (0..=LONGEST_WORDS)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or_default();
        text.truncate(end);
        text.shrink_to_fit();
        text.push('…');
    }
}
