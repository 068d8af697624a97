//! What does a cluster look like now? Read from its GET; a word that nobody knows means that it moves.

use leeward_engine::work::{Observation, Outputs};
use serde_json::{Value, json};

use super::{
    capture::{pools, text},
    mapping::{RUN_TAG, SPECIFICATION_TAG},
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

/// Judges whether the cluster stands, with the pools that its PUT carried.
pub(super) fn observe(cluster: &Value, expected: &[String], run: &str) -> Observation {
    let name = text(cluster, "name").unwrap_or("the cluster");
    let moving = |evidence: String| Observation::InMotion {
        evidence,
        ticket: None,
    };
    match State::at(cluster, "/properties/provisioningState") {
        State::Succeeded => {}
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
    for wanted in expected {
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
    }
    Observation::Holds {
        evidence: format!("{name} is Succeeded, with {} pools", expected.len()),
        ours: tag(cluster, RUN_TAG) == Some(run),
        outputs: outputs(cluster),
    }
}

/// Judges whether one pool stands.
pub(super) fn observe_pool(pool: &Value, name: &str) -> Observation {
    match State::at(pool, "/properties/provisioningState") {
        State::Succeeded => Observation::Holds {
            evidence: format!("pool {name} is Succeeded"),
            ours: false,
            outputs: Outputs::new(),
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
