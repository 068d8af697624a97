//! The family of what runs on a cluster: manifests, applied on the server's side, one object after the other.

mod access;
mod kubeconfig;
mod order;
mod place;
mod ready;
mod server;
mod workloads;

use std::sync::Arc;

use async_trait::async_trait;
use leeward_engine::{
    id::AttemptKey,
    port::{Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Progress, Sent, Ticket},
};
use serde_json::{Map, Value};

pub(crate) use self::{
    access::Which,
    workloads::{Set, Workloads, is_one, operations},
};
use super::{Entry, settings};
use crate::{arm::path::folded, registry::Seams};

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    let driver = Applying {
        workloads: Workloads::new(seams),
    };
    vec![("kubernetes.apply", Arc::new(driver) as Arc<dyn Driver>)]
}

/// Returns whether an official answer to an operation is read; nothing where it is not this family's.
#[cfg(test)]
pub(super) fn reads(operation: &str, body: &Value) -> Option<bool> {
    match operation {
        "ManagedClusters_ListClusterAdminCredentials" | "ManagedClusters_ListClusterUserCredentials" => {
            Some(access::value_of(body).is_some())
        }
        _ => None,
    }
}

/// Returns the same value with every map in the order of its keys, so that equal ones digest equally.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let pairs = keys.into_iter().map(|key| (key.clone(), sorted(&map[key])));
            Value::Object(pairs.collect::<Map<String, Value>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Drives `kubernetes.apply`.
struct Applying {
    workloads: Workloads,
}

/// Returns the cluster that a step means.
fn which(context: &Context) -> Result<Which, DriverError> {
    let optional = |name: &str| {
        settings::optional_text(&context.target, name)
            .or_else(|| settings::optional_text(&context.settings, name))
    };
    if let Some(reference) = optional("kubeconfig") {
        return Ok(Which::Kubeconfig {
            reference: reference.to_owned(),
            context: optional("context").map(str::to_owned),
        });
    }
    let id = settings::group_path(context, &context.target)?
        .provider("Microsoft.ContainerService")
        .pair(
            "managedClusters",
            settings::of_side(context, &context.target, "cluster")?,
        )
        .build()
        .map_err(settings::impossible)?;
    Ok(Which::Azure {
        id,
        admin: settings::optional_text(&context.settings, "credential") == Some("admin"),
    })
}

#[async_trait]
impl Driver for Applying {
    fn targets(&self, context: &Context) -> Vec<String> {
        match which(context) {
            Ok(Which::Azure { id, .. }) => vec![folded(&id)],
            Ok(Which::Kubeconfig { reference, context }) => {
                vec![format!("kubeconfig {reference} {}", context.unwrap_or_default())]
            }
            // An output that is not made yet; whoever makes that cluster claims it.
            Err(_) => Vec::new(),
        }
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let set = Set::read(context, &context.settings)?;
        let which = which(context)?;
        let version = self.workloads.version(context, &which).await?;
        Ok(Assessment {
            summary: format!(
                "{} objects are applied to {}, which is {version}",
                set.objects.len(),
                which.name()
            ),
            operations: operations(&set, &which, &[]),
            ..Assessment::default()
        })
    }

    async fn observe(&self, context: &Context, operation: &Operation) -> Observation {
        self.workloads
            .observe(context, &context.settings, operation)
            .await
    }

    async fn begin(&self, context: &Context, operation: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        self.workloads
            .begin(context, &context.settings, operation, key)
            .await
    }

    async fn poll(&self, context: &Context, operation: &Operation, ticket: &Ticket) -> Progress {
        self.workloads
            .poll(context, &context.settings, operation, ticket)
            .await
    }
}
