//! What does a move change? The policy is cut where the containers are to take writes, then the consumers follow.

use leeward_engine::{
    id::OperationId,
    port::{Context, DriverError, SourceRegion},
    work::{Assessment, Phase},
};
use serde_json::{Value, json};

use super::{
    super::{consumers, policy::Policy},
    Objects, Payload, RUNG, containers, loss, operation, rung,
    side::{Account, At},
};
use crate::kinds::settings;

impl Objects {
    pub(super) async fn assess_move(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (source, target) = (
            Account::of(context, At::Source)?,
            Account::of(context, At::Target)?,
        );
        let wanted = settings::optional_text(&context.settings, "policy");
        let all = target
            .policies(&arm)
            .await
            .map_err(|error| error.into_driver_error(target.what()))?;
        let policies: Vec<&Policy> = all
            .iter()
            .filter(|policy| policy.replicates(&source.name, &target.name))
            .filter(|policy| wanted.is_none_or(|wanted| policy.id.eq_ignore_ascii_case(wanted)))
            .collect();
        let goal = |account: &Account| format!("{} receives nothing from {}", account.name, source.name);
        let mut warnings = Vec::new();
        let mut operations = Vec::new();
        for policy in &policies {
            let payload = Payload::Remove {
                at: At::Target,
                policy: Some(policy.id.clone()),
            };
            let cut = operation(
                format!("cut/{}", policy.id),
                target.policy_path(&policy.id)?,
                goal(&target),
                Phase::Main,
                rung(RUNG, true),
                &payload,
            );
            // The other half copies nothing without this one; it only stands in the way of a new policy.
            if context.source_region == SourceRegion::Open && !context.plan.region_down {
                let payload = Payload::Remove {
                    at: At::Source,
                    policy: Some(policy.id.clone()),
                };
                let mut other = operation(
                    format!("cut-source/{}", policy.id),
                    source.policy_path(&policy.id)?,
                    format!("{} gives nothing to {} by that policy", source.name, target.name),
                    Phase::AfterRecovery,
                    rung("only", false),
                    &payload,
                );
                other.after.push(cut.id.clone());
                operations.push(cut);
                operations.push(other);
            } else {
                operations.push(cut);
            }
        }
        if policies.is_empty() {
            warnings.push(format!(
                "nothing replicates from {} to {}: it was cut before, or what {} holds is old",
                source.name, target.name, target.name
            ));
            // It is looked at all the same, so that a person hears of a goal that we did not bring about.
            operations.push(operation(
                format!("cut/{}", source.name),
                target.path.clone(),
                goal(&target),
                Phase::Main,
                rung(RUNG, true),
                &Payload::Remove {
                    at: At::Target,
                    policy: None,
                },
            ));
        }
        let opened: Vec<&str> = policies.iter().flat_map(|policy| policy.destinations()).collect();
        for container in containers(context)
            .iter()
            .filter(|name| !opened.contains(&name.as_str()))
        {
            if !policies.is_empty() {
                warnings.push(format!(
                    "no policy copies into the container {container} of {}",
                    target.name
                ));
            }
        }
        let outputs = self.outputs(&arm, &target, &mut warnings).await;
        let cuts: Vec<OperationId> = operations
            .iter()
            .filter(|one| one.phase == Phase::Main)
            .map(|one| one.id.clone())
            .collect();
        let endpoint = outputs.get("blob-endpoint").and_then(Value::as_str);
        let usual = self.usual_endpoint(&target);
        let consumers = consumers::read(context, endpoint.or(usual.as_deref()))?;
        if let Some(reason) = consumers::unreachable(&consumers, &self.plane) {
            return Err(DriverError::Impossible { reason });
        }
        warnings.extend(consumers::warnings(&consumers, &arm, &self.plane).await);
        operations.extend(consumers.into_iter().enumerate().map(|(place, consumer)| {
            let payload = json!(Payload::Switch(consumer.clone()));
            consumer.operation(place, &cuts, payload)
        }));
        Ok(Assessment {
            summary: format!(
                "{} {} into {} from {}",
                policies.len(),
                if policies.len() == 1 {
                    "policy copies"
                } else {
                    "policies copy"
                },
                target.name,
                source.name
            ),
            operations,
            losses: vec![loss(context, &target)],
            warnings,
            outputs,
            ..Assessment::default()
        })
    }
}
