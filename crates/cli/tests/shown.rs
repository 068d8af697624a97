//! Everything that the command shows, once: each verb in each of its formats, under a snapshot.
//!
//! What a verb can show is read from the command line's own definition, so a new verb, format or shell without a
//! snapshot fails here.

mod support;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use clap::CommandFactory;
use leeward_cli::arguments::Cli;

use support::{Stage, WORLD};

const RUNBOOK: &str = "leeward: 1
name: gated
summary: A gate, traffic, a word to people, and proof.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m }
parameters:
  subscription: { type: subscription-id, default: \"${{ env.AZURE_SUBSCRIPTION_ID }}\" }
steps:
  decide:
    use: gate.approval
    in: [failover, failback]
  tell:
    use: notify.webhook
    after: [decide]
    with: { url: \"https://hook.example.test/on-call\", message: moving }
  traffic:
    use: azure.traffic-manager.profile
    after: [tell]
    with: { profile: tm-gated, resource-group: rg-global }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
  serving:
    use: check.http
    after: [traffic]
    with: { url: \"https://www.gated.example.test/\", expect: 200, within: 30s }
    ends: recovery
";

fn world() -> String {
    format!("{WORLD}  - {{ url: \"https://hook.example.test/on-call\", serves: always }}\n")
}

/// A folder with the runbook and its world.
fn stage() -> Stage {
    Stage::of(RUNBOOK, &world())
}

/// A snapshot of a rehearsal or of the command itself: the same bytes each time but for a plan's digest.
macro_rules! exact {
    ($name:expr, $text:expr) => {
        insta::with_settings!({filters => vec![
            (r"\b[0-9a-f]{12,64}\b", "DIGEST"),
            (r"127\.0\.0\.1:\d+", "ADDRESS"),
        ]}, { insta::assert_snapshot!($name, $text) });
    };
}

/// A snapshot of a run on the real clock: without times, numbers in JSON, and the widths that follow from them.
macro_rules! sealed {
    ($name:expr, $text:expr) => {
        insta::with_settings!({filters => vec![
            (r"r-\d{8}-\d{6}-[0-9a-f]{4}", "RUN"),
            (r"c-[0-9a-f]{32}", "COMMAND"),
            (r"\b[0-9a-f]{12,64}\b", "DIGEST"),
            (r"127\.0\.0\.1:\d+", "ADDRESS"),
            (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "MOMENT"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "MOMENT"),
            (r"(?m)^\d\d:\d\d:\d\d", "HH:MM:SS"),
            (r"process \d+", "process N"),
            (r"(maria on|conductor on) [^ ]+", "$1 HOST"),
            (r"(?m)^host: .*$", "host: HOST"),
            ("\"(host|start|boot|process_start|process-start)\": ?\"[^\"]*\"", "\"$1\": \"SOME\""),
            (r"\b(under 1s|(\d+h )?(\d+m )?\d+s)\b", "TIME"),
            (r"\d+ records to sequence \d+", "N records to sequence N"),
            (r"\d+ records", "N records"),
            ("\"rto_taken\": \"[^\"]*\"", "\"rto_taken\": \"TIME\""),
            ("timestamp=\"[^\"]*\"", "timestamp=\"MOMENT\""),
            ("\"rto-seconds\" value=\"\\d+\"", "\"rto-seconds\" value=\"N\""),
            ("(\"[a-z_-]+\": ?)\\d+(\\.\\d+)?", "${1}N"),
            ("(time|duration)=\"[0-9.]+\"", "$1=\"T\""),
            (r"[█░▶]+", "█"),
            (r"([^ \n]) {2,}", "$1  "),
            (r"(?m)^ {3,}▲", "  ▲"),
            (r"(?m)^ {3,}TIME {2,}TIME$", "  TIME  TIME"),
            (r"-{4,}", "---"),
        ]}, { insta::assert_snapshot!($name, $text) });
    };
}

/// The event stream: its first line whole, then each event's name, once where it repeats.
fn stream(text: &str) -> String {
    let mut told: Vec<String> = Vec::new();
    for line in text.lines() {
        let value: Result<serde_json::Value, _> = serde_json::from_str(line);
        let told_line = match value {
            Ok(value) if value["event"].is_object() => {
                let event = &value["event"];
                let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                let change = &event["change"];
                let inner = match change {
                    serde_json::Value::Object(map) => {
                        map.values().next().map(word).filter(|text| !text.is_empty())
                    }
                    other => other.as_str().map(str::to_owned),
                };
                format!(
                    "{} {} {}",
                    word(&event["event"]),
                    word(&event["step"]),
                    inner.unwrap_or_default()
                )
                .trim_end()
                .to_owned()
            }
            _ => line.to_owned(),
        };
        if told.last() != Some(&told_line) {
            told.push(told_line);
        }
    }
    told.join("\n")
}

#[test]
fn whatever_needs_no_run_is_shown() {
    let stage = stage();
    for (name, line) in [
        ("check-human", vec!["check", "runbook.yaml"]),
        ("check-json", vec!["check", "runbook.yaml", "--format", "json"]),
        ("plan-human", vec!["plan", "runbook.yaml"]),
        ("plan-json", vec!["plan", "runbook.yaml", "--format", "json"]),
        ("graph-mermaid", vec!["graph", "runbook.yaml"]),
        ("graph-dot", vec!["graph", "runbook.yaml", "--format", "dot"]),
        ("simulate-human", vec!["simulate", "runbook.yaml", "--verbose"]),
        (
            "simulate-json",
            vec!["simulate", "runbook.yaml", "--format", "json"],
        ),
        (
            "simulate-junit",
            vec!["simulate", "runbook.yaml", "--format", "junit"],
        ),
        (
            "simulate-markdown",
            vec!["simulate", "runbook.yaml", "--format", "markdown"],
        ),
        ("explain", vec!["explain", "LW0132"]),
        ("kinds-human", vec!["kinds"]),
        ("kinds-json", vec!["kinds", "check.tcp", "--format", "json"]),
        ("config-human", vec!["config"]),
        ("config-json", vec!["config", "--format", "json"]),
        ("colors", vec!["simulate", "runbook.yaml", "--color", "always"]),
    ] {
        exact!(name, stage.session(&line));
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        exact!(
            format!("completions-{shell}"),
            stage.session(&["completions", shell])
        );
    }
}

#[test]
fn every_journey_has_its_report() {
    let stage = stage();
    let runbook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks/minimal/runbook.yaml");
    let runbook = runbook.display().to_string();
    for journey in ["failback", "drill", "reprotect"] {
        for format in ["markdown", "json", "junit"] {
            let text = stage.session(&["simulate", &runbook, "--journey", journey, "--format", format]);
            exact!(
                format!("rehearsal-{journey}-{format}"),
                text.replace(&runbook, "RUNBOOK")
            );
        }
    }
}

#[test]
fn every_kind_has_its_page() {
    let stage = stage();
    let kinds = stage.session(&["kinds", "--format", "json"]);
    let list = kinds.split_once("--- stdout\n").expect("results").1;
    let list = list.split_once("--- stderr").expect("its end").0;
    let list: serde_json::Value = serde_json::from_str(list).expect("JSON");
    let names: Vec<&str> = list["kinds"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|kind| kind["name"].as_str().expect("a name"))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    let pages: Vec<String> = names.iter().map(|name| stage.session(&["kinds", name])).collect();
    exact!("kinds-every", pages.join("\n"));
}

#[test]
fn the_schema_that_editors_read_is_the_one_that_is_printed() {
    let stage = stage();
    let output = stage.command(&["schema"]).output().expect("it ran");
    let printed = String::from_utf8(output.stdout).expect("text");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks/leeward.schema.json");
    let kept = fs::read_to_string(file).expect("read").replace("\r\n", "\n");
    assert!(
        printed == kept,
        "runbooks/leeward.schema.json is out of date: leeward schema > runbooks/leeward.schema.json"
    );
}

#[test]
fn a_message_whose_answer_is_lost_is_never_told_as_delivered() {
    let stage = stage();
    let fault = "- match: { path: \"**/on-call\" }\n  verdict: answer-lost\n";
    fs::write(stage.path().join("fault.yaml"), fault).expect("written");
    let text = stage.session(&["simulate", "runbook.yaml", "--fault", "fault.yaml", "--verbose"]);
    let about: Vec<&str> = text.lines().filter(|line| line.contains("tell")).collect();
    let about = about.join("\n");
    for told_as_delivered in ["accepted and finished", "Azure said so", "succeeded"] {
        assert!(!about.contains(told_as_delivered), "{about}");
    }
    assert!(
        about.contains("nobody knows whether the message arrived"),
        "{about}"
    );
    exact!("lost-message", about);
}

#[test]
fn the_simulator_says_where_it_listens_and_how_it_is_stopped() {
    let stage = stage();
    let mut simulator = stage
        .command(&[
            "simulator",
            "--runbook",
            "runbook.yaml",
            "--speed",
            "60",
            "--seed",
            "7",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut told = String::new();
    let mut out = BufReader::new(simulator.stdout.take().expect("piped"));
    out.read_line(&mut told).expect("a line");
    let mut err = BufReader::new(simulator.stderr.take().expect("piped"));
    for _ in 0..2 {
        err.read_line(&mut told).expect("a line");
    }
    simulator.kill().expect("ended");
    simulator.wait().expect("ended");
    exact!("simulator", told);
}

#[test]
fn every_verb_of_a_run_is_shown_for_people_and_for_machines() {
    let stage = Stage::served(RUNBOOK, &world());
    let go = ["--yes", "--approve-all", "--reason", "INC-1"];
    let with = |line: &[&'static str], more: &[&'static str]| [line, more].concat();
    // A run that is left at its gate, and everything that another terminal can ask of it.
    sealed!(
        "failover-human",
        stage.session(&["failover", "runbook.yaml", "--yes", "--no-wait"])
    );
    sealed!("status-human", stage.session(&["status"]));
    sealed!("status-json", stage.session(&["status", "--format", "json"]));
    sealed!("runs-human", stage.session(&["runs"]));
    sealed!("runs-json", stage.session(&["runs", "--format", "json"]));
    sealed!("held", stage.session(&with(&["failover", "runbook.yaml"], &go)));
    for (verb, line) in [
        ("pause", vec!["pause"]),
        ("retry", vec!["retry", "decide"]),
        (
            "settle",
            vec!["settle", "decide", "--as", "done", "--reason", "seen"],
        ),
        ("skip", vec!["skip", "serving", "--reason", "seen by hand"]),
        ("approve", vec!["approve", "decide", "--reason", "INC-1"]),
        ("cancel", vec!["cancel", "--reason", "false alarm"]),
    ] {
        sealed!(format!("{verb}-human"), stage.session(&line));
        sealed!(
            format!("{verb}-json"),
            stage.session(&with(&line, &["--format", "json"]))
        );
    }
    let unlock = |more: &[&str]| {
        let run = stage.ends(0, &["status", "--format", "json"]);
        let run: serde_json::Value = serde_json::from_str(&run).expect("JSON");
        let run = run["run"].as_str().expect("a run");
        stage.session(&[&["unlock", run, "--reason", "INC-1", "--yes"], more].concat())
    };
    sealed!("unlock-human", unlock(&[]));
    sealed!("resume-human", stage.session(&["resume"]));
    stage.session(&["failover", "runbook.yaml", "--yes", "--no-wait"]);
    stage.session(&["approve", "decide"]);
    sealed!("unlock-json", unlock(&["--format", "json"]));
    sealed!(
        "resume-json",
        stream(&stage.session(&["resume", "--format", "json"]))
    );
    // The four journeys, and what is told of the last one.
    for journey in ["drill", "failover", "reprotect", "failback"] {
        let more: &[&str] = if matches!(journey, "drill" | "reprotect") {
            &go[..1]
        } else {
            &go
        };
        let line = with(&[journey, "runbook.yaml"], more);
        let json = with(&line, &["--format", "json"]);
        sealed!(format!("{journey}-json"), stream(&stage.session(&json)));
        if journey != "failover" {
            sealed!(format!("{journey}-human"), stage.session(&line));
        }
        // Nothing here takes part in a reprotect: it is refused, and the report would be another run's.
        let formats: &[&str] = if journey == "reprotect" {
            &[]
        } else {
            &["markdown", "json"]
        };
        for format in formats {
            let told = stage.session(&["report", "--format", format]);
            sealed!(format!("report-{journey}-{format}"), told);
        }
    }
    for format in ["markdown", "json", "junit", "human"] {
        sealed!(
            format!("report-{format}"),
            stage.session(&["report", "--format", format])
        );
    }
    sealed!(
        "world-human",
        stage.session(&["status", "--world", "runbook.yaml"])
    );
    sealed!(
        "world-json",
        stage.session(&["status", "--world", "runbook.yaml", "--format", "json"])
    );
}

#[test]
fn every_verb_format_and_shell_of_the_command_line_has_its_snapshot() {
    let mut wanted = BTreeSet::new();
    for verb in Cli::command().get_subcommands() {
        let name = verb.get_name();
        wanted.insert(format!("command__help-{name}.snap"));
        let choices = verb.get_arguments().find(|argument| {
            let id = argument.get_id().as_str();
            id == "format" || id == "shell"
        });
        let words: Vec<String> = choices.map_or(Vec::new(), |argument| {
            argument
                .get_possible_values()
                .iter()
                .map(|value| value.get_name().to_owned())
                .collect()
        });
        // The schema is held to the file that editors read.
        if words.is_empty() && name != "schema" {
            wanted.insert(format!("shown__{name}.snap"));
        }
        wanted.extend(words.iter().map(|word| format!("shown__{name}-{word}.snap")));
    }
    assert!(wanted.len() > 60, "{wanted:?}");
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let missing: Vec<&String> = wanted.iter().filter(|name| !folder.join(name).exists()).collect();
    assert!(missing.is_empty(), "nobody looks at what these show: {missing:?}");
}
