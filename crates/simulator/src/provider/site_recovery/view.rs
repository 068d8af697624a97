//! What does a GET show of a protected item?

use serde_json::{Value, json};

use super::{
    item::{Item, Phase, Scenario, Stage, vault_of},
    points,
};
use crate::{
    provider::Context,
    world::{Resource, geography},
};

/// The type of a protected item, as answers show it.
pub(crate) const ITEM_TYPE: &str = "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/replicationProtectedItems";

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// Returns `currentScenario`: the job that works on it, the drill that waits, or the word for none with the
/// date that stands for none.
fn scenario(context: &Context<'_>, vault: &str, item: &Item) -> Value {
    match item.busy.as_ref().or(item.drill.as_ref()) {
        Some(Scenario { name, job, since }) => json!({
            "scenarioName": name, "jobId": job, "startTime": context.time(*since),
        }),
        None => json!({
            "scenarioName": "None",
            "jobId": format!("{vault}/replicationJobs/None"),
            "startTime": "1753-01-01T01:01:01Z",
        }),
    }
}

/// Returns the body of a protected item.
pub(crate) fn shown(context: &Context<'_>, seen: &Resource, item: &Item) -> Value {
    let vault = vault_of(&seen.id);
    let (state, description) = item.words(context.now);
    let health = points::health(context, item);
    let errors = match health {
        "Normal" => json!([]),
        // The number is an inference; the shape is the specification's.
        _ => json!([{
            "errorSource": "ReplicationService",
            "errorType": "ReplicationHealth",
            "errorLevel": health,
            "errorCategory": "Replication",
            "errorCode": "153007",
            "summaryMessage": "RPO exceeded",
            "errorMessage": "No heartbeat and no recovery point of the machine came for some time.",
            "possibleCauses": "The source region or the machine cannot be reached.",
            "recommendedAction": "Fail over if the source is lost.",
            "creationTimeUtc": context.time(points::edge(context, item)),
            "entityId": seen.name(),
        }]),
    };
    let (drill, drill_description) = match (&item.drill, &item.busy) {
        (Some(_), Some(_)) => ("MarkedForDeletion", "Cleaning up test environment"),
        (Some(_), None) => ("WaitingForCompletion", "Waiting for user input"),
        _ => ("None", "None"),
    };
    let mut shown = json!({
        "id": seen.id,
        "name": seen.name(),
        "type": ITEM_TYPE,
        "properties": {
            "friendlyName": item.machine,
            "protectedItemType": "",
            "protectableItemId": null,
            "recoveryServicesProviderId": format!(
                "{}/replicationRecoveryServicesProviders/{}",
                item.source.fabric(),
                context.seed.guid(&item.source.fabric().to_lowercase())
            ),
            "primaryFabricFriendlyName": geography::display(&item.source.region),
            "primaryFabricProvider": "AzureFabric",
            "recoveryFabricFriendlyName": geography::display(&item.target.region),
            "recoveryFabricId": item.target.fabric(),
            "primaryProtectionContainerFriendlyName": last(&item.source.container),
            "recoveryProtectionContainerFriendlyName": last(&item.target.container),
            "protectionState": state,
            "protectionStateDescription": description,
            "activeLocation": if item.moved() { "Recovery" } else { "Primary" },
            "testFailoverState": drill,
            "testFailoverStateDescription": drill_description,
            "switchProviderState": "None",
            "switchProviderStateDescription": null,
            "allowedOperations": item.allowed(context.now),
            "replicationHealth": health,
            "failoverHealth": "Normal",
            "healthErrors": errors,
            "policyId": item.policy,
            "policyFriendlyName": last(&item.policy),
            "currentScenario": scenario(context, &vault, item),
            "failoverRecoveryPointId": item.point,
            "providerSpecificDetails": details(context, seen, item),
            "recoveryContainerId": item.target.container,
            "eventCorrelationId": context.seed.guid(&format!("{}/events", seen.id.to_lowercase())).to_string(),
        },
    });
    if let Phase::FailedOver { at } | Phase::Committed { at } = item.phase {
        shown["properties"]["lastSuccessfulFailoverTime"] = json!(context.time(at));
    }
    shown
}

