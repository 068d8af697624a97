//! Which machines does a step move, and which of them only together? A multi-VM group moves
//! through a recovery plan or not at all.

use std::collections::{BTreeMap, BTreeSet};

use leeward_engine::port::DriverError;
use serde_json::Value;

use super::{item::Item, plan::Plan};
use crate::kinds::settings;

/// What one operation moves: one machine, or the machines of a recovery plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unit {
    /// The name within the names of operations.
    pub(super) name: String,
    /// The id of the plan, where one moves it.
    pub(super) plan: Option<String>,
    pub(super) members: Vec<Item>,
}

/// Returns the names that the setting `select` holds.
pub(super) fn names(all: &Value) -> Result<Vec<String>, DriverError> {
    let select = all.get("select").unwrap_or(&Value::Null);
    let names: Vec<String> = select
        .get("names")
        .and_then(Value::as_array)
        .map(|names| {
            names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    if !names.is_empty() {
        return Ok(names);
    }
    Err(impossible(if settings_has_tag(select) {
        "`select`: machines are chosen by `names`; the vault keeps no tags, and tags are not resolved by this version"
    } else {
        "`select`: no machine is named"
    }))
}

fn settings_has_tag(select: &Value) -> bool {
    select.get("tag").is_some_and(|tag| !tag.is_null()) || settings::optional_text(select, "tag").is_some()
}

/// Finds every named machine, or says which is not protected.
pub(super) fn choose(names: &[String], all: &[Item], vault: &str) -> Result<Vec<Item>, DriverError> {
    let mut chosen: Vec<Item> = Vec::new();
    let mut missing = Vec::new();
    for name in names {
        let found: Vec<&Item> = all.iter().filter(|item| item.is_called(name)).collect();
        match found.as_slice() {
            [] => missing.push(name.as_str()),
            [one] if chosen.iter().any(|other| other.id == one.id) => {}
            [one] if !one.provider.is_empty() && !one.provider.eq_ignore_ascii_case("A2A") => {
                return Err(impossible(format!(
                    "`{name}` is protected by {}: this kind moves machines of Azure",
                    one.provider
                )));
            }
            [one] => chosen.push((*one).clone()),
            _ => {
                return Err(impossible(format!(
                    "{vault} protects more than one machine called `{name}`"
                )));
            }
        }
    }
    if missing.is_empty() {
        return Ok(chosen);
    }
    let known: BTreeSet<&str> = all.iter().map(|item| item.machine.as_str()).collect();
    let known: Vec<&str> = known.into_iter().collect();
    Err(impossible(format!(
        "{vault} does not protect {}; it protects: {}",
        missing.join(", "),
        if known.is_empty() {
            "nothing".to_owned()
        } else {
            known.join(", ")
        }
    )))
}

/// Returns the multi-VM groups among the chosen machines that are larger than one machine, or an
/// error where only a part of one is chosen.
pub(super) fn groups(chosen: &[Item], all: &[Item]) -> Result<Vec<Vec<Item>>, DriverError> {
    let mut groups: BTreeMap<&str, Vec<Item>> = BTreeMap::new();
    for item in chosen {
        if let Some(group) = &item.group {
            groups.entry(group).or_default().push(item.clone());
        }
    }
    let mut found = Vec::new();
    for (group, members) in groups {
        let left: Vec<&str> = all
            .iter()
            .filter(|item| item.group.as_deref() == Some(group))
            .filter(|item| members.iter().all(|member| member.id != item.id))
            .map(|item| item.machine.as_str())
            .collect();
        if !left.is_empty() {
            let chosen: Vec<&str> = members.iter().map(|item| item.machine.as_str()).collect();
            return Err(impossible(format!(
                "{} belong to a multi-VM group together with {}: they move together or not at all",
                chosen.join(", "),
                left.join(", ")
            )));
        }
        if members.len() > 1 {
            found.push(members);
        }
    }
    Ok(found)
}

/// Divides the chosen machines: those that a plan moves, and those that move alone.
pub(super) fn units(
    chosen: &[Item],
    groups: &[Vec<Item>],
    plans: &[Plan],
    named: bool,
) -> Result<Vec<Unit>, DriverError> {
    let chosen_names: BTreeSet<String> = chosen.iter().map(|item| item.name.to_lowercase()).collect();
    let mut units = Vec::new();
    let mut moved: BTreeSet<String> = BTreeSet::new();
    for plan in plans.iter().filter(|_| named) {
        let others: Vec<&String> = plan.members.difference(&chosen_names).collect();
        if let Some(other) = others.first() {
            return Err(impossible(format!(
                "the recovery plan {} moves {other} too, which is not chosen",
                plan.name
            )));
        }
        moved.extend(plan.members.iter().cloned());
        units.push(unit_of(plan, chosen));
    }
    for group in groups {
        let names: BTreeSet<String> = group.iter().map(|item| item.name.to_lowercase()).collect();
        if names.is_subset(&moved) {
            continue;
        }
        let people: Vec<&str> = group.iter().map(|item| item.machine.as_str()).collect();
        let people = people.join(", ");
        let fitting: Vec<&Plan> = plans.iter().filter(|plan| plan.members == names).collect();
        match fitting.as_slice() {
            [plan] if !named => {
                moved.extend(names);
                units.push(unit_of(plan, chosen));
            }
            [] | [_] => {
                return Err(impossible(format!(
                    "{people} are a multi-VM group, and no recovery plan moves them together: make one and name it in `recovery-plan`"
                )));
            }
            _ => {
                return Err(impossible(format!(
                    "several recovery plans move {people}: name one in `recovery-plan`"
                )));
            }
        }
    }
    for item in chosen
        .iter()
        .filter(|item| !moved.contains(&item.name.to_lowercase()))
    {
        units.push(Unit {
            name: item.machine.clone(),
            plan: None,
            members: vec![item.clone()],
        });
    }
    Ok(units)
}

pub(super) fn unit_of(plan: &Plan, chosen: &[Item]) -> Unit {
    Unit {
        name: plan.name.clone(),
        plan: Some(plan.id.clone()),
        members: chosen
            .iter()
            .filter(|item| plan.members.contains(&item.name.to_lowercase()))
            .cloned()
            .collect(),
    }
}

/// Returns how many operations make sure of so many machines, whichever of them succeed.
pub(super) fn operations_for(machines: usize, units: &[Unit]) -> usize {
    let mut sizes: Vec<usize> = units.iter().map(|unit| unit.members.len()).collect();
    sizes.sort_unstable();
    let mut sum = 0;
    for (place, size) in sizes.iter().enumerate() {
        if sum >= machines {
            return place;
        }
        sum += size;
    }
    sizes.len()
}

pub(super) fn impossible(reason: impl Into<String>) -> DriverError {
    DriverError::Impossible {
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::recording;

    fn item(name: &str, group: Option<&str>) -> Item {
        Item::read(&json!({
            "id": format!("/v/replicationProtectedItems/{name}"), "name": name,
            "properties": {"providerSpecificDetails": {
                "instanceType": "A2A", "multiVmGroupId": group.unwrap_or("own"),
                "multiVmGroupName": group.unwrap_or(""),
            }},
        }))
        .unwrap()
    }

    fn plan(name: &str, members: &[&str]) -> Plan {
        Plan {
            id: format!("/v/replicationRecoveryPlans/{name}"),
            name: name.to_owned(),
            members: members.iter().map(|name| (*name).to_owned()).collect(),
            scenario: None,
            actions: Vec::new(),
        }
    }

    fn reason<T: std::fmt::Debug>(result: Result<T, DriverError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_machine_that_is_not_protected_is_named_beside_those_that_are() {
        let all = [item("vm-1", None), item("vm-2", None)];
        assert_eq!(choose(&["VM-1".to_owned()], &all, "vault v").unwrap().len(), 1);
        let reason = reason(choose(&["vm-9".to_owned()], &all, "vault v"));
        assert_eq!(reason, "vault v does not protect vm-9; it protects: vm-1, vm-2");
    }

    #[test]
    fn a_part_of_a_multi_vm_group_is_never_moved() {
        let all = [item("a", Some("g")), item("b", Some("g")), item("c", None)];
        assert!(reason(groups(&all[..1], &all)).contains("together with b"));
        let groups = groups(&all, &all).unwrap();
        assert_eq!(groups.len(), 1);
        assert!(reason(units(&all, &groups, &[], false)).contains("no recovery plan"));
        assert!(
            reason(units(
                &all,
                &groups,
                &[plan("p", &["a", "b"]), plan("q", &["a", "b"])],
                false
            ))
            .contains("several")
        );
        assert!(
            reason(units(&all[..2], &groups, &[plan("p", &["a", "b", "c"])], true)).contains("moves c too")
        );
        let found = units(
            &all,
            &groups,
            &[plan("p", &["a", "b"]), plan("other", &["c"])],
            false,
        )
        .unwrap();
        assert_eq!(
            found
                .iter()
                .map(|unit| (unit.name.as_str(), unit.members.len()))
                .collect::<Vec<_>>(),
            [("p", 2), ("c", 1)]
        );
    }

    #[test]
    fn enough_operations_are_asked_for_whichever_of_them_succeed() {
        let unit = |size: usize| Unit {
            name: String::new(),
            plan: None,
            members: vec![item("x", None); size],
        };
        assert_eq!(operations_for(2, &[unit(1), unit(1), unit(1)]), 2);
        assert_eq!(operations_for(3, &[unit(3), unit(1), unit(1)]), 3);
        assert_eq!(operations_for(9, &[unit(1)]), 1);
    }

    #[test]
    fn machines_are_chosen_by_names_and_a_tag_is_refused_clearly() {
        assert!(names(&json!({"select": {"tag": {"name": "role", "value": "web"}}})).is_err());
        assert!(names(&json!({})).is_err());
        assert_eq!(names(&json!({"select": {"names": ["a"]}})).unwrap(), ["a"]);
    }

    #[test]
    fn a_recorded_plan_names_its_machine() {
        let plans: Vec<Plan> = recording("asr-a2a-failover-reprotect")
            .iter()
            .filter(|one| one["method"] == "GET")
            .filter(|one| {
                one["responseBody"]["type"] == "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans"
            })
            .filter_map(|one| Plan::read(&one["responseBody"]))
            .collect();
        for plan in &plans {
            assert!(plan.members.contains("cli-test-protected-item-a2a-1"), "{plan:?}");
        }
    }
}
