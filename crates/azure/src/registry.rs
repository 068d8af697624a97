//! Which driver drives which kind?

use std::{collections::BTreeMap, sync::Arc};

use leeward_engine::port::{Driver, Drivers};

use crate::{
    arm::Arm,
    governance::{Marks, driver::Governed, watch::Watch},
    kinds,
    pace::Paced,
    seams::{ClusterWire, CommandRunner, PublicWire},
};

/// Everything that drivers reach the world through.
#[derive(Clone)]
pub struct Seams {
    /// Azure.
    pub arm: Arm,
    /// The public side of the world.
    pub public: Arc<dyn PublicWire>,
    /// The servers of Kubernetes clusters.
    pub clusters: Arc<dyn ClusterWire>,
    /// Commands.
    pub commands: Arc<dyn CommandRunner>,
}

/// Finds the driver of a kind. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    drivers: Arc<BTreeMap<&'static str, Arc<dyn Driver>>>,
}

impl Registry {
    /// Makes every driver over the same seams. Nothing is marked.
    pub fn new(seams: &Seams) -> Registry {
        Registry::marking(seams, Marks::Off)
    }

    /// The same, with a word about marks on what moves.
    pub fn marking(seams: &Seams, marks: Marks) -> Registry {
        let watch = Arc::new(Watch::new(seams.arm.clone()));
        Registry {
            drivers: Arc::new(
                kinds::all(seams)
                    .into_iter()
                    .map(|(kind, driver)| {
                        let driver: Arc<dyn Driver> =
                            Arc::new(Governed::new(driver, watch.clone(), seams.arm.clone(), marks));
                        let paced: Arc<dyn Driver> = Arc::new(Paced::new(driver, seams.arm.pace().clone()));
                        (kind, paced)
                    })
                    .collect(),
            ),
        }
    }

    /// Returns the names of the driven kinds, sorted.
    pub fn kinds(&self) -> Vec<&'static str> {
        self.drivers.keys().copied().collect()
    }
}

impl Drivers for Registry {
    fn of(&self, kind: &str) -> Option<Arc<dyn Driver>> {
        self.drivers.get(kind).cloned()
    }
}

#[cfg(test)]
mod tests;
