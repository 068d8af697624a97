//! The verbs that look at a journal or write into a run's inbox, as processes.

use std::{collections::BTreeMap, path::Path, time::Duration};

use assert_cmd::Command;
use jiff::Timestamp;
use leeward_engine::{
    event::{Event, Known, Outcome, Person, RunOptions, StepEvent},
    id::RunId,
    port::{Holder, JournalStore, LeasePolicy, RunHeader},
    record::{Chain, JOURNAL_FORMAT},
};
use leeward_runbook::{
    journey::{Journey, Region, Side},
    plan::{Objectives, OnFailure, PLAN_FORMAT, Plan, PlannedStep, Retry, StepId},
};
use leeward_store::SqliteStore;
use serde_json::json;

const RUN: &str = "r-20261124-080000-1a2b";

fn step(id: &str, kind: &str, after: &[&str]) -> PlannedStep {
    PlannedStep {
        id: StepId::new(id),
        kind: kind.to_owned(),
        summary: None,
        after: after.iter().map(StepId::new).collect(),
        when: None,
        settings: json!({}),
        source: json!(null),
        target: json!(null),
        data_loss: None,
        timeout: Duration::from_secs(600),
        retry: Retry {
            attempts: 3,
            backoff_from: Duration::from_secs(5),
            backoff_to: Duration::from_secs(60),
        },
        goal: None,
        repeat_safe: false,
        on_failure: OnFailure::Block,
        verify: Vec::new(),
        ends_recovery: id == "serving",
        before_recovery: true,
        critical: true,
        forecast: Duration::from_secs(60),
        remaining: Duration::from_secs(120),
    }
}

fn plan() -> Plan {
    let region = |side, region: &str| Region {
        side,
        region: region.to_owned(),
    };
    Plan {
        format: PLAN_FORMAT,
        runbook: "minimal".to_owned(),
        summary: "One gate and one check.".to_owned(),
        journey: Journey::Failover,
        source: region(Side::Primary, "westeurope"),
        target: region(Side::Paired, "northeurope"),
        region_down: false,
        objectives: Objectives {
            rto: Some(Duration::from_secs(1800)),
            rpo: None,
        },
        parameters: BTreeMap::new(),
        steps: vec![
            step("decide", "gate.approval", &[]).into(),
            step("serving", "check.http", &["decide"]).into(),
        ],
        files: BTreeMap::new(),
        critical_path: vec![StepId::new("decide"), StepId::new("serving")],
        forecast: Duration::from_secs(120),
    }
}

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a moment");
    Timestamp::from_second(start.as_second() + seconds).expect("a moment")
}

fn holder() -> Holder {
    Holder {
        user: "maria".to_owned(),
        host: "laptop-7".to_owned(),
        process: 4711,
        process_start: "1".to_owned(),
        boot: "b".to_owned(),
    }
}

/// A run of the past.
struct Past {
    run: &'static str,
    journey: Journey,
    /// How far it came.
    end: End,
    /// The drill that had to yield to it.
    evicted: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It waits at its gate and nobody conducts it.
    AtGate,
    /// The same, and somebody holds its lease.
    Held,
    /// It is under way, and asks nobody.
    UnderWay,
    /// A newer version of Leeward began it.
    Newer,
    /// It was cancelled at its gate.
    Cancelled,
    /// It was refused its targets.
    Refused,
}

/// Writes the one run that waits at its gate. `over` ends it; `held` leaves the lease with its holder.
fn written(file: &Path, over: bool, held: bool) {
    let end = match (over, held) {
        (true, _) => End::Cancelled,
        (false, true) => End::Held,
        (false, false) => End::AtGate,
    };
    let past = Past {
        run: RUN,
        journey: Journey::Failover,
        end,
        evicted: None,
    };
    record(file, 0, &past);
}

