//! How is a region, at a moment?

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::later;

/// How a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// All is well.
    Up,
    /// Its workloads are dead; its providers still answer.
    NotServing,
    /// Nothing of it answers: workloads, providers, resource groups.
    Gone,
}

/// A region and what befalls it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Region {
    /// As it stands in `location`.
    pub name: String,
    /// Its outages, in any order; where two overlap the worse one holds.
    #[serde(default)]
    pub outages: Vec<Outage>,
}

/// One outage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Outage {
    /// What the region is while it lasts.
    pub is: Health,
    /// When it begins; with the world where left out.
    #[serde(default)]
    pub from: When,
    /// When it ends; never where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
}

/// A moment, or how long after the world's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum When {
    /// A moment: `2026-01-05T10:00:00Z`.
    At(Timestamp),
    /// After the start: `10m`.
    After(SignedDuration),
}

impl Default for When {
    fn default() -> When {
        When::After(SignedDuration::ZERO)
    }
}

impl When {
    /// Returns the moment it means in a world that started then.
    pub fn resolve(&self, start: Timestamp) -> Timestamp {
        match self {
            When::At(moment) => *moment,
            When::After(stretch) => later(start, Duration::try_from(*stretch).unwrap_or(Duration::ZERO)),
        }
    }
}

impl Region {
    /// Makes a region to which nothing happens.
    pub fn named(name: &str) -> Region {
        Region {
            name: name.to_owned(),
            outages: Vec::new(),
        }
    }

    /// Returns how it is.
    pub fn health(&self, start: Timestamp, at: Timestamp) -> Health {
        self.outages
            .iter()
            .filter(|outage| outage.from.resolve(start) <= at)
            .filter(|outage| {
                outage
                    .until
                    .as_ref()
                    .is_none_or(|until| at < until.resolve(start))
            })
            .map(|outage| outage.is)
            .max()
            .unwrap_or(Health::Up)
    }

    /// Returns when it last came back up.
    pub fn back_since(&self, start: Timestamp, at: Timestamp) -> Option<Timestamp> {
        self.outages
            .iter()
            .filter_map(|outage| outage.until.as_ref())
            .map(|until| until.resolve(start))
            .filter(|until| *until <= at)
            .max()
    }

    /// Returns since when it is not up, if it is not.
    pub fn down_since(&self, start: Timestamp, at: Timestamp) -> Option<Timestamp> {
        let covering = |moment: Timestamp| {
            self.outages
                .iter()
                .filter(|outage| outage.is != Health::Up)
                .filter(|outage| {
                    outage
                        .until
                        .as_ref()
                        .is_none_or(|until| moment <= until.resolve(start))
                })
                .map(|outage| outage.from.resolve(start))
                .filter(|from| *from <= moment)
                .min()
        };
        if self.health(start, at) == Health::Up {
            return None;
        }
        // One outage may have followed another without a moment between them.
        let mut since = covering(at)?;
        while let Some(earlier) = covering(since).filter(|earlier| *earlier < since) {
            since = earlier;
        }
        Some(since)
    }
}
