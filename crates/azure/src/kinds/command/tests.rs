use std::sync::Mutex;

use leeward_runbook::journey::Journey;

use super::*;
use crate::testing::{self, FakeAzure, FakePublic, key, with_files};

/// Says the same of every command and remembers it.
struct Scripted {
    outcome: CommandOutcome,
    seen: Mutex<Vec<(CommandLine, Vec<String>)>>,
}

#[async_trait]
impl CommandRunner for Scripted {
    async fn run(&self, command: &CommandLine) -> CommandOutcome {
        let folder = command.folder.clone().unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        self.seen.lock().unwrap().push((command.clone(), names));
        self.outcome.clone()
    }
}

fn driver(outcome: CommandOutcome, public: Arc<FakePublic>) -> (RunCommand, Arc<Scripted>) {
    let commands = Arc::new(Scripted {
        outcome,
        seen: Mutex::default(),
    });
    let seams = Seams {
        arm: FakeAzure::new().arm(),
        clusters: Arc::new(crate::seams::PretendedClusters::new(FakePublic::silent())),
        public,
        commands: commands.clone(),
    };
    let driver = RunCommand {
        commands: seams.commands.clone(),
        prover: Prover::new(&seams),
    };
    (driver, commands)
}

fn ended(code: Option<i32>, output: &str) -> CommandOutcome {
    CommandOutcome::Ended {
        code,
        output: output.to_owned(),
    }
}

fn context(with: Value) -> Context {
    testing::context("run.command", Journey::Failover, with, json!({}), json!({}))
}

fn changed(context: &Context, change: impl FnOnce(&mut leeward_runbook::plan::PlannedStep)) -> Context {
    let mut step = (*context.step).clone();
    change(&mut step);
    Context {
        step: Arc::new(step),
        ..context.clone()
    }
}

async fn run(driver: &RunCommand, context: &Context) -> (Operation, Sent) {
    let operation = driver.assess(context).await.unwrap().operations.remove(0);
    let sent = driver.begin(context, &operation, "only", &key("run")).await;
    (operation, sent)
}

#[tokio::test]
async fn a_script_that_failed_did_run_and_is_not_called_refused() {
    let (driver, _) = driver(ended(Some(3), "no such table\n"), FakePublic::silent());
    let context = context(json!({"command": ["migrate", "--all"]}));
    let (operation, sent) = run(&driver, &context).await;
    assert_eq!(operation.rungs[0].repeat, RepeatClass::OneShot);
    assert!(!operation.observable);
    let Sent::Accepted { ticket } = sent else {
        panic!("{sent:?}")
    };
    // The ticket alone is enough: nobody is asked, also after a restart.
    let Progress::Failed {
        code,
        message,
        retryable,
    } = driver.poll(&context, &operation, &ticket).await
    else {
        panic!()
    };
    assert_eq!(code, "ExitStatus");
    assert_eq!(message, "it ended with exit code 3\n| no such table");
    assert!(!retryable);
    let again = changed(&context, |step| step.repeat_safe = true);
    assert!(matches!(
        driver.poll(&again, &operation, &ticket).await,
        Progress::Failed { retryable: true, .. }
    ));
    assert_eq!(
        run(&driver, &again).await.0.rungs[0].repeat,
        RepeatClass::Repeatable
    );
}

#[tokio::test]
async fn what_nobody_saw_the_end_of_is_unanswered() {
    let lost = CommandOutcome::Lost {
        reason: "ended by us".to_owned(),
    };
    let (driver, _) = driver(lost, FakePublic::silent());
    let (_, sent) = run(&driver, &context(json!({"command": ["migrate"]}))).await;
    assert!(matches!(sent, Sent::Unanswered { .. }), "{sent:?}");
    let (driver, _) = self::driver(ended(None, ""), FakePublic::silent());
    let context = context(json!({"command": ["migrate"]}));
    let (operation, Sent::Accepted { ticket }) = run(&driver, &context).await else {
        panic!()
    };
    let progress = driver.poll(&context, &operation, &ticket).await;
    assert!(matches!(progress, Progress::Failed { message, .. } if message == "a signal ended it"));
}

