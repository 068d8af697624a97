//! What a person sees on a terminal: the real program on a pseudo-terminal, its screen read back.
#![cfg(unix)]

mod support;

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};
use serde_json::Value;

use support::{PATIENCE, Stage, WORLD, gated};

/// A folder with a runbook, and a simulated Azure that serves its world.
fn stage() -> Stage {
    Stage::served(&gated(false), WORLD)
}

/// The program on a pseudo-terminal.
struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<Mutex<vt100::Parser>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    fn start(mut command: Command, rows: u16, columns: u16) -> Terminal {
        command.env("TERM", "xterm-256color");
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).expect("granted");
        unlockpt(&ours).expect("unlocked");
        let name = ptsname(&ours, Vec::new()).expect("its name");
        let name = name.to_str().expect("plain").to_owned();
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name)
            .expect("opened");
        let keys = File::from(ours);
        resize(&keys, rows, columns);
        let end = || Stdio::from(theirs.try_clone().expect("cloned"));
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("started");
        // The command keeps what it was given; the terminal ends when nobody has it open.
        drop((theirs, command));
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 1000)));
        let (mut output, shown) = (keys.try_clone().expect("cloned"), screen.clone());
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose other end is closed is an error on Linux and an end elsewhere.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().expect("whole").process(&bytes[..count]);
            }
        });
        Terminal {
            child,
            keys,
            screen,
            reader,
        }
    }

    fn resize(&self, rows: u16, columns: u16) {
        self.screen
            .lock()
            .expect("whole")
            .screen_mut()
            .set_size(rows, columns);
        resize(&self.keys, rows, columns);
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("pressed");
    }

    fn text(&self) -> String {
        let screen = self.screen.lock().expect("whole");
        screen.screen().contents().trim_end().to_owned()
    }

    /// Waits until the screen is as wanted, and returns it.
    #[expect(clippy::disallowed_methods, reason = "a real process lives on the real clock")]
    fn until(&self, what: &str, found: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let text = self.text();
            if found(&text) {
                return text;
            }
            assert!(started.elapsed() < PATIENCE, "never {what}:\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("ended");
        self.reader.join().expect("read to its end");
        let screen = self.screen.lock().expect("whole");
        (status.code(), screen.screen().contents().trim_end().to_owned())
    }
}

fn resize(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("resized");
}

/// Leaves out what differs each time.
macro_rules! shown {
    ($name:literal, $text:expr) => {
        insta::with_settings!({filters => vec![
            (r"r-\d{8}-\d{6}-[0-9a-f]{4}", "RUN"),
            (r"\b[0-9a-f]{12,64}\b", "DIGEST"),
            (r"\([0-9a-f]{8}\)", "(DIGEST)"),
            (r"http://127\.0\.0\.1:\d+", "ENDPOINT"),
            (r"\d\d:\d\d:\d\d", "HH:MM:SS"),
            (r"process \d+", "process N"),
            (r"RTO (under )?\d+s so far", "RTO TIME so far"),
            (r"at a gate +(under )?\d+s  ", "at a gate  TIME  "),
            ("[⠋⠙⠸⢰⣠⣄⡆⠇]", "+"),
        ]}, { insta::assert_snapshot!($name, $text) });
    };
}

#[test]
fn the_live_view_tells_what_to_do_survives_a_resize_and_makes_room_for_the_report() {
    let stage = stage();
    let failover = stage.command(&["failover", "runbook.yaml", "--yes", "--color", "never"]);
    let terminal = Terminal::start(failover, 24, 80);
    let at_gate = |text: &str| text.contains("Now: decide needs you") && text.contains("at a gate");
    let text = terminal.until("at the gate", at_gate);
    let picture = text.split_once("Now: ").map(|(_, rest)| format!("Now: {rest}"));
    shown!("terminal-gate-80x24", picture.expect("a picture"));
    terminal.resize(24, 60);
    let narrow = |text: &str| {
        at_gate(text)
            && text
                .lines()
                .any(|line| line.starts_with("RTO ") && line.ends_with('…'))
    };
    let text = terminal.until("as wide as the screen", narrow);
    assert_eq!(text.matches("RTO ").count(), 1, "{text}");
    assert_eq!(text.matches("Critical path ").count(), 1, "{text}");
    // The commands can be copied: they are broken by the terminal, never cut.
    assert!(text.replace('\n', "").contains("decide --reason TEXT"), "{text}");
    // Taller, so that the end finds room; this terminal of the tests does not mend lines that it broke.
    terminal.resize(60, 60);
    let approved = stage.command(&["approve", "decide"]).output().expect("it ran");
    assert!(approved.status.success());
    let (code, text) = terminal.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("decide  done") && text.contains("serving  done"),
        "{text}"
    );
    assert!(
        !text.contains("Now:") && !text.contains("Critical path "),
        "{text}"
    );
    assert!(text.contains("exit 0 (the goal holds)"), "{text}");
    assert_eq!(stage.status()["standing"]["ended"], "done", "{}", stage.status());
}

