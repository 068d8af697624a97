//! A cloud that answers at once, for the conductor and for the machine alone.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::Timestamp;
use leeward_acceptance::toy;
use leeward_engine::{
    event::{Known, Person, RunOptions},
    id::{AttemptKey, RunId},
    port::{Clock, Context, Driver, DriverError, Drivers, Moment},
    work::{Assessment, Figure, Loss, Observation, Operation, Phase, Probe, Progress, Sent, Ticket},
};
use leeward_runbook::plan::{Check, Plan};
use serde_json::json;

/// What was begun. Whatever was begun holds at once.
#[derive(Default)]
pub(crate) struct World {
    begun: Mutex<HashSet<(String, String)>>,
    /// How many operations each step has.
    wide: usize,
    /// Whether what was begun never ends.
    endless: bool,
    /// Whether every operation has a row in the table of losses, within its budget.
    lossy: bool,
}

impl World {
    /// Makes a world in which every step has so many operations.
    pub(crate) fn of_width(wide: usize) -> World {
        World {
            wide,
            ..World::default()
        }
    }

    /// Makes one whose operations never end.
    pub(crate) fn endless(wide: usize) -> World {
        World {
            wide,
            endless: true,
            ..World::default()
        }
    }

    /// Makes one in which every operation could lose data, within its budget.
    pub(crate) fn lossy(wide: usize) -> World {
        World {
            wide,
            lossy: true,
            ..World::default()
        }
    }

    /// Returns how many changes were begun.
    pub(crate) fn changes(&self) -> usize {
        self.begun.lock().unwrap().len()
    }

    pub(crate) fn assess(&self, step: &str) -> Assessment {
        let operation = |number: usize| {
            let mut operation = toy::operation(
                &format!("enable/{step}-{number}"),
                &format!("/subscriptions/s/resourcegroups/rg/providers/microsoft.toy/things/{step}-{number}"),
                &format!("{step}-{number} is enabled"),
                Phase::Main,
                json!({"endpoint": format!("neu-{number}"), "type": "azureEndpoints"}),
            );
            operation.rungs[0].lossy = self.lossy;
            operation
        };
        let row = |number: usize| Loss {
            store: format!("{step}/{step}-{number}"),
            by_rung: BTreeMap::from([("only".to_owned(), Figure::Nothing)]),
            source: "its latest recovery point".to_owned(),
            as_of: None,
        };
        let rows = if self.lossy { self.wide } else { 0 };
        Assessment {
            summary: "it can be moved".to_owned(),
            operations: (0..self.wide).map(operation).collect(),
            losses: (0..rows).map(row).collect(),
            ..Assessment::default()
        }
    }

    pub(crate) fn observe(&self, step: &str, operation: &Operation) -> Observation {
        let key = (step.to_owned(), operation.id.to_string());
        let evidence = "the endpoint as it was read".to_owned();
        match self.begun.lock().unwrap().contains(&key) {
            true => Observation::Holds {
                evidence,
                ours: true,
                outputs: BTreeMap::from([("host".to_owned(), json!("shop.example.test"))]),
            },
            false => Observation::NotBegun { evidence },
        }
    }

    pub(crate) fn begin(&self, step: &str, operation: &Operation) -> Sent {
        let key = (step.to_owned(), operation.id.to_string());
        self.begun.lock().unwrap().insert(key);
        Sent::Accepted {
            ticket: Ticket {
                status_url: None,
                location: None,
                job: Some("6a0ecb2c-7d0f-4c43-8c64-0d7c1c3a94b6".to_owned()),
                detail: json!(null),
                look_after: Some(if self.endless {
                    Duration::from_secs(3600)
                } else {
                    Duration::ZERO
                }),
            },
        }
    }

    pub(crate) fn poll(&self) -> Progress {
        Progress::Succeeded {
            warnings: Vec::new(),
            outputs: BTreeMap::new(),
        }
    }

    pub(crate) fn probe(&self) -> Probe {
        Probe {
            passed: true,
            evidence: "200 in 3 ms".to_owned(),
        }
    }
}

struct Toy(Arc<World>);

#[async_trait]
impl Driver for Toy {
    fn targets(&self, context: &Context) -> Vec<String> {
        vec![format!("/toy/{}", context.step.id)]
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        Ok(self.0.assess(context.step.id.as_str()))
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        self.0.observe(context.step.id.as_str(), operation)
    }

    async fn begin(&self, context: &Context, operation: &Operation, _: &str, _: &AttemptKey) -> Sent {
        self.0.begin(context.step.id.as_str(), operation)
    }

    async fn poll(&self, _: &Context, _: &Operation, _: &Ticket) -> Progress {
        self.0.poll()
    }

    async fn probe(&self, _: &Context, _: &Check) -> Probe {
        self.0.probe()
    }
}

/// The toy drives every kind.
pub(crate) struct Every(pub(crate) Arc<World>);

impl Drivers for Every {
    fn of(&self, _: &str) -> Option<Arc<dyn Driver>> {
        Some(Arc::new(Toy(self.0.clone())))
    }
}

/// The real time.
pub(crate) struct WallClock(Instant);

impl WallClock {
    pub(crate) fn new() -> WallClock {
        WallClock(Instant::now())
    }
}

#[async_trait]
impl Clock for WallClock {
    fn now(&self) -> Moment {
        Moment {
            wall: Timestamp::now(),
            uptime: self.0.elapsed(),
        }
    }

    async fn sleep_until(&self, uptime: Duration) {
        tokio::time::sleep_until((self.0 + uptime).into()).await;
    }
}

pub(crate) fn ann() -> Person {
    Person {
        name: "ann".to_owned(),
        known: Known::Stated,
    }
}

pub(crate) fn options(at: Timestamp) -> RunOptions {
    RunOptions {
        declared_at: at,
        parallel: None,
        rehearsal: false,
    }
}

pub(crate) fn run_id() -> RunId {
    RunId("r-20261124-030000-0001".to_owned())
}

/// One step alone, whatever the runbook had.
pub(crate) fn one_step() -> Plan {
    crate::platform::planned(&crate::platform::spread(1))
}
