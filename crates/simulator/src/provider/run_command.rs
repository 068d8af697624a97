//! What comes of a script that runs on a machine?
//!
//! Nothing is run: the world says what comes of it (`scripts`), and one that it does not know succeeds. The managed
//! form is a resource of the machine, and several may run beside one another; the older form is an action of the
//! machine, and one runs at a time.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{
    Begin, Context, Failure, Provider, Served,
    durations::{SCRIPT_RAN, SCRIPT_REMOVED},
    plain::{self, merge},
    read,
    site_recovery::machine::stopped,
    status_body,
};
use crate::{
    arm::{Answer, ArmRequest, answer::Body},
    shape::set,
    world::{Health, Operation, Progress, Resource, Script, World},
};

/// The type of a run command, folded.
pub(crate) const RUN_COMMANDS: &str = "microsoft.compute/virtualmachines/runcommands";
/// How much of an output the older form keeps. Documented: the last 4096 bytes.
const KEPT: usize = 4_096;

/// The provider.
pub(crate) struct RunCommands;

impl Provider for RunCommands {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[Served {
            kind: RUN_COMMANDS,
            versions: plain::ANY_VERSION,
        }];
        SERVED
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let id = request.path.id();
        match request.method {
            Method::GET => shown(self, context, request),
            Method::PUT => write(context, request, context.world.resource(&id).is_none()),
            Method::PATCH if context.world.resource(&id).is_none() => Answer::not_found(&request.path),
            Method::PATCH => write(context, request, false),
            Method::DELETE if context.world.resource(&id).is_none() => Answer::empty(204).accepted(false),
            Method::DELETE => {
                // Documented: one that still runs is ended. It shows in no answer, for it is gone.
                let operation = begin(context, request, "delete", SCRIPT_REMOVED, Value::Null);
                context.links(Answer::empty(202), &operation)
            }
            _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
        }
    }

    /// Without `$expand` nobody hears how it went.
    fn show(&self, _: &Context<'_>, seen: &Resource) -> Value {
        seen.body.clone()
    }

    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        match operation.verb.as_str() {
            "delete" => {
                context.world.remove(&operation.subject);
                Ok(())
            }
            "write" => ended(context, operation),
            _ => Ok(()),
        }
    }

    /// The extension did not get as far as the script.
    fn abandon(&self, context: &mut Context<'_>, operation: &Operation) {
        if operation.verb == "write"
            && let Some(resource) = context.world.change(&operation.subject)
        {
            set(
                &mut resource.body,
                &["properties", "provisioningState"],
                json!("Failed"),
            );
            // A script that has ended keeps what it said; of one that has not nobody hears any more.
            if resource.state["view"]["endTime"].is_null() {
                resource.state = json!({"view": {"executionState": "Unknown"}});
            }
        }
    }

    fn happen(&self, context: &mut Context<'_>, happening: &crate::world::Happening) {
        // A script that nobody waited for has ended.
        let (Some(id), Ok(script)) = (
            happening.data["id"].as_str(),
            serde_json::from_value::<Script>(happening.data["script"].clone()),
        ) else {
            return;
        };
        let run = happening.data["run"].clone();
        let now = context.time(context.now);
        if let Some(resource) = context.world.change(id)
            && resource.state["run"] == run
        {
            end(resource, &script, &now);
        }
    }

    /// Recorded: a time for the end, and the older form's output.
    fn status(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        let mut body = status_body(context, operation);
        if let (true, Some(ends)) = (operation.progress.over(), operation.ends) {
            body["endTime"] = json!(context.time(ends));
        }
        if let Some(output) = output(operation) {
            body["properties"] = json!({"output": output});
        }
        Answer::json(200, body)
    }

    /// Recorded: another answer than that of the status, behind a URL with the same path.
    fn result(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        match (&operation.progress, output(operation)) {
            (Progress::Running, _) => context.links(Answer::empty(202), operation),
            (Progress::Failed { code, message }, _) => Answer::error(409, code, message.as_str()),
            (_, Some(output)) => Answer::json(200, output),
            _ => match context.seen(&operation.subject) {
                Some(resource) => Answer::json(200, resource.body.clone()),
                None => Answer::empty(204),
            },
        }
    }
}

fn shown(provider: &RunCommands, context: &Context<'_>, request: &ArmRequest) -> Answer {
    let machine = match request.path.collection() {
        Some(_) => request.path.id(),
        None => parent(&request.path.id()),
    };
    if context.seen(&machine).is_none() {
        return Answer::not_found(&request.path);
    }
    let answer = read(provider, context, request);
    let wanted = request
        .query("$expand")
        .is_some_and(|wanted| wanted.eq_ignore_ascii_case("instanceView"));
    match (answer, context.seen(&request.path.raw)) {
        (
            Answer {
                body: Body::Json(mut body),
                status,
                ..
            },
            Some(resource),
        ) if wanted => {
            set(&mut body, &["properties", "instanceView"], view(resource));
            Answer::json(status, body)
        }
        (answer, _) => answer,
    }
}

