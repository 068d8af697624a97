//! What can people at other terminals do to a run? Real processes, over HTTP on loopback.

use leeward_acceptance::processes::{Live, Simulated, Stage, step_of};

const GATED: &str = include_str!("runbooks/gated.yaml");
const POKING: &str = include_str!("runbooks/poking.yaml");
const WORLD: &str = include_str!("runbooks/gated-world.yaml");

/// Every request to the thing without a goal is carried out, and its answer never arrives.
const LOST: &str = "- match: { method: POST, path: \"**/poke\" }\n  verdict: answer-lost\n";
/// The request to the thing without a goal is refused.
const REFUSED: &str =
    "- match: { path: \"**/poke\" }\n  verdict: { status: { status: 404, code: ResourceNotFound } }\n";
/// The profile is not there.
const MISSING: &str = "- match: { path: \"**/trafficManagerProfiles/**\" }
  verdict: { status: { status: 404, code: ResourceNotFound } }
";

fn stage(runbook: &str, faults: &str) -> (Stage, Simulated) {
    let stage = Stage::new();
    stage.write("runbook.yaml", runbook);
    stage.write("world.yaml", WORLD);
    stage.write("faults.yaml", faults);
    let simulated = stage.simulator("runbook.yaml", 60, &["--faults", "faults.yaml"]);
    (stage, simulated)
}

fn gated() -> (Stage, Simulated) {
    stage(GATED, "[]")
}

fn failover(stage: &Stage, simulated: &Simulated, more: &[&str]) -> Live {
    let mut line = vec![
        "failover",
        "runbook.yaml",
        "--endpoint",
        simulated.endpoint(),
        "--yes",
    ];
    line.extend(more);
    stage.start(&line)
}

fn resume(stage: &Stage, simulated: &Simulated) -> Live {
    stage.start(&["resume", "--endpoint", simulated.endpoint()])
}

#[test]
fn a_gate_for_four_eyes_opens_for_two_people_and_not_for_one_twice() {
    let (stage, simulated) = gated();
    let run = failover(&stage, &simulated, &[]);
    stage.until_step("decide", "at-gate");
    for _ in 0..2 {
        stage
            .run(&["approve", "decide", "--reason", "INC-1"])
            .ended(0)
            .saying("Taken in");
        assert_eq!(step_of(&stage.status(), "decide")["state"], "at-gate");
    }
    assert!(simulated.changes().is_empty());
    stage
        .run(&["approve", "decide", "--user", "joris"])
        .ended(0)
        .saying("Taken in");
    run.end().ended(0);
    assert_eq!(simulated.accepted().len(), 2);
    let report = stage.run(&["report"]).ended(0).stdout;
    for person in ["maria (stated, not proven)", "joris (stated, not proven)"] {
        assert!(report.contains(person), "{report}");
    }
}

#[test]
fn one_person_opens_a_gate_for_four_eyes_that_waits_already_by_breaking_the_glass() {
    let (stage, simulated) = gated();
    let run = failover(&stage, &simulated, &[]);
    stage.until_step("decide", "at-gate");
    stage
        .run(&["approve", "--break-glass", "nobody else is awake"])
        .ended(0)
        .saying("Taken in");
    run.end().ended(0);
    assert_eq!(simulated.accepted().len(), 2);
    let report = stage.run(&["report"]).ended(0).stdout;
    assert!(report.contains("nobody else is awake"), "{report}");
}

#[test]
fn a_gate_that_nobody_waits_at_ends_with_22_and_opens_later() {
    let (stage, simulated) = gated();
    failover(&stage, &simulated, &["--no-wait"])
        .end()
        .ended(22)
        .saying("leeward approve");
    stage
        .run(&["approve"])
        .ended(0)
        .saying("nobody conducts this run");
    stage.run(&["approve", "--user", "joris"]).ended(0);
    assert!(
        simulated.changes().is_empty(),
        "what waits in the inbox does not count yet"
    );
    resume(&stage, &simulated).end().ended(0);
    assert_eq!(simulated.accepted().len(), 2);
}

#[test]
fn a_paused_run_starts_nothing_until_it_may_go_on() {
    let (stage, simulated) = gated();
    let run = failover(&stage, &simulated, &[]);
    stage.until_step("decide", "at-gate");
    stage.run(&["pause"]).ended(0).saying("Taken in");
    stage.run(&["pause"]).ended(20).saying("paused already");
    stage.run(&["approve", "decide"]).ended(0);
    stage.run(&["approve", "decide", "--user", "joris"]).ended(0);
    stage.until_standing("paused");
    assert!(simulated.changes().is_empty());
    stage.run(&["pause", "--off"]).ended(0);
    run.end().ended(0);
    assert_eq!(simulated.accepted().len(), 2);
}

