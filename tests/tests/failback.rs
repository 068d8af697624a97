//! Does the same runbook bring the platform home, from a move that was wanted and from one that was not?

use std::collections::BTreeSet;

use jiff::SignedDuration;
use leeward_acceptance::{
    roles::{Roles, roles},
    stage::{Book, Played, Stage, rehearse, seeds},
};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use leeward_simulator::world::{Health, Outage as RegionOutage, When};

const PLATFORM: &str = "interworks-platform";
const HOME: &str = "westeurope";
const AWAY: &str = "northeurope";

/// Opens a stage whose region that serves is down for half a day, as the outage says.
fn stage(book: &Book, outage: Outage, seed: u64) -> Stage {
    let planned = book.plan(Journey::Failover, outage);
    let mut world = book.world(&planned, Outage::BothUp);
    let is = match outage {
        Outage::BothUp => return Stage::new(world, seed),
        Outage::ServingDown => Health::NotServing,
        Outage::RegionGone => Health::Gone,
    };
    world.outage(
        HOME,
        RegionOutage {
            is,
            from: When::default(),
            until: Some(When::After(SignedDuration::from_hours(12))),
        },
    );
    Stage::new(world, seed)
}

fn only(region: &str) -> BTreeSet<String> {
    BTreeSet::from([region.to_owned()])
}

/// Insists that everything serves from one region.
fn all_serve_from(region: &str, roles: &Roles, told: &str) {
    for (what, regions) in roles {
        assert_eq!(*regions, only(region), "{what}: {told}\n{roles:#?}");
    }
}

fn done(played: &Played, told: &str) {
    assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
    assert_eq!(played.view.degradations, [""; 0], "{told}");
    for step in &played.view.steps {
        assert_eq!(step.state, StepWord::Done, "{}: {told}", step.id);
    }
}

/// Lets the outage end and the simulated replication turn round.
async fn turned_round(stage: &Stage) {
    stage.settle().await;
    stage.simulator.turn_round();
    stage.settle().await;
}

/// Plays the way out and the way home, and tells what served from where before, between and after.
async fn there_and_back(name: &str, outage: Outage, seed: u64) -> [Roles; 4] {
    let book = Book::open(name);
    let start = roles(&self::stage(&book, Outage::BothUp, seed).simulator);
    let mut stage = stage(&book, outage, seed);
    let gone = stage.play(&book.plan(Journey::Failover, outage)).await;
    let told = format!("{name}, {outage:?}, seed {seed}, out: {}", gone.tale());
    match (outage, name) {
        // The one account that only its own region can move stays, and the run says so.
        (Outage::RegionGone, PLATFORM) => assert_eq!(gone.exit(), Exit::Degraded.code(), "{told}"),
        _ => done(&gone, &told),
    }
    let away = roles(&stage.simulator);
    turned_round(&stage).await;
    let between = roles(&stage.simulator);
    let home = stage.play(&book.plan(Journey::Failback, Outage::BothUp)).await;
    let told = format!("{name}, {outage:?}, seed {seed}, home: {}", home.tale());
    done(&home, &told);
    turned_round(&stage).await;
    [start, away, between, roles(&stage.simulator)]
}

#[test]
fn the_same_runbook_brings_every_platform_home_after_replication_was_turned_round() {
    for name in ["minimal", "sql-only", PLATFORM] {
        for seed in seeds(2) {
            comes_home(name, Outage::BothUp, seed);
        }
    }
}

#[test]
fn a_platform_that_left_a_region_that_did_not_serve_comes_home_once_it_serves_again() {
    for name in ["minimal", "sql-only", PLATFORM] {
        comes_home(name, Outage::ServingDown, 1);
    }
}

#[test]
fn a_platform_that_left_a_region_that_was_gone_comes_home_once_it_is_back() {
    for name in ["minimal", "sql-only", PLATFORM] {
        comes_home(name, Outage::RegionGone, 1);
    }
}

fn comes_home(name: &str, outage: Outage, seed: u64) {
    let [start, mut away, between, home] = rehearse(there_and_back(name, outage, seed));
    let told = format!("{name}, {outage:?}, seed {seed}");
    all_serve_from(HOME, &start, &told);
    assert!(start.len() >= 2, "{told}: {start:#?}");
    if name == PLATFORM {
        let count = |what: &str| start.keys().filter(|key| key.starts_with(what)).count();
        let all = ["group ", "store ", "machine ", "cluster ", "customers"].map(count);
        assert_eq!(all, [1, 3, 15, 2, 1], "{told}: {start:#?}");
    }
    let cluster = |what: &str| what.starts_with("cluster ");
    if outage == Outage::BothUp {
        // The old cluster still stands in a region that is up, and the account that was copied from still takes
        // writes; customers are sent to the new ones.
        let pair = |what: &str| ["store stmedia", "store stdocuments"].contains(&what);
        for (what, regions) in away.iter_mut().filter(|(what, _)| cluster(what) || pair(what)) {
            assert!(regions.remove(HOME), "{what}: {told}");
        }
    }
    if (name, outage) == (PLATFORM, Outage::RegionGone) {
        let archive = away.remove("store starchiveplatform");
        assert_eq!(archive, Some(BTreeSet::new()), "{told}: it is where nobody is");
    }
    all_serve_from(AWAY, &away, &told);
    let both = BTreeSet::from([HOME.to_owned(), AWAY.to_owned()]);
    for (what, regions) in &home {
        // The cluster of the paired region is nobody's to delete; the one at home stands beside it.
        let wanted = if cluster(what) {
            Some(&both)
        } else {
            start.get(what)
        };
        assert_eq!(Some(regions), wanted, "{what}: {told}\n{home:#?}");
    }
    assert_eq!(home.len(), start.len(), "{told}: {home:#?}");
    // Nobody is sent home before the runbook does it.
    let sent = start.contains_key("customers").then(|| only(AWAY));
    assert_eq!(between.get("customers"), sent.as_ref(), "{told}");
}
