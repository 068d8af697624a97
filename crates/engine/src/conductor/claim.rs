//! How a run gets hold of its targets before its first change.

use std::{collections::BTreeSet, sync::Arc};

use super::{Conductor, ConductorError};
use crate::{
    context,
    event::Event,
    port::{ClaimOutcome, Files},
    state::RunState,
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
    let at = conductor.clock.now().wall;
    match conductor
        .store
        .claim(&state.run, state.plan.journey, &targets, at)
        .await?
    {
        ClaimOutcome::Granted { evicted } => Ok(Event::TargetsClaimed {
            targets: targets.len(),
            evicted,
        }),
        ClaimOutcome::Refused { held } => Err(ConductorError::Claimed { held }),
    }
}
