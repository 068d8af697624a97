//! Does a verb's goal hold for one machine, and if not, may the verb be sent? The answer is made
//! of the vault's view alone, and the vault is never in the region that failed.

use super::{
    item::{Drill, Item, Scenario},
    verb::Verb,
};

/// What one machine's state means for one verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Holds,
    InMotion { job: Option<String> },
    Busy,
    NotBegun,
    Barred(String),
    Unclear,
}

/// Judges one machine. `from` and `to` are the regions of the step's own goal, folded: the
/// machine shall run in `to`; for a switch of protection it shall replicate from `from` to `to`.
/// `point` is the recovery point that a change of point is for.
pub(super) fn judge(verb: Verb, item: &Item, from: &str, to: &str, point: Option<&str>) -> Seen {
    match verb {
        Verb::Failover => failover(item, from, to),
        Verb::Commit => commit(item, to),
        Verb::Test => test(item),
        Verb::CleanUp => clean_up(item),
        Verb::Switch => switch(item, from, to),
        Verb::ChangePoint => change_point(item, to, point),
        Verb::Cancel => cancel(item, to),
    }
}

/// Returns the ticket's job where the current scenario is this very verb.
fn in_motion(item: &Item, verb: Verb) -> Option<Seen> {
    item.scenario
        .as_ref()
        .filter(|scenario| verb_of(scenario) == Some(verb))
        .map(|scenario| Seen::InMotion {
            job: scenario.job.clone(),
        })
}

/// Returns which verb a scenario is, by the words of recordings and specification.
fn verb_of(scenario: &Scenario) -> Option<Verb> {
    match scenario.word.to_ascii_lowercase().as_str() {
        "unplannedfailover" | "failover" => Some(Verb::Failover),
        "commitfailover" | "failovercommit" | "commit" => Some(Verb::Commit),
        "testfailover" => Some(Verb::Test),
        "testfailovercleanup" => Some(Verb::CleanUp),
        "switchprotection" | "reversereplication" | "reprotect" => Some(Verb::Switch),
        // The first is an inference; nothing names the scenario of a change of point.
        "changerecoverypoint" | "changepit" | "applyrecoverypoint" => Some(Verb::ChangePoint),
        "cancelfailover" | "failovercancel" => Some(Verb::Cancel),
        _ => None,
    }
}

fn failover(item: &Item, from: &str, to: &str) -> Seen {
    if item.to == to
        && let Some(seen) = in_motion(item, Verb::Failover)
    {
        return seen;
    }
    if item.runs_in() == Some(to) {
        return Seen::Holds;
    }
    if item.has_failed_over() && item.from == to {
        return Seen::Barred(format!(
            "{} failed over to {} and its replication was not turned round: reprotect comes first",
            item.machine, item.to
        ));
    }
    if item.from != from || item.to != to {
        return Seen::Barred(format!(
            "{} replicates from {} to {}, not from {from} to {to}",
            item.machine, item.from, item.to
        ));
    }
    if item.scenario.is_some() || matches!(item.drill, Drill::Pending | Drill::Clearing) {
        return Seen::Busy;
    }
    match (item.allows("UnplannedFailover"), item.is_filling()) {
        (true, _) => Seen::NotBegun,
        (false, true) => Seen::Barred(format!(
            "{} is not replicated completely yet: {}",
            item.machine, item.state
        )),
        (false, false) => Seen::Unclear,
    }
}

fn commit(item: &Item, to: &str) -> Seen {
    if let Some(seen) = in_motion(item, Verb::Commit) {
        return seen;
    }
    if item.runs_in() != Some(to) {
        return match item.runs_in() {
            Some(region) => Seen::Barred(format!(
                "{} runs in {region}: there is no failover to {to} to commit",
                item.machine
            )),
            None => Seen::Unclear,
        };
    }
    // Protection was switched already, and that needs a commit.
    if !item.has_failed_over() {
        return Seen::Holds;
    }
    if item.scenario.is_some() {
        return Seen::Busy;
    }
    if item.allows("Commit") {
        return Seen::NotBegun;
    }
    // What the list holds after a commit is not recorded; what it does not hold is enough.
    if item.is_committed() || item.allows("SwitchProtection") {
        return Seen::Holds;
    }
    Seen::Unclear
}

