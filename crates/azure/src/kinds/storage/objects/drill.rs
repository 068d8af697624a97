//! What does a drill look at, and which blob does it send?

use leeward_engine::{
    port::{Context, DriverError, SourceRegion},
    work::{Assessment, Operation},
};
use serde_json::json;

use super::{
    super::{
        canary::{self, Arrival, Canary},
        consumers,
        policy::Policy,
    },
    Objects, Payload,
    side::{Account, At},
};
use crate::kinds::settings;

impl Objects {
    pub(super) async fn assess_drill(&self, context: &Context) -> Result<Assessment, DriverError> {
        let arm = self.arm.for_step(context);
        let (source, target) = (
            Account::of(context, At::Source)?,
            Account::of(context, At::Target)?,
        );
        let all = target
            .policies(&arm)
            .await
            .map_err(|error| error.into_driver_error(target.what()))?;
        let policies: Vec<&Policy> = all
            .iter()
            .filter(|policy| policy.replicates(&source.name, &target.name))
            .collect();
        let count = policies.len();
        let mut warnings = Vec::new();
        if count == 0 {
            warnings.push(format!(
                "nothing replicates from {} to {}",
                source.name, target.name
            ));
        }
        match consumers::read(context, self.usual_endpoint(&target).as_deref()) {
            Ok(consumers) => warnings.extend(consumers::warnings(&consumers, &arm, &self.plane).await),
            Err(error) => warnings.push(format!("a move could not switch its consumers: {error}")),
        }
        let mut operations = Vec::new();
        let first = policies.iter().find_map(|policy| policy.first());
        if let (true, Some(first)) = (settings::flag(&context.settings, "canary", true), first) {
            match self.canary(context, &source, &target, first).await {
                Ok(canary) => operations = canary,
                Err(reason) => warnings.push(format!("no canary was sent: {reason}")),
            }
        }
        Ok(Assessment {
            summary: format!(
                "{count} of the policies of {} copy from {}; {}",
                target.name,
                source.name,
                match operations.is_empty() {
                    true => "nothing is changed in a drill",
                    false => "a canary blob shows whether it does",
                }
            ),
            operations,
            warnings,
            ..Assessment::default()
        })
    }

    /// Returns the operations of a canary; the reason why there is none.
    async fn canary(
        &self,
        context: &Context,
        source: &Account,
        target: &Account,
        (container, to, prefix): (String, String, String),
    ) -> Result<Vec<Operation>, String> {
        if context.source_region != SourceRegion::Open || context.plan.region_down {
            return Err(format!(
                "the outage of {} is declared",
                context.plan.source.region
            ));
        }
        let canary = Canary {
            account: source.name.clone(),
            container,
            arrives: Arrival::Account {
                account: target.name.clone(),
                container: to,
            },
            blob: canary::name(context, &prefix),
            tenant: settings::optional_text(&context.settings, "tenant").map(str::to_owned),
        };
        match canary.barred(&self.plane).await {
            Some(reason) => Err(reason),
            None => Ok(canary.operations(&source.path, |work| json!(Payload::Canary(work)))),
        }
    }
}
