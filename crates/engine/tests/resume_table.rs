//! What a resume does with an attempt found open: every row of the design's table, for every repeat
//! class, against an oracle that knows nothing of the machine.

mod toy;

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use leeward_engine::{
    event::{Event, OperationEvent, Reached, RunOptions, StepEvent},
    id::{OperationId, RunId},
    machine::{Action, Address, Effect, Input, Machine, Pacing, Part},
    record::{Chain, JOURNAL_FORMAT, Record},
    state::{OperationPhase, RunState},
    work::{Assessment, Observation, Operation, Phase, Progress, Rung, Ticket},
};
use leeward_runbook::{kind::RepeatClass, plan::StepId};
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Journal {
    Intended,
    Accepted,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Azure {
    Holds,
    HoldsByUs,
    MotionWithTicket,
    Motion,
    SomethingElse,
    NotBegun,
    CannotTell,
    TicketRuns,
    TicketFailedRetryably,
    TicketFailed,
    TicketGone,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    BeforeSettled,
    AfterSettled,
    AfterDeadline,
}

/// What the table says. Written from the table, not from the code.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    ByUs,
    Adopted,
    PollOn,
    LookAgain,
    SendAgain,
    NewAttempt,
    Fail,
    Stuck,
}

fn oracle(journal: Journal, azure: Azure, class: RepeatClass, when: When) -> Verdict {
    use {Azure as A, Journal as J, RepeatClass as R, Verdict as V, When as W};
    match (journal, azure) {
        (J::Intended, A::HoldsByUs) => V::ByUs,
        (J::Intended, A::Holds) => V::Adopted,
        (J::Intended, A::MotionWithTicket) => V::PollOn,
        (J::Intended, A::Motion | A::SomethingElse) => V::LookAgain,
        (J::Intended, A::NotBegun) => match (when, class) {
            (W::BeforeSettled, _) => V::LookAgain,
            (_, R::OneShot) => V::Stuck,
            (_, R::Repeatable | R::SelfGuarded) => V::SendAgain,
        },
        (J::Intended, A::CannotTell) => match (when, class) {
            (W::AfterSettled | W::AfterDeadline, R::Repeatable) => V::SendAgain,
            (W::AfterDeadline, _) => V::Stuck,
            _ => V::LookAgain,
        },
        (J::Accepted, A::TicketRuns) => V::PollOn,
        (J::Accepted, A::TicketFailedRetryably) if class != R::OneShot => V::NewAttempt,
        (J::Accepted, A::TicketFailed | A::TicketFailedRetryably) => V::Fail,
        (J::Accepted, A::TicketGone) => V::Stuck,
        other => panic!("{other:?} is no row of the table"),
    }
}

const NAME: &str = "sql";

fn seal(records: &mut Vec<Record>, at: Timestamp, epoch: u64, event: Event) {
    let mut chain = Chain::default();
    for record in records.iter() {
        chain.follow(record).expect("a chain");
    }
    records.push(chain.next(epoch, at, event).expect("a record"));
}

fn begin() -> Timestamp {
    "2026-11-24T03:00:00Z".parse().expect("a time")
}

fn ticket() -> Ticket {
    Ticket {
        status_url: None,
        location: None,
        job: Some("job".to_owned()),
        detail: json!(null),
        look_after: None,
    }
}

/// A journal whose writer died with one attempt open.
fn journal(journal: Journal, class: RepeatClass) -> Vec<Record> {
    let at = begin();
    let rung = Rung::new("only", class, Duration::from_secs(150));
    let operation = Operation {
        id: OperationId::new("move"),
        target: "fog".to_owned(),
        goal: "it is there".to_owned(),
        after: Vec::new(),
        phase: Phase::Main,
        rungs: vec![rung],
        observable: true,
        payload: json!(null),
    };
    let mut records = Vec::new();
    seal(
        &mut records,
        at,
        1,
        Event::RunOpened {
            format: JOURNAL_FORMAT,
            version: "test".to_owned(),
            run: RunId("r-table".to_owned()),
            plan: std::sync::Arc::new(toy::plan(&[(NAME, &[], json!({}))])),
            options: RunOptions {
                declared_at: at,
                parallel: None,
                rehearsal: false,
            },
            by: toy::person("ann"),
        },
    );
    let step = |change| Event::Step {
        step: StepId::new(NAME),
        change,
    };
    let moved = |change| Event::Operation {
        step: StepId::new(NAME),
        operation: OperationId::new("move"),
        change,
    };
    seal(&mut records, at, 1, step(StepEvent::BecameReady));
    let assessment = Assessment {
        operations: vec![operation],
        ..Assessment::default()
    };
    seal(&mut records, at, 1, step(StepEvent::Assessed { assessment }));
    seal(
        &mut records,
        at,
        1,
        moved(OperationEvent::Intended {
            attempt: 1,
            send: 1,
            rung: "only".to_owned(),
            send_by: at + SignedDuration::from_secs(30),
            evidence: "not there".to_owned(),
        }),
    );
    if journal == Journal::Accepted {
        seal(
            &mut records,
            at,
            1,
            moved(OperationEvent::Accepted { ticket: ticket() }),
        );
    }
    records
}

