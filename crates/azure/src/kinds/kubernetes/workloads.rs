//! How do manifests come onto a cluster? One operation an object; what it carries lets it be done again after a
//! restart, with the pinned files.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, DriverError},
    work::{Observation, Operation, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{
    kind::RepeatClass,
    manifest::{self, Object},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    access::{Keys, Which},
    order::{self, Turn},
    place,
    ready::{self, Ready},
    server::{MANAGER, Server, Unread},
};
use crate::{
    arm::{Arm, refusal},
    kinds::{secrets::Opened, settings},
    registry::Seams,
    seams::ClusterWire,
};

/// What was applied last, as a digest.
const APPLIED: &str = "leeward-applied";
/// By which run.
const RUN: &str = "leeward-run";
/// 30 s to send, 60 s on the way, 60 s unseen.
const SETTLING: Duration = Duration::from_secs(150);
/// How long an object may take where nothing is said.
const READY_WITHIN: Duration = Duration::from_secs(600);
/// The pause between two looks.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// After this its pods are asked why.
const PATIENCE: Duration = Duration::from_secs(30);

/// Puts manifests on clusters.
pub(crate) struct Workloads {
    arm: Arm,
    wire: Arc<dyn ClusterWire>,
    keys: Keys,
}

/// What an operation carries over a restart. Never a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Apply {
    /// Tells these from the other operations of a step.
    apply: String,
    cluster: Which,
    digest: String,
    ready_within: u64,
    take: bool,
}

/// The manifests of a step, read from what its plan pinned.
pub(crate) struct Set {
    pub(crate) objects: Vec<Object>,
    ready_within: Duration,
    take: bool,
}

impl Set {
    /// Reads them; `table` is what names them, the step's settings or its `workloads`.
    pub(crate) fn read(context: &Context, table: &Value) -> Result<Set, DriverError> {
        let impossible = |reason: String| DriverError::Impossible { reason };
        let written = settings::text(table, "manifests")?;
        let mut files = Vec::new();
        for path in manifest::below(written, context.plan.files.keys().map(String::as_str)) {
            let bytes = context
                .files
                .read(path)
                .ok_or_else(|| impossible(format!("the plan's `{path}` cannot be read")))?;
            files.push((path, bytes));
        }
        let files = files.iter().map(|(path, bytes)| (*path, bytes.as_slice()));
        let found = manifest::read(files, settings::optional_text(table, "namespace"));
        if let Some(first) = found.complaints.first() {
            return Err(impossible(format!("{}: {}", first.place, first.what)));
        }
        if found.objects.is_empty() {
            return Err(impossible(format!("the plan pinned no manifest at `{written}`")));
        }
        Ok(Set {
            objects: found.objects,
            ready_within: settings::duration(table, "ready-within")?.unwrap_or(READY_WITHIN),
            take: settings::optional_text(table, "conflicts") == Some("take"),
        })
    }

    fn find(&self, identity: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.identity() == identity)
    }
}

/// Returns the digest of an object as it is written; the order of its keys says nothing.
fn digest(object: &Object) -> String {
    let text = super::sorted(&object.body).to_string();
    blake3::hash(text.as_bytes()).to_hex().chars().take(32).collect()
}

/// Returns what an operation is called.
fn id_of(object: &Object) -> String {
    let kind = match place::is_own(object.group()) {
        true => object.kind.to_lowercase(),
        false => format!("{}.{}", object.kind.to_lowercase(), object.group()),
    };
    let namespaced = place::known(object.group(), &object.kind).is_none_or(|known| known.namespaced);
    match object.namespace.as_ref().filter(|_| namespaced) {
        Some(namespace) => format!("apply/{kind}/{namespace}/{}", object.name),
        None => format!("apply/{kind}/{}", object.name),
    }
}

/// Returns what people call it.
fn title(object: &Object) -> String {
    match place::known(object.group(), &object.kind) {
        Some(known) if !known.namespaced => format!("{} {}", object.kind, object.name),
        _ => object.title(),
    }
}

