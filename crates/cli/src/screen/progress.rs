//! Live progress: a moving picture on a terminal, plain lines off it, events for machines.

use std::{
    io::Write,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use leeward_engine::{conductor::Observer, record::Record, state::RunState, view::RunView};

use super::{Depth, Lease, Paint, line, live};
use crate::{report, terminal::Terminal};

/// Runs of fewer steps than this are viewed at every record.
const SMALL: usize = 200;

/// How a run is told while it goes on.
pub enum Progress {
    /// A picture that is drawn again and again.
    Picture(Box<Picture>),
    /// One line a record, on stderr; history up to and with that record is not told again.
    Lines(Depth, u64),
    /// One JSON object a line, on stdout.
    Events(Mutex<report::EventLines>),
    /// Nothing.
    Quiet,
}

impl Progress {
    /// Chooses by what stderr is, and by whether machines listen on stdout. `known` is the last
    /// record that its reader has seen.
    pub fn choose(terminal: &Terminal, events: bool, known: u64) -> Progress {
        let depth = if terminal.verbose {
            Depth::Operations
        } else {
            Depth::Steps
        };
        match (events, terminal.live) {
            (true, _) => Progress::Events(Mutex::new(report::EventLines::default())),
            (false, true) => Progress::Picture(Box::new(Picture::new(terminal.err, depth))),
            (false, false) => Progress::Lines(depth, known),
        }
    }

    /// Tells records that are durable now, and the state that they lead to.
    pub fn recorded(&self, state: &RunState, records: &[Record]) {
        match self {
            Progress::Quiet => {}
            Progress::Lines(depth, known) => {
                let mut err = std::io::stderr().lock();
                for text in records
                    .iter()
                    .filter(|record| record.body.seq > *known)
                    .filter_map(|record| line(record, *depth))
                {
                    let _ = writeln!(err, "{text}");
                }
            }
            Progress::Events(lines) => {
                let mut out = std::io::stdout().lock();
                let mut lines = held(lines);
                for record in records {
                    let _ = out.write_all(lines.of(record).as_bytes());
                }
                let _ = out.flush();
            }
            Progress::Picture(picture) => picture.recorded(state, records),
        }
    }

    /// Returns whether a picture wants to be drawn from time to time.
    pub fn draws(&self) -> bool {
        matches!(self, Progress::Picture(_))
    }

    /// Draws the picture as of now.
    pub fn draw(&self, now: Timestamp) {
        if let Progress::Picture(picture) = self {
            picture.draw(now);
        }
    }

    /// Takes the picture away.
    pub fn close(&self) {
        if let Progress::Picture(picture) = self {
            picture.close();
        }
    }
}

impl Observer for &Progress {
    fn recorded(&mut self, state: &RunState, records: &[Record]) {
        Progress::recorded(self, state, records);
    }
}

/// A picture of a run on a terminal.
pub struct Picture {
    paint: Paint,
    depth: Depth,
    bars: MultiProgress,
    head: ProgressBar,
    tail: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    view: Option<RunView>,
    /// When the view was made: a wide run makes records faster than eyes can follow.
    viewed: Option<Instant>,
    active: Vec<ProgressBar>,
}

impl Picture {
    fn new(paint: Paint, depth: Depth) -> Picture {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        let bare = || ProgressBar::new_spinner().with_style(style("{msg}"));
        let head = bars.add(bare());
        let tail = bars.add(ProgressBar::new_spinner().with_style(style("{wide_msg}")));
        Picture {
            paint,
            depth,
            bars,
            head,
            tail,
            state: Mutex::new(State::default()),
        }
    }

    fn recorded(&self, state: &RunState, records: &[Record]) {
        // What is over scrolls away above the picture; only what moves is drawn again.
        if self.depth >= Depth::Operations {
            for text in records.iter().filter_map(|record| line(record, self.depth)) {
                let _ = self.bars.println(text);
            }
        }
        let mut drawn = held(&self.state);
        let small = state.steps.len() < SMALL;
        if small
            || drawn
                .viewed
                .is_none_or(|at| at.elapsed() > Duration::from_millis(200))
        {
            drawn.view = Some(RunView::from(state));
            drawn.viewed = Some(Instant::now());
        }
    }

    fn draw(&self, now: Timestamp) {
        let mut state = held(&self.state);
        let Some(view) = &state.view else { return };
        let picture = live(view, &Lease::Ours, now, self.paint);
        self.head.set_message(picture.head.join("\n"));
        self.tail.set_message(picture.tail);
        while state.active.len() > picture.active.len() {
            if let Some(bar) = state.active.pop() {
                bar.finish_and_clear();
                self.bars.remove(&bar);
            }
        }
        while state.active.len() < picture.active.len() {
            let bar = self.bars.insert_before(
                &self.tail,
                ProgressBar::new_spinner().with_style(style("{spinner} {wide_msg}")),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            state.active.push(bar);
        }
        for (bar, text) in state.active.iter().zip(picture.active) {
            bar.set_message(text);
        }
    }

    fn close(&self) {
        let mut state = held(&self.state);
        for bar in state.active.drain(..) {
            bar.finish_and_clear();
        }
        self.head.finish_and_clear();
        self.tail.finish_and_clear();
        let _ = self.bars.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A picture drawn by a thread that died is still the best picture there is.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
