//! Does the whole example platform move, whatever has happened to the region that serves?

use leeward_acceptance::stage::{Book, Played, Stage, rehearse, seeds};
use leeward_cli::{exit::Exit, rehearsal::Outage, report};
use leeward_engine::{event::Event, view::StepWord};
use leeward_runbook::journey::Journey;
use leeward_simulator::Entry;

const BOOKS: [&str; 3] = ["minimal", "sql-only", "interworks-platform"];

fn played(book: &str, outage: Outage, seed: u64) -> (Stage, Played) {
    rehearse(async {
        let (mut stage, planned) = Book::open(book).stage(Journey::Failover, outage, seed);
        let played = stage.play(&planned).await;
        (stage, played)
    })
}

fn every_step_is_done(played: &Played) -> bool {
    played.view.steps.iter().all(|step| step.state == StepWord::Done)
}

fn rung_of<'a>(played: &'a Played, step: &str) -> &'a str {
    let row = played
        .view
        .losses
        .iter()
        .find(|row| row.step.as_str() == step && row.used);
    row.map_or("none", |row| row.rung.as_str())
}

#[test]
fn with_both_regions_up_everything_moves_as_planned_and_nothing_is_degraded() {
    for book in BOOKS {
        for seed in seeds(2) {
            let (_, played) = played(book, Outage::BothUp, seed);
            let tale = played.tale();
            assert!(every_step_is_done(&played), "{book}, seed {seed}: {tale}");
            assert_eq!(played.exit(), Exit::Holds.code(), "{book}, seed {seed}: {tale}");
            assert_eq!(played.view.degradations, [""; 0], "{book}, seed {seed}");
            let sql = if book == "minimal" {
                "database"
            } else {
                "platform-sql"
            };
            assert_eq!(rung_of(&played, sql), "planned", "{book}, seed {seed}");
        }
    }
}

#[test]
fn a_region_that_does_not_serve_is_left_by_force_and_every_step_is_done() {
    for book in BOOKS {
        for seed in seeds(2) {
            let (_, played) = played(book, Outage::ServingDown, seed);
            let tale = played.tale();
            assert!(every_step_is_done(&played), "{book}, seed {seed}: {tale}");
            assert_eq!(played.exit(), Exit::Holds.code(), "{book}, seed {seed}: {tale}");
            let sql = if book == "minimal" {
                "database"
            } else {
                "platform-sql"
            };
            assert_eq!(rung_of(&played, sql), "forced", "{book}, seed {seed}");
        }
    }
}

#[test]
fn a_region_that_is_gone_keeps_nothing_from_recovery_but_the_account_that_it_alone_can_move() {
    for seed in seeds(2) {
        let (_, played) = played("interworks-platform", Outage::RegionGone, seed);
        let tale = played.tale();
        for step in &played.view.steps {
            let account = step.id.as_str() == "archive-account";
            assert_eq!(
                step.state == StepWord::Done,
                !account,
                "seed {seed}, {}: {tale}",
                step.id
            );
        }
        assert_eq!(played.exit(), Exit::Degraded.code(), "seed {seed}: {tale}");
        let [reason] = played.view.degradations.as_slice() else {
            panic!("seed {seed}: one degradation and no other: {tale}");
        };
        assert!(reason.starts_with("archive-account: "), "seed {seed}: {reason}");
        assert!(
            reason.len() > "archive-account: ".len() + 10,
            "seed {seed}: {reason}"
        );
    }
}

#[test]
fn the_smaller_runbooks_do_not_need_the_region_that_is_gone_at_all() {
    for book in ["minimal", "sql-only"] {
        for seed in seeds(2) {
            let (_, played) = played(book, Outage::RegionGone, seed);
            let tale = played.tale();
            assert!(every_step_is_done(&played), "{book}, seed {seed}: {tale}");
            assert_eq!(played.exit(), Exit::Holds.code(), "{book}, seed {seed}: {tale}");
        }
    }
}

