//! How is the judge of the specification asked?
//!
//! It is a program of its own (`tests/judges/node/judge.mjs`) around the vendor's live validator. It takes some
//! seconds to read the specification, so that a test asks it once, with everything.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use serde::Deserialize;
use serde_json::Value;

use super::{exchanges::Docket, material};
use crate::processes::repository;

/// What the judge says of one exchange.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Its place in the docket.
    pub id: usize,
    /// `operation`, `poll`, `outside` (no specification here), `elsewhere` (not ARM) or `broken`.
    pub kind: String,
    /// The operation of the specification.
    pub operation_id: Option<String>,
    /// The version that it was judged by.
    pub api_version: Option<String>,
    /// Why there was nothing to judge by.
    pub why: Option<String>,
    /// What is wrong with the request.
    #[serde(default)]
    pub request: Vec<String>,
    /// What is wrong with the answer.
    #[serde(default)]
    pub response: Vec<String>,
}

/// Returns the folder into which `tests/judges/install` installs: beside the tests that run.
pub fn installed() -> Option<PathBuf> {
    let own = env::current_exe().ok()?;
    let beside = own.ancestors().map(|folder| folder.join("judges"));
    beside.into_iter().find(|folder| folder.join("node").is_dir())
}

/// Judges; nothing, and loudly, where there is no judge.
///
/// # Panics
/// Where the judge breaks, or is required and missing.
pub fn judge(test: &str, docket: &Docket) -> Option<Vec<Verdict>> {
    let material = material::folder_for(test)?;
    let modules = installed().map(|folder| folder.join("node"));
    let Some(modules) = modules.filter(|folder| folder.join("node_modules/oav").is_dir()) else {
        material::passed_over(test, "the judge is not installed; `tests/judges/install` does it");
        return None;
    };
    let script = repository().join("tests/judges/node/judge.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(&modules).arg(&material);
    Some(ask(command, &material, docket))
}

fn ask(mut command: Command, material: &Path, docket: &Docket) -> Vec<Verdict> {
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = started.unwrap_or_else(|error| panic!("node does not start: {error}"));
    let lines: Vec<String> = docket.lines().iter().map(Value::to_string).collect();
    let count = lines.len();
    let mut stdin = child.stdin.take().unwrap_or_else(|| unreachable!("piped"));
    // Written beside the reading: either side may be slower.
    let writer = thread::spawn(move || {
        lines.iter().try_for_each(|line| {
            stdin
                .write_all(line.as_bytes())
                .and_then(|()| stdin.write_all(b"\n"))
        })
    });
    let stdout = child.stdout.take().unwrap_or_else(|| unreachable!("piped"));
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(count);
    let mut counted = None;
    for line in BufReader::new(stdout).lines() {
        let line = line.unwrap_or_else(|error| panic!("the judge's words: {error}"));
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        match said.get("judged") {
            Some(number) => counted = number.as_u64(),
            None => {
                verdicts.push(serde_json::from_value(said).unwrap_or_else(|error| panic!("{line}: {error}")))
            }
        }
    }
    let _ = writer.join();
    let status = child.wait().unwrap_or_else(|error| panic!("the judge: {error}"));
    assert!(
        status.success(),
        "the judge broke ({status}) on the material in {}",
        material.display()
    );
    assert_eq!(counted, Some(count as u64), "every exchange is judged");
    assert_eq!(verdicts.len(), count, "every exchange is judged");
    verdicts
}
