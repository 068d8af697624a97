//! Where one step stands, and the only place where it moves.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{OperationPhase, OperationState, fold::IllegalTransition};
use crate::{
    event::{Choice, OperationEvent, Person, StepEvent},
    id::OperationId,
    policy,
    work::{Assessment, Figure, Outputs, Phase},
};

/// So many operations are looked through faster than a table of them is asked.
const FEW: usize = 8;

/// One step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StepState {
    /// Where it stands.
    pub phase: StepPhase,
    /// Grows with every event; an answer that carries an older one is dropped.
    pub turn: u32,
    /// What the driver found; its operations stand below.
    pub assessment: Option<Assessment>,
    /// Its operations, as assessed.
    pub operations: Vec<OperationState>,
    /// How many of its moves have reached their goal.
    pub arrived: usize,
    /// When as many of them had as must, where fewer than all suffice.
    pub quorum: Option<Quorum>,
    /// On how many of its own changes Azure may still be at work.
    pub at_work: usize,
    /// What a person is asked to agree to.
    pub consent: Option<ConsentAsk>,
    /// The rungs that were agreed to.
    pub consented: BTreeSet<String>,
    /// What it leaves for others.
    pub outputs: Outputs,
    /// What is less than asked for.
    pub degraded: Option<String>,
    /// What is left to do by hand.
    pub leftovers: Vec<String>,
    /// What was seen by its checks.
    pub evidence: Vec<String>,
    /// When it became ready.
    pub started_at: Option<Timestamp>,
    /// When its change began, or was last reopened: its timeout counts from here.
    pub patience_from: Option<Timestamp>,
    /// When it came to rest.
    pub ended_at: Option<Timestamp>,
    operation_places: HashMap<OperationId, usize>,
}

/// That as many moves of a step have reached their goal as must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// When that was so.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

/// What a person is asked to agree to.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsentAsk {
    /// The rung.
    pub rung: String,
    /// Store by store.
    pub losses: BTreeMap<String, Figure>,
    /// In words.
    pub asks: String,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum StepPhase {
    /// Something it waits for is not satisfied, or its turn has not come.
    Waiting,
    /// It was started; what comes first is decided next.
    Ready,
    /// A person or the clock decides.
    AtGate {
        /// What is asked.
        asks: String,
        /// When the clock opens it.
        until: Option<Timestamp>,
    },
    /// The driver finds out what is to be done.
    Assessing {
        /// How often that failed.
        failures: u32,
        /// When it is tried again.
        until: Option<Timestamp>,
        /// Why it failed last.
        reason: Option<String>,
    },
    /// Its operations are under way.
    Changing,
    /// Its checks run.
    Verifying {
        /// The check that runs, by its place under `verify`.
        check: usize,
        /// Since when.
        since: Timestamp,
    },
    /// Done, perhaps with less than asked for.
    Done,
    /// Took no part.
    Skipped {
        /// Why.
        reason: String,
        /// Who said so.
        by: Option<Person>,
    },
    /// Failed.
    Failed {
        /// Why.
        reason: String,
    },
    /// Only a person can help.
    Stuck {
        /// Why.
        reason: String,
        /// With what.
        choices: Vec<Choice>,
    },
    /// The run was cancelled or halted before it.
    Cancelled,
}

impl StepPhase {
    /// Returns whether the step moves by itself no more.
    pub fn is_rest(&self) -> bool {
        matches!(
            self,
            StepPhase::Done
                | StepPhase::Skipped { .. }
                | StepPhase::Failed { .. }
                | StepPhase::Stuck { .. }
                | StepPhase::Cancelled
        )
    }

    /// Returns whether the step has started and not come to rest.
    pub fn is_under_way(&self) -> bool {
        !self.is_rest() && !matches!(self, StepPhase::Waiting)
    }
}

impl Default for StepState {
    fn default() -> StepState {
        StepState {
            phase: StepPhase::Waiting,
            turn: 0,
            assessment: None,
            operations: Vec::new(),
            arrived: 0,
            quorum: None,
            at_work: 0,
            consent: None,
            consented: BTreeSet::new(),
            outputs: Outputs::new(),
            degraded: None,
            leftovers: Vec::new(),
            evidence: Vec::new(),
            started_at: None,
            patience_from: None,
            ended_at: None,
            operation_places: HashMap::new(),
        }
    }
}

impl StepState {
    /// Returns the place of an operation; ten thousand may stand behind one step.
    pub fn operation_place(&self, id: &OperationId) -> Option<usize> {
        if self.operations.len() > FEW {
            return self.operation_places.get(id).copied();
        }
        self.operations
            .iter()
            .position(|operation| operation.plan.id == *id)
    }

