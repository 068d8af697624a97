//! Which verbs are there, and how does one begin?

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    item::{Item, Scenario, Stage, items_below, vault_of},
    job::{self, Job},
    plan, points,
};
use crate::{
    arm::{Answer, ArmRequest},
    provider::{Begin, Context, durations as last, same},
    world::Health,
};

/// One verb.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verb {
    /// The action, in lower case.
    pub(crate) action: &'static str,
    /// What must be in `allowedOperations`.
    pub(crate) needs: &'static str,
    /// The job's scenario.
    pub(crate) scenario: &'static str,
    /// What people call it.
    pub(crate) words: &'static str,
    /// How long it takes.
    pub(crate) lasts: Duration,
}

#[rustfmt::skip]
const VERBS: &[Verb] = &[
    Verb { action: "unplannedfailover", needs: "UnplannedFailover", scenario: "UnplannedFailover", words: "Unplanned failover", lasts: last::MACHINE_FAILED_OVER },
    Verb { action: "testfailover", needs: "TestFailover", scenario: "TestFailover", words: "Test failover", lasts: last::MACHINE_TESTED },
    Verb { action: "testfailovercleanup", needs: "TestFailoverCleanup", scenario: "TestFailoverCleanup", words: "Test failover cleanup", lasts: last::MACHINE_CLEANED_UP },
    Verb { action: "failovercommit", needs: "Commit", scenario: "CommitFailover", words: "Commit", lasts: last::MACHINE_COMMITTED },
    Verb { action: "applyrecoverypoint", needs: "ChangePit", scenario: "ChangeRecoveryPoint", words: "Change recovery point", lasts: last::MACHINE_FAILED_OVER },
    Verb { action: "switchprotection", needs: "SwitchProtection", scenario: "SwitchProtection", words: "Re-protect", lasts: last::MACHINE_SWITCHED },
    // Nothing that is built here ever allows these two for machines of Azure; asked for, they are refused.
    Verb { action: "failovercancel", needs: "CancelFailover", scenario: "CancelFailover", words: "Cancel failover", lasts: last::MACHINE_COMMITTED },
    Verb { action: "plannedfailover", needs: "PlannedFailover", scenario: "PlannedFailover", words: "Planned failover", lasts: last::MACHINE_FAILED_OVER },
    Verb { action: "remove", needs: "DisableProtection", scenario: "DisableProtection", words: "Disable replication", lasts: last::MACHINE_DISABLED },
];

impl Verb {
    /// Returns a verb by its action.
    pub(crate) fn of(action: &str) -> Option<&'static Verb> {
        VERBS.iter().find(|verb| verb.action == action)
    }
}

/// What a verb is begun with.
pub(crate) struct Asked {
    pub(crate) verb: &'static Verb,
    /// The resource that was asked.
    pub(crate) subject: String,
    /// The ids of the items it works on.
    pub(crate) items: Vec<String>,
    /// What else is known of the request.
    pub(crate) state: Value,
    /// What it takes longer.
    pub(crate) longer: Duration,
    pub(crate) of: &'static str,
    pub(crate) target: String,
}

/// Says that a request is not as it must be. The codes are inferences; the status is too.
pub(crate) fn refused(code: &str, message: impl Into<String>) -> Answer {
    let message: String = message.into();
    Answer::json(
        400,
        json!({"error": {
            "code": code,
            "message": message,
            "details": [{
                "code": code, "message": message, "possibleCauses": "", "recommendedAction": "",
                "activityId": null,
            }],
        }}),
    )
    .header("x-ms-failure-cause", "service")
}

/// Says that a verb is not in `allowedOperations`. Status and code are inferences: no source has them.
pub(crate) fn not_allowed(verb: &Verb, item: &str) -> Answer {
    refused(
        "OperationNotAllowed",
        format!(
            "The operation '{}' is not allowed on '{item}' in its current state.",
            verb.needs
        ),
    )
}

