//! What exactly went over the wire, in the form that other judges of Azure's protocol read?
//!
//! One exchange is one object `{"liveRequest": {…}, "liveResponse": {…}}`, as the live validators of the official
//! specification take it: the status is a text, and a body is JSON where it was JSON.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use serde::Serialize;
use serde_json::Value;

use crate::arm::ArmRequest;

/// What stands in place of a token or a signature.
const REDACTED: &str = "REDACTED";

/// Names of fields and query pairs whose values are nobody's business.
const SECRET: [&str; 8] = [
    "access_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "id_token",
    "password",
    "refresh_token",
    "sig",
];

/// A request with the answer to it. Requests that nobody answered are no exchanges.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// What was asked.
    pub live_request: LiveRequest,
    /// What was answered.
    pub live_response: LiveResponse,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveRequest {
    /// The whole URL, signatures cut.
    pub url: String,
    /// The verb.
    pub method: String,
    /// The headers by lower-case name, the token cut.
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveResponse {
    /// The status, in digits.
    pub status_code: String,
    /// The headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

impl Exchange {
    /// Puts a request and its answer together; nothing for a tunnel, which has no body of its own.
    pub(crate) fn of(request: &Request<Bytes>, response: &Response<Bytes>) -> Option<Exchange> {
        if request.method() == Method::CONNECT {
            return None;
        }
        Some(Exchange {
            live_request: LiveRequest {
                url: url(request),
                method: request.method().to_string(),
                headers: headers(request.headers()),
                body: body(request.body()),
            },
            live_response: LiveResponse {
                status_code: response.status().as_str().to_owned(),
                headers: headers(response.headers()),
                body: body(response.body()),
            },
        })
    }
}

fn url(request: &Request<Bytes>) -> String {
    let base = ArmRequest::read(request).base;
    let query = request.uri().query().map(cut).unwrap_or_default();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}{}{mark}{query}", request.uri().path())
}

/// Cuts the secrets out of a query or a form.
fn cut(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if secret(name) || matches!(name, "c" | "s" | "h") => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn secret(name: &str) -> bool {
    SECRET.iter().any(|word| word.eq_ignore_ascii_case(name))
}

fn headers(all: &HeaderMap) -> BTreeMap<String, String> {
    let told = all.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = match name.as_str() {
            "authorization" | "proxy-authorization" => {
                let scheme = value.split_once(' ').map_or("", |(scheme, _)| scheme);
                format!("{scheme} {REDACTED}").trim_start().to_owned()
            }
            "cookie" | "set-cookie" | "x-identity-header" => REDACTED.to_owned(),
            _ => match value.parse::<Uri>() {
                // An operation URL is as good as a token to whoever holds it.
                Ok(uri) if uri.query().is_some() => {
                    let (path, query) = value.split_once('?').unwrap_or((&value, ""));
                    format!("{path}?{}", cut(query))
                }
                _ => value.into_owned(),
            },
        };
        (name.as_str().to_owned(), value)
    });
    told.collect()
}

fn body(bytes: &Bytes) -> Option<Value> {
    if bytes.is_empty() {
        return None;
    }
    Some(match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) => {
            redact(&mut value);
            value
        }
        Err(_) => {
            let text = String::from_utf8_lossy(bytes);
            let form = text.contains('=') && !text.contains(char::is_whitespace);
            Value::String(if form { cut(&text) } else { text.into_owned() })
        }
    })
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if secret(name) => *text = REDACTED.to_owned(),
                    other => redact(other),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        _ => {}
    }
}

/// Whoever wants to know of every exchange.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Option<Sink>>);

type Sink = Box<dyn FnMut(&Exchange) + Send>;

impl Recorder {
    pub(crate) fn set(&self, sink: impl FnMut(&Exchange) + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(sink));
    }

    pub(crate) fn tell(&self, request: &Request<Bytes>, response: &Response<Bytes>) {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = sink.as_mut()
            && let Some(exchange) = Exchange::of(request, response)
        {
            sink(&exchange);
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Recorder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(request: Request<Bytes>, response: Response<Bytes>) -> Value {
        serde_json::to_value(Exchange::of(&request, &response).unwrap()).unwrap()
    }

    #[test]
    fn neither_a_token_nor_a_signature_is_written_down() {
        let request = Request::post("http://127.0.0.1:1/x/y?api-version=1&t=2&c=cert-1&s=sign-1&h=hash-1")
            .header("Authorization", "Bearer token-1")
            .body(Bytes::from_static(
                b"grant_type=client_credentials&client_secret=secret-1",
            ))
            .unwrap();
        let response = Response::builder()
            .status(202)
            .header("Location", "http://127.0.0.1:1/z?t=2&c=cert-2&s=sign-2&h=hash-2")
            .body(Bytes::from_static(b"{\"a\": [{\"access_token\": \"token-2\"}]}"))
            .unwrap();
        let told = exchange(request, response);
        let text = told.to_string();
        for secret in ["token-", "cert-", "sign-", "hash-", "secret-1"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert_eq!(told["liveRequest"]["headers"]["authorization"], "Bearer REDACTED");
        assert_eq!(told["liveResponse"]["statusCode"], "202");
        assert_eq!(
            told["liveResponse"]["headers"]["location"],
            "http://127.0.0.1:1/z?t=2&c=REDACTED&s=REDACTED&h=REDACTED"
        );
    }

    #[test]
    fn a_request_over_the_wire_is_told_with_its_host() {
        let request = Request::get("/subscriptions/s?api-version=2022-12-01")
            .header("Host", "127.0.0.1:8080")
            .body(Bytes::new())
            .unwrap();
        let told = exchange(request, Response::new(Bytes::new()));
        assert_eq!(
            told["liveRequest"]["url"],
            "http://127.0.0.1:8080/subscriptions/s?api-version=2022-12-01"
        );
        assert!(told["liveRequest"].get("body").is_none(), "{told}");
    }
}
