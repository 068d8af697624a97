//! What a later Azure, or an odd one, answers: official lists, recorded polls and recorded errors, each changed in every
//! place, are read, and never fatal.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use leeward_azure::{
    arm::{Arm, ArmError, Endpoint, Reply, Request, SystemClock, lro},
    credential::Credential,
};
use leeward_engine::work::Progress;
use serde_json::{Value, json};
use support::{Server, answer};

/// Returns the folder of official data; nothing, and loudly, where this machine has none.
fn azure_api(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LEEWARD_AZURE_API").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/azure-api"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("passed over: {test}; LEEWARD_AZURE_API names the folder of Azure's official data");
    None
}

fn json_of(path: PathBuf) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// Every pointer into a value that leads to a field of an object.
fn fields(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                found.push(place.clone());
                fields(inner, &place, found);
            }
        }
        Value::Array(items) => {
            for (number, inner) in items.iter().enumerate() {
                fields(inner, &format!("{at}/{number}"), found);
            }
        }
        _ => {}
    }
}

/// Returns the 200 bodies of all official examples of lists.
fn lists(folder: &std::path::Path) -> Vec<(String, Value)> {
    let operations = json_of(folder.join("derived/spec-operations.json")).unwrap();
    let mut lists = Vec::new();
    for operation in operations["operations"].as_array().unwrap() {
        if operation["method"] != "GET" {
            continue;
        }
        let file = folder.join(operation["file"].as_str().unwrap());
        for example in operation["examples"].as_array().into_iter().flatten() {
            let path = file.parent().unwrap().join(example.as_str().unwrap());
            let name = format!(
                "{} {}",
                operation["operationId"].as_str().unwrap(),
                path.display()
            );
            let body = json_of(path).map(|example| example["responses"]["200"]["body"].clone());
            if let Some(body) = body.filter(|body| body["value"].is_array()) {
                lists.push((name, body));
            }
        }
    }
    lists
}

#[tokio::test]
async fn every_official_list_is_read_to_its_last_entry_whatever_stands_beside_it() {
    let Some(folder) = azure_api("official lists") else {
        return;
    };
    let body: Arc<Mutex<String>> = Arc::default();
    let served = body.clone();
    let server = Server::start(move |_| answer("200 OK", &[], &served.lock().unwrap())).await;
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    let arm = Arm::new(
        endpoint,
        Credential::simulator(),
        None,
        Arc::new(SystemClock::new()),
    )
    .unwrap();
    let request = Request::get("/subscriptions/s/things", "1");
    let lists = lists(&folder);
    assert!(lists.len() > 30, "{}", lists.len());
    for (name, list) in lists {
        let mut entries = list["value"].as_array().unwrap().clone();
        // Neighbours of kinds, and with words, that nobody knows.
        entries
            .push(json!({"type": "Microsoft.NextYear/things", "properties": {"instanceType": "NextYear"}}));
        entries.push(json!({"id": null, "name": null, "properties": null}));
        entries.push(json!("not even an object"));
        for next in [json!(null), json!(""), json!({"unexpected": true})] {
            let served = json!({"value": entries, "nextLink": next, "aFieldOfNextYear": {}});
            *body.lock().unwrap() = served.to_string();
            let read = arm
                .list(&request)
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            // (Numbers are compared by nobody: they change in the last place on their way through text.)
            let names = |list: &[Value]| list.iter().map(|one| one["name"].clone()).collect::<Vec<_>>();
            assert_eq!(names(&read), names(&entries), "{name}");
        }
    }
}

/// Returns every recorded answer to a poll of a status URL.
fn polls(folder: &std::path::Path) -> Vec<Value> {
    let mut polls = Vec::new();
    for entry in std::fs::read_dir(folder.join("recordings")).unwrap() {
        let recording = json_of(entry.unwrap().path()).unwrap_or_default();
        for exchange in recording["interactions"].as_array().into_iter().flatten() {
            let uri = exchange["uri"].as_str().unwrap_or_default().to_lowercase();
            let status = ["operationstatus", "asyncoperation", "/operations/"];
            let body = &exchange["responseBody"];
            if exchange["method"] == "GET"
                && status.iter().any(|word| uri.contains(word))
                && body["status"].is_string()
            {
                polls.push(body.clone());
            }
        }
    }
    polls
}

fn read(body: &Value) -> Progress {
    let reply = Reply {
        status: 200,
        headers: Vec::new(),
        body: body.clone(),
    };
    lro::read_status(Ok(reply))
}

