//! What does a GET show of a vault, its fabrics, containers, mappings, policies and health?

use serde_json::{Value, json};

use super::item::{Item, items_below};
use crate::{
    provider::Context,
    world::{Resource, geography},
};

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

fn whole(seen: &Resource, properties: Value) -> Value {
    json!({"id": seen.id, "name": seen.name(), "type": seen.kind, "properties": properties})
}

/// Returns the body of a vault.
pub(crate) fn vault(context: &Context<'_>, seen: &Resource) -> Value {
    let made = context.time(context.world.start).replace(':', "%3A");
    let mut shown = json!({
        "location": seen.region,
        "name": seen.name(),
        "etag": format!("W/\"datetime'{made}'\""),
        "properties": {
            "provisioningState": "Succeeded",
            "privateEndpointStateForBackup": "None",
            "privateEndpointStateForSiteRecovery": "None",
            "monitoringSettings": {
                "azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled"},
                "classicAlertSettings": {"alertsForCriticalOperations": "Enabled"},
            },
            "publicNetworkAccess": "Enabled",
            "restoreSettings": {"crossSubscriptionRestoreSettings": {"crossSubscriptionRestoreState": "Enabled"}},
        },
        "id": seen.id.replacen("/Subscriptions/", "/subscriptions/", 1),
        "type": "Microsoft.RecoveryServices/vaults",
        "sku": {"name": "Standard"},
    });
    if seen.body["tags"].is_object() {
        shown["tags"] = seen.body["tags"].clone();
    }
    shown
}

/// Returns the body of a fabric.
pub(crate) fn fabric(context: &Context<'_>, seen: &Resource) -> Value {
    let location = seen.body["location"].as_str().unwrap_or_default();
    let key = json!({"kekState": "None", "kekCertThumbprint": null});
    whole(
        seen,
        json!({
            "friendlyName": geography::display(location),
            "encryptionDetails": key,
            "rolloverEncryptionDetails": key,
            "internalIdentifier": context.seed.guid(&seen.id.to_lowercase()).to_string(),
            "bcdrState": "Valid",
            "customDetails": {
                "instanceType": "Azure",
                "location": location,
                "containerIds": [format!("{}/replicationProtectionContainers/asr-a2a-default-{location}-container", seen.id)],
                "zones": [],
            },
            "healthErrorDetails": [],
            "health": "Normal",
        }),
    )
}

/// Returns the body of a container.
pub(crate) fn container(context: &Context<'_>, seen: &Resource) -> Value {
    let fabric = seen.id.to_lowercase();
    let fabric = fabric
        .find("/replicationprotectioncontainers/")
        .and_then(|cut| context.seen(&seen.id[..cut]));
    let location = fabric.and_then(|fabric| fabric.body["location"].as_str());
    whole(
        seen,
        json!({
            "fabricFriendlyName": geography::display(location.unwrap_or_default()),
            "friendlyName": seen.name(),
            "fabricType": "Azure",
            "protectedItemCount": items_below(context, &seen.id).len(),
            "pairingStatus": "Paired",
            "role": "",
            "fabricSpecificDetails": null,
        }),
    )
}

/// Returns the body of a mapping.
pub(crate) fn mapping(seen: &Resource) -> Value {
    let text = |key: &str| seen.body[key].as_str().unwrap_or_default();
    let own = seen.id.rsplit('/').nth(2).unwrap_or_default();
    whole(
        seen,
        json!({
            "targetProtectionContainerId": text("target"),
            "targetProtectionContainerFriendlyName": last(text("target")),
            "providerSpecificDetails": {
                "instanceType": "A2A",
                "agentAutoUpdateStatus": "Disabled",
                "automationAccountAuthenticationType": "RunAsAccount",
                "automationAccountArmId": null,
                "scheduleName": null,
                "jobScheduleName": null,
            },
            "health": "Normal",
            "healthErrorDetails": [],
            "policyId": text("policy"),
            "state": "Paired",
            "sourceProtectionContainerFriendlyName": own,
            "sourceFabricFriendlyName": geography::display(text("from")),
            "targetFabricFriendlyName": geography::display(text("to")),
            "policyFriendlyName": last(text("policy")),
        }),
    )
}

/// Returns the body of a policy.
pub(crate) fn policy(seen: &Resource) -> Value {
    whole(
        seen,
        json!({
            "friendlyName": seen.name(),
            "providerSpecificDetails": {
                "instanceType": "A2A",
                "recoveryPointThresholdInMinutes": 60,
                "recoveryPointHistory": 1_440,
                "appConsistentFrequencyInMinutes": 60,
                "multiVmSyncStatus": "Enabled",
                "crashConsistentFrequencyInMinutes": 5,
            },
        }),
    )
}

/// Returns the health of a vault.
pub(crate) fn health(context: &Context<'_>, vault: &Resource) -> Value {
    let items = items_below(context, &vault.id);
    let count = |wanted: &dyn Fn(&Item) -> bool| items.iter().filter(|(_, item)| wanted(item)).count();
    let critical = count(&|item| super::points::health(context, item) == "Critical");
    let warning = count(&|item| super::points::health(context, item) == "Warning");
    let part =
        |count: usize| json!({"resourceCount": count, "issues": [], "categorizedResourceCounts": null});
    json!({
        "name": "Default",
        "type": "Microsoft.RecoveryServices/vaults/replicationVaultHealth",
        "id": format!("{}/replicationVaultHealth/Default", vault.id),
        "properties": {
            "vaultErrors": [],
            "protectedItemsHealth": {
                "resourceCount": items.len(),
                "issues": [],
                "categorizedResourceCounts": {
                    "testFailoverApplicableProtectedItemsCount": count(&|item| item.allowed(context.now).contains(&"TestFailover")),
                    "testFailoverInProgressProtectedItemsCount": count(&|item| item.busy.as_ref().is_some_and(|busy| busy.name == "TestFailover")),
                    "testFailoverWaitingProtectedItemsCount": count(&|item| item.drill.is_some()),
                    "protectedItemsCriticalCount": critical,
                    "protectedItemsWarningCount": warning,
                    "protectedItemsNeutralCount": items.len() - critical - warning,
                    "protectedItemsTestFailoverCriticalCount": 0,
                    "protectedItemsTestFailoverWarningCount": 0,
                    "protectedItemsConfigurationCriticalCount": 0,
                    "protectedItemsConfigurationWarningCount": 0,
                    "protectedItemsFailoverHealthCriticalCount": 0,
                    "protectedItemsFailoverHealthWarningCount": 0,
                },
            },
            "fabricsHealth": part(2),
            "containersHealth": part(2),
        },
    })
}
