//! What of a captured cluster may be written again? Pure: read-only fields and what the server
//! made by itself are taken out; every other field stays, known to us or not.

use serde_json::{Map, Value};

/// Fields that Azure shows and does not take, as paths: `[]` is every entry, `{}` every key.
pub(super) const READ_ONLY: &[&str] = &[
    // Ours: what the captured identities were allowed, beside what Azure shows of the cluster.
    "roleAssignments",
    "id",
    "name",
    "type",
    "systemData",
    "eTag",
    "etag",
    "identity.principalId",
    "identity.tenantId",
    "identity.userAssignedIdentities{}.clientId",
    "identity.userAssignedIdentities{}.principalId",
    "properties.provisioningState",
    "properties.powerState",
    "properties.status",
    "properties.fqdn",
    "properties.azurePortalFQDN",
    "properties.privateFQDN",
    "properties.currentKubernetesVersion",
    "properties.maxAgentPools",
    "properties.resourceUID",
    "properties.privateLinkResources",
    "properties.addonProfiles{}.identity",
    "properties.ingressProfile.webAppRouting.identity",
    "properties.oidcIssuerProfile.issuerURL",
    "properties.podIdentityProfile.userAssignedIdentities[].provisioningInfo",
    "properties.podIdentityProfile.userAssignedIdentities[].provisioningState",
    "properties.agentPoolProfiles[].currentOrchestratorVersion",
    "properties.agentPoolProfiles[].nodeImageVersion",
    "properties.agentPoolProfiles[].provisioningState",
    "properties.agentPoolProfiles[].powerState",
    "properties.agentPoolProfiles[].status",
    "properties.agentPoolProfiles[].eTag",
    "properties.agentPoolProfiles[].virtualMachineNodesStatus",
    "properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs",
    "properties.networkProfile.natGatewayProfile.effectiveOutboundIPs",
];

/// Reads a capture; it has to be the whole answer of a GET.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let found: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let pools = found
        .pointer("/properties/agentPoolProfiles")
        .and_then(Value::as_array);
    match pools {
        Some(pools) if pools.iter().any(is_system) => Ok(found),
        Some(_) => Err("it has no node pool of mode System".to_owned()),
        None => Err("it has no `properties.agentPoolProfiles`: capture the whole cluster".to_owned()),
    }
}

/// Takes out what Azure does not take back.
pub(super) fn strip(mut capture: Value) -> Value {
    for path in READ_ONLY {
        remove(&mut capture, path);
    }
    capture
}

/// Returns whether a pool carries the cluster's own parts. A pool without a mode is a user pool.
pub(super) fn is_system(pool: &Value) -> bool {
    text(pool, "mode").is_some_and(|mode| mode.eq_ignore_ascii_case("system"))
}

/// Returns a text of a pool.
pub(super) fn text<'a>(pool: &'a Value, name: &str) -> Option<&'a str> {
    pool.get(name).and_then(Value::as_str)
}

/// Returns the pools of a body.
pub(super) fn pools(body: &Value) -> &[Value] {
    body.pointer("/properties/agentPoolProfiles")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Returns the same value with every map in the order of its keys, so that equal ones digest equally.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let pairs = keys.into_iter().map(|key| (key.clone(), sorted(&map[key])));
            Value::Object(pairs.collect::<Map<String, Value>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Removes what stands at a path; nothing where nothing does.
pub(super) fn remove(value: &mut Value, path: &str) {
    let Some((head, rest)) = path.split_once('.') else {
        if let Value::Object(map) = value {
            map.shift_remove(path);
        }
        return;
    };
    if let Some(name) = head.strip_suffix("[]") {
        for entry in value
            .get_mut(name)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            remove(entry, rest);
        }
    } else if let Some(name) = head.strip_suffix("{}") {
        for entry in value
            .get_mut(name)
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
        {
            remove(entry.1, rest);
        }
    } else if let Some(inner) = value.get_mut(head) {
        remove(inner, rest);
    }
}
