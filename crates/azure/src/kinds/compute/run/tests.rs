use std::sync::Arc;

use leeward_engine::work::OperationUrl;
use serde_json::Value;

use super::*;
use crate::testing::{self, FakeAzure, FakePublic, examples, key, region_down, with_files};

const COMMANDS: &str = "/virtualMachines/vm-1/runCommands";

fn driver(azure: &Arc<FakeAzure>, public: Arc<FakePublic>) -> RunCommand {
    RunCommand::new(&Seams {
        public,
        ..testing::seams(azure.arm())
    })
}

fn quiet(azure: &Arc<FakeAzure>) -> RunCommand {
    driver(azure, FakePublic::silent())
}

fn context(with: Value) -> Context {
    testing::context(
        "azure.vm.run-command",
        Journey::Failover,
        with,
        json!({"machine": "vm-0", "resource-group": "rg-weu"}),
        json!({"machine": "vm-1", "resource-group": "rg-neu"}),
    )
}

fn changed(context: &Context, change: impl FnOnce(&mut leeward_runbook::plan::PlannedStep)) -> Context {
    let mut step = (*context.step).clone();
    change(&mut step);
    Context {
        step: Arc::new(step),
        ..context.clone()
    }
}

fn machine(power: &str) -> Value {
    json!({"location": "northeurope", "name": "vm-1", "properties": {"instanceView": {"statuses": [{"code": power}]}}})
}

fn own(attempt: u32, send: u32) -> String {
    let mut key = key(RUN);
    (key.attempt, key.send) = (attempt, send);
    asked::name(&key)
}

/// Puts run commands on the machine, each with what its view says.
fn on_machine(azure: &FakeAzure, commands: &[(&str, Value)]) {
    let list: Vec<Value> = commands.iter().map(|(name, _)| json!({"name": name})).collect();
    azure.on("GET", COMMANDS, 200, json!({"value": list}));
    for (name, view) in commands {
        let body =
            json!({"name": name, "properties": {"provisioningState": "Succeeded", "instanceView": view}});
        azure.on("GET", &format!("{COMMANDS}/{name}"), 200, body);
    }
}

async fn operations(driver: &RunCommand, azure: &FakeAzure, context: &Context) -> Vec<Operation> {
    azure.on("GET", "/virtualMachines/vm-1", 200, machine("PowerState/running"));
    driver.assess(context).await.unwrap().operations
}

async fn observed(context: &Context, commands: &[(&str, Value)]) -> Observation {
    let azure = FakeAzure::new();
    on_machine(&azure, commands);
    let driver = quiet(&azure);
    let operation = operations(&driver, &azure, context).await.remove(0);
    driver.observe(context, &operation).await
}

fn ended(code: i64) -> Value {
    json!({"executionState": "Succeeded", "exitCode": code, "output": "done\n", "error": ""})
}

#[tokio::test]
async fn a_script_is_sent_once_to_the_side_that_takes_over_under_a_name_of_its_own() {
    let azure = FakeAzure::new();
    let status = "http://127.0.0.1:1/subscriptions/sub-1/providers/Microsoft.Compute/locations/northeurope/operations/1";
    let name = own(1, 1);
    azure.on_with(
        "PUT",
        &format!("{COMMANDS}/{name}"),
        (
            201,
            vec![("azure-asyncoperation", status.to_owned())],
            json!({"name": name}),
        ),
    );
    let driver = quiet(&azure);
    let context = context(json!({
        "file": "./scripts/promote.sh", "as-user": "postgres", "parameters": {"role": "primary", "port": 5432},
    }));
    let context = region_down(with_files(
        context,
        &[("scripts/promote.sh", b"pg_ctl promote\n")],
    ));
    let operation = operations(&driver, &azure, &context).await.remove(0);
    let sent = driver.begin(&context, &operation, "only", &key(RUN)).await;
    let Sent::Accepted { ticket } = &sent else {
        panic!("{sent:?}")
    };
    assert_eq!(ticket.detail["run-command"], json!(name));
    assert!(ticket.status_url.is_some());
    let [change] = azure.changes().try_into().unwrap();
    assert!(change.path.ends_with(&format!(
        "/resourceGroups/rg-neu/providers/Microsoft.Compute{COMMANDS}/{name}"
    )));
    assert!(change.query.contains("api-version=2024-07-01"));
    assert_eq!(
        change.body,
        json!({
            "location": "northeurope",
            "tags": {"leeward-run": "r-1", "leeward-step": "step"},
            "properties": {
                "source": {"script": "pg_ctl promote\n"},
                "asyncExecution": false, "treatFailureAsDeploymentFailure": false, "timeoutInSeconds": 1800,
                "parameters": [{"name": "role", "value": "primary"}, {"name": "port", "value": "5432"}],
                "runAsUser": "postgres",
            },
        })
    );
    // Nothing of it touches the side that is lost.
    assert!(azure.seen().iter().all(|seen| !seen.path.contains("rg-weu")));
}