fn test(item: &Item) -> Seen {
    if let Some(seen) = in_motion(item, Verb::Test) {
        return seen;
    }
    match item.drill {
        Drill::Pending => Seen::Holds,
        Drill::Clearing => Seen::Busy,
        Drill::Unknown => Seen::Unclear,
        Drill::Clear if item.scenario.is_some() => Seen::Busy,
        Drill::Clear if item.allows("TestFailover") => Seen::NotBegun,
        Drill::Clear if item.is_filling() || item.has_failed_over() => {
            Seen::Barred(format!("no test failover is possible now: {item}"))
        }
        Drill::Clear => Seen::Unclear,
    }
}

fn clean_up(item: &Item) -> Seen {
    if let Some(seen) = in_motion(item, Verb::CleanUp) {
        return seen;
    }
    match item.drill {
        Drill::Clearing => Seen::InMotion { job: None },
        Drill::Pending if item.scenario.is_some() => Seen::Busy,
        Drill::Pending if item.allows("TestFailoverCleanup") => Seen::NotBegun,
        Drill::Pending | Drill::Unknown => Seen::Unclear,
        // A test failover that has just begun will need its clean-up.
        Drill::Clear if in_motion(item, Verb::Test).is_some() => Seen::Busy,
        Drill::Clear => Seen::Holds,
    }
}

fn switch(item: &Item, from: &str, to: &str) -> Seen {
    if let Some(seen) = in_motion(item, Verb::Switch) {
        return seen;
    }
    if item.from == from && item.to == to && !item.has_failed_over() {
        return match item.runs_in() {
            Some(_) => Seen::Holds,
            None => Seen::Unclear,
        };
    }
    if item.from != to || item.to != from {
        return Seen::Barred(format!(
            "{} replicates from {} to {}: it cannot be turned towards {to}",
            item.machine, item.from, item.to
        ));
    }
    if !item.has_failed_over() {
        return match item.runs_in() {
            Some(region) => Seen::Barred(format!(
                "{} runs in {region} and is protected there: nothing is to be turned round",
                item.machine
            )),
            None => Seen::Unclear,
        };
    }
    if item.scenario.is_some() {
        return Seen::Busy;
    }
    // The list holds the verb before the commit too, which it needs all the same.
    match (item.allows("SwitchProtection"), item.allows("Commit")) {
        (true, false) => Seen::NotBegun,
        (true, true) => Seen::Busy,
        (false, _) => Seen::Unclear,
    }
}

/// Which point a machine stands on is told by `failoverRecoveryPointId`; no recording shows a machine of Azure between
/// its failover and its reprotection, so an empty one proves nothing.
fn change_point(item: &Item, to: &str, point: Option<&str>) -> Seen {
    if let Some(seen) = in_motion(item, Verb::ChangePoint) {
        return seen;
    }
    if !item.has_failed_over() || item.to != to {
        return Seen::Barred(format!(
            "{} has not failed over to {to}: it has no other recovery point to take",
            item.machine
        ));
    }
    let name = |id: &str| id.rsplit('/').next().unwrap_or_default().to_lowercase();
    if let (Some(point), Some(stands)) = (point, &item.point)
        && name(point) == name(stands)
    {
        return Seen::Holds;
    }
    if item.scenario.is_some() {
        return Seen::Busy;
    }
    match (item.allows("ChangePit"), &item.point) {
        (false, _) => Seen::Barred(format!(
            "Azure takes no other recovery point for {} now: {}",
            item.machine, item.state
        )),
        (true, Some(_)) => Seen::NotBegun,
        (true, None) => Seen::Unclear,
    }
}