    /// Returns the operations of one phase.
    pub fn of_phase(&self, phase: Phase) -> impl Iterator<Item = &OperationState> {
        self.operations
            .iter()
            .filter(move |operation| operation.plan.phase == phase)
    }

    /// The only place where a step moves. Anything unlisted is a corrupt journal.
    pub(super) fn apply(&mut self, at: Timestamp, event: &StepEvent) -> Result<(), IllegalTransition> {
        use {StepEvent as E, StepPhase as S};
        let next = match (&self.phase, event) {
            (S::Waiting, E::BecameReady) => S::Ready,
            (S::Ready, E::GateReached { asks, until }) => S::AtGate {
                asks: asks.clone(),
                until: *until,
            },
            (S::Ready | S::AtGate { .. }, E::GateOpened { .. }) => S::Assessing {
                failures: 0,
                until: None,
                reason: None,
            },
            (S::Ready | S::Assessing { .. }, E::AssessmentDeferred { reason, until }) => {
                let failures = match &self.phase {
                    S::Assessing { failures, .. } => failures + 1,
                    _ => 1,
                };
                S::Assessing {
                    failures,
                    until: Some(*until),
                    reason: Some(reason.clone()),
                }
            }
            (S::Ready | S::Assessing { .. }, E::Assessed { assessment }) => {
                self.operations = assessment
                    .operations
                    .iter()
                    .cloned()
                    .map(OperationState::new)
                    .collect();
                let main = || {
                    assessment
                        .operations
                        .iter()
                        .filter(|one| one.phase == Phase::Main)
                };
                let first: HashSet<&OperationId> = main().flat_map(|one| &one.after).collect();
                for operation in &mut self.operations {
                    operation.prepares = first.contains(&operation.plan.id);
                }
                self.arrived = 0;
                self.quorum = None;
                self.operation_places.clear();
                if self.operations.len() > FEW {
                    for (place, operation) in self.operations.iter().enumerate() {
                        self.operation_places
                            .entry(operation.plan.id.clone())
                            .or_insert(place);
                    }
                }
                self.outputs.extend(assessment.outputs.clone());
                self.assessment = Some(Assessment {
                    summary: assessment.summary.clone(),
                    operations: Vec::new(),
                    at_least: assessment.at_least,
                    losses: assessment.losses.clone(),
                    warnings: assessment.warnings.clone(),
                    outputs: assessment.outputs.clone(),
                });
                S::Changing
            }
            (S::Changing, E::ConsentNeeded { rung, losses, asks }) => {
                self.consent = Some(ConsentAsk {
                    rung: rung.clone(),
                    losses: losses.clone(),
                    asks: asks.clone(),
                });
                S::Changing
            }
            (S::Changing, E::ConsentGiven { .. }) => {
                let Some(ask) = self.consent.take() else {
                    return Err(IllegalTransition::step("no consent was asked for", event));
                };
                self.consented.insert(ask.rung);
                S::Changing
            }
            (S::Changing, E::ConsentWithdrawn) => {
                self.consent = None;
                S::Changing
            }
            (S::Changing | S::Assessing { .. } | S::Ready, E::VerificationStarted) => {
                // Its own checks may read what the change left.
                let made = self.operations.iter().filter(|operation| operation.is_reached());
                self.outputs
                    .extend(made.flat_map(|operation| operation.outputs.clone()));
                S::Verifying { check: 0, since: at }
            }
            (
                S::Verifying { check, .. },
                E::CheckPassed {
                    check: passed,
                    evidence,
                },
            ) if check == passed => {
                self.evidence.push(evidence.clone());
                S::Verifying {
                    check: check + 1,
                    since: at,
                }
            }
            (
                S::Changing | S::Assessing { .. } | S::Ready | S::Verifying { .. },
                E::Done { outputs, degraded },
            ) => {
                self.outputs.extend(outputs.clone());
                self.degraded = degraded.clone();
                S::Done
            }
            (S::Done, E::Trailed { left }) => {
                self.leftovers.push(left.clone());
                S::Done
            }
            (phase, E::Trailed { left }) if phase.is_rest() => {
                self.leftovers.push(left.clone());
                self.phase.clone()
            }
            (S::Done | S::Cancelled, E::Skipped { .. }) => {
                return Err(IllegalTransition::step("it is over already", event));
            }
            (_, E::Skipped { reason, by }) => {
                self.consent = None;
                S::Skipped {
                    reason: reason.clone(),
                    by: by.clone(),
                }
            }
            (phase, E::Failed { reason }) if phase.is_under_way() => S::Failed {
                reason: reason.clone(),
            },
            (phase, E::Stuck { reason, choices }) if phase.is_under_way() => S::Stuck {
                reason: reason.clone(),
                choices: choices.clone(),
            },
            (phase, E::Cancelled) if !phase.is_rest() => S::Cancelled,
            (S::Failed { .. } | S::Stuck { .. }, E::Reopened) => {
                self.consent = None;
                for operation in &mut self.operations {
                    operation.reopen();
                }
                if let Some(quorum) = &mut self.quorum {
                    // What is missing is waited for once more.
                    quorum.at = at;
                }
                if self.operations.is_empty() || self.is_changed() {
                    S::Ready
                } else {
                    S::Changing
                }
            }
            _ => return Err(IllegalTransition::step(&format!("it is {:?}", self.phase), event)),
        };
        if matches!(event, E::BecameReady) {
            self.started_at = Some(at);
        }
        if matches!(event, E::Assessed { .. } | E::ConsentGiven { .. } | E::Reopened) {
            self.patience_from = Some(at);
        }
        if matches!(event, E::Reopened) {
            // What may still arrive is let arrive first, and that is no part of the wait.
            let held = self.operations.iter().filter_map(|one| match one.phase {
                OperationPhase::Looking { until } => until,
                _ => None,
            });
            self.patience_from = self.patience_from.max(held.max());
        }
        if next.is_rest() && !self.phase.is_rest() {
            self.ended_at = Some(at);
        }
        if next != StepPhase::Changing {
            // Whatever was asked about the change is no longer a question.
            self.consent = None;
        }
        self.phase = next;
        self.turn += 1;
        if matches!(event, E::Assessed { .. } | E::Reopened) {
            self.at_work = self.of_phase(Phase::Main).filter(|one| one.is_at_work()).count();
        }
        Ok(())
    }

