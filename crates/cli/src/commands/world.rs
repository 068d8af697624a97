//! `leeward status --world`: which side each target serves from, read from Azure without any journal.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use futures::future::join_all;
use leeward_azure::governance::outlook::{Blocker, Evidence};
use leeward_engine::{
    port::{Clock, Context, Driver, Drivers, Files, SourceRegion},
    work::{Assessment, Observation, Phase},
};
use leeward_runbook::{
    Runbook,
    journey::Journey,
    model::{Parameter, ParameterType},
    plan::Plan,
};
use serde_json::json;

use super::{
    Desk, outlook,
    plan::on_paper,
    runbook::{self, Listener, Part, Source},
    status::{Arguments, Format},
};
use crate::{
    exit::Exit,
    failure::Failure,
    ports::{self, folder::PlanFiles, runtime},
    screen::{Columns, Label, Paint},
};

/// Where one target serves from, as far as Azure says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The step.
    pub step: String,
    /// Its kind.
    pub kind: String,
    /// The side in words.
    pub side: Serves,
    /// What was read.
    pub evidence: String,
}

/// Which side serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serves {
    /// The region that the plan leaves: a failover would have something to do.
    Source(String),
    /// The region that the plan goes to: a failover has nothing left to do.
    Target(String),
    /// Some of it here, some of it there.
    Between,
    /// Nobody can tell.
    Unknown,
}

/// Runs the verb.
pub(super) fn run(desk: &Desk, runbook: &Path, arguments: &Arguments) -> Result<Exit, Failure> {
    let source = Source {
        runbook: runbook.to_owned(),
        set: arguments.set.clone(),
        parameters: arguments.parameters.clone(),
    };
    let listener = match arguments.format {
        Format::Human => Listener::Person,
        Format::Json => Listener::Machine,
    };
    let file = runbook::file_of(runbook);
    let reading = leeward_runbook::read(&file.display().to_string(), &runbook::bytes_of(&file)?);
    let beneath = reading.runbook.as_ref().map(not_needed).unwrap_or_default();
    let made = runbook::make(
        desk,
        &source,
        &Part::default(),
        Journey::Failover,
        &beneath,
        listener,
    )?;
    let Some(made) = made else {
        return Ok(Exit::Findings);
    };
    runtime::light(async {
        let clock: Arc<dyn Clock> = Arc::new(ports::clock::real());
        let reach = ports::azure::proven(desk, &clock).await?;
        let files: Arc<dyn Files> = Arc::new(PlanFiles::of(&made.plan, &made.files));
        let plan = Arc::new(made.plan);
        let claimed = outlook::claimed(&plan, &reach.drivers, &files);
        let (seen, blockers, health) = tokio::join!(
            look(&plan, &reach.drivers, &files),
            outlook::blockers(&reach.arm, &claimed),
            outlook::evidence(&reach.arm, &claimed),
        );
        let paint = desk.terminal.out;
        let text = match arguments.format {
            Format::Human => [
                human(&seen, paint),
                outlook::in_the_way(&blockers, paint),
                outlook::health(&health, clock.now().wall, paint),
            ]
            .concat(),
            Format::Json => machine(&seen, &blockers, &health),
        };
        desk.terminal.result(&text)?;
        Ok(Exit::Holds)
    })
}

