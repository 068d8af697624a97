//! What do storage accounts do: geo-redundant ones, and pairs with object replication?

use super::Provider;
use crate::world::{
    World, WorldError,
    blueprint::{Blueprint, StorageGeo, StorageReplicated},
};

/// Returns the providers of this folder.
pub(crate) fn providers() -> Vec<Box<dyn Provider>> {
    Vec::new()
}

/// Puts a geo-redundant account into a world.
pub(crate) fn furnish_geo(
    world: &mut World,
    blueprint: &Blueprint,
    item: &StorageGeo,
) -> Result<(), WorldError> {
    world.group(
        &blueprint.subscription,
        &item.resource_group,
        &blueprint.regions.primary,
    );
    Ok(())
}

/// Puts a pair of accounts with object replication into a world.
pub(crate) fn furnish_replicated(
    world: &mut World,
    blueprint: &Blueprint,
    item: &StorageReplicated,
) -> Result<(), WorldError> {
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
