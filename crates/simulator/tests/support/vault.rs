//! A vault with four machines, two of them a multi-VM group, and how it is talked to.

use leeward_simulator::{Blueprint, Settings, Simulator, Throttles, World};
use serde_json::{Value, json};

use super::{SUBSCRIPTION, Told, get, request, send};

pub const VERSION: &str = "2025-08-01";
pub const COMPUTE: &str = "2024-07-01";

pub fn blueprint() -> Blueprint {
    serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": { "primary": "westeurope", "paired": "northeurope" },
        "resources": [
            { "kind": "tcp", "host": "10.10.4.10", "port": 5672, "side": "primary" },
            { "kind": "tcp", "host": "10.20.4.10", "port": 5672, "side": "paired" },
            {
                "kind": "vault-machines", "vault": "rsv", "resource-group": "rg-recovery-neu",
                "machines": ["vm-rabbit-1", "vm-rabbit-2"], "drill-network": "vnet-drill-neu",
                "primary-addresses": ["10.10.4.10"], "paired-addresses": ["10.20.4.10"],
            },
            {
                "kind": "vault-machines", "vault": "rsv", "resource-group": "rg-recovery-neu",
                "machines": ["vm-pg-1", "vm-pg-2"], "multi-vm-group": "postgres", "recovery-plan": "rp-postgres",
            },
        ],
    }))
    .unwrap()
}

/// A world that does not count: these tests look at it far more often than Azure would let them.
pub fn vault_with(world: &str) -> Simulator {
    let mut world = World::derive(&blueprint())
        .unwrap()
        .overlaid_with(World::from_yaml(world).unwrap());
    world.throttles = Throttles::Off;
    Simulator::new(world, Settings::seeded(3))
}

/// A world that counts.
pub fn counting_vault() -> Simulator {
    Simulator::new(World::derive(&blueprint()).unwrap(), Settings::seeded(3))
}

pub fn base() -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-recovery-neu/providers/Microsoft.RecoveryServices/vaults/rsv"
    )
}

pub fn container(region: &str) -> String {
    format!(
        "{}/replicationFabrics/asr-a2a-default-{region}/replicationProtectionContainers/asr-a2a-default-{region}-container",
        base()
    )
}

pub fn item(region: &str, name: &str) -> String {
    format!("{}/replicationProtectedItems/{name}", container(region))
}

pub fn machine(region: &str, name: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-machines-{region}/providers/Microsoft.Compute/virtualMachines/{name}"
    )
}

pub async fn act(azure: &Simulator, path: &str, properties: Value) -> Told {
    let body = json!({"properties": properties});
    send(
        azure,
        request("POST", &format!("{path}?api-version={VERSION}"), Some(body)),
    )
    .await
    .unwrap()
}

pub fn failover(source: &str) -> Value {
    json!({
        "failoverDirection": "PrimaryToRecovery", "sourceSiteOperations": source,
        "providerSpecificDetails": {"instanceType": "A2A"},
    })
}

pub async fn properties(azure: &Simulator, path: &str) -> Value {
    let told = get(azure, path, VERSION).await;
    assert_eq!(told.status, 200, "{path}: {}", told.body);
    told.body["properties"].clone()
}

pub async fn job(azure: &Simulator, begun: &Told) -> Value {
    let url = begun.header("azure-asyncoperation").unwrap();
    let id = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    properties(azure, &format!("{}/replicationJobs/{id}", base())).await
}

pub async fn takes(azure: &Simulator, address: &str) -> bool {
    let request = http::Request::builder()
        .method("CONNECT")
        .uri(address)
        .body(bytes::Bytes::new())
        .unwrap();
    azure
        .handle(request)
        .await
        .answer()
        .is_some_and(|answer| answer.status() == 200)
}

pub fn switch(azure_name: &str, to: &str) -> Value {
    json!({
        "replicationProtectedItemName": azure_name,
        "providerSpecificDetails": {
            "instanceType": "A2A", "recoveryContainerId": container(to),
            "policyId": format!("{}/replicationPolicies/24-hour-retention-policy", base()),
        },
    })
}
