//! `leeward status --world`: which side each target serves from, read from Azure without any journal.

use std::path::Path;

use super::{Desk, status::Arguments};
use crate::{exit::Exit, failure::Failure};

/// Runs the verb.
pub(super) fn run(desk: &Desk, runbook: &Path, arguments: &Arguments) -> Result<Exit, Failure> {
    let _ = (desk, runbook, arguments);
    Err(Failure::defect("not built yet"))
}
