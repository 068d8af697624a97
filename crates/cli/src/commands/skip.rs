//! `leeward skip`: leaves a step out, with a reason; its dependents go on.

use clap::Args;
use leeward_engine::port::Command;

use super::{Desk, mail};
use crate::{exit::Exit, failure::Failure, ports::runtime};

/// What `leeward skip` understands.
#[derive(Debug, Args)]
#[command(override_usage = "leeward skip [OPTIONS] --reason <TEXT> [RUN] <STEP>")]
pub struct Arguments {
    /// The step, after its run (the newest unfinished one when left out)
    #[arg(value_name = "STEP", required = true, num_args = 1..=2)]
    pub words: Vec<String>,
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
    let (run, step) = mail::address_of_step(&arguments.words, "skip")?;
    runtime::light(async {
        let found = mail::find(desk, run).await?;
        let step = mail::id(found.step(&step)?);
        mail::send(
            desk,
            &found,
            Command::Skip { step, reason },
            arguments.answer.format,
        )
        .await
    })
}
