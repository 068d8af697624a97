//! How a test plays an operator: the real program in a folder of its own, against a simulated Azure on loopback.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(15);

/// The longest that anything may take; a hanging process fails its test instead of the whole suite.
///
/// A change whose process died between its intent and its send is looked at for three and a half minutes of the
/// real clock before it is sent again; all else takes seconds.
pub const PATIENCE: Duration = Duration::from_secs(480);

/// The subscription of the rehearsal's worlds, as an operator has it in the environment.
pub const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000000f1";

/// Returns the program that `./test` builds before the tests.
///
/// # Panics
/// Where it is not built.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let name = format!("leeward{}", env::consts::EXE_SUFFIX);
        // Test executables lie in `<target>/<profile>/deps`, the program one level above.
        let own = env::current_exe().ok();
        let beside = own.iter().flat_map(|own| own.ancestors().skip(1).take(3));
        let asked = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let targets = asked.into_iter().chain([repository().join("target")]);
        let profile = if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        };
        let mut places: Vec<PathBuf> = beside.map(|folder| folder.join(&name)).collect();
        places.extend(targets.map(|target| target.join(profile).join(&name)));
        match places.iter().find(|place| place.is_file()) {
            Some(place) => place.clone(),
            None => panic!(
                "the program is not built; looked at {places:?}\n\
                 build it with `cargo build -p leeward-cli --bin leeward`, or run `./test`, which does"
            ),
        }
    })
}

/// Returns the repository's root.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Waits for a condition.
///
/// # Panics
/// Where it does not come about in time; `told` says what there is instead.
#[expect(clippy::disallowed_methods, reason = "real processes live on the real clock")]
pub fn until<T>(what: &str, told: impl Fn() -> String, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{what} did not come about within {PATIENCE:?}:\n{}",
            told()
        );
        thread::sleep(LOOK);
    }
}

/// What came of a command.
#[derive(Clone, Debug)]
pub struct Session {
    /// The command line.
    pub line: String,
    /// Its exit code; nothing where it was killed.
    pub code: Option<i32>,
    /// Its results.
    pub stdout: String,
    /// Its progress and advice.
    pub stderr: String,
}

impl Session {
    /// Insists on an exit code and returns the results.
    ///
    /// # Panics
    /// Where it ended with another one.
    #[track_caller]
    pub fn ended(self, code: i32) -> Session {
        assert_eq!(self.code, Some(code), "{}", self.whole());
        self
    }

    /// Insists on some words on either stream.
    ///
    /// # Panics
    /// Where they are missing.
    #[track_caller]
    pub fn saying(self, words: &str) -> Session {
        let said = self.stdout.contains(words) || self.stderr.contains(words);
        assert!(said, "`{words}` is missing in\n{}", self.whole());
        self
    }

    /// Returns everything in one text.
    pub fn whole(&self) -> String {
        format!(
            "$ leeward {}\nexit {}\n--- stdout\n{}--- stderr\n{}",
            self.line,
            self.code
                .map_or("none: killed".to_owned(), |code| code.to_string()),
            self.stdout,
            self.stderr
        )
    }
}

/// A folder with runbooks, a journal and the home of an operator, apart from this machine's own.
#[derive(Debug)]
pub struct Stage {
    folder: TempDir,
}

