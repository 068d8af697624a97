//! What of a record set? It is read, put, patched and deleted at once; an etag guards it where the caller names one.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Dns, with_etag, zone_of};
use crate::{
    arm::{Answer, ArmRequest},
    clock::later,
    provider::{Context, plain::merge},
    world::Resource,
};

/// The names of what a set may hold, as public zones spell them.
const FIELDS: [&str; 12] = [
    "TTL",
    "metadata",
    "ARecords",
    "AAAARecords",
    "CNAMERecord",
    "MXRecords",
    "NSRecords",
    "PTRRecords",
    "SOARecord",
    "SRVRecords",
    "TXTRecords",
    "caaRecords",
];

pub(super) fn answer(dns: Dns, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    if context.world.resource(&zone_of(&id)).is_none() {
        return no_zone(request);
    }
    let found = context.world.resource(&id).cloned();
    if request.method == Method::GET {
        return match context.seen(&id) {
            Some(resource) => with_etag(200, resource.body.clone()),
            None => missing(request),
        };
    }
    if let Some(answer) = guarded(request, found.as_ref()) {
        return answer;
    }
    match (&request.method, found) {
        (&Method::DELETE, None) => Answer::empty(204).accepted(false),
        (&Method::DELETE, Some(_)) => {
            context.world.remove(&id);
            Answer::empty(200)
        }
        (&Method::PATCH, None) => missing(request),
        (&Method::PUT | &Method::PATCH, old) => {
            let asked = request.json();
            let Some(wanted) = asked["properties"].as_object() else {
                return Answer::error(400, "BadRequest", "The request body is not a record set.");
            };
            let mut properties = match (&request.method, &old) {
                (&Method::PATCH, Some(old)) => old.body["properties"].clone(),
                _ => json!({}),
            };
            merge(&mut properties, &Value::Object(spelled(dns, wanted)));
            let etag = context.guid("etag");
            let mut made = set(dns, &dns.shown_id(request), &etag, &properties);
            if let Some(old) = &old {
                // Resolvers keep what they have until the time is over that they were told then.
                let kept = old.body["properties"][lifetime(dns)].as_u64().unwrap_or_default();
                let until = later(context.now, std::time::Duration::from_secs(kept));
                made.state = json!({"before": old.body["properties"], "until": until});
            }
            let shown = made.body.clone();
            context.world.put(made);
            let fresh = old.is_none();
            with_etag(if fresh { 201 } else { 200 }, shown)
        }
        _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
    }
}

/// Refuses a write whose etag is not the set's. Status and code are inferences.
fn guarded(request: &ArmRequest, found: Option<&Resource>) -> Option<Answer> {
    let etag = found.and_then(|found| found.body["etag"].as_str());
    let names = |header: &str| {
        request
            .header(header)
            .map(|value| value.trim().trim_matches('"').to_owned())
    };
    let changed = match (names("if-match"), etag) {
        (Some(wanted), Some(etag)) => wanted != "*" && wanted != etag,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let there = names("if-none-match").is_some_and(|wanted| wanted == "*") && found.is_some();
    (changed || there).then(|| {
        Answer::error(
            412,
            "PreconditionFailed",
            "The condition of the request was not met: the record set has changed.",
        )
    })
}

/// Recorded of an older version: this error stands in no wrapper.
fn missing(request: &ArmRequest) -> Answer {
    let path = &request.path;
    Answer::json(
        404,
        json!({"code": "NotFound", "message": format!(
            "The resource record '{}' does not exist in resource group '{}' of subscription '{}'.",
            path.name(),
            path.group.as_deref().unwrap_or_default(),
            path.subscription.as_deref().unwrap_or_default(),
        )}),
    )
}

pub(super) fn no_zone(request: &ArmRequest) -> Answer {
    let zone = request.path.names.first().map(String::as_str).unwrap_or_default();
    let kind = request.path.types.join("/");
    Answer::gateway(
        404,
        "ParentResourceNotFound",
        format!(
            "Failed to perform 'write' on resource(s) of type '{kind}', because the parent resource '{zone}' could \
             not be found."
        ),
    )
}

/// What the time to live is called.
pub(super) fn lifetime(dns: Dns) -> &'static str {
    if dns.private { "ttl" } else { "TTL" }
}

/// Returns fields as the zone spells them, whatever their case was.
fn spelled(dns: Dns, wanted: &Map<String, Value>) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in wanted {
        let Some(field) = FIELDS.iter().find(|field| field.eq_ignore_ascii_case(name)) else {
            continue;
        };
        all.insert(spelling(dns, field), value.clone());
    }
    all
}

fn spelling(dns: Dns, field: &str) -> String {
    match (dns.private, field) {
        (true, "TTL") => "ttl".to_owned(),
        (true, field) => {
            let end = field.find("Record").unwrap_or(0);
            field[..end].to_lowercase() + &field[end..]
        }
        (false, field) => field.to_owned(),
    }
}

/// Makes a set.
pub(super) fn set(dns: Dns, id: &str, etag: &str, properties: &Value) -> Resource {
    let mut parts = id.rsplit('/');
    let (name, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let zone = parts.next().unwrap_or_default();
    let kind = format!("{}/{kind}", dns.shown());
    let mut properties = properties.clone();
    let whole = if name == "@" {
        format!("{zone}.")
    } else {
        format!("{name}.{zone}.")
    };
    properties["fqdn"] = json!(whole);
    match dns.private {
        true => properties["isAutoRegistered"] = json!(false),
        false => {
            properties["targetResource"] = json!({});
            properties["provisioningState"] = json!("Succeeded");
        }
    }
    Resource {
        id: id.to_owned(),
        body: json!({"id": id, "name": name, "type": kind, "etag": etag, "properties": properties}),
        kind,
        region: "global".to_owned(),
        state: Value::Null,
    }
}
