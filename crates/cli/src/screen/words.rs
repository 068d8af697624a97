//! How times, durations, states and names read to a person.

use std::time::Duration;

use jiff::Timestamp;
use leeward_engine::{
    event::{Choice, Known, Outcome, Person},
    id::RunId,
    view::{Standing, StepWord},
};

/// Writes a duration to the second: `12m 30s`.
pub fn span(duration: Duration) -> String {
    let seconds = (duration.as_millis() + 500) / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, 0) if !duration.is_zero() => "under 1s".to_owned(),
        (0, 0, rest) => format!("{rest}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, rest) => format!("{minutes}m {rest}s"),
        (hours, 0, 0) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h {minutes}m"),
    }
}

/// Returns the time from one moment to a later one; nothing where it is earlier.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Writes a moment as date and time in UTC, to the second.
pub fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Writes the time of day in UTC, to the second.
pub fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Returns a step's state as people say it.
pub fn step_word(word: StepWord) -> &'static str {
    match word {
        StepWord::Waiting => "waiting",
        StepWord::Ready => "ready",
        StepWord::AtGate => "at a gate",
        StepWord::Assessing => "assessing",
        StepWord::Consent => "asks first",
        StepWord::Changing => "changing",
        StepWord::Verifying => "verifying",
        StepWord::Done => "done",
        StepWord::DoneDegraded => "done, degraded",
        StepWord::Skipped => "skipped",
        StepWord::Failed => "failed",
        StepWord::Stuck => "stuck",
        StepWord::Blocked => "blocked",
        StepWord::Cancelled => "cancelled",
    }
}

/// Returns whether a step is over, one way or another.
pub fn is_over(word: StepWord) -> bool {
    matches!(
        word,
        StepWord::Done
            | StepWord::DoneDegraded
            | StepWord::Skipped
            | StepWord::Failed
            | StepWord::Blocked
            | StepWord::Cancelled
    )
}

/// Returns how a run stands, as people say it.
pub fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Moving => "moving",
        Standing::Paused => "paused",
        Standing::AtGate => "waiting at a gate",
        Standing::Stuck => "stuck",
        Standing::Failed => "failed, a person may retry or skip",
        Standing::Ended(Outcome::Done) => "done",
        Standing::Ended(Outcome::Degraded) => "done, degraded",
        Standing::Ended(Outcome::Failed) => "failed",
        Standing::Ended(Outcome::Cancelled) => "cancelled",
    }
}

/// Returns the command that makes a choice come true.
pub fn choice_command(choice: Choice, run: &RunId, step: &str) -> String {
    match choice {
        Choice::Approve => format!("leeward approve {run} {step}"),
        Choice::Retry => format!("leeward retry {run} {step}"),
        Choice::Skip => format!("leeward skip {run} {step} --reason TEXT"),
        Choice::SettleDone => format!("leeward settle {run} {step} --as done --reason TEXT"),
        Choice::SettleNotBegun => format!("leeward settle {run} {step} --as not-begun --reason TEXT"),
        Choice::SettleFailed => format!("leeward settle {run} {step} --as failed --reason TEXT"),
        Choice::Cancel => format!("leeward cancel {run} --reason TEXT"),
    }
}

/// Returns a person's name and how it is known.
pub fn person(person: &Person) -> String {
    match person.known {
        Known::Stated => format!("{} (stated, not proven)", person.name),
        Known::Proven => person.name.clone(),
        Known::Rehearsed => format!("{} (rehearsed)", person.name),
    }
}

/// Returns `1 step`, `2 steps`.
pub fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// Returns the first letters of a digest, enough to tell plans apart.
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Returns the known word that is nearest to a misspelt one, where one is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (millis, text) in [
            (0, "0s"),
            (200, "under 1s"),
            (59_600, "1m"),
            (750_000, "12m 30s"),
            (3_600_000, "1h"),
            (5_430_000, "1h 30m"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }
}
