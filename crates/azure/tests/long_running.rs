//! Every style of long-running operation, over a real socket: one row of the table for each fact.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use leeward_azure::{
    arm::{Arm, Endpoint, Method, Request, SystemClock, lro},
    credential::Credential,
};
use leeward_engine::work::{Progress, Sent, Ticket};
use lro::{Ended, FinalState, Pace, Poller};
use serde_json::{Value, json};
use support::{Reaction, Server, answer};

const RESOURCE: &str = "/subscriptions/s/resourceGroups/g/providers/P/t/n";

/// One scripted answer: the path that it is for, and what is answered.
struct Line(
    &'static str,
    &'static str,
    Vec<(&'static str, &'static str)>,
    Value,
);

/// One fact: how an operation is begun, what is answered to each request in order, and what must come of it.
struct Fact {
    says: &'static str,
    method: Method,
    via: Option<&'static str>,
    /// `{}` in a header stands for the server's own address.
    lines: Vec<Line>,
    ends: fn(&Outcome) -> bool,
}

/// What came of one fact.
#[derive(Debug)]
struct Outcome {
    sent: Option<Sent>,
    ended: Option<Ended>,
    words: Vec<String>,
    unreadable: usize,
    asked: Vec<(String, String)>,
}

impl Outcome {
    fn succeeded_with(&self, expected: &Value) -> bool {
        matches!(&self.ended, Some(Ended::Succeeded { result: Some(result), .. }) if result == expected)
    }

    fn succeeded(&self) -> bool {
        matches!(&self.ended, Some(Ended::Succeeded { .. }))
    }

    fn warnings(&self) -> Vec<String> {
        match &self.ended {
            Some(Ended::Succeeded { warnings, .. }) => warnings.clone(),
            _ => Vec::new(),
        }
    }

    fn finished(&self) -> bool {
        matches!(self.sent, Some(Sent::Finished { .. }))
    }

    fn failed(&self, expected: &str) -> bool {
        matches!(&self.ended, Some(Ended::Failed { code, .. }) if code == expected)
    }

    fn gone(&self) -> bool {
        matches!(&self.ended, Some(Ended::Gone { .. }))
    }

    fn changes(&self) -> usize {
        self.asked.iter().filter(|(method, _)| method != "GET").count()
    }

    fn path(&self, place: usize) -> &str {
        self.asked.get(place).map_or("", |(_, path)| path.as_str())
    }
}

/// A line that outlives its fact: path, status, headers, body.
type Scripted = (String, String, Vec<(String, String)>, Value);

async fn play(fact: &Fact) -> Outcome {
    let address: Arc<Mutex<String>> = Arc::default();
    let left: VecDeque<Scripted> = fact
        .lines
        .iter()
        .map(|Line(path, status, headers, body)| {
            let headers = headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            (
                (*path).to_owned(),
                (*status).to_owned(),
                headers.collect(),
                body.clone(),
            )
        })
        .collect();
    let left = Mutex::new(left);
    let own = address.clone();
    let says = fact.says;
    let server = Server::start(move |seen| {
        let Some((path, status, headers, body)) = left.lock().unwrap().pop_front() else {
            return answer(
                "418 Nobody expected this",
                &[],
                &format!("{says}: {}", seen.target()),
            );
        };
        if !seen.path().ends_with(&path) {
            return answer(
                "418 Nobody expected this",
                &[],
                &format!("{} for {path}", seen.target()),
            );
        }
        let own = own.lock().unwrap().clone();
        let headers: Vec<(String, String)> = headers
            .into_iter()
            .map(|(name, value)| (name, value.replace("{}", &own)))
            .collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let body = match body {
            Value::Null => String::new(),
            Value::String(text) => text,
            body => body.to_string(),
        };
        answer(&status, &headers, &body)
    })
    .await;
    *address.lock().unwrap() = server.url();
    let clock = Arc::new(SystemClock::new());
    let arm = Arm::new(
        Endpoint::parse(&server.url()).unwrap(),
        Credential::simulator(),
        None,
        clock,
    )
    .unwrap();
    let mut request = Request::new(fact.method, RESOURCE, "2024-01-01");
    if matches!(fact.method, Method::Put | Method::Patch) {
        request = request.body(json!({"location": "x"}));
    }
    let key = lro::one_off(&arm, Duration::from_secs(30));
    let sent = lro::begin(&arm, &request, &key).await;
    let mut outcome = Outcome {
        sent: Some(sent.clone()),
        ended: None,
        words: Vec::new(),
        unreadable: 0,
        asked: Vec::new(),
    };
    if let Sent::Accepted { ticket } = sent {
        // Through text, as after a restart.
        let ticket: Ticket = serde_json::from_str(&serde_json::to_string(&ticket).unwrap()).unwrap();
        let pace = Pace {
            usual: Duration::from_millis(1),
            least: Duration::from_millis(1),
            most: Duration::from_millis(20),
        };
        let mut poller = Poller::new(&arm, ticket)
            .final_state(FinalState::of(&request, fact.via))
            .patience(Duration::from_secs(20))
            .pace(pace);
        let ended = poller
            .wait(|_, progress| match progress {
                Progress::Running { word, .. } => outcome.words.push(word.clone()),
                Progress::Unreadable { .. } => outcome.unreadable += 1,
                _ => {}
            })
            .await;
        outcome.ended = Some(ended);
    }
    outcome.asked = server
        .seen()
        .iter()
        .map(|seen| (seen.method().to_owned(), seen.path().to_owned()))
        .collect();
    outcome
}

