//! `leeward kinds`: the kinds of steps, or one of them in full.

use clap::{Args, ValueEnum};

use super::Desk;
use crate::{exit::Exit, failure::Failure};

/// What `leeward kinds` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// One kind, such as azure.aks.cluster
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text
    Human,
    /// JSON
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}