/// Begins a verb on one item.
pub(crate) fn on_item(context: &mut Context<'_>, request: &ArmRequest, verb: &'static Verb) -> Answer {
    let id = request.path.id();
    let (Some(resource), Some(item)) = (context.world.resource(&id), Item::true_one(context.world, &id))
    else {
        return missing(request.path.name());
    };
    let id = resource.id.clone();
    if verb.action == "switchprotection" || !item.allowed(context.now).contains(&verb.needs) {
        return not_allowed(verb, &item.machine);
    }
    if verb.action == "unplannedfailover" && !item.group.is_empty() {
        return refused(
            "MultiVmGroupMember",
            format!(
                "'{}' is in the multi-VM group '{}'. Fail the whole group over with a recovery plan.",
                item.machine, item.group
            ),
        );
    }
    let properties = request.json()["properties"].clone();
    if let Some(answer) = unlike(verb, &properties) {
        return answer;
    }
    let wanted = match verb.action {
        "applyrecoverypoint" => properties["recoveryPointId"].as_str(),
        _ => properties["providerSpecificDetails"]["recoveryPointId"].as_str(),
    };
    if let Some(point) = wanted
        && !points::is_there(context, &id, &item, point)
    {
        return refused(
            "RecoveryPointNotFound",
            format!("The recovery point '{point}' is not there."),
        );
    }
    if verb.action == "applyrecoverypoint" && wanted.is_none() {
        return refused("RecoveryPointMissing", "The recovery point is missing.");
    }
    let longer = shutdown(context, &properties, std::slice::from_ref(&item));
    begin(
        context,
        request,
        Asked {
            verb,
            subject: id.clone(),
            items: vec![id],
            state: json!({
                "required": properties["sourceSiteOperations"] == "Required",
                "point": wanted,
                "network": properties["networkId"],
            }),
            longer,
            of: "ProtectionEntity",
            target: item.machine,
        },
    )
}

/// Returns what is wrong with a body, if anything is.
pub(crate) fn unlike(verb: &Verb, properties: &Value) -> Option<Answer> {
    let backwards = properties["failoverDirection"] == "RecoveryToPrimary";
    match verb.action {
        // After protection was switched, the way back is a failover from primary to recovery again.
        "unplannedfailover" | "testfailover" if backwards => Some(refused(
            "FailoverDirectionNotAllowed",
            "The failover direction 'RecoveryToPrimary' is not allowed for machines of Azure.",
        )),
        "testfailover"
            if properties["networkType"] == "VmNetworkAsInput" && !properties["networkId"].is_string() =>
        {
            Some(refused(
                "NetworkMissing",
                "The network of the test failover is missing.",
            ))
        }
        _ => None,
    }
}

/// Returns what is wrong with what a plan is given for its machines, if anything is. The specification requires the
/// kind of recovery point and names the words; code and status are inferences.
fn unlike_of_plan(verb: &Verb, properties: &Value) -> Option<Answer> {
    const POINTS: &[&str] = &[
        "Latest",
        "LatestProcessed",
        "LatestApplicationConsistent",
        "LatestCrashConsistent",
    ];
    const SYNCED: &[&str] = &["UseMultiVmSyncRecoveryPoint", "UsePerVmRecoveryPoint"];
    if !matches!(verb.action, "unplannedfailover" | "testfailover") {
        return None;
    }
    let known = |value: &Value, words: &[&str]| value.as_str().is_some_and(|word| words.contains(&word));
    let details = properties["providerSpecificDetails"].as_array()?;
    details
        .iter()
        .filter(|one| one["instanceType"] == "A2A")
        .any(|one| {
            let synced = &one["multiVmSyncPointOption"];
            !known(&one["recoveryPointType"], POINTS) || !(synced.is_null() || known(synced, SYNCED))
        })
        .then(|| {
            refused(
                "RecoveryPointTypeInvalid",
                "The kind of recovery point for machines of Azure is missing or not known.",
            )
        })
}

/// Returns how much longer a failover takes because it tries to stop machines that do not answer.
pub(crate) fn shutdown(context: &Context<'_>, properties: &Value, items: &[Item]) -> Duration {
    let out = items
        .iter()
        .any(|item| context.health(&item.source.region) != Health::Up);
    match properties["sourceSiteOperations"] == "Required" && out {
        true => context.around("shutdown", last::MACHINE_SHUTDOWN_GIVES_UP),
        false => Duration::ZERO,
    }
}

