//! YAML with places: every value knows where it stands.
//!
//! Over the events of `granit-parser`. Nothing here recurses without a bound, and the work and
//! memory for a hostile text are bounded by [`MOST_BYTES`], [`MOST_NODES`] and [`MOST_DEPTH`].

mod build;
mod node;

pub use build::{Bad, Trouble, read, read_all};
pub use node::{Content, Entry, Node, Scalar, Span};

/// The largest file that is read at all.
pub const MOST_BYTES: usize = 16 << 20;
/// The most values in one file.
pub const MOST_NODES: usize = 2_000_000;
/// The most values that aliases may add, all together.
pub const MOST_BY_ALIAS: usize = 100_000;
/// So many troubles are told; then reading stops.
pub const MOST_TROUBLES: usize = 100;
/// The most levels of nesting.
pub const MOST_DEPTH: usize = 64;
