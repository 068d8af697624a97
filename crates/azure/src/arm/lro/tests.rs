use std::{collections::BTreeSet, time::Duration};

use leeward_engine::work::{OperationUrl, Progress, Sent, Ticket};
use serde_json::{Value, json};

use super::{read::succeeded, result::resource_of, *};
use crate::{
    arm::{ArmError, Method, ReadError, Reply, Request},
    testing::{FakeAzure, azure_api, read_json, recording},
};

const STATUS: &str = "http://127.0.0.1:1/subscriptions/s/ops/1?t=1&s=sig";
const LOCATION: &str = "http://127.0.0.1:1/subscriptions/s/results/1?t=1&s=sig";

fn reply(status: u16, headers: &[(&str, &str)], body: Value) -> Reply {
    Reply {
        status,
        headers: headers
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_string()))
            .collect(),
        body,
    }
}

fn request(method: Method) -> Request {
    Request::new(
        method,
        "/subscriptions/s/resourceGroups/g/providers/P/t/n",
        "2024-01-01",
    )
}

fn accepted(sent: Sent) -> Ticket {
    match sent {
        Sent::Accepted { ticket } => ticket,
        other => panic!("{other:?}"),
    }
}

fn ticket(status: Option<&str>, location: Option<&str>) -> Ticket {
    Ticket {
        status_url: status.map(OperationUrl::new),
        location: location.map(OperationUrl::new),
        job: None,
        detail: Value::Null,
        look_after: None,
    }
}

#[test]
fn a_status_url_makes_even_a_200_unfinished() {
    for status in [200, 201, 202, 204] {
        let sent = read_start(
            &request(Method::Put),
            &reply(
                status,
                &[("azure-asyncoperation", STATUS), ("retry-after", "7")],
                Value::Null,
            ),
        );
        let ticket = accepted(sent);
        assert_eq!(ticket.status_url, Some(OperationUrl::new(STATUS)));
        assert_eq!(ticket.look_after, Some(Duration::from_secs(7)));
    }
}

#[test]
fn a_location_alone_is_polled_whatever_the_success() {
    for (method, status) in [
        (Method::Post, 202),
        (Method::Post, 204),
        (Method::Put, 200),
        (Method::Put, 201),
        (Method::Delete, 202),
    ] {
        let sent = read_start(
            &request(method),
            &reply(status, &[("location", LOCATION)], Value::Null),
        );
        assert_eq!(
            accepted(sent).location,
            Some(OperationUrl::new(LOCATION)),
            "{method} {status}"
        );
    }
    let empty = reply(200, &[("location", " ")], json!({}));
    let done = read_start(&request(Method::Put), &empty);
    assert!(matches!(done, Sent::Finished { .. }), "{done:?}");
}

#[test]
fn a_put_that_is_still_updating_is_polled_by_its_resource() {
    let body = json!({"properties": {"provisioningState": "Updating"}});
    let found = accepted(read_start(&request(Method::Put), &reply(201, &[], body.clone())));
    assert_eq!(
        resource_of(&found),
        Some(Request::get(request(Method::Get).path, "2024-01-01"))
    );
    let post = read_start(&request(Method::Post), &reply(200, &[], body));
    assert!(matches!(post, Sent::Finished { .. }));
    let done = json!({"properties": {"provisioningState": "Succeeded"}});
    assert!(matches!(
        read_start(&request(Method::Put), &reply(200, &[], done)),
        Sent::Finished { .. }
    ));
    assert!(matches!(
        read_start(&request(Method::Put), &reply(200, &[], json!({}))),
        Sent::Finished { .. }
    ));
}

#[test]
fn the_job_of_site_recovery_is_kept_and_no_other_operation_has_one() {
    let guid = "2f3a0c1e-0000-4000-8000-0123456789ab";
    let base = "https://management.azure.com/Subscriptions/s/vaults/v";
    let of = |url: String| job_of(&OperationUrl::new(url));
    assert_eq!(
        of(format!("{base}/replicationOperationStatus/{guid}?api-version=1")),
        Some(guid.to_owned())
    );
    assert_eq!(of(format!("{base}/operations/{guid}?x")), None);
    assert_eq!(of(format!("{base}/replicationOperationStatus/next")), None);
}