/// Returns one operation for each object, in the order in which they need each other. `after` come before all of them.
pub(crate) fn operations(set: &Set, cluster: &Which, after: &[OperationId]) -> Vec<Operation> {
    let mut all: Vec<Operation> = Vec::new();
    let mut last: Vec<OperationId> = after.to_vec();
    let mut side_by_side: Vec<OperationId> = Vec::new();
    for (turn, object) in order::sorted(&set.objects) {
        let id = OperationId::new(id_of(object));
        let waits = match turn {
            Turn::Gatekeeper if !side_by_side.is_empty() => side_by_side.clone(),
            _ => last.clone(),
        };
        match turn {
            Turn::Namespace | Turn::Definition | Turn::Ground => last = vec![id.clone()],
            Turn::Main => side_by_side.push(id.clone()),
            Turn::Gatekeeper => {}
        }
        let title = title(object);
        all.push(Operation {
            id,
            target: title.clone(),
            goal: format!(
                "{title} on {} is as {} says, and ready",
                cluster.name(),
                object.file
            ),
            after: waits,
            phase: Phase::Main,
            rungs: vec![Rung::new("only", RepeatClass::Repeatable, SETTLING)],
            observable: true,
            payload: json!(Apply {
                apply: object.identity(),
                cluster: cluster.clone(),
                digest: digest(object),
                ready_within: set.ready_within.as_secs(),
                take: set.take,
            }),
        });
    }
    all
}

/// Returns whether an operation is one of these.
pub(crate) fn is_one(operation: &Operation) -> bool {
    operation.payload.get("apply").is_some()
}

impl Workloads {
    pub(crate) fn new(seams: &Seams) -> Workloads {
        Workloads {
            arm: seams.arm.clone(),
            wire: seams.clusters.clone(),
            keys: Keys::default(),
        }
    }

    fn server<'a>(&'a self, arm: &'a Arm, context: &'a Context, which: &'a Which) -> Server<'a> {
        Server {
            arm,
            wire: &*self.wire,
            keys: &self.keys,
            context,
            which,
        }
    }

    /// Asks a cluster which version it is, to find out beforehand that it answers us.
    pub(super) async fn version(&self, context: &Context, which: &Which) -> Result<String, DriverError> {
        let arm = self.arm.for_step(context);
        let what = || format!("cluster {}", which.name());
        match self.server(&arm, context, which).get("/version").await {
            Ok(found) => Ok(found
                .and_then(|body| body["gitVersion"].as_str().map(crate::arm::reply::cut))
                .unwrap_or_else(|| "an unknown version".to_owned())),
            Err(Unread::Silent(error)) => Err(error),
            Err(Unread::Answered(trouble)) => Err(DriverError::Refused {
                what: what(),
                passing: matches!(trouble.status, 401 | 429 | 500..),
                code: trouble.reason,
                message: trouble.message,
            }),
        }
    }

    /// Reads whether an object is as its manifest says, and ready.
    pub(crate) async fn observe(
        &self,
        context: &Context,
        table: &Value,
        operation: &Operation,
    ) -> Observation {
        let cannot = |reason: String| Observation::CannotTell { reason };
        let arm = self.arm.for_step(context);
        let (apply, object) = match carried(context, table, operation) {
            Ok(found) => found,
            Err(reason) => return cannot(reason),
        };
        let server = self.server(&arm, context, &apply.cluster);
        let live = match read(&server, &object).await {
            Ok(live) => live,
            Err(unread) => return cannot(unread.text()),
        };
        let title = title(&object);
        let Some(live) = live else {
            return Observation::NotBegun {
                evidence: format!("there is no {title}"),
            };
        };
        if note(&live, APPLIED) != Some(apply.digest.as_str()) {
            return Observation::NotBegun {
                evidence: match note(&live, APPLIED) {
                    Some(_) => format!("{title} is of another manifest"),
                    None => format!("{title} is there, and not from this manifest"),
                },
            };
        }
        match ready::judge(&live) {
            Ready::Yes { outputs } => Observation::Holds {
                evidence: format!("{title} is as its manifest says, and ready"),
                ours: note(&live, RUN) == Some(context.run.0.as_str()),
                outputs,
            },
            Ready::Never { reason } => Observation::Barred {
                evidence: format!("{title}: {reason}"),
            },
            Ready::Not { word } => {
                let evidence = format!("{title} is applied and not ready: {word}");
                let now = arm.clock().now().wall;
                let until = applied_at(&live).map(|at| at + Duration::from_secs(apply.ready_within));
                match until.filter(|until| now < *until) {
                    Some(until) => Observation::InMotion {
                        evidence,
                        ticket: Some(ticket(now, until)),
                    },
                    None => Observation::NotBegun { evidence },
                }
            }
        }
    }

