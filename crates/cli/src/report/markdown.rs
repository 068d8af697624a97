//! The report for a ticket or a wiki: Markdown that reads well as plain text too.

use std::fmt::Write;

use leeward_engine::view::{RunView, Standing, StepView};
use leeward_runbook::journey::Journey;

use crate::{
    exit::Exit,
    screen::{Paint, between, choice_command, count, person, skew, span, step_word, timeline, verdict, when},
    screen::{figure, how, last_name, rpo, way},
};

/// Returns the whole report.
pub fn markdown(view: &RunView) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail, so what `write!` returns is dropped throughout.
    if let Some(reason) = &view.break_glass {
        let _ = writeln!(text, "> **Glass was broken:** {}\n", safe(reason));
    }
    let rehearsal = if view.rehearsal { " (rehearsal)" } else { "" };
    let _ = writeln!(
        text,
        "# {}: {}{rehearsal}, {} → {}\n\n**{}**\n",
        safe(&view.runbook),
        view.journey,
        view.source.region,
        view.target.region,
        safe(&verdict(view)),
    );
    if let Some(reason) = &view.cancelled {
        let _ = writeln!(text, "Cancelled: {}\n", safe(reason));
    }
    now(&mut text, view);
    facts(&mut text, view);
    losses(&mut text, view);
    moved(&mut text, view);
    list(&mut text, "Degradations", &view.degradations);
    list(&mut text, "Left to do by hand", &view.leftovers);
    approvals(&mut text, view);
    let picture = timeline(view, Paint::Plain);
    if !picture.is_empty() {
        let _ = writeln!(text, "## Timeline\n\n```text\n{}```\n", picture);
    }
    steps(&mut text, view);
    let _ = writeln!(
        text,
        "---\n\nRun `{}`, plan `{}`, {} to sequence {} in epoch {}, written by Leeward {}, exit {}.",
        view.run,
        view.plan_digest,
        count(view.seq as usize, "record"),
        view.seq,
        view.epoch,
        view.version,
        Exit::of(view),
    );
    text
}

fn now(text: &mut String, view: &RunView) {
    if view.todo.is_empty() || matches!(view.standing, Standing::Ended(_)) {
        return;
    }
    text.push_str("## To do now\n\n");
    for item in &view.todo {
        let _ = writeln!(text, "- **{}**: {}", safe(item.step.as_str()), safe(&item.why));
        for choice in &item.choices {
            let _ = writeln!(
                text,
                "  - `{}`",
                choice_command(*choice, &view.run, item.step.as_str())
            );
        }
    }
    text.push('\n');
}

fn facts(text: &mut String, view: &RunView) {
    let objectives = &view.objectives;
    let promised = |value: Option<std::time::Duration>| value.map(span).unwrap_or_else(|| "none".to_owned());
    let kept = |missed: Option<bool>| match missed {
        Some(true) => "**missed**",
        Some(false) => "kept",
        None => "nobody can tell",
    };
    let taken = match (objectives.recovered_at, objectives.rto_taken) {
        (Some(_), Some(taken)) => span(taken),
        (None, Some(taken)) => format!("not recovered after {}", span(taken)),
        (_, None) => "no clock ran".to_owned(),
    };
    text.push_str("| | measured | objective | |\n|---|---|---|---|\n");
    let _ = writeln!(
        text,
        "| RTO | {taken} | {} | {} |",
        promised(objectives.rto),
        match (objectives.rto, objectives.recovered_at, objectives.rto_missed) {
            (_, _, None | Some(false)) if objectives.recovered_by_skip.is_some() => "recovered by a skip",
            (None, ..) => "",
            (Some(_), None, Some(false)) => "not yet missed",
            (Some(_), _, missed) => kept(missed),
        },
    );
    let _ = writeln!(
        text,
        "| RPO | {} | {} | {} |\n",
        rpo(view),
        promised(objectives.rpo),
        if objectives.rpo.is_some() {
            kept(objectives.rpo_missed)
        } else {
            ""
        },
    );
    let moment = |name: &str, at: Option<jiff::Timestamp>| {
        at.map(|at| format!("- {name}: {}\n", when(at)))
            .unwrap_or_default()
    };
    // Only a failover starts from an outage; every other journey begins when somebody wants it.
    let clock = match view.journey {
        Journey::Failover => "Outage declared",
        _ => "Clock started",
    };
    text.push_str(&moment(clock, objectives.declared_at));
    text.push_str(&moment("Started", Some(view.opened_at)));
    text.push_str(&moment("Recovered", objectives.recovered_at));
    text.push_str(&moment("Last record", Some(view.at)));
    let _ = writeln!(text, "- Started by: {}\n", safe(&person(&view.by)));
}

