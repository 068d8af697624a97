//! The public side of a simulated world: everything goes to the simulator, as to a forward proxy.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use leeward_engine::port::Clock;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::public::{LONGEST_BODY, Line, PublicError, PublicReply, PublicRequest, PublicWire};
use crate::{
    arm::Endpoint,
    names::{Question, Resolver, Said},
};

/// Goes to a simulator on this machine: requests with their whole URL as target, connections by `CONNECT`.
pub struct Forward {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
}

impl Forward {
    /// Makes a wire to a simulator; nothing where the endpoint is not on this machine.
    pub fn new(endpoint: Endpoint, clock: Arc<dyn Clock>) -> Option<Forward> {
        endpoint.is_loopback().then_some(Forward { endpoint, clock })
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, PublicError> {
        let url = self.endpoint.url();
        let host = url
            .host_str()
            .unwrap_or("localhost")
            .trim_matches(['[', ']'])
            .to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|error| PublicError::not_sent(format!("the simulator: {error}")))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| PublicError::not_sent(error.to_string()))?;
        tokio::spawn(async move {
            // It ends with the exchange; how it ends shows in the exchange itself.
            let _ = connection.with_upgrades().await;
        });
        Ok(sender)
    }

    async fn exchange(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        let unsendable = |error: String| PublicError::not_sent(error);
        let mut outgoing = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(request.url.as_str())
            .body(Full::new(Bytes::from(request.body.clone().unwrap_or_default())))
            .map_err(|error| unsendable(error.to_string()))?;
        for (name, value) in &request.headers {
            let name: HeaderName = name
                .parse()
                .map_err(|_| unsendable(format!("`{name}` is not a header")))?;
            let value =
                HeaderValue::from_str(value).map_err(|_| unsendable(format!("a value of `{name}`")))?;
            outgoing.headers_mut().append(name, value);
        }
        if let Some(bearer) = &request.bearer {
            let mut value = HeaderValue::from_str(&bearer.expose())
                .map_err(|_| unsendable("the token is no value of a header".to_owned()))?;
            value.set_sensitive(true);
            outgoing.headers_mut().insert(AUTHORIZATION, value);
        }
        if let Some(host) = authority(request) {
            let host = HeaderValue::from_str(&host).map_err(|error| unsendable(error.to_string()))?;
            outgoing.headers_mut().insert(HOST, host);
        }
        let mut sender = self.open().await?;
        if request
            .send_before
            .is_some_and(|moment| self.clock.now().uptime >= moment)
        {
            return Err(unsendable(
                "the time in which it could be sent is over".to_owned(),
            ));
        }
        let answer = sender
            .send_request(outgoing)
            .await
            .map_err(|error| PublicError::lost(error.to_string()))?;
        read(answer).await
    }

    async fn tunnel(&self, host: &str, port: u16) -> Result<hyper::Response<Incoming>, PublicError> {
        let target = format!("{host}:{port}");
        let request = hyper::Request::connect(&target)
            .header(HOST, &target)
            .body(Full::new(Bytes::new()))
            .map_err(|error| PublicError::not_sent(error.to_string()))?;
        let mut sender = self.open().await?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| PublicError::not_sent(error.to_string()))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(PublicError::not_sent(format!(
            "no connection to {target}: {}",
            answer.status()
        )))
    }
}

#[async_trait]
impl PublicWire for Forward {
    async fn http(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        tokio::time::timeout(request.within, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(PublicError::lost("no answer in time")))
    }

    async fn connect(&self, host: &str, port: u16, within: Duration) -> Result<(), PublicError> {
        tokio::time::timeout(within, self.tunnel(host, port))
            .await
            .unwrap_or_else(|_| Err(PublicError::not_sent("no connection in time")))
            .map(|_| ())
    }

    /// In a simulated world all resolvers say the same.
    async fn resolve(&self, question: &Question, _: Resolver, within: Duration) -> Result<Said, PublicError> {
        let asked = json!({"name": question.name, "type": question.sort.word()});
        let url = self.endpoint.url().join("/_simulator/names");
        let url = url.map_err(|error| PublicError::not_sent(error.to_string()))?;
        let request = PublicRequest {
            method: "POST".to_owned(),
            body: Some(asked.to_string().into_bytes()),
            ..PublicRequest::get(url, within)
        };
        let reply = self.http(&request).await?;
        let told: Value = serde_json::from_slice(&reply.body)
            .map_err(|_| PublicError::lost(format!("the simulator: HTTP {}", reply.status)))?;
        Ok(said(&told))
    }

    async fn dial(&self, host: &str, port: u16, within: Duration) -> Result<Line, PublicError> {
        let open = async {
            let answer = self.tunnel(host, port).await?;
            let stream = hyper::upgrade::on(answer)
                .await
                .map_err(|error| PublicError::not_sent(format!("the simulator's tunnel: {error}")))?;
            Ok(Line {
                bytes: Box::new(TokioIo::new(stream)),
                pretended: true,
            })
        };
        tokio::time::timeout(within, open)
            .await
            .unwrap_or_else(|_| Err(PublicError::not_sent("no connection in time")))
    }
}

/// Reads what a simulator says of a name.
fn said(told: &Value) -> Said {
    let list = |name: &str| {
        let list = told[name].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Said {
        code: if told["known"] == true { 0 } else { 3 },
        through: list("through"),
        values: list("values"),
        ttl: told["ttl"].as_u64().and_then(|ttl| u32::try_from(ttl).ok()),
    }
}

fn authority(request: &PublicRequest) -> Option<String> {
    let host = request.url.host_str()?;
    Some(match request.url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

async fn read(answer: hyper::Response<Incoming>) -> Result<PublicReply, PublicError> {
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let body = Limited::new(answer.into_body(), LONGEST_BODY)
        .collect()
        .await
        .map_err(|error| PublicError::lost(error.to_string()))?
        .to_bytes()
        .to_vec();
    Ok(PublicReply {
        status,
        headers,
        body,
    })
}
