//! The three wires of a rehearsal: Azure, the public side of the world, and commands. All of
//! them end in the simulator in this process.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    Error,
    error::ErrorKind,
    http::{
        AsyncRawResponse, Body, HttpClient, Request, StatusCode,
        headers::{HeaderName, HeaderValue, Headers},
    },
};
use bytes::Bytes;
use leeward_azure::{
    names::{Question, Resolver, Said},
    seams::{
        CommandLine, CommandOutcome, CommandRunner, Line, PublicError, PublicReply, PublicRequest, PublicWire,
    },
};
use leeward_simulator::{Broken, Outcome, Simulator, SqlSession};

/// Whoever answers in Azure's stead, in this process.
#[async_trait]
pub trait Answers: std::fmt::Debug + Send + Sync {
    /// Answers one request, or does not.
    async fn answer(&self, request: http::Request<Bytes>) -> Outcome;
}

#[async_trait]
impl Answers for Simulator {
    async fn answer(&self, request: http::Request<Bytes>) -> Outcome {
        self.handle(request).await
    }
}

/// Azure, as an HTTP client that never leaves the process.
#[derive(Debug, Clone)]
pub struct SimulatedHttp(pub Arc<dyn Answers>);

#[async_trait]
impl HttpClient for SimulatedHttp {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let mut builder = http::Request::builder()
            .method(request.method().as_str())
            .uri(request.url().as_str());
        for (name, value) in request.headers().iter() {
            builder = builder.header(name.as_str(), value.as_str());
        }
        let body = match request.body() {
            Body::Bytes(bytes) => bytes.clone(),
            _ => return Err(unsendable("a streamed body is not simulated")),
        };
        let request = builder
            .body(body)
            .map_err(|error| unsendable(error.to_string()))?;
        match self.0.answer(request).await {
            Outcome::Answered(answer) => Ok(read(answer)),
            Outcome::Broken(Broken::Refused) => Err(unsendable("nobody listens there")),
            Outcome::Broken(Broken::Reset) => Err(lost("the connection was reset")),
            Outcome::Broken(Broken::Silent) => Err(lost("no answer came")),
        }
    }
}

/// An error of this kind promises that no byte left.
fn unsendable(reason: impl Into<String>) -> Error {
    Error::with_message(ErrorKind::Connection, reason.into())
}

fn lost(reason: &str) -> Error {
    Error::with_message(ErrorKind::Io, reason.to_owned())
}

fn read(answer: http::Response<Bytes>) -> AsyncRawResponse {
    let (parts, body) = answer.into_parts();
    let mut headers = Headers::new();
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            headers.insert(
                HeaderName::from(name.as_str().to_owned()),
                HeaderValue::from(value.to_owned()),
            );
        }
    }
    AsyncRawResponse::from_bytes(StatusCode::from(parts.status.as_u16()), headers, body)
}

/// Storefronts, ports and webhooks, as the simulator plays them.
#[derive(Debug, Clone)]
pub struct SimulatedPublic(pub Simulator);

#[async_trait]
impl PublicWire for SimulatedPublic {
    async fn http(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(request.url.as_str());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(bearer) = &request.bearer {
            builder = builder.header(http::header::AUTHORIZATION, bearer.expose());
        }
        let body = Bytes::from(request.body.clone().unwrap_or_default());
        let asked = builder.body(body).map_err(|error| not_sent(error.to_string()))?;
        let answer = tokio::time::timeout(request.within, self.0.handle(asked)).await;
        match answer {
            Err(_) => Err(PublicError::Lost {
                reason: "no answer in time".to_owned(),
            }),
            Ok(Outcome::Answered(answer)) => {
                let (parts, body) = answer.into_parts();
                let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
                };
                Ok(PublicReply {
                    status: parts.status.as_u16(),
                    headers: parts.headers.iter().filter_map(header).collect(),
                    body: body.to_vec(),
                })
            }
            Ok(Outcome::Broken(Broken::Refused)) => Err(not_sent("nobody listens there")),
            Ok(Outcome::Broken(Broken::Reset)) => Err(PublicError::Lost {
                reason: "the connection was reset".to_owned(),
            }),
            Ok(Outcome::Broken(Broken::Silent)) => Err(PublicError::Lost {
                reason: "no answer came".to_owned(),
            }),
        }
    }

    async fn connect(&self, host: &str, port: u16, within: Duration) -> Result<(), PublicError> {
        let asked = http::Request::builder()
            .method(http::Method::CONNECT)
            .uri(format!("{host}:{port}"))
            .body(Bytes::new())
            .map_err(|error| not_sent(error.to_string()))?;
        match tokio::time::timeout(within, self.0.handle(asked)).await {
            Ok(Outcome::Answered(answer)) if answer.status().is_success() => Ok(()),
            Ok(Outcome::Answered(answer)) => Err(not_sent(format!("no connection: {}", answer.status()))),
            Ok(Outcome::Broken(_)) => Err(not_sent("no connection")),
            Err(_) => Err(not_sent("no connection in time")),
        }
    }

    /// In a simulated world all resolvers say the same.
    async fn resolve(&self, question: &Question, _: Resolver, _: Duration) -> Result<Said, PublicError> {
        let found = self.0.resolve(&question.name, question.sort.word());
        Ok(match found {
            Some(found) => Said {
                code: 0,
                through: found.through,
                values: found.values,
                ttl: found.ttl,
            },
            None => Said {
                code: 3,
                ..Said::default()
            },
        })
    }

    async fn dial(&self, host: &str, port: u16, within: Duration) -> Result<Line, PublicError> {
        self.connect(host, port, within).await?;
        let (ours, mut theirs) = tokio::io::duplex(LINE);
        let session = SqlSession::new(self.0.clone(), host);
        tokio::spawn(async move {
            // It ends when we have gone; that is no error.
            let _ = session.serve(&mut theirs).await;
        });
        Ok(Line {
            bytes: Box::new(ours),
            pretended: true,
        })
    }
}

/// How many bytes may be on their way in a line.
const LINE: usize = 64 * 1024;

fn not_sent(reason: impl Into<String>) -> PublicError {
    PublicError::NotSent {
        reason: reason.into(),
    }
}

/// Commands that are not run: the world says what comes of them.
#[derive(Debug, Clone)]
pub struct SimulatedCommands(pub Simulator);

#[async_trait]
impl CommandRunner for SimulatedCommands {
    async fn run(&self, command: &CommandLine) -> CommandOutcome {
        let said = self.0.command(&command.arguments);
        CommandOutcome::Ended {
            code: Some(said.exit_code),
            output: format!("{}{}", said.stdout, said.stderr),
        }
    }
}