const STATUS: (&str, &str) = (
    "Azure-AsyncOperation",
    "{}/subscriptions/s/operations/1?t=1&s=sig",
);
const LOCATION: (&str, &str) = ("Location", "{}/subscriptions/s/results/1?t=1&s=sig");
const SOON: (&str, &str) = ("retry-after-ms", "1");

fn line(
    path: &'static str,
    status: &'static str,
    headers: &[(&'static str, &'static str)],
    body: Value,
) -> Line {
    Line(path, status, headers.to_vec(), body)
}

fn status(word: &str) -> Line {
    line("/operations/1", "200 OK", &[SOON], json!({"status": word}))
}

/// A POST that is accepted with both URLs, then these answers.
fn post(says: &'static str, lines: Vec<Line>, ends: fn(&Outcome) -> bool) -> Fact {
    let mut all = vec![line("/n", "202 Accepted", &[STATUS, LOCATION, SOON], Value::Null)];
    all.extend(lines);
    Fact {
        says,
        method: Method::Post,
        via: Some("azure-async-operation"),
        lines: all,
        ends,
    }
}

fn fact(
    says: &'static str,
    method: Method,
    via: Option<&'static str>,
    lines: Vec<Line>,
    ends: fn(&Outcome) -> bool,
) -> Fact {
    Fact {
        says,
        method,
        via,
        lines,
        ends,
    }
}

