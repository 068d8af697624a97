//! What does a policy of object replication say, and how is one written the other way round?

use serde_json::{Value, json};

use crate::arm::reply::cut;

/// From when on objects are copied: all of them, or what was written between a move and the
/// turning round would never come home.
const EVERYTHING: &str = "1601-01-01T00:00:00Z";

/// One side's half of a policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Policy {
    pub(super) id: String,
    source: String,
    destination: String,
    /// The rules, as they are.
    pub(super) rules: Vec<Value>,
}

impl Policy {
    /// Reads the body of a policy. One whose accounts are not told is a policy all the same.
    pub(super) fn read(body: &Value) -> Option<Policy> {
        let text = |pointer: &str| {
            body.pointer(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        Some(Policy {
            id: text("/properties/policyId").or_else(|| text("/name"))?.to_owned(),
            source: text("/properties/sourceAccount")
                .map(account_of)
                .unwrap_or_default(),
            destination: text("/properties/destinationAccount")
                .map(account_of)
                .unwrap_or_default(),
            rules: body
                .pointer("/properties/rules")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
        })
    }

    /// Returns whether it replicates from one account to another. Account names are unique in the
    /// world, and Azure writes them as names or as whole ids.
    pub(super) fn replicates(&self, source: &str, destination: &str) -> bool {
        self.source.eq_ignore_ascii_case(source) && self.destination.eq_ignore_ascii_case(destination)
    }

    /// Returns whether it copies something between accounts that it does not name.
    pub(super) fn is_unclear(&self) -> bool {
        !self.rules.is_empty() && (self.source.is_empty() || self.destination.is_empty())
    }

    /// Returns the containers of its destination.
    pub(super) fn destinations(&self) -> Vec<&str> {
        self.rules
            .iter()
            .filter_map(|rule| rule.get("destinationContainer")?.as_str())
            .collect()
    }

    /// Returns the first pair of containers that is copied, and the beginning that its rule asks of a blob's name.
    pub(super) fn first(&self) -> Option<(String, String, String)> {
        self.rules.iter().find_map(|rule| {
            let name = |key: &str| rule.get(key)?.as_str().map(str::to_owned);
            let prefix = rule.pointer("/filters/prefixMatch/0").and_then(Value::as_str);
            Some((
                name("sourceContainer")?,
                name("destinationContainer")?,
                prefix.unwrap_or_default().to_owned(),
            ))
        })
    }

    /// Returns pairs of containers for the way back: what was the destination is the source.
    pub(super) fn turned(&self) -> Vec<(String, String)> {
        self.rules
            .iter()
            .filter_map(|rule| {
                let name = |key: &str| rule.get(key)?.as_str().map(cut);
                Some((name("destinationContainer")?, name("sourceContainer")?))
            })
            .collect()
    }
}

fn account_of(id: &str) -> String {
    cut(id.trim_end_matches('/').rsplit('/').next().unwrap_or_default())
}

/// Returns the body of a new policy at its destination; Azure names it and its rules.
pub(super) fn new_body(source: &str, destination: &str, containers: &[(String, String)]) -> Value {
    let rules: Vec<Value> = containers
        .iter()
        .map(|(from, to)| {
            json!({
                "sourceContainer": from,
                "destinationContainer": to,
                "filters": {"minCreationTime": EVERYTHING},
            })
        })
        .collect();
    json!({"properties": {"sourceAccount": source, "destinationAccount": destination, "rules": rules}})
}

/// Returns the body of the source's half: the very rules that the destination has, with their ids.
pub(super) fn matching_body(source: &str, destination: &str, policy: &Policy) -> Value {
    json!({"properties": {"sourceAccount": source, "destinationAccount": destination, "rules": policy.rules}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{examples, recording};

    #[test]
    fn a_recorded_pair_of_halves_reads_and_is_written_again_alike() {
        let exchanges = recording("storage-object-replication");
        let source = exchanges.iter().find(|one| {
            one["method"] == "PUT"
                && one["status"] == 200
                && one["uri"].as_str().unwrap_or_default().contains("clitest000002/")
        });
        if let Some(put) = source {
            let policy = Policy::read(&put["responseBody"]).unwrap();
            assert!(policy.replicates("clitest000002", "CLITEST000003"));
            let sent = &put["requestBody"]["properties"];
            let text = |name: &str| sent[name].as_str().unwrap();
            let body = matching_body(text("sourceAccount"), text("destinationAccount"), &policy);
            assert_eq!(&body["properties"], sent);
            assert_eq!(
                policy.turned(),
                [("cont000006".to_owned(), "cont000005".to_owned())]
            );
        }
    }

    #[test]
    fn the_official_list_reads() {
        let folder = "storage/resource-manager/Microsoft.Storage/stable/2023-05-01/examples";
        if let Some(example) = examples(folder, "StorageAccountListObjectReplicationPolicies.json") {
            let list = example["responses"]["200"]["body"]["value"].as_array().unwrap();
            assert!(list.iter().all(|body| Policy::read(body).is_some()));
        }
    }
}
