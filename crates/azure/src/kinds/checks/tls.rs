//! Is a certificate good: for the name, for long enough, and from somebody who is trusted? All that is wrong is told.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use jiff::Timestamp;
use leeward_engine::{port::Clock, work::Probe};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use serde_json::Value;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::{
            danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
            verify_server_cert_signed_by_trust_anchor, verify_server_name,
        },
        crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
        server::ParsedCertificate,
    },
};
use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::{FromDer, X509Name},
};

use super::{LONGEST, whole};
use crate::{
    arm::reply::cut,
    kinds::{secrets::Opened, settings},
    seams::PublicWire,
};

const DAY: i64 = 24 * 3600;

/// What was written, read.
struct Asked {
    /// Where each connection goes, and the name that it asks for.
    doors: Vec<(String, String)>,
    port: u16,
    days: i64,
    roots: Arc<RootCertStore>,
}

impl Asked {
    async fn read(written: &Value) -> Result<Asked, String> {
        let port = match written.get("port") {
            None | Some(Value::Null) => 443,
            Some(port) => whole(port)
                .and_then(|port| u16::try_from(port).ok())
                .filter(|port| *port > 0)
                .ok_or("`port` is not a port, 1 to 65535")?,
        };
        let days = match written.get("days-left") {
            None | Some(Value::Null) => 14,
            Some(days) => whole(days)
                .and_then(|days| i64::try_from(days).ok())
                .ok_or("`days-left` is no number of days")?,
        };
        let host = settings::optional_text(written, "host").map(bare);
        let names: Vec<String> = match (written.get("hosts"), settings::optional_text(written, "name")) {
            (Some(Value::Array(list)), None) if !list.is_empty() => {
                list.iter().filter_map(Value::as_str).map(bare).collect()
            }
            (Some(Value::Array(_)), Some(_)) => {
                return Err("`name` is of one host, and `hosts` names several".to_owned());
            }
            (_, Some(name)) => vec![bare(name)],
            (_, None) => host.iter().cloned().collect(),
        };
        if names.is_empty() {
            return Err("neither `host` nor `hosts` says where to connect".to_owned());
        }
        let doors = names
            .into_iter()
            .map(|name| (host.clone().unwrap_or_else(|| name.clone()), name));
        Ok(Asked {
            doors: doors.collect(),
            port,
            days,
            roots: Arc::new(roots(settings::optional_text(written, "ca")).await?),
        })
    }
}

fn bare(host: &str) -> String {
    host.trim_matches(['[', ']']).to_owned()
}

/// Returns whom this machine trusts, and whom the runbook adds.
async fn roots(ca: Option<&str>) -> Result<RootCertStore, String> {
    // It reads files, and on some systems asks another process.
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    let mut roots = RootCertStore::empty();
    if let Ok(found) = found {
        roots.add_parsable_certificates(found.certs);
    }
    if let Some(reference) = ca {
        let text = Opened::default()
            .value(reference)
            .map_err(|error| format!("`ca`: {error}"))?;
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let certificate =
                certificate.map_err(|error| format!("`ca` is no certificate in PEM: {error}"))?;
            roots
                .add(certificate)
                .map_err(|error| format!("`ca` cannot be trusted: {error}"))?;
            added += 1;
        }
        if added == 0 {
            return Err("`ca` holds no certificate in PEM".to_owned());
        }
    }
    Ok(roots)
}

/// Looks once at the certificate of each host.
pub(super) async fn probe(
    public: &dyn PublicWire,
    clock: &dyn Clock,
    written: &Value,
) -> Result<Probe, String> {
    let asked = Asked::read(written).await?;
    let now = clock.now().wall;
    let looks = asked
        .doors
        .iter()
        .map(|(host, name)| one(public, &asked, host, name, now));
    let seen = join_all(looks).await;
    // What is wrong comes first: there may be many hosts.
    let mut told: Vec<&str> = Vec::new();
    told.extend(
        seen.iter()
            .filter(|(good, _)| !good)
            .map(|(_, told)| told.as_str()),
    );
    told.extend(
        seen.iter()
            .filter(|(good, _)| *good)
            .map(|(_, told)| told.as_str()),
    );
    Ok(Probe {
        passed: seen.iter().all(|(good, _)| *good),
        evidence: told.join("; "),
    })
}

