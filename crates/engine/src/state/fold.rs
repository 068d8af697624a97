//! How a run's state follows from its records.

use std::{cmp::Reverse, collections::HashMap};

use leeward_runbook::plan::{OnFailure, PlannedStep, StepId};

use super::{Ending, Granted, OperationPhase, RunState, StepPhase, StepState};
use crate::{
    event::{Event, OperationEvent, StepEvent},
    id::OperationId,
    record::{Chain, JOURNAL_FORMAT, Record, RecordError},
};

/// A step whose state a record touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// One step.
    Step(usize),
    /// The run as a whole.
    Run,
    /// Nothing that anything else waits for.
    Nothing,
}

/// A record that cannot follow what is there: the journal is corrupt, or the machine has a defect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    /// A step cannot do that now.
    #[error("step: {why}, so `{event}` cannot follow")]
    Step {
        /// Where it stands.
        why: String,
        /// The event.
        event: String,
    },
    /// An operation cannot do that now.
    #[error("operation `{operation}` is {phase}, so `{event}` cannot follow")]
    Operation {
        /// Which.
        operation: String,
        /// Where it stands.
        phase: String,
        /// The event.
        event: String,
    },
    /// No such step, operation or attempt.
    #[error("there is no {what}")]
    Unknown {
        /// What was named.
        what: String,
    },
    /// The first record must open the run, and no other may.
    #[error("a run opens once, with its first record")]
    NotOpened,
    /// The record is of a newer Leeward.
    #[error("record {seq} says something that this version does not know; use the version that wrote it")]
    Newer {
        /// The record.
        seq: u64,
    },
    /// The journal is of a newer Leeward.
    #[error(
        "the journal has format {found}, this version knows {JOURNAL_FORMAT}; use the version that wrote it"
    )]
    NewerFormat {
        /// Its format.
        found: u32,
    },
    /// The chain itself.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl IllegalTransition {
    pub(super) fn step(why: &str, event: &StepEvent) -> IllegalTransition {
        IllegalTransition::Step {
            why: why.to_owned(),
            event: word_of(event, "step-event"),
        }
    }

    pub(super) fn operation(
        id: &OperationId,
        phase: &OperationPhase,
        event: &OperationEvent,
    ) -> IllegalTransition {
        IllegalTransition::Operation {
            operation: id.to_string(),
            phase: format!("{phase:?}"),
            event: word_of(event, "operation-event"),
        }
    }

    pub(super) fn attempt(id: &OperationId, number: u32) -> IllegalTransition {
        IllegalTransition::Unknown {
            what: format!("attempt {number} of operation `{id}`"),
        }
    }
}

fn word_of(event: &impl serde::Serialize, tag: &str) -> String {
    let value = serde_json::to_value(event).unwrap_or_default();
    value
        .get(tag)
        .and_then(|word| word.as_str())
        .unwrap_or("event")
        .to_owned()
}

/// A fold that is under way: records go in as they are read, and none is kept.
///
/// Where a record cannot follow, what was folded before it stands: a damaged journal, or one of a
/// newer version, can still be looked at up to there.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    state: Option<RunState>,
}

impl Fold {
    /// Takes the next record in.
    pub fn take(&mut self, record: &Record) -> Result<(), IllegalTransition> {
        match &mut self.state {
            Some(state) => state.apply(record).map(drop),
            None => {
                self.state = Some(RunState::open(record)?);
                Ok(())
            }
        }
    }

    /// Returns where the run stands by what was taken in so far; nothing before the first record.
    pub fn state(&self) -> Option<&RunState> {
        self.state.as_ref()
    }

    /// Returns where the run stands at the journal's end.
    pub fn end(self) -> Result<RunState, IllegalTransition> {
        self.state.ok_or(IllegalTransition::NotOpened)
    }
}

impl RunState {
    /// Folds a whole journal.
    pub fn of(records: &[Record]) -> Result<RunState, IllegalTransition> {
        let mut fold = Fold::default();
        for record in records {
            fold.take(record)?;
        }
        fold.end()
    }

