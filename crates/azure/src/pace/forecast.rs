//! How many calls will a plan make, and how long do the limits alone take for them?
//!
//! A forecast from the plan, asking nobody: what each kind usually sends, looks that come before and after, polls for
//! as long as the kind usually takes. A lost answer, a refusal or a slow operation costs more.

use std::{collections::BTreeMap, time::Duration};

use leeward_runbook::{
    journey::Journey,
    plan::{Plan, PlannedStep},
};
use serde::Serialize;
use serde_json::Value;

use super::call::{Call, Key, LEARNED};
use crate::arm::Method;

/// Beyond as many machines one list answers for all.
const FEW: u64 = 4;
/// How far apart polls are, usually: of one thing, and lists for many.
const POLL: Duration = Duration::from_secs(20);
const LIST: Duration = Duration::from_secs(30);
/// How long a list is good for looks before sends.
const LOOK: Duration = Duration::from_secs(2);
/// How many reads finding out what is to be done takes.
const ASSESS: u64 = 3;

/// The calls of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Budget {
    /// Reads, polls included.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// Deletes.
    pub deletes: u64,
    /// What they use of each limit, in the table's order.
    pub limits: Vec<Cost>,
}

/// What a plan uses of one limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cost {
    /// The limit.
    pub limit: &'static str,
    /// Whose it is: a subscription, a resource, a vault and its action.
    pub of: String,
    /// How many calls.
    pub calls: u64,
    /// How long so many take, however fast all else is.
    #[serde(with = "leeward_runbook::units::duration")]
    pub at_least: Duration,
}

impl Budget {
    /// Returns the limit that costs the most time, where one costs any.
    pub fn scarcest(&self) -> Option<&Cost> {
        self.limits
            .iter()
            .filter(|cost| !cost.at_least.is_zero())
            .max_by_key(|cost| cost.at_least)
    }
}

/// What one unit of a kind usually sends, and the type that it is sent to.
struct Usual {
    about: &'static str,
    changes: Vec<Method>,
}

/// Reckons the calls of a plan.
pub fn budget(plan: &Plan) -> Budget {
    let mut budget = Budget::default();
    let mut used: BTreeMap<Key, u64> = BTreeMap::new();
    for step in &plan.steps {
        let Some(usual) = usual(plan.journey, step) else {
            continue;
        };
        let units = units(step);
        let mut count = |method: Method, path: &str, calls: u64| {
            match method {
                Method::Get => budget.reads += calls,
                Method::Delete => budget.deletes += calls,
                _ => budget.writes += calls,
            }
            let keys = Call::of(method, path).map(|call| call.keys()).unwrap_or_default();
            for key in keys {
                *used.entry(key).or_default() += calls;
            }
        };
        let subscription = subscription(plan, step);
        let group = format!("/subscriptions/{subscription}/resourceGroups/-/providers");
        let one = format!("{group}/{}/{}", usual.about, step.id);
        for method in &usual.changes {
            count(*method, &one, units);
        }
        let sent = usual.changes.len() as u64;
        let polls = |every: Duration| step.forecast.as_secs().div_ceil(every.as_secs()) * sent;
        if usual.about != ITEM {
            count(Method::Get, &one, ASSESS + 2 * sent + polls(POLL));
            continue;
        }
        let vault = format!("{group}/Microsoft.RecoveryServices/vaults/{}", vault(step));
        let (items, jobs) = (
            format!("{vault}/replicationProtectedItems"),
            format!("{vault}/replicationJobs"),
        );
        count(Method::Get, &items, 1);
        if units <= FEW {
            count(Method::Get, &one, 2 * sent * units);
            count(
                Method::Get,
                &format!("{vault}/replicationOperationStatus/-"),
                polls(POLL) * units,
            );
            count(Method::Get, &jobs, sent * units);
        } else {
            let alone = Call::of(Method::Post, &one)
                .map(|call| call.keys())
                .unwrap_or_default()
                .iter()
                .filter_map(|key| Some(key.row()?.limit.alone(units)))
                .max()
                .unwrap_or_default();
            let lists = polls(LIST) + sent * alone.as_secs().div_ceil(LIST.as_secs());
            count(
                Method::Get,
                &items,
                sent * (1 + alone.as_secs() / LOOK.as_secs()) + lists,
            );
            count(Method::Get, &jobs, lists);
        }
        if reads_points(step, plan.journey) {
            count(Method::Get, &format!("{one}/recoveryPoints"), units);
        }
    }
    budget.limits = used
        .into_iter()
        .filter(|(key, _)| key.row < LEARNED)
        .filter_map(|(key, calls)| {
            let row = key.row()?;
            Some(Cost {
                limit: row.name,
                at_least: row.limit.alone(calls),
                of: key.scope,
                calls,
            })
        })
        .collect();
    budget
}

const ITEM: &str = "Microsoft.RecoveryServices/vaults/-/replicationFabrics/-/replicationProtectionContainers/-/replicationProtectedItems";

