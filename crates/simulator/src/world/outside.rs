//! What is there outside the control plane: public addresses, ports, commands?

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What makes an address answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Serves {
    /// It always answers.
    #[default]
    Always,
    /// It never answers.
    Never,
    /// It answers while this region is up.
    Region(String),
    /// It answers while the resource of this id stands: it is there, in order, and its region is up.
    Resource(String),
    /// It answers while one of these does: a load balancer before several machines.
    AnyOf(Vec<Serves>),
    /// It answers as the Traffic Manager profile of this id sends its callers.
    TrafficManager(String),
    /// It answers as the edge of Front Door sends its callers by the origin group of this id.
    FrontDoor(String),
    /// It answers as the record set of this name leads there.
    Record {
        /// The whole name.
        name: String,
        /// `A`, `AAAA` or `CNAME`.
        r#type: String,
        /// The region of each value.
        regions: BTreeMap<String, String>,
    },
}

/// What must stand in a region before an address there really serves: for each region, ids of resources, or names
/// of resources of that region.
pub type Needs = BTreeMap<String, Vec<String>>;

/// A public address that answers HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Endpoint {
    /// Its URL; requests whose URL begins with it are answered by it, the longest one first.
    pub url: String,
    /// What makes it answer.
    #[serde(default)]
    pub serves: Serves,
    /// The status while it answers.
    #[serde(default = "ok")]
    pub status: u16,
    /// The body while it answers.
    #[serde(default)]
    pub body: String,
    /// What must stand behind it in the region that serves; 503 while it does not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: Needs,
    /// How many of what it needs are enough; all where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<usize>,
}

impl Default for Endpoint {
    fn default() -> Endpoint {
        Endpoint {
            url: String::new(),
            serves: Serves::Always,
            status: ok(),
            body: String::new(),
            needs: Needs::new(),
            at_least: None,
        }
    }
}

fn ok() -> u16 {
    200
}

/// An address that takes TCP connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Port {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What makes it answer.
    #[serde(default)]
    pub serves: Serves,
    /// What must stand behind it in the region that serves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: Needs,
    /// How many of what it needs are enough; all where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<usize>,
}

/// What comes of a command in a rehearsal. The first that matches decides; one that none matches succeeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Command {
    /// The first arguments it is known by, the program included.
    pub starts_with: Vec<String>,
    /// Its exit code.
    pub exit_code: i32,
    /// What it writes.
    pub stdout: String,
    /// What it complains of.
    pub stderr: String,
}

/// A name that resolvers know, of a zone that is not in the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Name {
    /// The whole name.
    pub name: String,
    /// `A`, `AAAA`, `CNAME` or `TXT`; `A` where left out.
    #[serde(default = "address")]
    pub r#type: String,
    /// What is said of it.
    pub values: Vec<String>,
    /// For how many seconds it may be remembered.
    #[serde(default = "minute")]
    pub ttl: u32,
}

impl Name {
    /// Returns whether this is said of a name and a sort of record.
    pub(crate) fn is(&self, name: &str, kind: &str) -> bool {
        self.name.trim_end_matches('.').eq_ignore_ascii_case(name) && self.r#type == kind
    }
}

fn address() -> String {
    "A".to_owned()
}

fn minute() -> u32 {
    60
}

/// What comes of a script on a machine. The first that matches decides; one that none matches succeeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Script {
    /// The machine's name; any where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// What the script's text holds; any where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Its exit code.
    pub exit_code: i32,
    /// What it writes.
    pub stdout: String,
    /// What it complains of.
    pub stderr: String,
    /// Azure's word for its end; `Succeeded` or `Failed` by the exit code where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// How long it runs; some twenty seconds where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasts: Option<SignedDuration>,
}

/// What a pretend SQL server answers to a statement, beside what it knows by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SqlAnswer {
    /// The statement; case and spaces do not count.
    pub statement: String,
    /// The one value that it gives.
    pub value: serde_json::Value,
}
