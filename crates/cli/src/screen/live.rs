//! What moves right now, as lines: the picture of the live view, drawn from the run's view and the time.

use jiff::Timestamp;
use leeward_engine::view::{RunView, StepView, StepWord};

use super::{
    Label, Lease, Paint, count, is_over, span,
    status::{elapsed, rto, what},
    step_word, todo,
};

/// One picture of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// What to do now, the clock and the critical path.
    pub head: Vec<String>,
    /// A line for every step under way.
    pub active: Vec<String>,
    /// A line about everything that waits.
    pub tail: String,
}

/// Draws a run. `lease` is ours, so nobody is told to resume.
pub fn live(view: &RunView, lease: &Lease, now: Timestamp, paint: Paint) -> Live {
    let mut head: Vec<String> = todo(view, lease, paint).lines().map(str::to_owned).collect();
    let over = view.steps.iter().filter(|step| is_over(step.state)).count();
    head.push(format!(
        "{} {}   {} of {} over",
        paint.label(Label::Heading, "RTO"),
        rto(view, now),
        over,
        count(view.steps.len(), "step"),
    ));
    head.push(format!(
        "{} {}",
        paint.label(Label::Heading, "Critical path"),
        critical_path(view, paint)
    ));
    let moving = |step: &&StepView| !is_over(step.state) && step.state != StepWord::Waiting;
    let active: Vec<&StepView> = view.steps.iter().filter(moving).collect();
    let name = active
        .iter()
        .map(|step| step.id.as_str().len())
        .max()
        .unwrap_or(0);
    let active = active
        .iter()
        .map(|step| active_line(step, name, now, paint))
        .collect();
    Live {
        head,
        active,
        tail: waiting_line(view, paint),
    }
}

fn active_line(step: &StepView, name: usize, now: Timestamp, paint: Paint) -> String {
    let state = format!("{:<10}", step_word(step.state));
    let time = elapsed(step, now).map(span).unwrap_or_default();
    format!(
        "{:name$}  {}  {:>8}  {}",
        step.id.as_str(),
        paint.label(Label::of_step(step.state), &state),
        time,
        what(step),
    )
}

fn critical_path(view: &RunView, paint: Paint) -> String {
    let path: Vec<&StepView> = view.steps.iter().filter(|step| step.critical).collect();
    let next = path
        .iter()
        .position(|step| !is_over(step.state))
        .unwrap_or(path.len());
    // What lies far behind or far ahead says little on a bad day.
    let from = next.saturating_sub(1);
    let mut shown: Vec<String> = path
        .iter()
        .skip(from)
        .take(4)
        .map(|step| paint.label(Label::of_step(step.state), step.id.as_str()))
        .collect();
    let ahead = path.len().saturating_sub(from + shown.len());
    if ahead > 0 {
        shown.push(format!("{ahead} more"));
    }
    match shown.is_empty() {
        true => "none".to_owned(),
        false => shown.join(" → "),
    }
}

fn waiting_line(view: &RunView, paint: Paint) -> String {
    let waiting: Vec<&StepView> = view
        .steps
        .iter()
        .filter(|step| step.state == StepWord::Waiting)
        .collect();
    let text = match waiting.first() {
        None => String::new(),
        Some(first) => format!(
            "{} waiting, next {}: {}",
            count(waiting.len(), "step"),
            first.id,
            what(first)
        ),
    };
    paint.label(Label::Quiet, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_live_picture_shows_what_to_do_the_clock_and_what_moves() {
        let picture = live(
            &sample::under_way(),
            &Lease::Ours,
            sample::at(12, 0),
            Paint::Plain,
        );
        let text = [picture.head, picture.active, vec![picture.tail]]
            .concat()
            .join("\n");
        insta::assert_snapshot!("live-under-way", text);
    }
}
