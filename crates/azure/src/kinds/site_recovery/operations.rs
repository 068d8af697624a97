//! Which operations does a step consist of? Made once, by `assess`, with everything that `observe`
//! and `begin` need after a restart.

use std::time::Duration;

use leeward_engine::{
    id::OperationId,
    port::{Context, DriverError},
    work::{Operation, Phase, Rung},
};
use leeward_runbook::kind::RepeatClass;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    choice::{Unit, impossible},
    item::{Drill, Item},
    judge::{Seen, judge},
    loss,
    vault::Vault,
    verb::{self, PointWish, Verb},
};
use crate::{
    arm::{folded_region, path::folded},
    kinds::settings,
};

/// Sending, the way and staying invisible take up to 150 s; allowed operations lag a little more.
const SETTLING: Duration = Duration::from_secs(180);

/// What an operation needs to be done again after a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) verb: Verb,
    /// The id that the verb is asked of: an item, a plan or a container.
    pub(super) subject: String,
    pub(super) members: Vec<Member>,
    /// The regions of the goal, folded.
    pub(super) from: String,
    pub(super) to: String,
    /// The request's body; a failover of one machine gets the newest point on top.
    #[serde(default)]
    pub(super) body: Option<Value>,
    /// Which recovery point is looked up before the send.
    #[serde(default)]
    pub(super) point: Option<PointWish>,
}

/// One machine of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    /// The item's id when it was assessed.
    pub(super) id: String,
    /// The item's name.
    pub(super) name: String,
    /// The machine's name.
    pub(super) machine: String,
}

/// The settings that decide what is sent.
pub(super) struct Settings {
    pub(super) shutdown: bool,
    pub(super) point: PointWish,
    pub(super) commit: bool,
    pub(super) at_least: Option<usize>,
    /// The regions that the step moves between, folded.
    pub(super) from: String,
    pub(super) to: String,
}

impl Settings {
    pub(super) fn read(context: &Context) -> Result<Settings, DriverError> {
        let all = &context.settings;
        let bad = |name: &str, word: &str| Err(impossible(format!("`{name}`: `{word}` is not known")));
        let shutdown = match settings::optional_text(all, "source") {
            None | Some("try-shutdown") => true,
            Some("leave") => false,
            Some(other) => return bad("source", other),
        };
        let commit = match settings::optional_text(all, "commit") {
            None | Some("after-recovery") => true,
            Some("by-hand") => false,
            Some(other) => return bad("commit", other),
        };
        Ok(Settings {
            shutdown,
            commit,
            point: PointWish::read(settings::optional_text(all, "recovery-point")).map_err(impossible)?,
            at_least: all
                .get("at-least")
                .and_then(Value::as_u64)
                .and_then(|number| usize::try_from(number).ok()),
            from: folded_region(&context.plan.source.region),
            to: folded_region(&context.plan.target.region),
        })
    }

    /// Refuses a ladder with a rung that Azure does not have here, and returns how long the one is waited for.
    pub(super) fn within(context: &Context) -> Result<Option<Duration>, DriverError> {
        let ladder = context
            .step
            .data_loss
            .as_ref()
            .map_or(&[][..], |loss| &loss.ladder);
        match ladder.iter().find(|rung| rung.name != loss::RUNG) {
            Some(rung) => Err(impossible(format!(
                "machines of Azure have no rung `{}`: unplanned is the only one",
                rung.name
            ))),
            None => Ok(ladder.first().and_then(|rung| rung.within)),
        }
    }
}

fn members(unit: &Unit) -> Vec<Member> {
    unit.members
        .iter()
        .map(|item| Member {
            id: item.id.clone(),
            name: item.name.clone(),
            machine: item.machine.clone(),
        })
        .collect()
}

fn machines(unit: &Unit) -> String {
    let names: Vec<&str> = unit.members.iter().map(|item| item.machine.as_str()).collect();
    names.join(", ")
}

fn subject(unit: &Unit) -> String {
    match (&unit.plan, unit.members.first()) {
        (Some(plan), _) => plan.clone(),
        (None, Some(item)) => item.id.clone(),
        (None, None) => String::new(),
    }
}

fn rung(name: &str, lossy: bool, within: Option<Duration>, skip: Option<String>) -> Rung {
    Rung {
        name: name.to_owned(),
        // A verb that was taken leaves `allowedOperations`, and Azure refuses it then.
        repeat: RepeatClass::SelfGuarded,
        settling: SETTLING,
        within,
        lossy,
        beside: false,
        skip,
    }
}

fn operation(id: String, goal: String, phase: Phase, rung: Rung, payload: &Payload) -> Operation {
    Operation {
        id: OperationId::new(id),
        target: folded(&payload.subject),
        goal,
        after: Vec::new(),
        phase,
        rungs: vec![rung],
        observable: true,
        payload: json!(payload),
    }
}

