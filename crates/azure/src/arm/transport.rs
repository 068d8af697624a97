//! The real HTTP client: built when first used, and with nothing in it that sends twice.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    Error,
    error::ErrorKind,
    http::{AsyncRawResponse, HttpClient, Method, Request},
};
use tower_layer::Layer;
use tower_service::Service;

use super::{network::NetworkSettings, wire::SendRight};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// An HTTP client over the network.
///
/// # Two clients for one host
/// Reads share connections. A change gets a connection of its own: on a shared one that the
/// other side has closed meanwhile, the library below would send again by itself.
pub struct Network {
    settings: NetworkSettings,
    reads: OnceLock<reqwest::Client>,
    changes: OnceLock<reqwest::Client>,
}

impl Network {
    /// Makes a client with what stands between us and the internet; this machine is reached directly.
    pub fn new(settings: NetworkSettings) -> Network {
        Network {
            settings,
            reads: OnceLock::new(),
            changes: OnceLock::new(),
        }
    }

    fn client(&self, method: Method) -> azure_core::Result<&reqwest::Client> {
        let change = method != Method::Get && method != Method::Head;
        let cell = if change { &self.changes } else { &self.reads };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        // HTTP/1.1: a second protocol brings retries of its own, and its library logs headers.
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .http1_only()
            .referer(false);
        builder = self.settings.apply(builder);
        if change {
            builder = builder.pool_max_idle_per_host(0).connector_layer(SendRightLayer);
        }
        let built = builder
            .build()
            .map_err(|error| Error::with_message(ErrorKind::Connection, error.to_string()))?;
        Ok(cell.get_or_init(|| built))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Network")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Network {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        self.client(request.method())?.execute_request(request).await
    }
}

/// Looks at the clock once more between the connection and the first byte of the request: to
/// connect can take seconds, and a lid may have been closed meanwhile.
#[derive(Clone)]
pub(crate) struct SendRightLayer;

impl<S> Layer<S> for SendRightLayer {
    type Service = SendRightService<S>;

    fn layer(&self, inner: S) -> SendRightService<S> {
        SendRightService(inner)
    }
}

#[derive(Clone)]
pub(crate) struct SendRightService<S>(S);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<S, R> Service<R> for SendRightService<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.0.call(request);
        Box::pin(async move {
            let connection = connecting.await.map_err(Into::into)?;
            if SendRight::lost_here() {
                return Err(SendRight::OVER.into());
            }
            Ok(connection)
        })
    }
}
