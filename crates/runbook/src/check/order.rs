//! Names that steps wait for: unknown ones, themselves, circles.

use super::View;
use crate::{
    finding::{Finding, Findings, code_list as code, nearest},
    model::{CleanUp, Spanned},
};

/// Looks at `after`, `clean-up` and the whole graph.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    for step in &view.runbook.steps {
        for name in &step.after {
            known(view, &step.name.value, name, "waits for", findings);
        }
        if let Some(clean_up) = &step.clean_up
            && let CleanUp::Step(name) = &clean_up.value
        {
            let name = Spanned::new(name.clone(), clean_up.span);
            known(view, &step.name.value, &name, "is cleaned up by", findings);
        }
    }
    for circle in view.order.circles() {
        let names: Vec<String> = circle
            .iter()
            .chain(circle.first())
            .take(12)
            .map(|index| format!("`{}`", view.runbook.steps[*index].name.value))
            .collect();
        let more = if circle.len() > 11 { " → …" } else { "" };
        let (last, first) = (circle[circle.len() - 1], circle[0]);
        let span = view
            .order
            .place(last, first)
            .unwrap_or(view.runbook.steps[last].name.span);
        let closing = &view.runbook.steps[last].name.value;
        let finding = Finding::error(
            code::CYCLE,
            format!(
                "steps wait for each other in a circle: {}{more}",
                names.join(" → ")
            ),
        )
        .because("each waits for the next, so none of them could ever start; references order steps too")
        .fix(format!(
            "remove {} from what `{closing}` waits for or reads",
            names[0]
        ))
        .fix("or cut the circle at another of its arrows");
        findings.add(span, finding);
    }
}

fn known(
    view: &View<'_>,
    step: &str,
    name: &Spanned<std::sync::Arc<str>>,
    verb: &str,
    findings: &mut Findings,
) {
    if &*name.value == step {
        let finding = Finding::error(code::WAITS_FOR_ITSELF, format!("step `{step}` {verb} itself"))
            .because("it could never start")
            .fix(format!("remove `{step}` here"));
        findings.add(name.span, finding);
        return;
    }
    if view.names.contains_key(&*name.value) || findings.is_full() {
        return;
    }
    let shown: String = name.value.chars().take(63).collect();
    let message = format!(
        "step `{step}` {verb} `{}`, which is not in this runbook",
        shown.escape_debug()
    );
    let others = view.names.keys().copied().filter(|known| *known != step);
    let finding = Finding::error(code::UNKNOWN_STEP, message)
        .because("every name here is the name of a step of the same file")
        .did_you_mean(nearest(&name.value, others))
        .fix("remove it, or add a step of that name");
    findings.add(name.span, finding);
}
