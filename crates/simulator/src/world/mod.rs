//! What is there in the pretend Azure?
//!
//! A [`World`] is plain data: it can be written down, looked at and read back. What changes it is the
//! [`Simulator`](crate::Simulator) and its providers.

pub mod blueprint;
mod capacity;
pub mod directory;
pub mod geography;
mod governance;
mod keyed;
mod kubernetes;
mod operation;
mod outside;
mod read;
mod region;
mod resource;
mod stale;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    blueprint::Blueprint,
    capacity::Capacity,
    directory::Directory,
    governance::{Grant, Lock, LockLevel},
    kubernetes::{Held, Kubernetes, Owned},
    operation::{Happening, Operation, Progress},
    outside::{Command, Endpoint, Name, Needs, Port, Script, Serves, SqlAnswer},
    read::WorldError,
    region::{Health, Outage, Region, When},
    resource::{Group, Resource, Subscription, fold_id},
    stale::Shadow,
};
use crate::throttle::Throttles;

/// Everything that there is, and when it started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct World {
    /// The virtual time at which the world starts.
    pub start: Timestamp,
    /// Bearer tokens that are accepted; any where the list is empty.
    pub tokens: Vec<String>,
    /// Who may sign in, where there is a pretend authority; ARM then takes its tokens and those above, no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
    /// Locks that are put in when the world starts, or later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
    /// Who may do what. Whoever is not named here may do everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Grant>,
    /// Regions, with their outages.
    #[serde(with = "keyed")]
    pub regions: BTreeMap<String, Region>,
    /// Subscriptions by folded id.
    #[serde(with = "keyed")]
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Resource groups by folded id.
    #[serde(with = "keyed")]
    pub groups: BTreeMap<String, Group>,
    /// Resources by folded id.
    #[serde(with = "keyed")]
    pub resources: BTreeMap<String, Resource>,
    /// Long-running operations by folded id, ended ones included.
    #[serde(with = "keyed")]
    pub operations: BTreeMap<String, Operation>,
    /// What will happen by itself, earliest first.
    pub happenings: Vec<Happening>,
    /// What pretend SQL servers answer, beside what they know by themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sql_answers: Vec<SqlAnswer>,
    /// How many seconds a copy is behind, by the name of its failover group, or as `server/database`. Where nothing
    /// is said there is no figure: Azure names none that a world could start with.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lag_seconds: BTreeMap<String, u32>,
    /// How many items of a list ARM sends at once; all of them where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<usize>,
    /// Types that plain resources may be made of, though none is there: `Microsoft.Example/things`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Public addresses that answer HTTP.
    pub endpoints: Vec<Endpoint>,
    /// Addresses that take TCP connections.
    pub ports: Vec<Port>,
    /// What can be made in regions; the first that names a region decides.
    pub capacities: Vec<Capacity>,
    /// Names that resolvers know beside those of the world's zones and profiles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Name>,
    /// What is on clusters, by the names of their API servers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kubernetes: BTreeMap<String, Kubernetes>,
    /// What comes of commands in a rehearsal.
    pub commands: Vec<Command>,
    /// What comes of scripts on machines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<Script>,
    /// What reads still see of resources that have changed.
    pub shadows: BTreeMap<String, Shadow>,
    /// Whether calls are counted and refused when they are too many.
    pub throttles: Throttles,
    /// Kept for whoever wrote the file; the simulator does not read it.
    pub parameters: Value,
    /// Until when changes made right now stay invisible to reads.
    #[serde(skip)]
    pub(crate) stale_until: Option<Timestamp>,
}

impl Default for World {
    fn default() -> World {
        World {
            // A morning like any other: a world must not depend on the day it is looked at.
            start: Timestamp::new(1_767_603_600, 0).unwrap_or(Timestamp::UNIX_EPOCH),
            tokens: Vec::new(),
            directory: None,
            locks: Vec::new(),
            roles: Vec::new(),
            regions: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            groups: BTreeMap::new(),
            resources: BTreeMap::new(),
            operations: BTreeMap::new(),
            happenings: Vec::new(),
            sql_answers: Vec::new(),
            lag_seconds: BTreeMap::new(),
            page_size: None,
            types: Vec::new(),
            endpoints: Vec::new(),
            ports: Vec::new(),
            capacities: Vec::new(),
            names: Vec::new(),
            kubernetes: BTreeMap::new(),
            commands: Vec::new(),
            scripts: Vec::new(),
            shadows: BTreeMap::new(),
            throttles: Throttles::default(),
            parameters: Value::Null,
            stale_until: None,
        }
    }
}

impl World {
    /// Returns how a region is at a moment. `global` and regions nobody named are up.
    pub fn health(&self, region: &str, at: Timestamp) -> Health {
        self.regions
            .get(&geography::fold(region))
            .map_or(Health::Up, |region| region.health(self.start, at))
    }

    /// Returns when a region last came back up, if it ever was down before a moment.
    pub fn back_since(&self, region: &str, at: Timestamp) -> Option<Timestamp> {
        self.regions
            .get(&geography::fold(region))
            .and_then(|region| region.back_since(self.start, at))
    }

    /// Returns since when a region is not up, if it is not.
    pub fn down_since(&self, region: &str, at: Timestamp) -> Option<Timestamp> {
        self.regions
            .get(&geography::fold(region))
            .and_then(|region| region.down_since(self.start, at))
    }

    /// Takes a region down from one moment to another.
    pub fn outage(&mut self, region: &str, outage: Outage) {
        let name = geography::fold(region);
        self.regions
            .entry(name.clone())
            .or_insert_with(|| Region::named(&name))
            .outages
            .push(outage);
    }

    /// Makes sure that a subscription is there.
    pub fn subscription(&mut self, id: &str) {
        self.subscriptions
            .entry(id.to_lowercase())
            .or_insert_with(|| Subscription {
                id: id.to_owned(),
                name: "Rehearsal".to_owned(),
            });
    }

    /// Makes sure that a resource group is there; one that is keeps its place.
    pub fn group(&mut self, subscription: &str, name: &str, location: &str) {
        self.subscription(subscription);
        let group = Group {
            subscription: subscription.to_owned(),
            name: name.to_owned(),
            location: location.to_owned(),
            tags: Value::Null,
        };
        self.groups.entry(group.key()).or_insert(group);
    }

    /// Returns a resource group.
    pub fn group_of(&self, subscription: &str, name: &str) -> Option<&Group> {
        self.groups.get(&fold_id(&format!(
            "/subscriptions/{subscription}/resourceGroups/{name}"
        )))
    }

    /// Returns what can be made in a region.
    pub fn capacity(&self, region: &str) -> Option<&Capacity> {
        let region = geography::fold(region);
        self.capacities
            .iter()
            .find(|capacity| geography::fold(&capacity.region) == region)
    }

    /// Returns what a resolver says of a name at a moment; nothing where nobody knows it.
    pub fn resolve(&self, name: &str, sort: &str, at: Timestamp) -> Option<crate::provider::dns::Resolved> {
        crate::provider::dns::resolved(self, name, sort, at)
    }

    /// Writes something down that will happen by itself.
    pub fn schedule(&mut self, happening: Happening) {
        // Equal moments keep the order in which they were written down.
        let place = self.happenings.partition_point(|other| other.at <= happening.at);
        self.happenings.insert(place, happening);
    }
}