    /// Makes the state of a run's first record.
    pub fn open(record: &Record) -> Result<RunState, IllegalTransition> {
        if record.body.event == Event::Foreign {
            return Err(IllegalTransition::Newer { seq: record.body.seq });
        }
        let Event::RunOpened {
            format,
            version,
            run,
            plan,
            options,
            by,
            ..
        } = &record.body.event
        else {
            return Err(IllegalTransition::NotOpened);
        };
        if *format > JOURNAL_FORMAT {
            return Err(IllegalTransition::NewerFormat { found: *format });
        }
        let mut chain = Chain::default();
        chain.follow(record)?;
        let plan = plan.clone();
        let places: HashMap<StepId, usize> = plan
            .steps
            .iter()
            .enumerate()
            .map(|(place, step)| (step.id.clone(), place))
            .collect();
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        let mut unsatisfied = vec![0; plan.steps.len()];
        for (place, step) in plan.steps.iter().enumerate() {
            for before in &step.after {
                let before = *places.get(before).ok_or_else(|| IllegalTransition::Unknown {
                    what: format!("step `{before}`, which `{}` waits for", step.id),
                })?;
                dependents[before].push(place);
                unsatisfied[place] += 1;
            }
        }
        let loss_steps = plan.steps.iter().filter(|step| measures(step)).count();
        let startable = (0..plan.steps.len())
            .filter(|&place| unsatisfied[place] == 0)
            .map(|place| (Reverse(plan.steps[place].remaining), place))
            .collect();
        Ok(RunState {
            run: run.clone(),
            plan_digest: plan.digest(),
            options: options.clone(),
            by: by.clone(),
            version: version.clone(),
            opened_at: record.body.at,
            chain,
            paused: false,
            able_since: record.body.at,
            stepped_at: record.body.at,
            ending: None,
            recovered_at: None,
            outcome: None,
            claimed: false,
            evicted: Vec::new(),
            evicted_clean: Vec::new(),
            approvals: Vec::new(),
            commands: Default::default(),
            measured: Default::default(),
            steps: vec![StepState::default(); plan.steps.len()],
            planned: plan.steps.clone(),
            places,
            dependents,
            unsatisfied,
            unmeasured: loss_steps,
            loss_steps,
            recovery_left: plan.steps.iter().filter(|step| step.ends_recovery).count(),
            under_way: 0,
            has_recovery: plan.steps.iter().any(|step| step.ends_recovery),
            unrested: Default::default(),
            startable,
            plan,
        })
    }

    /// The only place where a run moves.
    pub fn apply(&mut self, record: &Record) -> Result<Folded, IllegalTransition> {
        self.chain.follow(record)?;
        let at = record.body.at;
        Ok(match &record.body.event {
            Event::RunOpened { .. } => return Err(IllegalTransition::NotOpened),
            Event::Foreign => return Err(IllegalTransition::Newer { seq: record.body.seq }),
            Event::LeaseTaken { .. } => {
                self.able_since = at;
                self.steps
                    .iter_mut()
                    .flat_map(|step| &mut step.operations)
                    .for_each(|one| one.orphan());
                Folded::Run
            }
            Event::TargetsClaimed { evicted, clean, .. } => {
                self.evicted_clean.extend(clean.iter().cloned());
                self.claimed = true;
                self.evicted.extend(evicted.iter().cloned());
                Folded::Run
            }
            Event::ClaimsReleased { .. } => Folded::Nothing,
            Event::LossMeasured { step, losses } => {
                let place = self.known(step)?;
                if self.measured.insert(place, losses.clone()).is_none() {
                    self.unmeasured = self.loss_steps.saturating_sub(self.measured.len());
                }
                if self.unmeasured == 0 {
                    Folded::Run
                } else {
                    Folded::Nothing
                }
            }
            Event::Approved { by, approval } => {
                self.approvals.push(Granted {
                    at,
                    by: by.clone(),
                    approval: approval.clone(),
                    seq: record.body.seq,
                    used_by: None,
                });
                Folded::Run
            }
            Event::CommandTaken { id, .. } => {
                self.commands.insert(id.clone());
                Folded::Nothing
            }
            Event::Paused => {
                self.paused = true;
                Folded::Run
            }
            Event::Unpaused => {
                self.paused = false;
                self.able_since = at;
                self.stepped_at = at;
                Folded::Run
            }
            Event::HeldUp { .. } => {
                self.able_since = at;
                Folded::Run
            }
            Event::Cancelled { reason } => {
                if self.paused {
                    self.able_since = at;
                }
                self.stepped_at = at;
                self.ending = Some(Ending::Cancelled {
                    reason: reason.clone(),
                });
                Folded::Run
            }
            Event::Halted { because } => {
                self.ending.get_or_insert(Ending::Halted {
                    because: because.clone(),
                });
                Folded::Run
            }
            Event::Step { step, change } => {
                let place = self.known(step)?;
                self.stepped_at = at;
                self.move_step(place, |state| state.apply(at, change))?;
                if let StepEvent::GateOpened { used, .. } = change {
                    let approvals = self.approvals.iter_mut();
                    for granted in approvals.filter(|granted| used.contains(&granted.seq)) {
                        if granted.approval.serves_one_gate() {
                            granted.used_by = Some(place);
                        }
                    }
                }
                if matches!(change, StepEvent::Reopened | StepEvent::Skipped { .. })
                    && matches!(&self.ending, Some(Ending::Halted { because }) if because == step)
                {
                    // Another one may have failed meanwhile that holds everything up as well.
                    self.ending = self.halted_by().map(|because| Ending::Halted { because });
                    self.able_since = at;
                }
                Folded::Step(place)
            }
            Event::Operation {
                step,
                operation,
                change,
            } => {
                let place = self.known(step)?;
                let of_step = &mut self.steps[place];
                let found = of_step.operation_place(operation);
                let found = found.ok_or_else(|| IllegalTransition::Unknown {
                    what: format!("operation `{operation}` in step `{step}`"),
                })?;
                of_step.apply_to(found, at, change)?;
                Folded::Step(place)
            }
            Event::RecoveryReached => {
                self.recovered_at = Some(at);
                Folded::Run
            }
            Event::RunEnded { outcome } => {
                self.outcome = Some(*outcome);
                Folded::Run
            }
        })
    }