#[test]
fn every_word_that_is_not_an_end_means_running() {
    for word in [
        "InProgress",
        "NotStarted",
        "CreatingAgentPools: 0/1 nodes completed",
        "Brand new",
        "",
    ] {
        let progress = read_status(Ok(reply(
            200,
            &[],
            json!({"status": word, "percentComplete": 42.0}),
        )));
        assert!(
            matches!(
                progress,
                Progress::Running {
                    percent: Some(42),
                    ..
                }
            ),
            "{word}: {progress:?}"
        );
    }
    for word in ["Failed", "Canceled", "Cancelled", "fAILED"] {
        let progress = read_status(Ok(reply(200, &[], json!({"status": word}))));
        assert!(
            matches!(progress, Progress::Failed { .. }),
            "{word}: {progress:?}"
        );
    }
}

#[test]
fn an_error_beside_a_success_is_a_warning() {
    let body = json!({"status": "Succeeded", "error": {"code": "45031", "message": "already enabled"}});
    let Progress::Succeeded { warnings, .. } = read_status(Ok(reply(200, &[], body))) else {
        panic!("not succeeded");
    };
    assert_eq!(warnings, ["45031: already enabled"]);
    let quiet = json!({"status": "Succeeded", "error": {"code": "None", "message": null}});
    assert!(matches!(
        read_status(Ok(reply(200, &[], quiet))),
        Progress::Succeeded { warnings, .. } if warnings.is_empty()
    ));
    let running = json!({"status": "InProgress", "error": {"code": "NotLatestOperation", "message": "m"}});
    assert!(matches!(
        read_status(Ok(reply(200, &[], running))),
        Progress::Running { .. }
    ));
}

#[test]
fn a_202_with_a_status_is_decided_by_its_body() {
    let done = read_status(Ok(reply(202, &[], json!({"status": "Succeeded"}))));
    assert!(matches!(done, Progress::Succeeded { .. }));
}

#[test]
fn a_fresh_location_renews_the_ticket() {
    let old = ticket(None, Some(LOCATION));
    let fresh = "http://127.0.0.1:1/subscriptions/s/results/1?t=2&s=other";
    let progress = read_location(
        &old,
        Ok(reply(
            202,
            &[("location", fresh), ("retry-after", "17")],
            Value::Null,
        )),
    );
    let Progress::Running {
        ticket: Some(renewed),
        look_after,
        ..
    } = progress
    else {
        panic!("{progress:?}");
    };
    assert_eq!(renewed.location, Some(OperationUrl::new(fresh)));
    assert_eq!(look_after, Some(Duration::from_secs(17)));
    let same = read_location(&old, Ok(reply(202, &[("location", LOCATION)], Value::Null)));
    assert!(matches!(same, Progress::Running { ticket: None, .. }));
    assert!(matches!(
        read_location(&old, Ok(reply(204, &[], Value::Null))),
        Progress::Succeeded { .. }
    ));
}

#[test]
fn a_poll_that_fails_says_nothing_about_the_operation() {
    for status in [400, 401, 409, 429, 500, 502, 504] {
        let error = ReadError::Answered(ArmError {
            status,
            ..ArmError::default()
        });
        assert!(
            matches!(read_status(Err(error)), Progress::Unreadable { .. }),
            "{status}"
        );
    }
    for status in [403, 404, 410] {
        let error = ReadError::Answered(ArmError {
            status,
            ..ArmError::default()
        });
        assert!(
            matches!(read_status(Err(error)), Progress::Gone { .. }),
            "{status}"
        );
    }
    let unreadable = read_status(Ok(reply(200, &[], json!("<html>"))));
    assert!(matches!(unreadable, Progress::Unreadable { .. }));
}

