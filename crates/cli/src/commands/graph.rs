//! `leeward graph`: a plan as a picture.

use clap::{Args, ValueEnum};
use leeward_runbook::graph::{dot, mermaid};

use super::{
    Desk,
    plan::JourneyWord,
    runbook::{self, Listener, Part, Source},
    serving::SideWord,
};
use crate::{exit::Exit, failure::Failure};

/// What `leeward graph` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to draw.
    #[command(flatten)]
    pub source: Source,
    /// What for
    #[arg(long, value_enum, default_value_t = JourneyWord::Failover)]
    pub journey: JourneyWord,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
    /// For reprotect, which side serves; what the last move in the journal left serving when left out
    #[arg(long, value_enum, value_name = "SIDE")]
    pub serving: Option<SideWord>,
    /// How to draw it
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    pub format: Format,
}

/// The languages of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Mermaid, as wikis draw it
    Mermaid,
    /// DOT, as Graphviz draws it
    Dot,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let journey = arguments.journey.into();
    let source = &arguments.source;
    let part = Part {
        serving: arguments.serving,
        ..arguments.part.clone()
    };
    let Some(made) = runbook::make(desk, source, &part, journey, &[], Listener::Person)? else {
        return Ok(Exit::Findings);
    };
    let text = match arguments.format {
        Format::Mermaid => mermaid(&made.plan),
        Format::Dot => dot(&made.plan),
    };
    desk.terminal.result(&text)?;
    Ok(Exit::Holds)
}
