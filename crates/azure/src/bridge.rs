//! How are the vendor's typed request builders used without their clients? This transport hands
//! what they build to our own client, which adds the real token, pins the host and sends once.
//!
//! # Never `.await` a builder
//! Awaiting one of their long-running builders sends the POST again at every poll. Only `.send()`
//! is used, and this transport refuses a second request within one `begin` whatever happens.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use azure_core_0_21 as vendor;
use leeward_engine::{id::AttemptKey, work::Sent};

use crate::arm::{Arm, Method, ReadError, Reply, client::Parts, refusal};

/// Makes the vendor's clients over our own transport.
pub struct Vendor {
    url: vendor::Url,
    transport: Arc<Bridge>,
}

impl Vendor {
    /// Returns the client that builds SQL requests.
    pub fn sql(&self) -> vendor::Result<azure_mgmt_sql::Client> {
        azure_mgmt_sql::Client::builder(Arc::new(Placeholder))
            .endpoint(self.url.clone())
            .retry(vendor::RetryOptions::none())
            .transport(vendor::TransportOptions::new(self.transport.clone()))
            .build()
    }

    /// Returns the client that builds requests for Recovery Services vaults.
    pub fn vaults(&self) -> vendor::Result<azure_mgmt_recoveryservices::Client> {
        azure_mgmt_recoveryservices::Client::builder(Arc::new(Placeholder))
            .endpoint(self.url.clone())
            .retry(vendor::RetryOptions::none())
            .transport(vendor::TransportOptions::new(self.transport.clone()))
            .build()
    }
}

/// Reads through a typed builder. The answer is ours, untyped: the vendor's models take an
/// unknown enum word for an error.
pub async fn read<T, Work>(
    arm: &Arm,
    api_version: &str,
    work: impl FnOnce(Vendor) -> Work,
) -> Result<Reply, ReadError>
where
    Work: Future<Output = vendor::Result<T>>,
{
    let bridge = Arc::new(Bridge::new(arm, None));
    match (run(&bridge, api_version, work).await, bridge.take()) {
        (_, Some(Outcome::Read(answer))) => answer,
        (reason, _) => {
            Err(ReadError::unreachable(reason.unwrap_or_else(|| {
                "the vendor's client asked nothing".to_owned()
            })))
        }
    }
}

/// Sends one change through a typed builder.
pub async fn change<T, Work>(
    arm: &Arm,
    key: &AttemptKey,
    api_version: &str,
    work: impl FnOnce(Vendor) -> Work,
) -> Result<Reply, Sent>
where
    Work: Future<Output = vendor::Result<T>>,
{
    let bridge = Arc::new(Bridge::new(arm, Some(key.clone())));
    match (run(&bridge, api_version, work).await, bridge.take()) {
        (_, Some(Outcome::Changed(answer))) => answer,
        (reason, _) => Err(refusal::refused_here(
            "NotBuilt",
            reason.unwrap_or_else(|| "the vendor's client sent nothing".to_owned()),
        )),
    }
}

/// Runs the builder and returns its error, which counts only where nothing was sent at all.
async fn run<T, Work>(
    bridge: &Arc<Bridge>,
    api_version: &str,
    work: impl FnOnce(Vendor) -> Work,
) -> Option<String>
where
    Work: Future<Output = vendor::Result<T>>,
{
    let mut url = bridge.arm.endpoint().url().clone();
    // A version in the endpoint's own query wins over the one that was built in.
    url.query_pairs_mut().append_pair("api-version", api_version);
    let vendor = Vendor {
        url,
        transport: bridge.clone(),
    };
    work(vendor).await.err().map(|error| error.to_string())
}

enum Outcome {
    Read(Result<Reply, ReadError>),
    Changed(Result<Reply, Sent>),
}

/// The vendor's transport for one call.
struct Bridge {
    arm: Arm,
    key: Option<AttemptKey>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    spent: bool,
    outcome: Option<Outcome>,
}

