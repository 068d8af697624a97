//! The verbs, one file each, and the way to them.

pub mod approve;
pub mod cancel;
pub mod check;
pub mod completions;
pub mod conduct;
pub mod config;
pub mod explain;
pub mod graph;
pub mod journey;
pub mod kinds;
pub mod mail;
mod outlook;
pub mod pause;
pub mod plan;
pub mod report;
pub mod reprotect;
pub mod resume;
pub mod retry;
pub mod runbook;
pub mod runs;
pub mod schema;
pub mod serving;
pub mod settle;
pub mod simulate;
pub mod simulator;
pub mod skip;
pub mod status;
pub mod unlock;
pub mod world;

use leeward_runbook::journey::Journey;

use crate::{arguments::Verb, exit::Exit, failure::Failure, settings::Settings, terminal::Terminal};

/// What every verb finds before it.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The settings, with their origins.
    pub settings: Settings,
    /// The streams.
    pub terminal: Terminal,
}

/// Runs a verb.
pub fn dispatch(desk: &Desk, verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Check(arguments) => check::run(desk, arguments),
        Verb::Plan(arguments) => plan::run(desk, arguments),
        Verb::Graph(arguments) => graph::run(desk, arguments),
        Verb::Simulate(arguments) => simulate::run(desk, arguments),
        Verb::Failover(arguments) => journey::run(desk, Journey::Failover, arguments),
        Verb::Failback(arguments) => journey::run(desk, Journey::Failback, arguments),
        Verb::Drill(arguments) => journey::run(desk, Journey::Drill, arguments),
        Verb::Reprotect(arguments) => reprotect::run(desk, arguments),
        Verb::Resume(arguments) => resume::run(desk, arguments),
        Verb::Status(arguments) => status::run(desk, arguments),
        Verb::Runs(arguments) => runs::run(desk, arguments),
        Verb::Approve(arguments) => approve::run(desk, arguments),
        Verb::Pause(arguments) => pause::run(desk, arguments),
        Verb::Cancel(arguments) => cancel::run(desk, arguments),
        Verb::Retry(arguments) => retry::run(desk, arguments),
        Verb::Skip(arguments) => skip::run(desk, arguments),
        Verb::Settle(arguments) => settle::run(desk, arguments),
        Verb::Unlock(arguments) => unlock::run(desk, arguments),
        Verb::Report(arguments) => report::run(desk, arguments),
        Verb::Explain(arguments) => explain::run(desk, arguments),
        Verb::Schema(arguments) => schema::run(desk, arguments),
        Verb::Kinds(arguments) => kinds::run(desk, arguments),
        Verb::Simulator(arguments) => simulator::run(desk, arguments),
        Verb::Completions(arguments) => completions::run(desk, arguments),
        Verb::Config(arguments) => config::run(desk, arguments),
    }
}

/// Returns what the verbs that know it say about `--parallel`.
pub(crate) fn parallel(verb: &Verb) -> Option<String> {
    match verb {
        Verb::Failover(it) | Verb::Failback(it) | Verb::Drill(it) => it.parallel.clone(),
        Verb::Reprotect(it) => it.journey.parallel.clone(),
        Verb::Simulate(it) => it.parallel.clone(),
        _ => None,
    }
}
