//! Does a drill leave everything as it found it, and never stand in the way of the real thing?

use leeward_acceptance::stage::{
    Book, Played, Stage, differences, exhaustive, groups, rehearse, resources, rules, seeds, tells_a_time,
};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::{
    event::{Event, OperationEvent},
    view::StepWord,
};
use leeward_runbook::journey::Journey;
use serde_json::json;

const BOOK: &str = "interworks-platform";

/// Picks some record after the first one, another for each seed.
fn some_record(seed: u64, last: usize) -> u64 {
    let drawn = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    2 + drawn % (last as u64).saturating_sub(3).max(1)
}

async fn leaves_nothing(stage: &Stage, before: &leeward_simulator::World, told: &str) {
    stage.settle().await;
    let after = stage.simulator.world();
    let mut left = differences(&resources(before), &resources(&after));
    left.extend(differences(&groups(before), &groups(&after)));
    assert!(left.is_empty(), "{told}\n{}", left.join("\n"));
}

fn calm(seed: u64) -> Played {
    rehearse(async {
        let (mut stage, planned) = Book::open(BOOK).stage(Journey::Drill, Outage::BothUp, seed);
        stage.play(&planned).await
    })
}

#[test]
fn a_drill_of_every_platform_succeeds_and_leaves_the_world_as_it_found_it() {
    for name in ["minimal", "sql-only", BOOK] {
        for seed in seeds(2) {
            rehearse(async {
                let (mut stage, planned) = Book::open(name).stage(Journey::Drill, Outage::BothUp, seed);
                let before = stage.simulator.world();
                let played = stage.play(&planned).await;
                let told = format!("{name}, seed {seed}: {}", played.tale());
                assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
                assert_eq!(played.view.leftovers, [""; 0], "{told}");
                assert!(name != BOOK || stage.accepted().len() > 20, "{told}");
                leaves_nothing(&stage, &before, &told).await;
            });
        }
    }
}

#[test]
fn a_drill_that_is_killed_and_gone_on_with_leaves_the_world_as_it_found_it() {
    let last = calm(1).records.len();
    let cuts: Vec<u64> = match exhaustive() {
        true => (2..=last as u64).collect(),
        false => seeds(5).map(|seed| some_record(seed, last)).collect(),
    };
    for cut in cuts {
        rehearse(async {
            let (mut stage, planned) = Book::open(BOOK).stage(Journey::Drill, Outage::BothUp, 1);
            let before = stage.simulator.world();
            let played = stage.play_dying(&planned, &[cut]).await;
            let told = format!("cut {cut} of {last}: {}", played.tale());
            assert_eq!(played.deaths, 1, "{told}");
            // A message whose sender died is told at most once, and never again: that is all that may be lost.
            let lost = |word: &String| word.starts_with("tell-");
            assert!(played.view.degradations.iter().all(lost), "{told}");
            let expected = match played.view.degradations.is_empty() {
                true => Exit::Holds,
                false => Exit::Degraded,
            };
            assert_eq!(played.exit(), expected.code(), "{told}");
            leaves_nothing(&stage, &before, &told).await;
        });
    }
}

#[test]
fn a_drill_in_which_a_test_failover_fails_says_so_and_cleans_up_all_the_same() {
    for machine in ["vm-rabbit-2", "vm-storefront-1", "vm-admin-1"] {
        rehearse(async {
            let (mut stage, planned) = Book::open(BOOK).stage(Journey::Drill, Outage::BothUp, 1);
            let before = stage.simulator.world();
            stage.simulator.add_faults(rules(json!([{
                "match": { "path": format!("**/{machine}/testFailover"), "changing": true },
                "verdict": { "operation-fails": { "code": "AllocationFailed", "message": "no machine of this size is left" } },
            }])));
            let played = stage.play(&planned).await;
            let told = format!("{machine}: {}", played.tale());
            assert_eq!(played.exit(), Exit::Failed.code(), "{told}");
            leaves_nothing(&stage, &before, &told).await;
        });
    }
}

#[test]
fn a_drill_whose_cluster_cannot_be_made_cleans_up_all_the_same() {
    rehearse(async {
        let (mut stage, planned) = Book::open(BOOK).stage(Journey::Drill, Outage::BothUp, 1);
        let before = stage.simulator.world();
        stage.simulator.add_faults(rules(json!([{
            "match": { "method": "PUT", "path": "**/managedClusters/*", "nth": 1 },
            "verdict": { "operation-fails": { "code": "AllocationFailed", "message": "no node of this size is left" } },
        }])));
        let played = stage.play(&planned).await;
        let told = played.tale();
        let asked = stage.simulator.requests();
        let struck = asked.iter().filter(|entry| !entry.faults.is_empty()).count();
        assert_eq!(struck, 1, "{told}");
        assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
        leaves_nothing(&stage, &before, &told).await;
    });
}

/// Returns the clusters and machines that a drill makes, as they stand just before it cleans up.
fn drills_own() -> Vec<String> {
    let calm = calm(1);
    let cleans = calm.records.iter().find(|record| {
        matches!(&record.body.event, Event::Operation { operation, change: OperationEvent::Intended { .. }, .. }
            if operation.as_str().contains("clean"))
    });
    let cut = cleans.unwrap_or_else(|| panic!("{}", calm.tale())).body.seq;
    rehearse(async {
        let (mut stage, drill) = Book::open(BOOK).stage(Journey::Drill, Outage::BothUp, 1);
        let before = stage.simulator.world();
        stage.abandon(&drill, cut).await;
        let world = stage.simulator.world();
        let made = world
            .resources
            .iter()
            .filter(|(id, _)| !before.resources.contains_key(*id));
        let kinds = ["managedclusters", "virtualmachines"];
        let own = made.filter(|(_, made)| kinds.iter().any(|kind| made.kind.to_lowercase().ends_with(kind)));
        own.map(|(id, _)| id.clone()).collect()
    })
}

