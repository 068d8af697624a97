//! `leeward check`: everything that is wrong with a runbook, at once.

use clap::{Args, ValueEnum};

use super::{Desk, runbook::Source};
use crate::{exit::Exit, failure::Failure};

/// What `leeward check` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to check.
    #[command(flatten)]
    pub source: Source,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text with places
    Human,
    /// JSON
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}
