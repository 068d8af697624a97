//! What do jobs and operation statuses show?
//!
//! The GUID of an operation is the name of its job, so that the job is the durable way to ask about it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    item::vault_of,
    verb::{missing, refused},
};
use crate::{
    arm::{Answer, ArmRequest},
    clock::later,
    provider::{Context, Failure},
    world::{Happening, Operation, Progress, Resource},
};

/// The type of a job, folded.
pub(crate) const JOBS: &str = "microsoft.recoveryservices/vaults/replicationjobs";
const JOB_TYPE: &str = "Microsoft.RecoveryServices/vaults/replicationJobs";

/// What is kept of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Job {
    /// Its scenario.
    pub(crate) scenario: String,
    /// What people call that.
    pub(crate) words: String,
    /// What it is about: `ProtectionEntity`, `RecoveryPlan`.
    pub(crate) of: String,
    /// The name of that.
    pub(crate) target: String,
    /// What went wrong with single machines.
    #[serde(default)]
    pub(crate) errors: Vec<Trouble>,
    /// Details of its own, in the specification's form.
    #[serde(default)]
    pub(crate) details: Value,
}

/// What went wrong with one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Trouble {
    pub(crate) machine: String,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) at: Timestamp,
}

impl Trouble {
    pub(crate) fn new(machine: &str, failure: Failure, at: Timestamp) -> Trouble {
        Trouble {
            machine: machine.to_owned(),
            code: failure.code,
            message: failure.message,
            at,
        }
    }
}

/// Returns the id of an operation's job.
pub(crate) fn id_of(operation: &Operation) -> String {
    format!(
        "{}/replicationJobs/{}",
        vault_of(operation.status_path.as_deref().unwrap_or_default()),
        operation.id
    )
}

/// Puts the job of an operation into the world.
pub(crate) fn put(context: &mut Context<'_>, operation: &Operation, job: &Job) {
    context.world.put(Resource {
        id: id_of(operation),
        kind: JOB_TYPE.to_owned(),
        region: operation.region.clone(),
        body: Value::Null,
        state: json!(job),
    });
}

fn of(context: &Context<'_>, operation: &Operation) -> Option<Job> {
    let resource = context.world.resource(&id_of(operation))?;
    serde_json::from_value(resource.state.clone()).ok()
}

/// Notes what went wrong with single machines.
pub(crate) fn note(context: &mut Context<'_>, operation: &Operation, troubles: Vec<Trouble>) {
    if let Some(mut job) = of(context, operation)
        && let Some(resource) = context.world.change(&id_of(operation))
    {
        job.errors = troubles;
        resource.state = json!(job);
    }
}

/// Returns whether a status is still to say `NotStarted`. That it lasts some seconds is an inference.
fn not_started(context: &Context<'_>, operation: &Operation) -> bool {
    let waits = context
        .seed
        .between(&format!("{}/not-started", operation.id), 0, 9);
    let run = context.now.duration_since(operation.started).as_secs();
    u64::try_from(run).is_ok_and(|run| run < waits) && !operation.progress.over()
}

/// Answers a GET of `replicationOperationStatus`.
pub(crate) fn status(context: &Context<'_>, operation: &Operation) -> Answer {
    let over = operation.progress.over();
    let waits = not_started(context, operation);
    let error = match (&operation.progress, of(context, operation)) {
        (Progress::Failed { code, message }, _) => json!({"code": code, "message": message, "details": null}),
        // An error beside `Succeeded` is a warning, as recorded.
        (Progress::Succeeded, Some(job)) => job.errors.first().map_or(
            Value::Null,
            |trouble| json!({"code": trouble.code, "message": trouble.message, "details": null}),
        ),
        _ => Value::Null,
    };
    let word = match (waits, over) {
        (true, _) => "NotStarted".to_owned(),
        (false, true) => operation.progress.word().to_owned(),
        (false, false) => "InProgress".to_owned(),
    };
    let body = json!({
        "error": error,
        "id": null,
        "name": operation.id,
        "properties": null,
        "status": word,
        "startTime": (!waits).then(|| context.time(operation.started)),
        "endTime": operation.ends.filter(|_| over).map(|ends| context.time(ends)),
        "percentComplete": null,
    });
    Answer::json(200, body)
}

