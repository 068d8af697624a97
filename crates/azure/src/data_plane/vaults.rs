//! How is one secret of a key vault read and written? Its value is in no error, no log and no `Debug`.

use std::fmt;

use leeward_engine::{id::AttemptKey, work::Sent};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::{Ask, DataPlane, Service};
use crate::arm::ReadError;

const VERSION: &str = "api-version=7.4";

/// One vault.
pub(crate) struct Vaults<'a> {
    pub(crate) plane: &'a DataPlane,
    pub(crate) vault: &'a str,
    pub(crate) tenant: Option<&'a str>,
}

/// The current version of a secret.
pub(crate) struct Secret {
    value: SecretString,
    /// What a new version keeps: its type, tags, and when it is good.
    kept: Map<String, Value>,
}

impl Secret {
    /// Reads the body of an answer.
    pub(super) fn read(body: &Value) -> Option<Secret> {
        let value = body.get("value")?.as_str()?.to_owned();
        let mut kept = Map::new();
        for name in ["contentType", "tags"] {
            if let Some(found) = body.get(name).filter(|found| !found.is_null()) {
                kept.insert(name.to_owned(), found.clone());
            }
        }
        let mut attributes = Map::new();
        for name in ["enabled", "nbf", "exp"] {
            if let Some(found) = body.pointer(&format!("/attributes/{name}")) {
                attributes.insert(name.to_owned(), found.clone());
            }
        }
        if !attributes.is_empty() {
            kept.insert("attributes".to_owned(), Value::Object(attributes));
        }
        Some(Secret {
            value: value.into(),
            kept,
        })
    }

    /// Returns whether it has this value.
    pub(crate) fn is(&self, value: &str) -> bool {
        self.value.expose_secret() == value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Vaults<'_> {
    fn ask<'a>(&'a self, method: &'static str, name: &'a str, body: Option<Value>) -> Ask<'a> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Ask {
            service: Service::Vaults,
            name: self.vault,
            method,
            path: vec!["secrets", name],
            query: Some(VERSION),
            headers,
            body: body.map(|body| body.to_string().into_bytes()),
        }
    }

    /// Reads a secret's current version.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Secret>, ReadError> {
        match self.plane.read(&self.ask("GET", name, None), self.tenant).await {
            Ok(reply) => {
                let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
                let read = body.as_ref().and_then(Secret::read);
                read.map(Some)
                    .ok_or_else(|| ReadError::unreachable("the answer holds no secret".to_owned()))
            }
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a new version, which keeps what the one before was besides its value.
    pub(crate) async fn set(
        &self,
        name: &str,
        value: &str,
        before: Option<&Secret>,
        key: &AttemptKey,
    ) -> Result<(), Sent> {
        let mut body = before.map(|before| before.kept.clone()).unwrap_or_default();
        body.insert("value".to_owned(), json!(value));
        let ask = self.ask("PUT", name, Some(Value::Object(body)));
        match self.plane.change(&ask, self.tenant, key).await {
            Ok(_) => Ok(()),
            Err(Sent::Refused(mut refusal)) if refusal.status == 403 => {
                refusal
                    .message
                    .push_str(" (a vault that failed over to its paired region can only be read)");
                Err(Sent::Refused(refusal))
            }
            Err(sent) => Err(sent),
        }
    }
}