    /// Applies one object.
    pub(crate) async fn begin(
        &self,
        context: &Context,
        table: &Value,
        operation: &Operation,
        key: &AttemptKey,
    ) -> Sent {
        let arm = self.arm.for_step(context);
        let (apply, object) = match carried(context, table, operation) {
            Ok(found) => found,
            Err(reason) => return refusal::refused_here("InvalidManifest", reason),
        };
        let server = self.server(&arm, context, &apply.cluster);
        let collection = match server.collection(&object).await {
            Ok(Some(collection)) => collection,
            // Its definition may have been made a moment ago, or come with something else.
            Ok(None) => {
                return Sent::NotSent {
                    reason: format!("the cluster knows no {} of {}", object.kind, object.api_version),
                };
            }
            Err(unread) => {
                return Sent::NotSent {
                    reason: unread.text(),
                };
            }
        };
        let body = match body_of(&object, &collection, &apply.digest, &context.run.0) {
            Ok(body) => body,
            Err(reason) => return refusal::refused_here("SecretNotReadable", reason),
        };
        let path = place::path_of(&object, &collection);
        match server.apply(&path, &body, apply.take, key.send_before).await {
            Err(sent) => sent,
            Ok((live, warnings)) => match ready::judge(&live) {
                Ready::Yes { outputs } => Sent::Finished { outputs, warnings },
                Ready::Not { .. } | Ready::Never { .. } => {
                    let now = arm.clock().now().wall;
                    let mut ticket = ticket(now, now + Duration::from_secs(apply.ready_within));
                    if !warnings.is_empty() {
                        ticket.detail["warnings"] = json!(warnings);
                    }
                    Sent::Accepted { ticket }
                }
            },
        }
    }

    /// Looks how far an applied object is.
    pub(crate) async fn poll(
        &self,
        context: &Context,
        table: &Value,
        operation: &Operation,
        ticket: &Ticket,
    ) -> Progress {
        let arm = self.arm.for_step(context);
        let unreadable = |reason: String| Progress::Unreadable {
            reason,
            look_after: Some(LOOK_AFTER),
        };
        let (apply, object) = match carried(context, table, operation) {
            Ok(found) => found,
            Err(reason) => return unreadable(reason),
        };
        let server = self.server(&arm, context, &apply.cluster);
        let moment = |name: &str| ticket.detail[name].as_str().and_then(|text| text.parse().ok());
        let now = arm.clock().now().wall;
        let over = moment("until").is_some_and(|until: Timestamp| now >= until);
        let live = match read(&server, &object).await {
            Ok(live) => live,
            Err(unread) if over => {
                return not_ready(format!("{} cannot be seen: {}", title(&object), unread.text()));
            }
            Err(unread) => return unreadable(unread.text()),
        };
        let Some(live) = live else {
            return Progress::Gone {
                reason: format!("{} is gone", title(&object)),
            };
        };
        match ready::judge(&live) {
            Ready::Yes { outputs } => Progress::Succeeded {
                warnings: serde_json::from_value(ticket.detail["warnings"].clone()).unwrap_or_default(),
                outputs,
            },
            Ready::Never { reason } => Progress::Failed {
                code: "NeverReady".to_owned(),
                message: format!("{}: {reason}", title(&object)),
                retryable: false,
            },
            Ready::Not { word } => {
                let since: Option<Timestamp> = moment("since");
                let long = since.is_none_or(|since| now >= since + PATIENCE);
                let word = match over || long {
                    true => match why(&server, &object, &live).await {
                        Some(why) => format!("{word}; {why}"),
                        None => word,
                    },
                    false => word,
                };
                let word = Opened::default().hide(&word);
                match over {
                    true => not_ready(format!("{} is not ready: {word}", title(&object))),
                    false => Progress::Running {
                        word,
                        percent: None,
                        look_after: Some(LOOK_AFTER),
                        ticket: None,
                    },
                }
            }
        }
    }
}

