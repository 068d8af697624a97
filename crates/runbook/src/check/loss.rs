//! What may be lost, and what tells that a step is done.

use super::View;
use crate::{
    decode::words,
    finding::{Finding, Findings, code_list as code, nearest},
    journey::Journey,
    kind::Kind,
    model::{DataLoss, Goal, Step},
    units::show_duration,
};

/// Looks at `data-loss`, `goal` and `repeat` of every step.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    for (index, step, kind) in view.known() {
        let moves: Vec<Journey> = view
            .journeys_of(index)
            .into_iter()
            .filter(|journey| kind.can_lose(*journey))
            .collect();
        match &step.data_loss {
            None if !moves.is_empty() => unsaid(step, kind, &moves, findings),
            None => {}
            Some(loss) if kind.ladder.is_empty() => {
                let finding = Finding::error(
                    code::WRONG_PLACE,
                    format!("`data-loss` of step `{}` has no meaning", step.name.value),
                )
                .because(format!("`{}` cannot lose data", kind.name))
                .fix("remove it");
                findings.add(loss.span, finding);
            }
            Some(loss) => said(view, step, kind, loss, findings),
        }
        goal(step, kind, findings);
    }
}

fn unsaid(step: &Step, kind: &Kind, moves: &[Journey], findings: &mut Findings) {
    let ladder = words(kind.ladder);
    let finding = Finding::error(
        code::LOSS_UNSAID,
        format!(
            "step `{}` can lose data and does not say how much may be lost",
            step.name.value
        ),
    )
    .because(format!(
        "`{}` has the rungs {ladder}; nothing that can lose data is implied",
        kind.name
    ))
    .fix("add `data-loss: { budget: 5m }`; above the budget, or where nobody can tell, a person is asked")
    .fix("add `data-loss: { budget: 0s }` if every loss needs a person")
    .only_in(moves);
    findings.add(step.name.span, finding);
}

fn said(view: &View<'_>, step: &Step, kind: &Kind, loss: &DataLoss, findings: &mut Findings) {
    if let (Some(budget), Some(objective)) = (&loss.budget, &view.runbook.objectives.rpo)
        && budget.value > objective.value
    {
        let (budget_text, objective_text) = (show_duration(budget.value), show_duration(objective.value));
        let message = format!(
            "step `{}` may lose {budget_text}, the platform promises {objective_text}",
            step.name.value
        );
        let finding = Finding::error(code::BUDGET_OVER_OBJECTIVE, message)
            .because(
                "a budget is what may be lost without asking; above the objective somebody must be asked",
            )
            .fix(format!("write `budget: {objective_text}` or less"))
            .fix("or raise `objectives.rpo`, if the promise is really wider");
        findings.add_with(budget.span, finding, objective.span, "the objective");
    }
    let mut last: Option<usize> = None;
    for (rung, _) in &loss.ladder {
        let Some(rank) = kind.ladder.iter().position(|known| *known == &*rung.value) else {
            let shown: String = rung.value.chars().take(63).collect();
            let finding = Finding::error(
                code::WRONG_LADDER,
                format!("`{}` has no rung `{}`", kind.name, shown.escape_debug()),
            )
            .because(format!("its rungs are {}", words(kind.ladder)))
            .did_you_mean(nearest(&rung.value, kind.ladder.iter().copied()))
            .fix(format!("write `{}`", kind.ladder.first().unwrap_or(&"")));
            findings.add(rung.span, finding);
            continue;
        };
        if last.is_some_and(|last| last >= rank) {
            let finding = Finding::error(
                code::WRONG_LADDER,
                format!("rung `{}` stands behind a harsher one or twice", rung.value),
            )
            .because("a ladder is climbed from the gentlest rung to the harshest")
            .fix(format!("order it so: {}", words(kind.ladder)));
            findings.add(rung.span, finding);
        }
        last = Some(last.map_or(rank, |last| last.max(rank)));
    }
}

fn goal(step: &Step, kind: &Kind, findings: &mut Findings) {
    let Some(written) = &step.kind else { return };
    if kind.has_goal {
        if let Some(goal) = &step.goal {
            let span = match goal {
                Goal::Check(check) => check.kind.span,
                Goal::Condition(condition) => condition.span,
            };
            let finding = Finding::error(
                code::WRONG_PLACE,
                format!("`goal` of step `{}` has no meaning", step.name.value),
            )
            .because(format!("`{}` knows its own end state", kind.name))
            .fix("write it under `verify`, which is looked at after the change")
            .fix("remove it");
            findings.add(span, finding);
        }
        return;
    }
    if let Some(Goal::Condition(condition)) = &step.goal
        && kind.name != "azure.resource"
    {
        let finding = Finding::error(
            code::WRONG_PLACE,
            "the goal is a condition, but there is no resource to read",
        )
        .because(format!(
            "a condition is about a GET of the step's own resource, and `{}` has none",
            kind.name
        ))
        .fix("write a check: `goal: { http: { url: … } }`");
        findings.add(condition.span, finding);
    }
    let method = step
        .with
        .as_ref()
        .and_then(|with| with.get("method"))
        .and_then(|node| node.as_scalar());
    let same_twice = method.is_some_and(|method| matches!(&*method.text, "GET" | "PUT" | "DELETE"));
    if step.goal.is_none() && step.repeat.is_none() && !same_twice {
        let finding = Finding::warning(
            code::NO_GOAL,
            format!("nothing tells whether step `{}` is done", step.name.value),
        )
        .because(
            "if its answer is lost, nobody may send it again and the step ends stuck, waiting for a person",
        )
        .fix("add `goal:` with a check, such as `goal: { http: { url: … } }`")
        .fix("or add `repeat: safe` if doing it twice is harmless");
        findings.add(written.span, finding);
    }
}
