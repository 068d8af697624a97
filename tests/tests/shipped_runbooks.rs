//! Are the runbooks that we ship without a finding, in every journey?

use std::{
    fs,
    path::{Path, PathBuf},
};

use leeward_runbook::finding;

#[test]
fn every_shipped_runbook_is_without_a_finding() {
    let mut wrong = Vec::new();
    for file in shipped() {
        let name = file.strip_prefix(root()).expect("inside").display().to_string();
        let reading = leeward_runbook::read(&name, &fs::read(&file).expect("a runbook is readable"));
        let findings = match &reading.runbook {
            Some(runbook) => leeward_runbook::check(runbook),
            None => reading.findings.clone(),
        };
        wrong.extend(findings.iter().map(finding::to_text));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ stands in the repository")
        .to_owned()
}

/// Returns every shipped runbook.
fn shipped() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(root().join("runbooks"))
        .expect("runbooks/ is there")
        .flatten()
        .map(|entry| entry.path().join("runbook.yaml"))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    assert!(found.len() >= 3, "{found:?}");
    found
}
