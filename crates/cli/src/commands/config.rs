//! `leeward config`: every setting, its value, and where that came from.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::Desk;
use crate::{
    exit::Exit,
    failure::Failure,
    screen::{Columns, Label},
    settings::KEYS,
};

/// What `leeward config` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table
    Human,
    /// JSON
    Json,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let text = match arguments.format {
        Format::Human => human(desk),
        Format::Json => machine(desk),
    };
    desk.terminal.result(&text)?;
    Ok(Exit::Holds)
}

/// Hides a secret that was written where its reference belongs.
fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    let reference = value.starts_with("env:") || value.starts_with("file:");
    match name == "secret" && !reference {
        true => "(hidden: write env:NAME or file:PATH here, not the secret)",
        false => value,
    }
}

fn human(desk: &Desk) -> String {
    let paint = desk.terminal.out;
    let mut table = Columns::new(&["setting", "value", "from", "meaning"]);
    for key in &KEYS {
        let (value, origin) = match desk.settings.get(key.name) {
            Some((value, origin)) => (shown(key.name, value).to_owned(), origin.to_string()),
            None => ("-".to_owned(), "not set".to_owned()),
        };
        table.labelled(vec![
            (key.name.to_owned(), None),
            (value, Some(Label::Figure)),
            (origin, None),
            (key.summary.to_owned(), Some(Label::Quiet)),
        ]);
    }
    let mut text = table.show(paint);
    text.push_str("\nFlags come first, then the environment, then these files:\n");
    for (path, there) in &desk.settings.files {
        let state = if *there { "read" } else { "not there" };
        text.push_str(&format!("  {} ({state})\n", path.display()));
    }
    text
}

fn machine(desk: &Desk) -> String {
    let settings: Vec<_> = KEYS
        .iter()
        .map(|key| {
            let found = desk.settings.get(key.name);
            json!({
                "name": key.name,
                "value": found.map(|(value, _)| shown(key.name, value)),
                "origin": found.map(|(_, origin)| origin.to_string()),
                "flag": key.flag,
                "environment": key.variable,
                "summary": key.summary,
            })
        })
        .collect();
    let files: Vec<_> = desk
        .settings
        .files
        .iter()
        .map(|(path, there)| json!({"path": path, "read": there}))
        .collect();
    let all = json!({"format": "leeward-config", "version": 1, "settings": settings, "files": files});
    format!("{all:#}\n")
}