fn verb_operation(
    unit: &Unit,
    verb: Verb,
    settings: &Settings,
    phase: Phase,
    goal: String,
    body: Option<Value>,
) -> Operation {
    let payload = Payload {
        verb,
        subject: subject(unit),
        members: members(unit),
        from: settings.from.clone(),
        to: settings.to.clone(),
        body,
        point: None,
    };
    let id = format!("{}/{}", verb.word(), unit.name);
    operation(id, goal, phase, rung("only", false, None, None), &payload)
}

/// Returns why a verb is known to fail for a unit, if it is.
fn barred(verb: Verb, unit: &Unit, settings: &Settings) -> Option<String> {
    unit.members
        .iter()
        .find_map(|item| match judge(verb, item, &settings.from, &settings.to) {
            Seen::Barred(reason) => Some(reason),
            _ => None,
        })
}

/// Makes the clean-up of a test failover that stands about.
pub(super) fn clean_up(unit: &Unit, settings: &Settings, run: &str, phase: Phase) -> Operation {
    verb_operation(
        unit,
        Verb::CleanUp,
        settings,
        phase,
        format!("no test machine of {} is left", machines(unit)),
        Some(verb::clean_up(run)),
    )
}

/// Returns whether some machine of a unit has a test failover that stands in the way.
pub(super) fn has_leftover(unit: &Unit) -> bool {
    unit.members
        .iter()
        .any(|item| matches!(item.drill, Drill::Pending | Drill::Clearing))
}

/// Makes the failover of one unit, with what comes before and after it.
pub(super) fn failover(
    context: &Context,
    unit: &Unit,
    settings: &Settings,
    within: Option<Duration>,
    operations: &mut Vec<Operation>,
) {
    let mut after = Vec::new();
    if has_leftover(unit) {
        // A forgotten drill leaves nothing allowed but its clean-up.
        let clean = clean_up(unit, settings, context.run.as_str(), Phase::Main);
        after.push(clean.id.clone());
        operations.push(clean);
    }
    let payload = Payload {
        verb: Verb::Failover,
        subject: subject(unit),
        members: members(unit),
        from: settings.from.clone(),
        to: settings.to.clone(),
        body: Some(match unit.plan {
            Some(_) => verb::plan_failover(settings.shutdown, settings.point),
            None => verb::failover(settings.shutdown, None),
        }),
        point: (unit.plan.is_none() && settings.point != PointWish::Latest).then_some(settings.point),
    };
    let skip = barred(Verb::Failover, unit, settings);
    let mut failover = operation(
        format!("{}/{}", Verb::Failover.word(), unit.name),
        format!("{} runs in {}", machines(unit), settings.to),
        Phase::Main,
        rung(loss::RUNG, true, within, skip),
        &payload,
    );
    failover.after = after;
    let turned = unit
        .members
        .iter()
        .all(|item| !item.has_failed_over() && item.runs_in() == Some(settings.to.as_str()));
    if settings.commit && !turned {
        operations.push(failover.clone());
        let mut commit = commit(unit, settings, Phase::AfterRecovery);
        commit.after.push(failover.id);
        operations.push(commit);
    } else {
        operations.push(failover);
    }
}

/// Makes the commit of one unit.
fn commit(unit: &Unit, settings: &Settings, phase: Phase) -> Operation {
    verb_operation(
        unit,
        Verb::Commit,
        settings,
        phase,
        format!(
            "the failover of {} to {} is committed",
            machines(unit),
            settings.to
        ),
        None,
    )
}

/// Makes the drill of one unit: a test failover into an isolated network, and its clean-up.
pub(super) fn drill(
    context: &Context,
    unit: &Unit,
    settings: &Settings,
    network: &str,
    operations: &mut Vec<Operation>,
) {
    let run = context.run.as_str();
    let mut after = Vec::new();
    if has_leftover(unit) {
        let mut clear = clean_up(unit, settings, run, Phase::Main);
        clear.id = OperationId::new(format!("clear/{}", unit.name));
        after.push(clear.id.clone());
        operations.push(clear);
    }
    let wish = unit.plan.as_ref().map(|_| settings.point);
    let mut test = verb_operation(
        unit,
        Verb::Test,
        settings,
        Phase::Main,
        format!("a test machine of {} runs in {network}", machines(unit)),
        Some(verb::test(network, wish)),
    );
    if after.is_empty() {
        test.rungs[0].skip = barred(Verb::Test, unit, settings);
    }
    test.after = after;
    operations.push(test);
    operations.push(clean_up(unit, settings, run, Phase::CleanUp));
}

