//! What do key vaults answer outside the control plane? Their secrets are read and written there.
//!
//! A vault whose region is gone serves from the paired one, and can only be read there. That is documented; how a
//! write is refused, and that it serves there at once, are inferences.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::plain;
use crate::world::{Health, Resource, World, geography};

const VAULTS: &str = "microsoft.keyvault/vaults";
const HOST: &str = ".vault.azure.net";

/// Returns the vault behind a host name. The outer `None`: it is no vault's; the inner: nobody has that vault.
fn behind(world: &World, host: &str) -> Option<Option<Resource>> {
    let host = host.to_lowercase();
    let name = host.strip_suffix(HOST)?;
    let vault = world.resources.values().find(|resource| {
        resource.kind.eq_ignore_ascii_case(VAULTS) && resource.name().eq_ignore_ascii_case(name)
    });
    Some(vault.cloned())
}

/// Returns the region of a vault, by its host.
pub(crate) fn region(world: &World, host: &str) -> Option<String> {
    Some(behind(world, host)??.region)
}

/// Answers for a vault. The outer `None`: it is not one; the inner: nobody answers there.
pub(crate) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Option<Response<Bytes>>> {
    let vault = behind(world, request.uri().host()?)?;
    Some(vault.and_then(|vault| {
        let well = |region: &str| world.health(region, now) == Health::Up;
        let at_home = well(&vault.region);
        let pair = geography::place(&vault.region).and_then(|place| place.pair);
        (at_home || pair.is_some_and(well)).then(|| serve(world, &vault, at_home, request, now))
    }))
}

fn serve(
    world: &mut World,
    vault: &Resource,
    at_home: bool,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Response<Bytes> {
    let bearer = request.headers().get("authorization");
    if !bearer.is_some_and(|value| value.as_bytes().starts_with(b"Bearer ")) {
        let mut refused = failed(
            401,
            "Unauthorized",
            "AKV10000: Request is missing a Bearer or PoP token.",
        );
        let challenge = "Bearer authorization=\"https://login.microsoftonline.com\", resource=\"https://vault.azure.net\"";
        refused
            .headers_mut()
            .insert("www-authenticate", HeaderValue::from_static(challenge));
        return refused;
    }
    if !request.uri().query().unwrap_or_default().contains("api-version=") {
        return failed(400, "BadParameter", "api-version must be specified");
    }
    let path = request.uri().path().trim_matches('/').to_owned();
    let mut segments = path.split('/');
    let (Some("secrets"), Some(name)) = (segments.next(), segments.next()) else {
        return failed(404, "NotFound", "The pretend vault has secrets only.");
    };
    let id = format!("{}/secrets/{name}", vault.id);
    match *request.method() {
        Method::GET => match world.seen(&id, now) {
            Some(secret) => show(vault, name, &secret.body["properties"]),
            None => failed(
                404,
                "SecretNotFound",
                &format!("A secret with (name/id) {name} was not found in this key vault."),
            ),
        },
        Method::PUT if !at_home => failed(
            403,
            "Forbidden",
            "The vault is in read-only mode, since it was failed over to its paired region.",
        ),
        Method::PUT => {
            let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            if !body["value"].is_string() {
                return failed(400, "BadParameter", "Property 'value' is required.");
            }
            let version = world.resource(&id).map_or(1, |before| {
                before.body["properties"]["version"].as_u64().unwrap_or(1) + 1
            });
            let properties = json!({
                "value": body["value"],
                "contentType": body["contentType"],
                "tags": body["tags"],
                "exp": body["attributes"]["exp"],
                "updated": now.as_second(),
                "version": version,
            });
            let made = plain::resource(
                &crate::arm::ArmPath::parse(&id),
                &vault.region,
                json!({"properties": properties}),
            );
            world.put(made);
            show(vault, name, &properties)
        }
        _ => failed(405, "MethodNotAllowed", "The verb is not supported."),
    }
}

fn show(vault: &Resource, name: &str, held: &Value) -> Response<Bytes> {
    let version = held["version"].as_u64().unwrap_or(1);
    let mut body = json!({
        "value": held["value"],
        "id": format!("https://{}{HOST}/secrets/{name}/{version:032x}", vault.name()),
        "attributes": {"enabled": true, "updated": held["updated"], "recoveryLevel": "Recoverable+Purgeable"},
    });
    for kept in ["contentType", "tags"] {
        if !held[kept].is_null() {
            body[kept] = held[kept].clone();
        }
    }
    if !held["exp"].is_null() {
        body["attributes"]["exp"] = held["exp"].clone();
    }
    answered(200, &body)
}

fn failed(status: u16, code: &str, message: &str) -> Response<Bytes> {
    answered(status, &json!({"error": {"code": code, "message": message}}))
}

fn answered(status: u16, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        "content-type",
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}
