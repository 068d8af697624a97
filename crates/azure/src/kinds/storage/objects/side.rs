//! Which of a step's two accounts, and does it serve?

use leeward_engine::port::{Context, DriverError};
use serde::{Deserialize, Serialize};

use super::super::{API, policy::Policy};
use crate::{
    arm::{Arm, ArmPath, ReadError, Request},
    kinds::settings,
};

/// Which account of the step is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum At {
    Source,
    Target,
}

/// One of the two accounts.
pub(super) struct Account {
    pub(super) path: String,
    pub(super) name: String,
}

impl Account {
    pub(super) fn of(context: &Context, at: At) -> Result<Account, DriverError> {
        let side = match at {
            At::Source => &context.source,
            At::Target => &context.target,
        };
        let name = settings::of_side(context, side, "account")?.to_owned();
        let path = settings::group_path(context, side)?
            .provider("Microsoft.Storage")
            .pair("storageAccounts", &name)
            .build()
            .map_err(settings::impossible)?;
        Ok(Account { path, name })
    }

    pub(super) fn what(&self) -> String {
        format!("storage account {}", self.name)
    }

    pub(super) fn policy_path(&self, id: &str) -> Result<String, DriverError> {
        ArmPath::resource(&self.path)
            .pair("objectReplicationPolicies", id)
            .build()
            .map_err(settings::impossible)
    }

    pub(super) async fn policies(&self, arm: &Arm) -> Result<Vec<Policy>, ReadError> {
        let path = format!("{}/objectReplicationPolicies", self.path);
        let list = arm.list(&Request::get(path, API)).await?;
        Ok(list.iter().filter_map(Policy::read).collect())
    }

    /// Says what replication still needs at an account, where that is shown. What cannot be read stops nothing: Azure
    /// refuses a policy that it cannot carry out.
    pub(super) async fn lacks(&self, arm: &Arm, at: At) -> Option<String> {
        let path = format!("{}/blobServices/default", self.path);
        let reply = arm.read(&Request::get(path, API)).await.ok()?;
        let on = |pointer: &str| reply.body.pointer(pointer) == Some(&serde_json::json!(true));
        let mut lacking = Vec::new();
        if !on("/properties/isVersioningEnabled") {
            lacking.push("versioning");
        }
        // Only whoever gives needs it.
        if at == At::Source && !on("/properties/changeFeed/enabled") {
            lacking.push("the change feed");
        }
        (!lacking.is_empty()).then(|| {
            format!(
                "{} of {} is not on, and replication needs it: Azure will refuse the policy",
                lacking.join(" and "),
                self.name
            )
        })
    }
}

/// Tells what speaks against it that an account serves: replication that it receives, or that the other
/// cut off. A container that receives takes no writes, and a move cuts at the side that takes over.
pub(super) fn serves_not(
    serving: &Account,
    coming: &Account,
    here: &[Policy],
    there: &[Policy],
) -> Option<String> {
    let say = format!(
        "say `--serving` with the side of {} if that one serves",
        coming.name
    );
    if let Some(receives) = here
        .iter()
        .find(|policy| policy.replicates(&coming.name, &serving.name))
    {
        return Some(format!(
            "{} receives from {} by the policy {} and takes no writes there, so it does not serve: {say}",
            serving.name, coming.name, receives.id
        ));
    }
    let cut = |policy: &&Policy| {
        policy.replicates(&serving.name, &coming.name)
            && !there
                .iter()
                .any(|other| other.id.eq_ignore_ascii_case(&policy.id))
    };
    here.iter().find(cut).map(|policy| {
        format!(
            "{} gives by the policy {}, which was cut at {}, as a move does at the side that takes over: {say}, else remove that policy from {}",
            serving.name, policy.id, coming.name, serving.name
        )
    })
}