#[test]
fn a_recorded_poll_means_the_same_whatever_else_it_says_or_leaves_out() {
    let Some(folder) = azure_api("recorded polls") else {
        return;
    };
    let polls = polls(&folder);
    assert!(polls.len() > 100, "{}", polls.len());
    for body in polls {
        let kind = std::mem::discriminant(&read(&body));
        let mut places = Vec::new();
        fields(&body, "", &mut places);
        for place in places {
            for value in [
                Value::Null,
                json!("AWordOfNextYear"),
                json!({"deep": [1]}),
                json!(7),
            ] {
                let mut changed = body.clone();
                *changed.pointer_mut(&place).unwrap() = value.clone();
                changed["aFieldOfNextYear"] = json!({"x": 1});
                let progress = read(&changed);
                if place == "/status" {
                    let settled = matches!(progress, Progress::Succeeded { .. } | Progress::Failed { .. });
                    // (The properties of some say once more that it has ended.)
                    let again = body.pointer("/properties/provisioningState").is_some();
                    assert!(!settled || again, "{value} proved {progress:?} in {body}");
                } else {
                    assert_eq!(
                        std::mem::discriminant(&progress),
                        kind,
                        "{place} {value} in {body}"
                    );
                }
            }
        }
    }
}

/// The same error as other providers would write it.
fn shapes(code: &str, message: &str) -> Vec<Value> {
    vec![
        json!({"error": {"code": code, "message": message, "details": null, "additionalInfo": [], "new": 1}}),
        json!({"error": {"Code": code, "Message": message}}),
        json!({"Error": {"Code": code, "Message": message}}),
        json!({"code": code, "message": message, "details": [], "subcode": ""}),
        json!({"Code": code, "Message": message, "Target": null}),
        json!({"error": {"code": code, "message": {"Language": "en-US", "Value": message}}}),
        json!({"code": code, "message": {"lang": "en", "value": message}}),
        json!(json!({"error": {"code": code, "message": message}}).to_string()),
    ]
}

#[test]
fn an_error_is_read_in_every_shape_and_its_wait_with_it() {
    for code in ["Throttled", "429"] {
        let message = "Too many requests. Please try again after '324' seconds.";
        for body in shapes(code, message) {
            let error = ArmError::of(&Reply {
                status: 429,
                headers: Vec::new(),
                body: body.clone(),
            });
            assert_eq!(
                (error.code.as_str(), error.message.as_str()),
                (code, message),
                "{body}"
            );
            let text = body.is_string();
            assert!(
                text || error.retry_after.is_some_and(|wait| wait.as_secs() == 324),
                "{body}"
            );
        }
    }
    for (bytes, code, message) in [
        (&b""[..], "BadGateway", "HTTP 502"),
        (b" \r\n", "BadGateway", "HTTP 502"),
        (b"upstream connect error", "BadGateway", "upstream connect error"),
        (b"[]", "BadGateway", "HTTP 502"),
        (b"null", "BadGateway", "HTTP 502"),
        (br#"{"error":{"code":502}}"#, "502", "HTTP 502"),
        (br#"{"error":null,"message":"m"}"#, "BadGateway", "m"),
    ] {
        let error = ArmError::of(&Reply::of_bytes(502, Vec::new(), bytes));
        assert_eq!((error.code.as_str(), error.message.as_str()), (code, message));
    }
}

#[test]
fn every_recorded_error_is_read_with_any_of_its_fields_missing_or_strange() {
    let Some(folder) = azure_api("recorded errors") else {
        return;
    };
    let file = json_of(folder.join("derived/observed-errors.json")).unwrap();
    let all = file.as_array().or_else(|| file["errors"].as_array()).unwrap();
    let mut read = 0;
    for seen in all {
        let status = seen["http"].as_u64().unwrap_or(500) as u16;
        let mut places = Vec::new();
        fields(&seen["body"], "", &mut places);
        for place in places {
            for value in [
                Value::Null,
                json!("AWordOfNextYear"),
                json!([{"deep": 1}]),
                json!(7),
            ] {
                let mut body = seen["body"].clone();
                *body.pointer_mut(&place).unwrap() = value;
                let error = ArmError::of(&Reply {
                    status,
                    headers: Vec::new(),
                    body,
                });
                assert_eq!(error.status, status);
                assert!(
                    !error.code.is_empty() && !error.message.is_empty(),
                    "{place} of {seen}"
                );
                read += 1;
            }
        }
    }
    assert!(read > 1000, "{read}");
}
