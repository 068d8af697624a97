//! Which roles are there, and what may they do?
//!
//! A handful of the built-in ones. Their GUIDs are the vendor's, the same everywhere; their actions are an inference
//! from the vendor's published list, cut down to what a failover needs. A role that is not here can be assigned, and
//! allows nothing.

use http::Method;
use serde_json::{Value, json};

use super::refused;
use crate::arm::{Answer, ArmRequest};

/// A built-in role.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    /// Its GUID.
    pub(crate) id: &'static str,
    /// What people call it.
    pub(crate) name: &'static str,
    /// What it allows, with `*` for anything.
    pub(crate) actions: &'static [&'static str],
    /// What of that it does not.
    pub(crate) but: &'static [&'static str],
}

const NO_GRANTING: &[&str] = &[
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
];

macro_rules! role {
    ($id:literal, $name:literal, [$($action:literal),*]) => {
        BuiltIn { id: $id, name: $name, actions: &[$($action),*], but: &[] }
    };
}

const ROLES: &[BuiltIn] = &[
    role!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", ["*"]),
    BuiltIn {
        id: "b24988ac-6180-42a0-ab88-20f7382dd24c",
        name: "Contributor",
        actions: &["*"],
        but: NO_GRANTING,
    },
    role!("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", ["*/read"]),
    role!(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        ["*/read", "Microsoft.Authorization/*"]
    ),
    role!(
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.Network/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read"
        ]
    ),
    role!(
        "6670b86e-a3f7-4917-ac9b-5d6ab1be4567",
        "Site Recovery Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.RecoveryServices/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Storage/storageAccounts/read",
            "Microsoft.Network/virtualNetworks/read"
        ]
    ),
    role!(
        "9b7fa17d-e63e-47b0-bb0a-15c516ac86ec",
        "SQL DB Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.Sql/locations/*/read",
            "Microsoft.Sql/servers/databases/*",
            "Microsoft.Sql/servers/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read"
        ]
    ),
    role!(
        "6d8ee4ec-f05a-4a1d-8b00-a9b17e38b437",
        "SQL Server Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.Sql/locations/*/read",
            "Microsoft.Sql/servers/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read"
        ]
    ),
    role!(
        "4939a1f6-9ae0-4e48-a1e0-f2cbe897382d",
        "SQL Managed Instance Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.Sql/locations/*/read",
            "Microsoft.Sql/locations/instanceFailoverGroups/*",
            "Microsoft.Sql/managedInstances/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read"
        ]
    ),
    role!(
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.Storage/storageAccounts/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read"
        ]
    ),
    role!(
        "a4b10055-b0c7-44c2-b00f-c7b5b3550cf7",
        "Traffic Manager Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.Network/trafficManagerProfiles/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read"
        ]
    ),
    role!(
        "befefa01-2a29-4197-83a8-272ff33ce314",
        "DNS Zone Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.Network/dnsZones/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read"
        ]
    ),
    role!(
        "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "AcrPull",
        ["Microsoft.ContainerRegistry/registries/pull/read"]
    ),
];

/// Finds a built-in role by its name, its GUID, or an id that ends with the GUID.
pub(crate) fn built_in(wanted: &str) -> Option<&'static BuiltIn> {
    let last = wanted.rsplit('/').next().unwrap_or(wanted);
    ROLES
        .iter()
        .find(|role| role.id.eq_ignore_ascii_case(last) || role.name.eq_ignore_ascii_case(wanted))
}

pub(super) fn answer(request: &ArmRequest) -> Answer {
    if request.method != Method::GET {
        return refused();
    }
    if request.path.tail.is_some() {
        return list(request);
    }
    let name = request.path.name();
    match built_in(name) {
        Some(role) => Answer::json(200, shown(request, role)),
        None => Answer::error(
            404,
            "RoleDefinitionDoesNotExist",
            format!("The specified role definition with ID '{name}' does not exist."),
        ),
    }
}

/// Lists the roles; `roleName eq '…'` is what the vendor's command line asks by.
fn list(request: &ArmRequest) -> Answer {
    let filter = request.query("$filter").unwrap_or_default();
    let named = filter
        .trim()
        .strip_prefix("roleName eq '")
        .and_then(|rest| rest.strip_suffix('\''));
    let value: Vec<Value> = ROLES
        .iter()
        .filter(|role| named.is_none_or(|name| role.name.eq_ignore_ascii_case(name)))
        .map(|role| shown(request, role))
        .collect();
    Answer::json(200, json!({"value": value}))
}

fn shown(request: &ArmRequest, role: &BuiltIn) -> Value {
    let under = match &request.path.subscription {
        Some(subscription) => format!("/subscriptions/{subscription}"),
        None => String::new(),
    };
    json!({
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": "",
            "assignableScopes": ["/"],
            "permissions": [{
                "actions": role.actions,
                "notActions": role.but,
                "dataActions": [],
                "notDataActions": [],
            }],
        },
        "id": format!("{under}/providers/Microsoft.Authorization/roleDefinitions/{}", role.id),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": role.id,
    })
}
