//! How much of one limit is left, and when does the next call fit? Pure: time is a stretch since some start.

use std::{collections::VecDeque, time::Duration};

/// What a limit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A token bucket: so many at once, and one more each.
    Bucket {
        /// How many at once.
        burst: u32,
        /// How long until there is one more.
        every: Duration,
    },
    /// So many in any stretch of that length.
    Window {
        /// How many.
        most: u32,
        /// How long.
        length: Duration,
    },
    /// None that is known; a refusal can still close it for a while.
    Unknown,
}

/// What a window is made longer by: answers and requests are on the way for different times.
const LEEWAY: Duration = Duration::from_secs(1);

impl Limit {
    /// Returns how many may go at once. A bucket keeps back what comes in within a second, a tenth at
    /// most: calls that leave evenly may arrive in a bunch.
    pub fn usable(self) -> u32 {
        match self {
            Limit::Bucket { burst, every } => {
                let second = Duration::from_secs(1).as_nanos() / every.as_nanos().max(1);
                let kept = u32::try_from(second).unwrap_or(u32::MAX).min(burst / 10);
                (burst - kept).max(1)
            }
            Limit::Window { most, .. } => most.max(1),
            Limit::Unknown => u32::MAX,
        }
    }

    /// Returns how long so many calls take if nothing else slows them.
    pub fn alone(self, calls: u64) -> Duration {
        let over = calls.saturating_sub(u64::from(self.usable()));
        match self {
            Limit::Bucket { every, .. } => times(every, over),
            Limit::Window { most, length } => times(length, over.div_ceil(u64::from(most.max(1)))),
            Limit::Unknown => Duration::ZERO,
        }
    }
}

/// The state of one limit.
#[derive(Clone, Debug)]
pub struct Gauge {
    limit: Limit,
    /// Of a bucket: when it would be full again.
    full_at: Duration,
    /// Of a window: when the calls in it went, oldest first.
    went: VecDeque<Duration>,
    closed_until: Duration,
}

impl Gauge {
    /// Makes one of which nothing is used.
    pub fn new(limit: Limit) -> Gauge {
        Gauge {
            limit,
            full_at: Duration::ZERO,
            went: VecDeque::new(),
            closed_until: Duration::ZERO,
        }
    }

    /// Returns the moment at which the next call fits; now, where it fits now.
    pub fn earliest(&self, now: Duration) -> Duration {
        let fits = match self.limit {
            Limit::Bucket { every, .. } => {
                let whole = times(every, u64::from(self.limit.usable()));
                (self.full_at.max(now) + every).saturating_sub(whole)
            }
            Limit::Window { most, length } => {
                let before = self.went.len().checked_sub(most.max(1) as usize);
                before
                    .and_then(|place| self.went.get(place))
                    .map_or(Duration::ZERO, |went| *went + length + LEEWAY)
            }
            Limit::Unknown => Duration::ZERO,
        };
        fits.max(self.closed_until).max(now)
    }

    /// Returns how long one more call delays those behind it, once there is none to spare.
    pub fn every(&self) -> Duration {
        match self.limit {
            Limit::Bucket { every, .. } => every,
            Limit::Window { most, length } => length / most.max(1),
            Limit::Unknown => Duration::ZERO,
        }
    }

    /// Counts a call.
    pub fn take(&mut self, now: Duration) {
        match self.limit {
            Limit::Bucket { every, .. } => self.full_at = self.full_at.max(now) + every,
            Limit::Window { most, .. } => {
                self.went.push_back(now);
                while self.went.len() > most.max(1) as usize {
                    self.went.pop_front();
                }
            }
            Limit::Unknown => {}
        }
    }

    /// Takes back a call that was counted at that moment and never went.
    pub fn give_back(&mut self, taken: Duration) {
        match self.limit {
            Limit::Bucket { every, .. } => self.full_at = self.full_at.saturating_sub(every),
            Limit::Window { .. } => {
                if let Some(place) = self.went.iter().rposition(|went| *went == taken) {
                    self.went.remove(place);
                }
            }
            Limit::Unknown => {}
        }
    }

