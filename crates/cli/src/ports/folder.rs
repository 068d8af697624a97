//! The runbook's folder, as the planner reads it: nothing outside it, nothing without end.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use leeward_engine::port::Files;
use leeward_runbook::plan::{Folder, PinnedFiles, Plan};

/// The most bytes of one file.
const LONGEST: u64 = 16 * 1024 * 1024;
/// The most files below one path.
const MOST: usize = 2_000;

/// A folder on this machine.
#[derive(Clone, Debug)]
pub struct RunbookFolder {
    root: PathBuf,
}

impl RunbookFolder {
    /// Takes the folder in which a runbook stands.
    pub fn of(runbook: &Path) -> RunbookFolder {
        let parent = runbook.parent().filter(|parent| !parent.as_os_str().is_empty());
        RunbookFolder {
            root: parent.unwrap_or(Path::new(".")).to_owned(),
        }
    }

    fn collect(&self, path: &Path, shown: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<(), String> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            let mut inside: Vec<PathBuf> = fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
                .map_err(failed)?;
            inside.sort();
            for entry in inside {
                let name = entry
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                self.collect(&entry, &format!("{shown}/{name}"), found)?;
            }
            return Ok(());
        }
        self.contained(path)?;
        if metadata.len() > LONGEST {
            return Err(format!("`{shown}` has {} MB", metadata.len() / 1_000_000));
        }
        if found.len() >= MOST {
            return Err(format!("there are more than {MOST} files"));
        }
        found.push((shown.to_owned(), fs::read(path).map_err(failed)?));
        Ok(())
    }

    /// A link may lead anywhere; the run takes along only what lies in the runbook's folder.
    fn contained(&self, path: &Path) -> Result<(), String> {
        let root = fs::canonicalize(&self.root).map_err(|error| error.to_string())?;
        let real = fs::canonicalize(path).map_err(|error| error.to_string())?;
        match real.starts_with(root) {
            true => Ok(()),
            false => Err("it leads out of the runbook's folder".to_owned()),
        }
    }
}

impl Folder for RunbookFolder {
    fn files(&self, path: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.is_empty() || !Path::new(path).components().all(plain) {
            return Err("it leads out of the runbook's folder".to_owned());
        }
        let mut found = Vec::new();
        self.collect(&self.root.join(path), path.trim_end_matches('/'), &mut found)?;
        match found.is_empty() {
            true => Err("the folder is empty".to_owned()),
            false => Ok(found),
        }
    }
}

/// The pinned files of a plan that is not in a journal.
#[derive(Clone, Debug)]
pub struct PlanFiles {
    digests: std::collections::BTreeMap<String, String>,
    bytes: PinnedFiles,
}

impl PlanFiles {
    /// Joins a plan's list of files with their bytes.
    pub fn of(plan: &Plan, bytes: &PinnedFiles) -> PlanFiles {
        PlanFiles {
            digests: plan.files.clone(),
            bytes: bytes.clone(),
        }
    }
}

impl Files for PlanFiles {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.bytes.get(self.digests.get(path)?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runbook_reads_its_own_folder_and_nothing_else() {
        let outer = tempfile::tempdir().expect("a folder");
        let inner = outer.path().join("runbook");
        fs::create_dir_all(inner.join("manifests")).expect("made");
        fs::write(outer.path().join("secret"), "word").expect("written");
        fs::write(inner.join("manifests/b.yaml"), "b").expect("written");
        fs::write(inner.join("manifests/a.yaml"), "a").expect("written");
        let folder = RunbookFolder::of(&inner.join("runbook.yaml"));
        let names: Vec<String> = folder
            .files("manifests/")
            .expect("read")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["manifests/a.yaml", "manifests/b.yaml"]);
        assert!(folder.files("../secret").is_err());
        assert!(folder.files("/etc/hostname").is_err());
        assert_eq!(folder.files("gone"), Err("there is no such file".to_owned()));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outer.path().join("secret"), inner.join("link")).expect("linked");
            assert!(folder.files("link").is_err());
        }
    }
}
