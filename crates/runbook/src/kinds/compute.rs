//! Scripts on Azure machines.

use super::common::{
    AWAY, LATE, MOVES_AND_DRILL, RESOURCE_GROUP, SUBSCRIPTION, TENANT, gives, may, need, otherwise, seconds,
};
use crate::kind::{ControlPlane, Kind, OperationDeclaration, RepeatClass, Shape, Stands};

const EXIT: Shape = Shape::Number(-2_147_483_648, 2_147_483_647);

/// `azure.vm.run-command`.
pub(super) static RUN_COMMAND: Kind = Kind {
    name: "azure.vm.run-command",
    summary: "Runs a script on a machine through the managed run command, which tells its exit code",
    settings: &[
        need("machine", Shape::Name, Stands::Either, "Name of the machine"),
        RESOURCE_GROUP,
        SUBSCRIPTION,
        TENANT,
        may(
            "script",
            Shape::Text,
            Stands::With,
            "The script itself; one of `script` and `file`",
        ),
        may(
            "file",
            Shape::File,
            Stands::With,
            "A file of the runbook that holds the script, pinned by the plan",
        ),
        may(
            "parameters",
            Shape::Table(&Shape::Text),
            Stands::Either,
            "Named values that Azure hands to the script",
        ),
        may(
            "protected-parameters",
            Shape::Table(&Shape::Secret),
            Stands::Either,
            "The same for secrets, as references; Azure never shows them again",
        ),
        may(
            "as-user",
            Shape::Text,
            Stands::With,
            "The user of the machine that it runs as; the machine's agent when left out",
        ),
        may(
            "as-user-password",
            Shape::Secret,
            Stands::With,
            "That user's password, as a reference; Windows asks for it",
        ),
        otherwise(
            "expect",
            Shape::Either(&[EXIT, Shape::List(&EXIT)]),
            Stands::With,
            "0",
            "Exit code, or list of them, that means success",
        ),
    ],
    journeys: MOVES_AND_DRILL,
    default_journeys: AWAY,
    ladder: &[],
    has_goal: false,
    outputs: &[
        gives("exit-code", "Exit code of the script"),
        gives(
            "output",
            "The last lines of what it wrote, marked as foreign text",
        ),
    ],
    control_plane: ControlPlane::Target,
    permissions: &[
        "Microsoft.Compute/virtualMachines/read",
        "Microsoft.Compute/virtualMachines/runCommands/read",
        "Microsoft.Compute/virtualMachines/runCommands/write",
        "Microsoft.Compute/virtualMachines/runCommands/delete",
    ],
    operations: &[
        OperationDeclaration {
            name: "run",
            rung: None,
            sends: "PUT …/virtualMachines/{machine}/runCommands/{name of run, step, attempt and send}",
            goal: "a run command of this run ended on the machine as expected; with a step's `goal`, that",
            repeat: RepeatClass::OneShot,
            settling: LATE,
            witnesses: "the run commands on the machine, by their names; instanceView",
            source: "FACTS §8",
        },
        OperationDeclaration {
            name: "remove",
            rung: None,
            sends: "DELETE …/virtualMachines/{machine}/runCommands/{name}, after recovery",
            goal: "no run command of this run that did its work is left on the machine",
            repeat: RepeatClass::Repeatable,
            settling: LATE,
            witnesses: "the run commands on the machine",
            source: "FACTS §8",
        },
    ],
    // 30 s seen.
    forecast: seconds(60),
    foreign: true,
    free_at: true,
};
