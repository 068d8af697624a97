//! How long does it take to read, check and plan a large runbook?

use std::hint::black_box;

use criterion::Criterion;
use leeward_runbook::{
    check,
    journey::Journey,
    plan::{PlanRequest, plan},
    read, yaml,
};

use crate::{
    Size, platform,
    table::{self, Table},
};

pub(crate) fn measure(criterion: &mut Criterion, table: &mut Table, size: Size) {
    let text = platform::spread(size.steps);
    let bytes = text.as_bytes();
    let runbook = read("runbook.yaml", bytes).runbook.unwrap();
    let mut group = criterion.benchmark_group("planning");
    // The same bytes through the hash that every record goes through: a pass over them that does nothing else.
    let hash = table::bench(&mut group, "one pass of BLAKE3 over the text", || {
        table::timed(|| black_box(blake3::hash(bytes))).0
    });
    let parse = table::bench(&mut group, "parsing alone", || {
        table::timed(|| black_box(yaml::read(bytes))).0
    });
    let decode = table::bench(&mut group, "reading", || {
        table::timed(|| black_box(read("runbook.yaml", bytes))).0
    });
    let checked = table::bench(&mut group, "checking", || {
        table::timed(|| black_box(check(&runbook))).0
    });
    let whole = table::bench(&mut group, "reading, checking and planning", || {
        table::timed(|| {
            let runbook = read("runbook.yaml", bytes).runbook.unwrap();
            black_box(plan(&runbook, &PlanRequest::new(Journey::Failover)).unwrap())
        })
        .0
    });
    group.finish();
    table.section(&format!(
        "Planning {} steps ({:.1} MB of YAML)",
        size.steps,
        bytes.len() as f64 / 1e6
    ));
    let speed = |seconds: f64| format!("{:.1} MB/s", bytes.len() as f64 / 1e6 / seconds);
    let rows = [
        ("one pass of BLAKE3 over the text", hash, ""),
        ("parsing alone", parse, ""),
        ("reading (parsing included)", decode, ""),
        ("checking (what is read already)", checked, ""),
        ("reading, checking and planning", whole, "mark: 1 s"),
    ];
    for (what, seconds, mark) in rows {
        if let Some(seconds) = seconds {
            let note = format!("{:>12}   {mark}", speed(seconds));
            table.line(what, table::time(seconds), note.trim_end());
        }
    }
    if let (Some(parse), Some(whole)) = (parse, whole) {
        table.line("all beside parsing alone", table::ratio(whole, parse), "");
    }
}
