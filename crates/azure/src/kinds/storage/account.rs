//! What does Azure say about a storage account? Where it is written is read from
//! `primaryLocation`; `location` keeps the region where it was made.

use std::fmt;

use jiff::Timestamp;
use leeward_engine::work::Outputs;
use serde_json::{Value, json};

use crate::arm::{folded_region, reply::cut};

/// A storage account.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Account {
    pub(super) primary: Option<String>,
    pub(super) secondary: Option<String>,
    pub(super) primary_well: bool,
    pub(super) secondary_well: bool,
    pub(super) moving: bool,
    pub(super) settled: bool,
    pub(super) sku: String,
    pub(super) blob: Option<String>,
    pub(super) stats: Option<Stats>,
}

/// How far its other copy is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stats {
    /// `Live`, `Bootstrap`, `Unavailable`.
    pub(super) status: String,
    pub(super) synced: Option<Timestamp>,
    pub(super) can_failover: bool,
    pub(super) can_planned: bool,
}

impl Account {
    /// Reads the body of an account.
    pub(super) fn read(body: &Value) -> Account {
        let text = |pointer: &str| {
            body.pointer(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let well = |pointer: &str| text(pointer).is_none_or(|word| word.eq_ignore_ascii_case("available"));
        let stats = body
            .pointer("/properties/geoReplicationStats")
            .filter(|stats| stats.is_object());
        let flag = |stats: &Value, name: &str| stats.get(name).and_then(Value::as_bool).unwrap_or(false);
        Account {
            primary: text("/properties/primaryLocation").map(folded_region),
            secondary: text("/properties/secondaryLocation").map(folded_region),
            primary_well: well("/properties/statusOfPrimary"),
            secondary_well: well("/properties/statusOfSecondary"),
            moving: body.pointer("/properties/failoverInProgress") == Some(&json!(true)),
            settled: text("/properties/provisioningState")
                .is_none_or(|word| word.eq_ignore_ascii_case("Succeeded")),
            sku: text("/sku/name").map(cut).unwrap_or_default(),
            blob: text("/properties/primaryEndpoints/blob").map(str::to_owned),
            stats: stats.map(|stats| Stats {
                status: stats
                    .get("status")
                    .and_then(Value::as_str)
                    .map(cut)
                    .unwrap_or_default(),
                synced: stats
                    .get("lastSyncTime")
                    .and_then(Value::as_str)
                    .and_then(|at| at.parse().ok()),
                can_failover: flag(stats, "canFailover"),
                can_planned: flag(stats, "canPlannedFailover"),
            }),
        }
    }

    /// Returns whether a second copy is kept in another region.
    pub(super) fn is_geo(&self) -> bool {
        let sku = self.sku.to_ascii_uppercase();
        ["_GRS", "_RAGRS", "_GZRS", "_RAGZRS"]
            .iter()
            .any(|end| sku.ends_with(end))
    }

    /// Returns the redundancy that gives a lone account its other copy back.
    pub(super) fn restored_sku(&self) -> Option<&'static str> {
        match self.sku.to_ascii_lowercase().as_str() {
            "standard_lrs" => Some("Standard_RAGRS"),
            "standard_zrs" => Some("Standard_RAGZRS"),
            _ => None,
        }
    }

    /// Returns what later steps may read.
    pub(super) fn outputs(&self) -> Outputs {
        let mut outputs = Outputs::from([("sku".to_owned(), json!(self.sku))]);
        if let Some(primary) = &self.primary {
            outputs.insert("primary-location".to_owned(), json!(primary));
        }
        if let Some(blob) = &self.blob {
            outputs.insert("blob-endpoint".to_owned(), json!(blob));
        }
        outputs
    }
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let region = self.primary.as_deref().unwrap_or("nobody knows where");
        write!(out, "written in {region}, {}", self.sku)?;
        if self.moving {
            out.write_str(", a failover is in progress")?;
        }
        match &self.stats {
            Some(stats) => {
                write!(out, ", its copy is {}", stats.status)?;
                match stats.synced {
                    Some(at) => write!(out, ", synced {at}"),
                    None => Ok(()),
                }
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{examples, recording};

    #[test]
    fn a_recorded_account_is_moving_from_the_moment_its_failover_was_accepted() {
        let accounts: Vec<Account> = recording("storage-failover")
            .iter()
            .filter(|one| one["responseBody"]["type"] == "Microsoft.Storage/storageAccounts")
            .map(|one| Account::read(&one["responseBody"]))
            .filter(|account| account.stats.is_some())
            .collect();
        if let [before, .., after] = accounts.as_slice() {
            assert!(!before.moving && after.moving && before.is_geo());
            assert_eq!(before.primary.as_deref(), Some("eastus2euap"));
            let stats = before.stats.clone().unwrap();
            assert!(stats.can_planned && stats.can_failover && stats.synced.is_some());
        }
    }

    #[test]
    fn the_official_examples_read() {
        let folder = "storage/resource-manager/Microsoft.Storage/stable/2023-05-01/examples";
        for (name, can) in [("True", true), ("False", false)] {
            let file = format!("StorageAccountGetPropertiesGeoReplicationStatscanFailover{name}.json");
            if let Some(example) = examples(folder, &file) {
                let account = Account::read(&example["responses"]["200"]["body"]);
                assert_eq!(account.stats.unwrap().can_failover, can);
            }
        }
    }

    #[test]
    fn a_lone_account_gets_its_other_copy_back_and_a_strange_one_is_left_alone() {
        let sku = |name: &str| Account::read(&json!({"sku": {"name": name}}));
        assert_eq!(sku("Standard_LRS").restored_sku(), Some("Standard_RAGRS"));
        assert_eq!(sku("Premium_LRS").restored_sku(), None);
        assert!(sku("Standard_GZRS").is_geo() && !sku("Standard_LRS").is_geo());
    }
}
