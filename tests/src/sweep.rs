//! What must hold, whatever goes wrong with one request of a run?
//!
//! A sweep plays a runbook once in peace, notes every request for a change and every message, and plays it again
//! with one fault on one of them, for each in turn. It insists that the fault befell this request and no other.

use std::collections::{BTreeMap, BTreeSet};

use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::{
    event::{Choice, Event, OperationEvent, StepEvent},
    view::{StepView, StepWord},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use leeward_simulator::{Entry, Told};
use serde_json::{Value, json};

use crate::stage::{Book, Planned, Played, Stage, rehearse, rules};

/// One request of a peaceful run: its verb, its path, and which of those alike it is, from one.
pub type Sent = (String, String, u32);

/// A run that is played again and again: which runbook, which journey, what has happened to the world.
pub struct Scene {
    /// What it is called in the message of a failed assertion.
    pub name: String,
    book: Book,
    journey: Journey,
    outage: Outage,
    seed: u64,
}

impl Scene {
    /// The failover of a runbook, both regions up.
    pub fn of(name: &str, book: Book) -> Scene {
        Scene {
            name: name.to_owned(),
            book,
            journey: Journey::Failover,
            outage: Outage::BothUp,
            seed: 1,
        }
    }

    /// The failover of a shipped runbook, both regions up.
    pub fn shipped(name: &str, seed: u64) -> Scene {
        Scene {
            seed,
            ..Scene::of(name, Book::open(name))
        }
    }

    /// The same with another journey, in another world.
    pub fn playing(self, journey: Journey, outage: Outage) -> Scene {
        Scene {
            name: format!("{}, {journey}, {outage:?}", self.name),
            journey,
            outage,
            ..self
        }
    }

    /// Opens the stage. What comes after a move begins in a world that has been moved; the requests of that move are
    /// those up to the returned place in the log.
    pub async fn begin(&self) -> (Stage, Planned, u64) {
        let (mut stage, planned) = self.book.stage(Journey::Failover, self.outage, self.seed);
        match self.journey {
            Journey::Failover => return (stage, planned, 0),
            Journey::Drill => {
                let (stage, planned) = self.book.stage(Journey::Drill, self.outage, self.seed);
                return (stage, planned, 0);
            }
            Journey::Failback | Journey::Reprotect => {}
        }
        let moved = stage.play(&planned).await;
        assert_eq!(
            moved.exit(),
            Exit::Holds.code(),
            "{}: {}",
            self.name,
            moved.tale()
        );
        stage.settle().await;
        if self.journey == Journey::Failback {
            stage.simulator.turn_round();
            stage.settle().await;
        }
        let since = stage
            .simulator
            .requests()
            .last()
            .map_or(0, |entry| entry.sequence);
        (stage, self.book.plan(self.journey, self.outage), since)
    }

    /// Plays it with these rules, and returns where in the log it began.
    pub async fn play(&self, faults: Value) -> (Stage, Played, u64) {
        let (mut stage, planned, since) = self.begin().await;
        if !faults.is_null() {
            stage.simulator.add_faults(rules(faults));
        }
        let played = stage.play(&planned).await;
        (stage, played, since)
    }
}

/// A run in which nothing goes wrong.
pub struct Calm {
    /// What it changed and whom it told, in order.
    pub sent: Vec<Sent>,
    /// The run.
    pub played: Played,
}

impl Calm {
    /// Plays a failover of a shipped runbook in peace, both regions up.
    pub fn of(book: &str, seed: u64) -> Calm {
        Calm::in_scene(&Scene::shipped(book, seed))
    }

    /// Plays a scene in peace.
    pub fn in_scene(scene: &Scene) -> Calm {
        rehearse(async {
            let (stage, played, since) = scene.play(Value::Null).await;
            let mut alike: BTreeMap<(String, String), u32> = BTreeMap::new();
            let sent = changes(&stage, since).into_iter().map(|entry| {
                let count = alike
                    .entry((entry.method.clone(), entry.path.clone()))
                    .or_default();
                *count += 1;
                (entry.method, entry.path, *count)
            });
            Calm {
                sent: sent.collect(),
                played,
            }
        })
    }
}

/// The requests for a change since a place in the log.
fn changes(stage: &Stage, since: u64) -> Vec<Entry> {
    let all = stage.changes().into_iter();
    all.filter(|entry| entry.sequence > since).collect()
}

/// Plays a failover of a shipped runbook, both regions up, with these rules.
pub async fn play(book: &str, seed: u64, faults: Value) -> (Stage, Played) {
    let (stage, played, _) = Scene::shipped(book, seed).play(faults).await;
    (stage, played)
}

/// Returns the rule that befalls one request once.
pub fn rule((method, path, nth): &Sent, verdict: &Value) -> Value {
    json!([{
        "match": { "method": method, "path": path, "changing": true, "nth": nth },
        "times": 1,
        "verdict": verdict,
    }])
}

/// Returns whether something is told to people instead of changed. What goes to a cluster's own server is a change.
pub fn is_message(path: &str) -> bool {
    path.starts_with("https://") && !path.contains(".azmk8s.io/")
}

/// How a run with one fault came out.
pub struct Struck {
    /// The request that it befell.
    pub sent: Sent,
    /// The world.
    pub stage: Stage,
    /// The run.
    pub played: Played,
    /// All of it in words, for the message of a failed assertion.
    pub told: String,
}

/// Plays a verdict on some of the requests of a runbook, in turn; returns how many it befell.
///
/// # Panics
/// Where a fault befell another request or none, where something was accepted twice, or where a one-shot was sent
/// twice.
pub fn sweep<'a>(
    book: &str,
    seed: u64,
    verdict: &Value,
    chosen: impl Iterator<Item = &'a Sent>,
    check: impl Fn(&Struck),
) -> usize {
    sweep_scene(&Scene::shipped(book, seed), verdict, chosen, check)
}

