//! `leeward simulate`: the real code against a simulated Azure in this process, without waiting.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    Desk,
    plan::JourneyWord,
    runbook::{Part, Source},
};
use crate::{exit::Exit, failure::Failure};

/// What `leeward simulate` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to rehearse.
    #[command(flatten)]
    pub source: Source,
    /// What for
    #[arg(long, value_enum, default_value_t = JourneyWord::Failover)]
    pub journey: JourneyWord,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
    /// What has happened to the region that serves
    #[arg(long, value_enum, default_value_t = Outage::BothUp)]
    pub world: Outage,
    /// Break something on the way: a file of rules for the simulator; may be given again
    #[arg(long, value_name = "FILE")]
    pub fault: Vec<PathBuf>,
    /// Draw every delay and every chance from this number
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// How many steps may be under way at once
    #[arg(long, value_name = "N")]
    pub parallel: Option<String>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// What has happened to the region that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Outage {
    /// Nothing: both regions serve
    BothUp,
    /// It does not serve, but its providers still answer
    ServingDown,
    /// It is gone: resource groups and providers are silent
    RegionGone,
}

/// For people, machines, pipelines and wikis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Plain text for a terminal
    Human,
    /// JSON
    Json,
    /// JUnit XML, one test case a step
    Junit,
    /// Markdown
    Markdown,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}
