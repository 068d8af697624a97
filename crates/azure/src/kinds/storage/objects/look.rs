//! Does the goal of one operation hold, and which one request brings it about?

use leeward_engine::{
    port::{Context, DriverError},
    work::{Observation, Outputs, Sent},
};

use super::{
    super::{
        API, canary,
        policy::{self, Policy},
    },
    Objects, Payload,
    side::{Account, At, serves_not},
};
use crate::arm::{Method, Request, refusal};

impl Objects {
    /// Reads whether the goal of one operation holds.
    pub(super) async fn look(
        &self,
        context: &Context,
        payload: &Payload,
    ) -> Result<Observation, DriverError> {
        let arm = self.arm.for_step(context);
        let (source, target) = (
            Account::of(context, At::Source)?,
            Account::of(context, At::Target)?,
        );
        let holds = |evidence| Observation::Holds {
            evidence,
            ours: false,
            outputs: Outputs::new(),
        };
        let account = match payload {
            Payload::Switch(consumer) => return Ok(consumer.observe(&arm, &self.plane).await),
            Payload::Canary(work) => {
                let now = arm.clock().now().wall;
                return Ok(canary::observe(work, &context.run.0, &self.plane, now).await);
            }
            Payload::Remove { at: At::Source, .. } | Payload::Give => &source,
            Payload::Remove { at: At::Target, .. } | Payload::Receive { .. } => &target,
        };
        let list = account
            .policies(&arm)
            .await
            .map_err(|error| error.into_driver_error(account.what()))?;
        let back = |list: &[Policy]| {
            list.iter()
                .find(|policy| policy.replicates(&source.name, &target.name))
                .cloned()
        };
        Ok(match payload {
            Payload::Remove { policy: Some(id), .. } => {
                match list.iter().any(|policy| policy.id.eq_ignore_ascii_case(id)) {
                    true => Observation::NotBegun {
                        evidence: format!("{} has the policy {id}", account.name),
                    },
                    false => holds(format!("{} has no policy {id}", account.name)),
                }
            }
            Payload::Remove { policy: None, .. } => match back(&list) {
                Some(policy) => Observation::Barred {
                    evidence: format!("a policy has appeared on {} since: {}", account.name, policy.id),
                },
                None if list.iter().any(Policy::is_unclear) => Observation::CannotTell {
                    reason: format!(
                        "a policy on {} does not say which accounts it joins",
                        account.name
                    ),
                },
                None => holds(format!("{} receives nothing from {}", target.name, source.name)),
            },
            Payload::Receive { .. } => match back(&list) {
                Some(policy) => holds(format!(
                    "{} receives from {} by {}",
                    target.name, source.name, policy.id
                )),
                None => {
                    // What the other becomes takes no writes any more: it must not be the one that serves.
                    let here = source
                        .policies(&arm)
                        .await
                        .map_err(|error| error.into_driver_error(source.what()))?;
                    match serves_not(&source, &target, &here, &list) {
                        Some(evidence) => Observation::Barred { evidence },
                        None => Observation::NotBegun {
                            evidence: format!("{} receives nothing from {}", target.name, source.name),
                        },
                    }
                }
            },
            Payload::Switch(_) | Payload::Canary(_) => Observation::CannotTell {
                reason: "it was looked at already".to_owned(),
            },
            Payload::Give => {
                let other = target
                    .policies(&arm)
                    .await
                    .map_err(|error| error.into_driver_error(target.what()))?;
                match (back(&list), back(&other)) {
                    (Some(here), Some(there)) if here.id.eq_ignore_ascii_case(&there.id) => {
                        holds(format!("both accounts have the policy {}", here.id))
                    }
                    (_, Some(there)) => Observation::NotBegun {
                        evidence: format!("{} has no policy {}", source.name, there.id),
                    },
                    (_, None) => Observation::CannotTell {
                        reason: format!("{} has no policy yet", target.name),
                    },
                }
            }
        })
    }

    /// Makes the one request of an operation.
    pub(super) async fn request(&self, context: &Context, payload: &Payload) -> Result<Request, Sent> {
        let bad = |error: DriverError| refusal::refused_here("InvalidSettings", error.to_string());
        let source = Account::of(context, At::Source).map_err(bad)?;
        let target = Account::of(context, At::Target).map_err(bad)?;
        match payload {
            Payload::Remove { at, policy: Some(id) } => {
                let account = if *at == At::Source { &source } else { &target };
                let path = account.policy_path(id).map_err(bad)?;
                Ok(Request::new(Method::Delete, path, API))
            }
            Payload::Remove { policy: None, .. } => Err(refusal::refused_here(
                "NothingToCut",
                "there was no policy to remove when the step was assessed",
            )),
            Payload::Switch(_) | Payload::Canary(_) => Err(refusal::refused_here(
                "InvalidPayload",
                "it is no request about a policy",
            )),
            Payload::Receive { containers } => {
                let path = target.policy_path("default").map_err(bad)?;
                let body = policy::new_body(&source.path, &target.path, containers);
                Ok(Request::new(Method::Put, path, API).body(body))
            }
            Payload::Give => {
                let not_sent = |reason: String| Sent::NotSent { reason };
                let list = target
                    .policies(&self.arm.for_step(context))
                    .await
                    .map_err(|error| {
                        not_sent(format!("the policy of {} was not readable: {error}", target.name))
                    })?;
                let there = list
                    .iter()
                    .find(|policy| policy.replicates(&source.name, &target.name))
                    .ok_or_else(|| not_sent(format!("{} has no policy yet", target.name)))?;
                let path = source.policy_path(&there.id).map_err(bad)?;
                Ok(Request::new(Method::Put, path, API).body(policy::matching_body(
                    &source.path,
                    &target.path,
                    there,
                )))
            }
        }
    }
}
