//! Conducting a run from this terminal: telling how it goes, stopping well, ending with the right code.

use std::{future::Future, sync::Arc, time::Duration};

use leeward_engine::{
    conductor::{Conducted, ConductorError, Ended},
    port::{Claim, Clock, LeaseInfo},
    view::{RunView, Standing},
};
use tokio::sync::watch;

use super::Desk;
use crate::{
    code::Code,
    exit::Exit,
    failure::{Failure, holder_words},
    screen::{Lease, Progress, between, show_keys, span, summary, todo, when},
};

/// Makes the wire by which a conductor is asked to stop, and asks it on Ctrl-C or SIGTERM.
pub fn stopper() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        asked_to_stop().await;
        let _ = sender.send(true);
        asked_to_stop().await;
        show_keys();
        // The journal is as good after this as after a crash, which every run survives.
        std::process::exit(i32::from(Exit::AtGate.code()));
    });
    receiver
}

#[cfg(unix)]
pub(super) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
pub(super) async fn asked_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Lets a conductor work while its progress is drawn; says so when it is asked to stop.
pub async fn watched<F>(
    progress: &Progress,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
    work: F,
) -> Result<Conducted, Failure>
where
    F: Future<Output = Result<Conducted, ConductorError>>,
{
    let stopping = async {
        if stop.wait_for(|asked| *asked).await.is_ok() {
            progress
                .say("Stopping: nothing new is sent, what is open goes on in Azure. The run can be resumed.");
        }
        // Its end is the work's end.
        std::future::pending::<()>().await;
    };
    let drawing = async {
        while progress.draws() {
            progress.draw(clock.now().wall);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        std::future::pending::<()>().await;
    };
    let conducted = tokio::select! {
        conducted = work => conducted,
        () = stopping => unreachable!("it waits for ever"),
        () = drawing => unreachable!("it waits for ever"),
    };
    progress.close();
    conducted.map_err(|error| failure(error, clock.now().wall))
}

/// Tells how a run was left, and returns how the command ends.
pub fn tell_end(desk: &Desk, conducted: &Conducted, human: bool) -> Result<Exit, Failure> {
    let view = RunView::from(&conducted.state);
    if human {
        desk.terminal.result(&summary(&view, desk.terminal.out))?;
    }
    let over = matches!(view.standing, Standing::Ended(_));
    if !over {
        let lease = if view.todo.is_empty() {
            Lease::Ours
        } else {
            Lease::Free
        };
        let text = match conducted.ended {
            Ended::Interrupted => format!("Stopped. To go on: leeward resume {}\n", view.run),
            _ => todo(&view, &lease, desk.terminal.err),
        };
        desk.terminal.advise(&text);
    }
    Ok(Exit::of(&view))
}

/// Turns what a conductor could not do into words.
pub fn failure(error: ConductorError, now: jiff::Timestamp) -> Failure {
    match error {
        ConductorError::Open(error) => error.into(),
        ConductorError::Journal(error) => error.into(),
        ConductorError::Claimed { held } => claimed(&held, now),
        ConductorError::Illegal(error) => {
            Failure::new(Code::NotResumable, "the run's journal cannot be gone on with")
                .because(error.to_string())
                .hint("it may have been written by a newer version of Leeward: try that one")
        }
        ConductorError::FileMissing { path } => Failure::new(
            Code::NotResumable,
            format!("the journal does not hold `{path}`, which the plan pinned"),
        )
        .hint("start the journey anew from the runbook: goals that hold are not brought about again"),
        ConductorError::FileChanged { path } => Failure::new(
            Code::NotResumable,
            format!("`{path}` in the journal is not the file that the plan pinned"),
        )
        .because("what would be run is not what was agreed to")
        .hint("restore the journal from a copy, if there is one")
        .hint("start the journey anew from the runbook: goals that hold are not brought about again"),
    }
}

fn claimed(held: &[Claim], now: jiff::Timestamp) -> Failure {
    let mut failure = Failure::new(Code::TargetsHeld, "another run holds targets of this plan");
    for claim in held.iter().take(5) {
        failure = failure.because(claim_words(claim, now));
    }
    if held.len() > 5 {
        failure = failure.because(format!("and {} more targets", held.len() - 5));
    }
    let Some(first) = held.first() else { return failure };
    failure
        .hint(format!("watch it: leeward status {}", first.run))
        .hint(format!(
            "let it go on, if nobody conducts it: leeward resume {}",
            first.run
        ))
        .hint(format!("or end it: leeward cancel {} --reason TEXT", first.run))
        .hint(format!(
            "or, if its journal cannot be gone on with: leeward unlock {} --reason TEXT",
            first.run
        ))
}

fn claim_words(claim: &Claim, now: jiff::Timestamp) -> String {
    let held = |lease: &LeaseInfo| holder_words(lease);
    format!(
        "{} is held by {} ({}) since {}, for {}, {}",
        claim.target,
        claim.run,
        claim.journey,
        when(claim.since),
        span(between(claim.since, now)),
        claim
            .holder
            .as_ref()
            .map(held)
            .unwrap_or_else(|| "conducted by nobody".to_owned()),
    )
}

/// Makes a conductor's manners of the options.
pub fn manners(no_wait: bool) -> leeward_engine::conductor::Manners {
    leeward_engine::conductor::Manners {
        wait_for_people: !no_wait,
        ..Default::default()
    }
}