fn not_ready(message: String) -> Progress {
    Progress::Failed {
        code: "NotReady".to_owned(),
        message,
        retryable: false,
    }
}

fn ticket(since: Timestamp, until: Timestamp) -> Ticket {
    Ticket {
        status_url: None,
        location: None,
        job: None,
        detail: json!({"since": since.to_string(), "until": until.to_string()}),
        look_after: Some(LOOK_AFTER),
    }
}

/// Reads what an operation carries, and finds its object among the pinned ones.
fn carried(context: &Context, table: &Value, operation: &Operation) -> Result<(Apply, Object), String> {
    let apply: Apply =
        serde_json::from_value(operation.payload.clone()).map_err(|error| error.to_string())?;
    let set = Set::read(context, table).map_err(|error| error.to_string())?;
    let object = set
        .find(&apply.apply)
        .filter(|object| digest(object) == apply.digest)
        .ok_or_else(|| format!("the pinned manifests hold no {} as it was planned", apply.apply))?;
    Ok((apply, object.clone()))
}

async fn read(server: &Server<'_>, object: &Object) -> Result<Option<Value>, Unread> {
    match server.collection(object).await? {
        Some(collection) => server.get(&place::path_of(object, &collection)).await,
        // What nobody knows is not there.
        None => Ok(None),
    }
}

/// Asks the pods of an object what keeps them.
async fn why(server: &Server<'_>, object: &Object, live: &Value) -> Option<String> {
    let selector = ready::selector(live)?;
    let namespace = live["metadata"]["namespace"]
        .as_str()
        .or(object.namespace.as_deref())?;
    let query: String = url::form_urlencoded::byte_serialize(selector.as_bytes()).collect();
    let path = format!("/api/v1/namespaces/{namespace}/pods?limit=50&labelSelector={query}");
    let list = server.get(&path).await.ok()??;
    list["items"].as_array()?.iter().find_map(ready::trouble_of_pod)
}

fn note<'a>(live: &'a Value, name: &str) -> Option<&'a str> {
    live["metadata"]["annotations"][name].as_str()
}

/// Returns when the server last took something from us for this object.
fn applied_at(live: &Value) -> Option<Timestamp> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let ours = entries
        .iter()
        .find(|one| one["manager"] == MANAGER && one["operation"] == "Apply")?;
    ours["time"].as_str()?.parse().ok()
}

/// Makes what is sent: the manifest, with our two notes, and its secrets in place of their references.
fn body_of(
    object: &Object,
    collection: &place::Collection,
    digest: &str,
    run: &str,
) -> Result<Value, String> {
    let mut body = object.body.clone();
    let metadata = &mut body["metadata"];
    if let Some(namespace) = place::namespace_of(object, collection) {
        metadata["namespace"] = json!(namespace);
    } else if let Some(metadata) = metadata.as_object_mut() {
        metadata.shift_remove("namespace");
    }
    if !metadata["annotations"].is_object() {
        metadata["annotations"] = json!({});
    }
    metadata["annotations"][APPLIED] = json!(digest);
    metadata["annotations"][RUN] = json!(run);
    if object.kind == "Secret" && object.group().is_empty() {
        let mut opened = Opened::default();
        let pairs = opened
            .table(body.get("stringData"))
            .map_err(|error| error.to_string())?;
        if let Some(fields) = body.as_object_mut() {
            // `stringData` is for people: the server owns no field of it, and would not see a second apply as the same.
            fields.shift_remove("stringData");
            let data = pairs
                .into_iter()
                .map(|(name, value)| (name, json!(STANDARD.encode(value))));
            fields.insert("data".to_owned(), Value::Object(data.collect()));
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
