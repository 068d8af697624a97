//! How a run gets hold of its targets before its first change.

use std::{collections::BTreeSet, sync::Arc};

use super::{Conductor, ConductorError, read};
use crate::{
    context,
    event::Event,
    id::RunId,
    port::{Claim, ClaimOutcome, Files, JournalError},
    state::{Attempt, AttemptState, OperationState, RunState},
    work::Phase,
};

/// Claims every target of the plan. Returns what to record, or who stands in the way.
pub(super) async fn claim(
    conductor: &Conductor,
    state: &RunState,
    files: &Arc<dyn Files>,
) -> Result<Event, ConductorError> {
    let mut targets = BTreeSet::new();
    for (step, planned) in state.planned.iter().enumerate() {
        let Some(driver) = conductor.drivers.of(&planned.kind) else {
            continue;
        };
        let context = context::context_as_planned(state, step, files);
        targets.extend(
            driver
                .targets(&context)
                .into_iter()
                .map(|target| target.to_lowercase()),
        );
    }
    let targets: Vec<String> = targets.into_iter().collect();
    let ask = || {
        let at = conductor.clock.now().wall;
        conductor
            .store
            .claim(&state.run, state.plan.journey, &targets, at)
    };
    let mut outcome = ask().await?;
    if let ClaimOutcome::Refused { held } = &outcome
        && give_back_what_is_over(conductor, held).await?
    {
        outcome = ask().await?;
    }
    match outcome {
        ClaimOutcome::Granted { evicted } => {
            let mut clean = Vec::new();
            for drill in &evicted {
                // One that cannot be read may have left anything.
                let state = read::folded(conductor.store.records(drill, 1)).await;
                if state.is_ok_and(|state| leaves_nothing(&state)) {
                    clean.push(drill.clone());
                }
            }
            Ok(Event::TargetsClaimed {
                targets: targets.len(),
                evicted,
                clean,
            })
        }
        ClaimOutcome::Refused { held } => Err(ConductorError::Claimed { held }),
    }
}

/// Gives back what is held by runs whose journals say that they are over. Says whether there was any.
///
/// What is over never begins again, so nothing can come between the look and the release.
async fn give_back_what_is_over(conductor: &Conductor, held: &[Claim]) -> Result<bool, JournalError> {
    let holders: BTreeSet<&RunId> = held.iter().map(|claim| &claim.run).collect();
    let mut any = false;
    for run in holders {
        // One that cannot be read may be anywhere: its claims are a person's to give back.
        let state = read::folded(conductor.store.records(run, 1)).await;
        if state.is_ok_and(|state| state.outcome.is_some()) {
            tracing::warn!(%run, "a run that is over still held targets: they are given back");
            conductor.store.release(run).await?;
            any = true;
        }
    }
    Ok(any)
}

/// Whether nothing that a drill began still waits for its clean-up.
fn leaves_nothing(drill: &RunState) -> bool {
    drill.steps.iter().all(|step| {
        let began = step.operations.iter().any(|operation| {
            let harmless =
                |attempt: &Attempt| matches!(attempt.state, AttemptState::Refused | AttemptState::NotSent);
            operation.plan.phase != Phase::CleanUp && !operation.attempts.iter().all(harmless)
        });
        !began || step.of_phase(Phase::CleanUp).all(OperationState::is_reached)
    })
}
