//! `leeward resume`: goes on with a run from its journal alone.

use std::sync::Arc;

use clap::Args;
use leeward_engine::{
    conductor::Conductor,
    id::RunId,
    port::{Clock, LeaseInfo, LeasePolicy},
    view::Standing,
};

use super::{Desk, conduct, journey::Format, mail};
use crate::{
    code::Code,
    exit::Exit,
    failure::{Failure, holder_words},
    ports::{self, runtime},
    screen::{Progress, short, summary},
};

/// What `leeward resume` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run; the newest unfinished one when left out
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Take the run over from a holder that looks alive
    #[arg(long)]
    pub take_over: bool,
    /// Do not ask before taking over
    #[arg(long, short)]
    pub yes: bool,
    /// End with 22 when only a gate is left to wait for
    #[arg(long)]
    pub no_wait: bool,
    /// How to tell the run
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    runtime::wide(async {
        let found = mail::find_to_resume(desk, arguments.run.clone().map(RunId)).await?;
        let view = &found.view;
        desk.terminal.advise(&format!(
            "Resuming {}: {} of {}, plan {}",
            view.run,
            view.journey,
            view.runbook,
            short(&view.plan_digest)
        ));
        if let Standing::Ended(_) = view.standing {
            // Whatever it may still hold stands in the way of the next run.
            found.store.release(&view.run).await?;
            desk.terminal.advise("It is over already.");
            if arguments.format == Format::Human {
                desk.terminal.result(&summary(view, desk.terminal.out))?;
            }
            return Ok(Exit::of(view));
        }
        let policy = match (&found.lease, arguments.take_over) {
            (Some(lease), true) => {
                desk.terminal.advise(&format!("It is {}", holder_words(lease)));
                agreed(desk, lease, arguments.yes)?;
                LeasePolicy::TakeOver
            }
            (Some(lease), false) => {
                desk.terminal.advise(&format!("It was {}", holder_words(lease)));
                LeasePolicy::IfFree
            }
            (None, _) => LeasePolicy::IfFree,
        };
        let clock: Arc<dyn Clock> = Arc::new(ports::clock::real());
        let drivers = ports::azure::proven_drivers(desk, &clock).await?;
        let stop = conduct::stopper();
        let conductor = Conductor {
            store: found.store.clone(),
            drivers,
            clock: clock.clone(),
            holder: ports::identity::holder(&desk.settings),
            manners: conduct::manners(arguments.no_wait),
            stop: stop.clone(),
        };
        let progress = Progress::choose(&desk.terminal, arguments.format == Format::Json, view.seq);
        let mut observer = &progress;
        let run = view.run.clone();
        let work = conductor.resume(&run, policy, Vec::new(), &mut observer);
        let conducted = conduct::watched(&progress, clock, stop, work).await?;
        conduct::tell_end(desk, &conducted, arguments.format == Format::Human)
    })
}

/// Asks before a lease is taken from a process that looks alive.
fn agreed(desk: &Desk, lease: &LeaseInfo, yes: bool) -> Result<(), Failure> {
    let host = &lease.holder.host;
    if yes || !desk.terminal.asks {
        // The word --take-over is the consent; off a terminal nobody could be asked twice.
        return Ok(());
    }
    let answer = desk
        .terminal
        .ask(&format!("Type the host's name to take the run over ({host}):"))?;
    match answer == *host {
        true => Ok(()),
        false => Err(Failure::new(Code::Declined, "not taken over").hint("nothing was changed")),
    }
}
