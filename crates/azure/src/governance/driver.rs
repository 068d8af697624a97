//! What does governance add to a driver? Beside its assessment, what stands around its resources.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::AttemptKey,
    port::{Context, Driver, DriverError},
    work::{Assessment, Loss, Observation, Operation, Probe, Progress, Sent, Ticket},
};
use leeward_runbook::plan::Check;

use super::{
    locks::{self, Change},
    marks,
    watch::{Watch, all_folded},
};
use crate::arm::Arm;

/// A driver whose assessment tells of locks and of where resource groups lie.
pub(crate) struct Governed {
    driver: Arc<dyn Driver>,
    watch: Arc<Watch>,
    arm: Arm,
    marks: Marks,
}

/// Whether what moves is marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// Nothing is.
    #[default]
    Off,
    /// Whatever can be.
    On,
}

impl Governed {
    /// Puts a driver under the eyes of a watch, which all drivers share.
    pub(crate) fn new(driver: Arc<dyn Driver>, watch: Arc<Watch>, arm: Arm, marks: Marks) -> Governed {
        Governed {
            driver,
            watch,
            arm,
            marks,
        }
    }

    /// Returns what the step changes: its operations' targets, and what it claims beside them.
    fn changes(&self, context: &Context, operations: &[Operation], claimed: &[String]) -> Vec<Change> {
        let mut changes: Vec<Change> = operations
            .iter()
            .filter_map(|operation| locks::changes_of(&context.step, operation))
            .collect();
        if !changes.is_empty() {
            let beside: Vec<Change> = claimed
                .iter()
                .filter(|id| id.starts_with("/subscriptions/"))
                .filter(|id| !changes.iter().any(|change| change.target == **id))
                .map(|id| Change {
                    target: id.clone(),
                    deletes: false,
                })
                .collect();
            changes.extend(beside);
        }
        changes
    }
}

#[async_trait]
impl Driver for Governed {
    fn targets(&self, context: &Context) -> Vec<String> {
        self.driver.targets(context)
    }

    async fn measure(&self, context: &Context) -> Result<Vec<Loss>, DriverError> {
        // Meanwhile, and not a moment longer: a person waits for the losses.
        let watching = self.watch.prepare_all(context);
        let mut measuring = self.driver.measure(context);
        tokio::select! {
            biased;
            measured = &mut measuring => return measured,
            () = watching => {}
        }
        measuring.await
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let claimed = all_folded(self.driver.targets(context));
        // A message, a check and a command are about nothing that Azure governs.
        if claimed.is_empty() {
            return self.driver.assess(context).await;
        }
        let watching = self.watch.prepare(context, &claimed);
        let (assessed, ()) = tokio::join!(self.driver.assess(context), watching);
        let mut assessment = assessed?;
        let sent: Vec<String> = assessment
            .operations
            .iter()
            .map(|one| one.target.clone())
            .collect();
        let changes = self.changes(context, &assessment.operations, &claimed);
        for line in self.watch.told(context, &changes, &sent) {
            // A kind may know it by itself.
            if !assessment
                .warnings
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&line))
            {
                assessment.warnings.push(line);
            }
        }
        if self.marks == Marks::On {
            let mark = marks::operation(context, &assessment.operations);
            assessment.operations.extend(mark);
        }
        Ok(assessment)
    }

    async fn turn(&self, context: &Context, operation: &Operation, waits: &(dyn Fn(Duration) + Send + Sync)) {
        if !marks::is_mark(operation) {
            self.driver.turn(context, operation, waits).await;
        }
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        if marks::is_mark(operation) {
            return Observation::CannotTell {
                reason: "nobody looks for tags".to_owned(),
            };
        }
        self.driver.observe(context, operation).await
    }

    async fn begin(&self, context: &Context, operation: &Operation, rung: &str, key: &AttemptKey) -> Sent {
        // Whatever the setting says now: what the journal owes is done.
        if marks::is_mark(operation) {
            return marks::begin(&self.arm.for_step(context), context, operation, key).await;
        }
        self.driver.begin(context, operation, rung, key).await
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        self.driver.poll(context, operation, ticket).await
    }

    async fn probe(&self, context: &Context, check: &Check) -> Probe {
        self.driver.probe(context, check).await
    }
}
