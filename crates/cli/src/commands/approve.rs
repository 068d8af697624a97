//! `leeward approve`: opens gates and agrees to the losses that the table shows now.

use std::collections::BTreeMap;

use clap::Args;
use leeward_engine::{
    event::Approval,
    id::StepId,
    port::Command,
    view::{RunView, StepView, StepWord},
};

use super::{Desk, mail};
use crate::{
    code::Code,
    exit::Exit,
    failure::Failure,
    ports::runtime,
    screen::{Label, Rows, losses, short},
};

/// What `leeward approve` understands.
#[derive(Debug, Args)]
#[command(override_usage = "leeward approve [OPTIONS] [RUN] [STEP]")]
pub struct Arguments {
    /// One gate or step (all that wait when left out), after its run (the newest unfinished one when left out)
    #[arg(value_name = "STEP", num_args = 0..=2)]
    pub words: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Open every gate alone, or only STEP, whoever else it needs; the first line of the report
    #[arg(long, value_name = "REASON", conflicts_with = "reason")]
    pub break_glass: Option<String>,
    /// Agree only if this is the run's plan
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: mail::Answer,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let (run, step) = mail::address(&arguments.words)?;
    let reason = arguments.reason.as_deref().map(mail::reason).transpose()?;
    let break_glass = arguments.break_glass.as_deref().map(mail::reason).transpose()?;
    runtime::light(async {
        let found = mail::find(desk, run).await?;
        let view = &found.view;
        let step = match &step {
            Some(name) => Some(mail::id(found.step(name)?)),
            None => None,
        };
        if let Some(digest) = &arguments.plan {
            super::plan::same(&view.plan_digest, digest)?;
        }
        let waiting: Vec<StepId> = view
            .steps
            .iter()
            .filter(|step| waits(step))
            .map(mail::id)
            .collect();
        // Only what a person could see is approved: nobody agrees to a gate that may come.
        if waiting.is_empty() && step.is_none() && break_glass.is_none() {
            return Err(
                Failure::new(Code::Incomplete, "nothing waits at a gate; name the gate")
                    .because(format!(
                        "no step of run {} asks for anybody's word at this moment",
                        view.run
                    ))
                    .hint(format!("run `leeward status {}` to see its steps", view.run))
                    .hint(format!(
                        "to agree to a gate before it is reached: leeward approve {} STEP",
                        view.run
                    )),
            );
        }
        let alone = break_glass.is_some();
        desk.terminal.advise(&shown(desk, view, step.as_ref(), alone));
        // Off a terminal the word itself is the consent: it agrees to exactly what was shown.
        if desk.terminal.asks && !arguments.yes && arguments.plan.is_none() {
            confirm(desk, view)?;
        }
        let approval = |step: Option<StepId>| {
            Command::Approve(Approval {
                everything: alone && step.is_none(),
                step,
                plan_digest: view.plan_digest.clone(),
                ceilings: ceilings(view),
                both_eyes: alone,
                break_glass: break_glass.clone(),
                reason: break_glass.clone().or_else(|| reason.clone()),
            })
        };
        let commands: Vec<Command> = match step {
            Some(step) => vec![approval(Some(step))],
            None if alone => vec![approval(None)],
            None => waiting.into_iter().map(|step| approval(Some(step))).collect(),
        };
        let mut exit = Exit::Holds;
        for command in commands {
            exit = exit.or(mail::send(desk, &found, command, arguments.answer.format).await?);
        }
        Ok(exit)
    })
}

/// Whether a step asks for somebody's word. Nobody's word makes the time of a `gate.wait` pass.
fn waits(step: &StepView) -> bool {
    matches!(step.state, StepWord::AtGate | StepWord::Consent) && step.kind != "gate.wait"
}

/// Agrees to what the table shows, store by store, the unknown by name.
fn ceilings(view: &RunView) -> BTreeMap<String, leeward_engine::work::Figure> {
    let mut ceilings = BTreeMap::new();
    for row in &view.losses {
        let ceiling = ceilings.entry(row.store.clone()).or_insert(row.figure);
        *ceiling = (*ceiling).max(row.figure);
    }
    ceilings
}

fn shown(desk: &Desk, view: &RunView, step: Option<&StepId>, alone: bool) -> String {
    let paint = desk.terminal.err;
    let heading = match alone {
        true => "You agree, alone, to any loss; these are known",
        false => "You agree to these losses",
    };
    let mut text = format!("{}\n", paint.label(Label::Heading, heading));
    text.push_str(&losses(view, Rows::Stores, paint));
    text.push_str(&format!("{}\n", paint.label(Label::Heading, "and open")));
    for item in &view.steps {
        let meant = match step {
            Some(step) => &item.id == step,
            None => waits(item),
        };
        if meant {
            text.push_str(&format!("  {}  {}\n", item.id, item.detail));
        }
    }
    if alone && step.is_none() {
        text.push_str("  every other gate of this run, once it is reached\n");
    }
    text
}

fn confirm(desk: &Desk, view: &RunView) -> Result<(), Failure> {
    let digest = short(&view.plan_digest);
    let question = format!("Type the first letters of the plan's digest to agree ({digest}):");
    let answer = desk.terminal.ask(&question)?;
    match answer.len() >= 4 && view.plan_digest.starts_with(&answer.to_ascii_lowercase()) {
        true => Ok(()),
        false => Err(Failure::new(
            Code::Declined,
            "not agreed: these are not the digest's first letters",
        )
        .hint("nothing was sent")),
    }
}
