//! Runs of the past, written down as an earlier process left them.

use std::{collections::BTreeMap, path::Path, time::Duration};

use jiff::Timestamp;
use leeward_engine::{
    event::{Event, Known, Outcome, Person, RunOptions, StepEvent},
    id::RunId,
    port::{Holder, JournalStore, LeasePolicy, RunHeader},
    record::{Chain, JOURNAL_FORMAT},
};
use leeward_runbook::{
    journey::{Journey, Region, Side},
    plan::{Objectives, OnFailure, PLAN_FORMAT, Plan, PlannedStep, Retry, StepId},
};
use leeward_store::SqliteStore;
use serde_json::json;

pub(crate) const RUN: &str = "r-20261124-080000-1a2b";

fn step(id: &str, kind: &str, after: &[&str]) -> PlannedStep {
    PlannedStep {
        id: StepId::new(id),
        kind: kind.to_owned(),
        summary: None,
        after: after.iter().map(StepId::new).collect(),
        when: None,
        settings: json!({}),
        source: json!(null),
        target: json!(null),
        data_loss: None,
        timeout: Duration::from_secs(600),
        retry: Retry {
            attempts: 3,
            backoff_from: Duration::from_secs(5),
            backoff_to: Duration::from_secs(60),
        },
        goal: None,
        repeat_safe: false,
        on_failure: OnFailure::Block,
        verify: Vec::new(),
        ends_recovery: id == "serving",
        before_recovery: true,
        critical: true,
        forecast: Duration::from_secs(60),
        remaining: Duration::from_secs(120),
    }
}

fn plan() -> Plan {
    let region = |side, region: &str| Region {
        side,
        region: region.to_owned(),
    };
    Plan {
        format: PLAN_FORMAT,
        runbook: "minimal".to_owned(),
        summary: "One gate and one check.".to_owned(),
        journey: Journey::Failover,
        source: region(Side::Primary, "westeurope"),
        target: region(Side::Paired, "northeurope"),
        region_down: false,
        objectives: Objectives {
            rto: Some(Duration::from_secs(1800)),
            rpo: None,
        },
        parameters: BTreeMap::new(),
        steps: vec![
            step("decide", "gate.approval", &[]).into(),
            step("serving", "check.http", &["decide"]).into(),
        ],
        files: BTreeMap::new(),
        critical_path: vec![StepId::new("decide"), StepId::new("serving")],
        forecast: Duration::from_secs(120),
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a moment");
    Timestamp::from_second(start.as_second() + seconds).expect("a moment")
}

fn holder() -> Holder {
    Holder {
        user: "maria".to_owned(),
        host: "laptop-7".to_owned(),
        process: 4711,
        process_start: "1".to_owned(),
        boot: "b".to_owned(),
    }
}

/// A run of the past.
pub(crate) struct Past {
    pub(crate) run: &'static str,
    pub(crate) journey: Journey,
    /// How far it came.
    pub(crate) end: End,
    /// The drill that had to yield to it.
    pub(crate) evicted: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It waits at its gate and nobody conducts it.
    AtGate,
    /// The same, and somebody holds its lease.
    Held,
    /// It is under way, and asks nobody.
    UnderWay,
    /// A newer version of Leeward began it.
    Newer,
    /// It was cancelled at its gate.
    Cancelled,
    /// It was refused its targets.
    Refused,
}

/// Writes the one run that waits at its gate. `over` ends it; `held` leaves the lease with its holder.
pub(crate) fn written(file: &Path, over: bool, held: bool) {
    let end = match (over, held) {
        (true, _) => End::Cancelled,
        (false, true) => End::Held,
        (false, false) => End::AtGate,
    };
    let past = Past {
        run: RUN,
        journey: Journey::Failover,
        end,
        evicted: None,
    };
    record(file, 0, &past);
}

/// Writes a run that began so many hours after the first.
pub(crate) fn record(file: &Path, hours: i64, past: &Past) {
    let at = |seconds| at(hours * 3600 + seconds);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(file).expect("opened");
        let plan = Plan {
            journey: past.journey,
            ..plan()
        };
        let maria = Person {
            name: "maria".to_owned(),
            known: Known::Stated,
        };
        let header = RunHeader {
            run: RunId(past.run.to_owned()),
            runbook: plan.runbook.clone(),
            journey: plan.journey,
            plan_digest: plan.digest(),
            created: at(0),
        };
        let mut journal = store.create(&header, &[], &holder()).await.expect("created");
        let epoch = journal.epoch();
        let gate = |change| Event::Step {
            step: StepId::new("decide"),
            change,
        };
        let mut events = vec![
            Event::RunOpened {
                format: match past.end {
                    End::Newer => JOURNAL_FORMAT + 1,
                    _ => JOURNAL_FORMAT,
                },
                version: "0.1.0".to_owned(),
                run: header.run.clone(),
                plan: std::sync::Arc::new(plan),
                options: RunOptions {
                    declared_at: at(0),
                    parallel: None,
                    rehearsal: false,
                },
                by: maria,
            },
            Event::LeaseTaken {
                epoch,
                holder: holder(),
                from: None,
            },
        ];
        let ended = Event::RunEnded {
            outcome: Outcome::Cancelled,
        };
        if past.end == End::Refused {
            let reason = "its targets are held by another run".to_owned();
            events.extend([Event::Cancelled { reason }, ended]);
        } else {
            let drills = past.evicted.map(|drill| RunId(drill.to_owned()));
            events.extend([
                Event::TargetsClaimed {
                    targets: 1,
                    evicted: drills.into_iter().collect(),
                    clean: Vec::new(),
                },
                gate(StepEvent::BecameReady),
                gate(StepEvent::GateReached {
                    asks: "a second person confirms the move".to_owned(),
                    until: None,
                }),
            ]);
            if past.end == End::UnderWay {
                events.pop();
            }
            if past.end == End::Cancelled {
                events.extend([
                    Event::Cancelled {
                        reason: "false alarm".to_owned(),
                    },
                    gate(StepEvent::Cancelled),
                    Event::Step {
                        step: StepId::new("serving"),
                        change: StepEvent::Cancelled,
                    },
                    ended,
                ]);
            }
        }
        let mut chain = Chain::default();
        let mut records = Vec::new();
        for (second, event) in events.into_iter().enumerate() {
            let moment = at(i64::try_from(second).expect("few") * 10);
            records.push(chain.next(epoch, moment, event).expect("sealed"));
        }
        journal.append(&records).await.expect("appended");
        if past.end != End::Held {
            journal.close().await.expect("closed");
        }
    });
}

