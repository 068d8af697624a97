//! One answer of ARM, as a value, and its many shapes of error.

use std::time::Duration;

use serde_json::Value;

use super::patience;

/// The longest message that is kept; the rest is cut.
const LONGEST_MESSAGE: usize = 600;
/// More details than these are not shown.
const MOST_DETAILS: usize = 5;

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
    /// Makes an answer of its raw parts.
    pub fn of_bytes(status: u16, headers: Vec<(String, String)>, body: &[u8]) -> Reply {
        let mut headers: Vec<(String, String)> = headers
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        headers.sort();
        let body = if body.iter().all(u8::is_ascii_whitespace) {
            Value::Null
        } else {
            serde_json::from_slice(body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
        };
        Reply {
            status,
            headers,
            body,
        }
    }

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

    /// Returns how long Azure asks us to wait: by a header in any spelling, else by the error's message.
    pub fn retry_after(&self) -> Option<Duration> {
        patience::of_headers(self).or_else(|| {
            if self.succeeded() {
                return None;
            }
            find_error(&self.body).and_then(|error| patience::of_message(&message_of(error)?))
        })
    }

    /// Returns the text at a JSON pointer of the body.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
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

impl ArmError {
    /// Reads the error of an answer. Never fails: an empty body has the status as its code.
    pub fn of(reply: &Reply) -> ArmError {
        let (code, message) = read_error(&reply.body).unwrap_or_default();
        ArmError {
            status: reply.status,
            code: code.unwrap_or_else(|| status_in_words(reply.status)),
            message: message.unwrap_or_else(|| format!("HTTP {}", reply.status)),
            retry_after: reply.retry_after(),
        }
    }
}

/// Reads code and message of an error in any of the shapes that Azure uses: wrapped in `error`,
/// unwrapped, capitalised, with an object for a message, or as plain text.
pub fn read_error(body: &Value) -> Option<(Option<String>, Option<String>)> {
    let error = find_error(body)?;
    if let Value::String(text) = error {
        // Seen: a JSON text that holds the very object.
        if let Ok(inner @ Value::Object(_)) = serde_json::from_str::<Value>(text) {
            return read_error(&inner);
        }
        return Some((None, Some(cut(text))));
    }
    let code = either(error, &["code", "Code", "ErrorCode", "errorCode"]).and_then(text_of);
    let message = told_whole(error).map(|text| cut(&text));
    (code.is_some() || message.is_some()).then_some((code, message))
}

/// Cuts a foreign text and takes its control characters out, so that it can be shown.
pub fn cut(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_MESSAGE + 1)
        .collect();
    let clean = clean.trim();
    if clean.chars().count() <= LONGEST_MESSAGE {
        return clean.to_owned();
    }
    let kept: String = clean.chars().take(LONGEST_MESSAGE).collect();
    format!("{kept}…")
}

fn find_error(body: &Value) -> Option<&Value> {
    match body {
        Value::Object(map) => match map.get("error").or_else(|| map.get("Error")) {
            Some(error @ (Value::Object(_) | Value::String(_))) => Some(error),
            _ => Some(body),
        },
        Value::String(text) if !text.trim().is_empty() => Some(body),
        _ => None,
    }
}

