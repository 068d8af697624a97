//! `leeward resume`: goes on with a run from its journal alone.

use clap::Args;

use super::{Desk, journey::Format};
use crate::{exit::Exit, failure::Failure};

/// What `leeward resume` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run; the newest unfinished one when left out
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Take the run over from a holder that looks alive
    #[arg(long)]
    pub take_over: bool,
    /// Do not ask before taking over
    #[arg(long, short)]
    pub yes: bool,
    /// End with 22 when only a gate is left to wait for
    #[arg(long)]
    pub no_wait: bool,
    /// How to tell the run
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}