    /// Returns how many may go at once now.
    pub fn left(&self, now: Duration) -> u32 {
        if self.closed_until > now {
            return 0;
        }
        let usable = self.limit.usable();
        match self.limit {
            Limit::Bucket { every, .. } => {
                let owed = self.full_at.saturating_sub(now).as_nanos();
                let owed = owed.div_ceil(every.as_nanos().max(1));
                usable.saturating_sub(u32::try_from(owed).unwrap_or(u32::MAX))
            }
            Limit::Window { length, .. } => {
                let counted = self.went.iter().filter(|went| **went + length + LEEWAY > now);
                usable.saturating_sub(u32::try_from(counted.count()).unwrap_or(u32::MAX))
            }
            Limit::Unknown => usable,
        }
    }

    /// Believes Azure that so many are left. Never raises what we hold: others may ask in our name, and
    /// what is on the way is not in the figure.
    pub fn lower_to(&mut self, now: Duration, remaining: u32) {
        match self.limit {
            Limit::Bucket { burst, every } => {
                let usable = self.limit.usable();
                let left = remaining.saturating_sub(burst - usable);
                let owed = times(every, u64::from(usable.saturating_sub(left)));
                self.full_at = self.full_at.max(now + owed);
            }
            Limit::Window { .. } => {
                for _ in remaining..self.left(now) {
                    self.take(now);
                }
            }
            Limit::Unknown => {}
        }
    }

    /// Lets nothing through before a moment.
    pub fn close_until(&mut self, moment: Duration) {
        self.closed_until = self.closed_until.max(moment);
    }
}

fn times(stretch: Duration, many: u64) -> Duration {
    let nanos = stretch.as_nanos().saturating_mul(u128::from(many));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITES: Limit = Limit::Bucket {
        burst: 200,
        every: Duration::from_millis(100),
    };

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_bucket_keeps_back_what_a_second_brings() {
        assert_eq!(WRITES.usable(), 190);
        let slow = Limit::Bucket {
            burst: 20,
            every: Duration::from_secs(60),
        };
        assert_eq!(slow.usable(), 20);
        assert_eq!(WRITES.alone(190), Duration::ZERO);
        assert_eq!(WRITES.alone(1_000), Duration::from_secs(81));
    }

    #[test]
    fn what_azure_says_is_left_lowers_and_never_raises() {
        let mut gauge = Gauge::new(WRITES);
        gauge.lower_to(at(0), 11_999);
        assert_eq!(gauge.left(at(0)), 190);
        gauge.lower_to(at(0), 30);
        assert_eq!(gauge.left(at(0)), 20);
        gauge.lower_to(at(0), 150);
        assert_eq!(gauge.left(at(0)), 20);
        gauge.lower_to(at(0), 3);
        assert_eq!(gauge.left(at(0)), 0);
        assert_eq!(gauge.earliest(at(0)), at(100));
        let mut window = Gauge::new(Limit::Window {
            most: 150,
            length: Duration::from_secs(3600),
        });
        window.lower_to(at(0), 10);
        assert_eq!(window.left(at(0)), 10);
    }

    #[test]
    fn a_turn_that_was_not_used_is_another_s() {
        let mut gauge = Gauge::new(Limit::Window {
            most: 2,
            length: Duration::from_secs(10),
        });
        gauge.take(at(0));
        gauge.take(at(5));
        assert_eq!(gauge.earliest(at(10)), at(11_000));
        gauge.give_back(at(5));
        assert_eq!(gauge.earliest(at(10)), at(10));
    }

    #[test]
    fn a_closed_limit_opens_when_azure_said() {
        let mut gauge = Gauge::new(Limit::Unknown);
        assert_eq!(gauge.earliest(at(7)), at(7));
        gauge.close_until(at(324_000));
        gauge.close_until(at(2_000));
        assert_eq!(gauge.earliest(at(7)), at(324_000));
        assert_eq!(gauge.left(at(7)), 0);
    }
}
