//! What every kind puts on the wire: a change once, whatever the other side does, and the token nowhere else.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod cases;
mod mutation;
mod server;
#[path = "../../../crates/azure/tests/support/socket.rs"]
mod socket;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use cases::{Change, ONLY_LOOKS, Stage, TOKEN, all_kinds_are_there, stages, stages_of};
use leeward_engine::work::{Observation, OperationUrl, Progress, Sent, Ticket};
use leeward_runbook::journey::Journey;
use serde_json::Value;
use server::{Reaction, Server, answer};

/// What the other side does, and what must be made of it.
struct Behaviour {
    name: &'static str,
    reaction: Reaction,
    /// Whether this is a fit reading of it, for kinds that change Azure.
    fits: fn(&Sent) -> bool,
}

fn unknown(sent: &Sent) -> bool {
    matches!(sent, Sent::Unanswered { .. })
}

fn taken(sent: &Sent) -> bool {
    matches!(sent, Sent::Accepted { .. } | Sent::Finished { .. })
}

/// What is read of an answer behind which the work goes on.
fn begun() -> Sent {
    Sent::Accepted {
        ticket: Ticket {
            status_url: None,
            location: None,
            job: None,
            detail: Value::Null,
            look_after: None,
        },
    }
}

fn accepted(sent: &Sent) -> bool {
    matches!(sent, Sent::Accepted { .. })
}

fn throttled(sent: &Sent, wait: Option<u64>) -> bool {
    matches!(sent, Sent::Refused(refusal)
        if refusal.passing && refusal.retry_after == wait.map(Duration::from_secs))
}

fn behaviours(own: &str, elsewhere: &str) -> Vec<Behaviour> {
    let status = format!("Azure-AsyncOperation: {own}/subscriptions/s/operations/1?s=signature\r\n");
    let body = r#"{"properties":{"provisioningState":"Updating"}}"#;
    let there = format!("Location: {elsewhere}/there\r\n");
    let of = |name, reaction, fits| Behaviour { name, reaction, fits };
    vec![
        of("the answer is lost", Reaction::Lose, unknown),
        of("reset in mid-answer", Reaction::Half, unknown),
        of("500", answer("500 Internal Server Error", "", ""), unknown),
        of(
            "504",
            answer("504 Gateway Timeout", "Retry-After: 0\r\n", "{}"),
            unknown,
        ),
        of(
            "429 with Retry-After",
            answer("429 Too Many Requests", "Retry-After: 7\r\n", "{}"),
            |sent| throttled(sent, Some(7)),
        ),
        of(
            "429 without Retry-After",
            answer("429 Too Many Requests", "", ""),
            |sent| throttled(sent, None),
        ),
        of("202 with a body", answer("202 Accepted", &status, body), accepted),
        of(
            "202 without a body",
            answer("202 Accepted", &status, ""),
            accepted,
        ),
        of("202 without anything", answer("202 Accepted", "", ""), taken),
        of(
            "200 with Azure-AsyncOperation",
            answer("200 OK", &status, body),
            accepted,
        ),
        of("307", answer("307 Temporary Redirect", &there, ""), unknown),
        of("308", answer("308 Permanent Redirect", &there, ""), unknown),
        of(
            "the connection is closed after an answer that keeps it",
            Reaction::AnswerThenClose(socket::answer("202 Accepted", &status, "")),
            accepted,
        ),
    ]
}

#[tokio::test]
async fn a_change_of_any_kind_reaches_the_socket_once_whatever_the_other_side_does() {
    let stages = stages().await;
    all_kinds_are_there(&stages);
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", elsewhere.local_addr().unwrap());
    let mut tried = 0;
    let mut sending = BTreeSet::new();
    for stage in &stages {
        for behaviour in behaviours(&stage.server.url, &address) {
            for (number, change) in stage.changes.iter().enumerate() {
                stage.server.reacts(behaviour.reaction.clone());
                let _ = stage.server.take_changes();
                let commands = stage.commands.load(Ordering::SeqCst);
                let before = stage.server.connections();
                let sent = change.begin(&stage.clock, number as u32 + 1).await;
                let place = format!("{}, {}: {sent:?}", change.label, behaviour.name);
                let arrived = stage.server.take_changes();
                let ran = stage.commands.load(Ordering::SeqCst) - commands;
                if arrived.is_empty() && ran == 0 {
                    // A clean-up that finds nothing to clean up has nothing to send, and what comes onto a cluster
                    // that is still to be made has no way there.
                    let later = change.kind == "azure.aks.cluster" && !change.operation.after.is_empty();
                    let nowhere = later && matches!(&sent, Sent::Refused(refusal) if refusal.status == 0);
                    assert!(nowhere || matches!(sent, Sent::Finished { .. }), "{place}");
                    continue;
                }
                assert_eq!(arrived.len() + ran, 1, "{place}: {arrived:#?}");
                // A refusal for asking too often closes that limit: the next change must not wait for its opening here.
                tokio::time::pause();
                tokio::time::advance(Duration::from_secs(3600)).await;
                tokio::time::resume();
                tried += 1;
                sending.insert(change.kind.clone());
                if ran == 1 {
                    continue;
                }
                // A connection of its own: nothing is left that a library could send again on.
                assert!(stage.server.connections() > before, "{place}");
                if change.kind.starts_with("azure.") {
                    let begun = change.is_beside_arm() && taken(&sent) && (behaviour.fits)(&begun());
                    assert!(begun || (behaviour.fits)(&sent), "{place}");
                }
            }
        }
    }
    let silent: Vec<&str> = stages[0]
        .registry
        .kinds()
        .into_iter()
        .filter(|kind| !ONLY_LOOKS.contains(kind) && !sending.contains(*kind))
        .collect();
    assert!(
        tried > 200 && silent.is_empty(),
        "{tried} sends, none of {silent:?}"
    );
    assert!(nobody_knocked(elsewhere), "a redirect was followed");
}

