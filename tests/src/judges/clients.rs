//! How is one of the vendor's own clients heard as a judge of the simulator?

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use leeward_simulator::world::Directory;
use serde_json::Value;

use super::material::passed_over;
use crate::processes::{SUBSCRIPTION, Stage, repository};

/// Which api-versions the clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Those of the specifications that the simulator is held to.
    Pinned,
    /// The clients' own.
    Newest,
}

/// A script and the environment that it needs.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    script: &'a str,
    environment: &'a str,
}

impl<'a> Judge<'a> {
    /// Names a judge that uses the management clients for Python.
    pub fn sdk(script: &'a str) -> Judge<'a> {
        Judge {
            script,
            environment: "sdk",
        }
    }

    /// Names a judge that uses the command line.
    pub fn command_line(script: &'a str) -> Judge<'a> {
        Judge {
            script,
            environment: "cli",
        }
    }

    /// Lets it judge a fresh world and returns how many things it said; nothing where its environment is missing.
    ///
    /// # Panics
    /// Where something does not hold, or the judge breaks off.
    pub fn hear(&self, versions: Versions, speed: u32) -> Option<usize> {
        let Some(python) = self.python() else {
            let judge = match self.environment {
                "cli" => "command_line",
                _ => "python",
            };
            let why = format!("it is not installed; `tests/judges/install {judge}` does that");
            passed_over(self.script, &why);
            return None;
        };
        let stage = Stage::new();
        stage.copy_runbook("interworks-platform", &[]);
        let world = stage.path().join("interworks-platform/world.yaml");
        let text = [
            world.clone(),
            repository().join("tests/judges/python/servers.yaml"),
        ]
        .map(|path| fs::read_to_string(path).expect("read"))
        .concat();
        fs::write(world, text).expect("written");
        let authority = stage.path().join("authority.pem");
        let azure = stage.simulator(
            "interworks-platform",
            speed,
            &[
                "--set",
                &format!("subscription={SUBSCRIPTION}"),
                "--set",
                "change=JUDGES",
                "--tls",
                "--ca",
                "authority.pem",
                "--poll-every",
                "20",
            ],
        );
        let directory = Directory::default();
        let client = directory.clients.first().expect("a client");
        let ran = Command::new(python)
            .arg(repository().join("tests/judges/python").join(self.script))
            .env_clear()
            .envs(kept())
            .env("HOME", stage.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("JUDGE_ENDPOINT", azure.endpoint())
            .env("JUDGE_CA", &authority)
            .env("JUDGE_TENANT", &directory.tenant)
            .env("JUDGE_CLIENT", &client.id)
            .env("JUDGE_SECRET", client.secret.as_deref().unwrap_or_default())
            .env("JUDGE_SUBSCRIPTION", SUBSCRIPTION)
            .env(
                "JUDGE_VERSIONS",
                match versions {
                    Versions::Pinned => "pinned",
                    Versions::Newest => "newest",
                },
            )
            .stdin(Stdio::null())
            .output()
            .expect("the judge starts");
        let said = String::from_utf8_lossy(&ran.stdout);
        let verdicts: Vec<Value> = said
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let against: Vec<&Value> = verdicts
            .iter()
            .filter(|verdict| verdict["holds"] != true)
            .collect();
        assert!(
            ran.status.success() && against.is_empty() && !verdicts.is_empty(),
            "{} ({versions:?}) says after {} verdicts, with {}:\n{against:#?}\n{}",
            self.script,
            verdicts.len(),
            ran.status,
            String::from_utf8_lossy(&ran.stderr),
        );
        Some(verdicts.len())
    }

    /// Returns the interpreter of its environment, where that is whole and of the versions wanted now.
    fn python(&self) -> Option<PathBuf> {
        let wanted = repository().join(format!(
            "tests/judges/python/requirements-{}.txt",
            self.environment
        ));
        let targets = env::var_os("CARGO_TARGET_DIR")
            .map(PathBuf::from)
            .into_iter()
            .chain([repository().join("target")]);
        for target in targets {
            let place = target.join("judges/python").join(self.environment);
            let made_of = fs::read(place.join("made-of.txt")).ok();
            if made_of.is_none() || made_of != fs::read(&wanted).ok() {
                continue;
            }
            let python = ["bin/python", "Scripts/python.exe"].map(|path| place.join(path));
            if let Some(python) = python.into_iter().find(|path| path.is_file()) {
                return Some(python);
            }
        }
        None
    }
}

/// Returns what of this machine's environment an interpreter cannot do without.
fn kept() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    ["PATH", "SystemRoot", "SystemDrive", "TEMP", "TMP"]
        .into_iter()
        .filter_map(|name| Some((name, env::var_os(name)?)))
}
