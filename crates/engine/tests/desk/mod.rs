//! A desk at which one machine sits, whose every look, send, poll and timer is answered by hand.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test file uses its own part of the desk"
)]

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use leeward_engine::{
    event::{Event, OperationEvent, RunOptions},
    id::{OperationId, RunId},
    machine::{Action, Effect, Input, Machine, Part, standing},
    port::{Command, CommandId, Envelope, Verdict},
    record::{Chain, JOURNAL_FORMAT, Record},
    state::{OperationPhase, RunState, StepPhase},
    view::{RunView, Standing},
    work::{Assessment, Loss, Observation, Operation, Phase, Probe, Progress, Refusal, Rung, Sent, Ticket},
};
use leeward_runbook::{kind::RepeatClass, plan::Plan};
use serde_json::json;

use crate::toy::{self, drained, holder, person};

pub struct Desk {
    pub machine: Machine,
    pub records: Vec<Record>,
    pub now: Timestamp,
    wanted: BTreeMap<(usize, Part), Effect>,
    epoch: u64,
    assessments: BTreeMap<usize, Assessment>,
}

pub fn rung(name: &str, repeat: RepeatClass) -> Rung {
    Rung::new(name, repeat, Duration::from_secs(150))
}

/// An operation with one self-guarded way.
pub fn operation(id: &str) -> Operation {
    Operation {
        id: OperationId::new(id),
        target: id.to_owned(),
        goal: format!("{id} is there"),
        after: Vec::new(),
        phase: Phase::Main,
        rungs: vec![rung("only", RepeatClass::SelfGuarded)],
        observable: true,
        payload: json!(null),
    }
}

pub fn ticket() -> Ticket {
    Ticket {
        status_url: None,
        location: None,
        job: Some("job".to_owned()),
        detail: json!(null),
        look_after: None,
    }
}

pub fn accepted() -> Sent {
    Sent::Accepted { ticket: ticket() }
}

pub fn unanswered() -> Sent {
    Sent::Unanswered {
        reason: "timeout".to_owned(),
    }
}

pub fn refused() -> Sent {
    Sent::Refused(Refusal {
        status: 403,
        code: "Forbidden".to_owned(),
        message: "no".to_owned(),
        passing: false,
        retry_after: None,
    })
}

pub fn not_begun() -> Observation {
    Observation::NotBegun {
        evidence: "not there".to_owned(),
    }
}

pub fn busy() -> Observation {
    Observation::Busy {
        evidence: "something else moves".to_owned(),
    }
}

pub fn moving() -> Observation {
    Observation::InMotion {
        evidence: "it moves".to_owned(),
        ticket: None,
    }
}

pub fn barred() -> Observation {
    Observation::Barred {
        evidence: "the wall".to_owned(),
    }
}

pub fn silent() -> Observation {
    Observation::CannotTell {
        reason: "no answer".to_owned(),
    }
}

pub fn holds() -> Observation {
    Observation::Holds {
        evidence: "there".to_owned(),
        ours: false,
        outputs: BTreeMap::new(),
    }
}

pub fn succeeded() -> Progress {
    Progress::Succeeded {
        warnings: Vec::new(),
        outputs: BTreeMap::new(),
    }
}

pub fn failed(retryable: bool) -> Progress {
    Progress::Failed {
        code: "Broken".to_owned(),
        message: "no".to_owned(),
        retryable,
    }
}

pub fn minutes(count: i64) -> i64 {
    count * 60
}

/// A plan of one step.
pub fn one() -> Plan {
    toy::plan(&[("sql", &[], json!({}))])
}

pub fn cancel() -> Command {
    Command::Cancel {
        reason: "enough".to_owned(),
    }
}

/// A person says what became of whatever waits for that in a step.
pub fn settle(step: &str, verdict: Verdict) -> Command {
    Command::Settle {
        step: toy::step(step),
        operation: None,
        verdict,
        reason: "looked at it".to_owned(),
    }
}

impl Desk {
    /// Opens a run of this plan; the steps find these operations.
    pub fn open(plan: Plan, operations: &[(usize, Vec<Operation>)]) -> Desk {
        let found = operations.iter().map(|(step, operations)| {
            let assessment = Assessment {
                operations: operations.clone(),
                ..Assessment::default()
            };
            (*step, assessment)
        });
        Desk::assessed(plan, found.collect())
    }

