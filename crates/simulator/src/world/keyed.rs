//! How are maps written that hold their own keys? As lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Group, Operation, Region, Resource, Subscription, fold_id, geography};

/// Something that knows under which key it is kept.
pub(crate) trait Keyed {
    fn key(&self) -> String;
}

impl Keyed for Region {
    fn key(&self) -> String {
        geography::fold(&self.name)
    }
}

impl Keyed for Subscription {
    fn key(&self) -> String {
        self.id.to_lowercase()
    }
}

impl Keyed for Group {
    fn key(&self) -> String {
        Group::key(self)
    }
}

impl Keyed for Resource {
    fn key(&self) -> String {
        fold_id(&self.id)
    }
}

impl Keyed for Operation {
    fn key(&self) -> String {
        self.id.to_lowercase()
    }
}

pub(crate) fn serialize<T: Serialize, S: Serializer>(
    map: &BTreeMap<String, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}

pub(crate) fn deserialize<'de, T: Deserialize<'de> + Keyed, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    let list = Vec::<T>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|item| (item.key(), item)).collect())
}
