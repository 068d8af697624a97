//! Answers about operations of one step that arrive together are followed up together. Is that the
//! same as one by one, also where a failure halts the run, and a pause or a cancel comes between?
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
#![allow(dead_code, reason = "the toy serves the promises first")]

mod toy;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leeward_engine::{
    event::{Approval, Event, RunOptions},
    id::{OperationId, RunId, StepId},
    machine::{Action, Address, Effect, Input, Machine, Part},
    port::{Command, CommandId, DriverError, Envelope, Verdict},
    record::{Chain, JOURNAL_FORMAT},
    state::{RunState, StepState},
    view::RunView,
    work::{
        Assessment, Figure, Loss, Observation, Operation, Phase, Probe, Progress, Refusal, Rung, Sent, Ticket,
    },
};
use leeward_runbook::kind::RepeatClass;
use serde_json::json;
use toy::{drained, person};

/// SplitMix64: the same seed, the same story.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn one_in(&mut self, chance: u64) -> bool {
        self.below(chance) == 0
    }
}

fn text(word: &str) -> String {
    word.to_owned()
}

fn operation(dice: &mut Dice, number: usize) -> Operation {
    let rung = |dice: &mut Dice, name: &str, lossy: bool| Rung {
        name: text(name),
        repeat: match dice.below(3) {
            0 => RepeatClass::Repeatable,
            1 => RepeatClass::SelfGuarded,
            _ => RepeatClass::OneShot,
        },
        settling: std::time::Duration::from_secs(30),
        within: dice.one_in(2).then(|| std::time::Duration::from_secs(120)),
        lossy,
        beside: dice.one_in(2),
        skip: dice.one_in(8).then(|| text("known to be of no use")),
    };
    let mut rungs = vec![rung(dice, "planned", false)];
    if dice.one_in(2) {
        let lossy = dice.one_in(2);
        rungs.push(rung(dice, "forced", lossy));
    }
    Operation {
        id: OperationId::new(format!("move/{number}")),
        target: format!("thing-{number}"),
        goal: text("it is there"),
        after: match number > 0 && dice.one_in(4) {
            true => vec![OperationId::new(format!("move/{}", number - 1))],
            false => Vec::new(),
        },
        phase: match dice.below(6) {
            0 => Phase::AfterRecovery,
            _ => Phase::Main,
        },
        rungs,
        observable: !dice.one_in(6),
        payload: json!(null),
    }
}

fn ticket() -> Ticket {
    Ticket {
        status_url: None,
        location: None,
        job: Some(text("job")),
        detail: json!(null),
        look_after: None,
    }
}

fn seen(dice: &mut Dice) -> Observation {
    let evidence = text("seen");
    match dice.below(9) {
        0 | 1 => Observation::Holds {
            evidence,
            ours: dice.one_in(2),
            outputs: BTreeMap::new(),
        },
        2 => Observation::InMotion {
            evidence,
            ticket: dice.one_in(2).then(ticket),
        },
        3 => Observation::Busy { evidence },
        4 => Observation::Barred { evidence },
        5 => Observation::CannotTell { reason: evidence },
        _ => Observation::NotBegun { evidence },
    }
}

fn sent(dice: &mut Dice) -> Sent {
    match dice.below(6) {
        0 | 1 => Sent::Accepted { ticket: ticket() },
        2 => Sent::Finished {
            outputs: BTreeMap::new(),
            warnings: Vec::new(),
        },
        3 => Sent::Refused(Refusal {
            status: 409,
            code: text("Busy"),
            message: text("no"),
            passing: dice.one_in(2),
            retry_after: None,
        }),
        4 => Sent::Unanswered {
            reason: text("reset"),
        },
        _ => Sent::NotSent { reason: text("late") },
    }
}

fn progress(dice: &mut Dice) -> Progress {
    match dice.below(5) {
        0 => Progress::Running {
            word: text("InProgress"),
            percent: None,
            look_after: None,
            ticket: None,
        },
        1 | 2 => Progress::Failed {
            code: text("Broken"),
            message: text("no"),
            retryable: dice.one_in(2),
        },
        3 => Progress::Gone { reason: text("404") },
        _ => Progress::Succeeded {
            warnings: Vec::new(),
            outputs: BTreeMap::new(),
        },
    }
}

