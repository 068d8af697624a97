//! Which runbook is meant, with which parameters: what the verbs that read one share.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use leeward_runbook::{
    Finding, Runbook,
    finding::{Severity, to_json},
    journey::Journey,
    plan::{PinnedFiles, Plan, PlanRequest, StepId, plan_with_warnings},
};

use super::{
    Desk,
    serving::{self, Serving, SideWord},
};
use crate::{
    code::Code,
    failure::Failure,
    ports::folder::RunbookFolder,
    screen::{finding_count, findings},
};

/// The runbook and its parameters.
#[derive(Clone, Debug, Default, Args)]
pub struct Source {
    /// The runbook, or the folder that holds `runbook.yaml`
    #[arg(value_name = "RUNBOOK")]
    pub runbook: PathBuf,
    /// Set a parameter; wins over --parameters
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Read parameters from a YAML or JSON file
    #[arg(long, value_name = "FILE")]
    pub parameters: Option<PathBuf>,
}

/// Which part of the plan, and under which assumption.
#[derive(Clone, Debug, Default, Args)]
pub struct Part {
    /// The region that serves is down: nothing goes there before recovery
    #[arg(long)]
    pub region_down: bool,
    /// Move only these steps
    #[arg(long, value_name = "STEP", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// With --only: take these steps as done already; every one that is left out, when none is named
    #[arg(long, value_name = "STEP", num_args = 0.., value_delimiter = ',', requires = "only")]
    pub assume_done: Option<Vec<String>>,
    /// The side that serves, from the verbs that know `--serving`.
    #[arg(skip)]
    pub serving: Option<SideWord>,
}

/// The longest runbook that is read at all; the language refuses far smaller ones with a finding.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Returns the file that is meant: the path itself, or `runbook.yaml` in that folder.
pub fn file_of(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.join("runbook.yaml"),
        false => path.to_owned(),
    }
}

/// Reads the bytes of a runbook.
pub fn bytes_of(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::file(file, &error);
        match error.kind() {
            std::io::ErrorKind::NotFound => failure.hint("look at the path: a runbook is a YAML file"),
            _ => failure,
        }
    };
    let size = fs::metadata(file).map_err(failed)?.len();
    if size > LONGEST {
        return Err(Failure::new(
            Code::File,
            format!(
                "`{}` is no runbook: it has {} MB",
                file.display(),
                size / 1_000_000
            ),
        ));
    }
    fs::read(file).map_err(failed)
}

/// A runbook with its plan for one journey.
pub struct Made {
    /// The file.
    pub file: PathBuf,
    /// The plan.
    pub plan: Plan,
    /// The bytes that it pinned, by digest.
    pub files: PinnedFiles,
    /// How the side that serves is known, where the journey does not say.
    pub serving: Option<String>,
    /// What whoever agrees to the plan should have read.
    pub warnings: Vec<Finding>,
}

/// Whether findings are shown to people or to machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// A person: text on stderr.
    Person,
    /// A machine: JSON on stdout.
    Machine,
}

/// Reads a runbook and makes its plan; nothing where findings stand in the way, which are shown then.
///
/// `beneath` are values of parameters that hold where neither `--set` nor `--parameters` says otherwise; one named
/// `env.NAME` stands in for a variable of the environment that is not set.
pub fn make(
    desk: &Desk,
    source: &Source,
    part: &Part,
    journey: Journey,
    beneath: &[(String, String)],
    listener: Listener,
) -> Result<Option<Made>, Failure> {
    let file = file_of(&source.runbook);
    let name = file.display().to_string();
    let reading = leeward_runbook::read(&name, &bytes_of(&file)?);
    let Some(runbook) = reading.runbook else {
        show(desk, &name, &reading.findings, listener)?;
        return Ok(None);
    };
    let serving = serving::find(desk, &runbook.name.value, journey, part.serving)?;
    match planned(&runbook, &file, source, part, journey, serving.as_ref(), beneath)? {
        Ok((plan, files, warnings)) => Ok(Some(Made {
            warnings,
            file,
            plan,
            files,
            serving: serving.map(|serving| serving.because),
        })),
        Err(found) => {
            show(desk, &name, &found, listener)?;
            Ok(None)
        }
    }
}

type Planned = Result<(Plan, PinnedFiles, Vec<Finding>), Vec<Finding>>;

fn planned(
    runbook: &Runbook,
    file: &Path,
    source: &Source,
    part: &Part,
    journey: Journey,
    serving: Option<&Serving>,
    beneath: &[(String, String)],
) -> Result<Planned, Failure> {
    let parameters_file = match &source.parameters {
        Some(path) => {
            let bytes = fs::read(path).map_err(|error| Failure::file(path, &error))?;
            Some((path.display().to_string(), bytes))
        }
        None => None,
    };
    let in_file = parameters_file
        .as_ref()
        .map(|(_, bytes)| keys_of(bytes))
        .unwrap_or_default();
    let mut set: Vec<(String, String)> = beneath
        .iter()
        .filter(|(name, _)| !in_file.contains(name))
        .filter(|(name, _)| {
            runbook
                .parameters
                .iter()
                .any(|parameter| *parameter.name.value == **name)
        })
        .cloned()
        .collect();
    for pair in &source.set {
        set.push(split(pair)?);
    }
    let stands_in = |name: &str| {
        let wanted = format!("env.{name}");
        beneath
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.clone())
    };
    let environment = |name: &str| std::env::var(name).ok().or_else(|| stands_in(name));
    let folder = RunbookFolder::of(file);
    let only: Vec<StepId> = part.only.iter().map(StepId::new).collect();
    let assume_done = match &part.assume_done {
        None => Vec::new(),
        Some(named) if !named.is_empty() => named.iter().map(StepId::new).collect(),
        Some(_) => {
            let all = runbook.steps.iter().map(|step| StepId::new(&*step.name.value));
            all.filter(|step| !only.contains(step)).collect()
        }
    };
    let request = PlanRequest {
        journey,
        set,
        parameters_file,
        environment: &environment,
        folder: &folder,
        only,
        assume_done,
        region_down: part.region_down,
        serving: serving.map(|serving| serving.side),
    };
    Ok(plan_with_warnings(runbook, &request))
}

fn split(pair: &str) -> Result<(String, String), Failure> {
    match pair.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(Failure::new(
            Code::Parameter,
            format!("`--set {pair}` names no parameter and value"),
        )
        .hint("write `--set name=value`")),
    }
}

fn keys_of(bytes: &[u8]) -> Vec<String> {
    let (root, _) = leeward_runbook::yaml::read(bytes);
    let entries = root.as_ref().and_then(|root| {
        root.as_map()
            .map(|map| map.iter().map(|entry| entry.key.to_string()).collect())
    });
    entries.unwrap_or_default()
}

fn show(desk: &Desk, name: &str, found: &[Finding], listener: Listener) -> Result<(), Failure> {
    let terminal = &desk.terminal;
    match listener {
        Listener::Person => {
            terminal.advise(&findings(found, terminal.err));
            terminal.advise(&format!("{name}: {}", finding_count(found)));
            Ok(())
        }
        Listener::Machine => terminal.result(&format!("{:#}", to_json(found))),
    }
}

/// Returns whether findings leave nothing to be done: a note tells, anything else asks for something.
pub fn is_clean(found: &[Finding]) -> bool {
    found.iter().all(|finding| finding.severity == Severity::Note)
}
