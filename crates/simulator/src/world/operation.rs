//! What is a long-running operation, and what happens by itself?

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed {
        /// Azure's code.
        code: String,
        /// Azure's message.
        message: String,
    },
    /// Somebody stopped it.
    Canceled,
}

impl Progress {
    /// Returns whether it is over.
    pub fn over(&self) -> bool {
        *self != Progress::Running
    }

    /// Returns ARM's word for the end.
    pub fn word(&self) -> &'static str {
        match self {
            Progress::Running => "InProgress",
            Progress::Succeeded => "Succeeded",
            Progress::Failed { .. } => "Failed",
            Progress::Canceled => "Canceled",
        }
    }
}

/// A long-running operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// Its GUID (or whatever name its provider gives it), the last segment of its URLs.
    pub id: String,
    /// The served type whose provider runs it, folded.
    pub provider: String,
    /// The region whose provider answers for it.
    pub region: String,
    /// The resource it works on.
    pub subject: String,
    /// What it does, in the provider's word.
    pub verb: String,
    /// The api-version of the request that began it; its URLs carry it.
    pub api_version: String,
    /// Path of the `Azure-AsyncOperation` URL, if the provider gives one.
    pub status_path: Option<String>,
    /// Path of the `Location` URL, if the provider gives one.
    pub result_path: Option<String>,
    /// Further query of both, before the signature: `monitor=true`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// `Retry-After` of the first answer and of polls, where the provider sends it.
    pub retry_after: Option<u32>,
    /// The words for "running", spread evenly over its time.
    pub words: Vec<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it will end, or ended; never where there is none.
    pub ends: Option<Timestamp>,
    /// How far it is.
    pub progress: Progress,
    /// How it will end, if that is settled already (a fault said so).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doom: Option<Progress>,
    /// How long its effects stay invisible to reads, in seconds (a fault said so).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<u64>,
    /// What only its provider knows.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub state: Value,
}

impl Operation {
    /// Returns the provider's word for how far it is now.
    pub fn word(&self, now: Timestamp) -> String {
        if self.progress.over() {
            return self.progress.word().to_owned();
        }
        let share = self.share(now);
        let last = self.words.len().saturating_sub(1);
        // The share is below one and the list is short: the product is a small, positive figure.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let place = (share * self.words.len() as f64) as usize;
        self.words
            .get(place.min(last))
            .cloned()
            .unwrap_or_else(|| "InProgress".to_owned())
    }

    /// Returns which share of its time has passed, from 0 to 1.
    pub fn share(&self, now: Timestamp) -> f64 {
        let Some(ends) = self.ends else { return 0.0 };
        let whole = ends.duration_since(self.started).as_secs_f64();
        let run = now.duration_since(self.started).as_secs_f64();
        if whole <= 0.0 {
            1.0
        } else {
            (run / whole).clamp(0.0, 1.0)
        }
    }
}

/// Something that will happen by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// The served type whose provider brings it about, folded; empty for the core's own.
    pub provider: String,
    /// What; the provider's own word.
    pub what: String,
    /// Whatever else it needs.
    pub data: Value,
}
