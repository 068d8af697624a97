use std::{sync::Arc, time::Duration};

use leeward_engine::{
    port::{Context, Driver, DriverError},
    work::{Assessment, Figure, Observation, Phase, Progress, Sent, Ticket},
};
use leeward_runbook::{
    journey::Journey,
    plan::{DataLoss, LadderRung},
};
use serde_json::{Value, json};

use super::{
    super::{API, drill::FULL_BACKUP, side::Of},
    driver, error, group,
};
use crate::testing::{self, FakeAzure, key};

const KIND: &str = "azure.sql.managed-instance-failover-group";
const HERE: &str =
    "/resourcegroups/rg-neu/providers/microsoft.sql/locations/northeurope/instancefailovergroups/fog";
const THERE: &str =
    "/resourcegroups/rg-weu/providers/microsoft.sql/locations/westeurope/instancefailovergroups/fog";

fn context(journey: Journey) -> Context {
    testing::context(
        KIND,
        journey,
        json!({"failover-group": "fog"}),
        json!({"resource-group": "rg-weu"}),
        json!({"resource-group": "rg-neu"}),
    )
}

fn calm() -> Arc<FakeAzure> {
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, paired("Secondary", "CATCH_UP"));
    azure.on("GET", THERE, 200, paired("Primary", "CATCH_UP"));
    azure.on("GET", MI_HERE, 200, instance("mi-neu", "a1b2c3", "Ready"));
    azure.on("GET", MI_THERE, 200, instance("mi-weu", "a1b2c3", "Ready"));
    azure
}

const MI_HERE: &str = "/resourceGroups/rg-neu/providers/Microsoft.Sql/managedInstances/mi-neu";
const MI_THERE: &str = "/resourceGroups/rg-weu/providers/Microsoft.Sql/managedInstances/mi-weu";

fn paired(role: &str, state: &str) -> Value {
    let mut body = group(role, state);
    body["properties"]["managedInstancePairs"] = json!([{
        "primaryManagedInstanceId": format!("/subscriptions/sub-1{MI_THERE}"),
        "partnerManagedInstanceId": format!("/subscriptions/sub-1{MI_HERE}"),
    }]);
    body
}

fn instance(name: &str, zone: &str, state: &str) -> Value {
    json!({"properties": {
        "state": state, "dnsZone": zone, "databaseFormat": "SQLServer2022",
        "fullyQualifiedDomainName": format!("{name}.{zone}.database.windows.net"),
    }})
}

async fn assess(azure: &Arc<FakeAzure>, context: &Context) -> Result<Assessment, DriverError> {
    driver(azure, Of::Instances).assess(context).await
}

async fn observe(azure: &Arc<FakeAzure>) -> Observation {
    let context = context(Journey::Failover);
    let operation = assess(&calm(), &context).await.unwrap().operations.remove(0);
    driver(azure, Of::Instances).observe(&context, &operation).await
}

async fn begin(azure: &Arc<FakeAzure>, rung: &str) -> Sent {
    let context = context(Journey::Failover);
    let operation = assess(&calm(), &context).await.unwrap().operations.remove(0);
    let group = driver(azure, Of::Instances);
    group.begin(&context, &operation, rung, &key("failover")).await
}

#[tokio::test]
async fn both_views_of_the_group_are_claimed() {
    let targets = driver(&calm(), Of::Instances).targets(&context(Journey::Failover));
    assert_eq!(targets.len(), 2);
    assert!(
        targets[0].starts_with("/subscriptions/sub-1/resourcegroups/rg-neu/"),
        "{targets:?}"
    );
    assert!(targets.iter().all(|id| *id == id.to_lowercase()));
}