impl fmt::Debug for Bridge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Bridge").field(&self.arm).finish()
    }
}

impl Bridge {
    fn new(arm: &Arm, key: Option<AttemptKey>) -> Bridge {
        Bridge {
            arm: arm.clone(),
            key,
            state: Mutex::default(),
        }
    }

    fn take(&self) -> Option<Outcome> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .outcome
            .take()
    }

    /// Takes the one right to send. A dropped future keeps it spent.
    fn spend(&self) -> vendor::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.spent {
            return Err(error("a second request within one call is not sent"));
        }
        state.spent = true;
        Ok(())
    }

    fn keep(&self, outcome: Outcome) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).outcome = Some(outcome);
    }
}

#[async_trait]
impl vendor::HttpClient for Bridge {
    async fn execute_request(&self, request: &vendor::Request) -> vendor::Result<vendor::Response> {
        let parts = parts_of(&self.arm, request)?;
        match &self.key {
            None if parts.method == Method::Get => {
                self.spend()?;
                let answer = self.arm.read_parts(&parts).await;
                let response = answer
                    .as_ref()
                    .map(response_of)
                    .map_err(|error_| error(&error_.to_string()));
                self.keep(Outcome::Read(answer.clone()));
                response?
            }
            None => Err(error("a change is not sent where only a read was meant")),
            Some(_) if parts.method == Method::Get => Err(error("a read is not sent in place of a change")),
            Some(key) => {
                self.spend()?;
                let answer = self.arm.change_parts(&parts, key).await;
                let response = answer.as_ref().map(response_of).map_err(|_| error("no success"));
                self.keep(Outcome::Changed(answer.clone()));
                response?
            }
        }
    }
}

fn parts_of(arm: &Arm, request: &vendor::Request) -> vendor::Result<Parts> {
    let method = match request.method() {
        vendor::Method::Get => Method::Get,
        vendor::Method::Put => Method::Put,
        vendor::Method::Patch => Method::Patch,
        vendor::Method::Post => Method::Post,
        vendor::Method::Delete => Method::Delete,
        _ => return Err(error("a verb that ARM does not know")),
    };
    let body = match request.body() {
        vendor::Body::Bytes(bytes) if bytes.is_empty() => None,
        vendor::Body::Bytes(bytes) => Some(bytes.clone()),
        vendor::Body::SeekableStream(_) => return Err(error("a streamed body")),
    };
    let url = request.url().clone();
    if !arm.endpoint().holds(&url) {
        return Err(error("the request leads to another host"));
    }
    Ok(Parts {
        method,
        url,
        body,
        if_match: None,
        if_none_match: false,
    })
}

/// Rebuilds an answer for the builder, which only looks at the status.
fn response_of(reply: &Reply) -> vendor::Result<vendor::Response> {
    let status = vendor::StatusCode::try_from(reply.status).map_err(|_| error("a status that is none"))?;
    let body = if reply.body.is_null() {
        String::new()
    } else {
        reply.body.to_string()
    };
    let stream = vendor::BytesStream::new(body);
    Ok(vendor::Response::new(
        status,
        vendor::headers::Headers::new(),
        Box::pin(stream),
    ))
}

fn error(reason: &str) -> vendor::Error {
    vendor::Error::message(vendor::error::ErrorKind::Other, reason.to_owned())
}

/// What the vendor's clients are shown in place of a credential: their core logs the token.
#[derive(Debug)]
struct Placeholder;

#[async_trait]
impl vendor::auth::TokenCredential for Placeholder {
    async fn get_token(&self, _scopes: &[&str]) -> vendor::Result<vendor::auth::AccessToken> {
        Ok(vendor::auth::AccessToken::new(
            "placeholder",
            time::OffsetDateTime::UNIX_EPOCH,
        ))
    }

    async fn clear_cache(&self) -> vendor::Result<()> {
        Ok(())
    }
}
