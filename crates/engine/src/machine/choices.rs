//! What can a person do about a step that waits for one? What is offered is what is taken, and the other way round:
//! the view asks here what to offer, and the machine asks here whether to obey.

use crate::{
    event::Choice,
    port::Verdict,
    state::{Ending, OperationPhase, OperationState, RunState, StepPhase},
};

/// Returns the operations of a step whose outcome a person may state so: those that nobody else can tell.
pub(super) fn settleable(state: &RunState, step: usize, named: Option<&str>, verdict: Verdict) -> Vec<usize> {
    let given_up = matches!(state.steps[step].phase, StepPhase::Stuck { .. });
    settleable_where(state, step, given_up, verdict)
        .filter(|&place| {
            let id = &state.steps[step].operations[place].plan.id;
            named.is_none_or(|name| id.as_str() == name)
        })
        .collect()
}

/// `given_up` says that the step's own wait is over.
fn settleable_where(
    state: &RunState,
    step: usize,
    given_up: bool,
    verdict: Verdict,
) -> impl Iterator<Item = usize> + '_ {
    let operations = &state.steps[step].operations;
    (0..operations.len()).filter(move |&place| {
        let operation = &operations[place];
        let untold = match &operation.phase {
            OperationPhase::Stuck { .. } | OperationPhase::Doubt => true,
            OperationPhase::Polling
            | OperationPhase::Confirming { .. }
            | OperationPhase::Aftermath { .. } => given_up,
            // A harsher way is tried beside a gentler one that has not ended.
            OperationPhase::Looking { .. } => given_up && operation.is_open(),
            _ => false,
        };
        // Azure itself said that it took it on: that it never began is no longer anybody's to say.
        untold && (verdict != Verdict::NotBegun || !operation.was_taken_on())
    })
}

/// Returns what a person can do about a step as it stands; nothing where it waits for nobody.
pub fn choices(state: &RunState, step: usize) -> Vec<Choice> {
    if state.outcome.is_some() {
        return Vec::new();
    }
    match &state.steps[step].phase {
        StepPhase::AtGate { until: None, .. } => with_cancel(state, vec![Choice::Approve, Choice::Skip]),
        StepPhase::Changing if state.steps[step].consent.is_some() => {
            let mut choices = vec![Choice::Approve];
            choices.extend(settling(state, step, false));
            choices.push(Choice::Skip);
            with_cancel(state, choices)
        }
        StepPhase::Stuck { .. } | StepPhase::Failed { .. } => {
            let stuck = matches!(state.steps[step].phase, StepPhase::Stuck { .. });
            choices_at_rest(state, step, stuck)
        }
        _ => Vec::new(),
    }
}

/// Returns what a person will be able to do once the step is stuck.
pub(super) fn choices_once_stuck(state: &RunState, step: usize) -> Vec<Choice> {
    choices_at_rest(state, step, true)
}

fn choices_at_rest(state: &RunState, step: usize, stuck: bool) -> Vec<Choice> {
    let settling = settling(state, step, stuck);
    // What may still come true by itself is best waited for; else a person's word is the likeliest help.
    let operations = state.steps[step].operations.iter();
    let moves = |operation: &OperationState| operation.is_open() && !operation.is_rest();
    let mut choices = match operations.clone().any(moves) {
        true => [vec![Choice::Retry], settling].concat(),
        false => [settling, vec![Choice::Retry]].concat(),
    };
    choices.push(Choice::Skip);
    with_cancel(state, choices)
}

fn settling(state: &RunState, step: usize, given_up: bool) -> Vec<Choice> {
    [
        (Verdict::Done, Choice::SettleDone),
        (Verdict::NotBegun, Choice::SettleNotBegun),
        (Verdict::Failed, Choice::SettleFailed),
    ]
    .into_iter()
    .filter(|(verdict, _)| settleable_where(state, step, given_up, *verdict).next().is_some())
    .map(|(_, choice)| choice)
    .collect()
}

fn with_cancel(state: &RunState, mut choices: Vec<Choice>) -> Vec<Choice> {
    if !matches!(state.ending, Some(Ending::Cancelled { .. })) {
        choices.push(Choice::Cancel);
    }
    choices
}
