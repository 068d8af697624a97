//! Whose test failover does a drill meet, and what does it do to it?

use super::*;

const OTHERS: &str = "11111111-2222-4333-8444-555555555555";

/// A machine with a test failover whose job is told.
fn tested_by(job: &str, since: &str) -> Value {
    let mut machine = with_leftover("vm-1");
    machine["properties"]["currentScenario"] = json!({
        "scenarioName": "TestFailover", "jobId": format!("{VAULT}/replicationJobs/{job}"), "startTime": since,
    });
    machine
}

fn job(network: Option<&str>, client: &str) -> Value {
    json!({"properties": {
        "state": "Suspended", "stateDescription": "WaitingForStopTestFailover",
        "activityId": format!("{client} ActivityId: 9f6f849e-922a-43ec-a7a6-0be45fc85c56"),
        "customDetails": {
            "instanceType": "TestFailoverJobDetails", "networkName": network, "networkFriendlyName": network,
        },
    }})
}

fn ours() -> String {
    key("test-failover/vm-1").client_request_id().to_string()
}

fn drill() -> Context {
    context(Journey::Drill, json!({}))
}

/// The vault, with a test failover that is told of so.
fn meets(since: &str, network: Option<&str>, client: &str) -> Arc<FakeAzure> {
    let azure = vault(&[tested_by(JOB, since)]);
    azure.on(
        "GET",
        &format!("/replicationJobs/{JOB}"),
        200,
        job(network, client),
    );
    azure
}

#[tokio::test]
async fn a_drill_is_refused_by_somebody_elses_test_failover_and_says_which() {
    let azure = meets("1970-01-01T00:00:00Z", Some("vnet-theirs"), OTHERS);
    let said = reason(&azure, &drill()).await;
    for word in [
        "vm-1",
        "not this run's",
        "in the network vnet-theirs",
        JOB,
        "clean it up, or wait",
    ] {
        assert!(said.contains(word), "{said}");
    }
    // Nothing tells whose it is: then it is not ours either.
    let said = reason(&vault(&[with_leftover("vm-1")]), &drill()).await;
    assert!(said.contains("not this run's"), "{said}");
    let same_network = meets("1970-01-01T00:00:00Z", Some("vnet-drill-neu"), OTHERS);
    assert!(reason(&same_network, &drill()).await.contains("not this run's"));
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn a_test_failover_that_goes_on_and_is_somebody_elses_refuses_a_drill_too() {
    let mut machine = machine("vm-1");
    machine["properties"]["allowedOperations"] = json!([]);
    machine["properties"]["currentScenario"] =
        json!({"scenarioName": "TestFailover", "jobId": format!("{VAULT}/replicationJobs/{JOB}")});
    let azure = vault(&[machine]);
    azure.on("GET", &format!("/replicationJobs/{JOB}"), 200, job(None, OTHERS));
    assert!(reason(&azure, &drill()).await.contains("not this run's"));
}

#[tokio::test]
async fn a_drill_knows_its_own_test_failover_again_by_the_request_that_began_it() {
    let azure = meets("1970-01-01T00:00:00Z", None, &ours());
    let found = assess(&azure, &drill()).await.unwrap();
    assert_eq!(names(&found), ["test-failover/vm-1", "cleanup/vm-1"]);
    assert_eq!(seen(&azure, &drill(), &found.operations[0]).await, "holds");
    assert_eq!(seen(&azure, &drill(), &found.operations[1]).await, "not-begun");
    let mut another = drill();
    another.run = leeward_engine::id::RunId("r-another".to_owned());
    assert!(reason(&azure, &another).await.contains("not this run's"));
}

#[tokio::test]
async fn a_drill_neither_takes_somebody_elses_test_machine_for_its_own_nor_deletes_it() {
    let found = assess(&vault(&[machine("vm-1")]), &drill()).await.unwrap();
    let (test, clean) = (&found.operations[0], &found.operations[1]);
    // Made between our look and our request, or before.
    for (since, network) in [
        ("1970-01-01T00:00:05Z", Some("vnet-theirs")),
        ("1969-12-31T22:00:00Z", None),
    ] {
        let azure = meets(since, network, OTHERS);
        assert_eq!(seen(&azure, &drill(), test).await, "barred", "{since}");
        assert_eq!(seen(&azure, &drill(), clean).await, "holds", "{since}");
    }
    // The answer to our own was lost, and its job tells nothing that we know: nothing speaks against it.
    for network in [None, Some("vnet-drill-neu")] {
        let azure = meets("1970-01-01T00:00:05Z", network, OTHERS);
        assert_eq!(seen(&azure, &drill(), test).await, "holds");
        assert_eq!(seen(&azure, &drill(), clean).await, "not-begun");
    }
    // Nobody answers for the job.
    let azure = vault(&[tested_by(JOB, "1970-01-01T00:00:05Z")]);
    assert_eq!(seen(&azure, &drill(), test).await, "holds");
}

#[tokio::test]
async fn a_failover_cleans_up_whatever_test_failover_stands_in_its_way_and_warns_of_it() {
    let azure = meets("1970-01-01T00:00:00Z", Some("vnet-theirs"), OTHERS);
    let found = assess(&azure, &failover(json!({}))).await.unwrap();
    assert_eq!(names(&found)[0], "cleanup/vm-1");
    assert_eq!(
        seen(&azure, &failover(json!({})), &found.operations[0]).await,
        "not-begun"
    );
    assert!(
        found
            .warnings
            .iter()
            .any(|warning| warning.contains("cleaned up first")),
        "{:?}",
        found.warnings
    );
}

#[tokio::test]
async fn a_plan_is_never_cleaned_up_over_somebody_elses_test_machine() {
    let with = json!({"select": {"names": ["vm-1", "vm-2"]}, "recovery-plan": "rp"});
    let context = context(Journey::Drill, with);
    let found = assess(&vault(&[machine("vm-1"), machine("vm-2")]), &context)
        .await
        .unwrap();
    let theirs = vault(&[tested_by(JOB, "1970-01-01T00:00:05Z"), with_leftover("vm-2")]);
    theirs.on(
        "GET",
        &format!("/replicationJobs/{JOB}"),
        200,
        job(Some("vnet-theirs"), OTHERS),
    );
    assert_eq!(names(&found), ["test-failover/rp", "cleanup/rp"]);
    assert_eq!(seen(&theirs, &context, &found.operations[1]).await, "barred");
}
