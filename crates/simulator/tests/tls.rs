//! Is it Azure's protocol over TLS, and does it speak for this machine only?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use leeward_simulator::{Identity, Settings, Simulator, World, serve_tls};
use support::*;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

async fn connect(address: &str, authority: &str, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(name.to_owned()).unwrap(), stream)
        .await
}

async fn served(settings: Settings) -> (String, Identity) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let identity = Identity::make(jiff::Timestamp::now()).unwrap();
    let simulator = Simulator::new(World::derive(&blueprint()).unwrap(), settings);
    let own = identity.clone();
    tokio::spawn(async move { serve_tls(listener, simulator, &own).await });
    (address, identity)
}

async fn ask(stream: TlsStream<TcpStream>, method: &str, target: &str, host: &str) -> (u16, http::HeaderMap) {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = http::Request::builder()
        .method(method)
        .uri(target)
        .header("host", host)
        .header("authorization", "Bearer pretend")
        .body(Full::new(bytes::Bytes::new()))
        .unwrap();
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    body.collect().await.unwrap();
    (parts.status.as_u16(), parts.headers)
}

#[tokio::test]
async fn whoever_trusts_its_authority_is_served_and_sent_to_https_again() {
    let (address, identity) = served(Settings {
        speed: 600,
        ..Settings::seeded(1)
    })
    .await;
    let stream = connect(&address, identity.authority(), "127.0.0.1")
        .await
        .unwrap();
    let failover = format!("{}/failover?api-version={SQL}", instance_group("neu"));
    let (status, headers) = ask(stream, "POST", &failover, &address).await;
    assert_eq!(status, 202);
    let url = headers["azure-asyncoperation"].to_str().unwrap();
    assert!(
        url.starts_with(&format!("https://{address}/subscriptions/")),
        "{url}"
    );
}

#[tokio::test]
async fn its_certificate_is_for_this_machine_and_worth_nothing_elsewhere() {
    let (address, identity) = served(Settings::seeded(1)).await;
    assert!(connect(&address, identity.authority(), "localhost").await.is_ok());
    assert!(
        connect(&address, identity.authority(), "management.azure.com")
            .await
            .is_err()
    );
    let another = Identity::make(jiff::Timestamp::now()).unwrap();
    assert!(connect(&address, another.authority(), "127.0.0.1").await.is_err());
    assert!(!identity.authority().contains("PRIVATE KEY"));
}

#[tokio::test]
async fn a_poller_can_be_told_to_come_back_at_once() {
    for (every, header, value) in [(0, "retry-after", "0"), (20, "retry-after-ms", "20")] {
        let settings = Settings {
            poll_every: Some(Duration::from_millis(every)),
            ..Settings::seeded(1)
        };
        let azure = Simulator::new(World::derive(&blueprint()).unwrap(), settings);
        let begun = post(&azure, &format!("{}/failover", instance_group("neu")), SQL).await;
        assert_eq!((begun.status, begun.header(header)), (202, Some(value)));
        let url = begun.header("azure-asyncoperation").unwrap();
        let polled = send(&azure, request("GET", url, None)).await.unwrap();
        assert_eq!(polled.header(header), Some(value));
        azure.advance(Duration::from_secs(3_600));
        let polled = send(&azure, request("GET", url, None)).await.unwrap();
        assert_eq!(
            (polled.body["status"].as_str(), polled.header(header)),
            (Some("Succeeded"), None)
        );
        let throttled = "{ match: {}, verdict: { throttle: { retry-after: 7 } } }";
        azure.add_faults(leeward_simulator::rules(throttled).unwrap());
        let told = send(&azure, request("GET", url, None)).await.unwrap();
        assert_eq!((told.status, told.header("retry-after")), (429, Some("7")));
    }
}