fn usual(journey: Journey, step: &PlannedStep) -> Option<Usual> {
    use Method::{Delete, Patch, Post, Put};
    let moves = matches!(journey, Journey::Failover | Journey::Failback);
    let drill = journey == Journey::Drill;
    let back = journey == Journey::Reprotect;
    let only = |when: bool, changes: &[Method]| match when {
        true => changes.to_vec(),
        false => Vec::new(),
    };
    let (about, changes) = match step.kind.as_str() {
        "azure.sql.managed-instance-failover-group" => (
            "Microsoft.Sql/locations/-/instanceFailoverGroups",
            only(moves, &[Post]),
        ),
        "azure.sql.failover-group" => ("Microsoft.Sql/servers/-/failoverGroups", only(moves, &[Post])),
        "azure.site-recovery.virtual-machines" | "azure.site-recovery.recovery-plan" => {
            let by_hand = step.settings.get("commit").and_then(Value::as_str) == Some("by-hand");
            let changes = match (moves, drill) {
                (true, _) if by_hand => vec![Post],
                // The failover and its commit; the test and its clean-up.
                (true, _) | (_, true) => vec![Post, Post],
                _ => vec![Post],
            };
            (ITEM, changes)
        }
        "azure.storage.geo-failover" => (
            "Microsoft.Storage/storageAccounts",
            match moves {
                true => vec![Post],
                false => only(back, &[Patch]),
            },
        ),
        "azure.storage.object-replication" => (
            "Microsoft.Storage/storageAccounts/-/objectReplicationPolicies",
            match moves {
                true => vec![Delete],
                false => only(back, &[Put, Put]),
            },
        ),
        "azure.aks.cluster" => (
            "Microsoft.ContainerService/managedClusters",
            match moves {
                true => vec![Put],
                false => only(drill, &[Put, Delete]),
            },
        ),
        "azure.traffic-manager.profile" => (
            "Microsoft.Network/trafficManagerProfiles",
            only(moves, &[Patch, Patch]),
        ),
        "azure.dns.record-set" => ("Microsoft.Network/dnsZones/-/A", only(moves, &[Put])),
        "azure.private-dns.record-set" => ("Microsoft.Network/privateDnsZones/-/A", only(moves, &[Put])),
        "azure.front-door.origin-group" => (
            "Microsoft.Cdn/profiles/-/originGroups",
            only(moves, &[Patch, Patch]),
        ),
        "azure.vm.run-command" => (
            "Microsoft.Compute/virtualMachines/-/runCommands",
            vec![Put, Delete],
        ),
        "azure.resource" => {
            let method = step.settings.get("method").and_then(Value::as_str);
            let change = match method.map(str::to_ascii_uppercase).as_deref() {
                Some("DELETE") => vec![Delete],
                Some("GET") => Vec::new(),
                Some("POST") => vec![Post],
                _ => vec![Put],
            };
            ("-/-", change)
        }
        _ => return None,
    };
    Some(Usual { about, changes })
}

/// Returns how many things of its kind a step moves, each by itself.
fn units(step: &PlannedStep) -> u64 {
    step.settings
        .pointer("/select/names")
        .and_then(Value::as_array)
        .map_or(1, |names| names.len().max(1) as u64)
}

fn vault(step: &PlannedStep) -> &str {
    step.settings
        .pointer("/vault/name")
        .and_then(Value::as_str)
        .unwrap_or("-")
}

fn subscription<'a>(plan: &'a Plan, step: &'a PlannedStep) -> &'a str {
    [&step.target, &step.settings]
        .iter()
        .find_map(|value| value.get("subscription")?.as_str())
        .or_else(|| plan.parameters.get("subscription")?.as_str())
        .unwrap_or("-")
}

/// Returns whether the newest point of each machine is looked up directly before its failover.
fn reads_points(step: &PlannedStep, journey: Journey) -> bool {
    let moves = matches!(journey, Journey::Failover | Journey::Failback);
    let word = step.settings.get("recovery-point").and_then(Value::as_str);
    moves && word != Some("latest")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::context;

    fn plan_of(kind: &str, settings: Value, journey: Journey) -> Plan {
        let context = context(kind, journey, settings, json!({}), json!({}));
        let mut plan = (*context.plan).clone();
        let mut step = (*context.step).clone();
        step.forecast = Duration::from_secs(180);
        plan.steps = vec![step.into()];
        plan
    }

    #[test]
    fn a_thousand_machines_cost_the_time_that_the_write_bucket_takes() {
        let names: Vec<String> = (0..1_000).map(|n| format!("vm-{n}")).collect();
        let settings = json!({"select": {"names": names}, "vault": {"name": "rsv"}, "commit": "by-hand",
            "recovery-point": "latest"});
        let plan = plan_of(
            "azure.site-recovery.virtual-machines",
            settings,
            Journey::Failover,
        );
        let budget = budget(&plan);
        assert_eq!((budget.writes, budget.deletes), (1_000, 0));
        // Lists, and not a read for each machine.
        assert!(budget.reads < 150, "{}", budget.reads);
        let scarcest = budget.scarcest().unwrap();
        assert_eq!(
            (scarcest.limit, scarcest.calls, scarcest.at_least),
            ("subscription writes", 1_000, Duration::from_secs(81))
        );
    }

    #[test]
    fn an_ordinary_platform_is_slowed_by_no_limit() {
        let plan = plan_of("azure.storage.object-replication", json!({}), Journey::Failover);
        let budget = budget(&plan);
        assert_eq!((budget.writes, budget.deletes), (0, 1));
        assert!(budget.reads > 0);
        assert_eq!(budget.scarcest(), None);
    }
}
