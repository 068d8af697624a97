//! How often may what be asked? One row a limit, with the fact behind it.
//!
//! # What is inference
//! Recovery Services was seen to limit one action, `backupJobs/read`, to 150 an hour, single reads and lists
//! together. That it limits what this crate has in the same way is assumed for whatever is polled: jobs, operation
//! statuses, protected items, recovery plans. It is not assumed for recovery points, which nobody polls.

use std::time::Duration;

use http::Method;

use super::meter::Limit;
use crate::arm::ArmRequest;

/// One limit.
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: &'static str,
    /// How much.
    pub(crate) limit: Limit,
    /// Whether it counts a request, and in whose name.
    pub(crate) counts: fn(&Asked) -> Option<String>,
    /// How it refuses.
    pub(crate) words: Words,
}

/// How a limit refuses.
#[derive(Clone, Copy)]
pub(crate) enum Words {
    /// As ARM does.
    Arm,
    /// As a provider does, with its code.
    Provider(&'static str),
    /// As Recovery Services was recorded.
    Resource { action: &'static str, most: u64 },
}

/// What limits look at.
pub(crate) struct Asked {
    subscription: String,
    verb: Verb,
    kind: String,
    listed: bool,
    id: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Read,
    Put,
    Write,
    Delete,
}

/// Takes a request apart; nothing where no subscription is named.
pub(crate) fn asked(request: &ArmRequest) -> Option<Asked> {
    let path = &request.path;
    let verb = match request.method {
        Method::GET | Method::HEAD => Verb::Read,
        Method::PUT => Verb::Put,
        Method::DELETE => Verb::Delete,
        _ => Verb::Write,
    };
    let listed = verb == Verb::Read && path.tail.is_some();
    Some(Asked {
        subscription: path.subscription.as_ref()?.to_lowercase(),
        verb,
        kind: match (listed, path.collection()) {
            (true, Some(collection)) => collection,
            _ => path.kind(),
        },
        listed,
        id: path.key(),
    })
}

/// The names of ARM's own, which headers tell of.
pub(crate) const WRITES: &str = "subscription writes";
pub(crate) const DELETES: &str = "subscription deletes";
pub(crate) const GLOBAL_READS: &str = "subscription global reads";
pub(crate) const GLOBAL_WRITES: &str = "subscription global writes";
pub(crate) const GLOBAL_DELETES: &str = "subscription global deletes";

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);
const AN_HOUR_EACH: u64 = 150;

const fn bucket(most: u64, every_millis: u64) -> Limit {
    Limit::Bucket {
        most,
        every: Duration::from_millis(every_millis),
    }
}

const fn window(most: u64, length: Duration) -> Limit {
    Limit::Window { most, length }
}

const fn vault(name: &'static str, action: &'static str, counts: fn(&Asked) -> Option<String>) -> Row {
    Row {
        name,
        limit: window(AN_HOUR_EACH, HOUR),
        counts,
        words: Words::Resource {
            action,
            most: AN_HOUR_EACH,
        },
    }
}

/// Every limit.
pub(crate) const ROWS: &[Row] = &[
    // ARM, per subscription, principal and its own region; this world has one caller, who always comes in by the
    // same region. Reads 250 and 25 a second, writes and deletes 200 and 10 a second.
    Row {
        name: "subscription reads",
        limit: bucket(250, 40),
        counts: |asked| asked.is(Verb::Read),
        words: Words::Arm,
    },
    Row {
        name: WRITES,
        limit: bucket(200, 100),
        counts: |asked| asked.writes_or_puts(),
        words: Words::Arm,
    },
    Row {
        name: DELETES,
        limit: bucket(200, 100),
        counts: |asked| asked.is(Verb::Delete),
        words: Words::Arm,
    },
    // All principals together: fifteen times as many by the page. The newest answers tell 16499 and 11999 after one
    // request, so the bucket is larger than that by now; it is refilled as the page says.
    Row {
        name: GLOBAL_READS,
        limit: Limit::Bucket {
            most: 16_500,
            every: Duration::from_micros(2_667),
        },
        counts: |asked| asked.is(Verb::Read),
        words: Words::Arm,
    },
    Row {
        name: GLOBAL_WRITES,
        limit: Limit::Bucket {
            most: 12_000,
            every: Duration::from_micros(6_667),
        },
        counts: |asked| asked.writes_or_puts(),
        words: Words::Arm,
    },
    Row {
        name: GLOBAL_DELETES,
        limit: Limit::Bucket {
            most: 12_000,
            every: Duration::from_micros(6_667),
        },
        counts: |asked| asked.is(Verb::Delete),
        words: Words::Arm,
    },
    // AKS: PUT of a cluster 20, then one a minute, per cluster; of a pool likewise, per pool.
    Row {
        name: "PUT managedClusters",
        limit: bucket(20, 60_000),
        counts: |asked| asked.one(Verb::Put, "microsoft.containerservice/managedclusters"),
        words: Words::Provider("Throttled"),
    },
    Row {
        name: "PUT agentPools",
        limit: bucket(20, 60_000),
        counts: |asked| asked.one(Verb::Put, "microsoft.containerservice/managedclusters/agentpools"),
        words: Words::Provider("Throttled"),
    },
    // AKS: GET of a cluster 60, then one a second, per cluster.
    Row {
        name: "GET managedClusters",
        limit: bucket(60, 1_000),
        counts: |asked| asked.one(Verb::Read, "microsoft.containerservice/managedclusters"),
        words: Words::Provider("Throttled"),
    },
    // AKS: GET of an operation's status 200, then two a second, per subscription.
    Row {
        name: "GET operations",
        limit: bucket(200, 500),
        counts: |asked| asked.all(Verb::Read, "microsoft.containerservice/locations/operations"),
        words: Words::Provider("Throttled"),
    },
    // Storage, per subscription and region: reads 800 and lists 100 in five minutes, writes ten a second and 1200
    // an hour. Its code is an inference. Two regions are counted together here, which is stricter.
    Row {
        name: "storage reads",
        limit: window(800, FIVE_MINUTES),
        counts: |asked| asked.below(!asked.listed && asked.verb == Verb::Read, "microsoft.storage/"),
        words: Words::Provider("TooManyRequests"),
    },
    Row {
        name: "storage lists",
        limit: window(100, FIVE_MINUTES),
        counts: |asked| asked.below(asked.listed, "microsoft.storage/"),
        words: Words::Provider("TooManyRequests"),
    },
    Row {
        name: "storage writes in a second",
        limit: window(10, Duration::from_secs(1)),
        counts: |asked| asked.below(asked.verb != Verb::Read, "microsoft.storage/"),
        words: Words::Provider("TooManyRequests"),
    },
    Row {
        name: "storage writes in an hour",
        limit: window(1_200, HOUR),
        counts: |asked| asked.below(asked.verb != Verb::Read, "microsoft.storage/"),
        words: Words::Provider("TooManyRequests"),
    },
    // Network: 10000 reads and 1000 writes in five minutes; Private DNS 500 reads. The code is an inference.
    Row {
        name: "network reads",
        limit: window(10_000, FIVE_MINUTES),
        counts: |asked| asked.below(asked.verb == Verb::Read, "microsoft.network/"),
        words: Words::Provider("TooManyRequests"),
    },
    Row {
        name: "network writes",
        limit: window(1_000, FIVE_MINUTES),
        counts: |asked| asked.below(asked.verb != Verb::Read, "microsoft.network/"),
        words: Words::Provider("TooManyRequests"),
    },
    Row {
        name: "Private DNS reads",
        limit: window(500, FIVE_MINUTES),
        counts: |asked| asked.below(asked.verb == Verb::Read, "microsoft.network/privatednszones"),
        words: Words::Provider("TooManyRequests"),
    },
    // Recovery Services, per vault and action; see the top of the file.
    vault(
        "vault jobs",
        "Microsoft.RecoveryServices/vaults/replicationJobs/read",
        |asked| asked.of_vault("microsoft.recoveryservices/vaults/replicationjobs"),
    ),
    vault(
        "vault operation statuses",
        "Microsoft.RecoveryServices/vaults/replicationOperationStatus/read",
        |asked| asked.of_vault("microsoft.recoveryservices/vaults/replicationoperationstatus"),
    ),
    vault(
        "vault protected items",
        "Microsoft.RecoveryServices/vaults/replicationProtectedItems/read",
        |asked| asked.of_vault("microsoft.recoveryservices/vaults/replicationprotecteditems"),
    ),
    vault(
        "protected items",
        "Microsoft.RecoveryServices/vaults/replicationFabrics/replicationProtectionContainers/\
         replicationProtectedItems/read",
        |asked| {
            asked.of_vault(
                "microsoft.recoveryservices/vaults/replicationfabrics/replicationprotectioncontainers/\
                 replicationprotecteditems",
            )
        },
    ),
    vault(
        "vault recovery plans",
        "Microsoft.RecoveryServices/vaults/replicationRecoveryPlans/read",
        |asked| asked.of_vault("microsoft.recoveryservices/vaults/replicationrecoveryplans"),
    ),
];

impl Asked {
    fn is(&self, verb: Verb) -> Option<String> {
        (self.verb == verb).then(|| self.subscription.clone())
    }

    /// POST counts as a write, whatever it does: ARM knows verbs only.
    fn writes_or_puts(&self) -> Option<String> {
        matches!(self.verb, Verb::Put | Verb::Write).then(|| self.subscription.clone())
    }

    /// Counts requests about one resource each.
    fn one(&self, verb: Verb, kind: &str) -> Option<String> {
        (self.verb == verb && !self.listed && self.kind == kind).then(|| self.id.clone())
    }

    fn all(&self, verb: Verb, kind: &str) -> Option<String> {
        (self.verb == verb && self.kind == kind).then(|| self.subscription.clone())
    }

    fn below(&self, counted: bool, kind: &str) -> Option<String> {
        (counted && self.kind.starts_with(kind)).then(|| self.subscription.clone())
    }

    fn of_vault(&self, kind: &str) -> Option<String> {
        (self.verb == Verb::Read && self.kind == kind).then(|| {
            // Up to the vault's own name: …/vaults/NAME.
            let end = self.id.find("/vaults/").map_or(0, |at| at + "/vaults/".len());
            let rest = self.id[end..].find('/').map_or(self.id.len(), |at| end + at);
            self.id[..rest].to_owned()
        })
    }
}