impl Stage {
    /// Makes an empty folder.
    ///
    /// # Panics
    /// Where the machine has no room for one.
    pub fn new() -> Stage {
        Stage {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with the folders above it.
    ///
    /// # Panics
    /// Where that cannot be done.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// Copies a shipped runbook with everything beside it, changed in the words that are given.
    ///
    /// # Panics
    /// Where it is not shipped, or has no such words any more.
    pub fn copy_runbook(&self, name: &str, changes: &[(&str, &str)]) {
        copy(&repository().join("runbooks").join(name), &self.path().join(name));
        let path = self.path().join(name).join("runbook.yaml");
        let mut text = fs::read_to_string(&path).expect("read");
        for (old, new) in changes {
            assert!(text.contains(old), "runbooks/{name} says `{old}` no more");
            text = text.replace(old, new);
        }
        fs::write(path, text).expect("written");
    }

    /// Prepares a command line: no setting of this machine reaches it.
    pub fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(line)
            .current_dir(self.path())
            .env_clear()
            .stdin(Stdio::null());
        // Windows starts nothing without these.
        for kept in ["SystemRoot", "SystemDrive", "TEMP", "TMP", "PATH"] {
            if let Some(value) = env::var_os(kept).filter(|_| cfg!(windows)) {
                command.env(kept, value);
            }
        }
        for home in ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"] {
            command.env(home, self.path());
        }
        command
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("LEEWARD_JOURNAL", self.path().join("runs.journal"))
            .env("USER", "maria")
            .env("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
            .env("RUST_LIB_BACKTRACE", "0");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, line: &[&str]) -> Session {
        self.run_with(line, &[])
    }

    /// Runs a command to its end, with more environment.
    pub fn run_with(&self, line: &[&str], environment: &[(&str, OsString)]) -> Session {
        self.start_with(line, environment).end()
    }

    /// Rehearses the runbook in every world and journey; a failover says so many steps done.
    ///
    /// # Panics
    /// Where one does not end well.
    #[track_caller]
    pub fn rehearses_everywhere(&self, done: &str) {
        for world in ["both-up", "serving-down", "region-gone"] {
            let told = self.run(&["simulate", "runbook.yaml", "--world", world]).ended(0);
            assert!(told.stdout.contains(done), "{world}: {}", told.whole());
        }
        for journey in ["failback", "drill", "reprotect"] {
            self.run(&["simulate", "runbook.yaml", "--journey", journey])
                .ended(0);
        }
    }

    /// Starts a command and leaves it alone.
    pub fn start(&self, line: &[&str]) -> Live {
        self.start_with(line, &[])
    }

    fn start_with(&self, line: &[&str], environment: &[(&str, OsString)]) -> Live {
        let stdout = tempfile::NamedTempFile::new_in(self.path()).expect("a file");
        let stderr = tempfile::NamedTempFile::new_in(self.path()).expect("a file");
        let mut command = self.command(line);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let child = command
            .stdout(stdout.reopen().expect("opened"))
            .stderr(stderr.reopen().expect("opened"))
            .spawn()
            .expect("it starts");
        Live {
            line: line.join(" "),
            child,
            stdout,
            stderr,
        }
    }

    /// Serves the world of a runbook in this folder.
    pub fn simulator(&self, runbook: &str, speed: u32, more: &[&str]) -> Simulated {
        let speed = speed.to_string();
        let mut line = vec![
            "simulator",
            "--listen",
            "127.0.0.1:0",
            "--runbook",
            runbook,
            "--speed",
            &speed,
        ];
        line.extend(more);
        let mut live = self.start(&line);
        let endpoint = until("the simulator's first line", String::new, || {
            if let Some(status) = live.ended() {
                panic!("the simulator ended with {status}:\n{}", live.told());
            }
            let text = live.stdout();
            text.split_once('\n').map(|(line, _)| line.trim().to_owned())
        });
        Simulated { live, endpoint }
    }

    /// Returns the newest run as `status` shows it; null while there is none.
    pub fn status(&self) -> Value {
        self.status_of(&[])
    }

    /// Returns a run of a journal as `status` shows it; null while there is none.
    pub fn status_of(&self, more: &[&str]) -> Value {
        let mut line = vec!["status", "--format", "json"];
        line.extend(more);
        serde_json::from_str(&self.run(&line).stdout).unwrap_or(Value::Null)
    }

    /// Waits until the newest run stands as wanted.
    pub fn until_standing(&self, standing: &str) -> Value {
        until(
            &format!("the standing `{standing}`"),
            || self.run(&["status"]).whole(),
            || Some(self.status()).filter(|status| status["standing"] == standing),
        )
    }

    /// Waits until a step of the newest run stands as wanted.
    pub fn until_step(&self, step: &str, state: &str) -> Value {
        until(
            &format!("step `{step}` in the state `{state}`"),
            || self.run(&["status"]).whole(),
            || Some(self.status()).filter(|status| step_of(status, step)["state"] == state),
        )
    }
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::new()
    }
}

