//! Does the life of a machine look on the wire as it was recorded and as the specification's examples have it?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use leeward_simulator::Simulator;
use serde_json::{Value, json};
use support::{Told, finish, get, request, send, vault::*};

const LIFE: &str = "recordings/asr-a2a-failover-reprotect.json";
const EXAMPLES: &str = "specification/recoveryservicessiterecovery/resource-manager/Microsoft.RecoveryServices/stable/2024-04-01/examples";

/// Returns a file of the collected material, or says by name which test is passed over.
#[allow(clippy::print_stderr, reason = "a test that is passed over must say so")]
fn material(test: &str, name: &str) -> Option<Value> {
    let folder = std::env::var_os("LEEWARD_AZURE_API").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/azure-api"),
        PathBuf::from,
    );
    let path = folder.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            eprintln!("PASSED OVER: {test}: there is no {}", path.display());
            None
        }
    }
}

fn recording(test: &str, name: &str) -> Option<Vec<Value>> {
    material(test, name).map(|whole| whole["interactions"].as_array().unwrap().clone())
}

/// Returns the keys of a body, as deep as it goes; of a list, those of its last one.
fn keys(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                std::iter::once(key.clone())
                    .chain(keys(value).into_iter().map(move |inner| format!("{key}.{inner}")))
            })
            .collect(),
        Value::Array(list) => list.last().map(keys).unwrap_or_default(),
        _ => BTreeSet::new(),
    }
}

/// Compares an answer that began something.
fn begun_alike(recorded: &Value, told: &Told) {
    assert_eq!(recorded["status"], told.status);
    assert_eq!(recorded["responseBody"], told.body, "no body");
    let segment = |url: &str, place: usize| {
        let path = url.split('?').next().unwrap().to_owned();
        path.rsplit('/').nth(place).unwrap().to_lowercase()
    };
    for header in ["azure-asyncoperation", "location"] {
        let recorded = recorded["responseHeaders"][header].as_str().unwrap();
        let told = told.header(header).unwrap();
        assert_eq!(segment(recorded, 1), segment(told, 1), "{header}");
        assert!(
            told.contains("/Subscriptions/") && recorded.contains("/Subscriptions/"),
            "{header}"
        );
        if header == "location" {
            assert_eq!(segment(recorded, 3), segment(told, 3), "{header}");
        }
    }
    let name = |header: &str| segment(told.header(header).unwrap(), 0);
    assert_eq!(
        name("azure-asyncoperation"),
        name("location"),
        "both URLs name one operation"
    );
}

async fn polled(azure: &Simulator, begun: &Told) -> Value {
    let url = begun.header("azure-asyncoperation").unwrap();
    let told = send(azure, request("GET", url, None)).await.unwrap();
    assert_eq!(told.status, 200);
    told.body
}

/// Compares the words of an item's state. Its health errors belong to the recorded machine alone.
fn words_alike(recorded: &Value, shown: &Value) {
    for word in [
        "protectionState",
        "protectionStateDescription",
        "activeLocation",
        "testFailoverState",
        "testFailoverStateDescription",
        "switchProviderState",
        "allowedOperations",
        "replicationHealth",
        "primaryFabricProvider",
    ] {
        assert_eq!(recorded["properties"][word], shown["properties"][word], "{word}");
    }
    let scenario = |body: &Value| body["properties"]["currentScenario"]["scenarioName"].clone();
    assert_eq!(scenario(recorded), scenario(shown));
}

