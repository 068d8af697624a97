//! How is a pool made that goes its own way: of which size next, where Azure found no machines for the one before?
//!
//! Its rungs are sizes. Azure changes no pool's size, so that between two of them stands the removal of what failed:
//! a pool that is Failed in the size before, and nothing else.

use leeward_engine::{
    port::DriverError,
    work::{Observation, Outputs, Progress, Rung, Sent, Ticket},
};
use serde_json::{Value, json};

use super::{
    capture::{pools, text},
    cluster::API,
    mapping::{self, Choice, RUN_TAG},
    plan::Plan,
    view,
    work::rung,
};
use crate::arm::{Method, Request, refusal};

/// How the rung that removes a pool of a size begins.
const REMOVE: &str = "remove-";
/// The code with which a removal ends: it reaches no goal, it makes room for the next size.
const REMOVED: &str = "PoolRemoved";

/// Returns the ways to a pool: its own size, then each fallback, what failed removed in between.
pub(super) fn rungs(own: &str, fallback: &[String], choice: &Choice) -> Vec<Rung> {
    let mut rungs = vec![rung(own)];
    let mut before = own;
    for size in fallback {
        if rungs.iter().any(|known| known.name.eq_ignore_ascii_case(size)) {
            continue;
        }
        let not_sold = choice.not_sold.get(&size.to_lowercase());
        if not_sold.is_none() {
            rungs.push(rung(&format!("{REMOVE}{before}")));
            before = size;
        }
        rungs.push(Rung {
            skip: not_sold.cloned(),
            ..rung(size)
        });
    }
    rungs
}

/// Returns the sizes among the ways to a pool.
pub(super) fn sizes(rungs: &[Rung]) -> Vec<&str> {
    let names = rungs.iter().map(|rung| rung.name.as_str());
    names.filter(|name| !name.starts_with(REMOVE)).collect()
}

/// Finds a pool in its cluster's own answer.
pub(super) fn find<'a>(cluster: &'a Value, name: &str) -> Option<&'a Value> {
    let is_it = |pool: &&Value| text(pool, "name").is_some_and(|found| found.eq_ignore_ascii_case(name));
    pools(cluster).iter().find(is_it)
}

/// Judges whether a pool stands. Read from the cluster, whose tags say whose it is.
pub(super) fn observe(
    cluster: Option<&Value>,
    plan: &Plan,
    name: &str,
    rungs: &[Rung],
    run: (&str, Option<&str>),
) -> Observation {
    let Some(cluster) = cluster else {
        return Observation::Barred {
            evidence: format!(
                "there is no cluster {} that pool {name} could be of",
                plan.side.name
            ),
        };
    };
    if !view::is_ours(cluster, &plan.mapped.digest, run.1) {
        return Observation::Barred {
            evidence: format!("the cluster {} is not ours", plan.side.name),
        };
    }
    let Some(pool) = find(cluster, name) else {
        return match view::State::at(cluster, "/properties/provisioningState") {
            view::State::Succeeded | view::State::Failed(_) => Observation::NotBegun {
                evidence: format!("there is no pool {name}"),
            },
            // A change of the cluster is under way, and another is refused while it is.
            word => Observation::Busy {
                evidence: format!("there is no pool {name}, and {} is {word:?}", plan.side.name),
            },
        };
    };
    let whole = view::State::at(cluster, "/properties/provisioningState");
    if !pool["provisioningState"].is_string() && whole != view::State::Succeeded {
        return Observation::CannotTell {
            reason: format!("pool {name} shows no state, and {} is {whole:?}", plan.side.name),
        };
    }
    let ours = view::tag(cluster, RUN_TAG) == Some(run.0);
    view::observe_pool(
        &json!({"properties": pool}),
        name,
        &sizes(rungs),
        &plan.place(),
        ours,
    )
}

