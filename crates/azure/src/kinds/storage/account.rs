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
    /// When it last changed sides (`lastGeoFailoverTime`).
    pub(super) moved: Option<Timestamp>,
    /// What it is that Azure documents as never failing over, in words.
    pub(super) unmovable: Vec<&'static str>,
    pub(super) stats: Option<Stats>,
}

/// How far its other copy is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stats {
    /// `Live`, `Bootstrap`, `Unavailable`.
    pub(super) status: String,
    pub(super) synced: Option<Timestamp>,
    /// Nothing where Azure does not say.
    pub(super) can_failover: Option<bool>,
    /// Nothing where Azure does not say.
    pub(super) can_planned: Option<bool>,
    /// The redundancy that an unplanned move leaves, where Azure says so.
    pub(super) left_with: Option<String>,
}

impl Stats {
    /// Returns whether the other copy has everything up to its last sync.
    pub(super) fn is_live(&self) -> bool {
        self.status.eq_ignore_ascii_case("Live")
    }
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
        let flag = |stats: &Value, name: &str| stats.get(name).and_then(Value::as_bool);
        let moment = |text: Option<&str>| text.and_then(|at| at.parse().ok());
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
            moved: moment(text("/properties/lastGeoFailoverTime")),
            unmovable: unmovable(body),
            stats: stats.map(|stats| Stats {
                status: stats
                    .get("status")
                    .and_then(Value::as_str)
                    .map(cut)
                    .unwrap_or_default(),
                synced: moment(stats.get("lastSyncTime").and_then(Value::as_str)),
                can_failover: flag(stats, "canFailover"),
                can_planned: flag(stats, "canPlannedFailover"),
                left_with: stats
                    .get("postFailoverRedundancy")
                    .and_then(Value::as_str)
                    .map(cut),
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

    /// Returns whether that copy can be read.
    pub(super) fn can_be_read_there(&self) -> bool {
        self.is_geo() && self.sku.to_ascii_uppercase().contains("_RA")
    }

    /// Returns the redundancy that gives a lone account its other copy back: the one asked for, or the one that can
    /// also be read.
    pub(super) fn restored_sku(&self, wanted: Option<&str>) -> Result<String, String> {
        let zones = match self.sku.to_ascii_lowercase().as_str() {
            "standard_lrs" => false,
            "standard_zrs" => true,
            _ => {
                return Err(format!(
                    "no redundancy is known that gives {} a second copy",
                    self.sku
                ));
            }
        };
        match wanted {
            None if zones => Ok("Standard_RAGZRS".to_owned()),
            None => Ok("Standard_RAGRS".to_owned()),
            Some(wanted) if wanted.to_ascii_uppercase().contains("GZRS") == zones => Ok(wanted.to_owned()),
            Some(wanted) => Err(format!(
                "it is {}, and {wanted} has its copies in other zones: a migration of the account (startAccountMigration) comes first",
                self.sku
            )),
        }
    }

    /// Returns whether its other copy is younger than its last move, so that going back loses only what is newer
    /// than the last sync; true where nobody tells when it moved.
    pub(super) fn caught_up(&self) -> bool {
        let synced = self.stats.as_ref().and_then(|stats| stats.synced);
        self.moved
            .is_none_or(|moved| synced.is_some_and(|synced| synced > moved))
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

/// What Azure documents as never failing over. That a hierarchical namespace stands in the way is documented both ways:
/// there `canFailover` is believed.
fn unmovable(body: &Value) -> Vec<&'static str> {
    let mut found = Vec::new();
    let kind = body.get("kind").and_then(Value::as_str).unwrap_or_default();
    if kind.eq_ignore_ascii_case("BlockBlobStorage") {
        found.push("premium block blobs do not fail over");
    }
    if body.pointer("/properties/immutableStorageWithVersioning/enabled") == Some(&json!(true)) {
        found.push("accounts with immutable blobs do not fail over");
    }
    found
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
            assert_eq!((stats.can_planned, stats.can_failover), (Some(true), Some(true)));
            assert!(stats.synced.is_some() && stats.left_with.is_some());
        }
    }

    #[test]
    fn the_official_examples_read() {
        let folder = "storage/resource-manager/Microsoft.Storage/stable/2023-05-01/examples";
        for (name, can) in [("True", true), ("False", false)] {
            let file = format!("StorageAccountGetPropertiesGeoReplicationStatscanFailover{name}.json");
            if let Some(example) = examples(folder, &file) {
                let account = Account::read(&example["responses"]["200"]["body"]);
                assert_eq!(account.stats.unwrap().can_failover, Some(can));
            }
        }
    }

    #[test]
    fn a_lone_account_gets_its_other_copy_back_and_a_strange_one_is_left_alone() {
        let sku = |name: &str| Account::read(&json!({"sku": {"name": name}}));
        let restored = |name: &str, wanted| sku(name).restored_sku(wanted).map_err(|_| ());
        assert_eq!(restored("Standard_LRS", None), Ok("Standard_RAGRS".to_owned()));
        assert_eq!(restored("Standard_ZRS", None), Ok("Standard_RAGZRS".to_owned()));
        let plain = Some("Standard_GRS");
        assert_eq!(restored("Standard_LRS", plain), Ok("Standard_GRS".to_owned()));
        for (name, wanted) in [
            ("Premium_LRS", None),
            ("Standard_ZRS", plain),
            ("Standard_LRS", Some("Standard_GZRS")),
        ] {
            assert!(restored(name, wanted).is_err(), "{name} {wanted:?}");
        }
        assert!(sku("Standard_GZRS").is_geo() && !sku("Standard_LRS").is_geo());
    }
}
