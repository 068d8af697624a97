//! A toy cloud for the pure machine: one goal an operation, faults by hand, time by hand.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of the toy"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use leeward_engine::{
    event::{Approval, Event, Known, Person, RunOptions},
    id::{OperationId, RunId},
    machine::{Action, Effect, Input, Machine, standing},
    port::{Command, CommandId, Envelope, Holder},
    record::{Chain, JOURNAL_FORMAT, Record},
    state::RunState,
    view::{RunView, Standing},
    work::{Assessment, Figure, Loss, Observation, Operation, Phase, Probe, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{
    kind::RepeatClass,
    plan::{Plan, StepId},
};
use serde_json::json;

/// What the toy cloud does with one operation.
#[derive(Clone, Debug)]
pub struct Rules {
    pub class: RepeatClass,
    /// How long Azure works on it.
    pub takes: u64,
    /// Seconds until an accepted change shows in reads.
    pub stale: u64,
    /// Sends whose answer is lost: 1 is the first.
    pub lost: BTreeSet<u32>,
    /// Seconds that a lost send is on its way before it arrives; it arrives at once when zero.
    pub late: u64,
    /// Sends that never arrive.
    pub vanished: BTreeSet<u32>,
    pub observable: bool,
    /// Whether nothing can be read.
    pub silent: bool,
    pub lossy: bool,
    pub phase: Phase,
    pub fails: bool,
    pub never_ends: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            class: RepeatClass::SelfGuarded,
            takes: 30,
            stale: 0,
            lost: BTreeSet::new(),
            late: 0,
            vanished: BTreeSet::new(),
            observable: true,
            silent: false,
            lossy: false,
            phase: Phase::Main,
            fails: false,
            never_ends: false,
        }
    }
}

/// What became of one operation in the toy cloud.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    pub sends: u32,
    pub accepted: Vec<Timestamp>,
}

pub struct Toy {
    pub machine: Machine,
    pub records: Vec<Record>,
    pub now: Timestamp,
    pub rules: BTreeMap<String, Rules>,
    pub fates: BTreeMap<String, Fate>,
    queue: Vec<(Timestamp, u64, Effect)>,
    order: u64,
    epoch: u64,
}

pub fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        known: Known::Stated,
    }
}

pub fn holder() -> Holder {
    Holder {
        user: "toy".to_owned(),
        host: "toy".to_owned(),
        process: 1,
        process_start: "0".to_owned(),
        boot: "0".to_owned(),
    }
}

/// Makes a plan of steps, each given as (name, after, overrides).
pub fn plan(steps: &[(&str, &[&str], serde_json::Value)]) -> Plan {
    let steps: Vec<serde_json::Value> = steps
        .iter()
        .map(|(name, after, overrides)| {
            let mut step = json!({
                "id": name, "kind": "toy", "after": after, "settings": {}, "source": null, "target": null,
                "timeout": "45m", "retry": {"attempts": 4, "backoff_from": "10s", "backoff_to": "2m"},
                "on_failure": "block", "forecast": "1m", "remaining": "1m"
            });
            for (key, value) in overrides.as_object().into_iter().flatten() {
                step[key] = value.clone();
            }
            step
        })
        .collect();
    serde_json::from_value(json!({
        "format": 1, "runbook": "toy", "summary": "", "journey": "failover",
        "source": {"side": "primary", "region": "westeurope"},
        "target": {"side": "paired", "region": "northeurope"},
        "region_down": false, "objectives": {}, "parameters": {}, "steps": steps, "files": {},
        "critical_path": [], "forecast": "1m"
    }))
    .expect("the toy's plan")
}

impl Toy {
    pub fn new(plan: Plan, rules: &[(&str, Rules)]) -> Toy {
        let now: Timestamp = "2026-11-24T03:00:00Z".parse().expect("a time");
        let options = RunOptions {
            declared_at: now,
            parallel: None,
            rehearsal: false,
        };
        let opened = Event::RunOpened {
            format: JOURNAL_FORMAT,
            version: "test".to_owned(),
            run: RunId("r-toy".to_owned()),
            plan: std::sync::Arc::new(plan),
            options,
            by: person("ann"),
        };
        let record = Chain::default().next(1, now, opened).expect("the first record");
        let state = RunState::open(&record).expect("an open run");
        Toy {
            machine: Machine::new(state, 1),
            records: vec![record],
            now,
            rules: rules
                .iter()
                .map(|(name, rules)| ((*name).to_owned(), rules.clone()))
                .collect(),
            fates: BTreeMap::new(),
            queue: Vec::new(),
            order: 0,
            epoch: 1,
        }
    }

