//! Commands that run here: an argument list, no shell, nothing to read from.

use std::{process::Stdio, sync::Arc};

use async_trait::async_trait;
use leeward_azure::seams::{CommandLine, CommandOutcome, CommandRunner};
use leeward_engine::port::Clock;
use tokio::process::Command;

/// The end of a command's output that is kept.
const KEPT: usize = 16 * 1024;

/// Runs commands on this machine.
pub struct LocalCommands {
    clock: Arc<dyn Clock>,
}

impl LocalCommands {
    /// Makes a runner that reads the time from a clock.
    pub fn new(clock: Arc<dyn Clock>) -> LocalCommands {
        LocalCommands { clock }
    }
}

#[async_trait]
impl CommandRunner for LocalCommands {
    async fn run(&self, command: &CommandLine) -> CommandOutcome {
        let not_started = |reason: String| CommandOutcome::NotStarted { reason };
        let Some((program, arguments)) = command.arguments.split_first() else {
            return not_started("the command is empty".to_owned());
        };
        let mut child = Command::new(program);
        child
            .args(arguments)
            .envs(&command.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if self.clock.now().uptime >= command.start_before {
            return not_started("the time in which it could be started is over".to_owned());
        }
        let child = match child.spawn() {
            Ok(child) => child,
            Err(error) => return not_started(format!("`{program}` cannot be started: {error}")),
        };
        match tokio::time::timeout(command.within, child.wait_with_output()).await {
            Ok(Ok(output)) => CommandOutcome::Ended {
                code: output.status.code(),
                output: end_of(&output.stdout, &output.stderr),
            },
            Ok(Err(error)) => CommandOutcome::Lost {
                reason: error.to_string(),
            },
            // It was killed in the middle; what it did until then nobody knows.
            Err(_) => CommandOutcome::Lost {
                reason: "it did not end in time and was killed".to_owned(),
            },
        }
    }
}

fn end_of(stdout: &[u8], stderr: &[u8]) -> String {
    let whole = [stdout, stderr].concat();
    let from = whole.len().saturating_sub(KEPT);
    let text = String::from_utf8_lossy(&whole[from..]).into_owned();
    match from {
        0 => text,
        _ => format!("…{text}"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::ports::clock;

    fn line(arguments: &[&str], within: Duration) -> CommandLine {
        CommandLine {
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            environment: BTreeMap::from([("WORD".to_owned(), "there".to_owned())]),
            within,
            start_before: clock::real().now().uptime + Duration::from_secs(60),
        }
    }

    #[tokio::test]
    async fn a_command_runs_without_a_shell_and_tells_how_it_ended() {
        let runner = LocalCommands::new(Arc::new(clock::real()));
        let ended = runner
            .run(&line(&["printenv", "WORD"], Duration::from_secs(20)))
            .await;
        assert_eq!(
            ended,
            CommandOutcome::Ended {
                code: Some(0),
                output: "there\n".to_owned()
            }
        );
        let missing = runner
            .run(&line(&["no-such-program-anywhere"], Duration::from_secs(20)))
            .await;
        assert!(
            matches!(missing, CommandOutcome::NotStarted { .. }),
            "{missing:?}"
        );
        let slow = runner
            .run(&line(&["sleep", "30"], Duration::from_millis(50)))
            .await;
        assert!(matches!(slow, CommandOutcome::Lost { .. }), "{slow:?}");
        let mut late = line(&["true"], Duration::from_secs(20));
        late.start_before = Duration::ZERO;
        assert!(matches!(
            runner.run(&late).await,
            CommandOutcome::NotStarted { .. }
        ));
    }
}
