//! What does a GET of an account show?

use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::{Value, json};

use super::account::{Account, geo};
use crate::{
    provider::{Context, durations::ACCOUNT_BEHIND, plain::merge},
    world::{Health, Resource},
};

/// Returns the sync time that goes with a moment, to the second, as Azure gives it.
pub(super) fn behind(moment: Timestamp) -> Option<Timestamp> {
    let behind = SignedDuration::try_from(ACCOUNT_BEHIND).ok()?;
    let then = moment.checked_sub(behind).ok()?;
    then.round(TimestampRound::new().smallest(Unit::Second)).ok()
}

/// Returns the status and the last sync of the other copy.
pub(super) fn status(context: &Context<'_>, account: &Account) -> (&'static str, Option<Timestamp>) {
    let secondary = account.secondary.as_deref().unwrap_or_default();
    let status = if context.health(secondary) != Health::Up {
        "Unavailable"
    } else if context.now < account.live_from {
        // Recorded of a new account. What a copy that is made anew reads is documented.
        if account.young { "Unavailable" } else { "Bootstrap" }
    } else {
        "Live"
    };
    (status, account.synced(context.world, context.now))
}

/// Shows an account. `location` keeps what it was made with; `primaryLocation` says where it is written.
pub(super) fn show(context: &Context<'_>, seen: &Resource, stats: bool) -> Value {
    let Some(account) = Account::of(seen) else {
        return seen.body.clone();
    };
    let created = context.time(account.created);
    let available = |region: &str| match context.health(region) {
        Health::Up => "available",
        Health::NotServing | Health::Gone => "unavailable",
    };
    let name = seen.name();
    let endpoints = |suffix: &str, services: &[&str]| -> Value {
        services
            .iter()
            .map(|service| {
                let zone = if *service == "web" { "z6.web" } else { service };
                (
                    (*service).to_owned(),
                    json!(format!("https://{name}{suffix}.{zone}.core.windows.net/")),
                )
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut properties = json!({
        "keyCreationTime": {"key1": created, "key2": created},
        "privateEndpointConnections": [],
        "minimumTlsVersion": "TLS1_2",
        "allowBlobPublicAccess": false,
    });
    if account.moving {
        properties["failoverInProgress"] = json!(true);
    }
    if stats && geo(&account.sku) {
        properties["geoReplicationStats"] = statistics(context, &account, seen);
    }
    merge(
        &mut properties,
        &json!({
            "networkAcls": {
                "ipv6Rules": [], "bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [],
                "defaultAction": "Allow",
            },
            "supportsHttpsTrafficOnly": true,
            "encryption": {
                "services": {
                    "file": {"keyType": "Account", "enabled": true, "lastEnabledTime": created},
                    "blob": {"keyType": "Account", "enabled": true, "lastEnabledTime": created},
                },
                "keySource": "Microsoft.Storage",
            },
            "accessTier": "Hot",
            "provisioningState": "Succeeded",
            "creationTime": created,
            "primaryEndpoints": endpoints("", &["dfs", "web", "blob", "queue", "table", "file"]),
            "primaryLocation": account.primary,
            "statusOfPrimary": available(&account.primary),
        }),
    );
    if let Some(moved) = account.moved {
        properties["lastGeoFailoverTime"] = json!(context.time(moved));
    }
    if let Some(secondary) = &account.secondary {
        properties["secondaryLocation"] = json!(secondary);
        properties["statusOfSecondary"] = json!(available(secondary));
        if account.readable() {
            properties["secondaryEndpoints"] =
                endpoints("-secondary", &["dfs", "web", "blob", "queue", "table"]);
        }
    }
    merge(&mut properties, &seen.body["properties"]);
    let mut shown = json!({
        "sku": {"name": account.sku, "tier": "Standard"},
        "kind": "StorageV2",
    });
    let mut body = seen.body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("properties");
    }
    merge(&mut shown, &body);
    shown["properties"] = properties;
    shown
}

fn statistics(context: &Context<'_>, account: &Account, seen: &Resource) -> Value {
    let (status, synced) = status(context, account);
    let can = status == "Live"
        && super::failover::unmovable(seen).is_none()
        && !super::account::replicates(context.world, &seen.id);
    let mut stats = json!({
        "canPlannedFailover": can && context.health(&account.primary) == Health::Up,
        "postFailoverRedundancy": "Standard_LRS",
        "postPlannedFailoverRedundancy": account.sku,
        "status": status,
    });
    // Absent while it is unknown.
    if let Some(synced) = synced {
        stats["lastSyncTime"] = json!(synced.to_string());
    }
    stats["canFailover"] = json!(can);
    stats
}
