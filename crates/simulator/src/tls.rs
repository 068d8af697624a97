//! How is a simulator reached over HTTPS?
//!
//! The vendor's clients speak to nothing else. At start an authority of certificates is made and one certificate
//! under it for this machine's own names; no private key ever leaves the process, and both are worth nothing once
//! it ends.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{
    serve::{Wire, answer_on},
    simulator::Simulator,
};

/// Whoever opens a connection and says nothing is let go after this.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It could not be made.
    #[error("no certificate can be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library does not take it.
    #[error("the certificate cannot be used: {0}")]
    Library(#[from] tokio_rustls::rustls::Error),
}

/// A certificate for this machine's own names, and who vouches for it.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
    authority: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes one that holds from the day before `now` for a month.
    pub fn make(now: Timestamp) -> Result<Identity, TlsError> {
        let day = |days: i64| {
            let moment = now
                .checked_add(SignedDuration::from_hours(24 * days))
                .unwrap_or(now);
            let date = TimeZone::UTC.to_datetime(moment).date();
            date_time_ymd(
                i32::from(date.year()),
                u8::try_from(date.month()).unwrap_or(1),
                u8::try_from(date.day()).unwrap_or(1),
            )
        };
        let named = |name: &str, names: Vec<String>| -> Result<CertificateParams, TlsError> {
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.not_before = day(-1);
            params.not_after = day(30);
            Ok(params)
        };
        let mut above = named("Leeward simulator, pretend authority", Vec::new())?;
        above.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        above.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let above = CertifiedIssuer::self_signed(above, KeyPair::generate()?)?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let mut own = named("Leeward simulator", names)?;
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let own = own.signed_by(&key, &above)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![own.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
        Ok(Identity {
            config: Arc::new(config),
            authority: above.pem(),
        })
    }

    /// Returns the certificate that a client has to trust, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// Serves over TLS until the listener fails. The control side answers callers on this machine only.
pub async fn serve_tls(
    listener: TcpListener,
    simulator: Simulator,
    identity: &Identity,
) -> io::Result<Infallible> {
    let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
    loop {
        let (stream, peer) = listener.accept().await?;
        let (simulator, acceptor) = (simulator.clone(), acceptor.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => answer_on(stream, peer, simulator, Wire::Sealed).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
                Err(_) => tracing::debug!("no TLS in time"),
            }
        });
    }
}
