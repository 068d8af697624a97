//! What can a person do about a step that waits for one? What is offered is what is taken, and the other way round:
//! the view asks here what to offer, and the machine asks here whether to obey.

use leeward_runbook::{journey::Journey, kind::RepeatClass};

use super::standing::winds_down;
use crate::{
    event::Choice,
    port::Verdict,
    state::{AttemptState, Ending, OperationPhase, OperationState, RunState, StepPhase, StepState},
    work::Phase,
};

/// Returns the operations of a step whose outcome a person may state so: those that nobody else can tell.
pub(super) fn settleable(state: &RunState, step: usize, named: Option<&str>, verdict: Verdict) -> Vec<usize> {
    let operations = &state.steps[step].operations;
    let given_up = is_given_up(&state.steps[step]);
    let all: Vec<usize> = settleable_where(state, step, given_up, verdict).collect();
    let waits = |place: &usize| {
        use OperationPhase as P;
        matches!(operations[*place].phase, P::Stuck { .. } | P::Doubt)
    };
    match named {
        Some(name) => {
            let is_named = |place: &usize| operations[*place].plan.id.as_str() == name;
            all.into_iter().filter(is_named).collect()
        }
        // A word about the step is about what waits for one, not about what Azure still tells the end of.
        None if all.iter().any(waits) => all.into_iter().filter(waits).collect(),
        None => all,
    }
}

/// Whether a step's own wait is over while Azure may still work on something of it.
fn is_given_up(step: &StepState) -> bool {
    match step.phase {
        StepPhase::Stuck { .. } => true,
        StepPhase::Done | StepPhase::Failed { .. } | StepPhase::Cancelled => step.is_awaited(),
        _ => false,
    }
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
            // A harsher way failed, and the gentler one is in motion yet.
            OperationPhase::Failed { .. } => given_up && operation.is_at_work(),
            _ => false,
        };
        // Azure itself said that it took it on: that it never began is no longer anybody's to say.
        untold && (verdict != Verdict::NotBegun || !operation.was_taken_on())
    })
}

/// Returns whether trying a step again could bring it on. Where all that is left of it was sent, must not be sent
/// twice and can be seen by nobody, a retry would only pretend to do something: a person's word is what helps.
pub(super) fn may_retry(state: &RunState, step: usize) -> bool {
    if is_cleaning_up(state) {
        return false;
    }
    let mut left = state.steps[step]
        .of_phase(Phase::Main)
        .filter(|operation| !operation.is_reached())
        .peekable();
    left.peek().is_none() || !left.all(is_beyond_sight)
}

/// Returns whether a drill takes back what it did: what was begun anew behind that would stay.
pub(super) fn is_cleaning_up(state: &RunState) -> bool {
    state.plan.journey == Journey::Drill && winds_down(state)
}

fn is_beyond_sight(operation: &OperationState) -> bool {
    use AttemptState as A;
    let waits = matches!(
        operation.phase,
        OperationPhase::Stuck { .. } | OperationPhase::Doubt
    );
    let last = operation.last().filter(|last| {
        let once = operation
            .rung_named(&last.rung)
            .is_none_or(|rung| rung.repeat == RepeatClass::OneShot);
        once && matches!(last.state, A::Intended | A::Unanswered | A::Sighted | A::Lost)
    });
    waits && !operation.plan.observable && last.is_some()
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
            choices_at_rest(state, step, is_given_up(&state.steps[step]))
        }
        StepPhase::Cancelled | StepPhase::Done if state.steps[step].is_awaited() => {
            settling(state, step, true)
        }
        _ => Vec::new(),
    }
}

/// Returns what a person will be able to do once the step is stuck.
pub(super) fn choices_once_stuck(state: &RunState, step: usize) -> Vec<Choice> {
    choices_at_rest(state, step, true)
}

fn choices_at_rest(state: &RunState, step: usize, given_up: bool) -> Vec<Choice> {
    let settling = settling(state, step, given_up);
    // What may still come true by itself is best waited for; else a person's word is the likeliest help.
    let operations = state.steps[step].operations.iter();
    let moves = |operation: &OperationState| operation.is_open() && !operation.is_rest();
    let retry = match may_retry(state, step) {
        true => vec![Choice::Retry],
        false => Vec::new(),
    };
    let mut choices = match operations.clone().any(moves) {
        true => [retry, settling].concat(),
        false => [settling, retry].concat(),
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
