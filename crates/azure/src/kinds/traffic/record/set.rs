//! What does a record set say? Public and private zones spell the same things differently; both are read in any case.

use std::net::{Ipv4Addr, Ipv6Addr};

use leeward_engine::port::DriverError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::impossible;

/// Public or private zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kinds) enum Zones {
    Public,
    Private,
}

/// The sorts of records that a move writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::kinds) enum RecordType {
    A,
    #[serde(rename = "AAAA")]
    Aaaa,
    #[serde(rename = "CNAME")]
    Cname,
}

/// A record set, as far as it is read.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::kinds) struct RecordSet {
    /// Sorted, in the form in which they are compared.
    pub(super) values: Vec<String>,
    pub(super) ttl: u64,
    pub(super) metadata: Option<Value>,
}

impl Zones {
    pub(in crate::kinds) fn segment(self) -> &'static str {
        match self {
            Zones::Public => "dnsZones",
            Zones::Private => "privateDnsZones",
        }
    }

    pub(super) fn version(self) -> &'static str {
        match self {
            Zones::Public => "2018-05-01",
            Zones::Private => "2024-06-01",
        }
    }

    /// Returns the whole body of a set. A PUT replaces it, so its metadata goes along.
    pub(super) fn body(
        self,
        record: RecordType,
        values: &[String],
        ttl: u64,
        metadata: Option<&Value>,
    ) -> Value {
        let (key, entry) = match record {
            RecordType::A => ("ARecords", "ipv4Address"),
            RecordType::Aaaa => ("AAAARecords", "ipv6Address"),
            RecordType::Cname => ("CNAMERecord", "cname"),
        };
        let (key, lifetime) = match self {
            Zones::Public => (key.to_owned(), "TTL"),
            Zones::Private => {
                let word = record.word();
                (key.replacen(word, &word.to_lowercase(), 1), "ttl")
            }
        };
        let mut properties = Map::new();
        properties.insert(lifetime.to_owned(), json!(ttl));
        let entries: Vec<Value> = values.iter().map(|value| json!({entry: value})).collect();
        let held = match record {
            RecordType::Cname => entries.into_iter().next().unwrap_or_default(),
            _ => Value::Array(entries),
        };
        properties.insert(key, held);
        if let Some(metadata) = metadata {
            properties.insert("metadata".to_owned(), metadata.clone());
        }
        json!({"properties": properties})
    }
}

impl RecordType {
    pub(in crate::kinds) fn read(word: &str) -> Result<RecordType, DriverError> {
        match word {
            "A" => Ok(RecordType::A),
            "AAAA" => Ok(RecordType::Aaaa),
            "CNAME" => Ok(RecordType::Cname),
            other => Err(impossible(format!(
                "`{other}` is no sort of record that can be moved"
            ))),
        }
    }

    pub(in crate::kinds) fn word(self) -> &'static str {
        match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Cname => "CNAME",
        }
    }

    /// Returns the values that a side names, in the form in which they are compared.
    pub(in crate::kinds) fn values(self, side: &Value) -> Result<Option<Vec<String>>, DriverError> {
        let texts: Vec<&str> = match side.get("value") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(_) => Vec::new(),
        };
        let mut values = Vec::new();
        for text in texts {
            let value = self.compared(text.trim());
            values
                .push(value.ok_or_else(|| {
                    impossible(format!("`{text}` is no value of a record {}", self.word()))
                })?);
        }
        values.sort();
        values.dedup();
        match values.len() {
            0 => Err(impossible("`value` names nothing")),
            2.. if self == RecordType::Cname => Err(impossible("a record CNAME has one value")),
            _ => Ok(Some(values)),
        }
    }

    fn compared(self, text: &str) -> Option<String> {
        match self {
            RecordType::A => text.parse::<Ipv4Addr>().ok().map(|address| address.to_string()),
            RecordType::Aaaa => text.parse::<Ipv6Addr>().ok().map(|address| address.to_string()),
            RecordType::Cname => {
                let name = text.trim_end_matches('.').to_lowercase();
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
                (!name.is_empty() && name.bytes().all(fits)).then_some(name)
            }
        }
    }
}

/// Returns a property, whatever its case.
fn property<'a>(properties: &'a Value, name: &str) -> Option<&'a Value> {
    let all = properties.as_object()?;
    let found = all.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}

/// Returns whether a set answers with what another resource has.
fn is_alias(properties: &Value) -> bool {
    let target = property(properties, "targetResource");
    target.and_then(|target| property(target, "id")).is_some()
}

impl RecordSet {
    /// Reads a set; nothing where it has no values of its own, as an alias has none.
    pub(in crate::kinds) fn read(record: RecordType, body: &Value) -> Option<RecordSet> {
        let properties = body.get("properties")?;
        if is_alias(properties) {
            return None;
        }
        let entry = |value: &Value, key: &str| {
            property(value, key)?
                .as_str()
                .and_then(|text| record.compared(text))
        };
        let mut values: Vec<String> = match record {
            RecordType::Cname => vec![entry(property(properties, "CNAMERecord")?, "cname")?],
            RecordType::A | RecordType::Aaaa => {
                let (list, key) = match record {
                    RecordType::A => ("ARecords", "ipv4Address"),
                    _ => ("AAAARecords", "ipv6Address"),
                };
                let list = property(properties, list)?.as_array()?;
                list.iter().map(|one| entry(one, key)).collect::<Option<_>>()?
            }
        };
        values.sort();
        Some(RecordSet {
            values,
            ttl: property(properties, "TTL")?.as_u64()?,
            metadata: property(properties, "metadata").cloned(),
        })
    }

    /// Returns whether a set of any sort that is moved is read, or known as an alias.
    #[cfg(test)]
    pub(in crate::kinds) fn reads(body: &Value) -> bool {
        let kind = body["type"]
            .as_str()
            .unwrap_or_default()
            .rsplit('/')
            .next()
            .unwrap_or_default();
        match RecordType::read(kind) {
            Ok(record) => RecordSet::read(record, body).is_some() || is_alias(&body["properties"]),
            // Sorts that nobody moves are asked for by nobody.
            Err(_) => body["properties"].is_object() && !kind.is_empty(),
        }
    }
}
