//! What does a cluster look like that was asked for so?

use serde_json::{Value, json};

use super::{CLUSTERS, rules};
use crate::{
    arm::{Answer, answer::Body},
    draw::Seed,
    provider::plain::merge,
    world::{Resource, Serves, World, fold_id},
};

/// What a cluster is made of.
pub(super) struct Asked<'a> {
    /// Its id.
    pub(super) id: &'a str,
    /// Its region.
    pub(super) region: &'a str,
    /// What was asked for.
    pub(super) body: &'a Value,
    /// The one that is there, if it is changed.
    pub(super) old: Option<&'a Resource>,
    /// Where its chance comes from.
    pub(super) seed: Seed,
    /// What its chance is drawn by.
    pub(super) key: &'a str,
    /// The provisioning state that it has now.
    pub(super) word: &'a str,
}

/// Makes a cluster's resource. A new one has a new host name, a new identity of its kubelets, a new address.
pub(super) fn cluster(world: &World, asked: &Asked<'_>) -> Resource {
    let (group, name) = names(asked.id);
    let guid = |what: &str| asked.seed.guid(&format!("{}/{what}", asked.key)).to_string();
    let properties = &asked.body["properties"];
    let kept = asked
        .old
        .and_then(|old| old.body["properties"]["kubernetesVersion"].as_str());
    let version = properties["kubernetesVersion"]
        .as_str()
        .filter(|version| !version.is_empty())
        .or(kept)
        .unwrap_or(rules::USUAL);
    let full = rules::patch(world, asked.region, version).unwrap_or_else(|| version.to_owned());
    let nodes = properties["nodeResourceGroup"]
        .as_str()
        .filter(|name| !name.is_empty());
    let nodes = nodes.map_or_else(|| format!("MC_{group}_{name}_{}", asked.region), str::to_owned);
    let prefix = properties["dnsPrefix"].as_str().unwrap_or(name);
    let unique = asked
        .seed
        .letters(&format!("{}/fqdn", asked.key), 8)
        .to_lowercase()
        .replace(['-', '_'], "x");
    let under = |kind: &str, name: &str| format!("{}/providers/{kind}/{name}", node_group(asked.id, &nodes));
    let mut made = json!({
        "provisioningState": asked.word,
        "powerState": {"code": "Running"},
        "kubernetesVersion": version,
        "currentKubernetesVersion": full,
        "dnsPrefix": prefix,
        "fqdn": format!("{prefix}-{unique}.hcp.{}.azmk8s.io", asked.region),
        "azurePortalFQDN": format!("{prefix}-{unique}.portal.hcp.{}.azmk8s.io", asked.region),
        "agentPoolProfiles": [],
        "servicePrincipalProfile": {"clientId": "msi"},
        "nodeResourceGroup": nodes,
        "enableRBAC": true,
        "supportPlan": "KubernetesOfficial",
        "networkProfile": {
            "networkPlugin": "azure", "networkPluginMode": "overlay", "networkPolicy": "none",
            "networkDataplane": "azure", "loadBalancerSku": "standard",
            "loadBalancerProfile": {
                "managedOutboundIPs": {"count": 1},
                "effectiveOutboundIPs": [{"id": under("Microsoft.Network/publicIPAddresses", &guid("outbound"))}],
                "backendPoolType": "nodeIPConfiguration",
            },
            "podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10",
            "outboundType": "loadBalancer", "podCidrs": ["10.244.0.0/16"], "serviceCidrs": ["10.0.0.0/16"],
            "ipFamilies": ["IPv4"],
        },
        "maxAgentPools": 100,
        "identityProfile": {"kubeletidentity": {
            "resourceId": under("Microsoft.ManagedIdentity/userAssignedIdentities", &format!("{name}-agentpool")),
            "clientId": guid("kubelet-client"),
            "objectId": guid("kubelet-object"),
        }},
        "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
        "securityProfile": {},
        "storageProfile": {
            "diskCSIDriver": {"enabled": true}, "fileCSIDriver": {"enabled": true},
            "snapshotController": {"enabled": true},
        },
        "oidcIssuerProfile": {"enabled": false},
        "workloadAutoScalerProfile": {},
        "resourceUID": guid("uid").replace('-', "").get(..24),
        "metricsProfile": {"costAnalysis": {"enabled": false}},
        "nodeProvisioningProfile": {"mode": "Manual", "defaultNodePools": "Auto"},
        "bootstrapProfile": {"artifactSource": "Direct"},
    });
    // What Azure makes itself and keeps, whatever a request says.
    let mut fixed = json!({});
    for key in [
        "provisioningState",
        "powerState",
        "currentKubernetesVersion",
        "fqdn",
        "azurePortalFQDN",
        "nodeResourceGroup",
        "maxAgentPools",
        "resourceUID",
    ] {
        fixed[key] = made[key].clone();
        if let Some(old) = asked.old.filter(|_| !key.ends_with("State")) {
            fixed[key] = old.body["properties"][key].clone();
        }
    }
    let mut wanted = properties.clone();
    if let Some(wanted) = wanted.as_object_mut() {
        wanted.retain(|key, value| {
            !value.is_null() && key != "agentPoolProfiles" && key != "kubernetesVersion"
        });
    }
    merge(&mut made, &wanted);
    merge(&mut made, &fixed);
    if made["oidcIssuerProfile"]["enabled"] == true {
        let tenant = guid("tenant");
        made["oidcIssuerProfile"]["issuerURL"] = json!(format!(
            "https://{}.oic.prod-aks.azure.com/{tenant}/{}/",
            asked.region,
            guid("issuer")
        ));
    }
    let mut pools: Vec<Value> = super::pools(asked.body)
        .iter()
        .map(|asked_pool| pool(world, asked.region, asked_pool, version, asked.word))
        .collect();
    // Pools that a request does not name stay.
    for old in asked.old.map(|old| super::pools(&old.body)).unwrap_or_default() {
        if !pools.iter().any(|pool| pool["name"] == old["name"]) {
            pools.push(old);
        }
    }
    made["agentPoolProfiles"] = json!(pools);
    let mut shown = json!({
        "id": asked.id.replacen("/resourceGroups/", "/resourcegroups/", 1),
        "location": asked.region,
        "name": name,
        "type": "Microsoft.ContainerService/ManagedClusters",
    });
    if asked.body["tags"].is_object() {
        shown["tags"] = asked.body["tags"].clone();
    }
    shown["kind"] = json!("Base");
    shown["properties"] = made;
    shown["identity"] = identity(world, asked, &guid);
    shown["sku"] = match asked.body["sku"].is_object() {
        true => asked.body["sku"].clone(),
        false => json!({"name": "Base", "tier": "Free"}),
    };
    let state = match asked.old {
        Some(old) => old.state.clone(),
        None => json!({"stands": false, "ingress": ingress(world, asked)}),
    };
    Resource {
        id: asked.id.to_owned(),
        kind: CLUSTERS.to_owned(),
        region: asked.region.to_owned(),
        body: shown,
        state,
    }
}

