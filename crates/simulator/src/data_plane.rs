//! What answers outside the control plane: public addresses, ports, and what data planes there are?
//!
//! A request comes here whose target names another host than ARM's (a forward proxy's absolute form), and every
//! `CONNECT`. Providers with a data plane of their own (blobs, Kubernetes) join in [`answer`].

mod kubernetes;
mod reach;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

pub(crate) use self::reach::stands;
use self::reach::{behind, reached};
use crate::{
    clock::later,
    fault::{By, End, Fate},
    log::Told,
    outcome::{Broken, Outcome},
    provider::{aks, key_vault, sql, storage},
    settle::{Late, Parcel},
    simulator::{Asking, Decided, Inner, State, judged, note},
    world::World,
};

/// What somebody outside was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// When.
    pub time: Timestamp,
    /// The verb.
    pub method: String,
    /// Where.
    pub url: String,
    /// What.
    pub body: String,
}

/// Returns whether a request is for another host than ARM's.
pub(crate) fn is_outside(world: &World, request: &Request<Bytes>) -> bool {
    if request.method() == Method::CONNECT {
        return true;
    }
    let Some(host) = request.uri().host() else {
        return false;
    };
    let url = request.uri().to_string();
    if world
        .endpoints
        .iter()
        .any(|endpoint| url.starts_with(&endpoint.url))
    {
        return true;
    }
    if aks::behind(world, host).is_some() {
        return true;
    }
    let host = host.trim_matches(['[', ']']);
    let arm = host.starts_with("management.")
        || host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    !arm
}

/// Decides about a request to the world outside.
pub(crate) fn decide(inner: &Inner, state: &mut State, request: &Request<Bytes>, now: Timestamp) -> Decided {
    let target = request.uri().to_string();
    let key = state.key(request.method().as_str(), &target);
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let (sequence, fate) = judged(
        inner,
        state,
        Asking {
            method: request.method().as_str(),
            path: target.split('?').next().unwrap_or_default(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            provider: None,
            region: reach::region(&state.world, request, now),
            changing: changing(request),
            client_request_id: header("x-ms-client-request-id"),
            correlation_id: header("x-ms-correlation-request-id"),
        },
        &key,
        now,
    );
    let (low, high) = inner.settings.latency;
    let after: Duration = inner.seed.stretch(&format!("{key}/latency"), low, high) + fate.delay;
    let (told, outcome) = match &fate.end {
        Some(End::Late(late)) => {
            state.late.push(Late {
                at: later(now, *late),
                sequence,
                key,
                fate: Fate {
                    end: None,
                    ..fate.clone()
                },
                request: Parcel::Outside(request.clone()),
            });
            (Told::Lost, Outcome::Broken(Broken::Silent))
        }
        Some(End::Reset) => (Told::Reset, Outcome::Broken(Broken::Reset)),
        Some(End::Throttled(retry_after)) => {
            let mut response = plain(429, String::new());
            if let Some(value) = retry_after.and_then(|seconds| seconds.to_string().parse().ok()) {
                response.headers_mut().insert("retry-after", value);
            }
            (Told::Status(429), Outcome::Answered(response))
        }
        Some(End::Status(status, ..)) => (
            Told::Status(*status),
            Outcome::Answered(plain(*status, String::new())),
        ),
        Some(End::AnswerLost(by)) => {
            carry_out(state, sequence, request, &fate, now, None);
            let how = match by {
                By::Silence => Broken::Silent,
                By::Reset => Broken::Reset,
            };
            (Told::Lost, Outcome::Broken(how))
        }
        None => match carry_out(state, sequence, request, &fate, now, None) {
            Some(response) => (
                Told::Status(response.status().as_u16()),
                Outcome::Answered(response),
            ),
            None => (Told::Refused, Outcome::Broken(Broken::Refused)),
        },
    };
    if let Some(entry) = state.log.entry(sequence) {
        entry.status = told;
    }
    let after = match outcome {
        Outcome::Broken(Broken::Silent) => inner.settings.silence,
        _ => after,
    };
    Decided { after, outcome }
}

/// Returns whether a request to the world outside changes something, or tells somebody.
fn changing(request: &Request<Bytes>) -> bool {
    !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::CONNECT
    )
}

/// Lets a request arrive, now or, where `delivered` says so, after its sender gave up; nothing where nobody is there.
pub(crate) fn carry_out(
    state: &mut State,
    sequence: u64,
    request: &Request<Bytes>,
    fate: &Fate,
    now: Timestamp,
    delivered: Option<Timestamp>,
) -> Option<Response<Bytes>> {
    state.world.stale_until = fate.stale.map(|stale| later(now, stale));
    // What a data plane of Azure's, or a cluster, is told is no message to anybody, and may be a secret.
    let own = match request.method() == Method::CONNECT {
        true => None,
        false => storage::blob_answer(&mut state.world, request, now)
            .or_else(|| key_vault::answer(&mut state.world, request, now))
            .or_else(|| kubernetes::answer(&mut state.world, request, now)),
    };
    let message = own.is_none();
    let response = match own {
        Some(response) => response,
        None if request.method() == Method::CONNECT => connect(&state.world, request, now),
        None => answer(&state.world, request, now),
    };
    state.world.stale_until = None;
    if message
        && matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH)
        && response.is_some()
    {
        state.hooks.push(Hook {
            time: now,
            method: request.method().to_string(),
            url: request.uri().to_string(),
            body: String::from_utf8_lossy(request.body()).into_owned(),
        });
    }
    let taken = response
        .as_ref()
        .is_some_and(|response| response.status().is_success());
    note(state, sequence, taken && changing(request), delivered);
    response
}

/// Answers for a URL; nothing where nobody listens.
fn answer(world: &World, request: &Request<Bytes>, now: Timestamp) -> Option<Response<Bytes>> {
    let url = request.uri().to_string();
    let Some(endpoint) = reach::endpoint(world, &url) else {
        return ingress(world, request, now);
    };
    let region = reached(world, &endpoint.serves, now)?;
    // Whoever answers there says that nothing stands behind it.
    let status = match behind(world, &region, &endpoint.needs, endpoint.at_least, now) {
        true => endpoint.status,
        false => 503,
    };
    let body = if status == endpoint.status {
        endpoint.body.clone()
    } else {
        String::new()
    };
    Some(plain(status, body))
}

/// Answers for the ingress of a cluster: anything that it is asked, once its nodes are there.
fn ingress(world: &World, request: &Request<Bytes>, now: Timestamp) -> Option<Response<Bytes>> {
    let cluster = aks::behind(world, request.uri().host()?)?;
    let usual = matches!(request.uri().port_u16(), None | Some(80 | 443));
    (usual && stands(world, cluster, now)).then(|| plain(200, String::new()))
}

fn plain(status: u16, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(
        "content-type",
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Answers a `CONNECT`: 200 where the port takes connections, nothing where it does not.
fn connect(world: &World, request: &Request<Bytes>, now: Timestamp) -> Option<Response<Bytes>> {
    let authority = request.uri().authority()?;
    let open = match reach::port(world, request) {
        Some(port) => reached(world, &port.serves, now)
            .is_some_and(|region| behind(world, &region, &port.needs, port.at_least, now)),
        None if authority
            .port_u16()
            .is_some_and(|port| sql::listens(world, authority.host(), port, now)) =>
        {
            true
        }
        None => {
            matches!(authority.port_u16(), Some(80 | 443))
                && aks::behind(world, authority.host()).is_some_and(|cluster| stands(world, cluster, now))
        }
    };
    open.then(|| Response::new(Bytes::new()))
}
