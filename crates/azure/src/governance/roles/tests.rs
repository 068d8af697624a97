use super::*;
use crate::testing::{FakeAzure, examples, key, recording};

const SCOPE: &str =
    "/subscriptions/sub-1/resourceGroups/rg-neu/providers/Microsoft.Network/virtualNetworks/vnet";
const PRINCIPAL: &str = "31f1f858-b279-49fa-a599-b8d146b8d5be";
const ROLE: &str = "4d97b98b-1d4f-4787-a291-c67834d212e7";

fn wanted() -> RoleAssignment {
    RoleAssignment::new(SCOPE, PRINCIPAL, ROLE).unwrap()
}

fn assigned(scope: &str, principal: &str, role: &str) -> Value {
    json!({
        "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/aab463b4-d1c7-43d2-ab6f-d208a9ebda45"),
        "properties": {"scope": scope, "principalId": principal, "roleDefinitionId": role, "createdOn": "1970-01-01T00:00:00Z"},
    })
}

fn refused(code: &str) -> Value {
    json!({"error": {"code": code, "message": "m"}})
}

#[test]
fn the_same_role_of_the_same_principal_over_the_same_thing_has_one_name_for_ever() {
    let name = wanted().name();
    assert_eq!(name.to_string(), "f2b5979a-e1b7-5d97-b6d8-7b61186d060a");
    let shouted = RoleAssignment::new(
        &SCOPE.to_uppercase(),
        &PRINCIPAL.to_uppercase(),
        &ROLE.to_uppercase(),
    );
    assert_eq!(shouted.unwrap().name(), name);
    let whole = format!("/subscriptions/sub-1/providers/Microsoft.Authorization/roleDefinitions/{ROLE}");
    assert_eq!(
        RoleAssignment::new(SCOPE, PRINCIPAL, &whole).unwrap().name(),
        name
    );
    let others = [
        RoleAssignment::new("/subscriptions/sub-1/resourceGroups/rg-neu", PRINCIPAL, ROLE),
        RoleAssignment::new(SCOPE, ROLE, ROLE),
        RoleAssignment::new(SCOPE, PRINCIPAL, PRINCIPAL),
    ];
    for other in others {
        assert_ne!(other.unwrap().name(), name);
    }
}

#[test]
fn what_cannot_be_assigned_is_found_out_before_anything_is_sent() {
    assert!(RoleAssignment::new("subscriptions/x", PRINCIPAL, ROLE).is_err());
    assert!(RoleAssignment::new(SCOPE, "the-identity", ROLE).is_err());
    assert!(RoleAssignment::new(SCOPE, PRINCIPAL, "Network Contributor").is_err());
}

#[test]
fn azure_is_always_told_what_sort_of_principal_it_is() {
    let request = wanted().request();
    assert_eq!(request.method, Method::Put);
    assert_eq!(request.path, wanted().id());
    let body = request.body.unwrap();
    assert_eq!(body["properties"]["principalType"], "ServicePrincipal");
    assert_eq!(
        body["properties"]["roleDefinitionId"],
        format!("/subscriptions/sub-1/providers/Microsoft.Authorization/roleDefinitions/{ROLE}")
    );
    let group = wanted().held_by(Holder::Group).request().body.unwrap();
    assert_eq!(group["properties"]["principalType"], "Group");
}

