//! The kinds, and their settings under `with`, `at`, `verify` and `goal`.

use super::{View, directions, shape};
use crate::{
    decode::{is_name, missing_key, unknown_key},
    finding::{Finding, Findings, code_list as code, nearest},
    journey::{Journey, Side},
    kind::{Kind, Setting, Stands},
    kinds,
    model::{Check, Goal, ParameterType, Step},
    yaml::{Entry, Node},
};

/// Looks at every step.
pub(super) fn look(view: &View<'_>, findings: &mut Findings) {
    let subscription = view
        .runbook
        .parameters
        .iter()
        .any(|parameter| parameter.shape == ParameterType::SubscriptionId);
    for (index, step) in view.runbook.steps.iter().enumerate() {
        let Some(kind) = view.kinds[index] else {
            unknown_kind(step, findings);
            continue;
        };
        of_with(step, kind, findings);
        for side in [Side::Primary, Side::Paired] {
            of_side(step, side, kind, findings);
        }
        required(step, kind, &view.journeys_of(index), findings);
        if !subscription && kind.setting("subscription").is_some() {
            no_subscription(step, findings);
        }
        for check in checks(step) {
            of_check(check, findings);
        }
        for check in step.proofs_of_gate() {
            of_check(&check, findings);
        }
    }
}

fn unknown_kind(step: &Step, findings: &mut Findings) {
    let Some(kind) = &step.kind else { return };
    let written = &*kind.value;
    let shown: String = written.chars().take(80).collect();
    // `sql.failover-group` and `aks` are near to what they are a part of.
    let inside = kinds::names().find(|name| written.len() > 2 && name.split('.').any(|part| part == written));
    let near = nearest(written, kinds::names()).or(inside);
    let finding = Finding::error(
        code::UNKNOWN_KIND,
        format!("there is no kind `{}`", shown.escape_debug()),
    )
    .because("`use` names a kind that this program knows")
    .did_you_mean(near)
    .fix("run `leeward kinds` to see all of them");
    findings.add(kind.span, finding);
}

/// Returns the checks under `verify` and `goal`.
pub(super) fn checks(step: &Step) -> impl Iterator<Item = &Check> {
    let goal = match &step.goal {
        Some(Goal::Check(check)) => Some(check),
        _ => None,
    };
    step.verify.iter().chain(goal)
}

fn no_subscription(step: &Step, findings: &mut Findings) {
    let has = |node: &Option<Node>, name: &str| node.as_ref().is_some_and(|node| node.get(name).is_some());
    // A cluster that is reached by a kubeconfig of its own need not be Azure's.
    for name in ["subscription", "kubeconfig"] {
        if has(&step.with, name) || (has(&step.primary, name) && has(&step.paired, name)) {
            return;
        }
    }
    let what = format!("step `{}`", step.name.value);
    let finding = Finding::error(code::MISSING_KEY, format!("{what} has no `subscription`, and no parameter is of type `subscription-id`"))
        .because("without it nobody knows whose resources are meant")
        .fix("add the parameter `subscription: { type: subscription-id, default: \"${{ env.AZURE_SUBSCRIPTION_ID }}\" }`")
        .fix("add `subscription` under `with`");
    findings.add(step.name.span, finding);
}

fn of_with(step: &Step, kind: &'static Kind, findings: &mut Findings) {
    let Some(node) = &step.with else { return };
    for entry in node.as_map().unwrap_or_default() {
        match kind.setting(&entry.key) {
            Some(setting) if setting.stands == Stands::At => wrong_place(entry, "with", "at", findings),
            Some(setting) => of_setting(entry, setting, findings),
            None => unknown(entry, kind, "with", findings),
        }
    }
}

