//! `leeward graph`: a plan as a picture.

use clap::{Args, ValueEnum};

use super::{
    Desk,
    plan::JourneyWord,
    runbook::{Part, Source},
};
use crate::{exit::Exit, failure::Failure};

/// What `leeward graph` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to draw.
    #[command(flatten)]
    pub source: Source,
    /// What for
    #[arg(long, value_enum, default_value_t = JourneyWord::Failover)]
    pub journey: JourneyWord,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
    /// How to draw it
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    pub format: Format,
}

/// The languages of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Mermaid, as wikis draw it
    Mermaid,
    /// DOT, as Graphviz draws it
    Dot,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}