#[tokio::test]
async fn a_secret_goes_to_the_machine_and_stands_in_nothing_that_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("word");
    std::fs::write(&file, "hunter22-of-run-command").unwrap();
    let reference = format!("file:{}", file.display());
    let context = context(json!({
        "script": "login", "protected-parameters": {"word": reference}, "as-user": "app", "as-user-password": reference,
    }));
    let azure = FakeAzure::new();
    let name = own(1, 1);
    let view = json!({
        "executionState": "Succeeded", "exitCode": 0, "output": "with hunter22-of-run-command\n\u{1b}[31mok", "error": "",
    });
    azure.on("PUT", &format!("{COMMANDS}/{name}"), 201, json!({"name": name}));
    on_machine(&azure, &[(&name, view)]);
    let driver = quiet(&azure);
    let operation = operations(&driver, &azure, &context).await.remove(0);
    let sent = driver.begin(&context, &operation, "only", &key(RUN)).await;
    let Sent::Accepted { ticket } = &sent else {
        panic!("{sent:?}")
    };
    let properties = &azure.changes()[0].body["properties"];
    assert_eq!(
        properties["protectedParameters"][0]["value"],
        "hunter22-of-run-command"
    );
    assert_eq!(properties["runAsPassword"], "hunter22-of-run-command");
    let progress = driver.poll(&context, &operation, ticket).await;
    let Progress::Succeeded { outputs, .. } = &progress else {
        panic!("{progress:?}")
    };
    assert_eq!(outputs["exit-code"], 0);
    assert_eq!(outputs["output"], "| with ‹secret›\n|  [31mok");
    let seen = driver.observe(&context, &operation).await;
    for recorded in [
        serde_json::to_string(&operation).unwrap(),
        serde_json::to_string(&sent).unwrap(),
        serde_json::to_string(&progress).unwrap(),
        serde_json::to_string(&seen).unwrap(),
    ] {
        assert!(!recorded.contains("hunter22"), "{recorded}");
    }
    // Where the secret cannot be read any more, nobody can tell whether the output says it.
    std::fs::remove_file(&file).unwrap();
    let Progress::Succeeded { outputs, .. } = driver.poll(&context, &operation, ticket).await else {
        panic!()
    };
    assert!(
        outputs["output"]
            .as_str()
            .unwrap()
            .starts_with("| … its output is not shown")
    );
    let sent = driver.begin(&context, &operation, "only", &key(RUN)).await;
    assert!(matches!(sent, Sent::Refused(refused) if refused.code == "SecretNotReadable"));
    assert_eq!(azure.changes().len(), 1);
}

