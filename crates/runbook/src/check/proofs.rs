//! What checks ask for beyond the shape of their settings, wherever they stand.

use super::{View, settings};
use crate::{
    finding::{Finding, Findings, code_list as code},
    journey::Journey,
    kind::Kind,
    kinds,
    model::Step,
    plan::OnFailure,
    yaml::{Node, Span},
};

/// Looks at every check: steps of their own, under `verify`, `goal` and at gates.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    for (index, step, kind) in view.known() {
        let failover = view.journeys_of(index).contains(&Journey::Failover);
        if kind.is_check() {
            let nodes: Vec<&Node> = [&step.with, &step.primary, &step.paired]
                .into_iter()
                .flatten()
                .collect();
            one(step, kind, &nodes, step.name.span, failover, findings);
        }
        let gate = step.proofs_of_gate();
        for check in settings::checks(step).chain(&gate) {
            if let Some(kind) = kinds::find(&check.kind.value) {
                one(
                    step,
                    kind,
                    &[&check.settings],
                    check.kind.span,
                    failover,
                    findings,
                );
            }
        }
    }
}

fn one(step: &Step, kind: &Kind, nodes: &[&Node], span: Span, failover: bool, findings: &mut Findings) {
    let written = |name: &str| nodes.iter().find_map(|node| node.get(name));
    let missing = match kind.name {
        "check.dns" => ["expect", "resolves-to"],
        "check.tls" => ["host", "hosts"],
        "check.sql" => {
            if let (true, Some(lag)) = (failover, written("lag")) {
                lag_in_an_outage(step, lag, findings);
            }
            return;
        }
        _ => return,
    };
    if missing.iter().all(|name| written(name).is_none()) {
        let [first, second] = missing;
        let finding = Finding::error(
            code::MISSING_KEY,
            format!(
                "`{}` in step `{}` has neither `{first}` nor `{second}`",
                kind.name, step.name.value
            ),
        )
        .because("without one of them nothing can pass")
        .fix(format!("add `{first}: …`"));
        findings.add(span, finding);
    }
}

/// The figure is on the primary alone, and after an outage the primary has no copy that answers.
fn lag_in_an_outage(step: &Step, lag: &Node, findings: &mut Findings) {
    let unawaited = matches!(&step.on_failure, Some(word) if word.value == OnFailure::Continue);
    if unawaited {
        return;
    }
    let finding = Finding::warning(
        code::LAG_IN_AN_OUTAGE,
        format!("the lag in step `{}` has no figure when a region is lost", step.name.value),
    )
    .because("it is read on the primary, and after such a failover the primary has no copy that answers: the check fails")
    .fix("leave `lag` out of what proves a failover")
    .fix("or keep the step to journeys that both sides live through: `in: [failback, drill]`")
    .only_in(&[Journey::Failover]);
    findings.add(lag.span, finding);
}
