//! `leeward settle`: a person says what became of a change whose outcome is unknown.

use clap::{Args, ValueEnum};
use leeward_engine::{
    port::{Command, Verdict},
    view::{OperationView, StepView},
};

use super::{Desk, mail};
use crate::{code::Code, exit::Exit, failure::Failure, ports::runtime};

/// What `leeward settle` understands.
#[derive(Debug, Args)]
#[command(override_usage = "leeward settle [OPTIONS] --as <WHAT> --reason <TEXT> [RUN] <STEP>")]
pub struct Arguments {
    /// The step, after its run (the newest unfinished one when left out)
    #[arg(value_name = "STEP", required = true, num_args = 1..=2)]
    pub words: Vec<String>,
    /// What became of it
    #[arg(long = "as", value_enum, value_name = "WHAT")]
    pub verdict: Word,
    /// One operation of the step; every stuck one when left out
    #[arg(long, value_name = "NAME")]
    pub operation: Option<String>,
    /// How you know
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How to answer.
    #[command(flatten)]
    pub answer: mail::Answer,
}

/// What a person says became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Word {
    /// It happened
    Done,
    /// It never arrived and may be begun again
    NotBegun,
    /// It happened and failed
    Failed,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let reason = mail::reason(&arguments.reason)?;
    let (run, step) = mail::address_of_step(&arguments.words, "settle")?;
    let verdict = match arguments.verdict {
        Word::Done => Verdict::Done,
        Word::NotBegun => Verdict::NotBegun,
        Word::Failed => Verdict::Failed,
    };
    runtime::light(async {
        let found = mail::find(desk, run).await?;
        let view = found.step(&step)?;
        if let Some(name) = &arguments.operation
            && !view.operations.iter().any(|operation| &operation.id == name)
        {
            let names: Vec<&str> = view
                .operations
                .iter()
                .map(|operation| operation.id.as_str())
                .collect();
            return Err(Failure::new(
                Code::NoSuchStep,
                format!("step `{step}` has no operation `{name}`"),
            )
            .hint(format!("its operations are {}", names.join(", "))));
        }
        desk.terminal
            .advise(&known(view, arguments.operation.as_deref(), verdict));
        let command = Command::Settle {
            step: view.id.clone(),
            operation: arguments.operation.clone(),
            verdict,
            reason,
        };
        mail::send(desk, &found, command, arguments.answer.format).await
    })
}

/// Says what the journal knows of the operations, and what of that speaks against the verdict.
fn known(step: &StepView, name: Option<&str>, verdict: Verdict) -> String {
    let mut text = String::new();
    let meant = |operation: &&OperationView| name.is_none_or(|name| operation.id == name);
    for operation in step.operations.iter().filter(meant) {
        text.push_str(&format!("  {}  {}\n", operation.id, operation.detail));
        let against = match verdict {
            Verdict::NotBegun | Verdict::Failed if operation.reached => Some("its goal was seen to hold"),
            Verdict::Done if operation.sends == 0 => Some("nothing was ever sent"),
            Verdict::NotBegun if operation.word.is_some() => Some("Azure has spoken of it as under way"),
            _ => None,
        };
        if let Some(against) = against {
            text.push_str(&format!("  {}  speaks against it: {against}\n", operation.id));
        }
    }
    text
}
