//! What does a drill do with a failover group? By default it only looks.

use leeward_engine::{
    id::OperationId,
    port::{Context, DriverError},
    work::{Assessment, Operation, Phase, Rung},
};
use serde_json::json;

use super::{
    assess::goal,
    copy,
    group::{Group, Turn},
    ladder,
    side::{GroupSide, Of},
    view::{Replication, Role},
};
use crate::kinds::settings;

/// What the drill says beforehand about a real switch.
pub(super) const FULL_BACKUP: &str = "`real: planned` switches there and back: a full backup is taken after each switch, \
    and may stand in the way of a real failover for hours";

impl Group {
    /// Assesses a drill.
    pub(super) async fn assess_drill(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (side, view) = self.target_view(&arm, context).await?;
        let healthy = matches!(view.replication, Replication::Healthy(_));
        let mut warnings = Vec::new();
        if !healthy {
            warnings.push(format!(
                "a switch now would not be a planned one: {} is {view}",
                side.what()
            ));
        }
        let what = format!("{} is {view}", side.what());
        match (
            self.of,
            settings::optional_text(&context.settings, "real").unwrap_or("no"),
        ) {
            (_, "no") => Ok(Assessment {
                summary: format!("{what}; nothing is changed in a drill"),
                warnings,
                ..Assessment::default()
            }),
            (_, "planned") => {
                // A drill never makes anything worse: it begins only from where a planned switch is sure to work.
                if view.role != Role::Secondary || !healthy {
                    return Err(DriverError::Refused {
                        what: side.what(),
                        code: "NotReplicating".to_owned(),
                        message: format!("a real drill begins from a healthy secondary, and this is {view}"),
                        passing: true,
                    });
                }
                warnings.push(FULL_BACKUP.to_owned());
                let back = GroupSide::source(self.of, context)?;
                Ok(Assessment {
                    summary: format!("{what}; it is switched to {} and back", side.region),
                    operations: vec![
                        self.turn("switch", &side, Turn::There, Phase::Main)?,
                        self.turn("switch-back", &back, Turn::Back, Phase::CleanUp)?,
                    ],
                    warnings,
                    ..Assessment::default()
                })
            }
            (Of::Servers, "copy") => {
                let operations = copy::operations(context, &side, &view)?;
                Ok(Assessment {
                    summary: format!(
                        "{what}; {} databases are copied to {} and dropped again",
                        operations.len() / 2,
                        side.host
                    ),
                    operations,
                    warnings,
                    ..Assessment::default()
                })
            }
            (_, other) => Err(DriverError::Impossible {
                reason: format!("`real: {other}` is no drill of `{}`", self.of.kind()),
            }),
        }
    }

    fn turn(&self, name: &str, side: &GroupSide, turn: Turn, phase: Phase) -> Result<Operation, DriverError> {
        let declared = ladder::declared(self.of, "switch", Some("planned"))?;
        Ok(Operation {
            id: OperationId::new(name),
            target: side.folded(),
            goal: goal(side),
            after: Vec::new(),
            phase,
            rungs: vec![Rung::new("planned", declared.repeat, declared.settling)],
            observable: true,
            payload: json!({"turn": turn}),
        })
    }
}
