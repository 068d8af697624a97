//! `leeward explain`: the page of a code, offline.

use clap::Args;
use leeward_runbook::finding::{codes, explain};

use super::Desk;
use crate::{code::Code, exit::Exit, failure::Failure, screen::nearest};

/// What `leeward explain` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The code, such as LW0102; every code when left out
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let text = match &arguments.code {
        Some(code) => explain(code).ok_or_else(|| unknown(code))?.to_owned(),
        None => list(),
    };
    desk.terminal.result(&text)?;
    Ok(Exit::Holds)
}

fn list() -> String {
    let title = |code: &str| leeward_runbook::finding::title(code).unwrap_or_default();
    codes()
        .map(|code| format!("{code}  {}\n", title(code.as_str())))
        .collect()
}

fn unknown(code: &str) -> Failure {
    let failure = Failure::new(Code::NoSuchWord, format!("there is no code `{code}`"));
    let failure = match nearest(&code.to_ascii_uppercase(), codes().map(|code| code.as_str())) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    };
    failure.hint("run `leeward explain` to see all of them")
}