fn answer(dice: &mut Dice, effect: Effect) -> Input {
    let Effect {
        address,
        pacing,
        action,
        ..
    } = effect;
    match action {
        Action::Measure => Input::Measured(
            address.step,
            Ok(vec![Loss {
                store: text("store"),
                by_rung: BTreeMap::from([(text("forced"), Figure::Unknown)]),
                source: text("dice"),
                as_of: None,
            }]),
        ),
        Action::Assess if dice.one_in(9) => {
            Input::Assessed(address, Err(DriverError::Impossible { reason: text("no") }))
        }
        Action::Assess => {
            let count = 2 + dice.below(5) as usize;
            let operations = (0..count).map(|number| operation(dice, number)).collect();
            Input::Assessed(
                address,
                Ok(Assessment {
                    operations,
                    at_least: dice.one_in(3).then_some(1),
                    ..Assessment::default()
                }),
            )
        }
        Action::Observe(_) => Input::Observed(address, pacing, seen(dice), std::time::Duration::ZERO),
        Action::Begin(_) => Input::Answered(address, sent(dice)),
        Action::Poll(..) => Input::Polled(address, pacing, progress(dice)),
        Action::Probe(_) => Input::Probed(
            address,
            pacing,
            Probe {
                passed: true,
                evidence: text("200"),
            },
        ),
        Action::Wake => Input::Woke(address),
    }
}

fn command(dice: &mut Dice, number: u64, at: Timestamp, digest: &str) -> Input {
    let command = match dice.below(9) {
        0 => Command::Cancel {
            reason: text("enough"),
        },
        1 | 2 => Command::Pause,
        3 | 4 => Command::Unpause,
        5 => Command::Retry {
            step: StepId::new("a"),
        },
        6 | 7 => Command::Settle {
            step: StepId::new(if dice.one_in(2) { "a" } else { "b" }),
            operation: None,
            verdict: match dice.below(3) {
                0 => Verdict::Done,
                1 => Verdict::NotBegun,
                _ => Verdict::Failed,
            },
            reason: text("looked"),
        },
        _ => Command::Approve(Approval {
            step: None,
            plan_digest: digest.to_owned(),
            ceilings: BTreeMap::new(),
            everything: true,
            both_eyes: true,
            break_glass: None,
            reason: None,
        }),
    };
    Input::Commanded(Box::new(Envelope {
        id: CommandId(format!("c-{number}")),
        by: person("bob"),
        at,
        seen: 0,
        command,
    }))
}

/// One machine, what it recorded, and what it wants.
struct Side {
    seed: u64,
    machine: Machine,
    events: Vec<String>,
    wanted: BTreeMap<(usize, Part), Effect>,
}

impl Side {
    fn new(dice: &Dice, at: Timestamp) -> Side {
        let seed = dice.0;
        let mut dice = Dice(seed);
        let mut failing = || match dice.below(4) {
            0 => "block",
            1 => "continue",
            _ => "halt",
        };
        let lossy = json!({"budget": "1m", "ladder": [{"name": "planned"}, {"name": "forced"}]});
        let plan = toy::plan(&[
            ("a", &[], json!({"on_failure": failing(), "ends_recovery": true})),
            ("b", &[], json!({"on_failure": failing(), "data_loss": lossy})),
            ("c", &["a"], json!({"on_failure": failing()})),
        ]);
        let opened = Event::RunOpened {
            format: JOURNAL_FORMAT,
            version: text("test"),
            run: RunId(text("r-dice")),
            plan: std::sync::Arc::new(plan),
            options: RunOptions {
                declared_at: at,
                parallel: None,
                rehearsal: false,
            },
            by: person("ann"),
        };
        let first = Chain::default().next(1, at, opened).unwrap();
        Side {
            seed,
            machine: Machine::new(RunState::open(&first).unwrap(), 1),
            events: Vec::new(),
            wanted: BTreeMap::new(),
        }
    }

