//! What the checker has to say: code, severity, place, reason and remedy.

mod code;
mod collect;
mod render;

pub use code::{Code, codes, explain, title};
pub use collect::{Findings, MOST_FINDINGS, Source};
pub use render::{to_json, to_text};

/// The codes by name.
pub use code::list as code_list;

use serde::Serialize;

use crate::journey::Journey;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The runbook cannot be planned.
    Error,
    /// It can, but a bad day would show something that nobody wants.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Returns the word that stands before the code.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters from 1.
    pub column: u32,
    /// The first byte.
    pub start: u32,
    /// The byte behind the last.
    pub end: u32,
}

/// A second place that belongs to a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is there.
    pub label: String,
}

/// One thing that the checker has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its code; `leeward explain` has a page for it.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one line without a full stop.
    pub message: String,
    /// Where; missing for what has no place in a file, such as a parameter of the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The line of the file, trimmed and cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why that is wrong.
    pub reason: String,
    /// What to do, likeliest first.
    pub remedies: Vec<String>,
    /// The journeys that it concerns; every one when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<Journey>,
    /// Other places that belong to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
}

impl Finding {
    /// Makes a finding without a place; see [`Findings`] for those with one.
    pub fn new(code: Code, severity: Severity, message: impl Into<String>) -> Finding {
        Finding {
            code,
            severity,
            message: message.into(),
            place: None,
            text: None,
            reason: String::new(),
            remedies: Vec::new(),
            journeys: Vec::new(),
            related: Vec::new(),
        }
    }

    /// Makes one that stops a plan.
    pub fn error(code: Code, message: impl Into<String>) -> Finding {
        Finding::new(code, Severity::Error, message)
    }

    /// Makes one that warns.
    pub fn warning(code: Code, message: impl Into<String>) -> Finding {
        Finding::new(code, Severity::Warning, message)
    }

    /// Makes one that tells.
    pub fn note(code: Code, message: impl Into<String>) -> Finding {
        Finding::new(code, Severity::Note, message)
    }

    /// Says which journey alone it concerns.
    #[must_use]
    pub fn only_in(mut self, journeys: &[Journey]) -> Finding {
        self.journeys = journeys.to_vec();
        self
    }

    /// Says whether a plan for a journey must be refused because of it.
    pub fn stops(&self, journey: Journey) -> bool {
        self.severity == Severity::Error && self.concerns(journey)
    }

    /// Says whether it has anything to do with a journey.
    pub fn concerns(&self, journey: Journey) -> bool {
        self.journeys.is_empty() || self.journeys.contains(&journey)
    }

    /// Says why it is wrong.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Finding {
        self.reason = reason.into();
        self
    }

    /// Adds a remedy; the likeliest comes first.
    #[must_use]
    pub fn fix(mut self, remedy: impl Into<String>) -> Finding {
        self.remedies.push(remedy.into());
        self
    }

    /// Adds `did you mean …`, where something is near.
    #[must_use]
    pub fn did_you_mean(self, nearest: Option<&str>) -> Finding {
        match nearest {
            Some(nearest) => self.fix(format!("did you mean `{nearest}`?")),
            None => self,
        }
    }
}

/// Returns the known word that is nearest to what was written, where one is near enough.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > 100 {
        return None;
    }
    let folded = written.to_ascii_lowercase().replace(['_', ' '], "-");
    // A runbook may have ten thousand names; the hint is not worth looking at all of them.
    known
        .into_iter()
        .take(2_000)
        .filter(|word| word.len() < 100)
        .map(|word| {
            let contained =
                folded.len() > 3 && (word.contains(&folded) || folded.contains(word) && word.len() > 3);
            let score = strsim::jaro_winkler(&folded, word).max(if contained { 0.9 } else { 0.0 });
            (score, word)
        })
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}
