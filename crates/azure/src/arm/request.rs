//! One request to ARM, as a value.

use std::fmt;

use serde_json::Value;

/// The verbs that ARM knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or replaces.
    Put,
    /// Merges.
    Patch,
    /// Acts.
    Post,
    /// Removes.
    Delete,
}

impl Method {
    /// Returns the word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// What to ask, without host, token or headers that the client adds by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// From `/subscriptions/` on, not encoded; built by [`super::ArmPath`].
    pub path: String,
    /// The api-version.
    pub api_version: String,
    /// Further query pairs, not yet encoded.
    pub query: Vec<(String, String)>,
    /// The JSON body.
    pub body: Option<Value>,
    /// `If-Match`, for compare-and-set.
    pub if_match: Option<String>,
    /// `If-None-Match: *`, for what may only be made anew.
    pub if_none_match: bool,
}

impl Request {
    /// Makes a request without body.
    pub fn new(method: Method, path: impl Into<String>, api_version: impl Into<String>) -> Request {
        Request {
            method,
            path: path.into(),
            api_version: api_version.into(),
            query: Vec::new(),
            body: None,
            if_match: None,
            if_none_match: false,
        }
    }

    /// Makes a GET.
    pub fn get(path: impl Into<String>, api_version: impl Into<String>) -> Request {
        Request::new(Method::Get, path, api_version)
    }

    /// Adds a query pair.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: Value) -> Request {
        self.body = Some(body);
        self
    }

    /// Makes it a compare-and-set.
    pub fn if_match(mut self, etag: impl Into<String>) -> Request {
        self.if_match = Some(etag.into());
        self
    }
    /// Makes it fail where the resource is there already.
    pub fn if_none_match(mut self) -> Request {
        self.if_none_match = true;
        self
    }
}
