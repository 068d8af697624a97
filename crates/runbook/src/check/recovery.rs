//! The path to `ends: recovery`, which may not need the region that burns.

use super::View;
use crate::{
    decode::START,
    finding::{Finding, Findings, code_list as code},
    journey::Journey,
    kind::{ControlPlane, Kind},
    model::Step,
    plan::OnFailure,
};

/// Looks at what every end of recovery waits for.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    let runs = |index: usize| {
        let journeys = view.journeys_of(index);
        journeys.contains(&Journey::Failover) || journeys.contains(&Journey::Failback)
    };
    let ends: Vec<usize> = (0..view.runbook.steps.len())
        .filter(|index| view.runbook.steps[*index].ends.is_some() && runs(*index))
        .collect();
    if ends.is_empty() {
        if !view.runbook.steps.is_empty() {
            let finding = Finding::warning(code::NO_END_OF_RECOVERY, "no step ends recovery")
                .because("without one the recovery time is that of the whole run, and nothing is checked for needing the region that failed")
                .fix("add `ends: recovery` to the step that proves that customers are served");
            let last = view.runbook.steps.last().map_or(START, |step| step.name.span);
            findings.add(last, finding);
        }
        return;
    }
    let before = view.order.everything_before(ends);
    for (index, step, kind) in view.known() {
        if before[index] && runs(index) {
            needs_source(step, kind, findings);
        }
    }
}

fn needs_source(step: &Step, kind: &Kind, findings: &mut Findings) {
    if step
        .on_failure
        .as_ref()
        .is_some_and(|found| found.value == OnFailure::Continue)
    {
        return;
    }
    let by_setting = || {
        let with = step.with.as_ref()?.get("control-plane")?.as_scalar()?;
        (&*with.text == "source").then_some(())
    };
    let why = match kind.control_plane {
        ControlPlane::Source => format!("`{}` is done by Azure through the region that served", kind.name),
        ControlPlane::BySettings if by_setting().is_some() => {
            "it says itself that it needs the region that served".to_owned()
        }
        _ => {
            let ladder = step.data_loss.as_ref().map_or(&[][..], |loss| &loss.ladder);
            let all_planned =
                !ladder.is_empty() && ladder.iter().all(|(rung, _)| kind.rung_needs_source(&rung.value));
            if !all_planned {
                return;
            }
            "its ladder has only rungs that need both regions".to_owned()
        }
    };
    let mut finding = Finding::error(
        code::NEEDS_BURNING_REGION,
        format!(
            "step `{}` stands before the end of recovery and needs the region that failed",
            step.name.value
        ),
    )
    .because(format!(
        "{why}; if that region is gone, recovery would never be reached"
    ));
    if kind.control_plane == ControlPlane::Source {
        finding = finding
            .fix("let it wait for the steps with `ends: recovery`, and nothing before them for it")
            .fix("or add `on-failure: continue`, so that its failure is an accepted degradation");
        if kind.name == "azure.storage.geo-failover" {
            finding = finding.fix(
                "or use `azure.storage.object-replication`, which the side that takes over can cut alone",
            );
        }
    } else {
        finding = finding
            .fix("add a rung that the side that takes over can do alone, such as `forced`")
            .fix("or add `on-failure: continue`, so that its failure is an accepted degradation");
    }
    findings.add(
        step.kind.as_ref().map_or(step.name.span, |kind| kind.span),
        finding,
    );
}
