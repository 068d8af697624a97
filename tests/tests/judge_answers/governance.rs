//! What can be asked of what stands beside all kinds?

use std::time::Duration;

use leeward_acceptance::{judges::exchanges::Docket, stage::rehearse};
use leeward_simulator::World;
use serde_json::{Value, json};

use crate::scene::{SUBSCRIPTION, Scene, id, platform};

const LOCKS: &str = "2020-05-01";
const ROLES: &str = "2022-04-01";
const RESOURCES: &str = "2024-03-01";
const HEALTH: &str = "2024-02-01";
const NOTHING: Value = Value::Null;

pub(crate) fn play(docket: &mut Docket) {
    rehearse(async {
        locks(&mut Scene::new(docket, "locks")).await;
        roles(&mut Scene::new(docket, "roles")).await;
        tags(&mut Scene::new(docket, "tags")).await;
        for is in ["gone", "not-serving"] {
            let more = format!("regions: [{{ name: westeurope, outages: [{{ is: {is}, until: 2h }}] }}]");
            let more = World::from_yaml(&more).unwrap_or_else(|error| panic!("{error}"));
            let world = platform().overlaid_with(more);
            health(&mut Scene::of(world, docket, "health")).await;
        }
    });
}

fn subscription() -> String {
    format!("/subscriptions/{SUBSCRIPTION}")
}

fn account() -> String {
    id("rg-weu", "Microsoft.Storage/storageAccounts/stgeo")
}

async fn locks(scene: &mut Scene<'_>) {
    let frozen = json!({"properties": {"level": "ReadOnly", "notes": "audit"}});
    let group = format!("{}/resourceGroups/rg-weu", subscription());
    for scope in [subscription(), group, account()] {
        let all = format!("{scope}/providers/Microsoft.Authorization/locks");
        scene
            .right("PUT", &format!("{all}/calm"), LOCKS, frozen.clone())
            .await;
        scene
            .right("PUT", &format!("{all}/calm"), LOCKS, frozen.clone())
            .await;
        scene.get(&format!("{all}/calm"), LOCKS).await;
        scene.get(&all, LOCKS).await;
        scene.get(&format!("{all}?$filter=atScope()"), LOCKS).await;
        let keys = format!("{}/listKeys", account());
        scene
            .wrong("POST", &keys, "2023-05-01", NOTHING, "ScopeLocked")
            .await;
        scene
            .right("DELETE", &format!("{all}/calm"), LOCKS, NOTHING)
            .await;
        scene
            .right("DELETE", &format!("{all}/calm"), LOCKS, NOTHING)
            .await;
    }
}

async fn roles(scene: &mut Scene<'_>) {
    let role = format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c",
        subscription()
    );
    let mut asked = json!({"properties": {
        "roleDefinitionId": role, "principalId": "06651546-4121-4ccd-a25d-13fe0422467e",
        "principalType": "ServicePrincipal"}});
    let group = format!("{}/resourceGroups/rg-weu", subscription());
    let names = [
        "88888888-0000-0000-0000-000000000001",
        "88888888-0000-0000-0000-000000000002",
    ];
    for scope in [subscription(), group, account()] {
        let all = format!("{scope}/providers/Microsoft.Authorization/roleAssignments");
        let [one, other] = names.map(|name| format!("{all}/{name}"));
        scene.right("PUT", &one, ROLES, asked.clone()).await;
        scene.right("PUT", &one, ROLES, asked.clone()).await;
        scene
            .wrong("PUT", &other, ROLES, asked.clone(), "RoleAssignmentExists")
            .await;
        scene.get(&one, ROLES).await;
        scene.get(&all, ROLES).await;
        scene.get(&format!("{all}?$filter=atScope()"), ROLES).await;
        scene.right("DELETE", &one, ROLES, NOTHING).await;
        scene.right("DELETE", &one, ROLES, NOTHING).await;
        scene
            .wrong("GET", &one, ROLES, NOTHING, "RoleAssignmentNotFound")
            .await;
        if let Some(properties) = asked["properties"].as_object_mut() {
            properties.remove("principalType");
        }
        scene
            .wrong("PUT", &other, ROLES, asked.clone(), "PrincipalNotFound")
            .await;
        asked["properties"]["principalType"] = json!("User");
    }
}

async fn tags(scene: &mut Scene<'_>) {
    let group = format!("{}/resourceGroups/rg-weu", subscription());
    for scope in [subscription(), group.clone(), account()] {
        let at = format!("{scope}/providers/Microsoft.Resources/tags/default");
        let given = json!({"properties": {"tags": {"leeward-run": "r-1"}}});
        scene.right("PUT", &at, RESOURCES, given.clone()).await;
        for operation in ["Merge", "Replace", "Delete"] {
            let mut change = given.clone();
            change["operation"] = json!(operation);
            scene.right("PATCH", &at, RESOURCES, change).await;
        }
        scene.get(&at, RESOURCES).await;
        scene.right("DELETE", &at, RESOURCES, NOTHING).await;
    }
    scene.get(&group, RESOURCES).await;
    scene
        .get(&format!("{}/resourceGroups", subscription()), RESOURCES)
        .await;
    scene.get(&subscription(), "2022-12-01").await;
    scene
        .get(&format!("{}/locations", subscription()), "2022-12-01")
        .await;
}

async fn health(scene: &mut Scene<'_>) {
    let of = |scope: &str| format!("{scope}/providers/Microsoft.ResourceHealth/availabilityStatuses");
    let group = format!("{}/resourceGroups/rg-weu", subscription());
    let events = "providers/Microsoft.ResourceHealth/events";
    for _ in 0..4 {
        scene.get(&format!("{}/current", of(&account())), HEALTH).await;
        scene.get(&of(&account()), HEALTH).await;
        scene.get(&of(&group), HEALTH).await;
        scene.get(&of(&subscription()), HEALTH).await;
        scene.get(&format!("{}/{events}", account()), HEALTH).await;
        let all = scene
            .get(
                &format!("{}/{events}?queryStartTime=1/1/2020", subscription()),
                HEALTH,
            )
            .await;
        if let Some(name) = all["value"][0]["name"].as_str() {
            scene
                .get(&format!("{}/{events}/{name}", subscription()), HEALTH)
                .await;
        }
        scene.advance(Duration::from_secs(10 * 60));
    }
    scene.advance(Duration::from_secs(3 * 3_600));
    scene.get(&format!("{}/{events}", subscription()), HEALTH).await;
    scene.get(&format!("{}/current", of(&account())), HEALTH).await;
}
