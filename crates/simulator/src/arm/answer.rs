//! What does ARM answer?

use std::time::Duration;

use serde_json::{Value, json};

/// An answer, before its headers of every day are added.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
    /// How long it is held back, in virtual time, beyond the ordinary.
    pub hold: Duration,
    /// Whether it says that a change was taken on, if that does not follow from the status.
    pub accepted: Option<bool>,
}

/// A body.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None, declared as text, as storage does.
    Empty,
    /// JSON.
    Json(Value),
    /// Anything else.
    Text(&'static str, String),
}

impl Answer {
    /// Makes an answer with a JSON body.
    pub fn json(status: u16, body: Value) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Body::Json(body),
            hold: Duration::ZERO,
            accepted: None,
        }
    }

    /// Makes an answer without a body.
    pub fn empty(status: u16) -> Answer {
        Answer {
            body: Body::Empty,
            ..Answer::json(status, Value::Null)
        }
    }

    /// Makes an error of the provider.
    pub fn error(status: u16, code: &str, message: impl Into<String>) -> Answer {
        let message: String = message.into();
        Answer::json(status, json!({"error": {"code": code, "message": message}}))
            .header("x-ms-failure-cause", "service")
    }

    /// Makes an error of ARM itself.
    pub fn gateway(status: u16, code: &str, message: impl Into<String>) -> Answer {
        let message: String = message.into();
        Answer::json(status, json!({"error": {"code": code, "message": message}}))
            .header("x-ms-failure-cause", "gateway")
    }

    /// Says that a resource is not there, in ARM's words.
    pub fn not_found(path: &super::ArmPath) -> Answer {
        let kind = std::iter::once(path.namespace.as_deref().unwrap_or_default())
            .chain(path.types.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join("/");
        Answer::gateway(
            404,
            "ResourceNotFound",
            format!(
                "The Resource '{kind}/{}' under resource group '{}' was not found. For more details please go to \
                 https://aka.ms/ARMResourceNotFoundFix",
                path.names.join("/"),
                path.group.as_deref().unwrap_or("<null>"),
            ),
        )
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    /// Holds it back for a stretch of virtual time.
    pub fn after(mut self, hold: Duration) -> Answer {
        self.hold = hold;
        self
    }

    /// Says whether a change was taken on, where the status alone would mislead.
    pub fn accepted(mut self, accepted: bool) -> Answer {
        self.accepted = Some(accepted);
        self
    }

    /// Returns a header's value.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns whether the status is 2xx.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
