//! `leeward report`: what a run did, for those who ask afterwards.

use std::{fs, path::PathBuf};

use clap::{Args, ValueEnum};

use super::{Desk, mail};
use crate::{
    exit::Exit,
    failure::Failure,
    ports::runtime,
    report,
    screen::{Paint, summary},
};

/// What `leeward report` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run; the newest one when left out
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    pub format: Format,
    /// Write it into this file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// For a wiki, for machines, for a pipeline, for a person at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Markdown
    Markdown,
    /// JSON
    Json,
    /// JUnit XML, one test case a step
    Junit,
    /// Plain text for a terminal
    Human,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    runtime::light(async {
        let run = arguments.run.clone().map(leeward_engine::id::RunId);
        let found = mail::find_to_report(desk, run).await?;
        let paint = if arguments.output.is_some() {
            Paint::Plain
        } else {
            desk.terminal.out
        };
        let text = match arguments.format {
            Format::Markdown => report::markdown(&found.view),
            Format::Json => report::json(&found.view)?,
            Format::Junit => report::junit(&found.view),
            Format::Human => summary(&found.view, paint),
        };
        match &arguments.output {
            Some(path) => {
                fs::write(path, text).map_err(|error| Failure::file(path, &error))?;
                desk.terminal.advise(&format!("Written to {}", path.display()));
            }
            None => desk.terminal.result(&text)?,
        }
        Ok(Exit::Holds)
    })
}
