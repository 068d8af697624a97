//! Which verbs does a machine's journey consist of, and what is sent for each?

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One verb of Site Recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verb {
    Failover,
    Commit,
    Test,
    CleanUp,
    Switch,
    ChangePoint,
    Cancel,
}

impl Verb {
    /// Returns the last segment of the request's path.
    pub(super) fn action(self) -> &'static str {
        match self {
            Verb::Failover => "unplannedFailover",
            Verb::Commit => "failoverCommit",
            Verb::Test => "testFailover",
            Verb::CleanUp => "testFailoverCleanup",
            Verb::Switch => "switchprotection",
            Verb::ChangePoint => "applyRecoveryPoint",
            Verb::Cancel => "failoverCancel",
        }
    }

    /// Returns the word in the names of operations.
    pub(super) fn word(self) -> &'static str {
        match self {
            Verb::Failover => "failover",
            Verb::Commit => "commit",
            Verb::Test => "test-failover",
            Verb::CleanUp => "cleanup",
            Verb::Switch => "switch-protection",
            Verb::ChangePoint => "change-point",
            Verb::Cancel => "cancel-failover",
        }
    }
}

/// Which recovery point a failover takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PointWish {
    /// Processes what is pending first: least lost, slower.
    Latest,
    /// The newest that is ready: fastest.
    LatestProcessed,
    LatestAppConsistent,
    LatestCrashConsistent,
    /// The newest that is not younger than this.
    Before(Timestamp),
}

impl PointWish {
    /// Reads the setting: a word, or a map with a moment.
    pub(super) fn read(setting: Option<&Value>) -> Result<PointWish, String> {
        let word = match setting {
            None | Some(Value::Null) => return Ok(PointWish::LatestProcessed),
            Some(Value::String(word)) => word.as_str(),
            Some(other) => {
                let moment = other.get("before").and_then(Value::as_str).unwrap_or_default();
                return moment.parse().map(PointWish::Before).map_err(|_| {
                    format!("`recovery-point`: `before: {moment}` is no moment such as 2026-11-24T08:00:00Z")
                });
            }
        };
        match word {
            "latest" => Ok(PointWish::Latest),
            "latest-processed" => Ok(PointWish::LatestProcessed),
            "latest-application-consistent" | "latest-app-consistent" => Ok(PointWish::LatestAppConsistent),
            "latest-crash-consistent" => Ok(PointWish::LatestCrashConsistent),
            other => Err(format!(
                "`recovery-point`: `{other}` is no kind of recovery point"
            )),
        }
    }

    /// Returns the word that recovery plans take; they take no moment.
    pub(super) fn of_plans(self) -> Option<&'static str> {
        match self {
            PointWish::Latest => Some("Latest"),
            PointWish::LatestProcessed => Some("LatestProcessed"),
            PointWish::LatestAppConsistent => Some("LatestApplicationConsistent"),
            PointWish::LatestCrashConsistent => Some("LatestCrashConsistent"),
            PointWish::Before(_) => None,
        }
    }

    /// Returns whether the point may lie far behind, so that its own age is what can be lost.
    pub(super) fn may_lie_far_behind(self) -> bool {
        matches!(self, PointWish::LatestAppConsistent | PointWish::Before(_))
    }

    /// Returns whether a failover without a point is right too: Azure then takes the latest, which loses no more.
    pub(super) fn goes_without(self) -> bool {
        matches!(self, PointWish::Latest | PointWish::LatestProcessed)
    }

    /// Picks the newest fitting point of a list, which comes in no order: its id and its moment.
    pub(super) fn pick(self, points: &[Value]) -> Option<(String, Timestamp)> {
        let fits = |kind: &str, at: Timestamp| match self {
            PointWish::Latest | PointWish::LatestProcessed => true,
            PointWish::LatestAppConsistent => kind.eq_ignore_ascii_case("ApplicationConsistent"),
            PointWish::LatestCrashConsistent => kind.eq_ignore_ascii_case("CrashConsistent"),
            PointWish::Before(moment) => at <= moment,
        };
        points
            .iter()
            .filter_map(|point| {
                let text = |pointer: &str| point.pointer(pointer).and_then(Value::as_str);
                let at = text("/properties/recoveryPointTime")?.parse().ok()?;
                fits(text("/properties/recoveryPointType").unwrap_or_default(), at).then_some(())?;
                Some((text("/id")?.to_owned(), at))
            })
            .max_by_key(|(_, at)| *at)
    }
}

impl fmt::Display for PointWish {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PointWish::Before(moment) => write!(out, "not younger than {moment}"),
            wish => out.write_str(wish.of_plans().unwrap_or_default()),
        }
    }
}

/// What a recovery plan takes for all of its machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OfPlan {
    pub(super) point: PointWish,
    /// Whether machines of a multi-VM group take points of one moment; Azure's own choice when not said.
    pub(super) together: Option<bool>,
}

impl OfPlan {
    fn details(self) -> Value {
        let mut details = json!({"instanceType": "A2A", "recoveryPointType": self.point.of_plans()});
        if let Some(together) = self.together {
            details["multiVmSyncPointOption"] = json!(match together {
                true => "UseMultiVmSyncRecoveryPoint",
                false => "UsePerVmRecoveryPoint",
            });
        }
        json!([details])
    }
}

