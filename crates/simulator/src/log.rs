//! What was asked so far, and what came of it?

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its place, counted from one.
    pub sequence: u64,
    /// When it arrived, in virtual time.
    pub time: Timestamp,
    /// The verb.
    pub method: String,
    /// The path; scheme and host before it where it went outside the control plane.
    pub path: String,
    /// The query, signatures cut.
    pub query: String,
    /// What the caller saw.
    pub status: Told,
    /// `x-ms-client-request-id`.
    pub client_request_id: Option<String>,
    /// `x-ms-correlation-request-id`.
    pub correlation_id: Option<String>,
    /// The region that served it.
    pub region: Option<String>,
    /// Whether it asked for a change.
    pub changing: bool,
    /// Whether that change was taken on, be it after the caller gave up.
    pub accepted: bool,
    /// When it was carried out, where that was later than it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Timestamp>,
    /// The rules that befell it, by their places from one; a rule that befalls nobody is seen here by its absence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<usize>,
}

/// What a caller saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// This status.
    Status(u16),
    /// Nothing; the change was made, or will be.
    Lost,
    /// Nothing; the region is gone.
    Silent,
    /// A reset.
    Reset,
    /// Nobody listens there.
    Refused,
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Told::Status(status) => serializer.serialize_u16(*status),
            Told::Lost => serializer.serialize_str("lost"),
            Told::Silent => serializer.serialize_str("silent"),
            Told::Reset => serializer.serialize_str("reset"),
            Told::Refused => serializer.serialize_str("refused"),
        }
    }
}

/// The requests, the newest last, no more than a limit.
#[derive(Debug)]
pub(crate) struct Log {
    limit: usize,
    written: u64,
    entries: VecDeque<Entry>,
}

impl Log {
    pub(crate) fn new(limit: usize) -> Log {
        Log {
            limit: limit.max(1),
            written: 0,
            entries: VecDeque::new(),
        }
    }

    /// Writes a request down and returns its place.
    pub(crate) fn write(&mut self, mut entry: Entry) -> u64 {
        self.written += 1;
        entry.sequence = self.written;
        if self.entries.len() == self.limit {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.written
    }

    /// Returns an entry to be completed, if it is still kept.
    pub(crate) fn entry(&mut self, sequence: u64) -> Option<&mut Entry> {
        let first = self.entries.front()?.sequence;
        let place = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.entries.get_mut(place)
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }
}

/// Returns a query without what is secret and long in it: the signature of operation URLs.
pub(crate) fn without_signature(query: &str) -> String {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name @ ("c" | "s" | "h"), _)) => format!("{name}=…"),
            _ => pair.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("&")
}
