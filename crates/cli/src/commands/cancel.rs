//! `leeward cancel`: starts nothing more, watches what is open to its end, cleans up, ends.

use clap::Args;
use leeward_engine::{id::RunId, port::Command};

use super::{Desk, mail};
use crate::{exit::Exit, failure::Failure, ports::runtime};

/// What `leeward cancel` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run; the newest unfinished one when left out
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How to answer.
    #[command(flatten)]
    pub answer: mail::Answer,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let reason = mail::reason(&arguments.reason)?;
    let run = arguments.run.clone().map(RunId);
    runtime::light(async {
        let found = mail::find(desk, run).await?;
        mail::send(desk, &found, Command::Cancel { reason }, arguments.answer.format).await
    })
}
