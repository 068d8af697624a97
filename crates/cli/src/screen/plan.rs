//! What a plan would do, in order, what it could lose, and the digest that stands for all of it.

use leeward_azure::pace::Budget;
use leeward_runbook::{
    journey::Journey,
    plan::{OnFailure, Plan, PlannedStep},
};

use super::{Columns, Label, Paint, count, span};

/// What is known beside the plan itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The first line: what this way of running it cannot guard against.
    pub caution: Option<&'a str>,
    /// How many resources it touches, where the drivers could tell.
    pub resources: Option<usize>,
    /// The calls it would make, by forecast.
    pub calls: Option<&'a Budget>,
    /// The endpoint it would go to.
    pub endpoint: Option<&'a str>,
    /// How the side that serves is known, where the journey does not say.
    pub serving: Option<&'a str>,
}

/// Returns the plan as text.
pub fn plan(plan: &Plan, beside: Beside<'_>, paint: Paint) -> String {
    let mut text = String::new();
    if let Some(caution) = beside.caution {
        text.push_str(&format!("{}\n\n", paint.label(Label::Degraded, caution)));
    }
    let title = format!(
        "{} of {}: {} → {}",
        plan.journey, plan.runbook, plan.source.region, plan.target.region
    );
    text.push_str(&format!(
        "{}\n{}\n\n",
        paint.label(Label::Heading, &title),
        plan.summary.trim()
    ));
    text.push_str(&head(plan, beside, paint));
    text.push_str(&format!("\n{}\n", paint.label(Label::Heading, "Steps")));
    text.push_str(&steps(plan, paint));
    text.push_str(&format!(
        "\n{}\n",
        paint.label(Label::Heading, "What can be lost")
    ));
    text.push_str(&loss(plan, paint));
    text
}

fn head(plan: &Plan, beside: Beside<'_>, paint: Paint) -> String {
    let mut table = Columns::bare(0);
    table.row(["Plan".to_owned(), plan.digest()]);
    let path: Vec<&str> = plan.critical_path.iter().map(|step| step.as_str()).collect();
    table.row([
        "Forecast".to_owned(),
        format!("{} along {}", span(plan.forecast), path.join(" → ")),
    ]);
    let promise = |name: &str, value: Option<std::time::Duration>| match value {
        Some(value) => format!("{name} {}", span(value)),
        None => format!("no {name}"),
    };
    table.row([
        "Objectives".to_owned(),
        format!(
            "{}, {}",
            promise("RTO", plan.objectives.rto),
            promise("RPO", plan.objectives.rpo)
        ),
    ]);
    let steps = count(plan.steps.len(), "step");
    table.row([
        "Touches".to_owned(),
        match beside.resources {
            Some(resources) => format!("{} in {steps}", count(resources, "resource")),
            None => steps,
        },
    ]);
    if let Some(because) = beside.serving {
        table.row([
            "Serving".to_owned(),
            format!("{}, the {} side, {because}", plan.source.region, plan.source.side),
        ]);
    }
    if let Some(budget) = beside.calls {
        table.row(["Calls".to_owned(), calls(budget)]);
    }
    if plan.region_down {
        table.row([
            "Outage".to_owned(),
            format!(
                "declared: no request goes to {} before recovery",
                plan.source.region
            ),
        ]);
    }
    if let Some(endpoint) = beside.endpoint {
        table.row(["Endpoint".to_owned(), endpoint.to_owned()]);
    }
    table.show(paint)
}

/// Says how many calls it takes, and how long Azure's limits alone need for them.
fn calls(budget: &Budget) -> String {
    let mut many = vec![
        format!("about {}", count(number(budget.reads), "read")),
        count(number(budget.writes), "write"),
    ];
    if budget.deletes > 0 {
        many.push(count(number(budget.deletes), "delete"));
    }
    let many = many.join(", ");
    match budget.scarcest() {
        None => format!("{many}; Azure's limits slow none of them"),
        Some(cost) => format!(
            "{many}; Azure's limit on {} alone takes {} for {} of them",
            cost.limit,
            span(cost.at_least),
            cost.calls
        ),
    }
}

fn number(calls: u64) -> usize {
    usize::try_from(calls).unwrap_or(usize::MAX)
}

fn steps(plan: &Plan, paint: Paint) -> String {
    let mut table = Columns::new(&["   #", "step", "kind", "usually", "after"]);
    for (place, step) in plan.steps.iter().enumerate() {
        let after: Vec<&str> = step.after.iter().map(|id| id.as_str()).collect();
        let after = if after.is_empty() {
            "-".to_owned()
        } else {
            after.join(", ")
        };
        let notes = notes(step);
        let mark = if step.critical { "*" } else { " " };
        table.labelled(vec![
            (format!("{:>4}", place + 1), Some(Label::Quiet)),
            (format!("{} {mark}", step.id), None),
            (step.kind.clone(), None),
            (span(step.forecast), None),
            (
                match notes.is_empty() {
                    true => after,
                    false => format!("{after}  ({notes})"),
                },
                Some(Label::Quiet),
            ),
        ]);
    }
    let mut text = table.show(paint);
    text.push_str("  * on the critical path\n");
    for step in plan.steps.iter().filter(|step| switches_for_real(plan, step)) {
        text.push_str(&format!(
            "  {} switches there and back: the full backup after each switch may stand in the way of a real failover for hours\n",
            step.id
        ));
    }
    text
}

/// Whether a drill's step moves the databases themselves, which has a price that no duration shows.
fn switches_for_real(plan: &Plan, step: &PlannedStep) -> bool {
    let real = step.settings.get("real").and_then(|real| real.as_str());
    plan.journey == Journey::Drill && step.kind.starts_with("azure.sql.") && real == Some("planned")
}

fn notes(step: &PlannedStep) -> String {
    let mut notes = Vec::new();
    if step.ends_recovery {
        notes.push("ends recovery".to_owned());
    }
    if let Some(when) = &step.when {
        notes.push(format!("when {when}"));
    }
    match step.on_failure {
        OnFailure::Block => {}
        OnFailure::Continue => notes.push("a failure is a degradation".to_owned()),
        OnFailure::Halt => notes.push("a failure halts the run".to_owned()),
    }
    notes.join("; ")
}

fn loss(plan: &Plan, paint: Paint) -> String {
    let mut table = Columns::new(&["  step", "without asking", "ways, gentlest first"]);
    for step in &plan.steps {
        let Some(loss) = &step.data_loss else { continue };
        let ways: Vec<String> = loss
            .ladder
            .iter()
            .map(|rung| match rung.within {
                Some(within) => format!("{} (waits {})", rung.name, span(within)),
                None => rung.name.clone(),
            })
            .collect();
        let budget = match loss.budget.is_zero() {
            true => "nothing".to_owned(),
            false => format!("up to {}", span(loss.budget)),
        };
        table.row([format!("  {}", step.id), budget, ways.join(" → ")]);
    }
    match table.is_empty() {
        true => "  No step of this plan can lose data.\n".to_owned(),
        false => {
            let mut text = table.show(paint);
            text.push_str(
                "  It is measured before anything changes; more than this, or unknown, asks a person.\n",
            );
            text
        }
    }
}
