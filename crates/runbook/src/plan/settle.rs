//! One step of a plan: its settings for one direction, resolved as far as a plan can.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{Check, DataLoss, Goal, LadderRung, OnFailure, PlannedStep, Retry, StepId};
use crate::{
    check::{describe, fill, fits_json, to_json},
    expr::{self, Scope},
    finding::{Finding, Findings, code_list as code},
    journey::{Journey, Region, Side},
    kind::{Kind, Setting, Shape, Stands},
    kinds,
    model::{self, Runbook, Step},
    units,
    yaml::{Node, Span},
};

/// How long a step is waited for where nothing says.
const TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// How often and how far apart a clean refusal is tried again where nothing says.
const RETRY: Retry = Retry {
    attempts: 4,
    backoff_from: Duration::from_secs(10),
    backoff_to: Duration::from_secs(120),
};

/// What all steps of a plan have in common.
pub(super) struct Frame<'a> {
    pub(super) runbook: &'a Runbook,
    pub(super) journey: Journey,
    pub(super) source: &'a Region,
    pub(super) target: &'a Region,
    pub(super) subscription: Option<Value>,
    /// Parameters, journey, region state.
    pub(super) scope: Scope<'a>,
}

/// The settings of a step for one direction.
pub(super) struct Sides {
    /// The `at` of the side that serves before the move.
    pub(super) source: Value,
    /// The `at` of the side that takes over.
    pub(super) target: Value,
}

impl<'a> Frame<'a> {
    /// Resolves the two sides of a step and returns the scope that knows them.
    pub(super) fn sides(&self, step: &Step, kind: &Kind, findings: &mut Findings) -> (Sides, Scope<'a>) {
        let base = self
            .scope
            .clone()
            .with_sides(self.source, &Value::Null, self.target, &Value::Null);
        let mut one = |side: Side| match step.at(side) {
            None => Value::Null,
            Some(node) => resolve(&Value::Object(raw(node, kind)), node.span, &base, findings),
        };
        let sides = Sides {
            source: one(self.source.side),
            target: one(self.target.side),
        };
        let scope = base.with_sides(self.source, &sides.source, self.target, &sides.target);
        (sides, scope)
    }

    /// Makes the planned step; its order is filled in later.
    pub(super) fn step(&self, step: &Step, kind: &'static Kind, findings: &mut Findings) -> PlannedStep {
        let (sides, scope) = self.sides(step, kind, findings);
        let settings = self.settings(step, kind, &sides, &scope, findings);
        let verify = if kind.is_check() {
            vec![check(kind, settings.clone(), step.name.span, findings)]
        } else {
            let mut made = |written: &model::Check| self.check(written, &scope, findings);
            let all: Vec<Check> = step.verify.iter().filter_map(&mut made).collect();
            // What a drill starts stands in a network that nobody reaches, and what reprotect turns round
            // serves nobody: at the target's addresses nothing would answer.
            let proves = matches!(self.journey, Journey::Failover | Journey::Failback) || kind.foreign;
            // What a person has done at a gate is proven wherever the gate takes part.
            let gate: Vec<Check> = step
                .proofs_of_gate()
                .iter()
                .filter_map(|written| self.check(written, &scope, findings))
                .collect();
            gate.into_iter()
                .chain(if proves { all } else { Vec::new() })
                .collect()
        };
        let goal = match &step.goal {
            None => None,
            Some(model::Goal::Condition(text)) => Some(Goal::Condition(text.value.trim().to_owned())),
            Some(model::Goal::Check(written)) => self.check(written, &scope, findings).map(Goal::Check),
        };
        PlannedStep {
            id: StepId(Arc::clone(&step.name.value)),
            kind: kind.name.to_owned(),
            summary: step.summary.clone(),
            after: Vec::new(),
            when: None,
            settings,
            source: sides.source,
            target: sides.target,
            data_loss: kind.can_lose(self.journey).then(|| data_loss(step, kind)),
            timeout: step.timeout.or(self.runbook.defaults.timeout).unwrap_or(TIMEOUT),
            retry: step
                .retry
                .clone()
                .or_else(|| self.runbook.defaults.retry.clone())
                .unwrap_or(RETRY),
            goal,
            repeat_safe: step.repeat.is_some(),
            on_failure: step
                .on_failure
                .as_ref()
                .map_or_else(|| usual_on_failure(kind), |found| found.value),
            verify,
            ends_recovery: step.ends.is_some(),
            before_recovery: false,
            critical: false,
            forecast: forecast(step, kind),
            remaining: Duration::ZERO,
        }
    }

    fn settings(
        &self,
        step: &Step,
        kind: &'static Kind,
        sides: &Sides,
        scope: &Scope<'_>,
        findings: &mut Findings,
    ) -> Value {
        let mut map = step.with.as_ref().map_or_else(Map::new, |with| raw(with, kind));
        if let Value::Object(target) = &sides.target {
            for (key, value) in target {
                let own = kind
                    .setting(key)
                    .is_some_and(|setting| kind.free_at || setting.stands != Stands::With);
                if own && !map.contains_key(key) {
                    map.insert(key.clone(), value.clone());
                }
            }
        }
        fill(&mut map, kind.settings);
        if kind.setting("subscription").is_some()
            && !map.contains_key("subscription")
            && let Some(subscription) = &self.subscription
        {
            map.insert("subscription".to_owned(), subscription.clone());
        }
        if kind.setting("specification").is_some() && !map.contains_key("specification") {
            let from = map
                .get("from")
                .and_then(Value::as_str)
                .filter(|from| *from != "capture");
            let path = from.map_or_else(|| format!("captures/{}.json", step.name.value), str::to_owned);
            map.insert("specification".to_owned(), Value::from(path));
        }
        let span = step.with.as_ref().map_or(step.name.span, |with| with.span);
        let settings = resolve(&Value::Object(map), span, scope, findings);
        confirm(step, kind.settings, &settings, findings);
        settings
    }

