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

#[test]
fn every_world_beside_a_runbook_can_be_read() {
    for file in shipped() {
        let file = file.with_file_name("world.yaml");
        let text = fs::read_to_string(&file).expect("a world is readable");
        let world = leeward_simulator::World::from_yaml(&text);
        let world = world.unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        let subscription = world.parameters["subscription"].as_str().unwrap_or_default();
        assert!(
            subscription.starts_with("00000000-"),
            "{}: a real subscription?",
            file.display()
        );
        assert!(
            world
                .groups
                .values()
                .all(|group| group.subscription == subscription),
            "{}",
            file.display()
        );
    }
}

#[test]
fn the_example_faults_can_be_read() {
    let text = fs::read_to_string(root().join("docs/examples/faults.yaml")).expect("the example is readable");
    let rules = leeward_simulator::rules(&text).expect("the rules are understood");
    assert_eq!(rules.len(), 5);
}

#[test]
fn every_capture_is_the_body_of_a_cluster_with_its_pools() {
    let folder = root().join("runbooks/interworks-platform/captures");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("captures/ is there").flatten() {
        let text = fs::read_to_string(entry.path()).expect("a capture is readable");
        let body: serde_json::Value = serde_json::from_str(&text).expect("a capture is JSON");
        let pools = body["properties"]["agentPoolProfiles"]
            .as_array()
            .expect("a capture has pools");
        assert!(
            pools.iter().any(|pool| pool["mode"] == "System"),
            "{}",
            entry.path().display()
        );
        assert!(pools.len() >= 2, "{}", entry.path().display());
        seen += 1;
    }
    assert_eq!(seen, 2);
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
