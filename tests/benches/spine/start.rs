//! How long until `leeward --help` has spoken?

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use criterion::Criterion;

use crate::table::{self, Table};

/// The binary that was built in the same profile as this bench.
fn binary() -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    let folder = here.parent()?.parent()?;
    let found = folder.join(format!("leeward{}", std::env::consts::EXE_SUFFIX));
    found.is_file().then_some(found)
}

fn spawn(program: &Path, arguments: &[&str]) -> Duration {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    table::timed(|| command.status().unwrap()).0
}

pub(crate) fn measure(criterion: &mut Criterion, table: &mut Table) {
    table.section("Cold start");
    let Some(leeward) = binary() else {
        return table.line(
            "leeward --help",
            "not built".to_owned(),
            "build it: cargo build --release --bin leeward",
        );
    };
    let mut group = criterion.benchmark_group("cold start");
    group.sample_size(30);
    let trivial = if cfg!(windows) { "hostname" } else { "true" };
    let baseline = table::bench(&mut group, "a trivial process", || spawn(Path::new(trivial), &[]));
    let help = table::bench(&mut group, "leeward --help", || spawn(&leeward, &["--help"]));
    group.finish();
    let (Some(baseline), Some(help)) = (baseline, help) else {
        return;
    };
    table.line("a trivial process", table::time(baseline), "");
    table.line("leeward --help", table::time(help), "mark: 20 ms");
    table.line("beside a trivial process", table::ratio(help, baseline), "");
}
