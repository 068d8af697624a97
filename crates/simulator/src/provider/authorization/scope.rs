//! Which things of a kind stand at a scope, above it and below it?

use crate::{
    provider::Context,
    world::{Resource, fold_id},
};

/// Where something stands, seen from a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the scope itself.
    At,
    /// At something that holds the scope.
    Above,
    /// At something that the scope holds.
    Below,
}

/// Returns what an extension extends: everything before its own `/providers/`.
pub(crate) fn extended(id: &str) -> String {
    let folded = fold_id(id);
    match folded.rfind("/providers/") {
        Some(cut) => folded[..cut].to_owned(),
        None => folded,
    }
}

/// Returns the things of a kind that reads see around a scope, each with its place.
pub(super) fn around<'a>(context: &'a Context<'_>, kind: &str, scope: &str) -> Vec<(Place, &'a Resource)> {
    let own = fold_id(scope);
    // The tenant's own scope has no letters at all.
    let own = own.trim_end_matches('/').to_owned();
    let all = context.world.seen_all(kind, "", context.now);
    all.into_iter()
        .filter_map(|resource| {
            let theirs = extended(&resource.id);
            let below = |outer: &str, inner: &str| inner.starts_with(&format!("{outer}/"));
            let place = match () {
                () if theirs == own => Place::At,
                () if below(&own, &theirs) => Place::Below,
                () if below(&theirs, &own) => Place::Above,
                () => return None,
            };
            Some((place, resource))
        })
        .collect()
}
