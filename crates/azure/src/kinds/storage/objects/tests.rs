use std::sync::Arc;

use super::*;
use crate::testing::{self, FakeAzure, FakePublic, key};

const WE: &str = "/storageaccounts/stweu/objectreplicationpolicies";
const NE: &str = "/storageaccounts/stneu/objectreplicationpolicies";

fn driver(azure: &Arc<FakeAzure>) -> Objects {
    let plane = DataPlane::new(azure.arm(), FakePublic::silent());
    Objects::new(azure.arm(), plane)
}

fn context(journey: Journey) -> Context {
    let weu = json!({"account": "stweu", "resource-group": "rg-weu"});
    let neu = json!({"account": "stneu", "resource-group": "rg-neu"});
    let with = json!({"containers": ["media"]});
    match journey {
        // The platform serves from northeurope then.
        Journey::Reprotect => testing::context("azure.storage.object-replication", journey, with, neu, weu),
        _ => testing::context("azure.storage.object-replication", journey, with, weu, neu),
    }
}

fn policy(id: &str, source: &str, destination: &str) -> Value {
    json!({"name": id, "properties": {
        "policyId": id, "sourceAccount": format!("/subscriptions/s/x/{source}"), "destinationAccount": destination,
        "rules": [{"ruleId": "r-1", "sourceContainer": "media", "destinationContainer": "media"}],
    }})
}

fn azure(weu: &[Value], neu: &[Value]) -> Arc<FakeAzure> {
    let azure = FakeAzure::new();
    azure.on("GET", WE, 200, json!({"value": weu}));
    azure.on("GET", NE, 200, json!({"value": neu}));
    azure.on(
        "GET",
        "/storageaccounts/stneu",
        200,
        json!({"properties": {"primaryEndpoints": {"blob": "https://stneu/"}}}),
    );
    azure
}

fn names(found: &Assessment) -> Vec<&str> {
    found.operations.iter().map(|one| one.id.as_str()).collect()
}

