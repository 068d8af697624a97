//! Where words go: results to stdout, progress and advice to stderr, questions to a person who is there.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::{
    failure::Failure,
    screen::Paint,
    settings::{ColorWish, Settings},
};

/// The three streams of the process and what they are connected to.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// How stdout is painted.
    pub out: Paint,
    /// How stderr is painted.
    pub err: Paint,
    /// Whether stderr shows moving pictures.
    pub live: bool,
    /// Whether a person can be asked.
    pub asks: bool,
    /// Whether details are shown too (`--verbose`).
    pub verbose: bool,
}

impl Terminal {
    /// Looks at the process's streams.
    pub fn of(wish: ColorWish, verbose: bool) -> Terminal {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let paint = |terminal: bool| match wish {
            ColorWish::Always => Paint::Colors,
            ColorWish::Never => Paint::Plain,
            ColorWish::Auto => match terminal {
                true => Paint::Colors,
                false => Paint::Plain,
            },
        };
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Terminal {
            out: paint(out),
            err: paint(err),
            live: err && !dumb,
            asks: io::stdin().is_terminal() && err,
            verbose,
        }
    }

    /// Looks at the process's streams before any setting is known.
    pub fn early() -> Terminal {
        Terminal::of(Settings::early_color(), false)
    }

    /// Writes a result to stdout. A reader that went away (`| head`) is no failure.
    pub fn result(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let ended = if text.ends_with('\n') || text.is_empty() {
            ""
        } else {
            "\n"
        };
        match write!(out, "{text}{ended}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes advice or progress to stderr; what cannot be shown is dropped.
    pub fn advise(&self, text: &str) {
        let mut err = io::stderr().lock();
        let ended = if text.ends_with('\n') || text.is_empty() {
            ""
        } else {
            "\n"
        };
        let _ = write!(err, "{text}{ended}");
    }

    /// Asks a question on stderr and reads one line.
    pub fn ask(&self, question: &str) -> Result<String, Failure> {
        let mut err = io::stderr().lock();
        let _ = write!(err, "{question} ");
        let _ = err.flush();
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}