#[test]
fn no_request_goes_to_a_region_that_is_down_before_recovery() {
    for outage in [Outage::ServingDown, Outage::RegionGone] {
        for book in BOOKS {
            for seed in seeds(2) {
                let (stage, played) = played(book, outage, seed);
                let recovered = played
                    .records
                    .iter()
                    .find(|record| matches!(record.body.event, Event::RecoveryReached))
                    .unwrap_or_else(|| panic!("{book}, seed {seed}: {}", played.tale()));
                let region = played.view.source.region.as_str();
                let asked: Vec<Entry> = stage
                    .simulator
                    .requests()
                    .into_iter()
                    .filter(|entry| entry.region.as_deref() == Some(region))
                    .filter(|entry| entry.time < recovered.body.at)
                    .collect();
                assert!(asked.is_empty(), "{book}, {outage:?}, seed {seed}: {asked:#?}");
                // The log knows regions at all, and those of what is asked outside the control plane.
                let other = played.view.target.region.as_str();
                let there = stage.simulator.requests();
                assert!(
                    there.iter().any(|entry| entry.region.as_deref() == Some(other)),
                    "{book}"
                );
                let outside = there.iter().filter(|entry| entry.path.starts_with("https://"));
                let mut outside = outside.filter(|entry| !entry.changing).peekable();
                assert!(
                    outside.peek().is_none() || outside.any(|entry| entry.region.as_deref() == Some(other)),
                    "{book}: {there:#?}"
                );
            }
        }
    }
}

#[test]
fn the_report_tells_rto_and_the_loss_of_each_store_with_its_source_and_unknown_where_azure_tells_nothing() {
    for outage in [Outage::BothUp, Outage::ServingDown, Outage::RegionGone] {
        let (_, played) = played("interworks-platform", outage, 1);
        let view = &played.view;
        assert!(view.objectives.rto_taken.is_some(), "{outage:?}");
        assert_eq!(view.objectives.rto_missed, Some(false), "{outage:?}");
        let unknown = |step: &str| {
            let mut rows = view
                .losses
                .iter()
                .filter(|row| row.step.as_str() == step)
                .peekable();
            assert!(rows.peek().is_some(), "{outage:?}: {step} has no row");
            rows.all(|row| row.figure == leeward_engine::work::Figure::Unknown)
        };
        // Object replication tells no lag, and the lag of SQL is T-SQL on the primary.
        assert!(
            unknown("media-files") && unknown("customer-documents"),
            "{outage:?}"
        );
        assert_eq!(unknown("platform-sql"), outage != Outage::BothUp, "{outage:?}");
        assert!(
            !unknown("message-brokers") && !unknown("billing-database"),
            "{outage:?}"
        );
        for row in &view.losses {
            assert!(!row.source.is_empty(), "{outage:?}: {} has no source", row.store);
        }
        let text = report::markdown(view);
        assert!(text.contains("RTO") && text.contains("RPO"), "{outage:?}: {text}");
        for row in &view.losses {
            assert!(
                text.contains(row.store.rsplit('/').next().unwrap_or_default()),
                "{}: {text}",
                row.store
            );
        }
        let json = report::json(view).expect("a report in JSON");
        assert!(
            json.contains("\"source\": \"object replication"),
            "{outage:?}: {json}"
        );
    }
}

#[test]
fn a_platform_moves_where_every_list_comes_in_short_pages() {
    let moved = |pages: Option<usize>| {
        rehearse(async {
            let book = Book::open("interworks-platform");
            let planned = book.plan(Journey::Failover, Outage::BothUp);
            let mut world = book.world(&planned, Outage::BothUp);
            world.page_size = pages;
            let mut stage = Stage::new(world, 1);
            let played = stage.play(&planned).await;
            assert_eq!(played.exit(), Exit::Holds.code(), "{}", played.tale());
            let asked = stage.simulator.requests();
            let further = asked
                .iter()
                .filter(|entry| entry.query.contains("$skiptoken="))
                .count();
            (stage.accepted().len(), further)
        })
    };
    let (whole, none) = moved(None);
    // Each page counts against the vault's 150 reads an hour: in pages of one, 15 machines would use them up.
    let (paged, some) = moved(Some(4));
    assert_eq!((whole, none), (paged, 0));
    assert!(some > 10, "only {some} further pages were asked for");
}

#[test]
fn the_same_seed_writes_the_same_journal_to_the_byte() {
    let lines = |played: &Played| -> Vec<String> {
        played.records.iter().map(|record| record.line.clone()).collect()
    };
    for seed in seeds(1) {
        let (_, one) = played("interworks-platform", Outage::ServingDown, seed);
        let (_, other) = played("interworks-platform", Outage::ServingDown, seed);
        assert_eq!(lines(&one), lines(&other), "seed {seed}");
    }
}
