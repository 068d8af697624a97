//! How is a Recovery Services vault asked? Every path below it is made here.

use leeward_engine::port::{Context, DriverError};
use serde_json::Value;

use super::{item::Item, plan::Plan};
use crate::{
    arm::{
        Arm, ArmPath, ReadError, Request,
        path::{check_segment, folded},
    },
    bridge,
    kinds::settings,
};

/// The version that every request about replication asks for.
pub(super) const API: &str = "2024-04-01";
/// The version that the vault itself is asked for.
const VAULT_API: &str = "2024-04-01";

/// A vault, by its names.
#[derive(Clone, Debug)]
pub(super) struct Vault {
    subscription: String,
    group: String,
    name: String,
}

impl Vault {
    /// Reads the setting `vault`. Asks nobody.
    pub(super) fn of(context: &Context) -> Result<Vault, DriverError> {
        let vault = context.settings.get("vault").unwrap_or(&Value::Null);
        let own = settings::optional_text(vault, "subscription");
        let subscription = match own {
            Some(own) => {
                check_segment(own).map_err(settings::impossible)?;
                own
            }
            // The vault belongs to no side.
            None => settings::subscription(context, &context.target)?,
        };
        Ok(Vault {
            subscription: subscription.to_owned(),
            group: settings::name(vault, "resource-group")?.to_owned(),
            name: settings::name(vault, "name")?.to_owned(),
        })
    }

    /// Returns what stands for it where vaults are told apart.
    pub(super) fn key(&self) -> String {
        folded(&format!("{}/{}/{}", self.subscription, self.group, self.name))
    }

    /// Returns the path of one of its lists, for whoever asks how much of its limit is left.
    pub(super) fn list_path(&self, list: &str) -> Option<String> {
        self.path().then(list).build().ok()
    }

    fn path(&self) -> ArmPath {
        ArmPath::subscription(&self.subscription)
            .group(&self.group)
            .provider("Microsoft.RecoveryServices")
            .pair("vaults", &self.name)
    }

    /// Returns `/subscriptions/…/resourceGroups/{group}` for a group beside the vault.
    pub(super) fn group_id(&self, group: &str) -> Result<String, DriverError> {
        ArmPath::subscription(&self.subscription)
            .group(group)
            .build()
            .map_err(settings::impossible)
    }

    /// Returns the vault's own resource group.
    pub(super) fn group(&self) -> &str {
        &self.group
    }

    /// Returns what people call it.
    pub(super) fn what(&self) -> String {
        format!("vault {}", self.name)
    }

    /// Returns what stands for a machine in the list of claims: the id of the machine in the
    /// vault's flat list, since the whole id is known to the vault alone.
    pub(super) fn claim(&self, machine: &str) -> Option<String> {
        let path = self.path().pair("replicationProtectedItems", machine).build();
        path.ok().map(|path| folded(&path))
    }

    /// Returns the id of a recovery plan, folded.
    pub(super) fn claim_plan(&self, plan: &str) -> Option<String> {
        let path = self.path().pair("replicationRecoveryPlans", plan).build();
        path.ok().map(|path| folded(&path))
    }

    /// Reads the vault itself and returns its region.
    pub(super) async fn region(&self, arm: &Arm) -> Result<Option<String>, ReadError> {
        let reply = bridge::read(arm, VAULT_API, |vendor| {
            let vault = self.clone();
            async move {
                let client = vendor.vaults()?.vaults_client();
                client
                    .get(vault.subscription, vault.group, vault.name)
                    .send()
                    .await
            }
        })
        .await?;
        Ok(reply.text("/location").map(crate::arm::folded_region))
    }

    /// Reads every protected item.
    pub(super) async fn items(&self, arm: &Arm) -> Result<Vec<Item>, ReadError> {
        let path = self.built(self.path().then("replicationProtectedItems"))?;
        let list = arm.list(&Request::get(path, API)).await?;
        Ok(list.iter().filter_map(Item::read).collect())
    }

    /// Reads one protected item where it was, else where it is now: its path changes when
    /// protection is switched. Nothing where the vault protects it no longer.
    pub(super) async fn item(&self, arm: &Arm, id: &str, name: &str) -> Result<Option<Item>, ReadError> {
        let path = self.built(ArmPath::resource(id))?;
        match arm.read(&Request::get(path, API)).await {
            Ok(reply) => Item::read(&reply.body)
                .map(Some)
                .ok_or_else(|| ReadError::unreachable("the answer is no protected item".to_owned())),
            Err(error) if error.is_missing() => {
                let items = self.items(arm).await?;
                Ok(items
                    .into_iter()
                    .find(|item| item.name.eq_ignore_ascii_case(name)))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the recovery points of an item.
    pub(super) async fn points(&self, arm: &Arm, id: &str) -> Result<Vec<Value>, ReadError> {
        let path = self.built(ArmPath::resource(id).then("recoveryPoints"))?;
        arm.list(&Request::get(path, API)).await
    }

    /// Reads one recovery plan.
    pub(super) async fn plan(&self, arm: &Arm, name: &str) -> Result<Plan, ReadError> {
        let path = self.built(self.path().pair("replicationRecoveryPlans", name))?;
        self.plan_at(arm, path).await
    }

    /// Reads one recovery plan by its whole id.
    pub(super) async fn plan_by_id(&self, arm: &Arm, id: &str) -> Result<Plan, ReadError> {
        let path = self.built(ArmPath::resource(id))?;
        self.plan_at(arm, path).await
    }

    async fn plan_at(&self, arm: &Arm, path: String) -> Result<Plan, ReadError> {
        let reply = arm.read(&Request::get(path, API)).await?;
        Plan::read(&reply.body)
            .ok_or_else(|| ReadError::unreachable("the answer is no recovery plan".to_owned()))
    }

    /// Reads every recovery plan.
    pub(super) async fn plans(&self, arm: &Arm) -> Result<Vec<Plan>, ReadError> {
        let path = self.built(self.path().then("replicationRecoveryPlans"))?;
        let list = arm.list(&Request::get(path, API)).await?;
        Ok(list.iter().filter_map(Plan::read).collect())
    }

    /// Reads every job that the vault still lists.
    pub(super) async fn jobs(&self, arm: &Arm) -> Result<Vec<Value>, ReadError> {
        let path = self.built(self.path().then("replicationJobs"))?;
        arm.list(&Request::get(path, API)).await
    }

    /// Reads one job: the durable name behind an operation.
    pub(super) async fn job(&self, arm: &Arm, name: &str) -> Result<Value, ReadError> {
        let path = self.built(self.path().pair("replicationJobs", name))?;
        Ok(arm.read(&Request::get(path, API)).await?.body)
    }

    fn built(&self, path: ArmPath) -> Result<String, ReadError> {
        path.build()
            .map_err(|bad| ReadError::unreachable(bad.to_string()))
    }
}