#[tokio::test]
async fn a_secret_reaches_the_program_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("word");
    std::fs::write(&file, "hunter22").unwrap();
    let (driver, commands) = driver(
        ended(Some(0), "login with hunter22\nok\u{1b}[31m\n"),
        FakePublic::silent(),
    );
    let env = json!({"WORD": format!("file:{}", file.display()), "REGION": "northeurope"});
    let (operation, sent) = run(&driver, &context(json!({"command": ["login"], "env": env}))).await;
    let Sent::Finished { outputs, .. } = &sent else {
        panic!("{sent:?}")
    };
    assert_eq!(outputs["exit-code"], 0);
    assert_eq!(outputs["output"], "| login with ‹secret›\n| ok [31m");
    assert!(!format!("{operation:?} {sent:?}").contains("hunter22"));
    let seen = commands.seen.lock().unwrap();
    assert_eq!(seen[0].0.environment["WORD"], "hunter22");
    assert!(!format!("{:?}", seen[0].0).contains("hunter22"));
}

#[tokio::test]
async fn a_variable_that_another_step_names_as_a_secret_is_kept_from_a_program() {
    let (driver, _) = driver(ended(Some(0), ""), FakePublic::silent());
    let context = context(json!({"command": ["login"]}));
    let mut plan = (*context.plan).clone();
    let mut other = (*context.step).clone();
    other.settings = json!({"headers": {"authorization": "env:LEEWARD_TEST_HOOK"}});
    plan.steps.push(Arc::new(other));
    let context = Context {
        plan: Arc::new(plan),
        ..context
    };
    run(&driver, &context).await;
    let kept = crate::credential::secret_variables();
    assert!(kept.contains(&"LEEWARD_TEST_HOOK".to_owned()), "{kept:?}");
}

#[tokio::test]
async fn a_program_works_in_a_folder_with_the_files_that_the_plan_pinned() {
    let (driver, commands) = driver(ended(Some(0), ""), FakePublic::silent());
    let files: &[(&str, &[u8])] = &[
        ("scripts/warm/run", b"1"),
        ("scripts/warm/data/list", b"2"),
        ("scripts/other", b"3"),
    ];
    let whole = with_files(
        context(json!({"command": ["./run"], "file": "scripts/warm"})),
        files,
    );
    run(&driver, &whole).await;
    let single = with_files(
        context(json!({"command": ["./other"], "file": "scripts/other"})),
        files,
    );
    run(&driver, &single).await;
    let seen = commands.seen.lock().unwrap().clone();
    assert_eq!(seen[0].1, ["data", "run"]);
    assert_eq!(seen[1].1, ["other"]);
    assert!(
        !seen[0].0.folder.clone().unwrap().exists(),
        "the folder goes away with it"
    );
    let missing = with_files(context(json!({"command": ["x"], "file": "nowhere"})), files);
    assert!(driver.assess(&missing).await.is_err());
}

#[tokio::test]
async fn a_goal_is_looked_at_by_its_check() {
    let goal = testing::proven_by_a_port();
    for (public, holds) in [
        (FakePublic::answering(200, ""), true),
        (FakePublic::silent(), false),
    ] {
        let (driver, _) = driver(ended(Some(0), ""), public);
        let context = changed(&context(json!({"command": ["x"]})), |step| {
            step.goal = Some(goal.clone())
        });
        let operation = driver.assess(&context).await.unwrap().operations.remove(0);
        assert!(operation.observable);
        let seen = driver.observe(&context, &operation).await;
        assert_eq!(matches!(seen, Observation::Holds { .. }), holds, "{seen:?}");
        assert_eq!(matches!(seen, Observation::NotBegun { .. }), !holds, "{seen:?}");
    }
}

#[tokio::test]
async fn what_is_no_command_is_never_started() {
    let (driver, commands) = driver(ended(Some(0), ""), FakePublic::silent());
    for command in [json!([]), json!("rm -r x"), json!([{"a": 1}]), json!([""])] {
        assert!(
            driver
                .assess(&context(json!({"command": command})))
                .await
                .is_err(),
            "{command}"
        );
    }
    assert!(commands.seen.lock().unwrap().is_empty());
}
