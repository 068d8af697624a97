//! `leeward simulator`: a simulated Azure over HTTP, on loopback.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::Desk;
use crate::{exit::Exit, failure::Failure};

/// What `leeward simulator` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where to listen; loopback only, port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Start from this world
    #[arg(long, value_name = "FILE", required_unless_present = "runbook")]
    pub world: Option<PathBuf>,
    /// Derive the world from this runbook and the world.yaml beside it
    #[arg(long, value_name = "RUNBOOK", conflicts_with = "world")]
    pub runbook: Option<PathBuf>,
    /// With --runbook: set a parameter
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "runbook")]
    pub set: Vec<String>,
    /// Let time run this many times faster
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    pub speed: f64,
    /// Draw every delay and every chance from this number
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Break something on the way: a file of rules
    #[arg(long, value_name = "FILE")]
    pub faults: Vec<PathBuf>,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let _ = (desk, arguments);
    Err(Failure::defect("not built yet"))
}
