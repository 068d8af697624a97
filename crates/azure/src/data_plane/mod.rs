//! How are the data planes beside ARM reached, blobs and vaults, with the identity of the run?
//!
//! A host is made of a name and of the ending that the cloud gives it, never of what an answer or a journal says; the
//! token for it has that audience alone and goes there alone. A change is sent once, a read is tried again. Both go
//! over the public wire: they follow no redirect.

mod blobs;
mod vaults;

use std::{sync::Arc, time::Duration};

use leeward_engine::{id::AttemptKey, work::Sent};
use url::Url;

pub(crate) use self::{
    blobs::{Blob, Blobs},
    vaults::Vaults,
};
use crate::{
    arm::{Arm, ArmError, ReadError, Reply, path::check_segment, refusal},
    seams::{Bearer, PublicError, PublicReply, PublicRequest, PublicWire},
};

/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(15);
/// How often a read is tried.
const TRIES: u32 = 2;

/// Which data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Blobs,
    Vaults,
}

/// The data planes of one cloud with one identity. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DataPlane {
    arm: Arm,
    public: Arc<dyn PublicWire>,
}

/// One request, without host and token.
struct Ask<'a> {
    service: Service,
    /// The first label of the host: an account, a vault.
    name: &'a str,
    method: &'static str,
    path: Vec<&'a str>,
    query: Option<&'a str>,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl DataPlane {
    pub(crate) fn new(arm: Arm, public: Arc<dyn PublicWire>) -> DataPlane {
        DataPlane { arm, public }
    }

    /// Returns the host of an account or a vault; the reason where there is none.
    pub(crate) fn host(&self, service: Service, name: &str) -> Result<String, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(fits) {
            return Err(format!("`{}` is no name of a host", crate::arm::reply::cut(name)));
        }
        let cloud = self.arm.endpoint().cloud();
        let ending = match service {
            Service::Blobs => cloud.and_then(|cloud| cloud.blobs()),
            Service::Vaults => cloud.and_then(|cloud| cloud.vaults()),
        };
        let ending =
            ending.ok_or("nobody knows how the hosts of this cloud end: set `cloud` to one by name")?;
        Ok(format!("{}.{ending}", name.to_ascii_lowercase()))
    }

    /// Returns the audience of a service's tokens.
    fn scope(&self, service: Service) -> Option<String> {
        match service {
            // One for all clouds.
            Service::Blobs => Some("https://storage.azure.com/.default".to_owned()),
            Service::Vaults => {
                let ending = self.arm.endpoint().cloud()?.vaults()?;
                Some(format!("https://{ending}/.default"))
            }
        }
    }

    async fn request(
        &self,
        ask: &Ask<'_>,
        tenant: Option<&str>,
        key: Option<&AttemptKey>,
    ) -> Result<PublicRequest, String> {
        let host = self.host(ask.service, ask.name)?;
        let mut url = Url::parse(&format!("https://{host}/")).map_err(|error| error.to_string())?;
        for segment in &ask.path {
            check_segment(segment).map_err(|bad| bad.to_string())?;
        }
        url.path_segments_mut()
            .map_err(|()| "no path".to_owned())?
            .pop_if_empty()
            .extend(&ask.path);
        url.set_query(ask.query);
        let scope = self.scope(ask.service).ok_or("the cloud has no such service")?;
        let token = self.arm.token_for(tenant, &scope).await;
        let token = token.map_err(|error| error.to_string())?;
        let mut headers: Vec<(String, String)> = ask
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        if let Some(key) = key {
            headers.push((
                "x-ms-client-request-id".to_owned(),
                key.client_request_id().to_string(),
            ));
            headers.push((
                "x-ms-correlation-request-id".to_owned(),
                key.run.correlation().to_string(),
            ));
        }
        Ok(PublicRequest {
            method: ask.method.to_owned(),
            headers,
            body: ask.body.clone(),
            bearer: Some(Bearer::new(token)),
            send_before: key.map(|key| key.send_before),
            ..PublicRequest::get(url, ANSWER)
        })
    }

    /// Reads; tries once more where nobody answered, or with a server's error.
    async fn read(&self, ask: &Ask<'_>, tenant: Option<&str>) -> Result<PublicReply, ReadError> {
        let mut last = ReadError::unreachable("not asked".to_owned());
        for attempt in 1..=TRIES {
            let request = self.request(ask, tenant, None).await;
            let request = request.map_err(ReadError::unreachable)?;
            last = match self.public.http(&request).await {
                Ok(reply) if (200..300).contains(&reply.status) => return Ok(reply),
                Ok(reply) => {
                    let passing = matches!(reply.status, 408 | 429 | 500..);
                    let error = ReadError::Answered(ArmError::of(&readable(&reply)));
                    if !passing {
                        return Err(error);
                    }
                    error
                }
                Err(PublicError::NotSent { reason } | PublicError::Lost { reason }) => {
                    ReadError::unreachable(reason)
                }
            };
            if attempt < TRIES {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Err(last)
    }

    /// Sends a change exactly once. `Err` is every outcome that is not a 2xx.
    async fn change(
        &self,
        ask: &Ask<'_>,
        tenant: Option<&str>,
        key: &AttemptKey,
    ) -> Result<PublicReply, Sent> {
        let request = match self.request(ask, tenant, Some(key)).await {
            Ok(request) => request,
            Err(reason) => return Err(Sent::NotSent { reason }),
        };
        match self.public.http(&request).await {
            Ok(reply) => refusal::sort(readable(&reply)).map(|_| reply),
            Err(PublicError::NotSent { reason }) => Err(Sent::NotSent { reason }),
            Err(PublicError::Lost { reason }) => Err(Sent::Unanswered { reason }),
        }
    }
}

fn header<'a>(reply: &'a PublicReply, name: &str) -> Option<&'a str> {
    reply
        .headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Returns an answer in the form that errors are read from. Blobs name their error in a header, beside XML.
fn readable(reply: &PublicReply) -> Reply {
    let read = Reply::of_bytes(reply.status, reply.headers.clone(), &reply.body);
    match header(reply, "x-ms-error-code") {
        Some(code) => {
            let said = between(&String::from_utf8_lossy(&reply.body), "Message").unwrap_or_default();
            Reply {
                body: serde_json::json!({"error": {"code": crate::arm::reply::cut(code), "message": said}}),
                ..read
            }
        }
        None => read,
    }
}

/// Returns what stands between a tag and its end. No more of XML is read here.
fn between(text: &str, tag: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    let (inner, _) = rest.split_once(&format!("</{tag}>"))?;
    Some(inner.to_owned())
}

#[cfg(test)]
mod judge;
#[cfg(test)]
mod tests;
