//! What time is it, for programs that bring no clock of their own?

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use leeward_engine::port::{Clock, Moment};

/// The system's wall clock, and tokio's for what has passed.
///
/// # Not for a laptop that may be closed
/// Tokio's clock can stand still while the machine sleeps, and the right to send ends by it. The
/// `leeward` program has a clock of its own that goes on.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: tokio::time::Instant,
}

impl SystemClock {
    /// Starts it.
    pub fn new() -> SystemClock {
        SystemClock {
            start: tokio::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment {
            wall: Timestamp::now(),
            uptime: self.start.elapsed(),
        }
    }

    async fn sleep_until(&self, uptime: Duration) {
        tokio::time::sleep_until(self.start + uptime).await;
    }
}
