//! How the view of a run follows from its state.

use leeward_runbook::{plan::StepId, units};

use super::{ApprovalView, LossView, ObjectivesView, OperationView, RunView, StepView, StepWord};
use crate::{
    event::Reached,
    machine::standing,
    policy,
    record::Record,
    state::{
        AttemptState, Ending, Granted, IllegalTransition, OperationPhase, OperationState, RunState, StepPhase,
    },
    work::{Figure, Loss, Phase},
};

impl RunView {
    /// Folds a journal.
    pub fn of(records: &[Record]) -> Result<RunView, IllegalTransition> {
        Ok(RunView::from(&RunState::of(records)?))
    }
}

impl From<&RunState> for RunView {
    fn from(state: &RunState) -> RunView {
        let losses = losses(state);
        RunView {
            run: state.run.clone(),
            runbook: state.plan.runbook.clone(),
            journey: state.plan.journey,
            source: state.plan.source.clone(),
            target: state.plan.target.clone(),
            plan_digest: state.plan_digest.clone(),
            region_down: state.plan.region_down,
            rehearsal: state.options.rehearsal,
            by: state.by.clone(),
            version: state.version.clone(),
            seq: state.chain.seq,
            epoch: state.chain.epoch,
            opened_at: state.opened_at,
            at: state.chain.at,
            standing: standing::standing(state),
            todo: standing::todo(state),
            objectives: objectives(state, &losses),
            losses,
            steps: (0..state.steps.len())
                .map(|step| step_view(state, step))
                .collect(),
            approvals: state
                .approvals
                .iter()
                .map(|granted| approval(state, granted))
                .collect(),
            break_glass: state
                .approvals
                .iter()
                .find_map(|granted| granted.approval.break_glass.clone()),
            cancelled: match &state.ending {
                Some(Ending::Cancelled { reason }) => Some(reason.clone()),
                _ => None,
            },
            degradations: standing::degradations(state),
            leftovers: leftovers(state),
        }
    }
}

fn objectives(state: &RunState, losses: &[LossView]) -> ObjectivesView {
    let declared = state.options.declared_at;
    let until = match (state.recovered_at, state.has_recovery(), state.outcome) {
        (Some(at), _, _) => at,
        _ => state.chain.at,
    };
    let moves = state.has_recovery();
    let taken = moves.then(|| policy::between(declared, until));
    let rto = state.plan.objectives.rto.filter(|_| moves);
    let rpo = state.plan.objectives.rpo;
    let missed = rpo.and_then(|rpo| {
        let used: Vec<Figure> = losses
            .iter()
            .filter(|loss| loss.used)
            .map(|loss| loss.figure)
            .collect();
        if used
            .iter()
            .any(|figure| matches!(figure, Figure::UpTo(lost) if *lost > rpo))
        {
            Some(true)
        } else if used.contains(&Figure::Unknown) {
            None
        } else {
            Some(false)
        }
    });
    ObjectivesView {
        declared_at: Some(declared),
        recovered_at: state.recovered_at,
        rto,
        rto_taken: taken,
        rto_missed: rto
            .zip(taken)
            .map(|(rto, taken)| taken > rto)
            .filter(|missed| *missed || state.recovered_by_skip().is_none()),
        recovered_by_skip: state.recovered_by_skip().cloned(),
        rpo,
        rpo_missed: missed,
        forecast: Some(state.plan.forecast),
    }
}

fn losses(state: &RunState) -> Vec<LossView> {
    let mut rows = Vec::new();
    for step in 0..state.steps.len() {
        let Some(budget) = state.planned[step].data_loss.as_ref().map(|loss| loss.budget) else {
            continue;
        };
        for loss in state.losses(step) {
            let (rung, used, adopted) = rung_of(state, step, loss);
            let figure = match adopted {
                true => Figure::Unknown,
                false => loss.by_rung.get(&rung).copied().unwrap_or(Figure::Nothing),
            };
            let ceiling = state
                .approvals
                .iter()
                .filter_map(|granted| match granted.approval.everything {
                    true => Some(Figure::Unknown),
                    false => granted.approval.ceilings.get(&loss.store).copied(),
                })
                .max();
            rows.push(LossView {
                step: state.planned[step].id.clone(),
                store: loss.store.clone(),
                rung,
                used,
                figure,
                source: loss.source.clone(),
                as_of: loss.as_of,
                budget,
                ceiling,
            });
        }
    }
    rows
}

