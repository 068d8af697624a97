//! What a single kind asks for beyond the shape of its settings.

use super::{View, settings, shape};
use crate::{
    finding::{Finding, Findings, code_list as code, nearest},
    journey::{Journey, Side},
    kind::{Kind, Shape},
    kinds,
    model::Step,
    yaml::Node,
};

/// Looks at every step.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    for (_, step, kind) in view.known() {
        match kind.name {
            "azure.site-recovery.virtual-machines" => machines(step, findings),
            "azure.sql.failover-group" | "azure.sql.managed-instance-failover-group" => {
                real_drill(step, findings)
            }
            "gate.wait" => {
                one_of(step, &["for", "until"], true, findings);
                until(step, findings);
            }
            "notify.webhook" => one_of(step, &["message", "body"], false, findings),
            "azure.storage.object-replication" => consumers(step, findings),
            "run.command" => command(step, findings),
            "azure.vm.run-command" => {
                one_of(step, &["script", "file"], true, findings);
                password(step, findings);
            }
            "kubernetes.apply" => cluster(step, findings),
            _ => {}
        }
        fallback(view, step, findings);
        secrets(step, kind, findings);
    }
}

fn setting<'a>(step: &'a Step, name: &str) -> Option<&'a Node> {
    step.with.as_ref()?.get(name)
}

fn machines(step: &Step, findings: &mut Findings) {
    let Some(select) = setting(step, "select") else {
        return;
    };
    let names = select.get("names").and_then(Node::as_list);
    match (select.get("names"), select.get("tag")) {
        (None, None) if select.as_map().is_some() => {
            let finding = Finding::error(
                code::MISSING_KEY,
                format!("`select` of step `{}` chooses nothing", step.name.value),
            )
            .because("machines are chosen by `names` or by `tag`")
            .fix("add `names: [vm-1, vm-2]`");
            findings.add(select.span, finding);
        }
        (Some(_), Some(tag)) => {
            let finding = Finding::error(
                code::WRONG_VALUE,
                format!("`select` of step `{}` has `names` and `tag`", step.name.value),
            )
            .because("two answers to the question which machines are meant may disagree")
            .fix("remove one of them");
            findings.add(tag.span, finding);
        }
        (None, Some(tag)) => {
            let finding = Finding::error(
                code::NOT_DRIVEN,
                format!(
                    "the tag of step `{}` is not resolved by this version",
                    step.name.value
                ),
            )
            .because("the vault keeps no tags, and in an outage nobody could ask the machines for theirs")
            .fix("name the machines: `names: [vm-1, vm-2]`")
            .fix("install a newer leeward");
            findings.add(tag.span, finding);
        }
        _ => {}
    }
    let Some(names) = names else { return };
    let mut seen: Vec<String> = Vec::with_capacity(names.len());
    for name in names
        .iter()
        .filter_map(|node| Some((node.as_scalar()?, node.span)))
    {
        seen.push(name.0.text.to_lowercase());
    }
    let count = seen.len();
    let least = setting(step, "at-least");
    let whole = least.and_then(|node| node.as_scalar()?.as_whole());
    if let (Some(least), Some(whole)) = (least, whole)
        && usize::try_from(whole).is_ok_and(|whole| whole > count)
    {
        let finding = Finding::error(
            code::AT_LEAST_TOO_LARGE,
            format!("`at-least` asks for {whole} of {count} machines"),
        )
        .because("so many can never have moved, so the step could never be done")
        .fix(format!(
            "write `at-least: {count}`, or leave it out where all are needed"
        ))
        .fix("or choose more machines");
        findings.add(least.span, finding);
    }
    seen.sort();
    if let Some(twice) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
        let again = names.iter().rev().find(|node| {
            node.as_scalar()
                .is_some_and(|scalar| scalar.text.to_lowercase() == twice[0])
        });
        let finding = Finding::error(
            code::SAME_TARGET,
            format!("machine `{}` is chosen twice", twice[0]),
        )
        .because("one machine fails over once")
        .fix("remove one of the two");
        findings.add(again.map_or(select.span, |node| node.span), finding);
    }
}

