//! Durations as people write them: `30m`, `5s`, `2h30m`. A bare number is not one.

use std::time::Duration;

/// Reads a duration with its unit. Accepts `d`, `h`, `m`, `s` and `ms`, largest first.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(UnitError::Empty);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnitError::NoUnit {
            text: text.to_owned(),
        });
    }
    let (mut rest, mut total, mut last) = (text, Duration::ZERO, usize::MAX);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let bad = || UnitError::Unreadable {
            text: text.to_owned(),
        };
        let amount: u64 = rest[..digits].parse().map_err(|_| bad())?;
        let (rank, millis) = match &rest[digits..digits + letters] {
            "d" => (4, 86_400_000),
            "h" => (3, 3_600_000),
            "m" => (2, 60_000),
            "s" => (1, 1_000),
            "ms" => (0, 1),
            _ => return Err(bad()),
        };
        if rank >= last {
            return Err(bad());
        }
        last = rank;
        let millis = amount.checked_mul(millis).ok_or_else(bad)?;
        total = total.checked_add(Duration::from_millis(millis)).ok_or_else(bad)?;
        rest = &rest[digits + letters..];
    }
    Ok(total)
}

/// Writes a duration the way [`parse_duration`] reads it. Zero is `0s`.
pub fn show_duration(duration: Duration) -> String {
    let mut millis = duration.as_millis();
    let mut text = String::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        let amount = millis / size;
        if amount > 0 {
            text.push_str(&format!("{amount}{unit}"));
            millis -= amount * size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Nothing was written.
    #[error("a duration is missing, write one such as `30m`")]
    Empty,
    /// A number without a unit.
    #[error("`{text}` has no unit, write `{text}s`, `{text}m` or `{text}h`")]
    NoUnit {
        /// What was written.
        text: String,
    },
    /// Anything else.
    #[error("`{text}` is not a duration, write one such as `30m` or `2h30m`")]
    Unreadable {
        /// What was written.
        text: String,
    },
}

/// Serialises a [`Duration`] as text: `#[serde(with = "units::duration")]`.
pub mod duration {
    use super::*;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the text form.
    pub fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&show_duration(*value))
    }

    /// Reads the text form.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
        parse_duration(&String::deserialize(input)?).map_err(D::Error::custom)
    }
}

/// The same for `Option<Duration>`; combine with `#[serde(default)]`.
pub mod optional_duration {
    use super::*;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the text form, or null.
    pub fn serialize<S: Serializer>(value: &Option<Duration>, out: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => out.serialize_some(&show_duration(*value)),
            None => out.serialize_none(),
        }
    }

    /// Reads the text form, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(input)?
            .map(|text| parse_duration(&text).map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_back_as_it_was_written() {
        for text in ["30m", "2h30m", "5s", "1d2h3m4s5ms", "0s"] {
            assert_eq!(show_duration(parse_duration(text).expect(text)), text);
        }
    }

    #[test]
    fn a_bare_number_or_units_out_of_order_are_refused() {
        for text in ["30", "", "5m2h", "m", "5x", "99999999999999999d", "5m5m"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
