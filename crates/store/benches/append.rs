//! What does a durable append cost, beside the disk's own sync and one transaction per event?
//!
//! The last lines are ratios, taken in turns within one run: a machine's mood moves both sides.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    fs::{File, OpenOptions},
    hint::black_box,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput};
use jiff::Timestamp;
use leeward_engine::{
    event::{Event, OperationEvent, StepEvent},
    id::{OperationId, RunId, StepId},
    port::{Journal, JournalStore, RunHeader},
    record::{Chain, Record},
};
use leeward_runbook::journey::Journey;
use leeward_store::{SqliteStore, holder};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How many runs write at once.
const WIDE: usize = 64;

/// How many appends each of them makes in one measured round.
const ROUND: usize = 16;

/// How many rounds the ratios are taken over.
const ROUNDS: usize = 31;

/// The events of one decision: a step became ready, and its first send is intended.
fn decision(chain: &mut Chain) -> Vec<Record> {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let step: StepId = serde_json::from_str("\"storefront-machines\"").unwrap();
    let intended = OperationEvent::Intended {
        attempt: 1,
        send: 1,
        rung: "unplanned".into(),
        send_by: at,
        evidence: "allowedOperations holds UnplannedFailover, no job is in motion".into(),
    };
    let events = [
        Event::Step {
            step: step.clone(),
            change: StepEvent::BecameReady,
        },
        Event::Operation {
            step,
            operation: OperationId::new("failover/vm-web-1"),
            change: intended,
        },
    ];
    events.map(|event| chain.next(1, at, event).unwrap()).to_vec()
}

fn folder() -> TempDir {
    // Beside the build, since a temporary folder is often held in memory and syncs nothing.
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

struct Raw {
    file: File,
    chain: Chain,
}

impl Raw {
    fn new(folder: &Path) -> Raw {
        Raw {
            file: OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join("raw"))
                .unwrap(),
            chain: Chain::default(),
        }
    }

    fn append(&mut self, decisions: usize) {
        let mut bytes = String::new();
        for _ in 0..decisions {
            for record in decision(&mut self.chain) {
                bytes.push_str(&record.line);
                bytes.push_str(&record.hash);
            }
        }
        self.file.write_all(bytes.as_bytes()).unwrap();
        self.file.sync_data().unwrap();
    }
}

/// SQLite as one would use it first: a transaction per event.
struct Naive {
    db: Connection,
    chain: Chain,
}

impl Naive {
    fn new(folder: &Path) -> Naive {
        let db = Connection::open(folder.join("naive.db")).unwrap();
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .unwrap();
        db.pragma_update(None, "synchronous", "FULL").unwrap();
        db.execute_batch("CREATE TABLE records (seq INTEGER PRIMARY KEY, line TEXT, hash TEXT)")
            .unwrap();
        Naive {
            db,
            chain: Chain::default(),
        }
    }

    fn append(&mut self) {
        for record in decision(&mut self.chain) {
            let mut add = self
                .db
                .prepare_cached("INSERT INTO records (line, hash) VALUES (?1, ?2)")
                .unwrap();
            add.execute([&record.line, &record.hash]).unwrap();
        }
    }
}

struct Writers {
    runtime: Runtime,
    journals: Vec<(Box<dyn Journal>, Chain)>,
}

impl Writers {
    fn new(folder: &Path, count: usize) -> Writers {
        let runtime = Runtime::new().unwrap();
        let store = SqliteStore::open(folder.join(format!("journal-{count}.db"))).unwrap();
        let mut journals = Vec::new();
        for number in 0..count {
            let header = RunHeader {
                run: RunId(format!("r-{number}")),
                runbook: "interworks-platform".into(),
                journey: Journey::Failover,
                plan_digest: "d".into(),
                created: Timestamp::UNIX_EPOCH,
            };
            let holder = holder::this_process();
            let made = store.create(&header, &[], &holder);
            journals.push((runtime.block_on(made).unwrap(), Chain::default()));
        }
        Writers { runtime, journals }
    }

    /// Lets every writer append so many decisions, each after the one before is durable.
    fn append(&mut self, each: usize) {
        let journals = std::mem::take(&mut self.journals);
        let write = |(mut journal, mut chain): (Box<dyn Journal>, Chain)| async move {
            for _ in 0..each {
                let records = decision(&mut chain);
                journal.append(black_box(&records)).await.unwrap();
            }
            (journal, chain)
        };
        self.journals = self.runtime.block_on(async move {
            let tasks: Vec<_> = journals
                .into_iter()
                .map(|journal| tokio::spawn(write(journal)))
                .collect();
            let mut back = Vec::new();
            for task in tasks {
                back.push(task.await.unwrap());
            }
            back
        });
    }
}