/// Returns the machine of a run command.
fn parent(id: &str) -> String {
    id.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned()
}

fn view(resource: &Resource) -> Value {
    match &resource.state["view"] {
        Value::Object(view) => Value::Object(view.clone()),
        _ => json!({"executionState": "Pending"}),
    }
}

fn write(context: &mut Context<'_>, request: &ArmRequest, fresh: bool) -> Answer {
    let id = request.path.id();
    let machine = parent(&id);
    let asked = request.json();
    let (name, region) = match context.world.resource(&machine) {
        None => {
            return Answer::gateway(
                404,
                "ParentResourceNotFound",
                format!(
                    "Failed to perform 'write' on resource(s) of type 'virtualMachines/runCommands', because the parent \
                     resource '{machine}' could not be found."
                ),
            );
        }
        // The code is an inference.
        Some(machine) if stopped(machine) => {
            return Answer::error(
                409,
                "OperationNotAllowed",
                "Cannot modify extensions in the VM when the VM is not running.",
            );
        }
        Some(machine) => (machine.name().to_owned(), machine.region.clone()),
    };
    if let Some(refused) = refused(&asked, fresh) {
        return refused;
    }
    let mut made = match context.world.resource(&id) {
        Some(known) if request.method == Method::PATCH => known.clone(),
        _ => plain::resource(&request.path, &region, json!({"properties": {}})),
    };
    merge(
        &mut made.body,
        &json!({"tags": asked["tags"], "properties": asked["properties"]}),
    );
    made.body["location"] = json!(region);
    // What is protected is never shown again.
    if let Some(properties) = made.body["properties"].as_object_mut() {
        properties.retain(|name, _| {
            !["protectedParameters", "runAsPassword", "instanceView"].contains(&name.as_str())
        });
        for name in ["asyncExecution", "treatFailureAsDeploymentFailure"] {
            properties.entry(name).or_insert(json!(false));
        }
    }
    let word = if fresh { "Creating" } else { "Updating" };
    made.body["properties"]["provisioningState"] = json!(word);
    let source = made.body["properties"]["source"]["script"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let script = found(context.world, &name, &source);
    let run = context.guid("run");
    made.state = json!({
        "run": run,
        "view": {"executionState": "Running", "startTime": context.time(context.now)},
    });
    let shown = made.body.clone();
    let lasts = script.lasts.map_or_else(
        || context.around("script", SCRIPT_RAN),
        |given| given.unsigned_abs(),
    );
    let lets_go = made.body["properties"]["asyncExecution"] == true;
    context.world.put(made);
    let state = json!({"script": script, "run": run});
    let operation = match lets_go {
        true => {
            let data = json!({"id": id, "script": state["script"], "run": run});
            context.schedule(RUN_COMMANDS, lasts, "script-ends", data);
            let begun = context.around("lasts", SCRIPT_REMOVED);
            begin(context, request, "write", begun, Value::Null)
        }
        false => begin(context, request, "write", lasts, state),
    };
    context.links(Answer::json(if fresh { 201 } else { 200 }, shown), &operation)
}

/// Refuses what has no script. The specification: one of three sources, and of a parameter name and value.
fn refused(asked: &Value, fresh: bool) -> Option<Answer> {
    let source = &asked["properties"]["source"];
    let sources = ["script", "scriptUri", "commandId"]
        .iter()
        .filter(|name| source[**name].is_string())
        .count();
    let named = ["parameters", "protectedParameters"].iter().all(|list| {
        let list = asked["properties"][*list].as_array().into_iter().flatten();
        list.into_iter()
            .all(|one| one["name"].is_string() && one["value"].is_string())
    });
    let whole = (sources == 1 || !fresh && sources == 0) && named;
    (!whole).then(|| {
        Answer::error(
            400,
            "InvalidParameter",
            "A run command takes one of script, scriptUri and commandId, and of each parameter its name and value.",
        )
    })
}

/// Returns what comes of a script on a machine: what the world says first, else success.
fn found(world: &World, machine: &str, text: &str) -> Script {
    let known = world.scripts.iter().find(|script| {
        let here = script
            .machine
            .as_ref()
            .is_none_or(|name| name.eq_ignore_ascii_case(machine));
        here && script
            .contains
            .as_ref()
            .is_none_or(|part| text.contains(part.as_str()))
    });
    known.cloned().unwrap_or_default()
}

/// Begins what takes its time. Recorded: both URLs have one path, and differ by `monitor=true`.
fn begin(
    context: &mut Context<'_>,
    request: &ArmRequest,
    verb: &str,
    lasts: Duration,
    state: Value,
) -> Operation {
    let id = request.path.id();
    let region = context
        .world
        .resource(&id)
        .map_or_else(|| "global".to_owned(), |resource| resource.region.clone());
    let mut begin = Begin::new(RUN_COMMANDS, &region, &id, verb, &request.api_version(), lasts);
    let under = format!(
        "/subscriptions/{}/providers/Microsoft.Compute/locations/{region}/operations",
        request.path.subscription.as_deref().unwrap_or_default()
    );
    begin.status_under = Some(under.clone());
    begin.result_under = Some(under);
    begin.state = state;
    context.begin(begin)
}

/// The operation of a run command has ended: with its script, or with its beginning where nobody waits for that.
fn ended(context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
    let now = context.time(context.now);
    let machine = parent(&operation.subject);
    let alive = context.world.resource(&machine).is_some_and(|machine| {
        !stopped(machine) && context.world.health(&machine.region, context.now) == Health::Up
    });
    let Some(resource) = context.world.change(&operation.subject) else {
        return Ok(());
    };
    if !alive {
        // The code is an inference: nobody answers for the machine any more.
        return Err(Failure {
            code: "VMAgentStatusCommunicationError".to_owned(),
            message: "VM has not reported status for VM agent or extensions.".to_owned(),
        });
    }
    let Ok(script) = serde_json::from_value::<Script>(operation.state["script"].clone()) else {
        resource.body["properties"]["provisioningState"] = json!("Succeeded");
        return Ok(());
    };
    if resource.state["run"] != operation.state["run"] {
        return Ok(());
    }
    end(resource, &script, &now);
    let counts = resource.body["properties"]["treatFailureAsDeploymentFailure"] == true;
    if counts && script.exit_code != 0 {
        // Documented by the specification: only then does the operation say so.
        return Err(Failure {
            code: "VMExtensionProvisioningError".to_owned(),
            message: format!("The script ended with exit code {}.", script.exit_code),
        });
    }
    resource.body["properties"]["provisioningState"] = json!("Succeeded");
    Ok(())
}

fn end(resource: &mut Resource, script: &Script, now: &str) {
    let word = match (&script.state, script.exit_code) {
        (Some(word), _) => word.clone(),
        (None, 0) => "Succeeded".to_owned(),
        (None, _) => "Failed".to_owned(),
    };
    let mut view = resource.state["view"].clone();
    merge(
        &mut view,
        &json!({
            "executionState": word, "executionMessage": "", "exitCode": script.exit_code,
            "output": script.stdout, "error": script.stderr, "endTime": now, "statuses": [],
        }),
    );
    set(&mut resource.state, &["view"], view);
}

/// Runs a script by the older form, as an action of a machine.
pub(super) fn act(context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let id = request.path.id();
    let Some(machine) = context.world.resource(&id) else {
        return Answer::not_found(&request.path);
    };
    if stopped(machine) {
        return Answer::error(
            409,
            "OperationNotAllowed",
            "The operation requires the VM to be running (or set to run).",
        );
    }
    let name = machine.name().to_owned();
    let busy = context.world.operations.values().any(|other| {
        other.provider == RUN_COMMANDS
            && other.verb == "act"
            && !other.progress.over()
            && super::same(&other.subject, &id)
    });
    if busy {
        // Documented: one at a time. Status and words are inferences.
        return Answer::error(
            409,
            "Conflict",
            "Run command extension execution is in progress. Please wait for completion before invoking a run command.",
        );
    }
    let asked = request.json();
    if !asked["commandId"].is_string() {
        return Answer::error(
            400,
            "InvalidParameter",
            "Required parameter 'commandId' is missing (null).",
        );
    }
    let lines = asked["script"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let script = found(context.world, &name, &lines.collect::<Vec<_>>().join("\n"));
    let lasts = script.lasts.map_or_else(
        || context.around("lasts", SCRIPT_RAN),
        |given| given.unsigned_abs(),
    );
    let operation = begin(context, request, "act", lasts, json!({"script": script}));
    context.links(Answer::empty(202), &operation)
}

/// Returns what the older form says at its end: that it succeeded, whatever the script did.
fn output(operation: &Operation) -> Option<Value> {
    if operation.verb != "act" || operation.progress != Progress::Succeeded {
        return None;
    }
    let script: Script = serde_json::from_value(operation.state["script"].clone()).unwrap_or_default();
    let mut said = format!(
        "Enable succeeded: \n[stdout]\n{}\n[stderr]\n{}",
        script.stdout, script.stderr
    );
    if said.len() > KEPT {
        let from = (said.len() - KEPT..)
            .find(|at| said.is_char_boundary(*at))
            .unwrap_or_default();
        said = said[from..].to_owned();
    }
    Some(json!({"value": [{
        "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded",
        "message": said,
    }]}))
}