#[test]
fn a_failover_over_a_dead_drill_evicts_it_takes_its_leftovers_along_and_succeeds() {
    let calm = calm(1);
    // From the first test failover to the last clean-up: dead drills of every age.
    let last = calm.records.len() as u64;
    let cuts: Vec<u64> = match exhaustive() {
        true => (2..last).step_by(7).collect(),
        false => vec![last / 3, last / 2, last * 3 / 4, last * 9 / 10],
    };
    let without = rehearse(async {
        let (mut stage, planned) = Book::open(BOOK).stage(Journey::Failover, Outage::BothUp, 1);
        stage.play(&planned).await;
        stage.settle().await;
        resources(&stage.simulator.world())
    });
    // What a drill makes can be known: a cluster and machines that no world without one has.
    let made = drills_own();
    assert!(made.len() >= 3, "{made:#?}");
    assert!(made.iter().all(|id| !without.contains_key(id)), "{made:#?}");
    for cut in cuts {
        rehearse(async {
            let book = Book::open(BOOK);
            let (mut stage, drill) = book.stage(Journey::Drill, Outage::BothUp, 1);
            let dead = stage.abandon(&drill, cut).await;
            let dead = dead.unwrap_or_else(|| panic!("cut {cut}: the drill ended before it died"));
            let played = stage.play(&book.plan(Journey::Failover, Outage::BothUp)).await;
            let told = format!("cut {cut} of {last}: {}", played.tale());
            assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
            assert_eq!(played.state.evicted, [dead], "{told}");
            for step in &played.view.steps {
                assert_eq!(step.state, StepWord::Done, "{}: {told}", step.id);
            }
            stage.settle().await;
            // Nothing of the drill is left: the world is the one that a failover without a drill leaves.
            let world = resources(&stage.simulator.world());
            let extra: Vec<&String> = world.keys().filter(|id| !without.contains_key(*id)).collect();
            let missing: Vec<&String> = without.keys().filter(|id| !world.contains_key(*id)).collect();
            assert!(
                extra.is_empty() && missing.is_empty(),
                "{told}\n{extra:#?}\n{missing:#?}"
            );
            let other: Vec<String> = differences(&without, &world)
                .into_iter()
                // Another moment and another run made the same things.
                .filter(|difference| !tells_a_time(difference) && !difference.contains(" tags leeward-run: "))
                // A canary is a few bytes that stand in nobody's way; that something may be left is told.
                .filter(|difference| !difference.contains("/leeward-canary-"))
                .collect();
            assert!(other.is_empty(), "{told}\n{}", other.join("\n"));
        });
    }
}

/// Asks for a test failover as somebody would who knows nothing of Leeward, and lets it come about.
async fn tested_by_somebody_else(stage: &Stage, machine: &str, network: &str) -> String {
    let world = stage.simulator.world();
    let end = format!("/replicationprotecteditems/{machine}");
    let item = world.resources.iter().find(|(id, _)| id.ends_with(&end));
    let item = item.unwrap_or_else(|| panic!("no {machine}")).1.id.clone();
    let group = item.split("/providers/").next().unwrap_or_default();
    let body = json!({"properties": {
        "failoverDirection": "PrimaryToRecovery", "networkType": "VmNetworkAsInput",
        "networkId": format!("{group}/providers/Microsoft.Network/virtualNetworks/{network}"),
        "providerSpecificDetails": {"instanceType": "A2A"},
    }});
    let request = http::Request::builder()
        .method("POST")
        .uri(format!(
            "https://management.azure.com{item}/testFailover?api-version=2024-04-01"
        ))
        .header("authorization", "Bearer somebody")
        .header("content-type", "application/json")
        .body(bytes::Bytes::from(body.to_string()))
        .expect("a request");
    let leeward_simulator::Outcome::Answered(answer) = stage.simulator.handle(request).await else {
        panic!("no answer");
    };
    assert_eq!(answer.status(), 202);
    stage.settle().await;
    item
}

#[test]
fn a_drill_leaves_somebody_elses_test_failover_alone_and_a_failover_takes_it_along() {
    let machines = |stage: &Stage| -> Vec<String> {
        let world = stage.simulator.world();
        let ids = world.resources.keys();
        ids.filter(|id| id.contains("/virtualmachines/"))
            .cloned()
            .collect()
    };
    for journey in [Journey::Drill, Journey::Failover] {
        rehearse(async {
            let book = Book::open(BOOK);
            let (mut stage, planned) = book.stage(journey, Outage::BothUp, 1);
            let before = machines(&stage);
            tested_by_somebody_else(&stage, "vm-rabbit-1", "vnet-theirs").await;
            let tested = machines(&stage);
            assert_eq!(tested.len(), before.len() + 1);
            let theirs = tested
                .iter()
                .find(|id| !before.contains(id))
                .expect("a test machine");
            let played = stage.play(&planned).await;
            stage.settle().await;
            let told = played.tale();
            match journey {
                Journey::Drill => {
                    assert_eq!(played.exit(), Exit::Failed.code(), "{told}");
                    assert!(
                        told.contains("not this run's: it is in the network vnet-theirs"),
                        "{told}"
                    );
                    assert!(machines(&stage).contains(theirs), "{told}");
                }
                _ => {
                    assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
                    assert!(!machines(&stage).contains(theirs), "{told}");
                }
            }
        });
    }
}
