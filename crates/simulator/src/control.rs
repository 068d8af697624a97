//! What can be asked of the simulator itself, under `/_simulator/`?
//!
//! | request | does |
//! |---|---|
//! | `GET requests` | every request so far |
//! | `GET hooks` | what was sent to webhooks and the like |
//! | `GET world` | the world as it is |
//! | `GET clock` | the virtual time and the speed |
//! | `POST faults` | adds rules (YAML or JSON) behind those that are there |
//! | `DELETE faults` | takes all rules away |
//! | `POST locks` | puts in locks (YAML or JSON): `{"scope": "/subscriptions/…", "level": "ReadOnly"}` |
//! | `DELETE locks` | takes all locks away |
//! | `POST advance` | turns the clock on: `{"by": "10m"}` |
//! | `POST reprotect` | turns replication round at once for whatever was switched over |
//! | `POST names` | what a resolver says: `{"name": "shop.test", "type": "A"}` |
//! | `POST commands` | what comes of a command: `{"command": ["program", "argument"]}` |

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    fault,
    outcome::Outcome,
    simulator::{Decided, Simulator},
    world::Lock,
};

/// Where the control side lives.
pub(crate) const ROOT: &str = "/_simulator/";

/// Returns whether a request is for the simulator itself.
pub(crate) fn is_control(request: &Request<Bytes>) -> bool {
    request.uri().path().starts_with(ROOT)
}

/// Answers at once; nothing here takes virtual time or is written down.
pub(crate) fn answer(simulator: &Simulator, request: &Request<Bytes>) -> Decided {
    let what = request
        .uri()
        .path()
        .trim_start_matches(ROOT)
        .trim_end_matches('/');
    let (status, body) = match (request.method(), what) {
        (&Method::GET, "requests") => (200, json!(simulator.requests())),
        (&Method::GET, "hooks") => (200, json!(simulator.hooks())),
        (&Method::GET, "world") => (200, json!(simulator.world())),
        (&Method::GET, "clock") => (200, clock(simulator)),
        (&Method::POST, "advance") => advance(simulator, request),
        (&Method::POST, "faults") => faults(simulator, request),
        (&Method::DELETE, "faults") => {
            simulator.clear_faults();
            (200, json!({}))
        }
        (&Method::POST, "locks") => locks(simulator, request),
        (&Method::DELETE, "locks") => {
            simulator.clear_locks();
            (200, json!({}))
        }
        (&Method::POST, "reprotect") => {
            simulator.turn_round();
            (200, clock(simulator))
        }
        (&Method::POST, "commands") => command(simulator, request),
        (&Method::POST, "names") => name(simulator, request),
        _ => (
            404,
            json!({"error": format!("there is no {} {what} here", request.method())}),
        ),
    };
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        "content-type",
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    Decided {
        after: Duration::ZERO,
        outcome: Outcome::Answered(response),
    }
}

fn clock(simulator: &Simulator) -> Value {
    json!({"now": simulator.now(), "speed": simulator.speed()})
}

fn advance(simulator: &Simulator, request: &Request<Bytes>) -> (u16, Value) {
    let by = serde_json::from_slice::<Value>(request.body())
        .ok()
        .and_then(|body| body["by"].as_str().map(str::to_owned))
        .and_then(|by| by.parse::<SignedDuration>().ok())
        .and_then(|by| Duration::try_from(by).ok());
    match by {
        Some(by) => {
            simulator.advance(by);
            (200, clock(simulator))
        }
        None => (400, json!({"error": "say by how much: {\"by\": \"10m\"}"})),
    }
}

fn faults(simulator: &Simulator, request: &Request<Bytes>) -> (u16, Value) {
    match fault::rules(&String::from_utf8_lossy(request.body())) {
        Ok(rules) => {
            let count = rules.len();
            simulator.add_faults(rules);
            (200, json!({"added": count}))
        }
        Err(error) => (400, json!({"error": error})),
    }
}

fn locks(simulator: &Simulator, request: &Request<Bytes>) -> (u16, Value) {
    let read = crate::yaml::value(&String::from_utf8_lossy(request.body())).and_then(|value| {
        let list = match value {
            Value::Array(list) => list,
            one => vec![one],
        };
        serde_json::from_value::<Vec<Lock>>(Value::Array(list)).map_err(|error| error.to_string())
    });
    match read {
        Ok(locks) => {
            let count = locks.len();
            simulator.add_locks(locks);
            (200, json!({"added": count}))
        }
        Err(error) => (400, json!({"error": error})),
    }
}

fn name(simulator: &Simulator, request: &Request<Bytes>) -> (u16, Value) {
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let (Some(name), Some(sort)) = (asked["name"].as_str(), asked["type"].as_str()) else {
        return (
            400,
            json!({"error": "say which name: {\"name\": \"shop.test\", \"type\": \"A\"}"}),
        );
    };
    let found = simulator.resolve(name, sort);
    let known = found.is_some();
    let found = found.unwrap_or_default();
    (
        200,
        json!({"known": known, "through": found.through, "values": found.values, "ttl": found.ttl}),
    )
}

fn command(simulator: &Simulator, request: &Request<Bytes>) -> (u16, Value) {
    let arguments: Option<Vec<String>> = serde_json::from_slice::<Value>(request.body())
        .ok()
        .and_then(|body| serde_json::from_value(body["command"].clone()).ok());
    match arguments {
        Some(arguments) => {
            let outcome = simulator.command(&arguments);
            (
                200,
                json!({"exitCode": outcome.exit_code, "stdout": outcome.stdout, "stderr": outcome.stderr}),
            )
        }
        None => (
            400,
            json!({"error": "say which command: {\"command\": [\"program\", \"argument\"]}"}),
        ),
    }
}
