//! Which side serves before replication is turned round: the one that is named, else the one that
//! the last move in the journal left serving, else the paired one.

use clap::ValueEnum;
use leeward_engine::{
    event::Outcome,
    port::RunSummary,
    view::{RunView, Standing},
};
use leeward_runbook::journey::{Journey, Side};

use super::Desk;
use crate::{
    code::Code,
    failure::Failure,
    ports::{self, runtime},
    report::state_of,
};

/// A side as a word of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SideWord {
    /// Where the platform lives on a good day
    Primary,
    /// Where it takes shelter
    Paired,
}

impl From<SideWord> for Side {
    fn from(word: SideWord) -> Side {
        match word {
            SideWord::Primary => Side::Primary,
            SideWord::Paired => Side::Paired,
        }
    }
}

/// The side that serves, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// The side.
    pub side: Side,
    /// How it is known, for people.
    pub because: String,
}

/// Finds the side that serves before a journey of a runbook; nothing where the journey itself says so.
pub fn find(
    desk: &Desk,
    runbook: &str,
    journey: Journey,
    said: Option<SideWord>,
) -> Result<Option<Serving>, Failure> {
    match (journey, said) {
        (Journey::Reprotect, Some(word)) => Ok(Some(Serving {
            side: word.into(),
            because: "as `--serving` says".to_owned(),
        })),
        (Journey::Reprotect, None) => by_journal(desk, runbook).map(Some),
        (_, None) => Ok(None),
        (_, Some(_)) => Err(Failure::new(
            Code::Incomplete,
            format!("`--serving` has no meaning for {journey}"),
        )
        .because("only reprotect can go either way; every other journey knows which side it leaves")
        .hint("leave `--serving` out")),
    }
}

fn by_journal(desk: &Desk, runbook: &str) -> Result<Serving, Failure> {
    let (path, _) = ports::store::place(desk)?;
    if path.is_file() {
        let found = runtime::light(async {
            let store = ports::store::open_reading(desk).await?;
            for summary in store.runs().await? {
                if !is_move(&summary, runbook) {
                    continue;
                }
                let Ok(state) = state_of(store.records(&summary.header.run, 1)).await else {
                    return Err(unclear(&summary, "cannot be read"));
                };
                let view = RunView::from(&state);
                match view.standing {
                    Standing::Ended(Outcome::Done | Outcome::Degraded) => {
                        let because = format!("as {} {} left it", view.journey, view.run);
                        let side = state.plan.target.side;
                        return Ok(Some(Serving { side, because }));
                    }
                    Standing::Ended(_) if !changed(&view) => {}
                    Standing::Ended(_) => return Err(unclear(&summary, "did not reach its goal")),
                    _ => return Err(unclear(&summary, "is not over")),
                }
            }
            Ok(None)
        })?;
        if let Some(serving) = found {
            return Ok(serving);
        }
    }
    Ok(Serving {
        side: Side::Paired,
        because: "as after a failover, since the journal knows of no move; else say `--serving primary`"
            .to_owned(),
    })
}

fn is_move(summary: &RunSummary, runbook: &str) -> bool {
    let header = &summary.header;
    summary.records > 0
        && header.runbook == runbook
        && matches!(header.journey, Journey::Failover | Journey::Failback)
}

/// Whether a run sent anything at all; one that was refused or cancelled at its first gate did not.
fn changed(view: &RunView) -> bool {
    let operations = view.steps.iter().flat_map(|step| &step.operations);
    operations.into_iter().any(|operation| operation.sends > 0)
}

fn unclear(summary: &RunSummary, why: &str) -> Failure {
    let header = &summary.header;
    Failure::new(Code::Incomplete, "it is not known which side serves")
        .because(format!("the last move, {} {}, {why}", header.journey, header.run))
        .hint("run `leeward status --world RUNBOOK` to read it from Azure")
        .hint("then say it: `--serving primary` or `--serving paired`")
}