fn message_of(error: &Value) -> Option<String> {
    if let Value::String(text) = error {
        return Some(text.clone());
    }
    match either(error, &["message", "Message", "title"])? {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => map
            .get("value")
            .or_else(|| map.get("Value"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        _ => None,
    }
}

/// The message with what stands behind it: the target, and the details, which often hold the only cause.
fn told_whole(error: &Value) -> Option<String> {
    let mut told = message_of(error).unwrap_or_default();
    if let Some(target) = either(error, &["target", "Target"]).and_then(text_of)
        && !told.contains(&target)
    {
        told.push_str(&format!(" (about {target})"));
    }
    let details = either(error, &["details", "Details"]).and_then(Value::as_array);
    for detail in details.into_iter().flatten().take(MOST_DETAILS) {
        let code = either(detail, &["code", "Code", "errorCode", "ErrorCode"]).and_then(text_of);
        let why = match message_of(detail) {
            Some(why) if told.contains(why.trim()) => continue,
            why => [code, why].into_iter().flatten().collect::<Vec<_>>().join(": "),
        };
        if !why.is_empty() {
            told.push_str(if told.is_empty() { "" } else { "; " });
            told.push_str(&why);
        }
    }
    (!told.trim().is_empty()).then(|| told.trim().to_owned())
}

fn either<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names
        .iter()
        .find_map(|name| value.get(*name))
        .filter(|found| !found.is_null())
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the status in the form of a code: `TooManyRequests`.
fn status_in_words(status: u16) -> String {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|code| code.canonical_reason())
        .map(|reason| reason.replace([' ', '-'], ""))
        .unwrap_or_else(|| format!("Http{status}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(status: u16, body: Value) -> ArmError {
        ArmError::of(&Reply {
            status,
            headers: Vec::new(),
            body,
        })
    }

    #[test]
    fn what_stands_behind_a_message_is_told_with_it_and_once() {
        let body = json!({"error": {
            "code": "X", "message": "The request is invalid.", "target": "vm-1",
            "details": [
                {"code": "150097", "message": "the size is not offered"},
                {"code": "Same", "message": "The request is invalid."},
                {"odd": 1},
                7,
            ],
        }});
        assert_eq!(
            error(400, body).message,
            "The request is invalid. (about vm-1); 150097: the size is not offered"
        );
        let bare = json!({"error": {"code": "X", "details": [{"code": "Y", "message": {"value": "why"}}]}});
        assert_eq!(error(400, bare).message, "Y: why");
    }

    #[test]
    fn an_error_is_read_in_every_shape_that_azure_uses() {
        let shapes = [
            json!({"error": {"code": "X", "message": "why"}}),
            json!({"code": "X", "message": "why", "details": null, "subcode": ""}),
            json!({"Code": "X", "Message": "why", "Details": []}),
            json!({"error": {"code": "X", "message": {"Language": "en", "Value": "why"}}}),
            json!({"ErrorCode": "X", "Message": {"lang": "en", "value": "why"}}),
            json!("{\"error\":{\"code\":\"X\",\"message\":\"why\"}}"),
        ];
        for shape in shapes {
            let read = error(409, shape.clone());
            assert_eq!(
                (read.code.as_str(), read.message.as_str()),
                ("X", "why"),
                "{shape}"
            );
        }
    }

    #[test]
    fn an_error_without_a_body_is_named_by_its_status() {
        assert_eq!(error(429, Value::Null).code, "TooManyRequests");
        assert_eq!(error(502, json!("<html>Bad gateway</html>")).code, "BadGateway");
        assert_eq!(
            error(502, json!("<html>Bad gateway</html>")).message,
            "<html>Bad gateway</html>"
        );
        assert_eq!(error(400, json!({"error": {"code": 45031}})).code, "45031");
        assert_eq!(error(599, json!([])).code, "Http599");
    }

    #[test]
    fn a_foreign_message_is_cut_and_cannot_steer_a_terminal() {
        let read = error(
            400,
            json!({"error": {"code": "X", "message": format!("a\u{1b}[2J{}", "é".repeat(5000))}}),
        );
        assert!(read.message.chars().count() <= LONGEST_MESSAGE + 1);
        assert!(!read.message.contains('\u{1b}'));
    }

    #[test]
    fn a_body_that_is_not_json_is_kept_as_text() {
        assert_eq!(Reply::of_bytes(200, Vec::new(), b" \r\n").body, Value::Null);
        assert_eq!(Reply::of_bytes(200, Vec::new(), b"nope").body, json!("nope"));
        let reply = Reply::of_bytes(200, vec![("ETag".into(), "1".into())], b"{}");
        assert_eq!(reply.header("etag"), Some("1"));
    }
}
