use std::{net::SocketAddr, path::PathBuf, time::Duration};

use async_trait::async_trait;
use leeward_engine::port::Moment;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::*;
use crate::{seams::Direct, testing::FakePublic};

fn day(year: i32, month: u8, day: u8) -> time::OffsetDateTime {
    rcgen::date_time_ymd(year, month, day)
}

fn params(names: &[&str], until: time::OffsetDateTime) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "the shop");
    params.not_before = day(2026, 1, 1);
    params.not_after = until;
    params
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params(&[], day(2037, 1, 1));
    params
        .distinguished_name
        .push(DnType::CommonName, "House Authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server on this machine with a certificate, by this authority or by itself.
async fn server(params: CertificateParams, by: Option<&CertifiedIssuer<'static, KeyPair>>) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let certificate = match by {
        Some(by) => params.signed_by(&key, by).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let _ = acceptor.accept(stream).await;
            });
        }
    });
    address
}

/// It is noon of the first of January 2027.
struct Noon;

#[async_trait]
impl Clock for Noon {
    fn now(&self) -> Moment {
        Moment {
            wall: "2027-01-01T12:00:00Z".parse().unwrap(),
            uptime: Duration::ZERO,
        }
    }

    async fn sleep_until(&self, _: Duration) {}
}

struct House {
    folder: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl House {
    fn new() -> House {
        let house = House {
            folder: tempfile::tempdir().unwrap(),
            authority: authority(),
        };
        std::fs::write(house.file(), house.authority.pem()).unwrap();
        house
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn ca(&self) -> String {
        format!("file:{}", self.file().display())
    }
}

async fn look(written: Value) -> Probe {
    let clock = Arc::new(Noon);
    let wire = Direct::new(clock.clone());
    probe(&wire, clock.as_ref(), &written).await.unwrap()
}

#[tokio::test]
async fn a_good_certificate_is_told_with_its_names_its_end_and_its_issuer() {
    let house = House::new();
    let at = server(
        params(&["shop.example.test", "www.shop.example.test"], day(2027, 3, 2)),
        Some(&house.authority),
    )
    .await;
    let written =
        json!({"host": "127.0.0.1", "name": "shop.example.test", "port": at.port(), "ca": house.ca()});
    let seen = look(written).await;
    assert!(seen.passed, "{}", seen.evidence);
    assert_eq!(
        seen.evidence,
        format!(
            "shop.example.test at {at} for shop.example.test, www.shop.example.test, until 2027-03-02 (59 days left), \
             issued by House Authority, TLS 1.3"
        )
    );
}

#[tokio::test]
async fn all_that_is_wrong_with_a_certificate_is_told_exactly() {
    let house = House::new();
    let ca = house.ca();
    let soon = server(params(&["shop.test"], day(2027, 1, 8)), Some(&house.authority)).await;
    let over = server(params(&["shop.test"], day(2026, 6, 1)), Some(&house.authority)).await;
    let mut later = params(&["shop.test"], day(2032, 1, 1));
    later.not_before = day(2028, 5, 1);
    let later = server(later, Some(&house.authority)).await;
    let own = server(params(&["shop.test"], day(2032, 1, 1)), None).await;
    let strange = server(params(&["shop.test"], day(2032, 1, 1)), Some(&authority())).await;
    let other = server(
        params(&["other.test", "10.0.0.1"], day(2026, 6, 1)),
        Some(&house.authority),
    )
    .await;
    for (at, ca, words) in [
        (
            soon,
            Some(&ca),
            vec!["has a certificate with 6 days left, and 14 days are asked for"],
        ),
        (
            over,
            Some(&ca),
            vec!["has a certificate that expired on 2026-06-01"],
        ),
        (
            later,
            Some(&ca),
            vec!["has a certificate that is good only from 2028-05-01 on"],
        ),
        (
            own,
            Some(&ca),
            vec![
                "has a certificate that is signed by itself alone",
                "issued by the shop",
            ],
        ),
        (
            strange,
            None,
            vec!["has a certificate of House Authority, who is not trusted here"],
        ),
        // Two things at once.
        (
            other,
            Some(&ca),
            vec![
                "expired on 2026-06-01",
                "has a certificate that is not for shop.test, but for other.test, 10.0.0.1",
            ],
        ),
    ] {
        let mut written = json!({"host": "127.0.0.1", "name": "shop.test", "port": at.port()});
        if let Some(ca) = ca {
            written["ca"] = json!(ca);
        }
        let seen = look(written).await;
        assert!(!seen.passed, "{}", seen.evidence);
        for word in words {
            assert!(
                seen.evidence.contains(word),
                "`{word}` is missing in `{}`",
                seen.evidence
            );
        }
        // What is right is not called wrong.
        let trusted = ca.is_none() || !seen.evidence.contains("trusted");
        assert!(trusted, "{}", seen.evidence);
    }
    let seen = look(json!({
        "host": "127.0.0.1", "name": "shop.test", "port": soon.port(), "ca": ca, "days-left": 5,
    }))
    .await;
    assert!(seen.passed, "{}", seen.evidence);
}

#[tokio::test]
async fn many_names_behind_one_address_are_looked_at_each_by_itself_and_the_bad_ones_come_first() {
    let house = House::new();
    let at = server(
        params(&["a.test", "*.b.test"], day(2032, 1, 1)),
        Some(&house.authority),
    )
    .await;
    let written =
        |hosts: Value| json!({"host": "127.0.0.1", "hosts": hosts, "port": at.port(), "ca": house.ca()});
    let seen = look(written(json!(["a.test", "shop.b.test"]))).await;
    assert!(seen.passed, "{}", seen.evidence);
    let seen = look(written(json!(["a.test", "c.test"]))).await;
    assert!(
        !seen.passed && seen.evidence.starts_with("c.test at 127.0.0.1"),
        "{}",
        seen.evidence
    );
    assert!(seen.evidence.contains("a.test at 127.0.0.1"), "{}", seen.evidence);
    // Without a host each is connected to by its own name.
    let seen = look(json!({"hosts": ["127.0.0.1"], "port": at.port(), "ca": house.ca()})).await;
    assert!(
        seen.evidence
            .contains("is not for 127.0.0.1, but for a.test, *.b.test"),
        "{}",
        seen.evidence
    );
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_or_nothing_at_all_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 mail.test\r\n").await;
        }
    });
    let seen = look(json!({"host": "127.0.0.1", "port": at.port()})).await;
    assert!(
        !seen.passed && seen.evidence.contains("breaks the handshake off"),
        "{}",
        seen.evidence
    );
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let seen = look(json!({"host": "127.0.0.1", "port": nobody.port()})).await;
    assert!(
        !seen.passed && seen.evidence.contains("takes no connection"),
        "{}",
        seen.evidence
    );
}

#[tokio::test]
async fn what_cannot_be_asked_never_passes() {
    let clock = Noon;
    let public = FakePublic::silent();
    for written in [
        json!({}),
        json!({"host": "h", "port": 0}),
        json!({"host": "h", "days-left": "many"}),
        json!({"hosts": ["a", "b"], "name": "c"}),
        json!({"host": "h", "ca": "file:/nowhere/at/all"}),
    ] {
        assert!(
            probe(public.as_ref(), &clock, &written).await.is_err(),
            "{written}"
        );
    }
}
