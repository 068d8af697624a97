//! When may a call go to Azure? The one place that every read, poll and change passes.
//!
//! The table says what Azure limits, the gauges how much is left, the turnstile who goes next; these are pure. The
//! shell lets callers wait on tokio's clock. What Azure says on the way (headers, refusals) is learned.

pub mod call;
mod driver;
pub mod forecast;
mod here;
mod learn;
pub mod limit;
pub mod rank;
mod shared;
mod shell;
mod table;
mod turnstile;

pub use call::{Call, Key};
pub(crate) use driver::Paced;
pub use forecast::{Budget, Cost};
pub(crate) use here::here;
pub(crate) use learn::learn;
pub use limit::Limit;
pub use rank::{Purpose, Rank};
pub(crate) use shared::{Crowd, Shared};
pub use shell::Pace;
