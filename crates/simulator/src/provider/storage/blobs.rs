//! What do an account's blob endpoints answer?
//!
//! As much as a canary needs: PUT, GET and DELETE of a blob, and the statistics of the secondary endpoint. Nobody checks
//! signatures here, and blobs are text.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use super::{
    ACCOUNTS,
    account::{Account, Blob},
    policies::policies,
};
use crate::{
    provider::same,
    world::{Health, Resource, World},
};

const HOST: &str = ".blob.core.windows.net";

/// Returns the account behind a host name, and whether its other copy is meant. The outer `None`: it is no blob
/// endpoint; the inner: nobody has that account.
fn behind(world: &World, host: &str) -> Option<(Option<Resource>, bool)> {
    let host = host.to_lowercase();
    let name = host.strip_suffix(HOST)?;
    let (name, secondary) = match name.strip_suffix("-secondary") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let account = world.resources.values().find(|resource| {
        resource.kind.eq_ignore_ascii_case(ACCOUNTS) && resource.name().eq_ignore_ascii_case(name)
    });
    Some((account.cloned(), secondary))
}

/// Returns the region of an endpoint of an account, where that endpoint is one to read from.
fn region_of(account: &Account, secondary: bool) -> Option<&str> {
    match secondary {
        true => account.secondary.as_deref().filter(|_| account.readable()),
        false => Some(&account.primary),
    }
}

/// Returns the region that a blob endpoint lies in, whether or not it answers.
pub(crate) fn region(world: &World, host: &str) -> Option<String> {
    let (account, secondary) = behind(world, host)?;
    let account = Account::of(&account?)?;
    region_of(&account, secondary).map(str::to_owned)
}

/// Answers for a blob endpoint. The outer `None`: it is not one; the inner: nobody answers there.
pub(crate) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Option<Response<Bytes>>> {
    let (account, secondary) = behind(world, request.uri().host()?)?;
    Some(account.and_then(|account| {
        let state = Account::of(&account)?;
        let region = region_of(&state, secondary)?;
        if world.health(region, now) != Health::Up {
            return None;
        }
        Some(serve(world, &account, &state, secondary, request, now))
    }))
}

