//! Machines that Site Recovery protects.

use leeward_acceptance::judges::{material, replay::Supplement};
use leeward_runbook::journey::Journey;
use serde_json::{Value, json};

use crate::case::{Case, Reads, SUBSCRIPTION, beside};

#[test]
fn a_machine_fails_over_and_is_committed_as_it_was_recorded() {
    let test = "a_machine_fails_over_and_is_committed_as_it_was_recorded";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, "asr-a2a-failover-reprotect");
    let protected = all[91]["responseBody"].clone();
    // The recorder did not look at the item between the verbs. What it shows then is known from another machine's
    // recording and the official examples: the words are theirs, all else is this item's.
    let standing = |state: &str, active: &str, allowed: Value| {
        let mut body = protected.clone();
        body["properties"]["protectionState"] = json!(state);
        body["properties"]["activeLocation"] = json!(active);
        body["properties"]["allowedOperations"] = allowed;
        body
    };
    let failed_over = standing(
        "UnplannedFailoverCommitPendingStatesBegin",
        "Recovery",
        json!(["Commit", "DisableProtection", "ChangePit", "SwitchProtection"]),
    );
    let committed = standing(
        "UnplannedFailoverCommitted",
        "Recovery",
        json!(["DisableProtection", "SwitchProtection"]),
    );
    let mut supplements = Vec::new();
    // In this part 0 is the item, 1 the failover, 2 and 3 its polls, 4 the commit, 5 and 6 its polls.
    for (from, to, body) in [(0, 4, protected.clone()), (4, 7, failed_over), (7, 8, committed)] {
        let supplement = |path: &str, body: Value| Supplement {
            from,
            to,
            path: path.to_owned(),
            status: 200,
            body,
        };
        supplements.push(supplement(
            "/vaults/srclivault/replicationprotecteditems",
            json!({"value": [body.clone()], "nextLink": null}),
        ));
        supplements.push(supplement(
            "/replicationprotecteditems/cli-test-protected-item-a2a-1",
            body,
        ));
    }
    supplements.push(beside(
        "/vaults/srclivault",
        json!({"name": "SRCliVault", "location": "eastus"}),
    ));
    let runbook = format!(
        "leeward: 1
name: recorded
regions: {{ primary: eastus2, paired: eastus }}
objectives: {{ rto: 1h, rpo: 1h }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  machine:
    use: azure.site-recovery.virtual-machines
    with:
      vault: {{ name: SRCliVault, resource-group: cli.test.rg.SRVault }}
      select: {{ names: [SRsourcevm] }}
      source: leave
      recovery-point: latest
    at:
      primary: {{ resource-group: cli.test.rg.SRVM }}
      paired: {{ resource-group: cli.test.rg.SRVault }}
    data-loss: {{ budget: 1h }}
    ends: recovery
"
    );
    let case = Case {
        recording: "asr-a2a-failover-reprotect",
        part: [91].into_iter().chain(103..109).collect(),
        before: 1,
        supplements,
        runbook: &runbook,
        journey: Journey::Failover,
        start: "2023-08-29T01:51:48Z",
    };
    case.goes_as_recorded(test, Reads::More);
}
