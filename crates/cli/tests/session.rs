//! Whole sessions of an operator: real processes, a simulated Azure on loopback, a journal file.

mod support;

use std::{
    fs,
    process::{Child, Stdio},
};

use serde_json::Value;

use support::{SUBSCRIPTION, Stage, WORLD, gated};

#[test]
fn a_failover_for_machines_tells_one_event_a_line_and_ends_with_0() {
    let stage = Stage::served(&gated(true), WORLD);
    let line = [
        "failover",
        "runbook.yaml",
        "--yes",
        "--approve-all",
        "--reason",
        "INC-1",
        "--format",
        "json",
    ];
    let text = stage.ends(0, &line);
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(events[0]["format"], "leeward-run");
    assert_eq!(events[0]["version"], 1);
    assert_eq!(events[1]["seq"], 1);
    assert_eq!(events[1]["event"]["event"], "run-opened");
    let approved = events
        .iter()
        .find(|event| event["event"]["event"] == "approved")
        .expect("approved");
    assert_eq!(approved["event"]["approval"]["everything"], true);
    assert_eq!(
        approved["event"]["approval"]["both-eyes"]
            .as_bool()
            .or(approved["event"]["approval"]["both_eyes"].as_bool()),
        Some(true)
    );
    assert_eq!(approved["event"]["by"]["name"], "maria");
    assert_eq!(events.last().expect("events")["event"]["event"], "run-ended");
    assert_eq!(stage.accepted(), 2);
    // The same journey again finds every goal held and changes nothing.
    stage.ends(0, &line);
    assert_eq!(stage.accepted(), 2);
    let report = stage.ends(0, &["report"]);
    assert!(
        report.starts_with("# gated: failover, westeurope → northeurope\n"),
        "{report}"
    );
    let world = stage.ends(0, &["status", "--world", "runbook.yaml"]);
    assert!(world.contains("traffic  northeurope"), "{world}");
}

