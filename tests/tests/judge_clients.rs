//! Do the vendor's own clients for Python see in the simulator what they would see from Azure?
//!
//! Each judge is a script under `tests/judges/python` that runs against the real `leeward simulator --tls` in a
//! world of its own and says line by line what holds. They need the environment that
//! `tests/judges/install` makes; `./test` does that. Where it is missing they say so and pass over.

use leeward_acceptance::judges::clients::{Judge, Versions};

/// Slow enough that an operation can be seen running; the judges turn the clock on when they have seen it.
const SPEED: u32 = 20;

fn judged(script: &str, at_least: usize) {
    for versions in [Versions::Pinned, Versions::Newest] {
        if let Some(verdicts) = Judge::sdk(script).hear(versions, SPEED) {
            assert!(verdicts >= at_least, "{script} said only {verdicts} things");
        }
    }
}

#[test]
fn the_vendors_identity_library_signs_in_at_the_pretend_authority() {
    judged("sdk_identity.py", 6);
}

#[test]
fn the_vendors_sql_client_switches_a_failover_group_planned_and_forced() {
    judged("sdk_sql.py", 26);
}

#[test]
fn the_vendors_sql_client_makes_switches_and_deletes_a_failover_group_of_servers() {
    judged("sdk_sql_servers.py", 26);
}

#[test]
fn the_vendors_storage_client_fails_an_account_over_planned_and_unplanned() {
    judged("sdk_storage.py", 24);
}

#[test]
fn the_vendors_site_recovery_client_fails_over_commits_protects_again_and_comes_home() {
    judged("sdk_site_recovery.py", 30);
}

#[test]
fn the_vendors_aks_client_makes_shows_and_deletes_a_cluster_and_a_pool() {
    judged("sdk_aks.py", 23);
}

#[test]
fn the_vendors_traffic_manager_client_moves_traffic() {
    judged("sdk_traffic.py", 15);
}