/// Returns how many commands were sent to the one run.
pub(crate) fn sent(file: &Path) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(file).expect("opened");
        let run = RunId(RUN.to_owned());
        let mut opened = store
            .open(&run, &holder(), LeasePolicy::TakeOver)
            .await
            .expect("opened");
        opened.journal.inbox().await.expect("read").len()
    })
}

/// Lets a run hold a target, whatever its journal says, as an earlier version could leave it.
pub(crate) fn holding(file: &Path, run: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(file).expect("opened");
        let targets = ["/subscriptions/s/sql".to_owned()];
        let run = RunId(run.to_owned());
        store
            .claim(&run, Journey::Failover, &targets, at(10))
            .await
            .expect("claimed");
    });
}

/// Returns what is held in a journal.
pub(crate) fn held(file: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(file).expect("opened");
        let claims = store.claims().await.expect("claims");
        claims.into_iter().map(|claim| claim.target).collect()
    })
}

/// Makes a run whose journal nobody can go on with: its first record does not open it.
pub(crate) fn unreadable(file: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let long_ago = std::sync::Arc::new(|| at(0));
        let settings = leeward_store::Settings {
            now: long_ago,
            ..Default::default()
        };
        let store = SqliteStore::open_with(file, settings).expect("opened");
        let header = RunHeader {
            run: RunId(RUN.to_owned()),
            runbook: "sheltered".to_owned(),
            journey: Journey::Failover,
            plan_digest: "d1".to_owned(),
            created: at(0),
        };
        let mut journal = store.create(&header, &[], &holder()).await.expect("created");
        let record = Chain::default().next(1, at(0), Event::Paused).expect("sealed");
        journal.append(&[record]).await.expect("appended");
    });
}