/// Returns values for the parameters that no step reads which is looked at: a number of a change that only
/// messages carry must not stand in the way of a look. They go nowhere.
fn not_needed(runbook: &Runbook) -> Vec<(String, String)> {
    let looked_at = runbook
        .steps
        .iter()
        .filter(|step| step.kind.as_ref().is_some_and(|kind| is_looked_at(&kind.value)));
    let read: BTreeSet<&str> = looked_at
        .flat_map(|step| &step.reads)
        .filter_map(|read| match read.reference.path.as_slice() {
            [root, name, ..] if matches!(root.as_str(), "params" | "parameters") => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let without = runbook
        .parameters
        .iter()
        .filter(|parameter| parameter.default.is_none() && !read.contains(&*parameter.name.value));
    let value = |parameter: &Parameter| {
        let text = match parameter.shape {
            // The one that every step falls back on.
            ParameterType::SubscriptionId => return None,
            ParameterType::Choice => parameter.choices.first()?,
            ParameterType::String | ParameterType::Name => "not-given",
            ParameterType::Number => "0",
            ParameterType::Flag => "false",
            ParameterType::Duration => "0s",
            ParameterType::ResourceId => {
                "/subscriptions/none/resourceGroups/none/providers/Not.Given/things/none"
            }
            ParameterType::Url => "https://not-given.invalid/",
            ParameterType::Secret => "env:NOT_GIVEN",
        };
        Some((parameter.name.value.to_string(), text.to_owned()))
    };
    without.filter_map(value).collect()
}

/// Whether Azure can be asked which side a kind's step serves from.
fn is_looked_at(kind: &str) -> bool {
    kind.starts_with("azure.") && kind != "azure.resource"
}

/// Asks every driver that has something to move which side it is on.
pub async fn look(plan: &Arc<Plan>, drivers: &Arc<dyn Drivers>, files: &Arc<dyn Files>) -> Vec<Seen> {
    let mut asked = Vec::new();
    for step in &plan.steps {
        if let (true, Some(driver)) = (is_looked_at(&step.kind), drivers.of(&step.kind)) {
            let context = Context {
                source_region: SourceRegion::Open,
                ..on_paper(plan, step, files)
            };
            asked.push(async move {
                let assessed = driver.assess(&context).await;
                let (side, evidence) = match assessed {
                    Ok(assessment) => {
                        let side = side(plan, driver.as_ref(), &context, &assessment).await;
                        (side, assessment.summary)
                    }
                    Err(error) => (Serves::Unknown, error.to_string()),
                };
                Seen {
                    step: context.step.id.to_string(),
                    kind: context.step.kind.clone(),
                    side,
                    evidence,
                }
            });
        }
    }
    join_all(asked).await
}

/// A step whose every goal holds, or that has nothing left to change, has moved already.
async fn side(plan: &Plan, driver: &dyn Driver, context: &Context, assessment: &Assessment) -> Serves {
    let main = assessment
        .operations
        .iter()
        .filter(|operation| operation.phase == Phase::Main);
    let seen = join_all(main.map(|operation| driver.observe(context, operation))).await;
    let holds = seen
        .iter()
        .filter(|seen| matches!(seen, Observation::Holds { .. }))
        .count();
    let dark = seen
        .iter()
        .any(|seen| matches!(seen, Observation::CannotTell { .. }));
    match (holds, dark) {
        (holds, false) if holds == seen.len() => Serves::Target(plan.target.region.clone()),
        (_, true) => Serves::Unknown,
        (0, false) => Serves::Source(plan.source.region.clone()),
        (_, false) => Serves::Between,
    }
}

fn human(seen: &[Seen], paint: Paint) -> String {
    if seen.is_empty() {
        return "No step of this runbook moves anything that Azure could be asked about.\n".to_owned();
    }
    let mut table = Columns::new(&["step", "serves from", "what Azure says"]);
    for row in seen {
        let (words, label) = match &row.side {
            Serves::Source(region) | Serves::Target(region) => (region.clone(), None),
            Serves::Between => ("both, in part".to_owned(), Some(Label::Degraded)),
            Serves::Unknown => ("unknown".to_owned(), Some(Label::Degraded)),
        };
        table.labelled(vec![
            (row.step.clone(), None),
            (words, label),
            (row.evidence.clone(), Some(Label::Quiet)),
        ]);
    }
    table.show(paint)
}

fn machine(seen: &[Seen], blockers: &[Blocker], health: &[Evidence]) -> String {
    let rows: Vec<_> = seen
        .iter()
        .map(|row| {
            let (region, moved) = match &row.side {
                Serves::Source(region) => (Some(region), Some(false)),
                Serves::Target(region) => (Some(region), Some(true)),
                Serves::Between | Serves::Unknown => (None, None),
            };
            json!({"step": row.step, "kind": row.kind, "region": region, "moved": moved, "evidence": row.evidence})
        })
        .collect();
    let all = json!({
        "format": "leeward-world",
        "version": 1,
        "targets": rows,
        "blockers": blockers,
        "health": outlook::health_json(health),
    });
    format!("{all:#}\n")
}