/// Begins turning the protection of one machine round. It is asked of the container the machine is in.
pub(crate) fn switch(context: &mut Context<'_>, request: &ArmRequest, verb: &'static Verb) -> Answer {
    let container = request.path.id();
    if context.world.resource(&container).is_none() {
        return missing(request.path.name());
    }
    let properties = request.json()["properties"].clone();
    let name = properties["replicationProtectedItemName"]
        .as_str()
        .unwrap_or_default();
    let id = format!("{container}/replicationProtectedItems/{name}");
    let (Some(resource), Some(item)) = (context.world.resource(&id), Item::true_one(context.world, &id))
    else {
        return missing(name);
    };
    let id = resource.id.clone();
    if !item.allowed(context.now).contains(&verb.needs) {
        return not_allowed(verb, &item.machine);
    }
    if item.stage(context.now) == Stage::FailedOver {
        // The verb is listed before the commit, and documented to need it; the code is an inference.
        return refused(
            "FailoverNotCommitted",
            format!("The failover of '{}' is not committed.", item.machine),
        );
    }
    let details = &properties["providerSpecificDetails"];
    let to = details["recoveryContainerId"].as_str().unwrap_or_default();
    if !same(to, &item.source.container) {
        return refused(
            "RecoveryContainerInvalid",
            format!("'{to}' is not the container from which '{}' came.", item.machine),
        );
    }
    if !mapped(context, &item) {
        // Documented as needed beforehand; the code is an inference.
        return refused(
            "ContainerMappingMissing",
            format!(
                "There is no mapping from the container of {} to that of {}.",
                item.target.region, item.source.region
            ),
        );
    }
    if let Some(policy) = details["policyId"].as_str()
        && context.world.resource(policy).is_none()
    {
        return missing(policy);
    }
    let group = details["recoveryResourceGroupId"].as_str().map(str::to_owned);
    begin(
        context,
        request,
        Asked {
            verb,
            subject: context
                .world
                .resource(&container)
                .map_or(container, |resource| resource.id.clone()),
            items: vec![id],
            state: json!({"group": group}),
            longer: Duration::ZERO,
            of: "ProtectionEntity",
            target: item.machine,
        },
    )
}

/// Returns whether the container that a machine runs in after its failover is mapped to the one that it came from.
fn mapped(context: &Context<'_>, item: &Item) -> bool {
    let below = format!(
        "{}/replicationProtectionContainerMappings/",
        item.target.container
    )
    .to_lowercase();
    context
        .world
        .resources
        .iter()
        .filter(|(id, _)| id.starts_with(&below))
        .any(|(_, mapping)| {
            mapping.body["target"]
                .as_str()
                .is_some_and(|to| same(to, &item.source.container))
        })
}

/// Begins a verb on the items of a recovery plan.
pub(crate) fn on_plan(context: &mut Context<'_>, request: &ArmRequest, verb: &'static Verb) -> Answer {
    let id = request.path.id();
    let Some(resource) = context.world.resource(&id) else {
        return missing(request.path.name());
    };
    let (id, items) = (resource.id.clone(), plan::items(resource));
    let known: Vec<(String, Item)> = items
        .iter()
        .filter_map(|id| Some((id.clone(), Item::true_one(context.world, id)?)))
        .collect();
    let now = context.now;
    if !known
        .iter()
        .any(|(_, item)| item.allowed(now).contains(&verb.needs))
        || verb.action == "remove"
    {
        return not_allowed(verb, request.path.name());
    }
    if verb.action == "unplannedfailover" {
        let others = items_below(context, &vault_of(&id));
        let left_out = others.iter().find(|(other, item)| {
            !item.group.is_empty()
                && known.iter().any(|(_, one)| one.group == item.group)
                && !items.iter().any(|one| same(one, other))
        });
        if let Some((_, item)) = left_out {
            return refused(
                "MultiVmGroupIncomplete",
                format!(
                    "'{}' is in the multi-VM group '{}' and not in the recovery plan.",
                    item.machine, item.group
                ),
            );
        }
    }
    let properties = request.json()["properties"].clone();
    if let Some(answer) = unlike(verb, &properties) {
        return answer;
    }
    if verb.action == "unplannedfailover" && !properties["sourceSiteOperations"].is_string() {
        return refused(
            "SourceSiteOperationsMissing",
            "'sourceSiteOperations' is missing.",
        );
    }
    if let Some(answer) = unlike_of_plan(verb, &properties) {
        return answer;
    }
    let manual = match verb.action {
        "unplannedfailover" => plan::manual_action(resource_of(context, &id)),
        _ => None,
    };
    let only: Vec<Item> = known.iter().map(|(_, item)| item.clone()).collect();
    let boots = u32::try_from(plan::boot_groups(resource_of(context, &id))).unwrap_or(1);
    let longer = shutdown(context, &properties, &only)
        .saturating_add(last::PLAN_GROUP_BOOTED.saturating_mul(boots.saturating_sub(1)));
    let target = request.path.name().to_owned();
    let items = known.into_iter().map(|(id, _)| id).collect();
    begin(
        context,
        request,
        Asked {
            verb,
            subject: id,
            items,
            state: json!({
                "required": properties["sourceSiteOperations"] == "Required",
                "network": properties["networkId"],
                "manual": manual,
            }),
            longer,
            of: "RecoveryPlan",
            target,
        },
    )
}

