//! What does Azure's governance have to say about a move? Roles, locks, tags and health: around the resources, not in them.

pub(crate) mod denied;
pub mod locks;
pub mod roles;
