//! When each step ran, drawn to scale, the critical path in full blocks.

use std::time::Duration;

use leeward_engine::view::{RunView, StepView};

use super::{Label, Paint, between, is_over, span};

const WIDTH: u128 = 48;

/// Returns the drawing, or nothing where no step has started.
pub fn timeline(view: &RunView, paint: Paint) -> String {
    let mut ran: Vec<(&StepView, Duration, Duration)> = view
        .steps
        .iter()
        .filter_map(|step| {
            let start = between(view.opened_at, step.started_at?);
            let end = match step.ended_at {
                Some(end) => between(view.opened_at, end),
                None if is_over(step.state) => start,
                None => between(view.opened_at, view.at),
            };
            Some((step, start, end.max(start)))
        })
        .collect();
    ran.sort_by_key(|(_, start, end)| (*start, *end));
    let Some(whole) = ran.iter().map(|(_, _, end)| *end).max() else {
        return String::new();
    };
    let recovered = view.objectives.recovered_at.map(|at| between(view.opened_at, at));
    // What goes on long after recovery must not press the path to it into one column.
    let shown = match recovered {
        Some(recovered) if whole > recovered * 3 / 2 => recovered * 5 / 4,
        _ => whole,
    };
    let scale = shown.as_millis().max(1);
    let place = |time: Duration| (time.as_millis() * WIDTH / scale).min(WIDTH) as usize;
    let name = ran
        .iter()
        .map(|(step, ..)| step.id.as_str().len())
        .max()
        .unwrap_or(0);
    let ruler_end = span(shown);
    let gap = (WIDTH as usize).saturating_sub(2 + ruler_end.len());
    let mut text = format!("  {:name$}  0s{}{ruler_end}\n", "", " ".repeat(gap));
    for (step, start, end) in &ran {
        let from = place(*start).min(WIDTH as usize - 1);
        let to = place(*end).clamp(from + 1, WIDTH as usize);
        let block = if step.critical { "█" } else { "░" };
        let bar = match *end > shown {
            true => format!("{}▶", block.repeat((to - from).saturating_sub(1))),
            false => block.repeat(to - from),
        };
        text.push_str(&format!(
            "  {:name$}  {}{}{}  {}",
            step.id.as_str(),
            " ".repeat(from),
            paint.label(Label::of_step(step.state), &bar),
            " ".repeat(WIDTH as usize - to),
            span(*end - *start),
        ));
        if step.ends_recovery {
            text.push_str("  ends recovery");
        }
        text.push('\n');
    }
    if let Some(recovered) = recovered {
        text.push_str(&format!(
            "  {:name$}  {}▲ recovery after {}\n",
            "",
            " ".repeat(place(recovered).min(WIDTH as usize - 1)),
            span(recovered)
        ));
    }
    text.push_str("  █ critical path by forecast   ░ beside it\n");
    text
}
