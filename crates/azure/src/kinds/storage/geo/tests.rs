use std::sync::Arc;

use super::*;
use crate::testing::{self, FakeAzure, FakePublic, key};

const END: &str = "/storageaccounts/stgeo";

fn driver(azure: &Arc<FakeAzure>) -> Geo {
    let plane = DataPlane::new(azure.arm(), FakePublic::silent());
    Geo::new(azure.arm(), plane)
}

fn context(journey: Journey) -> Context {
    let with = json!({"account": "stgeo", "resource-group": "rg"});
    testing::context(
        "azure.storage.geo-failover",
        journey,
        with,
        Value::Null,
        Value::Null,
    )
}

fn account(primary: &str, secondary: &str, sku: &str, can: bool, moving: bool) -> Value {
    json!({"sku": {"name": sku}, "properties": {
        "primaryLocation": primary, "secondaryLocation": secondary,
        "statusOfPrimary": "available", "statusOfSecondary": "available",
        "failoverInProgress": moving, "provisioningState": "Succeeded",
        "geoReplicationStats": {"status": "Live", "lastSyncTime": "1970-01-01T00:00:00Z", "canFailover": can, "canPlannedFailover": can},
    }})
}

fn calm() -> Value {
    account("westeurope", "northeurope", "Standard_RAGRS", true, false)
}

fn azure(body: Value) -> Arc<FakeAzure> {
    let azure = FakeAzure::new();
    azure.on("GET", END, 200, body);
    azure
}

async fn assess(azure: &Arc<FakeAzure>, context: &Context) -> Result<Assessment, DriverError> {
    driver(azure).assess(context).await
}

#[tokio::test]
async fn a_move_is_never_sent_twice_and_its_planned_rung_needs_both_regions() {
    let found = assess(&azure(calm()), &context(Journey::Failover)).await.unwrap();
    let rungs = &found.operations[0].rungs;
    assert!(
        rungs
            .iter()
            .all(|rung| rung.repeat == RepeatClass::OneShot && !rung.beside && rung.skip.is_none())
    );
    assert!(rungs[1].lossy && !rungs[0].lossy);
    assert_eq!(found.losses[0].by_rung.keys().collect::<Vec<_>>(), ["unplanned"]);
    assert!(matches!(found.losses[0].by_rung["unplanned"], Figure::UpTo(_)));

    let mut after = context(Journey::Failover);
    after.source_region = SourceRegion::Tried;
    let found = assess(&azure(calm()), &after).await.unwrap();
    assert!(found.operations[0].rungs[0].skip.is_some() && found.operations[0].rungs[1].skip.is_none());

    let barred = account("westeurope", "northeurope", "Standard_GRS", false, false);
    let found = assess(&azure(barred), &context(Journey::Failover)).await.unwrap();
    assert!(found.operations[0].rungs.iter().all(|rung| rung.skip.is_some()));
}

#[tokio::test]
async fn a_provider_in_the_region_that_failed_is_not_asked_at_all() {
    let azure = azure(calm());
    let context = testing::region_down(context(Journey::Failover));
    let driver = driver(&azure);
    let rows = driver.measure(&context).await.unwrap();
    assert_eq!(rows[0].by_rung["unplanned"], Figure::Unknown);
    assert!(rows[0].source.contains("does not fail over"));
    assert!(matches!(
        driver.assess(&context).await,
        Err(DriverError::Unreachable { .. })
    ));
    assert!(azure.seen().is_empty());
}

