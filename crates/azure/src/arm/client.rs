//! The client: reads are retried by a small policy of ours, a change is sent exactly once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use azure_core::{
    error::ErrorKind,
    http::{
        ClientOptions, Context as Baggage, HttpClient, Pipeline, PipelineSendOptions, RetryOptions, Transport,
    },
};
use jiff::SignedDuration;
use leeward_engine::{
    id::{AttemptKey, RunId},
    port::{Clock, Context, DriverError},
    work::{OperationUrl, Sent},
};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::{
    ArmError, Method, Reply, Request,
    endpoint::Endpoint,
    guard::{Guard, Pass},
    network::NetworkSettings,
    patience, refusal,
    tenants::Tenants,
    transport::Network,
    wire::{Errand, Wire},
};
use crate::{
    credential::{Credential, CredentialError, CredentialKind},
    governance::denied,
    pace::{self, Call, Pace, Purpose, Rank},
};

/// How long one answer, or a token, is waited for.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a read may take with everything that belongs to it.
const READ: Duration = Duration::from_secs(90);
/// How long the only try takes where a region may be gone.
const BRIEF: Duration = Duration::from_secs(10);
/// How often a read is tried.
const TRIES: u32 = 4;
/// How long a change may wait for room that its turn did not keep.
const ROOM: Duration = Duration::from_secs(2);
/// How many pages of a list are read.
const PAGES: usize = 500;

/// One ARM endpoint with one credential. Cheap to clone.
#[derive(Clone)]
pub struct Arm {
    shared: Arc<Shared>,
    run: Option<Uuid>,
    guard: Arc<Guard>,
    tenants: Arc<Tenants>,
}

struct Shared {
    endpoint: Endpoint,
    scope: String,
    credential: Credential,
    http: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    pipeline: OnceLock<Pipeline>,
    skew: Mutex<Option<SignedDuration>>,
    /// The credential in other tenants, by tenant.
    elsewhere: Mutex<BTreeMap<String, Credential>>,
    pace: Pace,
}

/// One request as it goes to the wire, without its token.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<bytes::Bytes>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: bool,
}

/// What one send came to.
enum Once {
    Reply(Reply, SecretString),
    NotWritten(String),
    Lost(String),
}

impl fmt::Debug for Arm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Arm").field(&self.shared.endpoint).finish()
    }
}

