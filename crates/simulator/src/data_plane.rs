//! What answers outside the control plane: public addresses, ports, and what data planes there are?
//!
//! A request comes here whose target names another host than ARM's (a forward proxy's absolute form), and every
//! `CONNECT`. Providers with a data plane of their own (blobs, Kubernetes) join in [`answer`].

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;

use crate::{
    log::{Entry, Told},
    outcome::{Broken, Outcome},
    provider::{site_recovery::machine::stopped, storage, traffic_manager},
    simulator::{Decided, Inner, State},
    world::{Health, Serves, World},
};

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
    let response = match request.method() == Method::CONNECT {
        true => connect(&state.world, request, now),
        false => match storage::blob_answer(&mut state.world, request, now) {
            Some(response) => response,
            None => answer(&state.world, request, now),
        },
    };
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    state.log.write(Entry {
        sequence: 0,
        time: now,
        method: request.method().to_string(),
        path: target.split('?').next().unwrap_or_default().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        status: response
            .as_ref()
            .map_or(Told::Refused, |response| Told::Status(response.status().as_u16())),
        client_request_id: header("x-ms-client-request-id"),
        correlation_id: header("x-ms-correlation-request-id"),
        region: None,
        changing: !matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS | Method::CONNECT
        ),
        accepted: response
            .as_ref()
            .is_some_and(|response| response.status().is_success())
            && matches!(
                *request.method(),
                Method::POST | Method::PUT | Method::PATCH | Method::DELETE
            ),
        delivered: None,
    });
    let (low, high) = inner.settings.latency;
    let after: Duration = inner.seed.stretch(&format!("{key}/latency"), low, high);
    Decided {
        after,
        outcome: response.map_or(Outcome::Broken(Broken::Refused), Outcome::Answered),
    }
}

/// Answers for a URL; nothing where nobody listens.
fn answer(world: &World, request: &Request<Bytes>, now: Timestamp) -> Option<Response<Bytes>> {
    let url = request.uri().to_string();
    let endpoint = world
        .endpoints
        .iter()
        .filter(|endpoint| url.starts_with(&endpoint.url))
        .max_by_key(|endpoint| endpoint.url.len())?;
    if !serves(world, &endpoint.serves, now) {
        return None;
    }
    let mut response = Response::new(Bytes::from(endpoint.body.clone()));
    *response.status_mut() = StatusCode::from_u16(endpoint.status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(
        "content-type",
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    Some(response)
}

/// Answers a `CONNECT`: 200 where the port takes connections, nothing where it does not.
fn connect(world: &World, request: &Request<Bytes>, now: Timestamp) -> Option<Response<Bytes>> {
    let authority = request.uri().authority()?;
    let port = world.ports.iter().find(|port| {
        port.host.eq_ignore_ascii_case(authority.host()) && Some(port.port) == authority.port_u16()
    })?;
    serves(world, &port.serves, now).then(|| Response::new(Bytes::new()))
}

/// Returns whether what stands behind an address serves now.
pub(crate) fn serves(world: &World, serves: &Serves, now: Timestamp) -> bool {
    match serves {
        Serves::Always => true,
        Serves::Never => false,
        Serves::Region(region) => world.health(region, now) == Health::Up,
        Serves::Resource(id) => world
            .resource(id)
            .is_some_and(|resource| !stopped(resource) && world.health(&resource.region, now) == Health::Up),
        Serves::AnyOf(several) => several.iter().any(|one| self::serves(world, one, now)),
        Serves::TrafficManager(id) => traffic_manager::region_served(world, id, now)
            .is_some_and(|region| world.health(&region, now) == Health::Up),
    }
}