struct Desk {
    machine: Machine,
    effects: Vec<Effect>,
    records: Vec<Record>,
}

impl Desk {
    fn resume(mut records: Vec<Record>, at: Timestamp) -> Desk {
        let lease = Event::LeaseTaken {
            epoch: 2,
            holder: toy::holder(),
            from: Some(toy::holder()),
        };
        seal(&mut records, at, 2, lease);
        let machine = Machine::new(RunState::of(&records).expect("a fold"), 2);
        let mut desk = Desk {
            machine,
            effects: Vec::new(),
            records: Vec::new(),
        };
        desk.give(at, vec![Input::Opened]);
        desk
    }

    fn give(&mut self, at: Timestamp, inputs: Vec<Input>) {
        let decision = self.machine.decide(at, inputs).expect("a legal decision");
        self.records.extend(decision.records().to_vec());
        self.effects.extend(toy::drained(decision));
    }

    fn phase(&self) -> OperationPhase {
        self.machine.state().steps[0].operations[0].phase.clone()
    }

    fn take(&mut self, wanted: impl Fn(&Part) -> bool) -> Option<Effect> {
        let place = self
            .effects
            .iter()
            .position(|effect| wanted(&effect.address.part))?;
        Some(self.effects.remove(place))
    }

    fn observe(&mut self, at: Timestamp, seen: Observation) {
        let effect = self
            .take(|part| matches!(part, Part::Operation(_)))
            .expect("a look is wanted");
        self.give(
            at,
            vec![Input::Observed(
                effect.address,
                effect.pacing,
                seen,
                std::time::Duration::ZERO,
            )],
        );
    }

    fn verdict(&self) -> Verdict {
        let sends: Vec<(u32, u32)> = self
            .effects
            .iter()
            .filter_map(|effect| match &effect.action {
                Action::Begin(send) => Some((send.attempt, send.send)),
                _ => None,
            })
            .collect();
        match (self.phase(), sends.as_slice()) {
            (OperationPhase::Reached(Reached::ByUs), []) => Verdict::ByUs,
            (OperationPhase::Reached(Reached::Adopted), []) => Verdict::Adopted,
            (OperationPhase::Polling, []) => Verdict::PollOn,
            (OperationPhase::Doubt | OperationPhase::Aftermath { .. }, []) => Verdict::LookAgain,
            (OperationPhase::Sending, [(1, 2)]) => Verdict::SendAgain,
            (OperationPhase::Sending, [(2, 1)]) => Verdict::NewAttempt,
            (OperationPhase::Failed { .. }, []) => Verdict::Fail,
            (OperationPhase::Stuck { .. }, []) => Verdict::Stuck,
            other => panic!("no verdict for {other:?}"),
        }
    }
}

fn moment(when: When) -> Timestamp {
    let seconds = match when {
        When::BeforeSettled => 30 + 179,
        When::AfterSettled => 30 + 180,
        When::AfterDeadline => 45 * 60 + 1,
    };
    begin() + SignedDuration::from_secs(seconds)
}

fn not_begun() -> Observation {
    Observation::NotBegun {
        evidence: "not there".to_owned(),
    }
}

fn holds(ours: bool) -> Observation {
    Observation::Holds {
        evidence: "there".to_owned(),
        ours,
        outputs: BTreeMap::new(),
    }
}

