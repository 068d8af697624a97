//! What expressions read: names, parameters, outputs, and whether those will have been made.

use std::collections::HashSet;

use super::{View, directions};
use crate::{
    decode::words,
    finding::{Finding, Findings, code_list as code, nearest},
    journey::{Journey, Side},
    model::{ParameterType, Read, Stand, Step},
};

/// Looks at every reference of every expression.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    let mut used: HashSet<&str> = HashSet::new();
    for parameter in &view.runbook.parameters {
        for read in &parameter.reads {
            of_parameter(read, findings);
        }
    }
    for (index, step) in view.runbook.steps.iter().enumerate() {
        for read in &step.reads {
            if let [root, name, ..] = read.reference.path.as_slice()
                && matches!(root.as_str(), "params" | "parameters")
            {
                used.insert(name);
            }
            of_step(view, index, step, read, findings);
        }
    }
    for parameter in &view.runbook.parameters {
        // One that is required is asked for on purpose: it is recorded with the run.
        let spoken_for = parameter.required || parameter.shape == ParameterType::SubscriptionId;
        if !spoken_for && !used.contains(&*parameter.name.value) {
            let finding = Finding::warning(
                code::UNUSED_PARAMETER,
                format!("nothing reads parameter `{}`", parameter.name.value),
            )
            .because("a value that changes nothing is believed to change something")
            .fix(format!("read it: `${{{{ params.{} }}}}`", parameter.name.value))
            .fix("remove it")
            .fix("or mark it `required: true` if it is there for the record");
            findings.add(parameter.name.span, finding);
        }
    }
}

fn unknown(read: &Read, name: &str, known: &[&str], reason: &str, findings: &mut Findings) {
    let shown: String = name.chars().take(63).collect();
    let finding = Finding::error(
        code::UNKNOWN_IN_EXPRESSION,
        format!(
            "an expression reads `{}`, which nothing here is called",
            shown.escape_debug()
        ),
    )
    .because(reason.to_owned())
    .did_you_mean(nearest(name, known.iter().copied()))
    .fix(format!("what can be read here is {}", words(known)));
    findings.add(read.span, finding);
}

fn of_parameter(read: &Read, findings: &mut Findings) {
    if read.reference.path[0] != "env" || read.reference.path.len() != 2 {
        let name = read.reference.path.join(".");
        unknown(
            read,
            &name,
            &["env.NAME"],
            "the default of a parameter reads the environment and nothing else",
            findings,
        );
    }
}

fn of_step(view: &View<'_>, index: usize, step: &Step, read: &Read, findings: &mut Findings) {
    let path: Vec<&str> = read.reference.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["steps", ..] => of_output(view, index, step, read, &path, findings),
        ["params" | "parameters", name, ..] => {
            let known: Vec<&str> = view
                .runbook
                .parameters
                .iter()
                .map(|parameter| &*parameter.name.value)
                .collect();
            if !known.contains(name) {
                unknown(
                    read,
                    name,
                    &known,
                    "the runbook has no parameter of that name",
                    findings,
                );
            }
        }
        ["params" | "parameters"] if read.reference.computed => computed(read, "a parameter", findings),
        ["source" | "target", "region" | "side"] | ["journey"] | ["region_down"] => {}
        [side @ ("source" | "target"), key, ..] => of_side(view, index, step, read, side, key, findings),
        ["source" | "target"] => unknown(
            read,
            path[0],
            &["source.region", "source.side", "target.region", "target.side"],
            "a side is no value of its own",
            findings,
        ),
        ["body" | "status", ..] if read.stand == Stand::Condition => {}
        ["env", ..] => {
            let finding = Finding::error(code::UNKNOWN_IN_EXPRESSION, "an expression of a step reads the environment")
                .because("a plan is to be the same on every machine, so only defaults of parameters read the environment")
                .fix("add a parameter with `default: \"${{ env.… }}\"` and read that");
            findings.add(read.span, finding);
        }
        [root, ..] => {
            let mut known = vec!["params", "steps", "source", "target", "journey", "region-down"];
            if read.stand == Stand::Condition {
                known.extend(["body", "status"]);
            }
            let name = if *root == "region_down" {
                "region-down"
            } else {
                root
            };
            unknown(
                read,
                name,
                &known,
                "texts stand in quotes; bare words are names",
                findings,
            );
        }
        [] => {}
    }
}

fn computed(read: &Read, what: &str, findings: &mut Findings) {
    let finding = Finding::error(
        code::UNKNOWN_IN_EXPRESSION,
        format!("{what} is chosen by a computed name"),
    )
    .because("what an expression reads orders the steps, so it must be known before anything runs")
    .fix("write the name out");
    findings.add(read.span, finding);
}

