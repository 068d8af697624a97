//! Reading the steps.

use std::sync::Arc;

use super::{
    fields::{Fields, words},
    reads, values,
};
use crate::{
    finding::{Finding, Findings, code_list as code, nearest},
    journey::Journey,
    model::{Check, CleanUp, DataLoss, Goal, Spanned, Stand, Step},
    plan::OnFailure,
    yaml::{Content, Entry, Node},
};

const KEYS: [&str; 16] = [
    "use",
    "summary",
    "with",
    "at",
    "after",
    "in",
    "when",
    "data-loss",
    "timeout",
    "retry",
    "goal",
    "repeat",
    "on-failure",
    "verify",
    "ends",
    "clean-up",
];

/// The checks that `verify` and `goal` know.
pub(crate) const CHECKS: [&str; 5] = ["tcp", "http", "dns", "sql", "tls"];

/// Reads all steps.
pub(super) fn steps(node: &Node, findings: &mut Findings) -> Vec<Step> {
    match &node.content {
        Content::Map(entries) => {
            if entries.is_empty() {
                values::wrong(
                    node,
                    "`steps`",
                    "a map with at least one step",
                    "a step",
                    findings,
                );
            }
            entries.iter().map(|entry| step(entry, findings)).collect()
        }
        _ => {
            values::wrong(
                node,
                "`steps`",
                "a map of names",
                "`platform-sql: { use: … }`",
                findings,
            );
            Vec::new()
        }
    }
}

fn step(entry: &Entry, findings: &mut Findings) -> Step {
    values::check_name(&entry.key, "a step's name", entry.span, findings);
    let mut step = Step {
        name: Spanned::new(Arc::clone(&entry.key), entry.span),
        kind: None,
        summary: None,
        with: None,
        primary: None,
        paired: None,
        after: Vec::new(),
        journeys: None,
        when: None,
        data_loss: None,
        timeout: None,
        retry: None,
        goal: None,
        repeat: None,
        on_failure: None,
        verify: Vec::new(),
        ends: None,
        clean_up: None,
        reads: Vec::new(),
    };
    let shown: String = entry.key.chars().take(63).collect();
    let what = format!("step `{shown}`");
    let Some(fields) = Fields::of(&entry.value, &what, &KEYS, findings) else {
        return step;
    };
    step.kind = fields
        .need("use", &what, "use: check.http", findings)
        .and_then(|node| values::text(node, "`use`", findings));
    step.summary = fields
        .get("summary", findings)
        .and_then(|node| values::text(node, "`summary`", findings))
        .map(|text| text.value.to_string());
    settings(&fields, &what, &mut step, findings);
    order(&fields, &mut step, findings);
    patience(&fields, &mut step, findings);
    proof(&fields, &what, &mut step, findings);
    step
}

fn settings(fields: &Fields<'_>, what: &str, step: &mut Step, findings: &mut Findings) {
    let map = |node: &Node, name: &str, findings: &mut Findings| {
        if node.as_map().is_none() {
            values::wrong(node, name, "a map of settings", "`{ name: value }`", findings);
            return None;
        }
        Some(node.clone())
    };
    if let Some(node) = fields.get("with", findings) {
        step.with = map(node, "`with`", findings);
    }
    if let Some(node) = fields.get("at", findings) {
        let what = format!("`at` of {what}");
        if let Some(sides) = Fields::of(node, &what, &["primary", "paired"], findings) {
            step.primary = sides
                .get("primary", findings)
                .and_then(|node| map(node, "`primary`", findings));
            step.paired = sides
                .get("paired", findings)
                .and_then(|node| map(node, "`paired`", findings));
        }
    }
    for (node, stand) in [
        (&step.with, Stand::Settings),
        (&step.primary, Stand::At),
        (&step.paired, Stand::At),
    ] {
        if let Some(node) = node {
            reads::of_node(node, stand, &mut step.reads, findings);
        }
    }
}

fn order(fields: &Fields<'_>, step: &mut Step, findings: &mut Findings) {
    if let Some(node) = fields.get("after", findings) {
        step.after = values::list(node, "`after`", findings)
            .iter()
            .filter_map(|node| values::text(node, "a name under `after`", findings))
            .collect();
    }
    if let Some(node) = fields.get("in", findings) {
        let known = Journey::ALL.map(|journey| (journey, journey.word()));
        let journeys: Vec<_> = values::list(node, "`in`", findings)
            .iter()
            .filter_map(|node| {
                Some(Spanned::new(
                    values::word(node, "a journey", &known, findings)?,
                    node.span,
                ))
            })
            .collect();
        if node.as_list().is_some_and(<[Node]>::is_empty) {
            values::wrong(
                node,
                "`in`",
                "at least one journey",
                "`[failover, failback]`",
                findings,
            );
        }
        step.journeys = Some(journeys);
    }
    if let Some(node) = fields.get("when", findings)
        && let Some(mut condition) = values::text(node, "`when`", findings)
    {
        // Elsewhere an expression stands in `${{ }}`; whoever writes it here too means the same.
        if let Some(inner) = wrapped(&condition.value) {
            condition.value = inner.into();
        }
        reads::of_expression(
            condition.value.trim(),
            condition.span,
            Stand::When,
            &mut step.reads,
            findings,
        );
        step.when = Some(condition);
    }
    if let Some(node) = fields.get("clean-up", findings)
        && let Some(text) = values::text(node, "`clean-up`", findings)
    {
        let found = match &*text.value {
            "not-needed" => CleanUp::NotNeeded,
            _ => CleanUp::Step(text.value),
        };
        step.clean_up = Some(Spanned::new(found, text.span));
    }
}

