//! How does a world come out of a file or a description?

use super::{Blueprint, World};

/// Why there is no world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The text is no YAML.
    #[error("the world cannot be read: {0}")]
    Unreadable(String),
    /// The text is YAML, but says something that a world does not know.
    #[error("the world says something unknown: {0}")]
    Unknown(String),
    /// A description is not complete.
    #[error("`{item}` cannot be made: {reason}")]
    Underivable {
        /// The item.
        item: String,
        /// What is missing.
        reason: String,
    },
}

impl World {
    /// Reads a world from YAML or JSON.
    pub fn from_yaml(text: &str) -> Result<World, WorldError> {
        let value = crate::yaml::value(text).map_err(WorldError::Unreadable)?;
        if value.is_null() {
            return Ok(World::default());
        }
        serde_json::from_value(value).map_err(|error| WorldError::Unknown(error.to_string()))
    }

    /// Makes the world that a description needs: everything there, in order, served by the primary region.
    pub fn derive(blueprint: &Blueprint) -> Result<World, WorldError> {
        let mut world = World::default();
        world.furnish(blueprint)?;
        Ok(world)
    }

    /// Lays another world over this one: what the other names replaces what is here, lists are added to.
    pub fn overlaid_with(mut self, other: World) -> World {
        let plain = World::default();
        if other.start != plain.start {
            self.start = other.start;
        }
        if !other.tokens.is_empty() {
            self.tokens = other.tokens;
        }
        if other.directory.is_some() {
            self.directory = other.directory;
        }
        self.locks.extend(other.locks);
        self.roles.extend(other.roles);
        self.regions.extend(other.regions);
        self.subscriptions.extend(other.subscriptions);
        self.groups.extend(other.groups);
        self.resources.extend(other.resources);
        self.operations.extend(other.operations);
        self.shadows.extend(other.shadows);
        for happening in other.happenings {
            self.schedule(happening);
        }
        self.lag_seconds.extend(other.lag_seconds);
        self.types.extend(other.types);
        self.page_size = other.page_size.or(self.page_size);
        // The overlay's own come first: the first that matches decides.
        self.sql_answers.splice(0..0, other.sql_answers);
        self.endpoints.splice(0..0, other.endpoints);
        self.ports.splice(0..0, other.ports);
        self.capacities.splice(0..0, other.capacities);
        self.commands.splice(0..0, other.commands);
        self.scripts.splice(0..0, other.scripts);
        self.names.splice(0..0, other.names);
        if other.throttles != plain.throttles {
            self.throttles = other.throttles;
        }
        if !other.parameters.is_null() {
            self.parameters = other.parameters;
        }
        self
    }
}
