//! Two steps that change the same thing.

use std::collections::HashMap;

use super::View;
use crate::{
    finding::{Finding, Findings, code_list as code},
    model::Step,
    yaml::{Node, Span},
};

/// Looks for resources that two steps of one journey would change.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    let mut known: HashMap<String, usize> = HashMap::new();
    for (index, step, kind) in view.known() {
        for (target, shown, span) in targets(step, kind.name) {
            let Some(first) = known.get(&target).copied() else {
                known.insert(target, index);
                continue;
            };
            let theirs = view.journeys_of(first);
            let shared: Vec<_> = view
                .journeys_of(index)
                .into_iter()
                .filter(|journey| theirs.contains(journey))
                .collect();
            if shared.is_empty() || first == index {
                continue;
            }
            let other = &view.runbook.steps[first];
            let finding = Finding::error(
                code::SAME_TARGET,
                format!(
                    "steps `{}` and `{}` both change {shown}",
                    other.name.value, step.name.value
                ),
            )
            .because("each would take the other's change for its own")
            .fix(format!("remove it from step `{}`", step.name.value))
            .fix("or give the two steps different journeys under `in`")
            .only_in(&shared);
            findings.add_with(span, finding, other.name.span, "the first one");
        }
    }
}

/// Returns what a step changes, as far as it is written out: a key, a name for people, a place.
fn targets(step: &Step, kind: &str) -> Vec<(String, String, Span)> {
    let with = |name: &str| literal(step.with.as_ref()?.get(name)?);
    let paired = |name: &str| literal(step.paired.as_ref()?.get(name)?);
    let either = |name: &str| with(name).or_else(|| paired(name));
    let subscription = either("subscription").map_or_else(String::new, |(text, _)| text);
    let one = |parts: &[Option<(String, Span)>], span_of: usize| {
        let texts: Option<Vec<String>> = parts
            .iter()
            .map(|part| part.as_ref().map(|(text, _)| text.clone()))
            .collect();
        let (Some(texts), Some(Some((shown, span)))) = (texts, parts.get(span_of)) else {
            return Vec::new();
        };
        vec![(
            format!("{kind}/{subscription}/{}", texts.join("/")),
            format!("`{shown}`"),
            *span,
        )]
    };
    match kind {
        "azure.sql.managed-instance-failover-group" => {
            one(&[either("resource-group"), with("failover-group")], 1)
        }
        "azure.sql.failover-group" => one(&[paired("server"), with("failover-group")], 1),
        "azure.storage.geo-failover" => one(&[with("account")], 0),
        "azure.storage.object-replication" => one(&[paired("account")], 0),
        "azure.aks.cluster" => one(&[either("resource-group"), paired("name")], 1),
        "azure.traffic-manager.profile" => one(
            &[either("resource-group"), with("profile"), paired("endpoint")],
            2,
        ),
        "azure.front-door.origin-group" => one(&[with("profile"), with("origin-group"), paired("origin")], 2),
        "azure.dns.record-set" | "azure.private-dns.record-set" => {
            one(&[with("zone"), with("type"), with("record")], 2)
        }
        "azure.site-recovery.virtual-machines" => {
            let vault = step.with.as_ref().and_then(|with| with.get("vault"));
            let vault = vault.and_then(|vault| {
                Some((
                    literal(vault.get("name")?)?.0,
                    literal(vault.get("resource-group")?)?.0,
                ))
            });
            let names = step
                .with
                .as_ref()
                .and_then(|with| with.get("select")?.get("names")?.as_list());
            let (Some((name, group)), Some(names)) = (vault, names) else {
                return Vec::new();
            };
            let machines = names.iter().filter_map(literal);
            machines
                .map(|(machine, span)| {
                    (
                        format!("{kind}/{subscription}/{group}/{name}/{machine}"),
                        format!("machine `{machine}`"),
                        span,
                    )
                })
                .collect()
        }
        "azure.site-recovery.recovery-plan" => {
            let vault = |key: &'static str| {
                let vault = step.with.as_ref().and_then(|with| with.get("vault"));
                vault.and_then(|vault| literal(vault.get(key)?))
            };
            one(&[vault("resource-group"), vault("name"), with("plan")], 2)
        }
        _ => Vec::new(),
    }
}

fn literal(node: &Node) -> Option<(String, Span)> {
    let scalar = node.as_scalar()?;
    (!scalar.text.contains("${{")).then(|| (scalar.text.to_lowercase(), node.span))
}
