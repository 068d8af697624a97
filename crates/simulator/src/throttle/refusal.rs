//! In which words is a request refused?

use std::time::Duration;

use super::table::{Row, Words};
use crate::arm::Answer;

/// Makes the refusal of a row.
pub(crate) fn of(row: &Row, wait: Duration, speed: u32) -> Answer {
    // Sending earlier than told is refused again, so what is told is rounded up.
    let seconds = (wait.as_millis().div_ceil(1_000)).max(1);
    let after = seconds.to_string();
    match row.words {
        Words::Arm => Answer::gateway(
            429,
            "SubscriptionRequestsThrottled",
            "Number of requests for subscription exceeded the limit. Please try again later.",
        )
        .header("retry-after", after),
        Words::Provider(code) => Answer::error(
            429,
            code,
            format!(
                "Too many requests: the limit '{}' is exceeded. Please try again later.",
                row.name
            ),
        )
        .header("retry-after", after),
        // Recorded without a header; the wait stands in the message alone, and there in the caller's seconds.
        Words::Resource { action, most } => Answer::gateway(
            429,
            "ResourceRequestsThrottled",
            format!(
                "Number of requests for action '{action}' exceeded the limit of '{most}' for time interval \
                 '01:00:00'. Please try again after '{}' seconds.",
                seconds.div_ceil(u128::from(speed.max(1)))
            ),
        ),
    }
}
