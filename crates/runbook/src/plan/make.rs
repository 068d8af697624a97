//! From a runbook and a request to a plan, or to everything that stands in its way.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    Objectives, PLAN_FORMAT, Plan, PlanRequest, StepId,
    files::Pinned,
    parameters, route,
    settle::{Frame, place},
};
use crate::{
    check::{self, View, direction, network},
    expr::{self, Scope},
    finding::{Finding, Findings, Severity, code_list as code, nearest},
    journey::{Journey, Region, Side},
    model::{ParameterType, Runbook, Stand},
};

/// The bytes of the files that a plan pinned, by their digest in hex.
pub type PinnedFiles = BTreeMap<String, Vec<u8>>;

/// Makes a plan. Without one, the findings say everything that stands in its way, warnings left out.
pub fn plan(runbook: &Runbook, request: &PlanRequest<'_>) -> Result<Plan, Vec<Finding>> {
    plan_with_files(runbook, request).map(|(plan, _)| plan)
}

/// Makes a plan and returns the bytes that it pinned, by their digest in hex.
pub fn plan_with_files(
    runbook: &Runbook,
    request: &PlanRequest<'_>,
) -> Result<(Plan, PinnedFiles), Vec<Finding>> {
    plan_with_warnings(runbook, request).map(|(plan, files, _)| (plan, files))
}

/// Makes a plan and returns the bytes that it pinned, and what whoever agrees to it should have read:
/// the warnings that concern its journey.
pub fn plan_with_warnings(
    runbook: &Runbook,
    request: &PlanRequest<'_>,
) -> Result<(Plan, PinnedFiles, Vec<Finding>), Vec<Finding>> {
    let found = check::check(runbook);
    let (wrong, rest): (Vec<Finding>, Vec<Finding>) =
        found.into_iter().partition(|found| found.stops(request.journey));
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let (plan, files) = made(runbook, request)?;
    let warns = |found: &Finding| found.severity == Severity::Warning && found.concerns(request.journey);
    Ok((plan, files, rest.into_iter().filter(warns).collect()))
}

