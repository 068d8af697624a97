//! What do AKS clusters do?
//!
//! The pools of a cluster live in its body alone; a pool's own resource is made of that. What a cluster serves to
//! the public (its ingress) is answered by the data plane.

mod cluster;
mod compose;
mod credentials;
mod etag;
mod furnish;
mod nodes;
mod pool;
mod power;
mod rules;

use http::Method;
use serde_json::{Value, json};

pub(crate) use self::{
    credentials::{LOCAL, answers, server, signs_in, tokens},
    furnish::furnish,
};
use super::{Context, Failure, Provider, Served, read, status_body};
use crate::{
    arm::{Answer, ArmRequest},
    world::{Operation, Progress, Resource, World, fold_id},
};

/// Versions seen in recordings and specifications, the one that the vendor's command line sends, and the newest.
const VERSIONS: &[&str] = &[
    "2022-04-01",
    "2023-02-01",
    "2024-05-01",
    "2024-09-01",
    "2025-03-01",
    "2025-08-01",
    "2026-06-01",
    "2026-08-01",
];

pub(crate) const CLUSTERS: &str = "microsoft.containerservice/managedclusters";
const POOLS: &str = "microsoft.containerservice/managedclusters/agentpools";
const KUBERNETES: &str = "microsoft.containerservice/locations/kubernetesversions";

/// The provider.
pub(crate) struct Aks;

/// Returns the providers of this folder.
pub(crate) fn providers() -> Vec<Box<dyn Provider>> {
    vec![Box::new(Aks)]
}

impl Provider for Aks {
    fn serves(&self) -> &'static [Served] {
        const SERVED: &[Served] = &[
            Served {
                kind: CLUSTERS,
                versions: VERSIONS,
            },
            Served {
                kind: POOLS,
                versions: VERSIONS,
            },
            Served {
                kind: KUBERNETES,
                versions: VERSIONS,
            },
        ];
        SERVED
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        compose::as_of(&request.api_version(), any_version(self, context, request))
    }

    fn show(&self, _: &Context<'_>, seen: &Resource) -> Value {
        etag::shown(seen)
    }

    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        cluster::finish(context, operation)
    }

    fn abandon(&self, context: &mut Context<'_>, operation: &Operation) {
        cluster::abandon(context, operation);
    }

    /// Recorded: `endTime` once it is over, and beside a start that goes well an error that is none.
    fn status(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        let mut body = status_body(context, operation);
        power::warns(&mut body, operation);
        if let Some(ends) = operation.ends.filter(|_| operation.progress.over()) {
            let error = body.as_object_mut().and_then(|body| body.remove("error"));
            body["endTime"] = json!(context.time(ends));
            if let Some(error) = error {
                body["error"] = error;
            }
        }
        Answer::json(200, body)
    }

    fn result(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        match &operation.progress {
            Progress::Running => context.links(Answer::empty(202), operation),
            Progress::Failed { code, message } => Answer::error(409, code, message.as_str()),
            // Recorded.
            _ if power::is_one(&operation.verb) => context.located(Answer::empty(204), operation),
            _ => Answer::empty(204),
        }
    }
}

/// Answers as the newest version would.
fn any_version(aks: &Aks, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
    let pool = request.path.types.len() > 1;
    match (&request.method, request.path.action().as_deref()) {
        (&Method::GET, Some("kubernetesversions")) => rules::versions(context.world, request),
        (&Method::GET, Some("agentpools")) => pool::list(context, request),
        (&Method::GET, None) if pool => pool::get(context, request),
        (&Method::GET, _) => read(aks, context, request),
        (&Method::PUT, None) if pool => pool::put(context, request),
        (&Method::PUT, None) => cluster::put(context, request),
        (&Method::DELETE, None) if pool => pool::delete(context, request),
        (&Method::DELETE, None) => cluster::delete(context, request),
        (&Method::POST, Some(action @ ("start" | "stop"))) if !pool => power::turn(context, request, action),
        (&Method::POST, Some("abort")) if !pool => power::abort(context, request),
        (&Method::POST, Some("listclusteradmincredential")) => {
            credentials::answer(context, request, "clusterAdmin")
        }
        (&Method::POST, Some("listclusterusercredential")) => {
            credentials::answer(context, request, "clusterUser")
        }
        _ => Answer::gateway(
            405,
            "HttpMethodNotAllowed",
            format!(
                "The pretend Azure does not support '{}' on '{}'.",
                request.method, request.path.raw
            ),
        ),
    }
}

/// Returns whether a cluster has come up once and its region lets it run. The caller looks at the region.
pub(crate) fn stands(cluster: &Resource) -> bool {
    cluster.state["stands"] == true
}

/// Returns the cluster whose ingress has an address.
pub(crate) fn behind<'a>(world: &'a World, host: &str) -> Option<&'a Resource> {
    world.resources.values().find(|resource| {
        resource.kind.eq_ignore_ascii_case(CLUSTERS)
            && resource.state["ingress"]
                .as_str()
                .is_some_and(|address| address.eq_ignore_ascii_case(host))
    })
}

/// Makes one of this provider's own errors: without the wrapper that ARM asks for, as recorded.
fn unwrapped(status: u16, code: &str, message: &str, subcode: &str, target: &str) -> Answer {
    let mut body = json!({"code": code, "details": null, "message": message, "subcode": subcode});
    if !target.is_empty() {
        body["target"] = json!(target);
    }
    Answer::json(status, body)
}

/// Returns the id of the cluster that a path names or lies under.
fn cluster_id(request: &ArmRequest) -> String {
    let id = request.path.id();
    let folded = fold_id(&id);
    match folded.find("/agentpools/") {
        Some(cut) => folded[..cut].to_owned(),
        None => folded,
    }
}

fn pools(cluster: &Value) -> Vec<Value> {
    cluster["properties"]["agentPoolProfiles"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}
