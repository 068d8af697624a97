//! Which step waits for which: the graph of a runbook, its circles, and pictures of a plan.

mod order;
mod picture;

pub use order::Order;
pub use picture::{dot, mermaid};