/// As [`sweep`], of any scene.
///
/// # Panics
/// As [`sweep`] does.
pub fn sweep_scene<'a>(
    scene: &Scene,
    verdict: &Value,
    chosen: impl Iterator<Item = &'a Sent>,
    check: impl Fn(&Struck),
) -> usize {
    let mut count = 0;
    for sent in chosen {
        rehearse(async {
            let (stage, played, since) = scene.play(rule(sent, verdict)).await;
            stage.settle().await;
            let told = format!(
                "{}, seed {}, {verdict} on {sent:?}\n{}",
                scene.name,
                scene.seed,
                played.tale()
            );
            befell_once(&stage, since, sent, verdict, &told);
            let fails = verdict.get("operation-fails").is_some();
            nothing_but_this_is_accepted_twice(&stage, since, fails.then_some(sent), &told);
            no_one_shot_is_sent_twice(&played, &told);
            no_message_is_told_twice(&stage, &told);
            check(&Struck {
                sent: sent.clone(),
                stage,
                played,
                told,
            });
        });
        count += 1;
    }
    count
}

/// The rule befell the request that it was made for, and no other one; what its caller saw is what it says.
fn befell_once(stage: &Stage, since: u64, (method, path, nth): &Sent, verdict: &Value, told: &str) {
    let changes = changes(stage, since);
    let all = stage.simulator.requests();
    let struck: Vec<&Entry> = all.iter().filter(|entry| !entry.faults.is_empty()).collect();
    let [entry] = struck.as_slice() else {
        panic!("the fault befell {} requests\n{told}\n{struck:#?}", struck.len());
    };
    assert_eq!(
        (&entry.method, &entry.path, entry.changing),
        (method, path, true),
        "{told}"
    );
    let alike = changes
        .iter()
        .filter(|other| (&other.method, &other.path) == (method, path));
    let place = alike.take_while(|other| other.sequence <= entry.sequence).count();
    assert_eq!(place, *nth as usize, "{told}");
    let word = match verdict {
        Value::Object(map) => map.keys().next().map_or("", String::as_str),
        other => other.as_str().unwrap_or_default(),
    };
    let as_said = match word {
        "answer-lost" => entry.status == Told::Lost && entry.accepted,
        "late-delivery" => entry.status == Told::Lost && entry.delivered.is_some(),
        "stale-reads" | "operation-fails" | "operation-never-ends" => {
            matches!(entry.status, Told::Status(200..=299)) && entry.accepted
        }
        "throttle" => entry.status == Told::Status(429) && !entry.accepted,
        "status" => entry.status == Told::Status(503) && !entry.accepted,
        "reset" => entry.status == Told::Reset && !entry.accepted,
        other => panic!("`{other}` is not swept: say what its caller sees"),
    };
    assert!(as_said, "{told}\n{entry:#?}");
}

/// Nothing is taken on more often than in a calm run, and that is once, except for messages: two notes of one
/// run go to one address, one when the move begins and one when it is over.
pub fn nothing_is_accepted_twice(stage: &Stage, told: &str) {
    nothing_is_accepted_twice_since(stage, 0, told);
}

/// As [`nothing_is_accepted_twice`], of what was asked since a place in the log.
pub fn nothing_is_accepted_twice_since(stage: &Stage, since: u64, told: &str) {
    nothing_but_this_is_accepted_twice(stage, since, None, told);
}

