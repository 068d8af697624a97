//! What does a recovery plan say, and which machines does a step move that names one?

use std::collections::BTreeSet;

use leeward_engine::port::DriverError;
use serde_json::Value;

use super::{
    choice::{Unit, impossible, unit_of},
    item::Item,
};
use crate::arm::reply::cut;

/// A recovery plan, as far as a driver needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) name: String,
    /// The names of its items, folded. Their paths change when protection is switched; names stay.
    pub(super) members: BTreeSet<String>,
    /// What it does or did last, where told.
    pub(super) scenario: Option<PlanScenario>,
    /// What runs between its groups: the sort of action, as Azure calls it, and its name.
    pub(super) actions: Vec<(String, String)>,
}

/// What a plan does or did last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlanScenario {
    pub(super) is_failover: bool,
    /// Whether its job has ended, by a word that is known to mean so.
    pub(super) is_over: bool,
    /// The job's name.
    pub(super) job: Option<String>,
}

impl Plan {
    /// Reads the body of a plan.
    pub(super) fn read(body: &Value) -> Option<Plan> {
        let groups = || {
            let groups = body.pointer("/properties/groups").and_then(Value::as_array);
            groups.into_iter().flatten()
        };
        let list = |group: &Value, key: &str| group.get(key).and_then(Value::as_array).cloned();
        Some(Plan {
            id: body.get("id")?.as_str()?.to_owned(),
            name: body.get("name")?.as_str()?.to_owned(),
            members: groups()
                .filter_map(|group| list(group, "replicationProtectedItems"))
                .flatten()
                .filter_map(|item| {
                    let name = item.get("id")?.as_str()?.rsplit('/').next()?;
                    Some(name.to_lowercase())
                })
                .collect(),
            scenario: PlanScenario::read(body),
            actions: groups()
                .flat_map(|group| ["startGroupActions", "endGroupActions"].map(|key| list(group, key)))
                .flatten()
                .flatten()
                .map(|action| {
                    let text = |pointer: &str| action.pointer(pointer).and_then(Value::as_str);
                    let sort = text("/customDetails/instanceType").unwrap_or_default();
                    (cut(sort), cut(text("/actionName").unwrap_or_default()))
                })
                .collect(),
        })
    }

    /// Says what else the plan does than moving machines.
    pub(super) fn warnings(&self) -> Vec<String> {
        let say = |(sort, name): &(String, String)| match sort.to_ascii_lowercase().as_str() {
            "manualactiondetails" => format!(
                "the recovery plan {} stops at `{name}` until a person has done it and completes it in the portal",
                self.name
            ),
            _ => format!(
                "the recovery plan {} runs `{name}` ({sort}) between its machines: what that needs must not lie in the region that failed",
                self.name
            ),
        };
        self.actions.iter().map(say).collect()
    }
}

impl PlanScenario {
    fn read(body: &Value) -> Option<PlanScenario> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let word = text("/properties/currentScenario/scenarioName")?.to_ascii_lowercase();
        let status = text("/properties/currentScenarioStatus").unwrap_or_default();
        (!word.is_empty() && word != "none").then(|| PlanScenario {
            is_failover: matches!(word.as_str(), "unplannedfailover" | "failover"),
            is_over: matches!(
                status.to_ascii_lowercase().as_str(),
                "succeeded" | "failed" | "cancelled" | "canceled"
            ),
            job: text("/properties/currentScenario/jobId")
                .and_then(|id| id.rsplit('/').next())
                .filter(|name| uuid::Uuid::parse_str(name).is_ok())
                .map(str::to_owned),
        })
    }
}