/// Makes a pool as a cluster's body shows it.
pub(super) fn pool(world: &World, region: &str, asked: &Value, version: &str, word: &str) -> Value {
    let own = asked["orchestratorVersion"]
        .as_str()
        .filter(|own| !own.is_empty())
        .unwrap_or(version);
    let mut made = json!({
        "name": asked["name"],
        "count": 1,
        "vmSize": "",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "kubeletDiskType": "OS",
        "maxPods": 110,
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": false,
        "scaleDownMode": "Delete",
        "provisioningState": word,
        "powerState": {"code": "Running"},
        "orchestratorVersion": own,
        "currentOrchestratorVersion": own,
        "enableNodePublicIP": false,
        "mode": "User",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202601.07.0",
        "upgradeSettings": {"maxSurge": "10%", "maxUnavailable": "0"},
        "enableFIPS": false,
    });
    let mut wanted = asked.clone();
    if let Some(wanted) = wanted.as_object_mut() {
        wanted.retain(|key, value| {
            let made_here = [
                "provisioningState",
                "powerState",
                "currentOrchestratorVersion",
                "nodeImageVersion",
                "orchestratorVersion",
                "eTag",
            ]
            .contains(&key.as_str());
            let unset = key == "osDiskSizeGB" && *value == 0;
            !(value.is_null() || made_here || unset)
        });
    }
    merge(&mut made, &wanted);
    let full = rules::patch(world, region, own).unwrap_or_else(|| own.to_owned());
    made["currentOrchestratorVersion"] = json!(full);
    made
}

