//! What did the caller ask?

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::ArmPath;

/// Marks a request that came over TLS: absolute URLs in its answer are `https`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed;

/// A request to ARM, taken apart.
#[derive(Clone, Debug)]
pub struct ArmRequest {
    /// The verb.
    pub method: Method,
    /// Scheme and authority that absolute URLs in answers carry: the caller's own.
    pub base: String,
    /// The path.
    pub path: ArmPath,
    /// The query as it was sent.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it was sent.
    pub body: Bytes,
}

impl ArmRequest {
    /// Takes a request apart.
    pub(crate) fn read(request: &http::Request<Bytes>) -> ArmRequest {
        let uri = request.uri();
        let host = request
            .headers()
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok());
        let base = match (uri.scheme_str(), uri.authority(), host) {
            (Some(scheme), Some(authority), _) => format!("{scheme}://{authority}"),
            (None, _, Some(host)) if request.extensions().get::<Sealed>().is_some() => {
                format!("https://{host}")
            }
            (None, _, Some(host)) => format!("http://{host}"),
            _ => "https://management.azure.com".to_owned(),
        };
        ArmRequest {
            method: request.method().clone(),
            base,
            path: ArmPath::parse(uri.path()),
            query: uri.query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
            body: request.body().clone(),
        }
    }

    /// Returns a header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns a query value, decoded; names are compared without case, as ARM does.
    pub fn query(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    /// Returns the api-version; empty where there is none.
    pub fn api_version(&self) -> String {
        self.query("api-version").unwrap_or_default()
    }

    /// Returns the body as JSON; `Null` where it is empty or no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns whether the verb is one that changes something. Actions that only list or check do not.
    pub fn changing(&self) -> bool {
        match self.method {
            Method::GET | Method::HEAD | Method::OPTIONS => false,
            // To ask for a token changes nothing.
            Method::POST if self.path.raw.to_lowercase().ends_with("/oauth2/v2.0/token") => false,
            Method::POST => !self
                .path
                .action()
                .or_else(|| Some(self.path.name().to_lowercase()))
                .is_some_and(|action| action.starts_with("list") || action.starts_with("check")),
            _ => true,
        }
    }
}