    /// Moves one of its operations.
    pub(super) fn apply_to(
        &mut self,
        place: usize,
        at: Timestamp,
        change: &OperationEvent,
    ) -> Result<(), IllegalTransition> {
        let Some(operation) = self.operations.get_mut(place) else {
            return Err(IllegalTransition::Unknown {
                what: format!("operation {place} in this step"),
            });
        };
        let counts = operation.plan.phase == Phase::Main;
        let (at_work, there) = (operation.is_at_work(), operation.is_reached());
        operation.apply(at, change)?;
        if !counts {
            return Ok(());
        }
        self.at_work = self.at_work + usize::from(operation.is_at_work()) - usize::from(at_work);
        if !there && operation.is_reached() && !operation.prepares {
            self.arrived += 1;
            // What the step went on without has come after all: nothing is lacking any more.
            if self.phase == StepPhase::Done && self.counted().all(OperationState::is_reached) {
                self.degraded = None;
            }
            if self.has_quorum() && self.quorum.is_none() {
                let took = policy::between(self.patience_from.unwrap_or(at), at);
                self.quorum = Some(Quorum { at, took });
            }
        }
        Ok(())
    }

    /// Returns whether fewer moves than all suffice, and as many are there.
    pub fn has_quorum(&self) -> bool {
        let needed = self.assessment.as_ref().and_then(|found| found.at_least);
        needed.is_some_and(|needed| self.arrived >= needed)
    }

    /// Returns the commits that follow from what the step has moved and that are not made.
    pub fn owed_commits(&self) -> impl Iterator<Item = &OperationState> {
        let moved = |id: &OperationId| {
            let place = self.operation_place(id);
            place.is_some_and(|place| self.operations[place].is_reached())
        };
        let done = self.phase == StepPhase::Done;
        self.of_phase(Phase::AfterRecovery)
            .filter(move |one| done && !one.is_rest() && one.plan.after.iter().all(moved))
    }

    /// Returns the operations that are counted: the moves where fewer than all suffice, else every change.
    pub fn counted(&self) -> impl Iterator<Item = &OperationState> {
        let some = self
            .assessment
            .as_ref()
            .is_some_and(|found| found.at_least.is_some());
        self.of_phase(Phase::Main)
            .filter(move |one| !some || !one.prepares)
    }

    /// Returns whether its end is still waited for by the run: Azure may be at work on a change of it, and no
    /// person has said what became of that or left the step out.
    pub fn is_awaited(&self) -> bool {
        self.at_work > 0
            && match self.phase {
                StepPhase::Skipped { .. } => false,
                StepPhase::Stuck { .. } | StepPhase::Cancelled => true,
                _ => self.of_phase(Phase::Main).any(OperationState::is_unfinished),
            }
    }

    /// Whether every main operation has reached its goal, so that only the checks are left.
    fn is_changed(&self) -> bool {
        self.of_phase(Phase::Main).all(OperationState::is_reached)
    }
}
