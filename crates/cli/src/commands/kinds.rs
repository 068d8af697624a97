//! `leeward kinds`: the kinds of steps, or one of them in full.

use clap::{Args, ValueEnum};
use leeward_runbook::{
    kind::Kind,
    kinds::{catalogue, find, names},
    units,
};
use serde_json::{Value, json};

use super::Desk;
use crate::{
    code::Code,
    exit::Exit,
    failure::Failure,
    screen::{self, nearest},
};

/// What `leeward kinds` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// One kind, such as azure.aks.cluster
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text
    Human,
    /// JSON
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let paint = desk.terminal.out;
    let text = match (&arguments.kind, arguments.format) {
        (None, Format::Human) => screen::kinds(catalogue(), paint),
        (None, Format::Json) => document(catalogue().iter().map(|kind| machine(kind)).collect()),
        (Some(name), format) => {
            let kind = find(name).ok_or_else(|| unknown(name))?;
            match format {
                Format::Human => screen::kind(kind, paint),
                Format::Json => document(vec![machine(kind)]),
            }
        }
    };
    desk.terminal.result(&text)?;
    Ok(Exit::Holds)
}

fn unknown(name: &str) -> Failure {
    let failure = Failure::new(Code::NoSuchWord, format!("there is no kind `{name}`"));
    let failure = match nearest(name, names()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    };
    failure.hint("run `leeward kinds` to see all of them")
}

fn document(kinds: Vec<Value>) -> String {
    let all = json!({"format": "leeward-kinds", "version": 1, "kinds": kinds});
    format!("{all:#}\n")
}

fn machine(kind: &Kind) -> Value {
    let settings: Vec<Value> = kind
        .settings
        .iter()
        .map(|setting| {
            let default: Option<Value> = setting.default.and_then(|text| serde_json::from_str(text).ok());
            json!({
                "name": setting.name,
                "holds": screen::shape(&setting.shape),
                "required": setting.required,
                "default": default,
                "summary": setting.summary,
            })
        })
        .collect();
    let operations: Vec<Value> = kind
        .operations
        .iter()
        .map(|operation| {
            json!({
                "name": operation.name,
                "rung": operation.rung,
                "sends": operation.sends,
                "goal": operation.goal,
                "repeat": operation.repeat,
                "settling": units::show_duration(operation.settling),
                "witnesses": operation.witnesses,
                "source": operation.source,
            })
        })
        .collect();
    let outputs: Vec<Value> = kind
        .outputs
        .iter()
        .map(|output| json!({"name": output.name, "summary": output.summary}))
        .collect();
    json!({
        "name": kind.name,
        "summary": kind.summary,
        "journeys": kind.journeys,
        "default-journeys": kind.default_journeys,
        "ladder": kind.ladder,
        "has-goal": kind.has_goal,
        "forecast": units::show_duration(kind.forecast),
        "permissions": kind.permissions,
        "settings": settings,
        "operations": operations,
        "outputs": outputs,
    })
}