/// Returns what stands inside `${{ … }}` where that is the whole text.
fn wrapped(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?;
    (!inner.contains("${{")).then(|| inner.trim().to_owned())
}

fn patience(fields: &Fields<'_>, step: &mut Step, findings: &mut Findings) {
    step.timeout = fields
        .get("timeout", findings)
        .and_then(|node| values::duration(node, "`timeout`", findings));
    step.retry = fields
        .get("retry", findings)
        .and_then(|node| values::retry(node, findings));
    if let Some(node) = fields.get("repeat", findings) {
        step.repeat =
            values::word(node, "`repeat`", &[((), "safe")], findings).map(|()| Spanned::new((), node.span));
    }
    if let Some(node) = fields.get("ends", findings) {
        step.ends =
            values::word(node, "`ends`", &[((), "recovery")], findings).map(|()| Spanned::new((), node.span));
    }
    if let Some(node) = fields.get("on-failure", findings) {
        let known = [
            (OnFailure::Block, "block"),
            (OnFailure::Continue, "continue"),
            (OnFailure::Halt, "halt"),
        ];
        step.on_failure =
            values::word(node, "`on-failure`", &known, findings).map(|found| Spanned::new(found, node.span));
    }
    if let Some(node) = fields.get("data-loss", findings) {
        step.data_loss = data_loss(node, findings);
    }
}

fn data_loss(node: &Node, findings: &mut Findings) -> Option<DataLoss> {
    let fields = Fields::of(node, "`data-loss`", &["budget", "ladder"], findings)?;
    let budget = fields.get("budget", findings).and_then(|node| {
        let found = values::duration(node, "`budget`", findings)?;
        Some(Spanned::new(found, node.span))
    });
    let mut ladder = Vec::new();
    if let Some(node) = fields.get("ladder", findings) {
        for rung in values::list(node, "`ladder`", findings) {
            match &rung.content {
                Content::Map(entries) if entries.len() == 1 => {
                    let entry = &entries[0];
                    let what = format!("rung `{}`", entry.key);
                    let within = Fields::of(&entry.value, &what, &["within"], findings)
                        .and_then(|fields| fields.get("within", findings))
                        .and_then(|node| values::duration(node, "`within`", findings));
                    ladder.push((Spanned::new(Arc::clone(&entry.key), entry.span), within));
                }
                Content::Scalar(scalar) if !scalar.is_null() => {
                    ladder.push((Spanned::new(Arc::clone(&scalar.text), rung.span), None));
                }
                _ => values::wrong(
                    rung,
                    "a rung",
                    "a word",
                    "`forced` or `planned: { within: 10m }`",
                    findings,
                ),
            }
        }
        if node.as_list().is_some_and(<[Node]>::is_empty) {
            values::wrong(
                node,
                "`ladder`",
                "at least one rung",
                "`[planned, forced]`",
                findings,
            );
        }
    }
    Some(DataLoss {
        span: node.span,
        budget,
        ladder,
    })
}

fn proof(fields: &Fields<'_>, what: &str, step: &mut Step, findings: &mut Findings) {
    if let Some(node) = fields.get("verify", findings) {
        for item in values::list(node, "`verify`", findings) {
            if let Some(check) = check(item, &format!("a check of {what}"), findings) {
                reads::of_node(&check.settings, Stand::Proof, &mut step.reads, findings);
                step.verify.push(check);
            }
        }
    }
    let Some(node) = fields.get("goal", findings) else {
        return;
    };
    let condition = match &node.content {
        Content::Scalar(_) => Some(node),
        _ => node
            .get("condition")
            .filter(|_| node.as_map().is_some_and(|entries| entries.len() == 1)),
    };
    if let Some(node) = condition {
        if let Some(text) = values::text(node, "`condition`", findings) {
            reads::of_expression(
                text.value.trim(),
                text.span,
                Stand::Condition,
                &mut step.reads,
                findings,
            );
            step.goal = Some(Goal::Condition(text));
        }
    } else if let Some(check) = check(node, &format!("the goal of {what}"), findings) {
        reads::of_node(&check.settings, Stand::Proof, &mut step.reads, findings);
        step.goal = Some(Goal::Check(check));
    }
}

/// Reads `tcp: { host: …, port: … }`.
fn check(node: &Node, what: &str, findings: &mut Findings) -> Option<Check> {
    let Some([entry]) = node.as_map() else {
        values::wrong(
            node,
            what,
            "one check",
            "`tcp: { host: 10.0.0.1, port: 5672 }`",
            findings,
        );
        return None;
    };
    let word = entry.key.strip_prefix("check.").unwrap_or(&entry.key);
    if !CHECKS.contains(&word) {
        let shown: String = entry.key.chars().take(63).collect();
        let finding = Finding::error(
            code::UNKNOWN_KIND,
            format!("there is no check `{}`", shown.escape_debug()),
        )
        .because(format!("the checks are {}", words(&CHECKS)))
        .did_you_mean(nearest(word, CHECKS))
        .fix("write `http: { url: … }`");
        findings.add(entry.span, finding);
        return None;
    }
    if entry.value.as_map().is_none() {
        values::wrong(
            &entry.value,
            &format!("`{word}`"),
            "a map of settings",
            "`{ host: 10.0.0.1, port: 5672 }`",
            findings,
        );
        return None;
    }
    Some(Check {
        kind: Spanned::new(format!("check.{word}").into(), entry.span),
        settings: entry.value.clone(),
    })
}
