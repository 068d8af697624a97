//! Time as the engine sees it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// The same instant on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What the wall clock says; it may jump.
    pub wall: Timestamp,
    /// Time since some fixed start; it never jumps and runs through suspend.
    pub uptime: Duration,
}

/// Tells the time and lets it pass.
///
/// **The engine assumes** that `uptime` goes on while the machine sleeps (a closed lid), since
/// the right to send ends by it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the present instant.
    fn now(&self) -> Moment;

    /// Returns once `uptime` has reached the given value.
    async fn sleep_until(&self, uptime: Duration);
}
