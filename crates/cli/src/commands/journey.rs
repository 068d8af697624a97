//! `leeward failover`, `failback`, `drill` and `reprotect`: one way for all four journeys.

use std::{collections::BTreeMap, sync::Arc};

use clap::{Args, ValueEnum};
use leeward_engine::{
    conductor::{Conductor, NewRun},
    event::{Approval, Person, RunOptions},
    id::RunId,
    port::{Clock, Drivers, Files},
};
use leeward_runbook::{
    finding::{Finding, code_list::SECOND_PERSON},
    journey::Journey,
    plan::{Plan, PlannedStep},
};

use super::{
    Desk, conduct, outlook, plan,
    runbook::{self, Listener, Made, Part, Source},
};
use crate::{
    code::Code,
    exit::Exit,
    failure::Failure,
    ports::{self, folder::PlanFiles, runtime},
    screen::{self, Beside, Progress},
};

/// What the journeys understand.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to move.
    #[command(flatten)]
    pub source: Source,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Go only if this is the plan; at least eight letters of its digest
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
    /// When the outage was declared, which starts the RTO clock; now when left out
    #[arg(long, value_name = "TIME")]
    pub declared_at: Option<jiff::Timestamp>,
    /// Approve every gate and every loss in advance, as yourself
    #[arg(long, requires = "reason")]
    pub approve_all: bool,
    /// Why, for --approve-all
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Open every gate alone, whoever else it needs; the first line of the report
    #[arg(long, value_name = "REASON", conflicts_with = "approve_all")]
    pub break_glass: Option<String>,
    /// How many steps may be under way at once [env: LEEWARD_PARALLEL]
    #[arg(long, value_name = "N")]
    pub parallel: Option<String>,
    /// End with 22 when only a gate is left to wait for
    #[arg(long)]
    pub no_wait: bool,
    /// How to tell the run
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Progress on stderr, the report on stdout
    Human,
    /// One event a line on stdout
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, journey: Journey, arguments: Arguments) -> Result<Exit, Failure> {
    let made = runbook::make(
        desk,
        &arguments.source,
        &arguments.part,
        journey,
        &[],
        Listener::Person,
    )?;
    let Some(made) = made else {
        return Ok(Exit::Findings);
    };
    let endpoint = ports::azure::endpoint(desk)?;
    let local = endpoint.is_loopback();
    let (journal, asked) = ports::store::place(desk)?;
    if !local && !asked {
        return Err(Failure::new(
            Code::LocalJournal,
            "a journal on this machine alone must be asked for",
        )
        .because("it cannot keep a run on another machine away from the same targets")
        .hint("name it with `--journal FILE`, LEEWARD_JOURNAL or `journal` in leeward.toml"));
    }
    let terminal = &desk.terminal;
    terminal.advise(&screen::findings(&made.warnings, terminal.err));
    if !local {
        terminal.advise(&screen::findings(&second_person(&made.plan), terminal.err));
    }
    // What cannot work is refused before anybody is asked.
    let clock: Arc<dyn Clock> = Arc::new(ports::clock::real());
    let files: Arc<dyn Files> = Arc::new(PlanFiles::of(&made.plan, &made.files));
    let blockers = runtime::light(async {
        let reach = ports::azure::proven(desk, &clock).await?;
        let claimed = outlook::claimed(&Arc::new(made.plan.clone()), &reach.drivers, &files);
        Ok(outlook::blockers(&reach.arm, &claimed).await)
    })?;
    // Anew: connections die with the runtime in which they were made.
    let drivers = ports::azure::drivers(desk, &clock)?;
    let caution = format!(
        "The journal is a file of this machine ({}): it guards against other runs here and nowhere else.",
        journal.display()
    );
    let address = endpoint.url().to_string();
    let beside = Beside {
        caution: (!local).then_some(caution.as_str()),
        resources: Some(plan::resources(&made.plan, &made.files)?),
        endpoint: Some(&address),
        serving: made.serving.as_deref(),
        ..Beside::default()
    };
    terminal.advise(&screen::plan(&made.plan, beside, terminal.err));
    terminal.advise(&outlook::in_the_way(&blockers, terminal.err));
    confirm(desk, &made.plan, &arguments)?;
    runtime::wide(conducted(desk, made, &arguments, local, drivers))
}