/// Returns the rung that a store's row speaks of, whether it was used, and whether the goal was adopted.
fn rung_of(state: &RunState, step: usize, loss: &Loss) -> (String, bool, bool) {
    let operations = &state.steps[step].operations;
    let name = loss.store.rsplit('/').next().unwrap_or_default();
    // Whole names only: `vm-1` is not `db-vm-1`.
    let called = |id: &str| {
        id.rsplit('/')
            .next()
            .is_some_and(|last| last.eq_ignore_ascii_case(name))
    };
    let of_store = operations.iter().find(|operation| {
        operation.plan.phase == Phase::Main
            && operation.plan.rungs.iter().any(|rung| rung.lossy)
            && (called(operation.plan.id.as_str()) || called(&operation.plan.target))
    });
    let lossy = operations
        .iter()
        .find(|operation| operation.plan.rungs.iter().any(|rung| rung.lossy));
    if let Some(operation) = of_store.or(lossy) {
        let sent = operation
            .attempts
            .iter()
            .rev()
            .find(|attempt| !matches!(attempt.state, AttemptState::Refused | AttemptState::NotSent));
        let expected = operation
            .rung()
            .or(operation.plan.rungs.last())
            .map(|rung| rung.name.clone());
        let adopted = operation.phase == OperationPhase::Reached(Reached::Adopted);
        return match sent {
            Some(attempt) => (attempt.rung.clone(), operation.is_reached(), adopted),
            None => (expected.unwrap_or_default(), operation.is_reached(), adopted),
        };
    }
    // Not assessed yet: the first rung of the ladder that can be used.
    let ladder = state.planned[step].data_loss.iter().flat_map(|loss| &loss.ladder);
    let down = state.plan.region_down;
    let mut names = ladder.map(|rung| rung.name.clone());
    let first = match down {
        true => names.find(|name| name != "planned"),
        false => names.next(),
    };
    (first.unwrap_or_default(), false, false)
}

fn approval(state: &RunState, granted: &Granted) -> ApprovalView {
    let approval = &granted.approval;
    let to = match (&approval.step, approval.everything, &approval.break_glass) {
        (Some(step), _, Some(_)) => format!("`{step}`, by break-glass"),
        (None, _, Some(_)) => "everything, by break-glass".to_owned(),
        (_, true, None) if approval.both_eyes => "every gate and loss, for both pairs of eyes".to_owned(),
        (_, true, None) => "every gate and loss, in advance".to_owned(),
        (Some(step), ..) => format!("`{step}`"),
        (None, ..) => match granted.used_by {
            Some(gate) => format!("`{}`", state.planned[gate].id),
            None => "the next gate".to_owned(),
        },
    };
    ApprovalView {
        by: granted.by.clone(),
        at: granted.at,
        to,
        ceilings: approval.ceilings.clone(),
        reason: approval.break_glass.clone().or_else(|| approval.reason.clone()),
    }
}

fn leftovers(state: &RunState) -> Vec<String> {
    let mut left: Vec<String> = state
        .steps
        .iter()
        .zip(&state.planned)
        .flat_map(|(step, planned)| {
            step.leftovers
                .iter()
                .map(|left| format!("{}: {left}", planned.id))
        })
        .collect();
    let unclean = state
        .evicted
        .iter()
        .filter(|run| !state.evicted_clean.contains(run));
    let runs: Vec<&str> = unclean.map(|run| run.as_str()).collect();
    if !runs.is_empty() {
        left.push(format!(
            "drills that had to yield and may have left something: {}",
            runs.join(", ")
        ));
    }
    left
}