/// Returns the body of an item of a provider that nobody has heard of: with what every item has, and nothing else.
pub(crate) fn foreign(id: &str, name: &str) -> Value {
    json!({
        "id": id,
        "name": name,
        "type": ITEM_TYPE,
        "properties": {
            "friendlyName": name,
            "protectionState": "ProtectedByOthers",
            "activeLocation": "Primary",
            "allowedOperations": [],
            "replicationHealth": "None",
            "healthErrors": [],
            "currentScenario": null,
            "providerSpecificDetails": {"instanceType": "NotYetHeardOf", "somethingNew": {"of": "it"}},
        },
    })
}

fn details(context: &Context<'_>, seen: &Resource, item: &Item) -> Value {
    let lag = points::lag(context, &seen.id, item);
    let stage = item.stage(context.now);
    let protected = matches!(stage, Stage::Protected | Stage::FailedOver | Stage::Committed);
    let guid = |what: &str| {
        let name = format!("{}/{what}", item.machine.to_lowercase());
        context.seed.guid(&name).to_string()
    };
    // Ids of machines and disks come back in lower case.
    let machine = item.source.machine(&item.machine).to_lowercase();
    let group = match item.group.is_empty() {
        true => (guid("group"), "AutoCreated"),
        false => (
            context.seed.guid(&item.group.to_lowercase()).to_string(),
            "UserSpecified",
        ),
    };
    let mut shown = json!({
        "instanceType": "A2A",
        "fabricObjectId": machine,
        "initialPrimaryZone": "",
        "initialPrimaryFabricLocation": item.initially.0,
        "initialRecoveryZone": "",
        "initialPrimaryExtendedLocation": null,
        "initialRecoveryExtendedLocation": null,
        "initialRecoveryFabricLocation": item.initially.1,
        "multiVmGroupId": group.0,
        "multiVmGroupName": item.group,
        "multiVmGroupCreateOption": group.1,
        "managementId": guid(&item.source.region),
        "protectedDisks": null,
        "unprotectedDisks": null,
        "protectedManagedDisks": [disk(item, stage)],
        "recoveryBootDiagStorageAccountId": null,
        "primaryFabricLocation": item.source.region,
        "recoveryFabricLocation": item.target.region,
    });
    // In two, since the macro's depth has a limit.
    let more = json!({
        "osType": "Linux",
        "recoveryAzureVMSize": "Standard_D4s_v5",
        "recoveryAzureVMName": item.machine,
        "recoveryAzureResourceGroupId": item.target.group,
        "recoveryCloudService": null,
        "recoveryAvailabilitySet": null,
        "selectedRecoveryAzureNetworkId": null,
        "selectedTfoAzureNetworkId": null,
        "vmNics": nics(context, item, protected),
        "vmSyncedConfigDetails": {"tags": {}, "inputEndpoints": []},
        "monitoringPercentageCompletion": protected.then_some(0),
        "monitoringJobType": protected.then_some("InitialReplication"),
        "lastHeartbeat": protected.then(|| context.time(points::edge(context, item))),
        "agentVersion": "9.55.6808.1",
        "agentExpiryDate": "9999-12-31T23:59:59.9999999",
        "isReplicationAgentUpdateRequired": false,
        "isReplicationAgentCertificateUpdateRequired": false,
        "recoveryFabricObjectId": item.moved().then(|| item.target.machine(&item.machine).to_lowercase()),
        "vmProtectionState": if protected { "Protected" } else { "UnprotectedStatesBegin" },
        "vmProtectionStateDescription": if protected { "Protected" } else { "Enabling protection" },
        "lifecycleId": protected.then(|| guid("lifecycle")),
        "testFailoverRecoveryFabricObjectId": item.drill.is_some().then(|| item.target.machine(&item.test_machine()).to_lowercase()),
        "rpoInSeconds": lag.map(|(_, seconds)| seconds),
        "lastRpoCalculatedTime": lag.map(|(at, _)| context.time(at)),
        "rtoInSeconds": null,
        "primaryAvailabilityZone": null,
        "recoveryAvailabilityZone": null,
        "primaryExtendedLocation": null,
        "recoveryExtendedLocation": null,
        "vmEncryptionType": "NotEncrypted",
        "tfoAzureVMName": item.test_machine(),
        "recoveryAzureGeneration": "V2",
        "recoveryProximityPlacementGroupId": null,
        "autoProtectionOfDataDisk": "Disabled",
        "recoveryVirtualMachineScaleSetId": null,
        "recoveryCapacityReservationGroupId": null,
    });
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
        shown.extend(more);
    }
    if protected {
        shown["agentCertificateExpiryDate"] = json!("9999-12-31T23:59:59Z");
    }
    shown
}