#[test]
fn an_assignment_comes_back_from_the_journal_as_it_went_in() {
    let operation = wanted().operation("role/network", Phase::Main);
    let back: RoleAssignment = serde_json::from_value(operation.payload).unwrap();
    assert_eq!(back, wanted());
    assert_eq!(operation.rungs[0].repeat, RepeatClass::Repeatable);
    assert_eq!(operation.target, wanted().id().to_lowercase());
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_assigned_under_another_name_is_a_success() {
    for status in [200, 201] {
        let azure = FakeAzure::new();
        azure.on("PUT", &wanted().id(), status, assigned(SCOPE, PRINCIPAL, ROLE));
        let sent = wanted().begin(&azure.arm(), &key("role")).await;
        assert!(matches!(sent, Sent::Finished { .. }), "{sent:?}");
        assert_eq!(azure.changes().len(), 1);
    }
    let azure = FakeAzure::new();
    azure.on("PUT", &wanted().id(), 409, refused("RoleAssignmentExists"));
    azure.on(
        "GET",
        "/roleAssignments",
        200,
        json!({"value": [assigned(SCOPE, PRINCIPAL, ROLE)]}),
    );
    let sent = wanted().begin(&azure.arm(), &key("role")).await;
    assert!(matches!(sent, Sent::Finished { .. }), "{sent:?}");
    let seen = wanted().observe(&azure.arm()).await;
    assert!(matches!(seen, Observation::Holds { ours: false, .. }), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_identity_that_the_directory_does_not_know_yet_is_waited_for() {
    let sent = |status, code| async move {
        let azure = FakeAzure::new();
        azure.on("PUT", &wanted().id(), status, refused(code));
        match wanted().begin(&azure.arm(), &key("role")).await {
            Sent::Refused(refusal) => refusal.passing,
            other => panic!("{other:?}"),
        }
    };
    assert!(sent(400, "PrincipalNotFound").await);
    assert!(!sent(400, "InvalidPrincipalId").await);
    assert!(!sent(404, "RoleDefinitionDoesNotExist").await);
}

#[tokio::test(start_paused = true)]
async fn only_the_very_role_over_the_very_thing_or_around_it_holds_the_goal() {
    let around = "/Subscriptions/SUB-1/resourcegroups/RG-neu";
    let whole = format!(
        "/providers/Microsoft.Authorization/roleDefinitions/{}",
        ROLE.to_uppercase()
    );
    let mut conditional = assigned(SCOPE, PRINCIPAL, ROLE);
    conditional["properties"]["condition"] = json!("@Resource[x] stringEquals 'y'");
    let cases = [
        (assigned(around, PRINCIPAL, &whole), true),
        (assigned(SCOPE, &PRINCIPAL.to_uppercase(), ROLE), true),
        (assigned(&format!("{SCOPE}/subnets/s"), PRINCIPAL, ROLE), false),
        (
            assigned("/subscriptions/sub-1/resourceGroups/rg", PRINCIPAL, ROLE),
            false,
        ),
        (assigned(SCOPE, ROLE, ROLE), false),
        (assigned(SCOPE, PRINCIPAL, PRINCIPAL), false),
        (conditional, false),
        (json!({"odd": true}), false),
    ];
    for (one, holds) in cases {
        let azure = FakeAzure::new();
        azure.on("GET", "/roleAssignments", 200, json!({"value": [one]}));
        let seen = wanted().observe(&azure.arm()).await;
        let right = match seen {
            Observation::Holds { .. } => holds,
            Observation::NotBegun { .. } => !holds,
            _ => false,
        };
        assert!(right, "{one}: {seen:?}");
        assert!(azure.changes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_put_down_to_spreading_only_as_long_as_a_role_may_spread() {
    let azure = FakeAzure::new();
    azure.on("GET", &wanted().id(), 200, assigned(SCOPE, PRINCIPAL, ROLE));
    let left = |seconds| {
        let (arm, now) = (azure.arm(), Timestamp::from_second(seconds).unwrap());
        async move { wanted().spreads_for(&arm, now, SPREADS).await }
    };
    assert_eq!(left(540).await, Some(Duration::from_secs(60)));
    assert_eq!(left(600).await, None);
    let nobody = FakeAzure::new();
    let none = wanted()
        .spreads_for(&nobody.arm(), Timestamp::UNIX_EPOCH, SPREADS)
        .await;
    assert_eq!(none, None);
}

#[test]
fn a_denial_passes_only_while_a_role_of_our_own_spreads() {
    let denied = |code: &str| {
        Sent::Refused(Refusal {
            status: 403,
            code: code.to_owned(),
            message: String::new(),
            passing: false,
            retry_after: None,
        })
    };
    let passes = |code: &str, left: Option<u64>| match RoleAssignment::while_it_spreads(
        denied(code),
        left.map(Duration::from_secs),
    ) {
        Sent::Refused(refusal) => refusal.passing.then_some(refusal.retry_after).flatten(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        passes("AuthorizationFailed", Some(600)),
        Some(Duration::from_secs(300))
    );
    assert_eq!(
        passes("LinkedAuthorizationFailed", Some(1)),
        Some(Duration::from_secs(30))
    );
    assert_eq!(passes("AuthorizationFailed", None), None);
    assert_eq!(passes("RequestDisallowedByPolicy", Some(600)), None);
}

#[test]
fn recorded_and_official_assignments_are_read() {
    for (name, at) in [("aso-role-assignment-storage", 10), ("role-assignments", 5)] {
        let all = recording(name);
        let Some(one) = all.get(at).map(|one| &one["responseBody"]) else {
            continue;
        };
        let text = |pointer: &str| one.pointer(pointer).and_then(Value::as_str).unwrap();
        let same = RoleAssignment::new(
            text("/properties/scope"),
            text("/properties/principalId"),
            text("/properties/roleDefinitionId"),
        );
        let conditional = one["properties"]["condition"].is_string();
        assert_eq!(same.unwrap().met_by(one).is_some(), !conditional, "{name}");
    }
    let folder = "authorization/resource-manager/Microsoft.Authorization/stable/2022-04-01/examples";
    let Some(example) = examples(folder, "RoleAssignments_CreateForResource.json") else {
        return;
    };
    let sent = &example["parameters"]["parameters"]["properties"];
    let text = |name: &str| sent[name].as_str().unwrap();
    let scope = format!("/{}", example["parameters"]["scope"].as_str().unwrap());
    let wanted = RoleAssignment::new(&scope, text("principalId"), text("roleDefinitionId"))
        .unwrap()
        .held_by(Holder::User);
    assert_eq!(wanted.request().body.unwrap()["properties"], *sent);
    for answer in ["200", "201"] {
        assert!(
            wanted.met_by(&example["responses"][answer]["body"]).is_some(),
            "{answer}"
        );
    }
}
