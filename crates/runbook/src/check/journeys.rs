//! Which journeys steps take part in, and what a drill would leave behind.

use super::{View, direction};
use crate::{
    decode::words,
    finding::{Finding, Findings, Severity, code_list as code},
    journey::Journey,
    kind::Kind,
    model::Step,
};

/// Looks at `in`, `clean-up` and the networks of drills.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    for (index, step, kind) in view.known() {
        for journey in step.journeys.iter().flatten() {
            if !kind.journeys.contains(&journey.value) {
                let can: Vec<&str> = kind.journeys.iter().map(|journey| journey.word()).collect();
                let finding = Finding::error(
                    code::WRONG_JOURNEY,
                    format!("step `{}` cannot take part in {}", step.name.value, journey.value),
                )
                .because(format!("`{}` takes part in {}", kind.name, words(&can)))
                .fix(format!("remove `{}` from `in`", journey.value))
                .only_in(&[journey.value]);
                findings.add(journey.span, finding);
            }
        }
        let drills = view.journeys_of(index).contains(&Journey::Drill);
        if drills && kind.foreign && step.clean_up.is_none() && !view.cleaners[index] {
            no_clean_up(step, kind, findings);
        }
        if let Some(clean_up) = &step.clean_up
            && !drills
        {
            let finding = Finding::warning(
                code::WRONG_PLACE,
                format!("`clean-up` of step `{}` has no meaning", step.name.value),
            )
            .because("it is for drills, and the step takes no part in them")
            .fix("add `drill` to `in`, or remove `clean-up`");
            findings.add(clean_up.span, finding);
        }
        if drills {
            network(step, kind, Severity::Warning, findings);
        }
    }
}

fn no_clean_up(step: &Step, kind: &Kind, findings: &mut Findings) {
    let place = step
        .journeys
        .iter()
        .flatten()
        .find(|journey| journey.value == Journey::Drill);
    let finding = Finding::error(
        code::NO_CLEAN_UP,
        format!(
            "step `{}` takes part in drills and does not say how it is undone",
            step.name.value
        ),
    )
    .because(format!(
        "`{}` runs what leeward knows nothing about, and a drill leaves the world as it found it",
        kind.name
    ))
    .fix("add `clean-up:` with the step that undoes it")
    .fix("or add `clean-up: not-needed` if there is nothing to undo")
    .only_in(&[Journey::Drill]);
    findings.add(place.map_or(step.name.span, |journey| journey.span), finding);
}

/// Tells of a test failover that would have no isolated network. A warning to one who checks, an
/// error to one who drills.
pub(crate) fn network(step: &Step, kind: &Kind, severity: Severity, findings: &mut Findings) {
    if kind.setting("drill-network").is_none() {
        return;
    }
    let (_, side) = direction(Journey::Drill, None);
    let at = step.at(side);
    if at.is_some_and(|at| at.get("drill-network").is_some()) {
        return;
    }
    let finding = Finding::new(
        code::NO_DRILL_NETWORK,
        severity,
        format!(
            "step `{}` has no `drill-network` at its {side} side",
            step.name.value
        ),
    )
    .because("test machines may take production's addresses, so they stand in a network that reaches nothing")
    .fix(format!("add `drill-network: vnet-drill` under `at: {side}`"))
    .fix("or keep the step out of drills: `in: [failover, failback, reprotect]`")
    .only_in(&[Journey::Drill]);
    findings.add(at.map_or(step.name.span, |at| at.span), finding);
}
