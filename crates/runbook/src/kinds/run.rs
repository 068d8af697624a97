//! Commands on the machine that runs leeward.

use super::common::{AWAY, LATE, MOVES_AND_DRILL, gives, may, need, seconds};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Shape, Stands};

/// `run.command`.
pub(super) static COMMAND: Kind = Kind {
    name: "run.command",
    summary: "Runs a program here, given as a list of arguments; no shell is asked",
    settings: &[
        need(
            "command",
            Shape::List(&Shape::Text),
            Stands::With,
            "The program and its arguments, each a text of its own",
        ),
        may(
            "env",
            Shape::Table(&Shape::Either(&[Shape::Secret, Shape::Text])),
            Stands::With,
            "Variables it sees; a secret only where it is named here, as a reference",
        ),
        may(
            "file",
            Shape::File,
            Stands::With,
            "A file or folder of the runbook that it works on, pinned by the plan; it is the working folder",
        ),
        may(
            "input",
            Shape::Text,
            Stands::With,
            "What it reads from its standard input",
        ),
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: AWAY,
    ladder: &[],
    has_goal: false,
    outputs: &[
        gives("exit-code", "Exit code of the program"),
        gives("output", "Its last lines, marked as foreign text"),
    ],
    control_plane: ControlPlane::None,
    permissions: &[],
    operations: &[OperationDeclaration {
        name: "run",
        rung: None,
        sends: "the program, once",
        goal: "none of its own: the step's `goal`, or `repeat: safe`",
        repeat: RepeatClass::OneShot,
        settling: LATE,
        witnesses: "nobody",
        source: "inference",
    }],
    forecast: seconds(30),
    foreign: true,
    free_at: true,
};
