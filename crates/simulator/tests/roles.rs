//! Are roles assigned, refused and spread as Azure's are?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{governed::*, *};

#[tokio::test(start_paused = true)]
async fn the_same_guid_again_is_the_same_assignment_and_the_same_triple_under_another_is_refused() {
    let azure = governed("");
    let at = assignment(&account(), 1);
    let made = ask(&azure, "PUT", &at, ROLES, of(SOMEBODY, CONTRIBUTOR)).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.body["properties"]["scope"], json!(account()));
    let again = ask(&azure, "PUT", &at, ROLES, of(SOMEBODY, CONTRIBUTOR)).await;
    assert_eq!((again.status, again.body["id"] == made.body["id"]), (200, true));
    let mut told = of(SOMEBODY, CONTRIBUTOR);
    told["properties"]["description"] = json!("for the switch");
    let changed = ask(&azure, "PUT", &at, ROLES, told).await;
    assert_eq!(
        (changed.status, &changed.body["properties"]["description"]),
        (201, &json!("for the switch"))
    );
    let twin = ask(
        &azure,
        "PUT",
        &assignment(&account().to_uppercase(), 2),
        ROLES,
        of(SOMEBODY, CONTRIBUTOR),
    )
    .await;
    assert_eq!((twin.status, twin.code()), (409, "RoleAssignmentExists"));
    let elsewhere = ask(
        &azure,
        "PUT",
        &assignment(&cluster(), 2),
        ROLES,
        of(SOMEBODY, CONTRIBUTOR),
    )
    .await;
    assert_eq!(elsewhere.status, 201);
    let other = ask(&azure, "PUT", &at, ROLES, of(CALLER, CONTRIBUTOR)).await;
    assert_eq!(
        (other.status, other.code()),
        (400, "RoleAssignmentUpdateNotPermitted")
    );
    let gone = ask(&azure, "DELETE", &at, ROLES, Value::Null).await;
    assert_eq!((gone.status, &gone.body["id"]), (200, &made.body["id"]));
    assert_eq!(ask(&azure, "DELETE", &at, ROLES, Value::Null).await.status, 204);
    let missing = ask(&azure, "GET", &at, ROLES, Value::Null).await;
    assert_eq!((missing.status, missing.code()), (404, "RoleAssignmentNotFound"));
}

#[tokio::test(start_paused = true)]
async fn a_principal_that_the_directory_does_not_know_yet_needs_its_type_told() {
    let azure = governed("");
    let mut bare = of(SOMEBODY, READER);
    bare["properties"]
        .as_object_mut()
        .unwrap()
        .remove("principalType");
    let told = ask(&azure, "PUT", &assignment(&account(), 1), ROLES, bare.clone()).await;
    assert_eq!((told.status, told.code()), (400, "PrincipalNotFound"));
    let typed = ask(
        &azure,
        "PUT",
        &assignment(&account(), 1),
        ROLES,
        of(SOMEBODY, READER),
    )
    .await;
    assert_eq!(typed.status, 201);

    // The identity of a cluster that is just being made, and of one that has stood for long.
    let principal = |body: &Value| body["identity"]["principalId"].as_str().unwrap().to_owned();
    let old = ask(&azure, "GET", &cluster(), "2024-05-01", Value::Null).await;
    bare["properties"]["principalId"] = json!(principal(&old.body));
    assert_eq!(
        ask(&azure, "PUT", &assignment(&account(), 2), ROLES, bare.clone())
            .await
            .status,
        201
    );
    let fresh = cluster().replace("aks-weu", "aks-new");
    let asked = json!({"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {
        "dnsPrefix": "new",
        "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5"}]}});
    let begun = ask(&azure, "PUT", &fresh, "2024-05-01", asked).await;
    assert_eq!(begun.status, 201, "{begun:?}");
    let shown = ask(&azure, "GET", &fresh, "2024-05-01", Value::Null).await;
    bare["properties"]["principalId"] = json!(principal(&shown.body));
    let told = ask(&azure, "PUT", &assignment(&account(), 3), ROLES, bare.clone()).await;
    assert_eq!((told.status, told.code()), (400, "PrincipalNotFound"));
    azure.advance(Duration::from_secs(15 * 60));
    assert_eq!(
        ask(&azure, "PUT", &assignment(&account(), 3), ROLES, bare)
            .await
            .status,
        201
    );
}

