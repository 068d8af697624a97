//! The public side of the real world.
//!
//! What is http goes through the proxy of the settings, and through no other. What only opens a connection (a port, a
//! database) goes straight there: a proxy for pages carries neither.

use std::{
    error::Error as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use futures::StreamExt;
use leeward_engine::port::Clock;

use super::public::{LONGEST_BODY, Line, PublicError, PublicReply, PublicRequest, PublicWire};
use crate::{
    arm::{NetworkSettings, reply::cut},
    names::{self, Question, Resolver, Said},
};

/// Goes out directly.
pub struct Direct {
    clock: Arc<dyn Clock>,
    network: NetworkSettings,
    client: OnceLock<reqwest::Client>,
}

impl Direct {
    /// Makes a wire with nothing between; its client is built when it is first used.
    pub fn new(clock: Arc<dyn Clock>) -> Direct {
        Direct::through(clock, NetworkSettings::direct())
    }

    /// Makes a wire through a proxy, and with further certificates.
    pub fn through(clock: Arc<dyn Clock>, network: NetworkSettings) -> Direct {
        Direct {
            clock,
            network,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> Result<&reqwest::Client, PublicError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_secs(10))
            .pool_max_idle_per_host(0)
            .http1_only()
            .user_agent(concat!("leeward/", env!("CARGO_PKG_VERSION")));
        let built = self
            .network
            .apply(builder)
            .build()
            .map_err(|error| PublicError::not_sent(error.to_string()))?;
        Ok(self.client.get_or_init(|| built))
    }

    async fn exchange(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|error| PublicError::not_sent(error.to_string()))?;
        let mut outgoing = self.client()?.request(method, request.url.clone());
        for (name, value) in &request.headers {
            outgoing = outgoing.header(name, value);
        }
        if let Some(bearer) = &request.bearer {
            // Unencrypted it would be seen by everybody between, where there is somebody between.
            if request.url.scheme() != "https" && !is_here(&request.url) {
                return Err(PublicError::not_sent("a token goes over https only"));
            }
            let mut value = reqwest::header::HeaderValue::from_str(&bearer.expose())
                .map_err(|_| PublicError::not_sent("the token is no value of a header"))?;
            value.set_sensitive(true);
            outgoing = outgoing.header(reqwest::header::AUTHORIZATION, value);
        }
        if let Some(body) = &request.body {
            outgoing = outgoing.body(body.clone());
        }
        if request
            .send_before
            .is_some_and(|moment| self.clock.now().uptime >= moment)
        {
            return Err(PublicError::not_sent(
                "the time in which it could be sent is over",
            ));
        }
        let answer = outgoing.send().await.map_err(|error| sorted(&error))?;
        read(answer).await
    }
}

/// Says of an exchange that failed whether anything left.
pub(super) fn sorted(error: &reqwest::Error) -> PublicError {
    let reason = root_of(error);
    match error.is_connect() || error.is_builder() {
        true => PublicError::not_sent(reason),
        false => PublicError::lost(reason),
    }
}

/// Reads an answer to its end, or as much of it as is kept.
pub(super) async fn read(answer: reqwest::Response) -> Result<PublicReply, PublicError> {
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let mut body = Vec::new();
    let mut stream = answer.bytes_stream();
    while let Some(chunk) = stream.next().await {
        body.extend_from_slice(&chunk.map_err(|error| PublicError::lost(root_of(&error)))?);
        if body.len() >= LONGEST_BODY {
            body.truncate(LONGEST_BODY);
            break;
        }
    }
    Ok(PublicReply {
        status,
        headers,
        body,
    })
}

#[async_trait]
impl PublicWire for Direct {
    async fn http(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        tokio::time::timeout(request.within, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(PublicError::lost("no answer in time")))
    }

    async fn connect(&self, host: &str, port: u16, within: Duration) -> Result<(), PublicError> {
        match tokio::time::timeout(within, tokio::net::TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(PublicError::not_sent(error.to_string())),
            Err(_) => Err(PublicError::not_sent("no connection in time")),
        }
    }

    async fn resolve(
        &self,
        question: &Question,
        resolver: Resolver,
        within: Duration,
    ) -> Result<Said, PublicError> {
        let said = match resolver {
            Resolver::System => names::system(question, within).await,
            Resolver::At(server) => names::ask(server, question, within).await,
        };
        said.map_err(PublicError::lost)
    }

    async fn dial(&self, host: &str, port: u16, within: Duration) -> Result<Line, PublicError> {
        match tokio::time::timeout(within, tokio::net::TcpStream::connect((host, port))).await {
            Ok(Ok(stream)) => Ok(Line {
                bytes: Box::new(stream),
                pretended: false,
            }),
            Ok(Err(error)) => Err(PublicError::not_sent(error.to_string())),
            Err(_) => Err(PublicError::not_sent("no connection in time")),
        }
    }
}

fn is_here(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    }
}

/// Returns the innermost reason; the outer ones repeat the URL, which may hold a webhook's key.
pub(super) fn root_of(error: &reqwest::Error) -> String {
    let mut root: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(deeper) = root.and_then(std::error::Error::source) {
        root = Some(deeper);
    }
    root.map_or_else(
        || "the exchange failed".to_owned(),
        |error| cut(&error.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::testing::TestClock;

    /// Takes one request, answers it, and returns how it began.
    async fn one_request(listener: TcpListener) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let count = stream.read(&mut heard).await.unwrap();
        let answer = "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let text = String::from_utf8_lossy(&heard[..count]).into_owned();
        text.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_token_leaves_this_machine_over_https_only() {
        let wire = Direct::new(TestClock::new());
        let url = "http://stshop.blob.core.windows.net/media/canary"
            .parse()
            .unwrap();
        let asked = PublicRequest {
            bearer: Some(crate::seams::Bearer::new("token".to_owned().into())),
            ..PublicRequest::get(url, Duration::from_secs(20))
        };
        let refused = wire.http(&asked).await.unwrap_err();
        assert_eq!(refused, PublicError::not_sent("a token goes over https only"));
    }

    #[tokio::test]
    async fn a_proof_goes_through_the_same_proxy_as_everything_else_and_to_this_machine_never() {
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let network =
            NetworkSettings::from_environment(|name| (name == "HTTPS_PROXY").then(|| address.clone()));
        let wire = Direct::through(TestClock::new(), network.unwrap());
        let ask = |url: String| PublicRequest::get(url.parse().unwrap(), Duration::from_secs(20));
        let far = ask("http://shop.example.test/health".to_owned());
        let (heard, reply) = tokio::join!(one_request(proxy), wire.http(&far));
        assert_eq!(reply.unwrap().status, 204);
        assert_eq!(heard, "GET http://shop.example.test/health HTTP/1.1");

        let here = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = ask(format!("http://{}/health", here.local_addr().unwrap()));
        let (heard, reply) = tokio::join!(one_request(here), wire.http(&near));
        assert_eq!(reply.unwrap().status, 204);
        assert_eq!(heard, "GET /health HTTP/1.1");
    }
}
