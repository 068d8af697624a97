//! Does what is written here really arrive there? A drill writes one small blob, looks for it at the other copy, says
//! how long it took, and removes it.
//!
//! The blob bears the run's name and holds it. What does not hold it is not ours, and is never removed.

use std::time::Duration;

use jiff::Timestamp;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::Context,
    work::{Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::{kind::RepeatClass, units::show_duration};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    arm::{ReadError, path::folded},
    data_plane::{Blob, Blobs, DataPlane},
};

const SETTLING: Duration = Duration::from_secs(150);
/// How often the other copy is looked at.
const LOOK: Duration = Duration::from_secs(15);

/// Where a canary is written, and where it is to arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Canary {
    pub(super) account: String,
    pub(super) container: String,
    pub(super) arrives: Arrival,
    pub(super) blob: String,
    pub(super) tenant: Option<String>,
}

/// Where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "at")]
pub(super) enum Arrival {
    /// On the account's other copy.
    Secondary,
    /// In a container of another account.
    Account { account: String, container: String },
}

/// What an operation does with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "canary")]
pub(super) enum Work {
    Send(Canary),
    Remove(Canary),
}

/// Returns the canary's name, under the prefix that a rule of replication asks for.
pub(super) fn name(context: &Context, prefix: &str) -> String {
    format!("{prefix}leeward-canary-{}.txt", context.run.0)
}

fn text(run: &str) -> String {
    format!("canary of the drill {run}")
}

impl Canary {
    fn source<'a>(&'a self, plane: &'a DataPlane) -> Blobs<'a> {
        Blobs {
            plane,
            account: &self.account,
            tenant: self.tenant.as_deref(),
        }
    }

    async fn sent(&self, plane: &DataPlane) -> Result<Option<Blob>, ReadError> {
        self.source(plane).get(&self.container, &self.blob).await
    }

    async fn arrived(&self, plane: &DataPlane) -> Result<Option<Blob>, ReadError> {
        match &self.arrives {
            Arrival::Secondary => {
                let source = self.source(plane);
                source.get_from_secondary(&self.container, &self.blob).await
            }
            Arrival::Account { account, container } => {
                let blobs = Blobs {
                    plane,
                    account,
                    tenant: self.tenant.as_deref(),
                };
                blobs.get(container, &self.blob).await
            }
        }
    }

    fn there(&self) -> String {
        match &self.arrives {
            Arrival::Secondary => format!("{}-secondary", self.account),
            Arrival::Account { account, .. } => account.clone(),
        }
    }

    /// Looks at both ends before anything is written; the reason why it is not worth writing.
    pub(super) async fn barred(&self, plane: &DataPlane) -> Option<String> {
        let look = async { tokio::join!(self.sent(plane), self.arrived(plane)) };
        match tokio::time::timeout(Duration::from_secs(40), look).await {
            Err(_) => Some("the blobs did not answer in time".to_owned()),
            Ok((Err(error), _)) => Some(format!("blobs of {}: {error}", self.account)),
            Ok((_, Err(error))) => Some(format!("blobs of {}: {error}", self.there())),
            Ok((Ok(_), Ok(_))) => None,
        }
    }

    /// Returns the operations of a drill: it is written and seen to arrive, and removed at the end.
    pub(super) fn operations(&self, target: &str, payload: impl Fn(Work) -> Value) -> Vec<Operation> {
        let operation = |id: &str, goal: String, phase, rung, work: Work| Operation {
            id: OperationId::new(id),
            target: folded(target),
            goal,
            after: Vec::new(),
            phase,
            rungs: vec![rung],
            observable: true,
            payload: payload(work),
        };
        vec![
            operation(
                "canary/send",
                format!("the canary {} has arrived at {}", self.blob, self.there()),
                Phase::Main,
                Rung::new("only", RepeatClass::SelfGuarded, SETTLING),
                Work::Send(self.clone()),
            ),
            operation(
                "canary/remove",
                format!("{} has no canary {}", self.account, self.blob),
                Phase::CleanUp,
                Rung::new("only", RepeatClass::Repeatable, SETTLING),
                Work::Remove(self.clone()),
            ),
        ]
    }
}