#[tokio::test]
async fn where_an_account_is_written_decides_and_never_where_it_was_made() {
    let operation = assess(&azure(calm()), &context(Journey::Failover))
        .await
        .unwrap()
        .operations
        .remove(0);
    for (body, expected) in [
        (calm(), "not-begun"),
        (
            account("westeurope", "northeurope", "Standard_RAGRS", true, true),
            "in-motion",
        ),
        (
            account("northeurope", "westeurope", "Standard_RAGRS", true, false),
            "holds",
        ),
        (
            account("northeurope", "westeurope", "Standard_RAGRS", true, true),
            "busy",
        ),
        (account("northeurope", "", "Standard_LRS", false, false), "holds"),
        (account("westeurope", "", "Standard_LRS", false, false), "barred"),
        (
            json!({"location": "northeurope", "properties": {}}),
            "cannot-tell",
        ),
    ] {
        let seen = driver(&azure(body.clone()))
            .observe(&context(Journey::Failover), &operation)
            .await;
        assert_eq!(serde_json::to_value(&seen).unwrap()["seen"], expected, "{body}");
    }
}

#[tokio::test]
async fn each_rung_is_one_request_and_the_location_is_followed_to_its_end() {
    for rung in ["planned", "unplanned"] {
        let azure = azure(calm());
        let url = "http://127.0.0.1:1/subscriptions/sub-1/providers/Microsoft.Storage/locations/northeurope/asyncoperations/1?monitor=true";
        azure.on_with(
            "POST",
            "/stgeo/failover",
            (202, vec![("Location", url.to_owned())], Value::Null),
        );
        azure.on("GET", "/asyncoperations/1", 202, Value::Null);
        azure.on("GET", "/asyncoperations/1", 200, Value::Null);
        let context = context(Journey::Failover);
        let driver = driver(&azure);
        let operation = driver.assess(&context).await.unwrap().operations.remove(0);
        let Sent::Accepted { ticket } = driver.begin(&context, &operation, rung, &key("failover")).await
        else {
            panic!("not accepted");
        };
        assert_eq!(azure.changes().len(), 1);
        assert_eq!(
            azure.changes()[0].query.contains("failoverType=Planned"),
            rung == "planned"
        );
        assert!(matches!(
            driver.poll(&context, &operation, &ticket).await,
            Progress::Running { .. }
        ));
        assert!(matches!(
            driver.poll(&context, &operation, &ticket).await,
            Progress::Succeeded { .. }
        ));
    }
}