#[test]
fn a_resource_that_is_being_made_may_be_missing_for_a_while() {
    let missing = ReadError::Answered(ArmError {
        status: 404,
        ..ArmError::default()
    });
    assert!(matches!(read_resource(Err(missing)), Progress::Unreadable { .. }));
    let quiet = read_resource(Ok(reply(200, &[], json!({"properties": {}}))));
    assert!(matches!(quiet, Progress::Succeeded { .. }));
}

#[tokio::test]
async fn the_result_is_read_where_it_stands_and_its_absence_is_no_failure() {
    let azure = FakeAzure::new();
    azure.on("GET", "/ops/1", 200, json!({"status": "Succeeded"}));
    azure.on("GET", "/results/1", 200, json!({"name": "fog"}));
    let both = ticket(Some(STATUS), Some(LOCATION));
    let polled = poll_with_result(&azure.arm(), &both, &FinalState::Location).await;
    assert_eq!(polled.result, Some(json!({"name": "fog"})));
    let elsewhere = FinalState::Resource(Request::get("/subscriptions/s/missing", "1"));
    let polled = poll_with_result(&azure.arm(), &both, &elsewhere).await;
    assert!(matches!(polled.progress, Progress::Succeeded { warnings, .. } if warnings.len() == 1));
    assert_eq!(
        poll_once(&azure.arm(), &both, &FinalState::Status).await,
        succeeded(&Value::Null)
    );
}

#[tokio::test]
async fn a_ticket_that_leads_to_another_host_is_gone_and_never_followed() {
    let azure = FakeAzure::new();
    let elsewhere = "http://127.0.0.1:2/subscriptions/s/ops/1?s=signature";
    for evil in [
        ticket(Some(elsewhere), None),
        ticket(None, Some(elsewhere)),
        ticket(None, Some("//127.0.0.1:2/ops/1")),
    ] {
        let progress = poll_once(&azure.arm(), &evil, &FinalState::Status).await;
        let Progress::Gone { reason } = progress else {
            panic!("{progress:?}");
        };
        assert!(!reason.contains("signature"), "{reason}");
    }
    assert!(azure.seen().is_empty());
}

