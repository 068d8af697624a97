//! What a plan is asked for.

use std::collections::BTreeMap;

use super::StepId;
use crate::{
    expr::Environment,
    journey::{Journey, Side},
};

/// What a plan is asked for. Everything from outside comes in here, so that a plan is a function
/// of its request.
pub struct PlanRequest<'a> {
    /// What the plan is for.
    pub journey: Journey,
    /// Values of parameters from the command line, `--set name=value`.
    pub set: Vec<(String, String)>,
    /// A file of parameters, YAML or JSON: its name and its bytes.
    pub parameters_file: Option<(String, Vec<u8>)>,
    /// The environment, which only defaults of parameters read.
    pub environment: &'a Environment<'a>,
    /// The runbook's folder.
    pub folder: &'a dyn Folder,
    /// The only steps to plan; all when empty.
    pub only: Vec<StepId>,
    /// Steps outside `only` that are taken for done.
    pub assume_done: Vec<StepId>,
    /// Whether the outage of the region that served is declared.
    pub region_down: bool,
    /// The side that serves, away from which reprotect turns replication; the paired one where
    /// nobody says. The other journeys know their own.
    pub serving: Option<Side>,
}

impl<'a> PlanRequest<'a> {
    /// Asks for a whole journey without parameters, environment and files.
    pub fn new(journey: Journey) -> PlanRequest<'a> {
        PlanRequest {
            journey,
            set: Vec::new(),
            parameters_file: None,
            environment: &|_| None,
            folder: &NoFiles,
            only: Vec::new(),
            assume_done: Vec::new(),
            region_down: false,
            serving: None,
        }
    }
}

/// The folder of a runbook, as the planner reads it.
pub trait Folder: Sync {
    /// Returns the file at a path, or every file below it where it is a folder, each with its
    /// path in the runbook's folder. The error says why not, for people.
    fn files(&self, path: &str) -> Result<Vec<(String, Vec<u8>)>, String>;
}

/// A folder without files.
pub struct NoFiles;

impl Folder for NoFiles {
    fn files(&self, _path: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        Err("there is no folder".to_owned())
    }
}

impl Folder for BTreeMap<String, Vec<u8>> {
    fn files(&self, path: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        if let Some(bytes) = self.get(path) {
            return Ok(vec![(path.to_owned(), bytes.clone())]);
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        let found: Vec<_> = self
            .range(below.clone()..)
            .take_while(|(known, _)| known.starts_with(&below))
            .map(|(known, bytes)| (known.clone(), bytes.clone()))
            .collect();
        if found.is_empty() {
            Err("there is no such file".to_owned())
        } else {
            Ok(found)
        }
    }
}