    fn give(&mut self, now: Timestamp, inputs: Vec<Input>) {
        let decision = self.machine.decide(now, inputs);
        let decision =
            decision.unwrap_or_else(|error| panic!("seed {}: {error}\n{:#?}", self.seed, self.events));
        let events = decision.records().iter();
        self.events
            .extend(events.map(|record| serde_json::to_string(&record.body.event).unwrap()));
        for effect in drained(decision) {
            self.wanted
                .insert((effect.address.step, effect.address.part), effect);
        }
    }

    /// What it wants now. An effect that something later made stale is nobody's business.
    fn open(&self) -> Vec<(Address, Option<Timestamp>)> {
        let flying: Vec<_> = self.machine.in_flight().collect();
        let wanted = self.wanted.iter().filter(|(key, _)| flying.contains(key));
        wanted
            .map(|(_, effect)| (effect.address, effect.not_before))
            .collect()
    }

    fn stands(&self) -> (Vec<StepState>, RunView) {
        let state = self.machine.state();
        let mut view = RunView::from(state);
        view.seq = 0;
        (state.steps.clone(), view)
    }

    fn sorted_events(&self) -> Vec<String> {
        let mut events = self.events.clone();
        events.sort();
        events
    }
}

/// What a story came through, so that the test knows that it tested something.
#[derive(Default)]
struct Seen {
    groups: usize,
    halts: usize,
    cut: usize,
}

fn story(seed: u64, came: &mut Seen) {
    let mut dice = Dice(seed);
    let mut now: Timestamp = "2026-11-24T03:00:00Z".parse().unwrap();
    let (mut grouped, mut single) = (Side::new(&dice, now), Side::new(&dice, now));
    grouped.give(now, vec![Input::Opened]);
    single.give(now, vec![Input::Opened]);
    let digest = grouped.machine.state().plan_digest.clone();
    for round in 0..60 {
        let open = grouped.open();
        assert_eq!(open, single.open(), "seed {seed}, round {round}: other effects");
        let Some(first) = open.iter().map(|(_, due)| due.unwrap_or(now)).min() else {
            break;
        };
        now = now.max(first) + SignedDuration::from_secs(dice.below(40) as i64);
        let due = open.iter().filter(|(_, due)| due.unwrap_or(now) <= now);
        let mut inputs = Vec::new();
        for (address, _) in due {
            // Some answers take longer; those of one step often stand in a row, as plans order them.
            if dice.one_in(5) {
                continue;
            }
            let key = (address.step, address.part);
            single.wanted.remove(&key);
            let effect = grouped.wanted.remove(&key).unwrap();
            inputs.push(answer(&mut dice, effect));
        }
        if dice.one_in(2) {
            let from = dice.below(inputs.len() as u64 + 1) as usize;
            inputs.rotate_left(from);
        }
        if dice.one_in(4) {
            let at = dice.below(inputs.len() as u64 + 1) as usize;
            came.cut += usize::from(at > 0 && at < inputs.len());
            inputs.insert(at, command(&mut dice, round, now, &digest));
        }
        came.groups += usize::from(inputs.len() > 2);
        for input in inputs.clone() {
            single.give(now, vec![input]);
        }
        grouped.give(now, inputs);
        let (together, apart) = (grouped.sorted_events(), single.sorted_events());
        assert!(
            together == apart,
            "seed {seed}, round {round}: something else became true\ntogether: {:#?}\none by one: {:#?}",
            grouped.events,
            single.events
        );
        assert_eq!(
            grouped.stands(),
            single.stands(),
            "seed {seed}, round {round}: another state"
        );
    }
    came.halts += usize::from(grouped.events.iter().any(|event| event.contains("\"halted\"")));
}

#[test]
fn answers_that_arrive_together_lead_where_they_lead_one_by_one() {
    let mut came = Seen::default();
    for seed in 0..400 {
        story(seed, &mut came);
    }
    assert!(came.groups > 400, "{} groups", came.groups);
    assert!(came.halts > 20, "{} halts", came.halts);
    assert!(came.cut > 100, "{} commands in the middle of a group", came.cut);
}
