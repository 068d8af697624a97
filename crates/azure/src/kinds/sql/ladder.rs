//! Which rungs does a switch have, what would each lose, and what bars it?

use std::{collections::BTreeMap, time::Duration};

use leeward_engine::{
    port::{Context, DriverError, SourceRegion},
    work::{Figure, Loss, Rung},
};
use leeward_runbook::{kind::OperationDeclaration, kinds, plan::LadderRung};

use super::{
    lag::Lag,
    side::{Of, Verb},
    view::{GroupView, Replication, Role},
};

/// How long a planned switch is waited for where the runbook does not say.
const PLANNED_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Returns what the kind declares of one of its operations: the truth about repeat class and settling time.
pub(super) fn declared(
    of: Of,
    name: &str,
    rung: Option<&str>,
) -> Result<&'static OperationDeclaration, DriverError> {
    kinds::find(of.kind())
        .into_iter()
        .flat_map(|kind| kind.operations)
        .find(|operation| operation.name == name && operation.rung == rung)
        .ok_or_else(|| DriverError::Impossible {
            reason: match rung {
                Some(rung) => format!("`{}` has no rung `{rung}`", of.kind()),
                None => format!("`{}` has no operation `{name}`", of.kind()),
            },
        })
}

/// Returns the ladder of the step, with what bars its rungs; `silent` where nobody answered for the primary.
pub(super) fn rungs(
    of: Of,
    context: &Context,
    view: &GroupView,
    silent: bool,
) -> Result<Vec<Rung>, DriverError> {
    let otherwise = [
        LadderRung {
            name: "planned".to_owned(),
            within: Some(PLANNED_WITHIN),
        },
        LadderRung {
            name: "forced".to_owned(),
            within: None,
        },
    ];
    let ladder = context
        .step
        .data_loss
        .as_ref()
        .map_or(otherwise.as_slice(), |loss| &loss.ladder);
    let forced_follows = ladder.iter().any(|rung| rung.name == "forced");
    ladder
        .iter()
        .map(|rung| {
            let declared = declared(of, "switch", Some(&rung.name))?;
            let verb = Verb::of(&rung.name).ok_or_else(|| DriverError::Impossible {
                reason: format!("a failover group has no rung `{}`", rung.name),
            })?;
            Ok(Rung {
                name: rung.name.clone(),
                repeat: declared.repeat,
                settling: declared.settling,
                within: rung.within,
                lossy: verb.is_lossy(),
                // Azure refuses it cleanly (409 busy) while an earlier one is in motion.
                beside: verb.is_lossy(),
                skip: barred(context, view, verb, forced_follows, silent),
            })
        })
        .collect()
}

/// Returns why a rung is known to fail, or to do nothing but wait.
fn barred(
    context: &Context,
    view: &GroupView,
    verb: Verb,
    forced_follows: bool,
    silent: bool,
) -> Option<String> {
    let down = context.plan.region_down || context.source_region == SourceRegion::Closed;
    let region = &context.plan.source.region;
    match verb {
        Verb::Forced => None,
        Verb::Planned if down => Some(format!(
            "the outage of {region} is declared, and a planned switch needs both sides"
        )),
        Verb::TryPlanned if down && forced_follows => Some(format!(
            "the outage of {region} is declared: to try a planned switch first would only cost time"
        )),
        Verb::TryPlanned => None,
        Verb::Planned => match (&view.role, &view.replication) {
            // The word alone is no witness: it is read for up to a minute after a forced switch that went well.
            (Role::Secondary, Replication::Suspended(word)) if silent => Some(format!(
                "the side that takes over reads {word}, and nobody answers for the primary"
            )),
            _ => None,
        },
    }
}

/// Returns the group's row of the table of losses. A planned switch is not listed: it synchronises fully.
pub(super) fn loss(of: Of, context: &Context, name: &str, lag: &Lag) -> Loss {
    let (figure, source, as_of) = match lag {
        Lag::Read { most, as_of, source } => (Figure::UpTo(*most), source.clone(), Some(*as_of)),
        Lag::Unknown { reason } => (Figure::Unknown, reason.clone(), None),
    };
    let lossy = match of {
        Of::Servers => ["forced", "try-planned"].as_slice(),
        Of::Instances => ["forced"].as_slice(),
    };
    Loss {
        store: format!("{}/{name}", context.step.id),
        by_rung: lossy
            .iter()
            .map(|rung| ((*rung).to_owned(), figure))
            .collect::<BTreeMap<_, _>>(),
        source,
        as_of,
    }
}
