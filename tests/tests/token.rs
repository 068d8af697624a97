//! Where is the live token of a real process? On the wire to the configured host, and nowhere else.

#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use leeward_acceptance::processes::{Session, Stage};

const TOKEN: &str = "eyJ0aGUtbGl2ZS10b2tlbi1vZi1hLXJlYWwtcHJvY2Vzcw";

/// A command line of Azure's own that gives the token, as to somebody who is signed in.
fn signed_in(stage: &Stage, token: &str) {
    let end = jiff::Timestamp::now().as_second() + 3600;
    let answer = format!(r#"{{"accessToken":"{token}","expires_on":{end},"tokenType":"Bearer"}}"#);
    stage.write("bin/az", &format!("#!/bin/sh\necho '{answer}'\n"));
    let az = stage.path().join("bin/az");
    fs::set_permissions(az, fs::Permissions::from_mode(0o755)).expect("set");
}

fn run(stage: &Stage, line: &[&str]) -> Session {
    let path = format!("{}:/usr/bin:/bin", stage.path().join("bin").display());
    stage.run_with(
        line,
        &[
            ("PATH", path.into()),
            ("RUST_LOG", "trace".into()),
            ("LEEWARD_CREDENTIAL", "azure-cli".into()),
        ],
    )
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn a_failover_at_the_finest_log_level_leaves_its_token_in_no_stream_journal_or_report() {
    let stage = Stage::new();
    stage.copy_runbook("minimal", &[]);
    signed_in(&stage, TOKEN);
    let simulator = stage.simulator("minimal/runbook.yaml", 60, &[]);
    let there = simulator.endpoint();
    let failover = run(
        &stage,
        &[
            "failover",
            "minimal/runbook.yaml",
            "--endpoint",
            there,
            "--yes",
            "--no-wait",
        ],
    );
    assert!(
        failover.stderr.contains("TRACE")
            && failover.stderr.contains("returning") | failover.stderr.contains("Request"),
        "nothing was logged: the test proves nothing\n{}",
        failover.whole()
    );
    // Every step that needs no person was done as whoever the token says.
    assert!(
        failover.stdout.contains("r-20") || failover.stderr.contains("r-20"),
        "{}",
        failover.whole()
    );
    let mut sessions = vec![failover];
    for line in [
        vec!["status", "--format", "json"],
        vec!["report", "--format", "markdown"],
        vec!["report", "--format", "json"],
        vec!["config"],
    ] {
        sessions.push(run(&stage, &line));
    }
    for session in &sessions {
        assert!(
            !session.whole().contains(TOKEN),
            "`leeward {}` shows the token",
            session.line
        );
        let whole = session.whole();
        // (The vendor's builders log what they are given: a placeholder.)
        let header = whole
            .lines()
            .find(|line| line.contains("Bearer ") && !line.contains("Bearer placeholder"));
        assert!(
            header.is_none(),
            "`leeward {}` shows a header: {header:?}",
            session.line
        );
    }
    // The journal, and whatever else was written.
    let mut all = Vec::new();
    files(stage.path(), &mut all);
    assert!(all.iter().any(|path| path.ends_with("runs.journal")), "{all:?}");
    for path in all {
        let own = path.ends_with("bin/az");
        let bytes = fs::read(&path).expect("read");
        let found = bytes
            .windows(TOKEN.len())
            .any(|window| window == TOKEN.as_bytes());
        assert!(own || !found, "the token stands in {}", path.display());
    }
}

#[test]
fn a_credential_that_gives_no_token_is_told_before_anything_is_begun() {
    let stage = Stage::new();
    stage.copy_runbook("minimal", &[]);
    stage.write(
        "bin/az",
        "#!/bin/sh\necho 'ERROR: Please run az login' >&2\nexit 1\n",
    );
    let az = stage.path().join("bin/az");
    fs::set_permissions(az, fs::Permissions::from_mode(0o755)).expect("set");
    let simulator = stage.simulator("minimal/runbook.yaml", 60, &[]);
    let failover = run(
        &stage,
        &[
            "failover",
            "minimal/runbook.yaml",
            "--endpoint",
            simulator.endpoint(),
            "--yes",
        ],
    );
    let failover = failover.ended(2).saying("LW0601").saying("az login");
    assert!(
        !stage.path().join("runs.journal").exists(),
        "{}",
        failover.whole()
    );
}