fn made(runbook: &Runbook, request: &PlanRequest<'_>) -> Result<(Plan, PinnedFiles), Vec<Finding>> {
    let mut findings = Findings::new(runbook.source.clone());
    let (source, target) = direction(request.journey, request.serving);
    let (source, target) = (region(runbook, source), region(runbook, target));
    let parameters = parameters::settle(runbook, request, &mut findings);
    if !findings.is_empty() {
        return Err(findings.finish());
    }
    let subscription = runbook
        .parameters
        .iter()
        .find(|parameter| parameter.shape == ParameterType::SubscriptionId)
        .and_then(|parameter| parameters.get(&*parameter.name.value).cloned());
    let frame = Frame {
        runbook,
        journey: request.journey,
        source: &source,
        target: &target,
        subscription,
        scope: Scope::new()
            .with_parameters(&parameters)
            .with_journey(request.journey)
            .with_region_down(request.region_down),
    };
    let view = View::of(runbook);
    let mut part = taking_part(&view, &frame, &mut findings);
    only(&view, request, &mut part, &mut findings);
    never_made(&view, request, &part, &mut findings);
    if !findings.is_empty() {
        return Err(findings.finish());
    }
    if !part.iter().any(Part::takes) {
        let finding = Finding::error(
            code::NOTHING_TO_DO,
            format!("no step takes part in {}", request.journey),
        )
        .because("by `in`, `when` or the words behind `--only` every step is left out")
        .fix("look at `in` and `when` of the steps");
        return Err(vec![finding]);
    }
    let mut pinned = Pinned::default();
    let mut made = Vec::with_capacity(part.len());
    for (index, step) in runbook.steps.iter().enumerate() {
        let planned = match (&part[index], view.kinds[index]) {
            (Part::Takes { when }, Some(kind)) => {
                if request.journey == Journey::Drill {
                    network(step, kind, Severity::Error, &mut findings);
                }
                let mut planned = frame.step(step, kind, &mut findings);
                planned.when.clone_from(when);
                let span = |name: &str| place(step, name);
                pinned.settings(
                    kind.settings,
                    &planned.settings,
                    request.folder,
                    &span,
                    &mut findings,
                );
                pinned.manifests(kind, &planned.settings, &span, &mut findings);
                Some(planned)
            }
            _ => None,
        };
        made.push(planned);
    }
    if !findings.is_empty() {
        return Err(findings.finish());
    }
    let waits_for: Vec<Vec<usize>> = view
        .order
        .waits_for
        .iter()
        .map(|list| list.iter().map(|(on, _)| *on).collect())
        .collect();
    let takes: Vec<bool> = made.iter().map(Option::is_some).collect();
    let forecast: Vec<_> = made
        .iter()
        .map(|step| step.as_ref().map_or_else(Default::default, |step| step.forecast))
        .collect();
    let ends: Vec<bool> = made
        .iter()
        .map(|step| step.as_ref().is_some_and(|step| step.ends_recovery))
        .collect();
    let route = route::find(&waits_for, &takes, &forecast, &ends);
    // One text for each name, however many wait for it.
    let ids: Vec<StepId> = runbook
        .steps
        .iter()
        .map(|step| StepId::new(&*step.name.value))
        .collect();
    let id = |index: &usize| ids[*index].clone();
    let critical: HashSet<usize> = route.critical.iter().copied().collect();
    let steps = route
        .order
        .iter()
        .filter_map(|index| {
            let mut step = made[*index].take()?;
            step.after = route.after[*index].iter().map(id).collect();
            step.remaining = route.remaining[*index];
            step.before_recovery = route.before_recovery[*index];
            step.critical = critical.contains(index);
            Some(Arc::new(step))
        })
        .collect();
    let objectives = Objectives {
        rto: runbook.objectives.rto.as_ref().map(|found| found.value),
        rpo: runbook.objectives.rpo.as_ref().map(|found| found.value),
    };
    let plan = Plan {
        format: PLAN_FORMAT,
        runbook: runbook.name.value.clone(),
        summary: runbook
            .summary
            .as_ref()
            .map_or_else(String::new, |summary| summary.value.clone()),
        journey: request.journey,
        region_down: request.region_down,
        objectives,
        steps,
        files: pinned.digests(),
        critical_path: route.critical.iter().map(id).collect(),
        forecast: route.critical.iter().map(|index| forecast[*index]).sum(),
        source: source.clone(),
        target: target.clone(),
        parameters: parameters.clone(),
    };
    let bytes = pinned.by_path.into_values();
    Ok((
        plan,
        bytes
            .map(|bytes| (blake3::hash(&bytes).to_hex().to_string(), bytes))
            .collect(),
    ))
}

fn region(runbook: &Runbook, side: Side) -> Region {
    Region {
        side,
        region: runbook
            .regions
            .of(side)
            .map_or_else(String::new, |region| region.value.clone()),
    }
}

/// Whether a step takes part.
enum Part {
    /// It does, perhaps under a condition that needs outputs.
    Takes { when: Option<String> },
    /// It does not.
    Not,
    /// It is outside `only` and taken for done.
    Done,
}

impl Part {
    fn takes(&self) -> bool {
        matches!(self, Part::Takes { .. })
    }
}

fn taking_part(view: &View<'_>, frame: &Frame<'_>, findings: &mut Findings) -> Vec<Part> {
    let mut all = Vec::with_capacity(view.runbook.steps.len());
    for (index, step) in view.runbook.steps.iter().enumerate() {
        let (Some(kind), true) = (
            view.kinds[index],
            view.journeys_of(index).contains(&frame.journey),
        ) else {
            all.push(Part::Not);
            continue;
        };
        let Some(when) = &step.when else {
            all.push(Part::Takes { when: None });
            continue;
        };
        let condition = when.value.trim();
        if step
            .reads
            .iter()
            .any(|read| read.stand == Stand::When && read.step().is_some())
        {
            all.push(Part::Takes {
                when: Some(condition.to_owned()),
            });
            continue;
        }
        let (_, scope) = frame.sides(step, kind, findings);
        match expr::holds(condition, &scope) {
            Ok(true) => all.push(Part::Takes { when: None }),
            Ok(false) => all.push(Part::Not),
            Err(error) => {
                let finding = Finding::error(
                    code::NO_ANSWER,
                    format!(
                        "the condition of step `{}` has no answer: {error}",
                        step.name.value
                    ),
                )
                .because("`when` must be true or false")
                .fix("compare the value with something: `params.mode == 'full'`");
                findings.add(when.span, finding);
                all.push(Part::Not);
            }
        }
    }
    all
}

