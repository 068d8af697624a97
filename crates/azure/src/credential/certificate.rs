//! How does an application show a certificate? With a signed assertion: the vendor's own credential for this
//! needs OpenSSL, so the assertion is signed here and handed to its credential for assertions.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::{digest, rand::SystemRandom, rsa::KeyPair, signature::RSA_PSS_SHA256};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

/// How long an assertion is good, in seconds.
const LIFETIME: i64 = 300;

/// Signs who we are with the key of a certificate.
pub(super) struct Assertion {
    key: KeyPair,
    header: String,
    client: String,
    audience: String,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Assertion").finish_non_exhaustive()
    }
}

impl Assertion {
    /// Reads a PEM text with a certificate and its RSA key. Errors never hold a part of it.
    pub(super) fn new(pem: &SecretString, client: &str, audience: String) -> Result<Assertion, String> {
        let bytes = pem.expose_secret().as_bytes();
        let certificate = CertificateDer::pem_slice_iter(bytes)
            .next()
            .and_then(Result::ok)
            .ok_or("there is no certificate in it: PEM, `-----BEGIN CERTIFICATE-----`, is what is read")?;
        let key = PrivateKeyDer::from_pem_slice(bytes)
            .map_err(|_| "there is no private key without a password in it, beside the certificate")?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err("its key is not an RSA key".to_owned()),
        };
        let key = key.map_err(|_| "its key is not an RSA key that can be used")?;
        let thumbprint = digest::digest(&digest::SHA256, certificate.as_ref());
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": encoded(thumbprint.as_ref())});
        Ok(Assertion {
            key,
            header: encoded(header.to_string().as_bytes()),
            client: client.to_owned(),
            audience,
        })
    }

    fn signed(&self, now: i64) -> Result<String, &'static str> {
        let claims = json!({
            "aud": self.audience,
            "iss": self.client,
            "sub": self.client,
            "jti": Uuid::new_v4().to_string(),
            "nbf": now,
            "exp": now + LIFETIME,
        });
        let text = format!("{}.{}", self.header, encoded(claims.to_string().as_bytes()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PSS_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the assertion could not be signed")?;
        Ok(format!("{text}.{}", encoded(&signature)))
    }
}

#[async_trait]
#[allow(elided_lifetimes_in_paths, reason = "the trait's own signature hides it")]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.signed(jiff::Timestamp::now().as_second()).map_err(|reason| {
            azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, reason)
        })
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
