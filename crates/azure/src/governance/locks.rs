//! Which lock stands in the way of what? With inheritance, as Azure decides it, from lists that were read before.

use std::fmt;

use leeward_engine::work::Operation;
use leeward_runbook::{journey::Journey, kind::Kind, kinds, plan::PlannedStep};
use serde_json::Value;

use crate::arm::path::folded;

/// The version that every request asks for.
pub const API: &str = "2020-05-01";

/// What is between a scope and a lock's name.
const LOCKS: &str = "/providers/microsoft.authorization/locks/";

/// A lock, with what it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Its own id, as Azure spells it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is on, as Azure spells it; everything below inherits it.
    pub scope: String,
    /// What it refuses.
    pub level: Level,
}

/// What a lock refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// Every change: PUT, PATCH, DELETE and every POST.
    ReadOnly,
    /// Deletes.
    CanNotDelete,
    /// Nothing that is known; Azure's own word.
    Other(String),
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Level::ReadOnly => "ReadOnly",
            Level::CanNotDelete => "CanNotDelete",
            Level::Other(word) => word,
        })
    }
}

impl Lock {
    /// Reads one entry of a list; nothing where it is no lock.
    pub fn read(one: &Value) -> Option<Lock> {
        let id = one.get("id")?.as_str()?;
        let at = folded(id).rfind(LOCKS)?;
        let word = one.pointer("/properties/level").and_then(Value::as_str);
        Some(Lock {
            id: id.to_owned(),
            name: id.get(at + LOCKS.len()..)?.to_owned(),
            scope: id.get(..at)?.to_owned(),
            level: match word.unwrap_or("NotSpecified") {
                word if word.eq_ignore_ascii_case("ReadOnly") => Level::ReadOnly,
                word if word.eq_ignore_ascii_case("CanNotDelete") => Level::CanNotDelete,
                word => Level::Other(word.to_owned()),
            },
        })
    }

    /// Returns whether it refuses to have something changed, or deleted.
    pub fn refuses(&self, change: &Change) -> bool {
        let (scope, target) = (folded(&self.scope), folded(&change.target));
        let inherited = target == scope || target.starts_with(&format!("{scope}/"));
        match self.level {
            Level::ReadOnly => inherited,
            // What cannot be deleted holds what it is a part of, too.
            Level::CanNotDelete => change.deletes && (inherited || scope.starts_with(&format!("{target}/"))),
            Level::Other(_) => false,
        }
    }
}

/// What is to be changed, as far as locks look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The folded id.
    pub target: String,
    /// Whether something is deleted there.
    pub deletes: bool,
}

/// Returns the changes that an operation makes; none where it is about no resource.
pub fn changes_of(step: &PlannedStep, operation: &Operation) -> Option<Change> {
    let about_azure = operation.target.starts_with("/subscriptions/");
    about_azure.then(|| Change {
        target: operation.target.clone(),
        deletes: deletes(step, operation.id.as_str()),
    })
}

/// Returns the changes that a step makes of its targets, before anybody has assessed it.
pub fn changes_on_paper(step: &PlannedStep, journey: Journey, targets: Vec<String>) -> Vec<Change> {
    let Some(kind) = kinds::find(&step.kind).filter(|kind| !kind.operations.is_empty()) else {
        return Vec::new();
    };
    let deletes = match step.kind.as_str() {
        "azure.resource" => deletes(step, "write"),
        // What these delete, they delete in every journey; others only clean up after a drill.
        "azure.storage.object-replication" => true,
        _ => journey == Journey::Drill && kind.operations.iter().any(|one| sends_delete(one.sends)),
    };
    let targets = targets
        .into_iter()
        .filter(|target| target.starts_with("/subscriptions/"));
    targets.map(|target| Change { target, deletes }).collect()
}

fn deletes(step: &PlannedStep, operation: &str) -> bool {
    if step.kind == "azure.resource" {
        let method = step.settings.get("method").and_then(Value::as_str);
        return method.is_some_and(|method| method.eq_ignore_ascii_case("DELETE"));
    }
    let declared = |kind: &Kind| {
        let mut named = kind
            .operations
            .iter()
            .filter(|one| operation == one.name || operation.starts_with(&format!("{}/", one.name)));
        named.any(|one| sends_delete(one.sends))
    };
    kinds::find(&step.kind).is_some_and(declared)
}

fn sends_delete(sends: &str) -> bool {
    sends.starts_with("DELETE")
}

/// Says which locks refuse which changes: one line a lock, with the command that removes it.
pub fn told(locks: &[Lock], changes: &[Change]) -> Vec<String> {
    let mut lines = Vec::new();
    for lock in locks {
        let mut refused = changes.iter().filter(|change| lock.refuses(change));
        let Some(first) = refused.next() else { continue };
        let more = match refused.count() {
            0 => String::new(),
            more => format!(" and of {more} more"),
        };
        let what = match lock.level {
            Level::CanNotDelete => "deletes",
            _ => "every change",
        };
        let of = shown(&first.target);
        lines.push(format!(
            "the {} lock `{}` over {} refuses {what} of {of}{more}: remove it with `az lock delete --ids {}`",
            lock.level, lock.name, lock.scope, lock.id
        ));
    }
    lines
}

/// Returns the last names of an id, which is what a person knows it by.
fn shown(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

/// Returns the command that shows the locks of a scope.
pub(crate) fn find_command(scope: &str) -> String {
    let segments: Vec<&str> = scope.trim_matches('/').split('/').collect();
    match segments.as_slice() {
        [_, subscription] => format!("`az lock list --subscription {subscription}`"),
        [_, subscription, _, group] => {
            format!("`az lock list --subscription {subscription} --resource-group {group}`")
        }
        _ => format!("`az lock list --resource {scope}`"),
    }
}

#[cfg(test)]
mod tests;
