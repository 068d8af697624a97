//! Which headers does every answer carry?

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use super::{
    answer::{Answer, Body},
    request::ArmRequest,
};
use crate::{draw::Seed, throttle::Remaining};

/// What headers are made of, beside the answer.
pub(crate) struct With<'a> {
    /// The region that served.
    pub(crate) region: Option<&'a str>,
    /// When.
    pub(crate) now: Timestamp,
    /// Where ids come from.
    pub(crate) seed: Seed,
    /// The request's name for draws.
    pub(crate) key: &'a str,
    /// How hurried the world and its callers are.
    pub(crate) pace: Pace,
    /// What is left of ARM's buckets.
    pub(crate) remaining: Remaining,
}

/// How hurried is the world, and how hurried are its callers to be?
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Virtual seconds for each of the caller's.
    pub(crate) speed: u32,
    /// When pollers are to come back, where the provider is not to decide.
    pub(crate) poll_every: Option<Duration>,
    /// Whether the answer is about an operation that still runs.
    pub(crate) running: bool,
}

impl Pace {
    /// Returns when the caller is to come back, where this answer sends him away and it is not the provider's to say.
    fn again(self, answer: &Answer) -> Option<Duration> {
        let begun = ["azure-asyncoperation", "location"]
            .iter()
            .any(|name| answer.header_value(name).is_some());
        self.poll_every
            .filter(|_| answer.succeeded() && (self.running || begun))
    }
}

/// Makes the answer that goes over the wire.
pub(crate) fn finish(answer: Answer, request: &ArmRequest, with: With<'_>) -> Response<Bytes> {
    let With {
        region,
        now,
        seed,
        key,
        pace,
        remaining,
    } = with;
    let again = pace.again(&answer);
    let (kind, body) = match answer.body {
        Body::Empty if answer.status == 204 => (None, Bytes::new()),
        Body::Empty => (Some("text/plain; charset=utf-8"), Bytes::new()),
        Body::Json(value) => (
            Some("application/json; charset=utf-8"),
            Bytes::from(value.to_string()),
        ),
        Body::Text(kind, text) => (Some(kind), Bytes::from(text)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    if let Some(kind) = kind {
        set("content-type", kind);
    }
    set("cache-control", "no-cache");
    set("date", &date(now));
    let own = seed.guid(&format!("{key}/request")).to_string();
    let correlation = request
        .header("x-ms-correlation-request-id")
        .unwrap_or(&own)
        .to_owned();
    set("x-ms-request-id", &own);
    set("x-ms-correlation-request-id", &correlation);
    set(
        "x-ms-routing-request-id",
        &format!(
            "{}:{}:{}",
            region.unwrap_or("global").to_uppercase(),
            now.strftime("%Y%m%dT%H%M%SZ"),
            seed.guid(&format!("{key}/routing")),
        ),
    );
    set("strict-transport-security", "max-age=31536000; includeSubDomains");
    set("x-content-type-options", "nosniff");
    if request.path.subscription.is_some() && answer.status != 401 {
        for (bucket, left) in &remaining {
            set(bucket, left);
        }
    }
    if let Some(id) = request
        .header("x-ms-client-request-id")
        .filter(|_| request.header("x-ms-return-client-request-id") == Some("true"))
    {
        set("x-ms-client-request-id", id);
    }
    for (name, value) in &answer.headers {
        if name.eq_ignore_ascii_case("retry-after") {
            if again.is_none() {
                set("retry-after", &hurried(value, pace.speed));
            }
        } else {
            set(name, value);
        }
    }
    match again.map(|again| again.as_millis()) {
        None => {}
        Some(0) => set("retry-after", "0"),
        // Whole seconds cannot say it. The vendor's clients read this where there is no `Retry-After`.
        Some(millis) => set("retry-after-ms", &millis.to_string()),
    }
    response
}

/// Returns a date as HTTP writes it.
fn date(now: Timestamp) -> String {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .unwrap_or_default()
}

/// Returns a `Retry-After` in the caller's seconds, rounded up: a hurried world must not be asked all the time.
fn hurried(value: &str, speed: u32) -> String {
    value.parse::<u32>().map_or_else(
        |_| value.to_owned(),
        |seconds| seconds.div_ceil(speed).to_string(),
    )
}
