//! The values of the parameters: from the command line, a file, or their defaults.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PlanRequest;
use crate::{
    check::{describe, fits_json},
    expr::{self, Scope},
    finding::{Finding, Findings, code_list as code, nearest},
    kind::Shape,
    model::{Parameter, ParameterType, Runbook},
    yaml::{self, Node},
};

/// Returns the value of every parameter that has one.
pub(super) fn settle(
    runbook: &Runbook,
    request: &PlanRequest<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, Value> {
    let mut given: BTreeMap<String, Value> = BTreeMap::new();
    if let Some((name, bytes)) = &request.parameters_file {
        from_file(runbook, name, bytes, &mut given, findings);
    }
    for (name, text) in &request.set {
        match known(runbook, name) {
            Some(parameter) => {
                if let Some(value) = typed(parameter, text, "--set", findings) {
                    given.insert(name.clone(), value);
                }
            }
            None => unknown(runbook, name, "--set", findings),
        }
    }
    for parameter in &runbook.parameters {
        let name = parameter.name.value.to_string();
        if given.contains_key(&name) {
            continue;
        }
        if let Some(value) = default(runbook, parameter, request, findings) {
            given.insert(name, value);
        }
    }
    given
}

fn known<'a>(runbook: &'a Runbook, name: &str) -> Option<&'a Parameter> {
    runbook
        .parameters
        .iter()
        .find(|parameter| &*parameter.name.value == name)
}

fn unknown(runbook: &Runbook, name: &str, from: &str, findings: &mut Findings) {
    let shown: String = name.chars().take(63).collect();
    let all = runbook.parameters.iter().map(|parameter| &*parameter.name.value);
    findings.add_bare(
        Finding::error(
            code::UNKNOWN_PARAMETER,
            format!("{from}: the runbook has no parameter `{}`", shown.escape_debug()),
        )
        .because("a value that nobody reads would be believed to change something")
        .did_you_mean(nearest(name, all))
        .fix("declare it under `parameters` of the runbook, or leave it out"),
    );
}

fn from_file(
    runbook: &Runbook,
    name: &str,
    bytes: &[u8],
    given: &mut BTreeMap<String, Value>,
    findings: &mut Findings,
) {
    let (root, troubles) = yaml::read(bytes);
    let entries = root.as_ref().and_then(Node::as_map);
    let (Some(entries), true) = (entries, troubles.is_empty()) else {
        let place = troubles
            .first()
            .map_or_else(String::new, |trouble| format!(" (line {})", trouble.span.line));
        findings.add_bare(
            Finding::error(
                code::BAD_PARAMETERS_FILE,
                format!("`{name}` cannot be read as parameters{place}"),
            )
            .because("a file of parameters is YAML or JSON: one map of names and values")
            .fix("write one `name: value` a line"),
        );
        return;
    };
    for entry in entries {
        match (known(runbook, &entry.key), entry.value.as_scalar()) {
            (None, _) => unknown(runbook, &entry.key, name, findings),
            (Some(parameter), Some(scalar)) => {
                if let Some(value) = typed(parameter, &scalar.text, name, findings) {
                    given.insert(entry.key.to_string(), value);
                }
            }
            (Some(parameter), None) => wrong(parameter, &entry.value.describe(), name, findings),
        }
    }
}

fn default(
    runbook: &Runbook,
    parameter: &Parameter,
    request: &PlanRequest<'_>,
    findings: &mut Findings,
) -> Option<Value> {
    let name = &*parameter.name.value;
    let Some(node) = &parameter.default else {
        let read = runbook.steps.iter().flat_map(|step| &step.reads).any(|read| {
            !read.reference.guarded
                && matches!(read.reference.path.as_slice(), [root, of, ..] if matches!(root.as_str(), "params" | "parameters") && of == name)
        });
        if parameter.required || read {
            let finding = Finding::error(code::NO_VALUE, format!("parameter `{name}` has no value"))
                .because(
                    parameter
                        .summary
                        .clone()
                        .unwrap_or_else(|| "it has no default and is needed".to_owned()),
                )
                .fix(format!("give it: `--set {name}=…`"))
                .fix("write it into a file and give that: `--parameters FILE`");
            findings.add(parameter.name.span, finding);
        }
        return None;
    };
    let text = node.as_scalar().map(|scalar| scalar.text.to_string())?;
    let scope = Scope::new().with_environment(request.environment);
    match expr::resolve(&Value::String(text), &scope) {
        Ok(Value::String(text)) => typed(parameter, &text, "its default", findings),
        Ok(other) => typed(parameter, &other.to_string(), "its default", findings),
        Err(error) => {
            let variable = parameter
                .reads
                .iter()
                .find_map(|read| read.reference.path.get(1).cloned());
            let mut finding = Finding::error(
                code::NO_VALUE,
                format!("parameter `{name}` has no value: {error}"),
            )
            .because("its default reads the environment, where that variable is not set");
            if let Some(variable) = variable {
                finding = finding.fix(format!("set the variable: `export {variable}=…`"));
            }
            findings.add(node.span, finding.fix(format!("give it: `--set {name}=…`")));
            None
        }
    }
}

fn shape(parameter: &Parameter) -> Shape {
    match parameter.shape {
        ParameterType::String | ParameterType::Choice => Shape::Text,
        ParameterType::Number => Shape::Number(i64::MIN, i64::MAX),
        ParameterType::Flag => Shape::Flag,
        ParameterType::Duration => Shape::Duration,
        ParameterType::SubscriptionId | ParameterType::Name => Shape::Name,
        ParameterType::ResourceId => Shape::ResourceId,
        ParameterType::Url => Shape::Url,
        ParameterType::Secret => Shape::Secret,
    }
}

/// Makes a value of the parameter's type of a text.
fn typed(parameter: &Parameter, text: &str, from: &str, findings: &mut Findings) -> Option<Value> {
    let shape = shape(parameter);
    let value = match shape {
        Shape::Number(..) => text.trim().parse::<i64>().map(Value::from).ok(),
        Shape::Flag => text.trim().parse::<bool>().map(Value::from).ok(),
        _ => Some(Value::from(text)),
    };
    let allowed =
        parameter.shape != ParameterType::Choice || parameter.choices.iter().any(|choice| choice == text);
    match value.filter(|value| allowed && fits_json(value, &shape)) {
        Some(value) => Some(value),
        None => {
            let shown: String = text.chars().take(40).collect();
            wrong(parameter, &format!("`{}`", shown.escape_debug()), from, findings);
            None
        }
    }
}

fn wrong(parameter: &Parameter, what: &str, from: &str, findings: &mut Findings) {
    let name = &parameter.name.value;
    let wanted = match parameter.shape {
        ParameterType::Choice => format!("one of {}", parameter.choices.join(", ")),
        ParameterType::SubscriptionId => "the id of a subscription".to_owned(),
        _ => describe(&shape(parameter)),
    };
    let finding = Finding::error(
        code::WRONG_PARAMETER,
        format!("parameter `{name}` is {what}, not {wanted}"),
    )
    .because(format!(
        "its type is `{}`; the value comes from {from}",
        parameter.shape.word()
    ))
    .fix(format!("give it {wanted}"));
    findings.add(parameter.name.span, finding);
}
