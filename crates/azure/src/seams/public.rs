//! How is the public side of the world reached: storefronts, ports, webhooks?

use std::{fmt, time::Duration};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

use crate::names::{Question, Resolver, Said};

/// The longest answer of a public page that is kept.
pub(crate) const LONGEST_BODY: usize = 1024 * 1024;

/// A request to a public address. It carries no Azure token, unless it is for a data plane of Azure's own.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicRequest {
    /// The verb.
    pub method: String,
    /// Where to.
    pub url: Url,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// How long the whole exchange may take.
    pub within: Duration,
    /// The token of a data plane. Whoever sets it has made sure of the host.
    pub bearer: Option<Bearer>,
    /// For what must not be sent late: nothing is written after this moment of the clock's uptime.
    pub send_before: Option<Duration>,
}

impl PublicRequest {
    /// Makes a GET.
    pub fn get(url: Url, within: Duration) -> PublicRequest {
        PublicRequest {
            method: "GET".to_owned(),
            url,
            headers: Vec::new(),
            body: None,
            within,
            bearer: None,
            send_before: None,
        }
    }
}

/// A token on its way to the one host that it is for. It is shown nowhere.
#[derive(Clone)]
pub struct Bearer(SecretString);

impl Bearer {
    pub(crate) fn new(token: SecretString) -> Bearer {
        Bearer(token)
    }

    /// Returns the value of the header `authorization`. Only for the wire.
    pub fn expose(&self) -> String {
        format!("Bearer {}", self.0.expose_secret())
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Bearer(…)")
    }
}

impl PartialEq for Bearer {
    fn eq(&self, other: &Bearer) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

/// A public answer.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicReply {
    /// The status.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, at most a megabyte of it.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicError {
    /// No byte of the request left.
    #[error("{reason}")]
    NotSent {
        /// Why.
        reason: String,
    },
    /// It may have arrived.
    #[error("{reason}")]
    Lost {
        /// Why.
        reason: String,
    },
}

impl PublicError {
    pub(crate) fn not_sent(reason: impl Into<String>) -> PublicError {
        PublicError::NotSent {
            reason: reason.into(),
        }
    }

    pub(crate) fn lost(reason: impl Into<String>) -> PublicError {
        PublicError::Lost {
            reason: reason.into(),
        }
    }
}

/// A wire that takes and gives bytes.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// An open connection that others speak their own protocol over.
pub struct Line {
    /// The bytes.
    pub bytes: Box<dyn Bytes>,
    /// Whether it ends in a simulator on this machine, which has no certificate to show.
    pub pretended: bool,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Line")
            .field("pretended", &self.pretended)
            .finish_non_exhaustive()
    }
}

/// Reaches public addresses: directly, or through the simulator. Sends once and follows no redirect.
#[async_trait]
pub trait PublicWire: Send + Sync {
    /// Sends one HTTP request.
    async fn http(&self, request: &PublicRequest) -> Result<PublicReply, PublicError>;

    /// Opens a TCP connection and closes it again.
    async fn connect(&self, host: &str, port: u16, within: Duration) -> Result<(), PublicError>;

    /// Asks one resolver for one name.
    async fn resolve(
        &self,
        question: &Question,
        resolver: Resolver,
        within: Duration,
    ) -> Result<Said, PublicError> {
        let _ = (resolver, within);
        Err(PublicError::not_sent(format!(
            "nobody is asked for {} here",
            question.name
        )))
    }

    /// Opens a TCP connection and hands it over.
    async fn dial(&self, host: &str, port: u16, within: Duration) -> Result<Line, PublicError> {
        let _ = within;
        Err(PublicError::not_sent(format!(
            "connections to {host}:{port} are not carried here"
        )))
    }
}
