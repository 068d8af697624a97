//! What went wrong, why, and what to do next: every error that a command can end with.

use std::io;

use leeward_engine::port::{JournalError, LeaseInfo, OpenError};

use crate::{
    code::Code,
    exit::Exit,
    screen::{Label, Paint, when},
};

/// An error as a person sees it. Hints are data, likeliest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code whose page `leeward explain` prints.
    pub code: Code,
    /// What went wrong, in lower case and without a full stop.
    pub what: String,
    /// Where: a file with its line, a setting, an address.
    pub place: Option<String>,
    /// Why, line by line.
    pub why: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// How the process ends.
    pub exit: Exit,
}

impl Failure {
    /// Makes a failure with the exit code that belongs to its code.
    pub fn new(code: Code, what: impl Into<String>) -> Failure {
        Failure {
            code,
            what: what.into(),
            place: None,
            why: Vec::new(),
            hints: Vec::new(),
            exit: code.exit(),
        }
    }

    /// Says where.
    pub fn at(mut self, place: impl Into<String>) -> Failure {
        self.place = Some(place.into());
        self
    }

    /// Says why.
    pub fn because(mut self, why: impl Into<String>) -> Failure {
        self.why.push(why.into());
        self
    }

    /// Says what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }

    /// Returns the text for stderr.
    pub fn show(&self, paint: Paint) -> String {
        let head = paint.label(Label::Error, &format!("error[{}]", self.code));
        let mut text = format!("{head}: {}\n", self.what);
        if let Some(place) = &self.place {
            text.push_str(&format!("  --> {place}\n"));
        }
        for why in &self.why {
            text.push_str(&format!("why: {why}\n"));
        }
        let hint = paint.label(Label::Hint, "hint");
        for line in &self.hints {
            text.push_str(&format!("{hint}: {line}\n"));
        }
        text.push_str(&format!(
            "{hint}: run `leeward explain {}` for the whole story\n",
            self.code
        ));
        text
    }

    /// Makes one of a file that could not be read or written.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Failure {
        Failure::new(Code::File, format!("cannot use the file `{}`", path.display()))
            .because(error.to_string())
    }

    /// Makes one of a reason inside the tool that should not be.
    pub fn defect(what: impl Into<String>) -> Failure {
        Failure::new(Code::Defect, what)
            .hint("this is a defect in Leeward: please report it with the output above")
    }
}

/// Says who holds a lease, in one line for people.
pub fn holder_words(lease: &LeaseInfo) -> String {
    let holder = &lease.holder;
    format!(
        "held by {} on {} (process {}) since {}, last heartbeat {}",
        holder.user,
        holder.host,
        holder.process,
        when(lease.since),
        when(lease.heartbeat),
    )
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Failure {
        let failure = |code| Failure::new(code, error.to_string());
        match &error {
            JournalError::Fenced { holder, .. } => {
                let failure = failure(Code::LeaseLost);
                let failure = match holder {
                    Some(lease) => failure.because(format!("it is {}", holder_words(lease))),
                    None => failure,
                };
                failure
                    .because("nothing more was sent to Azure from here")
                    .hint("run `leeward status` to watch the run under its new holder")
            }
            JournalError::Unavailable { .. } => failure(Code::JournalUnavailable)
                .because("nothing is done that cannot be recorded first")
                .hint("run `leeward resume` once the journal can be written again"),
            JournalError::Ambiguous { .. } => failure(Code::JournalAmbiguous)
                .hint("run `leeward resume`: it reads the journal again before it acts"),
            JournalError::Damaged { .. } => {
                failure(Code::JournalDamaged).hint("run `leeward runs` to see which other runs can be read")
            }
            JournalError::NoSuchRun { .. } => failure(Code::NoSuchRun)
                .hint("run `leeward runs` to see every run of this journal")
                .hint("name another journal with `--journal FILE`"),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        match error {
            OpenError::Journal(inner) => inner.into(),
            OpenError::Held { ref run, ref lease } => Failure::new(Code::RunHeld, error.to_string())
                .because(format!("it is {}", holder_words(lease)))
                .hint(format!("run `leeward status {run}` to watch it"))
                .hint(format!(
                    "run `leeward resume {run} --take-over` if you know that its holder is gone"
                )),
            OpenError::Exists { .. } => Failure::new(Code::JournalUnavailable, error.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::new(Code::File, "cannot write the output").because(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn an_error_says_what_where_why_and_what_next() {
        let failure = Failure::new(Code::SettingsFile, "cannot use the settings file")
            .at("leeward.toml:2")
            .because("`endpont` is not a setting")
            .hint("did you mean `endpoint`?");
        insta::assert_snapshot!("failure", failure.show(Paint::Plain));
    }

    #[test]
    fn a_run_that_is_held_names_its_holder_and_last_heartbeat() {
        let error = OpenError::Held {
            run: sample::ended().run,
            lease: Box::new(sample::lease()),
        };
        let failure = Failure::from(error);
        assert_eq!(failure.exit, Exit::LeaseLost);
        insta::assert_snapshot!("failure-held", failure.show(Paint::Plain));
    }
}
