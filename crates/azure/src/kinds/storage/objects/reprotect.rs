//! How is replication set up again, the other way round?

use leeward_engine::{
    id::OperationId,
    port::{Context, DriverError},
    work::{Assessment, Phase},
};

use super::{
    Objects, Payload, containers, operation, rung,
    side::{Account, At, serves_not},
};
use crate::arm::ReadError;

impl Objects {
    /// Sets replication up from the side that serves, the source, to the one that comes back.
    pub(super) async fn assess_reprotect(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (serving, coming) = (
            Account::of(context, At::Source)?,
            Account::of(context, At::Target)?,
        );
        let read = |error: ReadError, account: &Account| error.into_driver_error(account.what());
        let there = coming
            .policies(&arm)
            .await
            .map_err(|error| read(error, &coming))?;
        let here = serving
            .policies(&arm)
            .await
            .map_err(|error| read(error, &serving))?;
        if let Some(reason) = serves_not(&serving, &coming, &here, &there) {
            return Err(DriverError::Impossible { reason });
        }
        let mut operations = Vec::new();
        let mut turned: Vec<(String, String)> = Vec::new();
        for old in there
            .iter()
            .filter(|old| old.replicates(&coming.name, &serving.name))
        {
            for pair in old.turned() {
                if !turned.contains(&pair) {
                    turned.push(pair);
                }
            }
            operations.push(operation(
                format!("remove/{}/{}", coming.name, old.id),
                coming.policy_path(&old.id)?,
                format!("{} has no part in the policy {}", coming.name, old.id),
                Phase::Main,
                rung("only", false),
                &Payload::Remove {
                    at: At::Target,
                    policy: Some(old.id.clone()),
                },
            ));
        }
        let named = containers(context);
        let pairs = if named.is_empty() {
            turned
        } else {
            named.into_iter().map(|name| (name.clone(), name)).collect()
        };
        let exists = there
            .iter()
            .any(|policy| policy.replicates(&serving.name, &coming.name));
        if pairs.is_empty() && !exists {
            return Err(DriverError::Impossible {
                reason: format!(
                    "no old policy between {} and {} is left to turn round: name `containers`",
                    serving.name, coming.name
                ),
            });
        }
        let removed: Vec<OperationId> = operations.iter().map(|one| one.id.clone()).collect();
        let mut receive = operation(
            "replicate-back/destination".to_owned(),
            coming.path.clone(),
            format!("{} has a policy that receives from {}", coming.name, serving.name),
            Phase::Main,
            rung("only", false),
            &Payload::Receive { containers: pairs },
        );
        receive.after = removed;
        let mut give = operation(
            "replicate-back/source".to_owned(),
            serving.path.clone(),
            format!(
                "{} has the same policy and gives to {}",
                serving.name, coming.name
            ),
            Phase::Main,
            rung("only", false),
            &Payload::Give,
        );
        give.after.push(receive.id.clone());
        operations.extend([receive, give]);
        let lacking = [
            serving.lacks(&arm, At::Source).await,
            coming.lacks(&arm, At::Target).await,
        ];
        Ok(Assessment {
            summary: format!("{} serves; {} is to receive from it", serving.name, coming.name),
            operations,
            warnings: lacking.into_iter().flatten().collect(),
            ..Assessment::default()
        })
    }
}
