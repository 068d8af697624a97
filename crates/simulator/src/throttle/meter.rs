//! How much of one limit is used?

use std::time::Duration;

use jiff::Timestamp;

/// What a limit says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// A token bucket: so many at once, and one more each.
    Bucket { most: u64, every: Duration },
    /// So many in each window; the window opens with the first request in it.
    Window { most: u64, length: Duration },
}

impl Limit {
    /// Returns how many may come at once.
    pub(crate) fn most(self) -> u64 {
        match self {
            Limit::Bucket { most, .. } | Limit::Window { most, .. } => most,
        }
    }
}

/// One limit of one scope.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: Limit,
    /// Of a bucket: when it would be full again. Of a window: when it opened.
    mark: Timestamp,
    used: u64,
}

impl Meter {
    pub(crate) fn new(limit: Limit, now: Timestamp) -> Meter {
        Meter {
            limit,
            mark: now,
            used: 0,
        }
    }

    /// Returns how long a request has to wait, or nothing where it may come now.
    pub(crate) fn wait(&self, now: Timestamp) -> Option<Duration> {
        match self.limit {
            Limit::Bucket { most, every } => {
                let whole = nanos(every) * u128::from(most);
                let owed = self.owed(now) + nanos(every);
                (owed > whole).then(|| stretch(owed - whole))
            }
            Limit::Window { most, length } => {
                let left = nanos(length).saturating_sub(passed(self.mark, now));
                (left > 0 && self.used >= most).then(|| stretch(left))
            }
        }
    }

    /// Counts a request.
    pub(crate) fn count(&mut self, now: Timestamp) {
        match self.limit {
            Limit::Bucket { every, .. } => self.mark = self.mark.max(now) + every,
            Limit::Window { length, .. } => {
                if passed(self.mark, now) >= nanos(length) || self.used == 0 {
                    self.mark = now;
                    self.used = 0;
                }
                self.used += 1;
            }
        }
    }

    /// Returns how many may still come at once.
    pub(crate) fn left(&self, now: Timestamp) -> u64 {
        match self.limit {
            Limit::Bucket { most, every } => {
                let owed = self.owed(now).div_ceil(nanos(every).max(1));
                most.saturating_sub(u64::try_from(owed).unwrap_or(u64::MAX))
            }
            Limit::Window { most, length } if passed(self.mark, now) < nanos(length) => {
                most.saturating_sub(self.used)
            }
            Limit::Window { most, .. } => most,
        }
    }

    fn owed(&self, now: Timestamp) -> u128 {
        passed(now, self.mark)
    }
}

fn nanos(stretch: Duration) -> u128 {
    stretch.as_nanos()
}

fn passed(from: Timestamp, to: Timestamp) -> u128 {
    u128::try_from(to.duration_since(from).as_nanos()).unwrap_or(0)
}

fn stretch(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000 + millis).unwrap()
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_at_a_time() {
        let limit = Limit::Bucket {
            most: 3,
            every: Duration::from_millis(100),
        };
        let mut meter = Meter::new(limit, at(0));
        for left in [2, 1, 0] {
            assert_eq!(meter.wait(at(0)), None);
            meter.count(at(0));
            assert_eq!(meter.left(at(0)), left);
        }
        assert_eq!(meter.wait(at(0)), Some(Duration::from_millis(100)));
        assert_eq!(meter.wait(at(40)), Some(Duration::from_millis(60)));
        assert_eq!(meter.wait(at(100)), None);
        assert_eq!(meter.left(at(10_000)), 3);
    }

    #[test]
    fn a_window_opens_with_its_first_request_and_refuses_until_its_end() {
        let limit = Limit::Window {
            most: 2,
            length: Duration::from_secs(10),
        };
        let mut meter = Meter::new(limit, at(0));
        meter.count(at(5_000));
        meter.count(at(6_000));
        assert_eq!(meter.wait(at(6_000)), Some(Duration::from_secs(9)));
        assert_eq!(meter.wait(at(15_000)), None);
        meter.count(at(15_000));
        assert_eq!(meter.left(at(15_000)), 1);
    }
}