fn step_view(state: &RunState, step: usize) -> StepView {
    let (planned, now) = (&state.planned[step], &state.steps[step]);
    let waits_for = match now.phase {
        StepPhase::Waiting => waits_for(state, step),
        _ => Vec::new(),
    };
    let blocked = blocked_by(state, step);
    let word = match &now.phase {
        StepPhase::Waiting if blocked.is_some() => StepWord::Blocked,
        StepPhase::Waiting => StepWord::Waiting,
        StepPhase::Ready => StepWord::Ready,
        StepPhase::AtGate { .. } => StepWord::AtGate,
        StepPhase::Assessing { .. } => StepWord::Assessing,
        StepPhase::Changing if now.consent.is_some() => StepWord::Consent,
        StepPhase::Changing => StepWord::Changing,
        StepPhase::Verifying { .. } => StepWord::Verifying,
        StepPhase::Done if now.degraded.is_some() => StepWord::DoneDegraded,
        StepPhase::Done => StepWord::Done,
        StepPhase::Skipped { .. } => StepWord::Skipped,
        StepPhase::Failed { .. } => StepWord::Failed,
        StepPhase::Stuck { .. } => StepWord::Stuck,
        StepPhase::Cancelled => StepWord::Cancelled,
    };
    let mut warnings = now
        .assessment
        .as_ref()
        .map(|found| found.warnings.clone())
        .unwrap_or_default();
    for operation in &now.operations {
        warnings.extend(
            operation
                .warnings
                .iter()
                .map(|warning| format!("{}: {warning}", operation.plan.id)),
        );
    }
    StepView {
        id: planned.id.clone(),
        kind: planned.kind.clone(),
        summary: planned.summary.clone(),
        state: word,
        waits_for,
        detail: detail(state, step, blocked),
        started_at: now.started_at,
        ended_at: now.ended_at,
        critical: planned.critical,
        ends_recovery: planned.ends_recovery,
        forecast: planned.forecast,
        on_failure: planned.on_failure,
        operations: now.operations.iter().map(operation_view).collect(),
        outputs: now.outputs.clone(),
        warnings,
    }
}

fn waits_for(state: &RunState, step: usize) -> Vec<StepId> {
    let after = state.planned[step].after.iter();
    after
        .filter(|id| state.place(id).is_some_and(|place| !state.is_satisfied(place)))
        .cloned()
        .collect()
}

/// Returns the failed or stuck step that a waiting one waits for directly, where there is one.
fn blocked_by(state: &RunState, step: usize) -> Option<StepId> {
    if state.steps[step].phase != StepPhase::Waiting {
        return None;
    }
    waits_for(state, step).into_iter().find(|id| {
        state.place(id).is_some_and(|place| {
            matches!(
                state.steps[place].phase,
                StepPhase::Failed { .. } | StepPhase::Stuck { .. } | StepPhase::Cancelled
            )
        })
    })
}

fn detail(state: &RunState, step: usize, blocked: Option<StepId>) -> String {
    let now = &state.steps[step];
    match &now.phase {
        StepPhase::Waiting => match blocked {
            Some(by) => format!("waits for `{by}`, which needs a person"),
            None => String::new(),
        },
        StepPhase::Ready => "about to start".to_owned(),
        StepPhase::AtGate { asks, .. } => asks.clone(),
        StepPhase::Assessing {
            reason: Some(reason),
            failures,
            ..
        } => {
            format!("assessing again after {failures} failures: {reason}")
        }
        StepPhase::Assessing { .. } => "assessing".to_owned(),
        StepPhase::Changing => match &now.consent {
            Some(ask) => ask.asks.clone(),
            None => changing(now.of_phase(Phase::Main)),
        },
        StepPhase::Verifying { check, .. } => {
            let kind = state.planned[step]
                .verify
                .get(*check)
                .map_or("", |check| check.kind.as_str());
            format!(
                "{kind}: check {} of {}",
                check + 1,
                state.planned[step].verify.len()
            )
        }
        StepPhase::Done => now.degraded.clone().unwrap_or_else(|| done(state, step)),
        StepPhase::Skipped { reason, by: Some(by) } => format!("skipped by {}: {reason}", by.name),
        StepPhase::Skipped { reason, by: None } => reason.clone(),
        StepPhase::Failed { reason } | StepPhase::Stuck { reason, .. } => reason.clone(),
        StepPhase::Cancelled => "the run ended before it".to_owned(),
    }
}

