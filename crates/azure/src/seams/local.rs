//! How is a command run on this machine? As a process of its own group, watched, and never left behind.

use std::{process::Stdio, sync::Arc};

use async_trait::async_trait;
use leeward_engine::port::Clock;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

use super::{CommandLine, CommandOutcome, CommandRunner};

/// How much of each stream is kept: its end.
const KEPT: usize = 64 * 1024;

/// Runs commands here.
pub struct LocalCommands {
    clock: Arc<dyn Clock>,
}

impl LocalCommands {
    /// Makes a runner.
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
        let mut process = Command::new(program);
        // Least of all the run's own credential; what the step gives it by name is put back below.
        for name in crate::credential::secret_variables() {
            process.env_remove(name);
        }
        process
            .args(arguments)
            .envs(&command.environment)
            .stdin(match command.input {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(folder) = &command.folder {
            process.current_dir(folder);
        }
        // Of its own group, so that what it starts ends with it, and a Ctrl-C at the terminal is ours alone.
        #[cfg(unix)]
        process.process_group(0);
        if self.clock.now().uptime >= command.start_before {
            return not_started("the time in which it could be started is over".to_owned());
        }
        let mut child = match process.spawn() {
            Ok(child) => child,
            Err(error) => return not_started(format!("`{program}`: {error}")),
        };
        let group = Group::of(&child);
        match tokio::time::timeout(command.within, attend(&mut child, command.input.as_deref())).await {
            Ok(Ok((status, output))) => CommandOutcome::Ended {
                code: status.code(),
                output,
            },
            Ok(Err(error)) => {
                group.end(&mut child).await;
                CommandOutcome::Lost {
                    reason: format!("it could not be watched: {error}"),
                }
            }
            Err(_) => {
                group.end(&mut child).await;
                let most = leeward_runbook::units::show_duration(command.within);
                CommandOutcome::Lost {
                    reason: format!("it was still running after {most} and was ended"),
                }
            }
        }
    }
}

/// The processes that a command has started.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Group {
        let leader = child.id().and_then(|id| i32::try_from(id).ok());
        Group {
            leader: leader.and_then(rustix::process::Pid::from_raw),
        }
    }

    #[cfg(not(unix))]
    fn of(_child: &Child) -> Group {
        Group {}
    }

    async fn end(&self, child: &mut Child) {
        // While the leader is not reaped, its number cannot be somebody else's.
        #[cfg(unix)]
        if let (Some(leader), Some(_)) = (self.leader, child.id()) {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
        // It may have ended by itself a moment ago.
        let _ = child.kill().await;
    }
}

async fn attend(
    child: &mut Child,
    input: Option<&str>,
) -> std::io::Result<(std::process::ExitStatus, String)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async move {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A program need not read what it is given.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let ((), out, err) = tokio::join!(feed, end_of(stdout), end_of(stderr));
    let status = child.wait().await?;
    let mut output = String::from_utf8_lossy(&out?).into_owned();
    if !output.is_empty() && !output.ends_with('\n') {
        output.push('\n');
    }
    output.push_str(&String::from_utf8_lossy(&err?));
    Ok((status, output))
}

/// Reads a stream to its end and keeps the last of it.
async fn end_of(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let Some(mut stream) = stream else {
        return Ok(Vec::new());
    };
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
}

#[cfg(test)]
mod tests;
