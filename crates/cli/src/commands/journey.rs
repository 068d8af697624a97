//! `leeward failover`, `failback`, `drill` and `reprotect`: one way for all four journeys.

use clap::{Args, ValueEnum};
use leeward_runbook::journey::Journey;

use super::{
    Desk,
    runbook::{Part, Source},
};
use crate::{exit::Exit, failure::Failure};

/// What the journeys understand.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to move.
    #[command(flatten)]
    pub source: Source,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Go only if this is the plan; at least eight letters of its digest
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
    /// When the outage was declared, which starts the RTO clock; now when left out
    #[arg(long, value_name = "TIME")]
    pub declared_at: Option<jiff::Timestamp>,
    /// Approve every gate and every loss in advance, as yourself
    #[arg(long, requires = "reason")]
    pub approve_all: bool,
    /// Why, for --approve-all
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Open every gate alone, whoever else it needs; the first line of the report
    #[arg(long, value_name = "REASON", conflicts_with = "approve_all")]
    pub break_glass: Option<String>,
    /// How many steps may be under way at once [env: LEEWARD_PARALLEL]
    #[arg(long, value_name = "N")]
    pub parallel: Option<String>,
    /// End with 22 when only a gate is left to wait for
    #[arg(long)]
    pub no_wait: bool,
    /// How to tell the run
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Progress on stderr, the report on stdout
    Human,
    /// One event a line on stdout
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, journey: Journey, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, journey, arguments);
    Err(Failure::defect("not built yet"))
}