fn where_to_ask() -> Vec<Fact> {
    let mut facts = Vec::new();
    for code in ["200 OK", "201 Created", "202 Accepted", "204 No Content"] {
        facts.push(fact(
            "a status URL comes first, with whatever success",
            Method::Post,
            Some("azure-async-operation"),
            vec![
                line("/n", code, &[STATUS, LOCATION], Value::Null),
                status("Succeeded"),
            ],
            |seen| seen.succeeded() && seen.path(1).ends_with("/operations/1"),
        ));
    }
    facts.push(fact(
        "a 200 with a status URL goes on, whatever its body says",
        Method::Put,
        None,
        vec![
            line(
                "/n",
                "200 OK",
                &[STATUS],
                json!({"properties": {"provisioningState": "Updating"}}),
            ),
            status("Succeeded"),
            line("/n", "200 OK", &[], json!({"name": "n"})),
        ],
        |seen| seen.succeeded_with(&json!({"name": "n"})),
    ));
    facts.push(fact(
        "a Location alone: 202 is running, another success is done",
        Method::Post,
        None,
        vec![
            line("/n", "202 Accepted", &[LOCATION], Value::Null),
            line("/results/1", "202 Accepted", &[SOON], Value::Null),
            line("/results/1", "200 OK", &[], json!({"name": "n"})),
        ],
        |seen| seen.succeeded_with(&json!({"name": "n"})) && seen.words == ["InProgress"],
    ));
    facts.push(fact(
        "a Location may end with 204",
        Method::Post,
        None,
        vec![
            line("/n", "202 Accepted", &[LOCATION], Value::Null),
            line("/results/1", "204 No Content", &[], Value::Null),
        ],
        Outcome::succeeded,
    ));
    facts.push(fact(
        "a Location may begin with its path",
        Method::Post,
        None,
        vec![
            line(
                "/n",
                "202 Accepted",
                &[("Location", "/subscriptions/s/results/1?t=1")],
                Value::Null,
            ),
            line("/results/1", "204 No Content", &[], Value::Null),
        ],
        Outcome::succeeded,
    ));
    facts.push(fact(
        "a Location alone is polled beside a 201, too",
        Method::Put,
        None,
        vec![
            line("/n", "201 Created", &[LOCATION], json!({"name": "n"})),
            line("/results/1", "200 OK", &[], Value::Null),
            line("/n", "200 OK", &[], json!({"name": "n"})),
        ],
        |seen| seen.succeeded_with(&json!({"name": "n"})),
    ));
    facts.push(fact(
        "a PUT without a URL is polled by its resource, which may be missing until it is made",
        Method::Put,
        None,
        vec![
            line(
                "/n",
                "201 Created",
                &[],
                json!({"properties": {"provisioningState": "Creating"}}),
            ),
            line("/n", "404 Not Found", &[], Value::Null),
            line(
                "/n",
                "200 OK",
                &[],
                json!({"properties": {"provisioningState": "Creating"}}),
            ),
            line(
                "/n",
                "200 OK",
                &[],
                json!({"properties": {"provisioningState": "Succeeded"}}),
            ),
            line("/n", "200 OK", &[], json!({"name": "n"})),
        ],
        |seen| seen.succeeded_with(&json!({"name": "n"})) && seen.unreadable == 1,
    ));
    facts.push(fact(
        "a resource without a provisioning state has succeeded",
        Method::Put,
        None,
        vec![line("/n", "200 OK", &[], json!({"properties": {}}))],
        Outcome::finished,
    ));
    facts.push(fact(
        "a POST without a URL is done",
        Method::Post,
        None,
        vec![line(
            "/n",
            "200 OK",
            &[],
            json!({"properties": {"provisioningState": "Updating"}}),
        )],
        Outcome::finished,
    ));
    facts.push(fact(
        "a DELETE of what is not there is done",
        Method::Delete,
        None,
        vec![line("/n", "204 No Content", &[], Value::Null)],
        Outcome::finished,
    ));
    facts
}

