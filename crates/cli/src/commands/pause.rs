//! `leeward pause`: starts nothing new until `leeward pause --off`.

use clap::Args;
use leeward_engine::{id::RunId, port::Command};

use super::{Desk, mail};
use crate::{exit::Exit, failure::Failure, ports::runtime};

/// What `leeward pause` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run; the newest unfinished one when left out
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Go on again
    #[arg(long)]
    pub off: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: mail::Answer,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let command = match arguments.off {
        true => Command::Unpause,
        false => Command::Pause,
    };
    let run = arguments.run.clone().map(RunId);
    runtime::light(async {
        let found = mail::find(desk, run).await?;
        mail::send(desk, &found, command, arguments.answer.format).await
    })
}
