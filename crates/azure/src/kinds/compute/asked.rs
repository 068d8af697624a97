//! What is a script on a machine asked to do? Read from the step's settings; secrets only at the moment of sending.

use leeward_engine::{
    id::{AttemptKey, RunId, StepId},
    port::{Context, DriverError},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::API;
use crate::{
    arm::{ArmPath, Method, Request},
    kinds::{secrets::Opened, settings},
};

/// What the step asks for.
pub(super) struct Asked {
    /// The machine's name.
    pub(super) machine: String,
    /// The machine's path.
    pub(super) path: String,
    /// Exit codes that mean success.
    pub(super) expect: Vec<i64>,
}

impl Asked {
    /// Reads the settings. What cannot be found in the plan is an error before anything is sent.
    pub(super) fn read(context: &Context) -> Result<Asked, DriverError> {
        let machine = settings::name(&context.settings, "machine")?.to_owned();
        let path = settings::group_path(context, &context.target)?
            .provider("Microsoft.Compute")
            .pair("virtualMachines", &machine)
            .build()
            .map_err(settings::impossible)?;
        let expect = match context.settings.get("expect") {
            None | Some(Value::Null) => vec![0],
            Some(Value::Array(list)) => list.iter().filter_map(whole).collect(),
            Some(one) => whole(one).into_iter().collect(),
        };
        if expect.is_empty() {
            return Err(impossible("`expect` names no exit code".to_owned()));
        }
        script(context)?;
        Ok(Asked {
            machine,
            path,
            expect,
        })
    }

    /// Asks for the machine and how it is.
    pub(super) fn machine(&self) -> Request {
        Request::get(&self.path, API).query("$expand", "instanceView")
    }

    /// Asks for the run commands of the machine.
    pub(super) fn all(&self) -> Request {
        Request::get(format!("{}/runCommands", self.path), API)
    }

    /// Asks for one of them, and how it went.
    pub(super) fn one(&self, name: &str) -> Result<Request, String> {
        Ok(Request::get(self.path_of(name)?, API).query("$expand", "instanceView"))
    }

    /// Takes one away.
    pub(super) fn removal(&self, name: &str) -> Result<Request, String> {
        Ok(Request::new(Method::Delete, self.path_of(name)?, API))
    }

    fn path_of(&self, name: &str) -> Result<String, String> {
        ArmPath::resource(&self.path)
            .pair("runCommands", name)
            .build()
            .map_err(|bad| bad.to_string())
    }

    /// Makes the request that runs the script, secrets included. It is written to a socket and nowhere else.
    pub(super) fn request(
        &self,
        context: &Context,
        location: &str,
        key: &AttemptKey,
        opened: &mut Opened,
    ) -> Result<Request, String> {
        let written = &context.settings;
        let mut properties = json!({
            "source": {"script": script(context).map_err(|error| error.to_string())?},
            // The operation ends with the script. What it ends as says nothing about the script.
            "asyncExecution": false,
            "treatFailureAsDeploymentFailure": false,
            "timeoutInSeconds": i32::try_from(context.step.timeout.as_secs()).unwrap_or(i32::MAX),
        });
        for (setting, field) in [
            ("parameters", "parameters"),
            ("protected-parameters", "protectedParameters"),
        ] {
            let pairs = match setting {
                "parameters" => plain(written.get(setting)),
                _ => opened
                    .table(written.get(setting))
                    .map_err(|error| error.to_string())?,
            };
            if !pairs.is_empty() {
                let pairs = pairs
                    .into_iter()
                    .map(|(name, value)| json!({"name": name, "value": value}));
                properties[field] = pairs.collect();
            }
        }
        if let Some(user) = settings::optional_text(written, "as-user") {
            properties["runAsUser"] = json!(user);
        }
        if let Some(password) = settings::optional_text(written, "as-user-password") {
            properties["runAsPassword"] = json!(opened.value(password).map_err(|error| error.to_string())?);
        }
        let body = json!({
            "location": location,
            "tags": {"leeward-run": key.run.to_string(), "leeward-step": key.step.to_string()},
            "properties": properties,
        });
        let path = self.path_of(&name(key))?;
        Ok(Request::new(Method::Put, path, API).body(body))
    }
}

/// Opens every secret of the step, so that it can be taken out of what the script says.
pub(super) fn secrets(context: &Context) -> Result<Opened, String> {
    let mut opened = Opened::default();
    let failed = |error: crate::credential::CredentialError| error.to_string();
    opened
        .table(context.settings.get("protected-parameters"))
        .map_err(failed)?;
    if let Some(password) = settings::optional_text(&context.settings, "as-user-password") {
        opened.value(password).map_err(failed)?;
    }
    Ok(opened)
}

/// Returns how the names of all run commands of one step of one run begin.
pub(super) fn prefix(run: &RunId, step: &StepId) -> String {
    let own = Uuid::new_v5(&run.correlation(), format!("{step}/run-command").as_bytes());
    format!("leeward-{}-", &own.simple().to_string()[..16])
}

/// Returns the name of one send: the same run, step, attempt and send give the same, so that a lost answer can be
/// looked for, and no send writes over what another one has begun.
pub(super) fn name(key: &AttemptKey) -> String {
    format!("{}{}-{}", prefix(&key.run, &key.step), key.attempt, key.send)
}

/// Returns which attempt and send a name is of; nothing where it is not one of this step of this run.
pub(super) fn number(name: &str, prefix: &str) -> Option<(u32, u32)> {
    let folded = name.to_ascii_lowercase();
    let (attempt, send) = folded.strip_prefix(prefix)?.split_once('-')?;
    Some((attempt.parse().ok()?, send.parse().ok()?))
}

/// Returns the script: as written, or out of the file that the plan pinned.
fn script(context: &Context) -> Result<String, DriverError> {
    let written = settings::optional_text(&context.settings, "script");
    let file = settings::optional_text(&context.settings, "file");
    match (written, file) {
        (Some(script), None) => Ok(script.to_owned()),
        (None, Some(file)) => pinned(context, file),
        (None, None) => Err(impossible("there is neither a `script` nor a `file`".to_owned())),
        (Some(_), Some(_)) => Err(impossible("there is a `script` and a `file`".to_owned())),
    }
}

fn pinned(context: &Context, file: &str) -> Result<String, DriverError> {
    let bare = |path: &str| path.trim_start_matches("./").to_owned();
    let known = context.plan.files.keys().find(|path| bare(path) == bare(file));
    let bytes = known.and_then(|path| context.files.read(path));
    let bytes = bytes.ok_or_else(|| impossible(format!("the plan pinned no file `{file}`")))?;
    String::from_utf8(bytes).map_err(|_| impossible(format!("`{file}` is no text, and a script is one")))
}

fn plain(written: Option<&Value>) -> Vec<(String, String)> {
    let pairs = written.and_then(Value::as_object).into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect()
}

fn whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

fn impossible(reason: String) -> DriverError {
    DriverError::Impossible { reason }
}
