//! The leeward command.

use std::process::ExitCode;

fn main() -> ExitCode {
    leeward_cli::run(std::env::args_os()).into()
}
