//! From the marked tree to the model: every key in its place, every finding at once.

mod fields;
mod reads;
mod step;
mod trouble;
mod values;

pub(crate) use fields::{missing_key, unknown_key, words};
pub(crate) use values::is_name;

use std::collections::HashMap;

use fields::Fields;

use crate::{
    finding::{Finding, Findings, Severity, Source, code_list as code},
    model::{Defaults, Objectives, Parameter, ParameterType, Regions, Runbook, Spanned, Stand},
    yaml::{self, Node, Span},
};

/// The version of the language that this program reads.
pub const LANGUAGE: i64 = 1;

const KEYS: [&str; 8] = [
    "leeward",
    "name",
    "summary",
    "regions",
    "objectives",
    "parameters",
    "defaults",
    "steps",
];

/// What became of a text.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The runbook; missing where the text could not be read at all.
    pub runbook: Option<Runbook>,
    /// What is wrong with the text, sorted by place. [`crate::check::check`] says more.
    pub findings: Vec<Finding>,
}

/// Reads the text of a runbook. `name` is the file as findings are to call it.
pub fn read(name: &str, bytes: &[u8]) -> Reading {
    let text = if bytes.len() > yaml::MOST_BYTES {
        std::borrow::Cow::Borrowed("")
    } else {
        String::from_utf8_lossy(bytes)
    };
    let mut findings = Findings::new(Source::new(name, &text));
    let (root, troubles) = yaml::read(bytes);
    for trouble in &troubles {
        trouble::add(trouble, &mut findings);
    }
    if troubles.len() > yaml::MOST_TROUBLES {
        let message = format!("reading stopped after {} of these", yaml::MOST_TROUBLES);
        findings.add_bare(
            Finding::error(code::TOO_MANY_FINDINGS, message)
                .because(
                    "until they are mended nothing else of the file is looked at: there may be more to tell",
                )
                .fix("mend the first ones and check again"),
        );
    }
    if root.is_none() && troubles.is_empty() {
        findings.add(START, empty());
    }
    let runbook = root.and_then(|root| document(&root, &mut findings));
    let findings = findings.finish();
    let runbook = runbook.map(|mut runbook| {
        runbook.found.clone_from(&findings);
        runbook
    });
    Reading { runbook, findings }
}

impl Reading {
    /// Says whether the text can be planned as far as reading goes.
    pub fn is_sound(&self) -> bool {
        self.runbook.is_some()
            && self
                .findings
                .iter()
                .all(|found| found.severity != Severity::Error)
    }
}

fn document(root: &Node, findings: &mut Findings) -> Option<Runbook> {
    if root.is_null() {
        findings.add(root.span, empty());
        return None;
    }
    let fields = Fields::of(root, "a runbook", &KEYS, findings)?;
    if !version(&fields, findings) {
        return None;
    }
    let name = fields
        .need("name", "a runbook", "name: my-platform", findings)
        .and_then(|node| values::name(node, "a runbook's name", findings))
        .map_or_else(
            || Spanned::new(String::new(), root.span),
            |name| Spanned::new(name.value.to_string(), name.span),
        );
    let summary = fields
        .get("summary", findings)
        .and_then(|node| values::text(node, "`summary`", findings))
        .map(|text| Spanned::new(text.value.to_string(), text.span));
    let regions = fields
        .need(
            "regions",
            "a runbook",
            "regions: { primary: westeurope, paired: northeurope }",
            findings,
        )
        .map_or_else(Regions::default, |node| regions(node, findings));
    let objectives = fields
        .get("objectives", findings)
        .map_or_else(Objectives::default, |node| objectives(node, findings));
    let parameters = fields
        .get("parameters", findings)
        .map_or_else(Vec::new, |node| parameters(node, findings));
    let defaults = fields
        .get("defaults", findings)
        .map_or_else(Defaults::default, |node| defaults(node, findings));
    let steps = fields
        .need("steps", "a runbook", "steps: { … }", findings)
        .map_or_else(Vec::new, |node| step::steps(node, findings));
    Some(Runbook {
        source: findings.source.clone(),
        found: Vec::new(),
        name,
        summary,
        regions,
        objectives,
        parameters,
        defaults,
        steps,
    })
}

fn empty() -> Finding {
    Finding::error(code::NOT_YAML, "the file is empty")
        .because("a runbook has at least `leeward`, `name`, `regions` and `steps`")
        .fix("start from one of the examples in `runbooks/`")
}

/// Says whether this program may go on reading: a newer language is not guessed at.
fn version(fields: &Fields<'_>, findings: &mut Findings) -> bool {
    let Some(node) = fields.need("leeward", "a runbook", "leeward: 1", findings) else {
        return true;
    };
    let whole = node.as_scalar().and_then(|scalar| scalar.as_whole());
    match whole {
        Some(LANGUAGE) => true,
        Some(newer) if newer > LANGUAGE => {
            let message =
                format!("this runbook is written in language version {newer}, this program reads {LANGUAGE}");
            let finding = Finding::error(code::WRONG_VERSION, message)
                .because("a newer language may say things that this program would miss")
                .fix("install a newer leeward")
                .fix(format!(
                    "or write `leeward: {LANGUAGE}` if the file uses nothing newer"
                ));
            findings.add(node.span, finding);
            false
        }
        _ => {
            let message = format!("the version of the language is {}", node.describe());
            let finding = Finding::error(code::WRONG_VERSION, message)
                .because("the first key names the version of the language, a whole number")
                .fix(format!("write `leeward: {LANGUAGE}`"));
            findings.add(node.span, finding);
            true
        }
    }
}

