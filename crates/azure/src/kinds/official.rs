//! Does every reader read every official example of the operations that the drivers send?
//!
//! The operations are those of `tests/judges/operations.txt`, which a judge holds to what is sent. Each family says for
//! itself which answers it reads (`reads`); an operation that nobody claims fails here.

use std::{fs, path::Path};

use leeward_engine::work::Sent;
use serde_json::Value;

use super::{aks, compute, kubernetes, site_recovery, sql, storage, traffic};
use crate::{
    arm::{Method, Reply, Request, lro, refusal},
    governance,
    testing::{azure_api, read_json},
};

/// Every operation of the list, as the specification's index has it.
fn used() -> Option<Vec<Value>> {
    let index = read_json("derived/spec-operations.json")?;
    let all = index["operations"].as_array().unwrap().clone();
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/operations.txt");
    let text = fs::read_to_string(list).unwrap();
    let names = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("outside: "));
    let found = names.map(|name| {
        let (id, version) = name.split_once(' ').unwrap();
        let known = all
            .iter()
            .find(|one| one["operationId"] == id && one["apiVersion"] == version);
        known.unwrap_or_else(|| panic!("no operation {name}")).clone()
    });
    Some(found.collect())
}

/// One official answer.
struct Official {
    file: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

/// Returns the official answers to an operation.
fn answers(operation: &Value) -> Vec<Official> {
    let spec = azure_api().unwrap().join(operation["file"].as_str().unwrap());
    let mut all = Vec::new();
    for file in operation["examples"].as_array().unwrap() {
        let file = file.as_str().unwrap();
        let text = fs::read_to_string(spec.parent().unwrap().join(file)).unwrap();
        let example: Value = serde_json::from_str(&text).unwrap();
        for (status, answer) in example["responses"].as_object().unwrap() {
            let headers = answer["headers"].as_object().into_iter().flatten();
            let headers = headers.map(|(name, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (name.clone(), text)
            });
            let body = answer["body"].clone();
            all.push(Official {
                file: file.to_owned(),
                status: status.parse().unwrap(),
                headers: headers.collect(),
                body,
            });
        }
    }
    all
}

fn reply(status: u16, headers: Vec<(String, String)>, body: &Value) -> Reply {
    let bytes = match body {
        Value::Null => Vec::new(),
        body => body.to_string().into_bytes(),
    };
    Reply::of_bytes(status, headers, &bytes)
}

fn reads(operation: &str, body: &Value) -> Option<bool> {
    [
        aks::reads,
        kubernetes::reads,
        compute::reads,
        governance::reads,
        site_recovery::reads,
        sql::reads,
        storage::reads,
        traffic::reads,
    ]
    .iter()
    .find_map(|family| family(operation, body))
}

#[test]
fn every_official_answer_to_what_the_drivers_ask_is_read() {
    let Some(used) = used() else { return };
    let mut read = 0;
    for operation in used {
        let id = operation["operationId"].as_str().unwrap();
        let changes = operation["method"] != "GET";
        for answer in answers(&operation) {
            let Official {
                file,
                status,
                headers,
                body,
            } = answer;
            let told = format!("{id} {file} {status}");
            let answered = reply(status, headers, &body);
            if status >= 400 {
                let refused = refusal::sort(answered).is_err_and(|sent| matches!(sent, Sent::Refused(_)));
                assert!(refused || status >= 500, "{told}: a refusal is not read");
                continue;
            }
            if changes {
                let method = match operation["method"].as_str() {
                    Some("PUT") => Method::Put,
                    Some("PATCH") => Method::Patch,
                    Some("DELETE") => Method::Delete,
                    _ => Method::Post,
                };
                let request = Request::new(method, "/x", "2024-01-01");
                let ticketed = answered.header("location").is_some()
                    || answered.header("azure-asyncoperation").is_some();
                let sent = lro::read_start(&request, &answered);
                match status == 202 && ticketed {
                    true => assert!(matches!(sent, Sent::Accepted { .. }), "{told}: {sent:?}"),
                    false => assert!(
                        matches!(sent, Sent::Accepted { .. } | Sent::Finished { .. }),
                        "{told}: {sent:?}"
                    ),
                }
            }
            let claimed = reads(id, &body);
            assert!(claimed.is_some() || changes, "{told}: no family reads it");
            if status == 200 && !body.is_null() {
                assert_ne!(claimed, Some(false), "{told}: not read: {body}");
            }
            read += 1;
        }
    }
    assert!(read > 100, "only {read} answers were read");
}

#[test]
fn an_answer_without_what_a_reader_needs_is_told_from_one_with_it() {
    for operation in [
        "InstanceFailoverGroups_Get",
        "ManagedClusters_Get",
        "ManagementLocks_ListAtSubscriptionLevel",
        "ObjectReplicationPolicies_List",
        "Profiles_Get",
        "RecoveryPoints_ListByReplicationProtectedItems",
        "ReplicationJobs_Get",
        "ReplicationJobs_List",
        "ReplicationProtectedItems_Get",
        "ReplicationRecoveryPlans_Get",
        "ResourceSkus_List",
        "StorageAccounts_GetProperties",
        "Usage_List",
        "Vaults_Get",
    ] {
        let strange = serde_json::json!({"value": [{"odd": 1}], "odd": true});
        assert_eq!(reads(operation, &strange), Some(false), "{operation}");
    }
    assert_eq!(reads("Nobody_Knows", &Value::Null), None);
}
