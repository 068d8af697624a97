//! Every kind of credential against a pretend authority over TLS, and what a token does on the wire afterwards.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use leeward_azure::{
    arm::{Arm, Endpoint, Method, NetworkSettings, ReadError, Request, SystemClock, lro, transport::Network},
    cloud::Authority,
    credential::{Credential, CredentialKind, CredentialSettings},
};
use leeward_engine::work::Sent;
use rcgen::{CertificateParams, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize};
use serde_json::{Value, json};
use support::{Reaction, Seen, Server, answer};
use tokio_rustls::rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// A certificate authority of our own, its file, and a server certificate for this machine and a made-up name.
struct Trust {
    folder: tempfile::TempDir,
    server: Arc<ServerConfig>,
}

impl Trust {
    fn new() -> Trust {
        let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let names = ["127.0.0.1", "localhost", "management.example.test"];
        let own = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(names.map(str::to_owned).to_vec())
            .unwrap()
            .signed_by(&own, &issuer)
            .unwrap();
        let chain = vec![CertificateDer::from(leaf.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), root.pem()).unwrap();
        Trust {
            folder,
            server: Arc::new(server),
        }
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn network(&self) -> NetworkSettings {
        NetworkSettings::direct().with_bundle(&self.bundle()).unwrap()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("file:{}", path.display())
    }
}

/// An authority that gives `token-1`, `token-2`, … for as many seconds.
async fn authority(trust: &Trust, seconds: u64) -> Server {
    let count = AtomicUsize::new(0);
    Server::start_tls(trust.server.clone(), move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let body =
            json!({"token_type": "Bearer", "expires_in": seconds, "access_token": format!("token-{number}")});
        answer(
            "200 OK",
            &[("content-type", "application/json")],
            &body.to_string(),
        )
    })
    .await
}

fn settings(kind: CredentialKind, trust: &Trust, authority: &Server) -> CredentialSettings {
    let address = format!("https://{}", authority.address);
    CredentialSettings {
        tenant: Some("tenant-1".to_owned()),
        client: Some("client-1".to_owned()),
        authority: Some(Authority::parse(&address).unwrap()),
        network: trust.network(),
        ..CredentialSettings::of(kind)
    }
}

async fn fine() -> Server {
    Server::start(|_| answer("200 OK", &[], r#"{"name":"g"}"#)).await
}

fn arm(server: &Server, credential: Credential) -> Arm {
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    Arm::new(endpoint, credential, None, Arc::new(SystemClock::new())).unwrap()
}

fn get() -> Request {
    Request::get("/subscriptions/s/resourceGroups/g", "2024-01-01")
}

fn form(seen: &Seen) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(seen.body().as_bytes())
        .into_owned()
        .collect()
}

#[tokio::test]
async fn a_client_secret_is_exchanged_at_its_tenants_own_address() {
    let trust = Trust::new();
    let (login, azure) = (authority(&trust, 3600).await, fine().await);
    let credential = Credential::new(CredentialSettings {
        secret: Some(trust.file("secret", "hunter2\n")),
        ..settings(CredentialKind::ClientSecret, &trust, &login)
    })
    .unwrap();
    let client = arm(&azure, credential);
    client.read(&get()).await.unwrap();
    client.read(&get()).await.unwrap();
    let asked = login.seen();
    assert_eq!(asked.len(), 1, "one token serves both");
    assert_eq!(
        (asked[0].method(), asked[0].path()),
        ("POST", "/tenant-1/oauth2/v2.0/token")
    );
    let form = form(&asked[0]);
    assert_eq!(
        (form["client_id"].as_str(), form["client_secret"].as_str()),
        ("client-1", "hunter2")
    );
    assert_eq!(form["scope"], format!("{}/.default", azure.url()));
    for seen in azure.seen() {
        assert_eq!(seen.header("authorization"), Some("Bearer token-1"));
    }
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_that_its_public_key_confirms() {
    let trust = Trust::new();
    let (login, azure) = (authority(&trust, 3600).await, fine().await);
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(vec!["app.test".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
    let credential = Credential::new(CredentialSettings {
        secret: Some(trust.file("app.pem", &pem)),
        ..settings(CredentialKind::ClientCertificate, &trust, &login)
    })
    .unwrap();
    arm(&azure, credential).read(&get()).await.unwrap();
    let form = form(&login.seen()[0]);
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    let assertion = &form["client_assertion"];
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.der_bytes())
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let parts: Vec<Value> = signed
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
    assert_eq!(
        parts[0],
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint)})
    );
    let audience = format!("https://{}/tenant-1/oauth2/v2.0/token", login.address);
    assert_eq!(parts[1]["aud"], audience);
    assert_eq!(
        (&parts[1]["iss"], &parts[1]["sub"]),
        (&json!("client-1"), &json!("client-1"))
    );
    let life = parts[1]["exp"].as_i64().unwrap() - parts[1]["nbf"].as_i64().unwrap();
    assert!((60..=600).contains(&life), "{life}");
}

