//! How a run stands, on one screen. The first line is what you have to do now.

use std::time::Duration;

use jiff::Timestamp;
use leeward_engine::{
    event::Choice,
    port::LeaseInfo,
    view::{RunView, Standing, StepView, StepWord},
};

use super::{
    Columns, Label, Paint, Rows, between, choice_command, count, is_over, losses, person, short, span,
    standing_word, step_word, when,
};
use crate::failure::holder_words;

/// Who conducts a run right now, as the journal tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Somebody holds it.
    Held(LeaseInfo),
    /// This very process does.
    Ours,
    /// Nobody does.
    Free,
}

/// Returns the status screen of a run.
pub fn status(view: &RunView, lease: &Lease, now: Timestamp, paint: Paint) -> String {
    let mut text = todo(view, lease, paint);
    text.push('\n');
    text.push_str(&head(view, lease, now, paint));
    text.push_str(&format!("\n{}\n", paint.label(Label::Heading, "Losses")));
    text.push_str(&losses(view, Rows::Steps, paint));
    text.push_str(&format!("\n{}\n", paint.label(Label::Heading, "Steps")));
    text.push_str(&steps(view, now, paint));
    for (heading, lines) in [
        ("Degradations", &view.degradations),
        ("Left to do by hand", &view.leftovers),
    ] {
        if !lines.is_empty() {
            text.push_str(&format!("\n{}\n", paint.label(Label::Heading, heading)));
            for line in lines {
                text.push_str(&format!("  {line}\n"));
            }
        }
    }
    text
}

/// Returns what a person has to do now: the first lines of every live view.
pub fn todo(view: &RunView, lease: &Lease, paint: Paint) -> String {
    let mut text = todo_items(view, lease, paint).concat().join("\n");
    text.push('\n');
    text
}

/// Returns the same item by item: a sentence, then the commands that help.
pub(crate) fn todo_items(view: &RunView, lease: &Lease, paint: Paint) -> Vec<Vec<String>> {
    let run = &view.run;
    let now = |text: &str| format!("{} {text}", paint.label(Label::Todo, "Now:"));
    let mut items = Vec::new();
    for item in &view.todo {
        // Azure's words may come in many lines; a sentence here is one.
        let why = item.why.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut lines = vec![now(&format!("{} needs you: {why}", item.step))];
        for choice in item.choices.iter().filter(|choice| **choice != Choice::Cancel) {
            lines.push(format!(
                "       {}",
                choice_command(*choice, run, item.step.as_str())
            ));
        }
        items.push(lines);
    }
    if view
        .todo
        .iter()
        .any(|item| item.choices.contains(&Choice::Cancel))
    {
        let cancel = choice_command(Choice::Cancel, run, "");
        items.push(vec![
            "     or give the whole run up:".to_owned(),
            format!("       {cancel}"),
        ]);
    }
    let orphan = *lease == Lease::Free && !matches!(view.standing, Standing::Ended(_));
    if orphan {
        items.push(vec![now(&match view.todo.is_empty() {
            true => format!("nobody conducts this run: leeward resume {run}"),
            false => format!("then let the run go on: leeward resume {run}"),
        })]);
    }
    if items.is_empty() {
        items.push(vec![now(match view.standing {
            Standing::Ended(_) if view.leftovers.is_empty() => "nothing, the run is over",
            Standing::Ended(_) => "the run is over, but something is left to do by hand, see below",
            Standing::Paused => "nothing moves until `leeward pause --off` lets the run go on",
            _ => "nothing, the run goes on by itself",
        })]);
    }
    items
}

fn head(view: &RunView, lease: &Lease, now: Timestamp, paint: Paint) -> String {
    let mut table = Columns::bare(0);
    if let Some(reason) = &view.break_glass {
        table.labelled(vec![
            ("Glass broken".to_owned(), Some(Label::Bad)),
            (reason.clone(), Some(Label::Bad)),
        ]);
    }
    let rehearsal = if view.rehearsal { "   rehearsal" } else { "" };
    let declared = if view.region_down { "   declared down" } else { "" };
    table.row(["Run".to_owned(), view.run.to_string()]);
    table.row([
        "Runbook".to_owned(),
        format!("{}   {}{rehearsal}", view.runbook, view.journey),
    ]);
    table.row([
        "Regions".to_owned(),
        format!("{} → {}{declared}", view.source.region, view.target.region),
    ]);
    table.row(["Plan".to_owned(), short(&view.plan_digest).to_owned()]);
    let over = view.steps.iter().filter(|step| is_over(step.state)).count();
    table.labelled(vec![
        ("Standing".to_owned(), None),
        (
            format!(
                "{}, {} of {} over",
                standing_word(view.standing),
                over,
                count(view.steps.len(), "step")
            ),
            Some(Label::Figure),
        ),
    ]);
    if let Some(reason) = &view.cancelled {
        table.row(["Cancelled".to_owned(), reason.clone()]);
    }
    table.row(["RTO".to_owned(), rto(view, now)]);
    table.row([
        "Started".to_owned(),
        format!("{} by {}", when(view.opened_at), person(&view.by)),
    ]);
    table.row([
        "Conducted".to_owned(),
        match lease {
            Lease::Held(lease) => holder_words(lease),
            Lease::Ours => "from here".to_owned(),
            Lease::Free => "by nobody".to_owned(),
        },
    ]);
    table.row([
        "Recorded".to_owned(),
        format!(
            "{}, the last at {}, epoch {}",
            count(view.seq as usize, "record"),
            when(view.at),
            view.epoch
        ),
    ]);
    table.show(paint)
}