#[test]
fn the_result_stands_where_the_specification_says_or_where_the_verb_does() {
    let path = request(Method::Get).path;
    let resource = FinalState::Resource(Request::get(path, "2024-01-01"));
    for (method, via, expected) in [
        (Method::Post, Some("location"), FinalState::Location),
        (Method::Post, None, FinalState::Location),
        (Method::Post, Some("azure-async-operation"), FinalState::Status),
        (Method::Put, Some("azure-async-operation"), resource.clone()),
        (Method::Put, Some("original-uri"), resource.clone()),
        (Method::Put, None, resource.clone()),
        (Method::Patch, Some("location"), FinalState::Location),
        (Method::Patch, None, resource),
        (Method::Delete, None, FinalState::Status),
        (Method::Delete, Some("location"), FinalState::Location),
    ] {
        assert_eq!(
            FinalState::of(&request(method), via),
            expected,
            "{method} {via:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_poller_waits_as_long_as_azure_asks_and_as_the_official_client_where_it_does_not() {
    let azure = FakeAzure::new();
    let running = |headers| (200, headers, json!({"status": "Moving"}));
    azure.on_with("GET", "/ops/1", running(vec![("retry-after", "17".to_owned())]));
    azure.on_with(
        "GET",
        "/ops/1",
        running(vec![("x-ms-retry-after-ms", "1500".to_owned())]),
    );
    azure.on_with("GET", "/ops/1", running(Vec::new()));
    azure.on_with(
        "GET",
        "/ops/1",
        running(vec![("retry-after", "86400".to_owned())]),
    );
    azure.on("GET", "/ops/1", 200, json!({"status": "Succeeded"}));
    let mut first = ticket(Some(STATUS), None);
    first.look_after = Some(Duration::from_secs(3));
    let arm = azure.arm();
    let start = tokio::time::Instant::now();
    let mut at = Vec::new();
    let mut poller = Poller::new(&arm, first);
    let ended = poller.wait(|_, _| at.push(start.elapsed().as_millis())).await;
    assert!(matches!(ended, Ended::Succeeded { .. }), "{ended:?}");
    assert_eq!(at, [3_000, 20_000, 21_500, 51_500, 651_500]);
}

#[tokio::test(start_paused = true)]
async fn patience_that_ends_says_nothing_of_the_operation_and_leaves_the_ticket() {
    let azure = FakeAzure::new();
    azure.on("GET", "/ops/1", 200, json!({"status": "Moving"}));
    let arm = azure.arm();
    let mut poller = Poller::new(&arm, ticket(Some(STATUS), None)).patience(Duration::from_secs(70));
    let ended = poller.wait(|_, _| {}).await;
    let Ended::StillRunning { last } = ended else {
        panic!("{ended:?}");
    };
    assert!(matches!(last, Progress::Running { word, .. } if word == "Moving"));
    assert_eq!(azure.seen().len(), 2);
    assert_eq!(poller.ticket().status_url, Some(OperationUrl::new(STATUS)));
}

/// Follows every recorded operation from its start to its end.
#[test]
fn every_recorded_operation_is_followed_to_its_end() {
    let Some(folder) = azure_api() else {
        assert!(recording("none").is_empty());
        return;
    };
    let (mut started, mut ended) = (0, 0);
    for entry in std::fs::read_dir(folder.join("recordings")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let mut status_urls = BTreeSet::new();
        for exchange in recording(file.trim_end_matches(".json")) {
            let answer = recorded(&exchange);
            let method = exchange["method"].as_str().unwrap_or_default();
            let url = exchange["uri"].as_str().unwrap_or_default();
            if method != "GET" && answer.succeeded() {
                if let Some(status_url) = answer.header("azure-asyncoperation") {
                    status_urls.insert(plain(status_url));
                    started += 1;
                    let sent = read_start(&request(verb(method)), &answer);
                    assert!(accepted(sent).status_url.is_some(), "{file}: {method} {url}");
                }
            } else if status_urls.contains(&plain(url)) && !url.contains("monitor=true") && answer.succeeded()
            {
                // (Compute gives `Location` the very same path and tells the two apart by the query.)
                match read_status(Ok(answer)) {
                    Progress::Running { .. } => {}
                    Progress::Succeeded { .. } | Progress::Failed { .. } => ended += 1,
                    other => panic!("{file}: {url}: {other:?}"),
                }
            }
        }
    }
    assert!(started > 40 && ended > 40, "{started} started, {ended} ended");
}

#[test]
fn every_recorded_error_gives_its_code() {
    let Some(file) = read_json("derived/observed-errors.json") else {
        return;
    };
    let all = file
        .as_array()
        .or_else(|| file["errors"].as_array())
        .unwrap()
        .clone();
    assert!(all.len() > 200);
    for seen in all {
        let Some(code) = seen["code"].as_str() else {
            continue;
        };
        let status = seen["http"].as_u64().unwrap() as u16;
        let read = ArmError::of(&reply(status, &[], seen["body"].clone()));
        // An empty recorded body has no code to find.
        if !seen["body"].is_null() && seen["body"] != json!("") {
            assert_eq!(read.code, code, "{}", seen["body"]);
        }
    }
}

fn recorded(exchange: &Value) -> Reply {
    let headers = exchange["responseHeaders"].as_object().into_iter().flatten();
    let mut body = exchange["responseBody"].clone();
    if body == json!("") {
        body = Value::Null;
    }
    Reply {
        status: exchange["status"].as_u64().unwrap() as u16,
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        body,
    }
}

fn plain(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_lowercase()
}

fn verb(word: &str) -> Method {
    match word {
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Post,
    }
}