impl Arm {
    /// Joins an endpoint, a credential and a clock. Without `http` the network is used, with nothing between.
    ///
    /// **Promised by whoever gives `http`**: an error of kind `Connection` means that no byte of
    /// the request left, and it sends a request once.
    pub fn new(
        endpoint: Endpoint,
        credential: Credential,
        http: Option<Arc<dyn HttpClient>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arm, CredentialError> {
        if credential.kind() == CredentialKind::Simulator && !endpoint.is_loopback() {
            return Err(CredentialError::NotLoopback);
        }
        let http = http.unwrap_or_else(|| Arc::new(Network::new(NetworkSettings::direct())));
        Ok(Arm {
            shared: Arc::new(Shared {
                scope: endpoint.scope(),
                endpoint,
                credential,
                http,
                clock,
                pipeline: OnceLock::new(),
                skew: Mutex::new(None),
                elsewhere: Mutex::default(),
                pace: Pace::new(),
            }),
            run: None,
            guard: Arc::new(Guard::open()),
            tenants: Arc::default(),
        })
    }

    /// Returns the same client with the run's correlation id on its reads.
    pub fn for_run(&self, run: &RunId) -> Arm {
        Arm {
            run: Some(run.correlation()),
            ..self.clone()
        }
    }

    /// Returns the same client for one step: with the run's correlation id, with the guard that lets
    /// nothing through to a region whose outage is declared, and with the tenant of each subscription.
    pub fn for_step(&self, context: &Context) -> Arm {
        Arm {
            shared: self.shared.clone(),
            run: Some(context.run.correlation()),
            guard: Arc::new(Guard::of(context)),
            tenants: Arc::new(Tenants::of(context)),
        }
    }

    /// Returns where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// Returns the clock that the client goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// Returns what every call of this client, and of all its clones, waits at.
    pub fn pace(&self) -> &Pace {
        &self.shared.pace
    }

    /// Returns how far Azure's clock was ahead of ours in the last answer that told.
    pub fn skew(&self) -> Option<SignedDuration> {
        *self.shared.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a token of the same identity for another audience, such as a database. Whoever asks makes sure
    /// that it goes nowhere else.
    pub(crate) async fn token_for(
        &self,
        tenant: Option<&str>,
        scope: &str,
    ) -> Result<SecretString, CredentialError> {
        let now = self.shared.clock.now().wall;
        self.credential_in(tenant)?.token(scope, now).await
    }

    /// Returns the tenant that the step names for a subscription.
    pub(crate) fn tenant_of(&self, subscription: &str) -> Option<String> {
        let path = format!("/subscriptions/{subscription}");
        self.tenants.of_path(&path).map(str::to_owned)
    }

    /// Reads. Retries 408, 429, 5xx and broken connections a few times, with pauses on tokio's clock.
    pub async fn read(&self, request: &Request) -> Result<Reply, ReadError> {
        self.read_parts(&self.parts(request).map_err(ReadError::unreachable)?)
            .await
    }

    /// Reads every page of a list and returns the entries of `value`.
    pub async fn list(&self, request: &Request) -> Result<Vec<Value>, ReadError> {
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        let mut parts = self.parts(request).map_err(ReadError::unreachable)?;
        loop {
            let mut reply = self.read_parts(&parts).await?;
            match reply.body.get_mut("value").map(Value::take) {
                Some(Value::Array(page)) => entries.extend(page),
                _ => return Err(ReadError::unreachable("the list has no `value`".to_owned())),
            }
            let next = reply.text("/nextLink").unwrap_or_default();
            if next.is_empty() {
                return Ok(entries);
            }
            if !seen.insert(next.to_owned()) || seen.len() >= PAGES {
                return Err(ReadError::unreachable("the list does not end".to_owned()));
            }
            parts.url = self.shared.endpoint.pin(next).map_err(ReadError::unreachable)?;
        }
    }

    /// Sends a change exactly once and reads what came of it. `Err` is every outcome that is not a 2xx.
    pub async fn change(&self, request: &Request, key: &AttemptKey) -> Result<Reply, Sent> {
        match self.parts(request) {
            Ok(parts) => self.change_parts(&parts, key).await,
            Err(reason) => Err(refusal::refused_here("InvalidPath", reason)),
        }
    }

    /// Reads an operation URL as Azure gave it. Refuses a host other than the endpoint's.
    pub async fn follow(&self, url: &OperationUrl) -> Result<Reply, ReadError> {
        let url = self
            .shared
            .endpoint
            .pin(url.expose())
            .map_err(ReadError::unreachable)?;
        self.read_parts(&Parts {
            method: Method::Get,
            url,
            body: None,
            if_match: None,
            if_none_match: false,
        })
        .await
    }

    /// Asks for a token, so that a credential that gives none is found out before anything is begun.
    pub async fn prove(&self) -> Result<(), CredentialError> {
        let shared = &self.shared;
        let token = shared.credential.token(&shared.scope, shared.clock.now().wall);
        token.await.map(|_| ())
    }

    /// Returns the credential in the tenant to which a URL's subscription belongs.
    fn credential_for(&self, url: &Url) -> Result<Credential, CredentialError> {
        self.credential_in(self.tenants.of_path(url.path()))
    }

    fn credential_in(&self, tenant: Option<&str>) -> Result<Credential, CredentialError> {
        let shared = &self.shared;
        let Some(tenant) = tenant else {
            return Ok(shared.credential.clone());
        };
        let mut elsewhere = shared.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = elsewhere.get(tenant) {
            return Ok(known.clone());
        }
        let made = shared.credential.in_tenant(tenant)?;
        elsewhere.insert(tenant.to_owned(), made.clone());
        Ok(made)
    }

    fn parts(&self, request: &Request) -> Result<Parts, String> {
        Ok(Parts {
            method: request.method,
            url: self
                .shared
                .endpoint
                .url_of(request)
                .map_err(|bad| bad.to_string())?,
            body: request.body.as_ref().map(|body| body.to_string().into()),
            if_match: request.if_match.clone(),
            if_none_match: request.if_none_match,
        })
    }

    pub(crate) async fn read_parts(&self, parts: &Parts) -> Result<Reply, ReadError> {
        if !only_reads(parts) {
            return Err(ReadError::unreachable(format!("{} is not a read", parts.method)));
        }
        let (tries, budget) = match self.guard.judge(parts.url.path()) {
            Pass::Refused(reason) => return Err(ReadError::Unreachable { reason }),
            Pass::Brief => (1, BRIEF),
            Pass::Free => (TRIES, READ),
        };
        let credential = match self.credential_for(&parts.url) {
            Ok(credential) => credential,
            Err(error) => return Err(ReadError::unreachable(error.to_string())),
        };
        let call = Call::of(parts.method, parts.url.path());
        let mut end = tokio::time::Instant::now() + budget;
        let mut last = ReadError::unreachable(format!("no answer within {} s", budget.as_secs()));
        let mut renewed = false;
        for attempt in 1..=tries {
            if let Some(call) = &call {
                // Waiting for a turn is no waiting for Azure.
                let came = tokio::time::Instant::now();
                self.shared.pace.admit(call, pace::here().rank).await;
                end += came.elapsed();
            }
            let name = format!("read/{}/{attempt}", parts.url.path());
            let id = Uuid::new_v5(&self.run.unwrap_or(Uuid::nil()), name.as_bytes());
            let once = tokio::time::timeout_at(end, self.send(parts, &credential, self.run, id, None)).await;
            let Ok(once) = once else { break };
            let wait = match once {
                Once::Reply(reply, token) => {
                    if reply.succeeded() {
                        return Ok(reply);
                    }
                    let error = ArmError::of(&reply);
                    let wait = error.retry_after;
                    let status = reply.status;
                    last = ReadError::Answered(error);
                    match status {
                        // Once with a new token; a second 401 is an answer.
                        401 if !renewed => {
                            renewed = true;
                            credential.forget(&token).await;
                            Some(Duration::ZERO)
                        }
                        408 | 429 | 500.. => wait,
                        _ => return Err(last),
                    }
                }
                Once::NotWritten(reason) | Once::Lost(reason) => {
                    last = ReadError::Unreachable { reason };
                    None
                }
            };
            let wait = wait.unwrap_or(Duration::from_secs(1 << (attempt - 1)));
            let again = tokio::time::Instant::now() + wait;
            // Waiting beyond our own end is the engine's business, not ours.
            if attempt == tries || again >= end {
                break;
            }
            tokio::time::sleep_until(again).await;
        }
        Err(last)
    }

    pub(crate) async fn change_parts(&self, parts: &Parts, key: &AttemptKey) -> Result<Reply, Sent> {
        if let Pass::Refused(reason) = self.guard.judge(parts.url.path()) {
            return Err(Sent::NotSent { reason });
        }
        let credential = match self.credential_for(&parts.url) {
            Ok(credential) => credential,
            Err(error) => {
                return Err(Sent::NotSent {
                    reason: error.to_string(),
                });
            }
        };
        if let Some(call) = Call::of(parts.method, parts.url.path()) {
            let room = self.shared.pace.redeem(key, &call, Rank::plain(Purpose::Change));
            if tokio::time::timeout(ROOM, room).await.is_err() {
                let reason = "Azure's limits leave no room for it just now".to_owned();
                return Err(Sent::NotSent { reason });
            }
        }
        let once = self
            .send(
                parts,
                &credential,
                Some(key.run.correlation()),
                key.client_request_id(),
                Some(key.send_before),
            )
            .await;
        match once {
            Once::Reply(reply, token) => {
                if reply.status == 401 {
                    credential.forget(&token).await;
                }
                refusal::sort(reply)
            }
            Once::NotWritten(reason) => Err(Sent::NotSent { reason }),
            Once::Lost(reason) => Err(Sent::Unanswered { reason }),
        }
    }

    /// Sends once. A right to send that ends makes it a change.
    async fn send(
        &self,
        parts: &Parts,
        credential: &Credential,
        run: Option<Uuid>,
        id: Uuid,
        send_before: Option<Duration>,
    ) -> Once {
        let shared = &self.shared;
        if !shared.endpoint.holds(&parts.url) {
            return Once::NotWritten("the request leads to another host".to_owned());
        }
        let token = match credential.token(&shared.scope, shared.clock.now().wall).await {
            Ok(token) => token,
            Err(error) => return Once::NotWritten(error.to_string()),
        };
        let mut request = azure_core::http::Request::new(parts.url.clone(), word(parts.method));
        request.insert_header("accept", "application/json");
        request.insert_header("x-ms-client-request-id", id.to_string());
        if let Some(run) = run {
            request.insert_header("x-ms-correlation-request-id", run.to_string());
        }
        if let Some(etag) = &parts.if_match {
            request.insert_header("if-match", etag.clone());
        }
        if parts.if_none_match {
            request.insert_header("if-none-match", "*");
        }
        if let Some(body) = &parts.body {
            request.insert_header("content-type", "application/json");
            request.set_body(body.clone());
        }
        let written = Arc::new(AtomicBool::new(false));
        let mut baggage = Baggage::new();
        baggage.insert(Errand {
            token: token.clone(),
            send_before,
            written: written.clone(),
        });
        let options = PipelineSendOptions {
            skip_checks: true,
            ..PipelineSendOptions::default()
        };
        let sending = self.pipeline().send(&baggage, &mut request, Some(options));
        match tokio::time::timeout(ANSWER, sending).await {
            Ok(Ok(answer)) => {
                let (status, headers, body) = answer.deconstruct();
                let headers = headers
                    .iter()
                    .map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned()))
                    .collect();
                let reply = Reply::of_bytes(status.into(), headers, &body);
                self.note_skew(&reply);
                if let Some(call) = Call::of(parts.method, parts.url.path()) {
                    pace::learn(&shared.pace, &call, &reply);
                }
                Once::Reply(reply, token)
            }
            Ok(Err(error)) => {
                let reason = error.to_string();
                if *error.kind() == ErrorKind::Connection || !written.load(Ordering::SeqCst) {
                    Once::NotWritten(reason)
                } else {
                    Once::Lost(reason)
                }
            }
            Err(_) => Once::Lost(format!("no answer within {} s", ANSWER.as_secs())),
        }
    }