/// A consumer is one thing, and holds no secret in the open.
fn consumers(step: &Step, findings: &mut Findings) {
    let sides = [Side::Primary, Side::Paired]
        .into_iter()
        .filter_map(|side| step.at(side));
    let written = step.with.iter().chain(sides);
    let lists = written.filter_map(|settings| settings.get("consumers")?.as_list());
    for one in lists.flatten() {
        let Some(entries) = one.as_map() else { continue };
        if entries.len() != 1 {
            let finding = Finding::error(
                code::WRONG_VALUE,
                format!(
                    "a consumer of step `{}` is {} things",
                    step.name.value,
                    entries.len()
                ),
            )
            .because("each consumer is switched by an operation of its own")
            .fix("write one of `app-setting`, `key-vault-secret` and `dns-record` for each entry");
            findings.add(one.span, finding);
        }
        let mut values = entries.iter().filter_map(|entry| entry.value.get("value"));
        if values.any(|value| value.as_scalar().is_some_and(|scalar| is_open(&scalar.text))) {
            let finding = Finding::error(
                code::WRONG_VALUE,
                format!(
                    "a consumer of step `{}` holds a key or a signature",
                    step.name.value
                ),
            )
            .because("what stands in a runbook stands in its plan, its journal and its reports")
            .fix("write where it is: `env:NAME` or `file:PATH`");
            // Not the value's own place: what is shown of it would be the key.
            findings.add(one.span, finding);
        }
    }
}

fn is_open(text: &str) -> bool {
    let folded = text.to_ascii_lowercase();
    !shape::is_secret(text)
        && ["accountkey=", "sharedaccesssignature=", "sig="]
            .iter()
            .any(|sign| folded.contains(sign))
}

/// A real switch in a drill has a price that nobody sees at once.
fn real_drill(step: &Step, findings: &mut Findings) {
    let Some(node) = setting(step, "real") else { return };
    if node.as_scalar().is_some_and(|scalar| &*scalar.text == "planned") {
        let finding = Finding::note(
            code::REAL_DRILL,
            format!(
                "a drill of step `{}` switches the databases there and back",
                step.name.value
            ),
        )
        .because(
            "a full backup is taken after each switch, and may stand in the way of a real failover for hours",
        )
        .fix("leave `real` out: the drill then only looks")
        .only_in(&[Journey::Drill]);
        findings.add(node.span, finding);
    }
}

fn one_of(step: &Step, keys: &[&str; 2], exactly: bool, findings: &mut Findings) {
    let both = keys.iter().filter(|key| setting(step, key).is_some()).count();
    let [one, two] = keys;
    if both == 0 {
        let finding = Finding::error(
            code::MISSING_KEY,
            format!("step `{}` has neither `{one}` nor `{two}`", step.name.value),
        )
        .because("without one of them there is nothing to do")
        .fix(format!("add `with: {{ {one}: … }}`"));
        findings.add(step.name.span, finding);
    } else if both == 2 && exactly {
        let finding = Finding::error(
            code::WRONG_VALUE,
            format!("step `{}` has `{one}` and `{two}`", step.name.value),
        )
        .because("two answers to one question may disagree")
        .fix(format!("remove `{two}`"));
        let place = step.with.as_ref().and_then(|with| with.entry(two));
        findings.add(place.map_or(step.name.span, |entry| entry.span), finding);
    }
}

fn until(step: &Step, findings: &mut Findings) {
    let Some(node) = setting(step, "until") else {
        return;
    };
    let Some(scalar) = node.as_scalar() else { return };
    if !scalar.text.contains("${{") && scalar.text.parse::<jiff::Timestamp>().is_err() {
        let finding = Finding::error(
            code::WRONG_VALUE,
            format!("`until` is {}, which is no moment", node.describe()),
        )
        .because("a moment has date, time and offset, so that it is the same on every machine")
        .fix("write one such as `2026-11-24T18:00:00Z`");
        findings.add(node.span, finding);
    }
}

fn command(step: &Step, findings: &mut Findings) {
    if let Some(node) = setting(step, "command")
        && node.as_list().is_some_and(<[Node]>::is_empty)
    {
        let finding = Finding::error(
            code::WRONG_VALUE,
            format!("the command of step `{}` is empty", step.name.value),
        )
        .because("the first entry is the program that is run")
        .fix("write `[program, argument, argument]`");
        findings.add(node.span, finding);
    }
}

/// A password belongs to a user.
fn password(step: &Step, findings: &mut Findings) {
    let (Some(node), None) = (setting(step, "as-user-password"), setting(step, "as-user")) else {
        return;
    };
    let finding = Finding::error(
        code::MISSING_KEY,
        format!("step `{}` has a password and no user", step.name.value),
    )
    .because("`as-user-password` is the password of `as-user`")
    .fix("add `as-user: NAME`")
    .fix("or remove `as-user-password`");
    findings.add(node.span, finding);
}