    pub fn open(mut self) -> Toy {
        self.give(vec![Input::Opened]);
        self
    }

    pub fn give(&mut self, inputs: Vec<Input>) {
        let decision = self.machine.decide(self.now, inputs).expect("a legal decision");
        self.records.extend(decision.records().to_vec());
        for effect in drained(decision) {
            self.order += 1;
            let due = effect.not_before.unwrap_or(self.now).max(self.now);
            self.queue.push((due, self.order, effect));
        }
        let folded = RunView::of(&self.records).expect("a journal that folds");
        assert_eq!(
            folded,
            RunView::from(self.machine.state()),
            "the view is not the fold of the journal"
        );
    }

    /// Carries out the next effect. Says whether there was one.
    pub fn tick(&mut self) -> bool {
        self.queue.sort_by_key(|(due, order, _)| (*due, *order));
        if self.queue.is_empty() {
            return false;
        }
        let (due, _, effect) = self.queue.remove(0);
        self.now = self.now.max(due);
        let input = self.carry_out(effect);
        self.give(vec![input]);
        true
    }

    /// Goes on until nothing moves.
    pub fn finish(&mut self) -> Standing {
        for _ in 0..100_000 {
            let standing = standing::standing(self.machine.state());
            let quiet = self.queue.iter().all(|(_, _, effect)| {
                let only_news = self
                    .machine
                    .only_listens(effect.address.step, effect.address.part);
                match effect.action {
                    Action::Begin(_) | Action::Assess | Action::Probe(_) => false,
                    Action::Observe(_) => only_news,
                    _ => true,
                }
            });
            if matches!(standing, Standing::Ended(_)) || (standing != Standing::Moving && quiet) {
                return standing;
            }
            if !self.tick() {
                return standing;
            }
        }
        panic!(
            "the run never comes to rest: {:#?}",
            RunView::from(self.machine.state()).todo
        );
    }

    /// The process dies: everything in flight is forgotten, the journal is taken up anew.
    pub fn crash(&mut self) {
        self.epoch += 1;
        self.queue.clear();
        let state = RunState::of(&self.records).expect("a journal that folds");
        self.machine = Machine::new(state, self.epoch);
        let lease = Event::LeaseTaken {
            epoch: self.epoch,
            holder: holder(),
            from: Some(holder()),
        };
        let decision = self.machine.note(self.now, vec![lease]).expect("a lease");
        self.records.extend(decision.records().to_vec());
        self.give(vec![Input::Opened]);
    }

    pub fn command(&mut self, command: Command) {
        let id = CommandId(format!("c{}", self.records.len()));
        let envelope = Envelope {
            id,
            by: person("bob"),
            at: self.now,
            seen: 0,
            command,
        };
        self.give(vec![Input::Commanded(Box::new(envelope))]);
    }

    pub fn approve(&mut self, by: &str, ceilings: BTreeMap<String, Figure>) {
        let approval = Approval {
            step: None,
            plan_digest: self.machine.state().plan_digest.clone(),
            ceilings,
            everything: false,
            both_eyes: false,
            break_glass: None,
            reason: None,
        };
        let id = CommandId(format!("c{}", self.records.len()));
        let command = Command::Approve(approval);
        let envelope = Envelope {
            id,
            by: person(by),
            at: self.now,
            seen: 0,
            command,
        };
        self.give(vec![Input::Commanded(Box::new(envelope))]);
    }

    pub fn later(&self, seconds: u64) -> Timestamp {
        self.now + SignedDuration::from_secs(seconds as i64)
    }

    pub fn view(&self) -> RunView {
        RunView::from(self.machine.state())
    }

