//! The verbs that look at a journal or write into a run's inbox, as processes.

use std::path::Path;

use assert_cmd::Command;
use leeward_engine::{event::Event, id::RunId, port::JournalStore};
use leeward_runbook::journey::Journey;
use leeward_store::SqliteStore;

#[path = "support/past.rs"]
mod past;

use past::{End, Past, RUN, held, holding, record, sent, unreadable, written};

fn leeward(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("leeward").expect("the binary is built");
    command
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("USER", "joris")
        .env("LEEWARD_JOURNAL", folder.join("runs.journal"));
    command
}

/// Runs a command line and returns what came of it in one text, without what differs each time.
fn session(folder: &Path, line: &[&str]) -> String {
    let output = leeward(folder).args(line).output().expect("it ran");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder.display().to_string(), "FOLDER");
    let whole = format!(
        "leeward {}\nexit {}\n--- stdout\n{}--- stderr\n{}",
        line.join(" "),
        output.status.code().expect("a code"),
        text(&output.stdout),
        text(&output.stderr)
    );
    let mut calm = String::new();
    for line in whole.lines() {
        // Who has been silent for how long, and a command's random name, are of this moment.
        let line = match line.split_once("silent for ") {
            Some((before, _)) => format!("{before}silent for A WHILE"),
            None => line.to_owned(),
        };
        let line = match line.split_once("\"command\":\"c-") {
            Some((before, after)) => format!("{before}\"command\":\"c-…{}", &after[32..]),
            None => line,
        };
        calm.push_str(&line);
        calm.push('\n');
    }
    calm
}

