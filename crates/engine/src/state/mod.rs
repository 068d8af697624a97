//! Where a run stands: the fold of its records. Moves in one place, [`RunState::apply`].

mod fold;
mod operation;
mod step;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use leeward_runbook::plan::{OnFailure, Plan, PlannedStep, StepId};

use crate::{
    event::{Approval, Outcome, Person, RunOptions},
    id::RunId,
    port::CommandId,
    record::Chain,
    work::Loss,
};

pub(crate) use fold::measures;
pub use fold::{Fold, Folded, IllegalTransition};
pub use operation::{Attempt, AttemptState, OperationPhase, OperationState};
pub use step::{ConsentAsk, Quorum, StepPhase, StepState};

/// Everything that a run's records say, ready to be asked.
#[derive(Clone, Debug)]
pub struct RunState {
    /// The run.
    pub run: RunId,
    /// What is done.
    pub plan: Arc<Plan>,
    /// The plan's digest, which approvals must name.
    pub plan_digest: String,
    /// How it is done.
    pub options: RunOptions,
    /// Who started it.
    pub by: Person,
    /// The version of Leeward that opened it.
    pub version: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The end of the chain so far.
    pub chain: Chain,
    /// Whether a person paused it.
    pub paused: bool,
    /// Since when somebody can act: the run was taken up, or went on after a pause. No wait counts from before.
    pub able_since: Timestamp,
    /// When a step last moved, or the run began to end: what waits for calm is not due since before.
    pub stepped_at: Timestamp,
    /// Why nothing more is started, where that is so.
    pub ending: Option<Ending>,
    /// When recovery was reached.
    pub recovered_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Whether it holds its targets.
    pub claimed: bool,
    /// Drills that had to yield.
    pub evicted: Vec<RunId>,
    /// Those of them that left nothing behind.
    pub evicted_clean: Vec<RunId>,
    /// Who agreed to what, oldest first.
    pub approvals: Vec<Granted>,
    /// The commands that were taken in.
    pub commands: BTreeSet<CommandId>,
    /// The table of losses as measured at the start.
    pub measured: BTreeMap<usize, Vec<Loss>>,
    /// Every step, in the plan's order.
    pub steps: Vec<StepState>,
    /// The plan's steps, shared with whoever works on one.
    pub planned: Vec<Arc<PlannedStep>>,
    places: HashMap<StepId, usize>,
    dependents: Vec<Vec<usize>>,
    unsatisfied: Vec<usize>,
    unmeasured: usize,
    loss_steps: usize,
    recovery_left: usize,
    has_recovery: bool,
    under_way: usize,
    unrested: BTreeSet<usize>,
    startable: BTreeSet<(std::cmp::Reverse<std::time::Duration>, usize)>,
}

/// An agreement with its moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// When it counted.
    pub at: Timestamp,
    /// Who.
    pub by: Person,
    /// To what.
    pub approval: Approval,
    /// The number of its record.
    pub seq: u64,
    /// The gate that used it up, where it serves for one gate only.
    pub used_by: Option<usize>,
}

/// Why nothing more is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A person cancelled.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// A step with `on-failure: halt` failed.
    Halted {
        /// That step.
        because: StepId,
    },
}

impl RunState {
    /// Returns the place of a step in the plan's order.
    pub fn place(&self, id: &StepId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Returns the steps that may start now, the longest remaining path first.
    pub fn startable(&self) -> impl Iterator<Item = usize> + '_ {
        self.startable.iter().map(|(_, place)| *place)
    }

    /// Returns how many steps have started and not come to rest.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// Returns the steps that have started and not come to rest.
    pub fn unrested(&self) -> impl Iterator<Item = usize> + '_ {
        self.unrested.iter().copied()
    }

    /// Returns whether the table of losses is complete.
    pub fn is_measured(&self) -> bool {
        self.unmeasured == 0
    }

    /// Returns whether some step ends recovery and has not yet.
    pub fn recovery_pending(&self) -> bool {
        self.recovery_left > 0
    }

    /// Returns whether recovery was reached as far as each step that ends it can tell: it succeeded, or a
    /// person left it out and everything that it waits for holds. A skip proves nothing by itself.
    pub fn recovery_holds(&self) -> bool {
        let mut open: Vec<usize> = (0..self.steps.len())
            .filter(|place| self.planned[*place].ends_recovery)
            .collect();
        let mut seen = vec![false; self.steps.len()];
        while let Some(place) = open.pop() {
            if std::mem::replace(&mut seen[place], true) {
                continue;
            }
            match &self.steps[place].phase {
                StepPhase::Done | StepPhase::Skipped { by: None, .. } => {}
                StepPhase::Skipped { by: Some(_), .. } => {
                    let waits_for = self.planned[place].after.iter();
                    open.extend(waits_for.filter_map(|step| self.place(step)));
                }
                StepPhase::Failed { .. } if self.planned[place].on_failure == OnFailure::Continue => {}
                _ => return false,
            }
        }
        true
    }

    /// Returns the step that would have ended recovery and that a person left out, where there is one.
    pub fn recovered_by_skip(&self) -> Option<&StepId> {
        let skipped = |place: &usize| {
            let left_out = matches!(self.steps[*place].phase, StepPhase::Skipped { by: Some(_), .. });
            self.planned[*place].ends_recovery && left_out
        };
        self.recovered_at?;
        (0..self.steps.len())
            .find(skipped)
            .map(|place| &self.planned[place].id)
    }

    /// Returns whether the plan marks any step `ends: recovery`.
    pub fn has_recovery(&self) -> bool {
        self.has_recovery
    }

    /// Returns whether what others wait for is there, be it without proof: it is done, was left out, or failed
    /// where the runbook goes on.
    pub fn is_satisfied(&self, place: usize) -> bool {
        match &self.steps[place].phase {
            StepPhase::Done | StepPhase::Skipped { .. } => true,
            StepPhase::Failed { .. } => self.planned[place].on_failure == OnFailure::Continue,
            _ => false,
        }
    }

    /// Returns whether every step is satisfied.
    pub fn all_satisfied(&self) -> bool {
        (0..self.steps.len()).all(|place| self.is_satisfied(place))
    }

    /// Returns whether the move has proven itself, so that nothing stands in the way of commits: recovery was
    /// reached or, where no step ends it, every step is satisfied.
    pub fn is_proven(&self) -> bool {
        match self.has_recovery {
            true => self.recovered_at.is_some(),
            false => self.under_way == 0 && self.all_satisfied(),
        }
    }

    /// Returns whether new work may begin.
    pub fn may_start(&self) -> bool {
        !self.paused && self.ending.is_none() && self.outcome.is_none()
    }

    /// Returns what a step can lose, as freshly as it is known.
    pub fn losses(&self, place: usize) -> &[Loss] {
        match &self.steps[place].assessment {
            Some(assessment) if !assessment.losses.is_empty() => &assessment.losses,
            _ => self.measured.get(&place).map(Vec::as_slice).unwrap_or_default(),
        }
    }
}