#[tokio::test]
async fn a_pods_own_token_is_exchanged_for_azures() {
    let trust = Trust::new();
    let (login, azure) = (authority(&trust, 3600).await, fine().await);
    let credential = Credential::new(CredentialSettings {
        secret: Some(trust.file("pod-token", "pod-token-text")),
        ..settings(CredentialKind::WorkloadIdentity, &trust, &login)
    })
    .unwrap();
    arm(&azure, credential).read(&get()).await.unwrap();
    assert_eq!(form(&login.seen()[0])["client_assertion"], "pod-token-text");
    assert_eq!(azure.seen()[0].header("authorization"), Some("Bearer token-1"));
}

#[tokio::test]
async fn a_credential_in_another_tenant_asks_that_tenant() {
    let trust = Trust::new();
    let (login, azure) = (authority(&trust, 3600).await, fine().await);
    let credential = Credential::new(CredentialSettings {
        secret: Some(trust.file("secret", "hunter2")),
        ..settings(CredentialKind::ClientSecret, &trust, &login)
    })
    .unwrap();
    let other = credential.in_tenant("tenant-2").unwrap();
    for credential in [credential, other] {
        arm(&azure, credential).read(&get()).await.unwrap();
    }
    let paths: Vec<String> = login.seen().iter().map(|seen| seen.path().to_owned()).collect();
    assert_eq!(
        paths,
        ["/tenant-1/oauth2/v2.0/token", "/tenant-2/oauth2/v2.0/token"]
    );
}

#[tokio::test]
async fn an_authority_that_refuses_is_told_with_its_reason_and_nothing_is_sent_to_azure() {
    let trust = Trust::new();
    let login = Server::start_tls(trust.server.clone(), |_| {
        let body =
            json!({"error": "invalid_client", "error_codes": [7000215], "error_description": "AADSTS7000215: wrong"});
        answer("401 Unauthorized", &[("content-type", "application/json")], &body.to_string())
    })
    .await;
    let azure = fine().await;
    let credential = Credential::new(CredentialSettings {
        secret: Some(trust.file("secret", "hunter2")),
        ..settings(CredentialKind::ClientSecret, &trust, &login)
    })
    .unwrap();
    let client = arm(&azure, credential);
    let error = client.prove().await.unwrap_err().to_string();
    assert!(
        error.contains("client-secret") && error.contains("AADSTS7000215"),
        "{error}"
    );
    assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
    let request = Request::new(Method::Post, "/subscriptions/s/failover", "1");
    let sent = client
        .change(&request, &lro::one_off(&client, Duration::from_secs(30)))
        .await;
    assert!(matches!(sent, Err(Sent::NotSent { .. })), "{sent:?}");
    assert!(azure.seen().is_empty());
}

#[tokio::test]
async fn an_authority_that_nobody_vouches_for_gets_no_secret() {
    let trust = Trust::new();
    let login = authority(&trust, 3600).await;
    let azure = fine().await;
    let credential = Credential::new(CredentialSettings {
        secret: Some(trust.file("secret", "hunter2")),
        network: NetworkSettings::direct(),
        ..settings(CredentialKind::ClientSecret, &trust, &login)
    })
    .unwrap();
    assert!(arm(&azure, credential).prove().await.is_err());
    assert!(login.seen().is_empty() && azure.seen().is_empty());
}

