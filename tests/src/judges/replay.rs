//! How does a recording answer as if it were the service?
//!
//! It goes through its exchanges in their order. A change is answered only by the next recorded change of the same verb
//! and path; every other change is one too many. A read is answered by what was recorded next before the next change,
//! else by what was recorded last; a poll that comes more often than the recorder's sees the same answer again.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use leeward_cli::rehearsal::Answers;
use leeward_simulator::Outcome;
use serde_json::{Value, json};

/// A change as it was sent or recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The verb.
    pub method: String,
    /// The path, its case folded.
    pub path: String,
    /// What the query says beside the api-version and what signs it.
    pub query: Vec<String>,
    /// The body.
    pub body: Value,
}

/// An answer that stands in for one that was never recorded.
#[derive(Clone, Debug)]
pub struct Supplement {
    /// From which exchange on it is given.
    pub from: usize,
    /// Up to which.
    pub to: usize,
    /// The end of the path, its case folded.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// A recording that answers.
#[derive(Debug)]
pub struct Replayer {
    exchanges: Vec<Value>,
    first: usize,
    end: usize,
    supplements: Vec<Supplement>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: usize,
    changes: Vec<Change>,
    surplus: Vec<Change>,
    unknown: Vec<String>,
}

impl Replayer {
    /// Makes the exchanges from `first` up to `end` answer; what is before them was, too.
    pub fn new(exchanges: Vec<Value>, first: usize, end: usize, supplements: Vec<Supplement>) -> Replayer {
        Replayer {
            exchanges,
            first,
            end,
            supplements,
            state: Mutex::new(State {
                next: first,
                changes: Vec::new(),
                surplus: Vec::new(),
                unknown: Vec::new(),
            }),
        }
    }

    /// Returns the changes that were recorded.
    pub fn recorded(&self) -> Vec<Change> {
        let range = self.exchanges.get(self.first..self.end).unwrap_or_default();
        range.iter().filter(|one| is_change(one)).map(change).collect()
    }

    /// Returns the changes that were sent, those that nobody recorded included.
    pub fn sent(&self) -> Vec<Change> {
        self.state().changes.clone()
    }

    /// Returns the changes that were not recorded here.
    pub fn surplus(&self) -> Vec<Change> {
        self.state().surplus.clone()
    }

    /// Returns what was read and never recorded.
    pub fn unknown(&self) -> Vec<String> {
        self.state().unknown.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_answer(&self, request: &http::Request<Bytes>) -> Value {
        let mut state = self.state();
        let asked = asked(request);
        let fits = |place: &usize| {
            self.exchanges
                .get(*place)
                .is_some_and(|one| one["method"] == asked.method.as_str() && path_of(one) == asked.path)
        };
        if asked.method != "GET" && !only_reads(&asked.path) {
            state.changes.push(asked.clone());
            let place =
                (state.next..self.end).find(|place| fits(place) && is_change(&self.exchanges[*place]));
            return match place {
                Some(place) => {
                    state.next = place + 1;
                    self.exchanges[place].clone()
                }
                None => {
                    state.surplus.push(asked);
                    refusal(409, "NotRecorded")
                }
            };
        }
        let until = (state.next..self.end)
            .find(|place| is_change(&self.exchanges[*place]))
            .unwrap_or(self.end);
        if let Some(place) = (state.next..until).find(fits) {
            state.next = place + 1;
            return self.exchanges[place].clone();
        }
        let here =
            |one: &&Supplement| (one.from..one.to).contains(&state.next) && asked.path.ends_with(&one.path);
        if let Some(found) = self.supplements.iter().find(here) {
            return json!({"status": found.status, "responseHeaders": {}, "responseBody": found.body});
        }
        if let Some(place) = (0..state.next).rev().find(fits) {
            return self.exchanges[place].clone();
        }
        let read = format!("{} {}", asked.method, asked.path);
        if !state.unknown.contains(&read) {
            eprintln!("read and never recorded: {read}");
            state.unknown.push(read);
        }
        refusal(404, "ResourceNotFound")
    }
}

#[async_trait]
impl Answers for Replayer {
    async fn answer(&self, request: http::Request<Bytes>) -> Outcome {
        let host = request
            .uri()
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default();
        let answer = self.next_answer(&request);
        let status = answer["status"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok());
        let mut response = http::Response::builder().status(status.unwrap_or(500));
        // The host is the caller's own: what was recorded is another.
        let here = |text: &str| text.replace("https://management.azure.com", &format!("http://{host}"));
        for (name, value) in answer["responseHeaders"].as_object().into_iter().flatten() {
            if let Some(value) = value.as_str() {
                response = response.header(name.as_str(), here(value));
            }
        }
        let body = match &answer["responseBody"] {
            Value::Null => Bytes::new(),
            Value::String(text) => Bytes::from(here(text)),
            body => Bytes::from(here(&body.to_string())),
        };
        let response = response.body(body);
        Outcome::Answered(response.unwrap_or_else(|error| panic!("a recorded answer: {error}")))
    }
}

fn refusal(status: u16, code: &str) -> Value {
    json!({"status": status, "responseHeaders": {"content-type": "application/json"}, "responseBody": {
        "error": {"code": code, "message": "this is not in the recording"},
    }})
}

fn asked(request: &http::Request<Bytes>) -> Change {
    Change {
        method: request.method().to_string(),
        path: request.uri().path().to_lowercase(),
        query: meant(request.uri().query().unwrap_or_default()),
        body: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
    }
}

fn change(exchange: &Value) -> Change {
    let uri = exchange["uri"].as_str().unwrap_or_default();
    let body = match &exchange["requestBody"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        body => body.clone(),
    };
    Change {
        method: exchange["method"].as_str().unwrap_or_default().to_owned(),
        path: path_of(exchange),
        query: meant(uri.split_once('?').map_or("", |(_, query)| query)),
        body,
    }
}

/// What a query means, whatever version it asks for and whoever signed it.
fn meant(query: &str) -> Vec<String> {
    let pairs = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !["", "api-version", "t", "c", "s", "h"].contains(&name)
    });
    pairs.map(str::to_owned).collect()
}

/// Returns the path of a recorded exchange, its case folded.
pub fn path_of(exchange: &Value) -> String {
    let uri = exchange["uri"].as_str().unwrap_or_default();
    let path = uri.split('?').next().unwrap_or_default();
    let path = path.strip_prefix("https://management.azure.com").unwrap_or(path);
    path.to_lowercase()
}

/// Returns whether a recorded exchange changed something, or tried to.
pub fn is_change(exchange: &Value) -> bool {
    exchange["method"] != "GET" && !only_reads(&path_of(exchange))
}

fn only_reads(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.starts_with("list") || last.starts_with("check")
}
