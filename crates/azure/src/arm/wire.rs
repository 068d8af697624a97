//! The last few lines before the socket: is it the right host, is there still time to send, and
//! what does the token travel with? Nothing above this file ever holds a request with a token in it.

use std::{
    error::Error as _,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    Error,
    error::ErrorKind,
    http::{
        AsyncRawResponse, Context, HttpClient, Request,
        policies::{Policy, PolicyResult},
    },
};
use futures::StreamExt;
use leeward_engine::port::Clock;
use secrecy::{ExposeSecret, SecretString};

use super::endpoint::Endpoint;

/// The longest answer that is read.
const LONGEST_BODY: usize = 64 * 1024 * 1024;

/// What one send carries beside its request, through the pipeline's context.
pub(crate) struct Errand {
    pub(crate) token: SecretString,
    pub(crate) send_before: Option<Duration>,
    pub(crate) written: Arc<AtomicBool>,
}

/// The pipeline's last policy.
pub(crate) struct Wire {
    pub(crate) endpoint: Endpoint,
    pub(crate) http: Arc<dyn HttpClient>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Wire").field(&self.endpoint).finish()
    }
}

#[async_trait]
#[allow(
    elided_lifetimes_in_paths,
    reason = "the trait's own signature hides it, and has to be matched"
)]
impl Policy for Wire {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        _next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let Some(errand) = context.value::<Errand>() else {
            return Err(Error::with_message(
                ErrorKind::Other,
                "a request without an errand",
            ));
        };
        if !self.endpoint.holds(request.url()) {
            return Err(Error::with_message(
                ErrorKind::Other,
                "the request leads to another host",
            ));
        }
        let mut outgoing = request.clone();
        let bearer = format!("Bearer {}", errand.token.expose_secret());
        outgoing.insert_header("authorization", bearer);
        let right = errand.send_before.map(|moment| SendRight {
            clock: self.clock.clone(),
            moment,
        });
        if right.as_ref().is_some_and(SendRight::is_over) {
            return Err(Error::with_message(ErrorKind::Connection, SendRight::OVER));
        }
        errand.written.store(true, Ordering::SeqCst);
        let answer = SendRight::during(right, self.http.execute_request(&outgoing))
            .await
            .map_err(|error| plain(&error))?;
        let (status, headers, mut stream) = answer.deconstruct();
        let mut body = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk =
                chunk.map_err(|error| Error::with_message(ErrorKind::Io, plain(&error).to_string()))?;
            if body.len() + chunk.len() > LONGEST_BODY {
                return Err(Error::with_message(ErrorKind::Io, "the answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}

/// Returns an error without the URL that the client's own text has: a signed one is secret-like.
fn plain(error: &Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::Connection => ErrorKind::Connection,
        ErrorKind::DataConversion => ErrorKind::DataConversion,
        ErrorKind::Other => ErrorKind::Other,
        _ => ErrorKind::Io,
    };
    let mut root: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(deeper) = root.and_then(std::error::Error::source) {
        root = Some(deeper);
    }
    let text = root.map_or_else(|| error.to_string(), ToString::to_string);
    let text = if text.contains("://") {
        "the connection failed".to_owned()
    } else {
        super::reply::cut(&text)
    };
    Error::with_message(kind, text)
}

/// The right to write a change to a socket, and its end.
#[derive(Clone)]
pub(crate) struct SendRight {
    clock: Arc<dyn Clock>,
    moment: Duration,
}

tokio::task_local! {
    static RIGHT: Option<SendRight>;
}

impl SendRight {
    /// What is said when it is over.
    pub(crate) const OVER: &'static str = "the time in which it could be sent is over";

    /// Makes the right to send until a moment of the clock's uptime.
    pub(crate) fn until(clock: Arc<dyn Clock>, moment: Duration) -> SendRight {
        SendRight { clock, moment }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.clock.now().uptime >= self.moment
    }

    /// Runs a send so that whatever connects within it can ask whether the right is over.
    pub(crate) async fn during<T>(right: Option<SendRight>, send: impl Future<Output = T>) -> T {
        RIGHT.scope(right, send).await
    }

    /// Returns whether the send that runs in this task has lost its right.
    pub(crate) fn lost_here() -> bool {
        RIGHT
            .try_with(|right| right.as_ref().is_some_and(SendRight::is_over))
            .unwrap_or(false)
    }
}
