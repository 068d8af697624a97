//! What time is it in the pretend world?
//!
//! Virtual time is the world's start plus what passed on tokio's clock, times the speed, plus what a caller
//! turned it on by. The wall clock is never asked: on tokio's paused clock the whole world stands still with it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, time::Instant};

/// The clock of one world.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Timestamp,
    speed: u32,
    origin: OnceLock<Instant>,
    advanced: AtomicU64,
    turned: Notify,
}

impl Clock {
    /// Makes a clock that starts to run at its first reading.
    pub(crate) fn new(start: Timestamp, speed: u32) -> Clock {
        Clock {
            start,
            speed: speed.max(1),
            origin: OnceLock::new(),
            advanced: AtomicU64::new(0),
            turned: Notify::new(),
        }
    }

    /// Returns how many virtual seconds pass in a second of tokio's clock.
    pub(crate) fn speed(&self) -> u32 {
        self.speed
    }

    /// Returns the virtual time.
    pub(crate) fn now(&self) -> Timestamp {
        let now = Instant::now();
        let origin = *self.origin.get_or_init(|| now);
        let run = now.saturating_duration_since(origin).saturating_mul(self.speed);
        let turned = Duration::from_millis(self.advanced.load(Ordering::Relaxed));
        later(self.start, run.saturating_add(turned))
    }

    /// Turns the clock on. Whoever sleeps on it wakes when his time has come.
    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.advanced.fetch_add(by, Ordering::Relaxed);
        self.turned.notify_waiters();
    }

    /// Sleeps for a stretch of virtual time.
    pub(crate) async fn sleep(&self, stretch: Duration) {
        let until = later(self.now(), stretch);
        loop {
            let turned = self.turned.notified();
            let left = between(self.now(), until);
            if left.is_zero() {
                return;
            }
            // A millisecond more than the share: integer division must not wake us early for ever.
            let real = left / self.speed + Duration::from_micros(u64::from(self.speed > 1));
            tokio::select! {
                biased;
                () = turned => {}
                () = tokio::time::sleep(real) => {}
            }
        }
    }
}

/// Returns the moment that lies `stretch` after another, at most the last one there is.
pub(crate) fn later(moment: Timestamp, stretch: Duration) -> Timestamp {
    SignedDuration::try_from(stretch)
        .ok()
        .and_then(|stretch| moment.checked_add(stretch).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Returns how long it is from one moment to a later one; nothing where it is not later.
pub(crate) fn between(from: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(from)).unwrap_or(Duration::ZERO)
}
