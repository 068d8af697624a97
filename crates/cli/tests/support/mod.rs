//! What the sessions share: a folder with a runbook and its world, a simulated Azure that serves it, and the real program.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000000f9";

/// How long a session may take to come where it should be.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

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

/// The world of that runbook.
pub(crate) const WORLD: &str = "parameters: { subscription: 00000000-0000-0000-0000-0000000000f9 }
groups:
  - { subscription: 00000000-0000-0000-0000-0000000000f9, name: rg-global, location: swedencentral }
endpoints:
  - { url: \"https://www.gated.example.test/\", serves: always }
";

pub(crate) fn gated(four_eyes: bool) -> String {
    GATED.replace("FOUR_EYES", if four_eyes { "true" } else { "false" })
}

/// A folder with a runbook and its world, and the simulator that serves them where there is one.
pub(crate) struct Stage {
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
    pub(crate) fn of(runbook: &str, world: &str) -> Stage {
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
    pub(crate) fn served(runbook: &str, world: &str) -> Stage {
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

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    /// A command in an empty world, with this stage's journal and endpoint.
    pub(crate) fn command(&self, line: &[&str]) -> Command {
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

    pub(crate) fn run(&self, line: &[&str]) -> Output {
        self.command(line).output().expect("it ran")
    }

    /// Runs a command line, insists on its exit code, and returns its stdout.
    pub(crate) fn ends(&self, code: i32, line: &[&str]) -> String {
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

    /// Runs a command line, and returns what came of it in one text.
    pub(crate) fn session(&self, line: &[&str]) -> String {
        let output = self.run(line);
        let home = self.path().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&home, "FOLDER");
        format!(
            "$ leeward {}\nexit {}\n--- stdout\n{}--- stderr\n{}",
            line.join(" "),
            output.status.code().expect("a code"),
            text(&output.stdout),
            text(&output.stderr)
        )
    }

    pub(crate) fn status(&self) -> Value {
        let output = self.run(&["status", "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Waits until the run stands as wanted.
    pub(crate) fn until(&self, standing: &str) {
        let started = Instant::now();
        while self.status()["standing"] != standing {
            assert!(
                started.elapsed() < PATIENCE,
                "never {standing}: {}",
                self.status()
            );
        }
    }

    /// Returns the changes that the simulator accepted.
    pub(crate) fn accepted(&self) -> usize {
        let requests = self.requests();
        let list = requests.as_array().expect("a list");
        list.iter().filter(|entry| entry["accepted"] == true).count()
    }

    fn requests(&self) -> Value {
        let address = self.endpoint.trim_start_matches("http://");
        let mut wire = TcpStream::connect(address).expect("connected");
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
