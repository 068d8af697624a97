//! `leeward plan`: what a journey would do, in order, and the digest that stands for it.

use std::{collections::BTreeSet, sync::Arc};

use clap::{Args, ValueEnum};
use leeward_azure::pace::forecast;
use leeward_engine::{
    id::RunId,
    port::{Clock, Context, Files, SourceRegion},
};
use leeward_runbook::{
    journey::Journey,
    plan::{PinnedFiles, Plan, PlannedStep},
};

use super::{
    Desk,
    runbook::{self, Listener, Part, Source},
    serving::SideWord,
};
use crate::{
    code::Code,
    exit::Exit,
    failure::Failure,
    ports::{self, folder::PlanFiles},
    screen::{self, Beside},
};

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
    /// For reprotect, which side serves; what the last move in the journal left serving when left out
    #[arg(long, value_enum, value_name = "SIDE")]
    pub serving: Option<SideWord>,
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
    let journey = arguments.journey.into();
    let listener = match arguments.format {
        Format::Human => Listener::Person,
        Format::Json => Listener::Machine,
    };
    let part = Part {
        serving: arguments.serving,
        ..arguments.part.clone()
    };
    let Some(made) = runbook::make(desk, &arguments.source, &part, journey, &[], listener)? else {
        return Ok(Exit::Findings);
    };
    let plan = &made.plan;
    desk.terminal
        .advise(&screen::findings(&made.warnings, desk.terminal.err));
    let text = match arguments.format {
        Format::Human => {
            let calls = forecast::budget(plan);
            let beside = Beside {
                resources: Some(resources(plan, &made.files)?),
                serving: made.serving.as_deref(),
                calls: Some(&calls),
                ..Beside::default()
            };
            screen::plan(plan, beside, desk.terminal.out)
        }
        Format::Json => machine(plan)?,
    };
    desk.terminal.result(&text)?;
    Ok(match changes(plan) {
        true => Exit::WouldChange,
        false => Exit::Holds,
    })
}

fn machine(plan: &Plan) -> Result<String, Failure> {
    let plan_json = serde_json::to_value(plan).map_err(|error| Failure::defect(error.to_string()))?;
    let all = serde_json::json!({
        "format": "leeward-plan",
        "version": plan.format,
        "digest": plan.digest(),
        "plan": plan_json,
        "calls": forecast::budget(plan),
    });
    Ok(format!("{all:#}\n"))
}

/// Returns whether a plan has a step that changes anything; checks and gates do not.
pub fn changes(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| {
        !step.kind.starts_with("check.")
            && !step.kind.starts_with("gate.")
            && leeward_runbook::kinds::find(&step.kind).is_none_or(|kind| !kind.operations.is_empty())
    })
}

/// Counts the resources that a plan touches, without asking anybody.
pub fn resources(plan: &Plan, files: &PinnedFiles) -> Result<usize, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(ports::clock::real());
    let drivers = ports::azure::drivers_on_paper(&clock)?;
    let files: Arc<dyn Files> = Arc::new(PlanFiles::of(plan, files));
    let plan = Arc::new(plan.clone());
    let mut targets = BTreeSet::new();
    for step in &plan.steps {
        if let Some(driver) = drivers.of(&step.kind) {
            let context = on_paper(&plan, step, &files);
            targets.extend(
                driver
                    .targets(&context)
                    .into_iter()
                    .map(|target| target.to_lowercase()),
            );
        }
    }
    Ok(targets.len())
}

/// Makes the context of a step before anything ran: expressions that need outputs stay as written.
pub fn on_paper(plan: &Arc<Plan>, step: &PlannedStep, files: &Arc<dyn Files>) -> Context {
    Context {
        run: RunId("r-on-paper".to_owned()),
        plan: plan.clone(),
        step: Arc::new(step.clone()),
        settings: Arc::new(step.settings.clone()),
        source: Arc::new(step.source.clone()),
        target: Arc::new(step.target.clone()),
        source_region: match plan.region_down {
            true => SourceRegion::Closed,
            false => SourceRegion::Open,
        },
        outage_since: None,
        files: files.clone(),
    }
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
