//! What does a cluster look like now? Read from its GET; a word that nobody knows means that it moves.

use leeward_engine::work::{Observation, Outputs};
use serde_json::{Value, json};

use super::{
    capture::{pools, text},
    mapping::{RUN_TAG, SPECIFICATION_TAG},
    plan::{Expected, Place},
};

/// Whether Azure still works at something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is as asked.
    Succeeded,
    /// It ended badly; the same PUT repairs it.
    Failed(String),
    /// It goes away.
    Deleting,
    /// Every other word.
    Moving(String),
}

impl State {
    /// Reads the state at a pointer; none at all means Succeeded.
    pub(super) fn at(body: &Value, pointer: &str) -> State {
        let word = body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("Succeeded");
        match word.to_ascii_lowercase().as_str() {
            "succeeded" => State::Succeeded,
            "failed" | "canceled" | "cancelled" => State::Failed(word.to_owned()),
            "deleting" => State::Deleting,
            _ => State::Moving(crate::arm::reply::cut(word)),
        }
    }
}

/// Folds `North Europe` and `northeurope` into one.
pub(super) fn folded_region(name: &str) -> String {
    name.replace(' ', "").to_lowercase()
}

/// Returns one of a cluster's tags.
pub(super) fn tag<'a>(cluster: &'a Value, name: &str) -> Option<&'a str> {
    cluster.get("tags")?.get(name)?.as_str()
}

/// Returns whether a cluster was made from that specification, and in a drill by that very run.
pub(super) fn is_ours(cluster: &Value, digest: &str, run: Option<&str>) -> bool {
    tag(cluster, SPECIFICATION_TAG) == Some(digest)
        && run.is_none_or(|run| tag(cluster, RUN_TAG) == Some(run))
}

/// Returns the values that later steps may read.
pub(super) fn outputs(cluster: &Value) -> Outputs {
    let mut outputs = Outputs::new();
    for (name, pointer) in [
        ("name", "/name"),
        ("fqdn", "/properties/fqdn"),
        ("issuer", "/properties/oidcIssuerProfile/issuerURL"),
        ("node-resource-group", "/properties/nodeResourceGroup"),
    ] {
        if let Some(value) = cluster.pointer(pointer).and_then(Value::as_str) {
            outputs.insert(name.to_owned(), json!(value));
        }
    }
    outputs
}

/// Returns whether something is switched off. `provisioningState` is Succeeded all the same, and a start takes a PUT
/// or POST of its own, for which there may be no room: a person decides.
pub(super) fn is_stopped(body: &Value, pointer: &str) -> bool {
    let code = body.pointer(pointer).and_then(Value::as_str);
    code.is_some_and(|code| code.eq_ignore_ascii_case("stopped"))
}

/// Returns the names of a cluster's pools that are switched off.
pub(super) fn stopped_pools(cluster: &Value) -> impl Iterator<Item = String> {
    let stopped = pools(cluster)
        .iter()
        .filter(|pool| is_stopped(pool, "/powerState/code"));
    stopped.filter_map(|pool| text(pool, "name").map(str::to_owned))
}

/// Returns what a person is told of a cluster that is switched off.
pub(super) fn start_cluster(place: &Place) -> String {
    let Place { name, group } = place;
    format!("{name} is stopped; start it: az aks start --name {name} --resource-group {group}")
}

/// Returns what a person is told of a pool that is switched off.
pub(super) fn start_pool(pool: &str, place: &Place) -> String {
    let Place { name, group } = place;
    format!(
        "pool {pool} of {name} is stopped; start it: az aks nodepool start --name {pool} --cluster-name {name} \
         --resource-group {group}"
    )
}

fn barred(evidence: String) -> Observation {
    Observation::Barred { evidence }
}

/// Returns what is wrong with the size of a pool's machines, which no PUT changes.
fn other_size(pool: &Value, pointer: &str, name: &str, wanted: &[&str]) -> Option<String> {
    let found = pool.pointer(pointer).and_then(Value::as_str)?;
    let known = wanted.is_empty() || wanted.iter().any(|size| size.eq_ignore_ascii_case(found));
    (!known).then(|| {
        let found = crate::arm::reply::cut(found);
        format!(
            "pool {name} has machines of size {found}, not {}: no PUT changes that; delete the pool, then retry",
            wanted.join(" or ")
        )
    })
}

