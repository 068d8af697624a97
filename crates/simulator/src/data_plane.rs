//! What answers outside the control plane: public addresses, ports, and what data planes there are?
//!
//! A request comes here whose target names another host than ARM's (a forward proxy's absolute form), and every
//! `CONNECT`. Providers with a data plane of their own (blobs, Kubernetes) join in [`answer`].

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    fault::{Asked, By, End, Fate},
    log::{Entry, Told},
    outcome::{Broken, Outcome},
    provider::{aks, dns, front_door, site_recovery::machine::stopped, sql, storage, traffic_manager},
    simulator::{Decided, Inner, State},
    world::{Health, Needs, Resource, Serves, World, geography},
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
    let changing = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::CONNECT
    );
    let asked = Asked {
        method: request.method().as_str(),
        path: target.split('?').next().unwrap_or_default(),
        provider: None,
        region: None,
        changing,
        at: now,
        start: state.world.start,
    };
    let fate = state.faults.judge(&asked, inner.seed, &key);
    if let Some(decided) = unheard(inner, state, request, now, &fate, changing) {
        return decided;
    }
    let response = match request.method() == Method::CONNECT {
        true => connect(&state.world, request, now),
        false => match storage::blob_answer(&mut state.world, request, now) {
            Some(response) => response,
            None => answer(&state.world, request, now),
        },
    };
    if matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) && response.is_some() {
        state.hooks.push(Hook {
            time: now,
            method: request.method().to_string(),
            url: target.clone(),
            body: String::from_utf8_lossy(request.body()).into_owned(),
        });
    }
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
        status: match (&fate.end, &response) {
            (Some(End::AnswerLost(_) | End::Late(_)), _) => Told::Lost,
            (_, Some(response)) => Told::Status(response.status().as_u16()),
            (_, None) => Told::Refused,
        },
        client_request_id: header("x-ms-client-request-id"),
        correlation_id: header("x-ms-correlation-request-id"),
        region: None,
        changing,
        accepted: response
            .as_ref()
            .is_some_and(|response| response.status().is_success())
            && matches!(
                *request.method(),
                Method::POST | Method::PUT | Method::PATCH | Method::DELETE
            ),
        delivered: None,
        faults: fate.rules.clone(),
    });
    let (low, high) = inner.settings.latency;
    let after: Duration = inner.seed.stretch(&format!("{key}/latency"), low, high) + fate.delay;
    let outcome = match fate.end {
        // It arrived, now or a little later; its sender hears nothing.
        Some(End::AnswerLost(By::Silence) | End::Late(_)) => Outcome::Broken(Broken::Silent),
        Some(End::AnswerLost(By::Reset)) => Outcome::Broken(Broken::Reset),
        _ => response.map_or(Outcome::Broken(Broken::Refused), Outcome::Answered),
    };
    let after = match outcome {
        Outcome::Broken(Broken::Silent) => inner.settings.silence,
        _ => after,
    };
    Decided { after, outcome }
}

/// Ends a request that a rule keeps from whoever it was meant for.
fn unheard(
    inner: &Inner,
    state: &mut State,
    request: &Request<Bytes>,
    now: Timestamp,
    fate: &Fate,
    changing: bool,
) -> Option<Decided> {
    let (status, outcome) = match &fate.end {
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
        _ => return None,
    };
    let target = request.uri().to_string();
    state.log.write(Entry {
        sequence: 0,
        time: now,
        method: request.method().to_string(),
        path: target.split('?').next().unwrap_or_default().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        status,
        client_request_id: None,
        correlation_id: None,
        region: None,
        changing,
        accepted: false,
        delivered: None,
        faults: fate.rules.clone(),
    });
    Some(Decided {
        after: inner.settings.latency.0 + fate.delay,
        outcome,
    })
}

/// Answers for a URL; nothing where nobody listens.
fn answer(world: &World, request: &Request<Bytes>, now: Timestamp) -> Option<Response<Bytes>> {
    let url = request.uri().to_string();
    let endpoint = world
        .endpoints
        .iter()
        .filter(|endpoint| url.starts_with(&endpoint.url))
        .max_by_key(|endpoint| endpoint.url.len());
    let Some(endpoint) = endpoint else {
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
    let port = world.ports.iter().find(|port| {
        port.host.eq_ignore_ascii_case(authority.host()) && Some(port.port) == authority.port_u16()
    });
    let open = match port {
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

/// Returns the region that answers at an address now, `global` where it is of none; nothing where nobody answers.
fn reached(world: &World, serves: &Serves, now: Timestamp) -> Option<String> {
    let region = match serves {
        Serves::Always => "global".to_owned(),
        Serves::Never => return None,
        Serves::Region(region) => geography::fold(region),
        Serves::Resource(id) => {
            let resource = world
                .resource(id)
                .filter(|resource| stands(world, resource, now))?;
            storage::written_in(resource).unwrap_or_else(|| resource.region.clone())
        }
        Serves::AnyOf(several) => return several.iter().find_map(|one| reached(world, one, now)),
        Serves::TrafficManager(id) => traffic_manager::region_served(world, id, now)?,
        Serves::FrontDoor(id) => front_door::region_served(world, id, now)?,
        Serves::Record {
            name,
            r#type,
            regions,
        } => {
            let values = dns::resolve(world, name, r#type, now)?;
            let region = values.iter().find_map(|value| regions.get(value))?;
            geography::fold(region)
        }
    };
    (world.health(&region, now) == Health::Up).then_some(region)
}

/// Returns whether enough of what a region needs stands there.
fn behind(world: &World, region: &str, needs: &Needs, at_least: Option<usize>, now: Timestamp) -> bool {
    let wanted = needs
        .iter()
        .filter(|(name, _)| geography::fold(name) == region)
        .flat_map(|(_, wanted)| wanted);
    let (mut all, mut standing) = (0, 0);
    for need in wanted {
        all += 1;
        let there = match need.starts_with('/') {
            true => world
                .resource(need)
                .is_some_and(|resource| stands(world, resource, now)),
            false => world.resources.values().any(|resource| {
                let own = storage::written_in(resource).unwrap_or_else(|| resource.region.clone());
                own == region && resource.name().eq_ignore_ascii_case(need) && stands(world, resource, now)
            }),
        };
        standing += usize::from(there);
    }
    standing >= at_least.map_or(all, |enough| enough.min(all))
}

/// Returns whether a resource really does its work: its region is up, it is made and switched on, and where it has
/// a role it is the one that serves.
pub(crate) fn stands(world: &World, resource: &Resource, now: Timestamp) -> bool {
    let region = storage::written_in(resource).unwrap_or_else(|| resource.region.clone());
    if world.health(&region, now) != Health::Up {
        return false;
    }
    if resource.kind.eq_ignore_ascii_case(aks::CLUSTERS) {
        return aks::stands(resource);
    }
    let made = match resource.body["properties"]["provisioningState"].as_str() {
        Some(word) => word.eq_ignore_ascii_case("Succeeded"),
        None => true,
    };
    made && !stopped(resource)
        && resource.state["role"] != "Secondary"
        && storage::takes_writes(world, resource)
}