fn of_side(step: &Step, side: Side, kind: &'static Kind, findings: &mut Findings) {
    let Some(node) = step.at(side) else { return };
    for entry in node.as_map().unwrap_or_default() {
        match kind.setting(&entry.key) {
            Some(setting) if kind.free_at => of_setting(entry, setting, findings),
            Some(setting) if setting.stands == Stands::With => wrong_place(entry, "at", "with", findings),
            Some(setting) => {
                of_setting(entry, setting, findings);
                let twice = setting.stands == Stands::Either;
                if let Some(other) = step
                    .with
                    .as_ref()
                    .and_then(|with| with.entry(&entry.key))
                    .filter(|_| twice)
                {
                    let message = format!("`{}` stands under `with` and under `at`", entry.key);
                    let finding = Finding::error(code::WRONG_PLACE, message)
                        .because("one value for both sides and one for this side cannot both be meant")
                        .fix("remove it from `with`")
                        .fix("remove it from both sides of `at`");
                    findings.add_with(entry.span, finding, other.span, "the one under `with`");
                }
            }
            None if kind.free_at
                && is_name(&entry.key)
                && !matches!(&*entry.key, "region" | "side" | "location") => {}
            None => unknown(entry, kind, "at", findings),
        }
    }
}

fn of_setting(entry: &Entry, setting: &Setting, findings: &mut Findings) {
    if entry.value.is_null() {
        shape::empty(entry.span, setting.name, findings);
    } else {
        shape::look(
            &entry.value,
            &setting.shape,
            &format!("`{}`", setting.name),
            findings,
        );
    }
}

fn unknown(entry: &Entry, kind: &Kind, place: &str, findings: &mut Findings) {
    let fits = |setting: &&Setting| match setting.stands {
        Stands::With => place == "with",
        Stands::At => place == "at",
        Stands::Either => true,
    };
    let known: Vec<&str> = kind
        .settings
        .iter()
        .filter(fits)
        .map(|setting| setting.name)
        .collect();
    unknown_key(entry, &format!("`{place}` of `{}`", kind.name), &known, findings);
}

fn wrong_place(entry: &Entry, here: &str, there: &str, findings: &mut Findings) {
    let message = format!(
        "`{}` stands under `{here}`, but belongs under `{there}`",
        entry.key
    );
    let reason = match there {
        "at" => "it differs between the regions, so each side says its own",
        _ => "it is the same at both sides, so it is said once",
    };
    let finding = Finding::error(code::WRONG_PLACE, message)
        .because(reason)
        .fix(match there {
            "at" => format!(
                "move it under `at`, once under `primary` and once under `paired`: `{}`",
                entry.key
            ),
            _ => format!("move it under `with`: `{}`", entry.key),
        });
    findings.add(entry.span, finding);
}