#[tokio::test]
async fn an_unanswered_script_is_found_by_its_name_and_never_sent_again_because_nobody_answered() {
    let context = context(json!({"script": "x"}));
    let name = own(1, 1);
    // It runs: its ticket is had by its name, and polled on.
    for word in ["Running", "Pending", "Unknown", "Preparing"] {
        let seen = observed(&context, &[(&name, json!({"executionState": word}))]).await;
        let Observation::InMotion {
            ticket: Some(ticket), ..
        } = seen
        else {
            panic!("{word}: {seen:?}")
        };
        assert_eq!(ticket.detail["run-command"], json!(name));
    }
    // It has done its work, and it was ours.
    let seen = observed(&context, &[(&name, ended(0))]).await;
    let Observation::Holds {
        ours: true, outputs, ..
    } = seen
    else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (&outputs["exit-code"], &outputs["output"]),
        (&json!(0), &json!("| done"))
    );
    // It left no trace, or there are only those of others.
    for others in [
        vec![],
        vec![
            ("leeward-0123456789abcdef-1-1", ended(0)),
            ("patch-monday", ended(0)),
        ],
    ] {
        let seen = observed(&context, &others).await;
        assert!(matches!(seen, Observation::NotBegun { .. }), "{seen:?}");
    }
    // A name that comes back in another case is the same name.
    let shouted = name.to_uppercase();
    let seen = observed(&context, &[(&shouted, ended(0))]).await;
    assert!(matches!(seen, Observation::Holds { .. }), "{seen:?}");
}

#[tokio::test]
async fn a_script_that_failed_did_run_and_is_told_with_its_exit_code() {
    let context = context(json!({"script": "x"}));
    let name = own(1, 1);
    let view =
        json!({"executionState": "Succeeded", "exitCode": 3, "output": "", "error": "no such table\n"});
    let azure = FakeAzure::new();
    on_machine(&azure, &[(&name, view.clone())]);
    azure.on("GET", "/operations/1", 200, json!({"status": "Succeeded"}));
    let driver = quiet(&azure);
    let operation = operations(&driver, &azure, &context).await.remove(0);
    assert_eq!(operation.rungs[0].repeat, RepeatClass::OneShot);
    let ticket = Ticket {
        status_url: Some(OperationUrl::new(
            "http://127.0.0.1:1/subscriptions/s/operations/1",
        )),
        ..ticket_of(&name)
    };
    let Progress::Failed {
        code,
        message,
        retryable,
    } = driver.poll(&context, &operation, &ticket).await
    else {
        panic!()
    };
    assert_eq!((code.as_str(), retryable), ("ExitStatus", false));
    assert_eq!(message, "it ended with exit code 3\n| no such table");
    let seen = observed(&context, &[(&name, view)]).await;
    assert!(
        matches!(&seen, Observation::NotBegun { evidence } if evidence.contains("exit code 3")),
        "{seen:?}"
    );
    // The runbook may call it success, or say that twice is harmless.
    let expected = self::context(json!({"script": "x", "expect": [0, 3]}));
    let progress = driver.poll(&expected, &operation, &ticket).await;
    assert!(matches!(progress, Progress::Succeeded { .. }), "{progress:?}");
    let safe = changed(&context, |step| step.repeat_safe = true);
    let progress = driver.poll(&safe, &operation, &ticket).await;
    assert!(
        matches!(progress, Progress::Failed { retryable: true, .. }),
        "{progress:?}"
    );
    let again = operations(&driver, &azure, &safe).await.remove(0);
    assert_eq!(again.rungs[0].repeat, RepeatClass::Repeatable);
}

