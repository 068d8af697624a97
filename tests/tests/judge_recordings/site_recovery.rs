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
    let failed_over = standing(
        &protected,
        "UnplannedFailoverCommitPendingStatesBegin",
        "Recovery",
        json!(["Commit", "DisableProtection", "ChangePit", "SwitchProtection"]),
    );
    let committed = standing(
        &protected,
        "UnplannedFailoverCommitted",
        "Recovery",
        json!(["DisableProtection", "SwitchProtection"]),
    );
    let mut supplements = vec![vault()];
    // In this part 0 is the item, 1 the failover, 2 and 3 its polls, 4 the commit, 5 and 6 its polls.
    for (from, to, body) in [(0, 4, &protected), (4, 7, &failed_over), (7, 8, &committed)] {
        supplements.extend(shown(from, to, body));
    }
    let case = Case {
        recording: "asr-a2a-failover-reprotect",
        part: [91].into_iter().chain(103..109).collect(),
        before: 1,
        supplements,
        runbook: &runbook(""),
        journey: Journey::Failover,
        start: "2023-08-29T01:51:48Z",
    };
    case.goes_as_recorded(test, Reads::More);
}

/// A runbook for the recorded machine.
fn runbook(more: &str) -> String {
    format!(
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
{more}    at:
      primary: {{ resource-group: cli.test.rg.SRVM }}
      paired: {{ resource-group: cli.test.rg.SRVault, cache-account: clitestsaa2a2 }}
    data-loss: {{ budget: 1h }}
    ends: recovery
"
    )
}

/// What the item and the list of items show from one exchange to another.
fn shown(from: usize, to: usize, body: &Value) -> [Supplement; 2] {
    let supplement = |path: &str, body: Value| Supplement {
        from,
        to,
        path: path.to_owned(),
        status: 200,
        body,
    };
    [
        supplement(
            "/vaults/srclivault/replicationprotecteditems",
            json!({"value": [body], "nextLink": null}),
        ),
        supplement(
            "/replicationprotecteditems/cli-test-protected-item-a2a-1",
            body.clone(),
        ),
    ]
}

fn vault() -> Supplement {
    beside(
        "/vaults/srclivault",
        json!({"name": "SRCliVault", "location": "eastus"}),
    )
}

fn standing(item: &Value, state: &str, active: &str, allowed: Value) -> Value {
    let mut body = item.clone();
    body["properties"]["protectionState"] = json!(state);
    body["properties"]["activeLocation"] = json!(active);
    body["properties"]["allowedOperations"] = allowed;
    body
}

#[test]
fn replication_is_turned_round_as_it_was_recorded() {
    let test = "replication_is_turned_round_as_it_was_recorded";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, "asr-a2a-failover-reprotect");
    // The recorder did not look at the item between the commit and the switch.
    let committed = standing(
        &all[91]["responseBody"],
        "UnplannedFailoverCommitted",
        "Recovery",
        json!(["DisableProtection", "SwitchProtection"]),
    );
    let mut supplements = vec![vault()];
    // In this part 0 is the switch, 1 and 2 its polls, and then the item where it lies now.
    supplements.extend(shown(0, 3, &committed));
    supplements.extend(shown(3, usize::MAX, &all[116]["responseBody"]));
    let case = Case {
        recording: "asr-a2a-failover-reprotect",
        part: vec![109, 110, 111],
        before: 0,
        supplements,
        runbook: &runbook(""),
        journey: Journey::Reprotect,
        start: "2023-08-29T01:56:00Z",
    };
    case.goes_as_recorded(test, Reads::More);
}

#[test]
fn a_machine_comes_home_by_the_same_verb_on_its_new_path_as_it_was_recorded() {
    let test = "a_machine_comes_home_by_the_same_verb_on_its_new_path_as_it_was_recorded";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, "asr-a2a-failover-reprotect");
    let protected = all[116]["responseBody"].clone();
    let home = standing(
        &protected,
        "UnplannedFailoverCommitPendingStatesBegin",
        "Recovery",
        json!(["Commit", "DisableProtection", "ChangePit", "SwitchProtection"]),
    );
    let mut supplements = vec![vault()];
    supplements.extend(shown(0, 3, &protected));
    supplements.extend(shown(3, usize::MAX, &home));
    let case = Case {
        recording: "asr-a2a-failover-reprotect",
        part: vec![117, 118, 119],
        before: 0,
        supplements,
        // The recorder took the machine out of protection instead of committing it.
        runbook: &runbook("      commit: by-hand\n"),
        journey: Journey::Failback,
        start: "2023-08-29T02:58:00Z",
    };
    case.goes_as_recorded(test, Reads::More);
}
