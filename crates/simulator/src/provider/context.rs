//! What may a provider do to the world while it answers?

use std::time::Duration;

use jiff::{Timestamp, TimestampRound, Unit};
use serde_json::Value;

use crate::{
    arm::Answer,
    clock::later,
    draw::Seed,
    fault::{Fate, OperationFate},
    provider::Failure,
    world::{Happening, Health, Operation, Progress, Resource, World},
};

/// The world, for as long as one answer takes.
pub struct Context<'a> {
    /// Everything there is.
    pub world: &'a mut World,
    /// The virtual time.
    pub now: Timestamp,
    /// The seed; prefer [`Context::around`].
    pub seed: Seed,
    /// What this request or happening is called in draws.
    pub(crate) key: String,
    /// Scheme and authority for absolute URLs.
    pub(crate) base: String,
    /// Virtual seconds for each of the caller's.
    pub(crate) speed: u32,
    /// What faults do to operations begun now.
    pub(crate) fate: Fate,
}

/// What a long-running operation is begun with.
#[derive(Clone, Debug)]
pub struct Begin {
    /// The served type whose provider runs it, folded.
    pub provider: &'static str,
    /// The region whose provider answers for it.
    pub region: String,
    /// The resource it works on.
    pub subject: String,
    /// What it does, in the provider's word.
    pub verb: String,
    /// The api-version of the request.
    pub api_version: String,
    /// Path of the `Azure-AsyncOperation` URL without the last segment.
    pub status_under: Option<String>,
    /// Path of the `Location` URL without the last segment.
    pub result_under: Option<String>,
    /// What stands behind the last segment of the `Location` URL.
    pub result_behind: String,
    /// Further query of both.
    pub query: &'static str,
    /// `Retry-After`, where the provider sends it.
    pub retry_after: Option<u32>,
    /// The words for "running", in order; `InProgress` where there is none.
    pub words: Vec<String>,
    /// How long it takes.
    pub lasts: Duration,
    /// What only the provider knows.
    pub state: Value,
}

impl Begin {
    /// Begins with nothing but who, what and how long.
    pub fn new(
        provider: &'static str,
        region: &str,
        subject: &str,
        verb: &str,
        api_version: &str,
        lasts: Duration,
    ) -> Begin {
        Begin {
            provider,
            region: region.to_owned(),
            subject: subject.to_owned(),
            verb: verb.to_owned(),
            api_version: api_version.to_owned(),
            status_under: None,
            result_under: None,
            result_behind: String::new(),
            query: "",
            retry_after: None,
            words: Vec::new(),
            lasts,
            state: Value::Null,
        }
    }
}

