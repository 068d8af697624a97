//! Which operations make a cluster, and what do they carry over a restart?

use std::time::Duration;

use leeward_engine::{
    id::OperationId,
    port::{Context, DriverError},
    work::{Operation, Phase, Rung},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    capture::{pools, text},
    mapping::Choice,
    plan::Plan,
};
use crate::arm::path::folded;

/// 30 s to send, 60 s on the way, 60 s unseen, and AKS shows a new cluster late.
const SETTLING: Duration = Duration::from_secs(180);

/// What an operation does, and what `assess` chose for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub(super) enum Payload {
    /// The cluster with the pools that go with it.
    Create { choice: Choice },
    /// One pool; the rungs are its sizes.
    Pool { name: String, choice: Choice },
    /// A role of an identity that Azure made for the cluster.
    Role {
        who: String,
        scope: String,
        role: String,
    },
    /// The drill's cluster goes away.
    Delete,
    /// What a drill that had to yield, or died, left behind goes away.
    DeleteLeft { run: String },
}

/// What an operation carries: its payload, and the subnet that was found when it was assessed. It is not looked up
/// again: a list that fails at the wrong moment must not fail a recovery, and its spelling must not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Carried {
    #[serde(flatten)]
    pub(super) payload: Payload,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subnet: Option<String>,
}

impl Carried {
    /// Reads what an operation carries.
    pub(super) fn of(operation: &Operation) -> Result<Carried, String> {
        serde_json::from_value(operation.payload.clone()).map_err(|error| error.to_string())
    }
}

/// Makes a rung of the one PUT or DELETE.
pub(super) fn rung(name: &str) -> Rung {
    Rung::new(name, RepeatClass::Repeatable, SETTLING)
}

/// Makes one operation of a cluster.
pub(super) fn operation(
    of: String,
    plan: &Plan,
    target: &str,
    goal: String,
    phase: Phase,
    rungs: Vec<Rung>,
    payload: Payload,
) -> Operation {
    Operation {
        id: OperationId::new(of),
        target: folded(target),
        goal,
        after: Vec::new(),
        phase,
        rungs,
        observable: true,
        payload: json!(Carried {
            payload,
            subnet: plan.side.subnet.clone(),
        }),
    }
}

/// Returns what makes the cluster, its pools one after the other, and in a drill what takes it away again.
pub(super) fn operations(
    context: &Context,
    plan: &Plan,
    id: &str,
    choice: &Choice,
    sizes: &[String],
) -> Result<Vec<Operation>, DriverError> {
    let name = &plan.side.name;
    let mut all = vec![operation(
        "create".to_owned(),
        plan,
        id,
        format!(
            "{name} is Succeeded in {}, made from {}",
            plan.side.region, plan.mapped.digest
        ),
        Phase::Main,
        vec![rung("only")],
        Payload::Create {
            choice: choice.clone(),
        },
    )];
    for pool in choice.own_way.iter().chain(&choice.later) {
        let found = pools(&plan.mapped.body)
            .iter()
            .find(|found| text(found, "name") == Some(pool))
            .and_then(|found| text(found, "vmSize"));
        let Some(own) = choice.sizes.get(pool).map(String::as_str).or(found) else {
            continue;
        };
        // One that the region does not sell was told of before: it is asked for all the same, and refused at once.
        let rungs = super::pools::rungs(own, sizes, choice);
        let mut made = operation(
            format!("pool/{pool}"),
            plan,
            &plan.pool_id(pool)?,
            format!("pool {pool} of {name} is Succeeded"),
            Phase::Main,
            rungs,
            Payload::Pool {
                name: pool.clone(),
                choice: choice.clone(),
            },
        );
        // Parallel changes of one cluster are refused.
        made.after = all.last().map(|last| last.id.clone()).into_iter().collect();
        all.push(made);
    }
    if context.plan.journey == Journey::Drill {
        all.push(operation(
            "delete".to_owned(),
            plan,
            id,
            format!("no cluster {name} exists"),
            Phase::CleanUp,
            vec![rung("only")],
            Payload::Delete,
        ));
    }
    Ok(all)
}
