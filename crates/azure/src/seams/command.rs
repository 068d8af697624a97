//! How is a command run: here, or only in pretence?

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;

/// A command as a list of arguments; no shell reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// What is added to the environment.
    pub environment: BTreeMap<String, String>,
    /// How long it may run.
    pub within: Duration,
    /// It is not started after this moment of the clock's uptime.
    pub start_before: Duration,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It ended.
    Ended {
        /// Its exit code; nothing where a signal ended it.
        code: Option<i32>,
        /// The end of what it wrote, cut.
        output: String,
    },
    /// It was never started.
    NotStarted {
        /// Why.
        reason: String,
    },
    /// It was started and nobody knows how it ended.
    Lost {
        /// Why.
        reason: String,
    },
}

/// Runs commands. A rehearsal gives one that runs nothing.
#[async_trait]
pub trait CommandRunner: Send + Sync {
    /// Runs one command, once.
    async fn run(&self, command: &CommandLine) -> CommandOutcome;
}
