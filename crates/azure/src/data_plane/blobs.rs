//! What can be done with one blob? Written anew, read, removed: as much as a canary needs.
//!
//! Written with the REST interface itself: the vendor's crate tries a request again by itself, and keeps tokens in
//! a pipeline of its own. Where several writers share a blob, as a journal does, that crate is the better one.

use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use leeward_engine::{id::AttemptKey, work::Sent};

use super::{Ask, DataPlane, Service, between, header};
use crate::arm::{ReadError, patience, reply::cut};

/// The version of the interface.
const VERSION: &str = "2023-11-03";

/// The blobs of one account, on either of its endpoints.
pub(crate) struct Blobs<'a> {
    pub(crate) plane: &'a DataPlane,
    pub(crate) account: &'a str,
    pub(crate) tenant: Option<&'a str>,
}

/// A blob as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) text: String,
    /// When it was written, by the service's clock.
    pub(crate) written: Option<Timestamp>,
    /// When it was read, by the service's clock.
    pub(crate) read: Option<Timestamp>,
}

impl Blobs<'_> {
    fn ask<'a>(&'a self, name: &'a str, method: &'static str, container: &'a str, blob: &'a str) -> Ask<'a> {
        let mut path = vec![container];
        path.extend(blob.split('/'));
        let now = self.plane.arm.clock().now().wall;
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
        let mut headers = vec![("x-ms-version", VERSION.to_owned())];
        headers.extend(date.ok().map(|date| ("x-ms-date", date)));
        Ask {
            service: Service::Blobs,
            name,
            method,
            path,
            query: None,
            headers,
            body: None,
        }
    }

    /// Reads a blob from the account itself.
    pub(crate) async fn get(&self, container: &str, blob: &str) -> Result<Option<Blob>, ReadError> {
        self.get_from(self.account, container, blob).await
    }

    /// Reads a blob from the account's other copy.
    pub(crate) async fn get_from_secondary(
        &self,
        container: &str,
        blob: &str,
    ) -> Result<Option<Blob>, ReadError> {
        let secondary = format!("{}-secondary", self.account);
        self.get_from(&secondary, container, blob).await
    }

    async fn get_from(&self, name: &str, container: &str, blob: &str) -> Result<Option<Blob>, ReadError> {
        let ask = self.ask(name, "GET", container, blob);
        let reply = match self.plane.read(&ask, self.tenant).await {
            Ok(reply) => reply,
            // A container that is not there is a mistake, and no blob that is still to come.
            Err(ReadError::Answered(error)) if error.status == 404 && error.code != "ContainerNotFound" => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let date = |name: &str| header(&reply, name).and_then(patience::date);
        Ok(Some(Blob {
            written: date("last-modified"),
            read: date("date"),
            text: String::from_utf8_lossy(&reply.body).into_owned(),
        }))
    }

    /// Reads how far the account's other copy is, as that copy says: its status, and until when it has everything.
    /// Accounts whose other copy can be read have it, also while the region of the first is gone.
    pub(crate) async fn statistics(&self) -> Result<(String, Option<Timestamp>), ReadError> {
        let secondary = format!("{}-secondary", self.account);
        let mut ask = self.ask(&secondary, "GET", "", "");
        ask.path = Vec::new();
        ask.query = Some("restype=service&comp=stats");
        let reply = self.plane.read(&ask, self.tenant).await?;
        let text = String::from_utf8_lossy(&reply.body);
        let status = between(&text, "Status")
            .ok_or_else(|| ReadError::unreachable("the statistics have no status".to_owned()))?;
        let synced = between(&text, "LastSyncTime");
        Ok((cut(&status), synced.as_deref().and_then(patience::date)))
    }

    /// Writes a blob that is not there yet; the service refuses a second one.
    pub(crate) async fn create(
        &self,
        container: &str,
        blob: &str,
        text: &str,
        key: &AttemptKey,
    ) -> Result<(), Sent> {
        let mut ask = self.ask(self.account, "PUT", container, blob);
        ask.headers.extend([
            ("x-ms-blob-type", "BlockBlob".to_owned()),
            ("if-none-match", "*".to_owned()),
            ("content-type", "text/plain; charset=utf-8".to_owned()),
        ]);
        ask.body = Some(text.as_bytes().to_vec());
        self.plane.change(&ask, self.tenant, key).await.map(|_| ())
    }

    /// Removes a blob.
    pub(crate) async fn remove(&self, container: &str, blob: &str, key: &AttemptKey) -> Result<(), Sent> {
        let mut ask = self.ask(self.account, "DELETE", container, blob);
        ask.headers.push(("x-ms-delete-snapshots", "include".to_owned()));
        self.plane.change(&ask, self.tenant, key).await.map(|_| ())
    }
}