fn words() -> Vec<Fact> {
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

fn waits() -> Vec<Fact> {
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

fn failing_polls() -> Vec<Fact> {
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

fn results() -> Vec<Fact> {
    let both = || line("/n", "202 Accepted", &[STATUS, LOCATION], Value::Null);
    vec![
        fact(
            "final-state-via location: the Location is read at the end",
            Method::Post,
            Some("location"),
            vec![
                both(),
                status("Succeeded"),
                line("/results/1", "200 OK", &[], json!({"name": "fog"})),
            ],
            |seen| seen.succeeded_with(&json!({"name": "fog"})),
        ),
        fact(
            "a POST with a Location has its result there, said or not",
            Method::Post,
            None,
            vec![
                both(),
                status("Succeeded"),
                line("/results/1", "204 No Content", &[], Value::Null),
            ],
            |seen| seen.succeeded() && seen.asked.len() == 3,
        ),
        fact(
            "final-state-via azure-async-operation on a POST: nothing more is read",
            Method::Post,
            Some("azure-async-operation"),
            vec![both(), status("Succeeded")],
            |seen| seen.succeeded() && seen.asked.len() == 2,
        ),
        fact(
            "a PUT has its result in the resource",
            Method::Put,
            Some("azure-async-operation"),
            vec![
                both(),
                status("Succeeded"),
                line("/n", "200 OK", &[], json!({"name": "n"})),
            ],
            |seen| seen.succeeded_with(&json!({"name": "n"})),
        ),
        fact(
            "final-state-via original-uri: the resource",
            Method::Patch,
            Some("original-uri"),
            vec![
                both(),
                status("Succeeded"),
                line("/n", "200 OK", &[], json!({"name": "n"})),
            ],
            |seen| seen.succeeded_with(&json!({"name": "n"})),
        ),
        fact(
            "a result that cannot be read makes no failure of a success",
            Method::Post,
            Some("location"),
            vec![
                both(),
                status("Succeeded"),
                line("/results/1", "404 Not Found", &[], Value::Null),
            ],
            |seen| seen.succeeded() && seen.warnings().len() == 1,
        ),
    ]
}

async fn hold(facts: Vec<Fact>) {
    assert!(!facts.is_empty());
    for fact in facts {
        let outcome = play(&fact).await;
        assert!((fact.ends)(&outcome), "{}: {outcome:#?}", fact.says);
        assert_eq!(outcome.changes(), 1, "{}: {outcome:#?}", fact.says);
        let unexpected = outcome.asked.len() > fact.lines.len();
        assert!(!unexpected, "{}: {outcome:#?}", fact.says);
    }
}

#[tokio::test]
async fn an_operation_is_asked_after_where_its_answer_says() {
    hold(where_to_ask()).await;
}

#[tokio::test]
async fn an_operation_ends_by_three_words_and_no_other() {
    hold(words()).await;
}

#[tokio::test]
async fn azure_says_when_to_ask_again_and_where() {
    hold(waits()).await;
}

#[tokio::test]
async fn a_poll_that_fails_is_not_a_failed_operation() {
    hold(failing_polls()).await;
}

#[tokio::test]
async fn the_result_of_an_operation_is_read_where_the_official_client_reads_it() {
    hold(results()).await;
}

#[tokio::test]
async fn an_operation_is_found_again_by_its_ticket_alone_after_a_restart() {
    let polls = Arc::new(Mutex::new(0));
    let count = polls.clone();
    let server = Server::start(move |seen| {
        if seen.method() == "POST" {
            let host = seen.header("host").unwrap().to_owned();
            let url = format!("http://{host}/subscriptions/s/operations/1?s=sig");
            return answer(
                "202 Accepted",
                &[("Azure-AsyncOperation", &url), ("Retry-After", "0")],
                "",
            );
        }
        let mut polls = count.lock().unwrap();
        *polls += 1;
        let word = if *polls < 4 { "InProgress" } else { "Succeeded" };
        answer("200 OK", &[SOON], &json!({"status": word}).to_string())
    })
    .await;
    let fresh = || {
        let endpoint = Endpoint::parse(&server.url()).unwrap();
        Arm::new(
            endpoint,
            Credential::simulator(),
            None,
            Arc::new(SystemClock::new()),
        )
        .unwrap()
    };
    let first = fresh();
    let key = lro::one_off(&first, Duration::from_secs(30));
    let Sent::Accepted { ticket } =
        lro::begin(&first, &Request::new(Method::Post, RESOURCE, "1"), &key).await
    else {
        panic!("not accepted");
    };
    let mut kept = serde_json::to_string(&ticket).unwrap();
    loop {
        // Each poll by a client that knows nothing but what was written down.
        let arm = fresh();
        let mut poller = Poller::new(&arm, serde_json::from_str(&kept).unwrap());
        let polled = poller.step().await;
        kept = serde_json::to_string(poller.ticket()).unwrap();
        if matches!(polled.progress, Progress::Succeeded { .. }) {
            break;
        }
    }
    let changes = server
        .seen()
        .iter()
        .filter(|seen| seen.method() == "POST")
        .count();
    assert_eq!((changes, *polls.lock().unwrap()), (1, 4));
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_poll_is_not_a_failed_operation() {
    let polls = Arc::new(Mutex::new(0));
    let count = polls.clone();
    let server = Server::start(move |seen| {
        let host = seen.header("host").unwrap().to_owned();
        if seen.method() == "POST" {
            let url = format!("http://{host}/subscriptions/s/operations/1");
            return answer("202 Accepted", &[("Azure-AsyncOperation", &url), SOON], "");
        }
        let mut polls = count.lock().unwrap();
        *polls += 1;
        match *polls {
            1 => Reaction::Lose,
            2 => answer("200 OK", &[], r#"{"status":"Succeeded"}"#),
            _ => Reaction::Half,
        }
    })
    .await;
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    let arm = Arm::new(
        endpoint,
        Credential::simulator(),
        None,
        Arc::new(SystemClock::new()),
    )
    .unwrap();
    let key = lro::one_off(&arm, Duration::from_secs(30));
    let request = Request::new(Method::Post, RESOURCE, "1");
    let Sent::Accepted { ticket } = lro::begin(&arm, &request, &key).await else {
        panic!("not accepted");
    };
    let ended = Poller::new(&arm, ticket).wait(|_, _| {}).await;
    assert!(matches!(ended, Ended::Succeeded { .. }), "{ended:?}");
    let changes = server
        .seen()
        .iter()
        .filter(|seen| seen.method() == "POST")
        .count();
    assert_eq!(changes, 1);
}
