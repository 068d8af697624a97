//! Are the runbooks that we ship without a finding, in every journey?

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use leeward_runbook::{
    finding,
    journey::Journey,
    plan::{self, Plan, PlanRequest},
};

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
fn every_shipped_runbook_plans_in_every_journey() {
    for file in shipped() {
        for journey in Journey::ALL {
            for region_down in [false, true] {
                let plan = planned(&file, journey, region_down);
                assert!(
                    !plan.steps.is_empty() && plan.journey == journey,
                    "{}",
                    file.display()
                );
                let ends = plan.steps.iter().filter(|step| step.ends_recovery).count();
                assert_eq!(
                    ends > 0,
                    journey != Journey::Reprotect,
                    "{} {journey}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_example_platform_starts_every_store_and_cluster_at_once_and_keeps_its_promise() {
    let file = root().join("runbooks/interworks-platform/runbook.yaml");
    for journey in [Journey::Failover, Journey::Failback] {
        let plan = planned(&file, journey, false);
        let at_once = plan
            .steps
            .iter()
            .filter(|step| step.after.iter().any(|name| name.as_str() == "decide"));
        assert!(at_once.count() >= 7, "{journey}");
        let recovery = plan
            .steps
            .iter()
            .filter(|step| step.before_recovery)
            .map(|step| step.id.as_str());
        let recovery: Vec<&str> = recovery.collect();
        assert!(
            !recovery.contains(&"archive-account") && !recovery.contains(&"administration"),
            "{recovery:?}"
        );
        assert!(
            recovery.contains(&"platform-sql") && recovery.contains(&"services-cluster"),
            "{recovery:?}"
        );
        let promised = plan
            .objectives
            .rto
            .expect("the platform promises a recovery time");
        assert!(
            plan.forecast < promised,
            "{journey}: {:?} by {:?}",
            plan.forecast,
            plan.critical_path
        );
    }
}

#[test]
fn a_drill_and_a_reprotect_knock_at_no_address_where_nothing_can_answer() {
    let file = root().join("runbooks/interworks-platform/runbook.yaml");
    let knocks = |journey| {
        let plan = planned(&file, journey, false);
        let machines = plan
            .steps
            .into_iter()
            .filter(|step| step.kind.starts_with("azure."));
        machines.map(|step| step.verify.len()).sum::<usize>()
    };
    assert_eq!((knocks(Journey::Drill), knocks(Journey::Reprotect)), (0, 0));
    assert_eq!((knocks(Journey::Failover), knocks(Journey::Failback)), (5, 5));
}

#[test]
fn the_same_platform_comes_home_by_the_same_file() {
    let file = root().join("runbooks/interworks-platform/runbook.yaml");
    let away = planned(&file, Journey::Failover, false);
    let home = planned(&file, Journey::Failback, false);
    assert_eq!((&away.source, &away.target), (&home.target, &home.source));
    let names = |plan: &Plan| {
        plan.steps
            .iter()
            .map(|step| step.id.to_string())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(names(&away), names(&home));
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

/// Returns the plan of a shipped runbook with the parameters of its rehearsal.
fn planned(file: &Path, journey: Journey, region_down: bool) -> Plan {
    let name = file.strip_prefix(root()).expect("inside").display().to_string();
    let reading = leeward_runbook::read(&name, &fs::read(file).expect("a runbook is readable"));
    let runbook = reading.runbook.expect("a shipped runbook can be read");
    let world = fs::read_to_string(file.with_file_name("world.yaml")).expect("a world is readable");
    let world = leeward_simulator::World::from_yaml(&world).expect("a world can be read");
    let parameters = world.parameters.as_object().expect("a world gives parameters");
    let folder = leeward_cli::ports::folder::RunbookFolder::of(file);
    let mut request = PlanRequest::new(journey);
    request.set = parameters
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    request.region_down = region_down;
    request.folder = &folder;
    plan::plan(&runbook, &request).unwrap_or_else(|findings| {
        let told: Vec<String> = findings.iter().map(finding::to_text).collect();
        panic!("{name}, {journey}:\n{}", told.join("\n"))
    })
}

/// Returns a value as it is written after `--set`.
fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
