//! `leeward check`: everything that is wrong with a runbook, at once.

use clap::{Args, ValueEnum};
use leeward_runbook::finding::{Severity, to_json};

use super::{
    Desk,
    runbook::{self, Source, is_clean},
};
use crate::{
    exit::Exit,
    failure::Failure,
    screen::{Label, finding_count, findings},
};

/// What `leeward check` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to check.
    #[command(flatten)]
    pub source: Source,
    /// End with 10 for errors only
    #[arg(long)]
    pub tolerate_warnings: bool,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text with places
    Human,
    /// JSON
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let file = runbook::file_of(&arguments.source.runbook);
    let name = file.display().to_string();
    let reading = leeward_runbook::read(&name, &runbook::bytes_of(&file)?);
    let found = match &reading.runbook {
        Some(runbook) => leeward_runbook::check(runbook),
        None => reading.findings,
    };
    let clean = match arguments.tolerate_warnings {
        true => found.iter().all(|finding| finding.severity != Severity::Error),
        false => is_clean(&found),
    };
    let terminal = &desk.terminal;
    match arguments.format {
        Format::Human => {
            terminal.result(&findings(&found, terminal.out))?;
            let text = format!("{name}: {}", finding_count(&found));
            let label = if clean { Label::Done } else { Label::Bad };
            terminal.advise(&terminal.err.label(label, &text));
        }
        Format::Json => terminal.result(&format!("{:#}", to_json(&found)))?,
    }
    Ok(match clean {
        true => Exit::Holds,
        false => Exit::Findings,
    })
}