fn played(journal_says: Journal, azure: Azure, class: RepeatClass, when: When) -> Verdict {
    let at = moment(when);
    // Whoever takes the run up waits anew: the deadline counts from there.
    let taken_up = match when {
        When::AfterDeadline => begin() + SignedDuration::from_secs(10),
        When::BeforeSettled | When::AfterSettled => at,
    };
    let at = match when {
        When::AfterDeadline => at + SignedDuration::from_secs(10),
        When::BeforeSettled | When::AfterSettled => at,
    };
    let mut desk = Desk::resume(journal(journal_says, class), taken_up);
    assert!(
        !desk
            .effects
            .iter()
            .any(|effect| matches!(effect.action, Action::Begin(_))),
        "a resume must not send before it has looked"
    );
    let observe = |desk: &mut Desk, seen| desk.observe(at, seen);
    let evidence = || "seen".to_owned();
    match azure {
        Azure::Holds => observe(&mut desk, holds(false)),
        Azure::HoldsByUs => observe(&mut desk, holds(true)),
        Azure::MotionWithTicket => {
            observe(
                &mut desk,
                Observation::InMotion {
                    evidence: evidence(),
                    ticket: Some(ticket()),
                },
            );
        }
        Azure::Motion => observe(
            &mut desk,
            Observation::InMotion {
                evidence: evidence(),
                ticket: None,
            },
        ),
        Azure::SomethingElse => observe(&mut desk, Observation::Busy { evidence: evidence() }),
        Azure::NotBegun => observe(&mut desk, not_begun()),
        Azure::CannotTell => observe(&mut desk, Observation::CannotTell { reason: evidence() }),
        Azure::TicketRuns | Azure::TicketFailed | Azure::TicketFailedRetryably | Azure::TicketGone => {
            let poll = desk
                .take(|part| matches!(part, Part::Ticket(..)))
                .expect("the ticket is polled");
            let failed = |retryable| Progress::Failed {
                code: "X".to_owned(),
                message: "no".to_owned(),
                retryable,
            };
            let progress = match azure {
                Azure::TicketRuns => Progress::Running {
                    word: "Odd".to_owned(),
                    percent: None,
                    look_after: None,
                    ticket: None,
                },
                Azure::TicketFailedRetryably => failed(true),
                Azure::TicketFailed => failed(false),
                _ => Progress::Gone {
                    reason: "404".to_owned(),
                },
            };
            let address: Address = poll.address;
            desk.give(at, vec![Input::Polled(address, Pacing::default(), progress)]);
            if azure != Azure::TicketRuns {
                desk.observe(at, not_begun());
            }
        }
    }
    desk.verdict()
}

const CLASSES: [RepeatClass; 3] = [
    RepeatClass::Repeatable,
    RepeatClass::SelfGuarded,
    RepeatClass::OneShot,
];
const MOMENTS: [When; 3] = [When::BeforeSettled, When::AfterSettled, When::AfterDeadline];

#[test]
fn a_resume_does_with_an_open_attempt_what_the_table_says() {
    use {Azure as A, Journal as J};
    let rows = [
        (J::Intended, A::Holds),
        (J::Intended, A::HoldsByUs),
        (J::Intended, A::MotionWithTicket),
        (J::Intended, A::Motion),
        (J::Intended, A::SomethingElse),
        (J::Intended, A::NotBegun),
        (J::Intended, A::CannotTell),
        (J::Accepted, A::TicketRuns),
        (J::Accepted, A::TicketFailedRetryably),
        (J::Accepted, A::TicketFailed),
        (J::Accepted, A::TicketGone),
    ];
    for (journal, azure) in rows {
        for class in CLASSES {
            for when in MOMENTS {
                let expected = oracle(journal, azure, class, when);
                assert_eq!(
                    played(journal, azure, class, when),
                    expected,
                    "{journal:?} {azure:?} {class:?} {when:?}"
                );
            }
        }
    }
}

#[test]
fn a_failed_or_forgotten_ticket_whose_goal_holds_is_adopted() {
    for progress in [
        Progress::Failed {
            code: "X".to_owned(),
            message: "no".to_owned(),
            retryable: false,
        },
        Progress::Gone {
            reason: "404".to_owned(),
        },
    ] {
        for class in CLASSES {
            let at = moment(When::AfterSettled);
            let mut desk = Desk::resume(journal(Journal::Accepted, class), at);
            let poll = desk
                .take(|part| matches!(part, Part::Ticket(..)))
                .expect("the ticket is polled");
            desk.give(
                at,
                vec![Input::Polled(poll.address, Pacing::default(), progress.clone())],
            );
            desk.observe(at, holds(false));
            assert_eq!(desk.verdict(), Verdict::Adopted, "{progress:?} {class:?}");
        }
    }
}

#[test]
fn a_poll_that_cannot_be_read_says_nothing_of_the_operation() {
    let at = moment(When::BeforeSettled);
    let mut desk = Desk::resume(journal(Journal::Accepted, RepeatClass::SelfGuarded), at);
    let poll = desk
        .take(|part| matches!(part, Part::Ticket(..)))
        .expect("the ticket is polled");
    let records = desk.records.len();
    let progress = Progress::Unreadable {
        reason: "502".to_owned(),
        look_after: None,
    };
    desk.give(at, vec![Input::Polled(poll.address, Pacing::default(), progress)]);
    assert_eq!(desk.verdict(), Verdict::PollOn);
    assert_eq!(desk.records.len(), records, "nothing became true");
    assert!(
        desk.take(|part| matches!(part, Part::Ticket(..))).is_some(),
        "it is polled again"
    );
}
