//! What do jobs and operation statuses show?
//!
//! The GUID of an operation is the name of its job, so that the job is the durable way to ask about it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::item::vault_of;
use crate::{
    arm::Answer,
    provider::{Context, Failure},
    world::{Operation, Progress, Resource},
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

/// Returns the body of a job.
pub(crate) fn shown(context: &Context<'_>, seen: &Resource) -> Value {
    let (Ok(job), Some(operation)) = (
        serde_json::from_value::<Job>(seen.state.clone()),
        context.world.operations.get(&seen.name().to_lowercase()),
    ) else {
        return json!({"id": seen.id, "name": seen.name(), "type": JOB_TYPE, "properties": {}});
    };
    let (state, description) = match &operation.progress {
        Progress::Running if not_started(context, operation) => ("NotStarted", "NotStarted"),
        Progress::Running => ("InProgress", "InProgress"),
        Progress::Succeeded if job.errors.is_empty() => ("Succeeded", "Completed"),
        Progress::Succeeded => ("Succeeded", "PartiallySucceeded"),
        Progress::Failed { .. } => ("Failed", "Failed"),
        Progress::Canceled => ("Cancelled", "Cancelled"),
    };
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
        .map(|trouble| {
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
        })
        .collect();
    let ends = operation
        .ends
        .filter(|_| operation.progress.over())
        .map(|ends| context.time(ends));
    json!({
        "id": seen.id,
        "name": seen.name(),
        "type": JOB_TYPE,
        "properties": {
            "activityId": format!(
                "{} ActivityId: {}",
                context.seed.guid(&format!("{}/client", operation.id)),
                context.seed.guid(&format!("{}/activity", operation.id))
            ),
            "scenarioName": job.scenario,
            "friendlyName": job.words,
            "state": state,
            "stateDescription": description,
            "tasks": [{
                "taskId": format!("{}Task", job.scenario),
                "name": format!("{}Task", job.scenario),
                "startTime": context.time(operation.started),
                "endTime": ends,
                "allowedActions": [],
                "friendlyName": job.words,
                "state": state,
                "stateDescription": description,
                "taskType": "TaskDetails",
                "customDetails": {"instanceType": "TaskDetails"},
                "groupTaskCustomDetails": null,
                "errors": [],
            }],
            "errors": errors,
            "startTime": context.time(operation.started),
            "endTime": ends,
            "allowedActions": [],
            "targetObjectId": context.seed.guid(&operation.subject.to_lowercase()).to_string(),
            "targetObjectName": job.target,
            "targetInstanceType": job.of,
            "customDetails": job.details,
        },
    })
}
