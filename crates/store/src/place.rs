//! Where the journal lies when nobody says so.

use std::{ffi::OsString, path::PathBuf};

/// Returns the journal's place in the user's state directory, or `None` where the environment
/// names no home.
///
/// `environment` looks a variable up; `LEEWARD_JOURNAL` is the command line's own business.
pub fn default_path(environment: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    state_directory(&environment).map(|folder| folder.join("leeward").join("journal.db"))
}

/// Returns an absolute path from a variable. The XDG specification ignores relative ones.
fn absolute(environment: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    environment(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

#[cfg(windows)]
fn state_directory(environment: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    absolute(environment, "LOCALAPPDATA")
        .or_else(|| absolute(environment, "USERPROFILE").map(|home| home.join("AppData").join("Local")))
}

#[cfg(target_os = "macos")]
fn state_directory(environment: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    absolute(environment, "HOME").map(|home| home.join("Library").join("Application Support"))
}

#[cfg(not(any(windows, target_os = "macos")))]
fn state_directory(environment: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    absolute(environment, "XDG_STATE_HOME")
        .or_else(|| absolute(environment, "HOME").map(|home| home.join(".local").join("state")))
}

#[cfg(all(test, not(any(windows, target_os = "macos"))))]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Option<PathBuf> {
        default_path(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_journal_lies_in_the_state_directory_of_its_user() {
        assert_eq!(
            place(&[("XDG_STATE_HOME", "/state"), ("HOME", "/home/ada")]),
            Some(PathBuf::from("/state/leeward/journal.db"))
        );
        assert_eq!(
            place(&[("HOME", "/home/ada")]),
            Some(PathBuf::from("/home/ada/.local/state/leeward/journal.db"))
        );
    }

    #[test]
    fn a_relative_state_directory_is_passed_over_and_no_home_is_no_place() {
        assert_eq!(
            place(&[("XDG_STATE_HOME", "state"), ("HOME", "/home/ada")]),
            Some(PathBuf::from("/home/ada/.local/state/leeward/journal.db"))
        );
        assert_eq!(place(&[]), None);
    }
}
