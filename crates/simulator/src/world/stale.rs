//! What do reads still see of a resource that has changed, and how is it changed?
//!
//! Every change of a resource goes through here, so that "an accepted change becomes visible to reads only
//! later" holds for all providers alike. Preconditions look at the truth; GETs and lists look at what is seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Resource, World, fold_id};

/// What reads see instead of the truth, until it passes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shadow {
    /// Until when.
    pub until: Timestamp,
    /// The resource as it was; none where it was not there.
    pub was: Option<Resource>,
}

impl World {
    /// Returns a resource as it truly is.
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.get(&fold_id(id))
    }

    /// Returns a resource as reads see it at a moment.
    pub fn seen(&self, id: &str, at: Timestamp) -> Option<&Resource> {
        let key = fold_id(id);
        match self.shadows.get(&key) {
            Some(shadow) if at < shadow.until => shadow.was.as_ref(),
            _ => self.resources.get(&key),
        }
    }

    /// Returns the resources of a type, whose id begins with a prefix, as reads see them at a moment.
    pub fn seen_all<'a>(&'a self, kind: &str, prefix: &str, at: Timestamp) -> Vec<&'a Resource> {
        let prefix = format!("{}/", fold_id(prefix));
        let hidden = self
            .shadows
            .iter()
            .filter(|(key, shadow)| at < shadow.until && !self.resources.contains_key(*key))
            .filter_map(|(_, shadow)| shadow.was.as_ref());
        let mut seen: Vec<&Resource> = self
            .resources
            .values()
            .filter_map(|resource| self.seen(&resource.id, at))
            .chain(hidden)
            .filter(|resource| resource.kind.eq_ignore_ascii_case(kind))
            .filter(|resource| fold_id(&resource.id).starts_with(&prefix))
            .collect();
        seen.sort_by_cached_key(|resource| fold_id(&resource.id));
        seen
    }

    /// Puts a resource in its place.
    pub fn put(&mut self, resource: Resource) {
        let key = fold_id(&resource.id);
        self.shade(&key);
        self.resources.insert(key, resource);
    }

    /// Takes a resource away.
    pub fn remove(&mut self, id: &str) -> Option<Resource> {
        let key = fold_id(id);
        self.shade(&key);
        self.resources.remove(&key)
    }

    /// Returns a resource to be changed.
    pub fn change(&mut self, id: &str) -> Option<&mut Resource> {
        let key = fold_id(id);
        self.shade(&key);
        self.resources.get_mut(&key)
    }

    fn shade(&mut self, key: &str) {
        let Some(until) = self.stale_until else { return };
        let was = self.resources.get(key).cloned();
        self.shadows
            .entry(key.to_owned())
            .and_modify(|shadow| shadow.until = shadow.until.max(until))
            .or_insert(Shadow { until, was });
    }
}