#[tokio::test]
async fn on_a_calm_day_the_ladder_begins_with_a_planned_switch() {
    let assessment = assess(&calm(), &context(Journey::Failover)).await.unwrap();
    let rungs = &assessment.operations[0].rungs;
    assert_eq!(
        (rungs[0].name.as_str(), &rungs[0].skip, rungs[0].lossy),
        ("planned", &None, false)
    );
    assert_eq!(
        (rungs[1].name.as_str(), rungs[1].lossy, rungs[1].beside),
        ("forced", true, true)
    );
    assert!(rungs.iter().all(|rung| rung.settling >= Duration::from_secs(150)));
    assert_eq!(assessment.losses[0].by_rung["forced"], Figure::Unknown);
    assert!(!assessment.losses[0].by_rung.contains_key("planned"));
    assert!(assessment.warnings.is_empty(), "{:?}", assessment.warnings);
    assert_eq!(assessment.outputs["listener"], "fog.a1b2c3.database.windows.net");
    assert_eq!(assessment.outputs["primary"], "northeurope");
}

#[tokio::test]
async fn after_a_declared_outage_nothing_is_asked_of_the_region_that_failed() {
    let azure = calm();
    let context = testing::region_down(context(Journey::Failover));
    let assessment = assess(&azure, &context).await.unwrap();
    assert!(assessment.operations[0].rungs[0].skip.is_some());
    assert!(assessment.operations[0].rungs[1].skip.is_none());
    for seen in azure.seen() {
        assert!(
            !seen.path.contains("westeurope") && !seen.path.contains("rg-weu"),
            "{seen:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_side_that_no_longer_hears_from_the_primary_is_not_asked_for_a_planned_switch() {
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, paired("Secondary", "SUSPENDED"));
    azure.on("GET", THERE, 503, error("ServiceUnavailable"));
    azure.on("GET", MI_HERE, 200, instance("mi-neu", "a1b2c3", "Ready"));
    azure.on("GET", MI_THERE, 200, instance("mi-weu", "a1b2c3", "Ready"));
    let assessment = assess(&azure, &context(Journey::Failover)).await.unwrap();
    assert!(assessment.operations[0].rungs[0].skip.is_some());
    assert_eq!(assessment.warnings.len(), 1, "{:?}", assessment.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_reads_suspended_a_moment_after_a_forced_switch_may_still_switch_without_loss() {
    // The other side answers, or refuses to be read: neither says that it is gone.
    for (status, body) in [
        (200, paired("Primary", "SUSPENDED")),
        (403, error("AuthorizationFailed")),
    ] {
        let azure = FakeAzure::new();
        azure.on("GET", HERE, 200, paired("Secondary", "SUSPENDED"));
        azure.on("GET", THERE, status, body);
        azure.on("GET", MI_HERE, 200, instance("mi-neu", "a1b2c3", "Ready"));
        azure.on("GET", MI_THERE, 200, instance("mi-weu", "a1b2c3", "Ready"));
        let assessment = assess(&azure, &context(Journey::Failover)).await.unwrap();
        assert_eq!(assessment.operations[0].rungs[0].skip, None, "{status}");
    }
}

#[tokio::test]
async fn a_ladder_of_the_runbook_is_followed_and_an_unknown_rung_refused() {
    let mut context = context(Journey::Failover);
    let with_ladder = |context: &mut Context, name: &str| {
        let mut step = (*context.step).clone();
        step.data_loss = Some(DataLoss {
            budget: Duration::ZERO,
            ladder: vec![LadderRung {
                name: name.to_owned(),
                within: None,
            }],
        });
        context.step = Arc::new(step);
    };
    with_ladder(&mut context, "forced");
    assert_eq!(
        assess(&calm(), &context).await.unwrap().operations[0].rungs.len(),
        1
    );
    with_ladder(&mut context, "gentle");
    assert!(matches!(
        assess(&calm(), &context).await,
        Err(DriverError::Impossible { .. })
    ));
}

#[tokio::test]
async fn a_missing_group_and_a_bad_name_are_told_apart_from_silence() {
    let azure = FakeAzure::new();
    let missing = assess(&azure, &context(Journey::Failover)).await;
    assert!(
        matches!(missing, Err(DriverError::Refused { passing: false, .. })),
        "{missing:?}"
    );
    let mut bad = context(Journey::Failover);
    bad.settings = Arc::new(json!({"failover-group": "../x", "resource-group": "rg"}));
    assert!(matches!(
        assess(&azure, &bad).await,
        Err(DriverError::Impossible { .. })
    ));
}

#[tokio::test]
async fn the_goal_is_read_from_the_side_that_takes_over() {
    let cases = [
        ("Primary", "CATCH_UP", "holds"),
        ("Primary", "SUSPENDED", "holds"),
        ("Primary", "Failover in progress", "busy"),
        ("Secondary", "Failover in progress", "in-motion"),
        ("Secondary", "SEEDING", "busy"),
        ("Secondary", "CATCH_UP", "not-begun"),
        ("Secondary", "SUSPENDED", "not-begun"),
        ("Elsewhere", "CATCH_UP", "cannot-tell"),
    ];
    for (role, state, expected) in cases {
        let azure = FakeAzure::new();
        azure.on("GET", HERE, 200, group(role, state));
        let seen = serde_json::to_value(observe(&azure).await).unwrap();
        assert_eq!(seen["seen"], expected, "{role} {state}");
        assert_eq!(azure.seen().len(), 1);
    }
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 403, error("AuthorizationFailed"));
    assert!(matches!(observe(&azure).await, Observation::CannotTell { .. }));
    assert!(matches!(
        observe(&FakeAzure::new()).await,
        Observation::Barred { .. }
    ));
}

#[tokio::test]
async fn a_switch_is_asked_once_of_the_side_that_takes_over() {
    for (rung, verb) in [
        ("planned", "/failover"),
        ("forced", "/forceFailoverAllowDataLoss"),
    ] {
        let azure = FakeAzure::new();
        let url = "http://127.0.0.1:1/subscriptions/sub-1/providers/Microsoft.Sql/locations/northeurope/x/1?t=1&s=sig";
        let headers = vec![
            ("Azure-AsyncOperation", url.to_owned()),
            ("Retry-After", "15".to_owned()),
        ];
        let body = json!({"operation": "FailoverManagedFailoverGroup"});
        azure.on_with("POST", &format!("{HERE}{verb}"), (202, headers, body));
        let Sent::Accepted { ticket } = begin(&azure, rung).await else {
            panic!("{rung} was not accepted");
        };
        assert_eq!(ticket.status_url.unwrap().expose(), url);
        assert_eq!(ticket.look_after, Some(Duration::from_secs(15)));
        let changes = azure.changes();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].query, format!("api-version={API}"));
        assert_eq!(changes[0].headers["authorization"], "Bearer leeward-simulator");
        assert_eq!(
            changes[0].headers["x-ms-client-request-id"],
            key("failover").client_request_id().to_string()
        );
        assert_eq!(
            changes[0].headers["x-ms-correlation-request-id"],
            key("failover").run.correlation().to_string()
        );
    }
}

