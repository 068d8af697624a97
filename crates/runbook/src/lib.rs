//! What a runbook says: the model, the parser with places, the checker that reports
//! every finding at once, the graph, and the immutable plan. Pure: no clock, no disk,
//! no network.

pub mod check;
pub mod decode;
pub mod expr;
pub mod finding;
pub mod graph;
pub mod journey;
pub mod kind;
pub mod kinds;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod schema;
pub mod units;
pub mod yaml;

pub use check::check;
pub use decode::{Reading, read};
pub use finding::Finding;
pub use model::Runbook;
pub use schema::schema;
