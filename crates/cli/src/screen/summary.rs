//! The report of a run for a person at a terminal: what moved, how long it took, what was lost.

use leeward_engine::{
    event::Outcome,
    view::{OperationView, RunView, Standing, StepWord},
};

use leeward_runbook::plan::OnFailure;

use super::{
    Columns, Label, Paint, Rows, between, count, losses, person, short, span, standing_word, step_word,
    timeline, when,
};
use crate::exit::Exit;

/// Returns the whole report.
pub fn summary(view: &RunView, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(reason) = &view.break_glass {
        text.push_str(&format!(
            "{}: {reason}\n\n",
            paint.label(Label::Bad, "Glass was broken")
        ));
    }
    let kind = if view.rehearsal { "rehearsal of a " } else { "" };
    let title = format!(
        "{}: {kind}{}, {} → {}",
        view.runbook, view.journey, view.source.region, view.target.region
    );
    text.push_str(&format!("{}\n", paint.label(Label::Heading, &title)));
    let label = match view.standing {
        Standing::Ended(Outcome::Done) => Label::Done,
        Standing::Ended(Outcome::Degraded) => Label::Degraded,
        Standing::Ended(_) | Standing::Stuck | Standing::Failed => Label::Bad,
        _ => Label::Asking,
    };
    text.push_str(&format!("{}\n\n", paint.label(label, &verdict(view))));
    if let Some(reason) = &view.cancelled {
        text.push_str(&format!("Cancelled: {reason}\n\n"));
    }
    text.push_str(&objectives(view, paint));
    let mut section = |heading: &str, body: String| {
        if !body.is_empty() {
            text.push_str(&format!("\n{}\n{body}", paint.label(Label::Heading, heading)));
        }
    };
    section("What moved", moved(view, paint));
    section("Losses", losses(view, Rows::Steps, paint));
    section("Trouble", trouble(view, paint));
    section("Warnings", bullets(&warnings(view)));
    section("Degradations", bullets(&view.degradations));
    section("Left to do by hand", bullets(&view.leftovers));
    section("Approvals", approvals(view));
    section("Timeline", timeline(view, paint));
    text.push_str(&format!(
        "\nRun {} plan {} · {} · exit {}\n",
        view.run,
        short(&view.plan_digest),
        count(view.seq as usize, "record"),
        Exit::of(view),
    ));
    text
}

/// Returns how a run ended, or stands, in one sentence.
pub fn verdict(view: &RunView) -> String {
    let of = |word: StepWord| view.steps.iter().filter(|step| step.state == word).count();
    let done = of(StepWord::Done) + of(StepWord::DoneDegraded);
    let mut parts = vec![match done == view.steps.len() {
        true if done == 1 => "its one step done".to_owned(),
        true => format!("all {} done", count(done, "step")),
        false => format!("{done} of {} done", count(view.steps.len(), "step")),
    }];
    for word in [
        StepWord::DoneDegraded,
        StepWord::Failed,
        StepWord::Stuck,
        StepWord::Blocked,
        StepWord::Skipped,
        StepWord::Cancelled,
    ] {
        let number = of(word);
        if number > 0 {
            parts.push(match word {
                StepWord::DoneDegraded => format!("{number} of them degraded"),
                _ => format!("{number} {}", step_word(word)),
            });
        }
    }
    let mut word = standing_word(view.standing).to_owned();
    if let Some(first) = word.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    format!(
        "{word} after {}: {}",
        span(between(view.opened_at, view.at)),
        parts.join(", ")
    )
}

/// Returns what Azure, or a receiver, said beside a success. What was known beforehand stands in the plan.
fn warnings(view: &RunView) -> Vec<String> {
    let mut told = Vec::new();
    for step in &view.steps {
        for warning in &step.warnings {
            let of_operation = step
                .operations
                .iter()
                .any(|operation| warning.starts_with(&format!("{}: ", operation.id)));
            if of_operation {
                told.push(format!("{}: {warning}", step.id));
            }
        }
    }
    told
}