/// Looks at one host, and says whether its certificate is good, and why not.
async fn one(
    public: &dyn PublicWire,
    asked: &Asked,
    host: &str,
    name: &str,
    now: Timestamp,
) -> (bool, String) {
    let place = match host == name {
        true => format!("{}:{}", cut(host), asked.port),
        false => format!("{} at {}:{}", cut(name), cut(host), asked.port),
    };
    let failed = |why: String| (false, format!("{place} {why}"));
    let Ok(server) = ServerName::try_from(name.to_owned()) else {
        return failed("is no name that a certificate can be for".to_owned());
    };
    let line = match public.dial(host, asked.port, LONGEST).await {
        Ok(line) => line,
        Err(error) => return failed(format!("takes no connection: {}", cut(&error.to_string()))),
    };
    if line.pretended {
        return (
            true,
            format!("{place} takes connections; a simulated world has no certificates to show"),
        );
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let looking = Arc::new(Looking {
        provider: provider.clone(),
        shown: Mutex::default(),
    });
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map(|builder| {
            builder
                .dangerous()
                .with_custom_certificate_verifier(looking.clone())
        });
    let config = match config {
        Ok(config) => config.with_no_client_auth(),
        Err(error) => return failed(format!("cannot be asked: {error}")),
    };
    let connector = TlsConnector::from(Arc::new(config));
    let shaken = tokio::time::timeout(LONGEST, connector.connect(server.clone(), line.bytes)).await;
    // It may have shown its certificate and then broken off, for want of one of ours.
    let shown = looking
        .shown
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let protocol = match &shaken {
        Ok(Ok(stream)) => stream.get_ref().1.protocol_version(),
        _ => None,
    };
    let trouble = match shaken {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("breaks the handshake off: {}", cut(&error.to_string()))),
        Err(_) => Some("does not end the handshake in time".to_owned()),
    };
    let Some((end, between)) = shown.split_first() else {
        return failed(trouble.unwrap_or_else(|| "shows no certificate".to_owned()));
    };
    let protocol = protocol
        .and_then(|version| version.as_str())
        .unwrap_or("TLS")
        .replace("TLSv1_", "TLS 1.");
    let (mut wrong, told) = judge(asked, &server, end, between, now, &provider);
    wrong.extend(trouble);
    match wrong.is_empty() {
        true => (true, format!("{place} {told}, {protocol}")),
        false => failed(format!("{}: {told}, {protocol}", wrong.join(", "))),
    }
}

/// Judges a certificate: all that is wrong with it, and what it says of itself.
fn judge(
    asked: &Asked,
    server: &ServerName<'_>,
    end: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    now: Timestamp,
    provider: &CryptoProvider,
) -> (Vec<String>, String) {
    let Ok((_, read)) = X509Certificate::from_der(end) else {
        return (
            vec!["shows something that is no certificate".to_owned()],
            "nobody can read it".to_owned(),
        );
    };
    let mut wrong = Vec::new();
    let (from, until) = (
        read.validity().not_before.timestamp(),
        read.validity().not_after.timestamp(),
    );
    let now_seconds = now.as_second();
    let days = (until - now_seconds).div_euclid(DAY);
    let over = now_seconds > until;
    if over {
        wrong.push(format!("has a certificate that expired on {}", date(until)));
    } else if now_seconds < from {
        wrong.push(format!(
            "has a certificate that is good only from {} on",
            date(from)
        ));
    } else if days < asked.days {
        wrong.push(format!(
            "has a certificate with {} left, and {} are asked for",
            in_days(days),
            in_days(asked.days)
        ));
    }
    match ParsedCertificate::try_from(end) {
        Ok(parsed) => {
            if verify_server_name(&parsed, server).is_err() {
                wrong.push(format!(
                    "has a certificate that is not for {}, but for {}",
                    cut(&server.to_str()),
                    names(&read)
                ));
            }
            // That it is over is said already: whether it was trusted before is asked of its last moment.
            let moment = if over { until } else { now_seconds.max(from) };
            let moment = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
                u64::try_from(moment).unwrap_or_default(),
            ));
            let algorithms = provider.signature_verification_algorithms.all;
            let trusted =
                verify_server_cert_signed_by_trust_anchor(&parsed, &asked.roots, between, moment, algorithms);
            wrong.extend(trusted.err().map(|error| untrusted(&read, &error)));
        }
        Err(error) => wrong.push(format!(
            "has a certificate that cannot be checked: {}",
            cut(&error.to_string())
        )),
    }
    let told = format!(
        "for {}, until {} ({}), issued by {}",
        names(&read),
        date(until),
        match over {
            true => "over".to_owned(),
            false => format!("{} left", in_days(days)),
        },
        called(read.issuer())
    );
    (wrong, told)
}

fn untrusted(read: &X509Certificate<'_>, error: &Error) -> String {
    let own = read.subject() == read.issuer();
    match error {
        _ if own => "has a certificate that is signed by itself alone".to_owned(),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => format!(
            "has a certificate of {}, who is not trusted here, or whose own certificate it does not show",
            called(read.issuer())
        ),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "shows a certificate of its issuer that has expired".to_owned()
        }
        error => format!(
            "has a certificate that is not trusted here: {}",
            cut(&error.to_string())
        ),
    }
}

fn in_days(days: i64) -> String {
    match days {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Returns whom a certificate is for.
fn names(read: &X509Certificate<'_>) -> String {
    let alternative = read.subject_alternative_name().ok().flatten();
    let all = alternative
        .map(|all| all.value.general_names.as_slice())
        .unwrap_or_default();
    let mut names: Vec<String> = all
        .iter()
        .filter_map(|one| match one {
            GeneralName::DNSName(name) => Some(cut(name)),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return format!("no name at all (subject {})", called(read.subject()));
    }
    let more = names.len().saturating_sub(5);
    names.truncate(5);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|all| std::net::Ipv6Addr::from(all).to_string())
}

fn called(name: &X509Name<'_>) -> String {
    let common = name
        .iter_common_name()
        .next()
        .and_then(|common| common.as_str().ok());
    cut(common.map_or_else(|| name.to_string(), str::to_owned).as_str())
}

fn date(seconds: i64) -> String {
    let moment = Timestamp::from_second(seconds).map(|moment| moment.to_string());
    let text = moment.unwrap_or_default();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// Takes every certificate, and keeps what was shown: it is judged afterwards, so that all that is wrong can be told.
/// Nothing is ever said on such a connection. That the other side holds the key is checked all the same.
#[derive(Debug)]
struct Looking {
    provider: Arc<CryptoProvider>,
    shown: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = std::iter::once(end).chain(between);
        let all = all.map(|one| one.clone().into_owned()).collect();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests;
