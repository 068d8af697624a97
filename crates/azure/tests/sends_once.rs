//! What reaches a socket: a change once, whatever the other side does, and a token nowhere else.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use leeward_azure::{
    arm::{Arm, Endpoint, Method, Request},
    bridge,
    credential::{Credential, CredentialKind},
    seams::{Direct, Forward, PublicError, PublicRequest, PublicWire},
};
use leeward_engine::{
    id::{AttemptKey, OperationId, RunId, StepId},
    port::{Clock, Moment},
    work::{OperationUrl, Sent},
};
use serde_json::json;
use support::{OneToken, Reaction, Server, socket};

const TOKEN: &str = "the-very-secret-token";

/// A clock that moves on by a step each time somebody looks.
struct Steps(AtomicU64);

#[async_trait]
impl Clock for Steps {
    fn now(&self) -> Moment {
        let uptime = Duration::from_secs(self.0.fetch_add(1, Ordering::SeqCst));
        Moment {
            wall: Timestamp::UNIX_EPOCH + uptime,
            uptime,
        }
    }

    async fn sleep_until(&self, _uptime: Duration) {}
}

fn arm(url: &str) -> Arm {
    let credential = Credential::from_source(CredentialKind::AzureCli, Arc::new(OneToken(TOKEN)));
    let clock = Arc::new(Steps(AtomicU64::new(0)));
    Arm::new(Endpoint::parse(url).unwrap(), credential, None, clock).unwrap()
}

fn key(send_before: u64) -> AttemptKey {
    AttemptKey {
        run: RunId("r-1".to_owned()),
        step: StepId::new("step"),
        operation: OperationId::new("op"),
        attempt: 1,
        send: 1,
        send_before: Duration::from_secs(send_before),
    }
}

fn post() -> Request {
    Request::new(
        Method::Post,
        "/subscriptions/s/resourceGroups/g/failover",
        "2024-01-01",
    )
}

/// Answers and closes.
fn answer(status: &str, headers: &str, body: &str) -> Reaction {
    Reaction::AnswerThenClose(socket::answer(status, headers, body))
}

/// A server that does the same with every request.
async fn server(reaction: Reaction) -> Server {
    Server::start(move |_| reaction.clone()).await
}

/// Stops listening and returns where it was.
fn closed(server: Server) -> String {
    server.url()
}

