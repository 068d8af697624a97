//! The command as a process: its help, its settings, its streams and exit codes.

use std::{fs, path::Path};

use assert_cmd::Command;

/// A command in an empty world: no settings of this machine reach it.
fn leeward(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("leeward").expect("the binary is built");
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("USER", "maria");
    command
}

/// What came of a command, in one text.
fn session(command: &mut Command, folder: &Path) -> String {
    let output = command.output().expect("it ran");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder.display().to_string(), "FOLDER");
    without_digests(&format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().expect("a code"),
        text(&output.stdout),
        text(&output.stderr)
    ))
}

/// A digest changes with every word of a runbook; what is shown here is everything else.
fn without_digests(text: &str) -> String {
    let mut calm = String::new();
    let mut word = String::new();
    for letter in text.chars().chain([' ']) {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
            continue;
        }
        let digest = word.len() >= 12 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        calm.push_str(if digest { "DIGEST" } else { &word });
        word.clear();
        calm.push(letter);
    }
    calm.pop();
    calm
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn the_help_lists_every_verb_and_every_exit_code() {
    let home = folder();
    insta::assert_snapshot!("help", session(leeward(home.path()).arg("--help"), home.path()));
}

#[test]
fn a_command_without_a_verb_shows_help_and_ends_with_2() {
    let home = folder();
    let output = leeward(home.path()).output().expect("it ran");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_unknown_verb_ends_with_2_and_the_likeliest_one() {
    let home = folder();
    insta::assert_snapshot!(
        "unknown-verb",
        session(leeward(home.path()).arg("failovr"), home.path())
    );
}

#[test]
fn each_setting_says_where_it_came_from() {
    let home = folder();
    fs::create_dir_all(home.path().join("config/leeward")).expect("made");
    fs::write(
        home.path().join("config/leeward/leeward.toml"),
        "credential = \"azure-cli\"\nendpoint = \"https://management.usgovcloudapi.net\"\nparallel = 3\n",
    )
    .expect("written");
    fs::write(
        home.path().join("leeward.toml"),
        "journal = \"runs.journal\"\nendpoint = \"https://management.chinacloudapi.cn\"\n",
    )
    .expect("written");
    let mut command = leeward(home.path());
    command
        .args(["config", "--user", "maria"])
        .env("LEEWARD_ENDPOINT", "http://127.0.0.1:9");
    insta::assert_snapshot!("config", session(&mut command, home.path()));
    let mut command = leeward(home.path());
    command.args(["config", "--format", "json"]).env("NO_COLOR", "1");
    insta::assert_snapshot!("config-json", session(&mut command, home.path()));
}

#[test]
fn a_setting_that_cannot_be_is_refused_with_its_origin() {
    let home = folder();
    fs::write(home.path().join("leeward.toml"), "parallel = 0\n").expect("written");
    insta::assert_snapshot!(
        "bad-setting",
        session(leeward(home.path()).arg("config"), home.path())
    );
    let mut command = leeward(home.path());
    command.args(["config", "--config", "gone.toml"]);
    insta::assert_snapshot!("missing-settings", session(&mut command, home.path()));
}

#[test]
fn every_shell_gets_its_completions() {
    let home = folder();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = leeward(home.path())
            .args(["completions", shell])
            .output()
            .expect("it ran");
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(
            script.contains("failover") && script.contains("completions"),
            "{shell}"
        );
        assert!(output.stderr.is_empty(), "{shell}");
    }
}

#[test]
fn the_help_of_every_verb_is_plain() {
    let home = folder();
    for verb in [
        "check",
        "plan",
        "graph",
        "simulate",
        "failover",
        "failback",
        "drill",
        "reprotect",
        "resume",
        "status",
        "runs",
        "approve",
        "pause",
        "cancel",
        "retry",
        "skip",
        "settle",
        "unlock",
        "report",
        "explain",
        "schema",
        "kinds",
        "simulator",
        "completions",
        "config",
    ] {
        let text = session(leeward(home.path()).args([verb, "--help"]), home.path());
        assert!(text.starts_with("exit 0\n"), "{verb}");
        insta::assert_snapshot!(format!("help-{verb}"), text);
    }
}

/// The repository's own runbooks, as their users name them.
fn in_repository(folder: &Path) -> Command {
    let mut command = leeward(folder);
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .env("AZURE_SUBSCRIPTION_ID", "00000000-0000-0000-0000-0000000000f3");
    command
}

