//! One fact of the tables: how an operation is begun, what is answered, and what came of it.

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

use crate::support::{Server, answer};

pub(crate) const RESOURCE: &str = "/subscriptions/s/resourceGroups/g/providers/P/t/n";

/// One scripted answer: the path that it is for, and what is answered.
pub(crate) struct Line(
    &'static str,
    &'static str,
    Vec<(&'static str, &'static str)>,
    Value,
);

/// One fact: how an operation is begun, what is answered to each request in order, and what must come of it.
pub(crate) struct Fact {
    pub(crate) says: &'static str,
    pub(crate) method: Method,
    pub(crate) via: Option<&'static str>,
    /// `{}` in a header stands for the server's own address.
    pub(crate) lines: Vec<Line>,
    pub(crate) ends: fn(&Outcome) -> bool,
}

/// What came of one fact.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sent: Option<Sent>,
    pub(crate) ended: Option<Ended>,
    pub(crate) words: Vec<String>,
    pub(crate) unreadable: usize,
    pub(crate) asked: Vec<(String, String)>,
}

impl Outcome {
    pub(crate) fn succeeded_with(&self, expected: &Value) -> bool {
        matches!(&self.ended, Some(Ended::Succeeded { result: Some(result), .. }) if result == expected)
    }

    pub(crate) fn succeeded(&self) -> bool {
        matches!(&self.ended, Some(Ended::Succeeded { .. }))
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        match &self.ended {
            Some(Ended::Succeeded { warnings, .. }) => warnings.clone(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn finished(&self) -> bool {
        matches!(self.sent, Some(Sent::Finished { .. }))
    }

    pub(crate) fn failed(&self, expected: &str) -> bool {
        matches!(&self.ended, Some(Ended::Failed { code, .. }) if code == expected)
    }

    pub(crate) fn gone(&self) -> bool {
        matches!(&self.ended, Some(Ended::Gone { .. }))
    }

    pub(crate) fn changes(&self) -> usize {
        self.asked.iter().filter(|(method, _)| method != "GET").count()
    }

    pub(crate) fn path(&self, place: usize) -> &str {
        self.asked.get(place).map_or("", |(_, path)| path.as_str())
    }
}

/// A line that outlives its fact: path, status, headers, body.
type Scripted = (String, String, Vec<(String, String)>, Value);

pub(crate) async fn play(fact: &Fact) -> Outcome {
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
    let arm = client(&server);
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

/// A client that knows nothing but where the server is.
pub(crate) fn client(server: &Server) -> Arm {
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    Arm::new(
        endpoint,
        Credential::simulator(),
        None,
        Arc::new(SystemClock::new()),
    )
    .unwrap()
}

pub(crate) const STATUS: (&str, &str) = (
    "Azure-AsyncOperation",
    "{}/subscriptions/s/operations/1?t=1&s=sig",
);
pub(crate) const LOCATION: (&str, &str) = ("Location", "{}/subscriptions/s/results/1?t=1&s=sig");
pub(crate) const SOON: (&str, &str) = ("retry-after-ms", "1");

pub(crate) fn line(
    path: &'static str,
    status: &'static str,
    headers: &[(&'static str, &'static str)],
    body: Value,
) -> Line {
    Line(path, status, headers.to_vec(), body)
}

pub(crate) fn status(word: &str) -> Line {
    line("/operations/1", "200 OK", &[SOON], json!({"status": word}))
}

/// A POST that is accepted with both URLs, then these answers.
pub(crate) fn post(says: &'static str, lines: Vec<Line>, ends: fn(&Outcome) -> bool) -> Fact {
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

pub(crate) fn fact(
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
