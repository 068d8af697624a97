//! Pictures of a plan, as Mermaid and as DOT.

use std::fmt::Write;

use crate::plan::{Plan, PlannedStep};

/// Writes a plan as a Mermaid flow chart.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    let number = numbers(plan);
    for (index, step) in plan.steps.iter().enumerate() {
        let label = format!("{}<br/>{}", quiet(step.id.as_str()), quiet(&step.kind));
        let (open, close) = match shape(step) {
            Shape::Gate => ("{{\"", "\"}}"),
            Shape::Check => ("([\"", "\"])"),
            Shape::Change => ("[\"", "\"]"),
        };
        let _ = writeln!(out, "    s{index}{open}{label}{close}");
    }
    for (index, step) in plan.steps.iter().enumerate() {
        for on in &step.after {
            if let Some(from) = number.get(on.as_str()) {
                let arrow = if step.critical && plan.steps[*from].critical {
                    "==>"
                } else {
                    "-->"
                };
                let _ = writeln!(out, "    s{from} {arrow} s{index}");
            }
        }
    }
    let of = |wanted: &dyn Fn(&PlannedStep) -> bool| {
        let found = plan.steps.iter().enumerate().filter(|(_, step)| wanted(step));
        found
            .map(|(index, _)| format!("s{index}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let ends = of(&|step| step.ends_recovery);
    if !ends.is_empty() {
        let _ = writeln!(
            out,
            "    classDef recovery stroke-width:4px\n    class {ends} recovery"
        );
    }
    let off = of(&|step| !step.before_recovery);
    if !off.is_empty() {
        let _ = writeln!(
            out,
            "    classDef afterwards stroke-dasharray:4 4\n    class {off} afterwards"
        );
    }
    out
}

/// Writes a plan in the language of Graphviz.
pub fn dot(plan: &Plan) -> String {
    let mut out = format!(
        "digraph \"{}\" {{\n    rankdir=LR;\n    node [shape=box];\n",
        quiet(&plan.runbook)
    );
    let number = numbers(plan);
    for step in &plan.steps {
        let shape = match shape(step) {
            Shape::Gate => "hexagon",
            Shape::Check => "oval",
            Shape::Change => "box",
        };
        let mut style = Vec::new();
        if step.critical {
            style.push("bold");
        }
        if !step.before_recovery {
            style.push("dashed");
        }
        let edges = if step.ends_recovery { ", peripheries=2" } else { "" };
        let name = quiet(step.id.as_str());
        let style = if style.is_empty() {
            String::new()
        } else {
            format!(", style=\"{}\"", style.join(","))
        };
        let _ = writeln!(
            out,
            "    \"{name}\" [label=\"{name}\\n{}\", shape={shape}{style}{edges}];",
            quiet(&step.kind)
        );
    }
    for step in &plan.steps {
        for on in step.after.iter().filter(|on| number.contains_key(on.as_str())) {
            let critical = step.critical && plan.steps[number[on.as_str()]].critical;
            let style = if critical { " [style=bold]" } else { "" };
            let _ = writeln!(
                out,
                "    \"{}\" -> \"{}\"{style};",
                quiet(on.as_str()),
                quiet(step.id.as_str())
            );
        }
    }
    out.push_str("}\n");
    out
}

enum Shape {
    Gate,
    Check,
    Change,
}

fn shape(step: &PlannedStep) -> Shape {
    match step.kind.split('.').next() {
        Some("gate") => Shape::Gate,
        Some("check") => Shape::Check,
        _ => Shape::Change,
    }
}

fn numbers(plan: &Plan) -> std::collections::HashMap<&str, usize> {
    plan.steps
        .iter()
        .enumerate()
        .map(|(index, step)| (step.id.as_str(), index))
        .collect()
}

/// Names are small letters and dashes; whatever else may come is kept out of the pictures' languages.
fn quiet(text: &str) -> String {
    text.chars()
        .filter(|sign| sign.is_alphanumeric() || matches!(sign, '-' | '.' | '_' | ' '))
        .collect()
}