#[tokio::test(start_paused = true)]
async fn a_life_from_failover_to_failback_looks_as_it_was_recorded() {
    let test = "a_life_from_failover_to_failback_looks_as_it_was_recorded";
    let Some(recorded) = recording(test, LIFE) else {
        return;
    };
    let azure = vault_with("");
    let old = item("westeurope", "vm-rabbit-1");
    let new = item("northeurope", "vm-rabbit-1");
    let protected = get(&azure, &old, VERSION).await.body;
    assert_eq!(keys(&recorded[91]["responseBody"]), keys(&protected));
    words_alike(&recorded[91]["responseBody"], &protected);

    let begun = act(
        &azure,
        &format!("{old}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    begun_alike(&recorded[103], &begun);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let running = polled(&azure, &begun).await;
    assert_eq!(keys(&recorded[104]["responseBody"]), keys(&running));
    for word in [
        "error",
        "id",
        "properties",
        "status",
        "endTime",
        "percentComplete",
    ] {
        assert_eq!(recorded[104]["responseBody"][word], running[word], "{word}");
    }
    finish(&azure, &begun).await;
    let over = polled(&azure, &begun).await;
    assert_eq!(recorded[105]["responseBody"]["status"], over["status"]);
    assert!(over["endTime"].is_string() && recorded[105]["responseBody"]["endTime"].is_string());

    let begun = act(&azure, &format!("{old}/failoverCommit"), Value::Null).await;
    begun_alike(&recorded[106], &begun);
    finish(&azure, &begun).await;
    let begun = act(
        &azure,
        &format!("{}/switchprotection", container("westeurope")),
        switch("vm-rabbit-1", "westeurope"),
    )
    .await;
    begun_alike(&recorded[109], &begun);
    finish(&azure, &begun).await;
    let turned = get(&azure, &new, VERSION).await.body;
    assert_eq!(
        keys(&recorded[112]["responseBody"]["properties"]["currentScenario"]),
        keys(&turned["properties"]["currentScenario"])
    );
    words_alike(&recorded[112]["responseBody"], &turned);
    tokio::time::sleep(Duration::from_secs(33 * 60)).await;
    words_alike(
        &recorded[115]["responseBody"],
        &get(&azure, &new, VERSION).await.body,
    );
    tokio::time::sleep(Duration::from_secs(25 * 60)).await;
    words_alike(
        &recorded[116]["responseBody"],
        &get(&azure, &new, VERSION).await.body,
    );
    let begun = act(
        &azure,
        &format!("{new}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    begun_alike(&recorded[117], &begun);
    finish(&azure, &begun).await;

    let begun = act(&azure, &format!("{new}/remove"), json!({})).await;
    begun_alike(&recorded[120], &begun);
    finish(&azure, &begun).await;
    let told = send(
        &azure,
        request("DELETE", &format!("{new}?api-version={VERSION}"), None),
    )
    .await
    .unwrap();
    assert_eq!(recorded[123]["status"], told.status);
    assert_eq!(recorded[123]["responseBody"]["error"]["code"], told.code());
    assert_eq!(
        recorded[123]["responseBody"]["error"]["details"][0]["code"],
        told.body["error"]["details"][0]["code"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_stands_round_a_machine_looks_as_it_was_recorded() {
    let test = "what_stands_round_a_machine_looks_as_it_was_recorded";
    let (Some(life), Some(vault)) = (
        recording(test, LIFE),
        recording(test, "recordings/asr-vault-health-jobs.json"),
    ) else {
        return;
    };
    let azure = vault_with("");
    let fabric = format!("{}/replicationFabrics/asr-a2a-default-westeurope", base());
    let mapping = "westeurope-northeurope-24-hour-retention-policy";
    let pairs = [
        (&life[4], base()),
        (&life[92], fabric),
        (&life[46], container("westeurope")),
        (
            &life[51],
            format!(
                "{}/replicationProtectionContainerMappings/{mapping}",
                container("westeurope")
            ),
        ),
        (
            &life[97],
            format!("{}/replicationRecoveryPlans/rp-postgres", base()),
        ),
        (&vault[25], format!("{}/replicationVaultHealth", base())),
        (&vault[9], format!("{}/replicationJobs", base())),
    ];
    for (recorded, path) in pairs {
        let told = get(&azure, &path, VERSION).await;
        assert_eq!(recorded["status"], told.status, "{path}");
        assert_eq!(keys(&recorded["responseBody"]), keys(&told.body), "{path}");
    }
    let begun = act(
        &azure,
        &format!("{}/replicationVaultHealth/default/refresh", base()),
        Value::Null,
    )
    .await;
    assert_eq!(
        (&vault[22]["status"], &vault[22]["responseBody"]),
        (&json!(begun.status), &begun.body)
    );
    finish(&azure, &begun).await;
    let jobs = get(&azure, &format!("{}/replicationJobs", base()), VERSION).await;
    let job = &jobs.body["value"][0];
    let recorded = &vault[27]["responseBody"];
    assert_eq!(keys(recorded), keys(job));
    for word in [
        "scenarioName",
        "friendlyName",
        "state",
        "stateDescription",
        "targetInstanceType",
    ] {
        assert_eq!(recorded["properties"][word], job["properties"][word], "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_have_every_field_of_the_official_examples() {
    let test = "bodies_have_every_field_of_the_official_examples";
    let example = |name: &str| material(test, &format!("{EXAMPLES}/{name}.json"));
    let azure = vault_with("");
    let path = item("westeurope", "vm-rabbit-1");
    let begun = act(
        &azure,
        &format!("{path}/unplannedFailover"),
        failover("NotRequired"),
    )
    .await;
    finish(&azure, &begun).await;
    let job = begun
        .header("azure-asyncoperation")
        .unwrap()
        .split('?')
        .next()
        .unwrap();
    let job = format!("{}/replicationJobs/{}", base(), job.rsplit('/').next().unwrap());
    let points = get(&azure, &format!("{path}/recoveryPoints"), VERSION).await;
    let point = points.body["value"][0]["id"].as_str().unwrap().to_owned();
    let shown = [
        ("ReplicationProtectedItems_UnplannedFailover", path),
        ("ReplicationJobs_Get", job),
        ("RecoveryPoints_Get", point),
        (
            "ReplicationRecoveryPlans_Get",
            format!("{}/replicationRecoveryPlans/rp-postgres", base()),
        ),
        (
            "ReplicationVaultHealth_Get",
            format!("{}/replicationVaultHealth", base()),
        ),
    ];
    for (name, path) in shown {
        let Some(example) = example(name) else { return };
        let body = &example["responses"]["200"]["body"];
        let told = get(&azure, &path, VERSION).await.body;
        let missing: Vec<String> = keys(&body["properties"])
            .difference(&keys(&told["properties"]))
            // What belongs to other providers than that of Azure's machines, lists that are empty here, and a drill that nobody held.
            .filter(|key| {
                ![
                    "providerSpecificDetails.",
                    "customDetails.",
                    "issues.",
                    "replicationProtectedItems.",
                    "lastSuccessfulTestFailoverTime",
                ]
                .iter()
                .any(|other| key.contains(other))
            })
            .cloned()
            .collect();
        assert_eq!(missing, Vec::<String>::new(), "{name}");
        for word in ["protectionState", "protectionStateDescription", "activeLocation"] {
            assert_eq!(
                body["properties"][word], told["properties"][word],
                "{name}: {word}"
            );
        }
    }
}