/// Writes a run that began so many hours after the first.
fn record(file: &Path, hours: i64, past: &Past) {
    let at = |seconds| at(hours * 3600 + seconds);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(file).expect("opened");
        let plan = Plan {
            journey: past.journey,
            ..plan()
        };
        let maria = Person {
            name: "maria".to_owned(),
            known: Known::Stated,
        };
        let header = RunHeader {
            run: RunId(past.run.to_owned()),
            runbook: plan.runbook.clone(),
            journey: plan.journey,
            plan_digest: plan.digest(),
            created: at(0),
        };
        let mut journal = store.create(&header, &[], &holder()).await.expect("created");
        let epoch = journal.epoch();
        let gate = |change| Event::Step {
            step: StepId::new("decide"),
            change,
        };
        let mut events = vec![
            Event::RunOpened {
                format: match past.end {
                    End::Newer => JOURNAL_FORMAT + 1,
                    _ => JOURNAL_FORMAT,
                },
                version: "0.1.0".to_owned(),
                run: header.run.clone(),
                plan: std::sync::Arc::new(plan),
                options: RunOptions {
                    declared_at: at(0),
                    parallel: None,
                    rehearsal: false,
                },
                by: maria,
            },
            Event::LeaseTaken {
                epoch,
                holder: holder(),
                from: None,
            },
        ];
        let ended = Event::RunEnded {
            outcome: Outcome::Cancelled,
        };
        if past.end == End::Refused {
            let reason = "its targets are held by another run".to_owned();
            events.extend([Event::Cancelled { reason }, ended]);
        } else {
            let drills = past.evicted.map(|drill| RunId(drill.to_owned()));
            events.extend([
                Event::TargetsClaimed {
                    targets: 1,
                    evicted: drills.into_iter().collect(),
                    clean: Vec::new(),
                },
                gate(StepEvent::BecameReady),
                gate(StepEvent::GateReached {
                    asks: "a second person confirms the move".to_owned(),
                    until: None,
                }),
            ]);
            if past.end == End::UnderWay {
                events.pop();
            }
            if past.end == End::Cancelled {
                events.extend([
                    Event::Cancelled {
                        reason: "false alarm".to_owned(),
                    },
                    gate(StepEvent::Cancelled),
                    Event::Step {
                        step: StepId::new("serving"),
                        change: StepEvent::Cancelled,
                    },
                    ended,
                ]);
            }
        }
        let mut chain = Chain::default();
        let mut records = Vec::new();
        for (second, event) in events.into_iter().enumerate() {
            let moment = at(i64::try_from(second).expect("few") * 10);
            records.push(chain.next(epoch, moment, event).expect("sealed"));
        }
        journal.append(&records).await.expect("appended");
        if past.end != End::Held {
            journal.close().await.expect("closed");
        }
    });
}

/// Returns how many commands were sent to the one run.
fn sent(file: &Path) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(file).expect("opened");
        let run = RunId(RUN.to_owned());
        let mut opened = store
            .open(&run, &holder(), LeasePolicy::TakeOver)
            .await
            .expect("opened");
        opened.journal.inbox().await.expect("read").len()
    })
}

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

/// Lets a run hold a target, whatever its journal says, as an earlier version could leave it.
fn holding(file: &Path, run: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(file).expect("opened");
        let targets = ["/subscriptions/s/sql".to_owned()];
        let run = RunId(run.to_owned());
        store
            .claim(&run, Journey::Failover, &targets, at(10))
            .await
            .expect("claimed");
    });
}

/// Returns what is held in a journal.
fn held(file: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(file).expect("opened");
        let claims = store.claims().await.expect("claims");
        claims.into_iter().map(|claim| claim.target).collect()
    })
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

/// Makes a run whose journal nobody can go on with: its first record does not open it.
fn unreadable(file: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let long_ago = std::sync::Arc::new(|| at(0));
        let settings = leeward_store::Settings {
            now: long_ago,
            ..Default::default()
        };
        let store = SqliteStore::open_with(file, settings).expect("opened");
        let header = RunHeader {
            run: RunId(RUN.to_owned()),
            runbook: "sheltered".to_owned(),
            journey: Journey::Failover,
            plan_digest: "d1".to_owned(),
            created: at(0),
        };
        let mut journal = store.create(&header, &[], &holder()).await.expect("created");
        let record = Chain::default().next(1, at(0), Event::Paused).expect("sealed");
        journal.append(&[record]).await.expect("appended");
    });
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