/// An operation that Azure says has failed is begun anew; that is another attempt, not the same change twice.
fn nothing_but_this_is_accepted_twice(stage: &Stage, since: u64, failed: Option<&Sent>, told: &str) {
    let mut count: BTreeMap<(String, String), Vec<Entry>> = BTreeMap::new();
    for entry in stage
        .accepted()
        .into_iter()
        .filter(|entry| entry.sequence > since)
    {
        let key = (entry.method.clone(), entry.path.to_lowercase());
        count.entry(key).or_default().push(entry);
    }
    for ((method, path), entries) in count {
        let again = failed.is_some_and(|(verb, of, _)| *verb == method && of.eq_ignore_ascii_case(&path));
        let most = if is_message(&path) || again { 2 } else { 1 };
        assert!(
            entries.len() <= most,
            "{method} {path} was accepted {} times\n{told}\n{entries:#?}",
            entries.len()
        );
    }
}

/// No two messages that arrived say the same.
fn no_message_is_told_twice(stage: &Stage, told: &str) {
    let mut heard = BTreeSet::new();
    for hook in stage.simulator.hooks() {
        assert!(
            heard.insert((hook.url.clone(), hook.body.clone())),
            "{} heard twice: {}\n{told}",
            hook.url,
            hook.body
        );
    }
}

/// A one-shot leaves once, unless Azure cleanly refused it or not a byte of it left.
pub fn no_one_shot_is_sent_twice(played: &Played, told: &str) {
    let mut shots = BTreeSet::new();
    for record in &played.records {
        if let Event::Step {
            step,
            change: StepEvent::Assessed { assessment },
        } = &record.body.event
        {
            for operation in &assessment.operations {
                for rung in operation
                    .rungs
                    .iter()
                    .filter(|rung| rung.repeat == RepeatClass::OneShot)
                {
                    shots.insert((step.clone(), operation.id.clone(), rung.name.clone()));
                }
            }
        }
    }
    let mut sent: BTreeMap<_, i32> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for record in &played.records {
        let Event::Operation {
            step,
            operation,
            change,
        } = &record.body.event
        else {
            continue;
        };
        let place = (step.clone(), operation.clone());
        match change {
            OperationEvent::Intended { rung, .. } => {
                last.insert(place.clone(), rung.clone());
                *sent.entry((place.0, place.1, rung.clone())).or_default() += 1;
            }
            OperationEvent::Refused { .. } | OperationEvent::NotSent { .. } => {
                if let Some(rung) = last.get(&place) {
                    *sent.entry((place.0, place.1, rung.clone())).or_default() -= 1;
                }
            }
            _ => {}
        }
    }
    for (what, times) in sent {
        assert!(
            !shots.contains(&what) || times <= 1,
            "{what:?} was sent {times} times\n{told}"
        );
    }
}

/// Returns the steps that are not done without reserve.
pub fn short(played: &Played) -> Vec<&StepView> {
    let steps = played.view.steps.iter();
    steps.filter(|step| step.state != StepWord::Done).collect()
}

/// Whether every step is done and the run ended, in time or not.
pub fn ended_well(played: &Played) -> bool {
    let ended = [Exit::Holds, Exit::ObjectiveMissed]
        .iter()
        .any(|exit| exit.code() == played.exit());
    ended && short(played).is_empty() && played.view.degradations.is_empty()
}

/// Whether everything is done, and one message carries the warning that it may not have been read: the try is over,
/// it is not made again, and nobody waited for it.
pub fn ended_with_a_doubtful_message(played: &Played) -> bool {
    let messages = played.view.steps.iter().zip(&played.state.steps);
    let messages = messages.filter(|(step, _)| step.kind.starts_with("notify."));
    let mut doubtful = 0;
    for operation in messages.flat_map(|(_, state)| &state.operations) {
        doubtful += operation.warnings.len();
        if operation.sends() != 1 {
            return false;
        }
    }
    ended_well(played) && doubtful == 1
}

/// Whether the only step that waits is the archive's, off the path to recovery, with every way out on offer: a
/// 503 or a reset says nothing about arrival, so a one-shot that did not arrive is a person's to settle.
pub fn waits_with_the_one_shot(played: &Played) -> bool {
    let [todo] = played.view.todo.as_slice() else {
        return false;
    };
    let ways = [
        Choice::SettleDone,
        Choice::SettleNotBegun,
        Choice::SettleFailed,
        Choice::Retry,
        Choice::Skip,
        Choice::Cancel,
    ];
    played.exit() == Exit::Stuck.code()
        && played.view.objectives.recovered_at.is_some()
        && todo.step.as_str() == "archive-account"
        && todo.choices == ways
        && short(played).len() == 1
}
