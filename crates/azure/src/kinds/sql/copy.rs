//! A drill's copy of a database: made on the server of the paired region, and dropped again.
//!
//! The copy is named and tagged after the run. What does not bear the run's tag is never touched.

use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, DriverError},
    work::{Observation, Operation, Outputs, Phase, Rung, Sent},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    API, ladder,
    side::{GroupSide, Of},
    view::GroupView,
};
use crate::{
    arm::{Arm, ArmPath, Method, ReadError, Request, lro, path::folded, reply::cut},
    kinds::settings,
};

/// The tag that a drill's copy bears: the run that made it.
const RUN_TAG: &str = "leeward-run";
/// Azure's longest name of a database.
const LONGEST_NAME: usize = 128;

/// What an operation does with one copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "copy")]
pub(super) enum Copy {
    /// Makes it.
    Make {
        /// The id of the copy.
        id: String,
        /// The id of what is copied.
        from: String,
        /// Where.
        location: String,
    },
    /// Drops it.
    Drop {
        /// The id of the copy.
        id: String,
    },
}

/// Returns the operations of a drill: each database is copied, and each copy dropped at the end.
pub(super) fn operations(
    context: &Context,
    side: &GroupSide,
    view: &GroupView,
) -> Result<Vec<Operation>, DriverError> {
    let source = GroupSide::source(Of::Servers, context)?;
    let chosen = chosen(context, view);
    if chosen.is_empty() {
        return Err(DriverError::Impossible {
            reason: format!("{} lists no database, and `databases` names none", side.what()),
        });
    }
    let mut operations = Vec::new();
    for database in &chosen {
        let id = path(side, &copy_name(database, &context.run.0))?;
        let from = path(&source, database)?;
        let location = side.region.clone();
        operations.push(operation(
            &format!("copy-{database}"),
            &id,
            format!("a copy of {database} stands on {}", side.host),
            Phase::Main,
            Copy::Make {
                id: id.clone(),
                from,
                location,
            },
        )?);
        operations.push(operation(
            &format!("drop-{database}"),
            &id,
            format!("no copy of {database} stands on {}", side.host),
            Phase::CleanUp,
            Copy::Drop { id: id.clone() },
        )?);
    }
    Ok(operations)
}

fn chosen(context: &Context, view: &GroupView) -> Vec<String> {
    let written = context.settings.get("databases").and_then(Value::as_array);
    match written {
        Some(list) => list
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        None => {
            let ids = view.databases.iter();
            ids.filter_map(|id| id.rsplit('/').next().map(str::to_owned))
                .collect()
        }
    }
}

/// Returns a name that no other run gives, not longer than Azure allows.
fn copy_name(database: &str, run: &str) -> String {
    let ending = format!("-drill-{run}");
    let room = LONGEST_NAME.saturating_sub(ending.chars().count());
    let kept: String = database.chars().take(room).collect();
    format!("{kept}{ending}")
}

fn path(side: &GroupSide, database: &str) -> Result<String, DriverError> {
    let path = side.server()?.pair("databases", database);
    path.build().map_err(settings::impossible)
}

fn operation(name: &str, id: &str, goal: String, phase: Phase, copy: Copy) -> Result<Operation, DriverError> {
    let declared = match &copy {
        Copy::Make { .. } => ladder::declared(Of::Servers, "copy", None)?,
        Copy::Drop { .. } => ladder::declared(Of::Servers, "drop", None)?,
    };
    Ok(Operation {
        id: OperationId::new(name),
        target: folded(id),
        goal,
        after: Vec::new(),
        phase,
        rungs: vec![Rung::new("only", declared.repeat, declared.settling)],
        observable: true,
        payload: json!(copy),
    })
}

async fn read(arm: &Arm, id: &str) -> Result<Option<Value>, ReadError> {
    let path = ArmPath::resource(id).build().unwrap_or_default();
    match arm.read(&Request::get(path, API)).await {
        Ok(reply) => Ok(Some(reply.body)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_ours(database: &Value, run: &str) -> bool {
    let tag = database.get("tags").and_then(|tags| tags.get(RUN_TAG));
    tag.and_then(Value::as_str) == Some(run)
}

/// Reads whether a copy stands, or is gone.
pub(super) async fn observe(arm: &Arm, run: &str, copy: &Copy) -> Observation {
    let (Copy::Make { id, .. } | Copy::Drop { id }) = copy;
    let name = cut(id.rsplit('/').next().unwrap_or_default());
    let found = match read(arm, id).await {
        Ok(found) => found,
        Err(error) => {
            return Observation::CannotTell {
                reason: format!("database {name}: {error}"),
            };
        }
    };
    let holds = |evidence: String, ours| Observation::Holds {
        evidence,
        ours,
        outputs: Outputs::new(),
    };
    match (copy, found) {
        (_, Some(database)) if !is_ours(&database, run) => Observation::Barred {
            evidence: format!("a database {name} stands there that this run has not made"),
        },
        (Copy::Drop { .. }, None) => holds(format!("there is no database {name}"), false),
        (Copy::Drop { .. }, Some(_)) => Observation::NotBegun {
            evidence: format!("database {name} stands"),
        },
        (Copy::Make { .. }, None) => Observation::NotBegun {
            evidence: format!("there is no database {name}"),
        },
        (Copy::Make { .. }, Some(database)) => {
            let status = database.pointer("/properties/status").and_then(Value::as_str);
            let status = cut(status.unwrap_or_default());
            if status.eq_ignore_ascii_case("online") {
                // Its tag names this run.
                return holds(format!("database {name} is Online"), true);
            }
            Observation::InMotion {
                evidence: format!("database {name} is {status}"),
                ticket: None,
            }
        }
    }
}

/// Makes or drops a copy, once.
pub(super) async fn begin(arm: &Arm, run: &str, copy: &Copy, key: &AttemptKey) -> Sent {
    let (Copy::Make { id, .. } | Copy::Drop { id }) = copy;
    let request = match copy {
        Copy::Make { from, location, .. } => Request::new(Method::Put, id, API).body(json!({
            "location": location,
            "tags": {RUN_TAG: run},
            "properties": {"createMode": "Copy", "sourceDatabaseId": from},
        })),
        Copy::Drop { .. } => {
            // Looked at again at the last moment: what is not this run's is never dropped.
            match read(arm, id).await {
                Ok(Some(database)) if !is_ours(&database, run) => {
                    return crate::arm::refusal::refused_here(
                        "NotOurs",
                        "the database does not bear the tag of this run",
                    );
                }
                Ok(_) => {}
                Err(error) => {
                    return Sent::NotSent {
                        reason: format!("the database could not be looked at: {error}"),
                    };
                }
            }
            Request::new(Method::Delete, id, API)
        }
    };
    match arm.change(&request, key).await {
        Ok(reply) => lro::read_start(&request, &reply),
        Err(sent) => crate::arm::refusal::with_passing(sent, super::judge::passing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copys_name_ends_with_the_run_and_is_never_too_long() {
        assert_eq!(copy_name("orders", "r-1"), "orders-drill-r-1");
        let long = copy_name(&"ö".repeat(200), "r-1");
        assert_eq!(long.chars().count(), LONGEST_NAME);
        assert!(long.ends_with("-drill-r-1"));
    }
}