#[tokio::test]
async fn a_read_takes_one_new_token_after_a_401_and_a_change_is_refused_and_sent_once() {
    let trust = Trust::new();
    let login = authority(&trust, 3600).await;
    let azure = Server::start(|seen| match seen.header("authorization") {
        Some("Bearer token-1") => answer(
            "401 Unauthorized",
            &[],
            r#"{"error":{"code":"ExpiredAuthenticationToken"}}"#,
        ),
        _ => answer("200 OK", &[], "{}"),
    })
    .await;
    let made = || {
        Credential::new(CredentialSettings {
            secret: Some(trust.file("secret", "hunter2")),
            ..settings(CredentialKind::ClientSecret, &trust, &login)
        })
        .unwrap()
    };
    let client = arm(&azure, made());
    let request = Request::new(Method::Post, "/subscriptions/s/failover", "1");
    let sent = client
        .change(&request, &lro::one_off(&client, Duration::from_secs(30)))
        .await;
    let Err(Sent::Refused(refusal)) = sent else {
        panic!("{sent:?}");
    };
    assert_eq!((refusal.status, refusal.passing), (401, true));
    assert_eq!(
        azure.seen().len(),
        1,
        "a change is not tried again with a new token"
    );
    // The look that follows has the new token already.
    client.read(&get()).await.unwrap();
    let tokens: Vec<String> = azure
        .seen()
        .iter()
        .filter_map(|seen| seen.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_read_that_gets_401_twice_gives_up() {
    let trust = Trust::new();
    let login = authority(&trust, 3600).await;
    let azure = Server::start(|_| answer("401 Unauthorized", &[], "{}")).await;
    let credential = Credential::new(CredentialSettings {
        secret: Some(trust.file("secret", "hunter2")),
        ..settings(CredentialKind::ClientSecret, &trust, &login)
    })
    .unwrap();
    let error = arm(&azure, credential).read(&get()).await.unwrap_err();
    assert!(matches!(error, ReadError::Answered(error) if error.status == 401));
    assert_eq!((azure.seen().len(), login.seen().len()), (2, 2));
}

#[tokio::test]
async fn azure_is_reached_through_the_environments_proxy_and_this_machine_never() {
    let trust = Trust::new();
    let azure = Server::start_tls(trust.server.clone(), |_| answer("200 OK", &[], r#"{"name":"g"}"#)).await;
    let plain = fine().await;
    let there = azure.address;
    let proxy = Server::start(move |seen| match seen.method() {
        "CONNECT" => Reaction::Tunnel(there),
        _ => Reaction::Lose,
    })
    .await;
    let bundle = trust.bundle().display().to_string();
    let address = format!("http://joe:hunter2@{}", proxy.address);
    let network = NetworkSettings::from_environment(|name| match name {
        "HTTPS_PROXY" => Some(address.clone()),
        "SSL_CERT_FILE" => Some(bundle.clone()),
        "NO_PROXY" => Some("internal.example.test".to_owned()),
        _ => None,
    })
    .unwrap();
    let client = |endpoint: &str| {
        let endpoint = Endpoint::parse(endpoint).unwrap();
        let http = Arc::new(Network::new(network.clone()));
        let credential = Credential::from_source(CredentialKind::AzureCli, Arc::new(support::OneToken("t")));
        Arm::new(endpoint, credential, Some(http), Arc::new(SystemClock::new())).unwrap()
    };
    let far = client("https://management.example.test");
    assert_eq!(far.read(&get()).await.unwrap().body["name"], "g");
    let request = Request::new(Method::Post, "/subscriptions/s/failover", "1");
    let key = lro::one_off(&far, Duration::from_secs(30));
    assert!(far.change(&request, &key).await.is_ok());
    let lines: Vec<String> = proxy
        .seen()
        .iter()
        .map(|seen| format!("{} {}", seen.method(), seen.target()))
        .collect();
    assert_eq!(lines, ["CONNECT management.example.test:443"; 2]);
    assert!(!proxy.raw().contains("Bearer"), "the proxy sees no token");
    assert_eq!(azure.seen().len(), 2);
    // This machine, by whatever name.
    for endpoint in [
        plain.url(),
        plain.url().replace("127.0.0.1", "localhost"),
        format!("https://{}", azure.address),
    ] {
        client(&endpoint).read(&get()).await.unwrap();
    }
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn a_change_that_the_proxy_cannot_carry_was_not_sent() {
    let proxy = Server::start(|_| answer("502 Bad Gateway", &[], "")).await;
    let address = proxy.url();
    let network =
        NetworkSettings::from_environment(|name| (name == "ALL_PROXY").then(|| address.clone())).unwrap();
    let credential = Credential::from_source(CredentialKind::AzureCli, Arc::new(support::OneToken("t")));
    let client = Arm::new(
        Endpoint::parse("https://management.example.test").unwrap(),
        credential,
        Some(Arc::new(Network::new(network))),
        Arc::new(SystemClock::new()),
    )
    .unwrap();
    let request = Request::new(Method::Post, "/subscriptions/s/failover", "1");
    let sent = client
        .change(&request, &lro::one_off(&client, Duration::from_secs(30)))
        .await;
    assert!(matches!(sent, Err(Sent::NotSent { .. })), "{sent:?}");
    assert_eq!(proxy.seen().len(), 1);
}

/// Names the kind that the other half of this test, in a process of its own, has to try.
const CHILD: &str = "LEEWARD_TEST_CHILD";

/// The other half: asks for a token as whom its environment says, and reads once.
#[tokio::test]
async fn child_of_the_tests_that_need_an_environment() {
    let Ok(kind) = std::env::var(CHILD) else {
        return;
    };
    let credential = Credential::new(CredentialSettings {
        client: std::env::var("LEEWARD_TEST_CLIENT").ok(),
        ..CredentialSettings::of(kind.parse().unwrap())
    })
    .unwrap();
    let endpoint = Endpoint::parse(&std::env::var("LEEWARD_TEST_ENDPOINT").unwrap()).unwrap();
    let client = Arm::new(endpoint, credential, None, Arc::new(SystemClock::new())).unwrap();
    client.read(&get()).await.unwrap();
}

async fn child(kind: &str, azure: &Server, environment: &[(&str, &str)]) -> std::process::Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "child_of_the_tests_that_need_an_environment",
            "--nocapture",
        ])
        .env(CHILD, kind)
        .env("LEEWARD_TEST_ENDPOINT", azure.url())
        .envs(environment.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_machines_own_identity_and_one_assigned_to_it_are_asked_of_the_machine() {
    let azure = fine().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    let machine = Server::start(move |seen| {
        kept.lock().unwrap().push(seen.clone());
        let end = jiff::Timestamp::now().as_second() + 3600;
        let body = json!({
            "access_token": "machine-token", "expires_on": end.to_string(), "token_type": "Bearer", "resource": "x",
        });
        answer("200 OK", &[("content-type", "application/json")], &body.to_string())
    })
    .await;
    let endpoint = machine.url();
    let shared = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", "header-1"),
    ];
    let own = child("managed-identity", &azure, &shared).await;
    assert!(own.status.success(), "{}", String::from_utf8_lossy(&own.stdout));
    let [first, second] = shared;
    let assigned = child(
        "managed-identity",
        &azure,
        &[first, second, ("LEEWARD_TEST_CLIENT", "client-9")],
    )
    .await;
    assert!(
        assigned.status.success(),
        "{}",
        String::from_utf8_lossy(&assigned.stdout)
    );
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(!asked[0].target().contains("client_id"), "{}", asked[0].target());
    assert!(
        asked[1].target().contains("client_id=client-9"),
        "{}",
        asked[1].target()
    );
    for seen in azure.seen() {
        assert_eq!(seen.header("authorization"), Some("Bearer machine-token"));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn whoever_is_signed_in_to_the_command_line_is_asked_of_it() {
    use std::os::unix::fs::PermissionsExt;

    let azure = fine().await;
    let folder = tempfile::tempdir().unwrap();
    let az = folder.path().join("az");
    let end = jiff::Timestamp::now().as_second() + 3600;
    let token = json!({"accessToken": "cli-token", "expires_on": end, "tokenType": "Bearer"});
    let write = |text: String| {
        std::fs::write(&az, text).unwrap();
        std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    write(format!("#!/bin/sh\necho '{token}'\n"));
    let path = with_path(folder.path());
    let signed_in = child("azure-cli", &azure, &[("PATH", path.as_str())]).await;
    assert!(
        signed_in.status.success(),
        "{}",
        String::from_utf8_lossy(&signed_in.stdout)
    );
    assert_eq!(azure.seen()[0].header("authorization"), Some("Bearer cli-token"));
    write("#!/bin/sh\necho 'ERROR: Please run az login' >&2\nexit 1\n".to_owned());
    let signed_out = child("azure-cli", &azure, &[("PATH", path.as_str())]).await;
    let said = String::from_utf8_lossy(&signed_out.stdout).into_owned()
        + &String::from_utf8_lossy(&signed_out.stderr);
    assert!(
        !signed_out.status.success() && said.contains("az login"),
        "{said}"
    );
    assert_eq!(azure.seen().len(), 1);
}

fn with_path(folder: &Path) -> String {
    let rest = std::env::var("PATH").unwrap_or_default();
    format!("{}:{rest}", folder.display())
}
