//! Which size is next where Azure found no machines, and what is told of what it refuses?

use leeward_engine::work::{OperationUrl, Refusal};

use super::{super::super::advice, *};

const POOL: &str = "/agentpools/web";

fn ticket(detail: Value) -> Ticket {
    Ticket {
        status_url: Some(OperationUrl::new("http://127.0.0.1:1/op/1?s=x")),
        location: None,
        job: None,
        detail,
        look_after: None,
    }
}

fn ticket_of(detail: Value) -> Ticket {
    Ticket {
        status_url: None,
        ..ticket(detail)
    }
}

/// A cluster some of whose pools Azure found no machines for.
fn in_part(context: &Context, failed: &[&str], whole: &str) -> Value {
    let mut body = made(context, "Succeeded");
    body["properties"]["provisioningState"] = json!(whole);
    for pool in body["properties"]["agentPoolProfiles"].as_array_mut().unwrap() {
        if failed.contains(&pool["name"].as_str().unwrap()) {
            pool["provisioningState"] = json!("Failed");
        }
    }
    body
}

async fn operations(context: &Context) -> Vec<Operation> {
    assess(&calm(), context).await.unwrap().operations
}

async fn seen(body: Value, context: &Context, operation: &Operation) -> Observation {
    let azure = FakeAzure::new();
    azure.on("GET", CLUSTER, 200, body);
    Cluster::new(azure.arm()).observe(context, operation).await
}

