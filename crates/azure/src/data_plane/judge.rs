//! Does the vendor's own emulator of blob storage take what we send, and do we read what it says?
//!
//! Azurite is started on a free port of this machine, over https, and signs nobody in: it looks at a token's claims
//! and not at its signature. Where it is not installed the test is passed over by name.

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use leeward_engine::work::Sent;
use serde_json::json;

use super::*;
use crate::{
    arm::NetworkSettings,
    seams::Direct,
    testing::{FakeAzure, TestClock, key},
};

/// The account that the emulator has.
const ACCOUNT: &str = "devstoreaccount1";
const TEST: &str = "a_real_blob_service_takes_what_is_sent_and_says_what_is_read";

/// A running emulator; it ends with the test.
struct Azurite(Child);

impl Drop for Azurite {
    fn drop(&mut self) {
        // It is ours, and there is nothing that it could lose.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the emulator's program where `tests/judges/install` has put it.
fn installed() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    let program = "judges/azurite/node_modules/azurite/dist/src/blob/main.js";
    own.ancestors()
        .map(|folder| folder.join(program))
        .find(|place| place.is_file())
}

/// Leads what is for the account's hosts to the emulator, with a token that it takes.
struct Emulated {
    direct: Direct,
    base: String,
    audience: &'static str,
}

impl Emulated {
    #[expect(clippy::disallowed_methods, reason = "a real service lives on the real clock")]
    fn token(&self) -> Bearer {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({"alg": "RS256", "typ": "JWT"}));
        let claims = part(json!({
            "aud": self.audience, "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000001/",
            "iat": now - 60, "nbf": now - 60, "exp": now + 3600,
        }));
        Bearer::new(format!("{head}.{claims}.c2lnbmF0dXJl").into())
    }
}

#[async_trait]
impl PublicWire for Emulated {
    async fn http(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        assert!(request.bearer.is_some(), "nothing goes there without a token");
        let host = request.url.host_str().unwrap();
        let name = host.strip_suffix(".blob.core.windows.net").unwrap();
        let query = request
            .url
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let url = format!("{}/{name}{}{query}", self.base, request.url.path());
        let request = PublicRequest {
            url: url.parse().unwrap(),
            bearer: Some(self.token()),
            ..request.clone()
        };
        self.direct.http(&request).await
    }

    async fn connect(&self, _: &str, _: u16, _: Duration) -> Result<(), PublicError> {
        Err(PublicError::not_sent("not here"))
    }
}

/// Starts the emulator; nothing, and loudly, where there is none.
fn start(folder: &std::path::Path) -> Option<(Azurite, u16)> {
    let Some(program) = installed() else {
        assert!(
            env::var("LEEWARD_JUDGES").as_deref() != Ok("required"),
            "{TEST}: Azurite is required and not installed; `tests/judges/install azurite` does it"
        );
        eprintln!(
            "!!! PASSED OVER: {TEST}: Azurite is not installed; `tests/judges/install azurite` does it"
        );
        return None;
    };
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("certificate.pem", certified.cert.pem());
    let private = file("key.pem", certified.signing_key.serialize_pem());
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let child = Command::new("node")
        .arg(program)
        .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
        .args(["--oauth", "basic", "--skipApiVersionCheck", "--disableTelemetry"])
        .args(["--inMemoryPersistence", "--silent"])
        .arg("--cert")
        .arg(certificate)
        .arg("--key")
        .arg(private)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("node starts");
    Some((Azurite(child), port))
}

async fn is_up(port: u16) {
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(std::time::Instant::now() < end, "Azurite did not come up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_real_blob_service_takes_what_is_sent_and_says_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_azurite, port)) = start(folder.path()) else {
        return;
    };
    is_up(port).await;
    let emulated = |audience| {
        let network = NetworkSettings::direct().with_bundle(&folder.path().join("certificate.pem"));
        Arc::new(Emulated {
            direct: Direct::through(TestClock::new(), network.unwrap()),
            base: format!("https://127.0.0.1:{port}"),
            audience,
        })
    };
    let wire = emulated("https://storage.azure.com");
    let plane = DataPlane::new(FakeAzure::new().arm(), wire.clone());
    let blobs = Blobs {
        plane: &plane,
        account: ACCOUNT,
        tenant: None,
    };
    let container = PublicRequest {
        method: "PUT".to_owned(),
        headers: vec![("x-ms-version".to_owned(), "2023-11-03".to_owned())],
        bearer: Some(wire.token()),
        ..PublicRequest::get(
            format!("https://{ACCOUNT}.blob.core.windows.net/media?restype=container")
                .parse()
                .unwrap(),
            Duration::from_secs(30),
        )
    };
    assert_eq!(wire.http(&container).await.unwrap().status, 201);

    assert_eq!(blobs.get("media", "canary.txt").await, Ok(None));
    let lost = blobs.get("nowhere", "canary.txt").await.unwrap_err().to_string();
    assert!(lost.starts_with("ContainerNotFound: "), "{lost}");
    let create = async |text| blobs.create("media", "a/canary.txt", text, &key("canary")).await;
    create("one").await.unwrap();
    let Err(Sent::Refused(again)) = create("two").await else {
        panic!("a second one was taken");
    };
    assert_eq!((again.status, again.code.as_str()), (409, "BlobAlreadyExists"));
    let blob = blobs.get("media", "a/canary.txt").await.unwrap().unwrap();
    assert_eq!(blob.text, "one");
    assert!(blob.written.is_some() && blob.read >= blob.written, "{blob:?}");
    let there = blobs.get_from_secondary("media", "a/canary.txt").await.unwrap();
    assert_eq!(there.map(|blob| blob.text).as_deref(), Some("one"));
    blobs
        .remove("media", "a/canary.txt", &key("canary"))
        .await
        .unwrap();
    assert_eq!(blobs.get("media", "a/canary.txt").await, Ok(None));
    let Err(Sent::Refused(gone)) = blobs.remove("media", "a/canary.txt", &key("canary")).await else {
        panic!("what is not there was removed");
    };
    assert_eq!((gone.status, gone.code.as_str()), (404, "BlobNotFound"));

    // A token for somebody else opens nothing.
    let plane = DataPlane::new(FakeAzure::new().arm(), emulated("https://vault.azure.net"));
    let stranger = Blobs {
        plane: &plane,
        account: ACCOUNT,
        tenant: None,
    };
    let refused = stranger.create("media", "b", "x", &key("canary")).await;
    assert!(
        matches!(&refused, Err(Sent::Refused(refusal)) if matches!(refusal.status, 401 | 403)),
        "{refused:?}"
    );
}
