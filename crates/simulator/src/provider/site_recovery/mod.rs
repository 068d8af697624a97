//! What does Site Recovery do with a vault's machines?

use super::Provider;
use crate::world::{
    World, WorldError,
    blueprint::{Blueprint, VaultMachines},
};

/// Returns the providers of this folder.
pub(crate) fn providers() -> Vec<Box<dyn Provider>> {
    Vec::new()
}

/// Puts a vault, its machines and what they need into a world.
pub(crate) fn furnish(
    world: &mut World,
    blueprint: &Blueprint,
    item: &VaultMachines,
) -> Result<(), WorldError> {
    world.group(
        &blueprint.subscription,
        &item.resource_group,
        &blueprint.regions.paired,
    );
    Ok(())
}
