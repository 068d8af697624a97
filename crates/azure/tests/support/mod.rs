//! A scripted HTTP server on raw sockets: it counts request heads, connection by connection.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

pub(crate) mod socket;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) use socket::Reaction;
use socket::Stream;

/// One request as it stood on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which connection, from 1.
    pub(crate) connection: usize,
    /// Everything, head and body.
    pub(crate) raw: String,
}

impl Seen {
    pub(crate) fn method(&self) -> &str {
        self.raw.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn target(&self) -> &str {
        self.raw.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.raw.split("\r\n\r\n").next()?;
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    pub(crate) fn body(&self) -> &str {
        self.raw.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

/// Writes an answer with its length.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> Reaction {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    Reaction::Answer(socket::answer(status, &headers, body))
}

type Handler = Arc<dyn Fn(&Seen) -> Reaction + Send + Sync>;

/// The server and what it has seen.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(handler: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Server {
        Server::with(None, Arc::new(handler)).await
    }

    /// The same behind TLS.
    pub(crate) async fn start_tls(
        config: Arc<tokio_rustls::rustls::ServerConfig>,
        handler: impl Fn(&Seen) -> Reaction + Send + Sync + 'static,
    ) -> Server {
        Server::with(Some(config.into()), Arc::new(handler)).await
    }

    async fn with(tls: Option<tokio_rustls::TlsAcceptor>, handler: Handler) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let connections = Arc::new(AtomicUsize::new(0));
        let (kept, opened) = (seen.clone(), connections.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = opened.fetch_add(1, Ordering::SeqCst) + 1;
                let (handler, kept, tls) = (handler.clone(), kept.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, connection, &handler, &kept).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, connection, &handler, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Server {
            address,
            seen,
            connections,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns the first line of every request.
    pub(crate) fn requests(&self) -> Vec<String> {
        let first = |seen: Seen| seen.raw.lines().next().map(str::to_owned);
        self.seen().into_iter().filter_map(first).collect()
    }

    /// Returns everything that was sent.
    pub(crate) fn raw(&self) -> String {
        self.seen().into_iter().map(|seen| seen.raw).collect()
    }
}

impl Stream for tokio_rustls::server::TlsStream<tokio::net::TcpStream> {
    fn reset(&self) {
        let _ = self.get_ref().0.set_zero_linger();
    }
}

async fn serve(mut stream: impl Stream, connection: usize, handler: &Handler, kept: &Mutex<Vec<Seen>>) {
    let mut rest = Vec::new();
    while let Some(raw) = socket::read(&mut stream, &mut rest).await {
        let seen = Seen { connection, raw };
        let reaction = handler(&seen);
        kept.lock().unwrap().push(seen);
        if !reaction.on(&mut stream).await {
            return;
        }
    }
}

/// A credential that always gives the same token.
#[derive(Debug)]
pub(crate) struct OneToken(pub(crate) &'static str);

#[async_trait::async_trait]
impl azure_core::credentials::TokenCredential for OneToken {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<azure_core::credentials::TokenRequestOptions<'_>>,
    ) -> azure_core::Result<azure_core::credentials::AccessToken> {
        let end = azure_core::time::OffsetDateTime::now_utc() + std::time::Duration::from_secs(86_400);
        Ok(azure_core::credentials::AccessToken::new(self.0, end))
    }
}
