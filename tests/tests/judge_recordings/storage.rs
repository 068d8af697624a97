//! Storage accounts: geo failover and object replication.

use leeward_acceptance::judges::{material, replay::Supplement};
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use serde_json::json;

use crate::case::{Case, Reads, SUBSCRIPTION, beside, sent_as_recorded};

fn objects() -> String {
    format!(
        "leeward: 1
name: recorded
regions: {{ primary: westeurope, paired: northeurope }}
objectives: {{ rto: 1h, rpo: 10m }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  objects:
    use: azure.storage.object-replication
    with: {{ resource-group: cli_test_storage_account_ors000001 }}
    at:
      primary: {{ account: clitest000002 }}
      paired: {{ account: clitest000003 }}
    data-loss: {{ budget: 10m }}
    ends: recovery
"
    )
}

#[test]
fn the_cut_of_object_replication_on_the_side_that_takes_over_goes_as_it_was_recorded() {
    let test = "the_cut_of_object_replication_on_the_side_that_takes_over_goes_as_it_was_recorded";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, "storage-object-replication");
    // The recorder listed the policies only after the cut; before it they are the one that it read by name.
    let list = Supplement {
        from: 0,
        to: 3,
        path: "/clitest000003/objectreplicationpolicies".to_owned(),
        status: 200,
        body: json!({"value": [all[9]["responseBody"]]}),
    };
    let account = beside(
        "/storageaccounts/clitest000003",
        json!({"name": "clitest000003", "properties": {
            "primaryEndpoints": {"blob": "https://clitest000003.blob.core.windows.net/"},
        }}),
    );
    let case = Case {
        recording: "storage-object-replication",
        part: vec![9, 14, 15, 16],
        before: 2,
        supplements: vec![list, account],
        runbook: &objects(),
        journey: Journey::Failover,
        start: "2024-06-20T04:25:00Z",
    };
    case.goes_as_recorded(test, Reads::More);
}

#[test]
fn a_planned_failover_of_an_account_begins_as_it_was_recorded() {
    let test = "a_planned_failover_of_an_account_begins_as_it_was_recorded";
    // Nobody recorded its end: the run is still waiting for it when its patience is over.
    let runbook = format!(
        "leeward: 1
name: recorded
regions: {{ primary: eastus2euap, paired: centraluseuap }}
objectives: {{ rto: 1h, rpo: 1h }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  account:
    use: azure.storage.geo-failover
    with: {{ account: storagegrzs000002, resource-group: clistorage000001 }}
    at: {{ primary: {{}}, paired: {{}} }}
    timeout: 30m
    data-loss:
      budget: 1h
      ladder: [{{ planned: {{ within: 20m }} }}]
    on-failure: continue
"
    );
    let case = Case {
        recording: "storage-failover",
        part: (4..7).collect(),
        before: 1,
        supplements: Vec::new(),
        runbook: &runbook,
        journey: Journey::Failover,
        start: "2024-06-01T00:00:00Z",
    };
    let Some((replayer, played)) = case.play(test) else {
        return;
    };
    sent_as_recorded(&replayer, &played);
    assert_ne!(played.view.steps[0].state, StepWord::Done, "{}", played.tale());
}
