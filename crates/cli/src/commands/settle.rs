//! `leeward settle`: a person says what became of a change whose outcome is unknown.

use std::{sync::Arc, time::Duration};

use clap::{Args, ValueEnum};
use futures::future::join_all;
use leeward_engine::{
    port::{Clock, Command, Files, Verdict},
    view::{OperationView, StepView},
    work::Observation,
};
use leeward_runbook::plan::PinnedFiles;

use super::{Desk, mail, plan::on_paper};
use crate::{
    code::Code,
    exit::Exit,
    failure::Failure,
    ports::{self, folder::PlanFiles, runtime},
};

/// How long Azure is asked before the journal alone speaks.
const PATIENCE: Duration = Duration::from_secs(20);

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
    /// Settle although what is seen speaks against it
    #[arg(long, short)]
    pub yes: bool,
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
        let seen = look(desk, &found, view, arguments.operation.as_deref()).await;
        let (text, against) = judged(view, &seen, arguments.operation.as_deref(), verdict);
        desk.terminal.advise(&text);
        if against && !arguments.yes {
            insist(desk)?;
        }
        let command = Command::Settle {
            step: view.id.clone(),
            operation: arguments.operation.clone(),
            verdict,
            reason,
        };
        mail::send(desk, &found, command, arguments.answer.format).await
    })
}

/// Asks a person who settles against what is seen.
fn insist(desk: &Desk) -> Result<(), Failure> {
    if !desk.terminal.asks {
        return Err(Failure::new(Code::NotConfirmed, "what is seen speaks against it")
            .hint("look again with `leeward status`, or insist with `--yes`"));
    }
    let question = "What is seen speaks against it. Type `yes` to settle all the same:";
    match desk.terminal.ask(question)?.as_str() {
        "yes" => Ok(()),
        _ => Err(Failure::new(Code::Declined, "not settled").hint("nothing was sent")),
    }
}

/// Asks Azure how the operations stand now. Where nobody answers, the journal alone speaks.
async fn look(
    desk: &Desk,
    found: &mail::Found,
    step: &StepView,
    name: Option<&str>,
) -> Vec<(String, Observation)> {
    let clock: Arc<dyn Clock> = Arc::new(ports::clock::real());
    let (Ok(drivers), state) = (ports::azure::drivers(desk, &clock), &found.state) else {
        return Vec::new();
    };
    let (Some(place), Some(driver)) = (state.place(&step.id), drivers.of(&step.kind)) else {
        return Vec::new();
    };
    let files: Arc<dyn Files> = Arc::new(PlanFiles::of(&state.plan, &PinnedFiles::new()));
    let context = on_paper(&state.plan, &state.planned[place], &files);
    let (context, driver) = (&context, &driver);
    let meant = state.steps[place]
        .operations
        .iter()
        .map(|operation| &operation.plan);
    let meant = meant.filter(|plan| name.is_none_or(|name| plan.id.as_str() == name));
    let asked = meant.map(|plan| async move {
        let observed = tokio::time::timeout(PATIENCE, driver.observe(context, plan)).await;
        let unseen = Observation::CannotTell {
            reason: "no answer in time".to_owned(),
        };
        (plan.id.to_string(), observed.unwrap_or(unseen))
    });
    join_all(asked).await
}

/// Says what the journal and Azure know of the operations, and whether that speaks against the verdict.
fn judged(
    step: &StepView,
    seen: &[(String, Observation)],
    name: Option<&str>,
    verdict: Verdict,
) -> (String, bool) {
    let (mut text, mut any) = (String::new(), false);
    let meant = |operation: &&OperationView| name.is_none_or(|name| operation.id == name);
    for operation in step.operations.iter().filter(meant) {
        text.push_str(&format!("  {}  {}\n", operation.id, operation.detail));
        let observed = seen
            .iter()
            .find(|(id, _)| *id == operation.id)
            .map(|(_, seen)| seen);
        if let Some(observed) = observed {
            text.push_str(&format!(
                "  {}  Azure says now: {}\n",
                operation.id,
                words(observed)
            ));
        }
        let against = match (verdict, observed) {
            (Verdict::NotBegun | Verdict::Failed, Some(Observation::Holds { .. })) => Some("its goal holds"),
            (_, Some(Observation::InMotion { .. })) => Some("it is under way"),
            (Verdict::Done, Some(Observation::NotBegun { .. })) => Some("its goal does not hold"),
            (Verdict::NotBegun | Verdict::Failed, _) if operation.reached => {
                Some("its goal was seen to hold")
            }
            (Verdict::Done, _) if operation.sends == 0 => Some("nothing was ever sent"),
            _ => None,
        };
        if let Some(against) = against {
            any = true;
            text.push_str(&format!("  {}  speaks against it: {against}\n", operation.id));
        }
    }
    (text, any)
}

fn words(seen: &Observation) -> String {
    match seen {
        Observation::Holds { evidence, .. } => format!("the goal holds, {evidence}"),
        Observation::InMotion { evidence, .. } => format!("under way, {evidence}"),
        Observation::Busy { evidence } => format!("something else is under way, {evidence}"),
        Observation::NotBegun { evidence } => format!("not begun, {evidence}"),
        Observation::Barred { evidence } => format!("something stands in the way, {evidence}"),
        Observation::CannotTell { reason } => format!("nobody can tell, {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn settling_against_what_azure_shows_is_pointed_out() {
        let view = sample::under_way();
        let seen = vec![(
            "failover".to_owned(),
            Observation::Holds {
                evidence: "northeurope is primary".to_owned(),
                ours: false,
                outputs: Default::default(),
            },
        )];
        let (text, against) = judged(&view.steps[1], &seen, None, Verdict::NotBegun);
        assert!(against);
        insta::assert_snapshot!("settle-against", text);
        let (_, against) = judged(&view.steps[1], &seen, None, Verdict::Done);
        assert!(!against);
    }
}
