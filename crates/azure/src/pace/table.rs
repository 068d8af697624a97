//! Which limits does Azure set? One row each, with the fact behind it.

use std::time::Duration;

use super::limit::Limit;

/// One limit.
pub(crate) struct Row {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Which calls it counts, by verb.
    pub(crate) verb: Counted,
    /// Which calls it counts, by what they are about.
    pub(crate) about: About,
    /// What has a limit of its own.
    pub(crate) scope: Scope,
    /// How much.
    pub(crate) limit: Limit,
    /// Whether the fact is sourced for these very calls.
    pub(crate) sure: bool,
}

/// Which verbs a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Every GET.
    Reads,
    /// GETs of one thing.
    Single,
    /// GETs of a collection.
    Lists,
    /// PUT, PATCH and POST, whatever a POST does: ARM knows verbs only.
    Writes,
    /// PUT.
    Puts,
    /// DELETE.
    Deletes,
    /// Everything but GET.
    Changes,
}

/// What calls are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Anything.
    Anything,
    /// One type, folded.
    Type(&'static str),
    /// Every type that begins so, folded.
    Below(&'static str),
    /// What a vault shows of replication and is asked again and again.
    Replication,
}

/// What has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The subscription.
    Subscription,
    /// The resource.
    Resource,
    /// The vault, and in it each action.
    VaultAction,
}

const fn bucket(burst: u32, every_millis: u64) -> Limit {
    Limit::Bucket {
        burst,
        every: Duration::from_millis(every_millis),
    }
}

const fn window(most: u32, seconds: u64) -> Limit {
    Limit::Window {
        most,
        length: Duration::from_secs(seconds),
    }
}

const fn row(name: &'static str, verb: Counted, about: About, scope: Scope, limit: Limit) -> Row {
    Row {
        name,
        verb,
        about,
        scope,
        limit,
        sure: true,
    }
}

use About::{Anything, Below, Type};
use Counted::{Changes, Deletes, Lists, Puts, Reads, Single, Writes};
use Scope::{Resource, Subscription};

/// ARM's buckets of the own principal come first, those of all principals next, then the providers'.
pub(crate) const ROWS: &[Row] = &[
    // ARM, per region of ARM, subscription and principal: 250 reads and 25 a second, 200 writes and 10 a second,
    // 200 deletes and 10 a second. Which region of ARM takes a call is not ours to choose: one is assumed.
    row(
        "subscription reads",
        Reads,
        Anything,
        Subscription,
        bucket(250, 40),
    ),
    row(
        "subscription writes",
        Writes,
        Anything,
        Subscription,
        bucket(200, 100),
    ),
    row(
        "subscription deletes",
        Deletes,
        Anything,
        Subscription,
        bucket(200, 100),
    ),
    // All principals together: fifteen times as much.
    row(
        "reads by all principals",
        Reads,
        Anything,
        Subscription,
        Limit::Bucket {
            burst: 3_750,
            every: Duration::from_nanos(2_666_667),
        },
    ),
    row(
        "writes by all principals",
        Writes,
        Anything,
        Subscription,
        Limit::Bucket {
            burst: 3_000,
            every: Duration::from_nanos(6_666_667),
        },
    ),
    row(
        "deletes by all principals",
        Deletes,
        Anything,
        Subscription,
        Limit::Bucket {
            burst: 3_000,
            every: Duration::from_nanos(6_666_667),
        },
    ),
    // AKS: PUT of a cluster 20, then one a minute for each cluster; of a pool likewise for each pool; GET of a
    // cluster 60, then one a second; GET of an operation's status 200, then two a second for the subscription.
    row(
        "AKS cluster puts",
        Puts,
        Type(CLUSTERS),
        Resource,
        bucket(20, 60_000),
    ),
    row("AKS pool puts", Puts, Type(POOLS), Resource, bucket(20, 60_000)),
    row(
        "AKS cluster reads",
        Single,
        Type(CLUSTERS),
        Resource,
        bucket(60, 1_000),
    ),
    row(
        "AKS operation statuses",
        Reads,
        Type("microsoft.containerservice/locations/operations"),
        Subscription,
        bucket(200, 500),
    ),
    // Storage's resource provider, per subscription and region: reads 800 and lists 100 in five minutes, writes
    // ten a second and 1200 an hour. A path does not tell the region, so all regions are counted together.
    row(
        "storage reads",
        Single,
        Below("microsoft.storage/"),
        Subscription,
        window(800, 300),
    ),
    row(
        "storage lists",
        Lists,
        Below("microsoft.storage/"),
        Subscription,
        window(100, 300),
    ),
    row(
        "storage writes of a second",
        Changes,
        Below("microsoft.storage/"),
        Subscription,
        window(10, 1),
    ),
    row(
        "storage writes of an hour",
        Changes,
        Below("microsoft.storage/"),
        Subscription,
        window(1_200, 3_600),
    ),
    // Network: 10000 reads and 1000 writes in five minutes; Private DNS 500 reads.
    row(
        "network reads",
        Reads,
        Below("microsoft.network/"),
        Subscription,
        window(10_000, 300),
    ),
    row(
        "network writes",
        Changes,
        Below("microsoft.network/"),
        Subscription,
        window(1_000, 300),
    ),
    row(
        "Private DNS reads",
        Reads,
        Below("microsoft.network/privatednszones"),
        Subscription,
        window(500, 300),
    ),
    // Recovery Services: 150 an hour for each action, single reads and lists together. Seen for backup jobs …
    row(
        "backup job reads",
        Reads,
        Type("microsoft.recoveryservices/vaults/backupjobs"),
        Scope::VaultAction,
        window(150, 3_600),
    ),
    // … and an inference for replication: polls and looks keep to it, what is read once for a change does not
    // wait for it until Azure itself has said so.
    Row {
        name: "vault reads",
        verb: Reads,
        about: About::Replication,
        scope: Scope::VaultAction,
        limit: window(150, 3_600),
        sure: false,
    },
];

const CLUSTERS: &str = "microsoft.containerservice/managedclusters";
const POOLS: &str = "microsoft.containerservice/managedclusters/agentpools";

/// How many rows are ARM's own.
pub(crate) const ARM_ROWS: usize = 6;