fn resource_of<'a>(context: &'a Context<'_>, id: &str) -> Option<&'a crate::world::Resource> {
    context.world.resource(id)
}

/// Says that something of a vault is not there, in the service's recorded words.
pub(crate) fn missing(name: &str) -> Answer {
    let message = format!("Specified resource with name '{name}' does not exist.");
    Answer::json(
        404,
        json!({"error": {
            "code": "NotFound",
            "message": message,
            "details": [{
                "code": "ArmResourceDoesNotExist", "message": message,
                "possibleCauses": "Ensure that the resource exists.", "recommendedAction": "",
                "activityId": null,
            }],
        }}),
    )
    .header("x-ms-failure-cause", "service")
}

/// Returns the details of a verb's job: a test failover names its network, as the official example does.
fn details(verb: &Verb, network: Option<&str>) -> Value {
    let Some(network) = network.filter(|_| verb.action == "testfailover") else {
        return json!({"instanceType": "AsrJobDetails", "affectedObjectDetails": {}});
    };
    let name = network.rsplit('/').next().unwrap_or_default();
    json!({
        "instanceType": "TestFailoverJobDetails",
        "testFailoverStatus": "Completed",
        "comments": " ",
        "networkName": name,
        "networkFriendlyName": name,
        "networkType": "VmNetworkAsInput",
        "protectedItemDetails": [],
        "affectedObjectDetails": {},
    })
}

/// Begins the operation and its job, and holds the items it works on.
pub(crate) fn begin(context: &mut Context<'_>, request: &ArmRequest, asked: Asked) -> Answer {
    let verb = asked.verb;
    let vault = vault_of(&asked.subject);
    let now = context.now;
    // A fault may be meant for one machine of several.
    let part = context.part_that_fails();
    let (held, skipped): (Vec<String>, Vec<String>) = asked.items.into_iter().partition(|id| {
        Item::true_one(context.world, id).is_some_and(|item| item.allowed(now).contains(&verb.needs))
    });
    let region = context
        .world
        .resource(&vault)
        .map(|resource| resource.region.clone())
        .unwrap_or_default();
    let lasts = context.around("lasts", verb.lasts).saturating_add(asked.longer);
    let mut begin = Begin::new(
        super::PROVIDER,
        &region,
        &asked.subject,
        verb.action,
        &request.api_version(),
        lasts,
    );
    begin.status_under = Some(format!("{vault}/replicationOperationStatus"));
    begin.result_under = Some(format!("{}/operationresults", asked.subject));
    // The specification's examples have it; recorders dropped the header.
    begin.retry_after = Some(30);
    begin.state = asked.state;
    begin.state["items"] = json!(held);
    begin.state["skipped"] = json!(skipped);
    begin.state["client"] = json!(request.header("x-ms-client-request-id"));
    if let Some((failure, machine)) = part {
        begin.state["part"] = json!({"code": failure.code, "message": failure.message, "machine": machine});
    }
    let waits = begin.state["manual"].is_string();
    let subject = begin.subject.clone();
    let operation = context.begin(begin);
    if waits {
        job::suspend(context, &operation, lasts);
    }
    plan::note(context, &subject, verb.scenario, &job::id_of(&operation));
    let job = Job {
        scenario: verb.scenario.to_owned(),
        words: verb.words.to_owned(),
        of: asked.of.to_owned(),
        target: asked.target,
        errors: Vec::new(),
        details: details(verb, operation.state["network"].as_str()),
    };
    job::put(context, &operation, &job);
    let busy = Scenario {
        name: verb.scenario.to_owned(),
        job: job::id_of(&operation),
        since: now,
    };
    for id in &held {
        if let Some(mut item) = Item::true_one(context.world, id) {
            item.busy = Some(busy.clone());
            item.keep(context.world, id);
        }
    }
    context.links(Answer::empty(202), &operation)
}
