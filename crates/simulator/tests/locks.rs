//! Do locks forbid what Azure's forbid, and nothing else?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use leeward_simulator::Simulator;
use serde_json::{Value, json};
use support::{governed::*, *};

/// What a request is answered: its status and its code.
async fn said(azure: &Simulator, method: &str, path: &str, version: &str, body: Value) -> (u16, String) {
    let told = ask(azure, method, path, version, body).await;
    (told.status, told.code().to_owned())
}

fn locked() -> (u16, String) {
    (409, "ScopeLocked".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_put_read_changed_listed_and_taken_away() {
    let azure = governed("");
    let at = lock(&group("rg-platform-weu"), "calm");
    let asked = json!({"properties": {"level": "ReadOnly"}});
    let made = ask(&azure, "PUT", &at, "2016-09-01", asked.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(
        made.body,
        json!({"properties": {"level": "ReadOnly"}, "id": at, "type": "Microsoft.Authorization/locks", "name": "calm"})
    );
    assert_eq!(ask(&azure, "GET", &at, LOCKS, Value::Null).await.body, made.body);
    let milder = json!({"properties": {"level": "CanNotDelete", "notes": "by hand"}});
    let changed = ask(&azure, "PUT", &at, LOCKS, milder.clone()).await;
    assert_eq!(
        (changed.status, &changed.body["properties"]),
        (200, &milder["properties"])
    );
    let unknown = json!({"properties": {"level": "Forbidden"}});
    assert_eq!(ask(&azure, "PUT", &at, LOCKS, unknown).await.status, 400);
    assert_eq!(ask(&azure, "DELETE", &at, LOCKS, Value::Null).await.status, 200);
    assert_eq!(ask(&azure, "DELETE", &at, LOCKS, Value::Null).await.status, 204);
    assert_eq!(ask(&azure, "GET", &at, LOCKS, Value::Null).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_the_locks_at_a_scope_and_below_it_and_those_above_are_asked_for_there() {
    let azure = governed("page-size: 2");
    let scopes = [
        (subscription(), "whole"),
        (group("rg-platform-weu"), "group"),
        (account(), "account"),
        (group("rg-global"), "other"),
    ];
    for (scope, name) in &scopes {
        assert_eq!(put_lock(&azure, scope, name, "CanNotDelete").await, 201, "{name}");
    }
    let list = |scope: String, filter: &'static str| {
        let azure = azure.clone();
        async move {
            let mut url = format!("{}{filter}", lock(&scope, "").trim_end_matches('/'));
            let mut found = Vec::new();
            loop {
                let told = match url.starts_with("http") {
                    true => send(&azure, request("GET", &url, None)).await.unwrap(),
                    false => ask(&azure, "GET", &url, LOCKS, Value::Null).await,
                };
                found.extend(names(&told));
                match told.body["nextLink"].as_str() {
                    Some(next) => url = next.to_owned(),
                    None => break,
                }
            }
            found.sort();
            found
        }
    };
    assert_eq!(
        list(subscription(), "").await,
        ["account", "group", "other", "whole"]
    );
    assert_eq!(list(group("rg-platform-weu"), "").await, ["account", "group"]);
    assert_eq!(
        list(group("rg-platform-weu"), "?$filter=atScope()").await,
        ["group"]
    );
    assert_eq!(list(account(), "").await, ["account"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_only_lock_refuses_every_change_and_every_post_and_no_read() {
    let azure = governed("");
    for name in ["rg-platform-weu", "rg-platform-neu", "rg-global"] {
        assert_eq!(put_lock(&azure, &group(name), "frozen", "ReadOnly").await, 201);
    }
    let vault = format!(
        "{}/providers/Microsoft.RecoveryServices/vaults/rsv-neu",
        group("rg-platform-neu")
    );
    let items = ask(
        &azure,
        "GET",
        &format!("{vault}/replicationProtectedItems"),
        "2024-04-01",
        Value::Null,
    )
    .await;
    let item = items.body["value"][0]["id"].as_str().unwrap().to_owned();
    let refused = [
        ("POST", format!("{}/failover", server_group("neu")), SQL),
        ("POST", format!("{}/failover", instance_group("neu")), SQL),
        ("POST", format!("{item}/unplannedFailover"), "2024-04-01"),
        ("POST", format!("{}/failover", account()), "2023-05-01"),
        ("POST", format!("{}/listKeys", account()), "2023-05-01"),
        (
            "POST",
            format!("{}/listClusterAdminCredential", cluster()),
            "2024-05-01",
        ),
        ("PATCH", profile("/externalEndpoints/weu"), "2022-04-01"),
        ("PUT", thing(), "2024-01-01"),
        ("DELETE", thing(), "2024-01-01"),
        ("PUT", tags(&thing()), TAGS),
        ("PUT", assignment(&thing(), 1), ROLES),
    ];
    for (method, path, version) in &refused {
        let told = ask(&azure, method, path, version, Value::Null).await;
        assert_eq!(
            (told.status, told.code()),
            (409, "ScopeLocked"),
            "{method} {path}"
        );
        let message = told.body["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("/resourceGroups/rg-"),
            "names the scope: {message}"
        );
    }
    for (path, version) in [
        (account(), "2023-05-01"),
        (thing(), "2024-01-01"),
        (server_group("neu"), SQL),
    ] {
        assert_eq!(
            ask(&azure, "GET", &path, version, Value::Null).await.status,
            200,
            "{path}"
        );
    }
    let accepted: Vec<String> = azure
        .requests()
        .into_iter()
        .filter(|entry| entry.accepted && !entry.path.contains("/locks/"))
        .map(|entry| entry.path)
        .collect();
    assert!(accepted.is_empty(), "{accepted:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lock_against_deleting_refuses_deletes_of_everything_below_and_nothing_else() {
    let azure = governed("");
    let given = ask(
        &azure,
        "PUT",
        &assignment(&thing(), 1),
        ROLES,
        of(SOMEBODY, READER),
    )
    .await;
    assert_eq!(given.status, 201);
    for name in ["rg-platform-weu", "rg-global"] {
        assert_eq!(put_lock(&azure, &group(name), "kept", "CanNotDelete").await, 201);
    }
    let pool = format!("{}/agentPools/system", cluster());
    let policy = format!("{}/objectReplicationPolicies/one", account());
    for (path, version) in [
        (cluster(), "2024-05-01"),
        (pool, "2024-05-01"),
        (policy, "2023-05-01"),
        (assignment(&thing(), 1), ROLES),
        (thing(), "2024-01-01"),
    ] {
        assert_eq!(
            said(&azure, "DELETE", &path, version, Value::Null).await,
            locked(),
            "{path}"
        );
    }
    let changed = ask(
        &azure,
        "PATCH",
        &thing(),
        "2024-01-01",
        json!({"properties": {"size": 2}}),
    )
    .await;
    assert_eq!(changed.status, 200);
    let keys = ask(
        &azure,
        "POST",
        &format!("{}/listKeys", account()),
        "2023-05-01",
        Value::Null,
    )
    .await;
    assert_ne!(keys.status, 409, "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lock_reaches_everything_below_it_and_the_strictest_counts() {
    let azure = governed("");
    let patch = json!({"properties": {"size": 2}});
    assert_eq!(
        put_lock(&azure, &subscription(), "whole", "CanNotDelete").await,
        201
    );
    let at = thing().to_uppercase();
    assert_eq!(
        said(&azure, "DELETE", &at, "2024-01-01", Value::Null).await,
        locked()
    );
    assert_eq!(
        said(&azure, "PATCH", &at, "2024-01-01", patch.clone()).await.0,
        200
    );
    assert_eq!(put_lock(&azure, &thing(), "one", "ReadOnly").await, 201);
    assert_eq!(
        said(&azure, "PATCH", &at, "2024-01-01", patch.clone()).await,
        locked()
    );
    // A milder one beside it changes nothing, and another resource of the group is not concerned.
    assert_eq!(put_lock(&azure, &thing(), "two", "CanNotDelete").await, 201);
    assert_eq!(
        said(&azure, "PATCH", &thing(), "2024-01-01", patch.clone()).await,
        locked()
    );
    let other = profile("/externalEndpoints/weu");
    let weight = json!({"properties": {"weight": 5}});
    assert_eq!(said(&azure, "PATCH", &other, "2022-04-01", weight).await.0, 200);
    // A name that only begins alike is another resource.
    let alike = format!("{}-more", thing());
    assert_eq!(said(&azure, "PUT", &alike, "2024-01-01", patch).await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn what_holds_a_locked_thing_cannot_be_deleted() {
    let azure = governed("");
    let zone = format!(
        "{}/providers/Microsoft.Network/dnszones/example.test",
        group("rg-global")
    );
    assert_eq!(
        put_lock(&azure, &format!("{zone}/A/shop"), "kept", "CanNotDelete").await,
        201
    );
    assert_eq!(
        said(&azure, "DELETE", &zone, "2018-05-01", Value::Null).await,
        locked()
    );
}

#[tokio::test(start_paused = true)]
async fn locks_themselves_can_be_put_and_taken_away_whatever_stands() {
    let azure = governed("");
    assert_eq!(put_lock(&azure, &subscription(), "whole", "ReadOnly").await, 201);
    assert_eq!(put_lock(&azure, &thing(), "one", "ReadOnly").await, 201);
    for at in [lock(&thing(), "one"), lock(&subscription(), "whole")] {
        assert_eq!(ask(&azure, "DELETE", &at, LOCKS, Value::Null).await.status, 200);
    }
    assert_eq!(
        said(&azure, "DELETE", &thing(), "2024-01-01", Value::Null)
            .await
            .0,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_world_and_the_control_side_put_locks_in_and_for_a_time() {
    let azure = governed(&format!(
        "locks:\n- {{ scope: {}, level: ReadOnly, from: 10m, until: 20m }}\n",
        group("rg-global")
    ));
    let patch = json!({"properties": {"size": 2}});
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(
            said(&azure, "PATCH", &thing(), "2024-01-01", patch.clone())
                .await
                .0,
        );
        azure.advance(Duration::from_secs(11 * 60));
    }
    assert_eq!(seen, [200, 409, 200], "before, while and after it stands");
    let control = |method: &str, body: Option<Value>| request(method, "/_simulator/locks", body);
    let put = json!({"scope": thing(), "level": "CanNotDelete", "notes": "audit"});
    assert_eq!(
        send(&azure, control("POST", Some(put))).await.unwrap().status,
        200
    );
    assert_eq!(
        said(&azure, "DELETE", &thing(), "2024-01-01", Value::Null).await,
        locked()
    );
    let wrong = json!({"scope": thing(), "level": "Sometimes"});
    assert_eq!(
        send(&azure, control("POST", Some(wrong))).await.unwrap().status,
        400
    );
    assert_eq!(send(&azure, control("DELETE", None)).await.unwrap().status, 200);
    assert_eq!(
        said(&azure, "DELETE", &thing(), "2024-01-01", Value::Null)
            .await
            .0,
        200
    );
}
