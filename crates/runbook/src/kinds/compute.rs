//! Scripts on Azure machines.

use super::common::{
    AWAY, LATE, MOVES_AND_DRILL, RESOURCE_GROUP, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds,
};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Shape, Stands};

/// `azure.vm.run-command`.
pub(super) static RUN_COMMAND: Kind = Kind {
    name: "azure.vm.run-command",
    summary: "Runs a script on a machine through the managed run command, which tells its exit code",
    settings: &[
        need("machine", Shape::Name, Stands::Either, "Name of the machine"),
        RESOURCE_GROUP,
        SUBSCRIPTION,
        TENANT,
        need("script", Shape::File, Stands::With, "The script"),
        otherwise(
            "shell",
            Shape::Word(&["bash", "powershell"]),
            Stands::With,
            "\"bash\"",
            "What reads it",
        ),
        may(
            "environment",
            Shape::Table(&Shape::Either(&[Shape::Secret, Shape::Text])),
            Stands::With,
            "Variables it sees; secrets as references",
        ),
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: AWAY,
    ladder: &[],
    has_goal: false,
    outputs: &[
        gives("exit-code", "Exit code of the script"),
        gives("output", "Its last lines, marked as foreign text"),
    ],
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.Compute/virtualMachines/runCommands/write",
        "Microsoft.Compute/virtualMachines/runCommands/read",
    ],
    operations: &[OperationDeclaration {
        name: "run",
        rung: None,
        sends: "PUT …/virtualMachines/{machine}/runCommands/{name}",
        goal: "none of its own: the step's `goal`, or `repeat: safe`",
        repeat: RepeatClass::OneShot,
        settling: LATE,
        witnesses: "the run command's instanceView",
        source: "FACTS §8",
    }],
    // 30 s seen.
    forecast: seconds(60),
    driven: false,
    foreign: true,
    free_at: true,
};
