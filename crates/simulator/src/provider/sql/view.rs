//! What does each side of a failover group show, and what is kept of it?
//!
//! A group is two resources, one on either side, each with its own view. What both share (policies) lies in the
//! body of each; roles and partners are made from the private state at the moment of reading.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::flavour::{Flavour, INSTANCES};
use crate::{
    clock::later,
    provider::{Context, durations::GROUP_SUSPENDED},
    shape::set,
    world::{Health, Resource, World, geography},
};

/// Words for how replication is.
pub(super) const SEEDING: &str = "SEEDING";
pub(super) const CATCH_UP: &str = "CATCH_UP";
pub(super) const SUSPENDED: &str = "SUSPENDED";

/// The role of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    Primary,
    Secondary,
}

impl Role {
    pub(crate) fn other(self) -> Role {
        match self {
            Role::Primary => Role::Secondary,
            Role::Secondary => Role::Primary,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Role::Primary => "Primary",
            Role::Secondary => "Secondary",
        }
    }
}

/// What is kept of one side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Side {
    /// Its role.
    pub(crate) role: Role,
    /// The id of the other side's view.
    pub(crate) partner: String,
    /// The other side's region.
    pub(crate) partner_region: String,
    /// The instance or server of this side.
    pub(crate) own: String,
    /// The instance or server of the other side.
    pub(crate) other: String,
    /// What is going on with it, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) busy: Option<String>,
    /// Until when its replication is suspended after a forced switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suspended_until: Option<Timestamp>,
    /// Until when the secondary is filled, after the group was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seeding_until: Option<Timestamp>,
    /// Until when the secondary rolls back to a consistent state and may not become primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) undo_until: Option<Timestamp>,
}

impl Side {
    /// Reads what is kept of a resource.
    pub(crate) fn of(resource: &Resource) -> Option<Side> {
        serde_json::from_value(resource.state.clone()).ok()
    }

    /// Keeps it.
    pub(crate) fn keep(&self, resource: &mut Resource) {
        resource.state = json!(self);
    }

    /// Returns whether the secondary is still being filled.
    pub(crate) fn seeding(&self, now: Timestamp) -> bool {
        self.seeding_until.is_some_and(|until| now < until)
    }

    /// Returns the word for how its replication is.
    pub(crate) fn replication(&self, world: &World, now: Timestamp) -> &'static str {
        if self.seeding(now) {
            SEEDING
        } else if self.suspended(world, now) {
            SUSPENDED
        } else {
            CATCH_UP
        }
    }

    /// Returns whether replication stands still: after a forced switch, while the partner is dead, and for a
    /// while after it came back. That it reads `SUSPENDED` in an outage is an inference.
    pub(crate) fn suspended(&self, world: &World, now: Timestamp) -> bool {
        let dead = world.health(&self.partner_region, now) != Health::Up;
        let returned = world
            .back_since(&self.partner_region, now)
            .is_some_and(|back| now < later(back, GROUP_SUSPENDED));
        dead || returned || self.suspended_until.is_some_and(|until| now < until)
    }
}

/// Returns what a GET shows.
pub(crate) fn show(context: &Context<'_>, seen: &Resource) -> Value {
    let (Some(flavour), Some(side)) = (Flavour::of(&seen.kind), Side::of(seen)) else {
        return seen.body.clone();
    };
    let mut properties = Map::new();
    if let Some(kept) = seen.body["properties"].as_object() {
        for (key, value) in kept {
            if key != "databases" {
                properties.insert(key.clone(), value.clone());
            }
        }
    }
    properties.insert("replicationRole".to_owned(), json!(side.role.word()));
    let state = side.replication(context.world, context.now);
    properties.insert("replicationState".to_owned(), json!(state));
    let there = side.role.other().word();
    if *flavour == INSTANCES {
        properties.insert(
            "partnerRegions".to_owned(),
            json!([{"location": side.partner_region, "replicationRole": there}]),
        );
        let (primary, partner) = match side.role {
            Role::Primary => (&side.own, &side.other),
            Role::Secondary => (&side.other, &side.own),
        };
        properties.insert(
            "managedInstancePairs".to_owned(),
            json!([{"primaryManagedInstanceId": primary, "partnerManagedInstanceId": partner}]),
        );
    } else {
        let secondary = match side.role {
            Role::Primary => &side.other,
            Role::Secondary => &side.own,
        };
        if let Some(endpoint) = properties.get_mut("readOnlyEndpoint") {
            set(endpoint, &["targetServer"], json!(secondary));
        }
        let partner = geography::display(&side.partner_region);
        properties.insert(
            "partnerServers".to_owned(),
            json!([{"id": side.other, "location": partner, "replicationRole": there}]),
        );
        let databases: Vec<String> = seen.body["properties"]["databases"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|id| {
                format!(
                    "{}/databases/{}",
                    side.own,
                    id.rsplit('/').next().unwrap_or_default()
                )
            })
            .collect();
        properties.insert("databases".to_owned(), json!(databases));
    }
    let mut shown = json!({});
    if *flavour != INSTANCES {
        shown["location"] = json!(geography::display(&seen.region));
    }
    if seen.body["tags"].is_object() {
        shown["tags"] = seen.body["tags"].clone();
    }
    shown["properties"] = Value::Object(properties);
    shown["id"] = json!(seen.id);
    shown["name"] = json!(seen.name());
    shown["type"] = json!(flavour.shown);
    shown
}

/// Draws until when replication is suspended after a forced switch.
pub(crate) fn suspended_until(context: &Context<'_>) -> Timestamp {
    let stretch: Duration = context.around("suspended", GROUP_SUSPENDED);
    later(context.now, stretch)
}
