//! How is a cluster's server asked, and what do its answers mean? One request each, no retry.

use std::{sync::Arc, time::Duration};

use leeward_engine::{
    port::{Context, DriverError},
    work::{Refusal, Sent},
};
use leeward_runbook::manifest::Object;
use serde_json::Value;

use super::{
    access::{Keys, Which},
    place::{self, Collection},
};
use crate::{
    arm::{Arm, Reply, reply::cut},
    kinds::secrets::Opened,
    seams::{ClusterAccess, ClusterRequest, ClusterWire, PublicError},
};

/// How long one exchange may take. A server gives up on an admission webhook after 30 s.
const WITHIN: Duration = Duration::from_secs(45);
/// How a server begins that does not take what is sent for an object of its schema.
const MISFIT: &str = "failed to create typed patch object";
/// As whom fields are owned.
pub(super) const MANAGER: &str = "leeward";

/// Why a read told nothing.
#[derive(Debug)]
pub(super) enum Unread {
    /// The server answered, with an error.
    Answered(Trouble),
    /// Nobody answered, or nobody could be asked.
    Silent(DriverError),
}

impl Unread {
    /// Returns it in words.
    pub(super) fn text(&self) -> String {
        match self {
            Unread::Answered(trouble) => trouble.text(),
            Unread::Silent(error) => error.to_string(),
        }
    }
}

/// What a server said in place of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) message: String,
    /// Who owns fields that were asked for.
    pub(super) owners: Vec<String>,
    pub(super) retry_after: Option<Duration>,
}

impl Trouble {
    /// Reads the `Status` of an answer; whatever else it is counts by its HTTP status.
    fn of(reply: &Reply) -> Trouble {
        let hide = |text: &str| cut(&Opened::default().hide(text));
        let body = &reply.body;
        let causes = body["details"]["causes"].as_array();
        Trouble {
            status: reply.status,
            reason: hide(body["reason"].as_str().unwrap_or("Unknown")),
            message: hide(body["message"].as_str().unwrap_or("no reason was given")),
            owners: causes
                .into_iter()
                .flatten()
                .filter(|cause| cause["reason"] == "FieldManagerConflict")
                .map(|cause| {
                    let word = |name: &str| cause[name].as_str().unwrap_or_default();
                    hide(&format!("{} {}", word("field"), word("message")))
                })
                .collect(),
            retry_after: reply.retry_after(),
        }
    }

    fn text(&self) -> String {
        format!("HTTP {} {}: {}", self.status, self.reason, self.message)
    }

    /// Says whether the same request may be welcome later.
    fn may_pass(&self) -> bool {
        match self.status {
            401 | 429 => true,
            409 => self.owners.is_empty(),
            // A definition that was made a moment ago is not served yet; nor is a namespace that goes away.
            404 => self.message.contains("could not find the requested resource"),
            403 => self.message.contains("being terminated"),
            _ => false,
        }
    }

    /// Sorts the answer to a change. A server that refuses has not changed anything; what is below 500 and is not a
    /// time-out is its own word.
    fn into_sent(self) -> Sent {
        // Seen of a real server: what does not fit its schema is 500, and was never looked at further.
        let misfit = self.message.starts_with(MISFIT);
        if !misfit && (!(400..500).contains(&self.status) || self.status == 408) {
            return Sent::Unanswered { reason: self.text() };
        }
        let message = match self.owners.as_slice() {
            [] => self.message.clone(),
            owners => format!(
                "others own what the manifest says otherwise (`conflicts: take` takes it over): {}",
                cut(&owners.join("; "))
            ),
        };
        Sent::Refused(Refusal {
            status: self.status,
            passing: self.may_pass(),
            code: self.reason,
            message,
            retry_after: self.retry_after,
        })
    }
}

/// One cluster's server.
pub(super) struct Server<'a> {
    pub(super) arm: &'a Arm,
    pub(super) wire: &'a dyn ClusterWire,
    pub(super) keys: &'a Keys,
    pub(super) context: &'a Context,
    pub(super) which: &'a Which,
}