/// Returns whether an operation waits for what a person must do by hand.
pub(crate) fn suspended(context: &Context<'_>, operation: &Operation) -> bool {
    let from = operation.state["suspends-at"]
        .as_str()
        .and_then(|at| at.parse().ok());
    operation.progress == Progress::Running && from.is_some_and(|from: Timestamp| from <= context.now)
}

/// Returns the state of an operation's job, and its description.
pub(crate) fn words(context: &Context<'_>, operation: &Operation) -> (&'static str, &'static str) {
    let in_part = of(context, operation).is_some_and(|job| !job.errors.is_empty());
    match &operation.progress {
        Progress::Running if not_started(context, operation) => ("NotStarted", "NotStarted"),
        // The description is an inference; the state is the specification's word.
        Progress::Running if suspended(context, operation) => ("Suspended", "WaitingForManualAction"),
        Progress::Running => ("InProgress", "InProgress"),
        Progress::Succeeded if in_part => ("Succeeded", "PartiallySucceeded"),
        Progress::Succeeded => ("Succeeded", "Completed"),
        Progress::Failed { .. } => ("Failed", "Failed"),
        Progress::Canceled => ("Cancelled", "Cancelled"),
    }
}

/// Answers `cancel`, `restart` and `resume` of a job: only what its `allowedActions` hold.
pub(crate) fn act(context: &mut Context<'_>, request: &ArmRequest, action: &str) -> Answer {
    let id = request.path.id();
    let name = request.path.name().to_lowercase();
    let operation = context.world.operations.get(&name).cloned();
    let (Some(_), Some(operation)) = (context.world.resource(&id), operation) else {
        return missing(request.path.name());
    };
    if action != "resume" || !suspended(context, &operation) {
        // Status and code are inferences.
        return refused(
            "JobActionNotAllowed",
            format!("The action '{action}' is not allowed on the job '{name}' now."),
        );
    }
    let rest = Duration::from_secs(operation.state["rest"].as_u64().unwrap_or_default());
    let ends = later(context.now, rest);
    if let Some(operation) = context.world.operations.get_mut(&name) {
        operation.ends = Some(ends);
        if let Some(state) = operation.state.as_object_mut() {
            state.remove("suspends-at");
        }
    }
    context.world.schedule(Happening {
        at: ends,
        provider: String::new(),
        what: "operation-ends".to_owned(),
        data: json!(name),
    });
    context.links(Answer::empty(202), &operation)
}

/// Lets an operation stop half-way until a person has done what a plan asks for by hand.
pub(crate) fn suspend(context: &mut Context<'_>, operation: &Operation, lasts: Duration) {
    let name = operation.id.clone();
    let own = |happening: &Happening| {
        happening.provider.is_empty() && happening.data.as_str() == Some(name.as_str())
    };
    context.world.happenings.retain(|happening| !own(happening));
    let at = later(context.now, lasts / 2);
    if let Some(operation) = context.world.operations.get_mut(&operation.id) {
        operation.ends = None;
        operation.state["suspends-at"] = json!(at.to_string());
        operation.state["rest"] = json!(lasts.as_secs() / 2);
    }
}

