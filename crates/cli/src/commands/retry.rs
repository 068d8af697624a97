//! `leeward retry`: tries a failed or stuck step again, through a look at the world.

use clap::Args;
use leeward_engine::port::Command;

use super::{Desk, mail};
use crate::{exit::Exit, failure::Failure, ports::runtime};

/// What `leeward retry` understands.
#[derive(Debug, Args)]
#[command(override_usage = "leeward retry [OPTIONS] [RUN] <STEP>")]
pub struct Arguments {
    /// The step, after its run (the newest unfinished one when left out)
    #[arg(value_name = "STEP", required = true, num_args = 1..=2)]
    pub words: Vec<String>,
    /// How to answer.
    #[command(flatten)]
    pub answer: mail::Answer,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let (run, step) = mail::address_of_step(&arguments.words, "retry")?;
    runtime::light(async {
        let found = mail::find(desk, run).await?;
        let step = mail::id(found.step(&step)?);
        mail::send(desk, &found, Command::Retry { step }, arguments.answer.format).await
    })
}