    fn check(&self, written: &model::Check, scope: &Scope<'_>, findings: &mut Findings) -> Option<Check> {
        let kind = kinds::find(&written.kind.value)?;
        let mut map = raw(&written.settings, kind);
        fill(&mut map, kind.settings);
        let settings = resolve(&Value::Object(map), written.settings.span, scope, findings);
        Some(check(kind, settings, written.kind.span, findings))
    }
}

/// The place of a setting, for findings.
pub(super) fn place(step: &Step, name: &str) -> Span {
    let nodes = [&step.with, &step.primary, &step.paired];
    let entry = nodes.into_iter().flatten().find_map(|node| node.entry(name));
    entry.map_or(step.name.span, |entry| entry.value.span)
}

fn raw(node: &Node, kind: &Kind) -> Map<String, Value> {
    let entries = node.as_map().unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            let shape = kind
                .setting(&entry.key)
                .map_or(Shape::Any, |setting| setting.shape);
            (entry.key.to_string(), to_json(&entry.value, &shape))
        })
        .collect()
}

fn resolve(value: &Value, span: Span, scope: &Scope<'_>, findings: &mut Findings) -> Value {
    match expr::resolve_partly(value, scope) {
        Ok(value) => value,
        Err(error) => {
            let finding = Finding::error(code::NO_ANSWER, error.to_string())
                .because("an expression of the step has no value in this plan")
                .fix("give the parameter a value, or the expression a default: `has(a.b) ? a.b : 'none'`");
            findings.add(span, finding);
            value.clone()
        }
    }
}

/// What expressions gave must be what the settings take: a name from a parameter goes into a path.
fn confirm(step: &Step, settings: &[Setting], values: &Value, findings: &mut Findings) {
    for setting in settings {
        let Some(value) = values.get(setting.name) else {
            continue;
        };
        if !fits_json(value, &setting.shape) {
            let message = format!(
                "`{}` of step `{}` becomes {value}, which is not {}",
                setting.name,
                step.name.value,
                describe(&setting.shape)
            );
            let finding = Finding::error(
                code::WRONG_PARAMETER,
                message.chars().take(300).collect::<String>(),
            )
            .because("the value comes from an expression and must be what the setting takes")
            .fix("give the parameter a value that fits");
            findings.add(place(step, setting.name), finding);
        }
    }
}

fn check(kind: &Kind, settings: Value, span: Span, findings: &mut Findings) -> Check {
    let mut time = |name: &str| {
        let text = settings.get(name).and_then(Value::as_str).unwrap_or("0s");
        units::parse_duration(text).unwrap_or_else(|_| {
            let finding = Finding::error(
                code::NO_ANSWER,
                format!("`{name}` is `{text}`, which is not a duration"),
            )
            .because("how long a check takes must be known before anything runs")
            .fix("write one such as `5m`");
            findings.add(span, finding);
            Duration::ZERO
        })
    };
    let (within, hold, every) = (time("within"), time("for"), time("every"));
    Check {
        kind: kind.name.to_owned(),
        settings,
        within,
        hold,
        every: every.max(Duration::from_millis(100)),
    }
}

fn data_loss(step: &Step, kind: &Kind) -> DataLoss {
    let written = step.data_loss.as_ref();
    let mut ladder: Vec<LadderRung> = written
        .map_or(&[][..], |loss| &loss.ladder)
        .iter()
        .map(|(name, within)| LadderRung {
            name: name.value.to_string(),
            within: *within,
        })
        .collect();
    if ladder.is_empty() {
        ladder.extend(kind.ladder.iter().map(|name| LadderRung {
            name: (*name).to_owned(),
            within: None,
        }));
    }
    DataLoss {
        budget: written
            .and_then(|loss| loss.budget.as_ref())
            .map_or(Duration::ZERO, |budget| budget.value),
        ladder,
    }
}

/// The kind's usual time; for a wait and for a check that must hold, what the file says.
fn forecast(step: &Step, kind: &Kind) -> Duration {
    let with = |name: &str| {
        let scalar = step.with.as_ref()?.get(name)?.as_scalar()?;
        units::parse_duration(&scalar.text).ok()
    };
    match kind.name {
        "gate.wait" => with("for").unwrap_or(kind.forecast),
        _ if kind.is_check() => Duration::from_secs(5) + with("for").unwrap_or_default(),
        _ => kind.forecast,
    }
}

/// A message that could not be delivered stops nobody; anything else holds up what depends on it.
fn usual_on_failure(kind: &Kind) -> OnFailure {
    match kind.name.starts_with("notify.") {
        true => OnFailure::Continue,
        false => OnFailure::Block,
    }
}
