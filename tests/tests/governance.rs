//! Is what stands around the resources told before it hurts, and told well when it does?

use leeward_acceptance::{
    processes,
    stage::{Book, Played, Stage, rehearse},
};
use leeward_cli::rehearsal::Outage;
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000000f3";

/// Plays the smallest runbook in a world with locks and roles of its own.
fn played(more: &str, outage: Outage) -> (Stage, Played) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../runbooks/minimal");
    let read =
        |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).expect("a file of the runbook");
    let world = format!("{}\n{more}\n", read("world.yaml"));
    rehearse(async {
        let book = Book::written(&read("runbook.yaml"), &world);
        let (mut stage, planned) = book.stage(Journey::Failover, outage, 1);
        let played = stage.play(&planned).await;
        (stage, played)
    })
}

fn lock(group: &str, level: &str) -> String {
    format!(
        "locks:\n  - {{ scope: /subscriptions/{SUBSCRIPTION}/resourceGroups/{group}, level: {level}, name: keep }}"
    )
}

#[test]
fn a_lock_is_told_beside_the_assessment_and_again_with_what_lifts_it_when_azure_refuses() {
    for outage in [Outage::BothUp, Outage::ServingDown] {
        let (_, played) = played(&lock("rg-minimal-global", "ReadOnly"), outage);
        let step = played
            .view
            .steps
            .iter()
            .find(|step| step.id.as_str() == "traffic")
            .unwrap();
        let told = step.warnings.join("\n");
        assert!(
            told.contains("ReadOnly lock `keep`") && told.contains("az lock delete --ids"),
            "{told}"
        );
        assert_eq!(step.state, StepWord::Failed, "{}", played.tale());
        let tale = played.tale();
        assert!(
            tale.contains("ScopeLocked") && tale.contains("leeward retry"),
            "{tale}"
        );
        // What is not locked has moved.
        let database = played
            .view
            .steps
            .iter()
            .find(|step| step.id.as_str() == "database")
            .unwrap();
        assert_eq!(
            (database.state, database.warnings.len()),
            (StepWord::Done, 0),
            "{tale}"
        );
    }
}

#[test]
fn a_lock_that_refuses_nothing_of_a_move_is_not_told() {
    let (_, played) = played(&lock("rg-minimal-global", "CanNotDelete"), Outage::BothUp);
    assert_eq!(played.exit(), 0, "{}", played.tale());
    assert!(
        played.view.steps.iter().all(|step| step.warnings.is_empty()),
        "{}",
        played.tale()
    );
}

#[test]
fn locks_are_read_once_a_run_and_nothing_is_asked_of_the_region_that_failed() {
    for outage in [Outage::BothUp, Outage::ServingDown, Outage::RegionGone] {
        let (stage, played) = played("", outage);
        let lists = stage.simulator.requests();
        let lists = lists.iter().filter(|entry| {
            entry
                .path
                .to_lowercase()
                .ends_with("/microsoft.authorization/locks")
        });
        assert_eq!(lists.count(), 1, "{outage:?}: {}", played.tale());
        assert_eq!(played.exit(), 0, "{}", played.tale());
    }
}

#[test]
fn what_moved_is_marked_behind_recovery_where_the_setting_asks_for_it() {
    for (word, wanted) in [("on", 1), ("off", 0)] {
        let stage = processes::Stage::new();
        stage.write("runbook.yaml", include_str!("runbooks/gated.yaml"));
        stage.write("world.yaml", include_str!("runbooks/gated-world.yaml"));
        let simulated = stage.simulator("runbook.yaml", 60, &[]);
        let mut line = vec![
            "failover",
            "runbook.yaml",
            "--yes",
            "--endpoint",
            simulated.endpoint(),
        ];
        line.extend(["--approve-all", "--reason", "INC-1"]);
        stage.run_with(&line, &[("LEEWARD_MARKS", word.into())]).ended(0);
        let mut accepted = simulated.changes();
        accepted.retain(|change| change.accepted);
        let marks: Vec<_> = accepted
            .iter()
            .filter(|change| change.path.ends_with("/tags/default"))
            .collect();
        assert_eq!(marks.len(), wanted, "{word}: {accepted:?}");
        // Behind everything else: it delays nobody.
        let place = accepted
            .iter()
            .position(|change| change.path.ends_with("/tags/default"));
        assert!(
            place.is_none_or(|place| place + 1 == accepted.len()),
            "{accepted:?}"
        );
        assert!(marks.iter().all(|mark| {
            mark.path
                .to_lowercase()
                .contains("/trafficmanagerprofiles/tm-gated/")
        }));
    }
}
