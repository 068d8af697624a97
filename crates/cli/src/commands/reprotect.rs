//! `leeward reprotect`: the journey that can go either way, away from the side that serves.

use clap::Args;
use leeward_runbook::journey::Journey;

use super::{Desk, journey, serving::SideWord};
use crate::{exit::Exit, failure::Failure};

/// What `leeward reprotect` understands.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Arguments {
    /// What every journey understands.
    #[command(flatten)]
    pub journey: journey::Arguments,
    /// Which side serves; what the last move in the journal left serving when left out, else paired
    #[arg(long, value_enum, value_name = "SIDE")]
    pub serving: Option<SideWord>,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let mut journey = arguments.journey;
    journey.part.serving = arguments.serving;
    journey::run(desk, Journey::Reprotect, journey)
}
