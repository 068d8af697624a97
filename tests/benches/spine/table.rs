//! The times of a run, and the table that closes it.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use criterion::{BenchmarkGroup, SamplingMode, measurement::WallTime};

/// The lines that close a run.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<String>,
}

impl Table {
    /// Begins a section.
    pub(crate) fn section(&mut self, title: &str) {
        self.lines.push(String::new());
        self.lines.push(title.to_owned());
    }

    /// Adds a line; `note` says what to hold it against.
    pub(crate) fn line(&mut self, what: &str, value: String, note: &str) {
        let line = format!("  {what:<58} {value:>16}   {note}");
        self.lines.push(line.trim_end().to_owned());
    }

    /// Prints everything.
    pub(crate) fn print(&self) {
        let mut out = std::io::stdout();
        for line in &self.lines {
            writeln!(out, "{line}").unwrap();
        }
    }
}

/// Lets criterion measure something slow, and returns the median of what it saw; nothing where a
/// filter on the command line leaves it out. `what` returns what it alone took.
pub(crate) fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut what: impl FnMut() -> Duration,
) -> Option<f64> {
    let mut seen = Vec::new();
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(name, |bench| {
        bench.iter_custom(|rounds| {
            (0..rounds)
                .map(|_| {
                    let took = what();
                    seen.push(took);
                    took
                })
                .sum()
        });
    });
    seen.sort();
    (!seen.is_empty()).then(|| seen[seen.len() / 2].as_secs_f64())
}

/// Returns what something took, and what it made.
pub(crate) fn timed<T>(what: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let made = what();
    (begun.elapsed(), made)
}

/// Shows a time in a fitting unit.
pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        long if long >= 1.0 => format!("{long:.2} s"),
        middle if middle >= 1e-3 => format!("{:.2} ms", middle * 1e3),
        short => format!("{:.2} µs", short * 1e6),
    }
}

/// Shows a ratio.
pub(crate) fn ratio(one: f64, other: f64) -> String {
    format!("{:.2}x", one / other)
}
