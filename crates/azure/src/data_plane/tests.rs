use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use leeward_engine::work::Sent;

use super::*;
use crate::{
    arm::Endpoint,
    credential::Credential,
    testing::{FakeAzure, FakePublic, TestClock, key},
};

fn plane(public: Arc<dyn PublicWire>) -> DataPlane {
    DataPlane::new(FakeAzure::new().arm(), public)
}

/// Answers by host and path, and keeps what it was asked.
#[derive(Default)]
pub(crate) struct Scripted {
    answers: Mutex<BTreeMap<String, PublicReply>>,
    seen: Mutex<Vec<PublicRequest>>,
}

impl Scripted {
    fn on(&self, method: &str, url: &str, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers.iter();
        let reply = PublicReply {
            status,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        };
        self.answers
            .lock()
            .unwrap()
            .insert(format!("{method} {url}"), reply);
    }
}

#[async_trait]
impl PublicWire for Scripted {
    async fn http(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        self.seen.lock().unwrap().push(request.clone());
        let key = format!("{} {}", request.method, request.url);
        let answers = self.answers.lock().unwrap();
        answers
            .get(&key)
            .cloned()
            .ok_or_else(|| PublicError::not_sent(format!("nobody at {key}")))
    }

    async fn connect(&self, _: &str, _: u16, _: Duration) -> Result<(), PublicError> {
        Err(PublicError::not_sent("not here"))
    }
}

fn blobs<'a>(plane: &'a DataPlane) -> Blobs<'a> {
    Blobs {
        plane,
        account: "stshop",
        tenant: None,
    }
}

#[tokio::test]
async fn a_token_goes_to_the_host_that_the_cloud_gives_and_is_shown_nowhere() {
    let public = FakePublic::answering(201, "");
    let plane = plane(public.clone());
    blobs(&plane)
        .create("media", "a/canary", "x", &key("canary"))
        .await
        .unwrap();
    let [request] = public.requests().try_into().unwrap();
    assert_eq!(
        request.url.as_str(),
        "https://stshop.blob.core.windows.net/media/a/canary"
    );
    assert!(request.bearer.is_some() && request.send_before.is_some());
    let token = request.bearer.as_ref().unwrap().expose();
    let token = token.trim_start_matches("Bearer ");
    assert!(token.len() > 3 && !format!("{request:?}").contains(token));
    for name in ["st.example.test", "st/x", "st@evil", "", "st:8080", "st#"] {
        assert!(plane.host(Service::Blobs, name).is_err(), "{name}");
    }
    for bad in ["..", "a%2fb", "a?b"] {
        let sent = blobs(&plane).create("media", bad, "x", &key("canary")).await;
        assert!(matches!(sent, Err(Sent::NotSent { .. })), "{bad}");
    }
    assert_eq!(public.requests().len(), 1);
}

