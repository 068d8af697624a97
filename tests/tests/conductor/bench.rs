//! A conductor with a toy cloud behind it, on a paused clock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use leeward_acceptance::toy;
use leeward_engine::{
    conductor::{Conducted, Conductor, ConductorError, Ended, Manners, NewRun, Unobserved},
    event::{Approval, Known, Person, RunOptions},
    id::{AttemptKey, RunId},
    port::{
        Clock, Command, CommandId, Context, Driver, DriverError, Drivers, Envelope, Holder, JournalStore,
        Moment,
    },
    work::{Assessment, Observation, Operation, Phase, Progress, Sent, Ticket},
};
use leeward_runbook::plan::Plan;
use leeward_store::MemoryStore;
use serde_json::json;

pub(crate) struct PausedClock(pub(crate) tokio::time::Instant);

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Moment {
        let uptime = tokio::time::Instant::now() - self.0;
        let begin: Timestamp = "2026-11-24T03:00:00Z".parse().expect("a time");
        Moment {
            wall: begin + SignedDuration::try_from(uptime).expect("a short test"),
            uptime,
        }
    }

    async fn sleep_until(&self, uptime: Duration) {
        tokio::time::sleep_until(self.0 + uptime).await;
    }
}

/// One goal a step; a change takes half a minute.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) changed_at: Mutex<BTreeMap<String, Vec<tokio::time::Instant>>>,
    /// How long Azure thinks before it answers a change of that step.
    pub(crate) slow_to_answer: Mutex<BTreeMap<String, Duration>>,
    /// How long a look at that step takes, the first so many times.
    pub(crate) slow_to_look: Mutex<BTreeMap<String, (usize, Duration)>>,
    /// When each look began that came before a change.
    pub(crate) looked_at: Mutex<BTreeMap<String, tokio::time::Instant>>,
}

pub(crate) struct Toy(pub(crate) Arc<World>);

#[async_trait]
impl Driver for Toy {
    fn targets(&self, context: &Context) -> Vec<String> {
        vec![format!("/toy/{}", context.step.id)]
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let drill = context.plan.journey == leeward_runbook::journey::Journey::Drill;
        let operation = |id: &str, phase: Phase| {
            toy::operation(id, context.step.id.as_str(), "it is there", phase, json!(null))
        };
        let mut operations = vec![operation("move", Phase::Main)];
        if drill {
            operations.push(operation("clean-up", Phase::CleanUp));
        }
        Ok(Assessment {
            operations,
            ..Assessment::default()
        })
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        let step = context.step.id.to_string();
        let began = tokio::time::Instant::now();
        let slow = match self.0.slow_to_look.lock().expect("the world").get_mut(&step) {
            Some((times @ 1.., long)) => {
                *times -= 1;
                Some(*long)
            }
            _ => None,
        };
        if let Some(long) = slow {
            tokio::time::sleep(long).await;
        }
        self.0.looked_at.lock().expect("the world").insert(step, began);
        let name = format!("{}/{}", context.step.id, operation.id);
        let changed = self
            .0
            .changed_at
            .lock()
            .expect("the world")
            .get(&name)
            .and_then(|all| all.first().copied());
        let evidence = "looked".to_owned();
        match changed.map(|at| at.elapsed() >= Duration::from_secs(30)) {
            Some(true) => Observation::Holds {
                evidence,
                ours: true,
                outputs: BTreeMap::new(),
            },
            Some(false) => Observation::InMotion {
                evidence,
                ticket: None,
            },
            None => Observation::NotBegun { evidence },
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, _: &str, _: &AttemptKey) -> Sent {
        let name = format!("{}/{}", context.step.id, operation.id);
        let now = tokio::time::Instant::now();
        self.0
            .changed_at
            .lock()
            .expect("the world")
            .entry(name)
            .or_default()
            .push(now);
        let step = context.step.id.to_string();
        let looked_at = self.0.looked_at.lock().expect("the world")[&step];
        assert!(
            now - looked_at <= Duration::from_secs(5),
            "the look at `{step}` is too old"
        );
        let slow = self
            .0
            .slow_to_answer
            .lock()
            .expect("the world")
            .get(&step)
            .copied();
        if let Some(long) = slow {
            tokio::time::sleep(long).await;
        }
        Sent::Accepted {
            ticket: Ticket {
                status_url: None,
                location: None,
                job: None,
                detail: json!(null),
                look_after: None,
            },
        }
    }

    async fn poll(&self, context: &Context, operation: &Operation, _: &Ticket) -> Progress {
        match self.observe(context, operation).await {
            Observation::Holds { .. } => Progress::Succeeded {
                warnings: Vec::new(),
                outputs: BTreeMap::new(),
            },
            _ => Progress::Running {
                word: "InProgress".to_owned(),
                percent: None,
                look_after: None,
                ticket: None,
            },
        }
    }
}

pub(crate) struct Only(pub(crate) Arc<World>);

impl Drivers for Only {
    fn of(&self, _: &str) -> Option<Arc<dyn Driver>> {
        Some(Arc::new(Toy(self.0.clone())))
    }
}

pub(crate) fn holder(process: u32) -> Holder {
    Holder {
        user: "ann".to_owned(),
        host: "laptop".to_owned(),
        process,
        process_start: "1".to_owned(),
        boot: "1".to_owned(),
    }
}

pub(crate) struct Bench {
    pub(crate) store: MemoryStore,
    pub(crate) world: Arc<World>,
    pub(crate) clock: Arc<PausedClock>,
    pub(crate) stop: tokio::sync::watch::Sender<bool>,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench {
            store: MemoryStore::new(),
            world: Arc::default(),
            clock: Arc::new(PausedClock(tokio::time::Instant::now())),
            stop: tokio::sync::watch::Sender::new(false),
        }
    }

