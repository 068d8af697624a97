//! What do AKS clusters do?

use super::Provider;
use crate::world::{
    World, WorldError,
    blueprint::{AksCluster, Blueprint},
};

/// Returns the providers of this folder.
pub(crate) fn providers() -> Vec<Box<dyn Provider>> {
    Vec::new()
}

/// Puts the cluster that serves, and what the other side's needs, into a world.
pub(crate) fn furnish(world: &mut World, blueprint: &Blueprint, item: &AksCluster) -> Result<(), WorldError> {
    world.group(
        &blueprint.subscription,
        &item.primary.resource_group,
        &blueprint.regions.primary,
    );
    world.group(
        &blueprint.subscription,
        &item.paired.resource_group,
        &blueprint.regions.paired,
    );
    Ok(())
}
