//! What does an answer say about the limits?

use std::time::Duration;

use super::{
    call::{Call, Key, LEARNED},
    shell::Pace,
    table::ARM_ROWS,
};
use crate::arm::{ArmError, Reply};

/// How long a limit is closed where the refusal does not say.
const UNSAID: Duration = Duration::from_secs(10);

/// What an answer tells of each of ARM's rows, in the table's order.
const REMAINING: [&str; ARM_ROWS] = [
    "x-ms-ratelimit-remaining-subscription-reads",
    "x-ms-ratelimit-remaining-subscription-writes",
    "x-ms-ratelimit-remaining-subscription-deletes",
    "x-ms-ratelimit-remaining-subscription-global-reads",
    "x-ms-ratelimit-remaining-subscription-global-writes",
    "x-ms-ratelimit-remaining-subscription-global-deletes",
];

/// 429 is also said for "a dependency is busy": that is no limit, and closes none.
const BUSY: [&str; 4] = [
    "ConflictingSubscriptionOperation",
    "FailedIdentityOperation",
    "RetryableError",
    "RetryableErrorDueToAnotherOperation",
];

/// Codes of ARM's own buckets.
const OF_ARM: [&str; 2] = ["SubscriptionRequestsThrottled", "TenantRequestsThrottled"];

/// Takes in an answer: figures lower what we hold, a refusal closes the limit concerned.
pub(crate) fn learn(pace: &Pace, call: &Call, reply: &Reply) {
    for (row, name) in REMAINING.iter().enumerate() {
        let figure = reply.header(name).and_then(|text| text.trim().parse().ok());
        if let Some(remaining) = figure {
            let scope = call.subscription().to_owned();
            pace.lower(&Key { row, scope }, remaining);
        }
    }
    if !matches!(reply.status, 429 | 503) {
        return;
    }
    let error = ArmError::of(reply);
    let is = |known: &&'static str| error.code.eq_ignore_ascii_case(known);
    // SQL says it with 503.
    let throttled = match reply.status {
        429 => !BUSY.iter().any(is),
        _ => is(&"TooManyRequests"),
    };
    if throttled {
        let closed = concerned(call, OF_ARM.iter().any(is));
        pace.close(&closed, error.retry_after.unwrap_or(UNSAID));
    }
}

/// Returns the limits that a refusal is about: ARM's own, else the provider's, else one that no table knows.
fn concerned(call: &Call, by_arm: bool) -> Vec<Key> {
    let keys = call.keys();
    let of = |wanted: fn(usize) -> bool| -> Vec<Key> {
        keys.iter().filter(|key| wanted(key.row)).cloned().collect()
    };
    if by_arm {
        return of(|row| row < ARM_ROWS / 2);
    }
    let providers = of(|row| (ARM_ROWS..LEARNED).contains(&row));
    match providers.is_empty() {
        true => of(|row| row == LEARNED),
        false => providers,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        arm::Method,
        pace::{Purpose, Rank},
    };

    const VAULT: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v";

    fn reply(status: u16, headers: &[(&str, &str)], body: Value) -> Reply {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Reply::of_bytes(status, headers.collect(), body.to_string().as_bytes())
    }

    async fn waited(pace: &Pace, method: Method, path: &str) -> Duration {
        let start = tokio::time::Instant::now();
        let call = Call::of(method, path).unwrap();
        pace.admit(&call, Rank::plain(Purpose::Look)).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_closes_the_limit_concerned_and_no_other() {
        let pace = Pace::new();
        let jobs = format!("{VAULT}/replicationJobs");
        let items = format!("{VAULT}/replicationProtectedItems");
        let message = "Number of requests for action 'x' exceeded the limit of '150' for time interval '01:00:00'. \
                       Please try again after '324' seconds.";
        let body = json!({"error": {"code": "ResourceRequestsThrottled", "message": message}});
        learn(
            &pace,
            &Call::of(Method::Get, &jobs).unwrap(),
            &reply(429, &[], body),
        );
        assert_eq!(waited(&pace, Method::Get, &items).await, Duration::ZERO);
        assert_eq!(waited(&pace, Method::Post, &jobs).await, Duration::ZERO);
        // The message alone says for how long, and what was only assumed is known now.
        assert_eq!(waited(&pace, Method::Get, &jobs).await, Duration::from_secs(324));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_arm_closes_the_bucket_of_its_verb() {
        let pace = Pace::new();
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/a";
        let body = json!({"error": {"code": "SubscriptionRequestsThrottled", "message": "later"}});
        let refused = reply(429, &[("Retry-After", "17")], body);
        learn(&pace, &Call::of(Method::Put, path).unwrap(), &refused);
        assert_eq!(waited(&pace, Method::Get, path).await, Duration::ZERO);
        assert_eq!(
            waited(&pace, Method::Post, &format!("{path}/x")).await,
            Duration::from_secs(17)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_cluster_holds_up_no_other_cluster() {
        let pace = Pace::new();
        let cluster = |name: &str| {
            format!(
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/{name}"
            )
        };
        let refused = reply(
            429,
            &[("retry-after", "58")],
            json!({"code": "Throttled", "message": "m"}),
        );
        learn(&pace, &Call::of(Method::Put, &cluster("a")).unwrap(), &refused);
        assert_eq!(waited(&pace, Method::Put, &cluster("b")).await, Duration::ZERO);
        assert_eq!(
            waited(&pace, Method::Put, &cluster("a")).await,
            Duration::from_secs(58)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_dependency_is_no_limit() {
        let pace = Pace::new();
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/n";
        let body = json!({"error": {"code": "RetryableError", "message": "A retryable error occurred."}});
        learn(
            &pace,
            &Call::of(Method::Put, path).unwrap(),
            &reply(429, &[], body),
        );
        assert_eq!(waited(&pace, Method::Put, path).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_use_of_our_bucket_is_heard_from_the_headers() {
        let pace = Pace::new();
        let path = "/subscriptions/S/resourceGroups/g/providers/Microsoft.Sql/servers/a";
        let call = Call::of(Method::Put, path).unwrap();
        let told = [("x-ms-ratelimit-remaining-subscription-writes", "10")];
        learn(&pace, &call, &reply(200, &told, Value::Null));
        assert_eq!(waited(&pace, Method::Put, path).await, Duration::from_millis(100));
        let told = [("x-ms-ratelimit-remaining-subscription-writes", "1197")];
        learn(&pace, &call, &reply(200, &told, Value::Null));
        assert_eq!(waited(&pace, Method::Put, path).await, Duration::from_millis(100));
    }
}