/// Sends a change three ways and returns what came of the last: every way must reach the server once.
async fn send(reaction: Reaction) -> Sent {
    let server = server(reaction.clone()).await;
    let by_hand = arm(&server.url()).change(&post(), &key(1000)).await;
    assert_eq!(server.requests().len(), 1, "{reaction:?}");
    let by_builder = bridge::change(
        &arm(&server.url()),
        &key(1000),
        "2023-08-01",
        |vendor| async move {
            let client = vendor.sql()?.instance_failover_groups_client();
            client.failover("g", "l", "fog", "s").send().await
        },
    )
    .await;
    assert_eq!(server.requests().len(), 2, "{reaction:?}");
    let kind = |sent: &Sent| std::mem::discriminant(sent);
    let (Err(by_hand), Err(by_builder)) = (by_hand, by_builder) else {
        panic!("{reaction:?} was taken for a success");
    };
    assert_eq!(kind(&by_hand), kind(&by_builder));
    by_hand
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_sent_once_and_its_outcome_unknown() {
    for reaction in [
        Reaction::Lose,
        Reaction::Half,
        answer("500 Internal Server Error", "", ""),
        answer("504 Gateway Timeout", "retry-after: 0\r\n", "{}"),
        answer("408 Request Timeout", "", ""),
        Reaction::AnswerThenClose("nonsense\r\n\r\n".to_owned()),
    ] {
        let sent = send(reaction.clone()).await;
        assert!(matches!(sent, Sent::Unanswered { .. }), "{reaction:?}: {sent:?}");
    }
}

#[tokio::test]
async fn a_throttled_change_is_sent_once_and_its_wait_handed_up() {
    for (headers, wait) in [("retry-after: 7\r\n", Some(Duration::from_secs(7))), ("", None)] {
        let sent = send(answer("429 Too Many Requests", headers, "{}")).await;
        match sent {
            Sent::Refused(refusal) => assert_eq!((refusal.passing, refusal.retry_after), (true, wait)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_not_carried_there() {
    let elsewhere = server(answer("200 OK", "", "{}")).await;
    let headers = format!("location: {}/there\r\n", elsewhere.url());
    for status in [
        "301 Moved Permanently",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let sent = send(answer(status, &headers, "")).await;
        assert!(matches!(sent, Sent::Unanswered { .. }), "{sent:?}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_url_out_of_an_answer_or_a_journal_never_carries_the_token_to_another_host() {
    let elsewhere = server(answer("200 OK", "", "{}")).await;
    let body = json!({"value": [], "nextLink": format!("{}/next", elsewhere.url())}).to_string();
    let server = server(answer("200 OK", "", &body)).await;
    let arm = arm(&server.url());
    assert!(arm.list(&Request::get("/subscriptions/s", "1")).await.is_err());
    let url = OperationUrl::new(format!("{}/ops/1?s=signature", elsewhere.url()));
    let error = arm.follow(&url).await.unwrap_err().to_string();
    assert!(!error.contains("signature"), "{error}");
    assert_eq!(server.requests().len(), 1);
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_refused_connection_is_no_send() {
    let url = closed(server(Reaction::Lose).await);
    let sent = arm(&url).change(&post(), &key(1000)).await;
    assert!(matches!(sent, Err(Sent::NotSent { .. })), "{sent:?}");
}

#[tokio::test]
async fn nothing_is_written_after_the_right_to_send_is_over() {
    let server = server(answer("200 OK", "", "{}")).await;
    // Somebody looks at the clock for the token, before the client is called, and after it connected.
    for send_before in [0, 1, 2] {
        let sent = arm(&server.url()).change(&post(), &key(send_before)).await;
        assert!(
            matches!(sent, Err(Sent::NotSent { .. })),
            "{send_before}: {sent:?}"
        );
        assert!(server.requests().is_empty(), "{send_before}");
    }
    // The last of the three connected, and still wrote nothing.
    for _ in 0..1000 {
        if server.connections() > 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 0));
    assert!(arm(&server.url()).change(&post(), &key(3)).await.is_ok());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_second_request_within_one_call_of_a_typed_builder_is_refused() {
    let server = server(answer("202 Accepted", "", "")).await;
    let reply = bridge::change(
        &arm(&server.url()),
        &key(1000),
        "2023-08-01",
        |vendor| async move {
            let client = vendor.sql()?.instance_failover_groups_client();
            client.failover("g", "l", "fog", "s").send().await?;
            client.failover("g", "l", "fog", "s").send().await
        },
    )
    .await;
    assert_eq!(reply.map(|reply| reply.status), Ok(202));
    let read = bridge::read(&arm(&server.url()), "2023-08-01", |vendor| async move {
        let client = vendor.sql()?.instance_failover_groups_client();
        client.failover("g", "l", "fog", "s").send().await
    })
    .await;
    assert!(read.is_err());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_vault_is_read_through_its_typed_builder_whatever_its_words() {
    let body = json!({"properties": {"provisioningState": "NeverSeenBefore"}}).to_string();
    let server = server(answer("200 OK", "", &body)).await;
    let reply = bridge::read(&arm(&server.url()), "2024-04-01", |vendor| async move {
        vendor
            .vaults()?
            .vaults_client()
            .get("s", "rg", "rsv")
            .send()
            .await
    })
    .await
    .unwrap();
    assert_eq!(
        reply.text("/properties/provisioningState"),
        Some("NeverSeenBefore")
    );
    let line = server.requests().remove(0);
    assert!(
        line.starts_with("GET /subscriptions/s/resourceGroups/rg/"),
        "{line}"
    );
    assert!(line.contains("api-version=2024-04-01 "), "{line}");
}

#[tokio::test]
async fn the_public_side_of_a_simulated_world_is_asked_of_the_simulator() {
    let server = server(answer("200 OK", "x-from: simulator\r\n", "fine")).await;
    let clock = Arc::new(Steps(AtomicU64::new(0)));
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    let wire = Forward::new(endpoint, clock.clone()).unwrap();
    let within = Duration::from_secs(5);
    let url = "https://shop.example.test/health?deep=1".parse().unwrap();
    let reply = wire.http(&PublicRequest::get(url, within)).await.unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, b"fine".as_slice()));
    wire.connect("10.20.1.11", 5672, within).await.unwrap();
    assert_eq!(
        server.requests(),
        [
            "GET https://shop.example.test/health?deep=1 HTTP/1.1",
            "CONNECT 10.20.1.11:5672 HTTP/1.1"
        ]
    );
    assert!(server.raw().contains("host: shop.example.test"));
    assert!(Forward::new(Endpoint::parse("https://management.azure.com").unwrap(), clock).is_none());
}

#[tokio::test]
async fn a_public_request_is_sent_once_and_a_late_one_not_at_all() {
    let server = server(Reaction::Lose).await;
    let wire = Direct::new(Arc::new(Steps(AtomicU64::new(10))));
    let mut request = PublicRequest::get(server.url().parse().unwrap(), Duration::from_secs(5));
    request.method = "POST".to_owned();
    assert!(matches!(wire.http(&request).await, Err(PublicError::Lost { .. })));
    assert_eq!(server.requests().len(), 1);
    request.send_before = Some(Duration::from_secs(10));
    assert!(matches!(
        wire.http(&request).await,
        Err(PublicError::NotSent { .. })
    ));
    assert_eq!(server.requests().len(), 1);
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

#[tokio::test]
async fn the_token_and_a_signed_url_stand_in_no_log_and_no_error() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut shown = String::new();
    for reaction in [
        answer("202 Accepted", "", ""),
        Reaction::Lose,
        answer("401 Unauthorized", "", ""),
    ] {
        let server = server(reaction).await;
        let arm = arm(&server.url());
        let changed = arm.change(&post(), &key(1000)).await;
        let built = bridge::change(&arm, &key(1000), "2023-08-01", |vendor| async move {
            let client = vendor.sql()?.instance_failover_groups_client();
            client.failover("g", "l", "fog", "s").send().await
        })
        .await;
        shown += &format!("{arm:?} {changed:?} {built:?}");
        assert!(server.raw().contains(TOKEN));
        let url = OperationUrl::new(format!("{}/ops/1?s=signature", closed(server)));
        shown += &format!(
            "{:?}",
            tokio::time::timeout(Duration::from_millis(200), arm.follow(&url)).await
        );
    }
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        logged.contains("Request"),
        "nothing was logged: the test proves nothing"
    );
    for (place, text) in [("log", logged), ("error", shown)] {
        assert!(!text.contains(TOKEN), "the token stands in the {place}");
        assert!(!text.contains("signature"), "a signature stands in the {place}");
    }
}
