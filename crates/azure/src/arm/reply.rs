//! One answer of ARM, as a value, and its many shapes of error.

use std::time::Duration;

use serde_json::Value;

/// An answer that was read to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Header names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body; `Null` where it was empty, a text where it was not JSON.
    pub body: Value,
}

impl Reply {
    /// Returns a header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns whether the status is 2xx.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What an error body says, whatever its shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArmError {
    /// The status.
    pub status: u16,
    /// The code; the status in words where there is none.
    pub code: String,
    /// The message, cut.
    pub message: String,
    /// How long Azure asks us to wait, from a header or the message.
    pub retry_after: Option<Duration>,
}