const WRONG: &str = "leeward: 1
name: wrong
regions: { primary: westeurope, paired: northeurope }
steps:
  first:
    use: check.htp
    with: { url: \"https://a.example.test/\" }
  second:
    use: check.tcp
    after: [frist]
    with: { host: a.example.test, port: 443, withn: 5s }
    ends: recovery
";

#[test]
fn a_runbook_with_mistakes_ends_with_10_and_every_finding() {
    let home = folder();
    fs::write(home.path().join("runbook.yaml"), WRONG).expect("written");
    insta::assert_snapshot!(
        "check-findings",
        session(leeward(home.path()).args(["check", "."]), home.path())
    );
    let output = leeward(home.path())
        .args(["check", ".", "--format", "json"])
        .output()
        .expect("it ran");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["format"], "leeward-findings");
    assert_eq!(output.status.code(), Some(10));
    for verb in ["plan", "graph", "simulate", "failover"] {
        let output = leeward(home.path())
            .args([verb, "runbook.yaml"])
            .output()
            .expect("it ran");
        assert_eq!(output.status.code(), Some(10), "{verb}");
    }
}

#[test]
fn a_runbook_that_is_not_there_ends_with_2() {
    let home = folder();
    let text = session(leeward(home.path()).args(["check", "gone.yaml"]), home.path());
    insta::assert_snapshot!("check-missing", text);
}

#[test]
fn a_sound_runbook_is_checked_planned_and_drawn() {
    let home = folder();
    let runbook = "runbooks/minimal/runbook.yaml";
    insta::assert_snapshot!(
        "check",
        session(in_repository(home.path()).args(["check", runbook]), home.path())
    );
    insta::assert_snapshot!(
        "plan",
        session(in_repository(home.path()).args(["plan", runbook]), home.path())
    );
    let mut command = in_repository(home.path());
    command.args([
        "plan",
        runbook,
        "--journey",
        "failback",
        "--region-down",
        "--format",
        "json",
    ]);
    insta::assert_snapshot!("plan-json", session(&mut command, home.path()));
    insta::assert_snapshot!(
        "graph",
        session(in_repository(home.path()).args(["graph", runbook]), home.path())
    );
    let mut command = in_repository(home.path());
    command.args(["graph", runbook, "--format", "dot"]);
    insta::assert_snapshot!("graph-dot", session(&mut command, home.path()));
}

#[test]
fn a_part_of_a_plan_must_be_closed_or_say_what_is_done() {
    let home = folder();
    let runbook = "runbooks/minimal/runbook.yaml";
    let mut command = in_repository(home.path());
    command.args(["plan", runbook, "--only", "serving"]);
    insta::assert_snapshot!("plan-not-closed", session(&mut command, home.path()));
    let mut command = in_repository(home.path());
    let output = command
        .args(["plan", runbook, "--only", "serving", "--assume-done"])
        .output()
        .expect("it ran");
    // A check changes nothing, so this plan's goal holds already.
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn kinds_and_codes_are_explained_offline() {
    let home = folder();
    insta::assert_snapshot!("kinds", session(leeward(home.path()).arg("kinds"), home.path()));
    let line = ["kinds", "azure.sql.managed-instance-failover-group"];
    insta::assert_snapshot!("kinds-one", session(leeward(home.path()).args(line), home.path()));
    insta::assert_snapshot!(
        "kinds-unknown",
        session(leeward(home.path()).args(["kinds", "check.htp"]), home.path())
    );
    insta::assert_snapshot!(
        "explain-unknown",
        session(leeward(home.path()).args(["explain", "LW9999"]), home.path())
    );
    let output = leeward(home.path())
        .args(["explain", "LW0102"])
        .output()
        .expect("it ran");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("# LW0102"));
}

#[test]
fn the_schema_is_a_json_schema_of_the_language() {
    let home = folder();
    let output = leeward(home.path()).arg("schema").output().expect("it ran");
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(
        schema["$schema"]
            .as_str()
            .is_some_and(|text| text.contains("json-schema.org"))
    );
    assert!(schema["properties"]["steps"].is_object());
}

#[test]
fn a_changing_verb_off_a_terminal_wants_a_plan_or_yes() {
    let home = folder();
    let runbook = "runbooks/minimal/runbook.yaml";
    let mut command = in_repository(home.path());
    command.args(["failover", runbook, "--endpoint", "http://127.0.0.1:9"]);
    insta::assert_snapshot!("failover-not-confirmed", session(&mut command, home.path()));
    let mut command = in_repository(home.path());
    command.args([
        "failover",
        runbook,
        "--endpoint",
        "http://127.0.0.1:9",
        "--plan",
        "0000000000",
    ]);
    let text = session(&mut command, home.path());
    assert!(
        text.starts_with("exit 2\n") && text.contains("error[LW0304]"),
        "{text}"
    );
}