fn of_side(
    view: &View<'_>,
    index: usize,
    step: &Step,
    read: &Read,
    word: &str,
    key: &str,
    findings: &mut Findings,
) {
    if read.stand == Stand::At {
        let finding = Finding::error(
            code::UNKNOWN_IN_EXPRESSION,
            format!("`{word}.{key}` is read under `at`, where it is written"),
        )
        .because("under `at` only `region` and `side` of a side are known")
        .fix("write the value out, or take it from a parameter");
        findings.add(read.span, finding);
        return;
    }
    let has = |side: Side| step.at(side).is_some_and(|at| at.get(key).is_some());
    let needed: Vec<(Journey, Side)> = view
        .journeys_of(index)
        .into_iter()
        .flat_map(|journey| directions(journey).into_iter().map(move |way| (journey, way)))
        .map(|(journey, (source, target))| (journey, if word == "source" { source } else { target }))
        .filter(|(_, side)| !has(*side))
        .collect();
    let Some((_, side)) = needed.first() else { return };
    if read.reference.guarded {
        return;
    }
    let known: Vec<&str> = [&step.primary, &step.paired]
        .into_iter()
        .flatten()
        .flat_map(|at| at.as_map().unwrap_or_default())
        .map(|entry| &*entry.key)
        .chain(["region", "side"])
        .collect();
    let mut journeys: Vec<Journey> = needed.iter().map(|(journey, _)| *journey).collect();
    journeys.dedup();
    let shown: Vec<&str> = journeys.iter().map(|journey| journey.word()).collect();
    let nowhere = !has(Side::Primary) && !has(Side::Paired);
    let code = if nowhere {
        code::UNKNOWN_IN_EXPRESSION
    } else {
        code::SIDE_MISSING
    };
    let message = format!(
        "`{word}.{key}` is read, but step `{}` has no `{key}` at its {side} side",
        step.name.value
    );
    let finding = Finding::error(code, message)
        .because(format!("in {} that side is the {word}", shown.join(" and ")))
        .did_you_mean(nearest(key, known.iter().copied()).filter(|near| *near != key))
        .fix(format!("add `{key}` under `at: {side}`"))
        .only_in(&journeys);
    findings.add(read.span, finding);
}

fn of_output(
    view: &View<'_>,
    index: usize,
    step: &Step,
    read: &Read,
    path: &[&str],
    findings: &mut Findings,
) {
    let [_, name, rest @ ..] = path else {
        if read.reference.computed {
            computed(read, "a step", findings);
        } else {
            unknown(
                read,
                "steps",
                &["steps.NAME.outputs.KEY"],
                "all steps together are no value",
                findings,
            );
        }
        return;
    };
    let Some(other) = view.names.get(name) else {
        if findings.is_full() {
            return;
        }
        let shown: String = name.chars().take(63).collect();
        let message = format!(
            "step `{}` reads an output of `{}`, which is not in this runbook",
            step.name.value,
            shown.escape_debug()
        );
        let finding = Finding::error(code::UNKNOWN_STEP, message)
            .because("`steps.NAME.outputs.KEY` names a step of the same file; a reference orders steps as `after` does")
            .did_you_mean(nearest(name, view.names.keys().copied()))
            .fix("write the name of a step, its outputs and a key: `steps.my-step.outputs.my-key`");
        findings.add(read.span, finding);
        return;
    };
    if *other == index && read.stand != Stand::Proof {
        let finding = Finding::error(
            code::WAITS_FOR_ITSELF,
            format!("step `{name}` reads its own output"),
        )
        .because("an output is there when the step is done; only its `verify` may read it before")
        .fix("read another step's output, or move it to `verify`");
        findings.add(read.span, finding);
        return;
    }
    let Some(kind) = view.kinds[*other] else { return };
    let known: Vec<&str> = kind.outputs.iter().map(|output| output.name).collect();
    let own = view.runbook.steps[*other]
        .with
        .as_ref()
        .and_then(|with| with.get("outputs"));
    match rest {
        ["outputs", key, ..] => {
            if !known.contains(key) && own.is_none_or(|own| own.get(key).is_none()) {
                let shown: String = key.chars().take(63).collect();
                let finding = Finding::error(
                    code::UNKNOWN_OUTPUT,
                    format!("step `{name}` has no output `{}`", shown.escape_debug()),
                )
                .because(if known.is_empty() {
                    format!("`{}` has no outputs", kind.name)
                } else {
                    format!("`{}` has the outputs {}", kind.name, words(&known))
                })
                .did_you_mean(nearest(key, known.iter().copied()))
                .fix(format!("run `leeward kinds {}` to see its outputs", kind.name));
                findings.add(read.span, finding);
                return;
            }
        }
        _ => {
            let example = known.first().unwrap_or(&"KEY");
            let finding = Finding::error(code::UNKNOWN_OUTPUT, format!("`{}` is no output", path.join(".")))
                .because("what a step leaves for others stands under `outputs`")
                .fix(format!("write `steps.{name}.outputs.{example}`"));
            findings.add(read.span, finding);
            return;
        }
    }
    never_made(view, index, *other, read, findings);
}

/// The reader takes part in a journey that the other step does not.
fn never_made(view: &View<'_>, reader: usize, other: usize, read: &Read, findings: &mut Findings) {
    // A condition may keep the reader out of those journeys too; the plan will know.
    if read.reference.guarded || view.runbook.steps[reader].when.is_some() || reader == other {
        return;
    }
    let made = view.journeys_of(other);
    let mut never: Vec<Journey> = view.journeys_of(reader);
    never.retain(|journey| !made.contains(journey));
    if never.is_empty() {
        return;
    }
    let shown: Vec<&str> = never.iter().map(|journey| journey.word()).collect();
    let (name, reader) = (
        &view.runbook.steps[other].name.value,
        &view.runbook.steps[reader].name.value,
    );
    let path = read.reference.path.join(".");
    let finding = Finding::error(
        code::OUTPUT_NEVER_MADE,
        format!(
            "step `{reader}` reads an output of `{name}`, which takes no part in {}",
            shown.join(" and ")
        ),
    )
    .because("a step that takes no part makes no outputs")
    .fix(format!("give a default: `has({path}) ? {path} : '…'`"))
    .fix(format!(
        "let `{name}` take part too, or keep `{reader}` out: `in: [{}]`",
        made.iter()
            .map(|journey| journey.word())
            .collect::<Vec<_>>()
            .join(", ")
    ))
    .only_in(&never);
    findings.add(read.span, finding);
}
