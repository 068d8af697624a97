use std::{sync::Arc, time::Duration};

use leeward_engine::{
    port::{Context, Driver, DriverError},
    work::{Assessment, Figure, Observation, Phase, Sent},
};
use leeward_runbook::{
    journey::Journey,
    plan::{DataLoss, LadderRung},
};
use serde_json::{Value, json};

use super::{
    super::{API, side::Of},
    driver, error,
};
use crate::testing::{self, FakeAzure, key, recording};

const KIND: &str = "azure.sql.failover-group";
const SERVER: &str = "/resourceGroups/rg-neu/providers/Microsoft.Sql/servers/sql-neu";
const HERE: &str = "/resourceGroups/rg-neu/providers/Microsoft.Sql/servers/sql-neu/failoverGroups/fog";
const THERE: &str = "/resourceGroups/rg-weu/providers/Microsoft.Sql/servers/sql-weu/failoverGroups/fog";

fn context_with(journey: Journey, with: Value) -> Context {
    testing::context(
        KIND,
        journey,
        with,
        json!({"resource-group": "rg-weu", "server": "sql-weu"}),
        json!({"resource-group": "rg-neu", "server": "sql-neu"}),
    )
}

fn context(journey: Journey) -> Context {
    context_with(journey, json!({"failover-group": "fog"}))
}

fn group(role: &str, state: &str, server: &str) -> Value {
    json!({"properties": {
        "replicationRole": role, "replicationState": state,
        "databases": [
            format!("/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.Sql/servers/{server}/databases/orders"),
            format!("/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.Sql/servers/{server}/databases/stock"),
        ],
    }})
}

fn link(database: &str, state: &str, percent: u32) -> Value {
    json!({
        "id": format!("/subscriptions/sub-1{SERVER}/databases/{database}/replicationLinks/7b1a"),
        "name": "7b1a",
        "properties": {
            "partnerServer": "SQL-weu", "role": "Secondary", "partnerRole": "Primary",
            "replicationState": state, "percentComplete": percent,
        },
    })
}

fn with_links(links: &[Value]) -> Arc<FakeAzure> {
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, group("Secondary", "CATCH_UP", "sql-neu"));
    azure.on("GET", THERE, 200, group("Primary", "CATCH_UP", "sql-weu"));
    let server = json!({"properties": {"fullyQualifiedDomainName": "sql-neu.database.windows.net"}});
    azure.on("GET", SERVER, 200, server);
    azure.on(
        "GET",
        &format!("{SERVER}/replicationLinks"),
        200,
        json!({"value": links}),
    );
    azure
}

fn calm() -> Arc<FakeAzure> {
    with_links(&[link("orders", "CATCH_UP", 100), link("stock", "CATCH_UP", 100)])
}

async fn assess(azure: &Arc<FakeAzure>, context: &Context) -> Result<Assessment, DriverError> {
    driver(azure, Of::Servers).assess(context).await
}

fn with_ladder(mut context: Context, rungs: &[&str]) -> Context {
    let mut step = (*context.step).clone();
    step.data_loss = Some(DataLoss {
        budget: Duration::ZERO,
        ladder: rungs
            .iter()
            .map(|name| LadderRung {
                name: (*name).to_owned(),
                within: None,
            })
            .collect(),
    });
    context.step = Arc::new(step);
    context
}

#[tokio::test]
async fn on_a_calm_day_the_server_that_takes_over_is_asked_to_switch_without_loss() {
    let assessment = assess(&calm(), &context(Journey::Failover)).await.unwrap();
    assert!(assessment.warnings.is_empty(), "{:?}", assessment.warnings);
    assert_eq!(
        assessment.summary,
        "failover group fog on sql-neu is Secondary, CATCH_UP; 2 of 2 databases replicate"
    );
    assert_eq!(assessment.operations[0].goal, "sql-neu is primary of fog");
    let rungs: Vec<&str> = assessment.operations[0]
        .rungs
        .iter()
        .map(|rung| rung.name.as_str())
        .collect();
    assert_eq!(rungs, ["planned", "forced"]);
    assert_eq!(assessment.outputs["listener"], "fog.database.windows.net");
    assert_eq!(assessment.losses[0].by_rung["forced"], Figure::Unknown);
    assert_eq!(assessment.losses[0].by_rung["try-planned"], Figure::Unknown);
}

