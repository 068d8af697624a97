//! Which runbook is meant, with which parameters: what the verbs that read one share.

use std::path::PathBuf;

use clap::Args;

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
    /// With --only: take what they wait for as done already
    #[arg(long, requires = "only")]
    pub assume_done: bool,
}
