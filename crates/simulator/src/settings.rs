//! How should this pretend Azure behave apart from what its world says?

use std::time::Duration;

/// What one simulator is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides every draw: durations, delays, ids. The same seed and the same requests give the same bytes.
    pub seed: u64,
    /// Virtual seconds for each second of tokio's clock.
    pub speed: u32,
    /// How long an ordinary answer takes, least and most, in virtual time.
    pub latency: (Duration, Duration),
    /// After how long ARM says 504 for a provider that is silent. Inference: no figure is published.
    pub gateway_timeout: Duration,
    /// After how long a connection that never answers is closed; nothing waits for ever.
    pub silence: Duration,
    /// When a poller is told to come back, whatever the provider would say; for clients under test.
    pub poll_every: Option<Duration>,
    /// How many requests the log keeps; the oldest go first.
    pub log_limit: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            seed: 0,
            speed: 1,
            latency: (Duration::from_millis(40), Duration::from_millis(220)),
            gateway_timeout: Duration::from_secs(4 * 60),
            silence: Duration::from_secs(10 * 60),
            poll_every: None,
            log_limit: 200_000,
        }
    }
}

impl Settings {
    /// Makes the default settings with a seed.
    pub fn seeded(seed: u64) -> Settings {
        Settings {
            seed,
            ..Settings::default()
        }
    }
}
