//! Which locks stand in a world, and who may do what?

use serde::{Deserialize, Serialize};

use super::{When, World};
use crate::provider::authorization;

/// A lock, perhaps for a time only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    /// What it locks, with everything below: a subscription, a resource group or a resource.
    pub scope: String,
    /// What it forbids.
    pub level: LockLevel,
    /// Its name; `lock` where left out.
    #[serde(default = "lock")]
    pub name: String,
    /// What its owner has to say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// From when; from the start where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// Until when; for good where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
}

/// What a lock forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockLevel {
    /// To delete what it locks.
    CanNotDelete,
    /// To delete or change it, and every POST.
    ReadOnly,
}

/// What a principal may do. A principal of whom a world says nothing may do everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Grant {
    /// An object's or an application's GUID; `*` for every caller.
    pub principal: String,
    /// A built-in role's name or GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Actions, with `*` for anything: `Microsoft.Sql/servers/failoverGroups/*/action`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// What of these it may not do after all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_actions: Vec<String>,
    /// Where, with everything below; everywhere where left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// From when; from the start where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// Until when; for good where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
}

fn lock() -> String {
    "lock".to_owned()
}

impl Lock {
    /// Returns its id.
    pub fn id(&self) -> String {
        format!(
            "{}/providers/Microsoft.Authorization/locks/{}",
            self.scope.trim_end_matches('/'),
            self.name
        )
    }
}

impl World {
    /// Puts in the locks that are asked for; those whose time is still to come wait for it.
    pub(crate) fn put_in_locks(&mut self, locks: Vec<Lock>, now: jiff::Timestamp) {
        for lock in locks {
            let from = lock.from.as_ref().map(|from| from.resolve(self.start));
            let until = lock.until.as_ref().map(|until| until.resolve(self.start));
            match from {
                Some(from) if from > now => self.schedule(authorization::at(from, "lock", &lock)),
                _ => self.put(authorization::of(&lock)),
            }
            if let Some(until) = until {
                self.schedule(authorization::at(until, "unlock", &lock));
            }
        }
    }

    /// Takes all locks away, those that are still to come too.
    pub(crate) fn take_all_locks_away(&mut self) {
        let is_lock = |kind: &str| kind.eq_ignore_ascii_case(authorization::LOCKS);
        self.happenings.retain(|happening| !is_lock(&happening.provider));
        self.resources.retain(|_, resource| !is_lock(&resource.kind));
    }

    /// Returns the tenant that everything belongs to.
    pub(crate) fn tenant(&self) -> String {
        self.directory.clone().unwrap_or_default().tenant
    }
}
