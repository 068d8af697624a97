//! What does the vault say about one protected machine? Read tolerantly: the words are free text,
//! and which region is meant is decided by region names, never by `Primary` and `Recovery` alone.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::arm::{folded_region, reply::cut};

/// A protected item, as far as a driver needs it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Its whole id; it changes when protection is switched.
    pub(super) id: String,
    /// Its name within the container; it stays.
    pub(super) name: String,
    /// The machine's own name.
    pub(super) machine: String,
    /// `A2A` for machines of Azure.
    pub(super) provider: String,
    /// The region it replicates from, folded.
    pub(super) from: String,
    /// The region it replicates to, folded.
    pub(super) to: String,
    pub(super) active: Active,
    /// Azure's own word, cut.
    pub(super) state: String,
    pub(super) drill: Drill,
    /// Verbs that Azure would take now, in its own spelling.
    pub(super) allowed: Vec<String>,
    /// What is going on with it, if anything is.
    pub(super) scenario: Option<Scenario>,
    /// The test failover that goes on or waits for its clean-up, where one is told.
    pub(super) test: Option<Test>,
    /// The id of the multi-VM group that a person made; machines alone have none.
    pub(super) group: Option<String>,
    pub(super) rpo_seconds: Option<u64>,
    pub(super) rpo_as_of: Option<Timestamp>,
    /// `replicationHealth`, where told.
    pub(super) health: String,
    /// What turning it round needs.
    pub(super) policy: Option<String>,
    pub(super) source_machine: Option<String>,
    pub(super) disks: Vec<Disk>,
    /// The network of the real failover.
    pub(super) network: Option<String>,
    /// The recovery point that it was failed over to, where told.
    pub(super) point: Option<String>,
    /// When it failed over last, where told.
    pub(super) failed_over_at: Option<Timestamp>,
    /// What is wrong with its replication, in Azure's words.
    pub(super) troubles: Vec<String>,
}

/// Which end of its present direction the machine runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Active {
    /// Where it replicates from.
    Primary,
    /// Where it replicated to: it has failed over.
    Recovery,
    /// Nothing that is known.
    Unknown,
}

/// Whether a test failover stands about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drill {
    /// None.
    Clear,
    /// A test machine waits to be cleaned up.
    Pending,
    /// It is being cleaned up.
    Clearing,
    /// A word that is not known; it proves nothing.
    Unknown,
}

/// A job that works on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scenario {
    /// Azure's own word.
    pub(super) word: String,
    /// The job's name.
    pub(super) job: Option<String>,
}

/// What is told of a test failover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    /// The job's name.
    pub(super) job: Option<String>,
    /// When it began.
    pub(super) since: Option<Timestamp>,
}

/// One protected disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    /// The id of the disk that the failed-over machine has.
    pub(super) after_failover: Option<String>,
}

