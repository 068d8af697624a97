//! What do plans, other points and cancelled failovers do at the wire?

use super::*;

fn by_plan(journey: Journey, with: Value) -> Context {
    let mut all = json!({
        "vault": {"name": "rsv", "resource-group": "rg-recovery"},
        "plan": "rp",
        "recovery-point": "latest",
    });
    all.as_object_mut()
        .unwrap()
        .extend(with.as_object().unwrap().clone());
    testing::context(
        "azure.site-recovery.recovery-plan",
        journey,
        all,
        json!({"resource-group": "rg-weu", "drill-network": "vnet-drill-weu"}),
        json!({"resource-group": "rg-neu", "drill-network": "vnet-drill-neu"}),
    )
}

#[tokio::test]
async fn a_plan_moves_its_machines_with_one_request_and_commits_after_recovery() {
    let azure = vault(&[machine("vm-1"), machine("vm-2"), machine("vm-3")]);
    accept(&azure, "/replicationRecoveryPlans/rp/unplannedFailover");
    accept(&azure, "/replicationRecoveryPlans/rp/failoverCommit");
    let context = by_plan(
        Journey::Failover,
        json!({"multi-vm-points": "each", "source": "leave"}),
    );
    let found = assess(&azure, &context).await.unwrap();
    assert_eq!(names(&found), ["failover/rp", "commit/rp"]);
    assert_eq!(find(&found, "failover/rp").goal, "vm-1, vm-2 run in northeurope");
    assert_eq!(find(&found, "commit/rp").phase, Phase::AfterRecovery);
    assert_eq!(found.losses.len(), 2);
    begin(&azure, &context, &found.operations[0]).await;
    begin(&azure, &context, &found.operations[1]).await;
    let changes = azure.changes();
    assert_eq!(
        changes[0].body["properties"],
        json!({
            "failoverDirection": "PrimaryToRecovery",
            "sourceSiteOperations": "NotRequired",
            "providerSpecificDetails": [{
                "instanceType": "A2A",
                "recoveryPointType": "Latest",
                "multiVmSyncPointOption": "UsePerVmRecoveryPoint",
            }],
        })
    );
    assert_eq!((changes.len(), &changes[1].body), (2, &Value::Null));
    let moved = vault(&[moved("vm-1"), moved("vm-2")]);
    assert_eq!(seen(&moved, &context, &found.operations[0]).await, "holds");
    assert_eq!(seen(&moved, &context, &found.operations[1]).await, "not-begun");
}

#[tokio::test]
async fn the_drill_of_a_plan_goes_into_its_own_network_and_has_its_clean_up() {
    let azure = vault(&[machine("vm-1"), machine("vm-2")]);
    accept(&azure, "/replicationRecoveryPlans/rp/testFailover");
    let context = by_plan(Journey::Drill, json!({}));
    let found = assess(&azure, &context).await.unwrap();
    assert_eq!(names(&found), ["test-failover/rp", "cleanup/rp"]);
    begin(&azure, &context, &found.operations[0]).await;
    let sent = &azure.changes()[0].body["properties"];
    assert_eq!(
        sent["providerSpecificDetails"],
        json!([{"instanceType": "A2A", "recoveryPointType": "Latest"}])
    );
    assert!(sent["networkId"].as_str().unwrap().ends_with("/vnet-drill-neu"));
}

#[tokio::test]
async fn the_machines_of_a_plan_are_turned_round_one_by_one() {
    let mut context = by_plan(Journey::Reprotect, json!({}));
    let mut plan = (*context.plan).clone();
    std::mem::swap(&mut plan.source, &mut plan.target);
    context.plan = Arc::new(plan);
    std::mem::swap(&mut context.source, &mut context.target);
    let found = assess(&vault(&[moved("vm-1"), moved("vm-2")]), &context)
        .await
        .unwrap();
    assert_eq!(
        names(&found),
        [
            "commit/vm-1",
            "switch-protection/vm-1",
            "commit/vm-2",
            "switch-protection/vm-2"
        ]
    );
}