    fn pipeline(&self) -> &Pipeline {
        let shared = &self.shared;
        shared.pipeline.get_or_init(|| {
            let wire = Wire {
                endpoint: shared.endpoint.clone(),
                http: shared.http.clone(),
                clock: shared.clock.clone(),
            };
            let options = ClientOptions {
                retry: RetryOptions::none(),
                transport: Some(Transport::with_policy(Arc::new(wire))),
                ..ClientOptions::default()
            };
            let (name, version) = (Some("leeward"), option_env!("CARGO_PKG_VERSION"));
            Pipeline::new(name, version, options, Vec::new(), Vec::new(), None)
        })
    }

    fn note_skew(&self, reply: &Reply) {
        if let Some(theirs) = reply.header("date").and_then(patience::date) {
            let skew = theirs.duration_since(self.shared.clock.now().wall);
            *self.shared.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
        }
    }
}

/// Returns whether a request may be repeated freely: a GET, or a POST that only lists.
fn only_reads(parts: &Parts) -> bool {
    match parts.method {
        Method::Get => true,
        Method::Post => parts
            .url
            .path_segments()
            .and_then(|mut segments| segments.next_back())
            .is_some_and(|verb| verb.starts_with("list")),
        Method::Put | Method::Patch | Method::Delete => false,
    }
}

