//! What stands around a step's resources, read once a run: locks, and where resource groups lie.
//!
//! Best effort. A read is shared by all steps of a run, ends within seconds whatever Azure does, and is not made again
//! when it told nothing: a move never waits for it, and what could not be read is told once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use leeward_engine::port::{Context, SourceRegion};
use leeward_runbook::journey::Journey;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{
    denied,
    locks::{self, Change, Lock},
};
use crate::arm::{
    Arm, Request, folded_region,
    path::{check_segment, folded},
};

/// How long one read may take with everything that belongs to it.
const WITHIN: Duration = Duration::from_secs(2);
/// The version that resource groups are read with.
const GROUPS: &str = "2024-03-01";

/// Reads what stands around resources, and remembers it for the run.
pub(crate) struct Watch {
    arm: Arm,
    locks: Memory<Vec<Lock>>,
    groups: Memory<String>,
    told: Mutex<HashSet<(String, String)>>,
}

/// What was read of each scope, or why it was not, by run and folded scope.
type Memory<T> = Mutex<HashMap<(String, String), Arc<OnceCell<Result<T, String>>>>>;

fn cell<T>(memory: &Memory<T>, run: &str, scope: &str) -> Arc<OnceCell<Result<T, String>>> {
    let mut all = memory.lock().unwrap_or_else(PoisonError::into_inner);
    all.entry((run.to_owned(), scope.to_owned())).or_default().clone()
}

/// Ends a read in time; what it told is kept as it is, a failure too.
async fn in_time<T>(reading: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(WITHIN, reading).await {
        Ok(read) => read,
        Err(_) => Err(format!("no answer within {} s", WITHIN.as_secs())),
    }
}

/// Returns the subscription of a folded id, as a scope.
fn subscription(id: &str) -> Option<String> {
    scope(id, 2)
}

/// Returns the resource group of a folded id, as a scope.
fn group(id: &str) -> Option<String> {
    scope(id, 4).filter(|scope| scope.contains("/resourcegroups/"))
}

fn scope(id: &str, segments: usize) -> Option<String> {
    let found: Vec<&str> = id.trim_matches('/').split('/').take(segments).collect();
    let whole = found.len() == segments && found[0] == "subscriptions";
    whole.then(|| format!("/{}", found.join("/")))
}

