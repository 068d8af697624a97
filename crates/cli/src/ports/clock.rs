//! The real clock, which goes on while the machine sleeps, and the rehearsal's, which is tokio's.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use leeward_engine::port::{Clock, Moment};

/// The longest sleep in one piece. Timers stand still while a machine sleeps and the uptime
/// goes on, so a longer one would wake late after a closed lid.
const SLICE: Duration = Duration::from_secs(5);

/// Wall clock and an uptime that runs through suspend.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealClock;

/// Returns the one real clock.
pub fn real() -> RealClock {
    RealClock
}

#[async_trait]
impl Clock for RealClock {
    fn now(&self) -> Moment {
        Moment {
            wall: Timestamp::now(),
            uptime: uptime(),
        }
    }

    async fn sleep_until(&self, until: Duration) {
        loop {
            let rest = until.saturating_sub(uptime());
            if rest.is_zero() {
                return;
            }
            tokio::time::sleep(rest.min(SLICE)).await;
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn uptime() -> Duration {
    of(rustix::time::clock_gettime(rustix::time::ClockId::Boottime))
}

// On Apple systems the monotonic clock is the one that goes on during sleep.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn uptime() -> Duration {
    of(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
}

#[cfg(unix)]
fn of(time: rustix::time::Timespec) -> Duration {
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

// The performance counter of Windows goes on during sleep.
#[cfg(not(unix))]
fn uptime() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

/// The clock of a rehearsal: tokio's paused one, with a wall clock that starts where it is told.
#[derive(Clone, Copy, Debug)]
pub struct RehearsalClock {
    start: tokio::time::Instant,
    wall: Timestamp,
}

impl RehearsalClock {
    /// Starts a clock inside a paused runtime.
    pub fn starting(wall: Timestamp) -> RehearsalClock {
        RehearsalClock {
            start: tokio::time::Instant::now(),
            wall,
        }
    }
}

#[async_trait]
impl Clock for RehearsalClock {
    fn now(&self) -> Moment {
        let uptime = self.start.elapsed();
        Moment {
            wall: self.wall.checked_add(uptime).unwrap_or(self.wall),
            uptime,
        }
    }

    async fn sleep_until(&self, until: Duration) {
        tokio::time::sleep_until(self.start + until).await;
    }
}

/// A clock that others can share.
pub type SharedClock = Arc<dyn Clock>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_uptime_never_runs_backwards() {
        let first = real().now().uptime;
        assert!(real().now().uptime >= first);
        assert!(first > Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rehearsal_of_an_hour_takes_no_time() {
        let clock = RehearsalClock::starting(Timestamp::UNIX_EPOCH);
        clock.sleep_until(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().uptime, Duration::from_secs(3600));
        assert_eq!(clock.now().wall.as_second(), 3600);
    }
}
