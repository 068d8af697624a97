//! How is a command run: here, or only in pretence?

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use async_trait::async_trait;

/// A command as a list of arguments; no shell reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// What is added to the environment. May hold secrets: it is shown nowhere.
    pub environment: BTreeMap<String, String>,
    /// Where it works; where Leeward works when not said.
    pub folder: Option<PathBuf>,
    /// What it reads from its standard input; nothing when not said.
    pub input: Option<String>,
    /// How long it may run.
    pub within: Duration,
    /// It is not started after this moment of the clock's uptime.
    pub start_before: Duration,
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.environment.keys().collect();
        out.debug_struct("CommandLine")
            .field("arguments", &self.arguments)
            .field("environment", &names)
            .field("folder", &self.folder)
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
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