#[tokio::test]
async fn each_rung_sends_its_own_verb_once_to_the_server_that_takes_over() {
    for (rung, verb) in [
        ("planned", "failover"),
        ("try-planned", "tryPlannedBeforeForcedFailover"),
        ("forced", "forceFailoverAllowDataLoss"),
    ] {
        let azure = calm();
        let url = "http://127.0.0.1:1/subscriptions/sub-1/providers/Microsoft.Sql/locations/northeurope/failoverGroupAzureAsyncOperation/1";
        let answer = (
            202,
            vec![("Azure-AsyncOperation", url.to_owned())],
            json!({"operation": "FailoverFailoverGroup"}),
        );
        azure.on_with("POST", &format!("{HERE}/{verb}"), answer);
        let context = with_ladder(context(Journey::Failover), &[rung]);
        let operation = assess(&azure, &context).await.unwrap().operations.remove(0);
        let group = driver(&azure, Of::Servers);
        let sent = group.begin(&context, &operation, rung, &key("failover")).await;
        assert!(matches!(sent, Sent::Accepted { .. }), "{rung}: {sent:?}");
        let changes = azure.changes();
        assert_eq!(changes.len(), 1);
        assert!(
            changes[0]
                .path
                .ends_with(&format!("sql-neu/failoverGroups/fog/{verb}"))
        );
        assert_eq!(changes[0].query, format!("api-version={API}"));
    }
}

#[tokio::test]
async fn the_recorded_switches_are_the_ones_that_we_send() {
    // Recorded: POST to the secondary server, no body, 202 with both URLs, then the status, then the group.
    let recorded: Vec<Value> = recording("sql-failover-group")
        .into_iter()
        .filter(|exchange| exchange["method"] == "POST")
        .collect();
    let verbs: Vec<&str> = recorded
        .iter()
        .filter_map(|exchange| exchange["uri"].as_str()?.split('?').next()?.rsplit('/').next())
        .collect();
    for verb in &verbs {
        assert!(
            [
                "failover",
                "tryPlannedBeforeForcedFailover",
                "forceFailoverAllowDataLoss"
            ]
            .contains(verb),
            "{verb}"
        );
    }
    for exchange in &recorded {
        assert_eq!(exchange["status"], 202);
        assert_eq!(exchange["responseBody"]["operation"], "FailoverFailoverGroup");
        assert!(exchange["responseHeaders"]["azure-asyncoperation"].is_string());
        assert!(exchange["requestBody"].is_null());
    }
    assert!(verbs.len() >= 3 || recorded.is_empty(), "{verbs:?}");
}

#[tokio::test]
async fn a_declared_outage_goes_straight_to_the_forced_switch() {
    let azure = calm();
    let context = with_ladder(
        testing::region_down(context(Journey::Failover)),
        &["planned", "try-planned", "forced"],
    );
    let assessment = assess(&azure, &context).await.unwrap();
    let skipped: Vec<bool> = assessment.operations[0]
        .rungs
        .iter()
        .map(|rung| rung.skip.is_some())
        .collect();
    assert_eq!(skipped, [true, true, false]);
    for seen in azure.seen() {
        assert!(!seen.path.contains("rg-weu"), "{seen:?}");
    }
    // Where it is the only way, it is a way: Azure forces what it cannot plan.
    let alone = with_ladder(context, &["try-planned"]);
    let assessment = assess(&azure, &alone).await.unwrap();
    assert!(assessment.operations[0].rungs[0].skip.is_none());
}

#[tokio::test]
async fn a_database_that_is_still_copied_is_waited_for_but_not_in_an_outage() {
    let azure = with_links(&[link("orders", "CATCH_UP", 100), link("stock", "SEEDING", 40)]);
    let calm = assess(&azure, &context(Journey::Failover)).await;
    assert!(
        matches!(&calm, Err(DriverError::Refused { passing: true, message, .. }) if message.contains("stock")),
        "{calm:?}"
    );
    let down = testing::region_down(context(Journey::Failover));
    let assessment = assess(&azure, &down).await.unwrap();
    assert!(
        assessment
            .warnings
            .iter()
            .any(|warning| warning.contains("stock (SEEDING, 40 %)"))
    );
}

