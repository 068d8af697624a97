//! What does pacing add to a driver? The turn of a change, and what each of its calls is for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use leeward_engine::{
    id::AttemptKey,
    port::{Context, Driver, DriverError},
    work::{Assessment, Loss, Observation, Operation, Phase, Probe, Progress, Sent, Ticket},
};
use leeward_runbook::plan::Check;
use tokio::time::Instant;

use super::{
    call::Call,
    here::{self, Here},
    rank::{Purpose, Rank},
    shell::Pace,
};

/// A driver whose calls pass the turnstile by their rank.
pub(crate) struct Paced {
    driver: Arc<dyn Driver>,
    pace: Pace,
    polled_since: Mutex<HashMap<String, Instant>>,
    turns: Mutex<HashMap<String, Instant>>,
}

impl Paced {
    /// Puts a driver behind the turnstile.
    pub(crate) fn new(driver: Arc<dyn Driver>, pace: Pace) -> Paced {
        Paced {
            driver,
            pace,
            polled_since: Mutex::default(),
            turns: Mutex::default(),
        }
    }

    fn here(&self, context: &Context, purpose: Purpose) -> Here {
        Here {
            rank: Rank::of(purpose, &context.plan, &context.step),
            before_send: false,
        }
    }

    fn of_operation(&self, context: &Context, operation: &Operation, purpose: Purpose) -> Here {
        let here = self.here(context, purpose);
        match operation.phase {
            Phase::Main => here,
            // A commit and a clean-up delay nobody.
            Phase::AfterRecovery | Phase::CleanUp => Here {
                rank: here.rank.behind_recovery(),
                ..here
            },
        }
    }

    /// Says whether what a ticket stands for should be over by now: most of the usual time has passed.
    fn poll_purpose(&self, context: &Context, name: &str) -> Purpose {
        let mut since = self.polled_since.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *since.entry(name.to_owned()).or_insert_with(Instant::now);
        match since.elapsed() >= context.step.forecast.mul_f64(0.7) {
            true => Purpose::LatePoll,
            false => Purpose::EarlyPoll,
        }
    }

    fn forget(&self, name: &str) {
        let mut since = self.polled_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.remove(name);
    }

    /// Says whether the operation was given its turn and has not looked yet.
    fn has_turn(&self, name: &str) -> bool {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.remove(name).is_some()
    }
}

fn name_of(context: &Context, operation: &Operation) -> String {
    here::name(&context.run, &context.step.id, &operation.id)
}

#[async_trait]
impl Driver for Paced {
    fn targets(&self, context: &Context) -> Vec<String> {
        self.driver.targets(context)
    }

    async fn measure(&self, context: &Context) -> Result<Vec<Loss>, DriverError> {
        let here = self.here(context, Purpose::Assess);
        here.during(self.driver.measure(context)).await
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let here = self.here(context, Purpose::Assess);
        here.during(self.driver.assess(context)).await
    }

    async fn turn(&self, context: &Context, operation: &Operation, waits: &(dyn Fn(Duration) + Send + Sync)) {
        self.driver.turn(context, operation, waits).await;
        let Some(call) = Call::change_of(&operation.target) else {
            return;
        };
        let name = name_of(context, operation);
        let rank = self.of_operation(context, operation, Purpose::Change).rank;
        self.pace.reserve(&name, &call, rank, waits).await;
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.insert(name, Instant::now());
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        let name = name_of(context, operation);
        let before_send = self.has_turn(&name);
        let purpose = match before_send {
            true => Purpose::Change,
            false => Purpose::Look,
        };
        let here = Here {
            before_send,
            ..self.of_operation(context, operation, purpose)
        };
        let seen = here.during(self.driver.observe(context, operation)).await;
        let sends = matches!(
            seen,
            Observation::NotBegun { .. } | Observation::CannotTell { .. }
        );
        if before_send && !sends {
            self.pace.release(&name);
        }
        seen
    }

    async fn begin(&self, context: &Context, operation: &Operation, rung: &str, key: &AttemptKey) -> Sent {
        let here = self.of_operation(context, operation, Purpose::Change);
        here.during(self.driver.begin(context, operation, rung, key))
            .await
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        let name = name_of(context, operation);
        let purpose = self.poll_purpose(context, &name);
        let here = self.of_operation(context, operation, purpose);
        let progress = here.during(self.driver.poll(context, operation, ticket)).await;
        if !matches!(progress, Progress::Running { .. } | Progress::Unreadable { .. }) {
            self.forget(&name);
        }
        progress
    }

    async fn probe(&self, context: &Context, check: &Check) -> Probe {
        let here = self.here(context, Purpose::Assess);
        here.during(self.driver.probe(context, check)).await
    }
}
