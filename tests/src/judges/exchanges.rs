//! Which exchanges are to be judged?

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use leeward_simulator::{Exchange, Simulator};
use serde_json::{Value, json};

/// Exchanges with a simulated world, in their order.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    all: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorded {
    /// Records what a simulator is asked from now on.
    pub fn of(simulator: &Simulator) -> Recorded {
        let recorded = Recorded::default();
        let all = recorded.all.clone();
        simulator.record(move |exchange| {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(exchange.clone());
        });
        recorded
    }

    /// Returns what was recorded so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Which half of an exchange is ours to answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The request was made by our drivers, the answer by our simulator.
    Both,
    /// The request is somebody else's, or wrong on purpose.
    Answer,
}

/// Exchanges for a judge, none of them twice.
#[derive(Debug, Default)]
pub struct Docket {
    lines: Vec<Value>,
    seen: BTreeSet<String>,
}

impl Docket {
    /// Makes an empty one.
    pub fn new() -> Docket {
        Docket::default()
    }

    /// Adds what went on in one world, in its order. Reads that were answered alike are judged once.
    pub fn add(&mut self, world: &str, exchanges: &[Exchange], judged: Judged) {
        for exchange in exchanges {
            let whole = serde_json::to_value(exchange).unwrap_or_else(|error| panic!("{error}"));
            self.add_value(world, whole, judged);
        }
    }

    /// Adds one exchange in the form that `--record` writes.
    pub fn add_value(&mut self, world: &str, mut whole: Value, judged: Judged) {
        let method = whole["liveRequest"]["method"].as_str().unwrap_or_default();
        if method == "GET" && !self.seen.insert(alike(&whole)) {
            return;
        }
        let halves = match judged {
            Judged::Both => json!(["request", "response"]),
            Judged::Answer => json!(["response"]),
        };
        whole["id"] = json!(self.lines.len());
        whole["world"] = json!(world);
        whole["judge"] = halves;
        self.lines.push(whole);
    }

    /// Returns the lines, each an object with its place as `id`.
    pub fn lines(&self) -> &[Value] {
        &self.lines
    }
}

/// What makes two reads the same to a judge.
fn alike(exchange: &Value) -> String {
    let response = &exchange["liveResponse"];
    let names: Vec<&String> = response["headers"]
        .as_object()
        .map(|headers| headers.keys().collect())
        .unwrap_or_default();
    format!(
        "{} {} {} {names:?} {}",
        exchange["judge"], exchange["liveRequest"]["url"], response["statusCode"], response["body"]
    )
}

/// Returns what a request asks for, without the names in it: the verb, the type and the api-version.
pub fn route(exchange: &Value) -> String {
    let url = exchange["liveRequest"]["url"].as_str().unwrap_or_default();
    let method = exchange["liveRequest"]["method"].as_str().unwrap_or_default();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let version = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("api-version="));
    let kind = match path.rsplit_once("/providers/") {
        Some((_, rest)) => {
            let mut words = rest.split('/');
            let namespace = words.next().unwrap_or_default().to_owned();
            let types = words.enumerate().filter(|(place, _)| place % 2 == 0);
            let types: Vec<&str> = types.map(|(_, word)| word).collect();
            format!("{namespace}/{}", types.join("/"))
        }
        None => {
            let words = path.split('/').skip(3).enumerate();
            let types = words.filter(|(place, _)| place % 2 == 0);
            types.map(|(_, word)| word).collect::<Vec<_>>().join("/")
        }
    };
    format!("{method} {kind} {}", version.unwrap_or("no api-version"))
}