#[tokio::test]
async fn an_empty_202_is_an_accepted_switch() {
    let azure = FakeAzure::new();
    azure.on("POST", &format!("{HERE}/failover"), 202, Value::Null);
    assert!(matches!(begin(&azure, "planned").await, Sent::Finished { .. }));
    assert_eq!(azure.changes().len(), 1);
}

#[tokio::test]
async fn a_refusal_that_may_mean_done_already_is_looked_at_again() {
    let cases = [
        (400, "InstanceFailoverGroupFailoverRequestOnPrimary", true),
        (400, "InstanceFailoverGroupNotSecondary", true),
        (409, "InstanceFailoverGroupBusy", true),
        (400, "ManagedInstanceFailoverThrottled", true),
        (400, "PlannedFailoverTimedOut", false),
        (403, "AuthorizationFailed", false),
    ];
    for (status, code, passes) in cases {
        let azure = FakeAzure::new();
        azure.on("POST", &format!("{HERE}/failover"), status, error(code));
        match begin(&azure, "planned").await {
            Sent::Refused(refusal) => {
                assert_eq!((refusal.code.as_str(), refusal.passing), (code, passes));
            }
            other => panic!("{code}: {other:?}"),
        }
        assert_eq!(azure.changes().len(), 1);
    }
}

