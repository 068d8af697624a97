//! What stands in the way of a move, and what Azure says of health: shown before anything is begun.

use std::sync::Arc;

use jiff::Timestamp;
use leeward_azure::{
    arm::Arm,
    governance::outlook::{self, Blocker, Claimed, Evidence, Said},
};
use leeward_engine::port::{Drivers, Files};
use leeward_runbook::plan::Plan;
use serde_json::{Value, json};

use super::plan::on_paper;
use crate::screen::{Columns, Label, Paint, between, span};

/// Returns every step with what it claims, as far as paper tells.
pub(super) fn claimed(plan: &Arc<Plan>, drivers: &Arc<dyn Drivers>, files: &Arc<dyn Files>) -> Vec<Claimed> {
    let of_step = |step: &Arc<leeward_runbook::plan::PlannedStep>| {
        let driver = drivers.of(&step.kind)?;
        let context = on_paper(plan, step, files);
        let targets = driver.targets(&context);
        Some(Claimed { context, targets })
    };
    plan.steps.iter().filter_map(of_step).collect()
}

/// Reads what stands in the way.
pub(super) async fn blockers(arm: &Arm, claimed: &[Claimed]) -> Vec<Blocker> {
    outlook::blockers(arm, claimed).await
}

/// Reads what Azure says of health.
pub(super) async fn evidence(arm: &Arm, claimed: &[Claimed]) -> Vec<Evidence> {
    outlook::evidence(arm, claimed).await
}

/// Returns what stands in the way as text; nothing where nothing does.
pub(super) fn in_the_way(found: &[Blocker], paint: Paint) -> String {
    if found.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{}\n",
        paint.label(Label::Bad, "What stands in the way, or could not be read")
    );
    for blocker in found {
        text.push_str(&format!("  {}: {}\n", blocker.step, blocker.what));
    }
    text
}

/// Returns what Azure says of health as text, with its age.
pub(super) fn health(told: &[Evidence], now: Timestamp, paint: Paint) -> String {
    if told.is_empty() {
        return String::new();
    }
    let title = "What Azure says of health, which decides nothing";
    let mut table = Columns::bare(2);
    for one in told {
        let name = one.of.rsplit('/').next().unwrap_or_default().to_owned();
        table.labelled(vec![(name, None), (words(&one.said, now), Some(Label::Quiet))]);
    }
    format!("\n{}\n{}", paint.label(Label::Heading, title), table.show(paint))
}

fn words(said: &Said, now: Timestamp) -> String {
    let age = |told: Option<Timestamp>| match told {
        Some(told) => format!(", told {} ago", span(between(told, now))),
        None => ", of unknown age".to_owned(),
    };
    match said {
        Said::Health(health) => format!("{}{}", health.state, age(health.told)),
        Said::Issue(issue) => format!("{}: {}{}", issue.id, issue.title, age(issue.told)),
        Said::Nothing => "no service issue that Azure tells of".to_owned(),
        Said::Unread(reason) => format!("could not be read: {reason}"),
    }
}

/// Returns health for machines.
pub(super) fn health_json(told: &[Evidence]) -> Vec<Value> {
    let one = |one: &Evidence| match &one.said {
        Said::Health(health) => {
            json!({"of": one.of, "state": health.state, "summary": health.summary, "since": health.since, "told": health.told})
        }
        Said::Issue(issue) => {
            json!({"of": one.of, "issue": issue.id, "summary": issue.title, "since": issue.since, "told": issue.told})
        }
        Said::Nothing => json!({"of": one.of, "issue": null}),
        Said::Unread(reason) => json!({"of": one.of, "unread": reason}),
    };
    told.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use leeward_azure::governance::health::Health;

    use super::*;

    #[test]
    fn health_is_told_with_its_age_and_as_evidence() {
        let now: Timestamp = "2026-11-24T03:00:00Z".parse().unwrap();
        let told = [
            Evidence {
                of: "/subscriptions/s/x/sql-weu".to_owned(),
                said: Said::Health(Health {
                    state: "Unavailable".to_owned(),
                    summary: String::new(),
                    since: None,
                    told: "2026-11-24T02:48:00Z".parse().ok(),
                }),
            },
            Evidence {
                of: "westeurope".to_owned(),
                said: Said::Nothing,
            },
        ];
        let text = health(&told, now, Paint::Plain);
        assert!(text.contains("which decides nothing"), "{text}");
        assert!(
            text.contains("sql-weu") && text.contains("Unavailable, told 12m ago"),
            "{text}"
        );
        assert!(
            text.contains("westeurope") && text.contains("no service issue"),
            "{text}"
        );
        assert_eq!(health(&[], now, Paint::Plain), "");
    }
}
