//! Do scripts on machines end as Azure says that they do?

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::time::Duration;

use leeward_simulator::Simulator;
use serde_json::{Value, json};
use support::*;

const COMPUTE: &str = "2024-07-01";

fn machine() -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-global/providers/Microsoft.Compute/virtualMachines/vm-1"
    )
}

fn command(name: &str) -> String {
    format!("{}/runCommands/{name}", machine())
}

/// A world with one machine, and what is said of its scripts.
fn with(more: Value) -> Simulator {
    let mut world = json!({"resources": [
        {"id": machine(), "type": "Microsoft.Compute/virtualMachines", "region": "northeurope",
         "body": {"location": "northeurope", "properties": {"provisioningState": "Succeeded"}}},
    ]});
    if let (Value::Object(all), Value::Object(more)) = (&mut world, more) {
        all.extend(more);
    }
    platform_with(1, &world.to_string())
}

fn script(text: &str) -> Value {
    json!({"location": "northeurope", "properties": {
        "source": {"script": text},
        "parameters": [{"name": "side", "value": "paired"}],
        "protectedParameters": [{"name": "word", "value": "hunter22"}],
        "runAsUser": "app", "runAsPassword": "hunter33",
    }})
}

async fn ask(azure: &Simulator, method: &str, path: &str, body: Value) -> Told {
    let path = format!("{path}?api-version={COMPUTE}");
    let body = (!body.is_null()).then_some(body);
    send(azure, request(method, &path, body)).await.unwrap()
}

