//! The JSON Schema of the language, for editors: made of the same declarations that the checker reads.

mod document;
mod shape;

pub use document::schema;

/// Where the schema says it comes from; the first line of each example names a file beside it.
pub const ID: &str = "https://leeward.example/schema/runbook-1.json";