/// A cluster is named, or its kubeconfig is.
fn cluster(step: &Step, findings: &mut Findings) {
    let sides = [&step.with, &step.primary, &step.paired];
    let has = |name: &str| {
        sides
            .iter()
            .any(|node| node.as_ref().is_some_and(|node| node.get(name).is_some()))
    };
    let (named, group, own) = (has("cluster"), has("resource-group"), has("kubeconfig"));
    let (what, why) = match (named, group, own) {
        (true, true, false) | (false, false, true) => return,
        (true, false, false) => (
            format!(
                "step `{}` names a cluster and no `resource-group`",
                step.name.value
            ),
            "a cluster of Azure is found by both",
        ),
        (false, _, false) => (
            format!("step `{}` names no cluster", step.name.value),
            "manifests are applied to a cluster of Azure, or to that of a kubeconfig",
        ),
        (_, _, true) => (
            format!(
                "step `{}` names a cluster of Azure and a kubeconfig",
                step.name.value
            ),
            "two answers to one question may disagree",
        ),
    };
    let finding = Finding::error(code::MISSING_KEY, what)
        .because(why)
        .fix("write `cluster` and `resource-group`, or `kubeconfig: env:NAME` alone");
    findings.add(step.name.span, finding);
}

fn fallback(view: &View<'_>, step: &Step, findings: &mut Findings) {
    let Some(node) = setting(step, "fallback") else {
        return;
    };
    let Some(scalar) = node.as_scalar() else { return };
    let is_traffic = |index: usize| view.kinds[index].is_some_and(|kind| kind.setting("fallback").is_some());
    let others = view
        .names
        .iter()
        .filter(|(name, index)| **name != &*step.name.value && is_traffic(**index));
    let others: Vec<&str> = others.map(|(name, _)| *name).collect();
    if !others.contains(&&*scalar.text) {
        let finding = Finding::error(
            code::UNKNOWN_STEP,
            format!(
                "the fallback of step `{}` is {}, which is no other step that moves traffic",
                step.name.value,
                node.describe()
            ),
        )
        .because("a fallback is the step that moves traffic when this one's control plane is frozen")
        .did_you_mean(nearest(&scalar.text, others))
        .fix("name another traffic step of this runbook, or remove `fallback`");
        findings.add(node.span, finding);
    }
}

/// Secrets of a step and of its checks.
fn secrets(step: &Step, kind: &Kind, findings: &mut Findings) {
    for node in [&step.with, &step.primary, &step.paired].into_iter().flatten() {
        secrets_in(node, kind, findings);
    }
    let gate = step.proofs_of_gate();
    for check in settings::checks(step).chain(&gate) {
        if let Some(kind) = kinds::find(&check.kind.value) {
            secrets_in(&check.settings, kind, findings);
        }
    }
}

/// Secrets that nobody can read yet, and those that stay on this machine when the run goes on elsewhere.
fn secrets_in(node: &Node, kind: &Kind, findings: &mut Findings) {
    let settings = kind.settings.iter();
    for setting in settings.filter(|setting| holds_secret(&setting.shape)) {
        let Some(node) = node.get(setting.name) else {
            continue;
        };
        node.each_scalar(&mut |scalar, span| {
            if !shape::is_secret(&scalar.text) {
                return;
            }
            let finding = if shape::is_resolved(&scalar.text) {
                Finding::note(
                    code::SECRET_STAYS_BEHIND,
                    format!("`{}` is known on this machine only", scalar.text),
                )
                .because("another machine that takes the run over may not have it")
                .fix("give it to every machine that may take the run over, under the same name")
            } else {
                Finding::error(
                    code::NOT_DRIVEN,
                    format!("`{}` cannot be read by this version", scalar.text),
                )
                .because("secrets of key vaults are known but not resolved yet, and the run would fail there")
                .fix("write `env:NAME` or `file:PATH`, known on every machine that may run this")
                .fix("install a newer leeward")
            };
            findings.add(span, finding);
        });
    }
}

fn holds_secret(shape: &Shape) -> bool {
    match shape {
        Shape::Secret => true,
        Shape::List(inner) | Shape::Table(inner) => holds_secret(inner),
        Shape::Either(shapes) => shapes.iter().any(holds_secret),
        Shape::Map(settings) => settings.iter().any(|setting| holds_secret(&setting.shape)),
        _ => false,
    }
}