fn losses(text: &mut String, view: &RunView) {
    text.push_str("## Losses\n\n");
    if view.losses.is_empty() {
        text.push_str("No store of this run can lose data.\n\n");
        return;
    }
    text.push_str(
        "| store | way | loses | budget | agreed | as of | source |\n|---|---|---|---|---|---|---|\n",
    );
    for row in &view.losses {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            safe(&row.store),
            safe(&way(row)),
            figure(row.figure),
            span(row.budget),
            row.ceiling.map(figure).unwrap_or_else(|| "–".to_owned()),
            row.as_of.map(when).unwrap_or_else(|| "–".to_owned()),
            safe(&row.source),
        );
    }
    text.push('\n');
    if let Some(line) = skew(view) {
        let _ = writeln!(text, "{line}\n");
    }
}

fn moved(text: &mut String, view: &RunView) {
    if view.steps.iter().all(|step| step.operations.is_empty()) {
        return;
    }
    text.push_str("## What moved\n\n| step | resource | way | sends | how |\n|---|---|---|---|---|\n");
    for step in &view.steps {
        for operation in &step.operations {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                safe(step.id.as_str()),
                safe(last_name(&operation.target)),
                safe(operation.rung.as_deref().unwrap_or("–")),
                operation.sends,
                safe(&how(operation)),
            );
        }
    }
    text.push('\n');
}

fn list(text: &mut String, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "## {heading}\n");
    for line in lines {
        let _ = writeln!(text, "- {}", safe(line));
    }
    text.push('\n');
}

fn approvals(text: &mut String, view: &RunView) {
    if view.approvals.is_empty() {
        return;
    }
    text.push_str("## Approvals\n\n| when | who | to what | why |\n|---|---|---|---|\n");
    for approval in &view.approvals {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            when(approval.at),
            safe(&person(&approval.by)),
            safe(&approval.to),
            safe(approval.reason.as_deref().unwrap_or("–")),
        );
    }
    text.push('\n');
}

fn steps(text: &mut String, view: &RunView) {
    text.push_str("## Steps\n\n| step | kind | state | took | usually | what |\n|---|---|---|---|---|---|\n");
    for step in &view.steps {
        let took = match (step.started_at, step.ended_at) {
            (Some(start), Some(end)) => span(between(start, end)),
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            text,
            "| {}{} | {} | {} | {took} | {} | {} |",
            safe(step.id.as_str()),
            if step.critical { " \\*" } else { "" },
            safe(&step.kind),
            step_word(step.state),
            span(step.forecast),
            safe(&words(step)),
        );
    }
    text.push_str("\n\\* on the critical path\n\n");
}

fn words(step: &StepView) -> String {
    let mut words = step.detail.clone();
    for warning in &step.warnings {
        if !words.is_empty() {
            words.push_str("; ");
        }
        words.push_str(&format!("warning: {warning}"));
    }
    words
}

/// Makes text of others harmless inside a table: no new row, no new cell, no markup.
fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '<' | '>' | '[' | ']' | '*' | '`' | '\\' => {
                safe.push('\\');
                safe.push(letter);
            }
            '\n' | '\r' | '\t' => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_markdown_report_is_whole_and_foreign_text_stays_text() {
        let text = markdown(&sample::ended());
        assert!(text.contains("the account is LRS now \\| \\<until\\>"));
        insta::assert_snapshot!("report-markdown", text);
    }
}
