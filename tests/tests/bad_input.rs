//! What `leeward check` does with a runbook that is wrong, hostile or no runbook at all: it says so clearly,
//! with the documented exit code, soon, and without eating the machine.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{OnceLock, mpsc},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

/// The runbook has findings.
const FINDINGS: i32 = 10;

/// The command line or a file named there cannot be used.
const USAGE: i32 = 2;

/// Far more than any of it needs; a build without optimisation on a busy machine is slow.
const SOON: Duration = Duration::from_secs(60);

/// The most address space that a check may ask for: the 50 MB file, the binary itself and the threads of a
/// runtime fit many times, an alias bomb does not.
const MOST_KILOBYTES: u64 = 1 << 20;

/// The binary beside this test: a build of the whole workspace has made it. Made here where a run of this package
/// alone, in a fresh folder, has not.
fn leeward() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("this test has a place");
        let folder = test.ancestors().nth(2).expect("a build folder");
        let binary = folder.join(format!("leeward{}", std::env::consts::EXE_SUFFIX));
        if binary.is_file() {
            return binary;
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "leeward-cli", "--bin", "leeward"]);
        build
            .arg("--target-dir")
            .arg(folder.parent().expect("a target folder"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built = build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo");
        assert!(
            built.success() && binary.is_file(),
            "{} is missing",
            binary.display()
        );
        binary
    })
}

/// Runs `leeward check` under a limit of memory, where the system has one, and a limit of time.
fn check(path: &Path, format: &str) -> Output {
    let mut command = if cfg!(target_os = "linux") {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -v {MOST_KILOBYTES} && exec \"$@\""), "sh"]);
        shell.arg(leeward());
        shell
    } else {
        Command::new(leeward())
    };
    command.arg("check").arg(path).args(["--format", format]);
    let mut child = command
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("leeward starts");
    // Its output ends when it ends: whoever reads it tells, so nobody asks the clock over and over.
    let (told, ended) = mpsc::channel();
    let mut pipes: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().expect("a pipe")),
        Box::new(child.stderr.take().expect("a pipe")),
    ];
    let [stdout, stderr] = [0, 1].map(|number| {
        let told = told.clone();
        let mut pipe = std::mem::replace(&mut pipes[number], Box::new(std::io::empty()));
        thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).expect("its output");
            told.send(()).expect("somebody waits");
            bytes
        })
    });
    for _ in 0..2 {
        if ended.recv_timeout(SOON).is_err() {
            child.kill().expect("a process of ours");
            panic!("{} was still checked after {SOON:?}", path.display());
        }
    }
    Output {
        status: child.wait().expect("a process of ours"),
        stdout: stdout.join().expect("its output"),
        stderr: stderr.join().expect("its output"),
    }
}

struct Said {
    exit: Option<i32>,
    text: String,
}

/// Checks a runbook of these bytes.
fn said(bytes: &[u8]) -> Said {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("runbook.yaml");
    std::fs::write(&file, bytes).expect("a file");
    said_of(&file)
}

fn said_of(path: &Path) -> Said {
    let output = check(path, "human");
    let text = [output.stdout, output.stderr].concat();
    Said {
        exit: output.status.code(),
        text: String::from_utf8_lossy(&text).into_owned(),
    }
}

/// It names its code and what to do, is short enough to be read, and is no defect of the tool.
fn is_clear(said: &Said, exit: i32, code: &str) {
    let Said { exit: left, text } = said;
    assert_eq!(*left, Some(exit), "{text}");
    assert!(text.contains(&format!("error[{code}]")), "{text}");
    assert!(text.contains("hint: "), "{text}");
    assert!(text.len() < 20_000, "{} bytes are no clear error", text.len());
    assert!(!text.contains("panicked"), "{text}");
}

/// What stands in front of the steps of a runbook that has nothing wrong so far.
const HEAD: &str = "leeward: 1\nname: sample\nregions: { primary: westeurope, paired: northeurope }\n\
                    objectives: { rto: 30m, rpo: 10m }\n\
                    parameters: { subscription: { type: subscription-id, default: sub } }\nsteps:\n";

const FINE: &str = "  decide:\n    use: gate.approval\n  proof:\n    use: check.http\n    after: [decide]\n    \
                    with: { url: \"https://shop.example.test/\", expect: 200 }\n    ends: recovery\n";

/// Ten mistakes, each of its own sort.
const TEN: &str = r#"leeward: 1
name: ten-mistakes
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30, rpo: 10m }
steps:
  decide:
    use: gate.approvel
  sql:
    use: azure.sql.managed-instance-failover-group
    after: [decid]
    with: { failover-group: fog, resource-group: rg }
  traffic:
    use: azure.traffic-manager.profile
    aftr: [sql]
    with: { profile: tm, resource-group: rg }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
  one:
    use: gate.manual
    after: [two]
  two:
    use: gate.manual
    after: [one]
  proof:
    use: check.http
    with: { url: "https://shop.example.test/", url: "https://again.example.test/" }
  reader:
    use: check.tcp
    with: { host: "${{ steps.traffic.outputs.hots }}", port: 443 }
  broken:
    use: check.tcp
    with: { host: "${{ steps.traffic.outputs. }}", port: 443 }
  wide:
    use: check.tcp
    with: { host: web.example.test, port: many }
"#;