impl Server<'_> {
    async fn access(&self) -> Result<Arc<ClusterAccess>, DriverError> {
        self.keys.of(self.arm, self.context, self.which).await
    }

    /// Reads something; nothing where there is none.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Value>, Unread> {
        let access = self.access().await.map_err(Unread::Silent)?;
        let request = ClusterRequest {
            method: "GET",
            path: path.to_owned(),
            content_type: None,
            body: Vec::new(),
            within: WITHIN,
            send_before: None,
        };
        let reply = match self.wire.ask(&access, &request).await {
            Ok(reply) => Reply::of_bytes(reply.status, reply.headers, &reply.body),
            Err(error) => {
                self.keys.forget(self.which);
                return Err(Unread::Silent(DriverError::Unreachable {
                    what: format!("cluster {}", self.which.name()),
                    reason: cut(&error.to_string()),
                }));
            }
        };
        match reply.status {
            200 if reply.body.is_object() => Ok(Some(reply.body)),
            404 => Ok(None),
            status => {
                if status == 401 {
                    self.keys.forget(self.which);
                }
                Err(Unread::Answered(Trouble::of(&reply)))
            }
        }
    }

    /// Finds where an object stands; nothing where its kind is not served.
    pub(super) async fn collection(&self, object: &Object) -> Result<Option<Collection>, Unread> {
        if let Some(known) = place::known(object.group(), &object.kind) {
            return Ok(Some(known));
        }
        let list = self.get(&place::version_path(&object.api_version)).await?;
        Ok(list.and_then(|list| place::discovered(&list, &object.kind)))
    }

    /// Applies one object, once.
    #[allow(
        clippy::result_large_err,
        reason = "a send is rare, and its answer is the engine's own type"
    )]
    pub(super) async fn apply(
        &self,
        path: &str,
        body: &Value,
        take: bool,
        send_before: Duration,
    ) -> Result<(Value, Vec<String>), Sent> {
        let not_sent = |reason: String| Sent::NotSent { reason };
        let access = self.access().await.map_err(|error| match error {
            DriverError::Impossible { reason } => crate::arm::refusal::refused_here("NoWayIn", reason),
            DriverError::Refused {
                code,
                message,
                passing: false,
                ..
            } => crate::arm::refusal::refused_here(&code, message),
            error => not_sent(error.to_string()),
        })?;
        let request = ClusterRequest {
            method: "PATCH",
            // Older servers pass over what they do not know of the query.
            path: format!("{path}?fieldManager={MANAGER}&force={take}&fieldValidation=Warn"),
            // Every JSON is YAML.
            content_type: Some("application/apply-patch+yaml"),
            body: body.to_string().into_bytes(),
            within: WITHIN,
            send_before: Some(send_before),
        };
        let reply = match self.wire.ask(&access, &request).await {
            Ok(reply) => Reply::of_bytes(reply.status, reply.headers, &reply.body),
            Err(PublicError::NotSent { reason }) => {
                self.keys.forget(self.which);
                return Err(not_sent(cut(&reason)));
            }
            Err(PublicError::Lost { reason }) => {
                return Err(Sent::Unanswered { reason: cut(&reason) });
            }
        };
        if reply.status == 401 {
            self.keys.forget(self.which);
        }
        match reply.status {
            200 | 201 => Ok((reply.body.clone(), warnings(&reply))),
            _ => Err(Trouble::of(&reply).into_sent()),
        }
    }
}

/// Returns what a server has to say beside a success: `299 - "unknown field …"`.
fn warnings(reply: &Reply) -> Vec<String> {
    let of_header = |(name, value): &(String, String)| {
        let text = value.split_once('"')?.1.trim_end_matches('"');
        (name == "warning").then(|| cut(&Opened::default().hide(text)))
    };
    reply.headers.iter().filter_map(of_header).collect()
}