impl Item {
    /// Reads one entry of the list of protected items, or one GET of it.
    pub(super) fn read(body: &Value) -> Option<Item> {
        let text = |pointer: &str| {
            body.pointer(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let special = |name: &str| text(&format!("/properties/providerSpecificDetails/{name}"));
        let region = |short: &str, long: &str| {
            special(short)
                .or_else(|| text(long))
                .map(folded_region)
                .unwrap_or_default()
        };
        let state = text("/properties/protectionState").map(cut).unwrap_or_default();
        let allowed: Vec<String> = body
            .pointer("/properties/allowedOperations")
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default();
        let drill = Drill::read(
            text("/properties/testFailoverState").unwrap_or_default(),
            &allowed,
            special("testFailoverRecoveryFabricObjectId").is_some(),
        );
        let group = special("multiVmGroupName").is_some()
            || special("multiVmGroupCreateOption")
                .is_some_and(|word| word.eq_ignore_ascii_case("UserSpecified"));
        Some(Item {
            id: text("/id")?.to_owned(),
            name: text("/name")?.to_owned(),
            machine: text("/properties/friendlyName")
                .or_else(|| text("/name"))?
                .to_owned(),
            provider: special("instanceType").unwrap_or_default().to_owned(),
            from: region("primaryFabricLocation", "/properties/primaryFabricFriendlyName"),
            to: region("recoveryFabricLocation", "/properties/recoveryFabricFriendlyName"),
            active: Active::read(text("/properties/activeLocation").unwrap_or_default(), &state),
            drill,
            scenario: Scenario::read(body, drill),
            test: Test::read(body),
            // Every machine alone has a group of its own, `AutoCreated` and without a name.
            group: special("multiVmGroupId")
                .or_else(|| special("multiVmGroupName"))
                .filter(|_| group)
                .map(str::to_lowercase),
            rpo_seconds: body
                .pointer("/properties/providerSpecificDetails/rpoInSeconds")
                .and_then(Value::as_u64),
            rpo_as_of: special("lastRpoCalculatedTime").and_then(|at| at.parse().ok()),
            health: text("/properties/replicationHealth").map(cut).unwrap_or_default(),
            policy: text("/properties/policyId").map(str::to_owned),
            source_machine: special("fabricObjectId").map(str::to_owned),
            disks: body
                .pointer("/properties/providerSpecificDetails/protectedManagedDisks")
                .and_then(Value::as_array)
                .map(|all| all.iter().map(Disk::read).collect())
                .unwrap_or_default(),
            network: special("selectedRecoveryAzureNetworkId").map(str::to_owned),
            point: text("/properties/failoverRecoveryPointId").map(str::to_owned),
            failed_over_at: text("/properties/lastSuccessfulFailoverTime")
                .and_then(|at| at.parse().ok())
                // 1601 and 1753 stand for never.
                .filter(|at| *at > Timestamp::UNIX_EPOCH),
            troubles: body
                .pointer("/properties/healthErrors")
                .and_then(Value::as_array)
                .map(|all| all.iter().filter_map(trouble).collect())
                .unwrap_or_default(),
            state,
            allowed,
        })
    }

    /// Returns whether Azure would take a verb now.
    pub(super) fn allows(&self, verb: &str) -> bool {
        self.allowed.iter().any(|word| word.eq_ignore_ascii_case(verb))
    }

    /// Returns whether it has failed over and protection was not switched since.
    pub(super) fn has_failed_over(&self) -> bool {
        self.active == Active::Recovery
    }

    /// Returns the test failover that goes on or waits for its clean-up; what is not told of it is nothing.
    pub(super) fn standing_test(&self) -> Option<Test> {
        let untold = Test {
            job: None,
            since: None,
        };
        let moves = self.scenario.is_some() && self.drill == Drill::Clear;
        match self.drill {
            Drill::Pending => Some(self.test.clone().unwrap_or(untold)),
            _ if moves => self.test.clone(),
            _ => None,
        }
    }

    /// Returns the region that the machine runs in, where that is known.
    pub(super) fn runs_in(&self) -> Option<&str> {
        match self.active {
            Active::Primary => Some(&self.from),
            Active::Recovery => Some(&self.to),
            Active::Unknown => None,
        }
        .map(String::as_str)
        .filter(|region| !region.is_empty())
    }

    /// Returns whether it is still being filled: no failover is possible yet.
    pub(super) fn is_filling(&self) -> bool {
        let word = self.state.to_ascii_lowercase();
        [
            "initialreplication",
            "enablingprotection",
            "notprotected",
            "unprotected",
        ]
        .iter()
        .any(|start| word.starts_with(start))
    }

    /// Returns whether its failover is committed, as far as the state's word tells.
    pub(super) fn is_committed(&self) -> bool {
        // The interface writes it with one t and with two.
        let word = self.state.to_ascii_lowercase();
        word.ends_with("committed") || word.ends_with("commited")
    }

    /// Returns whether the machine is called so, by its own name or by the item's.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.machine.eq_ignore_ascii_case(name) || self.name.eq_ignore_ascii_case(name)
    }

    /// Returns the id of the container it lies under.
    pub(super) fn container(&self) -> Option<&str> {
        let folded = self.id.to_ascii_lowercase();
        let cut = folded.rfind("/replicationprotecteditems/")?;
        self.id.get(..cut)
    }
}

/// Returns code and summary of one health error.
fn trouble(error: &Value) -> Option<String> {
    let text = |name: &str| {
        error
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let words = text("summaryMessage").or_else(|| text("errorMessage"));
    let said = match (text("errorCode"), words) {
        (Some(code), Some(words)) => format!("{code}: {words}"),
        (one, other) => one.or(other)?.to_owned(),
    };
    Some(cut(&said))
}

impl Active {
    fn read(word: &str, state: &str) -> Active {
        let state = state.to_ascii_lowercase();
        match word.to_ascii_lowercase().as_str() {
            // Not seen recorded between a failover and its commit: the state's word counts as well.
            _ if state.starts_with("unplannedfailovercommit") => Active::Recovery,
            "primary" => Active::Primary,
            "recovery" => Active::Recovery,
            _ => Active::Unknown,
        }
    }
}

impl Drill {
    fn read(word: &str, allowed: &[String], has_machine: bool) -> Drill {
        let cleanup = allowed
            .iter()
            .any(|verb| verb.eq_ignore_ascii_case("TestFailoverCleanup"));
        match word.to_ascii_lowercase().as_str() {
            "markedfordeletion" => Drill::Clearing,
            _ if cleanup => Drill::Pending,
            "waitingforcompletion" | "waitingforcleanup" => Drill::Pending,
            "none" | "" if has_machine => Drill::Pending,
            "none" | "" => Drill::Clear,
            _ => Drill::Unknown,
        }
    }
}

impl Scenario {
    fn read(body: &Value, drill: Drill) -> Option<Scenario> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let word = text("/properties/currentScenario/scenarioName")?;
        if word.is_empty() || word.eq_ignore_ascii_case("None") {
            return None;
        }
        // A test failover that waits for its clean-up stays the current scenario; nothing moves.
        if drill == Drill::Pending && word.eq_ignore_ascii_case("TestFailover") {
            return None;
        }
        Some(Scenario {
            word: cut(word),
            job: job_of_scenario(body),
        })
    }
}

impl Test {
    fn read(body: &Value) -> Option<Test> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let word = text("/properties/currentScenario/scenarioName")?;
        word.eq_ignore_ascii_case("TestFailover").then(|| Test {
            job: job_of_scenario(body),
            since: text("/properties/currentScenario/startTime").and_then(|at| at.parse().ok()),
        })
    }
}

