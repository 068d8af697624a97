//! What if the control plane of one way to move traffic is frozen? The step names another one by `fallback:`; it is
//! the second rung of every change, taken when the first way refuses or stays silent for the time that the file gives.
//! The step that is named stands by: it changes nothing by itself. On the way home nobody is in a hurry, and what was
//! used must come home too: both steps then move on their own.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Outputs, Probe, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{
    journey::Journey,
    plan::{Check, PlannedStep},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    arm::{Arm, refusal},
    kinds::settings,
};

/// The rung that goes the other way.
const OTHER: &str = "fallback";
/// How long the own way is waited for where the file says nothing.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause between two looks at a control plane that does not answer.
const PAUSE: Duration = Duration::from_secs(15);

/// The drivers of all ways, by kind.
pub(super) type Ways = BTreeMap<&'static str, Arc<dyn Driver>>;

/// Drives one way, with another one behind it.
pub(super) struct WithFallback {
    pub(super) own: Arc<dyn Driver>,
    pub(super) ways: Arc<Ways>,
    pub(super) arm: Arm,
}

/// What an operation of two ways needs after a restart: the pair of this place, and all of both.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pair {
    other_step: String,
    place: usize,
    own: Vec<Operation>,
    other: Vec<Operation>,
}

/// The way behind, as its own step describes it.
struct Behind {
    step: String,
    kind: String,
    driver: Arc<dyn Driver>,
    context: Context,
}

fn holds(seen: &Observation) -> bool {
    matches!(seen, Observation::Holds { .. })
}

fn done(evidence: String) -> Observation {
    Observation::Holds {
        evidence,
        ours: false,
        outputs: Outputs::new(),
    }
}

fn said(seen: &Observation) -> &str {
    match seen {
        Observation::Holds { evidence, .. }
        | Observation::InMotion { evidence, .. }
        | Observation::Busy { evidence }
        | Observation::NotBegun { evidence }
        | Observation::Barred { evidence } => evidence,
        Observation::CannotTell { reason } => reason,
    }
}

/// Returns the step whose fallback this one is.
fn stands_by(context: &Context) -> Option<&PlannedStep> {
    if context.plan.journey == Journey::Failback {
        return None;
    }
    let named = |step: &&Arc<PlannedStep>| {
        settings::optional_text(&step.settings, "fallback") == Some(context.step.id.as_str())
            && step.id != context.step.id
    };
    context.plan.steps.iter().find(named).map(|step| &**step)
}

/// Whether a setting still waits for the output of another step.
fn open(value: &Value) -> bool {
    value.to_string().contains("${{")
}

impl WithFallback {
    /// Returns the way behind, or why there is none; nothing where the file names none.
    fn behind(&self, context: &Context) -> Option<Result<Behind, String>> {
        let name = settings::optional_text(&context.settings, "fallback")?;
        if context.plan.journey == Journey::Failback {
            return None;
        }
        Some(self.named(context, name))
    }

    fn named(&self, context: &Context, name: &str) -> Result<Behind, String> {
        let found = context.plan.steps.iter().find(|step| step.id.as_str() == name);
        let step = found.ok_or_else(|| format!("its fallback `{name}` takes no part in this journey"))?;
        let driver = self.ways.get(step.kind.as_str());
        let driver = driver.ok_or_else(|| format!("its fallback `{name}` moves no traffic"))?;
        if open(&step.settings) || open(&step.source) || open(&step.target) {
            return Err(format!(
                "its fallback `{name}` reads outputs, which are not known here"
            ));
        }
        Ok(Behind {
            step: name.to_owned(),
            kind: step.kind.clone(),
            driver: driver.clone(),
            context: Context {
                step: step.clone(),
                settings: Arc::new(step.settings.clone()),
                source: Arc::new(step.source.clone()),
                target: Arc::new(step.target.clone()),
                ..context.clone()
            },
        })
    }

    /// Assesses the own way, waiting for a control plane that is silent as long as the file says.
    async fn own_found(&self, context: &Context, patience: Duration) -> Result<Assessment, DriverError> {
        let clock = self.arm.clock();
        let until = clock.now().uptime + patience;
        loop {
            match self.own.assess(context).await {
                Err(DriverError::Unreachable { .. }) if clock.now().uptime + PAUSE < until => {
                    clock.sleep_until(clock.now().uptime + PAUSE).await;
                }
                found => return found,
            }
        }
    }