#[test]
fn two_people_at_two_terminals_open_a_gate_for_four_eyes() {
    let stage = Stage::served(&gated(true), WORLD);
    let mut run = stage
        .command(&["failover", "runbook.yaml", "--yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    stage.until("at-gate");
    let first = stage.ends(0, &["approve", "decide", "--reason", "INC-1"]);
    assert!(first.starts_with("Taken in by the conductor of r-"), "{first}");
    stage.until("at-gate");
    stage.ends(0, &["approve", "decide", "--user", "joris"]);
    let status = run.wait().expect("ended");
    assert_eq!(status.code(), Some(0));
    let report = stage.ends(0, &["report"]);
    assert!(report.contains("joris (stated, not proven)"), "{report}");
}

#[test]
fn a_run_left_at_a_gate_ends_with_22_and_resumes_with_0() {
    let stage = Stage::served(&gated(false), WORLD);
    stage.ends(22, &["failover", "runbook.yaml", "--yes", "--no-wait"]);
    stage.ends(22, &["resume", "--no-wait"]);
    assert_eq!(stage.accepted(), 0);
    let answer = stage.ends(0, &["approve", "decide"]);
    assert!(answer.contains("nobody conducts this run"), "{answer}");
    stage.ends(0, &["resume"]);
    assert_eq!(stage.accepted(), 2);
    let run = stage.status()["run"].as_str().expect("a run").to_owned();
    stage.ends(0, &["resume", &run]);
}

#[test]
fn a_second_conductor_is_turned_away_with_23_until_it_takes_over() {
    let stage = Stage::served(&gated(false), WORLD);
    let mut first = stage
        .command(&["failover", "runbook.yaml", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    stage.until("at-gate");
    let output = stage.run(&["resume"]);
    assert_eq!(output.status.code(), Some(23));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.contains("error[LW0405]") && words.contains("held by maria on"),
        "{words}"
    );
    let mut second = stage
        .command(&["resume", "--take-over", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let loser = first.wait_with_output_of().expect("ended");
    assert_eq!(loser.0, Some(23), "{}", loser.1);
    assert!(loser.1.contains("error[LW0501]"), "{}", loser.1);
    stage.until("at-gate");
    stage.ends(0, &["approve", "decide"]);
    assert_eq!(second.wait().expect("ended").code(), Some(0));
    assert_eq!(stage.accepted(), 2);
}

/// Waits for a child whose stderr is piped.
trait Told {
    fn wait_with_output_of(&mut self) -> std::io::Result<(Option<i32>, String)>;
}

impl Told for Child {
    fn wait_with_output_of(&mut self) -> std::io::Result<(Option<i32>, String)> {
        use std::io::Read;
        let mut words = String::new();
        if let Some(mut stderr) = self.stderr.take() {
            stderr.read_to_string(&mut words)?;
        }
        Ok((self.wait()?.code(), words))
    }
}

#[test]
fn a_second_failover_over_the_same_targets_is_refused_and_names_the_first() {
    let stage = Stage::served(&gated(false), WORLD);
    stage.ends(22, &["failover", "runbook.yaml", "--yes", "--no-wait"]);
    let output = stage.run(&["failover", "runbook.yaml", "--yes", "--no-wait"]);
    assert_eq!(output.status.code(), Some(20));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.contains("error[LW0406]") && words.contains("is held by r-"),
        "{words}"
    );
    stage.ends(0, &["cancel", "--reason", "false alarm"]);
    stage.ends(20, &["resume"]);
    assert_eq!(stage.accepted(), 0);
}

#[test]
fn broken_glass_opens_every_gate_for_one_person_and_leads_the_report() {
    let stage = Stage::served(&gated(true), WORLD);
    let text = stage.ends(
        0,
        &[
            "failover",
            "runbook.yaml",
            "--yes",
            "--break-glass",
            "nobody else is awake",
        ],
    );
    assert!(
        text.starts_with("Glass was broken: nobody else is awake\n"),
        "{text}"
    );
}

#[test]
fn a_journal_that_cannot_be_written_ends_with_24_before_anything_is_sent() {
    let stage = Stage::served(&gated(false), WORLD);
    let folder = stage.path().display().to_string();
    let output = stage.run(&["failover", "runbook.yaml", "--yes", "--journal", &folder]);
    assert_eq!(output.status.code(), Some(24));
    assert_eq!(stage.accepted(), 0);
}

#[test]
fn an_objective_that_was_missed_ends_with_25() {
    let stage = Stage::of(&gated(false).replace("rto: 30m", "rto: 1s"), WORLD);
    let text = stage.ends(25, &["simulate", "runbook.yaml"]);
    assert!(text.contains("missed"), "{text}");
}

#[test]
fn a_failure_that_may_be_ends_with_26_and_says_what_is_less() {
    let more = "  extra:
    use: azure.traffic-manager.profile
    after: [decide]
    with: { profile: tm-gone, resource-group: rg-global }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
    on-failure: continue
";
    let fault = "- match: { path: \"**/trafficManagerProfiles/tm-gone*\" }\n  verdict: { status: { status: 404, code: ResourceNotFound } }\n- match: { path: \"**/trafficManagerProfiles/tm-gone/**\" }\n  verdict: { status: { status: 404, code: ResourceNotFound } }\n";
    let stage = Stage::of(&format!("{}{more}", gated(false)), WORLD);
    fs::write(stage.path().join("fault.yaml"), fault).expect("written");
    let text = stage.ends(26, &["simulate", "runbook.yaml", "--fault", "fault.yaml"]);
    assert!(text.contains("Degradations\n  extra"), "{text}");
    // The same failure without the word `continue` ends with 20.
    fs::write(
        stage.path().join("runbook.yaml"),
        format!("{}{more}", gated(false)).replace("    on-failure: continue\n", ""),
    )
    .expect("written");
    let text = stage.ends(20, &["simulate", "runbook.yaml", "--fault", "fault.yaml"]);
    assert!(text.contains("Trouble\n  extra"), "{text}");
}

#[test]
fn a_lost_answer_that_nobody_can_judge_ends_with_21() {
    let more = format!(
        "  poke:
    use: azure.resource
    after: [decide]
    with:
      method: POST
      id: /subscriptions/{SUBSCRIPTION}/resourceGroups/rg-global/providers/Microsoft.Example/things/one/poke
      api-version: 2024-01-01
"
    );
    let fault = "- match: { method: POST, path: \"**/poke\" }\n  verdict: answer-lost\n";
    let stage = Stage::of(&format!("{}{more}", gated(false)), WORLD);
    fs::write(stage.path().join("fault.yaml"), fault).expect("written");
    let text = stage.ends(21, &["simulate", "runbook.yaml", "--fault", "fault.yaml"]);
    assert!(text.contains("poke  stuck"), "{text}");
}

#[test]
fn a_rehearsal_gives_the_same_bytes_for_the_same_seed() {
    let stage = Stage::of(&gated(true), WORLD);
    for format in ["human", "json", "junit", "markdown"] {
        let line = ["simulate", "runbook.yaml", "--seed", "7", "--format", format];
        let first = stage.ends(0, &line);
        assert_eq!(first, stage.ends(0, &line), "{format}");
        assert!(first.contains("serving"), "{format}");
    }
}

/// Files that are copied to the other side; nothing else, so that there and back takes seconds.
const COPIED: &str = "leeward: 1
name: copied
summary: Files.
regions: { primary: westeurope, paired: northeurope }
parameters:
  subscription: { type: subscription-id, default: \"${{ env.AZURE_SUBSCRIPTION_ID }}\" }
steps:
  files:
    use: azure.storage.object-replication
    with: { containers: [media] }
    at:
      primary: { account: stmediaweu, resource-group: rg-weu }
      paired: { account: stmedianeu, resource-group: rg-neu }
    data-loss: { budget: 0s }
    ends: recovery
";

#[test]
fn there_and_back_with_every_reprotect_shelters_the_side_that_serves_and_never_makes_it_the_copy() {
    let stage = Stage::served(
        COPIED,
        &format!("parameters: {{ subscription: {SUBSCRIPTION} }}\n"),
    );
    let go = |verb: &str| {
        let agreed = ["runbook.yaml", "--yes", "--approve-all", "--reason", "CHG-1"];
        stage.ends(0, &[&[verb], agreed.as_slice()].concat());
    };
    let plan = |more: &[&str]| {
        let output = stage.run(&[&["plan", "runbook.yaml", "--journey", "reprotect"], more].concat());
        assert_eq!(output.status.code(), Some(11), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(
        plan(&[]).contains("northeurope, the paired side, as after a failover"),
        "{}",
        plan(&[])
    );
    go("failover");
    assert!(
        plan(&[]).contains("northeurope, the paired side, as failover r-"),
        "{}",
        plan(&[])
    );
    go("reprotect");
    go("failback");
    let shown = plan(&[]);
    assert!(
        shown.starts_with("reprotect of copied: westeurope → northeurope"),
        "{shown}"
    );
    assert!(
        shown.contains("westeurope, the primary side, as failback r-"),
        "{shown}"
    );
    let said = plan(&["--serving", "primary", "--format", "json"]);
    assert!(
        shown.contains(
            serde_json::from_str::<Value>(&said).expect("JSON")["digest"]
                .as_str()
                .expect("a digest")
        )
    );
    go("reprotect");
    // Replicating from home again: whoever says otherwise is refused, and nothing is sent.
    let accepted = stage.accepted();
    let wrong = [
        "reprotect",
        "runbook.yaml",
        "--serving",
        "paired",
        "--yes",
        "--no-wait",
    ];
    let output = stage.run(&wrong);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(20 | 21)), "{output:?}");
    assert!(told.contains("stmedianeu receives from stmediaweu"), "{told}");
    assert_eq!(stage.accepted(), accepted);
}

#[test]
fn a_move_that_did_not_reach_its_goal_leaves_it_to_a_person_to_say_which_side_serves() {
    let stage = Stage::served(&gated(false), WORLD);
    stage.ends(22, &["failover", "runbook.yaml", "--yes", "--no-wait"]);
    let output = stage.run(&["reprotect", "runbook.yaml", "--yes"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("is not over") && told.contains("--serving primary"),
        "{told}"
    );
    let output = stage.run(&["failback", "runbook.yaml", "--serving", "paired"]);
    assert_eq!(output.status.code(), Some(2));
    let output = stage.run(&["plan", "runbook.yaml", "--serving", "paired"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("`--serving` has no meaning for failover"), "{told}");
}

#[test]
fn turning_replication_round_is_rehearsed_after_either_move() {
    let stage = Stage::of(
        COPIED,
        &format!("parameters: {{ subscription: {SUBSCRIPTION} }}\n"),
    );
    for (serving, way) in [
        ("paired", "northeurope → westeurope"),
        ("primary", "westeurope → northeurope"),
    ] {
        let line = [
            "simulate",
            "runbook.yaml",
            "--journey",
            "reprotect",
            "--serving",
            serving,
        ];
        let told = stage.ends(0, &line);
        assert!(told.contains(way), "{told}");
    }
}

#[test]
fn the_first_look_of_the_night_needs_no_number_of_a_change() {
    let parameter = "parameters:\n  change: { type: string, required: true }\n";
    let told = "  tell:\n    use: notify.webhook\n    with: { url: \"https://hook.example.test/\", message: \"${{ params.change }}\" }\n";
    let runbook = format!("{}{told}", gated(false).replace("parameters:\n", parameter));
    let world = WORLD.replace("parameters: { ", "parameters: { change: INC-1, ");
    let stage = Stage::served(&runbook, &world);
    let seen = stage.ends(0, &["status", "--world", "runbook.yaml"]);
    assert!(seen.contains("traffic  westeurope"), "{seen}");
    // A change is another matter.
    assert!(
        stage
            .session(&["failover", "runbook.yaml", "--yes"])
            .contains("LW0201")
    );
    // And so is a value that decides what is looked at.
    let runbook = runbook.replace("profile: tm-gated", "profile: \"${{ params.change }}\"");
    fs::write(stage.path().join("runbook.yaml"), runbook).expect("written");
    assert!(
        stage
            .session(&["status", "--world", "runbook.yaml"])
            .contains("LW0201")
    );
}

#[test]
fn a_rehearsal_finds_the_subscription_whatever_its_parameter_is_called() {
    let runbook = gated(false).replace("  subscription: { type", "  production-account: { type");
    let world = WORLD.replacen(
        "parameters: { subscription",
        "parameters: { production-account",
        1,
    );
    assert_ne!(runbook, gated(false));
    let stage = Stage::of(&runbook, &world);
    stage.ends(0, &["simulate", "runbook.yaml"]);
}

#[test]
fn what_a_runbook_warns_of_is_told_before_anybody_agrees_to_it() {
    let copied = COPIED.replace("steps:\n", "  spare: { type: string, default: nobody }\nsteps:\n");
    let stage = Stage::of(
        &copied,
        &format!("parameters: {{ subscription: {SUBSCRIPTION} }}\n"),
    );
    for (code, line) in [
        (11, vec!["plan", "runbook.yaml"]),
        (0, vec!["simulate", "runbook.yaml"]),
    ] {
        let output = stage.run(&line);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(
            told.contains("warning[LW0130]: ") && told.contains("`spare`"),
            "{told}"
        );
    }
    let asked = stage.session(&["failover", "runbook.yaml", "--endpoint", "http://127.0.0.1:1"]);
    let places = ["warning[LW0130]", "What can be lost", "nobody can be asked"].map(|word| asked.find(word));
    assert!(places.is_sorted() && places[0].is_some(), "{asked}");
}
