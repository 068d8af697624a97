//! Does every exit code that scripts may rely on come from something that happens? All but 1, which is a defect.

use std::fs;

use leeward_acceptance::processes::Stage;

const GATED: &str = include_str!("runbooks/gated.yaml");
const POKING: &str = include_str!("runbooks/poking.yaml");
const WORLD: &str = include_str!("runbooks/gated-world.yaml");

fn stage(runbook: &str) -> Stage {
    let stage = Stage::new();
    stage.write("runbook.yaml", runbook);
    stage.write("world.yaml", WORLD);
    stage
}

/// Azure refuses the request without a goal.
const REFUSED: &str =
    "- match: { path: \"**/poke\" }\n  verdict: { status: { status: 404, code: ResourceNotFound } }\n";

const REHEARSE: [&str; 2] = ["simulate", "runbook.yaml"];
const BREAK: [&str; 4] = ["simulate", "runbook.yaml", "--fault", "fault.yaml"];

#[test]
fn the_first_command_of_the_readme_moves_the_platform_and_ends_with_0_and_the_report() {
    let stage = Stage::new();
    stage.copy_runbook("interworks-platform", &[]);
    let session = stage
        .run(&["simulate", "interworks-platform/runbook.yaml"])
        .ended(0);
    for words in [
        "Done after",
        "RTO",
        "RPO",
        "What moved",
        "Losses",
        "Timeline",
        "(the goal holds)",
    ] {
        assert!(session.stdout.contains(words), "`{words}`\n{}", session.whole());
    }
    let readme = fs::read_to_string(leeward_acceptance::processes::repository().join("README.md"));
    assert!(
        readme
            .expect("a README")
            .contains("simulate runbooks/interworks-platform/runbook.yaml"),
        "the README's first command is another one now"
    );
}

#[test]
fn a_command_line_that_cannot_be_meant_ends_with_2() {
    stage(GATED)
        .run(&["simulate", "--world", "sunny", "runbook.yaml"])
        .ended(2);
}

#[test]
fn a_runbook_with_findings_ends_with_10_whatever_was_asked() {
    let stage = stage(&GATED.replace("after: [traffic]", "after: [trafic]"));
    for verb in ["check", "plan", "simulate", "failover"] {
        let session = stage.run(&[verb, "runbook.yaml"]).ended(10);
        assert!(
            session.whole().contains("did you mean `traffic`"),
            "{}",
            session.whole()
        );
    }
}

#[test]
fn a_plan_that_would_change_something_ends_with_11() {
    stage(GATED).run(&["plan", "runbook.yaml"]).ended(11);
}

#[test]
fn a_step_that_fails_ends_with_20() {
    let stage = stage(POKING);
    stage.write("fault.yaml", REFUSED);
    stage.run(&BREAK).ended(20).saying("ResourceNotFound");
}

#[test]
fn a_message_that_its_receiver_refused_holds_nothing_up_and_is_told_of_in_every_report() {
    let stage = Stage::new();
    stage.copy_runbook("sql-only", &[]);
    stage.write(
        "fault.yaml",
        "- match: { path: \"**/hooks/platform\" }\n  verdict: { status: { status: 503, code: Busy } }\n",
    );
    for format in ["human", "markdown", "json"] {
        let line = [
            "simulate",
            "sql-only/runbook.yaml",
            "--fault",
            "fault.yaml",
            "--format",
            format,
        ];
        let session = stage.run(&line).ended(0);
        let told = "the receiver answered HTTP 503";
        assert!(session.whole().contains(told), "{format}\n{}", session.whole());
    }
}

#[test]
fn a_change_that_nobody_can_judge_ends_with_21() {
    let stage = stage(POKING);
    stage.write(
        "fault.yaml",
        "- match: { path: \"**/poke\" }\n  verdict: answer-lost\n",
    );
    stage.run(&BREAK).ended(21).saying("stuck");
}

#[test]
fn a_gate_ends_with_22_a_held_run_with_23_and_a_ruined_journal_with_24() {
    let stage = stage(GATED);
    let simulated = stage.simulator("runbook.yaml", 60, &[]);
    let there = ["--endpoint", simulated.endpoint()];
    let with = |line: &[&'static str]| -> Vec<String> {
        line.iter().copied().chain(there).map(str::to_owned).collect()
    };
    let run = |line: &[&'static str]| {
        let line = with(line);
        stage.run(&line.iter().map(String::as_str).collect::<Vec<_>>())
    };
    run(&["failover", "runbook.yaml", "--yes", "--no-wait"]).ended(22);

    let line = with(&["resume"]);
    let live = stage.start(&line.iter().map(String::as_str).collect::<Vec<_>>());
    leeward_acceptance::processes::until(
        "the lease",
        || live.told(),
        || (stage.status()["epoch"] == 2).then_some(()),
    );
    run(&["resume"]).ended(23).saying("error[LW0405]");
    live.kill();

    // Everything behind the first page is gone.
    let journal = stage.path().join("runs.journal");
    run(&["resume", "--no-wait"]).ended(22);
    let mut bytes = fs::read(&journal).expect("a journal");
    assert!(
        bytes.len() > 8192,
        "the journal has been written back: {}",
        bytes.len()
    );
    bytes[4096..].fill(0x5a);
    fs::write(&journal, bytes).expect("ruined");
    run(&["resume"]).ended(24);
    assert!(simulated.changes().is_empty());
}

#[test]
fn a_journal_that_is_a_folder_or_has_no_place_ends_with_24_before_anything_is_sent() {
    let stage = stage(GATED);
    let simulated = stage.simulator("runbook.yaml", 60, &[]);
    stage.write("plain-file", "");
    for journal in [".", "plain-file/runs.journal"] {
        stage
            .run(&[
                "failover",
                "runbook.yaml",
                "--endpoint",
                simulated.endpoint(),
                "--journal",
                journal,
                "--yes",
                "--break-glass",
                "nobody else is awake",
            ])
            .ended(24)
            .saying("error[LW0502]");
    }
    assert!(simulated.changes().is_empty());
}

#[test]
fn a_goal_that_holds_too_late_ends_with_25() {
    stage(&GATED.replace("rto: 30m", "rto: 1s"))
        .run(&REHEARSE)
        .ended(25)
        .saying("missed");
}

#[test]
fn a_goal_that_holds_with_less_ends_with_26_even_when_it_is_late() {
    let less = POKING
        .replace("timeout: 2s", "on-failure: continue")
        .replace("rto: 30m", "rto: 1s");
    let stage = stage(&less);
    stage.write("fault.yaml", REFUSED);
    stage.run(&BREAK).ended(26).saying("Degradations");
}