fn identity(world: &World, asked: &Asked<'_>, guid: &dyn Fn(&str) -> String) -> Value {
    let mut shown = asked.body["identity"].clone();
    if !shown.is_object() {
        shown = json!({"type": "SystemAssigned"});
    }
    if let Some(shown) = shown.as_object_mut() {
        shown.retain(|_, value| !value.is_null());
        if let Some(users) = shown
            .get_mut("userAssignedIdentities")
            .and_then(Value::as_object_mut)
        {
            for (id, value) in users {
                let properties = world.resource(id).map(|found| &found.body["properties"]);
                *value = json!({
                    "principalId": properties.map(|own| own["principalId"].clone()),
                    "clientId": properties.map(|own| own["clientId"].clone()),
                });
            }
        }
    }
    if shown["type"] == "SystemAssigned" {
        shown["principalId"] = json!(guid("principal"));
        shown["tenantId"] = json!("00000000-0000-0000-0000-000000000000");
        if let Some(old) = asked.old {
            shown["principalId"] = old.body["identity"]["principalId"].clone();
        }
    }
    shown
}

/// Returns the address that a cluster's ingress will have: the one that the world keeps for it, or one out of the
/// range that is set aside for measurements, so that nobody's real address is ever meant.
fn ingress(world: &World, asked: &Asked<'_>) -> String {
    let id = fold_id(asked.id);
    let kept = world.ports.iter().find(|port| match &port.serves {
        Serves::Resource(other) => fold_id(other) == id,
        _ => false,
    });
    kept.map_or_else(
        || {
            let draw = |what: &str, low, high| asked.seed.between(&format!("{id}/ingress/{what}"), low, high);
            format!(
                "198.{}.{}.{}",
                draw("a", 18, 19),
                draw("b", 0, 255),
                draw("c", 1, 254)
            )
        },
        |port| port.host.clone(),
    )
}

/// Returns a cluster's resource group and name.
pub(super) fn names(id: &str) -> (&str, &str) {
    let mut parts = id.split('/').filter(|part| !part.is_empty());
    (
        parts.nth(3).unwrap_or_default(),
        id.rsplit('/').next().unwrap_or_default(),
    )
}

/// Returns the id of the group that a cluster's nodes live in.
pub(super) fn node_group(id: &str, name: &str) -> String {
    let subscription = id.split('/').nth(2).unwrap_or_default();
    format!("/subscriptions/{subscription}/resourceGroups/{name}")
}

/// Takes out of an answer what its version does not know. Recorded: 2025-08-01 shows all of these fields but the tag,
/// 2024-09-01 does not; nor does the specification of 2024-05-01.
pub(super) fn as_of(version: &str, mut answer: Answer) -> Answer {
    let old: fn(&mut Value) = match version {
        version if version >= super::etag::SINCE => return answer,
        version if version >= "2025-01-01" => forget_the_tag,
        _ => |shown| {
            forget_the_tag(shown);
            forget_the_new(shown);
        },
    };
    if let Body::Json(body) = &mut answer.body {
        match body.get_mut("value").and_then(Value::as_array_mut) {
            Some(listed) => listed.iter_mut().for_each(old),
            None => old(body),
        }
    }
    answer
}

fn forget(value: &mut Value, names: &[&str]) {
    if let Some(map) = value.as_object_mut() {
        map.retain(|name, _| !names.contains(&name.as_str()));
    }
}

fn forget_the_tag(shown: &mut Value) {
    forget(shown, &["eTag"]);
    let Some(properties) = shown.get_mut("properties") else {
        return;
    };
    forget(properties, &["eTag"]);
    let pools = properties
        .get_mut("agentPoolProfiles")
        .and_then(Value::as_array_mut);
    for pool in pools.into_iter().flatten() {
        forget(pool, &["eTag"]);
    }
}

fn forget_the_new(shown: &mut Value) {
    forget(shown, &["kind"]);
    let Some(properties) = shown.get_mut("properties") else {
        return;
    };
    forget(properties, &["bootstrapProfile", "nodeProvisioningProfile"]);
    if let Some(settings) = properties.get_mut("upgradeSettings") {
        forget(settings, &["maxUnavailable"]);
    }
    let pools = properties
        .get_mut("agentPoolProfiles")
        .and_then(Value::as_array_mut);
    for pool in pools.into_iter().flatten() {
        if let Some(settings) = pool.get_mut("upgradeSettings") {
            forget(settings, &["maxUnavailable"]);
        }
    }
}
