//! What should a person know before a move is begun? What stands in its way, and what Azure says of health, in a few
//! seconds at most. Nothing is decided by it, and nothing waits for what does not answer.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use leeward_engine::port::{Context, SourceRegion};
use serde::Serialize;

use super::{
    health::{self, Health, Issue},
    locks::{self, Change},
    watch::{Watch, all_folded},
};
use crate::arm::Arm;

/// How long one question about health is waited for.
const WITHIN: Duration = Duration::from_secs(3);
/// Of how many resources the health is asked for: it is evidence, not an inventory.
const MANY: usize = 30;

/// A step on paper, with what it claims.
#[derive(Clone)]
pub struct Claimed {
    /// Its context.
    pub context: Context,
    /// The targets that its driver names.
    pub targets: Vec<String>,
}

/// One thing that stands in the way of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blocker {
    /// The step.
    pub step: String,
    /// What it is, and what lifts it.
    pub what: String,
}

/// What Azure says of the health of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// A resource's id, or a region's name.
    pub of: String,
    /// What was said.
    pub said: Said,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// How a resource is.
    Health(Health),
    /// What goes on in a region.
    Issue(Issue),
    /// Nothing goes on in a region that Azure tells of.
    Nothing,
    /// It could not be read.
    Unread(String),
}

/// Says what stands in the way of steps, as far as can be known before any of them is assessed.
pub async fn blockers(arm: &Arm, steps: &[Claimed]) -> Vec<Blocker> {
    let watch = Watch::new(arm.clone());
    join_all(steps.iter().map(|step| async {
        if !step.targets.is_empty() {
            watch
                .prepare(&step.context, &all_folded(step.targets.clone()))
                .await;
        }
    }))
    .await;
    let mut found = Vec::new();
    for step in steps {
        let targets = all_folded(step.targets.clone());
        let (planned, journey) = (&step.context.step, step.context.plan.journey);
        let changes = locks::changes_on_paper(planned, journey, targets);
        // The group of the other side may lie where it likes.
        let sent: Vec<String> = changes
            .iter()
            .map(|change: &Change| change.target.clone())
            .filter(|target| watch.is_of_target(&step.context, target))
            .collect();
        let told = watch.told(&step.context, &changes, &sent);
        found.extend(told.into_iter().map(|what| Blocker {
            step: planned.id.to_string(),
            what,
        }));
    }
    found
}

/// Asks Azure for the health of what steps claim, and of the region that they leave.
pub async fn evidence(arm: &Arm, steps: &[Claimed]) -> Vec<Evidence> {
    let Some(first) = steps.first() else {
        return Vec::new();
    };
    let mut asked = BTreeSet::new();
    let mut subscriptions = BTreeSet::new();
    let mut about = Vec::new();
    for step in steps {
        for target in all_folded(step.targets.clone()) {
            subscriptions.extend(target.split('/').nth(2).map(str::to_owned));
            if let Some(subject) = health::subject(&target)
                && asked.len() < MANY
                && asked.insert(subject.clone())
            {
                about.push((step, subject));
            }
        }
    }
    let region = first.context.plan.source.region.as_str();
    let regions = subscriptions.iter().map(|subscription| async move {
        let reading = health::of_region(arm, subscription, region);
        let said = match tokio::time::timeout(WITHIN, reading).await {
            Ok(Ok(issues)) if issues.is_empty() => vec![Said::Nothing],
            Ok(Ok(issues)) => issues.into_iter().map(Said::Issue).collect(),
            Ok(Err(error)) => vec![Said::Unread(error.to_string())],
            Err(_) => vec![unanswered()],
        };
        let of = region.to_owned();
        said.into_iter()
            .map(move |said| Evidence { of: of.clone(), said })
            .collect::<Vec<_>>()
    });
    let resources = about.into_iter().map(|(step, subject)| async move {
        let context = Context {
            source_region: SourceRegion::Open,
            ..step.context.clone()
        };
        let arm = arm.for_step(&context);
        let reading = health::of_resource(&arm, &subject);
        let said = match tokio::time::timeout(WITHIN, reading).await {
            Ok(Ok(Some(health))) => Said::Health(health),
            Ok(Ok(None)) => Said::Unread("it shows no state".to_owned()),
            // What is still to be made has no health.
            Ok(Err(error)) if error.is_missing() => return None,
            Ok(Err(error)) => Said::Unread(error.to_string()),
            Err(_) => unanswered(),
        };
        Some(Evidence { of: subject, said })
    });
    let (regions, resources) = tokio::join!(join_all(regions), join_all(resources));
    let mut all: Vec<Evidence> = Vec::new();
    for one in regions
        .into_iter()
        .flatten()
        .chain(resources.into_iter().flatten())
    {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

fn unanswered() -> Said {
    Said::Unread(format!("no answer within {} s", WITHIN.as_secs()))
}

#[cfg(test)]
mod tests {
    use leeward_runbook::journey::Journey;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{FakeAzure, context};

    const ACCOUNT: &str =
        "/subscriptions/sub-1/resourceGroups/rg-neu/providers/Microsoft.Storage/storageAccounts/a";

    fn steps() -> Vec<Claimed> {
        let with = json!({"account": "a", "resource-group": "rg-neu"});
        let step = context(
            "azure.storage.geo-failover",
            Journey::Failover,
            with,
            json!({}),
            json!({}),
        );
        let check = context("check.http", Journey::Failover, json!({}), json!({}), json!({}));
        vec![
            Claimed {
                context: step,
                targets: vec![ACCOUNT.to_owned()],
            },
            Claimed {
                context: check,
                targets: Vec::new(),
            },
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_is_told_before_anything_is_begun_and_nothing_is_changed() {
        let azure = FakeAzure::new();
        let lock = json!({"id": "/subscriptions/sub-1/resourceGroups/rg-neu/providers/Microsoft.Authorization/locks/keep", "properties": {"level": "ReadOnly"}});
        azure.on(
            "GET",
            "/sub-1/providers/Microsoft.Authorization/locks",
            200,
            json!({"value": [lock]}),
        );
        azure.on(
            "GET",
            "/resourcegroups/rg-neu",
            200,
            json!({"location": "northeurope"}),
        );
        let found = blockers(&azure.arm(), &steps()).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].what.contains("ReadOnly lock `keep`") && found[0].step == "step",
            "{found:?}"
        );
        assert!(azure.changes().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn health_is_evidence_and_what_does_not_answer_is_told_within_seconds() {
        let azure = FakeAzure::new();
        azure.on(
            "GET",
            "/availabilityStatuses/current",
            200,
            json!({"properties": {"availabilityState": "Unknown"}}),
        );
        azure.on_with(
            "GET",
            "/events",
            (503, vec![("retry-after", "60".to_owned())], Value::Null),
        );
        let begun = tokio::time::Instant::now();
        let told = evidence(&azure.arm(), &steps()).await;
        assert!(begun.elapsed() <= WITHIN, "{:?}", begun.elapsed());
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            matches!(&told[0].said, Said::Unread(_)) && told[0].of == "westeurope",
            "{told:?}"
        );
        assert!(
            matches!(&told[1].said, Said::Health(health) if health.state == "Unknown"),
            "{told:?}"
        );
        assert!(evidence(&azure.arm(), &[]).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_still_to_be_made_has_no_health_and_a_calm_region_says_so() {
        let azure = FakeAzure::new();
        azure.on("GET", "/events", 200, json!({"value": []}));
        let told = evidence(&azure.arm(), &steps()).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].said, Said::Nothing);
    }
}
