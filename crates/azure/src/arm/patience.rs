//! How long does Azure ask us to wait? Read from headers in all their spellings, and from messages.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

use super::Reply;

/// No wait longer than this is believed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads `Retry-After` (seconds or a date), `retry-after-ms` and `x-ms-retry-after-ms`.
pub fn of_headers(reply: &Reply) -> Option<Duration> {
    for name in ["x-ms-retry-after-ms", "retry-after-ms"] {
        if let Some(milliseconds) = reply
            .header(name)
            .and_then(|text| text.trim().parse::<u64>().ok())
        {
            return Some(Duration::from_millis(milliseconds).min(LONGEST));
        }
    }
    let text = reply.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    // A date is a distance only together with the server's own clock.
    let until = date(text)?;
    let now = date(reply.header("date")?)?;
    let wait = until.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO).min(LONGEST))
}

/// Reads the seconds of "try again after '324' seconds".
pub fn of_message(message: &str) -> Option<Duration> {
    let lower = message.to_lowercase();
    if !(lower.contains("retry") || lower.contains("try again")) {
        return None;
    }
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(3).find_map(|words| {
        if !(words[0] == "after" || words[0] == "in") || !words[2].starts_with("second") {
            return None;
        }
        words[1]
            .parse()
            .ok()
            .map(|seconds| Duration::from_secs(seconds).min(LONGEST))
    })
}

/// Reads an HTTP date.
pub fn date(text: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    PARSER.parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(&str, &str)]) -> Option<Duration> {
        let headers = headers
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_string()))
            .collect();
        of_headers(&Reply::of_bytes(429, headers, b""))
    }

    #[test]
    fn a_wait_is_read_in_every_spelling() {
        assert_eq!(wait(&[("Retry-After", "17")]), Some(Duration::from_secs(17)));
        assert_eq!(
            wait(&[("retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            wait(&[("x-ms-retry-after-ms", "90"), ("retry-after", "1")]),
            Some(Duration::from_millis(90))
        );
        let late = ("Retry-After", "Tue, 28 Feb 2023 07:58:47 GMT");
        assert_eq!(
            wait(&[late, ("Date", "Tue, 28 Feb 2023 07:58:17 GMT")]),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            wait(&[late, ("Date", "Tue, 28 Feb 2023 09:58:17 GMT")]),
            Some(Duration::ZERO)
        );
        assert_eq!(wait(&[late]), None);
        assert_eq!(wait(&[("Retry-After", "soon")]), None);
        assert_eq!(wait(&[("Retry-After", "99999999999")]), Some(LONGEST));
    }

    #[test]
    fn a_wait_in_a_message_is_heard() {
        let throttled =
            "exceeded the limit of '150' for time interval '01:00:00'. Please try again after '324' seconds.";
        assert_eq!(of_message(throttled), Some(Duration::from_secs(324)));
        assert_eq!(
            of_message("too many requests. Retry after 2 seconds."),
            Some(Duration::from_secs(2))
        );
        assert_eq!(of_message("it took 5 seconds after 4 seconds"), None);
        assert_eq!(of_message("Please retry later"), None);
    }
}
