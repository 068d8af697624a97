//! The family of what tells people: one message, at most once, and nothing waits for it to succeed.

mod message;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::{Context, Driver, DriverError},
    work::{Assessment, Observation, Operation, Outputs, Phase, Progress, Rung, Sent, Ticket},
};
use leeward_runbook::kind::RepeatClass;
use serde_json::Value;
use url::Url;

use super::{
    Entry,
    secrets::{Opened, is_reference},
    settings,
};
use crate::{
    arm::reply::cut,
    registry::Seams,
    seams::{PublicRequest, PublicWire},
};
use message::Form;

/// What a message may be late by: it is sent blindly, so this only tells when a doubt is over.
const SETTLING: Duration = Duration::from_secs(150);
/// How long a receiver may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Makes the family's drivers.
pub(super) fn drivers(seams: &Seams) -> Vec<Entry> {
    [
        ("notify.webhook", Form::Webhook),
        ("notify.status-page", Form::StatusPage),
    ]
    .into_iter()
    .map(|(kind, form)| {
        let public = seams.public.clone();
        (kind, Arc::new(Notify { public, form }) as Arc<dyn Driver>)
    })
    .collect()
}

/// Drives both kinds; only what is written differs.
struct Notify {
    public: Arc<dyn PublicWire>,
    form: Form,
}

impl Notify {
    /// Builds the request; opens secrets, so it is called at the moment of use only.
    fn request(&self, context: &Context, opened: &mut Opened) -> Result<PublicRequest, String> {
        let written = settings::text(&context.settings, "url").map_err(|error| error.to_string())?;
        let address = opened.value(written).map_err(|error| error.to_string())?;
        let url = read_url(&address).ok_or("its address is not an http or https URL")?;
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            // For receivers whose own form of body leaves no room for it.
            (
                "leeward-journey".to_owned(),
                context.plan.journey.word().to_owned(),
            ),
        ];
        let more = opened
            .table(context.settings.get("headers"))
            .map_err(|error| error.to_string())?;
        headers.retain(|(name, _)| !more.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
        headers.extend(more);
        Ok(PublicRequest {
            method: "POST".to_owned(),
            headers,
            body: Some(self.form.body(context).to_string().into_bytes()),
            ..PublicRequest::get(url, LONGEST)
        })
    }
}

fn read_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Ends the try, whatever came of it: a message that is lost is worth a line, not a person's time.
fn over(warning: Option<String>) -> Sent {
    Sent::Finished {
        outputs: Outputs::new(),
        warnings: warning.into_iter().collect(),
    }
}

#[async_trait]
impl Driver for Notify {
    fn targets(&self, _context: &Context) -> Vec<String> {
        Vec::new()
    }

    async fn assess(&self, context: &Context) -> Result<Assessment, DriverError> {
        let written = settings::text(&context.settings, "url")?;
        let url = match is_reference(written) {
            true => None,
            false => Some(read_url(written).ok_or_else(|| DriverError::Impossible {
                reason: "`url` is not an http or https address".to_owned(),
            })?),
        };
        let receiver = url.as_ref().and_then(Url::host_str).unwrap_or("a secret address");
        let what = self.form.word();
        Ok(Assessment {
            summary: format!("one message goes to {what} at {receiver}"),
            operations: vec![Operation {
                id: OperationId::new("send"),
                target: format!("{what} at {receiver}"),
                goal: "the message was sent, or the try is over".to_owned(),
                after: Vec::new(),
                phase: Phase::Main,
                rungs: vec![Rung::new("only", RepeatClass::OneShot, SETTLING)],
                observable: false,
                payload: Value::Null,
            }],
            ..Assessment::default()
        })
    }

    async fn observe(&self, _context: &Context, _operation: &Operation) -> Observation {
        Observation::CannotTell {
            reason: "nobody can tell whether a message arrived".to_owned(),
        }
    }

    async fn begin(&self, context: &Context, _: &Operation, _rung: &str, key: &AttemptKey) -> Sent {
        let mut opened = Opened::default();
        let request = match self.request(context, &mut opened) {
            Ok(request) => request,
            Err(reason) => return over(Some(format!("the message was not sent: {reason}"))),
        };
        let request = PublicRequest {
            send_before: Some(key.send_before),
            ..request
        };
        match self.public.http(&request).await {
            Ok(reply) if (200..300).contains(&reply.status) => over(None),
            Ok(reply) => over(Some(format!(
                "the receiver answered HTTP {}: the message may not be seen",
                reply.status
            ))),
            Err(crate::seams::PublicError::NotSent { reason }) => over(Some(format!(
                "the message was not sent: {}",
                opened.hide(&cut(&reason))
            ))),
            Err(crate::seams::PublicError::Lost { reason }) => over(Some(format!(
                "nobody knows whether the message arrived: {}",
                opened.hide(&cut(&reason))
            ))),
        }
    }

    async fn poll(&self, _: &Context, _: &Operation, _: &Ticket) -> Progress {
        Progress::Gone {
            reason: "a message leaves no ticket".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