    pub fn accepted(&self, step: &str) -> usize {
        self.fates.get(step).map_or(0, |fate| fate.accepted.len())
    }

    fn rules_of(&self, effect: &Effect) -> (String, Rules) {
        let step = self.machine.state().planned[effect.address.step].id.to_string();
        let rules = self.rules.get(&step).cloned().unwrap_or_default();
        (step, rules)
    }

    pub fn operation_of(rules: &Rules) -> Operation {
        let rung = |name: &str, lossy: bool| Rung {
            name: name.to_owned(),
            repeat: rules.class,
            settling: Duration::from_secs(150),
            within: (name == "planned").then(|| Duration::from_secs(600)),
            lossy,
            beside: true,
            skip: None,
        };
        let rungs = match rules.lossy {
            true => vec![rung("planned", false), rung("forced", true)],
            false => vec![rung("only", false)],
        };
        Operation {
            id: OperationId::new("move"),
            target: "toy".to_owned(),
            goal: "it is there".to_owned(),
            after: Vec::new(),
            phase: rules.phase,
            rungs,
            observable: rules.observable,
            payload: serde_json::Value::Null,
        }
    }

    fn holds(&self, step: &str, rules: &Rules) -> bool {
        let ended =
            |at: &Timestamp| *at + SignedDuration::from_secs((rules.takes + rules.stale) as i64) <= self.now;
        !rules.fails
            && !rules.never_ends
            && self
                .fates
                .get(step)
                .is_some_and(|fate| fate.accepted.iter().any(ended))
    }

    fn in_motion(&self, step: &str, rules: &Rules) -> bool {
        let shown = |at: &Timestamp| {
            let end = *at + SignedDuration::from_secs((rules.takes + rules.stale) as i64);
            let seen = *at + SignedDuration::from_secs(rules.stale as i64);
            seen <= self.now && (rules.never_ends || self.now < end)
        };
        self.fates
            .get(step)
            .is_some_and(|fate| fate.accepted.iter().any(shown))
    }

    /// A change arrives. A self-guarded one is refused while another is there.
    fn arrive(&mut self, step: &str, rules: &Rules, at: Timestamp) -> bool {
        let fate = self.fates.entry(step.to_owned()).or_default();
        if rules.class == RepeatClass::SelfGuarded && fate.accepted.iter().any(|other| *other <= at) {
            return false;
        }
        fate.accepted.push(at);
        true
    }

    fn carry_out(&mut self, effect: Effect) -> Input {
        let (step, rules) = self.rules_of(&effect);
        let Effect {
            address,
            pacing,
            action,
            ..
        } = effect;
        match action {
            Action::Measure => {
                let by_rung = BTreeMap::from([("forced".to_owned(), Figure::Unknown)]);
                let loss = Loss {
                    store: step,
                    by_rung,
                    source: "toy".to_owned(),
                    as_of: None,
                };
                Input::Measured(address.step, Ok(vec![loss]))
            }
            Action::Assess => {
                let operations = vec![Toy::operation_of(&rules)];
                Input::Assessed(
                    address,
                    Ok(Assessment {
                        operations,
                        ..Assessment::default()
                    }),
                )
            }
            Action::Observe(_) => Input::Observed(address, pacing, self.look(&step, &rules), Duration::ZERO),
            Action::Begin(_) => Input::Answered(address, self.send(&step, &rules)),
            Action::Poll(..) => {
                let progress = if self.in_motion(&step, &rules) || self.young(&step, &rules) {
                    Progress::Running {
                        word: "InProgress".to_owned(),
                        percent: None,
                        look_after: None,
                        ticket: None,
                    }
                } else if rules.fails {
                    Progress::Failed {
                        code: "Broken".to_owned(),
                        message: "no".to_owned(),
                        retryable: false,
                    }
                } else {
                    Progress::Succeeded {
                        warnings: Vec::new(),
                        outputs: BTreeMap::new(),
                    }
                };
                Input::Polled(address, pacing, progress)
            }
            Action::Probe(_) => Input::Probed(
                address,
                pacing,
                Probe {
                    passed: true,
                    evidence: "200".to_owned(),
                },
            ),
            Action::Wake => Input::Woke(address),
        }
    }

