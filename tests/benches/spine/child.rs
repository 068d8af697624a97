//! What needs a process of its own: peak memory, and resuming from nothing.

use std::{path::PathBuf, process::Command, sync::Arc};

use leeward_engine::{
    conductor::{Observer, folded},
    id::RunId,
    port::{JournalStore, LeasePolicy, RunHeader},
    record::Record,
    state::{OperationPhase, RunState},
    view::RunView,
};
use leeward_store::{MemoryStore, SqliteStore, holder};
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::{
    Size, machine, platform, running,
    table::{self, Table},
    toy::{self, WallClock, World},
};

const ASKED: &str = "LEEWARD_BENCH_CHILD";

/// Returns what this process was started for, where it was started by another of us.
pub(crate) fn asked() -> Option<String> {
    std::env::var(ASKED).ok()
}

/// Does what was asked and prints numbers, one a line.
pub(crate) fn answer(asked: &str) {
    let mut words = asked.splitn(2, ' ');
    let numbers = match (words.next(), words.next()) {
        (Some("resume"), Some(file)) => resume(file),
        (Some("in-flight"), Some(wide)) => in_flight(wide.parse().unwrap()),
        _ => panic!("nobody asks for {asked}"),
    };
    let mut out = std::io::stdout();
    for number in numbers {
        std::io::Write::write_all(&mut out, format!("{number}\n").as_bytes()).unwrap();
    }
}

fn ask(what: &str) -> Vec<f64> {
    let here = std::env::current_exe().unwrap();
    let output = Command::new(here).env(ASKED, what).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Opens a run as `resume` does, folds it, and makes the view of it.
fn resume(file: &str) -> Vec<f64> {
    let before = peak();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let store = SqliteStore::open(file).unwrap();
    let (reading, _) = table::timed(|| {
        runtime.block_on(async {
            let mut records = store.records(&toy::run_id(), 1);
            while records.next().await.unwrap().is_some() {}
        })
    });
    let (resuming, state) = table::timed(|| {
        let by = holder::this_process();
        runtime.block_on(async {
            let opened = store
                .open(&toy::run_id(), &by, LeasePolicy::TakeOver)
                .await
                .unwrap();
            folded(opened.journal.records(1)).await.unwrap()
        })
    });
    let resumed = peak();
    let (viewing, view) = table::timed(|| RunView::from(&state));
    assert_eq!(view.seq, state.chain.seq);
    vec![
        reading.as_secs_f64(),
        resuming.as_secs_f64(),
        viewing.as_secs_f64(),
        before,
        resumed,
        peak(),
    ]
}

/// Stops a run once Azure has taken on everything: what is only intended then is not sent any more.
struct UntilAllFly {
    wide: u64,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Observer for UntilAllFly {
    fn recorded(&mut self, state: &RunState, _records: &[Record]) {
        let open = state.steps[0]
            .operations
            .iter()
            .filter(|one| one.phase == OperationPhase::Polling)
            .count() as u64;
        if open == self.wide {
            let _ = self.stop.send(true);
        }
    }
}

/// Has so many operations in flight behind one step.
fn in_flight(wide: u64) -> Vec<f64> {
    let before = peak();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let clock = Arc::new(WallClock::new());
    let world = Arc::new(World::endless(wide as usize));
    let stop = tokio::sync::watch::Sender::new(false);
    let mut conductor = running::conductor(Arc::new(MemoryStore::new()), world.clone(), clock.clone());
    conductor.stop = stop.subscribe();
    let new = running::new_run(toy::one_step(), clock.as_ref());
    let mut observer = UntilAllFly { wide, stop };
    let (took, conducted) = table::timed(|| runtime.block_on(conductor.start(new, &mut observer)));
    conducted.unwrap();
    assert_eq!(world.changes() as u64, wide);
    vec![took.as_secs_f64(), before, peak()]
}

/// Returns the most memory that this process has held, in megabytes; nothing known is 0.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

/// Writes a journal of at least so many records, and says how many it has and how large it is.
fn journal(records: u64) -> (TempDir, PathBuf, u64) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("journal.db");
    let sample = machine::alone(&toy::one_step(), &World::of_width(1))
        .records
        .len() as u64;
    let plan = platform::planned(&platform::spread((records / (sample - 3)) as usize));
    let made = machine::alone(&plan, &World::of_width(1)).records;
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let store = SqliteStore::open(&file).unwrap();
    let header = RunHeader {
        run: RunId(toy::run_id().0),
        runbook: plan.runbook.clone(),
        journey: plan.journey,
        plan_digest: plan.digest(),
        created: made[0].body.at,
    };
    runtime.block_on(async {
        let mut journal = store.create(&header, &[], &holder::this_process()).await.unwrap();
        for portion in made.chunks(1000) {
            journal.append(portion).await.unwrap();
        }
    });
    (folder, file, made.len() as u64)
}

pub(crate) fn measure(table: &mut Table, size: Size) {
    let (_folder, file, records) = journal(size.records);
    let read = ask(&format!("resume {}", file.display()));
    let bytes = std::fs::metadata(&file).unwrap().len() as f64;
    let (reading, _) = table::timed(|| std::fs::read(&file).unwrap().len());
    table.section(&format!(
        "Resume of {records} records ({:.1} MB), in a process of its own",
        bytes / 1e6
    ));
    let [verifying, resuming, viewing, before, resumed, after] = read[..] else {
        return;
    };
    table.line(
        "reading the file's bytes, nothing else",
        table::time(reading.as_secs_f64()),
        "baseline",
    );
    table.line(
        "reading and verifying the chain, nothing kept",
        table::time(verifying),
        &format!("{} a record", table::time(verifying / records as f64)),
    );
    table.line(
        "resume: lease, reading, verifying, folding",
        table::time(resuming),
        &format!(
            "{} a record; mark: 1 s for 100,000",
            table::time(resuming / records as f64)
        ),
    );
    table.line("the view of it", table::time(viewing), "");
    table.line(
        "peak memory",
        format!("{resumed:.0} MB"),
        &format!("mark: 100 MB; {before:.0} MB before, {after:.0} MB with the view"),
    );
    table.section("In flight at once behind one step, in a process of its own");
    for wide in size.machines {
        let told = ask(&format!("in-flight {wide}"));
        let [took, before, after] = told[..] else { continue };
        table.line(
            &format!("{wide} operations in flight"),
            format!("{after:.0} MB"),
            &format!(
                "mark: 100 MB; {before:.0} MB before; reached in {}",
                table::time(took)
            ),
        );
    }
}
