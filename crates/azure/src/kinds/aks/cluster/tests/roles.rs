//! Are the roles of identities that Azure makes anew given, over the right things, and to nobody else?

use leeward_engine::work::Refusal;

use super::*;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000000f1";
const PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
const NETWORK: &str = "4d97b98b-1d4f-4787-a291-c67834d212e7";
/// Of the captured nodes, and of those that Azure makes.
const NODES: &str = "00000000-0000-0000-0000-0000010231e2";
const NEW: &str = "00000000-0000-0000-0000-00000000aaaa";

fn whole(scope: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}{scope}")
}

fn registry() -> String {
    whole("/resourceGroups/rg-global/providers/Microsoft.ContainerRegistry/registries/acrplatform")
}

fn assigned(scope: &str, role: &str) -> Value {
    let definition =
        format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    json!({"properties": {"principalId": NODES, "scope": scope, "roleDefinitionId": definition}})
}

fn giving(journey: Journey, change: impl Fn(&mut Value, &mut Value)) -> Context {
    let context = context(journey);
    let mut with = (*context.settings).clone();
    with["roles"] = json!("recreate");
    let (mut source, mut target) = ((*context.source).clone(), (*context.target).clone());
    source["subscription"] = json!(SUBSCRIPTION);
    target["subscription"] = json!(SUBSCRIPTION);
    change(&mut source, &mut target);
    Context {
        settings: Arc::new(with),
        source: Arc::new(source),
        target: Arc::new(target),
        ..context
    }
}

fn listing(list: &[Value]) -> Arc<FakeAzure> {
    let azure = calm();
    // The nodes' list is asked for first; the add-on has none.
    let path = whole("/providers/Microsoft.Authorization/roleAssignments");
    azure.on("GET", &path, 200, json!({"value": list}));
    azure.on("GET", &path, 200, json!({"value": []}));
    azure
}

fn of_roles(assessment: &Assessment) -> Vec<(&str, &str)> {
    let all = assessment.operations.iter();
    all.filter(|one| one.id.as_str().starts_with("role/"))
        .map(|one| (one.id.as_str(), one.target.as_str()))
        .collect()
}

#[tokio::test]
async fn the_nodes_new_identity_gets_the_roles_of_the_captured_one_over_this_sides_things() {
    let capture: Value = serde_json::from_slice(CAPTURE).unwrap();
    let subnet = pools(&capture)[0]["vnetSubnetID"].as_str().unwrap().to_owned();
    let vault = "/resourceGroups/rg-aks-weu/providers/Microsoft.KeyVault/vaults/kv-weu";
    let disk = whole(
        "/resourceGroups/MC_rg-aks-weu_aks-storefront-weu_westeurope/providers/Microsoft.Compute/disks/d",
    );
    let azure = listing(&[
        assigned(&registry(), PULL),
        assigned(&registry().to_uppercase(), PULL),
        assigned(&subnet, NETWORK),
        assigned(&whole("/resourceGroups/rg-aks-weu"), NETWORK),
        assigned(&whole(vault), PULL),
        assigned(
            &whole("/resourceGroups/rg-aks-weu/providers/Microsoft.Storage/storageAccounts/st"),
            PULL,
        ),
        assigned(&disk, PULL),
    ]);
    let context = giving(Journey::Failover, |source, target| {
        source["role-scopes"] = json!({"secrets": whole(vault)});
        target["role-scopes"] = json!({"secrets": whole("/resourceGroups/rg-aks-neu/providers/Microsoft.KeyVault/vaults/kv-neu")});
    });
    let assessment = assess(&azure, &context).await.unwrap();
    let given = of_roles(&assessment);
    let ids: Vec<&str> = given.iter().map(|(id, _)| *id).collect();
    assert_eq!(
        ids,
        [
            "role/nodes/acrplatform-7f951dda",
            "role/nodes/snet-aks-storefront-neu-4d97b98b",
            "role/nodes/rg-aks-neu-4d97b98b",
            "role/nodes/kv-neu-7f951dda",
        ],
        "each once; what Azure gives in the nodes' own group is not ours"
    );
    assert!(
        assessment
            .operations
            .iter()
            .filter(|one| one.id.as_str().starts_with("role/"))
            .all(|one| one.after == [OperationId::new("create")])
    );
    let told = assessment.warnings.join("\n");
    assert!(told.contains("60 minutes"), "{told}");
    assert!(
        told.contains("storageAccounts/st is not given") && told.contains("role-scopes"),
        "{told}"
    );
}

