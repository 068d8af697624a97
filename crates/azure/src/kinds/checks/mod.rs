//! The family of checks: each probe asks once, ends by itself, and changes nothing.

mod dns;
mod http;
mod sql;
mod tcp;
mod tls;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::AttemptKey,
    port::{Clock, Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Probe, Progress, Sent, Ticket},
};
use leeward_runbook::plan::{Check, Goal};
use serde_json::Value;

use super::Entry;
use crate::{
    arm::{Arm, refusal},
    registry::Seams,
    seams::PublicWire,
};

/// How long one probe may take.
const LONGEST: Duration = Duration::from_secs(10);

/// The checks that can be probed.
const KINDS: [&str; 5] = ["check.dns", "check.http", "check.sql", "check.tcp", "check.tls"];

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let prover = Prover::new(seams);
    KINDS
        .into_iter()
        .map(|kind| (kind, Arc::new(CheckDriver(prover.clone())) as Arc<dyn Driver>))
        .collect()
}

/// Probes checks. The kinds that take a check for their goal use it as well.
#[derive(Clone)]
pub(crate) struct Prover {
    arm: Arm,
    public: Arc<dyn PublicWire>,
    clock: Arc<dyn Clock>,
}

impl Prover {
    /// Makes one over the public side of the world.
    pub(crate) fn new(seams: &Seams) -> Prover {
        Prover {
            arm: seams.arm.clone(),
            public: seams.public.clone(),
            clock: seams.arm.clock().clone(),
        }
    }

    /// Probes once. A check that cannot be read has not passed; why stands in the evidence.
    pub(crate) async fn probe(&self, kind: &str, settings: &Value) -> Probe {
        let found = match kind {
            "check.dns" => dns::probe(self.public.as_ref(), self.clock.as_ref(), settings).await,
            "check.http" => http::probe(self.public.as_ref(), self.clock.as_ref(), settings).await,
            "check.sql" => sql::probe(self.public.as_ref(), &self.arm, self.clock.as_ref(), settings).await,
            "check.tcp" => tcp::probe(self.public.as_ref(), settings).await,
            "check.tls" => tls::probe(self.public.as_ref(), self.clock.as_ref(), settings).await,
            _ => Err(format!("`{kind}` is no check that this version can probe")),
        };
        found.unwrap_or_else(|evidence| Probe {
            passed: false,
            evidence,
        })
    }

    /// Returns whether a kind is one that can be probed.
    pub(crate) fn knows(kind: &str) -> bool {
        KINDS.contains(&kind)
    }
}

/// Drives one kind of check: the engine turns a check step into its own verification.
struct CheckDriver(Prover);

#[async_trait]
impl Driver for CheckDriver {
    fn targets(&self, _context: &Context) -> Vec<String> {
        Vec::new()
    }

    async fn assess(&self, _context: &Context) -> Result<Assessment, DriverError> {
        Ok(Assessment {
            summary: "a check changes nothing".to_owned(),
            ..Assessment::default()
        })
    }

    async fn observe(&self, _context: &Context, _operation: &Operation) -> Observation {
        Observation::CannotTell {
            reason: "a check has no operation".to_owned(),
        }
    }

    async fn begin(&self, _: &Context, _: &Operation, _: &str, _: &AttemptKey) -> Sent {
        refusal::refused_here("NothingToSend", "a check changes nothing")
    }

    async fn poll(&self, _: &Context, _: &Operation, _: &Ticket) -> Progress {
        Progress::Gone {
            reason: "a check has no operation".to_owned(),
        }
    }

    async fn probe(&self, _context: &Context, check: &Check) -> Probe {
        self.0.probe(&check.kind, &check.settings).await
    }
}

/// Returns a whole number, also where an expression made a text of it.
fn whole(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

/// Returns the check that proves a step which has no resource of its own, where it names one. `what` says what the
/// step is: "a script".
pub(super) fn goal<'a>(context: &'a Context, what: &str) -> Result<Option<&'a Check>, DriverError> {
    match &context.step.goal {
        None => Ok(None),
        Some(Goal::Check(check)) if Prover::knows(&check.kind) => Ok(Some(check)),
        Some(Goal::Check(check)) => Err(DriverError::Impossible {
            reason: format!("its goal is `{}`, which this version cannot probe", check.kind),
        }),
        Some(Goal::Condition(_)) => Err(DriverError::Impossible {
            reason: format!("its goal is a condition on a resource, and {what} has none: write a check"),
        }),
    }
}

#[cfg(test)]
mod tests;