#[tokio::test]
async fn a_plan_that_moved_a_part_fails_in_the_words_of_its_job_unless_that_part_is_enough() {
    let job = json!({"properties": {
        "state": "Succeeded", "stateDescription": "PartiallySucceeded",
        "errors": [{"serviceErrorDetails": {"code": "150097", "message": "no quota", "recommendedAction": "ask for more"}}],
    }});
    let ticket = super::look::ticket(JOB);
    let partly = |status: &str| {
        let azure = FakeAzure::new();
        azure.on(
            "GET",
            "/rsv/replicationProtectedItems",
            200,
            json!({"value": [moved("vm-1"), machine("vm-2")]}),
        );
        let plan = json!({
            "id": format!("{VAULT}/replicationRecoveryPlans/rp"), "name": "rp",
            "properties": {
                "currentScenario": {"scenarioName": "UnplannedFailover", "jobId": format!("{VAULT}/replicationJobs/{JOB}")},
                "currentScenarioStatus": status,
            },
        });
        azure.on("GET", "/replicationRecoveryPlans/rp", 200, plan);
        azure.on("GET", &format!("/replicationJobs/{JOB}"), 200, job.clone());
        azure
    };
    let before = vault(&[machine("vm-1"), machine("vm-2")]);
    for (with, ends, looks) in [
        (json!({}), "failed", "barred"),
        (json!({"at-least": 1}), "succeeded", "holds"),
    ] {
        let context = by_plan(Journey::Failover, with);
        let found = assess(&before, &context).await.unwrap();
        let operation = &found.operations[0];
        let azure = partly("Succeeded");
        let driver = Machines::new(azure.arm());
        match (driver.poll(&context, operation, &ticket).await, ends) {
            (Progress::Failed { code, message, .. }, "failed") => {
                assert_eq!(code, "PartiallySucceeded");
                assert!(
                    message.contains("1 of 2") && message.contains("vm-2"),
                    "{message}"
                );
                assert!(
                    message.contains("150097: no quota (do: ask for more)"),
                    "{message}"
                );
            }
            (Progress::Succeeded { warnings, .. }, "succeeded") => assert_eq!(warnings.len(), 2),
            (other, _) => panic!("{other:?}"),
        }
        assert_eq!(seen(&azure, &context, operation).await, looks);
        // While its job goes on, the rest may follow.
        assert_eq!(
            seen(&partly("InProgress"), &context, operation).await,
            "in-motion"
        );
        let commit = &found.operations[1];
        assert_eq!(
            seen(&azure, &context, commit).await,
            if looks == "holds" { "not-begun" } else { "barred" }
        );
    }
}

#[tokio::test]
async fn what_a_plan_left_behind_fails_over_alone_and_a_part_of_a_group_waits_for_a_person() {
    let context = by_plan(Journey::Failover, json!({}));
    let found = assess(&vault(&[moved("vm-1"), machine("vm-2")]), &context)
        .await
        .unwrap();
    assert_eq!(
        names(&found),
        ["failover/vm-1", "commit/vm-1", "failover/vm-2", "commit/vm-2"]
    );
    let said = reason(&vault(&[moved("vm-1"), in_group("vm-2")]), &context).await;
    assert!(said.contains("a person must move the rest"), "{said}");
    let timed = by_plan(
        Journey::Failover,
        json!({"recovery-point": {"before": "2026-11-24T08:00:00Z"}}),
    );
    let said = reason(&vault(&[machine("vm-1"), machine("vm-2")]), &timed).await;
    assert!(said.contains("never one of a certain time"), "{said}");
}

#[tokio::test]
async fn the_claims_of_a_plan_are_the_plan_and_the_machines_that_the_runbook_names() {
    let driver = Machines::new(FakeAzure::new().arm());
    let low = VAULT.to_lowercase();
    let context = by_plan(Journey::Failover, json!({"machines": ["VM-1"]}));
    assert_eq!(
        driver.targets(&context),
        [
            format!("{low}/replicationrecoveryplans/rp"),
            format!("{low}/replicationprotecteditems/vm-1")
        ]
    );
}

fn points(azure: &FakeAzure) {
    let point = |name: &str, at: &str| json!({"id": format!("{}/recoveryPoints/{name}", id("vm-1")), "properties": {"recoveryPointTime": at, "recoveryPointType": "CrashConsistent"}});
    azure.on(
        "GET",
        "/recoveryPoints",
        200,
        json!({"value": [point("new", "2026-11-24T08:05:00Z"), point("old", "2026-11-24T08:00:00Z")]}),
    );
}