#[test]
fn a_run_against_azure_wants_a_journal_by_name_and_a_credential() {
    let home = folder();
    let runbook = "runbooks/minimal/runbook.yaml";
    let mut command = in_repository(home.path());
    command.args(["failover", runbook, "--yes"]);
    insta::assert_snapshot!("failover-local-journal", session(&mut command, home.path()));
    let mut command = in_repository(home.path());
    let journal = home.path().join("runs.journal");
    command.args([
        "failover",
        runbook,
        "--yes",
        "--journal",
        &journal.display().to_string(),
    ]);
    insta::assert_snapshot!("failover-no-credential", session(&mut command, home.path()));
    let mut command = in_repository(home.path());
    command.args([
        "failover",
        runbook,
        "--yes",
        "--endpoint",
        "http://management.azure.com",
    ]);
    insta::assert_snapshot!("failover-plain-http", session(&mut command, home.path()));
}

#[test]
fn the_simulator_is_for_this_machine_only() {
    let home = folder();
    let mut command = in_repository(home.path());
    command.args([
        "simulator",
        "--runbook",
        "runbooks/minimal",
        "--listen",
        "0.0.0.0:0",
    ]);
    insta::assert_snapshot!("simulator-not-loopback", session(&mut command, home.path()));
}

#[test]
fn a_rehearsal_of_the_smallest_runbook_ends_with_its_report() {
    let home = folder();
    for format in ["human", "markdown", "json", "junit"] {
        let mut command = in_repository(home.path());
        command.args(["simulate", "runbooks/minimal/runbook.yaml", "--format", format]);
        insta::assert_snapshot!(format!("simulate-{format}"), session(&mut command, home.path()));
    }
}

/// Insists that the transcript of README.md is what the command prints, line by line.
fn the_front_page_shows(printed: &str) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let page = fs::read_to_string(page).expect("read").replace("\r\n", "\n");
    let transcript = page.split_once("```text\n").expect("a transcript").1;
    let transcript = transcript.split_once("```").expect("its end").0;
    let printed: Vec<&str> = printed.lines().collect();
    for line in transcript.lines().filter(|line| !line.is_empty()) {
        assert!(
            printed.contains(&line),
            "README.md shows what is printed no more: {line}"
        );
    }
}

#[test]
fn the_whole_platform_moves_whatever_has_happened_to_its_region() {
    let home = folder();
    for (world, code) in [("both-up", 0), ("serving-down", 0), ("region-gone", 26)] {
        let mut command = in_repository(home.path());
        command.args([
            "simulate",
            "runbooks/interworks-platform/runbook.yaml",
            "--world",
            world,
        ]);
        let output = command.output().expect("it ran");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{world}\n{text}");
        assert!(
            text.contains("RTO") && text.contains("platform-sql/fog-platform"),
            "{world}\n{text}"
        );
        if world == "region-gone" {
            the_front_page_shows(&text);
        }
    }
}

#[test]
fn the_whole_platform_drills_comes_home_and_is_protected_again() {
    let home = folder();
    for journey in ["drill", "failback", "reprotect"] {
        let mut command = in_repository(home.path());
        command.args([
            "simulate",
            "runbooks/interworks-platform/runbook.yaml",
            "--journey",
            journey,
        ]);
        let output = command.output().expect("it ran");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{journey}\n{text}");
    }
}

#[test]
fn a_gate_for_two_persons_is_warned_of_where_the_journal_lies_on_one_machine() {
    let home = folder();
    let mut command = in_repository(home.path());
    command
        .args([
            "failover",
            "runbooks/interworks-platform/runbook.yaml",
            "--set",
            "change=INC-1",
            "--endpoint",
            "https://management.example.test",
            "--credential",
            "azure-cli",
            "--journal",
        ])
        .arg(home.path().join("runs.journal"));
    let text = session(&mut command, home.path());
    // Neither a credential nor a terminal is here; the warning comes before both are missed.
    assert!(text.starts_with("exit 2\n"), "{text}");
    let warning = text
        .split_once("warning[LW0132]")
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    let warning = warning
        .split_once("error[")
        .map(|(own, _)| own)
        .unwrap_or_default();
    insta::assert_snapshot!("four-eyes-local-journal", format!("warning[LW0132]{warning}"));
}