macro_rules! shown {
    ($name:literal, $text:expr) => {
        insta::with_settings!({filters => vec![
            (r"RTO +.* so far", "RTO  SOME TIME so far"),
            (r"missed by [^,\n]*", "missed by SOME TIME"),
            (r"at a gate +\d+[hms0-9 ]*", "at a gate  SOME TIME  "),
            (r"for +what", "for        what"),
            (r"waiting +waits", "waiting               waits"),
            (r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, for [0-9dhms ]+", "since THEN, for A WHILE"),
            (r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "since THEN"),
            (r"last heartbeat \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "last heartbeat THEN"),
            ("\"(since|heartbeat)\": \"[^\"]*\"", "\"$1\": \"THEN\""),
        ]}, { insta::assert_snapshot!($name, $text) });
    };
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn without_a_journal_every_look_ends_with_2_and_what_to_do() {
    let home = folder();
    for line in [
        &["status"][..],
        &["runs"],
        &["report"],
        &["resume"],
        &["approve"],
        &["pause"],
    ] {
        let text = session(home.path(), line);
        assert!(
            text.contains("\nexit 2\n") && text.contains("error[LW0401]"),
            "{text}"
        );
    }
    shown!("no-journal", session(home.path(), &["status"]));
}

#[test]
fn a_run_at_a_gate_is_listed_shown_and_reported() {
    let home = folder();
    written(&home.path().join("runs.journal"), false, false);
    shown!("runs", session(home.path(), &["runs"]));
    shown!("runs-json", session(home.path(), &["runs", "--format", "json"]));
    shown!("status", session(home.path(), &["status", RUN]));
    shown!("report", session(home.path(), &["report", RUN]));
    shown!(
        "report-human",
        session(home.path(), &["report", RUN, "--format", "human"])
    );
    let code = leeward(home.path())
        .args(["status", "--exit-code"])
        .output()
        .expect("it ran")
        .status
        .code();
    assert_eq!(code, Some(22));
}

#[test]
fn a_report_can_go_to_a_file() {
    let home = folder();
    written(&home.path().join("runs.journal"), true, false);
    let text = session(
        home.path(),
        &["report", "--format", "json", "--output", "report.json"],
    );
    assert!(
        text.contains("exit 0") && text.contains("Written to report.json"),
        "{text}"
    );
    let report = std::fs::read_to_string(home.path().join("report.json")).expect("written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["format"], "leeward-report");
    assert_eq!(report["exit"], 20);
}

#[test]
fn commands_wait_in_the_inbox_of_a_run_that_nobody_conducts() {
    let home = folder();
    written(&home.path().join("runs.journal"), false, false);
    let folder = home.path();
    shown!(
        "approve",
        session(folder, &["approve", "decide", "--reason", "INC-1042"])
    );
    shown!("pause", session(folder, &["pause", RUN]));
    shown!("unpause", session(folder, &["pause", "--off"]));
    shown!("retry", session(folder, &["retry", RUN, "decide"]));
    shown!(
        "skip",
        session(folder, &["skip", "serving", "--reason", "seen by hand"])
    );
    shown!(
        "settle",
        session(
            folder,
            &["settle", RUN, "serving", "--as", "done", "--reason", "seen"]
        )
    );
    shown!(
        "cancel-json",
        session(folder, &["cancel", "--reason", "false alarm", "--format", "json"])
    );
}

#[test]
fn a_word_that_is_no_run_stops_nobody_elses_failover() {
    let home = tempfile::tempdir().expect("a folder");
    let journal = home.path().join("runs.journal");
    written(&journal, false, false);
    let lines: [&[&str]; 8] = [
        &["cancel", "r-2026112", "--reason", "old drill"],
        &["cancel", "decide", "--reason", "old drill"],
        &["pause", "r-20261124-080000-1a2c"],
        &["pause", "--off", "drill"],
        &["skip", "decide", "serving", "--reason", "not needed"],
        &["retry", "serving", "decide"],
        &["settle", "decide", "serving", "--as", "done", "--reason", "seen"],
        &["approve", "decide", "serving"],
    ];
    for line in lines {
        let shown = session(home.path(), line);
        assert!(
            shown.contains("exit 2\n") && shown.contains("error[LW0402]"),
            "{shown}"
        );
        let meant = ["r-2026112", "r-20261124-080000-1a2c"].contains(&line[1]);
        assert_eq!(
            shown.contains(&format!("did you mean `{RUN}`?")),
            meant,
            "{shown}"
        );
    }
    assert_eq!(sent(&journal), 0);
}

#[test]
fn commands_that_cannot_be_meant_are_refused() {
    let home = folder();
    written(&home.path().join("runs.journal"), false, false);
    let folder = home.path();
    shown!("wrong-step", session(folder, &["retry", "decode"]));
    shown!("no-step", session(folder, &["retry", RUN]));
    shown!(
        "wrong-run",
        session(folder, &["status", "r-20250101-000000-0000"])
    );
    shown!(
        "empty-reason",
        session(folder, &["skip", "decide", "--reason", " "])
    );
    shown!("other-plan", session(folder, &["approve", "--plan", "00000000"]));
}

#[test]
fn a_run_that_is_over_takes_no_command() {
    let home = folder();
    written(&home.path().join("runs.journal"), true, false);
    shown!("over", session(home.path(), &["approve", RUN]));
    shown!("nothing-unfinished", session(home.path(), &["resume"]));
}

#[test]
fn a_run_whose_conductor_is_silent_says_so() {
    let home = folder();
    written(&home.path().join("runs.journal"), false, true);
    let text = session(home.path(), &["pause", RUN]);
    assert!(text.contains("laptop-7"), "{text}");
    shown!("status-held", session(home.path(), &["status"]));
}

#[test]
fn a_drill_that_had_to_yield_is_not_taken_for_the_unfinished_run() {
    let home = folder();
    let file = home.path().join("runs.journal");
    let drill = Past {
        run: "r-20261124-070000-d411",
        journey: Journey::Drill,
        end: End::AtGate,
        evicted: None,
    };
    let mut failover = Past {
        run: RUN,
        journey: Journey::Failover,
        end: End::Cancelled,
        evicted: Some(drill.run),
    };
    record(&file, 0, &drill);
    record(&file, 1, &failover);
    shown!("yielded-runs", session(home.path(), &["runs"]));
    shown!("yielded-resume", session(home.path(), &["resume"]));
    let status = session(home.path(), &["status"]);
    assert!(status.contains(&format!("Run        {RUN}")), "{status}");
    let named = session(home.path(), &["status", drill.run]);
    assert!(named.contains(drill.run), "{named}");
    // An older failover that still waits is the one that is meant.
    let home = folder();
    let file = home.path().join("runs.journal");
    failover.end = End::AtGate;
    record(&file, 1, &failover);
    record(
        &file,
        2,
        &Past {
            run: "r-20261124-100000-d412",
            ..drill
        },
    );
    let newest = session(home.path(), &["status"]);
    assert!(
        newest.contains("r-20261124-100000-d412"),
        "a drill that did not yield: {newest}"
    );
}

#[test]
fn a_run_that_was_refused_its_targets_does_not_hide_the_one_that_holds_them() {
    let refused = Past {
        run: "r-20261124-090000-00ff",
        journey: Journey::Failover,
        end: End::Refused,
        evicted: None,
    };
    for over in [false, true] {
        let home = folder();
        let file = home.path().join("runs.journal");
        written(&file, over, false);
        record(&file, 1, &refused);
        for verb in ["status", "report"] {
            let text = session(home.path(), &[verb]);
            assert!(
                text.contains(RUN) && !text.contains(refused.run),
                "{verb}: {text}"
            );
        }
    }
    // Alone it is still shown.
    let home = folder();
    record(&home.path().join("runs.journal"), 1, &refused);
    for verb in ["status", "report"] {
        let text = session(home.path(), &[verb]);
        assert!(text.contains(refused.run), "{verb}: {text}");
    }
}

#[test]
fn a_run_that_is_over_gives_back_what_it_still_holds_when_it_is_resumed() {
    let home = folder();
    let file = home.path().join("runs.journal");
    written(&file, true, false);
    holding(&file, RUN);
    assert_eq!(held(&file).len(), 1);
    let text = session(home.path(), &["resume", RUN]);
    assert!(text.contains("It is over already."), "{text}");
    assert!(held(&file).is_empty());
}

#[test]
fn the_targets_of_a_run_whose_journal_cannot_be_read_are_given_back_on_a_persons_word() {
    let home = folder();
    let file = home.path().join("runs.journal");
    unreadable(&file);
    holding(&file, RUN);
    let line = ["unlock", RUN, "--reason", "INC-1042"];
    shown!("unlock-not-confirmed", session(home.path(), &line));
    assert_eq!(held(&file).len(), 1, "nobody agreed");
    shown!(
        "unlock-unreadable",
        session(home.path(), &[&line[..], &["--yes"]].concat())
    );
    assert!(held(&file).is_empty());
    shown!(
        "unlock-nothing",
        session(home.path(), &[&line[..], &["--yes"]].concat())
    );
}

#[test]
fn the_targets_of_a_run_that_somebody_conducts_are_not_given_back() {
    let home = folder();
    let file = home.path().join("runs.journal");
    written(&file, false, true);
    holding(&file, RUN);
    let text = session(home.path(), &["unlock", RUN, "--reason", "INC-1042", "--yes"]);
    assert!(
        text.contains("\nexit 23\n") && text.contains("its targets are in use"),
        "{text}"
    );
    assert_eq!(held(&file).len(), 1);
}

#[test]
fn who_gave_a_runs_targets_back_and_why_is_in_its_journal() {
    let home = folder();
    let file = home.path().join("runs.journal");
    written(&file, false, false);
    holding(&file, RUN);
    let text = session(home.path(), &["unlock", RUN, "--reason", "INC-1042", "--yes"]);
    assert!(text.contains("\nexit 0\n"), "{text}");
    assert!(held(&file).is_empty());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let records = runtime.block_on(async {
        let store = SqliteStore::open(&file).expect("opened");
        store
            .read(&RunId(RUN.to_owned()), 1)
            .await
            .expect("a sound journal")
    });
    let last = &records.last().expect("records").body.event;
    assert!(
        matches!(last, Event::ClaimsReleased { by, reason } if by.name == "joris" && reason == "INC-1042"),
        "{last:?}"
    );
    // The run can still be looked at, and commanded.
    let status = session(home.path(), &["status", RUN]);
    assert!(status.contains("\nexit 0\n"), "{status}");
}

#[test]
fn nobody_agrees_to_a_gate_that_is_not_reached_without_naming_it() {
    let home = folder();
    let past = Past {
        run: RUN,
        journey: Journey::Failover,
        end: End::UnderWay,
        evicted: None,
    };
    record(&home.path().join("runs.journal"), 0, &past);
    shown!(
        "approve-nothing-waits",
        session(home.path(), &["approve", "--reason", "INC-1042"])
    );
    let named = session(home.path(), &["approve", "decide", "--reason", "INC-1042"]);
    assert!(named.contains("\nexit 0\n"), "{named}");
}

#[test]
fn who_breaks_the_glass_is_shown_what_that_opens() {
    let home = folder();
    written(&home.path().join("runs.journal"), false, false);
    let line = ["approve", "--break-glass", "nobody else is awake"];
    shown!("approve-break-glass", session(home.path(), &line));
    let empty = session(home.path(), &["approve", "--break-glass", " "]);
    assert!(empty.contains("\nexit 2\n"), "{empty}");
}

#[test]
fn a_run_of_a_newer_version_is_named_as_that_and_hides_no_other() {
    let home = folder();
    let file = home.path().join("runs.journal");
    written(&file, false, false);
    let newer = Past {
        run: "r-20261124-090000-00ff",
        journey: Journey::Failover,
        end: End::Newer,
        evicted: None,
    };
    record(&file, 1, &newer);
    shown!("newer-resume", session(home.path(), &["resume", newer.run]));
    let status = session(home.path(), &["status"]);
    assert!(status.contains(&format!("Run        {RUN}")), "{status}");
    let runs = session(home.path(), &["runs"]);
    assert!(runs.contains(RUN) && runs.contains(newer.run), "{runs}");
}
