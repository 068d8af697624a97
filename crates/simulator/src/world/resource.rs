//! What is one resource, and how are ids compared?

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::geography;

/// A subscription.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Subscription {
    /// Its GUID.
    pub id: String,
    /// What people call it.
    #[serde(default)]
    pub name: String,
}

/// A resource group. Its own region decides whether its resources can be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Group {
    /// The subscription's GUID.
    pub subscription: String,
    /// Its name.
    pub name: String,
    /// Its region.
    pub location: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Value,
}

impl Group {
    /// Returns its id, as ARM writes it.
    pub fn id(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}",
            self.subscription, self.name
        )
    }

    /// Returns the key under which it is kept.
    pub fn key(&self) -> String {
        fold_id(&self.id())
    }
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resource {
    /// Its id, in the case in which answers show it.
    pub id: String,
    /// Its type, as answers show it: `Microsoft.Sql/managedInstances`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The region whose provider serves it; `global` for those of no region.
    pub region: String,
    /// What a GET shows, or what its provider makes that from.
    #[serde(default)]
    pub body: Value,
    /// What only its provider knows.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub state: Value,
}

impl Resource {
    /// Returns the last segment of the id.
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }
}

/// Returns an id as it is compared: lower case, no trailing slash, no space in a location.
pub fn fold_id(id: &str) -> String {
    let mut folded = String::with_capacity(id.len());
    let mut location = false;
    for segment in id.split('/').filter(|segment| !segment.is_empty()) {
        folded.push('/');
        if location {
            folded.push_str(&geography::fold(&segment.replace("%20", " ")));
        } else {
            folded.push_str(&segment.to_lowercase());
        }
        location = segment.eq_ignore_ascii_case("locations");
    }
    folded
}
