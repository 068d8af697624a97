//! By what right does a step reach its cluster? Its credentials are asked of Azure when they are needed, or read by
//! reference, and kept in memory for minutes: a cluster that is made again has another address and another authority.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use leeward_engine::port::{Context, DriverError};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::kubeconfig;
use crate::{
    arm::{Arm, Method, Request},
    credential::read_secret,
    kinds::settings,
    seams::ClusterAccess,
};

/// The version of the requests for credentials.
const API: &str = "2024-05-01";
/// How long credentials are used before they are asked for again.
const KEPT: Duration = Duration::from_secs(300);

/// Which cluster. It stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "of")]
pub(crate) enum Which {
    /// One of Azure's.
    Azure {
        /// Its id.
        id: String,
        /// Whether its administrator's credentials are asked for, or the user's.
        admin: bool,
    },
    /// That of the step's kubeconfig.
    Kubeconfig {
        /// Where the kubeconfig is.
        reference: String,
        /// Its context.
        context: Option<String>,
    },
}

impl Which {
    /// Returns its name, for people.
    pub(crate) fn name(&self) -> &str {
        match self {
            Which::Azure { id, .. } => id.rsplit('/').next().unwrap_or_default(),
            Which::Kubeconfig {
                context: Some(context),
                ..
            } => context,
            Which::Kubeconfig { reference, .. } => reference,
        }
    }
}

/// The credentials of clusters, for as long as they are good.
#[derive(Default)]
pub(super) struct Keys {
    held: Mutex<HashMap<Which, (Duration, Arc<ClusterAccess>)>>,
}

impl Keys {
    /// Returns the way to a cluster.
    pub(super) async fn of(
        &self,
        arm: &Arm,
        context: &Context,
        which: &Which,
    ) -> Result<Arc<ClusterAccess>, DriverError> {
        let now = arm.clock().now().uptime;
        let held = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(which)
            .cloned();
        if let Some((_, access)) = held.filter(|(since, _)| now.saturating_sub(*since) < KEPT) {
            return Ok(access);
        }
        let access = Arc::new(self.asked(arm, context, which).await?);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(which.clone(), (now, access.clone()));
        Ok(access)
    }

    /// Forgets what did not open the cluster.
    pub(super) fn forget(&self, which: &Which) {
        self.held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(which);
    }

    async fn asked(&self, arm: &Arm, context: &Context, which: &Which) -> Result<ClusterAccess, DriverError> {
        let impossible = |reason: String| DriverError::Impossible { reason };
        match which {
            Which::Kubeconfig { reference, context } => {
                let text = read_secret(reference).map_err(|error| impossible(error.to_string()))?;
                let opened =
                    kubeconfig::read(text.expose_secret(), context.as_deref()).map_err(impossible)?;
                match opened.signs_in {
                    // Our token would go to whatever server that file names.
                    true => Err(impossible(
                        "the kubeconfig signs in at Azure: name the cluster by `cluster` and `resource-group` instead"
                            .to_owned(),
                    )),
                    false => Ok(opened.access),
                }
            }
            Which::Azure { id, admin } => {
                let text = kubeconfig_of(arm, id, *admin).await?;
                let mut opened = kubeconfig::read(text.expose_secret(), None).map_err(impossible)?;
                if opened.signs_in {
                    let subscription = id.split('/').nth(2).unwrap_or_default();
                    let tenant = arm
                        .tenant_of(subscription)
                        .or_else(|| settings::optional_text(&context.settings, "tenant").map(str::to_owned));
                    let token = arm.token_for(tenant.as_deref(), &kubeconfig::aks_scope()).await;
                    opened.access.token = Some(token.map_err(|error| DriverError::Unreachable {
                        what: format!("the sign-in to cluster {}", which.name()),
                        reason: error.to_string(),
                    })?);
                }
                Ok(opened.access)
            }
        }
    }
}

/// Asks Azure for a kubeconfig. The answer holds secrets: it is read here, and no error shows it.
async fn kubeconfig_of(arm: &Arm, id: &str, admin: bool) -> Result<SecretString, DriverError> {
    let what = format!(
        "the credentials of cluster {}",
        id.rsplit('/').next().unwrap_or_default()
    );
    let verb = match admin {
        true => "listClusterAdminCredential",
        false => "listClusterUserCredential",
    };
    let mut request = Request::new(Method::Post, format!("{id}/{verb}"), API);
    if !admin {
        // Without it a cluster with Azure's sign-in answers in a form that nobody understands any more.
        request = request.query("format", "exec");
    }
    let reply = arm
        .read(&request)
        .await
        .map_err(|error| error.into_driver_error(what.clone()))?;
    value_of(&reply.body).ok_or(DriverError::Unreachable {
        what,
        reason: "the answer holds no kubeconfig".to_owned(),
    })
}

/// Returns the kubeconfig of an answer.
pub(super) fn value_of(body: &serde_json::Value) -> Option<SecretString> {
    let value = body.pointer("/kubeconfigs/0/value")?.as_str()?;
    let bytes = STANDARD.decode(value).ok()?;
    Some(SecretString::from(String::from_utf8(bytes).ok()?))
}