fn objectives(view: &RunView, paint: Paint) -> String {
    let objectives = &view.objectives;
    let mut table = Columns::bare(2);
    let kept = |missed: Option<bool>| match missed {
        Some(true) => ("missed".to_owned(), Some(Label::Bad)),
        Some(false) => ("kept".to_owned(), Some(Label::Done)),
        None => ("nobody can tell".to_owned(), Some(Label::Degraded)),
    };
    let promise = |promised: Option<std::time::Duration>| match promised {
        Some(promised) => format!("objective {}", span(promised)),
        None => "no objective".to_owned(),
    };
    let taken = match (objectives.recovered_at, objectives.rto_taken) {
        (Some(_), Some(taken)) => span(taken),
        (None, Some(taken)) => format!("not recovered after {}", span(taken)),
        (_, None) => "no clock ran".to_owned(),
    };
    let by_skip = objectives.recovered_by_skip.is_some() && objectives.rto_missed != Some(true);
    let judged = |promised: bool, missed| match promised {
        true => kept(missed),
        false => (String::new(), None),
    };
    let running = objectives.recovered_at.is_none() && objectives.rto_missed == Some(false);
    table.labelled(vec![
        ("RTO".to_owned(), Some(Label::Figure)),
        (taken, None),
        (promise(objectives.rto), None),
        match running {
            true => ("not yet missed".to_owned(), Some(Label::Asking)),
            false if by_skip => ("recovered by a skip".to_owned(), Some(Label::Degraded)),
            false => judged(objectives.rto.is_some(), objectives.rto_missed),
        },
    ]);
    table.labelled(vec![
        ("RPO".to_owned(), Some(Label::Figure)),
        (rpo(view), None),
        (promise(objectives.rpo), None),
        judged(objectives.rpo.is_some(), objectives.rpo_missed),
    ]);
    table.show(paint)
}

/// Returns the worst known loss, and how many stores nobody can speak for.
pub(crate) fn rpo(view: &RunView) -> String {
    use leeward_engine::work::Figure;
    let worst = view.losses.iter().filter_map(|row| match row.figure {
        Figure::Nothing => Some(std::time::Duration::ZERO),
        Figure::UpTo(time) => Some(time),
        Figure::Unknown => None,
    });
    let unknown = view
        .losses
        .iter()
        .filter(|row| row.figure == Figure::Unknown)
        .count();
    let known = match worst.max() {
        Some(time) if time.is_zero() => Some("nothing".to_owned()),
        Some(time) => Some(format!("up to {}", span(time))),
        None => None,
    };
    match (known, unknown) {
        (None, 0) => "no store can lose data".to_owned(),
        (None, unknown) => format!("unknown for {}", count(unknown, "store")),
        (Some(known), 0) => known,
        (Some(known), unknown) => format!("{known} where known, unknown for {}", count(unknown, "store")),
    }
}

/// Returns the table of what was changed: one row for all that a step did alike.
pub fn moved(view: &RunView, paint: Paint) -> String {
    let mut table = Columns::new(&["  step", "change", "of", "way", "sent", "how"]);
    // A message moves nothing; the list of steps tells of it.
    for step in view.steps.iter().filter(|step| !step.kind.starts_with("notify.")) {
        let mut groups: Vec<(&str, Vec<&OperationView>)> = Vec::new();
        for operation in &step.operations {
            let verb = operation.id.split('/').next().unwrap_or_default();
            let alike = |(known, list): &&mut (&str, Vec<&OperationView>)| {
                *known == verb && list.first().is_some_and(|first| first.rung == operation.rung)
            };
            match groups.iter_mut().find(alike) {
                Some((_, list)) => list.push(operation),
                None => groups.push((verb, vec![operation])),
            }
        }
        for (place, (verb, list)) in groups.iter().enumerate() {
            let name = if place == 0 {
                format!("  {}", step.id)
            } else {
                String::new()
            };
            let Some(first) = list.first() else { continue };
            table.labelled(vec![
                (name, None),
                ((*verb).to_owned(), None),
                (names(list), None),
                (
                    first
                        .rung
                        .as_deref()
                        .filter(|rung| *rung != "only")
                        .unwrap_or("-")
                        .to_owned(),
                    None,
                ),
                (sends(list), None),
                outcome(list),
            ]);
        }
    }
    match table.is_empty() {
        true => String::new(),
        false => table.show(paint),
    }
}

fn names(list: &[&OperationView]) -> String {
    let first = list
        .first()
        .map(|operation| last_name(&operation.target))
        .unwrap_or_default();
    match list.len() {
        0 | 1 => first.to_owned(),
        number => format!("{first} and {} more", number - 1),
    }
}