/// Reads how far a canary is.
pub(super) async fn observe(work: &Work, run: &str, plane: &DataPlane, now: Timestamp) -> Observation {
    let (Work::Send(canary) | Work::Remove(canary)) = work;
    let cannot = |error: ReadError| Observation::CannotTell {
        reason: error.to_string(),
    };
    let sent = match canary.sent(plane).await {
        Ok(sent) => sent,
        Err(error) => return cannot(error),
    };
    let sent = match (work, sent) {
        (Work::Remove(_), None) => {
            return holds(format!("{} has no canary", canary.account), false, Outputs::new());
        }
        (Work::Send(_), None) => {
            return Observation::NotBegun {
                evidence: format!("{} has no canary", canary.account),
            };
        }
        (_, Some(blob)) if blob.text != text(run) => {
            return Observation::Barred {
                evidence: format!("{} is there, and this run has not written it", canary.blob),
            };
        }
        (Work::Remove(_), Some(_)) => {
            return Observation::NotBegun {
                evidence: format!("{} has the canary", canary.account),
            };
        }
        (Work::Send(_), Some(blob)) => blob,
    };
    match canary.arrived(plane).await {
        Err(error) => cannot(error),
        Ok(Some(blob)) if blob.text == sent.text => {
            let took = waited(&sent, blob.read.unwrap_or(now));
            let told = took.map_or("unknown".to_owned(), |took| {
                format!("{} at most", show_duration(took))
            });
            let evidence = format!(
                "the canary was read back from {}; it took {told}, looked at every {}",
                canary.there(),
                show_duration(LOOK)
            );
            let outputs = Outputs::from([("canary-arrival".to_owned(), json!(told))]);
            holds(evidence, true, outputs)
        }
        Ok(_) => Observation::InMotion {
            evidence: match waited(&sent, now) {
                Some(waited) => format!(
                    "written {} ago, and not at {} yet",
                    show_duration(waited),
                    canary.there()
                ),
                None => format!("written, and not at {} yet", canary.there()),
            },
            ticket: Some(ticket()),
        },
    }
}

fn waited(sent: &Blob, now: Timestamp) -> Option<Duration> {
    let waited = Duration::try_from(now.duration_since(sent.written?)).ok()?;
    // Dates are told in whole seconds.
    Some(Duration::from_secs(waited.as_secs()))
}

fn holds(evidence: String, ours: bool, outputs: Outputs) -> Observation {
    Observation::Holds {
        evidence,
        ours,
        outputs,
    }
}

/// Nothing but the moment to look again: the blob itself says how far it is.
fn ticket() -> Ticket {
    Ticket {
        status_url: None,
        location: None,
        job: None,
        detail: json!({"look": "canary"}),
        look_after: Some(LOOK),
    }
}

/// Writes or removes it, once.
pub(super) async fn begin(work: &Work, run: &str, plane: &DataPlane, key: &AttemptKey) -> Sent {
    match work {
        Work::Send(canary) => {
            let source = canary.source(plane);
            match source
                .create(&canary.container, &canary.blob, &text(run), key)
                .await
            {
                Ok(()) => Sent::Accepted { ticket: ticket() },
                Err(sent) => sent,
            }
        }
        Work::Remove(canary) => {
            // Looked at again at the last moment: what this run has not written is never removed.
            match canary.sent(plane).await {
                Ok(Some(blob)) if blob.text != text(run) => {
                    return crate::arm::refusal::refused_here(
                        "NotOurs",
                        "the blob does not hold the name of this run",
                    );
                }
                Ok(_) => {}
                Err(error) => {
                    return Sent::NotSent {
                        reason: format!("the blob could not be looked at: {error}"),
                    };
                }
            }
            match canary
                .source(plane)
                .remove(&canary.container, &canary.blob, key)
                .await
            {
                Ok(()) => Sent::Finished {
                    outputs: Outputs::new(),
                    warnings: Vec::new(),
                },
                Err(sent) => sent,
            }
        }
    }
}

/// Returns what a look says as the progress of what was begun.
pub(super) fn progress(seen: Observation) -> Progress {
    match seen {
        Observation::Holds { outputs, .. } => Progress::Succeeded {
            warnings: Vec::new(),
            outputs,
        },
        Observation::CannotTell { reason } => Progress::Unreadable {
            reason,
            look_after: Some(LOOK),
        },
        Observation::InMotion { evidence, .. }
        | Observation::Busy { evidence }
        | Observation::NotBegun { evidence }
        | Observation::Barred { evidence } => Progress::Running {
            word: evidence,
            percent: None,
            look_after: Some(LOOK),
            ticket: None,
        },
    }
}
