//! From the words on the command line to the way the process ends.

use std::{ffi::OsString, panic};

use clap::{Parser, error::ErrorKind};

use crate::{
    arguments::Cli, commands, exit::Exit, failure::Failure, logging, settings::Settings, terminal::Terminal,
};

/// Runs one command and returns how it ended.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    logging::start();
    // A panic is our defect; its message is on stderr already.
    panic::catch_unwind(panic::AssertUnwindSafe(|| command(words))).unwrap_or(Exit::Defect)
}

fn command(words: Vec<OsString>) -> Exit {
    let mut cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            // What cannot be printed any more has no reader.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Holds,
                _ => Exit::Usage,
            };
        }
    };
    cli.globals.parallel = commands::parallel(&cli.verb);
    let mut terminal = Terminal::early();
    let ended = prepared(cli, &mut terminal);
    match ended {
        Ok(exit) => exit,
        Err(failure) => {
            terminal.advise(&failure.show(terminal.err));
            failure.exit
        }
    }
}

fn prepared(cli: Cli, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let settings = Settings::read(&cli.globals)?;
    *terminal = Terminal::of(settings.color()?, cli.globals.verbose);
    let desk = commands::Desk {
        settings,
        terminal: *terminal,
    };
    commands::dispatch(&desk, cli.verb)
}
