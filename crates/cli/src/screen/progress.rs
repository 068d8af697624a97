//! Live progress: a moving picture on a terminal, plain lines off it, events for machines.

use std::{
    io::Write,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use leeward_engine::{conductor::Observer, record::Record, state::RunState, view::RunView};

use super::{Canvas, Depth, Lease, Paint, Unseen, fit, is_milestone, line, live};
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

    /// Says something on stderr without tearing the picture.
    pub fn say(&self, text: &str) {
        match self {
            Progress::Picture(picture) => picture.say(text),
            _ => {
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }
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
    state: Mutex<State>,
}

struct State {
    canvas: Canvas,
    /// As long as there is a picture.
    unseen: Option<Unseen>,
    view: Option<RunView>,
    /// When the view was made: a wide run makes records faster than eyes can follow.
    viewed: Option<Instant>,
    /// What is over and not yet above the picture.
    above: Vec<String>,
    beat: usize,
}

impl Picture {
    fn new(paint: Paint, depth: Depth) -> Picture {
        Picture {
            paint,
            depth,
            state: Mutex::new(State {
                canvas: Canvas::stderr(),
                unseen: Some(Unseen::keys()),
                view: None,
                viewed: None,
                above: Vec::new(),
                beat: 0,
            }),
        }
    }

    fn recorded(&self, state: &RunState, records: &[Record]) {
        let mut drawn = held(&self.state);
        // What is over scrolls away above the picture; only what moves is drawn again.
        let told = records
            .iter()
            .filter(|record| self.depth >= Depth::Operations || is_milestone(record))
            .filter_map(|record| line(record, self.depth));
        drawn.above.extend(told);
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

    fn say(&self, text: &str) {
        held(&self.state).above.push(text.to_owned());
    }

    fn draw(&self, now: Timestamp) {
        let mut state = held(&self.state);
        let state = &mut *state;
        let Some(view) = &state.view else { return };
        let picture = live(view, &Lease::Ours, now, self.paint);
        let (rows, columns) = state.canvas.size();
        let lines = fit(&picture, rows, columns, state.beat);
        state.beat += 1;
        state.canvas.draw(&std::mem::take(&mut state.above), lines);
    }

    fn close(&self) {
        let mut state = held(&self.state);
        let state = &mut *state;
        state.canvas.draw(&std::mem::take(&mut state.above), Vec::new());
        state.unseen = None;
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A picture drawn by a thread that died is still the best picture there is.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