#[tokio::test(start_paused = true)]
async fn assignments_are_listed_above_at_and_below_a_scope_and_by_whom_they_are_for() {
    let azure = governed("");
    for (number, scope, who) in [
        (1, subscription(), SOMEBODY),
        (2, group("rg-platform-weu"), SOMEBODY),
        (3, account(), CALLER),
        (4, group("rg-global"), SOMEBODY),
    ] {
        assert_eq!(
            ask(&azure, "PUT", &assignment(&scope, number), ROLES, of(who, READER))
                .await
                .status,
            201
        );
    }
    let list = |filter: String| {
        let azure = azure.clone();
        async move {
            let at = format!(
                "{}/providers/Microsoft.Authorization/roleAssignments{filter}",
                group("rg-platform-weu")
            );
            ask(&azure, "GET", &at, ROLES, Value::Null).await
        }
    };
    let numbers = |told: &Told| {
        let mut numbers: Vec<String> = names(told)
            .iter()
            .map(|name| name[name.len() - 1..].to_owned())
            .collect();
        numbers.sort();
        numbers.join("")
    };
    assert_eq!(numbers(&list(String::new()).await), "123");
    assert_eq!(numbers(&list("?$filter=atScope()".to_owned()).await), "12");
    assert_eq!(
        numbers(&list(format!("?$filter=principalId%20eq%20'{CALLER}'")).await),
        "3"
    );
    assert_eq!(
        numbers(&list(format!("?$filter=atScope()%20and%20assignedTo('{SOMEBODY}')")).await),
        "12"
    );
    assert_eq!(list("?$filter=type%20eq%20'x'".to_owned()).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_caller_of_whom_the_world_says_nothing_may_do_everything_and_others_what_it_says() {
    let azure = governed(&format!(
        "roles:\n- {{ principal: {SOMEBODY}, role: Reader, scope: {} }}\n\
         - {{ principal: {SOMEBODY}, actions: ['Microsoft.Sql/servers/failoverGroups/*'], scope: {}, until: 1h }}\n",
        subscription(),
        group("rg-platform-neu"),
    ));
    let switch = format!("{}/failover", server_group("neu"));
    assert_eq!(
        ask_as(&azure, CALLER, "PUT", &thing(), "2024-01-01", json!({}))
            .await
            .status,
        200
    );
    assert_eq!(
        ask_as(&azure, SOMEBODY, "GET", &thing(), "2024-01-01", Value::Null)
            .await
            .status,
        200
    );
    let refused = ask_as(&azure, SOMEBODY, "PUT", &thing(), "2024-01-01", json!({})).await;
    assert_eq!((refused.status, refused.code()), (403, "AuthorizationFailed"));
    assert_eq!(refused.header("x-ms-failure-cause"), Some("gateway"));
    assert_eq!(
        refused.body["error"]["message"],
        json!(format!(
            "The client '{SOMEBODY}' with object id '{SOMEBODY}' does not have authorization to perform action \
             'Example.Things/things/write' over scope '{}' or the scope is invalid. If access was recently granted, \
             please refresh your credentials.",
            thing()
        ))
    );
    let other = ask_as(
        &azure,
        SOMEBODY,
        "POST",
        &format!("{}/failover", account()),
        "2023-05-01",
        Value::Null,
    )
    .await;
    assert_eq!(other.code(), "AuthorizationFailed");
    let begun = ask_as(&azure, SOMEBODY, "POST", &switch, SQL, Value::Null).await;
    assert_eq!(begun.status, 202);
    // Whoever began an operation may look at it.
    assert_eq!(finish(&azure, &begun).await.last().unwrap(), "Succeeded");
    azure.advance(Duration::from_secs(3_600));
    let late = ask_as(&azure, SOMEBODY, "POST", &switch, SQL, Value::Null).await;
    assert_eq!(
        late.code(),
        "AuthorizationFailed",
        "what was granted for a time has ended"
    );
    let changed = azure
        .requests()
        .into_iter()
        .filter(|entry| entry.accepted)
        .count();
    assert_eq!(changed, 2, "what was refused changed nothing");
}

#[tokio::test(start_paused = true)]
async fn an_assignment_takes_effect_only_after_a_while_of_at_most_ten_minutes() {
    let azure = governed(&format!("roles:\n- {{ principal: {SOMEBODY}, role: Reader }}\n"));
    let given = ask(
        &azure,
        "PUT",
        &assignment(&group("rg-global"), 1),
        ROLES,
        of(SOMEBODY, CONTRIBUTOR),
    )
    .await;
    assert_eq!(given.status, 201);
    let patch = || async {
        let body = json!({"properties": {"size": 3}});
        ask_as(&azure, SOMEBODY, "PATCH", &thing(), "2024-01-01", body).await
    };
    assert_eq!(patch().await.code(), "AuthorizationFailed", "at once");
    let mut waited = 0;
    while patch().await.status == 403 {
        azure.advance(Duration::from_secs(10));
        waited += 10;
        assert!(waited <= 600, "it never took effect");
    }
    assert!(waited >= 20, "after {waited} s already");
    // Nobody with this role gives away roles.
    let more = assignment(&group("rg-global"), 2);
    let given = ask_as(&azure, SOMEBODY, "PUT", &more, ROLES, of(CALLER, READER)).await;
    assert_eq!(given.code(), "AuthorizationFailed");
}

#[tokio::test(start_paused = true)]
async fn roles_are_read_by_guid_and_name_and_a_caller_is_told_what_it_holds() {
    let azure = governed(&format!(
        "roles:\n- {{ principal: {SOMEBODY}, role: {READER} }}\n"
    ));
    let definitions = format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions",
        subscription()
    );
    let told = ask(
        &azure,
        "GET",
        &format!("{definitions}/{CONTRIBUTOR}"),
        ROLES,
        Value::Null,
    )
    .await;
    assert_eq!(told.body["properties"]["roleName"], "Contributor");
    let named = format!("{definitions}?$filter=roleName%20eq%20'Reader'");
    assert_eq!(
        names(&ask(&azure, "GET", &named, ROLES, Value::Null).await),
        [READER]
    );
    let unknown = ask(
        &azure,
        "GET",
        &format!("{definitions}/{SOMEBODY}"),
        ROLES,
        Value::Null,
    )
    .await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (404, "RoleDefinitionDoesNotExist")
    );
    let own = format!(
        "{}/providers/Microsoft.Authorization/permissions",
        group("rg-global")
    );
    let held = |told: Told| told.body["value"][0]["actions"][0].clone();
    assert_eq!(
        held(ask_as(&azure, SOMEBODY, "GET", &own, ROLES, Value::Null).await),
        "*/read"
    );
    assert_eq!(
        held(ask_as(&azure, CALLER, "GET", &own, ROLES, Value::Null).await),
        "*"
    );
}
