//! What may stand between `${{` and `}}`, and after `when:`.
//!
//! The language is CEL, wrapped: every text is bounded before CEL sees it, names with dashes are
//! written as they are (`steps.storefront-cluster.outputs.ingress-address`), and what an
//! expression reads can be listed before anything runs.
//!
//! For the engine, at run time:
//! - [`Scope::of_step`] gathers the names a step may read, from the plan and the outputs so far;
//! - [`resolve`] replaces every `${{ … }}` inside a JSON value (a whole-value expression keeps
//!   its type, mixed text becomes text);
//! - [`holds`] decides a `when:` or, with [`Scope::with_variable`] for `body` and `status`, a goal.

mod convert;
mod error;
mod evaluate;
mod reference;
mod scan;
mod scope;
mod template;
mod work;

pub use error::ExprError;
pub use evaluate::{evaluate, holds};
pub use reference::{Reference, check, references};
pub use scope::{Environment, OutputsOf, Scope, StepOutputs};
pub use template::{Piece, pieces, resolve, resolve_partly};

/// The most bytes that one expression may have.
pub const MOST_BYTES: usize = 4096;
/// The most brackets, of any sort, that may be open at once.
pub const MOST_NESTING: usize = 24;
/// The most words, numbers and signs that one expression may have.
pub const MOST_TOKENS: usize = 256;
/// The most steps that the loops of one expression may take.
pub const MOST_WORK: u64 = 1_000_000;
/// The most operations that may wait for one another: `1 + 2 + 3` has two, `a.b.c` too.
pub const MOST_DEPTH: usize = 32;
