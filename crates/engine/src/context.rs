//! What a step may read at the moment it runs: its settings with every expression resolved.

use std::sync::Arc;

use jiff::Timestamp;
use leeward_runbook::{
    expr::{self, OutputsOf, Scope, StepOutputs},
    plan::{Check, Goal, PlannedStep, StepId},
    units,
};
use serde_json::Value;

use crate::{
    policy,
    port::{Context, Files, SourceRegion},
    state::{RunState, StepPhase},
};

/// An expression that has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unresolved(pub(crate) String);

impl OutputsOf for RunState {
    fn outputs_of(&self, step: &str) -> Option<&StepOutputs> {
        let place = self.place(&StepId::new(step))?;
        let state = &self.steps[place];
        matches!(state.phase, StepPhase::Done | StepPhase::Verifying { .. }).then_some(&state.outputs)
    }
}

/// Returns whether a step's `when` holds; true where it has none.
pub(crate) fn condition(state: &RunState, step: usize) -> Result<bool, Unresolved> {
    let planned = &state.planned[step];
    let Some(when) = &planned.when else {
        return Ok(true);
    };
    let scope = Scope::of_step(&state.plan, planned, state).map_err(unresolved)?;
    expr::holds(when, &scope).map_err(unresolved)
}

/// Returns what a driver is told about a step.
pub(crate) fn context(state: &RunState, step: usize, files: &Arc<dyn Files>) -> Result<Context, Unresolved> {
    let planned = &state.planned[step];
    let scope = Scope::of_step(&state.plan, planned, state).map_err(unresolved)?;
    let resolve = |value: &Value| expr::resolve(value, &scope).map(Arc::new).map_err(unresolved);
    Ok(Context {
        run: state.run.clone(),
        plan: state.plan.clone(),
        step: with_goal(planned, &scope)?,
        settings: resolve(&planned.settings)?,
        source: resolve(&planned.source)?,
        target: resolve(&planned.target)?,
        source_region: source_region(state),
        outage_since: outage_since(state),
        files: files.clone(),
    })
}

/// Returns the step with the settings of its goal resolved: a driver that looks at it has no scope of its own.
fn with_goal(planned: &Arc<PlannedStep>, scope: &Scope<'_>) -> Result<Arc<PlannedStep>, Unresolved> {
    let Some(Goal::Check(goal)) = &planned.goal else {
        return Ok(planned.clone());
    };
    let settings = expr::resolve(&goal.settings, scope).map_err(unresolved)?;
    let mut step = (**planned).clone();
    step.goal = Some(Goal::Check(Check {
        settings,
        ..goal.clone()
    }));
    Ok(Arc::new(step))
}

/// Returns what is known of a step before anything ran: expressions that need outputs stay as written.
pub(crate) fn context_as_planned(state: &RunState, step: usize, files: &Arc<dyn Files>) -> Context {
    context(state, step, files).unwrap_or_else(|_| {
        let planned = &state.planned[step];
        Context {
            run: state.run.clone(),
            plan: state.plan.clone(),
            step: planned.clone(),
            settings: Arc::new(planned.settings.clone()),
            source: Arc::new(planned.source.clone()),
            target: Arc::new(planned.target.clone()),
            source_region: source_region(state),
            outage_since: outage_since(state),
            files: files.clone(),
        }
    })
}

/// Returns a check with its settings resolved in the scope of the step that asks.
pub(crate) fn check(state: &RunState, step: usize, check: &Check) -> Result<Check, Unresolved> {
    let scope = Scope::of_step(&state.plan, &state.planned[step], state).map_err(unresolved)?;
    let settings = expr::resolve(&check.settings, &scope).map_err(unresolved)?;
    Ok(Check {
        settings,
        ..check.clone()
    })
}

fn outage_since(state: &RunState) -> Option<Timestamp> {
    state.plan.region_down.then_some(state.options.declared_at)
}

fn source_region(state: &RunState) -> SourceRegion {
    match (state.plan.region_down, state.recovered_at) {
        (false, _) => SourceRegion::Open,
        (true, None) => SourceRegion::Closed,
        (true, Some(_)) => SourceRegion::Tried,
    }
}

/// Returns when a `gate.wait` opens. A moment that nobody can read has come already.
pub(crate) fn wait_until(settings: &Value, now: Timestamp) -> Timestamp {
    let text = |name: &str| settings.get(name).and_then(Value::as_str);
    let moment = text("until").and_then(|text| text.parse::<Timestamp>().ok());
    let after = text("for").and_then(|text| units::parse_duration(text).ok());
    moment
        .or_else(|| after.map(|wait| policy::later(now, wait)))
        .unwrap_or(now)
}

fn unresolved(error: expr::ExprError) -> Unresolved {
    Unresolved(error.to_string())
}
