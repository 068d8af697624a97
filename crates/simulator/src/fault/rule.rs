//! How is a fault written down?

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::{Health, When};

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    /// Which requests it befalls; all where left out.
    #[serde(rename = "match", default)]
    pub matches: Match,
    /// How often it befalls one; for ever where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What befalls them.
    pub verdict: Verdict,
}

/// Which requests a rule befalls. What is left out matches everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Match {
    /// The verb.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path, without case; `*` is within a segment, `**` is across them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The provider's namespace: `Microsoft.Sql`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The region that serves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether it changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changing: Option<bool>,
    /// Only the n-th request, counted from one, that matches in all other ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
    /// From when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<When>,
}

/// What befalls a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Verdict {
    /// Its answer comes later.
    Delay {
        /// By how much.
        r#for: SignedDuration,
    },
    /// 429.
    Throttle {
        /// `Retry-After`; none where left out, as some providers answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// An error.
    Status {
        /// The status.
        status: u16,
        /// The code; ARM's own for the status where left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The connection is reset before anything is done.
    Reset,
    /// The request is carried out; its answer never arrives.
    AnswerLost {
        /// How the caller finds out.
        #[serde(default)]
        by: By,
    },
    /// What it changes becomes visible to reads only later.
    StaleReads {
        /// By how much; drawn from 0 to 60 s where left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#for: Option<SignedDuration>,
    },
    /// It arrives after its caller gave up, who sees nothing.
    LateDelivery {
        /// How much later; drawn from 31 to 90 s (60 s after a caller who waits for 30 s) where left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<SignedDuration>,
    },
    /// The operation it begins ends badly.
    OperationFails {
        /// Azure's code.
        #[serde(default = "internal")]
        code: String,
        /// Azure's message.
        #[serde(default)]
        message: String,
        /// The part of it that goes wrong: one machine of a recovery plan, one pool of a cluster. All of it where left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
    },
    /// The operation it begins never ends.
    OperationNeverEnds,
    /// A region goes down from `match.from` to `match.to`; the rest of `match` means nothing here.
    RegionDown {
        /// The region.
        region: String,
        /// What it is meanwhile.
        #[serde(default = "gone")]
        is: Health,
    },
}

/// How a caller finds out that no answer will come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// It waits until it gives up.
    #[default]
    Silence,
    /// The connection is reset.
    Reset,
}

fn internal() -> String {
    "InternalServerError".to_owned()
}

fn gone() -> Health {
    Health::Gone
}

/// Reads a list of rules, or a single one, from YAML or JSON.
pub fn rules(text: &str) -> Result<Vec<Rule>, String> {
    let value = match crate::yaml::value(text)? {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        one => vec![one],
    };
    value
        .into_iter()
        .map(|mut rule| {
            // A verdict whose settings are all left out may be written as a bare word.
            if let Some(word) = rule["verdict"].as_str().map(str::to_owned)
                && !matches!(word.as_str(), "reset" | "operation-never-ends")
            {
                rule["verdict"] = serde_json::json!({ word: {} });
            }
            serde_json::from_value(rule).map_err(|error| error.to_string())
        })
        .collect()
}

/// Returns a stretch as the rest of the program counts it; nothing where it is negative.
pub(crate) fn stretch(signed: SignedDuration) -> Duration {
    Duration::try_from(signed).unwrap_or(Duration::ZERO)
}
