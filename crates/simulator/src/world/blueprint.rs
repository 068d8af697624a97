//! What must be in a world for a platform to be rehearsed?
//!
//! A blueprint is the neutral description that a caller makes from its own plan; the simulator knows no plans.
//! Each provider puts its own part into the world, everything in order and served by the primary region.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Endpoint, Grant, Lock, Needs, Port, Region, Resource, Serves, World, WorldError, geography};
use crate::provider::{aks, dns, front_door, plain, site_recovery, sql, storage, traffic_manager};

/// A description of a platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Blueprint {
    /// The subscription's GUID.
    pub subscription: String,
    /// Its two regions.
    pub regions: Regions,
    /// What it consists of.
    pub resources: Vec<Item>,
}

/// The two regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Regions {
    /// The one that serves.
    pub primary: String,
    /// The one that takes over.
    pub paired: String,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The primary region.
    Primary,
    /// The paired region.
    Paired,
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Item {
    /// A failover group of managed instances or of servers.
    SqlFailoverGroup(SqlGroup),
    /// Machines that a vault protects, from the primary region to the paired one.
    VaultMachines(VaultMachines),
    /// A geo-redundant storage account.
    StorageGeo(StorageGeo),
    /// Two storage accounts with object replication from the primary to the paired one.
    StorageReplicated(StorageReplicated),
    /// An AKS cluster that stands in the primary region and can be made in the paired one.
    AksCluster(AksCluster),
    /// A Traffic Manager profile with one endpoint for each side.
    TrafficManager(TrafficManager),
    /// A record set of a DNS zone.
    DnsRecord(DnsRecord),
    /// An origin group of Front Door.
    FrontDoor(FrontDoor),
    /// A public address.
    Endpoint(Endpoint),
    /// An address that takes TCP connections, on one side or on both.
    Tcp(Tcp),
    /// A resource group.
    Group(ItemGroup),
    /// A lock on a subscription, a resource group or a resource.
    Lock(Lock),
    /// What a principal may do. Whoever is not named in any may do everything.
    Role(Grant),
    /// Any resource.
    Resource(AnyResource),
}

/// A SQL failover group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SqlGroup {
    /// Its name.
    pub name: String,
    /// What it is a group of.
    #[serde(default)]
    pub of: SqlGroupOf,
    /// The side that serves.
    pub primary: SqlSide,
    /// The side that takes over.
    pub paired: SqlSide,
    /// Database names, for groups of servers.
    #[serde(default)]
    pub databases: Vec<String>,
}

/// What a failover group is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqlGroupOf {
    /// Managed instances.
    #[default]
    Instances,
    /// Servers of SQL Database.
    Servers,
}

/// One side of a SQL failover group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SqlSide {
    /// Its resource group.
    pub resource_group: String,
    /// The instance's or the server's name; made from the group's where left out.
    #[serde(default)]
    pub name: Option<String>,
}

/// Machines that a vault protects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct VaultMachines {
    /// The vault's name.
    pub vault: String,
    /// The vault's resource group.
    pub resource_group: String,
    /// The machines' names.
    pub machines: Vec<String>,
    /// The multi-VM group that they form, if any.
    #[serde(default)]
    pub multi_vm_group: Option<String>,
    /// A recovery plan that moves them, if any.
    #[serde(default)]
    pub recovery_plan: Option<String>,
    /// Something that a person must do by hand before the recovery plan's machines boot: its job waits until it is
    /// resumed.
    #[serde(default)]
    pub manual_action: Option<String>,
    /// Further machines in the vault that a provider of no known name protects.
    #[serde(default)]
    pub foreign: Vec<String>,
    /// How many entries of the vault's lists stand on one page; all where left out.
    #[serde(default)]
    pub page_size: Option<u64>,
    /// The resource group of the machines that serve; `rg-machines-<region>` where left out.
    #[serde(default)]
    pub source_group: Option<String>,
    /// The resource group into which they fail over.
    #[serde(default)]
    pub target_group: Option<String>,
    /// The network a drill uses, a name or an id.
    #[serde(default)]
    pub drill_network: Option<String>,
    /// Their address or addresses on the primary side. `tcp` items of these hosts follow the machines: each its
    /// own where there are as many addresses as machines, otherwise all of them together.
    #[serde(default)]
    pub primary_addresses: Vec<String>,
    /// Their address or addresses on the paired side; the same holds.
    #[serde(default)]
    pub paired_addresses: Vec<String>,
}

/// A geo-redundant storage account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StorageGeo {
    /// Its name.
    pub account: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its redundancy; `Standard_RAGRS` where left out.
    #[serde(default)]
    pub sku: Option<String>,
    /// The side on which it was made, where its provider stays; the primary one where left out. The primary side
    /// is always the one where it is written: a world for the way home says `paired` here.
    #[serde(default)]
    pub made_in: Option<Side>,
}

/// Two storage accounts with object replication.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StorageReplicated {
    /// The account that is written to.
    pub primary: StorageSide,
    /// The account that is replicated to.
    pub paired: StorageSide,
    /// The containers.
    pub containers: Vec<String>,
}

/// One of two accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StorageSide {
    /// Its name.
    pub account: String,
    /// Its resource group.
    pub resource_group: String,
}

/// An AKS cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AksCluster {
    /// The one that serves.
    pub primary: AksSide,
    /// Where and as what it can be made again.
    pub paired: AksSide,
    /// Whether that of the other side stands already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both: bool,
    /// What a GET of the one that serves shows, apart from what the provider makes up by itself.
    #[serde(default)]
    pub specification: Value,
}

