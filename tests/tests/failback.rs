//! Does the same runbook bring the platform home?

use std::collections::BTreeMap;

use leeward_acceptance::stage::{Book, Stage, rehearse, seeds};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use serde_json::Value;

#[test]
fn the_same_runbook_brings_every_platform_home_after_replication_was_turned_round() {
    for name in ["minimal", "sql-only", "interworks-platform"] {
        for seed in seeds(2) {
            rehearse(async {
                let book = Book::open(name);
                let (mut stage, away) = book.stage(Journey::Failover, Outage::BothUp, seed);
                let start = roles(&stage);
                let gone = stage.play(&away).await;
                assert_eq!(
                    gone.exit(),
                    Exit::Holds.code(),
                    "{name}, seed {seed}: {}",
                    gone.tale()
                );
                assert_ne!(roles(&stage), start, "{name}, seed {seed}");
                stage.settle().await;
                stage.simulator.turn_round();
                stage.settle().await;

                let home = stage.play(&book.plan(Journey::Failback, Outage::BothUp)).await;
                let tale = home.tale();
                assert!(
                    [Exit::Holds.code(), Exit::Degraded.code()].contains(&home.exit()),
                    "{name}, seed {seed}: {tale}"
                );
                assert_eq!(home.view.degradations, [""; 0], "{name}, seed {seed}: {tale}");
                for step in &home.view.steps {
                    assert_eq!(
                        step.state,
                        StepWord::Done,
                        "{name}, seed {seed}, {}: {tale}",
                        step.id
                    );
                }
                stage.settle().await;
                stage.simulator.turn_round();
                stage.settle().await;
                assert_eq!(roles(&stage), start, "{name}, seed {seed}");
                assert!(start.len() > 2, "{name}: {start:?}");
            });
        }
    }
}

/// Says where each thing serves: which side is primary, where machines run, where accounts are written.
fn roles(stage: &Stage) -> BTreeMap<String, String> {
    let world = stage.simulator.world();
    let mut roles = BTreeMap::new();
    for (id, resource) in &world.resources {
        let said: Option<&Value> = match resource.kind.to_lowercase().as_str() {
            kind if kind.ends_with("/instancefailovergroups") => resource.state.get("role"),
            kind if kind.ends_with("/storageaccounts") => resource.state.get("primary"),
            kind if kind.ends_with("endpoints") => resource.body.pointer("/properties/endpointStatus"),
            kind if kind.ends_with("/virtualmachines") => None,
            _ => continue,
        };
        let said = said.map_or_else(|| resource.region.clone(), Value::to_string);
        roles.insert(id.clone(), said);
    }
    roles
}