/// Returns the tasks of a job: one for a machine, and one for each machine of a recovery plan.
fn tasks(
    context: &Context<'_>,
    job: &Job,
    operation: &Operation,
    (state, description): (&str, &str),
    ends: Option<&str>,
) -> Vec<Value> {
    let one =
        |name: &str, words: &str, (state, description): (&str, &str), errors: Vec<Value>, actions: Value| {
            json!({
                "taskId": name,
                "name": name,
                "startTime": context.time(operation.started),
                "endTime": ends,
                "allowedActions": actions,
                "friendlyName": words,
                "state": state,
                "stateDescription": description,
                "taskType": "TaskDetails",
                "customDetails": {"instanceType": "TaskDetails"},
                "groupTaskCustomDetails": null,
                "errors": errors,
            })
        };
    let own = format!("{}Task", job.scenario);
    let ids = operation.state["items"].as_array().filter(|ids| ids.len() > 1);
    let Some(ids) = ids else {
        return vec![one(&own, &job.words, (state, description), Vec::new(), json!([]))];
    };
    let mut all = Vec::new();
    if let Some(action) = operation.state["manual"].as_str() {
        let waits = state == "Suspended";
        let words = match waits {
            true => ("Suspended", "WaitingForManualAction"),
            false if operation.state["suspends-at"].is_string() => ("NotStarted", "NotStarted"),
            false => ("Succeeded", "Completed"),
        };
        let actions = if waits { json!(["Resume"]) } else { json!([]) };
        all.push(one("ManualActionTask", action, words, Vec::new(), actions));
    }
    for id in ids.iter().filter_map(Value::as_str) {
        let machine = id.rsplit('/').next().unwrap_or_default();
        let errors: Vec<Value> = job
            .errors
            .iter()
            .filter(|trouble| trouble.machine.eq_ignore_ascii_case(machine))
            .map(|trouble| error(context, job, operation, trouble))
            .collect();
        let words = match (state, errors.is_empty()) {
            ("Succeeded", true) => ("Succeeded", "Completed"),
            ("Succeeded", false) => ("Failed", "Failed"),
            _ => (state, description),
        };
        all.push(one(
            &own,
            &format!("{} of {machine}", job.words),
            words,
            errors,
            json!([]),
        ));
    }
    all
}

fn error(context: &Context<'_>, job: &Job, operation: &Operation, trouble: &Trouble) -> Value {
    json!({
        "serviceErrorDetails": {
            "code": trouble.code,
            "message": format!("{}: {}", trouble.machine, trouble.message),
            "possibleCauses": "",
            "recommendedAction": "",
            "activityId": context.seed.guid(&format!("{}/activity", operation.id)).to_string(),
        },
        "providerErrorDetails": null,
        "errorLevel": "Error",
        "creationTime": context.time(trouble.at),
        "taskId": format!("{}Task", job.scenario),
    })
}

/// Returns the body of a job.
pub(crate) fn shown(context: &Context<'_>, seen: &Resource) -> Value {
    let (Ok(job), Some(operation)) = (
        serde_json::from_value::<Job>(seen.state.clone()),
        context.world.operations.get(&seen.name().to_lowercase()),
    ) else {
        return json!({"id": seen.id, "name": seen.name(), "type": JOB_TYPE, "properties": {}});
    };
    let (state, description) = words(context, operation);
    let suspended = state == "Suspended";
    let mut troubles = job.errors.clone();
    if let Progress::Failed { code, message } = &operation.progress {
        let failure = Failure {
            code: code.clone(),
            message: message.clone(),
        };
        troubles.push(Trouble::new(
            &job.target,
            failure,
            operation.ends.unwrap_or(context.now),
        ));
    }
    let errors: Vec<Value> = troubles
        .iter()
        .map(|trouble| error(context, &job, operation, trouble))
        .collect();
    let ends = operation
        .ends
        .filter(|_| operation.progress.over())
        .map(|ends| context.time(ends));
    // The first id of an activity is the caller's, by inference: those that the command line began have its sort.
    let client = operation.state["client"].as_str().map_or_else(
        || context.seed.guid(&format!("{}/client", operation.id)).to_string(),
        str::to_owned,
    );
    json!({
        "id": seen.id,
        "name": seen.name(),
        "type": JOB_TYPE,
        "properties": {
            "activityId": format!(
                "{} ActivityId: {}",
                client,
                context.seed.guid(&format!("{}/activity", operation.id))
            ),
            "scenarioName": job.scenario,
            "friendlyName": job.words,
            "state": state,
            "stateDescription": description,
            "tasks": tasks(context, &job, operation, (state, description), ends.as_deref()),
            "errors": errors,
            "startTime": context.time(operation.started),
            "endTime": ends,
            "allowedActions": if suspended { json!(["Resume"]) } else { json!([]) },
            "targetObjectId": context.seed.guid(&operation.subject.to_lowercase()).to_string(),
            "targetObjectName": job.target,
            "targetInstanceType": job.of,
            "customDetails": job.details,
        },
    })
}