/// Leaves only the chosen part, which must be closed under what it waits for.
fn only(view: &View<'_>, request: &PlanRequest<'_>, part: &mut [Part], findings: &mut Findings) {
    let mut index_of = |id: &StepId, from: &str| {
        let found = view.names.get(id.as_str()).copied();
        if found.is_none() {
            let shown: String = id.as_str().chars().take(63).collect();
            findings.add_bare(
                Finding::error(
                    code::UNKNOWN_STEP,
                    format!(
                        "{from} names `{}`, which is not in this runbook",
                        shown.escape_debug()
                    ),
                )
                .because("it takes names of steps")
                .did_you_mean(nearest(id.as_str(), view.names.keys().copied()))
                .fix("run `leeward graph` to see the steps"),
            );
        }
        found
    };
    let chosen: HashSet<usize> = request
        .only
        .iter()
        .filter_map(|id| index_of(id, "--only"))
        .collect();
    let done: HashSet<usize> = request
        .assume_done
        .iter()
        .filter_map(|id| index_of(id, "--assume-done"))
        .collect();
    for index in &done {
        if !chosen.contains(index) {
            part[*index] = Part::Done;
        }
    }
    if request.only.is_empty() {
        return;
    }
    let mut missing: Vec<usize> = Vec::new();
    let mut seen: HashSet<usize> = HashSet::new();
    let mut stack: Vec<usize> = chosen
        .iter()
        .copied()
        .filter(|index| part[*index].takes())
        .collect();
    while let Some(step) = stack.pop() {
        for (on, _) in &view.order.waits_for[step] {
            if !seen.insert(*on) || matches!(part[*on], Part::Done) {
                continue;
            }
            if part[*on].takes() && !chosen.contains(on) {
                missing.push(*on);
            }
            // What a missing step waits for is missing too, and order passes through the others.
            stack.push(*on);
        }
    }
    if !missing.is_empty() {
        missing.sort_unstable();
        let names: Vec<&str> = missing
            .iter()
            .map(|index| &*view.runbook.steps[*index].name.value)
            .collect();
        findings.add_bare(
            Finding::error(
                code::ONLY_NOT_CLOSED,
                format!(
                    "the chosen steps wait for {} outside: {}",
                    names.len(),
                    listed(&names)
                ),
            )
            .because("a part can move alone only when everything it waits for moves too or is done already")
            .fix(format!(
                "add them: `--only {}`",
                names.iter().take(20).copied().collect::<Vec<_>>().join(" ")
            ))
            .fix(format!(
                "or say what is done: `--assume-done {}`",
                names.iter().take(20).copied().collect::<Vec<_>>().join(" ")
            )),
        );
    }
    for (index, part) in part.iter_mut().enumerate() {
        if part.takes() && !chosen.contains(&index) {
            *part = Part::Not;
        }
    }
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 20 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// An output of a step without a part is never made; here the plan knows for sure.
fn never_made(view: &View<'_>, request: &PlanRequest<'_>, part: &[Part], findings: &mut Findings) {
    for (index, step) in view
        .runbook
        .steps
        .iter()
        .enumerate()
        .filter(|(index, _)| part[*index].takes())
    {
        for read in step.reads.iter().filter(|read| !read.reference.guarded) {
            let Some(other) = read.step().and_then(|name| view.names.get(name)) else {
                continue;
            };
            if *other == index || part[*other].takes() {
                continue;
            }
            let name = &view.runbook.steps[*other].name.value;
            let path = read.reference.path.join(".");
            let (why, fix) = match part[*other] {
                Part::Done => (
                    "is taken for done, and its outputs are not known",
                    format!("let `{name}` take part: `--only {name}`"),
                ),
                _ => ("takes no part in it", format!("let `{name}` take part too")),
            };
            let finding = Finding::error(
                code::OUTPUT_NEVER_MADE,
                format!(
                    "step `{}` reads an output of `{name}`, which {why}",
                    step.name.value
                ),
            )
            .because(format!(
                "in this plan for {} the output is never made",
                request.journey
            ))
            .fix(format!("give a default: `has({path}) ? {path} : '…'`"))
            .fix(fix);
            findings.add(read.span, finding);
        }
    }
}