    fn young(&self, step: &str, rules: &Rules) -> bool {
        let young = |at: &Timestamp| self.now < *at + SignedDuration::from_secs(rules.takes as i64);
        self.fates
            .get(step)
            .is_some_and(|fate| fate.accepted.iter().any(young))
    }

    pub fn look(&self, step: &str, rules: &Rules) -> Observation {
        if !rules.observable {
            return Observation::CannotTell {
                reason: "no goal".to_owned(),
            };
        }
        if rules.silent {
            return Observation::CannotTell {
                reason: "the vault is silent".to_owned(),
            };
        }
        if self.holds(step, rules) {
            Observation::Holds {
                evidence: "there".to_owned(),
                ours: false,
                outputs: BTreeMap::new(),
            }
        } else if self.in_motion(step, rules) {
            Observation::InMotion {
                evidence: "moving".to_owned(),
                ticket: None,
            }
        } else {
            Observation::NotBegun {
                evidence: "not there".to_owned(),
            }
        }
    }

    pub fn send(&mut self, step: &str, rules: &Rules) -> Sent {
        let fate = self.fates.entry(step.to_owned()).or_default();
        fate.sends += 1;
        let number = fate.sends;
        if rules.vanished.contains(&number) {
            return Sent::Unanswered {
                reason: "timeout".to_owned(),
            };
        }
        let lost = rules.lost.contains(&number);
        let at = if lost { self.later(rules.late) } else { self.now };
        let taken = self.arrive(step, rules, at);
        match (lost, taken) {
            (true, _) => Sent::Unanswered {
                reason: "timeout".to_owned(),
            },
            (false, true) => Sent::Accepted {
                ticket: Ticket {
                    status_url: None,
                    location: None,
                    job: Some("job".to_owned()),
                    detail: serde_json::Value::Null,
                    look_after: None,
                },
            },
            (false, false) => Sent::Refused(leeward_engine::work::Refusal {
                status: 400,
                code: "AlreadyThere".to_owned(),
                message: "already there".to_owned(),
                passing: false,
                retry_after: None,
            }),
        }
    }
}

/// The toy writes nothing, so its decisions are durable the moment they are made.
pub fn drained(decision: leeward_engine::machine::Decision) -> Vec<Effect> {
    struct Paper;
    #[async_trait::async_trait]
    impl leeward_engine::port::Journal for Paper {
        fn epoch(&self) -> u64 {
            1
        }
        async fn append(&mut self, _: &[Record]) -> Result<(), leeward_engine::port::JournalError> {
            Ok(())
        }
        fn records(&self, _: u64) -> Box<dyn leeward_engine::port::Records> {
            leeward_engine::port::records::of(Vec::new())
        }
        async fn inbox(&mut self) -> Result<Vec<Envelope>, leeward_engine::port::JournalError> {
            Ok(Vec::new())
        }
        async fn heartbeat(&mut self, _: Timestamp) -> Result<(), leeward_engine::port::JournalError> {
            Ok(())
        }
        async fn close(&mut self) -> Result<(), leeward_engine::port::JournalError> {
            Ok(())
        }
    }
    futures::executor::block_on(decision.record(&mut Paper))
        .expect("paper takes anything")
        .1
}

pub fn step(name: &str) -> StepId {
    StepId::new(name)
}

impl Toy {
    /// Opens the same plan with other options.
    pub fn with_options(self, options: RunOptions) -> Toy {
        let plan = (*self.machine.state().plan).clone();
        let rules: Vec<(String, Rules)> = self.rules.into_iter().collect();
        let mut toy = Toy::new(plan.clone(), &[]);
        let opened = Event::RunOpened {
            format: JOURNAL_FORMAT,
            version: "test".to_owned(),
            run: RunId("r-toy".to_owned()),
            plan: std::sync::Arc::new(plan),
            options,
            by: person("ann"),
        };
        let record = Chain::default()
            .next(1, toy.now, opened)
            .expect("the first record");
        toy.machine = Machine::new(RunState::open(&record).expect("an open run"), 1);
        toy.records = vec![record];
        toy.rules = rules.into_iter().collect();
        toy
    }
}