#[test]
fn ctrl_c_leaves_a_whole_screen_and_says_how_to_go_on() {
    let stage = stage();
    let failover = stage.command(&["failover", "runbook.yaml", "--yes", "--color", "never"]);
    let terminal = Terminal::start(failover, 40, 100);
    terminal.until("at the gate", |text| {
        text.contains("Now: decide needs you") && text.contains("at a gate")
    });
    // Not the terminal that the tests run on: the word goes to the one process.
    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("sent");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(22), "{text}");
    let told = text.split_once("What can be lost").expect("a plan").1;
    let (before, report) = told.split_once("gated: failover").expect("a report");
    let last = report.lines().last().expect("a line");
    shown!("terminal-stopped", format!("{before}(the report)\n{last}"));
    assert!(
        report.contains("Waiting at a gate") && report.contains("exit 22"),
        "{report}"
    );
}

#[test]
fn keys_pressed_while_the_run_is_watched_move_nothing_and_the_terminal_is_as_before_afterwards() {
    let stage = stage();
    let failover = stage.command(&["failover", "runbook.yaml", "--yes", "--color", "never"]);
    let mut terminal = Terminal::start(failover, 24, 80);
    let keys = terminal.keys.try_clone().expect("cloned");
    let shows_keys = || {
        tcgetattr(&keys)
            .expect("a terminal")
            .local_modes
            .contains(LocalModes::ECHO)
    };
    let at_gate = |text: &str| text.contains("Now: decide needs you") && text.contains("at a gate");
    let mut text = terminal.until("at the gate", at_gate);
    assert!(!shows_keys());
    terminal.press("abc\n\n\n");
    for _ in 0..3 {
        // The picture lives on.
        text = terminal.until("drawn again", |now| at_gate(now) && now != text);
    }
    for word in ["Now: decide needs you", "RTO ", "Critical path "] {
        assert_eq!(text.matches(word).count(), 1, "{text}");
    }
    assert!(!text.contains("abc"), "{text}");
    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("sent");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(22), "{text}");
    assert!(shows_keys(), "{text}");
}

#[test]
fn a_changing_verb_asks_for_the_first_letters_of_the_digest() {
    let stage = stage();
    let asked = |text: &str| text.contains("Type the first letters of the plan's digest to go (");
    let mut terminal = Terminal::start(
        stage.command(&["failover", "runbook.yaml", "--color", "never"]),
        60,
        100,
    );
    let text = terminal.until("asked", asked);
    shown!("terminal-question", &text);
    terminal.press("yes\n");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("error[LW0305]"), "{text}");
    assert_eq!(stage.status(), Value::Null, "nothing was begun");

    let line = ["failover", "runbook.yaml", "--approve-all", "--reason", "INC-1"];
    let mut terminal = Terminal::start(stage.command(&line), 60, 100);
    let text = terminal.until("asked", asked);
    let digest = text.split_once("digest to go (").expect("asked").1.to_owned();
    terminal.press(&format!("{}\n", &digest[..4]));
    let (code, text) = terminal.end();
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_run_is_taken_over_only_by_who_types_its_hosts_name() {
    let stage = stage();
    let mut first = stage
        .command(&["failover", "runbook.yaml", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    stage.until("at-gate");
    let line = ["resume", "--take-over", "--no-wait", "--color", "never"];
    let asked = |text: &str| text.contains("Type the host's name to take the run over (");
    let mut terminal = Terminal::start(stage.command(&line), 40, 120);
    let text = terminal.until("asked", asked);
    let host = text.split_once("run over (").expect("asked").1;
    let host = host.split_once(')').expect("its end").0.to_owned();
    shown!("terminal-take-over", text.replace(&host, "HOST"));
    terminal.press("no\n");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(2), "{text}");
    let mut terminal = Terminal::start(stage.command(&line), 40, 120);
    terminal.until("asked", asked);
    terminal.press(&format!("{host}\n"));
    let (code, text) = terminal.end();
    assert_eq!(code, Some(22), "{text}");
    assert_eq!(
        first.wait().expect("ended").code(),
        Some(23),
        "the old one is fenced"
    );
}