#[tokio::test]
async fn a_server_error_leaves_the_outcome_unknown() {
    let azure = FakeAzure::new();
    azure.on(
        "POST",
        &format!("{HERE}/failover"),
        500,
        error("OperationTimedOut"),
    );
    assert!(matches!(begin(&azure, "planned").await, Sent::Unanswered { .. }));
    assert_eq!(azure.changes().len(), 1);
}

#[tokio::test]
async fn a_failed_switch_says_whether_another_attempt_is_worth_it() {
    for (code, worth) in [("OperationTimedOut", true), ("PlannedFailoverTimedOut", false)] {
        let azure = FakeAzure::new();
        azure.on(
            "GET",
            "/ops/1",
            200,
            json!({"status": "Failed", "error": {"code": code, "message": "m"}}),
        );
        let context = context(Journey::Failover);
        let operation = assess(&calm(), &context).await.unwrap().operations.remove(0);
        let ticket = Ticket {
            status_url: Some(leeward_engine::work::OperationUrl::new(
                "http://127.0.0.1:1/ops/1",
            )),
            location: None,
            job: None,
            detail: Value::Null,
            look_after: None,
        };
        let progress = driver(&azure, Of::Instances)
            .poll(&context, &operation, &ticket)
            .await;
        assert!(
            matches!(progress, Progress::Failed { retryable, .. } if retryable == worth),
            "{progress:?}"
        );
    }
}

#[tokio::test]
async fn a_drill_changes_nothing() {
    let azure = calm();
    let assessment = assess(&azure, &context(Journey::Drill)).await.unwrap();
    assert!(assessment.operations.is_empty());
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn reprotect_waits_until_both_sides_replicate_again() {
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, group("Primary", "SUSPENDED"));
    let early = assess(&azure, &context(Journey::Reprotect)).await;
    assert!(
        matches!(early, Err(DriverError::Refused { passing: true, .. })),
        "{early:?}"
    );
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, group("Primary", "CATCH_UP"));
    azure.on("GET", THERE, 200, group("Secondary", "CATCH_UP"));
    let assessment = assess(&azure, &context(Journey::Reprotect)).await.unwrap();
    assert!(assessment.operations.is_empty());
}

#[tokio::test]
async fn instances_whose_zones_or_formats_differ_are_told_of_before_a_switch() {
    let azure = calm();
    let other = FakeAzure::new();
    other.on("GET", HERE, 200, paired("Secondary", "CATCH_UP"));
    other.on("GET", THERE, 200, paired("Primary", "CATCH_UP"));
    other.on("GET", MI_HERE, 200, instance("mi-neu", "a1b2c3", "Ready"));
    other.on("GET", MI_THERE, 200, instance("mi-weu", "z9y8x7", "Ready"));
    let warnings = assess(&other, &context(Journey::Failover))
        .await
        .unwrap()
        .warnings;
    assert!(warnings[0].starts_with("DnsZoneMismatch"), "{warnings:?}");
    let calm = assess(&azure, &context(Journey::Failover)).await.unwrap();
    assert!(calm.warnings.is_empty());
}

#[tokio::test]
async fn a_stopped_instance_is_told_of_before_anything_is_sent() {
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, paired("Secondary", "CATCH_UP"));
    azure.on("GET", THERE, 200, paired("Primary", "CATCH_UP"));
    azure.on("GET", MI_HERE, 200, instance("mi-neu", "a1b2c3", "Stopped"));
    let refused = assess(&azure, &context(Journey::Failover)).await;
    assert!(
        matches!(&refused, Err(DriverError::Refused { code, passing: false, .. }) if code == "ManagedInstanceStoppingOrStopped"),
        "{refused:?}"
    );
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn a_group_that_is_still_seeding_is_waited_for() {
    let azure = FakeAzure::new();
    azure.on("GET", HERE, 200, paired("Secondary", "SEEDING"));
    let refused = assess(&azure, &context(Journey::Failover)).await;
    assert!(
        matches!(refused, Err(DriverError::Refused { passing: true, .. })),
        "{refused:?}"
    );
}