    /// Opens a run of this plan; the steps find this.
    pub fn assessed(plan: Plan, assessments: BTreeMap<usize, Assessment>) -> Desk {
        let now: Timestamp = "2026-11-24T03:00:00Z".parse().expect("a time");
        let opened = Event::RunOpened {
            format: JOURNAL_FORMAT,
            version: "test".to_owned(),
            run: RunId("r-desk".to_owned()),
            plan: std::sync::Arc::new(plan),
            options: RunOptions {
                declared_at: now,
                parallel: None,
                rehearsal: false,
            },
            by: person("ann"),
        };
        let first = Chain::default().next(1, now, opened).expect("the first record");
        let mut desk = Desk {
            machine: Machine::new(RunState::open(&first).expect("an open run"), 1),
            records: vec![first],
            now,
            wanted: BTreeMap::new(),
            epoch: 1,
            assessments,
        };
        desk.give(Input::Opened);
        desk
    }

    pub fn give(&mut self, input: Input) {
        let decision = self
            .machine
            .decide(self.now, vec![input])
            .unwrap_or_else(|error| panic!("{error}: {}", self.tale()));
        self.records.extend(decision.records().to_vec());
        for effect in drained(decision) {
            self.wanted
                .insert((effect.address.step, effect.address.part), effect);
        }
        let folded = RunView::of(&self.records).expect("a journal that folds");
        assert_eq!(folded, self.view(), "the view is not the fold of the journal");
        self.assess();
    }

    /// What a step has found is told at once.
    fn assess(&mut self) {
        let flying: Vec<_> = self.machine.in_flight().collect();
        let due = self.wanted.iter().find(|(key, effect)| {
            flying.contains(key) && matches!(effect.action, Action::Assess) && key.1 == Part::Step
        });
        let Some((&key, _)) = due else { return };
        if let (Some(found), Some(effect)) = (self.assessments.get(&key.0).cloned(), self.wanted.remove(&key))
        {
            self.give(Input::Assessed(effect.address, Ok(found)));
        }
    }

    /// Returns whether this is wanted now.
    pub fn wants(&self, step: usize, part: Part) -> bool {
        self.wanted.contains_key(&(step, part)) && self.machine.in_flight().any(|key| key == (step, part))
    }

    /// Lets time pass; timers ring in their order.
    pub fn pass(&mut self, seconds: i64) {
        let end = self.now + SignedDuration::from_secs(seconds);
        loop {
            let flying: Vec<_> = self.machine.in_flight().collect();
            let timers = self
                .wanted
                .iter()
                .filter(|(key, effect)| flying.contains(key) && matches!(effect.action, Action::Wake));
            let due = timers
                .filter_map(|(key, effect)| Some((effect.not_before?, *key)))
                .min();
            match due.filter(|(moment, _)| *moment <= end) {
                Some((moment, key)) => {
                    self.now = self.now.max(moment);
                    let effect = self.wanted.remove(&key).expect("the timer");
                    self.give(Input::Woke(effect.address));
                }
                None => break,
            }
        }
        self.now = end;
    }

    fn take(&mut self, step: usize, part: Part) -> Effect {
        assert!(self.wants(step, part), "{part:?} is not wanted: {}", self.tale());
        let effect = self.wanted.remove(&(step, part)).expect("the effect");
        let due = effect.not_before.unwrap_or(self.now);
        if due > self.now {
            let wait = due.duration_since(self.now).as_secs() + 1;
            self.pass(wait);
        }
        effect
    }

    /// What a step can lose is measured.
    pub fn measure(&mut self, step: usize, losses: Vec<Loss>) {
        self.take(step, Part::Measure);
        self.give(Input::Measured(step, Ok(losses)));
    }

    /// Insists that a person is asked.
    #[track_caller]
    pub fn expect_asked(&self) {
        assert_eq!(self.standing(), Standing::AtGate, "{}", self.tale());
    }

    /// The next look at an operation sees this.
    pub fn look(&mut self, step: usize, place: usize, seen: Observation) {
        let effect = self.take(step, Part::Operation(place));
        self.give(Input::Observed(
            effect.address,
            effect.pacing,
            seen,
            std::time::Duration::ZERO,
        ));
    }

    /// Every look of so many seconds sees this.
    pub fn look_for(&mut self, seconds: i64, step: usize, place: usize, seen: &Observation) {
        let end = self.now + SignedDuration::from_secs(seconds);
        while self.now < end && self.wants(step, Part::Operation(place)) {
            self.look(step, place, seen.clone());
        }
    }

    /// The send that is under way is answered so.
    pub fn answer(&mut self, step: usize, place: usize, sent: Sent) {
        let key = self
            .machine
            .in_flight()
            .find(|(of, part)| *of == step && matches!(part, Part::Send(found, ..) if *found == place));
        let (_, part) = key.unwrap_or_else(|| panic!("nothing is sent: {}", self.tale()));
        let effect = self.take(step, part);
        self.give(Input::Answered(effect.address, sent));
    }