/// Returns the RTO clock in words.
pub(crate) fn rto(view: &RunView, now: Timestamp) -> String {
    let objectives = &view.objectives;
    let Some(declared) = objectives.declared_at else {
        return "no clock runs".to_owned();
    };
    let ended = matches!(view.standing, Standing::Ended(_));
    let (taken, running) = match (objectives.recovered_at, objectives.rto_taken) {
        (Some(at), _) => (between(declared, at), false),
        (None, Some(taken)) if ended => (taken, false),
        _ => (between(declared, now), !ended),
    };
    let mut text = match (objectives.recovered_at.is_some(), running) {
        (true, _) => format!("recovered after {}", span(taken)),
        (false, true) => format!("{} so far", span(taken)),
        (false, false) => format!("not recovered after {}", span(taken)),
    };
    if let Some(promised) = objectives.rto {
        text.push_str(&format!(", objective {}", span(promised)));
        if taken > promised {
            text.push_str(&format!(", missed by {}", span(taken - promised)));
        }
    }
    if let Some(forecast) = objectives.forecast {
        text.push_str(&format!(", forecast {}", span(forecast)));
    }
    text
}

fn steps(view: &RunView, now: Timestamp, paint: Paint) -> String {
    let mut table = Columns::new(&["  step", "state", "for", "what"]);
    for step in &view.steps {
        let name = match step.critical {
            true => format!("  {} *", step.id),
            false => format!("  {}", step.id),
        };
        let label = (step_word(step.state).to_owned(), Some(Label::of_step(step.state)));
        let elapsed = elapsed(step, now).map(span).unwrap_or_default();
        table.labelled(vec![
            (name, None),
            label,
            (elapsed, None),
            (what(step), Some(Label::Quiet)),
        ]);
    }
    let mut text = table.show(paint);
    text.push_str("  * on the critical path\n");
    text
}

/// Returns how long a step has been under way, or was.
pub(crate) fn elapsed(step: &StepView, now: Timestamp) -> Option<Duration> {
    let start = step.started_at?;
    match step.ended_at {
        Some(end) => Some(between(start, end)),
        None if is_over(step.state) => None,
        None => Some(between(start, now)),
    }
}

/// Returns what a step does or waits for, in one line.
pub(crate) fn what(step: &StepView) -> String {
    if step.state == StepWord::Waiting && !step.waits_for.is_empty() {
        let names: Vec<&str> = step.waits_for.iter().take(3).map(|id| id.as_str()).collect();
        let more = step.waits_for.len().saturating_sub(3);
        return match more {
            0 => format!("waits for {}", names.join(", ")),
            more => format!("waits for {} and {more} more", names.join(", ")),
        };
    }
    step.detail.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_status_of_a_run_starts_with_what_you_have_to_do() {
        let text = status(
            &sample::under_way(),
            &Lease::Held(sample::lease()),
            sample::at(12, 0),
            Paint::Plain,
        );
        assert!(text.starts_with("Now: documents needs you"));
        insta::assert_snapshot!("status-under-way", text);
    }

    #[test]
    fn the_status_of_a_run_that_nobody_conducts_says_how_to_go_on() {
        let mut view = sample::under_way();
        view.todo.clear();
        let text = todo(&view, &Lease::Free, Paint::Plain);
        insta::assert_snapshot!(text, @"Now: nobody conducts this run: leeward resume r-20261124-080000-1a2b");
    }

    #[test]
    fn the_status_of_a_run_that_is_over_names_what_is_left() {
        insta::assert_snapshot!(
            "status-ended",
            status(&sample::ended(), &Lease::Free, sample::at(60, 0), Paint::Plain)
        );
    }
}
