//! What does Leeward itself cost? Start, planning, running, barriers, the machine alone, resume.
//!
//! Every number stands beside a baseline of the same run, since a machine's mood moves both sides.
//! Nothing is asserted. `docs/benchmarks.md` says what the numbers mean.
#![allow(missing_docs, clippy::unwrap_used)]

mod barrier;
mod child;
mod machine;
mod planning;
mod platform;
mod running;
mod start;
mod table;
mod toy;

use std::time::Duration;

use criterion::Criterion;
use table::Table;

/// How large everything is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Steps of the generated runbook.
    pub(crate) steps: usize,
    /// Stages, and steps in each, of the barriers: small, middle, full.
    pub(crate) barriers: [usize; 3],
    /// Operations behind one step: small, middle, full.
    pub(crate) machines: [usize; 3],
    /// Records to resume.
    pub(crate) records: u64,
}

const FULL: Size = Size {
    steps: 10_000,
    barriers: [10, 30, 100],
    machines: [100, 1_000, 10_000],
    records: 100_000,
};

/// `cargo test --benches` only asks whether it runs.
const SMOKE: Size = Size {
    steps: 40,
    barriers: [2, 3, 4],
    machines: [2, 4, 8],
    records: 200,
};

fn main() {
    if let Some(asked) = child::asked() {
        return child::answer(&asked);
    }
    let measured = std::env::args().any(|argument| argument == "--bench");
    let size = if measured { FULL } else { SMOKE };
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut table = Table::default();
    start::measure(&mut criterion, &mut table);
    planning::measure(&mut criterion, &mut table, size);
    machine::measure(&mut criterion, &mut table, size);
    barrier::measure(&mut criterion, &mut table, size);
    running::measure(&mut criterion, &mut table, size);
    child::measure(&mut table, size);
    criterion.final_summary();
    table.print();
}