#[test]
fn each_cloud_has_its_own_hosts_and_one_without_a_name_has_none() {
    let host = |url: &str, service| {
        let arm = Arm::new(
            Endpoint::parse(url).unwrap(),
            Credential::new(crate::credential::CredentialSettings::of(
                crate::credential::CredentialKind::AzureCli,
            ))
            .unwrap(),
            None,
            TestClock::new(),
        );
        DataPlane::new(arm.unwrap(), FakePublic::silent()).host(service, "Name")
    };
    let china = "https://management.chinacloudapi.cn";
    assert_eq!(host(china, Service::Vaults).unwrap(), "name.vault.azure.cn");
    assert_eq!(
        host(china, Service::Blobs).unwrap(),
        "name.blob.core.chinacloudapi.cn"
    );
    assert!(
        host("https://arm.example.test", Service::Blobs)
            .unwrap_err()
            .contains("cloud")
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_is_sent_once_whatever_is_answered_and_a_read_is_tried_again() {
    let create = async |public: Arc<FakePublic>| {
        let plane = plane(public.clone());
        let sent = blobs(&plane).create("media", "canary", "x", &key("canary")).await;
        assert_eq!(public.requests().len(), 1);
        sent
    };
    assert!(matches!(
        create(FakePublic::answering(500, "")).await,
        Err(Sent::Unanswered { .. })
    ));
    assert!(
        matches!(create(FakePublic::answering(429, "")).await, Err(Sent::Refused(refusal)) if refusal.passing)
    );
    assert!(matches!(
        create(FakePublic::losing()).await,
        Err(Sent::Unanswered { .. })
    ));
    assert!(matches!(
        create(FakePublic::silent()).await,
        Err(Sent::NotSent { .. })
    ));
    let public = FakePublic::answering(503, "");
    let plane = plane(public.clone());
    assert!(blobs(&plane).get("media", "canary").await.is_err());
    assert_eq!(public.requests().len(), 2);
}

#[tokio::test]
async fn what_blobs_say_is_read_and_a_container_that_is_not_there_is_no_blob_to_come() {
    let public = Arc::new(Scripted::default());
    let url = |name: &str| format!("https://stshop-secondary.blob.core.windows.net/media/{name}");
    let dates = [
        ("Last-Modified", "Tue, 24 Nov 2026 10:00:00 GMT"),
        ("Date", "Tue, 24 Nov 2026 10:00:30 GMT"),
    ];
    public.on("GET", &url("here"), 200, &dates, "canary");
    let code = |code| [("x-ms-error-code", code)];
    public.on("GET", &url("gone"), 404, &code("BlobNotFound"), "<Error/>");
    let said = "<Error><Code>ContainerNotFound</Code><Message>not there</Message></Error>";
    public.on("GET", &url("lost"), 404, &code("ContainerNotFound"), said);
    let plane = plane(public.clone());
    let get = async |name| blobs(&plane).get_from_secondary("media", name).await;
    let blob = get("here").await.unwrap().unwrap();
    assert_eq!(blob.text, "canary");
    let took = blob.read.unwrap().duration_since(blob.written.unwrap());
    assert_eq!(took.as_secs(), 30);
    assert_eq!(get("gone").await, Ok(None));
    let error = get("lost").await.unwrap_err().to_string();
    assert_eq!(error, "ContainerNotFound: not there");
    let header = public.seen.lock().unwrap()[0].headers.clone();
    assert!(
        header
            .iter()
            .any(|(name, value)| name == "x-ms-version" && value == "2023-11-03")
    );
}

#[tokio::test]
async fn a_new_version_of_a_secret_keeps_what_the_one_before_was_and_its_value_is_told_nowhere() {
    let public = Arc::new(Scripted::default());
    let url = "https://kv-shop.vault.azure.net/secrets/media?api-version=7.4";
    let old = r#"{"value":"hunter22","contentType":"text","tags":{"owner":"shop"},"attributes":{"enabled":true,"exp":99,"created":1}}"#;
    public.on("GET", url, 200, &[], old);
    public.on("PUT", url, 200, &[], old);
    let plane = plane(public.clone());
    let vaults = Vaults {
        plane: &plane,
        vault: "kv-shop",
        tenant: None,
    };
    let before = vaults.get("media").await.unwrap().unwrap();
    assert!(before.is("hunter22") && !before.is("hunter2"));
    assert!(!format!("{before:?}").contains("hunter22"));
    vaults
        .set("media", "new", Some(&before), &key("switch"))
        .await
        .unwrap();
    let sent: serde_json::Value =
        serde_json::from_slice(public.seen.lock().unwrap()[1].body.as_ref().unwrap()).unwrap();
    assert_eq!(
        sent,
        serde_json::json!({
            "value": "new", "contentType": "text", "tags": {"owner": "shop"},
            "attributes": {"enabled": true, "exp": 99},
        })
    );
    let refused = r#"{"error":{"code":"Forbidden","message":"no"}}"#;
    public.on("PUT", url, 403, &[], refused);
    let Err(Sent::Refused(refusal)) = vaults.set("media", "new", None, &key("switch")).await else {
        panic!("not refused");
    };
    assert!(
        refusal.message.contains("can only be read"),
        "{}",
        refusal.message
    );
}
