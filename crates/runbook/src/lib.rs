//! What a runbook says: the model, the parser with places, the checker that reports
//! every finding at once, the graph, and the immutable plan. Pure: no clock, no disk,
//! no network.

pub mod expr;
pub mod journey;
pub mod kind;
pub mod plan;
pub mod units;
