//! What can be made in a region: which machine sizes, how many cores, which versions of Kubernetes?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a subscription may make in a region. What is left out is as it is everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Capacity {
    /// The region.
    pub region: String,
    /// Its quota of cores; the usual one where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<u64>,
    /// Quotas of size families (`standardDSv5Family`); the region's where left out.
    pub families: BTreeMap<String, u64>,
    /// Sizes that are not offered to the subscription there: refused at once.
    pub restricted: Vec<String>,
    /// Sizes that the subscription's offer does not hold there (`QuotaId`): refused at once, too.
    pub not_in_offer: Vec<String>,
    /// Zones in which a size is not offered to the subscription, by the size.
    pub restricted_zones: BTreeMap<String, Vec<String>>,
    /// Sizes of which there are no machines left: the creation fails at its end.
    pub exhausted: Vec<String>,
    /// Zones in which there is no machine left of any size.
    pub exhausted_zones: Vec<String>,
    /// Zones in which there is no machine left of a size, by the size.
    pub exhausted_in: BTreeMap<String, Vec<String>>,
    /// How many clusters a subscription may have there; any number where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<usize>,
    /// Availability zones; `1` to `3` where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<Vec<String>>,
    /// Further minor versions of Kubernetes that are offered.
    pub versions: Vec<String>,
}
