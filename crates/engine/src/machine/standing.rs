//! How a run stands as a whole, and what a person has to do about it.

use leeward_runbook::{journey::Journey, plan::OnFailure};

use crate::{
    event::Reached,
    machine::choices::choices,
    state::{Ending, OperationPhase, RunState, StepPhase, StepState},
    view::{Standing, Todo},
    work::Phase,
};

/// Returns how a run stands.
pub fn standing(state: &RunState) -> Standing {
    if let Some(outcome) = state.outcome {
        return Standing::Ended(outcome);
    }
    let moving = state.unrested().any(|step| moves(state, step))
        || (state.may_start() && state.startable().next().is_some())
        || trails(state)
        || awaits(state)
        || matches!(state.ending, Some(Ending::Cancelled { .. }));
    if moving {
        return Standing::Moving;
    }
    if state.paused {
        return Standing::Paused;
    }
    if state.unrested().any(|step| asks(&state.steps[step])) {
        return Standing::AtGate;
    }
    let stuck = state
        .steps
        .iter()
        .any(|step| matches!(step.phase, StepPhase::Stuck { .. }));
    if stuck { Standing::Stuck } else { Standing::Failed }
}

/// Whether a step that is under way asks a person.
fn asks(step: &StepState) -> bool {
    matches!(step.phase, StepPhase::AtGate { .. }) || step.consent.is_some()
}

/// Whether a step that is under way goes on without a person.
fn moves(state: &RunState, step: usize) -> bool {
    let step_state = &state.steps[step];
    match &step_state.phase {
        StepPhase::Ready | StepPhase::Assessing { .. } | StepPhase::Verifying { .. } => true,
        StepPhase::AtGate { until, .. } => until.is_some(),
        StepPhase::Changing => {
            let asked = step_state.consent.is_some();
            step_state
                .of_phase(Phase::Main)
                .any(|operation| match &operation.phase {
                    OperationPhase::Waiting | OperationPhase::Looking { .. } if !operation.is_spent() => {
                        !asked && state.may_start()
                    }
                    // A question is open and the wait for the answer of Azure is over: it is the person's turn.
                    _ => !operation.is_rest() && (!asked || !operation.impatient),
                })
        }
        _ => false,
    }
}

/// Whether the run waits for Azure to end what it has gone on, or is to end, without.
fn awaits(state: &RunState) -> bool {
    let over = winds_down(state);
    state.steps.iter().any(|step| {
        let went_on = matches!(step.phase, StepPhase::Done | StepPhase::Failed { .. });
        (went_on || over) && step.is_awaited()
    })
}

/// Whether nothing more of a drill, or of a cancelled run, starts: it is to end.
pub(super) fn winds_down(state: &RunState) -> bool {
    let nothing_starts = !state.may_start() || state.startable().next().is_none();
    let drill = state.plan.journey == Journey::Drill && nothing_starts && !state.paused;
    let stopped = matches!(state.ending, Some(Ending::Cancelled { .. }));
    (drill || stopped) && state.under_way() == 0
}

/// Whether a commit or clean-up is on its way.
fn trails(state: &RunState) -> bool {
    let due = state.is_proven() && state.may_start();
    state.steps.iter().any(|step| {
        step.of_phase(Phase::AfterRecovery).any(|operation| {
            let begun = operation.is_unfinished() || (due && step.phase == StepPhase::Done);
            begun && !operation.is_rest()
        })
    }) || (state.plan.journey == Journey::Drill
        && state.under_way() == 0
        && !state.paused
        && state.steps.iter().any(|step| {
            step.of_phase(Phase::CleanUp)
                .any(|operation| !operation.is_rest())
        }))
}

/// Returns the accepted degradations, in words.
pub fn degradations(state: &RunState) -> Vec<String> {
    let mut found = Vec::new();
    for (step, planned) in state.steps.iter().zip(&state.planned) {
        match &step.phase {
            StepPhase::Failed { reason } if planned.on_failure == OnFailure::Continue => {
                found.push(format!("{}: {reason}", planned.id));
            }
            StepPhase::Done => {
                found.extend(step.degraded.iter().map(|less| format!("{}: {less}", planned.id)))
            }
            StepPhase::Skipped { reason, by: Some(by) } => {
                found.push(format!("{}: skipped by {}: {reason}", planned.id, by.name));
            }
            _ => {}
        }
        found.extend(
            step.leftovers
                .iter()
                .map(|left| format!("{}: left to do: {left}", planned.id)),
        );
    }
    found
}

/// Returns what a person has to do now, most urgent first.
pub fn todo(state: &RunState) -> Vec<Todo> {
    let mut todo = Vec::new();
    let over = winds_down(state);
    let nothing_else = state.under_way() == 0 && state.startable().next().is_none();
    for (place, (step, planned)) in state.steps.iter().zip(&state.planned).enumerate() {
        let waits = "the run ends once Azure has ended it, or a person says with `settle` what became of it";
        let why = match &step.phase {
            StepPhase::AtGate { asks, until: None } => Some(asks.clone()),
            StepPhase::Changing => step.consent.as_ref().map(|ask| ask.asks.clone()),
            StepPhase::Stuck { reason, .. } if over && step.is_awaited() => {
                Some(format!("{reason}; {waits}"))
            }
            StepPhase::Stuck { reason, .. } => Some(reason.clone()),
            StepPhase::Failed { reason } if planned.on_failure != OnFailure::Continue => Some(reason.clone()),
            StepPhase::Cancelled if step.is_awaited() => Some(format!("Azure still works on it; {waits}")),
            StepPhase::Done if nothing_else && step.is_awaited() => {
                Some(format!("Azure still works on what it went on without; {waits}"))
            }
            _ => None,
        };
        if let Some(why) = why {
            // As the state has it now: what was offered when the step came to rest may be out of date.
            let choices = choices(state, place);
            todo.push((
                urgency(&step.phase),
                std::cmp::Reverse(planned.remaining),
                Todo {
                    step: planned.id.clone(),
                    why,
                    choices,
                },
            ));
        }
    }
    if state.outcome.is_some() {
        return Vec::new();
    }
    todo.sort_by_key(|(urgency, remaining, _)| (*urgency, *remaining));
    todo.into_iter().map(|(_, _, todo)| todo).collect()
}

fn urgency(phase: &StepPhase) -> u8 {
    match phase {
        StepPhase::AtGate { .. } | StepPhase::Changing => 0,
        StepPhase::Stuck { .. } => 1,
        _ => 2,
    }
}

/// Returns whether some goal was found to hold though we did not bring it about.
pub fn is_adopted(phase: &OperationPhase) -> bool {
    *phase == OperationPhase::Reached(Reached::Adopted)
}