fn real_drill() -> Context {
    let mut context = context(Journey::Drill);
    let mut settings = (*context.settings).clone();
    settings["real"] = json!("planned");
    context.settings = Arc::new(settings);
    context
}

#[tokio::test]
async fn a_real_drill_switches_there_and_back_and_says_what_it_costs() {
    let azure = calm();
    let context = real_drill();
    let assessment = assess(&azure, &context).await.unwrap();
    assert!(assessment.warnings.contains(&FULL_BACKUP.to_owned()));
    let [there, back] = assessment.operations.as_slice() else {
        panic!("{:?}", assessment.operations);
    };
    assert_eq!((there.phase, back.phase), (Phase::Main, Phase::CleanUp));
    assert_eq!(there.goal, "northeurope is primary of fog");
    assert_eq!(back.goal, "westeurope is primary of fog");
    assert!(
        [there, back]
            .iter()
            .all(|turn| turn.rungs.len() == 1 && !turn.rungs[0].lossy)
    );
    let group = driver(&azure, Of::Instances);
    azure.on("POST", &format!("{THERE}/failover"), 202, Value::Null);
    // The way home is asked of the side that was primary.
    group.begin(&context, back, "planned", &key("switch-back")).await;
    assert!(azure.changes()[0].path.contains("westeurope"));
}

#[tokio::test]
async fn a_drill_is_home_only_when_neither_side_shows_a_switch_under_way() {
    let context = real_drill();
    let back = assess(&calm(), &context).await.unwrap().operations.remove(1);
    let cases = [
        // Nothing was begun, or all of it is over.
        (("Primary", "CATCH_UP"), ("Secondary", "CATCH_UP"), "holds"),
        // The way there is accepted, and home is primary still.
        (("Primary", "PENDING"), ("Secondary", "CATCH_UP"), "busy"),
        (("Primary", "CATCH_UP"), ("Secondary", "PENDING"), "busy"),
        (
            ("Primary", "CATCH_UP"),
            ("Secondary", "Failover in progress"),
            "busy",
        ),
        (("Primary", "CATCH_UP"), ("Primary", "CATCH_UP"), "busy"),
        (("Secondary", "CATCH_UP"), ("Secondary", "CATCH_UP"), "busy"),
        // It has arrived there: now the way home may be asked for.
        (("Secondary", "CATCH_UP"), ("Primary", "CATCH_UP"), "not-begun"),
        (
            ("Secondary", "Failover in progress"),
            ("Primary", "CATCH_UP"),
            "in-motion",
        ),
    ];
    for (home, there, expected) in cases {
        let azure = FakeAzure::new();
        azure.on("GET", THERE, 200, paired(home.0, home.1));
        azure.on("GET", HERE, 200, paired(there.0, there.1));
        let seen = driver(&azure, Of::Instances).observe(&context, &back).await;
        assert_eq!(json!(seen)["seen"], expected, "{home:?} {there:?}");
    }
    let azure = FakeAzure::new();
    azure.on("GET", THERE, 200, paired("Primary", "CATCH_UP"));
    azure.on("GET", HERE, 403, error("AuthorizationFailed"));
    let seen = driver(&azure, Of::Instances).observe(&context, &back).await;
    assert!(matches!(seen, Observation::CannotTell { .. }), "{seen:?}");
}

#[tokio::test]
async fn a_real_drill_does_not_begin_from_a_group_that_is_not_healthy() {
    for (role, state) in [("Secondary", "SUSPENDED"), ("Primary", "CATCH_UP")] {
        let azure = FakeAzure::new();
        azure.on("GET", HERE, 200, paired(role, state));
        let refused = assess(&azure, &real_drill()).await;
        assert!(
            matches!(refused, Err(DriverError::Refused { passing: true, .. })),
            "{refused:?}"
        );
    }
}
