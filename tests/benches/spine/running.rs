//! How fast does the real conductor go through a large plan when every operation is instant?

use std::{fs::OpenOptions, io::Write, path::Path, sync::Arc, time::Duration};

use criterion::Criterion;
use leeward_engine::{
    conductor::{Conductor, Ended, Manners, NewRun, Observer},
    event::Outcome,
    port::{Clock, JournalStore},
    record::Record,
    state::RunState,
};
use leeward_runbook::plan::Plan;
use leeward_store::{MemoryStore, SqliteStore, holder};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::{
    Size, platform,
    table::{self, Table},
    toy::{self, Every, WallClock, World},
};

/// Keeps what became durable together.
#[derive(Default)]
struct Batches(Vec<Vec<Record>>);

impl Observer for Batches {
    fn recorded(&mut self, _state: &RunState, records: &[Record]) {
        self.0.push(records.to_vec());
    }
}

/// What one run took, and what it appended together.
pub(crate) struct Ran {
    pub(crate) took: Duration,
    pub(crate) batches: Vec<Vec<Record>>,
}

/// A plan as a run that is to begin.
pub(crate) fn new_run(plan: Plan, clock: &dyn Clock) -> NewRun {
    NewRun {
        run: toy::run_id(),
        plan,
        options: toy::options(clock.now().wall),
        by: toy::ann(),
        version: "bench".to_owned(),
        approvals: Vec::new(),
        files: Vec::new(),
    }
}

pub(crate) fn conductor(store: Arc<dyn JournalStore>, world: Arc<World>, clock: Arc<WallClock>) -> Conductor {
    Conductor {
        store,
        drivers: Arc::new(Every(world)),
        clock,
        holder: holder::this_process(),
        manners: Manners::default(),
        stop: tokio::sync::watch::Sender::new(false).subscribe(),
    }
}

/// Conducts a plan to its end.
pub(crate) fn run(plan: &Plan, store: Arc<dyn JournalStore>) -> Ran {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let clock = Arc::new(WallClock::new());
    let world = Arc::new(World::of_width(1));
    let conductor = conductor(store, world.clone(), clock.clone());
    let new = new_run(plan.clone(), clock.as_ref());
    let mut batches = Batches::default();
    let (took, conducted) = table::timed(|| runtime.block_on(conductor.start(new, &mut batches)));
    assert_eq!(conducted.unwrap().ended, Ended::Over(Outcome::Done));
    assert_eq!(world.changes(), plan.steps.len());
    Ran {
        took,
        batches: batches.0,
    }
}

fn folder() -> TempDir {
    // Beside the build, since a temporary folder is often held in memory and syncs nothing.
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn in_sqlite(plan: &Plan) -> (Ran, u64) {
    let folder = folder();
    let file = folder.path().join("journal.db");
    let store = SqliteStore::open(&file).unwrap();
    let ran = run(plan, Arc::new(store.clone()));
    drop(store);
    (ran, std::fs::metadata(file).unwrap().len())
}

/// Writes the same bytes in the same portions, and has the disk confirm each.
fn raw(folder: &Path, batches: &[Vec<Record>]) -> Duration {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("raw"))
        .unwrap();
    let portions: Vec<String> = batches
        .iter()
        .map(|records| {
            records
                .iter()
                .flat_map(|one| [one.line.as_str(), &one.hash])
                .collect()
        })
        .collect();
    table::timed(|| {
        for portion in &portions {
            file.write_all(portion.as_bytes()).unwrap();
            file.sync_data().unwrap();
        }
    })
    .0
}

/// SQLite as one would use it first: a transaction for each of these records.
fn naive(folder: &Path, records: &[&Record]) -> Duration {
    let db = Connection::open(folder.join("naive.db")).unwrap();
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.execute_batch("CREATE TABLE IF NOT EXISTS records (seq INTEGER PRIMARY KEY, line TEXT, hash TEXT)")
        .unwrap();
    table::timed(|| {
        for record in records {
            db.prepare_cached("INSERT INTO records (line, hash) VALUES (?1, ?2)")
                .unwrap()
                .execute([&record.line, &record.hash])
                .unwrap();
        }
    })
    .0
}

/// Enough records to know what a transaction each would cost.
const NAIVE: usize = 2000;

pub(crate) fn measure(criterion: &mut Criterion, table: &mut Table, size: Size) {
    let plan = platform::planned(&platform::spread(size.steps));
    let mut group = criterion.benchmark_group("running");
    let mut last = None;
    let sqlite = table::bench(&mut group, "SQLite journal", || {
        let ran = in_sqlite(&plan);
        let took = ran.0.took;
        last = Some(ran);
        took
    });
    let memory = table::bench(&mut group, "memory journal", || {
        run(&plan, Arc::new(MemoryStore::new())).took
    });
    let Some((ran, file)) = last else {
        return group.finish();
    };
    let folder = folder();
    let raw = table::bench(&mut group, "raw fdatasync of the same bytes", || {
        raw(folder.path(), &ran.batches)
    });
    let records: Vec<&Record> = ran.batches.iter().flatten().collect();
    let some = &records[1..records.len().min(NAIVE)];
    let naive = table::bench(
        &mut group,
        "SQLite, a transaction per event (a part of them)",
        || naive(folder.path(), some),
    );
    group.finish();
    let (Some(sqlite), Some(memory), Some(raw), Some(naive)) = (sqlite, memory, raw, naive) else {
        return;
    };
    let steps = size.steps as f64;
    let naive = naive / some.len() as f64 * records.len() as f64;
    let bytes: usize = records.iter().map(|one| one.line.len() + one.hash.len()).sum();
    table.section(&format!(
        "Running {} steps against instant operations",
        size.steps
    ));
    let per = |seconds: f64| format!("{:.0} steps/s", steps / seconds);
    table.line(
        "SQLite journal, the real conductor",
        table::time(sqlite),
        &per(sqlite),
    );
    table.line(
        "memory journal, the real conductor",
        table::time(memory),
        &per(memory),
    );
    table.line(
        "raw fdatasync of the same bytes and portions",
        table::time(raw),
        &per(raw),
    );
    table.line(
        "SQLite, a transaction per event",
        table::time(naive),
        &format!("{}, from {} of them, nothing else done", per(naive), some.len()),
    );
    table.line("SQLite journal beside memory", table::ratio(sqlite, memory), "");
    table.line(
        "a transaction per event beside it",
        table::ratio(naive, sqlite),
        "",
    );
    table.line(
        "durable appends",
        ran.batches.len().to_string(),
        &format!(
            "{:.1} records each",
            records.len() as f64 / ran.batches.len() as f64
        ),
    );
    table.line(
        "records a step",
        format!("{:.1}", records.len() as f64 / steps),
        "",
    );
    table.line(
        "bytes a step, as records",
        format!("{:.0}", bytes as f64 / steps),
        &format!("{:.0} of them the plan", records[0].line.len() as f64 / steps),
    );
    table.line(
        "bytes a step, as the file",
        format!("{:.0}", file as f64 / steps),
        "",
    );
}
