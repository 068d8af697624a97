//! How a command ends: the one list of exit codes, and which of several wins.

use std::{fmt, process::ExitCode};

use leeward_engine::{
    event::Outcome,
    view::{RunView, Standing},
};

/// Every way in which a command of Leeward can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// The goal holds, or there was nothing to find.
    Holds = 0,
    /// A defect in the tool itself.
    Defect = 1,
    /// The command line, the settings or a file named there cannot be used.
    Usage = 2,
    /// The runbook has findings.
    Findings = 10,
    /// The plan would change something.
    WouldChange = 11,
    /// Something failed.
    Failed = 20,
    /// Stuck: only a person can help.
    Stuck = 21,
    /// Waiting at a gate for a person.
    AtGate = 22,
    /// The lease is held by someone else, or was lost to them.
    LeaseLost = 23,
    /// The journal cannot be read or written.
    JournalUnavailable = 24,
    /// The goal holds, and an objective was missed.
    ObjectiveMissed = 25,
    /// The goal holds, with accepted degradations.
    Degraded = 26,
}

impl Exit {
    /// Returns every code, in numeric order.
    pub const ALL: [Exit; 12] = [
        Exit::Holds,
        Exit::Defect,
        Exit::Usage,
        Exit::Findings,
        Exit::WouldChange,
        Exit::Failed,
        Exit::Stuck,
        Exit::AtGate,
        Exit::LeaseLost,
        Exit::JournalUnavailable,
        Exit::ObjectiveMissed,
        Exit::Degraded,
    ];

    /// Returns the number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the meaning in a few words, for `--help` and reports.
    pub fn words(self) -> &'static str {
        match self {
            Exit::Holds => "the goal holds",
            Exit::Defect => "a defect in the tool",
            Exit::Usage => "the command line or a setting cannot be used",
            Exit::Findings => "the runbook has findings",
            Exit::WouldChange => "the plan would change something",
            Exit::Failed => "failed",
            Exit::Stuck => "stuck, needs a person",
            Exit::AtGate => "waiting or stopped: approve or resume",
            Exit::LeaseLost => "the lease is held by someone else",
            Exit::JournalUnavailable => "the journal is not available",
            Exit::ObjectiveMissed => "the goal holds, an objective was missed",
            Exit::Degraded => "the goal holds, with accepted degradations",
        }
    }

    /// Returns which of two wins: 20 to 24 first, then 26, then 25, then the rest.
    pub fn or(self, other: Exit) -> Exit {
        if other.rank() < self.rank() { other } else { self }
    }

    /// Returns how a run as it stands would end a command that no longer waits for it.
    pub fn of(view: &RunView) -> Exit {
        let missed = |exit: Exit| {
            let objectives = &view.objectives;
            match objectives.rto_missed == Some(true) || objectives.rpo_missed == Some(true) {
                true => exit.or(Exit::ObjectiveMissed),
                false => exit,
            }
        };
        match view.standing {
            Standing::Ended(Outcome::Done) => missed(Exit::Holds),
            Standing::Ended(Outcome::Degraded) => missed(Exit::Degraded),
            Standing::Ended(Outcome::Failed | Outcome::Cancelled) | Standing::Failed => Exit::Failed,
            Standing::Stuck => Exit::Stuck,
            // A run that still moves or is paused waits for a person or for a conductor, not for Azure.
            Standing::AtGate | Standing::Paused | Standing::Moving => Exit::AtGate,
        }
    }

    fn rank(self) -> u8 {
        match self {
            Exit::Defect => 0,
            Exit::Usage => 1,
            Exit::Findings => 2,
            Exit::Failed | Exit::Stuck | Exit::AtGate | Exit::LeaseLost | Exit::JournalUnavailable => {
                self.code()
            }
            Exit::Degraded => 30,
            Exit::ObjectiveMissed => 31,
            Exit::WouldChange => 32,
            Exit::Holds => 33,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.code(), self.words())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Returns the list that `leeward --help` ends with.
pub fn table() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        text.push_str(&format!("  {:>2}  {}\n", exit.code(), exit.words()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_wins_over_degradations_and_those_over_a_missed_objective() {
        assert_eq!(Exit::ObjectiveMissed.or(Exit::Degraded), Exit::Degraded);
        assert_eq!(Exit::Degraded.or(Exit::ObjectiveMissed), Exit::Degraded);
        assert_eq!(Exit::Holds.or(Exit::ObjectiveMissed), Exit::ObjectiveMissed);
        for trouble in [
            Exit::Failed,
            Exit::Stuck,
            Exit::AtGate,
            Exit::LeaseLost,
            Exit::JournalUnavailable,
        ] {
            assert_eq!(Exit::Degraded.or(trouble), trouble);
            assert_eq!(trouble.or(Exit::ObjectiveMissed), trouble);
        }
        assert_eq!(Exit::JournalUnavailable.or(Exit::Failed), Exit::Failed);
    }

    #[test]
    fn the_codes_are_those_of_the_documentation() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 10, 11, 20, 21, 22, 23, 24, 25, 26]);
    }
}
