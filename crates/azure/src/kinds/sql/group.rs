//! How does a failover group change sides? The side that takes over is asked, and only its view counts.

use async_trait::async_trait;
use leeward_engine::{
    id::AttemptKey,
    port::{Context, Driver, DriverError},
    work::{Assessment, Loss, Observation, Operation, Outputs, Progress, Sent, Ticket},
};
use leeward_runbook::journey::Journey;
use serde::{Deserialize, Serialize};

use super::{
    copy::{self, Copy},
    judge, ladder, lag,
    lag::Lag,
    side::{GroupSide, Of, Verb},
    view::GroupView,
};
use crate::{
    arm::{Arm, lro, refusal},
    kinds::settings,
    registry::Seams,
};

/// Drives failover groups of one sort.
pub(super) struct Group {
    pub(super) arm: Arm,
    pub(super) seams: Seams,
    pub(super) of: Of,
}

/// Which side a drill's switch asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Turn {
    /// The side that takes over.
    #[default]
    There,
    /// The side that served: a drill comes home.
    Back,
}

/// What an operation carries over a restart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Switch {
    turn: Turn,
    outputs: Outputs,
}

/// What an operation is.
enum Does {
    Switch(GroupSide, Turn, Outputs),
    Copy(Copy),
}

impl Group {
    pub(super) fn new(seams: &Seams, of: Of) -> Group {
        Group {
            arm: seams.arm.clone(),
            seams: seams.clone(),
            of,
        }
    }

    /// Reads what an operation is, also after a restart.
    fn does(&self, context: &Context, operation: &Operation) -> Result<Does, DriverError> {
        if let Ok(copy) = serde_json::from_value::<Copy>(operation.payload.clone()) {
            return Ok(Does::Copy(copy));
        }
        let switch: Switch = serde_json::from_value(operation.payload.clone()).unwrap_or_default();
        let side = match switch.turn {
            Turn::There => GroupSide::target(self.of, context)?,
            Turn::Back => GroupSide::source(self.of, context)?,
        };
        Ok(Does::Switch(side, switch.turn, switch.outputs))
    }

    /// Reads the lag of replication, where the runbook says how.
    pub(super) async fn lag(&self, context: &Context, view: Option<&GroupView>) -> Lag {
        lag::read(&self.seams, self.of, context, view).await
    }
}

#[async_trait]
impl Driver for Group {
    fn targets(&self, context: &Context) -> Vec<String> {
        [
            GroupSide::target(self.of, context),
            GroupSide::source(self.of, context),
        ]
        .into_iter()
        .flatten()
        .map(|side| side.folded())
        .collect()
    }

    async fn measure(&self, context: &Context) -> Result<Vec<Loss>, DriverError> {
        match context.plan.journey {
            Journey::Failover | Journey::Failback => {
                let name = settings::name(&context.settings, "failover-group")?;
                let lag = self.lag(context, None).await;
                Ok(vec![ladder::loss(self.of, context, name, &lag)])
            }
            Journey::Drill | Journey::Reprotect => Ok(Vec::new()),
        }
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        match context.plan.journey {
            Journey::Failover | Journey::Failback => self.assess_switch(context).await,
            Journey::Drill => self.assess_drill(context).await,
            Journey::Reprotect => self.assess_reprotect(context).await,
        }
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        let arm = self.arm.for_step(context);
        match self.does(context, operation) {
            Ok(Does::Copy(copy)) => copy::observe(&arm, &context.run.0, &copy).await,
            Ok(Does::Switch(side, turn, known)) => {
                let view = side.view(&arm).await;
                let mut seen = match (turn, GroupSide::target(self.of, context)) {
                    (Turn::There, _) => judge::observe(&side.what(), view),
                    // Home was primary all along: only both views together tell a drill that is over from one that
                    // has hardly begun.
                    (Turn::Back, Ok(there)) => {
                        let other = there.view(&arm).await;
                        judge::home((&side.what(), view), (&there.what(), other))
                    }
                    (Turn::Back, Err(error)) => Observation::Barred {
                        evidence: error.to_string(),
                    },
                };
                if let Observation::Holds { outputs, .. } = &mut seen {
                    outputs.extend(known);
                }
                seen
            }
            Err(error) => Observation::Barred {
                evidence: error.to_string(),
            },
        }
    }

    async fn begin(&self, context: &Context, operation: &Operation, rung: &str, key: &AttemptKey) -> Sent {
        let arm = self.arm.for_step(context);
        match (self.does(context, operation), Verb::of(rung)) {
            (Ok(Does::Copy(copy)), _) => copy::begin(&arm, &context.run.0, &copy, key).await,
            (Ok(Does::Switch(side, ..)), Some(verb)) => side.switch(&arm, key, verb).await,
            (Ok(_), None) => {
                refusal::refused_here("UnknownRung", format!("a failover group has no rung `{rung}`"))
            }
            (Err(error), _) => refusal::refused_here("InvalidSettings", error.to_string()),
        }
    }

    async fn poll(&self, context: &Context, _operation: &Operation, ticket: &Ticket) -> Progress {
        // The status is enough: the goal is read from the group itself.
        match lro::poll_once(&self.arm.for_step(context), ticket, &lro::FinalState::Status).await {
            Progress::Failed { code, message, .. } => Progress::Failed {
                retryable: judge::retryable(&code),
                code,
                message,
            },
            progress => progress,
        }
    }
}