fn done(state: &RunState, step: usize) -> String {
    let now = &state.steps[step];
    let evidence = now.evidence.last().cloned();
    let summary = now
        .assessment
        .as_ref()
        .map(|found| found.summary.clone())
        .filter(|text| !text.is_empty());
    let goals: Vec<&str> = now
        .of_phase(Phase::Main)
        .filter(|operation| operation.is_reached())
        .map(|operation| operation.plan.goal.as_str())
        .collect();
    match (goals.as_slice(), evidence) {
        ([], Some(evidence)) => evidence,
        ([], None) => summary.unwrap_or_default(),
        ([goal], _) => (*goal).to_owned(),
        (goals, _) => format!("{} goals hold", goals.len()),
    }
}

fn changing<'a>(operations: impl Iterator<Item = &'a OperationState>) -> String {
    let all: Vec<&OperationState> = operations.collect();
    let reached = all.iter().filter(|operation| operation.is_reached()).count();
    let current = all
        .iter()
        .find(|operation| !operation.is_rest())
        .map(|operation| operation_detail(operation));
    match (all.len(), current) {
        (0, _) => "nothing to change".to_owned(),
        (1, Some(current)) => current,
        (count, Some(current)) => format!("{reached} of {count} there; {current}"),
        (count, None) => format!("{reached} of {count} there"),
    }
}

fn operation_view(operation: &OperationState) -> OperationView {
    OperationView {
        id: operation.plan.id.to_string(),
        target: operation.plan.target.clone(),
        detail: operation_detail(operation),
        reached: operation.is_reached(),
        adopted: standing::is_adopted(&operation.phase),
        rung: operation.last().map(|last| last.rung.clone()),
        sends: operation.sends(),
        word: operation.word.as_ref().map(|(word, percent)| match percent {
            Some(percent) => format!("{word} {percent}%"),
            None => word.clone(),
        }),
    }
}

fn operation_detail(operation: &OperationState) -> String {
    let id = &operation.plan.id;
    // An operation that knows one way only is called by its own name.
    let way = match operation.last().map_or("", |last| last.rung.as_str()) {
        "" | "only" => id.to_string(),
        rung => format!("{id}: `{rung}`"),
    };
    let word = operation
        .word
        .as_ref()
        .map(|(word, _)| format!(": {word}"))
        .unwrap_or_default();
    match &operation.phase {
        OperationPhase::Waiting | OperationPhase::Looking { .. } if operation.queued.is_some() => {
            let about = operation.queued.map(units::show_duration).unwrap_or_default();
            format!("{id} waits for Azure's write budget, about {about}")
        }
        OperationPhase::Waiting if operation.seen.is_none() => format!("{id} waits"),
        OperationPhase::Looking { until: Some(_) } => {
            let why = operation.last_reason.clone().unwrap_or_default();
            format!("{id} is tried again: {why}")
        }
        OperationPhase::Waiting | OperationPhase::Looking { until: None } => match &operation.seen {
            Some(seen) => format!("{id} waits: {seen}"),
            None => format!("{id}: looking"),
        },
        OperationPhase::Sending => format!("{way}: sending"),
        OperationPhase::Doubt => format!("{way} went unanswered, watching for it"),
        OperationPhase::Polling if operation.impatient => {
            let within = operation
                .rung()
                .and_then(|rung| rung.within)
                .map(units::show_duration);
            let within = within.map(|time| format!(" after {time}")).unwrap_or_default();
            format!("{way} still in motion{within}{word}")
        }
        OperationPhase::Polling => format!("{way} in motion{word}"),
        OperationPhase::Confirming { .. } => format!("{way} succeeded, waiting to see it"),
        OperationPhase::Aftermath { .. } => {
            format!(
                "{id}: looking after {}",
                operation.last_reason.clone().unwrap_or_default()
            )
        }
        OperationPhase::Reached(Reached::ByUs) => operation.plan.goal.clone(),
        OperationPhase::Reached(Reached::Adopted) => format!("{} (found so)", operation.plan.goal),
        OperationPhase::Reached(Reached::Settled) => format!("{} (as a person said)", operation.plan.goal),
        OperationPhase::Failed { reason } | OperationPhase::Stuck { reason } => reason.clone(),
    }
}