/// One side of an AKS cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AksSide {
    /// Its name.
    pub name: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its subnet, a name or an id.
    #[serde(default)]
    pub subnet: Option<String>,
    /// Its identity, a name or an id.
    #[serde(default)]
    pub identity: Option<String>,
    /// The public address of what runs on it.
    #[serde(default)]
    pub address: Option<String>,
}

/// A Traffic Manager profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrafficManager {
    /// Its name.
    pub profile: String,
    /// Its resource group.
    pub resource_group: String,
    /// The endpoint of the primary side.
    pub primary: TrafficEndpoint,
    /// The endpoint of the paired side.
    pub paired: TrafficEndpoint,
}

/// One endpoint of a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrafficEndpoint {
    /// Its name.
    pub endpoint: String,
    /// `externalEndpoints` where left out.
    #[serde(default)]
    pub r#type: Option<String>,
    /// Its target; made from the names where left out.
    #[serde(default)]
    pub target: Option<String>,
}

/// An origin group of Front Door, Standard or Premium.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FrontDoor {
    /// The profile.
    pub profile: String,
    /// Its resource group.
    pub resource_group: String,
    /// The origin group.
    pub origin_group: String,
    /// The origin of the primary side.
    pub primary: String,
    /// The origin of the paired side.
    pub paired: String,
}

/// A record set of a DNS zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DnsRecord {
    /// The zone.
    pub zone: String,
    /// Whether it is a private one.
    #[serde(default)]
    pub private: bool,
    /// The zone's resource group.
    pub resource_group: String,
    /// The name of the set within its zone; `@` for the zone itself.
    pub record: String,
    /// `A`, `AAAA` or `CNAME`.
    pub r#type: String,
    /// What it holds while the primary side serves.
    pub values: Vec<String>,
    /// Seconds for which resolvers keep it; 60 where left out.
    #[serde(default)]
    pub ttl: Option<u64>,
}

/// An address that takes TCP connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tcp {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Its side; always there where left out.
    #[serde(default)]
    pub side: Option<Side>,
    /// What must stand on its side behind it: ids of resources, or names of resources of that region.
    #[serde(default)]
    pub needs: Vec<String>,
    /// How many of these are enough; all where left out.
    #[serde(default)]
    pub at_least: Option<usize>,
}

/// A resource group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ItemGroup {
    /// Its name.
    pub name: String,
    /// Its region.
    pub location: String,
}

/// Any resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AnyResource {
    /// Its id.
    pub id: String,
    /// Its region; `global` where left out.
    #[serde(default)]
    pub location: Option<String>,
    /// What a GET shows, apart from id, name and type.
    #[serde(default)]
    pub body: Value,
    /// Whether it is still to be made: only its group is there, and its type is known.
    #[serde(default)]
    pub absent: bool,
}

impl Blueprint {
    /// Returns the region of a side.
    pub fn region(&self, side: Side) -> &str {
        match side {
            Side::Primary => &self.regions.primary,
            Side::Paired => &self.regions.paired,
        }
    }
}

impl World {
    /// Puts what a description needs into this world.
    pub fn furnish(&mut self, blueprint: &Blueprint) -> Result<(), WorldError> {
        self.subscription(&blueprint.subscription);
        for region in [&blueprint.regions.primary, &blueprint.regions.paired] {
            let name = geography::fold(region);
            self.regions
                .entry(name.clone())
                .or_insert_with(|| Region::named(&name));
        }
        for item in &blueprint.resources {
            match item {
                Item::SqlFailoverGroup(item) => sql::furnish(self, blueprint, item)?,
                Item::VaultMachines(item) => site_recovery::furnish(self, blueprint, item)?,
                Item::StorageGeo(item) => storage::furnish_geo(self, blueprint, item)?,
                Item::StorageReplicated(item) => storage::furnish_replicated(self, blueprint, item)?,
                Item::AksCluster(item) => aks::furnish(self, blueprint, item)?,
                Item::TrafficManager(item) => traffic_manager::furnish(self, blueprint, item),
                Item::DnsRecord(item) => dns::furnish(self, blueprint, item),
                Item::FrontDoor(item) => front_door::furnish(self, blueprint, item),
                Item::Endpoint(item) => self.endpoints.push(item.clone()),
                Item::Tcp(item) => self.ports.push(Port {
                    host: item.host.clone(),
                    port: item.port,
                    serves: item.side.map_or(Serves::Always, |side| {
                        Serves::Region(blueprint.region(side).to_owned())
                    }),
                    needs: item.side.map_or_else(Needs::new, |side| {
                        Needs::from([(geography::fold(blueprint.region(side)), item.needs.clone())])
                    }),
                    at_least: item.at_least,
                }),
                Item::Group(item) => self.group(&blueprint.subscription, &item.name, &item.location),
                Item::Lock(item) => self.locks.push(item.clone()),
                Item::Role(item) => self.roles.push(item.clone()),
                Item::Resource(item) => self.furnish_any(blueprint, item),
            }
        }
        site_recovery::follow(self, blueprint);
        Ok(())
    }

    fn furnish_any(&mut self, blueprint: &Blueprint, item: &AnyResource) {
        let path = crate::arm::ArmPath::parse(&item.id);
        let region = item.location.clone().unwrap_or_else(|| "global".to_owned());
        if let Some(group) = &path.group {
            let home = match region == "global" {
                true => blueprint.regions.paired.clone(),
                false => region.clone(),
            };
            self.group(&blueprint.subscription, group, &home);
        }
        let resource: Resource = plain::resource(&path, &region, item.body.clone());
        if item.absent {
            self.types.push(resource.kind);
            return;
        }
        // Whoever described it in more words is right.
        if self.resource(&resource.id).is_none() {
            self.put(resource);
        }
    }
}
