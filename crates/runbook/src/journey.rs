//! The four journeys of a platform and the two sides they move between.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Journey {
    /// The platform leaves the region that serves it.
    Failover,
    /// The platform comes home.
    Failback,
    /// A rehearsal on the real cloud that leaves production alone.
    Drill,
    /// Replication is turned round after a failover.
    Reprotect,
}

impl Journey {
    /// Returns every journey, in the order of the documentation.
    pub const ALL: [Journey; 4] = [
        Journey::Failover,
        Journey::Failback,
        Journey::Drill,
        Journey::Reprotect,
    ];

    /// Returns the word that the language and the command line use.
    pub fn word(self) -> &'static str {
        match self {
            Journey::Failover => "failover",
            Journey::Failback => "failback",
            Journey::Drill => "drill",
            Journey::Reprotect => "reprotect",
        }
    }
}

impl fmt::Display for Journey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// One of the two regions that a runbook names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Where the platform lives on a good day.
    Primary,
    /// Where it takes shelter.
    Paired,
}

impl Side {
    /// Returns the word that `regions:` and `at:` use.
    pub fn word(self) -> &'static str {
        match self {
            Side::Primary => "primary",
            Side::Paired => "paired",
        }
    }

    /// Returns the opposite side.
    pub fn other(self) -> Side {
        match self {
            Side::Primary => Side::Paired,
            Side::Paired => Side::Primary,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// A side together with the region it stands for in this runbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Which of the two.
    pub side: Side,
    /// The Azure name, such as `northeurope`.
    pub region: String,
}