fn word(method: Method) -> azure_core::http::Method {
    match method {
        Method::Get => azure_core::http::Method::Get,
        Method::Put => azure_core::http::Method::Put,
        Method::Patch => azure_core::http::Method::Patch,
        Method::Post => azure_core::http::Method::Post,
        Method::Delete => azure_core::http::Method::Delete,
    }
}

/// Why a read told nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Azure answered, with an error.
    #[error("{}: {}", .0.code, .0.message)]
    Answered(ArmError),
    /// No answer, or none that could be read.
    #[error("{reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
}

impl ReadError {
    pub(crate) fn unreachable(reason: String) -> ReadError {
        ReadError::Unreachable { reason }
    }

    /// Returns whether Azure says that there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(self, ReadError::Answered(error) if error.status == 404)
    }

    /// Returns it as the engine's error, with what was asked.
    pub fn into_driver_error(self, what: impl Into<String>) -> DriverError {
        let what = what.into();
        match self {
            ReadError::Answered(error) if error.status >= 500 || error.status == 408 => {
                DriverError::Unreachable {
                    what,
                    reason: format!("HTTP {} {}: {}", error.status, error.code, error.message),
                }
            }
            ReadError::Answered(error) => DriverError::Refused {
                what,
                passing: refusal::may_pass(error.status, &error.code),
                message: denied::explained(&error.code, &error.message),
                code: error.code,
            },
            ReadError::Unreachable { reason } => DriverError::Unreachable { what, reason },
        }
    }
}

#[cfg(test)]
mod tests;
