//! What a run leaves behind for others to read: Markdown, JSON, JUnit and the stream of events.
//! Everything here is made of the run's view, which is a fold of its journal.

mod events;
mod json;
mod junit;
mod markdown;

use leeward_engine::{record::Record, view::RunView};

use crate::{code::Code, failure::Failure};

pub use events::{EventLines, STREAM_VERSION};
pub use json::{REPORT_VERSION, json};
pub use junit::junit;
pub use markdown::markdown;

/// Folds a journal into the view that every screen and report is made of.
pub fn view_of(records: &[Record]) -> Result<RunView, Failure> {
    RunView::of(records).map_err(|error| {
        Failure::new(
            Code::NotResumable,
            "the journal of this run cannot be read as a run",
        )
        .because(error.to_string())
        .hint("it may have been written by a newer version of Leeward: try that one")
    })
}