#[tokio::test]
async fn a_cluster_stands_when_only_pools_that_go_their_own_way_failed() {
    let context = context(Journey::Failover);
    let all = operations(&context).await;
    let create = &all[0];
    let web = &all[1];
    let rungs: Vec<&str> = web.rungs.iter().map(|rung| rung.name.as_str()).collect();
    assert_eq!(
        rungs,
        [
            "Standard_D8s_v5",
            "remove-Standard_D8s_v5",
            "Standard_D8as_v5",
            "Standard_E8as_v5"
        ]
    );
    // Not sold there: it is passed over with its reason, and nothing is removed for its sake.
    assert!(
        web.rungs[3]
            .skip
            .as_deref()
            .is_some_and(|why| why.contains("not offered"))
    );
    let word = async |body: Value, operation: &Operation| {
        json!(seen(body, &context, operation).await)["seen"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let failed = in_part(&context, &["web"], "Failed");
    assert_eq!(word(failed.clone(), create).await, "holds");
    assert_eq!(word(failed, web).await, "not-begun");
    let without_system = in_part(&context, &["web", "system"], "Failed");
    assert_eq!(
        word(without_system, create).await,
        "not-begun",
        "its own parts have no nodes"
    );
    let all_well = in_part(&context, &[], "Failed");
    assert_eq!(
        word(all_well, create).await,
        "not-begun",
        "it is not for the pools' sake"
    );
    let whole = seen(in_part(&context, &[], "Succeeded"), &context, web).await;
    assert!(
        matches!(whole, Observation::Holds { ours: true, .. }),
        "the cluster's tag names the run: {whole:?}"
    );
    let mut foreign = made(&context, "Succeeded");
    foreign["tags"] = json!({});
    assert_eq!(word(foreign, web).await, "barred");
    let mut without = in_part(&context, &[], "Updating");
    without["properties"]["agentPoolProfiles"] = json!([]);
    assert_eq!(word(without, web).await, "busy", "one change at a time");
}

#[tokio::test]
async fn what_failed_is_removed_before_the_next_size_and_nothing_else_is() {
    let context = context(Journey::Failover);
    let web = operations(&context).await.remove(1);
    let begin = async |body: Value, rung: &str| {
        let azure = FakeAzure::new();
        azure.on("GET", CLUSTER, 200, body);
        let url = ("azure-asyncoperation", "http://127.0.0.1:1/op/1?s=x".to_owned());
        azure.on_with("DELETE", POOL, (202, vec![url], Value::Null));
        azure.on(
            "PUT",
            POOL,
            201,
            json!({"properties": {"provisioningState": "Succeeded"}}),
        );
        let sent = Cluster::new(azure.arm())
            .begin(&context, &web, rung, &key("pool/web"))
            .await;
        (sent, azure.changes())
    };
    let (sent, changes) = begin(in_part(&context, &["web"], "Failed"), "remove-Standard_D8s_v5").await;
    assert_eq!((changes.len(), changes[0].method.as_str()), (1, "DELETE"));
    let Sent::Accepted { ticket } = sent else {
        panic!("{sent:?}")
    };
    let azure = FakeAzure::new();
    azure.on("GET", "/op/1", 200, json!({"status": "Succeeded"}));
    let progress = Cluster::new(azure.arm()).poll(&context, &web, &ticket).await;
    assert!(
        matches!(&progress, Progress::Failed { code, retryable: false, .. } if code == "PoolRemoved"),
        "it reached no goal, and the next size follows: {progress:?}"
    );

    // An answer without a URL: the pool itself is watched.
    let unmarked = ticket_of(json!({"removes": "web"}));
    for (body, over) in [
        (in_part(&context, &["web"], "Deleting"), false),
        (
            json!({"name": "x", "properties": {"agentPoolProfiles": []}}),
            true,
        ),
    ] {
        let azure = FakeAzure::new();
        azure.on("GET", CLUSTER, 200, body);
        let progress = Cluster::new(azure.arm()).poll(&context, &web, &unmarked).await;
        assert_eq!(matches!(progress, Progress::Failed { .. }), over, "{progress:?}");
    }

    let mut other = in_part(&context, &["web"], "Failed");
    other["properties"]["agentPoolProfiles"][1]["vmSize"] = json!("Standard_D8as_v5");
    let mut gone = in_part(&context, &[], "Succeeded");
    gone["properties"]["agentPoolProfiles"]
        .as_array_mut()
        .unwrap()
        .remove(1);
    let mut foreign = in_part(&context, &["web"], "Failed");
    foreign["tags"] = json!({});
    for body in [
        made(&context, "Succeeded"),
        made(&context, "Creating"),
        other,
        gone,
        foreign,
    ] {
        let (sent, changes) = begin(body, "remove-Standard_D8s_v5").await;
        assert!(
            matches!(sent, Sent::Refused(Refusal { passing: false, .. })) && changes.is_empty(),
            "{sent:?}"
        );
    }
    let (_, changes) = begin(in_part(&context, &[], "Succeeded"), "Standard_D8as_v5").await;
    assert_eq!(changes[0].body["properties"]["vmSize"], "Standard_D8as_v5");
}

#[tokio::test]
async fn a_pool_without_machines_is_not_asked_for_again_where_another_size_follows() {
    let context = context(Journey::Failover);
    let all = operations(&context).await;
    let retries = async |operation: &Operation, code: &str| {
        let azure = FakeAzure::new();
        let failed = json!({"status": "Failed", "error": {"code": code, "message": "no"}});
        azure.on("GET", "/op/1", 200, failed);
        match Cluster::new(azure.arm())
            .poll(&context, operation, &ticket(Value::Null))
            .await
        {
            Progress::Failed {
                retryable, message, ..
            } => (retryable, message),
            other => panic!("{other:?}"),
        }
    };
    for code in [
        "AllocationFailed",
        "ZonalAllocationFailed",
        "OverconstrainedZonalAllocationRequest",
    ] {
        let (again, message) = retries(&all[1], code).await;
        assert!(!again, "{code}");
        assert!(
            message.contains("what to do: ") && message.contains("node-sizes"),
            "{message}"
        );
        assert!(
            retries(&all[0], code).await.0,
            "the cluster's own PUT repairs what passes"
        );
    }
    assert!(
        retries(&all[1], "InternalServerError").await.0,
        "the same PUT repairs it"
    );
}

#[tokio::test]
async fn a_cluster_that_is_put_again_leaves_pools_of_another_size_as_they_are() {
    let context = context(Journey::Failover);
    let create = operations(&context).await.remove(0);
    let azure = FakeAzure::new();
    let mut standing = in_part(&context, &["system"], "Failed");
    standing["properties"]["agentPoolProfiles"][1]["vmSize"] = json!("Standard_D8as_v5");
    azure.on("GET", CLUSTER, 200, standing);
    azure.on("PUT", CLUSTER, 200, json!({}));
    Cluster::new(azure.arm())
        .begin(&context, &create, "only", &key("create"))
        .await;
    let sent = &azure.changes()[0].body;
    assert_eq!(pools(sent)[1]["vmSize"], "Standard_D8as_v5");
}

#[tokio::test]
async fn what_azure_refuses_of_a_cluster_is_told_with_what_to_do() {
    let context = context(Journey::Failover);
    let create = operations(&context).await.remove(0);
    for (status, code, message, told, passing) in [
        (
            400,
            "QuotaExceeded",
            "Insufficient cores quota",
            "ask for more cores in northeurope",
            false,
        ),
        (
            400,
            "ErrCode_InsufficientVCPUQuota",
            "Insufficient vcpu quota",
            "another family",
            false,
        ),
        (
            400,
            "ManagedClusterCountExceedsQuotaLimit",
            "too many",
            "quota of clusters",
            false,
        ),
        (
            400,
            "BadRequest",
            "The VM size of S is not allowed in your subscription",
            "is sold in northeurope",
            false,
        ),
        (
            400,
            "K8sVersionNotSupported",
            "Version 1.2 is not supported in this region.",
            "az aks get-versions",
            false,
        ),
        (
            400,
            "AgentPoolK8sVersionNotSupported",
            "Version 1.2",
            "under `version`",
            false,
        ),
        (
            400,
            "NodeResourceGroupAlreadyExists",
            "exists",
            "another `name`",
            false,
        ),
        (
            409,
            "InvalidResourceLocation",
            "exists in westus",
            "another `name`",
            false,
        ),
        (
            400,
            "SystemPoolHasRestrictedTaint",
            "taints",
            "out of the capture",
            false,
        ),
        (
            400,
            "InvalidParameter",
            "The zone 2 is not available for S in northeurope.",
            "reads again which zones",
            false,
        ),
        (
            400,
            "PropertyChangeNotAllowed",
            "Changing property 'properties.vmSize' is not allowed.",
            "delete what stands in the way",
            false,
        ),
        (400, "FailedIdentityOperation", "not found", "`identity`", false),
        (429, "FailedIdentityOperation", "throttled", "`identity`", true),
        (409, "EtagMismatch", "Another operation is in progress", "", true),
        (
            409,
            "OperationNotAllowed",
            "Another operation is in progress",
            "",
            true,
        ),
        (
            409,
            "OperationNotAllowed",
            "the cluster is stopped",
            "az aks start",
            false,
        ),
        (412, "PreconditionFailed", "tag", "", true),
    ] {
        let azure = calm();
        // As AKS words its errors: without a wrapper.
        azure.on(
            "PUT",
            CLUSTER,
            status,
            json!({"code": code, "message": message, "subcode": ""}),
        );
        let sent = Cluster::new(azure.arm())
            .begin(&context, &create, "only", &key("create"))
            .await;
        let Sent::Refused(refusal) = sent else {
            panic!("{code}: {sent:?}")
        };
        assert_eq!(
            (refusal.code.as_str(), refusal.passing),
            (code, passing),
            "{status}"
        );
        assert!(
            refusal.message.starts_with(message) && refusal.message.contains(told),
            "{refusal:?}"
        );
        assert_eq!(
            told.is_empty(),
            !refusal.message.contains("what to do"),
            "{refusal:?}"
        );
    }
    assert!(advice::is_retryable("NotLatestOperation"));
}

#[tokio::test]
async fn a_group_of_nodes_that_is_there_already_is_told_of_before_anything_is_sent() {
    let azure = calm();
    azure.on(
        "GET",
        "/resourceGroups/MC_rg-aks-neu_aks-storefront-neu_northeurope",
        200,
        json!({"location": "northeurope"}),
    );
    let told = assess(&azure, &context(Journey::Failover))
        .await
        .unwrap()
        .warnings;
    assert!(
        told.iter()
            .any(|warning| warning.contains("MC_rg-aks-neu_aks-storefront-neu_northeurope is there")),
        "{told:?}"
    );
    azure.on(
        "GET",
        CLUSTER,
        200,
        made(&context(Journey::Failover), "Succeeded"),
    );
    let told = assess(&azure, &context(Journey::Failover))
        .await
        .unwrap()
        .warnings;
    assert!(
        !told.iter().any(|warning| warning.contains("MC_")),
        "it is that cluster's own: {told:?}"
    );
}

#[tokio::test]
async fn a_version_that_is_not_offered_is_told_with_those_that_are() {
    let mut old = context(Journey::Failover);
    let mut target = (*old.target).clone();
    target["version"] = json!("1.33.1");
    old.target = Arc::new(target);
    let told = assess(&calm(), &old).await.unwrap().warnings;
    assert!(
        told.iter()
            .any(|warning| warning.contains("1.33.1 is not offered") && warning.contains("1.33 as 1.33.5")),
        "{told:?}"
    );
}