fn outcome(list: &[&OperationView]) -> (String, Option<Label>) {
    let reached = list.iter().filter(|operation| operation.reached).count();
    let adopted = list.iter().filter(|operation| operation.adopted).count();
    let label = match (reached == list.len(), adopted) {
        (true, 0) => None,
        (true, _) => Some(Label::Degraded),
        (false, _) => Some(Label::Bad),
    };
    if let [only] = list {
        return (how(only), label);
    }
    let found = match adopted {
        0 => String::new(),
        number => format!(", {number} found so, not by us"),
    };
    let trouble = list.iter().find(|operation| !operation.reached);
    let trouble = trouble
        .map(|operation| format!("; {}", operation.detail))
        .unwrap_or_default();
    let text = match reached == list.len() {
        true => format!("all {reached} hold{found}"),
        false => format!("{reached} of {} hold{found}{trouble}", list.len()),
    };
    (text, label)
}

/// Returns how an operation ended, in a line.
pub(crate) fn how(operation: &OperationView) -> String {
    match operation.adopted {
        true => {
            let goal = operation.detail.strip_suffix(" (found so)");
            format!("found so, not by us: {}", goal.unwrap_or(&operation.detail))
        }
        false => operation.detail.clone(),
    }
}

fn sends(list: &[&OperationView]) -> String {
    let words = |sends: u32| match sends {
        0 => "nothing".to_owned(),
        1 => "once".to_owned(),
        more => format!("{more} times"),
    };
    let least = list
        .iter()
        .map(|operation| operation.sends)
        .min()
        .unwrap_or_default();
    let most = list
        .iter()
        .map(|operation| operation.sends)
        .max()
        .unwrap_or_default();
    match (list.len(), least == most) {
        (0 | 1, _) => words(most),
        (_, true) if most == 0 => words(0),
        (_, true) => format!("{} each", words(most)),
        (_, false) => format!("{least} to {most} times"),
    }
}

/// Returns the name in a resource id: its last part, or that of the parent where the last is a bare GUID.
pub(crate) fn last_name(target: &str) -> &str {
    if !target.starts_with('/') {
        return target;
    }
    let mut parts = target.rsplit('/');
    let last = parts.next().unwrap_or(target);
    let is_guid = last.len() == 36 && last.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    match (is_guid, parts.nth(1)) {
        (true, Some(parent)) => parent,
        _ => last,
    }
}

fn trouble(view: &RunView, paint: Paint) -> String {
    let mut table = Columns::bare(2);
    for step in &view.steps {
        // What may fail is told among the degradations.
        let may = step.state == StepWord::Failed && step.on_failure == OnFailure::Continue;
        if !may && matches!(step.state, StepWord::Failed | StepWord::Stuck | StepWord::Blocked) {
            table.labelled(vec![
                (step.id.to_string(), None),
                (step_word(step.state).to_owned(), Some(Label::of_step(step.state))),
                (step.detail.clone(), None),
            ]);
        }
    }
    table.show(paint)
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn approvals(view: &RunView) -> String {
    let line = |approval: &leeward_engine::view::ApprovalView| {
        let reason = approval
            .reason
            .as_deref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        format!(
            "  {}  {} by {}{reason}\n",
            when(approval.at),
            approval.to,
            person(&approval.by)
        )
    };
    view.approvals.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_report_at_a_terminal_tells_what_moved_and_what_was_lost() {
        insta::assert_snapshot!("summary-ended", summary(&sample::ended(), Paint::Plain));
    }

    #[test]
    fn the_report_of_a_run_whose_glass_was_broken_starts_with_that() {
        let mut view = sample::under_way();
        view.break_glass = Some("nobody else is awake".to_owned());
        let text = summary(&view, Paint::Plain);
        assert!(text.starts_with("Glass was broken: nobody else is awake\n"));
        insta::assert_snapshot!("summary-under-way", text);
    }

    #[test]
    fn the_report_of_a_cancelled_run_says_why() {
        let mut view = sample::under_way();
        view.cancelled = Some("the region came back".to_owned());
        let text = summary(&view, Paint::Plain);
        assert!(text.contains("\nCancelled: the region came back\n"), "{text}");
        let written = crate::report::markdown(&view);
        assert!(
            written.contains("\nCancelled: the region came back\n"),
            "{written}"
        );
    }

    #[test]
    fn colour_only_wraps_words_that_are_there_without_it() {
        let plain = summary(&sample::ended(), Paint::Plain);
        let coloured = summary(&sample::ended(), Paint::Colors);
        let mut bare = String::new();
        let mut inside = false;
        for letter in coloured.chars() {
            match (inside, letter) {
                (false, '\u{1b}') => inside = true,
                (true, 'm') => inside = false,
                (true, _) => {}
                (false, letter) => bare.push(letter),
            }
        }
        assert_eq!(bare, plain);
    }
}
