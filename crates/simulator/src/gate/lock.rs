//! Does a lock forbid it?
//!
//! A lock holds for what it stands at and for everything below; where several do, the strictest counts. `ReadOnly`
//! refuses every change and every POST, those that only list keys too; `CanNotDelete` refuses every DELETE. Nobody is
//! excepted. Locks themselves can always be put and taken away.

use http::Method;

use crate::{
    arm::{Answer, ArmRequest},
    provider::{
        Context,
        authorization::{LOCKS, Level, extended, standing},
    },
    world::{Resource, fold_id},
};

/// What stands between a scope and the name of a lock.
const BETWEEN: &str = "/providers/microsoft.authorization/locks/";

/// Refuses what a lock forbids. Status, code and words are an inference, known to everybody who ever met one.
pub(super) fn judge(context: &Context<'_>, request: &ArmRequest) -> Result<(), Answer> {
    let verb = match request.method {
        Method::GET | Method::HEAD | Method::OPTIONS => return Ok(()),
        Method::DELETE => "delete",
        _ => "write",
    };
    if request.path.kind() == LOCKS {
        return Ok(());
    }
    let target = request.path.key();
    let deletes = request.method == Method::DELETE;
    let forbids = |level: Level| level == Level::ReadOnly || (deletes && level == Level::CanNotDelete);
    let mut locked: Vec<String> = above(context, &target)
        .filter(|lock| forbids(standing(lock)))
        .map(scope)
        .collect();
    if deletes && locked.is_empty() {
        // What holds something that must not be deleted cannot be deleted either.
        locked.extend(
            below(context, &target)
                .filter(|lock| forbids(standing(lock)))
                .map(scope),
        );
    }
    if locked.is_empty() {
        return Ok(());
    }
    Err(Answer::gateway(
        409,
        "ScopeLocked",
        format!(
            "The scope '{}' cannot perform {verb} operation because following scope(s) are locked: '{}'. Please remove \
             the lock and try again.",
            request.path.id(),
            locked.join(","),
        ),
    ))
}

/// Returns the locks at a place and at everything that holds it.
fn above<'a>(context: &'a Context<'_>, target: &str) -> impl Iterator<Item = &'a Resource> {
    let cuts = target
        .match_indices('/')
        .map(|(place, _)| place)
        .chain([target.len()]);
    let prefixes: Vec<String> = cuts.map(|cut| format!("{}{BETWEEN}", &target[..cut])).collect();
    prefixes
        .into_iter()
        .flat_map(move |prefix| with_prefix(context, prefix))
        .filter(|lock| lock.kind.eq_ignore_ascii_case(LOCKS))
}

/// Returns the locks at what a place holds.
fn below<'a>(context: &'a Context<'_>, target: &str) -> impl Iterator<Item = &'a Resource> {
    with_prefix(context, format!("{target}/")).filter(|lock| lock.kind.eq_ignore_ascii_case(LOCKS))
}

fn with_prefix<'a>(context: &'a Context<'_>, prefix: String) -> impl Iterator<Item = &'a Resource> {
    context
        .world
        .resources
        .range(prefix.clone()..)
        .take_while(move |(key, _)| key.starts_with(&prefix))
        .map(|(_, resource)| resource)
}

/// Returns where a lock stands, in the case in which it was written.
fn scope(lock: &Resource) -> String {
    let folded = extended(&lock.id);
    let written = lock
        .id
        .get(..folded.len())
        .filter(|written| fold_id(written) == folded);
    written.unwrap_or(&folded).to_owned()
}