#[tokio::test]
async fn links_that_cannot_be_read_stop_nothing() {
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, group("Secondary", "CATCH_UP", "sql-neu"));
    azure.on("GET", THERE, 200, group("Primary", "CATCH_UP", "sql-weu"));
    azure.on(
        "GET",
        &format!("{SERVER}/replicationLinks"),
        403,
        error("AuthorizationFailed"),
    );
    azure.on("GET", SERVER, 403, error("AuthorizationFailed"));
    let assessment = assess(&azure, &context(Journey::Failover)).await.unwrap();
    assert_eq!(assessment.operations.len(), 1);
    assert_eq!(assessment.warnings.len(), 2, "{:?}", assessment.warnings);
}

#[tokio::test]
async fn both_sides_calling_themselves_primary_is_told_of() {
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, group("Primary", "CATCH_UP", "sql-neu"));
    azure.on("GET", THERE, 200, group("Primary", "CATCH_UP", "sql-weu"));
    let assessment = assess(&azure, &context(Journey::Failover)).await.unwrap();
    assert!(
        assessment
            .warnings
            .iter()
            .any(|warning| warning.contains("not consistent"))
    );
}

#[tokio::test]
async fn a_group_that_microsoft_may_switch_by_itself_is_told_of() {
    let azure = calm();
    let mut body = group("Secondary", "CATCH_UP", "sql-neu");
    body["properties"]["readWriteEndpoint"] = json!({"failoverPolicy": "Automatic"});
    let other = FakeAzure::new();
    other.on("GET", HERE, 200, body);
    let warned = assess(&other, &context(Journey::Failover))
        .await
        .unwrap()
        .warnings;
    assert!(
        warned.iter().any(|warning| warning.contains("Automatic")),
        "{warned:?}"
    );
    assert!(
        assess(&azure, &context(Journey::Failover))
            .await
            .unwrap()
            .warnings
            .is_empty()
    );
}

#[tokio::test]
async fn what_azure_refuses_is_sorted_into_done_busy_and_never() {
    let cases = [
        (400, "FailoverGroupFailoverRequestOnPrimary", true),
        (400, "FailoverGroupNotSecondary", true),
        (409, "FailoverGroupBusy", true),
        (409, "GeoReplicationCannotBecomePrimaryDuringUndo", true),
        (409, "DatabaseBeingAddedToFailoverGroup", true),
        (409, "DatabaseBelongsToOtherFailoverGroup", false),
        (409, "SubscriptionDisabled", false),
        (400, "IncorrectReplicationLinkState", false),
        (400, "PlannedFailoverTimedOut", false),
        (400, "PlannedFailoverTimedOutForDatabase", false),
        (404, "ResourceNotFound", false),
    ];
    for (status, code, passes) in cases {
        let azure = calm();
        azure.on("POST", &format!("{HERE}/failover"), status, error(code));
        let context = context(Journey::Failover);
        let operation = assess(&azure, &context).await.unwrap().operations.remove(0);
        let sent = driver(&azure, Of::Servers)
            .begin(&context, &operation, "planned", &key("failover"))
            .await;
        assert!(
            matches!(&sent, Sent::Refused(refusal) if refusal.passing == passes && refusal.code == code),
            "{code}: {sent:?}"
        );
        assert_eq!(azure.changes().len(), 1);
    }
}

#[tokio::test]
async fn reprotect_waits_until_every_database_replicates_the_other_way() {
    let state = |links: &[Value]| {
        let azure = FakeAzure::new();
        azure.on("GET", HERE, 200, group("Primary", "CATCH_UP", "sql-neu"));
        azure.on("GET", THERE, 200, group("Secondary", "CATCH_UP", "sql-weu"));
        azure.on(
            "GET",
            &format!("{SERVER}/replicationLinks"),
            200,
            json!({"value": links}),
        );
        azure
    };
    let context = context(Journey::Reprotect);
    let early = state(&[link("orders", "CATCH_UP", 100), link("stock", "SUSPENDED", 100)]);
    let refused = assess(&early, &context).await;
    assert!(
        matches!(refused, Err(DriverError::Refused { passing: true, .. })),
        "{refused:?}"
    );
    let late = state(&[link("orders", "CATCH_UP", 100), link("stock", "CATCH_UP", 100)]);
    let assessment = assess(&late, &context).await.unwrap();
    assert!(assessment.operations.is_empty());
    assert!(assessment.summary.ends_with("2 of 2 databases replicate"));
}