/// Builds the one request of a rung, after a last look at the cluster.
#[allow(
    clippy::result_large_err,
    reason = "a send is rare, and its answer is the engine's own type"
)]
pub(super) fn request(
    cluster: Option<&Value>,
    plan: &Plan,
    choice: &Choice,
    name: &str,
    rung: &str,
    run: Option<&str>,
) -> Result<Request, Sent> {
    let ours = |cluster: &Value| view::is_ours(cluster, &plan.mapped.digest, run);
    let Some(cluster) = cluster.filter(|cluster| ours(cluster)) else {
        let reason = format!("there is no cluster {} of ours", plan.side.name);
        return Err(refusal::refused_here("NotOurs", reason));
    };
    let bad = |error: DriverError| refusal::refused_here("InvalidSettings", error.to_string());
    let path = plan.pool_id(name).map_err(bad)?;
    let Some(size) = rung.strip_prefix(REMOVE) else {
        let body = mapping::put_pool(&plan.mapped, choice, name, rung);
        let body = body
            .ok_or_else(|| refusal::refused_here("InvalidPayload", format!("no pool {name} is captured")))?;
        return Ok(Request::new(Method::Put, path, API).body(body));
    };
    let Some(pool) = find(cluster, name) else {
        let reason = format!("there is no pool {name} to remove");
        return Err(refusal::refused_here(REMOVED, reason));
    };
    match view::State::at(pool, "/provisioningState") {
        view::State::Failed(_) if text(pool, "vmSize").is_some_and(|is| is.eq_ignore_ascii_case(size)) => {
            Ok(Request::new(Method::Delete, path, API))
        }
        // Looked at again, and not taken away.
        word => Err(refusal::refused_here(
            "NotFailed",
            format!("pool {name} is {word:?}: only one that failed as {size} is removed"),
        )),
    }
}

/// Marks what a removal's answer means: it reaches no goal, it makes room for the next size.
pub(super) fn begun(sent: Sent, name: &str, rung: &str) -> Sent {
    let marked = |ticket: Ticket| Sent::Accepted {
        ticket: Ticket {
            detail: json!({"removes": name}),
            ..ticket
        },
    };
    match (rung.starts_with(REMOVE), sent) {
        (true, Sent::Accepted { ticket }) => marked(ticket),
        // Without a URL to go on by: the pool itself is watched.
        (true, Sent::Finished { .. }) => marked(Ticket {
            status_url: None,
            location: None,
            job: None,
            detail: Value::Null,
            look_after: None,
        }),
        (_, sent) => sent,
    }
}

/// Whose end is read from the cluster, for want of a URL: the pool that a ticket removes.
pub(super) fn watched(ticket: &Ticket) -> Option<&str> {
    let without = ticket.status_url.is_none() && ticket.location.is_none();
    ticket.detail["removes"].as_str().filter(|_| without)
}

/// Reads from the cluster how a removal goes.
pub(super) fn removal(cluster: Option<&Value>, name: &str) -> Progress {
    match cluster.and_then(|cluster| find(cluster, name)) {
        None => Progress::Succeeded {
            warnings: Vec::new(),
            outputs: Outputs::new(),
        },
        Some(pool) => Progress::Running {
            word: text(pool, "provisioningState").map_or_else(String::new, crate::arm::reply::cut),
            percent: None,
            look_after: None,
            ticket: None,
        },
    }
}

/// Reads a removal's end: the rung is over, and the next size follows.
pub(super) fn ended(progress: Progress, ticket: &Ticket) -> Progress {
    match (&ticket.detail["removes"], progress) {
        (Value::String(name), Progress::Succeeded { .. }) => Progress::Failed {
            code: REMOVED.to_owned(),
            message: format!("pool {name}, for which there were no machines, is gone: the next size follows"),
            retryable: false,
        },
        (_, progress) => progress,
    }
}

/// Returns the choice with the sizes that pools have which stand already: no PUT of a cluster changes them.
pub(super) fn as_they_stand(choice: &Choice, cluster: Option<&Value>) -> Choice {
    let mut choice = choice.clone();
    let own_way = choice.own_way.clone();
    for (name, pool) in own_way
        .iter()
        .filter_map(|name| Some((name, find(cluster?, name)?)))
    {
        if let Some(size) = text(pool, "vmSize") {
            choice.sizes.insert(name.clone(), size.to_owned());
        }
    }
    choice
}