/// Returns the machines that the runbook says a plan moves; none where it does not say.
pub(super) fn pinned(settings: &Value) -> Vec<String> {
    let names = settings.get("machines").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// Finds the machines of a plan, or says why it cannot be moved. Fails closed where the plan moves others than the
/// runbook says.
pub(super) fn chosen(
    plan: &Plan,
    all: &[Item],
    pinned: &[String],
    vault: &str,
) -> Result<Vec<Item>, DriverError> {
    let mut chosen = Vec::new();
    for name in &plan.members {
        let found = all.iter().find(|item| item.name.to_lowercase() == *name);
        match found {
            None => {
                return Err(impossible(format!(
                    "the recovery plan {} names {name}, which {vault} does not protect",
                    plan.name
                )));
            }
            Some(item) if !item.provider.is_empty() && !item.provider.eq_ignore_ascii_case("A2A") => {
                return Err(impossible(format!(
                    "{} of the recovery plan {} is protected by {}: this kind moves machines of Azure",
                    item.machine, plan.name, item.provider
                )));
            }
            Some(item) => chosen.push(item.clone()),
        }
    }
    if chosen.is_empty() {
        return Err(impossible(format!(
            "the recovery plan {} moves nothing",
            plan.name
        )));
    }
    if pinned.is_empty() {
        return Ok(chosen);
    }
    let missing = pinned
        .iter()
        .find(|name| !chosen.iter().any(|item| item.is_called(name)));
    let other = chosen
        .iter()
        .find(|item| !pinned.iter().any(|name| item.is_called(name)));
    match (missing, other) {
        (Some(name), _) => Err(impossible(format!(
            "the recovery plan {} does not move {name}, which `machines` names",
            plan.name
        ))),
        (None, Some(item)) => Err(impossible(format!(
            "the recovery plan {} moves {} too, which `machines` does not name",
            plan.name, item.machine
        ))),
        (None, None) => Ok(chosen),
    }
}

/// Divides the machines of a plan: one unit that the plan moves; or each alone, where the plan has moved a part of
/// them before, since what it does to the rest then is not known.
pub(super) fn units(plan: &Plan, chosen: &[Item]) -> Result<Vec<Unit>, DriverError> {
    let first = chosen.first().map(Item::has_failed_over);
    if chosen
        .iter()
        .all(|item| Some(item.has_failed_over()) == first && item.from == chosen[0].from)
    {
        return Ok(vec![unit_of(plan, chosen)]);
    }
    let left = chosen
        .iter()
        .find(|item| !item.has_failed_over() && item.group.is_some());
    if let Some(item) = left {
        return Err(impossible(format!(
            "the recovery plan {} has moved a part of its machines, and {} is in a multi-VM group: it does not fail over alone, so a person must move the rest",
            plan.name, item.machine
        )));
    }
    let alone = |item: &Item| Unit {
        name: item.machine.clone(),
        plan: None,
        members: vec![item.clone()],
    };
    Ok(chosen.iter().map(alone).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(status: &str) -> Plan {
        Plan::read(&json!({
            "id": "/v/replicationRecoveryPlans/rp", "name": "rp",
            "properties": {
                "currentScenario": {"scenarioName": "UnplannedFailover", "jobId": "/v/replicationJobs/60b84068-9adb-4867-a49d-88be40bff14b"},
                "currentScenarioStatus": status,
                "groups": [
                    {"groupType": "Boot", "replicationProtectedItems": [{"id": "/x/VM-1"}],
                     "startGroupActions": [{"actionName": "look", "customDetails": {"instanceType": "ManualActionDetails"}}],
                     "endGroupActions": [{"actionName": "warm", "customDetails": {"instanceType": "AutomationRunbookActionDetails"}}]},
                    {"groupType": "Boot", "replicationProtectedItems": [{"id": "/x/vm-2"}]},
                ],
            },
        }))
        .unwrap()
    }

    fn item(name: &str, provider: &str) -> Item {
        Item::read(&json!({
            "id": format!("/x/{name}"), "name": name,
            "properties": {"activeLocation": "Primary", "providerSpecificDetails": {"instanceType": provider}},
        }))
        .unwrap()
    }

    #[test]
    fn a_plan_tells_what_else_it_does_and_whether_its_last_job_is_over() {
        let plan = plan("Suspended");
        let warnings = plan.warnings();
        assert!(warnings[0].contains("stops at `look`"), "{warnings:?}");
        assert!(
            warnings[1].contains("`warm` (AutomationRunbookActionDetails)"),
            "{warnings:?}"
        );
        let scenario = plan.scenario.unwrap();
        assert!(scenario.is_failover && !scenario.is_over && scenario.job.is_some());
        for word in ["Succeeded", "failed", "Cancelled"] {
            assert!(self::plan(word).scenario.unwrap().is_over, "{word}");
        }
        assert!(
            !self::plan("NewWord").scenario.unwrap().is_over,
            "a word that nobody knows proves nothing"
        );
    }

    #[test]
    fn a_plan_that_moves_others_than_the_runbook_says_is_refused() {
        let plan = plan("Succeeded");
        let all = [item("vm-1", "A2A"), item("vm-2", "A2A"), item("vm-3", "A2A")];
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
        let told = |pinned: &[&str]| chosen(&plan, &all, &names(pinned), "vault v");
        assert_eq!(told(&[]).unwrap().len(), 2);
        assert_eq!(told(&["VM-1", "vm-2"]).unwrap().len(), 2);
        let reason = |pinned: &[&str]| told(pinned).unwrap_err().to_string();
        assert!(
            reason(&["vm-1"]).contains("moves vm-2 too"),
            "{}",
            reason(&["vm-1"])
        );
        assert!(reason(&["vm-1", "vm-2", "vm-3"]).contains("does not move vm-3"));
        let foreign = [item("vm-1", "A2A"), item("vm-2", "HyperVReplicaAzure")];
        let said = chosen(&plan, &foreign, &[], "vault v").unwrap_err().to_string();
        assert!(said.contains("protected by HyperVReplicaAzure"), "{said}");
        let said = chosen(&plan, &all[..1], &[], "vault v").unwrap_err().to_string();
        assert!(
            said.contains("names vm-2, which vault v does not protect"),
            "{said}"
        );
    }
}