#[test]
fn ten_different_mistakes_are_ten_findings_with_place_reason_and_fix() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("runbook.yaml");
    std::fs::write(&file, TEN).expect("a file");
    let output = check(&file, "json");
    assert_eq!(output.status.code(), Some(FINDINGS));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON on stdout");
    let found = told["findings"].as_array().expect("findings");
    let codes: std::collections::BTreeSet<&str> =
        found.iter().filter_map(|one| one["code"].as_str()).collect();
    let shown = format!("{told:#}");
    assert!(found.len() >= 10 && codes.len() >= 10, "{codes:?} of {shown}");
    for one in found {
        assert!(
            one["code"].as_str().is_some_and(|code| code.starts_with("LW")),
            "{one:#}"
        );
        let place = &one["place"];
        assert!(
            place["line"].as_u64() > Some(1) && place["column"].as_u64() > Some(0),
            "{one:#}"
        );
        assert!(
            one["reason"].as_str().is_some_and(|reason| !reason.is_empty()),
            "{one:#}"
        );
        let fix = one["remedies"][0].as_str();
        assert!(fix.is_some_and(|fix| !fix.is_empty()), "{one:#}");
    }
    for likeliest in ["gate.approval", "decide", "after"] {
        assert!(
            shown.contains(&format!("`{likeliest}`")),
            "nobody proposes `{likeliest}`: {shown}"
        );
    }
}

#[test]
fn a_runbook_without_a_mistake_has_no_finding() {
    let Said { exit, text } = said(format!("{HEAD}{FINE}").as_bytes());
    assert_eq!(exit, Some(0), "{text}");
}

#[test]
fn a_runbook_of_another_system_with_carriage_returns_and_a_byte_order_mark_is_read() {
    let text = format!("\u{feff}{HEAD}{FINE}").replace('\n', "\r\n");
    let Said { exit, text } = said(text.as_bytes());
    assert_eq!(exit, Some(0), "{text}");
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let all = [format!("*a{}", level - 1).as_str(); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{all}]\n"));
    }
    is_clear(&said(bomb.as_bytes()), FINDINGS, "LW0103");
}

#[test]
fn a_file_of_fifty_megabytes_is_refused() {
    let long = format!(
        "{HEAD}  a: {{ use: gate.manual, summary: {} }}\n",
        "x".repeat(50 << 20)
    );
    is_clear(&said(long.as_bytes()), FINDINGS, "LW0103");
}

#[test]
fn binary_junk_is_told_as_such() {
    let junk: Vec<u8> = (0..1_000_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    is_clear(&said(&junk), FINDINGS, "LW0101");
    is_clear(&said(b"\x7fELF\x02\x01\x01\x00\x00"), FINDINGS, "LW0101");
}

#[test]
fn a_hundred_thousand_levels_of_nesting_are_refused() {
    for sign in ["[", "{a: ", "- ", "? "] {
        is_clear(&said(sign.repeat(100_000).as_bytes()), FINDINGS, "LW0103");
    }
}

#[test]
fn an_expression_three_hundred_brackets_deep_is_a_finding() {
    let deep = format!("{}1{}", "(".repeat(300), ")".repeat(300));
    let text =
        format!("{HEAD}  a:\n    use: check.http\n    with: {{ url: \"${{{{ {deep} }}}}\", expect: 200 }}\n");
    is_clear(&said(text.as_bytes()), FINDINGS, "LW0114");
}

#[test]
fn an_empty_file_is_a_finding() {
    for nothing in ["", "\n\n", "# only a thought\n", "---\n"] {
        let said = said(nothing.as_bytes());
        assert_eq!(said.exit, Some(FINDINGS), "{nothing:?}: {}", said.text);
        assert!(said.text.contains("error[LW01"), "{nothing:?}: {}", said.text);
        assert!(said.text.contains("hint: "), "{nothing:?}: {}", said.text);
    }
}

#[test]
fn a_folder_without_a_runbook_and_a_missing_file_are_told_by_name() {
    let folder = TempDir::new().expect("a folder");
    let Said { exit, text } = said_of(folder.path());
    assert_eq!(exit, Some(USAGE), "{text}");
    assert!(text.contains("runbook.yaml"), "{text}");
    let Said { exit, text } = said_of(&folder.path().join("nowhere.yaml"));
    assert_eq!(exit, Some(USAGE), "{text}");
    assert!(text.contains("nowhere.yaml") && text.contains("hint: "), "{text}");
    // A folder where the file should stand.
    std::fs::create_dir(folder.path().join("runbook.yaml")).expect("a folder");
    let Said { exit, text } = said_of(folder.path());
    assert_eq!(exit, Some(USAGE), "{text}");
    assert!(
        text.contains("runbook.yaml") && !text.contains("panicked"),
        "{text}"
    );
}

#[test]
fn a_newer_version_of_the_language_is_refused_with_what_to_do() {
    let text = format!("{HEAD}{FINE}").replace("leeward: 1", "leeward: 2");
    let said = said(text.as_bytes());
    assert_eq!(said.exit, Some(FINDINGS), "{}", said.text);
    assert!(
        said.text.contains("error[LW01") && said.text.contains("hint: "),
        "{}",
        said.text
    );
    assert!(said.text.contains(":1:"), "it names the line: {}", said.text);
}