#[tokio::test]
async fn a_role_is_given_to_the_identity_that_the_new_cluster_shows_and_to_none_of_anothers_cluster() {
    let azure = listing(&[assigned(&registry(), PULL)]);
    let context = giving(Journey::Failover, |_, _| {});
    let operation = assess(&azure, &context)
        .await
        .unwrap()
        .operations
        .into_iter()
        .find(|one| one.id.as_str().starts_with("role/"))
        .unwrap();
    let mut ours = made(&context, "Succeeded");
    ours["properties"]["identityProfile"] = json!({"kubeletidentity": {"objectId": NEW}});
    let azure = FakeAzure::new();
    azure.on("GET", CLUSTER, 200, ours.clone());
    azure.on(
        "GET",
        "/acrplatform/providers/Microsoft.Authorization/roleAssignments",
        200,
        json!({"value": []}),
    );
    let driver = Cluster::new(azure.arm());
    let seen = driver.observe(&context, &operation).await;
    assert!(matches!(seen, Observation::NotBegun { .. }), "{seen:?}");
    driver.begin(&context, &operation, "only", &key("role")).await;
    let sent = &azure.changes()[0];
    assert!(
        sent.path
            .contains("/registries/acrplatform/providers/Microsoft.Authorization/roleAssignments/"),
        "{}",
        sent.path
    );
    assert_eq!(sent.body["properties"]["principalId"], NEW);
    assert_eq!(sent.body["properties"]["principalType"], "ServicePrincipal");

    ours["tags"] = json!({});
    let azure = FakeAzure::new();
    azure.on("GET", CLUSTER, 200, ours);
    let sent = Cluster::new(azure.arm())
        .begin(&context, &operation, "only", &key("role"))
        .await;
    assert!(
        matches!(&sent, Sent::Refused(Refusal { code, .. }) if code == "NotOurs")
            && azure.changes().is_empty(),
        "{sent:?}"
    );
    // No identity shown yet: looked at again.
    let azure = FakeAzure::new();
    azure.on("GET", CLUSTER, 200, made(&context, "Succeeded"));
    let seen = Cluster::new(azure.arm()).observe(&context, &operation).await;
    assert!(matches!(seen, Observation::CannotTell { .. }), "{seen:?}");
}

#[tokio::test]
async fn an_identity_that_was_made_beforehand_has_its_roles_and_one_of_the_clusters_own_gets_them() {
    let context = giving(Journey::Failover, |_, _| {});
    let principal = "00000000-0000-0000-0000-00000000bbbb";
    let system = |with: bool| {
        let mut capture: Value = serde_json::from_slice(CAPTURE).unwrap();
        capture["identity"] = json!({"type": "SystemAssigned", "principalId": principal});
        // As the command line lists them: without `properties`.
        capture["roleAssignments"] = json!([
            {"principalId": principal, "scope": registry(), "roleDefinitionId": format!("/x/{PULL}")},
        ]);
        let mut target = (*context.target).clone();
        let mut settings = (*context.settings).clone();
        if !with {
            target.as_object_mut().unwrap().remove("identity");
            settings.as_object_mut().unwrap().remove("identity");
        }
        let changed = Context {
            settings: Arc::new(settings),
            target: Arc::new(target),
            ..context.clone()
        };
        with_files(
            changed,
            &[("captures/storefront-cluster.json", capture.to_string().as_bytes())],
        )
    };
    let azure = listing(&[]);
    let own = assess(&azure, &system(false)).await.unwrap();
    assert_eq!(
        of_roles(&own).iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        ["role/cluster/acrplatform-7f951dda"]
    );
    let beforehand = assess(&listing(&[]), &system(true)).await.unwrap();
    assert_eq!(of_roles(&beforehand), []);
}

#[tokio::test]
async fn rights_are_given_only_where_the_runbook_says_so_and_never_in_a_drill() {
    let azure = listing(&[assigned(&registry(), PULL)]);
    let drill = assess(&azure, &giving(Journey::Drill, |_, _| {})).await.unwrap();
    assert_eq!(of_roles(&drill), []);
    assert!(
        drill
            .warnings
            .iter()
            .any(|warning| warning.contains("a drill gives no roles"))
    );
    let silent = assess(&azure, &context(Journey::Failover)).await.unwrap();
    assert_eq!(of_roles(&silent), []);
    let asked = azure
        .seen()
        .iter()
        .any(|seen| seen.path.ends_with("/roleAssignments"));
    assert!(!asked, "nor is anybody asked");
    // Nobody answers: the move goes on, and it is told.
    let deaf = calm();
    let path = whole("/providers/Microsoft.Authorization/roleAssignments");
    deaf.on(
        "GET",
        &path,
        403,
        json!({"error": {"code": "AuthorizationFailed", "message": "no"}}),
    );
    let told = assess(&deaf, &giving(Journey::Failover, |_, _| {}))
        .await
        .unwrap();
    assert!(
        told.warnings
            .iter()
            .any(|warning| warning.contains("could not be read")),
        "{:?}",
        told.warnings
    );
}
