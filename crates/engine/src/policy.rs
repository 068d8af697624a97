//! How long, how often, how far apart: every number that the machine waits by.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leeward_runbook::plan::Retry;

/// How long after its intent a change may still be written to a socket.
pub const SEND_WINDOW: Duration = Duration::from_secs(30);

/// How old a look at the goal may be when a change is sent.
pub const FRESH: Duration = Duration::from_secs(5);

/// How long after `send-by` an unanswered change may still arrive and become visible: thirty seconds
/// of waiting for the answer, sixty on the way, sixty until reads show it, and a margin.
pub const ARRIVAL: Duration = Duration::from_secs(180);

/// The longest that a goal may stay unseen after Azure said that it was reached.
pub const CONFIRMATION: Duration = Duration::from_secs(300);

/// How long whoever takes a run up waits at least for news of what Azure worked on meanwhile.
pub const FIRST_NEWS: Duration = Duration::from_secs(120);

/// How long the rest is waited for at least once as many are there as must be.
pub const STRAGGLERS: Duration = Duration::from_secs(120);

/// How late a heartbeat must be for the process to have been held up: asleep, stopped, or without its processor.
pub const HELD_UP: Duration = Duration::from_secs(60);

/// How often a region that was declared down is tried once recovery is reached.
pub const TRIES_OF_A_DEAD_REGION: u32 = 3;

/// Returns how long after `send-by` nothing is judged "not begun".
pub fn settling(declared: Duration) -> Duration {
    declared.max(ARRIVAL)
}

/// Returns the pause before the next look, growing with each.
pub fn look_again(round: u32) -> Duration {
    Duration::from_secs([2, 5, 10, 15, 30].get(round as usize).copied().unwrap_or(30))
}

/// Returns the pause before the next poll where Azure named none.
pub fn poll_again(round: u32) -> Duration {
    Duration::from_secs([5, 5, 10, 10, 15].get(round as usize).copied().unwrap_or(20))
}

/// Returns the pause after the given number of refusals or failures, from 1.
pub fn backoff(retry: &Retry, failures: u32) -> Duration {
    let doubled = retry
        .backoff_from
        .saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(retry.backoff_to)
}

/// Returns the moment that much later; the end of time where that is past it.
pub fn later(at: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| at.checked_add(wait).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Returns how much later the second moment is; zero where it is not.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or(Duration::ZERO)
}
