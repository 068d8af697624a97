//! `leeward completions`: the script that completes verbs and options in a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Desk;
use crate::{arguments::Cli, exit::Exit, failure::Failure};

/// What `leeward completions` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The shell
    pub shell: Shell,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "leeward", &mut script);
    desk.terminal.result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Holds)
}
