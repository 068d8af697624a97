//! What a run leaves behind for others to read: Markdown, JSON, JUnit and the stream of events.
//! Everything here is made of the run's view, which is a fold of its journal.

mod events;
mod json;
mod junit;
mod markdown;

use leeward_engine::{
    conductor::{Unfolded, folded},
    port::Records,
    state::RunState,
};

use crate::{code::Code, failure::Failure};

pub use events::{EventLines, STREAM_VERSION};
pub use json::{REPORT_VERSION, json};
pub use junit::junit;
pub use markdown::markdown;

/// Folds a journal, as it is read, into the state that every screen and report is made of.
pub async fn state_of(records: Box<dyn Records>) -> Result<RunState, Failure> {
    folded(records).await.map_err(|error| match error {
        Unfolded::Illegal(error) => Failure::new(
            Code::NotResumable,
            "the journal of this run cannot be read as a run",
        )
        .because(error.to_string())
        .hint("it may have been written by a newer version of Leeward: try that one"),
        Unfolded::Journal(error) => Failure::from(error),
    })
}