#[tokio::test]
async fn a_failover_goes_back_behind_a_harm_and_says_what_that_loses() {
    let azure = vault(&[machine("vm-1")]);
    points(&azure);
    accept(&azure, "/unplannedFailover");
    let context = failover(json!({"recovery-point": {"before": "2026-11-24T08:04:00Z"}}));
    let found = assess(&azure, &context).await.unwrap();
    assert!(
        found.losses[0].source.contains("2026-11-24T08:00:00Z"),
        "{}",
        found.losses[0].source
    );
    begin(&azure, &context, &found.operations[0]).await;
    let sent = &azure.changes()[0].body["properties"]["providerSpecificDetails"]["recoveryPointId"];
    assert!(sent.as_str().unwrap().ends_with("/recoveryPoints/old"), "{sent}");
}

#[tokio::test]
async fn a_machine_that_stands_on_a_harmed_point_is_changed_to_an_older_one_before_its_commit() {
    let mut harmed = moved("vm-1");
    harmed["properties"]["failoverRecoveryPointId"] = json!("/x/recoveryPoints/new");
    let azure = vault(&[harmed.clone()]);
    points(&azure);
    accept(&azure, "/applyRecoveryPoint");
    let context = failover(json!({"recovery-point": {"before": "2026-11-24T08:04:00Z"}}));
    let found = assess(&azure, &context).await.unwrap();
    assert_eq!(names(&found), ["change-point/vm-1", "commit/vm-1"]);
    assert_eq!(find(&found, "commit/vm-1").after[0].as_str(), "change-point/vm-1");
    let change = &found.operations[0];
    assert!(change.observable && change.rungs[0].lossy);
    assert_eq!(change.rungs[0].repeat, RepeatClass::OneShot);
    assert_eq!(found.losses.len(), 1, "what it lost is in the table");
    assert_eq!(seen(&azure, &context, change).await, "not-begun");
    begin(&azure, &context, change).await;
    assert_eq!(
        azure.changes()[0].body["properties"],
        json!({
            "recoveryPointId": format!("{}/recoveryPoints/old", id("vm-1")),
            "providerSpecificDetails": {"instanceType": "A2A"},
        })
    );
    harmed["properties"]["failoverRecoveryPointId"] = json!("/y/recoveryPoints/OLD");
    assert_eq!(seen(&vault(&[harmed]), &context, change).await, "holds");
    // Where the vault tells no point, the job is the only witness.
    let azure = vault(&[moved("vm-1")]);
    points(&azure);
    let found = assess(&azure, &context).await.unwrap();
    assert!(!found.operations[0].observable);
}

#[tokio::test]
async fn a_failback_cancels_a_failover_that_was_not_committed_only_where_asked_and_offered() {
    let mut offered = moved("vm-1");
    offered["properties"]["allowedOperations"] = json!(["Commit", "CancelFailover"]);
    offered["properties"]["lastSuccessfulFailoverTime"] = json!("1970-01-01T00:00:00Z");
    let mut context = homeward(Journey::Failback);
    let refused = assess(&vault(&[offered.clone()]), &context).await.unwrap();
    assert!(refused.operations[0].rungs[0].skip.is_some());

    let mut settings = (*context.settings).clone();
    settings["uncommitted"] = json!("cancel");
    context.settings = Arc::new(settings);
    let azure = vault(&[offered]);
    accept(&azure, "/failoverCancel");
    let found = assess(&azure, &context).await.unwrap();
    assert_eq!(names(&found), ["cancel-failover/vm-1"]);
    assert_eq!(found.operations[0].goal, "vm-1 runs in westeurope again");
    assert_eq!(
        found.losses[0].by_rung["unplanned"],
        Figure::Unknown,
        "a date that stands for never"
    );
    assert_eq!(seen(&azure, &context, &found.operations[0]).await, "not-begun");
    begin(&azure, &context, &found.operations[0]).await;
    assert_eq!(azure.changes()[0].path, format!("{}/failoverCancel", id("vm-1")));
    let not_offered = assess(&vault(&[moved("vm-1")]), &context).await.unwrap();
    let skip = not_offered.operations[0].rungs[0].skip.clone().unwrap();
    assert!(skip.contains("does not offer to cancel"), "{skip}");
}
