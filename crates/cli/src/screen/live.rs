//! What moves right now, as lines: the picture of the live view, drawn from the run's view and the time.

use jiff::Timestamp;
use leeward_engine::view::{RunView, StepView, StepWord};

use super::{
    Label, Lease, Paint, count, is_over, span,
    status::{elapsed, rto, what},
    step_word, todo_items,
};

/// One picture of a run, in pieces that can be fitted to a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// What to do now: an item each, its sentence first, then the commands that help.
    pub todo: Vec<Vec<String>>,
    /// What stands in place of items that find no room; `{}` is how many.
    pub more_todo: String,
    /// The clock and the critical path.
    pub head: Vec<String>,
    /// A line for every step under way, those on the critical path first.
    pub active: Vec<String>,
    /// A line about everything that waits; empty where nothing does.
    pub tail: String,
}

/// Draws a run. `lease` is ours, so nobody is told to resume.
pub fn live(view: &RunView, lease: &Lease, now: Timestamp, paint: Paint) -> Live {
    let over = view.steps.iter().filter(|step| is_over(step.state)).count();
    let head = vec![
        format!(
            "{} {}   {} of {} over",
            paint.label(Label::Heading, "RTO"),
            rto(view, now),
            over,
            count(view.steps.len(), "step"),
        ),
        format!(
            "{} {}",
            paint.label(Label::Heading, "Critical path"),
            critical_path(view, paint)
        ),
    ];
    let moving = |step: &&StepView| !is_over(step.state) && step.state != StepWord::Waiting;
    let mut active: Vec<&StepView> = view.steps.iter().filter(moving).collect();
    // Where there is no room for all of them, what delays the run is shown.
    active.sort_by_key(|step| !step.critical);
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
        todo: todo_items(view, lease, paint),
        more_todo: format!(
            "{} {{}} more need you: leeward status {}",
            paint.label(Label::Todo, "Now:"),
            view.run
        ),
        head,
        active,
        tail: waiting_line(view, paint),
    }
}

fn active_line(step: &StepView, name: usize, now: Timestamp, paint: Paint) -> String {
    let state = format!("{:<10}", step_word(step.state));
    let time = elapsed(step, now).map(span).unwrap_or_default();
    format!(
        "{:name$} {} {} {:>8}  {}",
        step.id.as_str(),
        if step.critical { "*" } else { " " },
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
    match waiting.first() {
        None => String::new(),
        Some(first) => paint.label(
            Label::Quiet,
            &format!(
                "{} waiting, next {}: {}",
                count(waiting.len(), "step"),
                first.id,
                what(first)
            ),
        ),
    }
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
        let text = [
            picture.todo.concat(),
            picture.head,
            picture.active,
            vec![picture.tail],
        ]
        .concat()
        .join("\n");
        insta::assert_snapshot!("live-under-way", text);
    }
}
