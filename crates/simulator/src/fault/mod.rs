//! What goes wrong, and when?
//!
//! Faults are ordered rules. A request is held against each in turn; delays add up, what makes reads stale and
//! what befalls operations is taken along, and the first verdict that ends a request ends it.
//!
//! ```yaml
//! - match: { method: POST, path: "**/failover", nth: 1 }
//!   verdict: { answer-lost: { by: reset } }
//! - match: { provider: Microsoft.Network, from: 5m, to: 10m }
//!   verdict: { throttle: { retry-after: 17 } }
//! - match: { changing: true }
//!   times: 3
//!   verdict: stale-reads
//! - match: { from: 20m, to: 50m }
//!   verdict: { region-down: { region: westeurope, is: gone } }
//! ```

mod book;
mod glob;
mod rule;

pub(crate) use self::book::{Asked, Book, End, Fate, OperationFate};
pub use self::rule::{By, Match, Rule, Verdict, rules};