    fn pair(operation: &Operation) -> Option<Pair> {
        serde_json::from_value(operation.payload.get("two-ways")?.clone()).ok()
    }

    async fn pending(
        driver: &dyn Driver,
        context: &Context,
        all: Vec<Operation>,
    ) -> (Vec<Operation>, Vec<Operation>) {
        let (mut held, mut pending) = (Vec::new(), Vec::new());
        for operation in all {
            match holds(&driver.observe(context, &operation).await) {
                true => held.push(operation),
                false => pending.push(operation),
            }
        }
        (held, pending)
    }

    async fn all_hold(driver: &dyn Driver, context: &Context, all: &[Operation]) -> bool {
        for operation in all {
            if !holds(&driver.observe(context, operation).await) {
                return false;
            }
        }
        !all.is_empty()
    }
}

/// Makes the operation of one place: the own way first, the other one behind it.
fn paired(
    pair: Pair,
    patience: Duration,
    before: Option<OperationId>,
    frozen: Option<&str>,
) -> Option<Operation> {
    let own = pair.own.get(pair.place).cloned();
    let other = pair.other.get(pair.place).cloned();
    let mut operation = own.clone().or_else(|| other.clone())?;
    if own.is_none() {
        operation.id = OperationId::new(format!("{OTHER}/{}", operation.id));
    }
    if let (Some(own), Some(other)) = (&own, &other) {
        operation.goal = format!("{}; or, by `{}`: {}", own.goal, pair.other_step, other.goal);
    }
    let mut rungs: Vec<Rung> = own.iter().flat_map(|own| own.rungs.clone()).collect();
    if let Some(mut first) = other.as_ref().and_then(|other| other.rungs.first().cloned()) {
        for rung in &mut rungs {
            rung.within = Some(patience);
        }
        if let Some(reason) = frozen {
            let skip = Some(reason.to_owned());
            rungs.insert(
                0,
                Rung {
                    name: "only".to_owned(),
                    skip,
                    ..first.clone()
                },
            );
        }
        OTHER.clone_into(&mut first.name);
        // It goes to another control plane, whatever the first one still does.
        first.beside = true;
        rungs.push(first);
    }
    operation.rungs = rungs;
    operation.after = before.into_iter().chain(operation.after).collect();
    operation.after.dedup();
    operation.payload = json!({"two-ways": pair});
    Some(operation)
}

