//! How is a simulator reached over HTTP?

use std::{convert::Infallible, io, net::SocketAddr};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

use crate::{
    arm::request::Sealed,
    control,
    outcome::{Broken, Outcome},
    provider::sql::SqlSession,
    simulator::Simulator,
};

/// No request to ARM is longer.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// Where SQL servers listen.
const SQL_PORT: u16 = 1433;

/// Serves until the listener fails. The control side answers callers on this machine only.
pub async fn serve(listener: TcpListener, simulator: Simulator) -> io::Result<Infallible> {
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(answer_on(stream, peer, simulator.clone(), Wire::Open));
    }
}

/// Whether a wire is read by whoever stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Plain HTTP.
    Open,
    /// TLS.
    Sealed,
}

/// Answers whatever comes over one connection.
pub(crate) async fn answer_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    simulator: Simulator,
    wire: Wire,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        if wire == Wire::Sealed {
            request.extensions_mut().insert(Sealed);
        }
        answer(simulator.clone(), peer, request)
    });
    // A broken connection is often what was asked for; the log of requests tells.
    if let Err(error) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
    {
        tracing::debug!(%error, "connection closed");
    }
}

/// A wire that breaks, as the HTTP library is told of it.
#[derive(Debug, thiserror::Error)]
#[error("the wire breaks here")]
struct Break;

async fn answer(
    simulator: Simulator,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Break> {
    let tunnel = sql_host(&request).map(|host| (host, hyper::upgrade::on(&mut request)));
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let request = Request::from_parts(parts, body.to_bytes());
    if control::is_control(&request) && !peer.ip().is_loopback() {
        return Ok(plain(StatusCode::FORBIDDEN));
    }
    let proxied = request.uri().host().is_some();
    match simulator.clone().handle(request).await {
        Outcome::Answered(response) => {
            if let Some((host, upgrade)) = tunnel.filter(|_| response.status().is_success()) {
                tokio::spawn(speak_sql(SqlSession::new(simulator, host), upgrade));
            }
            Ok(response.map(Full::new))
        }
        // A proxy can say that nobody listens; a wire cannot.
        Outcome::Broken(Broken::Refused) if proxied => Ok(plain(StatusCode::BAD_GATEWAY)),
        Outcome::Broken(_) => Err(Break),
    }
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Returns the host that a tunnel to a SQL server is asked for.
fn sql_host(request: &Request<Incoming>) -> Option<String> {
    let authority = request
        .uri()
        .authority()
        .filter(|_| request.method() == Method::CONNECT)?;
    (authority.port_u16() == Some(SQL_PORT)).then(|| authority.host().to_owned())
}

async fn speak_sql(session: SqlSession, upgrade: OnUpgrade) {
    let Ok(stream) = upgrade.await else { return };
    if let Err(error) = session.serve(&mut TokioIo::new(stream)).await {
        tracing::debug!(%error, "the SQL session ended");
    }
}