/// Returns the body that fails one machine over; without a point Azure takes the latest.
pub(super) fn failover(shutdown: bool, point: Option<&str>) -> Value {
    let mut details = json!({"instanceType": "A2A"});
    if let Some(point) = point {
        details["recoveryPointId"] = json!(point);
    }
    json!({"properties": {
        // Home again is this direction too: protection was switched before.
        "failoverDirection": "PrimaryToRecovery",
        "sourceSiteOperations": site(shutdown),
        "providerSpecificDetails": details,
    }})
}

/// Returns the body that fails the machines of a recovery plan over.
pub(super) fn plan_failover(shutdown: bool, of_plan: OfPlan) -> Value {
    json!({"properties": {
        "failoverDirection": "PrimaryToRecovery",
        "sourceSiteOperations": site(shutdown),
        "providerSpecificDetails": of_plan.details(),
    }})
}

/// Returns the body of a test failover into a network, of one machine or of a plan.
pub(super) fn test(network: &str, of_plan: Option<OfPlan>) -> Value {
    let details = of_plan.map_or_else(|| json!({"instanceType": "A2A"}), OfPlan::details);
    json!({"properties": {
        "failoverDirection": "PrimaryToRecovery",
        "networkType": "VmNetworkAsInput",
        "networkId": network,
        "providerSpecificDetails": details,
    }})
}

/// Returns the body that takes another recovery point for a machine that has failed over.
pub(super) fn change_point(point: &str) -> Value {
    json!({"properties": {
        "recoveryPointId": point,
        "providerSpecificDetails": {"instanceType": "A2A"},
    }})
}

/// Returns the body of a clean-up.
pub(super) fn clean_up(run: &str) -> Value {
    json!({"properties": {"comments": format!("cleaned up by leeward, run {run}")}})
}

fn site(shutdown: bool) -> &'static str {
    if shutdown { "Required" } else { "NotRequired" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{examples, recording};

    #[test]
    fn a_failover_is_sent_as_it_was_recorded_both_ways() {
        let sent: Vec<Value> = recording("asr-a2a-failover-reprotect")
            .into_iter()
            .filter(|one| {
                one["uri"]
                    .as_str()
                    .unwrap_or_default()
                    .contains("/unplannedFailover")
            })
            .map(|one| one["requestBody"].clone())
            .collect();
        for body in &sent {
            assert_eq!(*body, failover(false, None));
        }
        assert!(sent.len() == 2 || sent.is_empty());
    }

    #[test]
    fn the_newest_fitting_point_is_picked_from_a_list_without_order() {
        let point = |id: &str, at: &str, kind: &str| json!({"id": id, "properties": {"recoveryPointTime": at, "recoveryPointType": kind}});
        let points = [
            point("b", "2026-11-24T08:05:00Z", "CrashConsistent"),
            point("a", "2026-11-24T08:00:00.1234567Z", "ApplicationConsistent"),
            point("c", "2026-11-24T07:55:00Z", "CrashConsistent"),
            point("d", "no time", "CrashConsistent"),
        ];
        let id = |wish: PointWish| wish.pick(&points).map(|(id, _)| id).unwrap();
        assert_eq!(id(PointWish::LatestProcessed), "b");
        assert_eq!(id(PointWish::LatestCrashConsistent), "b");
        assert_eq!(id(PointWish::LatestAppConsistent), "a");
        assert_eq!(PointWish::LatestAppConsistent.pick(&points[2..]), None);
        let before = |at: &str| PointWish::Before(at.parse().unwrap());
        assert_eq!(id(before("2026-11-24T08:04:59Z")), "a");
        assert_eq!(before("2026-11-24T07:00:00Z").pick(&points), None);
    }

    #[test]
    fn the_official_list_of_points_reads() {
        let folder = "recoveryservicessiterecovery/resource-manager/Microsoft.RecoveryServices/stable/2024-04-01/examples";
        if let Some(example) = examples(folder, "RecoveryPoints_ListByReplicationProtectedItems.json") {
            let points = example["responses"]["200"]["body"]["value"].as_array().unwrap();
            let (id, _) = PointWish::LatestProcessed.pick(points).unwrap();
            assert!(id.ends_with("/34cb2d05-e730-4d3f-b96b-a60a5e92acb2"), "{id}");
        }
    }

    #[test]
    fn every_word_of_the_setting_is_known() {
        for word in [
            "latest",
            "latest-processed",
            "latest-application-consistent",
            "latest-app-consistent",
            "latest-crash-consistent",
        ] {
            assert!(PointWish::read(Some(&json!(word))).is_ok(), "{word}");
        }
        assert!(PointWish::read(Some(&json!("oldest"))).is_err());
        let wish = PointWish::read(Some(&json!({"before": "2026-11-24T08:00:00Z"}))).unwrap();
        assert_eq!(wish.of_plans(), None);
        assert!(PointWish::read(Some(&json!({"before": "yesterday"}))).is_err());
    }
}