fn serve(
    world: &mut World,
    account: &Resource,
    state: &Account,
    secondary: bool,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    // Documented: neither endpoint takes reads or writes while the account changes sides. The code is an inference.
    if state.moving {
        return failed(503, "ServerBusy", "The account changes its region.");
    }
    let query = request.uri().query().unwrap_or_default();
    if query.contains("comp=stats") {
        return statistics(world, state, secondary, now);
    }
    let path = request.uri().path().trim_matches('/').to_owned();
    let Some((container, _)) = path.split_once('/') else {
        return failed(400, "InvalidUri", "The requested URI does not represent a blob.");
    };
    let id = format!("{}/blobServices/default/containers/{container}", account.id);
    if world.resource(&id).is_none() {
        return failed(
            404,
            "ContainerNotFound",
            "The specified container does not exist.",
        );
    }
    match *request.method() {
        Method::GET | Method::HEAD => match seen(world, account, now).get(&path) {
            Some(blob)
                if !secondary
                    || state
                        .synced(world, now)
                        .is_some_and(|synced| blob.written <= synced) =>
            {
                let mut response = Response::new(Bytes::from(blob.text.clone()));
                dated(&mut response, blob.written);
                stamped(&mut response, "date", now);
                response
            }
            _ => failed(404, "BlobNotFound", "The specified blob does not exist."),
        },
        Method::PUT if secondary => failed(
            403,
            "WriteOperationNotSupportedOnSecondary",
            "Write operations are not allowed on the secondary endpoint.",
        ),
        Method::PUT => {
            if policies(world, &account.id).any(|policy| {
                same(text(&policy["destinationAccount"]), &account.id)
                    && rules(policy).any(|(_, destination)| destination == container)
            }) {
                // Documented: refused with 409. The code is an inference.
                return failed(
                    409,
                    "ContainerIsReplicationDestination",
                    "The container is the destination of a replication policy and takes no writes.",
                );
            }
            // Recorded of nobody here; the vendor's emulator answers so too.
            if request
                .headers()
                .get("if-none-match")
                .is_some_and(|any| any == "*")
                && state.blobs.contains_key(&path)
            {
                return failed(409, "BlobAlreadyExists", "The specified blob already exists.");
            }
            let Ok(text) = String::from_utf8(request.body().to_vec()) else {
                return failed(400, "InvalidInput", "The pretend Azure keeps text only.");
            };
            let tier = request.headers().get("x-ms-access-tier");
            let archived = tier.is_some_and(|tier| tier.as_bytes().eq_ignore_ascii_case(b"archive"));
            let blob = Blob {
                text,
                written: now,
                archived,
            };
            replicate(world, account, &path, &blob, now);
            store(world, &account.id, &path, blob);
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::CREATED;
            dated(&mut response, now);
            response
        }
        Method::DELETE => {
            if !state.blobs.contains_key(&path) {
                return failed(404, "BlobNotFound", "The specified blob does not exist.");
            }
            for (id, path) in copies(world, account, &path, now) {
                forget(world, &id, &path);
            }
            forget(world, &account.id, &path);
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        _ => failed(
            405,
            "UnsupportedHttpVerb",
            "The resource doesn't support the specified HTTP verb.",
        ),
    }
}

/// Returns the blobs of an account as reads see them.
fn seen(world: &World, account: &Resource, now: Timestamp) -> BTreeMap<String, Blob> {
    let seen = world.seen(&account.id, now).and_then(Account::of);
    seen.map(|account| account.blobs).unwrap_or_default()
}

/// Copies a blob along the policies that stand on both sides. Azure promises no figure for how long that takes, so
/// there is none here: it is there at once while both regions are well, and not at all while one is not. Archived blobs
/// are not copied.
fn replicate(world: &mut World, account: &Resource, path: &str, blob: &Blob, now: Timestamp) {
    if blob.archived {
        return;
    }
    for (destination, path) in copies(world, account, path, now) {
        store(world, &destination, &path, blob.clone());
    }
}

/// Returns where the policies of an account copy a blob to: accounts, and paths in them.
fn copies(world: &World, account: &Resource, path: &str, now: Timestamp) -> Vec<(String, String)> {
    let Some((container, name)) = path.split_once('/') else {
        return Vec::new();
    };
    let mut copies = Vec::new();
    for policy in policies(world, &account.id) {
        let destination = text(&policy["destinationAccount"]);
        let agreed = policies(world, destination).any(|other| other["policyId"] == policy["policyId"]);
        let well = world
            .resource(destination)
            .and_then(Account::of)
            .is_some_and(|other| world.health(&other.primary, now) == Health::Up);
        if !agreed || !well || same(destination, &account.id) {
            continue;
        }
        for (_, to) in rules(policy).filter(|(from, _)| *from == container) {
            copies.push((destination.to_owned(), format!("{to}/{name}")));
        }
    }
    copies
}

fn forget(world: &mut World, id: &str, path: &str) {
    if let Some(resource) = world.change(id)
        && let Some(mut account) = Account::of(resource)
    {
        account.blobs.remove(path);
        account.keep(resource);
    }
}

fn store(world: &mut World, id: &str, path: &str, blob: Blob) {
    if let Some(resource) = world.change(id)
        && let Some(mut account) = Account::of(resource)
    {
        account.blobs.insert(path.to_owned(), blob);
        account.keep(resource);
    }
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn rules(policy: &serde_json::Value) -> impl Iterator<Item = (&str, &str)> {
    policy["rules"].as_array().into_iter().flatten().map(|rule| {
        (
            text(&rule["sourceContainer"]),
            text(&rule["destinationContainer"]),
        )
    })
}

fn statistics(world: &World, state: &Account, secondary: bool, now: Timestamp) -> Response<Bytes> {
    if !secondary {
        return failed(
            400,
            "InvalidQueryParameterValue",
            "Value for one of the query parameters specified in the request URI is invalid.",
        );
    }
    let status = match now < state.live_from {
        true => "bootstrap",
        false => "live",
    };
    let synced = state
        .synced(world, now)
        .and_then(|synced| DateTimePrinter::new().timestamp_to_rfc9110_string(&synced).ok())
        .unwrap_or_default();
    xml(
        200,
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><StorageServiceStats><GeoReplication><Status>{status}</Status>\
             <LastSyncTime>{synced}</LastSyncTime></GeoReplication></StorageServiceStats>"
        ),
    )
}

fn failed(status: u16, code: &'static str, message: &str) -> Response<Bytes> {
    let mut response = xml(
        status,
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        ),
    );
    response
        .headers_mut()
        .insert("x-ms-error-code", HeaderValue::from_static(code));
    response
}

fn xml(status: u16, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/xml"));
    response
}

fn dated(response: &mut Response<Bytes>, written: Timestamp) {
    stamped(response, "last-modified", written);
}

fn stamped(response: &mut Response<Bytes>, name: &'static str, moment: Timestamp) {
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&moment)
        .ok()
        .and_then(|date| HeaderValue::from_str(&date).ok());
    if let Some(date) = date {
        response.headers_mut().insert(name, date);
    }
}
