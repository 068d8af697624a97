//! `leeward simulate`: the real code against a simulated Azure in this process, without waiting.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use leeward_engine::view::RunView;
use leeward_runbook::journey::Journey;

use super::{
    Desk,
    plan::JourneyWord,
    runbook::{self, Listener, Part, Source},
    serving::SideWord,
};
use crate::{
    exit::Exit,
    failure::Failure,
    ports::{folder::PlanFiles, runtime},
    rehearsal::{self, Rehearsal},
    report,
    screen::{self, Depth, Progress, summary},
};

/// What `leeward simulate` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to rehearse.
    #[command(flatten)]
    pub source: Source,
    /// What for
    #[arg(long, value_enum, default_value_t = JourneyWord::Failover)]
    pub journey: JourneyWord,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
    /// For reprotect, which side serves; the paired one, as after a failover, when left out
    #[arg(long, value_enum, value_name = "SIDE")]
    pub serving: Option<SideWord>,
    /// What has happened to the region that serves
    #[arg(long, value_enum, default_value_t = Outage::BothUp)]
    pub world: Outage,
    /// Break something on the way: a file of rules for the simulator; may be given again
    #[arg(long, alias = "faults", value_name = "FILE")]
    pub fault: Vec<PathBuf>,
    /// Draw every delay and every chance from this number
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// How many steps may be under way at once
    #[arg(long, value_name = "N")]
    pub parallel: Option<String>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// What has happened to the region that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Outage {
    /// Nothing: both regions serve
    BothUp,
    /// It does not serve, but its providers still answer
    ServingDown,
    /// It is gone: resource groups and providers are silent
    RegionGone,
}

/// For people, machines, pipelines and wikis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Plain text for a terminal
    Human,
    /// JSON
    Json,
    /// JUnit XML, one test case a step
    Junit,
    /// Markdown
    Markdown,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let file = runbook::file_of(&arguments.source.runbook);
    let setting = rehearsal::setting_beside(&file)?;
    let outage = match arguments.world {
        Outage::BothUp => rehearsal::Outage::BothUp,
        Outage::ServingDown => rehearsal::Outage::ServingDown,
        Outage::RegionGone => rehearsal::Outage::RegionGone,
    };
    let mut part = arguments.part.clone();
    // Whoever rehearses an outage has declared it.
    part.region_down |= outage != rehearsal::Outage::BothUp;
    let listener = match arguments.format {
        Format::Json => Listener::Machine,
        _ => Listener::Person,
    };
    let journey: Journey = arguments.journey.into();
    // A rehearsal looks at no journal.
    let serving = match journey {
        Journey::Reprotect => Some(arguments.serving.unwrap_or(SideWord::Paired)),
        _ => arguments.serving,
    };
    part.serving = serving;
    let beneath = setting.parameters();
    let made = runbook::make(desk, &arguments.source, &part, journey, &beneath, listener)?;
    let Some(made) = made else {
        return Ok(Exit::Findings);
    };
    desk.terminal
        .advise(&screen::findings(&made.warnings, desk.terminal.err));
    // Replication is turned round after a move, so a rehearsal of that begins with one.
    let before = match journey {
        Journey::Reprotect => {
            let first = match serving {
                Some(SideWord::Primary) => Journey::Failback,
                _ => Journey::Failover,
            };
            let whole = Part::default();
            match runbook::make(desk, &arguments.source, &whole, first, &beneath, listener)? {
                Some(before) => Some((before.plan, before.files)),
                None => return Ok(Exit::Findings),
            }
        }
        _ => None,
    };
    let (plan, pinned) = before
        .as_ref()
        .map_or((&made.plan, &made.files), |(plan, files)| (plan, files));
    let world = rehearsal::world(plan, &PlanFiles::of(plan, pinned), &setting, outage)?;
    let faults = rehearsal::faults(&arguments.fault)?;
    desk.terminal.advise(&format!(
        "Rehearsing {} of {}, world {}, seed {}\n",
        made.plan.journey,
        made.plan.runbook,
        word(arguments.world),
        arguments.seed,
    ));
    let rehearsal = Rehearsal {
        plan: made.plan,
        files: made.files,
        world,
        faults,
        before,
        seed: arguments.seed,
        parallel: desk.settings.parallel()?,
    };
    let progress = match desk.terminal.verbose {
        true => Progress::Lines(Depth::Operations, 0),
        false => Progress::Quiet,
    };
    let conducted = runtime::rehearsal(rehearsal.play(&progress))?;
    let view = RunView::from(&conducted.state);
    let terminal = &desk.terminal;
    terminal.result(&match arguments.format {
        Format::Human => summary(&view, terminal.out),
        Format::Json => report::json(&view)?,
        Format::Junit => report::junit(&view),
        Format::Markdown => report::markdown(&view),
    })?;
    Ok(Exit::of(&view))
}

fn word(outage: Outage) -> &'static str {
    match outage {
        Outage::BothUp => "both-up",
        Outage::ServingDown => "serving-down",
        Outage::RegionGone => "region-gone",
    }
}
