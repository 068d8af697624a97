//! The report for a pipeline: one test case a step.

use std::fmt::Write;

use leeward_engine::view::{RunView, StepView, StepWord};

use crate::screen::{between, step_word, verdict};

/// Returns the report as JUnit XML.
pub fn junit(view: &RunView) -> String {
    let of = |words: &[StepWord]| {
        view.steps
            .iter()
            .filter(|step| words.contains(&step.state))
            .count()
    };
    let failures = of(&[StepWord::Failed, StepWord::Blocked, StepWord::Stuck]);
    let skipped = of(&[StepWord::Skipped, StepWord::Cancelled]);
    let seconds = between(view.opened_at, view.at).as_secs_f64();
    let name = escape(&format!("{} {}", view.runbook, view.journey));
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"0\"",
        view.steps.len()
    );
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "<testsuites name=\"leeward\" {counts} time=\"{seconds:.3}\">"
    );
    let _ = writeln!(
        text,
        "  <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{}\">",
        view.opened_at.strftime("%Y-%m-%dT%H:%M:%S"),
    );
    text.push_str("    <properties>\n");
    for (name, value) in properties(view) {
        let _ = writeln!(
            text,
            "      <property name=\"{name}\" value=\"{}\"/>",
            escape(&value)
        );
    }
    text.push_str("    </properties>\n");
    for step in &view.steps {
        case(&mut text, view, step);
    }
    let _ = writeln!(text, "    <system-out>{}</system-out>", escape(&verdict(view)));
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn properties(view: &RunView) -> Vec<(&'static str, String)> {
    let mut list = vec![
        ("run", view.run.to_string()),
        ("plan", view.plan_digest.clone()),
        ("source", view.source.region.clone()),
        ("target", view.target.region.clone()),
    ];
    let seconds = |time: std::time::Duration| format!("{:.0}", time.as_secs_f64());
    let objectives = &view.objectives;
    list.extend(
        objectives
            .rto
            .map(|time| ("rto-objective-seconds", seconds(time))),
    );
    list.extend(objectives.rto_taken.map(|time| ("rto-seconds", seconds(time))));
    list
}

fn case(text: &mut String, view: &RunView, step: &StepView) {
    let time = match (step.started_at, step.ended_at) {
        (Some(start), Some(end)) => between(start, end).as_secs_f64(),
        _ => 0.0,
    };
    let _ = write!(
        text,
        "    <testcase classname=\"{}.{}\" name=\"{}\" time=\"{time:.3}\"",
        escape(&view.runbook),
        view.journey,
        escape(step.id.as_str()),
    );
    let detail = escape(&step.detail);
    let word = step_word(step.state);
    match step.state {
        StepWord::Done => text.push_str("/>\n"),
        StepWord::DoneDegraded => {
            let _ = writeln!(
                text,
                ">\n      <system-out>{word}: {detail}</system-out>\n    </testcase>"
            );
        }
        StepWord::Skipped | StepWord::Cancelled => {
            let _ = writeln!(
                text,
                ">\n      <skipped message=\"{word}: {detail}\"/>\n    </testcase>"
            );
        }
        _ => {
            let _ = writeln!(
                text,
                ">\n      <failure type=\"{word}\" message=\"{detail}\"/>\n    </testcase>"
            );
        }
    }
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(' '),
            // XML 1.0 has no way to write the other control characters.
            letter if letter.is_control() => safe.push('\u{fffd}'),
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
    fn the_junit_report_has_one_case_a_step() {
        let text = junit(&sample::ended());
        assert_eq!(text.matches("<testcase ").count(), 4);
        insta::assert_snapshot!("report-junit", text);
    }

    #[test]
    fn a_run_that_stands_still_has_failures() {
        insta::assert_snapshot!("report-junit-under-way", junit(&sample::under_way()));
    }
}