fn cancel(item: &Item, to: &str) -> Seen {
    if let Some(seen) = in_motion(item, Verb::Cancel) {
        return seen;
    }
    if item.runs_in() == Some(to) {
        return Seen::Holds;
    }
    if item.scenario.is_some() {
        return Seen::Busy;
    }
    if item.has_failed_over() && item.from == to && item.allows("CancelFailover") {
        return Seen::NotBegun;
    }
    match item.runs_in() {
        Some(_) => Seen::Barred(format!(
            "Azure does not offer to cancel the failover of {} ({})",
            item.machine, item.state
        )),
        None => Seen::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const WE: &str = "westeurope";
    const NE: &str = "northeurope";

    fn item(
        direction: (&str, &str),
        active: &str,
        state: &str,
        drill: &str,
        allowed: &[&str],
        scenario: &str,
    ) -> Item {
        Item::read(&json!({
            "id": "/v/replicationFabrics/f/replicationProtectionContainers/c/replicationProtectedItems/i",
            "name": "i",
            "properties": {
                "friendlyName": "vm-1", "activeLocation": active, "protectionState": state,
                "testFailoverState": drill, "allowedOperations": allowed,
                "currentScenario": {"scenarioName": scenario, "jobId": "/v/replicationJobs/6ab9b1c9-ad14-4f4b-a8d8-7e0d4e8d1e63"},
                "providerSpecificDetails": {
                    "instanceType": "A2A",
                    "primaryFabricLocation": direction.0, "recoveryFabricLocation": direction.1,
                },
            },
        }))
        .unwrap()
    }

    fn word(seen: &Seen) -> &'static str {
        match seen {
            Seen::Holds => "holds",
            Seen::InMotion { .. } => "in-motion",
            Seen::Busy => "busy",
            Seen::NotBegun => "not-begun",
            Seen::Barred(_) => "barred",
            Seen::Unclear => "unclear",
        }
    }

    #[test]
    fn a_machine_is_where_its_region_names_say_whatever_primary_means_today() {
        let away = (WE, NE);
        let home = (NE, WE);
        #[rustfmt::skip]
        let cases = [
            (item(away, "Primary", "Protected", "None", &["UnplannedFailover", "TestFailover"], "None"), "not-begun"),
            (item(away, "Primary", "Protected", "None", &[], "UnplannedFailover"), "in-motion"),
            (item(away, "Primary", "Protected", "None", &[], "DisableProtection"), "busy"),
            (item(away, "Primary", "Protected", "WaitingForCompletion", &["TestFailoverCleanup"], "TestFailover"), "busy"),
            (item(away, "Primary", "InitialReplicationInProgress", "None", &["DisableProtection"], "None"), "barred"),
            (item(away, "Primary", "NewWord", "None", &[], "None"), "unclear"),
            (item(away, "Recovery", "UnplannedFailoverCommitPendingStatesBegin", "None", &["Commit"], "None"), "holds"),
            (item(away, "Primary", "UnplannedFailoverCommitPendingStatesBegin", "None", &["Commit"], "None"), "holds"),
            (item(away, "Recovery", "UnplannedFailoverCommitted", "None", &["SwitchProtection"], "None"), "holds"),
            (item(home, "Primary", "Protected", "None", &["UnplannedFailover"], "None"), "holds"),
            (item(home, "Recovery", "UnplannedFailoverCommitted", "None", &["SwitchProtection"], "None"), "barred"),
            (item(("uksouth", "ukwest"), "Primary", "Protected", "None", &["UnplannedFailover"], "None"), "barred"),
            (item(away, "Odd", "Protected", "None", &[], "None"), "unclear"),
        ];
        for (item, expected) in cases {
            assert_eq!(
                word(&judge(Verb::Failover, &item, WE, NE, None)),
                expected,
                "{item:?}"
            );
        }
    }

    #[test]
    fn a_commit_is_asked_for_only_where_azure_offers_it() {
        let away = (WE, NE);
        #[rustfmt::skip]
        let cases = [
            (item(away, "Recovery", "UnplannedFailoverCommitPendingStatesBegin", "None", &["Commit", "SwitchProtection"], "None"), "not-begun"),
            (item(away, "Recovery", "UnplannedFailoverCommitPendingStatesBegin", "None", &[], "CommitFailover"), "in-motion"),
            (item(away, "Recovery", "UnplannedFailoverCommitted", "None", &["SwitchProtection"], "None"), "holds"),
            (item((NE, WE), "Primary", "Protected", "None", &["UnplannedFailover"], "None"), "holds"),
            (item(away, "Primary", "Protected", "None", &["UnplannedFailover"], "None"), "barred"),
        ];
        for (item, expected) in cases {
            assert_eq!(
                word(&judge(Verb::Commit, &item, WE, NE, None)),
                expected,
                "{item:?}"
            );
        }
    }

    #[test]
    fn a_drill_is_over_only_when_no_test_machine_is_left() {
        let away = (WE, NE);
        #[rustfmt::skip]
        let cases = [
            (item(away, "Primary", "Protected", "None", &["TestFailover"], "None"), "not-begun", "holds"),
            (item(away, "Primary", "Protected", "None", &[], "TestFailover"), "in-motion", "busy"),
            (item(away, "Primary", "Protected", "WaitingForCompletion", &["TestFailoverCleanup"], "TestFailover"), "holds", "not-begun"),
            (item(away, "Primary", "Protected", "MarkedForDeletion", &[], "TestFailoverCleanup"), "busy", "in-motion"),
            (item(away, "Primary", "Protected", "Odd", &[], "None"), "unclear", "unclear"),
        ];
        for (item, tested, cleaned) in cases {
            assert_eq!(word(&judge(Verb::Test, &item, WE, NE, None)), tested, "{item:?}");
            assert_eq!(
                word(&judge(Verb::CleanUp, &item, WE, NE, None)),
                cleaned,
                "{item:?}"
            );
        }
    }

    #[test]
    fn protection_is_turned_round_after_the_commit_and_its_goal_names_both_regions() {
        let away = (WE, NE);
        #[rustfmt::skip]
        let cases = [
            (item(away, "Recovery", "UnplannedFailoverCommitPendingStatesBegin", "None", &["Commit", "SwitchProtection"], "None"), "busy"),
            (item(away, "Recovery", "UnplannedFailoverCommitted", "None", &["SwitchProtection"], "None"), "not-begun"),
            (item(away, "Recovery", "UnplannedFailoverCommitted", "None", &[], "SwitchProtection"), "in-motion"),
            (item((NE, WE), "Primary", "InitialReplicationInProgress", "None", &["DisableProtection"], "None"), "holds"),
            (item(away, "Primary", "Protected", "None", &["UnplannedFailover"], "None"), "barred"),
        ];
        for (item, expected) in cases {
            // From where it runs now, northeurope, towards westeurope.
            assert_eq!(
                word(&judge(Verb::Switch, &item, NE, WE, None)),
                expected,
                "{item:?}"
            );
        }
    }

    #[test]
    fn another_point_is_taken_only_before_the_commit_and_never_a_second_time() {
        let away = (WE, NE);
        let pending = "UnplannedFailoverCommitPendingStatesBegin";
        let with = |point: Value, allowed: &[&str], scenario: &str| {
            let mut item = item(away, "Recovery", pending, "None", allowed, scenario);
            item.point = point.as_str().map(str::to_owned);
            item
        };
        #[rustfmt::skip]
        let cases = [
            (with(json!("/r/recoveryPoints/new"), &["ChangePit", "Commit"], "None"), "not-begun"),
            (with(json!("/r/recoveryPoints/OLD"), &["ChangePit", "Commit"], "None"), "holds"),
            (with(Value::Null, &["ChangePit", "Commit"], "None"), "unclear"),
            (with(json!("/r/recoveryPoints/new"), &[], "ChangeRecoveryPoint"), "in-motion"),
            (with(json!("/r/recoveryPoints/new"), &[], "CommitFailover"), "busy"),
            (with(json!("/r/recoveryPoints/new"), &["SwitchProtection"], "None"), "barred"),
            (item(away, "Primary", "Protected", "None", &["UnplannedFailover"], "None"), "barred"),
        ];
        for (item, expected) in cases {
            let seen = judge(Verb::ChangePoint, &item, WE, NE, Some("/x/recoveryPoints/old"));
            assert_eq!(word(&seen), expected, "{item:?}");
        }
    }

    #[test]
    fn a_failover_is_cancelled_only_where_azure_offers_it() {
        let away = (WE, NE);
        let pending = "UnplannedFailoverCommitPendingStatesBegin";
        #[rustfmt::skip]
        let cases = [
            (item(away, "Recovery", pending, "None", &["Commit", "CancelFailover"], "None"), "not-begun"),
            (item(away, "Recovery", pending, "None", &["Commit"], "None"), "barred"),
            (item(away, "Recovery", pending, "None", &[], "CancelFailover"), "in-motion"),
            (item(away, "Recovery", pending, "None", &[], "CommitFailover"), "busy"),
            (item(away, "Primary", "Protected", "None", &["UnplannedFailover"], "None"), "holds"),
        ];
        for (item, expected) in cases {
            // Home, to westeurope.
            assert_eq!(
                word(&judge(Verb::Cancel, &item, NE, WE, None)),
                expected,
                "{item:?}"
            );
        }
    }
}
