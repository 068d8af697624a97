use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::testing::TestClock;

/// Runs this very test executable, which is there on every system: one of its tests, as a program.
fn this(test: &str, environment: &[(&str, &str)]) -> CommandLine {
    let program = std::env::current_exe().unwrap();
    let name = format!("seams::local::tests::{test}");
    CommandLine {
        arguments: [program.to_str().unwrap(), &name, "--exact", "--nocapture"]
            .map(str::to_owned)
            .to_vec(),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<String, String>>(),
        folder: None,
        input: None,
        within: Duration::from_secs(60),
        start_before: Duration::from_secs(30),
    }
}

/// What the tests below run in a process of its own. As an ordinary test it does nothing.
#[test]
fn a_program_for_the_tests_beside_it() {
    let Ok(what) = std::env::var("LEEWARD_TEST_PROGRAM") else {
        return;
    };
    match what.as_str() {
        "say" => {
            let mut input = String::new();
            let _ = std::io::stdin().read_line(&mut input);
            eprintln!("heard: {input}");
        }
        "fail" => std::process::exit(7),
        "tell" => eprintln!("told: {:?}", std::env::var("CARGO_PKG_DESCRIPTION").ok()),
        "stay" => std::thread::park_timeout(Duration::from_secs(600)),
        "shout" => {
            for line in 0..40_000 {
                eprintln!("line {line}");
            }
        }
        _ => {}
    }
}

async fn run(command: &CommandLine) -> CommandOutcome {
    LocalCommands::new(TestClock::new()).run(command).await
}

const PROGRAM: &str = "a_program_for_the_tests_beside_it";

#[tokio::test]
async fn a_program_hears_its_input_and_is_heard() {
    let mut command = this(PROGRAM, &[("LEEWARD_TEST_PROGRAM", "say")]);
    command.input = Some("go on\n".to_owned());
    let CommandOutcome::Ended { code, output } = run(&command).await else {
        panic!()
    };
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("heard: go on"), "{output}");
}

#[tokio::test]
async fn the_exit_code_is_the_truth() {
    let outcome = run(&this(PROGRAM, &[("LEEWARD_TEST_PROGRAM", "fail")])).await;
    assert!(
        matches!(outcome, CommandOutcome::Ended { code: Some(7), .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_program_that_stays_too_long_is_ended_and_called_lost() {
    let mut command = this(PROGRAM, &[("LEEWARD_TEST_PROGRAM", "stay")]);
    command.within = Duration::from_millis(300);
    let CommandOutcome::Lost { reason } = run(&command).await else {
        panic!()
    };
    assert_eq!(reason, "it was still running after 300ms and was ended");
}

#[tokio::test]
async fn the_end_of_a_long_output_is_kept() {
    let CommandOutcome::Ended { output, .. } =
        run(&this(PROGRAM, &[("LEEWARD_TEST_PROGRAM", "shout")])).await
    else {
        panic!()
    };
    assert!(output.contains("line 39999"));
    assert!(output.len() < 4 * KEPT, "{}", output.len());
}

#[tokio::test]
async fn what_cannot_be_started_is_called_that() {
    let mut command = this(PROGRAM, &[]);
    command.arguments = vec!["leeward-no-such-program".to_owned()];
    assert!(matches!(run(&command).await, CommandOutcome::NotStarted { .. }));
    let mut late = this(PROGRAM, &[]);
    late.start_before = Duration::ZERO;
    assert!(matches!(run(&late).await, CommandOutcome::NotStarted { .. }));
}

#[tokio::test]
async fn a_program_does_not_inherit_the_secret_that_the_run_itself_goes_by() {
    // Cargo gives tests this variable; here it stands for the one behind the run's credential.
    let Ok(own) = std::env::var("CARGO_PKG_DESCRIPTION") else {
        return;
    };
    let program = "a_program_for_the_tests_beside_it";
    let told = |outcome: CommandOutcome| match outcome {
        CommandOutcome::Ended { output, .. } => output,
        other => panic!("{other:?}"),
    };
    crate::credential::read_secret("env:CARGO_PKG_DESCRIPTION").unwrap();
    let output = told(run(&this(program, &[("LEEWARD_TEST_PROGRAM", "tell")])).await);
    assert!(output.contains("told: None"), "{output}");
    // What the step itself hands over is handed over.
    let given = [
        ("LEEWARD_TEST_PROGRAM", "tell"),
        ("CARGO_PKG_DESCRIPTION", own.as_str()),
    ];
    let output = told(run(&this(program, &given)).await);
    assert!(output.contains(&format!("told: Some({own:?})")), "{output}");
}
