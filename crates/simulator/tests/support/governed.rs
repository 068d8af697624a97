//! A platform for what is cut across all providers.

use bytes::Bytes;
use http::Request;
use leeward_simulator::{Settings, Simulator, World};
use serde_json::{Value, json};

use super::{SUBSCRIPTION, Told, blueprint, request, send};

pub const LOCKS: &str = "2020-05-01";
pub const ROLES: &str = "2022-04-01";
pub const TAGS: &str = "2024-03-01";
pub const HEALTH: &str = "2024-02-01";
pub const SOMEBODY: &str = "06651546-4121-4ccd-a25d-13fe0422467e";
pub const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
pub const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
/// Whoever holds a token that tells nothing.
pub const CALLER: &str = "00000000-0000-4000-8000-00000000c11e";

/// The platform with an account, a cluster, machines, and more written over it.
pub fn governed(more: &str) -> Simulator {
    let mut described = blueprint();
    for item in [
        json!({"kind": "storage-geo", "account": "stplatform", "resource-group": "rg-platform-weu"}),
        json!({"kind": "aks-cluster", "primary": {"name": "aks-weu", "resource-group": "rg-platform-weu"},
               "paired": {"name": "aks-neu", "resource-group": "rg-platform-neu"}}),
        json!({"kind": "vault-machines", "vault": "rsv-neu", "resource-group": "rg-platform-neu", "machines": ["vm-1"]}),
        json!({"kind": "dns-record", "zone": "example.test", "resource-group": "rg-global", "record": "shop",
               "type": "A", "values": ["20.0.0.1"]}),
    ] {
        described.resources.push(serde_json::from_value(item).unwrap());
    }
    let world = World::derive(&described).unwrap();
    let world = world.overlaid_with(World::from_yaml(more).unwrap());
    Simulator::new(world, Settings::seeded(1))
}

pub fn subscription() -> String {
    format!("/subscriptions/{SUBSCRIPTION}")
}

pub fn group(name: &str) -> String {
    format!("{}/resourceGroups/{name}", subscription())
}

pub fn account() -> String {
    format!(
        "{}/providers/Microsoft.Storage/storageAccounts/stplatform",
        group("rg-platform-weu")
    )
}

pub fn cluster() -> String {
    format!(
        "{}/providers/Microsoft.ContainerService/managedClusters/aks-weu",
        group("rg-platform-weu")
    )
}

pub fn thing() -> String {
    format!("{}/providers/Example.Things/things/one", group("rg-global"))
}

pub fn lock(scope: &str, name: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/locks/{name}")
}

pub fn assignment(scope: &str, number: u8) -> String {
    format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/88888888-0000-0000-0000-0000000000{number:02}"
    )
}

pub fn tags(scope: &str) -> String {
    format!("{scope}/providers/Microsoft.Resources/tags/default")
}

/// The body of an assignment.
pub fn of(principal: &str, role: &str) -> Value {
    json!({"properties": {
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "roleDefinitionId": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{role}", subscription()),
    }})
}

/// Asks, in an api-version.
pub async fn ask(azure: &Simulator, method: &str, path: &str, version: &str, body: Value) -> Told {
    let join = if path.contains('?') { '&' } else { '?' };
    let url = format!("{path}{join}api-version={version}");
    let body = (!body.is_null()).then_some(body);
    send(azure, request(method, &url, body)).await.unwrap()
}

/// Puts in a lock through ARM.
pub async fn put_lock(azure: &Simulator, scope: &str, name: &str, level: &str) -> u16 {
    let body = json!({"properties": {"level": level}});
    ask(azure, "PUT", &lock(scope, name), LOCKS, body).await.status
}

/// Asks with a token that tells who asks.
pub async fn ask_as(
    azure: &Simulator,
    who: &str,
    method: &str,
    path: &str,
    version: &str,
    body: Value,
) -> Told {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = format!(
        "{}.{}.signed",
        part(json!({"typ": "JWT"})),
        part(json!({"appid": who, "oid": who}))
    );
    let request = Request::builder()
        .method(method)
        .uri(format!(
            "https://management.azure.com{path}?api-version={version}"
        ))
        .header("authorization", format!("Bearer {token}"))
        .body(if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        })
        .unwrap();
    send(azure, request).await.unwrap()
}

/// The names or ids that a list shows.
pub fn names(told: &Told) -> Vec<String> {
    let list = told.body["value"]
        .as_array()
        .unwrap_or_else(|| panic!("no list: {told:?}"));
    list.iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}