#[tokio::test]
async fn the_scripts_own_view_decides_and_not_the_operation_around_it() {
    let context = context(json!({"script": "x"}));
    let name = own(1, 1);
    let url = |end: &str| {
        Some(OperationUrl::new(format!(
            "http://127.0.0.1:1/subscriptions/s/operations/{end}"
        )))
    };
    let azure = FakeAzure::new();
    let failed =
        json!({"status": "Failed", "error": {"code": "VMExtensionProvisioningTimeout", "message": "m"}});
    azure.on("GET", "/operations/failed", 200, failed);
    azure.on("GET", "/operations/done", 200, json!({"status": "Succeeded"}));
    azure.on("GET", "/operations/new-word", 200, json!({"status": "Pondering"}));
    let view = |view: Value| json!({"name": name, "properties": {"instanceView": view}});
    let running = view(json!({"executionState": "Running"}));
    let path = format!("{COMMANDS}/{name}");
    let unheard = view(json!({"executionState": "Unknown"}));
    for answer in [
        running.clone(),
        running.clone(),
        unheard,
        view(ended(0)),
        view(json!({})),
    ] {
        azure.on("GET", &path, 200, answer);
    }
    let driver = quiet(&azure);
    let operation = operations(&driver, &azure, &context).await.remove(0);
    let ask = async |end: &str| {
        let ticket = Ticket {
            status_url: url(end),
            ..ticket_of(&name)
        };
        driver.poll(&context, &operation, &ticket).await
    };
    let word =
        |progress: &Progress| matches!(progress, Progress::Running { word, .. } if word == "Pondering");
    let running = ask("new-word").await;
    assert!(word(&running), "{running:?}");
    // Azure is done, and the script is not.
    let progress = ask("done").await;
    assert!(matches!(progress, Progress::Running { .. }), "{progress:?}");
    // Azure gave up on a script that still runs, and then on one that nobody has heard of.
    let progress = ask("failed").await;
    assert!(matches!(progress, Progress::Running { .. }), "{progress:?}");
    let progress = ask("failed").await;
    assert!(matches!(&progress, Progress::Failed { code, .. } if code == "VMExtensionProvisioningTimeout"));
    // Azure gave up, and the script did its work all the same.
    let progress = ask("failed").await;
    assert!(
        matches!(&progress, Progress::Succeeded { warnings, .. } if warnings.len() == 1),
        "{progress:?}"
    );
    // The operation is not known any more: the run command itself is asked.
    let progress = ask("forgotten").await;
    assert!(matches!(progress, Progress::Running { .. }), "{progress:?}");
    let nobody = driver
        .poll(&context, &operation, &ticket_of("leeward-0-1-1"))
        .await;
    assert!(matches!(nobody, Progress::Gone { .. }), "{nobody:?}");
}