#[test]
fn a_cancelled_run_ends_with_20_and_frees_its_targets() {
    let (stage, simulated) = gated();
    let run = failover(&stage, &simulated, &[]);
    stage.until_step("decide", "at-gate");
    stage
        .run(&["cancel", "--reason", "false alarm"])
        .ended(0)
        .saying("Taken in");
    run.end().ended(20).saying("false alarm");
    assert!(simulated.changes().is_empty());
    failover(&stage, &simulated, &["--approve-all", "--reason", "INC-2"])
        .end()
        .ended(0);
}

#[test]
fn a_stuck_step_ends_with_21_and_goes_on_once_a_person_settled_it() {
    let (stage, simulated) = stage(POKING, LOST);
    failover(&stage, &simulated, &[])
        .end()
        .ended(21)
        .saying("leeward settle");
    resume(&stage, &simulated).end().ended(21);
    let pokes = |simulated: &Simulated| {
        let changes = simulated.changes();
        changes
            .iter()
            .filter(|change| change.path.ends_with("/poke"))
            .count()
    };
    assert_eq!(pokes(&simulated), 1, "a one-shot goes out once");
    stage
        .run(&[
            "settle",
            "poke",
            "--as",
            "done",
            "--reason",
            "seen in the portal",
            "--yes",
        ])
        .ended(0);
    resume(&stage, &simulated)
        .end()
        .ended(0)
        .saying("as a person said");
    assert_eq!(pokes(&simulated), 1);
}

#[test]
fn a_step_left_out_by_a_person_lets_its_dependents_go_on() {
    let (stage, simulated) = stage(POKING, REFUSED);
    failover(&stage, &simulated, &[])
        .end()
        .ended(20)
        .saying("leeward skip");
    stage.run(&["skip", "poke", "--reason", "done by hand"]).ended(0);
    resume(&stage, &simulated).end().ended(26).saying("done by hand");
    assert_eq!(simulated.accepted().len(), 2);
}

#[test]
fn a_failed_step_is_tried_again_when_a_person_asks() {
    let (stage, simulated) = stage(GATED, MISSING);
    failover(&stage, &simulated, &["--approve-all", "--reason", "INC-1"])
        .end()
        .ended(20)
        .saying("ResourceNotFound");
    simulated.forget_faults();
    resume(&stage, &simulated).end().ended(20);
    assert!(simulated.accepted().is_empty(), "nothing is tried again unasked");
    stage.run(&["retry", "traffic"]).ended(0);
    resume(&stage, &simulated).end().ended(0);
    assert_eq!(simulated.accepted().len(), 2);
}

#[test]
fn every_way_out_that_a_stuck_change_is_shown_with_is_taken_by_its_verb() {
    // The wait ends long before the doubt does: the very case in which a choice could be missing.
    for (verb, more, code) in [
        ("settle", &["--as", "done"][..], 0),
        ("settle", &["--as", "failed"], 20),
        // What follows from it waits until the first one cannot arrive any more: `stuck.rs` turns the clock for that.
        ("settle", &["--as", "not-begun"], 0),
        ("skip", &[], 26),
        ("cancel", &[], 20),
    ] {
        let (stage, simulated) = stage(
            POKING,
            "- match: { method: POST, path: \"**/poke\" }\n  times: 1\n  verdict: reset\n",
        );
        let stuck = failover(&stage, &simulated, &[]).end().ended(21);
        let run = stage.status()["run"].as_str().expect("a run").to_owned();
        let shown = match (verb, more) {
            ("settle", [_, word, ..]) => format!("leeward settle {run} poke --as {word} --reason"),
            ("cancel", _) => format!("leeward cancel {run} --reason"),
            _ => format!("leeward {verb} {run} poke"),
        };
        assert!(stuck.whole().contains(&shown), "`{shown}`\n{}", stuck.whole());
        let shows_retry = stuck.whole().contains("leeward retry");
        assert!(
            !shows_retry,
            "nobody can see what became of it: {}",
            stuck.whole()
        );
        let mut line = vec![verb];
        if verb != "cancel" {
            line.push("poke");
        }
        line.extend(more);
        line.extend(["--reason", "seen in the portal"]);
        if verb == "settle" {
            line.push("--yes");
        }
        stage.run(&line).ended(0);
        if !more.contains(&"not-begun") {
            resume(&stage, &simulated).end().ended(code);
        }
        let pokes = simulated
            .accepted()
            .iter()
            .filter(|change| change.path.ends_with("/poke"))
            .count();
        assert_eq!(pokes, 0, "{line:?}");
    }
}
