//! `leeward schema`: the JSON Schema of the runbook language.

use clap::Args;

use super::Desk;
use crate::{exit::Exit, failure::Failure};

/// What `leeward schema` understands.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs the verb.
pub fn run(desk: &Desk, _: Arguments) -> Result<Exit, Failure> {
    desk.terminal
        .result(&format!("{:#}\n", leeward_runbook::schema()))?;
    Ok(Exit::Holds)
}
