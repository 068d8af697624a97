//! Which operations does a step consist of? Made once, by `assess`, with everything that `observe`
//! and `begin` need after a restart.

use std::time::Duration;

use jiff::Timestamp;
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
    item::Drill,
    judge::{Seen, judge},
    loss,
    vault::Vault,
    verb::{self, OfPlan, PointWish, Verb},
    whose::Mark,
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
    /// The recovery point that a change of point is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) point_id: Option<String>,
    /// How many of a plan's machines are enough; all of them when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at_least: Option<usize>,
    /// By what a drill knows its own test failover; other journeys have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<Mark>,
    /// The recovery point that was picked when the machine was assessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pinned: Option<Pinned>,
}

/// A recovery point that was picked, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pinned {
    pub(super) id: String,
    pub(super) at: Timestamp,
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
    /// Whether machines of a multi-VM group take points of one moment.
    pub(super) together: Option<bool>,
    /// Whether the step names a recovery plan, not machines: then `at-least` counts its machines.
    pub(super) by_plan: bool,
    /// Whether a failback takes a failover back that was not committed.
    pub(super) cancel: bool,
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
        let together = match settings::optional_text(all, "multi-vm-points") {
            None => None,
            Some("together") => Some(true),
            Some("each") => Some(false),
            Some(other) => return bad("multi-vm-points", other),
        };
        let cancel = match settings::optional_text(all, "uncommitted") {
            None | Some("refuse") => false,
            Some("cancel") => true,
            Some(other) => return bad("uncommitted", other),
        };
        Ok(Settings {
            shutdown,
            commit,
            together,
            cancel,
            by_plan: settings::optional_text(all, "plan").is_some(),
            point: PointWish::read(all.get("recovery-point")).map_err(impossible)?,
            at_least: all
                .get("at-least")
                .and_then(Value::as_u64)
                .and_then(|number| usize::try_from(number).ok()),
            from: folded_region(&context.plan.source.region),
            to: folded_region(&context.plan.target.region),
        })
    }

    /// Returns what a recovery plan takes for all of its machines.
    fn of_plan(&self) -> OfPlan {
        OfPlan {
            point: self.point,
            together: self.together,
        }
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

pub(super) fn members(unit: &Unit) -> Vec<Member> {
    unit.members
        .iter()
        .map(|item| Member {
            id: item.id.clone(),
            name: item.name.clone(),
            machine: item.machine.clone(),
        })
        .collect()
}

pub(super) fn machines(unit: &Unit) -> String {
    let names: Vec<&str> = unit.members.iter().map(|item| item.machine.as_str()).collect();
    names.join(", ")
}

/// Says where machines run: `vm-1 runs in …`, `vm-1, vm-2 run in …`.
pub(super) fn run_in(unit: &Unit, region: &str) -> String {
    let word = if unit.members.len() == 1 { "runs" } else { "run" };
    format!("{} {word} in {region}", machines(unit))
}

pub(super) fn subject(unit: &Unit) -> String {
    match (&unit.plan, unit.members.first()) {
        (Some(plan), _) => plan.clone(),
        (None, Some(item)) => item.id.clone(),
        (None, None) => String::new(),
    }
}

pub(super) fn rung(name: &str, lossy: bool, within: Option<Duration>, skip: Option<String>) -> Rung {
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

pub(super) fn operation(id: String, goal: String, phase: Phase, rung: Rung, payload: &Payload) -> Operation {
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

pub(super) fn verb_operation(
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
        point_id: None,
        at_least: None,
        mark: None,
        pinned: None,
    };
    let id = format!("{}/{}", verb.word(), unit.name);
    operation(id, goal, phase, rung("only", false, None, None), &payload)
}

/// Returns why a verb is known to fail for a unit, if it is.
pub(super) fn barred(verb: Verb, unit: &Unit, settings: &Settings) -> Option<String> {
    unit.members.iter().find_map(
        |item| match judge(verb, item, &settings.from, &settings.to, None) {
            Seen::Barred(reason) => Some(reason),
            _ => None,
        },
    )
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
    pinned: Option<Pinned>,
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
            Some(_) => verb::plan_failover(settings.shutdown, settings.of_plan()),
            None => verb::failover(settings.shutdown, None),
        }),
        point: (unit.plan.is_none() && settings.point != PointWish::Latest).then_some(settings.point),
        point_id: None,
        at_least: settings
            .at_least
            .filter(|_| unit.plan.is_some() && settings.by_plan),
        mark: None,
        pinned,
    };
    let skip = barred(Verb::Failover, unit, settings);
    let mut failover = operation(
        format!("{}/{}", Verb::Failover.word(), unit.name),
        run_in(unit, &settings.to),
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
        if let (Some(enough), Ok(mut commits)) = (payload.at_least, read(&commit)) {
            commits.at_least = Some(enough);
            commit.payload = json!(commits);
        }
        operations.push(commit);
    } else {
        operations.push(failover);
    }
}

/// Makes the commit of one unit.
pub(super) fn commit(unit: &Unit, settings: &Settings, phase: Phase) -> Operation {
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

/// Makes the drill of one unit: a test failover into an isolated network, and its clean-up. `now` is when no test
/// failover of anybody else stood about.
pub(super) fn drill(
    context: &Context,
    unit: &Unit,
    settings: &Settings,
    network: &str,
    now: Timestamp,
    operations: &mut Vec<Operation>,
) {
    let of_plan = unit.plan.as_ref().map(|_| settings.of_plan());
    let mut test = verb_operation(
        unit,
        Verb::Test,
        settings,
        Phase::Main,
        format!("a test machine of {} runs in {network}", machines(unit)),
        Some(verb::test(network, of_plan)),
    );
    test.rungs[0].skip = barred(Verb::Test, unit, settings);
    let mark = Mark {
        network: network.to_owned(),
        test: test.id.clone(),
        clear_at: now,
    };
    let clean = clean_up(unit, settings, context.run.as_str(), Phase::CleanUp);
    for mut operation in [test, clean] {
        if let Ok(mut payload) = read(&operation) {
            payload.mark = Some(mark.clone());
            operation.payload = json!(payload);
        }
        operations.push(operation);
    }
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