/// Interfaces are known once the machine is protected.
fn nics(context: &Context<'_>, item: &Item, protected: bool) -> Vec<Value> {
    if !protected {
        return Vec::new();
    }
    let network = |group: &str| format!("{group}/providers/Microsoft.Network/virtualNetworks/vnet-machines");
    let configuration = json!({
        "name": "ipconfig",
        "isPrimary": true,
        "subnetName": "default",
        "staticIPAddress": null,
        "ipAddressType": "Dynamic",
        // The service spells it so.
        "isSeletedForFailover": true,
        "recoverySubnetName": "default",
        "recoveryStaticIPAddress": "",
        "recoveryIPAddressType": "Dynamic",
        "recoveryPublicIPAddressId": null,
        "recoveryLBBackendAddressPoolIds": null,
        "tfoSubnetName": null,
        "tfoStaticIPAddress": null,
        "tfoPublicIPAddressId": null,
        "tfoLBBackendAddressPoolIds": null,
    });
    vec![json!({
        "nicId": context.seed.guid(&format!("{}/nic", item.machine.to_lowercase())).to_string(),
        "replicaNicId": null,
        "sourceNicArmId": format!(
            "{}/providers/Microsoft.Network/networkInterfaces/{}-nic",
            item.source.group, item.machine
        ),
        "vMNetworkName": network(&item.source.group),
        "recoveryVMNetworkId": network(&item.target.group),
        "ipConfigs": [configuration],
        "selectionType": "SelectedByUserOverride",
        "recoveryNetworkSecurityGroupId": null,
        "enableAcceleratedNetworkingOnRecovery": false,
        "tfoVMNetworkId": null,
        "tfoNetworkSecurityGroupId": null,
        "enableAcceleratedNetworkingOnTfo": null,
        "recoveryNicName": null,
        "recoveryNicResourceGroupName": null,
        "reuseExistingNic": false,
        "tfoRecoveryNicName": null,
        "tfoRecoveryNicResourceGroupName": null,
        "tfoReuseExistingNic": false,
        "targetNicName": null,
    })]
}

fn disk(item: &Item, stage: Stage) -> Value {
    let name = format!("{}-os", item.machine);
    let state = match stage {
        Stage::Copying => "InitialReplicationPending",
        Stage::Completing => "Unavailable",
        _ => "Protected",
    };
    json!({
        "diskId": format!("{}/providers/Microsoft.Compute/disks/{name}", item.source.group).to_lowercase(),
        "recoveryResourceGroupId": item.target.group,
        "recoveryTargetDiskId": item.moved().then(|| format!("{}/providers/Microsoft.Compute/disks/{name}", item.target.group)),
        "recoveryReplicaDiskId": format!("{}/providers/Microsoft.Compute/disks/{name}-ASRReplica", item.target.group),
        "recoveryOrignalTargetDiskId": null,
        "recoveryReplicaDiskAccountType": "Premium_LRS",
        "recoveryTargetDiskAccountType": "Premium_LRS",
        "recoveryDiskEncryptionSetId": null,
        "primaryDiskEncryptionSetId": null,
        "diskName": name,
        "diskCapacityInBytes": 136_367_308_800_u64,
        "primaryStagingAzureStorageAccountId": null,
        "diskType": "OperatingSystem",
        "resyncRequired": false,
        "monitoringPercentageCompletion": null,
        "monitoringJobType": null,
        "dataPendingInStagingStorageAccountInMB": 0.0,
        "dataPendingAtSourceAgentInMB": 0.0,
        "diskState": state,
        "allowedDiskLevelOperation": [],
        "isDiskEncrypted": false,
        "secretIdentifier": null,
        "dekKeyVaultArmId": null,
        "isDiskKeyEncrypted": false,
        "keyIdentifier": null,
        "kekKeyVaultArmId": null,
        "failoverDiskName": name,
        "tfoDiskName": format!("{name}-ASRtest"),
    })
}