async fn view(azure: &Simulator, name: &str) -> Value {
    let path = format!("{}?$expand=instanceView&api-version={COMPUTE}", command(name));
    let told = send(azure, request("GET", &path, None)).await.unwrap();
    told.body["properties"]["instanceView"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_script_that_fails_ends_an_operation_that_succeeded() {
    let azure = with(json!({"scripts": [
        {"machine": "vm-1", "contains": "migrate", "exit-code": 3, "stderr": "no such table\n", "lasts": "2m"},
    ]}));
    let begun = ask(&azure, "PUT", &command("one"), script("migrate --all")).await;
    assert_eq!(
        (begun.status, &begun.body["properties"]["provisioningState"]),
        (201, &json!("Creating"))
    );
    assert!(!begun.body.to_string().contains("hunter"), "{}", begun.body);
    let (status, result) = (
        begun.header("azure-asyncoperation").unwrap().to_owned(),
        begun.header("location").unwrap().to_owned(),
    );
    assert_eq!(status.split('?').next(), result.split('?').next());
    assert!(result.contains("monitor=true") && !status.contains("monitor=true"));
    assert_eq!(view(&azure, "one").await["executionState"], "Running");
    let running = send(&azure, request("GET", &result, None)).await.unwrap();
    assert_eq!(running.status, 202);
    tokio::time::sleep(Duration::from_secs(130)).await;
    let ended = send(&azure, request("GET", &status, None)).await.unwrap();
    assert_eq!((ended.status, &ended.body["status"]), (200, &json!("Succeeded")));
    let seen = view(&azure, "one").await;
    assert_eq!(
        (&seen["executionState"], &seen["exitCode"], &seen["error"]),
        (&json!("Failed"), &json!(3), &json!("no such table\n"))
    );
    let shown = get(&azure, &command("one"), COMPUTE).await;
    assert!(
        shown.body["properties"].get("instanceView").is_none(),
        "only where it is asked for"
    );
    assert_eq!(shown.body["properties"]["provisioningState"], "Succeeded");
    let list = get(&azure, &format!("{}/runCommands", machine()), COMPUTE).await;
    assert_eq!(list.body["value"][0]["name"], "one");
}

#[tokio::test(start_paused = true)]
async fn a_script_that_nobody_waits_for_runs_on_and_one_that_counts_fails_its_operation() {
    let azure = with(json!({"scripts": [{"exit-code": 1, "lasts": "5m"}]}));
    let mut alone = script("long");
    alone["properties"]["asyncExecution"] = json!(true);
    let begun = ask(&azure, "PUT", &command("alone"), alone).await;
    let status = begun.header("azure-asyncoperation").unwrap().to_owned();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        send(&azure, request("GET", &status, None)).await.unwrap().body["status"],
        "Succeeded"
    );
    assert_eq!(view(&azure, "alone").await["executionState"], "Running");
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(view(&azure, "alone").await["exitCode"], 1);

    let mut counts = script("long");
    counts["properties"]["treatFailureAsDeploymentFailure"] = json!(true);
    let begun = ask(&azure, "PUT", &command("counts"), counts).await;
    let status = begun.header("azure-asyncoperation").unwrap().to_owned();
    tokio::time::sleep(Duration::from_secs(310)).await;
    let ended = send(&azure, request("GET", &status, None)).await.unwrap();
    assert_eq!(ended.body["status"], "Failed");
    assert_eq!(view(&azure, "counts").await["executionState"], "Failed");
}

#[tokio::test(start_paused = true)]
async fn an_updated_run_command_answers_200_and_still_takes_its_time() {
    let azure = with(json!({}));
    ask(&azure, "PUT", &command("one"), script("first")).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let patched = ask(
        &azure,
        "PATCH",
        &command("one"),
        json!({"properties": {"source": {"script": "second"}}}),
    )
    .await;
    assert_eq!(
        (patched.status, &patched.body["properties"]["provisioningState"]),
        (200, &json!("Updating"))
    );
    assert!(patched.header("azure-asyncoperation").is_some());
    assert_eq!(view(&azure, "one").await["executionState"], "Running");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(view(&azure, "one").await["exitCode"], 0);
    let gone = ask(&azure, "DELETE", &command("one"), Value::Null).await;
    assert_eq!(gone.status, 202);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(get(&azure, &command("one"), COMPUTE).await.status, 404);
    assert_eq!(
        ask(&azure, "DELETE", &command("one"), Value::Null).await.status,
        204
    );
    assert_eq!(
        ask(&azure, "PATCH", &command("one"), script("x")).await.status,
        404
    );
}

#[tokio::test(start_paused = true)]
async fn no_script_begins_on_a_machine_that_is_off_missing_or_in_a_region_that_is_gone() {
    let azure = with(json!({}));
    let stop = format!("{}/deallocate", machine());
    ask(&azure, "POST", &stop, json!({})).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let off = ask(&azure, "PUT", &command("one"), script("x")).await;
    assert_eq!((off.status, off.code()), (409, "OperationNotAllowed"));
    let nobody = command("one").replace("vm-1", "vm-2");
    let missing = ask(&azure, "PUT", &nobody, script("x")).await;
    assert_eq!((missing.status, missing.code()), (404, "ParentResourceNotFound"));
    let empty = ask(
        &with(json!({})),
        "PUT",
        &command("one"),
        json!({"location": "northeurope"}),
    )
    .await;
    assert_eq!((empty.status, empty.code()), (400, "InvalidParameter"));
    let gone = with(json!({"regions": [{"name": "northeurope", "outages": [{"is": "gone"}]}]}));
    let dead = ask(&gone, "PUT", &command("one"), script("x")).await;
    assert!(dead.status >= 500, "{}", dead.status);
}

#[tokio::test(start_paused = true)]
async fn the_older_form_runs_one_script_at_a_time_and_says_that_it_succeeded_whatever_the_script_did() {
    let azure = with(json!({"scripts": [{"exit-code": 1, "stdout": "hello\n", "stderr": "no\n"}]}));
    let run = format!("{}/runCommand", machine());
    let asked = json!({"commandId": "RunShellScript", "script": ["false"]});
    let begun = ask(&azure, "POST", &run, asked.clone()).await;
    assert_eq!(begun.status, 202);
    let busy = ask(&azure, "POST", &run, asked).await;
    assert_eq!((busy.status, busy.code()), (409, "Conflict"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let status = begun.header("azure-asyncoperation").unwrap();
    let ended = send(&azure, request("GET", status, None)).await.unwrap();
    assert_eq!(ended.body["status"], "Succeeded");
    let said = &ended.body["properties"]["output"]["value"][0]["message"];
    assert_eq!(said, "Enable succeeded: \n[stdout]\nhello\n\n[stderr]\nno\n");
    let result = begun.header("location").unwrap();
    let result = send(&azure, request("GET", result, None)).await.unwrap();
    assert_eq!((result.status, &result.body["value"][0]["message"]), (200, said));
}