#[async_trait]
impl Driver for WithFallback {
    fn targets(&self, context: &Context) -> Vec<String> {
        let mut targets = self.own.targets(context);
        if let Some(Ok(behind)) = self.behind(context) {
            targets.extend(behind.driver.targets(&behind.context));
        }
        targets
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        if let Some(first) = stands_by(context) {
            let found = self.own.assess(context).await.unwrap_or_default();
            return Ok(Assessment {
                summary: format!("stands by: it is the way out of `{}`", first.id),
                outputs: found.outputs,
                warnings: found.warnings,
                ..Assessment::default()
            });
        }
        let behind = match self.behind(context) {
            None => return self.own.assess(context).await,
            Some(Err(reason)) => {
                let mut found = self.own.assess(context).await?;
                found.warnings.push(reason);
                return Ok(found);
            }
            Some(Ok(behind)) => behind,
        };
        let patience = settings::duration(&context.settings, "fallback-after")?.unwrap_or(PATIENCE);
        let (mut found, frozen) = match self.own_found(context, patience).await {
            Ok(found) => (found, None),
            Err(error @ DriverError::Unreachable { .. }) => (Assessment::default(), Some(error.to_string())),
            Err(error) => return Err(error),
        };
        if frozen.is_none() && found.operations.is_empty() {
            return Ok(found);
        }
        let other = match behind.driver.assess(&behind.context).await {
            Ok(other) => other,
            Err(error) if frozen.is_some() => return Err(error),
            Err(error) => {
                found
                    .warnings
                    .push(format!("its fallback `{}` cannot be used: {error}", behind.step));
                return Ok(found);
            }
        };
        if behind.kind == context.step.kind {
            found.warnings.push(format!(
                "its fallback `{}` needs the same control plane",
                behind.step
            ));
        }
        let (held, own) = WithFallback::pending(self.own.as_ref(), context, found.operations).await;
        let (_, others) =
            WithFallback::pending(behind.driver.as_ref(), &behind.context, other.operations).await;
        found.operations = held;
        if let Some(reason) = &frozen {
            found.summary = format!("{reason}; by `{}`: {}", behind.step, other.summary);
            found.warnings.push(format!(
                "the control plane does not answer: `{}` is used",
                behind.step
            ));
        }
        let mut before = None;
        for place in 0..own.len().max(others.len()) {
            let pair = Pair {
                other_step: behind.step.clone(),
                place,
                own: own.clone(),
                other: others.clone(),
            };
            if own.is_empty() && frozen.is_none() {
                break;
            }
            if let Some(operation) = paired(pair, patience, before.clone(), frozen.as_deref()) {
                before = Some(operation.id.clone());
                found.operations.push(operation);
            }
        }
        Ok(found)
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        let Some(pair) = WithFallback::pair(operation) else {
            return self.own.observe(context, operation).await;
        };
        let first = match pair.own.get(pair.place) {
            Some(own) => Some(self.own.observe(context, own).await),
            None if WithFallback::all_hold(self.own.as_ref(), context, &pair.own).await => {
                Some(done("not needed: the first way was open".to_owned()))
            }
            None => None,
        };
        if let Some(seen) = first.as_ref().filter(|seen| holds(seen)) {
            return seen.clone();
        }
        let behind = match self.named(context, &pair.other_step) {
            Ok(behind) => behind,
            Err(reason) => return first.unwrap_or(Observation::Barred { evidence: reason }),
        };
        let second = match pair.other.get(pair.place) {
            Some(other) => Some(behind.driver.observe(&behind.context, other).await),
            None if WithFallback::all_hold(behind.driver.as_ref(), &behind.context, &pair.other).await => {
                Some(done("all of it is done".to_owned()))
            }
            None => None,
        };
        match (first, second) {
            (_, Some(seen)) if holds(&seen) => done(format!("by `{}`: {}", pair.other_step, said(&seen))),
            (Some(seen @ (Observation::InMotion { .. } | Observation::Busy { .. })), _) => seen,
            // Whether the first way may be sent is looked at once more by whoever sends it.
            (Some(seen), Some(Observation::NotBegun { evidence })) => Observation::NotBegun {
                evidence: format!("{}; by `{}`: {evidence}", said(&seen), pair.other_step),
            },
            (Some(seen), None | Some(_)) => seen,
            (None, Some(seen)) => seen,
            (None, None) => Observation::CannotTell {
                reason: "neither way can be looked at".to_owned(),
            },
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, rung: &str, key: &AttemptKey) -> Sent {
        let Some(pair) = WithFallback::pair(operation) else {
            return self.own.begin(context, operation, rung, key).await;
        };
        if rung != OTHER {
            let Some(own) = pair.own.get(pair.place) else {
                return refusal::refused_here("NoSuchWay", "the first way has no such change");
            };
            return match self.own.observe(context, own).await {
                Observation::NotBegun { .. } => self.own.begin(context, own, rung, key).await,
                Observation::Barred { evidence } => refusal::refused_here("Barred", evidence),
                seen => Sent::NotSent {
                    reason: said(&seen).to_owned(),
                },
            };
        }
        let behind = match self.named(context, &pair.other_step) {
            Ok(behind) => behind,
            Err(reason) => return refusal::refused_here("NoFallback", reason),
        };
        let Some(other) = pair.other.get(pair.place) else {
            return refusal::refused_here("NoFallback", "the fallback has no such change");
        };
        let earlier = &pair.other[..pair.place];
        if !earlier.is_empty()
            && !WithFallback::all_hold(behind.driver.as_ref(), &behind.context, earlier).await
        {
            // Half of one way and half of the other might leave nobody to answer.
            return refusal::refused_here("FallbackNotBegun", "an earlier change was made by the first way");
        }
        let first = other.rungs.first().map_or("only", |rung| rung.name.as_str());
        behind.driver.begin(&behind.context, other, first, key).await
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        // All ways are asked about alike; Front Door's reader knows its error that is none.
        match self.ways.get("azure.front-door.origin-group") {
            Some(reader) => reader.poll(context, operation, ticket).await,
            None => self.own.poll(context, operation, ticket).await,
        }
    }

    async fn probe(&self, context: &Context, check: &Check) -> Probe {
        self.own.probe(context, check).await
    }
}