/// Returns the name of the current scenario's job.
fn job_of_scenario(body: &Value) -> Option<String> {
    let id = body.pointer("/properties/currentScenario/jobId")?.as_str()?;
    let name = id.rsplit('/').next()?;
    uuid::Uuid::parse_str(name).is_ok().then(|| name.to_owned())
}

impl Disk {
    fn read(body: &Value) -> Disk {
        let text = |name: &str| {
            body.get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        // Recorded: the disk's group of the recovery side, with the name it gets at a failover.
        let derived = || {
            let name = text("failoverDiskName").or_else(|| text("diskName"))?;
            let group = text("recoveryResourceGroupId")?;
            Some(format!("{group}/providers/Microsoft.Compute/disks/{name}"))
        };
        Disk {
            after_failover: text("recoveryTargetDiskId").map(str::to_owned).or_else(derived),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.machine)?;
        match self.runs_in() {
            Some(region) => write!(out, "runs in {region}")?,
            None => out.write_str("runs nobody knows where")?,
        }
        let state = if self.state.is_empty() {
            "no state"
        } else {
            &self.state
        };
        write!(out, ", {state}")?;
        if self.drill == Drill::Pending {
            out.write_str(", a test failover waits for its clean-up")?;
        }
        match &self.scenario {
            Some(scenario) => write!(out, ", {} is going on", scenario.word),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{examples, recording};

    fn of(uri: &str) -> bool {
        let path = uri.split('?').next().unwrap_or_default().to_lowercase();
        path.rsplit('/').nth(1) == Some("replicationprotecteditems")
    }

    #[test]
    fn a_recorded_machine_is_placed_by_region_names_before_and_after_protection_was_switched() {
        let items: Vec<Item> = recording("asr-a2a-failover-reprotect")
            .iter()
            .filter(|one| one["method"] == "GET" && one["status"] == 200)
            .filter(|one| of(one["uri"].as_str().unwrap_or_default()))
            .filter_map(|one| Item::read(&one["responseBody"]))
            .collect();
        if items.is_empty() {
            return;
        }
        let first = &items[0];
        let last = &items[items.len() - 1];
        assert_eq!(first.runs_in(), Some("eastus2"));
        assert!(first.is_filling());
        assert_eq!(
            last.runs_in(),
            Some("eastus"),
            "`activeLocation` reads Primary again"
        );
        assert_eq!(last.to, "eastus2");
        assert!(last.allows("UnplannedFailover") && !last.is_filling());
        for item in &items {
            assert_eq!((item.provider.as_str(), item.group.clone()), ("A2A", None));
            assert_eq!((item.drill, &item.scenario), (Drill::Clear, &None));
            assert!(item.is_called("srSOURCEvm"));
            assert!(
                item.container()
                    .unwrap()
                    .contains("/replicationProtectionContainers/")
            );
            assert_eq!(item.disks.len(), 1);
        }
        assert!(
            items
                .iter()
                .any(|item| item.rpo_seconds == Some(95) && item.rpo_as_of.is_some())
        );
    }

    #[test]
    fn the_disk_that_a_failed_over_machine_has_is_the_one_that_was_recorded() {
        let exchanges = recording("asr-a2a-failover-reprotect");
        let protected = exchanges
            .iter()
            .filter(|one| of(one["uri"].as_str().unwrap_or_default()))
            .filter_map(|one| Item::read(&one["responseBody"]))
            .find(|item| item.allows("UnplannedFailover"));
        let switch = exchanges.iter().find(|one| {
            one["uri"]
                .as_str()
                .unwrap_or_default()
                .contains("/switchprotection")
        });
        if let (Some(item), Some(switch)) = (protected, switch) {
            let sent = &switch["requestBody"]["properties"]["providerSpecificDetails"]["vmManagedDisks"][0]["diskId"];
            assert_eq!(item.disks[0].after_failover.as_deref(), sent.as_str());
        }
    }

    #[test]
    fn a_test_failover_that_waits_is_not_taken_for_one_that_moves() {
        let body = json!({
            "id": "/x/replicationProtectedItems/i", "name": "i",
            "properties": {
                "testFailoverState": "WaitingForCompletion",
                "allowedOperations": ["TestFailoverCleanup"],
                "currentScenario": {"scenarioName": "TestFailover", "jobId": "/x/replicationJobs/6ab9b1c9-ad14-4f4b-a8d8-7e0d4e8d1e63"},
            },
        });
        let item = Item::read(&body).unwrap();
        assert_eq!((item.drill, item.scenario), (Drill::Pending, None));
    }

    #[test]
    fn a_word_that_nobody_has_seen_before_proves_nothing() {
        let body = json!({
            "id": "/x/replicationProtectedItems/i", "name": "i",
            "properties": {"activeLocation": "Elsewhere", "testFailoverState": "Odd"},
        });
        let item = Item::read(&body).unwrap();
        assert_eq!((item.active, item.drill), (Active::Unknown, Drill::Unknown));
        assert_eq!(item.runs_in(), None);
        assert_eq!(Item::read(&json!({"name": "i"})), None);
    }

    #[test]
    fn every_official_example_of_an_item_reads() {
        let folder = "recoveryservicessiterecovery/resource-manager/Microsoft.RecoveryServices/stable/2024-04-01/examples";
        if let Some(example) = examples(folder, "ReplicationProtectedItems_List.json") {
            let list = example["responses"]["200"]["body"]["value"].as_array().unwrap();
            assert!(!list.is_empty());
            assert!(list.iter().all(|body| Item::read(body).is_some()));
        }
        if let Some(example) = examples(folder, "ReplicationProtectedItems_TestFailoverCleanup.json") {
            let item = Item::read(&example["responses"]["200"]["body"]).unwrap();
            assert_eq!(item.drill, Drill::Clearing);
        }
    }
}