/// Warns of every gate for two persons: a journal that lies on one machine cannot prove the second.
fn second_person(plan: &Plan) -> Vec<Finding> {
    let gates = plan.steps.iter().filter(|step| {
        step.kind == "gate.approval" && step.settings.get("four-eyes") == Some(&serde_json::Value::Bool(true))
    });
    let warn = |step: &Arc<PlannedStep>| Finding {
        reason: "this journal lies on one machine: the second name is recorded as stated, not proven"
            .to_owned(),
        remedies: vec![
            "let two people approve, each under an account of their own, and compare the names in the report"
                .to_owned(),
        ],
        ..Finding::warning(
            SECOND_PERSON,
            format!("gate `{}` is for two persons and needs a shared journal", step.id),
        )
    };
    gates.map(warn).collect()
}

async fn conducted(
    desk: &Desk,
    made: Made,
    arguments: &Arguments,
    local: bool,
    drivers: Arc<dyn Drivers>,
) -> Result<Exit, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(ports::clock::real());
    let now = clock.now().wall;
    let by = ports::identity::person(&desk.settings);
    let stop = conduct::stopper();
    let conductor = Conductor {
        store: ports::store::open(desk)?,
        drivers,
        clock: clock.clone(),
        holder: ports::identity::holder(&desk.settings),
        manners: conduct::manners(arguments.no_wait),
        stop: stop.clone(),
    };
    let new = NewRun {
        run: RunId::new(now, uuid::Uuid::new_v4().as_fields().0),
        approvals: approvals(&by, &made.plan.digest(), arguments, local),
        plan: made.plan,
        options: RunOptions {
            declared_at: arguments.declared_at.unwrap_or(now).min(now),
            parallel: desk.settings.parallel()?,
            rehearsal: false,
        },
        by,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        files: made.files.into_iter().collect(),
    };
    let run = new.run.clone();
    desk.terminal.advise(&format!("Run {run}\n"));
    let progress = Progress::choose(&desk.terminal, arguments.format == Format::Json, 0);
    let mut observer = &progress;
    let conducted = conduct::watched(&progress, clock, stop, conductor.start(new, &mut observer)).await?;
    conduct::tell_end(desk, &conducted, arguments.format == Format::Human)
}

/// Returns what the command line agrees to in advance.
fn approvals(by: &Person, digest: &str, arguments: &Arguments, local: bool) -> Vec<(Person, Approval)> {
    let approval = Approval {
        step: None,
        plan_digest: digest.to_owned(),
        ceilings: BTreeMap::new(),
        everything: true,
        both_eyes: local,
        break_glass: None,
        reason: arguments.reason.clone(),
    };
    if let Some(reason) = &arguments.break_glass {
        return vec![(
            by.clone(),
            Approval {
                both_eyes: true,
                break_glass: Some(reason.clone()),
                reason: Some(reason.clone()),
                ..approval
            },
        )];
    }
    match arguments.approve_all {
        // One person is one of two pairs of eyes, except against a simulator on this machine.
        true => vec![(by.clone(), approval)],
        false => Vec::new(),
    }
}

fn confirm(desk: &Desk, plan: &Plan, arguments: &Arguments) -> Result<(), Failure> {
    let digest = plan.digest();
    for reason in [&arguments.reason, &arguments.break_glass].into_iter().flatten() {
        super::mail::reason(reason)?;
    }
    if let Some(named) = &arguments.plan {
        return plan::same(&digest, named);
    }
    if arguments.yes {
        return Ok(());
    }
    if !desk.terminal.asks {
        return Err(Failure::new(
            Code::NotConfirmed,
            format!("{} changes things and nobody can be asked", plan.journey),
        )
        .because("there is no terminal to ask on")
        .hint(format!("agree to this very plan with `--plan {}`", &digest[..12]))
        .hint("or to whatever the plan says with `--yes`"));
    }
    let question = format!(
        "Type the first letters of the plan's digest to go ({}):",
        &digest[..8]
    );
    let answer = desk.terminal.ask(&question)?.to_ascii_lowercase();
    match answer.len() >= 4 && digest.starts_with(&answer) {
        true => Ok(()),
        false => Err(Failure::new(
            Code::Declined,
            "not agreed: these are not the first letters of the plan's digest",
        )
        .because("at least four letters are needed")
        .hint("nothing was changed")),
    }
}
