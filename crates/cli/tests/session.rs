//! Whole sessions of an operator: real processes, a simulated Azure on loopback, a journal file.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000000f9";

/// A gate, a switch of traffic, and a check that needs no patience.
const GATED: &str = "leeward: 1
name: gated
summary: A gate, traffic, and proof.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m }
parameters:
  subscription: { type: subscription-id, default: \"${{ env.AZURE_SUBSCRIPTION_ID }}\" }
steps:
  decide:
    use: gate.approval
    with: { four-eyes: FOUR_EYES }
    in: [failover, failback]
  traffic:
    use: azure.traffic-manager.profile
    after: [decide]
    with: { profile: tm-gated, resource-group: rg-global }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
  serving:
    use: check.http
    after: [traffic]
    with: { url: \"https://www.gated.example.test/\", expect: 200, within: 30s, for: 1s }
    ends: recovery
";

const WORLD: &str = "parameters: { subscription: 00000000-0000-0000-0000-0000000000f9 }
groups:
  - { subscription: 00000000-0000-0000-0000-0000000000f9, name: rg-global, location: swedencentral }
endpoints:
  - { url: \"https://www.gated.example.test/\", serves: always }
";

struct Stage {
    home: tempfile::TempDir,
    simulator: Option<Child>,
    endpoint: String,
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(simulator) = &mut self.simulator {
            let _ = simulator.kill();
            let _ = simulator.wait();
        }
    }
}

impl Stage {
    /// A folder with a runbook and its world; no simulator yet.
    fn of(runbook: &str, world: &str) -> Stage {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("runbook.yaml"), runbook).expect("written");
        fs::write(home.path().join("world.yaml"), world).expect("written");
        Stage {
            home,
            simulator: None,
            endpoint: String::new(),
        }
    }

    /// The same with a simulator that serves its world.
    fn served(runbook: &str, world: &str) -> Stage {
        let mut stage = Stage::of(runbook, world);
        let mut simulator = stage
            .command(&["simulator", "--runbook", "runbook.yaml", "--speed", "600"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulator starts");
        let mut line = String::new();
        let stdout = simulator.stdout.take().expect("piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its first line");
        stage.simulator = Some(simulator);
        stage.endpoint = line.trim().to_owned();
        stage
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    /// A command in an empty world, with this stage's journal and endpoint.
    fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("leeward"));
        command
            .args(line)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("USER", "maria")
            .env("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
            .env("LEEWARD_JOURNAL", self.path().join("runs.journal"))
            .stdin(Stdio::null());
        if !self.endpoint.is_empty() {
            command.env("LEEWARD_ENDPOINT", &self.endpoint);
        }
        command
    }

    fn run(&self, line: &[&str]) -> Output {
        self.command(line).output().expect("it ran")
    }

    /// Runs a command line, insists on its exit code, and returns its stdout.
    fn ends(&self, code: i32, line: &[&str]) -> String {
        let output = self.run(line);
        assert_eq!(
            output.status.code(),
            Some(code),
            "leeward {}\n{}\n{}",
            line.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn status(&self) -> Value {
        let output = self.run(&["status", "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Waits until the run stands as wanted.
    fn until(&self, standing: &str) {
        let started = Instant::now();
        while self.status()["standing"] != standing {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "never {standing}: {}",
                self.status()
            );
        }
    }

    /// Returns the changes that the simulator accepted.
    fn accepted(&self) -> usize {
        let requests = self.requests();
        let list = requests.as_array().expect("a list");
        list.iter().filter(|entry| entry["accepted"] == true).count()
    }

    fn requests(&self) -> Value {
        use std::io::{Read, Write};
        let address = self.endpoint.trim_start_matches("http://");
        let mut wire = std::net::TcpStream::connect(address).expect("connected");
        write!(
            wire,
            "GET /_simulator/requests HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )
        .expect("sent");
        let mut text = String::new();
        wire.read_to_string(&mut text).expect("answered");
        let body = text.split_once("\r\n\r\n").expect("a body").1;
        serde_json::from_str(body).expect("JSON")
    }
}

fn gated(four_eyes: bool) -> String {
    GATED.replace("FOUR_EYES", if four_eyes { "true" } else { "false" })
}

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
