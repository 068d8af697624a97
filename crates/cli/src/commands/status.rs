//! `leeward status`: how a run stands, or which side serves.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Desk;
use crate::{exit::Exit, failure::Failure};

/// What `leeward status` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run; the newest unfinished one when left out
    #[arg(value_name = "RUN", conflicts_with = "world")]
    pub run: Option<String>,
    /// Read which side each target of this runbook serves from; needs no journal
    #[arg(long, value_name = "RUNBOOK")]
    pub world: Option<PathBuf>,
    /// With --world: set a parameter
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "world")]
    pub set: Vec<String>,
    /// With --world: read parameters from a YAML or JSON file
    #[arg(long, value_name = "FILE", requires = "world")]
    pub parameters: Option<PathBuf>,
    /// End with the code that the run would end with
    #[arg(long, conflicts_with = "world")]
    pub exit_code: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One screen
    Human,
    /// JSON
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}