#[tokio::test]
async fn a_machine_that_is_off_is_waited_for_and_one_that_is_missing_is_not() {
    for (status, body, waits) in [
        (200, machine("PowerState/deallocated"), true),
        (
            404,
            json!({"error": {"code": "ResourceNotFound", "message": "m"}}),
            false,
        ),
    ] {
        let azure = FakeAzure::new();
        azure.on("GET", "/virtualMachines/vm-1", status, body);
        let error = quiet(&azure)
            .assess(&context(json!({"script": "x"})))
            .await
            .unwrap_err();
        assert!(
            matches!(error, DriverError::Refused { passing, .. } if passing == waits),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn what_did_its_work_is_taken_away_afterwards_and_what_failed_is_left_to_be_looked_at() {
    let context = context(json!({"script": "x"}));
    let (first, second) = (own(1, 1), own(2, 1));
    let azure = FakeAzure::new();
    on_machine(
        &azure,
        &[
            (&first, ended(1)),
            (&second, ended(0)),
            ("patch-monday", ended(0)),
        ],
    );
    azure.on("DELETE", &format!("{COMMANDS}/{second}"), 200, Value::Null);
    let driver = quiet(&azure);
    let [run, remove] = operations(&driver, &azure, &context).await.try_into().unwrap();
    assert_eq!((run.phase, remove.phase), (Phase::Main, Phase::AfterRecovery));
    assert_eq!(remove.after, [run.id]);
    let seen = driver.observe(&context, &remove).await;
    assert!(matches!(seen, Observation::NotBegun { .. }), "{seen:?}");
    let sent = driver.begin(&context, &remove, "only", &key(REMOVE)).await;
    assert!(matches!(sent, Sent::Finished { .. }), "{sent:?}");
    let [change] = azure.changes().try_into().unwrap();
    assert_eq!(change.method, "DELETE");
    assert!(change.path.ends_with(&second), "{change:?}");

    let azure = FakeAzure::new();
    on_machine(&azure, &[(&first, ended(1)), ("patch-monday", ended(0))]);
    let driver = quiet(&azure);
    let seen = driver.observe(&context, &remove).await;
    assert!(matches!(seen, Observation::Holds { .. }), "{seen:?}");
    let sent = driver.begin(&context, &remove, "only", &key(REMOVE)).await;
    assert!(
        matches!(sent, Sent::Finished { .. }) && azure.changes().is_empty(),
        "{sent:?}"
    );

    // To take away what still runs would end it.
    let azure = FakeAzure::new();
    on_machine(&azure, &[(&first, json!({"executionState": "Running"}))]);
    let seen = quiet(&azure).observe(&context, &remove).await;
    assert!(matches!(seen, Observation::Busy { .. }), "{seen:?}");
}

#[tokio::test]
async fn a_goal_is_looked_at_by_its_check_and_a_running_script_comes_first() {
    let goal = testing::proven_by_a_port();
    let context = changed(&context(json!({"script": "x"})), |step| step.goal = Some(goal));
    let name = own(1, 1);
    let look = async |public: Arc<FakePublic>, commands: &[(&str, Value)]| {
        let azure = FakeAzure::new();
        on_machine(&azure, commands);
        let driver = driver(&azure, public);
        let operation = operations(&driver, &azure, &context).await.remove(0);
        driver.observe(&context, &operation).await
    };
    let there = || FakePublic::answering(200, "");
    let seen = look(there(), &[]).await;
    assert!(matches!(seen, Observation::Holds { ours: false, .. }), "{seen:?}");
    let seen = look(there(), &[(&name, ended(0))]).await;
    assert!(matches!(seen, Observation::Holds { ours: true, .. }), "{seen:?}");
    let seen = look(FakePublic::silent(), &[(&name, ended(0))]).await;
    assert!(matches!(seen, Observation::NotBegun { .. }), "{seen:?}");
    let seen = look(there(), &[(&name, json!({"executionState": "Running"}))]).await;
    assert!(matches!(seen, Observation::InMotion { .. }), "{seen:?}");
}

#[test]
fn no_two_sends_share_a_name_and_the_same_send_always_has_the_same() {
    let mut names = std::collections::BTreeSet::new();
    for (run, step, attempt, send) in [
        ("r-1", "a", 1, 1),
        ("r-1", "a", 1, 2),
        ("r-1", "a", 2, 1),
        ("r-1", "b", 1, 1),
        ("r-2", "a", 1, 1),
    ] {
        let mut key = key(RUN);
        key.run = leeward_engine::id::RunId(run.to_owned());
        key.step = leeward_engine::id::StepId::new(step);
        (key.attempt, key.send) = (attempt, send);
        let name = asked::name(&key);
        assert_eq!(name, asked::name(&key));
        assert_eq!(
            asked::number(&name, &asked::prefix(&key.run, &key.step)),
            Some((attempt, send))
        );
        assert!(name.len() < 60 && crate::arm::path::check_segment(&name).is_ok());
        assert!(names.insert(name));
    }
    assert_eq!(asked::number("patch-monday", "leeward-1-"), None);
}

#[tokio::test]
async fn a_script_that_is_none_is_never_sent() {
    let azure = FakeAzure::new();
    azure.on("GET", "/virtualMachines/vm-1", 200, machine("PowerState/running"));
    let driver = quiet(&azure);
    for with in [
        json!({}),
        json!({"script": "x", "file": "y"}),
        json!({"file": "nowhere"}),
        json!({"script": "x", "expect": []}),
    ] {
        let error = driver.assess(&context(with.clone())).await.unwrap_err();
        assert!(
            matches!(error, DriverError::Impossible { .. }),
            "{with}: {error:?}"
        );
    }
    let binary = with_files(context(json!({"file": "x"})), &[("x", &[0xff, 0xfe])]);
    assert!(driver.assess(&binary).await.is_err());
    assert!(azure.seen().is_empty());
}

#[test]
fn the_official_example_of_a_view_is_read() {
    let folder =
        "compute/resource-manager/Microsoft.Compute/ComputeRP/stable/2024-07-01/examples/runCommandExamples";
    let Some(example) = examples(folder, "VirtualMachineRunCommand_Get.json") else {
        return;
    };
    let body = &example["responses"]["200"]["body"];
    assert_eq!(view::name(body), Some("myRunCommand"));
    // It was asked for without its view: nobody can tell.
    assert!(matches!(view::standing(body, &[0]), Standing::Going(_)));
}
