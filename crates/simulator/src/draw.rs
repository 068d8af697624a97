//! Where does chance come from?
//!
//! Every draw is made from the seed and the *name* of what it is for, never from one stream: two requests that
//! change places draw the same figures. The mixing is our own few lines, so that a seed means the same bytes in
//! every release of every dependency.

use std::time::Duration;

use uuid::Uuid;

/// The seed of one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// Draws 64 bits for a name.
    pub fn bits(self, name: &str) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ mix(self.0);
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        mix(hash)
    }

    /// Draws a figure from `low` to `high`, both included.
    pub fn between(self, name: &str, low: u64, high: u64) -> u64 {
        let width = high.saturating_sub(low).saturating_add(1).max(1);
        low.saturating_add(self.bits(name) % width)
    }

    /// Draws a stretch of time, to the millisecond.
    pub fn stretch(self, name: &str, low: Duration, high: Duration) -> Duration {
        let millis = |stretch: Duration| u64::try_from(stretch.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.between(name, millis(low), millis(high)))
    }

    /// Draws a stretch within a share, in per cent, of a mean.
    pub fn around(self, name: &str, mean: Duration, per_cent: u32) -> Duration {
        let spread = mean.saturating_mul(per_cent.min(100)) / 100;
        self.stretch(name, mean.saturating_sub(spread), mean.saturating_add(spread))
    }

    /// Draws a GUID.
    pub fn guid(self, name: &str) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{name}", self.0).as_bytes())
    }

    /// Draws text of URL-safe letters, as signatures and certificates look in operation URLs.
    pub fn letters(self, name: &str, length: usize) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut state = self.bits(name);
        let mut text = String::with_capacity(length);
        while text.len() < length {
            state = mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
            for byte in state.to_le_bytes() {
                if text.len() < length {
                    text.push(char::from(LETTERS[usize::from(byte % 64)]));
                }
            }
        }
        text
    }
}

/// The finaliser of SplitMix64.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
