//! What does a poll's answer say: a word, a wait, or nothing about the operation at all?

use leeward_azure::arm::{Method, lro::Ended};
use serde_json::{Value, json};

use crate::script::{Fact, LOCATION, Outcome, SOON, fact, line, post, status};

pub(crate) fn words() -> Vec<Fact> {
    vec![
        post(
            "every word that is not an end means running",
            vec![
                status("NotStarted"),
                status("CreatingAgentPools: 0/1 nodes completed"),
                status("A word of next year"),
                status("succeeded"),
            ],
            |seen| {
                seen.succeeded()
                    && seen.words
                        == [
                            "NotStarted",
                            "CreatingAgentPools: 0/1 nodes completed",
                            "A word of next year",
                        ]
            },
        ),
        post("Failed is an end", vec![status("fAILED")], |seen| {
            seen.failed("fAILED")
        }),
        post("Canceled is an end", vec![status("Canceled")], |seen| {
            seen.failed("Canceled")
        }),
        post("SQL writes it with two l", vec![status("Cancelled")], |seen| {
            seen.failed("Cancelled")
        }),
        post(
            "a failure says why, in whatever shape",
            vec![line(
                "/operations/1",
                "200 OK",
                &[],
                json!({"status": "Failed", "error": {"Code": "X", "Message": {"Language": "en", "Value": "why"}}}),
            )],
            |seen| matches!(&seen.ended, Some(Ended::Failed { code, message }) if code == "X" && message == "why"),
        ),
        post(
            "an error beside a success is a warning",
            vec![line(
                "/operations/1",
                "200 OK",
                &[],
                json!({"status": "Succeeded", "error": {"code": "28175", "message": "the name was taken"}}),
            )],
            |seen| seen.warnings() == ["28175: the name was taken"],
        ),
        post(
            "an error beside a running operation is nothing",
            vec![
                line(
                    "/operations/1",
                    "200 OK",
                    &[SOON],
                    json!({"status": "InProgress", "error": {"code": "NotLatestOperation", "message": "m"}}),
                ),
                status("Succeeded"),
            ],
            |seen| seen.succeeded() && seen.warnings().is_empty(),
        ),
        post(
            "Front Door's error of every success is silence",
            vec![line(
                "/operations/1",
                "200 OK",
                &[],
                json!({"status": "Succeeded", "error": {"code": "None", "message": null}}),
            )],
            |seen| seen.succeeded() && seen.warnings().is_empty(),
        ),
        post(
            "a 202 with a status body on a status URL is decided by the body",
            vec![
                line(
                    "/operations/1",
                    "202 Accepted",
                    &[SOON],
                    json!({"status": "InProgress"}),
                ),
                line(
                    "/operations/1",
                    "202 Accepted",
                    &[],
                    json!({"status": "Succeeded"}),
                ),
            ],
            |seen| seen.succeeded() && seen.words == ["InProgress"],
        ),
    ]
}

pub(crate) fn waits() -> Vec<Fact> {
    let mut facts = Vec::new();
    for header in [
        ("Retry-After", "0"),
        ("Retry-After", "Tue, 28 Feb 2023 07:58:17 GMT"),
        ("retry-after-ms", "1"),
        ("x-ms-retry-after-ms", "1"),
        ("Retry-After", "soon"),
    ] {
        let date = ("Date", "Tue, 28 Feb 2023 07:58:17 GMT");
        facts.push(post(
            "a wait is read in every spelling, and a nonsense one is none",
            vec![
                line(
                    "/operations/1",
                    "200 OK",
                    &[header, date],
                    json!({"status": "InProgress"}),
                ),
                status("Succeeded"),
            ],
            Outcome::succeeded,
        ));
    }
    facts.push(fact(
        "the newest Location counts",
        Method::Post,
        None,
        vec![
            line("/n", "202 Accepted", &[LOCATION], Value::Null),
            line(
                "/results/1",
                "202 Accepted",
                &[("Location", "{}/subscriptions/s/results/2?t=2&s=other"), SOON],
                Value::Null,
            ),
            line(
                "/results/2",
                "202 Accepted",
                &[("Location", "/subscriptions/s/results/3"), SOON],
                Value::Null,
            ),
            line("/results/3", "200 OK", &[], Value::Null),
        ],
        Outcome::succeeded,
    ));
    facts
}

pub(crate) fn failing_polls() -> Vec<Fact> {
    let mut facts = vec![
        post(
            "a poll that fails says nothing about the operation",
            vec![
                line("/operations/1", "400 Bad Request", &[SOON], Value::Null),
                line(
                    "/operations/1",
                    "409 Conflict",
                    &[SOON],
                    json!("Retry after 0 seconds"),
                ),
                line("/operations/1", "200 OK", &[SOON], json!("<html>not now</html>")),
                status("Succeeded"),
            ],
            |seen| seen.succeeded() && seen.unreadable == 3,
        ),
        post(
            "a gateway's 502 and 504 on a status URL are asked again",
            vec![
                line(
                    "/operations/1",
                    "502 Bad Gateway",
                    &[("retry-after", "0")],
                    json!({"error": {"code": "BadGatewayConnection", "message": "m"}}),
                ),
                line(
                    "/operations/1",
                    "504 Gateway Timeout",
                    &[("retry-after", "0")],
                    Value::Null,
                ),
                status("Succeeded"),
            ],
            Outcome::succeeded,
        ),
        post(
            "a 429 that names its wait only in its message is heard",
            vec![
                line(
                    "/operations/1",
                    "429 Too Many Requests",
                    &[],
                    json!({"error": {"code": "429", "message": "Please try again after '0' seconds."}}),
                ),
                status("Succeeded"),
            ],
            Outcome::succeeded,
        ),
    ];
    for code in ["403 Forbidden", "404 Not Found", "410 Gone"] {
        facts.push(post(
            "a ticket that Azure no longer knows is gone, and nothing is sent again",
            vec![line(
                "/operations/1",
                code,
                &[],
                json!({"error": {"code": "OperationIdNotFound", "message": "m"}}),
            )],
            |seen| seen.gone() && seen.changes() == 1,
        ));
    }
    facts.push(fact(
        "a ticket that leads to another host is gone",
        Method::Post,
        None,
        vec![line(
            "/n",
            "202 Accepted",
            &[("Location", "http://127.0.0.1:9/results/1")],
            Value::Null,
        )],
        |seen| seen.gone() && seen.asked.len() == 1,
    ));
    facts
}