fn measure(criterion: &mut Criterion, folder: &Path) {
    let mut group = criterion.benchmark_group("durable append of one decision");
    group.throughput(Throughput::Elements(1));
    let mut raw = Raw::new(folder);
    group.bench_function("raw fdatasync of the same bytes", |bench| {
        bench.iter(|| raw.append(1))
    });
    let mut naive = Naive::new(folder);
    group.bench_function("SQLite, one transaction per event", |bench| {
        bench.iter(|| naive.append())
    });
    let mut one = Writers::new(folder, 1);
    group.bench_function("leeward, one writer", |bench| bench.iter(|| one.append(1)));
    let mut wide = Writers::new(folder, WIDE);
    group.throughput(Throughput::Elements((WIDE * ROUND) as u64));
    group.bench_function(format!("leeward, {WIDE} writers of {ROUND} each"), |bench| {
        bench.iter(|| wide.append(ROUND));
    });
    group.finish();
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn timed(times: &mut Vec<Duration>, repeat: usize, mut what: impl FnMut()) {
    let begun = Instant::now();
    for _ in 0..repeat {
        what();
    }
    times.push(begun.elapsed() / u32::try_from(repeat).unwrap());
}

/// Prints ratios of medians; each round takes all sides in turn.
fn compare(folder: &Path) {
    let (mut raw, mut naive) = (Raw::new(folder), Naive::new(folder));
    let (mut one, mut wide) = (Writers::new(folder, 1), Writers::new(folder, WIDE));
    let [mut t_raw, mut t_raw_wide, mut t_naive, mut t_one, mut t_wide] = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        timed(&mut t_raw, ROUND, || raw.append(1));
        timed(&mut t_raw_wide, ROUND, || raw.append(WIDE));
        timed(&mut t_naive, ROUND, || naive.append());
        timed(&mut t_one, 1, || one.append(ROUND));
        timed(&mut t_wide, 1, || wide.append(ROUND));
    }
    let (raw, raw_wide, naive) = (median(t_raw), median(t_raw_wide), median(t_naive));
    let one = median(t_one) / ROUND as f64;
    let wide = median(t_wide) / (ROUND * WIDE) as f64;
    let micro = |seconds: f64| seconds * 1e6;
    let mut out = std::io::stdout();
    let mut line = |text: String| writeln!(out, "{text}").unwrap();
    line(format!(
        "one decision (two records), medians of {ROUNDS} rounds taken in turn"
    ));
    line(format!(
        "  raw fdatasync, alone                    {:8.1} µs",
        micro(raw)
    ));
    line(format!(
        "  raw fdatasync, {WIDE} decisions in one     {:8.1} µs each",
        micro(raw_wide / WIDE as f64)
    ));
    line(format!(
        "  SQLite, one transaction per event       {:8.1} µs",
        micro(naive)
    ));
    line(format!(
        "  leeward, one writer                     {:8.1} µs",
        micro(one)
    ));
    line(format!(
        "  leeward, {WIDE} writers                     {:8.1} µs each",
        micro(wide)
    ));
    line(format!(
        "one writer / raw fdatasync                {:8.2}   (mark: 2.5)",
        one / raw
    ));
    line(format!(
        "{WIDE} writers, each / raw fdatasync, alone   {:8.2}   (mark: 1.2)",
        wide / raw
    ));
    line(format!(
        "{WIDE} writers / one shared raw fdatasync     {:8.2}",
        wide * WIDE as f64 / raw_wide
    ));
    line(format!(
        "one transaction per event / one writer    {:8.2}",
        naive / one
    ));
    line(format!(
        "one transaction per event / {WIDE} writers    {:8.2}",
        naive / wide
    ));
}

fn main() {
    let folder = folder();
    // `cargo test --benches` only asks whether it runs; the disk is left alone for longer.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let first = folder.path().join("measure");
    std::fs::create_dir(&first).unwrap();
    let mut criterion = Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    measure(&mut criterion, &first);
    criterion.final_summary();
    if measured {
        let second = folder.path().join("compare");
        std::fs::create_dir(&second).unwrap();
        compare(&second);
    }
}
