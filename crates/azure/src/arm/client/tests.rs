use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    http::AsyncRawResponse,
};
use serde_json::json;

use super::*;
use crate::credential::CredentialSettings;
use crate::testing::{FakeAzure, TestClock, key};

const PATH: &str = "/subscriptions/s/resourceGroups/g";

fn get() -> Request {
    Request::get(PATH, "2024-01-01")
}

fn put() -> Request {
    Request::new(Method::Put, PATH, "2024-01-01").body(json!({"location": "x"}))
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_again_and_heeds_what_azure_asks() {
    let azure = FakeAzure::new();
    azure.on_with(
        "GET",
        PATH,
        (429, vec![("retry-after", "20".to_owned())], Value::Null),
    );
    azure.on("GET", PATH, 503, Value::Null);
    azure.on("GET", PATH, 200, json!({"name": "g"}));
    let start = tokio::time::Instant::now();
    let reply = azure.arm().read(&get()).await.unwrap();
    assert_eq!(reply.body["name"], "g");
    assert_eq!(azure.seen().len(), 3);
    assert_eq!(start.elapsed(), Duration::from_secs(22));
}

#[tokio::test(start_paused = true)]
async fn a_read_ends_by_itself() {
    #[derive(Debug)]
    struct Silent;
    #[async_trait]
    impl HttpClient for Silent {
        async fn execute_request(
            &self,
            _: &azure_core::http::Request,
        ) -> azure_core::Result<AsyncRawResponse> {
            std::future::pending().await
        }
    }
    let endpoint = Endpoint::parse("http://localhost:1").unwrap();
    let arm = Arm::new(
        endpoint,
        Credential::simulator(),
        Some(Arc::new(Silent)),
        TestClock::new(),
    )
    .unwrap();
    let start = tokio::time::Instant::now();
    assert!(matches!(
        arm.read(&get()).await,
        Err(ReadError::Unreachable { .. })
    ));
    assert!(start.elapsed() <= READ, "{:?}", start.elapsed());
    // A change that was written and never answered is unknown, after 30 s.
    let start = tokio::time::Instant::now();
    let mut late = key("op");
    late.send_before = Duration::from_secs(1000);
    assert!(matches!(
        arm.change(&put(), &late).await,
        Err(Sent::Unanswered { .. })
    ));
    assert_eq!(start.elapsed(), ANSWER);
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_a_read_may_take_is_handed_up() {
    let azure = FakeAzure::new();
    azure.on_with(
        "GET",
        PATH,
        (429, vec![("retry-after", "324".to_owned())], Value::Null),
    );
    let Err(ReadError::Answered(error)) = azure.arm().read(&get()).await else {
        panic!("no answer");
    };
    assert_eq!(error.retry_after, Some(Duration::from_secs(324)));
    assert_eq!(azure.seen().len(), 1);
}

#[tokio::test]
async fn a_list_is_read_to_its_end_and_never_led_astray() {
    let azure = FakeAzure::new();
    azure.on(
        "GET",
        PATH,
        200,
        json!({"value": [1, 2], "nextLink": "http://127.0.0.1:1/next?skip=1"}),
    );
    azure.on("GET", "/next", 200, json!({"value": [3], "nextLink": null}));
    assert_eq!(
        azure.arm().list(&get()).await.unwrap(),
        [json!(1), json!(2), json!(3)]
    );
    for link in [
        "http://127.0.0.1:2/next",
        "https://127.0.0.1:1/next",
        "http://evil.test/next",
    ] {
        let azure = FakeAzure::new();
        azure.on("GET", PATH, 200, json!({"value": [1], "nextLink": link}));
        assert!(azure.arm().list(&get()).await.is_err(), "{link}");
        assert_eq!(azure.seen().len(), 1);
    }
    let azure = FakeAzure::new();
    azure.on(
        "GET",
        PATH,
        200,
        json!({"value": [1], "nextLink": "http://127.0.0.1:1/next"}),
    );
    azure.on(
        "GET",
        "/next",
        200,
        json!({"value": [3], "nextLink": "http://127.0.0.1:1/next"}),
    );
    assert!(azure.arm().list(&get()).await.is_err());
    assert_eq!(azure.seen().len(), 2);
}

#[tokio::test]
async fn a_change_that_came_too_late_is_never_written() {
    let azure = FakeAzure::new();
    let mut late = key("op");
    late.send_before = Duration::ZERO;
    let sent = azure.arm().change(&put(), &late).await;
    assert!(matches!(sent, Err(Sent::NotSent { .. })), "{sent:?}");
    assert!(azure.seen().is_empty());
}

#[tokio::test]
async fn a_change_is_not_repeated_by_a_read_and_a_read_not_taken_for_a_change() {
    let azure = FakeAzure::new();
    assert!(azure.arm().read(&put()).await.is_err());
    assert!(azure.seen().is_empty());
    azure.on("POST", "/listKeys", 200, json!({"keys": []}));
    let keys = Request::new(Method::Post, format!("{PATH}/listKeys"), "1");
    assert!(azure.arm().read(&keys).await.is_ok());
}

#[tokio::test]
async fn a_bad_path_is_refused_before_anything_is_sent() {
    let azure = FakeAzure::new();
    let bad = Request::new(Method::Delete, "/subscriptions/s/../t", "1");
    assert!(matches!(
        azure.arm().change(&bad, &key("op")).await,
        Err(Sent::Refused(_))
    ));
    assert!(azure.seen().is_empty());
}

#[tokio::test]
async fn the_simulators_token_is_for_this_machine_only() {
    let public = Endpoint::parse(super::super::PUBLIC_CLOUD).unwrap();
    let made = Arm::new(public, Credential::simulator(), None, TestClock::new());
    assert_eq!(made.err(), Some(CredentialError::NotLoopback));
}

#[derive(Debug, Default)]
struct Tokens(Mutex<u32>);

#[async_trait]
impl TokenCredential for Tokens {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let mut count = self.0.lock().unwrap();
        *count += 1;
        let end = time::OffsetDateTime::UNIX_EPOCH + Duration::from_secs(3600);
        Ok(AccessToken::new(format!("secret-{count}"), end))
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_held_until_it_ends_or_azure_no_longer_takes_it() {
    let azure = FakeAzure::new();
    azure.on("GET", PATH, 200, json!({}));
    azure.on("GET", PATH, 200, json!({}));
    azure.on(
        "GET",
        PATH,
        401,
        json!({"error": {"code": "ExpiredAuthenticationToken", "message": "m"}}),
    );
    azure.on("GET", PATH, 200, json!({}));
    let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
    let credential = Credential::from_source(CredentialKind::AzureCli, Arc::new(Tokens::default()));
    let arm = Arm::new(endpoint, credential, Some(azure.clone()), TestClock::new()).unwrap();
    for _ in 0..2 {
        arm.read(&get()).await.unwrap();
    }
    tokio::time::advance(Duration::from_secs(3400)).await;
    arm.read(&get()).await.unwrap();
    let bearers: Vec<String> = azure
        .seen()
        .iter()
        .map(|seen| seen.headers["authorization"].clone())
        .collect();
    // Held, held, replaced before its end, and replaced once more after a 401.
    assert_eq!(
        bearers,
        [
            "Bearer secret-1",
            "Bearer secret-1",
            "Bearer secret-2",
            "Bearer secret-3"
        ]
    );
    assert!(!format!("{arm:?}").contains("secret-"));
}

#[tokio::test]
async fn a_step_in_a_tenant_that_the_credential_cannot_enter_sends_nothing() {
    let azure = FakeAzure::new();
    let credential = Credential::new(CredentialSettings::of(CredentialKind::ManagedIdentity)).unwrap();
    let endpoint = Endpoint::parse("http://localhost:1").unwrap();
    let arm = Arm::new(endpoint, credential, Some(azure.clone()), TestClock::new()).unwrap();
    let context = crate::testing::context(
        "azure.resource",
        leeward_runbook::journey::Journey::Failover,
        json!({"subscription": "s", "tenant": "t-2"}),
        json!({}),
        json!({}),
    );
    let arm = arm.for_step(&context);
    let read = arm.read(&get()).await.unwrap_err().to_string();
    assert!(
        read.contains("t-2") && read.contains("managed-identity"),
        "{read}"
    );
    let sent = arm.change(&put(), &key("op")).await;
    assert!(matches!(sent, Err(Sent::NotSent { .. })), "{sent:?}");
    assert!(azure.seen().is_empty());
}
