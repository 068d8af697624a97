//! `leeward status`: how a run stands, or which side serves.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use leeward_engine::{
    id::RunId,
    port::{Clock, LeaseInfo},
    view::RunView,
};
use serde::Serialize;

use super::{Desk, mail};
use crate::{
    exit::Exit,
    failure::Failure,
    ports::{self, runtime},
    screen::{Lease, status},
};

/// What `leeward status` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run; the newest unfinished one, else the newest, when left out
    #[arg(value_name = "RUN", conflicts_with = "world")]
    pub run: Option<String>,
    /// Read which side each target of this runbook serves from; needs no journal
    #[arg(long, value_name = "RUNBOOK")]
    pub world: Option<PathBuf>,
    /// With --world: set a parameter
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "world")]
    pub set: Vec<String>,
    /// With --world: read parameters from a YAML or JSON file
    #[arg(long, value_name = "FILE", requires = "world")]
    pub parameters: Option<PathBuf>,
    /// End with the code that the run would end with
    #[arg(long, conflicts_with = "world")]
    pub exit_code: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One screen
    Human,
    /// JSON
    Json,
}

#[derive(Serialize)]
struct Machine<'a> {
    format: &'static str,
    version: u32,
    exit: u8,
    lease: Option<&'a LeaseInfo>,
    #[serde(flatten)]
    view: &'a RunView,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    if let Some(runbook) = &arguments.world {
        return super::world::run(desk, runbook, &arguments);
    }
    runtime::light(async {
        let found = mail::find_to_read(desk, arguments.run.clone().map(RunId)).await?;
        let view = &found.view;
        let text = match arguments.format {
            Format::Human => {
                let lease = match &found.lease {
                    Some(lease) => Lease::Held(lease.clone()),
                    None => Lease::Free,
                };
                status(view, &lease, ports::clock::real().now().wall, desk.terminal.out)
            }
            Format::Json => {
                let machine = Machine {
                    format: "leeward-status",
                    version: 1,
                    exit: Exit::of(view).code(),
                    lease: found.lease.as_ref(),
                    view,
                };
                serde_json::to_string_pretty(&machine).map_err(|error| Failure::defect(error.to_string()))?
            }
        };
        desk.terminal.result(&text)?;
        Ok(match arguments.exit_code {
            true => Exit::of(view),
            false => Exit::Holds,
        })
    })
}
