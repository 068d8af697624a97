//! How is the server of a Kubernetes cluster reached, and by what right?

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use super::public::{Bearer, PublicError, PublicReply, PublicRequest, PublicWire};

/// Where a cluster's server is, whom it must prove to be, and what we show it. Lives in memory only.
#[derive(Clone)]
pub struct ClusterAccess {
    /// The server; requests go below its path and to no other host.
    pub server: Url,
    /// The authority that its certificate must be of, in PEM; one of the system's where there is none.
    pub authority: Option<String>,
    /// A bearer token.
    pub token: Option<SecretString>,
    /// A certificate of ours with its key, in PEM.
    pub identity: Option<SecretString>,
}

impl fmt::Debug for ClusterAccess {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClusterAccess")
            .field("server", &self.server.host_str())
            .finish_non_exhaustive()
    }
}

/// A request to a cluster's server. It may carry a Secret: it is shown nowhere.
#[derive(Clone, PartialEq)]
pub struct ClusterRequest {
    /// The verb.
    pub method: &'static str,
    /// Path and query, encoded.
    pub path: String,
    /// What the body is; nothing where there is none.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
    /// How long the whole exchange may take.
    pub within: Duration,
    /// For changes: nothing is written after this moment of the clock's uptime.
    pub send_before: Option<Duration>,
}

impl fmt::Debug for ClusterRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ClusterRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl ClusterAccess {
    /// Returns where a request goes.
    pub fn url_of(&self, request: &ClusterRequest) -> Result<Url, PublicError> {
        let base = self.server.as_str().trim_end_matches('/');
        let url: Url = format!("{base}{}", request.path)
            .parse()
            .map_err(|_| PublicError::not_sent("the request's path is none"))?;
        let same = url.scheme() == self.server.scheme()
            && url.host() == self.server.host()
            && url.port_or_known_default() == self.server.port_or_known_default();
        match same && request.path.starts_with('/') {
            true => Ok(url),
            false => Err(PublicError::not_sent("the request leads to another host")),
        }
    }
}

/// Reaches the servers of clusters. Sends once, follows no redirect, and shows what is secret to nobody else.
#[async_trait]
pub trait ClusterWire: Send + Sync {
    /// Sends one request.
    async fn ask(&self, access: &ClusterAccess, request: &ClusterRequest)
    -> Result<PublicReply, PublicError>;
}

/// The clusters of a simulated world: they have no certificate to show, and their tokens open nothing elsewhere.
pub struct PretendedClusters(Arc<dyn PublicWire>);

impl PretendedClusters {
    /// Makes a wire to the clusters of the world that a simulator plays. `public` must end in a simulator.
    pub fn new(public: Arc<dyn PublicWire>) -> PretendedClusters {
        PretendedClusters(public)
    }
}

#[async_trait]
impl ClusterWire for PretendedClusters {
    async fn ask(
        &self,
        access: &ClusterAccess,
        request: &ClusterRequest,
    ) -> Result<PublicReply, PublicError> {
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        if let Some(kind) = request.content_type {
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        self.0
            .http(&PublicRequest {
                method: request.method.to_owned(),
                url: access.url_of(request)?,
                headers,
                body: (!request.body.is_empty()).then(|| request.body.clone()),
                within: request.within,
                bearer: access.token.clone().map(Bearer::new),
                send_before: request.send_before,
            })
            .await
    }
}
