//! What is found out before a switch, and when is a group protected again? Reads only.

use leeward_engine::{
    id::OperationId,
    port::{Context, DriverError, SourceRegion},
    work::{Assessment, Operation, Outputs, Phase},
};
use serde_json::{Value, json};

use super::{
    group::Group,
    ladder,
    links::{self, Links},
    member,
    side::{GroupSide, Of, disagree},
    view::{GroupView, Replication, Role},
};
use crate::arm::{Arm, ReadError};

/// Why the side that serves was not read.
struct Unread {
    /// Nobody answered for it, which is more than a refusal.
    silent: bool,
    reason: String,
}

impl Group {
    /// Reads the side that serves, where it may be asked at all. It is never needed.
    async fn other_view(&self, arm: &Arm, context: &Context) -> Result<Option<GroupView>, Unread> {
        if context.source_region == SourceRegion::Closed {
            return Ok(None);
        }
        let side = GroupSide::source(self.of, context).map_err(|error| Unread {
            silent: false,
            reason: error.to_string(),
        })?;
        match side.view(arm).await {
            Ok(view) => Ok(Some(view)),
            Err(error) => Err(Unread {
                silent: match &error {
                    ReadError::Answered(answer) => answer.status >= 500 || answer.status == 408,
                    ReadError::Unreachable { .. } => true,
                },
                reason: format!("{} was not readable: {error}", side.what()),
            }),
        }
    }

    /// Reads the replication links of the side that takes over. A link never stops a forced switch.
    async fn links(
        &self,
        arm: &Arm,
        context: &Context,
        side: &GroupSide,
        view: &GroupView,
    ) -> Result<Option<Links>, String> {
        if self.of == Of::Instances {
            return Ok(None);
        }
        let partner = GroupSide::source(self.of, context).map_err(|error| error.to_string())?;
        match links::of_server(arm, side).await {
            Ok(found) => Ok(Some(Links::of(view, &partner.host, &found))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Reads the side that takes over.
    pub(super) async fn target_view(
        &self,
        arm: &Arm,
        context: &Context,
    ) -> Result<(GroupSide, GroupView), DriverError> {
        let side = GroupSide::target(self.of, context)?;
        let view = side
            .view(arm)
            .await
            .map_err(|error| error.into_driver_error(side.what()))?;
        Ok((side, view))
    }

    /// Assesses a real switch.
    pub(super) async fn assess_switch(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (side, view) = self.target_view(&arm, context).await?;
        let open = context.source_region == SourceRegion::Open && !context.plan.region_down;
        if let (Replication::Seeding(word), Role::Secondary) = (&view.replication, &view.role) {
            return Err(seeding(
                &side,
                word,
                "the secondary is still being filled: no switch is possible",
            ));
        }
        // What else is worth knowing is read at once: none of it is needed, and the clock runs.
        let (other, links, member, lag) = tokio::join!(
            self.other_view(&arm, context),
            self.links(&arm, context, &side, &view),
            member::look(&arm, context, &side, &view),
            self.lag(context, Some(&view)),
        );
        let mut warnings = Vec::new();
        let mut silent = false;
        match other {
            Ok(Some(other)) => warnings.extend(disagree(&view, &other)),
            Ok(None) => {}
            Err(unread) => {
                silent = unread.silent;
                warnings.push(unread.reason);
            }
        }
        let mut summary = format!("{} is {view}", side.what());
        match links {
            Ok(None) => {}
            Ok(Some(links)) => {
                // With both sides there, it is worth the wait; in an outage nothing will be copied any more.
                if open && view.role == Role::Secondary && !links.seeding.is_empty() {
                    let message = format!("still being copied: {}", links.seeding.join(", "));
                    return Err(seeding(&side, "SEEDING", &message));
                }
                summary = format!("{summary}; {}", links.summary());
                warnings.extend(links.warnings());
            }
            Err(warning) => warnings.push(warning),
        }
        if view.automatic {
            warnings.push(
                "the group's policy is Automatic: Microsoft may switch it by itself, at the same time"
                    .to_owned(),
            );
        }
        let member = member?;
        warnings.extend(member.warnings);
        let outputs = outputs(&side, member.listener.as_deref());
        Ok(Assessment {
            summary,
            operations: vec![Operation {
                id: OperationId::new("failover"),
                target: side.folded(),
                goal: goal(&side),
                after: Vec::new(),
                phase: Phase::Main,
                rungs: ladder::rungs(self.of, context, &view, silent)?,
                observable: true,
                payload: json!({"outputs": outputs}),
            }],
            losses: vec![ladder::loss(self.of, context, &side.name, &lag)],
            warnings,
            outputs,
            ..Assessment::default()
        })
    }

    /// Replication turns round by itself once the old primary is back; this waits for it.
    pub(super) async fn assess_reprotect(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (side, view) = self.target_view(&arm, context).await?;
        let waits = |message: String| {
            Err(DriverError::Refused {
                what: side.what(),
                code: "NotReplicating".to_owned(),
                message,
                passing: true,
            })
        };
        if !matches!(view.replication, Replication::Healthy(_)) {
            return waits(format!("replication is not healthy yet: {view}"));
        }
        match self.other_view(&arm, context).await {
            Ok(Some(other))
                if disagree(&view, &other).is_some()
                    || !matches!(other.replication, Replication::Healthy(_)) =>
            {
                return waits(format!(
                    "the two sides do not agree yet: {view} here, {other} there"
                ));
            }
            Err(unread) => return waits(unread.reason),
            Ok(_) => {}
        }
        let mut warnings = Vec::new();
        let mut summary = format!("{} is {view}: it is protected", side.what());
        match self.links(&arm, context, &side, &view).await {
            Ok(Some(links)) if links.warnings().is_empty() => {
                summary = format!("{summary}; {}", links.summary())
            }
            Ok(Some(links)) => return waits(links.warnings().join("; ")),
            Ok(None) => {}
            Err(warning) => warnings.push(warning),
        }
        Ok(Assessment {
            summary,
            warnings,
            ..Assessment::default()
        })
    }
}

/// Returns the goal of a switch, in words.
pub(super) fn goal(side: &GroupSide) -> String {
    match side.of {
        Of::Servers => format!("{} is primary of {}", side.host, side.name),
        Of::Instances => format!("{} is primary of {}", side.region, side.name),
    }
}

/// Returns what a step leaves for others once its side is primary.
pub(super) fn outputs(side: &GroupSide, listener: Option<&str>) -> Outputs {
    let mut outputs = Outputs::from([("primary".to_owned(), Value::from(side.region.clone()))]);
    if let Some(listener) = listener {
        outputs.insert("listener".to_owned(), Value::from(listener));
    }
    outputs
}

fn seeding(side: &GroupSide, word: &str, message: &str) -> DriverError {
    DriverError::Refused {
        what: side.what(),
        code: word.to_owned(),
        message: message.to_owned(),
        passing: true,
    }
}