/// Missing settings: of both sides under `with`, of one side for the directions that need it.
fn required(step: &Step, kind: &'static Kind, journeys: &[Journey], findings: &mut Findings) {
    let what = format!("step `{}`", step.name.value);
    let written = |name: &str| step.with.as_ref().is_some_and(|with| with.get(name).is_some());
    let of_side = |side: Side, name: &str| step.at(side).is_some_and(|at| at.get(name).is_some());
    let neither = step.primary.is_none() && step.paired.is_none();
    let mut lacking: Vec<(&Setting, Side)> = Vec::new();
    for setting in kind
        .settings
        .iter()
        .filter(|setting| setting.required && !written(setting.name))
    {
        let place = step.with.as_ref().map_or(step.name.span, |with| with.span);
        let anywhere = of_side(Side::Primary, setting.name) || of_side(Side::Paired, setting.name);
        match setting.stands {
            Stands::With if kind.free_at && anywhere => {}
            Stands::With => {
                let example = format!("with: {{ {} }}", shape::example_of(setting));
                let span = if step.with.is_some() {
                    place
                } else {
                    step.name.span
                };
                missing_key(span, setting.name, &what, &example, findings);
            }
            Stands::Either if neither => {
                let example = format!("with: {{ {} }}", shape::example_of(setting));
                missing_key(step.name.span, setting.name, &what, &example, findings);
            }
            Stands::At | Stands::Either => {
                let sides = [Side::Primary, Side::Paired].into_iter();
                lacking.extend(
                    sides
                        .filter(|side| !of_side(*side, setting.name))
                        .map(|side| (setting, side)),
                );
            }
        }
    }
    for side in [Side::Primary, Side::Paired] {
        let of_this: Vec<&Setting> = lacking
            .iter()
            .filter(|(_, at)| *at == side)
            .map(|(setting, _)| *setting)
            .collect();
        let need = Need::of(side, kind, journeys, !of_this.is_empty());
        if need.journeys.is_empty() || (of_this.is_empty() && (neither || step.at(side).is_some())) {
            continue;
        }
        let Some(at) = step.at(side) else {
            let names: Vec<String> = of_this.iter().map(|setting| shape::example_of(setting)).collect();
            let finding = Finding::error(
                code::SIDE_MISSING,
                format!("{what} has no `{side}` side under `at`"),
            )
            .because(need.reason(side))
            .fix(format!(
                "add `{side}: {{ {} }}` under `at`",
                if names.is_empty() {
                    "…".to_owned()
                } else {
                    names.join(", ")
                }
            ))
            .fix("or say under `in` which journeys it takes part in")
            .only_in(&need.journeys);
            findings.add(step.name.span, finding);
            continue;
        };
        for setting in of_this {
            let finding = Finding::error(
                code::MISSING_KEY,
                format!("{what} has no `{}` at its {side} side", setting.name),
            )
            .because(need.reason(side))
            .fix(format!("add `{}` under `at: {side}`", shape::example_of(setting)))
            .only_in(&need.journeys);
            findings.add(at.span, finding);
        }
    }
}

/// The journeys that need one side of a step's `at`, and why.
struct Need {
    journeys: Vec<Journey>,
    takes_over: Vec<&'static str>,
}

impl Need {
    /// What Azure moves it moves from somewhere: the side that is left is asked and changed as well. A step
    /// that proves, tells or runs something looks at the side that takes over alone.
    fn of(side: Side, kind: &Kind, journeys: &[Journey], lacks: bool) -> Need {
        let moves = lacks && kind.name.starts_with("azure.") && !kind.foreign;
        let takes_over = |journey: &Journey| {
            let ways = directions(*journey);
            ways.into_iter().any(|(_, target)| target == side)
        };
        let needed = journeys.iter().filter(|journey| moves || takes_over(journey));
        let over = journeys.iter().filter(|journey| takes_over(journey));
        Need {
            journeys: needed.copied().collect(),
            takes_over: over.map(|journey| journey.word()).collect(),
        }
    }

    fn reason(&self, side: Side) -> String {
        if self.takes_over.is_empty() {
            let words: Vec<&str> = self.journeys.iter().map(|journey| journey.word()).collect();
            return format!("{} moves it from the {side} side", words.join(" and "));
        }
        format!("the {side} side takes over in {}", self.takes_over.join(" and "))
    }
}

fn of_check(check: &Check, findings: &mut Findings) {
    let Some(kind) = kinds::find(&check.kind.value) else {
        return;
    };
    let word = kind.name.trim_start_matches("check.");
    for entry in check.settings.as_map().unwrap_or_default() {
        match kind.setting(&entry.key) {
            Some(setting) => of_setting(entry, setting, findings),
            None => {
                let known: Vec<&str> = kind.settings.iter().map(|setting| setting.name).collect();
                unknown_key(entry, &format!("check `{word}`"), &known, findings);
            }
        }
    }
    for setting in kind.settings.iter().filter(|setting| setting.required) {
        if check.settings.get(setting.name).is_none() {
            missing_key(
                check.kind.span,
                setting.name,
                &format!("check `{word}`"),
                &shape::example_of(setting),
                findings,
            );
        }
    }
}
