//! What runs on a cluster that was made: its manifests follow the cluster and its pools.

use leeward_engine::{
    id::OperationId,
    port::{Context, DriverError},
    work::{Operation, Phase},
};
use serde_json::Value;

use super::plan::Plan;
use crate::kinds::kubernetes::{self, Set, Which};

/// Returns the setting that names them, where there is one.
pub(super) fn table(context: &Context) -> Option<&Value> {
    context
        .settings
        .get("workloads")
        .filter(|workloads| !workloads.is_null())
}

/// Returns the setting for an operation that was assessed with it.
pub(super) fn table_of(context: &Context) -> &Value {
    table(context).unwrap_or(&Value::Null)
}

/// Returns the operations that put them on the cluster, once all that makes it has reached its goal.
pub(super) fn operations(
    context: &Context,
    plan: &Plan,
    id: &str,
    made: &[Operation],
) -> Result<Vec<Operation>, DriverError> {
    let Some(table) = table(context) else {
        return Ok(Vec::new());
    };
    let set = Set::read(context, table)?;
    let closed = plan.mapped.body.pointer("/properties/disableLocalAccounts");
    let cluster = Which::Azure {
        id: id.to_owned(),
        // With local accounts disabled there is no administrator's credential.
        admin: closed != Some(&Value::Bool(true)),
    };
    let main = || made.iter().filter(|operation| operation.phase == Phase::Main);
    let last: Vec<OperationId> = main()
        .map(|operation| operation.id.clone())
        .filter(|id| main().all(|other| !other.after.contains(id)))
        .collect();
    Ok(kubernetes::operations(&set, &cluster, &last))
}