    pub(crate) fn conductor(&self, process: u32, wait_for_people: bool) -> Conductor {
        Conductor {
            store: Arc::new(self.store.clone()),
            drivers: Arc::new(Only(self.world.clone())),
            clock: self.clock.clone(),
            holder: holder(process),
            manners: Manners {
                wait_for_people,
                ..Manners::default()
            },
            stop: self.stop.subscribe(),
        }
    }

    /// Starts a run in a process that dies once so many records are durable.
    pub(crate) async fn dies_after(&self, records: u64, process: u32, new: NewRun) {
        self.store.die_after(records);
        let died = self.store.died();
        let conductor = self.conductor(process, false);
        let mut look_away = Unobserved;
        tokio::select! {
            biased;
            () = died => {}
            _ = conductor.start(new, &mut look_away) => {}
        }
    }

    pub(crate) fn changes(&self, name: &str) -> usize {
        self.world
            .changed_at
            .lock()
            .expect("the world")
            .get(name)
            .map_or(0, Vec::len)
    }

    pub(crate) async fn approve(&self, run: &str, plan: &Plan) {
        let approval = Approval {
            step: None,
            plan_digest: plan.digest(),
            ceilings: BTreeMap::new(),
            everything: false,
            both_eyes: false,
            break_glass: None,
            reason: None,
        };
        let envelope = Envelope {
            id: CommandId("c-1".to_owned()),
            by: person("bob"),
            at: self.clock.now().wall,
            seen: 0,
            command: Command::Approve(approval),
        };
        self.store
            .send(&RunId(run.to_owned()), &envelope)
            .await
            .expect("an inbox");
    }
}

pub(crate) fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        known: Known::Stated,
    }
}

pub(crate) fn plan(journey: &str, steps: &[(&str, &str, &[&str])]) -> Plan {
    let steps: Vec<serde_json::Value> = steps
        .iter()
        .map(|(name, kind, after)| {
            json!({
                "id": name, "kind": kind, "after": after, "settings": {}, "source": null, "target": null,
                "timeout": "45m", "retry": {"attempts": 4, "backoff_from": "10s", "backoff_to": "2m"},
                "on_failure": "block", "forecast": "1m", "remaining": "1m"
            })
        })
        .collect();
    serde_json::from_value(json!({
        "format": 1, "runbook": "toy", "summary": "", "journey": journey,
        "source": {"side": "primary", "region": "westeurope"},
        "target": {"side": "paired", "region": "northeurope"},
        "region_down": false, "objectives": {}, "parameters": {}, "steps": steps, "files": {},
        "critical_path": [], "forecast": "1m"
    }))
    .expect("a plan")
}

pub(crate) fn new_run(name: &str, plan: Plan, clock: &PausedClock) -> NewRun {
    NewRun {
        run: RunId(name.to_owned()),
        plan,
        options: RunOptions {
            declared_at: clock.now().wall,
            parallel: None,
            rehearsal: false,
        },
        by: person("ann"),
        version: "test".to_owned(),
        approvals: Vec::new(),
        files: Vec::new(),
    }
}

pub(crate) const TWO: &[(&str, &str, &[&str])] = &[("sql", "toy", &[]), ("app", "toy", &["sql"])];

pub(crate) fn over(result: Result<Conducted, ConductorError>) -> Ended {
    result.expect("a conducted run").ended
}
