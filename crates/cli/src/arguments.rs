//! What can be written on the command line: the verbs and the options that all of them share.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::commands;

/// Moves a platform on Azure to its paired region, and brings it home again
#[derive(Debug, Parser)]
#[command(
    name = "leeward",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = crate::exit::table(),
)]
pub struct Cli {
    /// What every verb understands.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb understands.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Globals {
    /// Record runs in this file [env: LEEWARD_JOURNAL]
    #[arg(long, global = true, value_name = "FILE")]
    pub journal: Option<String>,
    /// Speak to this Azure Resource Manager [env: LEEWARD_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Use this kind of credential [env: LEEWARD_CREDENTIAL]
    #[arg(long, global = true, value_name = "NAME")]
    pub credential: Option<String>,
    /// Act under this name [env: LEEWARD_USER]
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// Read settings from this file instead of the project's `leeward.toml`
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use colour: auto, always or never [env: LEEWARD_COLOR, NO_COLOR]
    #[arg(long, global = true, value_name = "WHEN")]
    pub color: Option<String>,
    /// Show every operation too, not only steps
    #[arg(long, short, global = true, action = ArgAction::SetTrue)]
    pub verbose: bool,
    /// Filled from the verbs that know `--parallel`.
    #[arg(skip)]
    pub parallel: Option<String>,
}

impl Globals {
    /// Returns what the command line says about a setting.
    pub fn flag(&self, name: &str) -> Option<String> {
        match name {
            "journal" => self.journal.clone(),
            "endpoint" => self.endpoint.clone(),
            "credential" => self.credential.clone(),
            "user" => self.user.clone(),
            "color" => self.color.clone(),
            "parallel" => self.parallel.clone(),
            _ => None,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Report everything that is wrong with a runbook
    Check(commands::check::Arguments),
    /// Show what a journey would do, in order, with its digest
    Plan(commands::plan::Arguments),
    /// Draw a plan as Mermaid or DOT
    Graph(commands::graph::Arguments),
    /// Rehearse a journey against a simulated Azure, in this process, without waiting
    Simulate(commands::simulate::Arguments),
    /// Move the platform out of the region that serves it
    Failover(commands::journey::Arguments),
    /// Bring the platform home
    Failback(commands::journey::Arguments),
    /// Rehearse on the real cloud without touching production, and clean up
    Drill(commands::journey::Arguments),
    /// Turn replication round after a move, so that the side that serves is sheltered
    Reprotect(commands::reprotect::Arguments),
    /// Go on with a run that was left, wherever it was started
    Resume(commands::resume::Arguments),
    /// Show how a run stands, or which side serves
    Status(commands::status::Arguments),
    /// List the runs of a journal
    Runs(commands::runs::Arguments),
    /// Open a gate or agree to losses
    Approve(commands::approve::Arguments),
    /// Start nothing new, or go on again
    Pause(commands::pause::Arguments),
    /// Start nothing more, watch what is open to its end, clean up
    Cancel(commands::cancel::Arguments),
    /// Try a failed or stuck step again
    Retry(commands::retry::Arguments),
    /// Leave a step out
    Skip(commands::skip::Arguments),
    /// Say what became of a change whose outcome is unknown
    Settle(commands::settle::Arguments),
    /// Give back the targets of a run that nobody goes on with
    Unlock(commands::unlock::Arguments),
    /// Print the report of a run
    Report(commands::report::Arguments),
    /// Explain a code such as LW0102
    Explain(commands::explain::Arguments),
    /// Print the JSON Schema of the runbook language
    Schema(commands::schema::Arguments),
    /// List the kinds of steps, or explain one
    Kinds(commands::kinds::Arguments),
    /// Serve a simulated Azure over HTTP, on loopback
    Simulator(commands::simulator::Arguments),
    /// Print a completion script for a shell
    Completions(commands::completions::Arguments),
    /// Show every setting and where it came from
    Config(commands::config::Arguments),
}