/// Judges whether the cluster stands, with the pools that its PUT carried.
pub(super) fn observe(cluster: &Value, expected: &[Expected], run: &str, place: &Place) -> Observation {
    let name = text(cluster, "name").unwrap_or("the cluster");
    let moving = |evidence: String| Observation::InMotion {
        evidence,
        ticket: None,
    };
    let mut failed = None;
    match State::at(cluster, "/properties/provisioningState") {
        State::Succeeded => {}
        // A pool that failed makes its cluster a failed one; where that pool goes its own way, the cluster stands.
        State::Failed(word) if of_its_pools(cluster, expected) => failed = Some(word),
        State::Failed(word) => {
            return Observation::NotBegun {
                evidence: format!("{name} is {word}"),
            };
        }
        State::Deleting => {
            return Observation::Busy {
                evidence: format!("{name} is being deleted"),
            };
        }
        State::Moving(word) => return moving(format!("{name} is {word}")),
    }
    if is_stopped(cluster, "/properties/powerState/code") {
        return barred(start_cluster(place));
    }
    for Expected {
        name: wanted, size, ..
    } in expected.iter().filter(|pool| !pool.own_way)
    {
        let pool = pools(cluster)
            .iter()
            .find(|pool| text(pool, "name").is_some_and(|found| found.eq_ignore_ascii_case(wanted)));
        let Some(pool) = pool else {
            return Observation::NotBegun {
                evidence: format!("{name} has no pool {wanted}"),
            };
        };
        match State::at(pool, "/provisioningState") {
            State::Succeeded => {}
            State::Failed(word) => {
                return Observation::NotBegun {
                    evidence: format!("pool {wanted} of {name} is {word}"),
                };
            }
            State::Deleting | State::Moving(_) => {
                return moving(format!("pool {wanted} of {name} is not ready"));
            }
        }
        if is_stopped(pool, "/powerState/code") {
            return barred(start_pool(wanted, place));
        }
        let sizes: Vec<&str> = size.as_deref().into_iter().collect();
        if let Some(evidence) = other_size(pool, "/vmSize", wanted, &sizes) {
            return barred(evidence);
        }
    }
    let own = expected.iter().filter(|pool| pool.own_way).count();
    let with = match (expected.len() - own, own) {
        (pools, 0) => format!("{pools} pools"),
        (pools, own) => format!("{pools} of {} pools, the others on their own way", pools + own),
    };
    Observation::Holds {
        evidence: match failed {
            None => format!("{name} is Succeeded, with {with}"),
            Some(word) => format!("{name} is {word} for its pools' sake, and stands with {with}"),
        },
        ours: tag(cluster, RUN_TAG) == Some(run),
        outputs: outputs(cluster),
    }
}

/// Whether a cluster is Failed by nothing but pools that go their own way: its own parts have their nodes.
fn of_its_pools(cluster: &Value, expected: &[Expected]) -> bool {
    let stands = |name: &str| {
        let found = pools(cluster)
            .iter()
            .find(|pool| text(pool, "name") == Some(name));
        // A state that is not shown proves nothing here.
        found.is_some_and(|pool| {
            pool["provisioningState"].is_string() && State::at(pool, "/provisioningState") == State::Succeeded
        })
    };
    let (own_way, others): (Vec<&Expected>, Vec<&Expected>) = expected.iter().partition(|pool| pool.own_way);
    own_way.iter().any(|pool| !stands(&pool.name)) && others.iter().all(|pool| stands(&pool.name))
}

/// Judges whether one pool stands, of one of the sizes that it may have. `ours` says that a witness names our run.
pub(super) fn observe_pool(
    pool: &Value,
    name: &str,
    sizes: &[&str],
    place: &Place,
    ours: bool,
) -> Observation {
    match State::at(pool, "/properties/provisioningState") {
        State::Succeeded if is_stopped(pool, "/properties/powerState/code") => {
            barred(start_pool(name, place))
        }
        State::Succeeded => match other_size(pool, "/properties/vmSize", name, sizes) {
            Some(evidence) => barred(evidence),
            None => Observation::Holds {
                evidence: format!("pool {name} is Succeeded"),
                ours,
                outputs: Outputs::new(),
            },
        },
        State::Failed(word) => Observation::NotBegun {
            evidence: format!("pool {name} is {word}"),
        },
        State::Deleting => Observation::Busy {
            evidence: format!("pool {name} is being deleted"),
        },
        State::Moving(word) => Observation::InMotion {
            evidence: format!("pool {name} is {word}"),
            ticket: None,
        },
    }
}
