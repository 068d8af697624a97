//! The codes of everything that can go wrong outside a runbook's text, and how each ends the process.

use std::fmt;

use crate::exit::Exit;

/// A code of the command line (LW03), a run (LW04), the journal (LW05) or Azure's door (LW06).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A changing verb needs a person's word, and nobody can be asked.
    NotConfirmed,
    /// A settings file cannot be read.
    SettingsFile,
    /// A setting has a value that it cannot have.
    SettingValue,
    /// The plan is not the one that was named.
    OtherPlan,
    /// The person did not agree.
    Declined,
    /// A local journal must be asked for.
    LocalJournal,
    /// A file cannot be read or written.
    File,
    /// A parameter on the command line cannot be read.
    Parameter,
    /// An option needs a reason, or another option.
    Incomplete,
    /// There is no such word: kind, code, shell.
    NoSuchWord,
    /// The simulator cannot be started as asked.
    Simulator,
    /// The world or the faults of a rehearsal cannot be read.
    World,
    /// A defect in the tool.
    Defect,
    /// There is no run to go on with.
    NothingToResume,
    /// There is no such run.
    NoSuchRun,
    /// A run has no such step.
    NoSuchStep,
    /// The run is over.
    RunOver,
    /// The run is held by a process that looks alive.
    RunHeld,
    /// Another run holds targets of this plan.
    TargetsHeld,
    /// The journal was written by a newer version, or cannot be folded.
    NotResumable,
    /// The lease was lost to someone else.
    LeaseLost,
    /// The journal cannot be read or written.
    JournalUnavailable,
    /// Nobody knows whether the journal took the last write.
    JournalAmbiguous,
    /// The journal is damaged.
    JournalDamaged,
    /// No credential was named, or it does not work.
    Credential,
    /// The endpoint cannot be used.
    Endpoint,
    /// The proxy or the certificates cannot be used.
    Network,
}

impl Code {
    /// Returns every code, in numeric order.
    pub const ALL: [Code; 27] = [
        Code::NotConfirmed,
        Code::SettingsFile,
        Code::SettingValue,
        Code::OtherPlan,
        Code::Declined,
        Code::LocalJournal,
        Code::File,
        Code::Parameter,
        Code::Incomplete,
        Code::NoSuchWord,
        Code::Simulator,
        Code::World,
        Code::Defect,
        Code::NothingToResume,
        Code::NoSuchRun,
        Code::NoSuchStep,
        Code::RunOver,
        Code::RunHeld,
        Code::TargetsHeld,
        Code::NotResumable,
        Code::LeaseLost,
        Code::JournalUnavailable,
        Code::JournalAmbiguous,
        Code::JournalDamaged,
        Code::Credential,
        Code::Endpoint,
        Code::Network,
    ];

    /// Returns the number as it is written.
    pub fn number(self) -> &'static str {
        match self {
            Code::NotConfirmed => "LW0301",
            Code::SettingsFile => "LW0302",
            Code::SettingValue => "LW0303",
            Code::OtherPlan => "LW0304",
            Code::Declined => "LW0305",
            Code::LocalJournal => "LW0306",
            Code::File => "LW0307",
            Code::Parameter => "LW0308",
            Code::Incomplete => "LW0309",
            Code::NoSuchWord => "LW0310",
            Code::Simulator => "LW0311",
            Code::World => "LW0312",
            Code::Defect => "LW0399",
            Code::NothingToResume => "LW0401",
            Code::NoSuchRun => "LW0402",
            Code::NoSuchStep => "LW0403",
            Code::RunOver => "LW0404",
            Code::RunHeld => "LW0405",
            Code::TargetsHeld => "LW0406",
            Code::NotResumable => "LW0407",
            Code::LeaseLost => "LW0501",
            Code::JournalUnavailable => "LW0502",
            Code::JournalAmbiguous => "LW0503",
            Code::JournalDamaged => "LW0504",
            Code::Credential => "LW0601",
            Code::Endpoint => "LW0602",
            Code::Network => "LW0603",
        }
    }

    /// Returns how a process ends with it.
    pub fn exit(self) -> Exit {
        match self {
            Code::Defect => Exit::Defect,
            Code::TargetsHeld => Exit::Failed,
            Code::RunHeld | Code::LeaseLost => Exit::LeaseLost,
            Code::JournalUnavailable | Code::JournalAmbiguous | Code::JournalDamaged | Code::NotResumable => {
                Exit::JournalUnavailable
            }
            _ => Exit::Usage,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_number_in_order() {
        let numbers: Vec<&str> = Code::ALL.iter().map(|code| code.number()).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(numbers, sorted);
    }

    #[test]
    fn every_code_has_a_page_that_explains_it() {
        for code in Code::ALL {
            assert!(
                leeward_runbook::finding::explain(code.number()).is_some(),
                "{code}"
            );
        }
    }
}
