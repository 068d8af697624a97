use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::*;
use crate::testing::TestClock;

const TOKEN: &str = "the-token-of-this-cluster";

/// A server of one certificate that does the same with every request, and keeps what it read.
struct Server {
    url: String,
    authority: String,
    heard: Arc<Mutex<Vec<String>>>,
}

async fn server(answer: Option<&'static str>) -> Server {
    let mut above = CertificateParams::new(Vec::new()).unwrap();
    above.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let above = CertifiedIssuer::self_signed(above, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .signed_by(&key, &above)
        .unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = heard.clone();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut bytes = vec![0; 8192];
            let count = stream.read(&mut bytes).await.unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            kept.lock().unwrap().push(text);
            if let Some(answer) = answer {
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    Server {
        url,
        authority: above.pem(),
        heard,
    }
}

fn access(server: &Server, authority: &str) -> ClusterAccess {
    ClusterAccess {
        server: server.url.parse().unwrap(),
        authority: Some(authority.to_owned()),
        token: Some(SecretString::from(TOKEN)),
        identity: None,
    }
}

fn patch() -> ClusterRequest {
    ClusterRequest {
        method: "PATCH",
        path: "/api/v1/namespaces/shop?fieldManager=leeward".to_owned(),
        content_type: Some("application/apply-patch+yaml"),
        body: b"{}".to_vec(),
        within: Duration::from_secs(20),
        send_before: Some(Duration::from_secs(60)),
    }
}

fn wire() -> Clusters {
    Clusters::new(TestClock::new(), NetworkSettings::direct())
}

#[tokio::test]
async fn a_token_goes_to_the_server_whose_certificate_is_of_the_kubeconfigs_authority_and_to_nobody_else() {
    let one = server(Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).await;
    let other = server(Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).await;
    let reply = wire().ask(&access(&one, &one.authority), &patch()).await.unwrap();
    assert_eq!(reply.status, 200);
    let heard = one.heard.lock().unwrap().join("");
    assert!(
        heard.starts_with("PATCH /api/v1/namespaces/shop?fieldManager=leeward HTTP/1.1"),
        "{heard}"
    );
    assert!(heard.contains(TOKEN));

    let refused = wire().ask(&access(&one, &other.authority), &patch()).await;
    let Err(PublicError::NotSent { reason }) = refused else {
        panic!("{refused:?}")
    };
    assert!(!reason.contains(TOKEN), "{reason}");
    assert_eq!(one.heard.lock().unwrap().len(), 1);

    // Nor does the system's list of authorities help.
    let nobodys = ClusterAccess {
        authority: None,
        ..access(&one, "")
    };
    let refused = wire().ask(&nobodys, &patch()).await;
    assert!(matches!(refused, Err(PublicError::NotSent { .. })), "{refused:?}");
    assert_eq!(one.heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_apply_whose_answer_is_lost_or_leads_elsewhere_is_sent_once_by_every_layer() {
    let silent = server(None).await;
    let lost = wire().ask(&access(&silent, &silent.authority), &patch()).await;
    assert!(matches!(lost, Err(PublicError::Lost { .. })), "{lost:?}");
    assert_eq!(silent.heard.lock().unwrap().len(), 1);

    let leading = server(Some(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: https://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    ))
    .await;
    let reply = wire().ask(&access(&leading, &leading.authority), &patch()).await;
    assert_eq!(reply.unwrap().status, 307);
    assert_eq!(leading.heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_apply_is_not_sent_once_its_time_is_over_or_where_it_would_leave_its_server() {
    let one = server(Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).await;
    let access = access(&one, &one.authority);
    let late = ClusterRequest {
        send_before: Some(Duration::ZERO),
        ..patch()
    };
    let astray = ClusterRequest {
        path: "@127.0.0.1:1/".to_owned(),
        ..patch()
    };
    for request in [late, astray] {
        let sent = wire().ask(&access, &request).await;
        assert!(matches!(sent, Err(PublicError::NotSent { .. })), "{sent:?}");
    }
    assert!(one.heard.lock().unwrap().is_empty());
}
