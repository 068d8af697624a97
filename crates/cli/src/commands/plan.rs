//! `leeward plan`: what a journey would do, in order, and the digest that stands for it.

use clap::{Args, ValueEnum};
use leeward_runbook::journey::Journey;

use super::{
    Desk,
    runbook::{Part, Source},
};
use crate::{code::Code, exit::Exit, failure::Failure};

/// What `leeward plan` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to plan.
    #[command(flatten)]
    pub source: Source,
    /// What for
    #[arg(long, value_enum, default_value_t = JourneyWord::Failover)]
    pub journey: JourneyWord,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
    /// How to print the plan
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// A journey as a word of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JourneyWord {
    /// Out of the region that serves
    Failover,
    /// Home again
    Failback,
    /// A rehearsal on the real cloud
    Drill,
    /// Replication turned round
    Reprotect,
}

impl From<JourneyWord> for Journey {
    fn from(word: JourneyWord) -> Journey {
        match word {
            JourneyWord::Failover => Journey::Failover,
            JourneyWord::Failback => Journey::Failback,
            JourneyWord::Drill => Journey::Drill,
            JourneyWord::Reprotect => Journey::Reprotect,
        }
    }
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text
    Human,
    /// JSON: the plan itself
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}

/// Checks that a digest, or its first letters, means this plan.
pub fn same(plan: &str, named: &str) -> Result<(), Failure> {
    let named = named.trim().to_ascii_lowercase();
    if named.len() >= 8 && plan.starts_with(&named) {
        return Ok(());
    }
    let failure = Failure::new(Code::OtherPlan, "this is not the plan that you named")
        .because(format!("its digest is {plan}"));
    Err(match named.len() < 8 {
        true => failure.hint("name at least eight letters of the digest"),
        false => failure
            .because(format!("you named {named}"))
            .hint("something it depends on changed: look at it again with `leeward plan`"),
    })
}