    /// Returns a failed step that lets nothing more start.
    fn halted_by(&self) -> Option<StepId> {
        let mut steps = self.steps.iter().zip(&self.planned);
        let halts = |step: &StepState, planned: &PlannedStep| {
            matches!(step.phase, StepPhase::Failed { .. }) && planned.on_failure == OnFailure::Halt
        };
        steps
            .find(|(step, planned)| halts(step, planned))
            .map(|(_, planned)| planned.id.clone())
    }

    fn known(&self, step: &StepId) -> Result<usize, IllegalTransition> {
        self.place(step).ok_or_else(|| IllegalTransition::Unknown {
            what: format!("step `{step}`"),
        })
    }

    /// Moves a step and keeps what is counted about it in step.
    fn move_step(
        &mut self,
        place: usize,
        change: impl FnOnce(&mut StepState) -> Result<(), IllegalTransition>,
    ) -> Result<(), IllegalTransition> {
        let before = self.standing_of(place);
        change(&mut self.steps[place])?;
        let after = self.standing_of(place);
        if before.satisfied != after.satisfied {
            for dependent in self.dependents[place].clone() {
                if after.satisfied {
                    self.unsatisfied[dependent] -= 1;
                } else {
                    self.unsatisfied[dependent] += 1;
                }
                self.note_startable(dependent);
            }
        }
        if self.planned[place].ends_recovery && before.recovered != after.recovered {
            if after.recovered {
                self.recovery_left -= 1
            } else {
                self.recovery_left += 1
            }
        }
        if before.under_way != after.under_way {
            if after.under_way {
                self.under_way += 1;
                self.unrested.insert(place);
            } else {
                self.under_way -= 1;
                self.unrested.remove(&place);
            }
        }
        self.note_startable(place);
        Ok(())
    }

    fn note_startable(&mut self, place: usize) {
        let key = (Reverse(self.planned[place].remaining), place);
        if self.unsatisfied[place] == 0 && self.steps[place].phase == StepPhase::Waiting {
            self.startable.insert(key);
        } else {
            self.startable.remove(&key);
        }
    }

    fn standing_of(&self, place: usize) -> Counted {
        let phase = &self.steps[place].phase;
        let satisfied = self.is_satisfied(place);
        // A check that failed under `on-failure: continue` proves nothing: it lets others go on, no more.
        let recovered = matches!(phase, StepPhase::Done | StepPhase::Skipped { .. });
        Counted {
            satisfied,
            recovered,
            under_way: phase.is_under_way(),
        }
    }
}

/// Returns whether a step has a row in the table of losses.
pub(crate) fn measures(step: &PlannedStep) -> bool {
    step.data_loss.is_some()
}

struct Counted {
    satisfied: bool,
    recovered: bool,
    under_way: bool,
}