impl Context<'_> {
    /// Begins an operation. Its provider's `finish` brings about the effect when its time has come.
    pub fn begin(&mut self, begin: Begin) -> Operation {
        let (doom, never) = match &self.fate.operation {
            OperationFate::Ordinary => (None, false),
            OperationFate::NeverEnds => (None, true),
            // A provider that knows no parts lets the whole fail.
            OperationFate::Fails(failure) | OperationFate::FailsInPart(failure, _) => (
                Some(Progress::Failed {
                    code: failure.code.clone(),
                    message: failure.message.clone(),
                }),
                false,
            ),
        };
        let id = self
            .seed
            .guid(&format!("{}/{}/operation", self.key, begin.verb))
            .to_string();
        let ends = (!never).then(|| later(self.now, begin.lasts));
        let under = |path: Option<String>| path.map(|path| format!("{path}/{id}"));
        let words = match begin.words.is_empty() {
            true => vec!["InProgress".to_owned()],
            false => begin.words,
        };
        let operation = Operation {
            provider: begin.provider.to_owned(),
            region: begin.region,
            subject: begin.subject,
            verb: begin.verb,
            api_version: begin.api_version,
            status_path: under(begin.status_under),
            result_path: under(begin.result_under).map(|path| path + &begin.result_behind),
            query: begin.query.to_owned(),
            retry_after: begin.retry_after,
            words,
            started: self.now,
            ends,
            progress: Progress::Running,
            doom,
            stale: self.fate.stale.map(|stale| stale.as_secs()),
            state: begin.state,
            id: id.clone(),
        };
        self.world.operations.insert(id.clone(), operation.clone());
        if let Some(at) = ends {
            self.world.schedule(Happening {
                at,
                provider: String::new(),
                what: "operation-ends".to_owned(),
                data: Value::String(id),
            });
        }
        operation
    }

    /// Takes out what a fault has in mind for one part of the operation that is begun next, and the part's name.
    pub(crate) fn part_that_fails(&mut self) -> Option<(Failure, String)> {
        match self.fate.operation.clone() {
            OperationFate::FailsInPart(failure, part) => {
                self.fate.operation = OperationFate::Ordinary;
                Some((failure, part))
            }
            _ => None,
        }
    }

    /// Adds an operation's URLs and `Retry-After` to an answer.
    pub fn links(&self, mut answer: Answer, operation: &Operation) -> Answer {
        for (name, path) in [
            ("azure-asyncoperation", &operation.status_path),
            ("location", &operation.result_path),
        ] {
            if let Some(path) = path {
                answer = answer.header(name, self.signed(path, operation, is_monitor(name, operation)));
            }
        }
        match operation.retry_after {
            Some(seconds) => answer.header("retry-after", seconds.to_string()),
            None => answer,
        }
    }

    /// Adds a fresh `Location` alone.
    pub fn located(&self, answer: Answer, operation: &Operation) -> Answer {
        match &operation.result_path {
            Some(path) => {
                let monitor = is_monitor("location", operation);
                answer.header("location", self.signed(path, operation, monitor))
            }
            None => answer,
        }
    }

    /// Returns an operation URL as ARM gives it out: absolute, signed, some 3.6 kB long.
    fn signed(&self, path: &str, operation: &Operation, monitor: bool) -> String {
        // Ticks of 100 ns since the year 1, as .NET counts them.
        let ticks = self.now.as_nanosecond() / 100 + 621_355_968_000_000_000;
        let more = match operation.query.is_empty() {
            true => String::new(),
            false => format!("{}&", operation.query),
        };
        let more = if monitor {
            format!("monitor=true&{more}")
        } else {
            more
        };
        format!(
            "{}{path}?{more}api-version={}&t={ticks}&c={}&s={}&h={}",
            self.base,
            operation.api_version,
            self.seed.letters("certificate", 2_700),
            self.seed.letters(&signed_text(path, &ticks.to_string()), 342),
            self.seed.letters(&format!("hash/{path}/{ticks}"), 43),
        )
    }

    /// Schedules something for a provider's `happen`.
    pub fn schedule(&mut self, provider: &str, after: Duration, what: &str, data: Value) {
        self.world.schedule(Happening {
            at: later(self.now, after),
            provider: provider.to_owned(),
            what: what.to_owned(),
            data,
        });
    }

    /// Draws a stretch of time around a mean, 20 % to either side.
    pub fn around(&self, what: &str, mean: Duration) -> Duration {
        self.seed.around(&format!("{}/{what}", self.key), mean, 20)
    }

    /// Draws a GUID that belongs to this request.
    pub fn guid(&self, what: &str) -> String {
        self.seed.guid(&format!("{}/{what}", self.key)).to_string()
    }

    /// Returns how a region is now.
    pub fn health(&self, region: &str) -> Health {
        self.world.health(region, self.now)
    }

    /// Returns a resource as reads see it now.
    pub fn seen(&self, id: &str) -> Option<&Resource> {
        self.world.seen(id, self.now)
    }

    /// Returns a moment as bodies show it, to the millisecond.
    pub fn time(&self, moment: Timestamp) -> String {
        moment
            .round(TimestampRound::new().smallest(Unit::Millisecond))
            .unwrap_or(moment)
            .to_string()
    }
}

/// Returns whether a URL must say that it leads to the result: where both have one path. Recorded for Compute.
fn is_monitor(name: &str, operation: &Operation) -> bool {
    name == "location" && operation.status_path == operation.result_path
}

/// What a signature is drawn from.
pub(crate) fn signed_text(path: &str, ticks: &str) -> String {
    format!("signature/{}/{ticks}", path.to_lowercase())
}