async fn seen(azure: &Arc<FakeAzure>, context: &Context, operation: &Operation) -> String {
    let seen = driver(azure).observe(context, operation).await;
    serde_json::to_value(&seen).unwrap()["seen"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn replication_is_cut_at_the_side_that_takes_over_and_the_other_is_not_asked() {
    let half = policy("p-1", "stweu", "stneu");
    let azure = azure(
        std::slice::from_ref(&half),
        &[half.clone(), policy("p-2", "stother", "stneu")],
    );
    azure.on("DELETE", &format!("{NE}/p-1"), 200, Value::Null);
    let context = testing::region_down(context(Journey::Failover));
    let driver = driver(&azure);
    let found = driver.assess(&context).await.unwrap();
    assert_eq!(names(&found), ["cut/p-1"]);
    let cut = &found.operations[0];
    assert!(cut.rungs[0].lossy && cut.rungs[0].repeat == RepeatClass::Repeatable);
    assert_eq!(found.losses[0].by_rung["cut"], Figure::Unknown);
    assert_eq!(found.outputs["blob-endpoint"], "https://stneu/");
    assert_eq!(seen(&azure, &context, cut).await, "not-begun");
    assert!(matches!(
        driver.begin(&context, cut, "cut", &key("cut")).await,
        Sent::Finished { .. }
    ));
    assert_eq!(azure.changes().len(), 1);
    assert!(azure.seen().iter().all(|one| !one.path.contains("stweu")));
    assert_eq!(seen(&self::azure(&[], &[]), &context, cut).await, "holds");
}

#[tokio::test]
async fn on_a_calm_day_the_other_half_is_removed_afterwards() {
    let half = policy("p-1", "stweu", "stneu");
    let azure = azure(std::slice::from_ref(&half), std::slice::from_ref(&half));
    let found = driver(&azure).assess(&context(Journey::Failover)).await.unwrap();
    assert_eq!(names(&found), ["cut/p-1", "cut-source/p-1"]);
    assert_eq!(found.operations[1].phase, Phase::AfterRecovery);
    assert_eq!(found.operations[1].after[0].as_str(), "cut/p-1");
}

#[tokio::test]
async fn a_copy_that_nothing_feeds_is_not_passed_over_in_silence() {
    let azure = azure(&[], &[]);
    let context = context(Journey::Failover);
    let found = driver(&azure).assess(&context).await.unwrap();
    assert_eq!(names(&found), ["cut/stweu"]);
    assert_eq!(found.warnings.len(), 1);
    assert_eq!(seen(&azure, &context, &found.operations[0]).await, "holds");
}

#[tokio::test]
async fn replication_is_turned_round_at_the_destination_first() {
    let old = policy("p-1", "stweu", "stneu");
    let azure = azure(std::slice::from_ref(&old), &[]);
    let context = context(Journey::Reprotect);
    let driver = driver(&azure);
    let found = driver.assess(&context).await.unwrap();
    assert!(found.warnings.is_empty());
    assert_eq!(
        names(&found),
        [
            "remove/stweu/p-1",
            "replicate-back/destination",
            "replicate-back/source"
        ]
    );
    let (receive, give) = (&found.operations[1], &found.operations[2]);
    assert_eq!(seen(&azure, &context, receive).await, "not-begun");
    assert_eq!(seen(&azure, &context, give).await, "cannot-tell");
    assert!(matches!(
        driver.begin(&context, give, "only", &key("give")).await,
        Sent::NotSent { .. }
    ));
    let new = policy("p-9", "stneu", "stweu");
    azure.on("PUT", &format!("{WE}/default"), 200, new.clone());
    driver.begin(&context, receive, "only", &key("receive")).await;
    let sent = azure.changes()[0].body["properties"].clone();
    assert!(sent["sourceAccount"].as_str().unwrap().ends_with("/stneu"));
    assert_eq!(sent["rules"][0]["sourceContainer"], "media");
    assert!(sent["rules"][0].get("ruleId").is_none());

    let azure = self::azure(std::slice::from_ref(&new), &[]);
    azure.on("PUT", &format!("{NE}/p-9"), 200, new.clone());
    assert_eq!(seen(&azure, &context, receive).await, "holds");
    assert_eq!(seen(&azure, &context, give).await, "not-begun");
    let sent = self::driver(&azure)
        .begin(&context, give, "only", &key("give"))
        .await;
    assert!(matches!(sent, Sent::Finished { .. }));
    assert_eq!(azure.changes()[0].body["properties"]["rules"][0]["ruleId"], "r-1");
    let both = self::azure(std::slice::from_ref(&new), std::slice::from_ref(&new));
    assert_eq!(seen(&both, &context, give).await, "holds");
}

#[tokio::test]
async fn a_drill_changes_nothing_and_says_what_it_did_not_do() {
    let azure = azure(&[], &[policy("p-1", "stweu", "stneu")]);
    let found = driver(&azure).assess(&context(Journey::Drill)).await.unwrap();
    assert!(found.operations.is_empty() && found.warnings.len() == 1);
    assert!(azure.changes().is_empty());
}

#[tokio::test]
async fn the_account_that_serves_is_never_made_the_copy_of_the_one_that_does_not() {
    // Said to serve, and yet it receives; or it gives by a policy that the other has cut off.
    let (to_neu, to_weu) = (policy("p-1", "stweu", "stneu"), policy("p-2", "stneu", "stweu"));
    let worlds = [
        (vec![to_neu.clone()], vec![to_neu.clone()], "receives from stweu"),
        (vec![], vec![to_weu.clone()], "was cut at stweu"),
    ];
    for (weu, neu, told) in worlds {
        let azure = azure(&weu, &neu);
        let context = context(Journey::Reprotect);
        let refused = driver(&azure).assess(&context).await.unwrap_err().to_string();
        assert!(
            refused.contains(told) && refused.contains("--serving"),
            "{refused}"
        );
        // Seen only later, it stands in the way all the same.
        let assessed = driver(&self::azure(&[], &[])).assess(&context).await.unwrap();
        let receive = assessed
            .operations
            .iter()
            .find(|one| one.id.as_str() == "replicate-back/destination");
        assert_eq!(seen(&azure, &context, receive.unwrap()).await, "barred");
        assert!(azure.changes().is_empty());
    }
    // Turned round already, both halves are there.
    let azure = azure(std::slice::from_ref(&to_weu), std::slice::from_ref(&to_weu));
    let found = driver(&azure).assess(&context(Journey::Reprotect)).await.unwrap();
    assert_eq!(
        names(&found),
        ["replicate-back/destination", "replicate-back/source"]
    );
}

#[tokio::test]
async fn what_replication_still_needs_is_told_before_it_is_turned_round() {
    let azure = azure(&[policy("p-1", "stweu", "stneu")], &[]);
    for account in ["stweu", "stneu"] {
        azure.on(
            "GET",
            &format!("/storageaccounts/{account}/blobservices/default"),
            200,
            json!({"properties": {"isVersioningEnabled": account == "stneu", "changeFeed": {"enabled": false}}}),
        );
    }
    let found = driver(&azure).assess(&context(Journey::Reprotect)).await.unwrap();
    let [gives, receives] = found.warnings.as_slice() else {
        panic!("{:?}", found.warnings);
    };
    assert!(gives.starts_with("the change feed of stneu is not on"), "{gives}");
    assert!(
        receives.starts_with("versioning of stweu is not on"),
        "{receives}"
    );
    assert_eq!(found.operations.len(), 3);
}

#[tokio::test]
async fn what_is_turned_round_replicates_from_the_beginning() {
    let azure = azure(&[policy("p-1", "stweu", "stneu")], &[]);
    azure.on(
        "PUT",
        &format!("{WE}/default"),
        200,
        policy("p-9", "stneu", "stweu"),
    );
    let context = context(Journey::Reprotect);
    let driver = driver(&azure);
    let found = driver.assess(&context).await.unwrap();
    driver
        .begin(&context, &found.operations[1], "only", &key("receive"))
        .await;
    let rule = azure.changes()[0].body["properties"]["rules"][0].clone();
    assert_eq!(rule["filters"]["minCreationTime"], "1601-01-01T00:00:00Z");
}
