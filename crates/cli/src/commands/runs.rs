//! `leeward runs`: the runs of a journal, newest first.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use leeward_engine::{
    id::RunId,
    port::RunSummary,
    view::{RunView, Standing},
};
use serde_json::json;

use super::{Desk, mail};
use crate::{
    exit::Exit,
    failure::Failure,
    ports::{self, runtime},
    report::state_of,
    screen::{Columns, Label, Paint, between, short, span, standing_word, when},
};

/// What `leeward runs` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many, newest first
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table
    Human,
    /// JSON
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    runtime::light(async {
        let store = ports::store::open_reading(desk).await?;
        let mut runs = Vec::new();
        let mut yielded = BTreeMap::new();
        for summary in store.runs().await?.into_iter().take(arguments.limit) {
            // A damaged run must not hide the others.
            let state = state_of(store.records(&summary.header.run, 1)).await;
            let view = state.ok().map(|state| {
                mail::note_yielded(&state, &summary.header.run, &mut yielded);
                RunView::from(&state)
            });
            runs.push((summary, view));
        }
        let text = match arguments.format {
            Format::Human => human(&runs, &yielded, desk.terminal.out),
            Format::Json => machine(&runs, &yielded),
        };
        desk.terminal.result(&text)?;
        Ok(Exit::Holds)
    })
}

/// Returns the table.
pub fn human(
    runs: &[(RunSummary, Option<RunView>)],
    yielded: &BTreeMap<RunId, RunId>,
    paint: Paint,
) -> String {
    if runs.is_empty() {
        return "There is no run in this journal yet.\n".to_owned();
    }
    let mut table = Columns::new(&["run", "runbook", "journey", "standing", "took", "plan", "held by"]);
    for (summary, view) in runs {
        let header = &summary.header;
        let (word, label, took) = match view {
            None => ("unreadable".to_owned(), Label::Bad, String::new()),
            Some(view) => (
                match (view.standing, yielded.get(&header.run)) {
                    (Standing::Ended(_), _) | (_, None) => standing_word(view.standing).to_owned(),
                    (_, Some(to)) => format!("had to yield to {to}"),
                },
                match view.standing {
                    Standing::Ended(leeward_engine::event::Outcome::Done) => Label::Done,
                    Standing::Ended(leeward_engine::event::Outcome::Degraded) => Label::Degraded,
                    Standing::Ended(_) | Standing::Stuck | Standing::Failed => Label::Bad,
                    Standing::AtGate | Standing::Paused => Label::Asking,
                    Standing::Moving => Label::Moving,
                },
                span(between(view.opened_at, view.at)),
            ),
        };
        let holder = summary.lease.as_ref().map(|lease| {
            format!(
                "{} on {}, last heartbeat {}",
                lease.holder.user,
                lease.holder.host,
                when(lease.heartbeat)
            )
        });
        table.labelled(vec![
            (header.run.to_string(), None),
            (header.runbook.clone(), None),
            (header.journey.to_string(), None),
            (word, Some(label)),
            (took, None),
            (short(&header.plan_digest).to_owned(), Some(Label::Quiet)),
            (holder.unwrap_or_default(), None),
        ]);
    }
    table.show(paint)
}

fn machine(runs: &[(RunSummary, Option<RunView>)], yielded: &BTreeMap<RunId, RunId>) -> String {
    let list: Vec<_> = runs
        .iter()
        .map(|(summary, view)| {
            json!({
                "run": summary.header.run,
                "runbook": summary.header.runbook,
                "journey": summary.header.journey,
                "plan": summary.header.plan_digest,
                "created": summary.header.created,
                "records": summary.records,
                "standing": view.as_ref().map(|view| view.standing),
                "exit": view.as_ref().map(|view| Exit::of(view).code()),
                "yielded-to": yielded.get(&summary.header.run),
                "lease": summary.lease,
            })
        })
        .collect();
    let all = json!({"format": "leeward-runs", "version": 1, "runs": list});
    format!("{all:#}\n")
}
