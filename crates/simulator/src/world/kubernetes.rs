//! What is on a pretend Kubernetes cluster?

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything on one cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Kubernetes {
    /// How many changes there were.
    pub version: u64,
    /// Objects by their path: `/apis/apps/v1/namespaces/shop/deployments/shop`.
    pub objects: BTreeMap<String, Held>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Held {
    /// It, without what the server adds when it is read.
    pub object: Value,
    /// Who set which of its fields, as paths.
    #[serde(default)]
    pub owners: BTreeMap<String, Owned>,
    /// When it was made.
    pub made: Timestamp,
    /// When what is wanted of it last changed.
    pub wanted: Timestamp,
    /// How often that was.
    pub generation: u64,
    /// The cluster's version at its last change.
    pub version: u64,
}

/// What one field manager set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Owned {
    /// Whether by applies; else by other writes.
    pub applied: bool,
    /// When last.
    pub time: Timestamp,
    /// The fields: keys and `[name=…]` of lists, joined by a line feed.
    pub fields: BTreeSet<String>,
}
