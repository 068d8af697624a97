//! Does the vendor's own command line see in the simulator what it would see from Azure?
//!
//! It signs in and moves one thing of each kind. It needs the environment that `tests/judges/install command_line`
//! makes, which takes minutes: `.ci/run` does that, `./test` runs this where it is there. Where it is missing the
//! test says so and passes over.

use leeward_acceptance::judges::clients::{Judge, Versions};

/// Fast: the command line waits for its operations by itself.
const SPEED: u32 = 600;

#[test]
fn the_vendors_command_line_signs_in_and_moves_a_platform() {
    if let Some(verdicts) = Judge::command_line("cli_platform.py").hear(Versions::Newest, SPEED) {
        assert!(verdicts >= 50, "it said only {verdicts} things");
    }
}