/// A move under way whose status is refused; the account shows the bodies one after the other.
async fn refused(bodies: &[Value]) -> (Geo, Context, Operation, Ticket) {
    let azure = FakeAzure::new();
    // One answer for the assessment, with its expansion.
    azure.on("GET", END, 200, calm()).on("GET", END, 200, calm());
    for body in bodies {
        azure.on("GET", END, 200, body.clone());
    }
    azure.on(
        "GET",
        "/asyncoperations/1",
        409,
        json!({"error": {"code": "StorageAccountOperationInProgress", "message": "m"}}),
    );
    let context = context(Journey::Failover);
    let driver = driver(&azure);
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    let ticket = Ticket {
        status_url: None,
        location: Some(leeward_engine::work::OperationUrl::new(
            "http://127.0.0.1:1/asyncoperations/1",
        )),
        job: None,
        detail: Value::Null,
        look_after: None,
    };
    (driver, context, operation, ticket)
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_refused_fails_no_move_while_the_account_moves_or_has_arrived() {
    let moving = account("westeurope", "northeurope", "Standard_RAGRS", true, true);
    let arrived = account("northeurope", "westeurope", "Standard_RAGRS", true, false);
    let (driver, context, operation, ticket) = refused(&[moving, arrived]).await;
    let first = driver.poll(&context, &operation, &ticket).await;
    assert!(
        matches!(&first, Progress::Running { word, ticket: None, .. } if word.contains("StorageAccountOperationInProgress")),
        "{first:?}"
    );
    let second = driver.poll(&context, &operation, &ticket).await;
    assert!(
        matches!(&second, Progress::Succeeded { warnings, .. } if warnings.len() == 1),
        "{second:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_status_is_a_failure_only_once_the_account_has_stood_still_for_its_settling_time() {
    let moving = account("westeurope", "northeurope", "Standard_RAGRS", true, true);
    let (driver, context, operation, ticket) = refused(&[calm(), calm(), moving, calm()]).await;
    let renewed = |progress: Progress| match progress {
        Progress::Running {
            ticket: Some(ticket), ..
        } => ticket,
        other => panic!("{other:?}"),
    };
    // The account does not show the move yet.
    let ticket = renewed(driver.poll(&context, &operation, &ticket).await);
    tokio::time::advance(SETTLING - Duration::from_secs(1)).await;
    let early = driver.poll(&context, &operation, &ticket).await;
    assert!(matches!(early, Progress::Unreadable { .. }), "{early:?}");
    // Then it does, and the wait begins anew should it stand still again.
    let ticket = renewed(driver.poll(&context, &operation, &ticket).await);
    tokio::time::advance(SETTLING).await;
    let ticket = renewed(driver.poll(&context, &operation, &ticket).await);
    tokio::time::advance(SETTLING).await;
    let late = driver.poll(&context, &operation, &ticket).await;
    assert!(
        matches!(&late, Progress::Failed { code, retryable: false, .. } if code == "StorageAccountOperationInProgress"),
        "{late:?}"
    );
}

#[tokio::test]
async fn a_copy_that_is_not_live_has_an_unknown_loss() {
    let mut body = calm();
    body["properties"]["geoReplicationStats"]["status"] = json!("Unavailable");
    let found = assess(&azure(body), &context(Journey::Failover)).await.unwrap();
    assert_eq!(found.losses[0].by_rung["unplanned"], Figure::Unknown);
    let alone = account("westeurope", "", "Standard_LRS", false, false);
    assert!(matches!(
        assess(&azure(alone), &context(Journey::Failover)).await,
        Err(DriverError::Impossible { .. })
    ));
}

#[tokio::test]
async fn turning_round_gives_a_lone_account_its_other_copy_back() {
    let azure = azure(account("northeurope", "", "Standard_LRS", false, false));
    azure.on("PATCH", END, 200, calm());
    let context = context(Journey::Reprotect);
    let driver = driver(&azure);
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    assert!(matches!(
        driver.observe(&context, &operation).await,
        Observation::NotBegun { .. }
    ));
    assert!(matches!(
        driver.begin(&context, &operation, "only", &key(RESTORE)).await,
        Sent::Finished { .. }
    ));
    assert_eq!(
        azure.changes()[0].body,
        json!({"sku": {"name": "Standard_RAGRS"}})
    );
    let found = assess(&self::azure(calm()), &context).await.unwrap();
    assert!(found.operations.is_empty());
}

#[tokio::test]
async fn a_drill_changes_nothing() {
    let azure = azure(calm());
    assert!(
        assess(&azure, &context(Journey::Drill))
            .await
            .unwrap()
            .operations
            .is_empty()
    );
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_move_is_told_with_what_azure_says() {
    let mut body = account("westeurope", "northeurope", "Standard_RAGRS", false, false);
    body["kind"] = json!("BlockBlobStorage");
    let azure = azure(body);
    azure.on(
        "GET",
        &format!("{END}/objectreplicationpolicies"),
        200,
        json!({"value": [{"name": "p-1"}]}),
    );
    let found = assess(&azure, &context(Journey::Failover)).await.unwrap();
    for rung in &found.operations[0].rungs {
        let reason = rung.skip.as_deref().unwrap();
        assert!(reason.contains("Azure says"), "{reason}");
        assert!(reason.contains("object replication (1)"), "{reason}");
        assert!(reason.contains("premium block blobs"), "{reason}");
    }
    let found = assess(&azure, &context(Journey::Drill)).await.unwrap();
    assert!(found.operations.is_empty());
    let told = found.warnings.join("\n");
    assert!(
        told.contains("canFailover") && told.contains("object replication (1)"),
        "{told}"
    );
}

#[tokio::test]
async fn a_word_that_azure_leaves_out_bars_no_move() {
    let mut body = calm();
    body["properties"]["geoReplicationStats"] = json!({"status": "Live"});
    let found = assess(&azure(body), &context(Journey::Failover)).await.unwrap();
    assert!(found.operations[0].rungs.iter().all(|rung| rung.skip.is_none()));
    assert_eq!(found.losses[0].by_rung["unplanned"], Figure::Unknown);
}

#[tokio::test]
async fn a_failover_back_waits_until_the_other_copy_is_complete_and_in_an_outage_it_does_not() {
    let mut young = account("westeurope", "northeurope", "Standard_RAGRS", false, false);
    young["properties"]["geoReplicationStats"]["status"] = json!("Bootstrap");
    young["properties"]["lastGeoFailoverTime"] = json!("1970-01-01T00:00:00Z");
    let refused = assess(&azure(young.clone()), &context(Journey::Failover)).await;
    let Err(DriverError::Refused {
        passing: true,
        message,
        ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert!(message.contains("Bootstrap") && message.contains("not copied yet"));
    let mut outage = context(Journey::Failover);
    outage.source_region = SourceRegion::Tried;
    let found = assess(&azure(young), &outage).await.unwrap();
    assert!(found.operations[0].rungs.iter().all(|rung| rung.skip.is_some()));
}

#[tokio::test]
async fn a_copy_older_than_the_last_move_is_never_gone_over_to_on_a_calm_day() {
    let mut body = calm();
    // Everything written since the move of 00:10 is only here.
    body["properties"]["lastGeoFailoverTime"] = json!("1970-01-01T00:10:00Z");
    let found = assess(&azure(body.clone()), &context(Journey::Failover))
        .await
        .unwrap();
    let rungs = &found.operations[0].rungs;
    // A planned move copies everything first.
    assert!(rungs[0].skip.is_none());
    let reason = rungs[1].skip.as_deref().unwrap();
    assert!(
        reason.contains("everything written since would be lost"),
        "{reason}"
    );
    assert!(
        found
            .warnings
            .iter()
            .any(|told| told.contains("older than its last move"))
    );
    let mut outage = context(Journey::Failover);
    outage.source_region = SourceRegion::Tried;
    let found = assess(&azure(body.clone()), &outage).await.unwrap();
    assert!(found.operations[0].rungs[1].skip.is_none());
    body["properties"]["geoReplicationStats"]["lastSyncTime"] = json!("1970-01-01T00:10:01Z");
    let found = assess(&azure(body), &context(Journey::Failover)).await.unwrap();
    assert!(found.operations[0].rungs[1].skip.is_none());
}

#[tokio::test]
async fn a_new_account_without_a_sync_time_is_asked_again_later() {
    let azure = azure(calm());
    azure.on(
        "POST",
        "/stgeo/failover",
        400,
        json!({"error": {"code": "LastSyncTimeUnavailable", "message": "m"}}),
    );
    let context = context(Journey::Failover);
    let driver = driver(&azure);
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    let sent = driver
        .begin(&context, &operation, "unplanned", &key("failover"))
        .await;
    assert!(
        matches!(&sent, Sent::Refused(refusal) if refusal.passing),
        "{sent:?}"
    );
}

#[tokio::test]
async fn statistics_that_azure_refuses_to_show_cost_the_account_nothing_else() {
    let azure = FakeAzure::new();
    let plain = json!({"sku": {"name": "Standard_RAGRS"}, "properties": {"primaryLocation": "northeurope"}});
    azure.on("GET", END, 200, plain).on(
        "GET",
        END,
        400,
        json!({"error": {"code": "BadRequest", "message": "AccountType Standard_LRS is invalid."}}),
    );
    let found = assess(&azure, &context(Journey::Reprotect)).await.unwrap();
    assert!(found.operations.is_empty());
    assert_eq!(found.outputs["primary-location"], "northeurope");
}

#[tokio::test(start_paused = true)]
async fn the_loss_of_an_account_reaches_from_its_last_sync_to_the_outage_and_no_further() {
    let azure = azure(calm());
    let mut context = context(Journey::Failover);
    context.outage_since = Some("1970-01-01T00:04:00Z".parse().unwrap());
    let driver = driver(&azure);
    tokio::time::advance(Duration::from_secs(3600)).await;
    let rows = driver.measure(&context).await.unwrap();
    assert_eq!(
        rows[0].by_rung["unplanned"],
        Figure::UpTo(Duration::from_secs(240)),
        "what stands still in an outage is no lag"
    );
}

#[tokio::test]
async fn a_redundancy_that_is_not_shown_yet_is_looked_at_again_and_not_called_failed() {
    let azure = azure(account("northeurope", "", "Standard_LRS", false, false));
    azure.on(
        "GET",
        END,
        200,
        account("northeurope", "", "Standard_LRS", false, false),
    );
    azure.on(
        "GET",
        END,
        200,
        account("northeurope", "westeurope", "Standard_RAGRS", false, false),
    );
    azure.on("PATCH", END, 200, calm());
    let context = context(Journey::Reprotect);
    let driver = driver(&azure);
    let operation = driver.assess(&context).await.unwrap().operations.remove(0);
    assert_eq!(operation.rungs[0].repeat, RepeatClass::Repeatable);
    assert!(operation.rungs[0].settling >= Duration::from_secs(60));
    driver.begin(&context, &operation, "only", &key(RESTORE)).await;
    let first = driver.observe(&context, &operation).await;
    assert!(matches!(first, Observation::NotBegun { .. }), "{first:?}");
    let then = driver.observe(&context, &operation).await;
    assert!(matches!(then, Observation::Holds { .. }), "{then:?}");
}

#[tokio::test]
async fn an_account_that_is_busy_is_asked_again_later() {
    for code in [
        "StorageAccountIsNotProvisioned",
        "StorageAccountBeingCreated",
        "StorageAccountOperationInProgress",
    ] {
        let azure = azure(calm());
        azure.on(
            "POST",
            "/stgeo/failover",
            409,
            json!({"error": {"code": code, "message": "m"}}),
        );
        let context = context(Journey::Failover);
        let driver = driver(&azure);
        let operation = driver.assess(&context).await.unwrap().operations.remove(0);
        let sent = driver
            .begin(&context, &operation, "planned", &key("failover"))
            .await;
        assert!(
            matches!(&sent, Sent::Refused(refusal) if refusal.passing),
            "{code}: {sent:?}"
        );
    }
}

#[tokio::test]
async fn the_other_copy_itself_says_how_far_it_is_while_the_provider_is_gone() {
    let said = |status: &str| {
        format!(
            "<StorageServiceStats><GeoReplication><Status>{status}</Status><LastSyncTime>Thu, 01 Jan 1970 00:06:00 GMT</LastSyncTime></GeoReplication></StorageServiceStats>"
        )
    };
    let mut context = testing::region_down(context(Journey::Failover));
    context.outage_since = Some("1970-01-01T00:10:00Z".parse().unwrap());
    for (public, figure) in [
        (
            FakePublic::answering(200, &said("live")),
            Figure::UpTo(Duration::from_secs(240)),
        ),
        (FakePublic::answering(200, &said("bootstrap")), Figure::Unknown),
        (FakePublic::answering(403, ""), Figure::Unknown),
    ] {
        let azure = azure(calm());
        let driver = Geo::new(azure.arm(), DataPlane::new(azure.arm(), public.clone()));
        let rows = driver.measure(&context).await.unwrap();
        assert_eq!(rows[0].by_rung["unplanned"], figure);
        assert!(
            rows[0].source.contains("does not fail over"),
            "{}",
            rows[0].source
        );
        let url = public.requests()[0].url.to_string();
        assert_eq!(
            url,
            "https://stgeo-secondary.blob.core.windows.net/?restype=service&comp=stats"
        );
        assert!(azure.seen().is_empty());
    }
}