    /// Looks, sends, and is answered so.
    pub fn send(&mut self, step: usize, place: usize, sent: Sent) {
        self.look(step, place, not_begun());
        self.answer(step, place, sent);
    }

    /// The ticket of an attempt says this.
    pub fn poll(&mut self, step: usize, place: usize, attempt: u32, progress: Progress) {
        let effect = self.take(step, Part::Ticket(place, attempt));
        self.give(Input::Polled(effect.address, effect.pacing, progress));
    }

    /// The check that runs sees this.
    pub fn probe(&mut self, step: usize, passed: bool) {
        let effect = self.take(step, Part::Step);
        let probe = Probe {
            passed,
            evidence: "an answer".to_owned(),
        };
        self.give(Input::Probed(effect.address, effect.pacing, probe));
    }

    /// The process dies; after that long somebody takes the run up.
    pub fn dies_for(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.epoch += 1;
        self.wanted.clear();
        self.machine = Machine::new(RunState::of(&self.records).expect("a fold"), self.epoch);
        let lease = Event::LeaseTaken {
            epoch: self.epoch,
            holder: holder(),
            from: Some(holder()),
        };
        let decision = self.machine.note(self.now, vec![lease]).expect("a lease");
        self.records.extend(decision.records().to_vec());
        self.give(Input::Opened);
    }

    /// A person says this. Returns why it changed nothing, where it did not.
    pub fn say(&mut self, command: Command) -> Option<String> {
        let id = CommandId(format!("c{}", self.records.len()));
        let from = self.records.len();
        let envelope = Envelope {
            id,
            by: person("bob"),
            at: self.now,
            seen: 0,
            command,
        };
        self.give(Input::Commanded(Box::new(envelope)));
        self.records[from..]
            .iter()
            .find_map(|record| match &record.body.event {
                Event::CommandTaken { refused, .. } => refused.clone(),
                _ => None,
            })
    }

    pub fn view(&self) -> RunView {
        RunView::from(self.machine.state())
    }

    pub fn standing(&self) -> Standing {
        standing::standing(self.machine.state())
    }

    pub fn phase(&self, step: usize, place: usize) -> OperationPhase {
        self.machine.state().steps[step].operations[place].phase.clone()
    }

    pub fn step_phase(&self, step: usize) -> StepPhase {
        self.machine.state().steps[step].phase.clone()
    }

    /// Insists that a step is stuck.
    #[track_caller]
    pub fn expect_stuck(&self, step: usize) {
        let stuck = matches!(self.step_phase(step), StepPhase::Stuck { .. });
        assert!(stuck, "{}", self.tale());
    }

    /// Insists that the run is over.
    #[track_caller]
    pub fn expect_ended(&self) {
        assert!(matches!(self.standing(), Standing::Ended(_)), "{}", self.tale());
    }

    /// Insists that an operation failed.
    #[track_caller]
    pub fn expect_failed(&self, step: usize, place: usize) {
        let failed = matches!(self.phase(step, place), OperationPhase::Failed { .. });
        assert!(failed, "{}", self.tale());
    }

    /// What is sent first is accepted, succeeds and is seen to hold.
    pub fn carry_out(&mut self, step: usize, place: usize) {
        self.send(step, place, accepted());
        self.poll(step, place, 1, succeeded());
        self.look(step, place, holds());
    }

    /// Returns why a step failed or is stuck.
    pub fn why(&self, step: usize) -> String {
        match self.step_phase(step) {
            StepPhase::Failed { reason } | StepPhase::Stuck { reason, .. } => reason,
            other => panic!("{other:?}: {}", self.tale()),
        }
    }

    /// Returns the attempts and sends that were intended of an operation, with their reasons.
    pub fn sends(&self, step: usize, place: usize) -> Vec<(u32, u32)> {
        let id = self.machine.state().steps[step].operations[place].plan.id.clone();
        let name = self.machine.state().planned[step].id.clone();
        let intended = self.records.iter().filter_map(|record| match &record.body.event {
            Event::Operation {
                step,
                operation,
                change: OperationEvent::Intended { attempt, send, .. },
            } if *step == name && *operation == id => Some((*attempt, *send)),
            _ => None,
        });
        intended.collect()
    }

    pub fn tale(&self) -> String {
        let lines = self.records.iter().skip(1).map(|record| {
            let event = serde_json::to_string(&record.body.event).expect("an event");
            let cut: String = event.chars().take(300).collect();
            format!("{} {cut}", record.body.at)
        });
        format!("\n{}", lines.collect::<Vec<_>>().join("\n"))
    }
}