/// Returns whether nobody ever connected. Whoever did waits to be accepted, so there is nothing to wait for.
fn nobody_knocked(listener: tokio::net::TcpListener) -> bool {
    let listener = listener.into_std().unwrap();
    listener.set_nonblocking(true).unwrap();
    matches!(listener.accept(), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Listens to everything that this thread says.
fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

async fn look(change: &Change, ticket: &Ticket, shown: &mut String) {
    let seen = change.driver.observe(&change.context, &change.operation).await;
    let progress = change
        .driver
        .poll(&change.context, &change.operation, ticket)
        .await;
    *shown += &format!("{seen:?} {progress:?}\n");
}

fn ticket(url: &str) -> Ticket {
    Ticket {
        status_url: Some(OperationUrl::new(format!(
            "{url}/subscriptions/s/operations/1?s=signature"
        ))),
        location: Some(OperationUrl::new(format!(
            "{url}/subscriptions/s/results/1?s=signature"
        ))),
        job: None,
        detail: Value::Null,
        look_after: None,
    }
}

#[tokio::test]
async fn the_live_token_of_any_kind_stands_in_no_log_and_no_error_at_the_finest_level() {
    let (log, _guard) = listen();
    let mut shown = String::new();
    let stages = stages().await;
    for stage in &stages {
        let own = ticket(&stage.server.url);
        for (number, change) in stage.changes.iter().enumerate() {
            for reaction in [
                answer("202 Accepted", "", ""),
                Reaction::Lose,
                answer(
                    "403 Forbidden",
                    "",
                    r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#,
                ),
            ] {
                stage.server.reacts(reaction);
                let sent = change.begin(&stage.clock, number as u32 + 1).await;
                shown += &format!("{sent:?} {}\n", serde_json::to_string(&sent).unwrap());
            }
            look(change, &own, &mut shown).await;
        }
        let raw = stage.server.raw().concat();
        let token = stage.changes.is_empty() || raw.contains(TOKEN);
        assert!(token, "no token was sent: the test proves nothing");
    }
    let logged = log.text();
    assert!(
        logged.contains("Request"),
        "nothing was logged: the test proves nothing"
    );
    for (place, text) in [("log", logged), ("answer", shown)] {
        assert!(!text.contains(TOKEN), "the token stands in the {place}");
        assert!(!text.contains("signature"), "a signature stands in the {place}");
    }
}

#[tokio::test]
async fn nothing_leads_a_request_of_any_kind_to_another_host() {
    let stages = stages().await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hostile = format!("http://{}", elsewhere.local_addr().unwrap());
    let mut shown = String::new();
    let mut led_astray = 0;
    for stage in &stages {
        hostile_answers(&stage.server, &hostile);
        let headers = format!(
            "Azure-AsyncOperation: {hostile}/subscriptions/s/operations/1\r\nLocation: {hostile}/results/1\r\n"
        );
        // Out of an answer, and out of a journal that somebody wrote to.
        for (number, change) in stage.changes.iter().enumerate() {
            stage.server.reacts(answer("202 Accepted", &headers, ""));
            let sent = change.begin(&stage.clock, number as u32 + 1).await;
            if let Sent::Accepted { ticket } = &sent {
                let ticket: Ticket = serde_json::from_str(&serde_json::to_string(ticket).unwrap()).unwrap();
                look(change, &ticket, &mut shown).await;
                led_astray += 1;
            }
            let written = ticket(&hostile);
            let progress = change
                .driver
                .poll(&change.context, &change.operation, &written)
                .await;
            let settled = matches!(progress, Progress::Succeeded { .. } | Progress::Failed { .. });
            let azure = change.kind.starts_with("azure.");
            assert!(!(settled && azure), "{}: {progress:?}", change.label);
            let _ = change.driver.assess(&change.context).await;
            let _ = change.driver.measure(&change.context).await;
        }
    }
    assert!(led_astray > 10, "{led_astray}");
    assert!(nobody_knocked(elsewhere), "somebody went there: {shown}");
}

/// Lets every list go on, and every read be redirected or renewed, at a hostile address.
fn hostile_answers(server: &Server, hostile: &str) {
    let hostile = hostile.to_owned();
    server.twists(Arc::new(move |target, _, headers, body| {
        headers.push_str(&format!("Location: {hostile}{target}\r\n"));
        headers.push_str(&format!("Azure-AsyncOperation: {hostile}{target}\r\n"));
        if let Ok(Value::Object(mut map)) = serde_json::from_str::<Value>(body)
            && map.contains_key("value")
        {
            map.insert("nextLink".to_owned(), Value::from(format!("{hostile}{target}")));
            *body = Value::Object(map).to_string();
        }
    }));
}

fn kind_of(seen: &Observation) -> std::mem::Discriminant<Observation> {
    std::mem::discriminant(seen)
}

/// What a look at one change says, as far as words of people do not matter.
async fn view(change: &Change) -> (Observation, Result<usize, String>) {
    let seen = change.driver.observe(&change.context, &change.operation).await;
    let assessed = change.driver.assess(&change.context).await;
    let assessed = assessed
        .map(|assessment| assessment.operations.len())
        .map_err(|error| error.to_string());
    (seen, assessed)
}

/// Returns one change of each operation of a step: what is read depends on neither the rung nor the number of machines.
fn distinct(stage: &Stage) -> Vec<&Change> {
    let mut known = BTreeSet::new();
    stage
        .changes
        .iter()
        .filter(|change| known.insert((change.context.step.id.clone(), first_word(change).to_owned())))
        .collect()
}

/// Returns what an operation does, without to what.
fn first_word(change: &Change) -> &str {
    change.operation.id.as_str().split('/').next().unwrap_or_default()
}

/// Keeps every body that the reads of these changes get, by target.
async fn bodies(stage: &Stage) -> BTreeMap<String, Value> {
    let kept: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
    let inner = kept.clone();
    stage.server.twists(Arc::new(move |target, status, _, body| {
        if status == 200
            && let Ok(body) = serde_json::from_str(body)
        {
            inner.lock().unwrap().insert(target.to_owned(), body);
        }
    }));
    for change in distinct(stage) {
        let _ = view(change).await;
    }

    kept.lock().unwrap().clone()
}

/// Changes the body of every read, or of one target only.
fn twisted(stage: &Stage, only: Option<&str>, change: impl Fn(&mut Value) + Send + Sync + 'static) {
    let only = only.map(str::to_owned);
    stage.server.twists(Arc::new(move |target, status, _, body| {
        if status != 200 || only.as_ref().is_some_and(|only| only != target) {
            return;
        }
        if let Ok(mut read) = serde_json::from_str::<Value>(body) {
            change(&mut read);
            *body = read.to_string();
        }
    }));
}

#[tokio::test]
async fn further_fields_other_cases_and_strange_neighbours_change_nothing_that_is_read() {
    let stages = stages().await;
    let mut looked = 0;
    for stage in &stages {
        let mut before = Vec::new();
        for change in distinct(stage) {
            before.push(view(change).await);
        }
        twisted(stage, None, mutation::harmless);
        for (change, (seen, assessed)) in distinct(stage).into_iter().zip(before) {
            let (now, assessed_now) = view(change).await;
            let place = format!("{}: {seen:?} became {now:?}", change.label);
            assert_eq!(kind_of(&seen), kind_of(&now), "{place}");
            assert_eq!(assessed, assessed_now, "{}", change.label);
            looked += 1;
        }
    }
    assert!(looked > 15, "{looked}");
}

/// Returns who looks at which target when it observes: one change of each kind and operation that has something to prove.
async fn readers(stage: &Stage) -> BTreeMap<String, Vec<&Change>> {
    let mut readers: BTreeMap<String, Vec<&Change>> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for change in distinct(stage) {
        let asked: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let inner = asked.clone();
        stage.server.twists(Arc::new(move |target, _, _, _| {
            inner.lock().unwrap().insert(target.to_owned());
        }));
        let seen = change.driver.observe(&change.context, &change.operation).await;
        // What is true already, such as that nothing is left to clean up, is proven without any change.
        let kind = kinds.insert((change.kind.as_str(), first_word(change)));
        if matches!(seen, Observation::Holds { .. }) || !kind {
            continue;
        }
        for target in asked.lock().unwrap().iter() {
            readers.entry(target.clone()).or_default().push(change);
        }
    }
    readers
}

#[tokio::test]
async fn an_answer_with_any_field_missing_null_or_of_an_unknown_word_is_never_fatal_and_proves_nothing() {
    let mut tried = 0;
    for stage in stages_of(&["interworks-platform"], &[Journey::Failover, Journey::Drill]).await {
        let bodies = bodies(&stage).await;
        let readers = readers(&stage).await;
        for (target, body) in bodies.iter().filter(|(target, _)| readers.contains_key(*target)) {
            for one in mutation::Mutation::all(body) {
                let applied = one.clone();
                twisted(&stage, Some(target), move |body| applied.apply(body));
                for change in &readers[target] {
                    let seen = change.driver.observe(&change.context, &change.operation).await;
                    let proven = matches!(seen, Observation::Holds { .. });
                    assert!(!proven, "{}: {one:?} of {target} proves {seen:?}", change.label);
                    tried += 1;
                }
            }
        }
        assert!(!bodies.is_empty());
    }
    assert!(tried > 500, "{tried}");
}
