//! Does each changing request of the other journeys and worlds stand what goes wrong with it, and a death after any
//! record of them?
//!
//! `faults.rs` and `crashes.rs` play failovers with both regions up. Here small runbooks play what those do not send:
//! forced switches, an account that fails over unplanned, drills with their clean-up, the turning round of protection,
//! and the way home.

use leeward_acceptance::{
    stage::{Book, differences, exhaustive, groups, rehearse, resources, tells_a_time},
    sweep::{
        Calm, Scene, Struck, ended_well, no_one_shot_is_sent_twice, nothing_is_accepted_twice_since,
        sweep_scene, waits_with_the_one_shot,
    },
};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::event::Event;
use leeward_runbook::journey::Journey;
use serde_json::{Value, json};

const HEAD: &str = "leeward: 1
name: small
summary: As little as sends what is looked at.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 4h, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-0000000000f8 }
steps:
";

const SERVERS: &str = "  databases:
    use: azure.sql.failover-group
    with: { failover-group: fog-shop, databases: [orders] REAL }
    at:
      primary: { resource-group: rg-weu, server: sql-weu }
      paired: { resource-group: rg-neu, server: sql-neu }
    data-loss: { budget: 5m, ladder: LADDER }
    ends: recovery
";

const MACHINES: &str = "  machines:
    use: azure.site-recovery.virtual-machines
    with:
      vault: { name: rsv-machines, resource-group: rg-recovery-neu }
      select: { names: [vm-one, vm-two] }
      source: try-shutdown
      recovery-point: latest-processed
    at:
      primary: { address: 10.10.1.10, resource-group: rg-machines-weu, drill-network: vnet-drill-weu }
      paired: { address: 10.20.1.10, resource-group: rg-machines-neu, drill-network: vnet-drill-neu }
    data-loss: { budget: 10m }
  traffic:
    use: azure.traffic-manager.profile
    after: [machines]
    with: { profile: tm-machines, resource-group: rg-global }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
    ends: recovery
";

const ACCOUNT: &str = "  archive-account:
    use: azure.storage.geo-failover
    after: [traffic]
    timeout: 4h
    with: { account: starchive, resource-group: rg-archive }
    on-failure: continue
    data-loss: { budget: 10m, ladder: ACCOUNT }
";

const WORLD: &str = "
parameters: { subscription: 00000000-0000-0000-0000-0000000000f8 }
groups:
  - { subscription: 00000000-0000-0000-0000-0000000000f8, name: rg-global, location: swedencentral }
";

fn servers(ladder: &str, real: &str) -> Scene {
    let steps = SERVERS.replace("LADDER", ladder).replace("REAL", real);
    Scene::of("servers", Book::written(&format!("{HEAD}{steps}"), WORLD))
}

fn machines(account: &str) -> Scene {
    machines_of("[vm-one, vm-two]", account)
}

fn machines_of(names: &str, account: &str) -> Scene {
    // In a declared outage the account cannot move: its provider burns with its region.
    let account = match account.is_empty() {
        true => String::new(),
        false => ACCOUNT.replace("ACCOUNT", account),
    };
    let steps = format!("{MACHINES}{account}").replace("[vm-one, vm-two]", names);
    Scene::of("machines", Book::written(&format!("{HEAD}{steps}"), WORLD))
}

/// Every scene, and the ends of the paths that it changes: a scene that sends something else is another scene.
fn scenes() -> Vec<(Scene, &'static [&'static str])> {
    use Journey::{Drill, Failback, Failover, Reprotect};
    use Outage::{BothUp, ServingDown};
    vec![
        (
            servers("[forced]", "").playing(Failover, ServingDown),
            &["/forceFailoverAllowDataLoss"],
        ),
        (
            servers("[try-planned]", "").playing(Failover, BothUp),
            &["/tryPlannedBeforeForcedFailover"],
        ),
        (
            servers("[planned, forced]", ", real: copy").playing(Drill, BothUp),
            &["PUT", "DELETE"],
        ),
        (
            servers("[planned, forced]", ", real: planned").playing(Drill, BothUp),
            &[
                "sql-neu/failoverGroups/fog-shop/failover",
                "sql-weu/failoverGroups/fog-shop/failover",
            ],
        ),
        (
            servers("[planned, forced]", "").playing(Failback, BothUp),
            &["sql-weu/failoverGroups/fog-shop/failover"],
        ),
        (
            machines("").playing(Failover, ServingDown),
            &["/unplannedFailover", "/failoverCommit", "PATCH"],
        ),
        (
            machines("[unplanned]").playing(Failover, BothUp),
            &[
                "/unplannedFailover",
                "/failoverCommit",
                "/starchive/failover",
                "PATCH",
            ],
        ),
        (
            machines("[planned, unplanned]").playing(Drill, BothUp),
            &["/testFailover", "/testFailoverCleanup"],
        ),
        (
            // One machine: the request names the container, not the machine, and must not be taken on twice.
            machines_of("[vm-one]", "[unplanned]").playing(Reprotect, BothUp),
            &["/switchprotection", "PATCH"],
        ),
        (
            machines("[planned, unplanned]").playing(Failback, BothUp),
            &[
                "/unplannedFailover",
                "/failoverCommit",
                "/starchive/failover",
                "PATCH",
            ],
        ),
    ]
}