fn regions(node: &Node, findings: &mut Findings) -> Regions {
    let what = "`regions`";
    let Some(fields) = Fields::of(node, what, &["primary", "paired"], findings) else {
        return Regions::default();
    };
    let mut side = |key: &str, example: &str| {
        let node = fields.need(key, what, example, findings)?;
        let found = values::text(node, "a region", findings)?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !found.value.bytes().all(plain) || found.value.len() > 40 {
            let mended: String = found
                .value
                .to_lowercase()
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(40)
                .collect();
            let message = format!("`{}` is not the name of a region", found.value.escape_debug());
            let finding = Finding::error(code::WRONG_REGION, message)
                .because("Azure's names of regions are one word of small letters and digits")
                .fix(format!("write `{mended}`"));
            findings.add(found.span, finding);
        }
        Some(Spanned::new(found.value.to_string(), found.span))
    };
    let primary = side("primary", "primary: westeurope");
    let paired = side("paired", "paired: northeurope");
    if let (Some(primary), Some(paired)) = (&primary, &paired)
        && primary.value == paired.value
    {
        let finding = Finding::error(
            code::WRONG_REGION,
            format!("both regions are `{}`", primary.value),
        )
        .because("a platform cannot take shelter in the region that burns")
        .fix("name the region that takes over under `paired`");
        findings.add(paired.span, finding);
    }
    Regions { primary, paired }
}

fn objectives(node: &Node, findings: &mut Findings) -> Objectives {
    let Some(fields) = Fields::of(node, "`objectives`", &["rto", "rpo"], findings) else {
        return Objectives::default();
    };
    let mut one = |key: &str| {
        let node = fields.get(key, findings)?;
        let found = values::duration(node, &format!("`{key}`"), findings)?;
        Some(Spanned::new(found, node.span))
    };
    Objectives {
        rto: one("rto"),
        rpo: one("rpo"),
    }
}

fn parameters(node: &Node, findings: &mut Findings) -> Vec<Parameter> {
    let Some(entries) = node.as_map() else {
        values::wrong(
            node,
            "`parameters`",
            "a map of names",
            "`change: { type: string }`",
            findings,
        );
        return Vec::new();
    };
    let mut all = Vec::new();
    for entry in entries {
        let what = format!("parameter `{}`", entry.key);
        values::check_name(&entry.key, "a parameter's name", entry.span, findings);
        let known = ["type", "default", "summary", "required", "choices"];
        let Some(fields) = Fields::of(&entry.value, &what, &known, findings) else {
            continue;
        };
        let shape = fields
            .need("type", &what, "type: string", findings)
            .and_then(|node| values::word(node, "`type`", &ParameterType::ALL, findings))
            .unwrap_or(ParameterType::String);
        let default = fields.get("default", findings).cloned();
        if let Some(node) = default.as_ref().filter(|node| node.as_scalar().is_none()) {
            values::wrong(node, "`default`", "one value", "`default: \"…\"`", findings);
        }
        let mut reads = Vec::new();
        if let Some(node) = &default {
            reads::of_node(node, Stand::Parameter, &mut reads, findings);
        }
        let choices = fields.get("choices", findings).map_or_else(Vec::new, |node| {
            values::list(node, "`choices`", findings)
                .iter()
                .filter_map(|node| values::text(node, "a choice", findings))
                .map(|text| text.value.to_string())
                .collect()
        });
        if shape == ParameterType::Choice && choices.is_empty() && fields.entry("choices").is_none() {
            fields::missing_key(entry.span, "choices", &what, "choices: [blue, green]", findings);
        }
        all.push(Parameter {
            name: Spanned::new(entry.key.clone(), entry.span),
            shape,
            choices,
            default,
            summary: fields
                .get("summary", findings)
                .and_then(|node| values::text(node, "`summary`", findings))
                .map(|text| text.value.to_string()),
            required: fields
                .get("required", findings)
                .and_then(|node| values::flag(node, "`required`", findings))
                .unwrap_or(false),
            reads,
        });
    }
    all
}

fn defaults(node: &Node, findings: &mut Findings) -> Defaults {
    let Some(fields) = Fields::of(node, "`defaults`", &["timeout", "retry"], findings) else {
        return Defaults::default();
    };
    Defaults {
        timeout: fields
            .get("timeout", findings)
            .and_then(|node| values::duration(node, "`timeout`", findings)),
        retry: fields
            .get("retry", findings)
            .and_then(|node| values::retry(node, findings)),
    }
}

/// Maps names to where they stand in a list; the first of a name wins.
pub(crate) fn by_name<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    let mut map = HashMap::new();
    for (index, name) in names.enumerate() {
        map.entry(name).or_insert(index);
    }
    map
}

/// The place of the first sign of a file.
pub(crate) const START: Span = Span {
    line: 1,
    column: 1,
    start: 0,
    end: 0,
};