#[tokio::test]
async fn a_drill_only_looks_unless_a_copy_is_asked_for() {
    let azure = calm();
    let assessment = assess(&azure, &context(Journey::Drill)).await.unwrap();
    assert!(assessment.operations.is_empty() && azure.changes().is_empty());
    let context = context_with(Journey::Drill, json!({"failover-group": "fog", "real": "copy"}));
    let assessment = assess(&azure, &context).await.unwrap();
    let phases: Vec<(&str, Phase)> = assessment
        .operations
        .iter()
        .map(|operation| (operation.id.as_str(), operation.phase))
        .collect();
    assert_eq!(
        phases,
        [
            ("copy-orders", Phase::Main),
            ("drop-orders", Phase::CleanUp),
            ("copy-stock", Phase::Main),
            ("drop-stock", Phase::CleanUp),
        ]
    );
}

#[tokio::test]
async fn a_drills_copy_is_made_in_the_paired_region_and_dropped_only_if_it_is_ours() {
    let copy = format!("{SERVER}/databases/orders-drill-r-1");
    let context = context_with(
        Journey::Drill,
        json!({"failover-group": "fog", "real": "copy", "databases": ["orders"]}),
    );
    let azure = calm();
    azure.on("PUT", &copy, 202, Value::Null);
    let operations = assess(&azure, &context).await.unwrap().operations;
    let group = driver(&azure, Of::Servers);
    let seen = group.observe(&context, &operations[0]).await;
    assert!(matches!(seen, Observation::NotBegun { .. }), "{seen:?}");
    group
        .begin(&context, &operations[0], "only", &key("copy-orders"))
        .await;
    let body = &azure.changes()[0].body;
    assert_eq!(body["properties"]["createMode"], "Copy");
    assert_eq!(body["location"], "northeurope");
    assert_eq!(body["tags"]["leeward-run"], "r-1");
    assert!(
        body["properties"]["sourceDatabaseId"]
            .as_str()
            .unwrap()
            .ends_with("sql-weu/databases/orders")
    );
    for (tag, status, made, dropped) in [
        ("r-1", "Online", "holds", "not-begun"),
        ("r-1", "Copying", "in-motion", "not-begun"),
        ("r-2", "Online", "barred", "barred"),
    ] {
        let azure = calm();
        let body = json!({"tags": {"leeward-run": tag}, "properties": {"status": status}});
        azure.on("GET", &copy, 200, body);
        azure.on("DELETE", &copy, 202, Value::Null);
        let group = driver(&azure, Of::Servers);
        for (operation, expected) in operations.iter().zip([made, dropped]) {
            let seen = serde_json::to_value(group.observe(&context, operation).await).unwrap();
            assert_eq!(seen["seen"], expected, "{tag} {status}");
        }
        group
            .begin(&context, &operations[1], "only", &key("drop-orders"))
            .await;
        assert_eq!(azure.changes().len(), usize::from(tag == "r-1"), "{tag}");
    }
}

#[tokio::test]
async fn a_lag_that_cannot_be_read_is_unknown_and_says_why() {
    let lag = json!({"database": "orders", "user": "reader", "password": "file:/no/such/file"});
    let context = context_with(Journey::Failover, json!({"failover-group": "fog", "lag": lag}));
    let losses = driver(&calm(), Of::Servers).measure(&context).await.unwrap();
    assert_eq!(losses[0].by_rung["forced"], Figure::Unknown);
    assert!(losses[0].source.contains("/no/such/file"), "{}", losses[0].source);
    let down = testing::region_down(context);
    let losses = driver(&calm(), Of::Servers).measure(&down).await.unwrap();
    assert!(
        losses[0].source.contains("westeurope is not asked"),
        "{}",
        losses[0].source
    );
}