/// Returns a step of what `status` showed.
pub fn step_of<'a>(status: &'a Value, step: &str) -> &'a Value {
    let steps = status["steps"].as_array();
    steps
        .and_then(|steps| steps.iter().find(|item| item["id"] == step))
        .unwrap_or(&Value::Null)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry").path();
        let place = to.join(entry.file_name().expect("a name"));
        match entry.is_dir() {
            true => copy(&entry, &place),
            false => {
                fs::copy(&entry, &place).expect("copied");
            }
        }
    }
}

/// A process that goes on beside the test. It ends with the test at the latest.
#[derive(Debug)]
pub struct Live {
    line: String,
    child: Child,
    stdout: tempfile::NamedTempFile,
    stderr: tempfile::NamedTempFile,
}

impl Live {
    /// Returns what it printed so far.
    pub fn stdout(&self) -> String {
        text(self.stdout.path())
    }

    /// Returns what it advised so far.
    pub fn stderr(&self) -> String {
        text(self.stderr.path())
    }

    /// Returns both.
    pub fn told(&self) -> String {
        format!("$ leeward {}\n{}{}", self.line, self.stdout(), self.stderr())
    }

    /// Returns how it ended, where it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// Kills it without warning: SIGKILL, or its like.
    pub fn kill(mut self) -> Session {
        let _ = self.child.kill();
        self.end()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Where it does not end in time.
    pub fn end(mut self) -> Session {
        let status = until(
            &format!("the end of `leeward {}`", self.line),
            || format!("{}{}", text(self.stdout.path()), text(self.stderr.path())),
            || self.child.try_wait().expect("a child of ours"),
        );
        Session {
            line: self.line.clone(),
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// A simulated Azure in a process of its own.
#[derive(Debug)]
pub struct Simulated {
    live: Live,
    endpoint: String,
}

/// A change that the simulator was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The verb.
    pub method: String,
    /// What it was asked of.
    pub path: String,
    /// What its caller was told.
    pub status: String,
    /// Whether it was taken on.
    pub accepted: bool,
}

impl Simulated {
    /// Returns its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns what its control side shows.
    ///
    /// # Panics
    /// Where it does not answer.
    pub fn get(&self, what: &str) -> Value {
        self.ask("GET", what, "")
    }

    /// Asks its control side for something.
    ///
    /// # Panics
    /// Where it does not answer.
    pub fn post(&self, what: &str, body: &str) -> Value {
        self.ask("POST", what, body)
    }

    /// Takes all of its rules away.
    ///
    /// # Panics
    /// Where it does not answer.
    pub fn forget_faults(&self) {
        self.ask("DELETE", "faults", "");
    }

    fn ask(&self, method: &str, what: &str, body: &str) -> Value {
        let answer = self.exchange(method, what, body);
        let answer = answer.unwrap_or_else(|error| panic!("{method} {what}: {error}\n{}", self.live.told()));
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{method} {what}: {error}\n{answer}"))
    }

    fn exchange(&self, method: &str, what: &str, body: &str) -> std::io::Result<String> {
        let address = self.endpoint.trim_start_matches("http://");
        let mut wire = TcpStream::connect(address)?;
        wire.set_read_timeout(Some(PATIENCE))?;
        write!(
            wire,
            "{method} /_simulator/{what} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        wire.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Returns every change that was asked for, in order.
    pub fn changes(&self) -> Vec<Change> {
        let requests = self.get("requests");
        let list = requests.as_array().cloned().unwrap_or_default();
        let word = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        list.iter()
            .filter(|entry| entry["changing"] == true)
            .map(|entry| Change {
                method: word(&entry["method"]),
                path: word(&entry["path"]),
                status: word(&entry["status"]),
                accepted: entry["accepted"] == true,
            })
            .collect()
    }

    /// Returns the changes that were taken on, in order of their names.
    pub fn accepted(&self) -> Vec<Change> {
        let mut accepted: Vec<Change> = self.changes();
        accepted.retain(|change| change.accepted);
        accepted.sort();
        accepted
    }
}
