//! By which tag is a cluster's or a pool's state known, and which changes does one refuse?
//!
//! Documented: an operation on a cluster changes its tag and those of its pools, one on a pool the pool's alone; both
//! conditions and their status by a table. No recording up to 2025-08-01 shows a tag, so only newer versions do here.

use serde_json::{Value, json};

use super::unwrapped;
use crate::{
    arm::{Answer, ArmRequest},
    draw::Seed,
    world::Resource,
};

/// The first version that shows tags and heeds conditions here.
pub(super) const SINCE: &str = "2026-01-01";

/// Returns a cluster's tag.
pub(super) fn of_cluster(cluster: &Resource) -> String {
    let writes = cluster.state["writes"].as_u64().unwrap_or(0);
    Seed(0)
        .guid(&format!("etag/{}/{writes}", cluster.id.to_lowercase()))
        .to_string()
}

/// Returns the tag of one of its pools.
pub(super) fn of_pool(cluster: &Resource, pool: &str) -> String {
    let writes = cluster.state["pool-writes"][pool].as_u64().unwrap_or(0);
    Seed(0)
        .guid(&format!("{}/{pool}/{writes}", of_cluster(cluster)))
        .to_string()
}

/// Notes an operation on a cluster, or on one of its pools.
pub(super) fn note(cluster: &mut Resource, pool: Option<&str>) {
    let Some(state) = cluster.state.as_object_mut() else {
        return;
    };
    let counted = match pool {
        Some(pool) => state.entry("pool-writes").or_insert_with(|| json!({}))[pool].take(),
        None => state.get("writes").cloned().unwrap_or(Value::Null),
    };
    let next = json!(counted.as_u64().unwrap_or(0).saturating_add(1));
    match pool {
        Some(pool) => state["pool-writes"][pool] = next,
        None => {
            state.insert("writes".to_owned(), next);
        }
    }
}

/// Shows a cluster's tag and those of its pools.
pub(super) fn shown(cluster: &Resource) -> Value {
    let mut body = cluster.body.clone();
    if !body.is_object() {
        return body;
    }
    body["eTag"] = json!(of_cluster(cluster));
    let pools = body["properties"]["agentPoolProfiles"].as_array_mut();
    for pool in pools.into_iter().flatten().filter(|pool| pool.is_object()) {
        pool["eTag"] = json!(of_pool(cluster, pool["name"].as_str().unwrap_or_default()));
    }
    body
}

/// Refuses a change whose condition does not hold. `etag` is the tag of what is there.
pub(super) fn refuses(request: &ArmRequest, etag: Option<&str>) -> Option<Answer> {
    if request.api_version().as_str() < SINCE {
        return None;
    }
    let asked = |name: &str| {
        let value = request.header(name)?.trim_matches('"').to_owned();
        (!value.is_empty()).then_some(value)
    };
    let matching = asked("if-match").map(|wanted| match etag {
        Some(etag) => wanted == "*" || wanted == etag,
        // A missing thing cannot be deleted in vain.
        None => request.method == http::Method::DELETE,
    });
    let fresh = asked("if-none-match").map(|_| etag.is_none());
    if matching != Some(false) && fresh != Some(false) {
        return None;
    }
    // The status is documented and the code was reported; the words, and that the body has no wrapper, are inferences.
    let message = match etag {
        None => {
            "Resource not found but ETag header is provided. If this is a request to create, please do not provide ETag."
        }
        Some(_) => "The ETag header does not match that of the resource.",
    };
    Some(unwrapped(412, "PreconditionFailed", message, "", ""))
}