/// Makes the turning round of one machine: a commit where it is still due, then the switch.
pub(super) fn turn(
    context: &Context,
    vault: &Vault,
    item: &Item,
    settings: &Settings,
    operations: &mut Vec<Operation>,
    warnings: &mut Vec<String>,
) -> Result<(), DriverError> {
    let unit = Unit {
        name: item.machine.clone(),
        plan: None,
        members: vec![item.clone()],
    };
    let mut after = Vec::new();
    if item.allows("Commit") && item.has_failed_over() {
        // The commit's goal names the region that serves: there the machine runs.
        let served = Settings {
            from: settings.to.clone(),
            to: settings.from.clone(),
            ..*settings
        };
        let commit = commit(&unit, &served, Phase::Main);
        after.push(commit.id.clone());
        operations.push(commit);
    }
    let seen = judge(Verb::Switch, item, &settings.from, &settings.to);
    let body = match seen {
        Seen::Holds | Seen::Barred(_) => Value::Null,
        _ => switch_body(context, vault, item, warnings)?,
    };
    let mut switch = verb_operation(
        &unit,
        Verb::Switch,
        settings,
        Phase::Main,
        format!(
            "{} replicates from {} to {}",
            item.machine, settings.from, settings.to
        ),
        Some(body),
    );
    if let Some(mut payload) = read(&switch).ok()
        && let Some(container) = item.container()
    {
        payload.subject = container.to_owned();
        switch.payload = json!(payload);
    }
    switch.rungs[0].skip = barred(Verb::Switch, &unit, settings);
    switch.after = after;
    operations.push(switch);
    Ok(())
}

/// Returns the body that turns one machine round; it names the container where the machine came from.
fn switch_body(
    context: &Context,
    vault: &Vault,
    item: &Item,
    warnings: &mut Vec<String>,
) -> Result<Value, DriverError> {
    let side = &context.target;
    let container = item
        .container()
        .ok_or_else(|| impossible(format!("{} lies under no container", item.machine)))?;
    let group = match settings::optional_text(side, "resource-group") {
        Some(_) => settings::group_path(context, side)?
            .build()
            .map_err(settings::impossible)?,
        None => item
            .source_machine
            .as_deref()
            .and_then(group_of)
            .map_or_else(|| vault.group_id(vault.group()), |group| Ok(group.to_owned()))?,
    };
    let mut details = json!({
        "instanceType": "A2A",
        "recoveryContainerId": container,
        "recoveryResourceGroupId": group,
    });
    if let Some(policy) = &item.policy {
        details["policyId"] = json!(policy);
    }
    // Writes are cached in the region where the machine runs now, and no answer names an account there.
    match cache(context)? {
        Some(cache) => {
            let disks: Option<Vec<Value>> = item
                .disks
                .iter()
                .map(|disk| {
                    let id = disk.after_failover.as_ref()?;
                    Some(json!({
                        "diskId": id,
                        "primaryStagingAzureStorageAccountId": cache,
                        "recoveryResourceGroupId": group,
                    }))
                })
                .collect();
            let disks = disks.filter(|disks| !disks.is_empty());
            details["vmManagedDisks"] = json!(disks.ok_or_else(|| impossible(format!(
                "the vault does not name the disks of {}",
                item.machine
            )))?);
        }
        None => {
            let warning = format!(
                "no `cache-account` is set for {}: Azure is left to choose the disks of the machines and where their writes are cached",
                context.plan.source.region
            );
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    Ok(json!({"properties": {
        "replicationProtectedItemName": item.name,
        "providerSpecificDetails": details,
    }}))
}

/// Returns the id of the account that caches writes where the machines run now.
fn cache(context: &Context) -> Result<Option<String>, DriverError> {
    let side = &context.source;
    match settings::optional_text(side, "cache-account") {
        None => Ok(None),
        Some(id) if id.starts_with('/') => crate::arm::ArmPath::resource(id)
            .build()
            .map(Some)
            .map_err(settings::impossible),
        Some(name) => settings::group_path(context, side)?
            .provider("Microsoft.Storage")
            .pair("storageAccounts", name)
            .build()
            .map(Some)
            .map_err(settings::impossible),
    }
}

/// Returns `/subscriptions/…/resourceGroups/…` of a resource id.
fn group_of(id: &str) -> Option<&str> {
    let cut = id.to_ascii_lowercase().find("/providers/")?;
    id.get(..cut)
}

/// Returns the id of the network of test failovers. There is none but the one that is named.
pub(super) fn drill_network(context: &Context, vault: &Vault) -> Result<String, DriverError> {
    let side = &context.target;
    let named = settings::optional_text(side, "drill-network")
        .or_else(|| settings::optional_text(&context.settings, "drill-network"))
        .ok_or_else(|| {
            impossible(format!(
                "`drill-network` is missing for {}: a test machine may get an address of production, so it is made only in a network that is named for it",
                context.plan.target.region
            ))
        })?;
    let path = if named.starts_with('/') {
        crate::arm::ArmPath::resource(named)
    } else {
        let own = settings::optional_text(side, "resource-group");
        let group = match own {
            Some(_) => settings::group_path(context, side)?,
            None => crate::arm::ArmPath::resource(&vault.group_id(vault.group())?),
        };
        group.provider("Microsoft.Network").pair("virtualNetworks", named)
    };
    path.build().map_err(settings::impossible)
}

/// Reads what an operation carries.
pub(super) fn read(operation: &Operation) -> Result<Payload, String> {
    serde_json::from_value(operation.payload.clone()).map_err(|error| error.to_string())
}