impl Watch {
    pub(crate) fn new(arm: Arm) -> Watch {
        Watch {
            arm,
            locks: Mutex::default(),
            groups: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Reads ahead what `told` will want to know of every step of the plan, on the side that takes over.
    pub(crate) async fn prepare_all(&self, context: &Context) {
        let (mut subscriptions, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for step in &context.plan.steps {
            let side = Side {
                settings: &step.settings,
                parameters: &context.plan.parameters,
            };
            let Some(scope) = side.subscription() else {
                continue;
            };
            let names = side.groups().into_iter();
            groups.extend(names.map(|name| format!("{scope}/resourcegroups/{name}")));
            if step.kind.starts_with("azure.") {
                subscriptions.insert(scope);
            }
        }
        self.read(context, &subscriptions, &groups).await;
    }

    /// Returns whether a claimed target is none that only the other side names.
    pub(crate) fn is_of_target(&self, context: &Context, target: &str) -> bool {
        let Some(scope) = group(target) else { return true };
        let name = scope.rsplit('/').next().unwrap_or_default();
        named_groups(&context.settings).contains(name) || !named_groups(&context.source).contains(name)
    }

    /// Reads what `told` will want to know of these targets, where nobody has. What others need is not waited for.
    pub(crate) async fn prepare(&self, context: &Context, claimed: &[String]) {
        let subscriptions = claimed.iter().filter_map(|id| subscription(id)).collect();
        let own = claimed.iter().filter(|id| self.is_of_target(context, id));
        let groups = own.filter_map(|id| group(id)).collect();
        self.read(context, &subscriptions, &groups).await;
    }

    async fn read(&self, context: &Context, subscriptions: &BTreeSet<String>, groups: &BTreeSet<String>) {
        // A group may lie in the region that failed, and nobody knows before asking: then nothing is asked of any.
        let none = BTreeSet::new();
        let groups = match context.source_region {
            SourceRegion::Open => groups,
            SourceRegion::Closed | SourceRegion::Tried => &none,
        };
        let locks = subscriptions
            .iter()
            .map(|scope| self.locks_of(context, scope, groups));
        let places = async {
            if moves(context) {
                join_all(groups.iter().map(|scope| self.place_of(context, scope))).await;
            }
        };
        tokio::join!(join_all(locks), places);
    }

    /// Says what stands in the way of changes, as far as it was read; what was not read is told once a run.
    /// `sent` are the ids that requests really go to: the other side's group may lie where it likes.
    pub(crate) fn told(&self, context: &Context, changes: &[Change], sent: &[String]) -> Vec<String> {
        let run = context.run.0.as_str();
        let mut known: Vec<Lock> = Vec::new();
        let mut lines = Vec::new();
        let scopes = |of: fn(&str) -> Option<String>| -> BTreeSet<String> {
            changes.iter().filter_map(|change| of(&change.target)).collect()
        };
        for scope in scopes(subscription).into_iter().chain(scopes(group)) {
            match cell(&self.locks, run, &scope).get() {
                Some(Ok(found)) => {
                    known.extend(
                        found
                            .iter()
                            .filter(|lock| !known.contains(lock))
                            .cloned()
                            .collect::<Vec<_>>(),
                    );
                }
                Some(Err(reason)) if self.is_news(run, &scope) => {
                    lines.push(format!(
                        "whether locks stand over {scope} could not be read: {reason}"
                    ));
                }
                _ => {}
            }
        }
        lines.extend(locks::told(&known, changes));
        if moves(context) {
            let gone = folded_region(&context.plan.source.region);
            let groups: BTreeSet<String> = sent.iter().filter_map(|id| group(id)).collect();
            for scope in groups {
                if let Some(Ok(place)) = cell(&self.groups, run, &scope).get()
                    && folded_region(place) == gone
                {
                    let name = scope.rsplit('/').next().unwrap_or_default();
                    lines.push(format!(
                        "the resource group {name} lies in {place}: without that region nothing in it can be changed"
                    ));
                }
            }
        }
        lines
    }

    /// Reads every lock of a subscription, whatever it is on; where that is denied, those of the groups.
    async fn locks_of(&self, context: &Context, scope: &str, groups: &BTreeSet<String>) {
        let run = context.run.0.as_str();
        let of_all = cell(&self.locks, run, scope);
        let found = of_all.get_or_init(|| in_time(self.list(context, scope))).await;
        let code = found.as_ref().err().and_then(|reason| reason.split(':').next());
        // Whoever does not answer about the whole does not about its parts.
        if !code.is_some_and(denied::denies) {
            return;
        }
        let below = groups
            .iter()
            .filter(|group| group.starts_with(&format!("{scope}/")));
        join_all(below.map(|group| async move {
            let of_group = cell(&self.locks, run, group);
            of_group.get_or_init(|| in_time(self.list(context, group))).await;
        }))
        .await;
    }

    async fn list(&self, context: &Context, scope: &str) -> Result<Vec<Lock>, String> {
        let path = format!("{scope}/providers/Microsoft.Authorization/locks");
        let arm = self.arm.for_step(context);
        let all = arm.list(&Request::get(path, locks::API)).await;
        let all = all.map_err(|error| error.to_string())?;
        Ok(all.iter().filter_map(Lock::read).collect())
    }

    async fn place_of(&self, context: &Context, scope: &str) {
        let place = cell(&self.groups, &context.run.0, scope);
        let reading = || {
            in_time(async {
                let arm = self.arm.for_step(context);
                let reply = arm.read(&Request::get(scope, GROUPS)).await;
                let reply = reply.map_err(|error| error.to_string())?;
                let place = reply.text("/location").map(str::to_owned);
                place.ok_or_else(|| "it shows no location".to_owned())
            })
        };
        place.get_or_init(reading).await;
    }

    fn is_news(&self, run: &str, scope: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert((run.to_owned(), scope.to_owned()))
    }
}

/// What a planned step says of the side that takes over.
struct Side<'a> {
    settings: &'a Value,
    parameters: &'a BTreeMap<String, Value>,
}

impl Side<'_> {
    fn subscription(&self) -> Option<String> {
        let named = self
            .settings
            .get("subscription")
            .or_else(|| self.parameters.get("subscription"));
        let named = named?.as_str()?;
        check_segment(named).ok()?;
        Some(format!("/subscriptions/{}", named.to_lowercase()))
    }

    /// Returns its groups. The settings hold the `at` of the side that takes over, and nothing of the other's.
    fn groups(&self) -> BTreeSet<String> {
        named_groups(self.settings)
    }
}

/// Returns every resource group that settings name, folded, wherever in them it stands.
fn named_groups(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                match value.as_str() {
                    Some(group) if name == "resource-group" && check_segment(group).is_ok() => {
                        found.insert(group.to_lowercase());
                    }
                    _ => found.extend(named_groups(value)),
                }
            }
        }
        Value::Array(all) => found.extend(all.iter().flat_map(named_groups)),
        _ => {}
    }
    found
}

/// Whether the journey leaves a region, so that what lies there may be out of reach.
fn moves(context: &Context) -> bool {
    matches!(context.plan.journey, Journey::Failover | Journey::Failback)
}

/// Folds every id of a list.
pub(crate) fn all_folded(ids: impl IntoIterator<Item = String>) -> Vec<String> {
    ids.into_iter().map(|id| folded(&id)).collect()
}

#[cfg(test)]
mod tests;
