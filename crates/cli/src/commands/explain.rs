//! `leeward explain`: the page of a code, offline.

use clap::Args;

use super::Desk;
use crate::{exit::Exit, failure::Failure};

/// What `leeward explain` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The code, such as LW0102
    #[arg(value_name = "CODE")]
    pub code: String,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}
