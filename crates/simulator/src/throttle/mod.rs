//! Has the caller asked too often?
//!
//! The pretend Azure counts as the real one does, with the real one's numbers: ARM's token buckets, then the limits
//! of the provider. A request over a limit is refused with 429 and does nothing. The table is this crate's own:
//! whoever paces the calls has one too, and the two must agree by the facts, not by copying.

mod meter;
mod refusal;
mod table;

use std::collections::HashMap;

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::meter::Meter;
use crate::arm::{Answer, ArmRequest};

/// Whether a world counts calls.
///
/// # Why it does by default
/// A platform of ordinary size never meets a limit, and one that does should meet it in the rehearsal first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Throttles {
    /// With the numbers that Azure documents.
    #[default]
    Real,
    /// Not at all.
    Off,
}

/// What was asked so far, as far as limits go.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    meters: HashMap<(usize, String), Meter>,
}

/// What a caller is told of ARM's own buckets.
pub(crate) type Remaining = Vec<(&'static str, String)>;

impl Throttle {
    /// Counts a request, or refuses it. A refused one is not counted.
    pub(crate) fn admit(&mut self, request: &ArmRequest, now: Timestamp, speed: u32) -> Result<(), Answer> {
        let asked = table::asked(request);
        let mut held = Vec::new();
        for (place, row) in table::ROWS.iter().enumerate() {
            let Some(scope) = asked.as_ref().and_then(|asked| (row.counts)(asked)) else {
                continue;
            };
            let meter = self
                .meters
                .entry((place, scope.clone()))
                .or_insert_with(|| Meter::new(row.limit, now));
            if let Some(wait) = meter.wait(now) {
                return Err(refusal::of(row, wait, speed));
            }
            held.push((place, scope));
        }
        for key in held {
            if let Some(meter) = self.meters.get_mut(&key) {
                meter.count(now);
            }
        }
        Ok(())
    }

    /// Returns what the headers say is left, in the names that were recorded: a read tells the global bucket alone.
    pub(crate) fn remaining(&self, request: &ArmRequest, now: Timestamp) -> Remaining {
        let Some(subscription) = &request.path.subscription else {
            return Vec::new();
        };
        let names: &[(&str, &'static str)] = match request.method {
            Method::GET | Method::HEAD => &[(
                table::GLOBAL_READS,
                "x-ms-ratelimit-remaining-subscription-global-reads",
            )],
            Method::DELETE => &[
                (table::DELETES, "x-ms-ratelimit-remaining-subscription-deletes"),
                (
                    table::GLOBAL_DELETES,
                    "x-ms-ratelimit-remaining-subscription-global-deletes",
                ),
            ],
            _ => &[
                (table::WRITES, "x-ms-ratelimit-remaining-subscription-writes"),
                (
                    table::GLOBAL_WRITES,
                    "x-ms-ratelimit-remaining-subscription-global-writes",
                ),
            ],
        };
        names
            .iter()
            .filter_map(|(row, header)| {
                let place = table::ROWS.iter().position(|known| known.name == *row)?;
                let key = (place, subscription.to_lowercase());
                let limit = table::ROWS[place].limit;
                let left = match self.meters.get(&key) {
                    Some(meter) => meter.left(now),
                    // What is not counted always tells the first of many.
                    None => limit.most().saturating_sub(1),
                };
                Some((*header, left.to_string()))
            })
            .collect()
    }
}