fn calm(scene: &Scene, ends: &[&str]) -> Calm {
    let calm = Calm::in_scene(scene);
    let told = format!("{}: {:#?}\n{}", scene.name, calm.sent, calm.played.tale());
    assert_eq!(calm.played.exit(), Exit::Holds.code(), "{told}");
    for end in ends {
        let found = calm
            .sent
            .iter()
            .any(|(method, path, _)| method == end || path.ends_with(end));
        assert!(found, "nothing is sent to {end}\n{told}");
    }
    calm
}

fn everywhere(verdict: Value, check: impl Fn(&Struck)) {
    for (scene, ends) in scenes() {
        let calm = calm(&scene, ends);
        let count = sweep_scene(&scene, &verdict, calm.sent.iter(), &check);
        assert_eq!(count, calm.sent.len(), "{}", scene.name);
    }
}

fn well(struck: &Struck) {
    assert!(ended_well(&struck.played), "{}", struck.told);
}

/// A failover of an account that did not arrive, as far as anybody can tell, is a person's to settle.
fn well_or_with_a_person(struck: &Struck) {
    match struck.sent.1.ends_with("/starchive/failover") {
        true => assert!(waits_with_the_one_shot(&struck.played), "{}", struck.told),
        false => well(struck),
    }
}

#[test]
fn a_change_of_any_journey_whose_answer_is_lost_is_found_and_not_made_again() {
    everywhere(json!({ "answer-lost": {} }), well);
    everywhere(json!({ "answer-lost": { "by": "reset" } }), well);
}

#[test]
fn a_change_of_any_journey_that_comes_late_or_is_not_seen_yet_is_waited_for() {
    everywhere(json!({ "stale-reads": { "for": "60s" } }), well);
    everywhere(json!({ "late-delivery": { "after": "60s" } }), well);
}

#[test]
fn a_change_of_any_journey_that_is_throttled_is_made_when_azure_lets_it() {
    everywhere(json!({ "throttle": { "retry-after": 17 } }), well);
    everywhere(json!({ "throttle": {} }), well);
}

#[test]
fn a_change_of_any_journey_that_azure_stumbles_over_or_that_is_lost_is_made_again_only_where_that_is_harmless()
 {
    everywhere(json!({ "status": { "status": 503 } }), well_or_with_a_person);
    everywhere(json!("reset"), well_or_with_a_person);
}

/// Plays a scene whose conductor dies after a record, and insists that it ends as it would have.
fn dies_after(scene: &Scene, cut: u64, calm: &Calm, world: &leeward_simulator::World) {
    rehearse(async {
        let (mut stage, planned, since) = scene.begin().await;
        let played = stage.play_dying(&planned, &[cut]).await;
        let told = format!("{}, cut {cut}: {}", scene.name, played.tale());
        assert_eq!(played.deaths, 1, "{told}");
        let agreed =
            |record: &leeward_engine::record::Record| matches!(record.body.event, Event::Approved { .. });
        if played.exit() == Exit::AtGate.code() && !played.records.iter().any(agreed) {
            // What the command line agreed to died with it.
            let later = stage
                .accepted()
                .iter()
                .filter(|entry| entry.sequence > since)
                .count();
            assert_eq!(later, 0, "{told}");
            return;
        }
        if waits_with_the_one_shot(&played) {
            // It died between the record and the send of what must not be sent twice: a person says what became of it.
            let accepted = stage.accepted();
            let sent = accepted.iter().filter(|entry| entry.sequence > since);
            let moved = sent
                .filter(|entry| entry.path.ends_with("/starchive/failover"))
                .count();
            assert_eq!(moved, 0, "{told}");
            return;
        }
        assert_eq!(played.exit(), calm.played.exit(), "{told}");
        nothing_is_accepted_twice_since(&stage, since, &told);
        no_one_shot_is_sent_twice(&played, &told);
        stage.settle().await;
        let after = stage.simulator.world();
        let mut other = differences(&resources(world), &resources(&after));
        other.extend(differences(&groups(world), &groups(&after)));
        other.retain(|difference| !tells_a_time(difference));
        assert!(other.is_empty(), "{told}\n{}", other.join("\n"));
    });
}

#[test]
fn a_death_after_any_record_of_any_journey_changes_nothing_about_its_end() {
    for (scene, ends) in scenes() {
        let calm = calm(&scene, ends);
        let world = rehearse(async {
            let (stage, ..) = scene.play(Value::Null).await;
            stage.settle().await;
            stage.simulator.world()
        });
        // The last record ends the run: nobody dies after it.
        let last = calm.played.records.len() as u64;
        let every = if exhaustive() { 1 } else { 5 };
        for cut in (1..last).step_by(every) {
            dies_after(&scene, cut, &calm, &world);
        }
    }
}
