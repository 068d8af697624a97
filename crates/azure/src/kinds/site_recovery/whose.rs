//! Whose test failover is it that stands about? A drill cleans up its own, and leaves alone what somebody else made.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, DriverError},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    choice::impossible,
    item::{Item, Test},
    machines::Machines,
    operations::Payload,
    vault::Vault,
};
use crate::arm::reply::cut;

/// How far our clock and Azure's may be apart.
const SKEW: Duration = Duration::from_secs(5 * 60);
/// How many attempts and sends of each are looked through for the one that a job names.
const MOST: u32 = 32;

/// By what a drill knows its own test failover again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The network of the drill.
    pub(super) network: String,
    /// The operation that makes the test machine.
    pub(super) test: OperationId,
    /// When no test failover stood about.
    pub(super) clear_at: Timestamp,
}

/// Whose a test failover is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Its job names a request of this run.
    Ours,
    /// Nothing says that it is somebody else's.
    Unknown,
    /// Somebody else's; why that is known.
    Others(String),
}

/// Judges one test failover by its job. That a job's `activityId` names the request that began it is an inference from
/// recordings, so that it proves ours and never another's.
pub(super) fn whose(context: &Context, test: &Test, job: Option<&Value>, mark: &Mark) -> Whose {
    let text = |pointer: &str| {
        let text = job.and_then(|job| job.pointer(pointer)).and_then(Value::as_str);
        text.map(str::trim).filter(|text| !text.is_empty())
    };
    if text("/properties/activityId").is_some_and(|activity| names_us(context, mark, activity)) {
        return Whose::Ours;
    }
    let last = |id: &str| id.rsplit('/').next().unwrap_or_default().to_lowercase();
    let named: Vec<&str> = ["networkName", "networkFriendlyName"]
        .iter()
        .filter_map(|key| text(&format!("/properties/customDetails/{key}")))
        .collect();
    if let Some(first) = named.first()
        && !named.iter().any(|name| last(name) == last(&mark.network))
    {
        return Whose::Others(format!("it is in the network {}", cut(first)));
    }
    match test.since {
        Some(since)
            if since
                .saturating_add(SKEW)
                .is_ok_and(|since| since < mark.clear_at) =>
        {
            Whose::Others(format!("it began at {since}"))
        }
        _ => Whose::Unknown,
    }
}

/// Returns whether a job's activity holds the client request id of some send of this run's test failover.
fn names_us(context: &Context, mark: &Mark, activity: &str) -> bool {
    let activity = activity.to_lowercase();
    let key = |attempt, send| AttemptKey {
        run: context.run.clone(),
        step: context.step.id.clone(),
        operation: mark.test.clone(),
        attempt,
        send,
        send_before: Duration::ZERO,
    };
    (1..=MOST)
        .flat_map(|attempt| (1..=MOST).map(move |send| key(attempt, send)))
        .any(|key| activity.contains(&key.client_request_id().to_string()))
}

/// Says what stands about and what is to be done.
pub(super) fn stranger(item: &Item, test: &Test, why: Option<&str>) -> String {
    let mut words = format!(
        "a test failover of {} stands about that is not this run's",
        item.machine
    );
    if let Some(why) = why {
        words.push_str(&format!(": {why}"));
    }
    match (&test.since, &test.job) {
        (_, None) => {}
        (Some(since), Some(job)) => words.push_str(&format!(" (job {job}, begun {since})")),
        (None, Some(job)) => words.push_str(&format!(" (job {job})")),
    }
    words.push_str("; clean it up, or wait until whoever made it has");
    words
}

impl Machines {
    /// Refuses a drill where somebody else's test failover stands about: its clean-up would delete what they look at.
    pub(super) async fn refuse_strangers(
        &self,
        context: &Context,
        vault: &Vault,
        items: &[Item],
        mark: &Mark,
    ) -> Result<(), DriverError> {
        for item in items {
            let Some(test) = item.standing_test() else {
                continue;
            };
            let job = match &test.job {
                Some(name) => match vault.job(&self.arm.for_step(context), name).await {
                    Ok(job) => Some(job),
                    Err(error) if error.is_missing() => None,
                    Err(error) => return Err(error.into_driver_error(format!("job {name}"))),
                },
                None => None,
            };
            match whose(context, &test, job.as_ref(), mark) {
                Whose::Ours => {}
                Whose::Unknown => return Err(impossible(stranger(item, &test, None))),
                Whose::Others(why) => return Err(impossible(stranger(item, &test, Some(&why)))),
            }
        }
        Ok(())
    }

    /// Says of each machine what somebody else's test failover stands about, if one does. What cannot be read is no
    /// proof of that.
    pub(super) async fn strangers(
        &self,
        context: &Context,
        vault: &Vault,
        payload: &Payload,
        items: &[Option<Item>],
    ) -> Vec<Option<String>> {
        let Some(mark) = &payload.mark else {
            return Vec::new();
        };
        let arm = self.arm.for_step(context);
        let mut jobs: BTreeMap<String, Option<Value>> = BTreeMap::new();
        let mut strangers = Vec::new();
        for (member, item) in payload.members.iter().zip(items) {
            let standing = item.as_ref().and_then(|item| Some((item, item.standing_test()?)));
            let Some((item, test)) = standing else {
                strangers.push(None);
                continue;
            };
            let job = match &test.job {
                Some(name) => {
                    if !jobs.contains_key(name) {
                        let job = self.lists.job_of(&arm, vault, member, name).await;
                        jobs.insert(name.clone(), job);
                    }
                    jobs.get(name).and_then(Option::as_ref)
                }
                None => None,
            };
            strangers.push(match whose(context, &test, job, mark) {
                Whose::Others(why) => Some(stranger(item, &test, Some(&why))),
                Whose::Ours | Whose::Unknown => None,
            });
        }
        strangers
    }
}
