//! What does an operator see, from a first check to the report? Whole sessions, sealed: both streams and the exit code.

use leeward_acceptance::processes::{Session, Stage};

const GATED: &str = include_str!("runbooks/gated.yaml");
const WORLD: &str = include_str!("runbooks/gated-world.yaml");

/// Returns a session without what differs from run to run, or with every word of a runbook: digests and names of runs.
fn sealed(session: &Session, stage: &Stage) -> String {
    let text = session
        .whole()
        .replace(&stage.path().display().to_string(), "FOLDER");
    let mut calm = String::new();
    for word in text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-') {
        let end = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let hex = end.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        calm.push_str(match end {
            _ if end.starts_with("r-20") => "RUN",
            _ if end.len() >= 12 && hex => "DIGEST",
            _ => end,
        });
        calm.push_str(&word[end.len()..]);
    }
    calm
}

/// The same of a session on the real clock: without moments, stretches of time, bars and the width of columns.
fn sealed_live(session: &Session, stage: &Stage) -> String {
    let calm = sealed(session, stage);
    let mut lines = Vec::new();
    for line in calm.lines() {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let plain = word.trim_matches(['(', ')', ',', '.', ':', ';']);
            let date = plain.len() == 10 && plain.starts_with("20") && plain.as_bytes()[4] == b'-';
            let clock = plain.len() == 8 && plain.as_bytes()[2] == b':' && plain.as_bytes()[5] == b':';
            let stretch = plain.len() >= 2
                && plain.ends_with(['s', 'm', 'h'])
                && plain[..plain.len() - 1].bytes().all(|byte| byte.is_ascii_digit());
            let bar = word.chars().all(|letter| matches!(letter, '█' | '░' | '▲' | '▶'));
            let port = word.contains("127.0.0.1:");
            let shown = match (date || clock, stretch, port) {
                (true, _, _) => word.replace(plain, "MOMENT"),
                (_, true, _) => word.replace(plain, "TIME"),
                (_, _, true) => "ENDPOINT".to_owned(),
                _ if bar && words.last().is_some_and(|last| last == "BAR") => continue,
                _ if bar => "BAR".to_owned(),
                _ => word.to_owned(),
            };
            // `under 1s` and `1m 2s` are one stretch.
            let whole = shown.trim_end_matches([',', '.', ')', ':']) == "TIME";
            while whole && words.last().is_some_and(|last| last == "under" || last == "TIME") {
                words.pop();
            }
            words.push(shown);
        }
        // Where a mark stands below a bar is a matter of time.
        let indent = (line.len() - line.trim_start().len()).min(10);
        lines.push(format!("{}{}", " ".repeat(indent), words.join(" ")));
    }
    lines.join("\n")
}

fn minimal() -> Stage {
    let stage = Stage::new();
    stage.copy_runbook("minimal", &[]);
    stage
}

#[test]
fn a_first_look_at_a_runbook_checks_it_and_shows_its_plan() {
    let stage = minimal();
    for (name, line) in [
        ("minimal-check", vec!["check", "minimal/runbook.yaml"]),
        ("minimal-plan", vec!["plan", "minimal/runbook.yaml"]),
        (
            "minimal-plan-failback",
            vec!["plan", "minimal/runbook.yaml", "--journey", "failback"],
        ),
        (
            "minimal-plan-region-down",
            vec!["plan", "minimal/runbook.yaml", "--region-down"],
        ),
    ] {
        insta::assert_snapshot!(name, sealed(&stage.run(&line), &stage));
    }
}

#[test]
fn a_rehearsal_tells_people_machines_pipelines_and_wikis() {
    let stage = minimal();
    for format in ["human", "json", "junit", "markdown"] {
        let session = stage.run(&["simulate", "minimal/runbook.yaml", "--format", format]);
        insta::assert_snapshot!(format!("minimal-simulate-{format}"), sealed(&session, &stage));
    }
}

#[test]
fn a_rehearsal_of_each_outage_and_each_journey_has_its_own_report() {
    let stage = minimal();
    for world in ["serving-down", "region-gone"] {
        let session = stage.run(&["simulate", "minimal/runbook.yaml", "--world", world, "--verbose"]);
        insta::assert_snapshot!(format!("minimal-simulate-{world}"), sealed(&session, &stage));
    }
    for journey in ["failback", "drill", "reprotect"] {
        let session = stage.run(&["simulate", "minimal/runbook.yaml", "--journey", journey]);
        insta::assert_snapshot!(format!("minimal-simulate-{journey}"), sealed(&session, &stage));
    }
}

#[test]
fn a_code_of_an_error_is_explained_with_its_page() {
    let stage = Stage::new();
    insta::assert_snapshot!("explain", sealed(&stage.run(&["explain", "LW0102"]), &stage));
}

#[test]
fn a_run_at_a_gate_is_told_from_its_beginning_to_its_end() {
    let stage = Stage::new();
    stage.write("runbook.yaml", GATED);
    stage.write("world.yaml", WORLD);
    let simulated = stage.simulator("runbook.yaml", 600, &[]);
    let there = simulated.endpoint();
    let seal = |name: &str, line: &str| {
        let line: Vec<&str> = line.split(' ').collect();
        insta::assert_snapshot!(name, sealed_live(&stage.run(&line), &stage));
    };
    let failover = format!("failover runbook.yaml --endpoint {there} --yes");
    seal("gated-1-failover", &format!("{failover} --no-wait"));
    let run = stage.status()["run"].as_str().expect("a run").to_owned();
    seal("gated-2-second-failover", &failover);
    seal("gated-3-status", "status");
    seal("gated-4-approve", "approve decide --reason INC-1");
    seal("gated-5-approve", "approve decide --user joris");
    seal("gated-6-resume", &format!("resume --endpoint {there}"));
    seal("gated-7-runs", "runs");
    seal("gated-8-report", &format!("report {run}"));
    seal(
        "gated-9-world",
        &format!("status --world runbook.yaml --endpoint {there}"),
    );
}

#[test]
fn losing_a_lease_is_told_to_who_asks_for_it_and_to_who_lost_it() {
    let stage = Stage::new();
    stage.write("runbook.yaml", GATED);
    stage.write("world.yaml", WORLD);
    let simulated = stage.simulator("runbook.yaml", 600, &[]);
    let there = simulated.endpoint();
    let host = |text: String| {
        let lease = stage.status()["lease"].clone();
        let of = |name: &str| match &lease["holder"][name] {
            serde_json::Value::String(word) => word.clone(),
            other => other.to_string(),
        };
        text.replace(&format!("on {}", of("host")), "on HOST")
    };
    let first = stage.start(&["failover", "runbook.yaml", "--endpoint", there, "--yes"]);
    stage.until_step("decide", "at-gate");
    let refused = stage.run(&["resume", "--endpoint", there]);
    insta::assert_snapshot!(
        "lease-1-refused",
        without_process(&host(sealed_live(&refused, &stage)))
    );
    let second = stage.start(&["resume", "--endpoint", there, "--take-over", "--yes"]);
    let lost = first.end();
    insta::assert_snapshot!("lease-2-lost", without_process(&host(sealed_live(&lost, &stage))));
    second.kill();
}

/// Replaces the numbers of processes.
fn without_process(text: &str) -> String {
    let mut pieces = text.split("(process ");
    let mut calm = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        calm.push_str("(process N");
        calm.push_str(piece.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    }
    calm
}
